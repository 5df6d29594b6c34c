//! The only file that opens sockets: connecting, and the exchange of one request in the clear. One deadline bounds
//! connecting, writing and reading together, however slowly bytes come.

use std::fs;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::time::{Duration, Instant};

use zeroize::Zeroizing;

use crate::error::Error;
use crate::http::{Buffer, Fault, Limits, Parser, Progress, Response};
use crate::source::{KeyFile, MAX_ASSERTION, MAX_KEY, assertion};
#[cfg(feature = "https")]
use crate::url::Url;

/// How an exchange failed.
#[derive(Debug)]
pub(crate) enum Lost {
    /// No connection: nothing was sent.
    Connect(io::Error),
    /// The connection broke after it stood, or was reset while it was made: somebody is there.
    Broken(io::Error),
    /// The deadline ran out.
    Deadline,
    /// An answer that is none.
    Answer(Fault),
    /// No connection to a host over TLS, in words: nothing was sent.
    #[cfg(feature = "https")]
    Unreachable(Error),
    /// A connection that broke, or for which this machine had no socket, in words.
    Cut(Error),
    /// What another try would not change, in words.
    Failed(Error),
}

/// A connection on which no call outlives the deadline.
#[derive(Debug)]
pub(crate) struct Wire {
    stream: TcpStream,
    deadline: Instant,
}

impl Wire {
    /// Tries the addresses in turn until `patience` is used up.
    pub(crate) fn connect(addresses: &[SocketAddr], patience: Duration, deadline: Instant) -> Result<Self, Lost> {
        let end = Instant::now().checked_add(patience).map_or(deadline, |end| end.min(deadline));
        let mut last: Option<io::Error> = None;
        for address in addresses {
            guard(*address).map_err(Lost::Connect)?;
            match connect(address, end) {
                Ok(stream) => return Ok(Self { stream, deadline }),
                Err(error) if is_shortage(&error) => return Err(no_socket(error)),
                // Somebody is there who hung up before we knew: that says more than whatever other addresses do.
                Err(_) if last.as_ref().is_some_and(is_reset) => {}
                Err(error) => last = Some(error),
            }
        }
        if left(deadline).is_err() {
            return Err(Lost::Deadline);
        }
        let error = last.unwrap_or_else(|| ErrorKind::AddrNotAvailable.into());
        Err(if is_reset(&error) { Lost::Broken(error) } else { Lost::Connect(error) })
    }

    /// For what is written in more than one piece: no piece waits until the one before has been acknowledged.
    pub(crate) fn send_at_once(&self) {
        // Failing to set it costs a delay, not the answer.
        let _ = self.stream.set_nodelay(true);
    }

    /// The same connection with the deadline of another call.
    #[cfg(feature = "https")]
    pub(crate) fn set_deadline(&mut self, deadline: Instant) {
        self.deadline = deadline;
    }

    /// Whether bytes or the end of the stream are waiting: an idle connection that is still good has neither.
    #[cfg(feature = "https")]
    pub(crate) fn is_quiet(&self) -> bool {
        let peeked = self.stream.set_nonblocking(true).and_then(|()| self.stream.peek(&mut [0]));
        let quiet = peeked.is_err_and(|error| error.kind() == ErrorKind::WouldBlock);
        self.stream.set_nonblocking(false).is_ok() && quiet
    }
}

impl Read for Wire {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        loop {
            self.stream.set_read_timeout(Some(timeout(left(self.deadline)?)))?;
            match self.stream.read(buf) {
                Err(error) if is_passing(&error) => {}
                other => return other,
            }
        }
    }
}

impl Write for Wire {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        loop {
            self.stream.set_write_timeout(Some(timeout(left(self.deadline)?)))?;
            match self.stream.write(buf) {
                Err(error) if is_passing(&error) => {}
                other => return other,
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn connect(address: &SocketAddr, end: Instant) -> io::Result<TcpStream> {
    loop {
        match left(end).and_then(|left| TcpStream::connect_timeout(address, left)) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}

fn is_reset(error: &io::Error) -> bool {
    error.kind() == ErrorKind::ConnectionReset
}

/// This machine has no socket to give, which says nothing of the other end.
fn is_shortage(error: &io::Error) -> bool {
    error.kind() == ErrorKind::OutOfMemory || error.raw_os_error().is_some_and(|code| SHORTAGES.contains(&code))
}

#[cold]
fn no_socket(why: io::Error) -> Lost {
    Lost::Cut(Error::new(crate::error::ErrorKind::Connection, "could not open a socket").because(why))
}

/// A signal, or a socket timeout: `left` tells whether that was the deadline or a spurious wake.
fn is_passing(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::Interrupted | ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

/// The time until `end`, or `TimedOut`. Never zero, which sockets take for "for ever".
fn left(end: Instant) -> io::Result<Duration> {
    match end.saturating_duration_since(Instant::now()) {
        Duration::ZERO => Err(ErrorKind::TimedOut.into()),
        left => Ok(left),
    }
}

/// What a socket may be told to wait. Linux ends long waits late, by up to an eighth: with the last eighth left for another
/// wait, none outlasts the deadline.
fn timeout(left: Duration) -> Duration {
    if left > EXACT { left - left / 8 } else { left }
}

/// The addresses of a host. A literal or `localhost` asks nobody; a name asks the system's resolver, in this thread, so that
/// the resolver's own timeouts bound it and no thread is left behind.
#[cfg(feature = "https")]
pub(crate) fn resolve(url: &Url<'_>) -> io::Result<Vec<SocketAddr>> {
    match url.literal_addresses() {
        Some(addresses) => Ok(addresses),
        None if !may_ask() => Err(guarded()),
        None => Ok(std::net::ToSocketAddrs::to_socket_addrs(&(url.host, url.port))?.collect()),
    }
}

/// Sends one request and reads its answer, then closes.
pub(crate) fn exchange(
    addresses: &[SocketAddr],
    request: &[u8],
    patience: Duration,
    deadline: Instant,
) -> Result<Response, Lost> {
    let mut wire = Wire::connect(addresses, patience, deadline)?;
    if request.len() > SEGMENT {
        wire.send_at_once();
    }
    let sent = wire.write_all(request);
    if sent.is_err() {
        // Whatever was said before is here already.
        wire.deadline = Instant::now().checked_add(LEFTOVER).map_or(deadline, |end| end.min(deadline));
    }
    let (mut buffer, mut parser) = (Buffer::default(), Parser::new(Limits::default()));
    loop {
        // An answer that came before the request was taken (413, 401) counts, even if sending failed.
        let count = match wire.read(buffer.spare()) {
            Ok(count) => count,
            Err(error) => {
                let error = sent.err().unwrap_or(error);
                return Err(if error.kind() == ErrorKind::TimedOut { Lost::Deadline } else { Lost::Broken(error) });
            }
        };
        buffer.advance(count);
        if parser.advance(&mut buffer, count == 0).map_err(Lost::Answer)? == Progress::Done {
            return Ok(parser.finish(buffer));
        }
    }
}

/// The key in Arc's key file.
///
/// The directory decides, after links have been resolved: no answer can make this process read another file.
pub(crate) fn read_key(file: &KeyFile) -> Result<Zeroizing<String>, Error> {
    let name = file.path.display();
    let failed = |why: io::Error| {
        let error = Error::new(crate::error::ErrorKind::Local, format!("could not read Arc's key file {name}"));
        let denied = why.kind() == ErrorKind::PermissionDenied;
        let error = error.because(why);
        if denied { error.with_advice("run as root, or add this user to the group himds") } else { error }
    };
    let refused =
        |why: &str| Error::new(crate::error::ErrorKind::BadAnswer, format!("{name} is not Arc's key file: {why}"));
    let path = fs::canonicalize(&file.path).map_err(failed)?;
    let directory = fs::canonicalize(&file.directory).map_err(failed)?;
    if path.parent() != Some(&directory) || path.extension().is_none_or(|extension| extension != "key") {
        return Err(refused("it leads elsewhere"));
    }
    // Looked at before it is opened, since opening a pipe would wait for its other end.
    if !fs::metadata(&path).map_err(failed)?.is_file() {
        return Err(refused("it is no regular file"));
    }
    KeyFile::key(&read_start(&path, MAX_KEY).map_err(failed)?).map_err(refused)
}

/// A workload's assertion, as it stands in its file now.
pub(crate) fn read_assertion(path: &Path) -> Result<Zeroizing<String>, Error> {
    let failed =
        || Error::new(crate::error::ErrorKind::Local, format!("could not read the assertion {}", path.display()));
    // Opening a pipe would wait for its other end.
    if !fs::metadata(path).map_err(|why| failed().because(why))?.is_file() {
        return Err(failed());
    }
    assertion(&read_start(path, MAX_ASSERTION).map_err(|why| failed().because(why))?).ok_or_else(failed)
}

/// A file's bytes, one more than wanted at most, by which a longer one is known.
fn read_start(path: &Path, most: usize) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(vec![0; most + 1]);
    let mut file = fs::File::open(path)?;
    let mut filled = 0;
    while filled < bytes.len() {
        match file.read(bytes.get_mut(filled..).unwrap_or(&mut []))? {
            0 => break,
            count => filled += count,
        }
    }
    bytes.truncate(filled);
    Ok(bytes)
}

/// `ENFILE`, `EMFILE`, and Linux's `ENOBUFS`.
const SHORTAGES: [i32; 3] = [23, 24, 105];
/// What a path carries in one piece: IPv6's least (RFC 9293, section 3.7.1). Where IPv4 carries less, a longer request may wait
/// for an acknowledgement, and no more.
const SEGMENT: usize = 1220;
/// For an answer to a request that could not be sent.
pub(crate) const LEFTOVER: Duration = Duration::from_secs(1);
/// So short a wait is late by a few milliseconds at most.
const EXACT: Duration = Duration::from_millis(100);

/// Tests, examples, fuzz targets and everything else that is built with the simulator can neither dial anything but loopback
/// nor ask for a name's address, whatever they are told, unless their network namespace holds nothing but its loopback device.
fn guard(address: SocketAddr) -> io::Result<()> {
    if address.ip().is_loopback() || may_ask() { Ok(()) } else { Err(guarded()) }
}

/// Whether there may be somebody else at the other end.
fn may_ask() -> bool {
    !cfg!(any(test, fuzzing, feature = "simulator")) || is_isolated()
}

#[cold]
fn guarded() -> io::Error {
    let why =
        "built with the simulator: only loopback may be dialled, or anything inside an isolated network namespace";
    io::Error::new(ErrorKind::PermissionDenied, why)
}

fn is_isolated() -> bool {
    // Two lines of headings, then a line for each device.
    let devices = fs::read_to_string("/proc/net/dev").unwrap_or_default();
    let mut names =
        devices.lines().skip(2).filter_map(|line| line.split_once(':')).map(|(name, _)| name.trim()).peekable();
    names.peek().is_some() && names.all(|name| name == "lo")
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, TcpListener};
    use std::thread;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// A server for one connection, which `serve` handles after the request's head has come.
    fn server(serve: impl FnOnce(TcpStream) + Send + 'static) -> SocketAddr {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                if stream.read(&mut byte).unwrap_or(0) == 0 {
                    return;
                }
                head.push(byte[0]);
            }
            serve(stream);
        });
        address
    }

    fn ask(address: SocketAddr, within: Duration) -> Result<Response, Lost> {
        exchange(&[address], b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", SECOND, Instant::now() + within)
    }

    #[test]
    fn an_answer_that_is_long() {
        let body = "x".repeat(200_000);
        let wanted = body.clone();
        let address = server(move |mut stream| {
            stream
                .write_all(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()).as_bytes())
                .unwrap();
        });
        assert_eq!(ask(address, 10 * SECOND).unwrap().body(), wanted.as_bytes());
    }

    #[test]
    fn silence_and_dripping_end_at_the_deadline() {
        for drip in [false, true] {
            let address = server(move |mut stream| {
                while drip && stream.write_all(b"H").is_ok() {
                    thread::park_timeout(Duration::from_millis(5));
                }
                // Holds the connection until the client closes it.
                let _ = stream.read(&mut [0]);
            });
            let begun = Instant::now();
            let outcome = ask(address, Duration::from_millis(300));
            let took = begun.elapsed();
            assert!(matches!(outcome, Err(Lost::Deadline)), "{:?}", outcome.err());
            assert!(took < Duration::from_millis(550), "{took:?}");
        }
    }

    #[test]
    fn a_socket_that_wakes_late_wakes_in_time() {
        for left in [101, 500, 3_000, 30_000, 120_000, 1_800_000].map(Duration::from_millis) {
            // The kernel's timer wheel has eight levels, each eight times as coarse as the one before.
            assert!(timeout(left) + timeout(left) / 8 <= left, "{left:?}");
            assert!(timeout(left) > left / 2, "{left:?}");
        }
        assert_eq!(timeout(EXACT), EXACT);
    }

    #[test]
    fn nothing_listens() {
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
        assert!(
            matches!(ask(address, SECOND), Err(Lost::Connect(error)) if error.kind() == ErrorKind::ConnectionRefused)
        );
        let (first, second) = (address, server(|mut stream| stream.write_all(b"HTTP/1.1 204 x\r\n\r\n").unwrap()));
        assert_eq!(
            exchange(&[first, second], b"GET / HTTP/1.1\r\n\r\n", SECOND, Instant::now() + SECOND).unwrap().status,
            204
        );
    }

    #[test]
    fn cut_answers_are_no_answers() {
        let address = server(|mut stream| stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab").unwrap());
        assert!(matches!(ask(address, SECOND), Err(Lost::Answer(Fault::Truncated))));
        let address = server(drop);
        assert!(matches!(ask(address, SECOND), Err(Lost::Answer(Fault::Empty))));
    }

    #[test]
    fn only_loopback_is_dialled() {
        if is_isolated() {
            return;
        }
        // TEST-NET-1: nothing is sent, or this would take the second that it is given.
        let begun = Instant::now();
        let outcome = ask("192.0.2.1:80".parse().unwrap(), SECOND);
        assert!(matches!(outcome, Err(Lost::Connect(error)) if error.kind() == ErrorKind::PermissionDenied));
        assert!(begun.elapsed() < SECOND / 2);
    }

    #[cfg(feature = "https")]
    #[test]
    fn no_name_is_looked_up() {
        if !is_isolated() {
            let outcome = resolve(&Url::parse("https://name.invalid/").unwrap());
            assert_eq!(outcome.unwrap_err().kind(), ErrorKind::PermissionDenied);
        }
    }
}
