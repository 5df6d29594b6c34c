//! Streams that end or begin where they should not.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use azmin::arm::Answer;
use azmin::simulator::{Azure, Fault, Service};
use azmin::{Credential, Error, ErrorKind};

use super::{J, TOKEN, arm, credential, each_in_a_thread, good, last_word, post, token};
use crate::relay::{Manner, Relay, arm_address};
use crate::support::ARM_AUDIENCE;

const B: &str = r#"{"id":"/x","name":"a body from Resource Manager"}"#;

fn ok(headers: &str, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\n{headers}\r\n{body}").into_bytes()
}

fn whole(outcome: &Result<Answer, Error>) -> bool {
    outcome.as_ref().is_ok_and(|answer| answer.bytes() == B.as_bytes())
}

fn broken(outcome: &Result<Answer, Error>) -> bool {
    outcome.as_ref().is_err_and(|error| error.kind() == ErrorKind::BadAnswer && error.status().is_none())
}

#[test]
fn no_cut_answer_passes_for_a_token() {
    for (name, bytes) in [("J31 length", good()), ("J31 until the end of the stream", ok("", J))] {
        let ends: Vec<usize> = (0..bytes.len()).collect();
        each_in_a_thread(ends.chunks(8).collect(), |ends| {
            for &end in ends {
                let azure = Azure::start().unwrap();
                azure.on(Service::Imds, Fault::raw(&bytes[..end]).times(1000));
                let outcome = last_word(&azure.imds());
                let wanted = if end == 0 { Some(ErrorKind::Connection) } else { Some(ErrorKind::BadAnswer) };
                assert_eq!(outcome.as_ref().err().map(Error::kind), wanted, "{name}, {end} bytes: {outcome:?}");
            }
        });
        assert!(token(&Azure::start().unwrap(), Fault::raw(bytes)).is_ok());
    }
}

/// Closing a socket with unread bytes in it resets the connection.
#[test]
fn a_reset_is_no_end_of_a_body() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let over = Arc::new(AtomicBool::new(false));
    let server = thread::spawn({
        let over = Arc::clone(&over);
        move || {
            let mut served = 0;
            loop {
                let (mut stream, _) = listener.accept().unwrap();
                if over.load(Ordering::SeqCst) {
                    return served;
                }
                served += 1;
                stream.peek(&mut [0]).unwrap();
                stream.write_all(&ok("", J)).unwrap();
            }
        }
    });
    let outcome = last_word(&endpoint);
    over.store(true, Ordering::SeqCst);
    drop(TcpStream::connect(endpoint.trim_start_matches("http://")).unwrap());
    assert!(server.join().unwrap() > 0);
    assert_eq!(outcome.as_ref().err().map(Error::kind), Some(ErrorKind::Connection), "N10: {outcome:?}");
}

/// RFC 9112 allows an answer before the request has been read whole.
#[test]
fn an_answer_may_come_before_the_request() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.write_all(&good()).unwrap();
        let mut request = Vec::new();
        let _ = stream.read_to_end(&mut request);
        request.ends_with(b"\r\n\r\n")
    });
    let outcome = Credential::builder().metadata_endpoint(&endpoint).build().unwrap().token(ARM_AUDIENCE);
    assert_eq!(outcome.unwrap().secret(), TOKEN, "N12");
    assert!(server.join().unwrap());
}

#[test]
fn only_an_announced_end_is_the_end_of_a_body() {
    let azure = Azure::start().unwrap();
    let credential = credential(&azure);
    let relay = Relay::start(Manner::WithoutGoodbye(arm_address(&azure)));
    for (name, bytes, good) in [
        ("until the end of the stream", ok("", B), false),
        ("chunks that stop", ok("Transfer-Encoding: chunked\r\n", &format!("{:x}\r\n{B}\r\n", B.len())), false),
        ("a length that is not reached", ok("Content-Length: 999\r\n", B), false),
        ("a length that is", ok(&format!("Content-Length: {}\r\n", B.len()), B), true),
    ] {
        azure.on(Service::Arm, Fault::raw(bytes.clone()));
        let outcome = post(&arm(&azure, &credential, &relay.as_arm())).send();
        assert!(if good { whole(&outcome) } else { broken(&outcome) }, "{name}: {outcome:?}");
        // The same with an end that was announced, to be sure that it was the end that made the difference.
        azure.on(Service::Arm, Fault::raw(bytes));
        let outcome = post(&arm(&azure, &credential, &azure.arm())).send();
        assert_eq!(outcome.is_ok(), good || name.starts_with("until"), "{name}: {outcome:?}");
    }
    assert_eq!(relay.accepted(), 4);
}

#[test]
fn a_connection_that_is_cut_anywhere_gives_no_answer() {
    let azure = Azure::start().unwrap();
    let credential = credential(&azure);
    for bytes in [0, 1, 20, 100, 500] {
        azure.on(Service::Arm, Fault::cut(bytes));
        let outcome = post(&arm(&azure, &credential, &azure.arm())).send();
        assert!(broken(&outcome), "{bytes} bytes: {outcome:?}");
    }
}
