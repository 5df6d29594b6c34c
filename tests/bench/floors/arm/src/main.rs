//! Prints the tutorial's resource group: token, handshake, one request, no more.

use std::error::Error;
use std::io::{self, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::{env, fs};

use bench_token_floor::{find, read_some, token};
use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

const HOST: &str = "management.azure.com";

fn main() -> Result<(), Box<dyn Error>> {
    let mut buffer = [0; 16 * 1024];
    let request = request(token(&mut buffer)?);
    let mut stream = connect()?;
    stream.write_all(&request)?;
    let mut filled = 0;
    let body = loop {
        filled += read_some(&mut stream, &mut buffer[filled..])?;
        if let Some(body) = body(&buffer[..filled]) {
            break body;
        }
    };
    let mut out = io::stdout().lock();
    out.write_all(body)?;
    out.write_all(b"\n")?;
    Ok(())
}

/// The lines that azmin sends.
fn request(token: &[u8]) -> Vec<u8> {
    let mut request = Vec::with_capacity(4096);
    request.extend_from_slice(b"GET /subscriptions/98f51385-2edc-4b79-bed9-7718de4cb861/resourceGroups/DevTest");
    request.extend_from_slice(b"?api-version=2016-06-01 HTTP/1.1\r\nHost: management.azure.com\r\n");
    request.extend_from_slice(b"Accept: application/json\r\nUser-Agent: floor/0.0.0\r\nAuthorization: Bearer ");
    request.extend_from_slice(token);
    request.extend_from_slice(b"\r\n\r\n");
    request
}

/// With the roots that azmin has, and the stand-in's.
fn connect() -> Result<StreamOwned<ClientConnection, TcpStream>, Box<dyn Error>> {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    if let Some(file) = env::var_os("SSL_CERT_FILE") {
        roots.add(CertificateDer::from_pem_slice(&fs::read(file)?)?)?;
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let connection = ClientConnection::new(Arc::new(config), HOST.try_into()?)?;
    Ok(StreamOwned::new(connection, TcpStream::connect((HOST, 443))?))
}

/// The body, when all of it is there and the status is 200.
fn body(answer: &[u8]) -> Option<&[u8]> {
    let head = find(answer, b"\r\n\r\n")?;
    let (head, body) = (&answer[..head], &answer[head + 4..]);
    let length = head.split(|&byte| byte == b'\n').find_map(|line| {
        let (name, value) = line.split_at_checked("content-length:".len())?;
        name.eq_ignore_ascii_case(b"content-length:").then(|| std::str::from_utf8(value).ok()?.trim().parse().ok())?
    })?;
    (head.starts_with(b"HTTP/1.1 200 ") && body.len() >= length).then(|| &body[..length])
}
