//! Thousands of schedules: the right answer or a clean error inside the deadline, and no write sent twice.
//!
//! `AZMIN_SCHEDULES` says how many, `AZMIN_SEED` runs a single one.

use std::collections::BTreeMap;
use std::env;
use std::error::Error as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use azmin::{Error, ErrorKind};

use super::schedule::{Lessons, Schedule};
use super::task::{Outcome, Task, perform};

#[test]
fn every_schedule_ends_well_or_cleanly() {
    let number = |name| env::var(name).ok().map(|text| text.parse::<u64>().expect("a number"));
    let single = number("AZMIN_SEED");
    let seeds = match single {
        Some(seed) => seed..seed + 1,
        None => 0..number("AZMIN_SCHEDULES").unwrap_or(SCHEDULES),
    };
    let (lessons, begun) = (Lessons::learn(), Instant::now());
    let (next, verdicts) = (AtomicU64::new(seeds.start), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                while let Some(seed) = Some(next.fetch_add(1, Ordering::Relaxed)).filter(|seed| seeds.contains(seed)) {
                    let verdict = judge(seed, &lessons);
                    verdicts.lock().unwrap().push(verdict);
                }
            });
        }
    });
    let mut verdicts = verdicts.into_inner().unwrap();
    verdicts.sort_by_key(|verdict| verdict.seed);
    let mut endings = BTreeMap::<_, usize>::new();
    for verdict in &verdicts {
        *endings.entry(verdict.ending.as_str()).or_default() += 1;
    }
    let (total, hit) = (verdicts.len(), verdicts.iter().filter(|verdict| verdict.is_hit).count());
    println!("{total} schedules in {:?}, {hit} of them with mishaps: {endings:?}", begun.elapsed());
    if single.is_some() {
        println!("{}", verdicts[0].account);
    }
    let wrong: Vec<_> = verdicts.iter().filter(|verdict| !verdict.faults.is_empty()).collect();
    let list: Vec<_> =
        wrong.iter().map(|verdict| format!("AZMIN_SEED={}: {}", verdict.seed, verdict.faults.join("; "))).collect();
    assert!(wrong.is_empty(), "{}\n{}", list.join("\n"), wrong[0].account);
    let right = endings.get(RIGHT).copied().unwrap_or_default();
    let bite = right * 5 > total && (total - right) * 5 > total && hit * 2 > total;
    assert!(single.is_some() || bite, "these schedules do not bite: {endings:?}");
}

/// How a schedule ended.
struct Verdict {
    seed: u64,
    ending: String,
    /// Whether any of the mishaps was come to.
    is_hit: bool,
    faults: Vec<String>,
    account: String,
}

fn judge(seed: u64, lessons: &Lessons) -> Verdict {
    let schedule = Schedule::draw(seed, lessons);
    let outcome = perform(schedule.task, &schedule.script, schedule.deadline);
    let ending = match &outcome.result {
        Ok(_) => RIGHT.to_owned(),
        Err(error) => format!("{:?}", error.kind()),
    };
    let faults = faults(&schedule, &outcome, lessons);
    let came = outcome.result.map(|answer| answer.len());
    let account = format!("{schedule:#?}\n{came:?} in {:?}\n{}", outcome.took, outcome.told);
    Verdict { seed, ending, is_hit: outcome.mishaps > 0, faults, account }
}

/// What should not be.
fn faults(schedule: &Schedule, outcome: &Outcome, lessons: &Lessons) -> Vec<String> {
    let mut faults = Vec::new();
    let mut check = |holds: bool, what: &str| {
        if !holds {
            faults.push(what.to_owned());
        }
    };
    let wanted = match schedule.task {
        Task::Token => outcome.secret.as_bytes(),
        task => &lessons.of(task).answer,
    };
    match &outcome.result {
        Ok(answer) => check(answer == wanted || schedule.damages_the_clear(), "a wrong answer"),
        Err(error) => {
            check(!schedule.must_succeed(), &format!("it had to succeed: {error:?}"));
            check(is_fitting(schedule, error), &format!("not a fitting error: {error:?}"));
            check(is_clean(error, &outcome.secret), &format!("not a clean error: {error:?}"));
        }
    }
    check(outcome.took < outcome.limit + SLACK, &format!("it took {:?}", outcome.took));
    check(schedule.task.is_repeatable() || outcome.writes <= 1, &format!("{} writes", outcome.writes));
    let is_one_request = matches!(schedule.task, Task::Patch | Task::Post) && !schedule.damages_the_clear();
    check(!is_one_request || outcome.requests_begun <= 1, &format!("{} writes begun", outcome.requests_begun));
    check(!outcome.leaks, "a connection was left");
    check(!tells(&outcome.told, &outcome.secret), "a secret was told");
    faults
}

fn is_fitting(schedule: &Schedule, error: &Error) -> bool {
    match error.kind() {
        ErrorKind::NoEndpoint => schedule.script.imds.is_closed,
        ErrorKind::Connection | ErrorKind::BadAnswer | ErrorKind::DeadlineExceeded => true,
        // An earlier try has done it.
        ErrorKind::Conflict => schedule.task == Task::Create,
        // A request, or a token, that another has written.
        ErrorKind::IdentityRefused | ErrorKind::Unavailable | ErrorKind::AccessDenied => schedule.damages_the_clear(),
        _ => false,
    }
}

/// One line, short, without secrets, and the same of its causes.
fn is_clean(error: &Error, secret: &str) -> bool {
    let mut texts = vec![error.to_string(), format!("{error:?}")];
    let mut cause = error.source();
    while let Some(inner) = cause {
        texts.push(inner.to_string());
        cause = inner.source();
    }
    texts.iter().all(|text| !text.is_empty() && text.len() < 2000 && !text.contains('\n') && !tells(text, secret))
}

/// Whether a text has any part of a token, or of a signed URL.
fn tells(text: &str, secret: &str) -> bool {
    let signed = |name| text.split(name).skip(1).any(|value: &str| !value.starts_with("REDACTED"));
    secret.split('.').any(|part| text.contains(part)) || signed("&s=") || signed("&c=")
}

const RIGHT: &str = "right";
/// In every run of the tests.
const SCHEDULES: u64 = 2_048;
/// Most of the time they wait.
const WORKERS: usize = 64;
/// For a machine that is busy with other things.
const SLACK: Duration = Duration::from_secs(10);
