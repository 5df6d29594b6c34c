//! How ureq gets its connections: our own sockets with our deadline, `CONNECT` through a proxy in one write, rustls on top,
//! and buffers that are neither zeroed in advance nor left behind with a token in them.

use std::fmt;
use std::io::{self, ErrorKind as Io, Read, Write};
use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection};
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{Buffers, ConnectionDetails, NextTimeout, Transport};
use ureq::{Timeout, http::Uri};
use zeroize::Zeroize;

use super::guard::{self, Guard};
use super::{PATIENCE, handshake};
use crate::dial::{self, LEFTOVER, Lost, Wire};
use crate::error::{Error, ErrorKind, Stage};
use crate::http::{Buffer, Fault, Limits, Parser, Progress, Request};
use crate::proxy::{Proxies, Proxy};
use crate::url::Url;

/// Makes TLS connections for ureq.
pub(super) struct Connector {
    config: Arc<ClientConfig>,
    proxies: Proxies,
    generation: Arc<AtomicU64>,
}

impl Connector {
    pub(super) fn new(config: Arc<ClientConfig>, proxies: Proxies, generation: Arc<AtomicU64>) -> Self {
        Self { config, proxies, generation }
    }

    fn tunnel(&self, uri: &Uri, deadline: Instant) -> Result<Tunnel, Error> {
        let text = uri.to_string();
        let url = Url::parse(&text).map_err(|why| Error::invalid(format!("no usable URL: {why}")))?;
        let mut wire = match self.proxies.for_url(&url) {
            Some(proxy) => through(proxy, &url, deadline)?,
            None => connect(&url, &url.authority(), deadline)?,
        };
        let host = url.host.trim_matches(['[', ']']).to_owned();
        let name =
            ServerName::try_from(host).map_err(|why| Error::invalid("TLS cannot name this host").because(why))?;
        let mut tls = ClientConnection::new(Arc::clone(&self.config), name)
            .map_err(|why| handshake::failed(&url, io::Error::other(why)))?;
        while tls.is_handshaking() {
            tls.complete_io(&mut wire).map_err(|why| handshake::failed(&url, why))?;
        }
        let generation = Arc::clone(&self.generation);
        let born = generation.load(Ordering::Relaxed);
        let (input, output, guard) = (Input::default(), Output::default(), Guard::default());
        Ok(Tunnel { tls, wire, input, output, guard, unsent: None, generation, born, process: process::id() })
    }
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connector").finish_non_exhaustive()
    }
}

impl ureq::unversioned::transport::Connector for Connector {
    type Out = Tunnel;

    fn connect(&self, details: &ConnectionDetails<'_>, _: Option<()>) -> Result<Option<Tunnel>, ureq::Error> {
        let tunnel = self.tunnel(details.uri, end_of(details.timeout));
        tunnel.map(Some).map_err(|error| ureq::Error::Other(Box::new(unsent(error))))
    }
}

fn unsent(error: Error) -> Error {
    if error.stage() == Stage::Sent { error.at(Stage::Unsent) } else { error }
}

/// ureq resolves before it connects, in a thread that it leaves behind on a timeout. Our connector resolves for itself.
#[derive(Debug)]
pub(super) struct NoResolver;

impl Resolver for NoResolver {
    fn resolve(&self, _: &Uri, _: &ureq::config::Config, _: NextTimeout) -> Result<ResolvedSocketAddrs, ureq::Error> {
        Ok(self.empty())
    }
}

fn connect(url: &Url<'_>, name: &str, deadline: Instant) -> Result<Wire, Error> {
    let failed = |step: String, why, stage| Error::new(ErrorKind::Connection, step).because(why).at(stage);
    let unreachable = |step: String, why| failed(step, why, Stage::Unconnected);
    let addresses =
        dial::resolve(url).map_err(|why| unreachable(format!("the name {} could not be resolved", url.host), why))?;
    Wire::connect(&addresses, PATIENCE, deadline).inspect(Wire::send_at_once).map_err(|lost| match lost {
        Lost::Connect(why) => unreachable(format!("no connection to {name}"), why),
        Lost::Broken(why) => failed(format!("the connection to {name} broke"), why, Stage::Unsent),
        Lost::Deadline | Lost::Answer(_) => super::deadline_exceeded(),
        Lost::Unreachable(error) | Lost::Cut(error) | Lost::Failed(error) => error,
    })
}

/// A connection to the proxy that has been turned into one to the host.
fn through(proxy: &Proxy, url: &Url<'_>, deadline: Instant) -> Result<Wire, Error> {
    let proxy_url = Url::parse(&proxy.url).map_err(Error::invalid)?;
    let name = proxy_url.authority();
    let mut wire = connect(&proxy_url, &format!("the proxy {name}"), deadline)?;
    let target = format!("{}:{}", url.host, url.port);
    let mut request = Request::connect(target);
    if let Some(authorization) = &proxy.authorization {
        request = request.header("Proxy-Authorization", authorization.as_str());
    }
    let bytes = request
        .write()
        .map_err(|part| Error::invalid(format!("the {part} of the request to the proxy cannot be sent")))?;
    let broke = |why: io::Error| match why.kind() {
        Io::TimedOut => super::deadline_exceeded(),
        _ => Error::new(ErrorKind::Connection, format!("the connection to the proxy {name} broke")).because(why),
    };
    wire.write_all(&bytes).map_err(broke)?;
    let refused = |what: &str| Error::new(ErrorKind::Connection, format!("the proxy {name} {what}"));
    let (mut buffer, mut parser) = (Buffer::default(), Parser::of_connect(Limits::default()));
    let response = loop {
        let count = wire.read(buffer.spare()).map_err(broke)?;
        buffer.advance(count);
        match parser.advance(&mut buffer, count == 0) {
            Ok(Progress::NeedMore) => {}
            Ok(Progress::Done) => break parser.finish(buffer),
            Err(fault) => return Err(refused(&format!("did not answer in HTTP ({fault:?})"))),
        }
    };
    match response.status {
        200..300 => Ok(wire),
        // tinyproxy answers wrong credentials with a 401.
        401 | 407 => {
            Err(refused("wants other credentials").answered(response.status, crate::failure::Failure::default()))
        }
        status => Err(refused("refused the connection").answered(status, crate::failure::Failure::default())),
    }
}

fn end_of(timeout: NextTimeout) -> Instant {
    let now = Instant::now();
    now.checked_add(*timeout.after).unwrap_or_else(|| now + FOREVER)
}

/// A TLS connection as ureq wants it.
pub(super) struct Tunnel {
    tls: ClientConnection,
    wire: Wire,
    input: Input,
    output: Output,
    guard: Guard,
    /// Why the rest of a request could not be sent: what the server said before it hung up may be here already.
    unsent: Option<io::Error>,
    generation: Arc<AtomicU64>,
    born: u64,
    /// A fork leaves the connection to both sides. If both used it, they would encrypt with the same keys and counters.
    process: u32,
}

impl Tunnel {
    fn send(&mut self, amount: usize) -> io::Result<()> {
        let bytes = self.output.bytes.get(..amount).unwrap_or(&[]);
        self.output.touched = self.output.touched.max(amount);
        self.guard.sent(bytes);
        self.tls.writer().write_all(bytes)?;
        while self.tls.wants_write() {
            self.tls.write_tls(&mut self.wire)?;
        }
        Ok(())
    }

    /// `Ok(0)` is the end that the server announced. An end that it did not announce (`UnexpectedEof`) may be an attacker's.
    fn receive(&mut self) -> io::Result<usize> {
        loop {
            match self.tls.reader().read(self.input.buffer.spare()) {
                Err(error) if error.kind() == Io::WouldBlock => {}
                other => return other,
            }
            self.tls.read_tls(&mut self.wire)?;
            self.tls.process_new_packets().map_err(io::Error::other)?;
            while self.unsent.is_none() && self.tls.wants_write() {
                self.tls.write_tls(&mut self.wire)?;
            }
        }
    }

    /// Whether everything that has come has been read.
    fn is_used_up(&mut self) -> bool {
        let state = self.tls.process_new_packets();
        state.is_ok_and(|state| state.plaintext_bytes_to_read() == 0 && !state.peer_has_closed())
    }
}

impl Transport for Tunnel {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), ureq::Error> {
        self.wire.set_deadline(end_of(timeout));
        if self.unsent.is_some() {
            return Ok(());
        }
        match self.send(amount) {
            Err(why) if matches!(why.kind(), Io::BrokenPipe | Io::ConnectionReset | Io::ConnectionAborted) => {
                self.unsent = Some(why);
                Ok(())
            }
            sent => sent.map_err(|why| as_ureq(why, timeout.reason)),
        }
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, ureq::Error> {
        let end = end_of(timeout);
        // Whatever was said before is here already, or nearly.
        let leftover = self.unsent.as_ref().and_then(|_| Instant::now().checked_add(LEFTOVER));
        self.wire.set_deadline(leftover.map_or(end, |leftover| leftover.min(end)));
        let received = self.receive();
        let count = match self.unsent.take_if(|_| !matches!(received, Ok(1..))) {
            Some(why) => {
                return Err(ureq::Error::Other(Box::new(
                    Error::new(ErrorKind::Connection, "the connection broke while the request was sent").because(why),
                )));
            }
            None => received.map_err(|why| as_ureq(why, timeout.reason))?,
        };
        let bytes = self.input.buffer.spare().get(..count).unwrap_or(&[]);
        self.guard.received(bytes).map_err(|fault| match fault {
            Fault::Truncated => as_ureq(Io::UnexpectedEof.into(), timeout.reason),
            fault => ureq::Error::Other(Box::new(guard::improper(fault))),
        })?;
        self.input.buffer.advance(count);
        // Nobody here waits for what an interim answer says, and ureq takes no `100` that has a header.
        let start = self.input.consumed;
        self.input.buffer.close_gap(start + self.guard.take_interim(), start);
        Ok(count > 0)
    }

    /// Session tickets may come late, so bytes that wait need not mean that the connection is over. What is left of an answer,
    /// or came after it, does: it would be taken for the next one.
    fn is_open(&mut self) -> bool {
        let ours = self.process == process::id() && self.generation.load(Ordering::Relaxed) == self.born;
        if !ours || self.unsent.is_some() || !self.is_used_up() {
            return false;
        }
        if self.wire.is_quiet() {
            return true;
        }
        self.wire.set_deadline(Instant::now() + Duration::from_millis(1));
        let read = self.tls.read_tls(&mut self.wire);
        read.is_ok_and(|count| count > 0) && self.is_used_up() && self.wire.is_quiet()
    }

    fn is_tls(&self) -> bool {
        true
    }
}

/// ureq takes three kinds of I/O error for the end of a body without a length: they must not reach it as they are, or a cut
/// body would pass for a whole one.
#[cold]
fn as_ureq(why: io::Error, reason: Timeout) -> ureq::Error {
    if let Some(refused) = handshake::refused_late(&why) {
        return ureq::Error::Other(Box::new(refused));
    }
    match why.kind() {
        Io::TimedOut => ureq::Error::Timeout(reason),
        Io::UnexpectedEof | Io::ConnectionAborted | Io::ConnectionReset => {
            let cut =
                Error::new(ErrorKind::BadAnswer, "the connection was cut in the middle of the answer").because(why);
            ureq::Error::Other(Box::new(cut))
        }
        _ => ureq::Error::Io(why),
    }
}

impl fmt::Debug for Tunnel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tunnel").finish_non_exhaustive()
    }
}

#[derive(Default)]
struct Input {
    buffer: Buffer,
    consumed: usize,
    /// ureq's rule: whether the last use of the input got anywhere.
    progress: bool,
    scratch: Vec<u8>,
}

#[derive(Default)]
struct Output {
    bytes: Vec<u8>,
    touched: usize,
}

impl Output {
    fn ready(&mut self) -> &mut [u8] {
        if self.bytes.is_empty() {
            self.bytes = vec![0; OUTPUT];
        }
        &mut self.bytes
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        if let Some(touched) = self.bytes.get_mut(..self.touched) {
            touched.zeroize();
        }
    }
}

impl Buffers for Tunnel {
    fn output(&mut self) -> &mut [u8] {
        self.output.ready()
    }

    fn input(&self) -> &[u8] {
        self.input.buffer.filled().get(self.input.consumed..).unwrap_or(&[])
    }

    fn input_append_buf(&mut self) -> &mut [u8] {
        self.input.buffer.spare()
    }

    fn input_appended(&mut self, amount: usize) {
        self.input.buffer.advance(amount);
    }

    fn input_consume(&mut self, amount: usize) {
        let input = &mut self.input;
        input.progress = amount > 0;
        input.consumed = input.buffer.len().min(input.consumed + amount);
        // Moved when more than half is used up: each byte at most once.
        if input.consumed * 2 > input.buffer.len() {
            input.buffer.close_gap(input.consumed, 0);
            input.consumed = 0;
        }
    }

    fn tmp_and_output(&mut self) -> (&mut [u8], &mut [u8]) {
        if self.input.scratch.is_empty() {
            self.input.scratch = vec![0; SCRATCH];
        }
        (&mut self.input.scratch, self.output.ready())
    }

    fn can_use_input(&self) -> bool {
        self.input.progress && self.input.consumed < self.input.buffer.len()
    }
}

/// A header must fit in one piece: a token of 32 KiB does.
const OUTPUT: usize = 40 << 10;
/// What ureq asks for at least.
const SCRATCH: usize = 10 << 10;
/// For a call without a timeout, of which there is none.
const FOREVER: Duration = Duration::from_secs(86_400);
