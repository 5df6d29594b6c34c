//! One connection: requests in, answers out, with what is to go wrong on the way.

use std::collections::HashMap;
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
use super::{
    Service, app_service, arc, arm, azure_ml, cloud_shell, entra, imds, key_vault, refusal, service_fabric, storage,
};

/// What all connections share.
pub(super) struct Shared {
    pub(super) world: World,
    pub(super) gate: Arc<Gate>,
    pub(super) requests: Mutex<Vec<Received>>,
    pub(super) faults: Mutex<HashMap<Service, Queue>>,
}

/// Speaks plain HTTP as that service. An error is a client that went away, which concerns nobody.
pub(super) fn plain(shared: &Shared, service: Service, mut stream: &TcpStream) -> io::Result<()> {
    converse(shared, service, &mut stream)
}

/// Speaks TLS as that service. The handshake happens with the first read.
pub(super) fn tls(shared: &Shared, service: Service, stream: &TcpStream, config: &Arc<ServerConfig>) -> io::Result<()> {
    let connection = ServerConnection::new(Arc::clone(config)).map_err(io::Error::other)?;
    converse(shared, service, &mut StreamOwned::new(connection, stream))
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
    let fault = lock(&shared.faults).get_mut(&request.service).and_then(Queue::take);
    let kind = fault.as_ref().map(|fault| &fault.kind);
    match kind {
        Some(Kind::Raw(bytes)) => {
            write(transport, bytes)?;
            return Ok(After::Finish);
        }
        Some(Kind::Repeated(repeated)) => {
            write(transport, &repeated.start)?;
            for _ in 0..repeated.times {
                write(transport, &repeated.piece)?;
            }
            write(transport, &repeated.end)?;
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

/// How a service answers, and the headers that it adds to an answer that it did not give.
type Handler = (fn(&World, &Received) -> Response, fn(Response, &Received) -> Response);

fn handler(service: Service) -> Handler {
    match service {
        Service::Imds => (imds::answer, imds::dress),
        Service::Arm => (arm::answer, arm::dress),
        Service::AppService => (app_service::answer, app_service::dress),
        Service::AzureArc => (arc::answer, arc::dress),
        Service::ServiceFabric => (service_fabric::answer, service_fabric::dress),
        Service::AzureMl => (azure_ml::answer, azure_ml::dress),
        Service::CloudShell => (cloud_shell::answer, cloud_shell::dress),
        Service::Entra => (entra::answer, entra::dress),
        Service::KeyVault => (key_vault::answer, key_vault::dress),
        Service::Storage => (storage::answer, storage::dress),
    }
}

fn answer(shared: &Shared, request: &Received, fault: Option<&Fault>) -> Response {
    let (usual, dress) = handler(request.service);
    let mut answer = match fault.map(|fault| &fault.kind) {
        // Nothing but the status: a request that failed has not issued a token either.
        Some(Kind::Status(status)) => dress(Response::new(*status), request),
        Some(Kind::Words(words)) => dress(refusal::answer(words, request), request),
        _ => usual(&shared.world, request),
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
