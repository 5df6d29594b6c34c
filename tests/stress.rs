//! 64 threads share a credential whose endpoint fails, is slow, breaks off and gives tokens that live a second or two. Alone
//! in its program, so that threads and files can be counted.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use azmin::{AccessToken, Credential, Error, ErrorKind, Identity};

const THREADS: usize = 64;
const RESOURCES: [&str; 4] = ["https://a.test", "https://b.test", "https://c.test", "https://d.test"];
/// Also asked for by callers with hardly any time.
const HURRIED: &str = "https://hurried.test";
const TIME: Duration = Duration::from_secs(4);

/// One resource, as the endpoint sees it.
#[derive(Default)]
struct Seen {
    requests: usize,
    /// Between the head of a request and the last byte of its answer, which is when the next one may leave.
    flying: usize,
    most: usize,
}

#[derive(Default)]
struct Endpoint {
    seen: Mutex<BTreeMap<String, Seen>>,
    over: AtomicBool,
}

impl Endpoint {
    fn start(self: &Arc<Self>) -> (SocketAddr, thread::JoinHandle<()>) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let endpoint = Arc::clone(self);
        let listening = thread::spawn(move || {
            thread::scope(|scope| {
                for stream in listener.incoming() {
                    if endpoint.over.load(Ordering::SeqCst) {
                        return;
                    }
                    let endpoint = &endpoint;
                    scope.spawn(move || endpoint.answer(stream.unwrap()));
                }
            });
        });
        (address, listening)
    }

    fn answer(&self, mut stream: TcpStream) {
        let mut head = Vec::new();
        let mut byte = [0];
        while !head.ends_with(b"\r\n\r\n") {
            // Whoever has no time left may be gone.
            if stream.read(&mut byte).unwrap_or(0) == 0 {
                return;
            }
            head.push(byte[0]);
        }
        let head = String::from_utf8(head).unwrap();
        let host = head.split("resource=https%3A%2F%2F").nth(1).unwrap().split(['&', ' ']).next().unwrap();
        let resource = format!("https://{host}");
        let number = {
            let mut seen = self.seen.lock().unwrap();
            let seen = seen.entry(resource.clone()).or_default();
            seen.requests += 1;
            seen.flying += 1;
            seen.most = seen.most.max(seen.flying);
            seen.requests
        };
        let answer = self.compose(number, resource == HURRIED);
        self.seen.lock().unwrap().get_mut(&resource).unwrap().flying -= 1;
        let _ = stream.write_all(answer.as_bytes());
    }

    /// Nothing good for long, and every kind of trouble in turn.
    fn compose(&self, number: usize, hurried: bool) -> String {
        let with =
            |status: u16, body: &str| format!("HTTP/1.1 {status} x\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        let token = |lifetime: u64| with(200, &format!(r#"{{"access_token":"t{number}","expires_in":{lifetime}}}"#));
        match number % 8 {
            1 => token(1),
            2 => {
                thread::sleep(Duration::from_millis(if hurried { 400 } else { 60 }));
                token(2)
            }
            3 => with(400, r#"{"error":"invalid_request","error_description":"not now"}"#),
            4 => with(500, ""),
            5 => String::new(),
            6 => with(200, "no token"),
            7 => token(1)[..30].to_owned(),
            _ => token(2),
        }
    }
}

/// What a thread has met.
#[derive(Default)]
struct Tally {
    calls: usize,
    tokens: usize,
    errors: BTreeMap<String, usize>,
}

impl Tally {
    fn note(&mut self, begun: SystemTime, outcome: Result<AccessToken, Error>, resource: &str, kinds: &[ErrorKind]) {
        self.calls += 1;
        match outcome {
            Ok(token) => {
                self.tokens += 1;
                assert_eq!(token.resource(), resource);
                let end = token.expires_on();
                assert!(begun < end, "a token that had ended {:?} before", begun.duration_since(end));
            }
            Err(error) => {
                assert!(kinds.contains(&error.kind()), "{error:?} was not served");
                *self.errors.entry(format!("{:?}", error.kind())).or_default() += 1;
            }
        }
    }
}

fn count(folder: &str) -> usize {
    fs::read_dir(folder).unwrap().count()
}

#[test]
fn sixty_four_threads() {
    use ErrorKind::{BadAnswer, Connection, DeadlineExceeded, IdentityRefused, Unavailable};

    let (threads, files) = (count("/proc/self/task"), count("/proc/self/fd"));
    let endpoint = Arc::new(Endpoint::default());
    let (address, listening) = endpoint.start();
    let build = |deadline| {
        let builder = Credential::builder().metadata_endpoint(&format!("http://{address}")).deadline(deadline);
        builder.identity(Identity::SystemAssigned).build().unwrap()
    };
    let (credential, hurried) = (build(Duration::from_secs(60)), build(Duration::from_millis(150)));
    let end = Instant::now() + TIME;
    let next = Arc::new(AtomicUsize::new(0));
    let (done, tallies) = mpsc::channel();
    let callers: Vec<_> = (0..THREADS)
        .map(|_| {
            let (credential, hurried) = (credential.clone(), hurried.clone());
            let (next, done) = (Arc::clone(&next), done.clone());
            thread::spawn(move || {
                let mut tally = Tally::default();
                while Instant::now() < end {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let resource = RESOURCES[number % RESOURCES.len()];
                    let begun = SystemTime::now();
                    match number % 1009 {
                        0 => {
                            tally.note(begun, credential.fresh_token(resource), resource, &[IdentityRefused, BadAnswer])
                        }
                        1..10 => {
                            let kinds = [IdentityRefused, BadAnswer, DeadlineExceeded, Unavailable, Connection];
                            tally.note(begun, hurried.token(HURRIED), HURRIED, &kinds);
                        }
                        _ => tally.note(begun, credential.token(resource), resource, &[IdentityRefused, BadAnswer]),
                    }
                }
                done.send(tally).unwrap();
            })
        })
        .collect();
    drop(done);
    let mut sum = Tally::default();
    for _ in 0..THREADS {
        let tally = tallies.recv_timeout(Duration::from_secs(120)).expect("a thread that panicked or waits for ever");
        sum.calls += tally.calls;
        sum.tokens += tally.tokens;
        for (kind, count) in tally.errors {
            *sum.errors.entry(kind).or_default() += count;
        }
    }
    callers.into_iter().for_each(|caller| caller.join().unwrap());
    endpoint.over.store(true, Ordering::SeqCst);
    drop(TcpStream::connect(address).unwrap());
    listening.join().unwrap();

    let seen = endpoint.seen.lock().unwrap();
    for resource in RESOURCES {
        let seen = &seen[resource];
        assert_eq!(seen.most, 1, "requests for {resource} at once");
        assert!(seen.requests >= 4, "{resource} was hardly asked for");
    }
    let requests: usize = seen.values().map(|seen| seen.requests).sum();
    eprintln!("{} calls, {} tokens, {requests} requests, errors {:?}", sum.calls, sum.tokens, sum.errors);
    assert!(sum.tokens > 0 && sum.errors.len() > 1, "{:?}", sum.errors);
    drop((credential, hurried));
    // The kernel lists a thread for a moment after it was joined.
    let patience = Instant::now() + Duration::from_secs(30);
    while count("/proc/self/task") > threads && Instant::now() < patience {
        thread::yield_now();
    }
    assert_eq!((count("/proc/self/task"), count("/proc/self/fd")), (threads, files), "threads and open files");
}
