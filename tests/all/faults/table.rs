//! Every mishap in every phase of a call, and the exit code of the command: once, and with every connection.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use azmin::simulator::Service;

use super::place::Place;
use super::wire::{Mishap, Plan, Seen};
use crate::relay::{Manner, Relay};
use crate::support::{Scratch, closed_port, received};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Connect,
    Handshake,
    Request,
    Head,
    Body,
    Polling,
}

const PHASES: [Phase; 6] = [Phase::Connect, Phase::Handshake, Phase::Request, Phase::Head, Phase::Body, Phase::Polling];

/// The exit codes when it happens to the first connection only, and when to all.
type Cell = Option<(i32, i32)>;

const NONE: Cell = None;
const fn is(once: i32, always: i32) -> Cell {
    Some((once, always))
}

const DELAY: Mishap = Mishap::Delay(Duration::from_millis(30));
const DRIP: Mishap = Mishap::Drip(200, Duration::from_micros(50));
const LOSE: Mishap = Mishap::Lose(3);
const DOUBLE: Mishap = Mishap::Double(3);

#[rustfmt::skip]
const TABLE: &[(Place, Mishap, [Cell; 6])] = &[
    //                               connect       handshake    request      head         body         polling
    (Place::Imds,  DELAY,            [is(0, 0),     NONE,        is(0, 0),    is(0, 0),    is(0, 0),    NONE]),
    (Place::Imds,  DRIP,             [is(0, 0),     NONE,        is(0, 0),    is(0, 0),    is(0, 0),    NONE]),
    (Place::Imds,  Mishap::Cut,      [is(0, 7),     NONE,        is(0, 7),    is(0, 7),    is(0, 7),    NONE]),
    (Place::Imds,  Mishap::Truncate, [is(0, 7),     NONE,        is(0, 7),    is(0, 7),    is(0, 7),    NONE]),
    (Place::Imds,  Mishap::Reset,    [is(0, 7),     NONE,        is(0, 7),    is(0, 7),    is(0, 7),    NONE]),
    (Place::Imds,  Mishap::Stall,    [is(124, 124), NONE,        is(124, 124),is(124, 124),is(124, 124),NONE]),
    (Place::Imds,  LOSE,             [is(7, 7),     NONE,        is(4, 4),    is(7, 7),    is(0, 7),    NONE]),
    (Place::Imds,  DOUBLE,           [is(7, 7),     NONE,        is(4, 4),    is(7, 7),    is(7, 7),    NONE]),
    (Place::Imds,  Mishap::Corrupt,  [is(7, 7),     NONE,        is(4, 4),    is(7, 7),    is(7, 7),    NONE]),

    (Place::Entra, DELAY,            [is(0, 0),     is(0, 0),    is(0, 0),    is(0, 0),    is(0, 0),    NONE]),
    (Place::Entra, DRIP,             [is(0, 0),     is(0, 0),    is(0, 0),    is(0, 0),    is(0, 0),    NONE]),
    (Place::Entra, Mishap::Cut,      [is(0, 7),     is(0, 7),    is(0, 7),    is(0, 7),    is(0, 7),    NONE]),
    (Place::Entra, Mishap::Truncate, [is(0, 7),     is(0, 7),    is(0, 7),    is(0, 7),    is(0, 7),    NONE]),
    (Place::Entra, Mishap::Reset,    [is(0, 7),     is(0, 7),    is(0, 7),    is(0, 7),    is(0, 7),    NONE]),
    (Place::Entra, Mishap::Stall,    [is(124, 124), is(124, 124),is(124, 124),is(124, 124),is(124, 124),NONE]),
    (Place::Entra, DOUBLE,           [is(124, 124), is(7, 7),    is(0, 7),    is(0, 7),    is(0, 7),    NONE]),
    (Place::Entra, Mishap::Corrupt,  [is(7, 7),     is(7, 7),    is(0, 7),    is(0, 7),    is(0, 7),    NONE]),

    (Place::Arm,   DELAY,            [is(0, 0),     is(0, 0),    is(0, 0),    is(0, 0),    is(0, 0),    NONE]),
    (Place::Arm,   DRIP,             [is(0, 0),     is(0, 0),    is(0, 0),    is(0, 0),    is(0, 0),    NONE]),
    (Place::Arm,   Mishap::Cut,      [is(0, 7),     is(0, 7),    is(0, 7),    is(0, 7),    is(0, 7),    NONE]),
    (Place::Arm,   Mishap::Truncate, [is(0, 7),     is(0, 7),    is(0, 7),    is(0, 7),    is(0, 7),    NONE]),
    (Place::Arm,   Mishap::Reset,    [is(0, 7),     is(0, 7),    is(0, 7),    is(0, 7),    is(0, 7),    NONE]),
    (Place::Arm,   Mishap::Stall,    [is(124, 124), is(124, 124),is(124, 124),is(124, 124),is(124, 124),NONE]),
    (Place::Arm,   DOUBLE,           [is(124, 124), is(7, 7),    is(0, 7),    is(0, 7),    is(0, 7),    NONE]),
    (Place::Arm,   Mishap::Corrupt,  [is(7, 7),     is(7, 7),    is(0, 7),    is(0, 7),    is(0, 7),    NONE]),

    (Place::Post,  Mishap::Cut,      [is(0, 7),     is(0, 7),    is(7, 7),    is(7, 7),    NONE,        NONE]),
    (Place::Post,  Mishap::Truncate, [is(0, 7),     is(0, 7),    is(7, 7),    is(7, 7),    NONE,        NONE]),
    (Place::Post,  Mishap::Reset,    [is(0, 7),     is(0, 7),    is(7, 7),    is(7, 7),    NONE,        NONE]),
    (Place::Post,  Mishap::Stall,    [is(124, 124), is(124, 124),is(124, 124),is(124, 124),NONE,        NONE]),
    (Place::Post,  Mishap::Corrupt,  [is(7, 7),     is(7, 7),    is(7, 7),    is(7, 7),    NONE,        NONE]),

    (Place::Operation, DELAY,            [NONE, NONE, NONE, NONE, NONE, is(0, 0)]),
    (Place::Operation, DRIP,             [NONE, NONE, NONE, NONE, NONE, is(0, 0)]),
    (Place::Operation, Mishap::Cut,      [NONE, NONE, NONE, NONE, NONE, is(0, 7)]),
    (Place::Operation, Mishap::Truncate, [NONE, NONE, NONE, NONE, NONE, is(0, 7)]),
    (Place::Operation, Mishap::Reset,    [NONE, NONE, NONE, NONE, NONE, is(0, 7)]),
    (Place::Operation, Mishap::Stall,    [NONE, NONE, NONE, NONE, NONE, is(124, 124)]),
    (Place::Operation, DOUBLE,           [NONE, NONE, NONE, NONE, NONE, is(0, 7)]),
    (Place::Operation, Mishap::Corrupt,  [NONE, NONE, NONE, NONE, NONE, is(0, 7)]),

    (Place::Made,      DELAY,            [NONE, NONE, NONE, NONE, NONE, is(0, 0)]),
    (Place::Made,      DRIP,             [NONE, NONE, NONE, NONE, NONE, is(0, 0)]),
    (Place::Made,      Mishap::Cut,      [NONE, NONE, NONE, NONE, NONE, is(0, 7)]),
    (Place::Made,      Mishap::Truncate, [NONE, NONE, NONE, NONE, NONE, is(0, 7)]),
    (Place::Made,      Mishap::Reset,    [NONE, NONE, NONE, NONE, NONE, is(0, 7)]),
    (Place::Made,      Mishap::Stall,    [NONE, NONE, NONE, NONE, NONE, is(124, 124)]),
    (Place::Made,      DOUBLE,           [NONE, NONE, NONE, NONE, NONE, is(0, 7)]),
    (Place::Made,      Mishap::Corrupt,  [NONE, NONE, NONE, NONE, NONE, is(0, 7)]),

    // All of the answer has come, and nobody says that it is all.
    (Place::Unframed,  DELAY,            [NONE, NONE, NONE, NONE, is(0, 0), NONE]),
    (Place::Unframed,  Mishap::Cut,      [NONE, NONE, NONE, NONE, is(0, 7), NONE]),
    (Place::Unframed,  Mishap::Truncate, [NONE, NONE, NONE, NONE, is(0, 7), NONE]),
    (Place::Unframed,  Mishap::Reset,    [NONE, NONE, NONE, NONE, is(0, 7), NONE]),
    (Place::Unframed,  Mishap::Stall,    [NONE, NONE, NONE, NONE, is(124, 124), NONE]),
    (Place::Unframed,  Mishap::Corrupt,  [NONE, NONE, NONE, NONE, is(0, 7), NONE]),
];

/// A row of the table in one of its phases.
#[derive(Clone, Copy, Debug)]
struct Case {
    place: Place,
    mishap: Mishap,
    phase: Phase,
    always: bool,
    code: i32,
}

#[test]
fn every_mishap_in_every_phase() {
    let cells = TABLE.iter().flat_map(|(place, mishap, cells)| {
        let known = PHASES.into_iter().zip(cells).filter_map(|(phase, cell)| Some((phase, (*cell)?)));
        known.flat_map(|(phase, (once, always))| {
            let case = |always, code| Case { place: *place, mishap: *mishap, phase, always, code };
            [case(false, once), case(true, always)]
        })
    });
    let cases: Vec<_> = cells.collect();
    let places = [Place::Imds, Place::Entra, Place::Arm, Place::Post, Place::Operation, Place::Made, Place::Unframed];
    let shapes: HashMap<_, _> = places.map(|place| (place, Shapes::learn(place))).into();
    let (next, wrong) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if let Some(what) = case.wrong(&shapes[&case.place]) {
                        wrong.lock().unwrap().push(what);
                    }
                }
            });
        }
    });
    let mut wrong = wrong.into_inner().unwrap();
    wrong.sort();
    println!("{} cases", cases.len());
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

#[test]
fn nobody_listens() {
    let azure = Place::Imds.azure(false);
    let scratch = Scratch::new();
    let nobody: SocketAddr = ([127, 0, 0, 1], closed_port()).into();
    for (place, code) in [(Place::Imds, 4), (Place::Entra, 4), (Place::Arm, 7), (Place::Post, 7)] {
        place.command(&azure, &scratch, nobody, "10s").run().fails(code).says("Connection refused");
    }
    assert_eq!(received(&azure, Service::Arm).len(), 0);
}

impl Case {
    /// What is wrong, if anything is.
    fn wrong(&self, shapes: &Shapes) -> Option<String> {
        let pieces = matches!(self.phase, Phase::Head | Phase::Body);
        let [first, later] = if pieces { &shapes.in_pieces } else { &shapes.whole };
        let first = self.phase.plan(self.mishap, self.place, first);
        let later = match (self.always, self.phase) {
            (false, _) => Plan::default(),
            // There the first request is a poll.
            (true, Phase::Polling) => Phase::Request.plan(self.mishap, self.place, later),
            (true, phase) => phase.plan(self.mishap, self.place, later),
        };
        let azure = self.place.azure(pieces);
        let relay = Relay::start(Manner::Planned(
            self.place.address(&azure),
            Arc::new(move |number| if number == 0 { first.clone() } else { later.clone() }),
        ));
        let scratch = Scratch::new();
        let begun = Instant::now();
        let deadline = match self.code {
            0 => "60s",
            124 => DEADLINE,
            _ => LATE,
        };
        let run = self.place.command(&azure, &scratch, relay.address(), deadline).run();
        let took = begun.elapsed();
        let writes = received(&azure, Service::Arm).iter().filter(|request| request.method() == "POST").count();
        let holds = [
            ("the exit code", run.code == self.code),
            ("stdout", self.place.is_whole(&run)),
            ("stderr", if run.code == 0 { run.err.is_empty() } else { run.err.starts_with("azmin: ") }),
            ("the way back", self.phase != Phase::Polling || run.code == 0 || run.err.contains("to go on waiting")),
            ("the time", took < LIMIT),
            ("a connection that was left", relay.is_left_within(LIMIT)),
            ("how often it was done", writes <= 1),
            ("the mishap", relay.seen().iter().any(|seen| seen.mishaps > 0)),
        ];
        let wrong: Vec<_> = holds.iter().filter(|(_, holds)| !holds).map(|(what, _)| *what).collect();
        (!wrong.is_empty()).then(|| format!("{self:?}: {wrong:?} after {took:?}: {} {}", run.code, run.err))
    }
}

impl Phase {
    fn plan(self, mishap: Mishap, place: Place, seen: &Seen) -> Plan {
        let (at, up) = self.position(place, seen);
        let (one, none) = (vec![(at, mishap)], Vec::new());
        if up { Plan { up: one, down: none } } else { Plan { up: none, down: one } }
    }

    /// A position in the midst of it, and in which direction, of a connection that is like this one.
    fn position(self, place: Place, seen: &Seen) -> (usize, bool) {
        let is_tls = place != Place::Imds;
        let head = |bytes: &[u8]| bytes.windows(4).position(|end| end == b"\r\n\r\n").expect("a head") + 4;
        match self {
            Self::Connect => (0, false),
            Self::Handshake => (seen.end_of_handshake(false) / 2, false),
            Self::Request if is_tls => (seen.end_of_handshake(true) + 20, true),
            // In the name of the header that the endpoint wants.
            Self::Request => {
                let name = seen.up.windows(9).position(|name| name == b"Metadata:").expect("the header");
                (name + 2, true)
            }
            // In the midst of the record of its eleventh byte.
            Self::Head if is_tls => (first_piece(seen) + 10 * PIECE + PIECE / 2, false),
            Self::Head => (3, false),
            // In the midst of the alert.
            Self::Body if place == Place::Unframed => (seen.down.len() - 12, false),
            Self::Body if is_tls => (seen.down.len() - 10 * PIECE - PIECE / 2, false),
            Self::Body => (head(&seen.down), false),
            Self::Polling => (seen.up.len() - 20, true),
        }
    }
}

/// Where the first record of a single byte begins.
fn first_piece(seen: &Seen) -> usize {
    let mut at = 0;
    loop {
        let Some([_, _, _, high, low]) = seen.down.get(at..).and_then(|rest| rest.first_chunk()) else {
            panic!("no answer in pieces");
        };
        let length = 5 + usize::from(u16::from_be_bytes([*high, *low]));
        if length == PIECE {
            return at;
        }
        at += length;
    }
}

/// The first connection of a call, and one after it: which is shorter, because it goes on with the first one's TLS session.
struct Shapes {
    whole: [Seen; 2],
    /// The same where each byte of an answer over TLS is a record of its own.
    in_pieces: [Seen; 2],
}

impl Shapes {
    fn learn(place: Place) -> Self {
        let [whole, in_pieces] = [false, true].map(|pieces| {
            let first = connections(place, pieces, Plan::default()).remove(0);
            // One that breaks after the server's tickets have come; a POST has no other that comes after that.
            let broken = match place {
                Place::Post => return [first.clone(), first],
                Place::Operation | Place::Made => Phase::Polling.plan(Mishap::Cut, place, &first),
                Place::Unframed => Phase::Body.plan(Mishap::Cut, place, &first),
                _ => Plan { down: vec![(first.down.len() - 40, Mishap::Cut)], ..Plan::default() },
            };
            let later = connections(place, pieces, broken).remove(1);
            [first, later]
        });
        Self { whole, in_pieces }
    }
}

/// The connections of a call of which the first goes as planned, and nothing happens to the others.
fn connections(place: Place, pieces: bool, plan: Plan) -> Vec<Seen> {
    let (azure, scratch) = (place.azure(pieces), Scratch::new());
    let plan = move |number| if number == 0 { plan.clone() } else { Plan::default() };
    let relay = Relay::start(Manner::Planned(place.address(&azure), Arc::new(plan)));
    let run = place.command(&azure, &scratch, relay.address(), "60s").run();
    assert!(run.code == 0 && place.is_whole(&run), "{place:?}: {run:?}");
    assert!(relay.is_left_within(LIMIT), "{place:?}");
    relay.seen()
}

/// A record of one byte: its head, the byte, the inner type, and the tag (RFC 8446, section 5.2).
const PIECE: usize = 5 + 1 + 1 + 16;
const WORKERS: usize = 48;
/// For those that wait until it is over.
const DEADLINE: &str = "4s";
/// For those that try until it is over: a try must have come to its end.
const LATE: &str = "10s";
const LIMIT: Duration = Duration::from_secs(20);
