//! An identity endpoint that says the same each time, in a process of its own, and a credential that asks it.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread;

use azmin::{Credential, Identity};

pub const RESOURCE: &str = "https://management.azure.com/";

/// How the programs here are told to be the endpoint.
pub const SERVE: &str = "serve";

/// A token's answer of 2 kB, as the metadata service of a virtual machine gives it.
pub fn answer() -> Vec<u8> {
    let body = |token: &str| {
        format!(
            "{{\"access_token\":\"{token}\",\"client_id\":\"8a9b0c1d-2e3f-4a5b-8c7d-9e0f1a2b3c4d\",\
             \"expires_in\":\"86399\",\"expires_on\":\"4102444799\",\"ext_expires_in\":\"86399\",\
             \"not_before\":\"4102358100\",\"resource\":\"{RESOURCE}\",\"token_type\":\"Bearer\"}}"
        )
    };
    let head = |length: usize| {
        format!(
            "HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=utf-8\r\nServer: IMDS/150.870.65.528\r\n\
             Date: Thu, 31 Dec 2099 00:00:00 GMT\r\nx-ms-request-id: 0b1c2d3e-4f50-6172-8394-a5b6c7d8e9f0\r\n\
             Connection: close\r\nContent-Length: {length:4}\r\n\r\n"
        )
    };
    let room = SIZE - head(0).len() - body("").len();
    let token: String = ALPHABET.chars().cycle().take(room).collect();
    let body = body(&token);
    let answer = head(body.len()) + &body;
    assert_eq!(answer.len(), SIZE);
    answer.into_bytes()
}

/// Answers every request, until standard input ends.
pub fn serve() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    println!("http://{}", listener.local_addr().expect("an address"));
    let answer = answer();
    thread::spawn(move || {
        for stream in listener.incoming() {
            // A client that has gone is no reason to stop.
            let _ = stream.and_then(|stream| converse(stream, &answer));
        }
    });
    io::stdin().read_to_end(&mut Vec::new()).expect("standard input");
}

fn converse(mut stream: TcpStream, answer: &[u8]) -> io::Result<()> {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        let mut bytes = [0; 1024];
        let count = stream.read(&mut bytes)?;
        if count == 0 {
            return Ok(());
        }
        request.extend_from_slice(&bytes[..count]);
    }
    stream.write_all(answer)
}

/// The endpoint, which ends when this is dropped.
pub struct Endpoint {
    process: Child,
    url: String,
}

impl Endpoint {
    /// This very program once more.
    pub fn start() -> Self {
        let program = std::env::current_exe().expect("this program");
        let mut process =
            Command::new(program).arg(SERVE).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("an endpoint");
        let mut url = String::new();
        BufReader::new(process.stdout.take().expect("a pipe")).read_line(&mut url).expect("its address");
        let url = url.trim_end().to_owned();
        assert!(url.starts_with("http://127.0.0.1:"), "not on loopback: {url}");
        Self { process, url }
    }

    pub fn credential(&self) -> Credential {
        Credential::builder()
            .source("imds")
            .metadata_endpoint(&self.url)
            .identity(Identity::SystemAssigned)
            .build()
            .expect("a credential")
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        self.process.wait().expect("the endpoint's end");
    }
}

const SIZE: usize = 2048;
const ALPHABET: &str =
    "eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiIs.ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
