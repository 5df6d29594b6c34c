//! Listeners, threads, and how all of them end at once.

use std::collections::BTreeMap;
use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
#[cfg(target_os = "linux")]
use std::os::fd::OwnedFd;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::world::lock;

/// A listener with its thread. Dropping it closes the gate and waits for that thread, which waits for those of all
/// connections.
pub(super) struct Server {
    address: SocketAddr,
    listener: TcpListener,
    gate: Arc<Gate>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Listens, and lets `serve` have each connection in a thread of its own until the gate is closed.
    pub(super) fn start(
        address: SocketAddr,
        gate: &Arc<Gate>,
        serve: impl Fn(&TcpStream) + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind(address)?;
        let address = listener.local_addr()?;
        let (accepting, open) = (listener.try_clone()?, Arc::clone(gate));
        let thread = thread::Builder::new().spawn(move || accept(&accepting, &open, &serve))?;
        Ok(Self { address, listener, gate: Arc::clone(gate), thread: Some(thread) })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends a call of `accept` that waits. A connection to oneself does so everywhere, but Linux can do it without one,
    /// which does not touch an address that is not loopback.
    fn wake(&self) -> bool {
        #[cfg(target_os = "linux")]
        if let Ok(listener) = self.listener.try_clone() {
            let socket = TcpStream::from(OwnedFd::from(listener));
            if socket.shutdown(Shutdown::Both).is_ok() {
                return true;
            }
        }
        TcpStream::connect(self.address).is_ok()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.gate.close();
        if let Some(thread) = self.thread.take().filter(|_| self.wake()) {
            // A connection's thread that panicked has said so on standard error.
            let _ = thread.join();
        }
    }
}

fn accept(listener: &TcpListener, gate: &Gate, serve: &(impl Fn(&TcpStream) + Sync)) {
    thread::scope(|scope| {
        for stream in listener.incoming() {
            let entered = stream.and_then(|stream| {
                stream.set_read_timeout(Some(IDLE))?;
                stream.set_write_timeout(Some(IDLE))?;
                stream.set_nodelay(true)?;
                Ok(gate.enter(stream))
            });
            match entered {
                Ok(None) => return,
                Ok(Some(pass)) => {
                    let serve = move || serve(&pass.stream);
                    // Without a thread to spare the connection just closes.
                    let _ = thread::Builder::new().spawn_scoped(scope, serve);
                }
                // Out of descriptors, or a connection that was gone before it was accepted.
                Err(_) if gate.wait(PAUSE) => return,
                Err(_) => {}
            }
        }
    });
}

/// Open while the stand-in lives. It knows every connection, so that closing it ends them.
#[derive(Default)]
pub(super) struct Gate {
    state: Mutex<State>,
    closed: Condvar,
}

#[derive(Default)]
struct State {
    closed: bool,
    entered: u64,
    live: BTreeMap<u64, Arc<TcpStream>>,
}

impl Gate {
    /// Ends all waits and connections, now and later.
    pub(super) fn close(&self) {
        let mut state = lock(&self.state);
        state.closed = true;
        for stream in state.live.values() {
            // It fails if the client was faster.
            let _ = stream.shutdown(Shutdown::Both);
        }
        drop(state);
        self.closed.notify_all();
    }

    /// Waits so long, or until the gate is closed; whether it is.
    pub(super) fn wait(&self, time: Duration) -> bool {
        let waited = self.closed.wait_timeout_while(lock(&self.state), time, |state| !state.closed);
        waited.unwrap_or_else(PoisonError::into_inner).0.closed
    }

    /// Waits until the gate is closed.
    pub(super) fn wait_closed(&self) {
        let waited = self.closed.wait_while(lock(&self.state), |state| !state.closed);
        drop(waited.unwrap_or_else(PoisonError::into_inner));
    }

    fn enter(&self, stream: TcpStream) -> Option<Pass<'_>> {
        let mut state = lock(&self.state);
        if state.closed {
            return None;
        }
        let stream = Arc::new(stream);
        state.entered += 1;
        let number = state.entered;
        state.live.insert(number, Arc::clone(&stream));
        Some(Pass { gate: self, number, stream })
    }
}

/// A connection that the gate knows until this is dropped.
struct Pass<'a> {
    gate: &'a Gate,
    number: u64,
    stream: Arc<TcpStream>,
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        lock(&self.gate.state).live.remove(&self.number);
    }
}

/// A client that says or reads nothing for so long is given up.
const IDLE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(10);
