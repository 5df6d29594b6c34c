//! One connection: requests in, answers out, with what is to go wrong on the way.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::fault::{Fault, Kind, Queue};
use super::request::{Head, Received, Refusal, head_end};
use super::response::Response;
use super::server::Gate;
use super::world::{World, lock};
use super::{Service, arm, imds};

/// What all connections share.
pub(super) struct Shared {
    pub(super) world: World,
    pub(super) gate: Arc<Gate>,
    pub(super) requests: Mutex<Vec<Received>>,
    pub(super) imds_faults: Mutex<Queue>,
    pub(super) arm_faults: Mutex<Queue>,
}

impl Shared {
    pub(super) fn faults(&self, service: Service) -> &Mutex<Queue> {
        match service {
            Service::Imds => &self.imds_faults,
            Service::Arm => &self.arm_faults,
        }
    }
}

/// Speaks plain HTTP as the metadata service. An error is a client that went away, which concerns nobody.
pub(super) fn plain(shared: &Shared, mut stream: &TcpStream) -> io::Result<()> {
    converse(shared, Service::Imds, &mut stream)
}

/// Speaks TLS as Azure Resource Manager. The handshake happens with the first read.
pub(super) fn tls(shared: &Shared, stream: &TcpStream, config: &Arc<ServerConfig>) -> io::Result<()> {
    let connection = ServerConnection::new(Arc::clone(config)).map_err(io::Error::other)?;
    converse(shared, Service::Arm, &mut StreamOwned::new(connection, stream))
}

/// A byte stream with an orderly end.
trait Transport: Read + Write {
    /// Says that nothing more follows.
    fn finish(&mut self) -> io::Result<()>;
}

impl Transport for &TcpStream {
    fn finish(&mut self) -> io::Result<()> {
        self.shutdown(Shutdown::Write)
    }
}

impl Transport for StreamOwned<ServerConnection, &TcpStream> {
    fn finish(&mut self) -> io::Result<()> {
        self.conn.send_close_notify();
        self.flush()?;
        self.sock.finish()
    }
}

enum Incoming {
    Request(Received),
    Refused(Refusal),
    End,
}

/// What becomes of the connection after an answer.
enum After {
    Next,
    Finish,
    Abandon,
}

fn converse(shared: &Shared, service: Service, transport: &mut impl Transport) -> io::Result<()> {
    let mut buffer = Vec::new();
    loop {
        match read(service, transport, &mut buffer)? {
            Incoming::Request(request) => match respond(shared, &request, transport)? {
                After::Next => {}
                After::Finish => return transport.finish(),
                After::Abandon => return Ok(()),
            },
            Incoming::Refused(refusal) => return refuse(refusal, transport),
            Incoming::End => return transport.finish(),
        }
    }
}

/// The next request; what was read beyond it stays in the buffer.
fn read(service: Service, transport: &mut impl Transport, buffer: &mut Vec<u8>) -> io::Result<Incoming> {
    let mut scanned = 0;
    let end = loop {
        match head_end(buffer, scanned) {
            Ok(Some(end)) => break end,
            Ok(None) => scanned = buffer.len(),
            Err(refusal) => return Ok(Incoming::Refused(refusal)),
        }
        if !read_more(transport, buffer)? {
            return Ok(Incoming::End);
        }
    };
    let rest = buffer.split_off(end);
    let parsed = Head::parse(buffer).and_then(|head| Ok((head.body_length()?, head)));
    *buffer = rest;
    let (length, head) = match parsed {
        Ok(parsed) => parsed,
        Err(refusal) => return Ok(Incoming::Refused(refusal)),
    };
    if buffer.len() < length && head.header("expect").is_some_and(|value| value.eq_ignore_ascii_case("100-continue")) {
        transport.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        transport.flush()?;
    }
    while buffer.len() < length {
        if !read_more(transport, buffer)? {
            return Ok(Incoming::End);
        }
    }
    let rest = buffer.split_off(length);
    let body = std::mem::replace(buffer, rest);
    Ok(Incoming::Request(Received { service, at: SystemTime::now(), head, body }))
}

/// Whether there was more before the end of the stream.
fn read_more(transport: &mut impl Transport, buffer: &mut Vec<u8>) -> io::Result<bool> {
    let mut chunk = [0; 8 * 1024];
    let length = transport.read(&mut chunk)?;
    buffer.extend_from_slice(chunk.get(..length).unwrap_or_default());
    Ok(length > 0)
}

fn respond(shared: &Shared, request: &Received, transport: &mut impl Transport) -> io::Result<After> {
    lock(&shared.requests).push(request.clone());
    let fault = lock(shared.faults(request.service)).take();
    let kind = fault.as_ref().map(|fault| &fault.kind);
    match kind {
        Some(Kind::Raw(bytes)) => {
            write(transport, bytes)?;
            return Ok(After::Finish);
        }
        Some(Kind::Hang) => {
            shared.gate.wait_closed();
            return Ok(After::Abandon);
        }
        Some(Kind::Delay(time)) if shared.gate.wait(*time) => return Ok(After::Abandon),
        _ => {}
    }
    let answer = answer(shared, request, fault.as_ref());
    let bytes = answer.to_bytes(request.method() == "HEAD");
    match kind {
        Some(Kind::Cut(length)) => {
            write(transport, bytes.get(..*length).unwrap_or(&bytes))?;
            return Ok(After::Abandon);
        }
        Some(Kind::Drip(pause)) => {
            for byte in bytes.chunks(1) {
                write(transport, byte)?;
                if shared.gate.wait(*pause) {
                    return Ok(After::Abandon);
                }
            }
        }
        _ => write(transport, &bytes)?,
    }
    Ok(if answer.closes() { After::Finish } else { After::Next })
}

fn answer(shared: &Shared, request: &Received, fault: Option<&Fault>) -> Response {
    let mut answer = match (fault.map(|fault| &fault.kind), request.service) {
        // Nothing but the status: a request that failed has not issued a token either.
        (Some(Kind::Status(status)), Service::Imds) => imds::dress(Response::new(*status), request),
        (Some(Kind::Status(status)), Service::Arm) => arm::dress(Response::new(*status), request),
        (_, Service::Imds) => imds::answer(&shared.world, request),
        (_, Service::Arm) => arm::answer(&shared.world, request),
    };
    if request.head.wants_close() {
        answer = answer.header("Connection", "close");
    }
    match fault {
        Some(fault) => fault.change(answer),
        None => answer,
    }
}

fn refuse(Refusal(status, why): Refusal, transport: &mut impl Transport) -> io::Result<()> {
    let answer = Response::text(status, format!("the stand-in cannot read this request: {why}\n"));
    write(transport, &answer.header("Connection", "close").to_bytes(false))?;
    transport.finish()?;
    // Closing a socket with unread bytes resets it, and the client might lose the answer.
    io::copy(&mut transport.take(MAX_LEFTOVER), &mut io::sink()).map(|_| ())
}

fn write(transport: &mut impl Transport, bytes: &[u8]) -> io::Result<()> {
    transport.write_all(bytes)?;
    transport.flush()
}

const MAX_LEFTOVER: u64 = 32 * 1024 * 1024;
