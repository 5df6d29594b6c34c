//! What must hold of the response parser.

use httparse::{EMPTY_HEADER, Status};

use crate::http::{Buffer, Fault, Limits, Parser, Progress, Response, parse};

/// The response parser: the same answer at every split, nothing short taken for whole, nothing after the message looked
/// at, never more kept than the limits allow, and whatever it takes httparse takes for the same.
pub fn http_response(data: &[u8]) {
    let roomy = check(data, Limits::default());
    let tight = check(data, TIGHT);
    if tight.is_ok() {
        assert_eq!(tight, roomy, "tighter limits changed the answer");
    }
}

/// Reached by inputs of a few dozen bytes.
const TIGHT: Limits = Limits { head: 96, lines: 4, interim: 2, body: 24, extension: 8, trailers: 24 };

#[derive(Debug, PartialEq)]
struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Answer {
    fn of(response: &Response) -> Self {
        let headers = response.headers().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        Self { status: response.status, headers, body: response.body().to_owned() }
    }
}

fn check(data: &[u8], limits: Limits) -> Result<Answer, Fault> {
    let at_once = |data: &[u8]| parse(data, limits).map(|response| Answer::of(&response));
    let whole = at_once(data);
    let (by_byte, end) = feed(data.chunks(1), limits);
    assert_eq!(by_byte, whole, "byte by byte");
    for split in splits(data) {
        let (first, second) = data.split_at(split);
        assert_eq!(feed([first, second].into_iter(), limits).0, whole, "split at {split}");
    }
    let Ok(answer) = &whole else { return whole };
    assert!(answer.body.len() <= limits.body && answer.headers.len() <= limits.lines);
    match end {
        Some(end) => {
            for tail in [&b""[..], b"\0", b"\r\n", b"HTTP/1.1 500 No\r\n\r\n"] {
                let longer = [&data[..end], tail].concat();
                assert_eq!(at_once(&longer), whole, "with {tail:?} after the message");
            }
            for cut in splits(data).into_iter().chain([end - 1]).filter(|cut| *cut < end) {
                let fault = if cut == 0 { Fault::Empty } else { Fault::Truncated };
                assert_eq!(at_once(&data[..cut]), Err(fault), "cut after {cut}");
            }
        }
        None => {
            let mut body = answer.body.clone();
            body.push(b'x');
            match at_once(&[data, b"x"].concat()) {
                Ok(longer) => assert_eq!(longer.body, body),
                Err(fault) => assert_eq!((fault, body.len()), (Fault::TooLarge("body"), limits.body + 1)),
            }
        }
    }
    assert_eq!(second_reading(data), *answer);
    whole
}

/// The outcome, and after how many bytes the message was complete in itself, if it was before the stream ended.
fn feed<'a>(pieces: impl Iterator<Item = &'a [u8]>, limits: Limits) -> (Result<Answer, Fault>, Option<usize>) {
    let (mut buffer, mut parser) = (Buffer::default(), Parser::new(limits));
    // Eighteen for a chunk's size with its line end, four for the line ends of the last chunk.
    let most = limits.head + limits.body + limits.extension.max(limits.trailers) + 22;
    let mut fed = 0;
    for piece in pieces {
        buffer.extend(piece);
        fed += piece.len();
        match parser.advance(&mut buffer, false) {
            Ok(Progress::Done) => return (Ok(Answer::of(&parser.finish(buffer))), Some(fed)),
            Ok(Progress::NeedMore) => assert!(buffer.len() <= most, "{} bytes are kept", buffer.len()),
            Err(fault) => return (Err(fault), None),
        }
    }
    let outcome = parser.advance(&mut buffer, true);
    (outcome.map(|_| Answer::of(&parser.finish(buffer))), None)
}

/// Every place of a short input; of a long one, a few that the input chooses.
fn splits(data: &[u8]) -> Vec<usize> {
    if data.len() <= 192 {
        return (0..=data.len()).collect();
    }
    let mut state = data.iter().fold(0u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(u32::from(*byte)));
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as usize % (data.len() + 1)
    };
    (0..12).map(|_| next()).collect()
}

/// What httparse makes of a message that was taken. It is more lenient, so it may not refuse.
fn second_reading(data: &[u8]) -> Answer {
    let mut rest = data;
    loop {
        let mut headers = [EMPTY_HEADER; 130];
        let mut response = httparse::Response::new(&mut headers);
        let Ok(Status::Complete(length)) = response.parse(rest) else { panic!("httparse refuses the head") };
        let status = response.code.unwrap();
        let head;
        (head, rest) = rest.split_at(length);
        // Here httparse is lenient, and we are not.
        let count = |end: &[u8]| head.windows(end.len()).filter(|window| *window == end).count();
        assert!(count(b"\r\n") == count(b"\r") && count(b"\r\n") == count(b"\n"), "a line end that is none");
        if status < 200 {
            continue;
        }
        let field = |name: &str| response.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name));
        let body = match (field("Transfer-Encoding"), field("Content-Length")) {
            _ if matches!(status, 204 | 304) => Vec::new(),
            (Some(_), Some(_)) => panic!("a length and a transfer coding"),
            (Some(_), None) => joined(rest),
            (None, Some(length)) => {
                let first = std::str::from_utf8(length.value).unwrap().split(',').next().unwrap();
                rest[..first.trim().parse().unwrap()].to_owned()
            }
            (None, None) => rest.to_owned(),
        };
        let text = |value| std::str::from_utf8(value).ok().map(str::to_owned);
        let headers =
            response.headers.iter().filter_map(|header| Some((header.name.to_owned(), text(header.value)?))).collect();
        return Answer { status, headers, body };
    }
}

fn joined(mut rest: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    loop {
        let Ok(Status::Complete((start, size))) = httparse::parse_chunk_size(rest) else {
            panic!("httparse refuses a chunk size")
        };
        if size == 0 {
            let mut trailers = [EMPTY_HEADER; 4100];
            let read = httparse::parse_headers(&rest[start..], &mut trailers);
            assert!(matches!(read, Ok(Status::Complete(_))), "httparse refuses the trailers");
            return body;
        }
        let end = start + usize::try_from(size).unwrap();
        body.extend_from_slice(&rest[start..end]);
        assert_eq!(&rest[end..end + 2], b"\r\n");
        rest = &rest[end + 2..];
    }
}
