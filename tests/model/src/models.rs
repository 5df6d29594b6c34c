//! What holds in every order: of two callers in all there are, of three in those with at most three preemptions, that is,
//! moments at which a thread that could go on is made to stop.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use loom::thread;

use crate::world::{Ask, Does, Failed, LONG, Value, World, fresh, token};

type Outcome = Result<Value, Failed>;

/// Callers at once, the last of them in the thread that also made the calls before. Afterwards nobody fetches, nobody waits,
/// and the next call succeeds.
fn every_order(before: &[Ask], asks: &[Ask], then: impl Fn(&World, &[Outcome]) + Send + Sync + 'static) {
    let (before, asks) = (before.to_vec(), asks.to_vec());
    orders(asks.len(), move || {
        let world = World::still();
        for ask in &before {
            assert!(world.call(*ask).is_ok());
        }
        let (last, others) = asks.split_last().expect("a caller");
        let others: Vec<_> = others.iter().map(|ask| call(&world, *ask)).collect();
        let last = world.call(*last);
        let others = others.into_iter().map(|other| other.join().expect("no panic"));
        let outcomes: Vec<_> = others.chain([last]).collect();
        then(&world, &outcomes);
        at_rest(&world);
    });
}

fn call(world: &Arc<World>, ask: Ask) -> thread::JoinHandle<Outcome> {
    let world = Arc::clone(world);
    thread::spawn(move || world.call(ask))
}

fn at_rest(world: &World) {
    for slot in ["a", "b"].iter().filter_map(|resource| world.slots.find(resource)) {
        let flight = slot.flight();
        assert!(!flight.busy && flight.waiting == 0, "{} is not at rest", slot.resource);
    }
    assert!(world.call(fresh(LONG)).is_ok());
}

fn orders(threads: usize, model: impl Fn() + Send + Sync + 'static) {
    let tried = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&tried);
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = (threads > 2).then_some(3);
    builder.check(move || {
        counter.fetch_add(1, Ordering::Relaxed);
        model();
    });
    let tried = tried.load(Ordering::Relaxed);
    eprintln!("{}: {tried} orders", std::thread::current().name().unwrap_or_default());
    assert!(tried > 10, "only {tried} orders");
}

fn numbers(outcomes: &[Outcome]) -> Vec<Option<u64>> {
    outcomes.iter().map(|outcome| outcome.ok().map(|value| value.number)).collect()
}

#[test]
fn one_request_serves_all() {
    for count in [2, 3] {
        every_order(&[], &[token(LONG), token(LONG), token(LONG)][..count], |world, outcomes| {
            assert_eq!(world.requests(), 1);
            assert!(numbers(outcomes).iter().all(|number| *number == Some(0)));
        });
    }
}

#[test]
fn resources_do_not_wait_for_each_other() {
    let b = Ask { resource: "b", ..token(LONG) };
    every_order(&[], &[token(LONG), b], |world, _| assert_eq!(world.requests(), 2));
    every_order(&[], &[token(LONG), b, token(LONG)], |world, outcomes| {
        assert_eq!(world.requests(), 2);
        assert_eq!(outcomes[0], outcomes[2]);
    });
}

#[test]
fn a_failure_wakes_all() {
    for count in [2, 3] {
        every_order(&[], &[token(Does::Refuse); 3][..count], move |world, outcomes| {
            assert!(outcomes.iter().all(|outcome| matches!(outcome, Err(Failed::Fetch(_)))));
            assert!(world.requests() <= u64::try_from(count).unwrap());
        });
    }
    // Whoever gives a value gives it to those who wait for it.
    every_order(&[], &[token(Does::Refuse), token(LONG)], |_, outcomes| match outcomes {
        [Err(Failed::Fetch(0)) | Ok(_), Ok(_)] | [Err(Failed::Fetch(0)), Err(Failed::Fetch(0))] => {}
        other => panic!("{other:?}"),
    });
}

#[test]
fn a_panic_wakes_all() {
    every_order(&[], &[token(Does::Panic), token(LONG)], |_, outcomes| {
        assert!(matches!(outcomes, [Err(Failed::Panicked) | Ok(_), Ok(_)]), "{outcomes:?}");
    });
    every_order(&[], &[token(Does::Panic), token(Does::Panic), token(LONG)], |_, outcomes| {
        assert!(outcomes[2].is_ok(), "{outcomes:?}");
    });
}

/// `World::call` asserts that nothing from before a call counts as fresh.
#[test]
fn fresh_is_fresh() {
    every_order(&[token(LONG)], &[fresh(LONG), fresh(LONG)], |world, _| assert!(world.requests() <= 3));
    every_order(&[token(LONG)], &[fresh(Does::Panic), fresh(LONG)], |_, outcomes| {
        assert!(matches!(outcomes, [Err(Failed::Panicked) | Ok(_), Ok(_)]), "{outcomes:?}");
    });
    every_order(&[token(LONG)], &[fresh(Does::Refuse), fresh(LONG), token(LONG)], |_, outcomes| {
        assert!(outcomes[2].is_ok(), "{outcomes:?}");
    });
}

/// Somebody else's later failure takes nothing from those who waited for a fetch that succeeded.
#[test]
fn what_landed_is_seen_by_all_that_waited() {
    every_order(&[], &[token(LONG), fresh(Does::Refuse), token(LONG)], |_, outcomes| {
        let refused_first = matches!(outcomes[1], Err(Failed::Fetch(0)));
        assert!(refused_first || (outcomes[0].is_ok() && outcomes[2].is_ok()), "{outcomes:?}");
    });
}

#[test]
fn a_refresh_is_one_request_and_no_error() {
    let due = Does::Give(0, 50);
    for does in [Does::Refuse, Does::Delay] {
        every_order(&[token(due)], &[token(does), token(does)], |world, outcomes| {
            assert_eq!(numbers(outcomes), [Some(0), Some(0)]);
            assert_eq!(world.requests(), 2);
        });
    }
    every_order(&[token(due)], &[token(LONG), token(LONG), token(LONG)], |world, outcomes| {
        assert!(outcomes.iter().all(Result::is_ok));
        assert_eq!(world.requests(), 2);
    });
}

#[test]
fn those_who_have_more_time_use_it() {
    let hurried = Ask { end: 10, ..token(Does::Delay) };
    every_order(&[], &[hurried, token(LONG)], |_, outcomes| {
        assert!(matches!(outcomes, [Err(Failed::Fetch(_)) | Ok(_), Ok(_)]), "{outcomes:?}");
    });
    every_order(&[], &[hurried, hurried, token(LONG)], |_, outcomes| assert!(outcomes[2].is_ok(), "{outcomes:?}"));
    // Those who have no more share it.
    every_order(&[], &[token(Does::Delay), token(Does::Delay)], |_, outcomes| {
        assert!(outcomes.iter().all(|outcome| matches!(outcome, Err(Failed::Fetch(_)))), "{outcomes:?}");
    });
}

/// Time passes at any moment, also while somebody waits: `World::call` asserts that nobody is late before its time, and that
/// nothing is handed out that was over before.
#[test]
fn time_passes() {
    let hurried = Ask { end: 10, ..token(LONG) };
    orders(3, move || {
        let world = World::ticking();
        let other = call(&world, hurried);
        let clock = {
            let world = Arc::clone(&world);
            thread::spawn(move || world.pass(20))
        };
        let outcome = world.call(token(LONG));
        assert!(outcome.is_ok(), "{outcome:?}");
        assert!(matches!(other.join().expect("no panic"), Ok(_) | Err(Failed::Late)));
        clock.join().expect("no panic");
        at_rest(&world);
    });
}

#[test]
fn what_is_kept_ends() {
    for does in [LONG, Does::Refuse] {
        orders(3, move || {
            let world = World::ticking();
            assert!(world.call(token(Does::Give(5, 10))).is_ok());
            let clock = {
                let world = Arc::clone(&world);
                thread::spawn(move || [7, 12].iter().for_each(|seconds| world.pass(*seconds)))
            };
            let other = call(&world, token(does));
            let outcomes = [world.call(token(does)), other.join().expect("no panic")];
            clock.join().expect("no panic");
            match does {
                Does::Refuse => assert!(outcomes.iter().all(|outcome| match outcome {
                    Ok(value) => value.number == 0,
                    Err(error) => matches!(error, Failed::Fetch(_)),
                })),
                _ => assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}"),
            }
            at_rest(&world);
        });
    }
}
