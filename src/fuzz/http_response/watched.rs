//! The parser that only watches, beside the one that keeps what it reads.

use crate::http::{Buffer, Fault, Limits, Parser, Progress, parse};

/// Both have one verdict, but for the size of a body and for what an end in the middle is called; and the one that watches
/// holds little, whatever comes.
pub(crate) fn assert_watched(bytes: &[u8], pieces: &[&[u8]]) {
    let (verdict, most) = watched(bytes, pieces);
    let agrees = match parse(bytes, Limits::default()) {
        Err(Fault::TooLarge("body")) => true,
        Err(Fault::Truncated) => matches!(verdict, Err(Fault::Truncated | Fault::Empty)),
        other => verdict == other.map(|_| ()),
    };
    assert!(agrees, "{verdict:?} from one that watches");
    let limits = Limits::default();
    assert!(most <= limits.head + limits.trailers.max(limits.extension + 18), "{most} bytes are held");
}

/// The verdict, and how much was held at most.
fn watched(bytes: &[u8], pieces: &[&[u8]]) -> (Result<(), Fault>, usize) {
    let (mut buffer, mut parser, mut most, mut interim) = (Buffer::default(), Parser::watching(false), 0, 0);
    for piece in pieces {
        buffer.extend(piece);
        let progress = parser.advance(&mut buffer, false);
        interim += parser.take_interim();
        assert!(interim == 0 || bytes[..interim].ends_with(b"\r\n\r\n"), "{interim} bytes are no interim answers");
        match progress {
            Ok(Progress::NeedMore) => most = most.max(buffer.len()),
            outcome => return (outcome.map(|_| ()), most),
        }
    }
    (parser.advance(&mut buffer, true).map(|_| ()), most)
}
