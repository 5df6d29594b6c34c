//! A man in the middle on loopback: a proxy, or a wire that counts connections and can be cut. All of its connections and
//! threads end when it is dropped.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use azmin::simulator::Azure;

/// What becomes of a connection.
#[derive(Clone)]
pub(crate) enum Manner {
    /// Everything is passed on.
    Forward(SocketAddr),
    /// Everything but the alert that ends a TLS connection: an attacker cannot forge it, but can withhold it.
    WithoutGoodbye(SocketAddr),
    /// A request is answered with these bytes, and everything after it is passed on.
    Tunnel(&'static str, SocketAddr),
    /// A request is answered with these bytes, and that was all.
    Answer(Vec<u8>),
    /// A request is never answered.
    Silent,
    /// Something else.
    Serve(Arc<Serve>),
}

pub(crate) type Serve = dyn Fn(&TcpStream) -> io::Result<()> + Send + Sync;

pub(crate) struct Relay {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct State {
    closed: bool,
    accepted: usize,
    first_pieces: Vec<Vec<u8>>,
    streams: Vec<TcpStream>,
}

impl Relay {
    pub(crate) fn start(manner: Manner) -> Self {
        Self::start_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port"), manner)
    }

    pub(crate) fn start_on(listener: TcpListener, manner: Manner) -> Self {
        let (address, state) = (listener.local_addr().expect("an address"), Arc::<Mutex<State>>::default());
        let thread = thread::spawn({
            let state = Arc::clone(&state);
            move || accept(&listener, &state, &manner)
        });
        Self { address, state, thread: Some(thread) }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// As an ARM endpoint that the stand-in's certificate covers.
    pub(crate) fn as_arm(&self) -> String {
        format!("https://localhost:{}", self.address.port())
    }

    /// How many connections there were.
    pub(crate) fn accepted(&self) -> usize {
        lock(&self.state).accepted
    }

    /// Of each connection that began with a request to the relay itself, what came with the first read.
    pub(crate) fn first_pieces(&self) -> Vec<String> {
        let state = lock(&self.state);
        state.first_pieces.iter().map(|piece| String::from_utf8(piece.clone()).expect("text")).collect()
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        let mut state = lock(&self.state);
        state.closed = true;
        for stream in &state.streams {
            let _ = stream.shutdown(Shutdown::Both);
        }
        drop(state);
        // Wakes the thread that accepts.
        let _ = TcpStream::connect(self.address);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

/// Where the stand-in's Resource Manager listens.
pub(crate) fn arm_address(azure: &Azure) -> SocketAddr {
    let port = azure.arm().rsplit(':').next().and_then(|port| port.parse().ok()).expect("a port");
    (Ipv4Addr::LOCALHOST, port).into()
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

fn accept(listener: &TcpListener, state: &Mutex<State>, manner: &Manner) {
    thread::scope(|scope| {
        while let Ok((stream, _)) = listener.accept() {
            if !keep(state, &stream) {
                return;
            }
            lock(state).accepted += 1;
            // A connection that breaks is what some tests are about.
            scope.spawn(move || serve(stream, state, manner));
        }
    });
}

/// Remembers a stream, so that it ends with the relay; whether the relay still lives.
fn keep(state: &Mutex<State>, stream: &TcpStream) -> bool {
    let mut state = lock(state);
    match stream.try_clone() {
        Ok(stream) if !state.closed => {
            state.streams.push(stream);
            true
        }
        _ => false,
    }
}

fn serve(mut client: TcpStream, state: &Mutex<State>, manner: &Manner) -> io::Result<()> {
    match manner {
        Manner::Forward(to) => pass(&client, &connect(*to, state)?, false),
        Manner::WithoutGoodbye(to) => pass(&client, &connect(*to, state)?, true),
        Manner::Tunnel(answer, to) => {
            read_head(&mut client, state)?;
            client.write_all(answer.as_bytes())?;
            pass(&client, &connect(*to, state)?, false)
        }
        Manner::Answer(bytes) => {
            read_head(&mut client, state)?;
            client.write_all(bytes)?;
            client.shutdown(Shutdown::Write)
        }
        Manner::Silent => {
            read_head(&mut client, state)?;
            io::copy(&mut client, &mut io::sink()).map(|_| ())
        }
        Manner::Serve(serve) => serve(&client),
    }
}

fn connect(to: SocketAddr, state: &Mutex<State>) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(to)?;
    if keep(state, &stream) { Ok(stream) } else { Err(io::ErrorKind::Interrupted.into()) }
}

fn read_head(client: &mut TcpStream, state: &Mutex<State>) -> io::Result<()> {
    let mut piece = vec![0; 64 << 10];
    let mut head = Vec::new();
    loop {
        let count = client.read(&mut piece)?;
        if head.is_empty() {
            lock(state).first_pieces.push(piece[..count].to_vec());
        }
        head.extend_from_slice(&piece[..count]);
        if head.ends_with(b"\r\n\r\n") {
            return Ok(());
        }
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}

fn pass(client: &TcpStream, server: &TcpStream, without_goodbye: bool) -> io::Result<()> {
    let one_way = |mut from: &TcpStream, mut to: &TcpStream| {
        let _ = io::copy(&mut from, &mut to);
        to.shutdown(Shutdown::Write)
    };
    thread::scope(|scope| {
        scope.spawn(|| one_way(client, server));
        if without_goodbye {
            let _ = pass_records(server, client);
            client.shutdown(Shutdown::Write)
        } else {
            one_way(server, client)
        }
    })
}

/// Passes TLS records on, without those that are as long as an encrypted alert (RFC 8446, sections 5.2 and 6).
fn pass_records(mut from: &TcpStream, mut to: &TcpStream) -> io::Result<()> {
    loop {
        let mut record = vec![0; 5];
        from.read_exact(&mut record)?;
        let length = usize::from(u16::from_be_bytes([record[3], record[4]]));
        record.resize(5 + length, 0);
        from.read_exact(&mut record[5..])?;
        if record[0] != APPLICATION_DATA || length != ENCRYPTED_ALERT {
            to.write_all(&record)?;
        }
    }
}

const APPLICATION_DATA: u8 = 23;
/// Level, description, the inner type, and the tag.
const ENCRYPTED_ALERT: usize = 2 + 1 + 16;
