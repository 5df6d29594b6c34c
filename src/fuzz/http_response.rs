//! What must hold of the response parser.

mod anatomy;
mod readings;
mod strictness;
mod watched;

use anatomy::Anatomy;
pub(crate) use readings::Peer;
use strictness::TABLE;
pub(crate) use watched::assert_watched;

#[cfg(test)]
use super::strictness::Named;
use super::strictness::Verdict;
use crate::http::{Buffer, Fault, Limits, Parser, Progress, Response, parse};

/// The response parser: the same answer at every split, nothing short taken for whole, nothing after the message looked
/// at, never more kept than the limits allow, and in what two other readers differ from it has a name.
pub fn http_response(data: &[u8]) {
    let roomy = check(data, Limits::default());
    let tight = check(data, TIGHT);
    if tight.is_ok() {
        assert_eq!(tight, roomy, "tighter limits changed the answer");
    }
    assert_watched(data, &[data]);
    assert_watched(data, &data.chunks(1).collect::<Vec<_>>());
    for peer in [Peer::Httparse, Peer::UreqProto] {
        differs(data, peer);
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

    /// Names in lower case and sorted: only the order of values under one name has a meaning, RFC 9110, section 5.3.
    fn in_any_order(mut self) -> Self {
        for (name, _) in &mut self.headers {
            name.make_ascii_lowercase();
        }
        self.headers.sort_by(|(one, _), (other, _)| one.cmp(other));
        self
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

/// What another reader makes of the same bytes, and how a difference is called.
pub(crate) fn differs(data: &[u8], peer: Peer) -> Verdict {
    let (ours, theirs) = (parse(data, Limits::default()).map(|response| Answer::of(&response)), peer.read(data));
    let anatomy = Anatomy::of(data);
    let named = |fault: Option<Fault>| {
        let row = TABLE.iter().find(|row| {
            let same = fault.map_or(row.faults.is_empty(), |fault| row.faults.contains(&fault));
            same && row.peers.contains(&peer) && (row.evidence)(&anatomy)
        });
        row.map(|row| Verdict::Named(row.named.name))
    };
    match (ours, theirs) {
        (Ok(ours), Some(theirs)) => {
            assert_eq!(theirs.in_any_order(), ours.in_any_order(), "{peer:?} reads {}", data.escape_ascii());
            Verdict::Same
        }
        (Ok(ours), None) => named(None)
            .unwrap_or_else(|| panic!("{peer:?} refuses {}, which we take for {ours:?}", data.escape_ascii())),
        (Err(fault), Some(theirs)) => named(Some(fault)).unwrap_or_else(|| {
            panic!("we refuse {} with {fault:?}, which {peer:?} takes for {theirs:?}", data.escape_ascii())
        }),
        (Err(_), None) => Verdict::Refused,
    }
}

/// The differences that are meant between us and that reader.
#[cfg(test)]
pub(crate) fn named(peer: Peer) -> impl Iterator<Item = &'static Named> {
    TABLE.iter().filter(move |row| row.peers.contains(&peer)).map(|row| &row.named)
}
