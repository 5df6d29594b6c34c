//! Calls through a proxy. The hosts are names and addresses that are not loopback, which a proxy never sees: the command is
//! the one that dials nothing but loopback, whatever goes wrong.

use std::time::{Duration, Instant};

use azmin::simulator::{Azure, Service};

use crate::relay::{Manner, Relay, arm_address};
use crate::support::{ARM_AUDIENCE, Azmin, GROUP, GROUP_BODY, Scratch, closed_port, guarded, received};

const ESTABLISHED: &str = "HTTP/1.1 200 Connection established\r\n\r\n";
/// TEST-NET-1 (RFC 5737): nobody's.
const ELSEWHERE: &str = "https://192.0.2.7/x";

fn management() -> String {
    format!("https://management.azure.com{GROUP}?api-version=2016-06-01")
}

/// The tutorial's call by its true name, without an audience.
fn tutorial(azure: &Azure, scratch: &Scratch, more: &[&str]) -> Azmin {
    let (ca, url) = (scratch.ca(azure), management());
    guarded([&["get", &url, "--ca-file", ca.to_str().unwrap()], more].concat()).on(azure)
}

fn elsewhere(azure: &Azure) -> Azmin {
    elsewhere_within(azure, "20s")
}

fn elsewhere_within(azure: &Azure, deadline: &str) -> Azmin {
    guarded(["get", ELSEWHERE, "--resource", ARM_AUDIENCE, "--deadline", deadline]).on(azure)
}

#[test]
fn the_tutorials_call_through_a_proxy() {
    let (azure, scratch) = (Azure::start().unwrap(), Scratch::new());
    for (variable, answer) in [
        ("HTTPS_PROXY", ESTABLISHED),
        ("https_proxy", "HTTP/1.0 200 OK\r\n\r\n"),
        ("ALL_PROXY", "HTTP/1.1 201 Odd\r\nVia: 1.1 squid\r\nContent-Length: 5\r\n\r\n"),
        ("all_proxy", "HTTP/1.1 200\r\nTransfer-Encoding: chunked\r\n\r\n"),
    ] {
        let proxy = Relay::start(Manner::Tunnel(answer, arm_address(&azure)));
        let run = tutorial(&azure, &scratch, &[])
            .env("HTTPS_PROXY", "")
            .env(variable, format!("http://{}/", proxy.address()))
            .run();
        assert_eq!((run.succeeds().out.as_str(), run.err.as_str()), (GROUP_BODY, ""), "{variable}");
        let expected = "CONNECT management.azure.com:443 HTTP/1.1\r\nHost: management.azure.com:443\r\n\r\n";
        assert_eq!(proxy.first_pieces(), [expected], "one connection, the request in one piece");
        assert_eq!(received(&azure, Service::Arm).pop().unwrap().header("host"), Some("management.azure.com"));
    }
    assert!(received(&azure, Service::Imds)[0].target().ends_with("resource=https%3A%2F%2Fmanagement.azure.com%2F"));
}

#[test]
fn the_proxy_must_lead_to_the_host_that_was_asked_for() {
    let (azure, scratch) = (Azure::start().unwrap(), Scratch::new());
    let proxy = Relay::start(Manner::Tunnel(ESTABLISHED, arm_address(&azure)));
    let ca = scratch.ca(&azure);
    let run = guarded(["get", ELSEWHERE, "--resource", ARM_AUDIENCE, "--ca-file", ca.to_str().unwrap()])
        .on(&azure)
        .env("HTTPS_PROXY", proxy.address().to_string())
        .run();
    run.fails(7).says("192.0.2.7 is not trusted");
    assert_eq!(proxy.first_pieces(), ["CONNECT 192.0.2.7:443 HTTP/1.1\r\nHost: 192.0.2.7:443\r\n\r\n"]);
    assert_eq!(received(&azure, Service::Arm).len(), 0);
}

#[test]
fn credentials_go_to_the_proxy_and_nowhere_else() {
    let (azure, scratch) = (Azure::start().unwrap(), Scratch::new());
    let proxy = Relay::start(Manner::Tunnel(ESTABLISHED, arm_address(&azure)));
    let url = format!("http://us%40er:s3%3Acr3t@{}", proxy.address());
    let run = tutorial(&azure, &scratch, &["-vv"]).env("HTTPS_PROXY", &url).run();
    assert_eq!(run.succeeds().out, GROUP_BODY);
    let expected = "CONNECT management.azure.com:443 HTTP/1.1\r\nHost: management.azure.com:443\r\n\
                    Proxy-Authorization: Basic dXNAZXI6czM6Y3IzdA==\r\n\r\n";
    assert_eq!(proxy.first_pieces(), [expected]);
    hidden(&run.err);
    let request = received(&azure, Service::Arm).pop().unwrap();
    assert!(request.headers().all(|(name, _)| !name.to_ascii_lowercase().starts_with("proxy-")), "{request:?}");
}

#[track_caller]
fn hidden(text: &str) {
    for secret in ["s3%3Acr3t", "s3:cr3t", "cr3t", "dXNAZXI", "us@er", "us%40er"] {
        assert!(!text.contains(secret), "{text}");
    }
}

#[test]
fn proxies_that_do_not_connect() {
    let azure = Azure::start().unwrap();
    let challenge =
        "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\nContent-Length: 2\r\n\r\nno";
    for (name, answer, words) in [
        ("407", challenge.to_owned(), "wants other credentials: HTTP 407"),
        ("401", "HTTP/1.0 401 Unauthorized\r\n\r\n".to_owned(), "wants other credentials: HTTP 401"),
        ("403", "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n".to_owned(), "refused the connection: HTTP 403"),
        ("502", "HTTP/1.1 502 Bad Gateway\r\n\r\n<html>".to_owned(), "refused the connection: HTTP 502"),
        ("302", "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\n\r\n".to_owned(), "HTTP 302"),
        ("garbage", "SSH-2.0-OpenSSH_9.2\r\n".to_owned(), "did not answer in HTTP"),
        ("half a head", "HTTP/1.1 200 OK\r\nX: ".to_owned(), "did not answer in HTTP"),
        ("nothing", String::new(), "did not answer in HTTP"),
        ("a flood", format!("HTTP/1.1 200 OK\r\n{}\r\n", "X: y\r\n".repeat(1 << 17)), "did not answer in HTTP"),
        ("TLS that is none", format!("{ESTABLISHED}junk"), "no TLS connection to 192.0.2.7"),
    ] {
        let proxy = Relay::start(Manner::Answer(answer.into()));
        let url = format!("http://us%40er:s3%3Acr3t@{}", proxy.address());
        let run = elsewhere_within(&azure, "2s").env("HTTPS_PROXY", &url).run();
        run.fails(7).says(words);
        if name != "TLS that is none" {
            run.says(&format!("the proxy {}", proxy.address()));
        }
        hidden(&run.err);
        // What may pass is tried again: a proxy that cannot connect now, a connection that breaks.
        assert!(proxy.accepted() == 1 || matches!(name, "502" | "TLS that is none"), "{name}");
    }
    let closed = closed_port();
    let url = format!("http://us%40er:s3%3Acr3t@127.0.0.1:{closed}");
    let run = elsewhere_within(&azure, "500ms").env("HTTPS_PROXY", url).run();
    run.fails(7).says(&format!("no connection to the proxy 127.0.0.1:{closed}"));
    hidden(&run.err);
    assert_eq!(received(&azure, Service::Arm).len(), 0);
}

#[test]
fn a_silent_proxy_is_bounded_by_the_deadline() {
    let azure = Azure::start().unwrap();
    let proxy = Relay::start(Manner::Silent);
    let url = ["get", ELSEWHERE, "--resource", ARM_AUDIENCE, "--deadline", "300ms"];
    let begun = Instant::now();
    guarded(url)
        .on(&azure)
        .env("HTTPS_PROXY", proxy.address().to_string())
        .run()
        .fails(124)
        .says("before the deadline");
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    assert_eq!(proxy.accepted(), 1);
}

#[test]
fn a_proxy_that_cannot_be_used_is_never_passed_by() {
    let azure = Azure::start().unwrap();
    for value in [
        "socks5://127.0.0.1:1",
        "https://127.0.0.1:1",
        "http://",
        "http://127.0.0.1:99999",
        "http://127.0.0.1:0",
        "http://127.0.0.1/path",
        "http://us%40er:s3%3Acr3t@127.0.0.1:port",
        "http://us%zzer:s3%3Acr3t@127.0.0.1:1",
        "http://pro xy:1",
    ] {
        for variable in ["HTTPS_PROXY", "ALL_PROXY"] {
            let run = elsewhere(&azure).env("HTTPS_PROXY", "").env(variable, value).run();
            run.fails(2).says(variable);
            hidden(&run.err);
        }
    }
    elsewhere(&azure).env("HTTPS_PROXY", "http://127.0.0.1:1").env("NO_PROXY", "a b:c").run().fails(2).says("NO_PROXY");
    assert_eq!(azure.requests().len(), 0, "not even a token was asked for");
}

/// The call goes straight to an address that the guard does not let it dial: what the test sees is that no proxy was asked.
#[test]
fn calls_that_go_past_the_proxy() {
    let azure = Azure::start().unwrap();
    let proxy = Relay::start(Manner::Answer(b"HTTP/1.1 403 Forbidden\r\n\r\n".to_vec()));
    let address = proxy.address().to_string();
    for (variables, direct) in [
        (&[("HTTPS_PROXY", ""), ("HTTP_PROXY", address.as_str()), ("http_proxy", &address)][..], true),
        (&[("HTTPS_PROXY", &address), ("NO_PROXY", "192.0.2.0/24")], true),
        (&[("HTTPS_PROXY", &address), ("no_proxy", "a.example, 192.0.2.7")], true),
        (&[("HTTPS_PROXY", ""), ("ALL_PROXY", &address), ("NO_PROXY", "*")], true),
        (&[("HTTPS_PROXY", "")], true),
        (&[("HTTPS_PROXY", &address), ("NO_PROXY", "192.0.3.0/24,2.7")], false),
        (&[("HTTPS_PROXY", &address), ("NO_PROXY", "")], false),
        (&[("HTTPS_PROXY", ""), ("ALL_PROXY", &address)], false),
    ] {
        let before = proxy.accepted();
        let run =
            variables.iter().fold(elsewhere_within(&azure, "300ms"), |run, (name, value)| run.env(name, value)).run();
        run.fails(7).says(if direct { "no connection to 192.0.2.7" } else { "the proxy 127.0.0.1:" });
        assert_eq!(proxy.accepted() - before, usize::from(!direct), "{variables:?}");
    }
}

/// Its loopback is another machine's.
#[test]
fn loopback_is_never_behind_a_proxy() {
    let (azure, scratch) = (Azure::start().unwrap(), Scratch::new());
    let proxy = Relay::start(Manner::Answer(b"HTTP/1.1 403 Forbidden\r\n\r\n".to_vec()));
    let arm = azure.arm();
    let url = format!("{GROUP}?api-version=2016-06-01");
    for host in ["localhost", "127.0.0.1"] {
        let run = guarded(["get", &(arm.replace("localhost", host) + &url)])
            .with_arm(&azure, &scratch.ca(&azure))
            .env("HTTPS_PROXY", proxy.address().to_string())
            .env("ALL_PROXY", proxy.address().to_string())
            .run();
        assert_eq!(run.succeeds().out, GROUP_BODY);
    }
    assert_eq!(proxy.accepted(), 0);
}
