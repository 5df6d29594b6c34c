//! A man in the middle on loopback: a proxy, or a wire that counts connections, can be cut and can go wrong by plan. All of
//! its connections and threads end when it is dropped.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use azmin::simulator::Azure;

use crate::faults::wire::{self, Plan, Seen};

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
    /// Everything is passed on but for what the plan of a connection says; they are counted from zero.
    Planned(SocketAddr, Arc<dyn Fn(usize) -> Plan + Send + Sync>),
    /// Something else.
    Serve(Arc<Serve>),
}

pub(crate) type Serve = dyn Fn(&TcpStream) -> io::Result<()> + Send + Sync;

pub(crate) struct Relay {
    address: SocketAddr,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    /// A connection has ended.
    ended: Condvar,
}

#[derive(Default)]
struct State {
    closed: bool,
    accepted: usize,
    live: usize,
    first_pieces: Vec<Vec<u8>>,
    seen: Vec<Seen>,
    /// Not held: whoever serves a connection closes it.
    streams: Vec<Weak<TcpStream>>,
}

impl Relay {
    pub(crate) fn start(manner: Manner) -> Self {
        Self::start_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port"), manner)
    }

    pub(crate) fn start_on(listener: TcpListener, manner: Manner) -> Self {
        let (address, shared) = (listener.local_addr().expect("an address"), Arc::<Shared>::default());
        let thread = thread::spawn({
            let shared = Arc::clone(&shared);
            move || accept(&listener, &shared, &manner)
        });
        Self { address, shared, thread: Some(thread) }
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
        self.shared.lock().accepted
    }

    /// Waits until no connection is left; whether that came about.
    pub(crate) fn is_left_within(&self, time: Duration) -> bool {
        let waited = self.shared.ended.wait_timeout_while(self.shared.lock(), time, |state| state.live > 0);
        waited.unwrap_or_else(PoisonError::into_inner).0.live == 0
    }

    /// What came over the planned connections that have ended, in the order of their ends.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.shared.lock().seen.clone()
    }

    /// Of each connection that began with a request to the relay itself, what came with the first read.
    pub(crate) fn first_pieces(&self) -> Vec<String> {
        let state = self.shared.lock();
        state.first_pieces.iter().map(|piece| String::from_utf8(piece.clone()).expect("text")).collect()
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.closed = true;
        for stream in state.streams.iter().filter_map(Weak::upgrade) {
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

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers a stream, so that it ends with the relay, if the relay still lives.
    fn keep(&self, stream: TcpStream) -> Option<Arc<TcpStream>> {
        let mut state = self.lock();
        let stream = Arc::new(stream);
        state.streams.retain(|stream| stream.strong_count() > 0);
        state.streams.push(Arc::downgrade(&stream));
        (!state.closed).then_some(stream)
    }
}

fn accept(listener: &TcpListener, shared: &Shared, manner: &Manner) {
    thread::scope(|scope| {
        while let Ok((stream, _)) = listener.accept() {
            let Some(stream) = shared.keep(stream) else { return };
            let mut state = shared.lock();
            let number = state.accepted;
            state.accepted += 1;
            state.live += 1;
            drop(state);
            scope.spawn(move || {
                // A connection that breaks is what some tests are about.
                let _ = serve(stream, number, shared, manner);
                shared.lock().live -= 1;
                shared.ended.notify_all();
            });
        }
    });
}

fn serve(client: Arc<TcpStream>, number: usize, shared: &Shared, manner: &Manner) -> io::Result<()> {
    let mut client = &*client;
    match manner {
        Manner::Forward(to) => pass(client, &*connect(*to, shared)?, false),
        Manner::WithoutGoodbye(to) => pass(client, &*connect(*to, shared)?, true),
        Manner::Tunnel(answer, to) => {
            read_head(client, shared)?;
            client.write_all(answer.as_bytes())?;
            pass(client, &*connect(*to, shared)?, false)
        }
        Manner::Answer(bytes) => {
            read_head(client, shared)?;
            client.write_all(bytes)?;
            client.shutdown(Shutdown::Write)
        }
        Manner::Silent => {
            read_head(client, shared)?;
            io::copy(&mut client, &mut io::sink()).map(|_| ())
        }
        Manner::Planned(to, plan) => {
            let seen = wire::pass(client, &*connect(*to, shared)?, &plan(number))?;
            shared.lock().seen.push(seen);
            Ok(())
        }
        Manner::Serve(serve) => serve(client),
    }
}

fn connect(to: SocketAddr, shared: &Shared) -> io::Result<Arc<TcpStream>> {
    shared.keep(TcpStream::connect(to)?).ok_or_else(|| io::ErrorKind::Interrupted.into())
}

fn read_head(mut client: &TcpStream, shared: &Shared) -> io::Result<()> {
    let mut piece = vec![0; 64 << 10];
    let mut head = Vec::new();
    loop {
        let count = client.read(&mut piece)?;
        if head.is_empty() {
            shared.lock().first_pieces.push(piece[..count].to_vec());
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
