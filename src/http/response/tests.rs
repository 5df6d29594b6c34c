//! What the parser takes and refuses: the catalogue, each row at every split.

use super::*;
use crate::fuzz::assert_watched;

mod rows;

/// The outcome of an answer: status and body, or the fault.
fn outcome(bytes: &[u8]) -> Result<(u16, String), Fault> {
    parse(bytes, Limits::default())
        .map(|response| (response.status, String::from_utf8_lossy(response.body()).into_owned()))
}

/// The same, fed in two pieces, and byte by byte.
fn outcome_in_pieces(pieces: &[&[u8]]) -> Result<(u16, String), Fault> {
    let (mut buffer, mut parser) = (Buffer::default(), Parser::new(Limits::default()));
    for piece in pieces {
        buffer.extend(piece);
        if parser.advance(&mut buffer, false)? == Progress::Done {
            break;
        }
    }
    parser.advance(&mut buffer, true)?;
    let response = parser.finish(buffer);
    Ok((response.status, String::from_utf8_lossy(response.body()).into_owned()))
}

/// Each limit admits just what it says, and is named when it is passed.
#[test]
fn limits_are_exact() {
    let status = |text: &str, limits| parse(text.as_bytes(), limits).map(|response| response.status);
    let limits = Limits::default;
    let too_large = |what| Err(Fault::TooLarge(what));
    let interim = "HTTP/1.1 100 x\r\n\r\nHTTP/1.1 204 x\r\n\r\n";
    for text in ["HTTP/1.1 204 x\r\nA: b\r\n\r\n", interim] {
        for missing in 0..=text.len() {
            let wanted = if missing == 0 { Ok(204) } else { too_large("headers") };
            assert_eq!(status(text, Limits { head: text.len() - missing, ..limits() }), wanted, "{missing} {text}");
        }
    }
    for lines in 0..4 {
        let text = format!("HTTP/1.1 204 x\r\n{}\r\n", "A: b\r\n".repeat(lines));
        let wanted = if lines < 3 { Ok(204) } else { too_large("number of headers") };
        assert_eq!(status(&text, Limits { lines: 2, ..limits() }), wanted, "{lines}");
    }
    let chunked = "HTTP/1.1 200 x\r\nTransfer-Encoding: chunked\r\n\r\n";
    // Sixteen digits and the line's end, and so much of an extension.
    for (length, wanted) in [(10 + 16 - 2, Ok(200)), (10 + 16 - 1, too_large("chunk extension"))] {
        let text = format!("{chunked}1;{}\r\nx\r\n0\r\n\r\n", "e".repeat(length));
        assert_eq!(status(&text, Limits { extension: 10, ..limits() }), wanted, "{length}");
    }
    for (trailers, wanted) in [(8, Ok(200)), (7, too_large("trailers"))] {
        let text = format!("{chunked}0\r\nA: b\r\n\r\n");
        assert_eq!(status(&text, Limits { trailers, ..limits() }), wanted, "{trailers}");
    }
}

/// A line that has not ended yet may still be as long as one that has.
#[test]
fn lines_that_are_not_over() {
    for (length, wanted) in [(20, Ok(Progress::NeedMore)), (21, Err(Fault::TooLarge("headers")))] {
        let (mut buffer, mut parser) = (Buffer::default(), Parser::new(Limits { head: 20, ..Limits::default() }));
        buffer.extend(format!("{:x<length$}", "HTTP/1.1 204 ").as_bytes());
        assert_eq!(parser.advance(&mut buffer, false), wanted, "{length}");
    }
}

/// An answer to `HEAD` says how long the body of a `GET` would be (RFC 9110, section 9.3.2).
#[test]
fn an_answer_to_head_ends_with_its_head() {
    for headers in ["Content-Length: 5\r\n", "Transfer-Encoding: chunked\r\n", ""] {
        let (mut buffer, mut parser) = (Buffer::default(), Parser::watching(true));
        let interim = "HTTP/1.1 103 Early Hints\r\n\r\n";
        buffer.extend(format!("{interim}HTTP/1.1 200 OK\r\n{headers}\r\n").as_bytes());
        assert_eq!(parser.advance(&mut buffer, false), Ok(Progress::Done), "{headers}");
        assert_eq!((parser.take_interim(), parser.take_interim()), (interim.len(), 0));
    }
}

fn check(row: &rows::Row) {
    let (name, bytes) = (&row.name, row.bytes());
    let whole = outcome(bytes);
    let short = |text: &str| text.chars().take(300).collect::<String>();
    assert!(called(&whole) == row.outcome, "{name}: {} instead of {}", short(&called(&whole)), short(&row.outcome));
    let same = |pieces: &[&[u8]], how: &str| {
        assert!(outcome_in_pieces(pieces) == whole, "{name}, {how}");
        assert_watched(bytes, pieces);
    };
    assert_watched(bytes, &[bytes]);
    for split in splits(bytes.len()) {
        let (first, second) = bytes.split_at(split);
        same(&[first, second], &format!("split at {split}"));
    }
    let piece = if bytes.len() > LONG { 1000 } else { 1 };
    let pieces: Vec<_> = bytes.chunks(piece).collect();
    same(&pieces, &format!("{piece} at a time"));
}

/// All of them; of a long answer fewer, the longer it is.
fn splits(length: usize) -> Vec<usize> {
    let step = if length > LONG { (length * length / 2_000_000).max(7) } else { 1 };
    (0..=length).step_by(step).collect()
}

const LONG: usize = 2000;

/// How a fault is called in the catalogue.
fn called(outcome: &Result<(u16, String), Fault>) -> String {
    match outcome {
        Ok((status, body)) => format!("{status} {body}").trim_end_matches(' ').to_owned(),
        Err(Fault::Malformed(_)) => "malformed".to_owned(),
        Err(Fault::TooLarge(_)) => "too large".to_owned(),
        Err(Fault::Truncated) => "cut".to_owned(),
        Err(Fault::Empty) => "nothing".to_owned(),
    }
}

#[test]
fn the_catalogue_at_every_split() {
    let mut count = 0;
    for file in ["framing.txt", "llhttp.txt", "picohttpparser.txt", "hyper.txt", "go.txt", "cpython.txt", "curl.txt"] {
        let Some(rows) = rows::read(file, &rows::names()) else { return };
        assert!(rows.len() > 20, "{file} has {} rows", rows.len());
        count += rows.len();
        for row in rows {
            check(&row);
        }
    }
    assert!(count > 300, "{count} rows");
}

#[test]
fn cut_anywhere() {
    let whole = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n0\r\nX: y\r\n\r\n";
    assert!(outcome(whole).is_ok());
    for end in 1..whole.len() {
        assert_eq!(outcome(&whole[..end]), Err(Fault::Truncated), "cut after {end}");
    }
}

#[test]
fn headers_of_the_final_answer_only() {
    let bytes = b"HTTP/1.1 103 Early Hints\r\nX: early\r\n\r\nHTTP/1.1 429 Too Many Requests\r\nretry-after:  5 \r\nX: late\r\n\r\n";
    let response = parse(bytes, Limits::default()).unwrap();
    assert_eq!(
        (response.header("Retry-After"), response.header("x"), response.header("y")),
        (Some("5"), Some("late"), None)
    );
    assert_eq!(response.headers().count(), 2);
}

#[test]
fn chunk_framing_does_not_pile_up() {
    let (mut buffer, mut parser) = (Buffer::default(), Parser::new(Limits::default()));
    buffer.extend(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    for _ in 0..100_000 {
        buffer.extend(b"1;extension=ignored\r\nx\r\n");
        assert_eq!(parser.advance(&mut buffer, false), Ok(Progress::NeedMore));
        assert!(buffer.len() < 100_200);
    }
}
