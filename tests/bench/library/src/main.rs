//! Calls `token()` as often as it is told, for whoever counts instructions, and measures times.
//!
//!     azmin-library-bench fetch COUNT      as many fetches
//!     azmin-library-bench cached COUNT     one fetch, and as many calls that find its token kept
//!     azmin-library-bench nanoseconds      prints the time of such a call: the median of batches
//!     azmin-library-bench threads          prints how many calls two threads get through for each one of a single thread

use std::hint::black_box;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use azmin::Credential;
use azmin_library_bench::{Endpoint, RESOURCE, SERVE, serve};

fn main() {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let count = |text: &str| text.parse::<u32>().expect("a count");
    match *arguments {
        [SERVE] => serve(),
        ["fetch", times] => {
            let endpoint = Endpoint::start();
            let credential = endpoint.credential();
            for _ in 0..count(times) {
                black_box(credential.fresh_token(RESOURCE).expect("a token"));
            }
        }
        ["cached", times] => calls(&kept(), count(times)),
        ["nanoseconds"] => println!("{:.1}", nanoseconds()),
        ["threads"] => println!("{:.2}", ratio()),
        _ => {
            eprintln!("usage: azmin-library-bench fetch COUNT | cached COUNT | nanoseconds | threads");
            std::process::exit(2);
        }
    }
}

/// A credential that has its token, and whose endpoint is gone.
fn kept() -> Credential {
    let endpoint = Endpoint::start();
    let credential = endpoint.credential();
    credential.token(RESOURCE).expect("a token");
    credential
}

fn calls(credential: &Credential, count: u32) {
    for _ in 0..count {
        black_box(credential.token(black_box(RESOURCE)).expect("the token that is kept"));
    }
}

fn nanoseconds() -> f64 {
    let credential = kept();
    let batch = || {
        let begun = Instant::now();
        calls(&credential, BATCH);
        begun.elapsed().as_secs_f64() * 1e9 / f64::from(BATCH)
    };
    median((0..BATCHES).map(|_| batch()).collect())
}

/// Of the throughput of two threads to that of one, in rounds of each in turn.
fn ratio() -> f64 {
    let credential = kept();
    let round = || together(&credential, 1).as_secs_f64() * 2.0 / together(&credential, 2).as_secs_f64();
    median((0..ROUNDS).map(|_| round()).collect())
}

/// How long so many threads take that begin at once.
fn together(credential: &Credential, threads: usize) -> Duration {
    let gate = Barrier::new(threads + 1);
    thread::scope(|scope| {
        let all: Vec<_> = (0..threads)
            .map(|_| {
                scope.spawn(|| {
                    gate.wait();
                    calls(credential, CALLS);
                })
            })
            .collect();
        gate.wait();
        let begun = Instant::now();
        for thread in all {
            thread.join().expect("no panic");
        }
        begun.elapsed()
    })
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

const BATCH: u32 = 10_000;
const BATCHES: u32 = 301;
const CALLS: u32 = 500_000;
const ROUNDS: u32 = 31;
