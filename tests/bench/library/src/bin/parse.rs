//! Reads an answer of 2 kB from memory to a token, as often as it is told: `parse COUNT`.
//!
//! The parsers are no public items of the crate. Their source is compiled here as it stands.

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use azmin_library_bench::{RESOURCE, answer};

#[path = "../../../../../src"]
#[allow(dead_code, unused_imports, reason = "a part of the crate")]
mod product {
    pub(crate) mod base64;
    pub(crate) mod date;
    pub(crate) mod error;
    pub(crate) mod failure;
    pub(crate) mod http;
    pub(crate) mod identity;
    pub(crate) mod json;
    pub(crate) mod token;
}
use product::{base64, date, error, failure, http, identity, json, token};

fn main() {
    let count: u32 = std::env::args().nth(1).and_then(|count| count.parse().ok()).expect("usage: parse COUNT");
    let (answer, resource) = (answer(), Arc::from(RESOURCE));
    let received = token::Received { at: Instant::now(), wall: SystemTime::now() };
    for _ in 0..count {
        let token = read(black_box(&answer), &resource, received);
        assert!(black_box(token).secret().len() > 1000);
    }
}

/// As `dial` and `source` do it with what comes in one piece.
fn read(bytes: &[u8], resource: &Arc<str>, received: token::Received) -> token::AccessToken {
    let mut buffer = http::Buffer::default();
    buffer.spare()[..bytes.len()].copy_from_slice(bytes);
    buffer.advance(bytes.len());
    let mut parser = http::Parser::new(http::Limits::default());
    assert_eq!(parser.advance(&mut buffer, false), Ok(http::Progress::Done));
    let response = parser.finish(buffer);
    let ask = token::Ask { resource, identity: &identity::Identity::SystemAssigned, strict: false };
    token::read(response.body(), &ask, received).expect("a token")
}
