//! The cache: when a request goes out, when none does, and what those who wait are told.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::super::*;
use crate::error::ErrorKind;

const RESOURCE: &str = "https://management.azure.com/";

/// An endpoint that gives one answer after another, and counts.
struct Endpoint {
    url: String,
    asked: Arc<AtomicUsize>,
}

impl Endpoint {
    /// `answer` is told the number of the request, from 0 on, and gives status and body.
    fn start(answer: impl Fn(usize) -> (u16, String) + Send + 'static) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&asked);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    let mut byte = [0];
                    if stream.read(&mut byte).unwrap_or(0) == 0 {
                        break;
                    }
                    head.push(byte[0]);
                }
                let (status, body) = answer(counter.fetch_add(1, Ordering::SeqCst));
                let _ = write!(stream, "HTTP/1.1 {status} x\r\nContent-Length: {}\r\n\r\n{body}", body.len());
            }
        });
        Self { url, asked }
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    fn builder(&self) -> Builder {
        Credential::builder().metadata_endpoint(&self.url).identity(Identity::SystemAssigned)
    }

    fn credential(&self) -> Credential {
        self.builder().build().unwrap()
    }
}

fn token(lifetime: u64, number: usize) -> (u16, String) {
    (200, format!(r#"{{"access_token":"token-{number}","expires_in":{lifetime}}}"#))
}

#[test]
fn a_good_token_is_kept_for_each_resource() {
    let endpoint = Endpoint::start(|number| token(3600, number));
    let credential = endpoint.credential();
    for _ in 0..100 {
        assert_eq!(credential.token(RESOURCE).unwrap().secret(), "token-0");
    }
    assert_eq!(credential.clone().token("https://vault.azure.net").unwrap().secret(), "token-1");
    assert_eq!(credential.token(RESOURCE).unwrap().secret(), "token-0");
    assert_eq!(endpoint.asked(), 2);
}

#[test]
fn many_threads_make_one_request() {
    let endpoint = Endpoint::start(|number| token(3600, number));
    let credential = endpoint.credential();
    let start = Barrier::new(64);
    thread::scope(|scope| {
        for _ in 0..64 {
            scope.spawn(|| {
                start.wait();
                assert_eq!(credential.token(RESOURCE).unwrap().secret(), "token-0");
            });
        }
    });
    assert_eq!(endpoint.asked(), 1);
}

#[test]
fn a_token_near_its_end_is_replaced() {
    let endpoint = Endpoint::start(|number| token(300, number));
    let credential = endpoint.credential();
    assert_eq!(credential.token(RESOURCE).unwrap().secret(), "token-0");
    assert_eq!(credential.token(RESOURCE).unwrap().secret(), "token-1");
}

#[test]
fn failing_to_refresh_a_good_token_is_no_error() {
    let endpoint = Endpoint::start(|number| if number == 0 { token(300, 0) } else { (500, String::new()) });
    let credential = endpoint.credential();
    for _ in 0..5 {
        assert_eq!(credential.token(RESOURCE).unwrap().secret(), "token-0");
    }
    // The second call tried, and the others know that it is too early to try again.
    assert_eq!(endpoint.asked(), 2);
}

#[test]
fn an_error_is_not_kept() {
    let endpoint = Endpoint::start(|number| {
        if number == 0 { (400, r#"{"error":"invalid_request"}"#.to_owned()) } else { token(60, number) }
    });
    let credential = endpoint.credential();
    assert_eq!(credential.token(RESOURCE).unwrap_err().code(), Some("invalid_request"));
    assert_eq!(credential.token(RESOURCE).unwrap().secret(), "token-1");
}

/// Waits until so many callers wait for the one who fetches.
fn until_waiting(credential: &Credential, count: usize) {
    while credential.0.slots.find(RESOURCE).is_none_or(|slot| slot.flight().waiting < count) {
        thread::yield_now();
    }
}

#[test]
fn those_who_wait_share_the_leaders_error() {
    let gate = Arc::new(Barrier::new(2));
    let opened = Arc::clone(&gate);
    let endpoint = Endpoint::start(move |_| {
        opened.wait();
        (400, r#"{"error":"invalid_request","error_description":"Identity not found"}"#.to_owned())
    });
    let credential = endpoint.credential();
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| assert_eq!(credential.token(RESOURCE).unwrap_err().message(), Some("Identity not found")));
        }
        until_waiting(&credential, 7);
        gate.wait();
    });
    assert_eq!(endpoint.asked(), 1);
}

/// However short its life: it came after they asked.
#[test]
fn those_who_wait_share_what_lands() {
    let gate = Arc::new(Barrier::new(2));
    let opened = Arc::clone(&gate);
    let endpoint = Endpoint::start(move |number| {
        opened.wait();
        token(300, number)
    });
    let credential = endpoint.credential();
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| assert_eq!(credential.token(RESOURCE).unwrap().secret(), "token-0"));
        }
        until_waiting(&credential, 7);
        gate.wait();
    });
    assert_eq!(endpoint.asked(), 1);
}

/// The leader's deadline is its own affair.
#[test]
fn those_who_have_more_time_than_the_leader_use_it() {
    let gate = Arc::new(Barrier::new(2));
    let opened = Arc::clone(&gate);
    let endpoint = Endpoint::start(move |number| {
        if number == 0 {
            opened.wait();
        }
        token(3600, number)
    });
    let credential = endpoint.credential();
    let end = Instant::now() + Duration::from_millis(500);
    thread::scope(|scope| {
        let leader = scope.spawn(|| credential.token_before(RESOURCE, end));
        while !credential.0.slots.find(RESOURCE).is_some_and(|slot| slot.flight().busy) {
            thread::yield_now();
        }
        let waiter = scope.spawn(|| credential.token(RESOURCE));
        assert_eq!(leader.join().unwrap().unwrap_err().kind(), ErrorKind::DeadlineExceeded);
        gate.wait();
        assert!(waiter.join().unwrap().is_ok());
    });
}

#[test]
fn waiting_for_another_ends_at_ones_own_deadline() {
    let gate = Arc::new(Barrier::new(2));
    let opened = Arc::clone(&gate);
    let endpoint = Endpoint::start(move |number| {
        opened.wait();
        token(3600, number)
    });
    let credential = endpoint.credential();
    thread::scope(|scope| {
        let leader = scope.spawn(|| credential.token(RESOURCE));
        while !credential.0.slots.find(RESOURCE).is_some_and(|slot| slot.flight().busy) {
            thread::yield_now();
        }
        let error = credential.token_before(RESOURCE, Instant::now() + Duration::from_millis(50)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::DeadlineExceeded);
        gate.wait();
        assert!(leader.join().unwrap().is_ok());
    });
}

#[test]
fn a_leader_that_panics_blocks_nobody() {
    let endpoint = Endpoint::start(|number| token(3600, number));
    let first = Arc::new(AtomicUsize::new(0));
    let credential = endpoint
        .builder()
        .on_attempt(move |_| assert_ne!(first.fetch_add(1, Ordering::SeqCst), 0, "the first attempt panics on purpose"))
        .build()
        .unwrap();
    thread::scope(|scope| assert!(scope.spawn(|| credential.token(RESOURCE)).join().is_err()));
    assert_eq!(credential.token(RESOURCE).unwrap().secret(), "token-1");
}

/// Who wants a fresh token does not get the one that was kept, however the fetch ends that it waits for.
#[test]
fn a_leader_that_panics_leaves_nothing_fresh() {
    let gate = Arc::new(Barrier::new(2));
    let opened = Arc::clone(&gate);
    let endpoint = Endpoint::start(move |number| {
        if number == 1 {
            opened.wait();
        }
        token(3600, number)
    });
    let told = AtomicUsize::new(0);
    let credential = endpoint
        .builder()
        .on_attempt(move |_| assert_ne!(told.fetch_add(1, Ordering::SeqCst), 1, "the second attempt panics on purpose"))
        .build()
        .unwrap();
    assert_eq!(credential.token(RESOURCE).unwrap().secret(), "token-0");
    thread::scope(|scope| {
        let leader = scope.spawn(|| credential.fresh_token(RESOURCE));
        while !credential.0.slots.find(RESOURCE).is_some_and(|slot| slot.flight().busy) {
            thread::yield_now();
        }
        let waiter = scope.spawn(|| credential.fresh_token(RESOURCE));
        until_waiting(&credential, 1);
        gate.wait();
        assert!(leader.join().is_err());
        assert_eq!(waiter.join().unwrap().unwrap().secret(), "token-2");
    });
}

#[test]
fn what_cannot_be_a_resource_is_refused_before_anything_is_sent() {
    let endpoint = Endpoint::start(|number| token(3600, number));
    let credential = endpoint.credential();
    for resource in ["", "https://a\r\n", &"x".repeat(MAX_RESOURCE + 1)] {
        assert_eq!(credential.token(resource).unwrap_err().kind(), ErrorKind::InvalidInput);
    }
    assert_eq!(endpoint.asked(), 0);
}

#[test]
fn the_environment_names_the_identity() {
    let identity = |pairs: &[_]| {
        let builder = Builder { env: Env::fixed(pairs), ..Credential::builder() };
        builder.build().map(|credential| credential.0.fetcher.identity.clone())
    };
    assert_eq!(identity(&[]).unwrap(), Identity::SystemAssigned);
    assert_eq!(identity(&[("AZURE_CLIENT_ID", "")]).unwrap(), Identity::SystemAssigned);
    assert_eq!(identity(&[("AZURE_CLIENT_ID", "a")]).unwrap(), Identity::ClientId("a".to_owned()));
    assert!(identity(&[("AZURE_CLIENT_ID", "a b")]).is_err());
    let builder = Builder { env: Env::fixed(&[("AZURE_CLIENT_ID", "a")]), ..Credential::builder() };
    assert_eq!(
        builder.identity(Identity::SystemAssigned).build().unwrap().0.fetcher.identity,
        Identity::SystemAssigned
    );
}

#[test]
fn crosses_threads() {
    fn crosses<T: Send + Sync + Clone + 'static>() {}
    crosses::<Credential>();
}

#[test]
fn so_many_resources_that_no_stack_would_hold_them_all() {
    let many = || {
        let slots = Slots::<AccessToken, Error>::new();
        for number in 0..3000 {
            slots.make(&number.to_string());
        }
        assert_eq!(slots.find("2999").map(|slot| &*slot.resource), Some("2999"));
    };
    thread::Builder::new().stack_size(64 << 10).spawn(many).unwrap().join().unwrap();
}
