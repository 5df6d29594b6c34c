//! What must hold of a proxy's answers.

use httparse::{EMPTY_HEADER, Status};

use crate::http::{Buffer, Fault, Limits, Parser, Progress, parse};

/// The answer to a `CONNECT`: a success ends with its head, whatever lengths it names, and everything else is read as any
/// other answer is.
pub fn connect(data: &[u8]) {
    let (by_byte, used) = read(data.chunks(1));
    let (at_once, _) = read([data].into_iter());
    assert_eq!(by_byte, at_once, "byte by byte");
    if let Some(status) = success(data) {
        let refused = matches!(parse(data, Limits::default()), Err(Fault::Malformed(_) | Fault::TooLarge(_)));
        assert!(refused || by_byte == Ok(status), "{by_byte:?} for {status}");
    }
    match by_byte {
        Ok(status @ 200..300) => {
            let head = &data[..used];
            assert!(head.ends_with(b"\r\n\r\n") || head.ends_with(b"\r\n"), "it ends in the middle of a line");
            for tail in [&b""[..], b"\x16\x03\x01", b"HTTP/1.1 500 No\r\n\r\n"] {
                assert_eq!(
                    read([&[head, tail].concat()[..]].into_iter()).0,
                    Ok(status),
                    "with {tail:?} after the head"
                );
            }
            for cut in [used / 2, used - 1] {
                let fault = if cut == 0 { Fault::Empty } else { Fault::Truncated };
                assert_eq!(read([&data[..cut]].into_iter()).0, Err(fault), "cut after {cut}");
            }
        }
        other => assert_eq!(other, parse(data, Limits::default()).map(|response| response.status)),
    }
}

/// The status of a success, as another parser reads its head.
fn success(data: &[u8]) -> Option<u16> {
    let mut headers = [EMPTY_HEADER; 130];
    let mut response = httparse::Response::new(&mut headers);
    let whole = matches!(response.parse(data), Ok(Status::Complete(_)));
    response.code.filter(|status| whole && (200..300).contains(status))
}

/// The status, and how many bytes had been fed when it was known.
fn read<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> (Result<u16, Fault>, usize) {
    let (mut buffer, mut parser, mut fed) = (Buffer::default(), Parser::of_connect(Limits::default()), 0);
    for piece in pieces {
        buffer.extend(piece);
        fed += piece.len();
        match parser.advance(&mut buffer, false) {
            Ok(Progress::NeedMore) => {}
            Ok(Progress::Done) => break,
            Err(fault) => return (Err(fault), fed),
        }
    }
    let end = parser.advance(&mut buffer, true);
    let outcome = end.map(|_| {
        let response = parser.finish(buffer);
        assert!(response.body().is_empty() || !(200..300).contains(&response.status));
        response.status
    });
    (outcome, fed)
}
