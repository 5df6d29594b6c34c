//! One connection that goes wrong by plan, at positions in bytes: delayed, dripped, cut, truncated, reset, lossy, doubled,
//! corrupted, half-open. The kernel need not know of any of it.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use socket2::SockRef;

/// What happens to a stream of bytes when so many of them have passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mishap {
    /// Nothing passes for so long.
    Delay(Duration),
    /// So many bytes pass one by one, with this pause after each.
    Drip(usize, Duration),
    /// Both directions end, in good order.
    Cut,
    /// This direction ends in good order; the other goes on.
    Truncate,
    /// The connection is reset, on both sides.
    Reset,
    /// So many bytes are missing.
    Lose(usize),
    /// So many bytes come twice.
    Double(usize),
    /// The next byte is another one.
    Corrupt,
    /// Nothing passes any more, and nobody is told.
    Stall,
}

impl Mishap {
    /// Whether something else arrives than what was sent.
    pub(crate) fn is_damage(self) -> bool {
        matches!(self, Self::Lose(_) | Self::Double(_) | Self::Corrupt)
    }
}

/// The mishaps of one connection, each direction in the order of positions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Plan {
    /// From the client to the server.
    pub(crate) up: Vec<(usize, Mishap)>,
    pub(crate) down: Vec<(usize, Mishap)>,
}

impl Plan {
    pub(crate) fn mishaps(&self) -> impl Iterator<Item = Mishap> + '_ {
        self.up.iter().chain(&self.down).map(|(_, mishap)| *mishap)
    }
}

/// What the two sides of a connection have said, before anything went wrong with it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    pub(crate) up: Vec<u8>,
    pub(crate) down: Vec<u8>,
    /// How many mishaps were come to.
    pub(crate) mishaps: usize,
}

impl Seen {
    /// Where the first encrypted record of a side ends: of a client that is its whole part of a TLS handshake (RFC 8446,
    /// section 2).
    pub(crate) fn end_of_handshake(&self, up: bool) -> usize {
        let bytes = if up { &self.up } else { &self.down };
        let mut end = 0;
        while let Some([kind, _, _, high, low]) = bytes.get(end..).and_then(|rest| rest.first_chunk()) {
            end += 5 + usize::from(u16::from_be_bytes([*high, *low]));
            if *kind == APPLICATION_DATA {
                break;
            }
        }
        end
    }

    /// Whether the client has sent more than its part of a handshake, and an alert.
    pub(crate) fn has_request(&self) -> bool {
        self.up.len() > self.end_of_handshake(true) + ENCRYPTED_ALERT
    }
}

/// Passes a connection on as planned, until both directions have ended. The streams must be closed by the caller at once: a
/// reset happens with that.
pub(crate) fn pass(client: &TcpStream, server: &TcpStream, plan: &Plan) -> io::Result<Seen> {
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let reset = AtomicBool::new(false);
    let way = |from, to, is_up, plan| Way { from, to, is_up, plan, reset: &reset, seen: Vec::new(), mishaps: 0 };
    let (up, down) = (way(client, server, true, &plan.up), way(server, client, false, &plan.down));
    Ok(thread::scope(|scope| {
        let up = scope.spawn(|| up.run());
        let down = down.run();
        let up = up.join().expect("a direction ends");
        Seen { up: up.seen, down: down.seen, mishaps: up.mishaps + down.mishaps }
    }))
}

struct Way<'a> {
    from: &'a TcpStream,
    to: &'a TcpStream,
    is_up: bool,
    plan: &'a [(usize, Mishap)],
    reset: &'a AtomicBool,
    seen: Vec<u8>,
    mishaps: usize,
}

impl Way<'_> {
    /// Until its end; an error is an end like others.
    fn run(mut self) -> Self {
        if self.pass().is_err() {
            self.hang_up();
        }
        self
    }

    fn pass(&mut self) -> io::Result<()> {
        for (at, mishap) in self.plan {
            while self.seen.len() < *at {
                let piece = self.read(at - self.seen.len())?;
                if piece.is_empty() {
                    return self.end();
                }
                self.write(&piece)?;
            }
            self.mishaps += 1;
            match *mishap {
                Mishap::Delay(time) => thread::sleep(time),
                Mishap::Drip(count, pause) => self.next(count, |way, piece| {
                    piece.chunks(1).try_for_each(|byte| {
                        way.write(byte)?;
                        thread::sleep(pause);
                        Ok(())
                    })
                })?,
                Mishap::Lose(count) => self.next(count, |_, _| Ok(()))?,
                Mishap::Double(count) => self.next(count, |way, piece| way.write(&[piece, piece].concat()))?,
                Mishap::Corrupt => {
                    self.next(1, |way, piece| way.write(&piece.iter().map(|byte| byte ^ 0x15).collect::<Vec<_>>()))?;
                }
                Mishap::Cut => {
                    self.hang_up();
                    return Ok(());
                }
                Mishap::Reset => return self.reset(),
                Mishap::Truncate => {
                    self.end()?;
                    self.swallow();
                    return Ok(());
                }
                Mishap::Stall => {
                    self.swallow();
                    return Ok(());
                }
            }
        }
        loop {
            let piece = self.read(PIECE)?;
            if piece.is_empty() {
                return self.end();
            }
            self.write(&piece)?;
        }
    }

    fn read(&mut self, most: usize) -> io::Result<Vec<u8>> {
        let mut piece = vec![0; most.min(PIECE)];
        let count = loop {
            match self.from.read(&mut piece) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => break other?,
            }
        };
        piece.truncate(count);
        self.seen.extend_from_slice(&piece);
        Ok(piece)
    }

    /// Does something with so many bytes, or fewer if the stream ends before, as they come.
    fn next(&mut self, count: usize, mut with: impl FnMut(&Self, &[u8]) -> io::Result<()>) -> io::Result<()> {
        let end = self.seen.len() + count;
        while self.seen.len() < end {
            let piece = self.read(end - self.seen.len())?;
            if piece.is_empty() {
                return Ok(());
            }
            with(self, &piece)?;
        }
        Ok(())
    }

    fn write(&self, bytes: &[u8]) -> io::Result<()> {
        let mut to = self.to;
        to.write_all(bytes)
    }

    fn end(&self) -> io::Result<()> {
        // A goodbye before a reset would be another fault.
        if self.reset.load(Ordering::SeqCst) { Ok(()) } else { self.to.shutdown(Shutdown::Write) }
    }

    /// Takes what comes until the sender has enough. The client is told nothing; when it has gone, the server may go too.
    fn swallow(&mut self) {
        while self.read(PIECE).is_ok_and(|piece| !piece.is_empty()) {}
        if self.is_up {
            self.hang_up();
        }
    }

    fn hang_up(&self) {
        if !self.reset.load(Ordering::SeqCst) {
            let _ = self.from.shutdown(Shutdown::Both);
            let _ = self.to.shutdown(Shutdown::Both);
        }
    }

    /// Closing the sockets now resets them. The other direction is woken without anything being sent.
    fn reset(&self) -> io::Result<()> {
        self.reset.store(true, Ordering::SeqCst);
        for stream in [self.from, self.to] {
            SockRef::from(stream).set_linger(Some(Duration::ZERO))?;
            let _ = stream.shutdown(Shutdown::Read);
        }
        Ok(())
    }
}

const PIECE: usize = 16 << 10;
const APPLICATION_DATA: u8 = 23;
/// A record's head, level, description, the inner type, and the tag.
const ENCRYPTED_ALERT: usize = 5 + 2 + 1 + 16;
