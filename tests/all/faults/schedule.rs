//! Schedules of faults: a number in, a plan for every connection out. Neither clock nor chance has a part in it.

use std::collections::HashMap;
use std::time::Duration;

use super::task::{Line, Outcome, Script, TASKS, Task, perform};
use super::wire::{Mishap, Plan, Seen};

/// How many bytes go each way over a connection when nothing happens to it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    pub(crate) up: usize,
    pub(crate) down: usize,
    /// Those of the TLS handshake, the server's tickets not among them.
    pub(crate) handshake: Option<(usize, usize)>,
}

/// The shapes of both wires for each task, and the right answers.
pub(crate) struct Lessons(HashMap<Task, Lesson>);

#[derive(Clone)]
pub(crate) struct Lesson {
    pub(crate) imds: Shape,
    /// Also where each byte of an answer is a record of its own.
    pub(crate) arm: Option<[Shape; 2]>,
    pub(crate) answer: Vec<u8>,
}

impl Lessons {
    /// Does each task once without any mishap, and once in pieces.
    pub(crate) fn learn() -> Self {
        let lesson = |task| {
            let [whole, pieces] = [false, true].map(|in_pieces| {
                let outcome = perform(task, &Script { in_pieces, ..Script::default() }, LONG);
                assert!(outcome.result.is_ok(), "{task:?}: {:?}", outcome.result);
                outcome
            });
            let arm = |outcome: &Outcome| Some(Shape::of_tls(outcome.seen_by_arm.first()?));
            let lesson = Lesson {
                imds: Shape::of_plain(&whole.seen_by_imds[0]),
                arm: arm(&whole).and_then(|whole| Some([whole, arm(&pieces)?])),
                answer: whole.result.unwrap_or_default(),
            };
            (task, lesson)
        };
        Self(TASKS.into_iter().map(lesson).collect())
    }

    pub(crate) fn of(&self, task: Task) -> &Lesson {
        &self.0[&task]
    }
}

impl Shape {
    fn of_plain(seen: &Seen) -> Self {
        Self { up: seen.up.len(), down: seen.down.len(), handshake: None }
    }

    fn of_tls(seen: &Seen) -> Self {
        let handshake = (seen.end_of_handshake(true), seen.end_of_handshake(false));
        Self { up: seen.up.len(), down: seen.down.len(), handshake: Some(handshake) }
    }

    /// A position in one direction: half of the time in the handshake, where there is one.
    fn position(self, up: bool, random: &mut Random) -> usize {
        let (total, handshake) = match (up, self.handshake) {
            (true, handshake) => (self.up, handshake.map_or(0, |(up, _)| up)),
            (false, handshake) => (self.down, handshake.map_or(0, |(_, down)| down)),
        };
        match random.below(4) {
            0 => random.below(handshake + 1),
            1 => handshake,
            _ => handshake + random.below(total - handshake + 1),
        }
    }
}

/// What happens to one task.
#[derive(Debug)]
pub(crate) struct Schedule {
    pub(crate) task: Task,
    pub(crate) script: Script,
    pub(crate) deadline: Duration,
    pub(crate) mood: Mood,
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mood {
    /// Slow, and nothing worse.
    Slow,
    /// A connection or two break, and the deadline is far.
    Passing,
    /// Anything, and the deadline is near.
    Rough,
}

impl Schedule {
    pub(crate) fn draw(seed: u64, lessons: &Lessons) -> Self {
        let random = &mut Random::new(seed);
        let task = TASKS[random.below(TASKS.len())];
        let mood = match random.below(10) {
            0..=1 => Mood::Slow,
            2..=4 => Mood::Passing,
            _ => Mood::Rough,
        };
        let deadline = if mood == Mood::Rough { Duration::from_millis(200 + random.number() % 1000) } else { LONG };
        let in_pieces = random.below(6) == 0;
        let lesson = lessons.of(task);
        let imds_is_worse = lesson.arm.is_none() || random.below(4) == 0;
        let imds = line(lesson.imds, if imds_is_worse { mood } else { Mood::Slow }, random);
        let arm = match lesson.arm {
            Some(shapes) => {
                let shape = shapes[usize::from(in_pieces)];
                line(shape, if imds_is_worse { Mood::Slow } else { mood }, random)
            }
            None => Line::default(),
        };
        let script = Script { imds, arm, in_pieces, variant: random.below(4) };
        Self { task, script, deadline, mood }
    }

    /// Everything arrives, sooner or later, in time: or it is sent again, since that does no harm.
    pub(crate) fn must_succeed(&self) -> bool {
        match self.mood {
            Mood::Slow => true,
            // What was done in a try that broke off is refused in the next.
            Mood::Passing => self.task.is_repeatable() && self.task != Task::Create,
            Mood::Rough => false,
        }
    }

    /// Whether the wire in the clear is damaged, on which nobody can notice.
    pub(crate) fn damages_the_clear(&self) -> bool {
        self.script.imds.plans.iter().flat_map(Plan::mishaps).any(Mishap::is_damage)
    }
}

fn line(shape: Shape, mood: Mood, random: &mut Random) -> Line {
    let is_closed = mood == Mood::Rough && random.below(20) == 0;
    let is_lasting = mood == Mood::Rough && random.below(3) == 0;
    let count = if mood == Mood::Passing { 1 + random.below(2) } else { random.below(3) };
    let plans = (0..count.max(usize::from(mood != Mood::Slow))).map(|_| plan(shape, mood, random)).collect();
    Line { plans, is_lasting, is_closed }
}

fn plan(shape: Shape, mood: Mood, random: &mut Random) -> Plan {
    let mut plan = Plan::default();
    for _ in 0..random.below(3) {
        push(&mut plan, shape, slow(random), random);
    }
    match mood {
        Mood::Slow => {}
        Mood::Passing => push(&mut plan, shape, broken(random), random),
        Mood::Rough if random.below(2) == 0 => push(&mut plan, shape, broken(random), random),
        Mood::Rough => push(&mut plan, shape, spoilt(random), random),
    }
    plan.up.sort_by_key(|(at, _)| *at);
    plan.down.sort_by_key(|(at, _)| *at);
    plan
}

fn push(plan: &mut Plan, shape: Shape, mishap: Mishap, random: &mut Random) {
    let up = random.below(2) == 0;
    let at = shape.position(up, random);
    if up { &mut plan.up } else { &mut plan.down }.push((at, mishap));
}

fn slow(random: &mut Random) -> Mishap {
    match random.below(2) {
        0 => Mishap::Delay(Duration::from_millis(random.number() % 40)),
        _ => Mishap::Drip(1 + random.below(150), Duration::from_micros(random.number() % 300)),
    }
}

fn broken(random: &mut Random) -> Mishap {
    [Mishap::Cut, Mishap::Truncate, Mishap::Reset][random.below(3)]
}

fn spoilt(random: &mut Random) -> Mishap {
    match random.below(5) {
        0 => Mishap::Lose(1 + random.below(100)),
        1 => Mishap::Double(1 + random.below(100)),
        2 => Mishap::Corrupt,
        _ => Mishap::Stall,
    }
}

/// Marsaglia's xorshift, of a seed that SplitMix has spread.
struct Random(u64);

impl Random {
    fn new(seed: u64) -> Self {
        let spread = (seed.wrapping_add(0x9e37_79b9_7f4a_7c15) ^ seed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        Self((spread ^ spread >> 27) | 1)
    }

    fn number(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11
    }

    fn below(&mut self, limit: usize) -> usize {
        let limit = u64::try_from(limit.max(1)).expect("a usize fits");
        usize::try_from(self.number() % limit).expect("it is below a usize")
    }
}

/// Nothing that goes well takes so long.
const LONG: Duration = Duration::from_secs(30);
