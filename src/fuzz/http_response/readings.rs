//! Two more readings of a whole response: by httparse, with the framing of RFC 9112 to the letter, and by ureq-proto.

use httparse::{EMPTY_HEADER, Header, Status};
use ureq_proto::client::{Call, RecvResponseResult, SendRequestResult};
use ureq_proto::http::Request;

use super::Answer;

/// Another reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Peer {
    Httparse,
    UreqProto,
}

impl Peer {
    /// What it makes of these bytes and the end of the stream; `None` where it refuses them.
    pub(super) fn read(self, data: &[u8]) -> Option<Answer> {
        match self {
            Self::Httparse => by_httparse(data),
            Self::UreqProto => by_ureq_proto(data),
        }
    }
}

/// httparse reads heads, chunk sizes and trailers; which body follows is RFC 9112, section 6.3.
fn by_httparse(mut rest: &[u8]) -> Option<Answer> {
    loop {
        let mut headers = [EMPTY_HEADER; 256];
        let mut response = httparse::Response::new(&mut headers);
        let Ok(Status::Complete(length)) = response.parse(rest) else { return None };
        let status = response.code?;
        rest = rest.get(length..)?;
        if (100..200).contains(&status) && status != 101 {
            continue;
        }
        let values = |name: &str| {
            let named = response.headers.iter().filter(|header| header.name.eq_ignore_ascii_case(name));
            named.map(|header| header.value).collect::<Vec<_>>()
        };
        let codings = values("transfer-encoding").join(&b","[..]);
        let body = match (codings.as_slice(), response.version?) {
            _ if matches!(status, 101 | 204 | 304) => Vec::new(),
            ([], _) => by_length(&values("content-length"), rest)?,
            (_, 0) => return None,
            (codings, _) if last(codings).eq_ignore_ascii_case(b"chunked") => dechunked(rest)?,
            _ => rest.to_owned(),
        };
        return Some(Answer { status, headers: legible(response.headers), body });
    }
}

fn last(list: &[u8]) -> &[u8] {
    list.rsplit(|byte| *byte == b',').next().unwrap_or(list).trim_ascii()
}

fn legible(headers: &[Header<'_>]) -> Vec<(String, String)> {
    let text = |value| std::str::from_utf8(value).ok().map(str::to_owned);
    headers.iter().filter_map(|header| Some((header.name.to_owned(), text(header.value)?))).collect()
}

/// Every length the same number, or no length and the rest of the stream.
fn by_length(values: &[&[u8]], rest: &[u8]) -> Option<Vec<u8>> {
    if values.is_empty() {
        return Some(rest.to_owned());
    }
    let list = values.join(&b","[..]);
    let mut lengths = std::str::from_utf8(&list).ok()?.split(',').map(|length| {
        let digits = length.trim_matches([' ', '\t']);
        digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse::<usize>().ok())?
    });
    let first = lengths.next()??;
    lengths.all(|length| length == Some(first)).then(|| rest.get(..first).map(<[u8]>::to_owned))?
}

fn dechunked(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let Ok(Status::Complete((start, size))) = httparse::parse_chunk_size(rest) else { return None };
        rest = rest.get(start..)?;
        if size == 0 {
            let mut trailers = [EMPTY_HEADER; 4100];
            return matches!(httparse::parse_headers(rest, &mut trailers), Ok(Status::Complete(_))).then_some(body);
        }
        let size = usize::try_from(size).ok()?;
        body.extend_from_slice(rest.get(..size)?);
        rest = rest.get(size..)?.strip_prefix(b"\r\n")?;
    }
}

/// The flow that ureq drives: interim answers, the head, the body to its end.
fn by_ureq_proto(mut rest: &[u8]) -> Option<Answer> {
    let request = Request::get("http://localhost/").body(()).unwrap();
    let mut call = Call::new(request).unwrap().proceed();
    call.write(&mut [0; 256]).unwrap();
    let Ok(Some(SendRequestResult::RecvResponse(mut call))) = call.proceed() else { panic!("a request is sent") };
    let response = loop {
        let (used, response) = call.try_response(rest, false).ok()?;
        rest = &rest[used..];
        match response {
            Some(response) => break response,
            None if used == 0 => return None,
            None => {}
        }
    };
    let headers = response.headers().iter();
    let text = |value: &[u8]| std::str::from_utf8(value).ok().map(str::to_owned);
    let headers = headers.filter_map(|(name, value)| Some((name.as_str().to_owned(), text(value.as_bytes())?)));
    let mut answer = Answer { status: response.status().as_u16(), headers: headers.collect(), body: Vec::new() };
    let mut call = match call.proceed()? {
        RecvResponseResult::RecvBody(call) => call,
        _ => return Some(answer),
    };
    let mut room = vec![0; rest.len()];
    loop {
        let (used, filled) = call.read(rest, &mut room).ok()?;
        answer.body.extend_from_slice(&room[..filled]);
        rest = &rest[used..];
        if used == 0 && filled == 0 {
            // ureq takes the last chunk's size for the end.
            return (call.can_proceed() || call.is_ended_chunked()).then_some(answer);
        }
    }
}
