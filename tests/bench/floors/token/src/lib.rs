//! What both floors do: ask the metadata service for a token, with no more care than that takes.

use std::env;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpStream};

const REQUEST: &[u8] = b"GET /metadata/identity/oauth2/token?api-version=2018-02-01&\
resource=https%3A%2F%2Fmanagement.azure.com%2F HTTP/1.1\r\n\
Host: 169.254.169.254\r\nMetadata: true\r\nConnection: close\r\n\r\n";
const BEFORE: &[u8] = b"\"access_token\":\"";

/// Room for an answer.
pub type Buffer = [u8; 16 * 1024];

/// Asks for a token and gives back the part of the answer that is it.
pub fn token(buffer: &mut Buffer) -> io::Result<&[u8]> {
    if env::var_os("ON_THE_ISLAND").is_none() {
        return Err(io::Error::other("only the bench starts this, in a network of its own"));
    }
    let mut stream = TcpStream::connect((Ipv4Addr::new(169, 254, 169, 254), 80))?;
    stream.write_all(REQUEST)?;
    let mut filled = 0;
    let found = loop {
        filled += read_some(&mut stream, &mut buffer[filled..])?;
        if let Some(found) = value(&buffer[..filled]) {
            break found;
        }
    };
    Ok(&buffer[found.0..found.1])
}

/// The end of the stream is an error: both floors know when they have what they want.
pub fn read_some(stream: &mut impl Read, into: &mut [u8]) -> io::Result<usize> {
    match stream.read(into)? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        read => Ok(read),
    }
}

/// Where something begins.
pub fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    text.windows(wanted.len()).position(|window| window == wanted)
}

fn value(answer: &[u8]) -> Option<(usize, usize)> {
    let start = find(answer, BEFORE)? + BEFORE.len();
    let length = answer[start..].iter().position(|&byte| byte == b'"')?;
    Some((start, start + length))
}
