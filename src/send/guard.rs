//! Our own parser beside ureq's: it reads the same bytes by the rules that hold for identity endpoints, and keeps none of the
//! body. ureq is laxer with chunks, trailers and line ends, and bounds neither trailers nor interim answers.

use crate::error::{Error, ErrorKind};
use crate::http::{Buffer, Fault, Parser, Progress};

/// What it knows of one connection.
#[derive(Default)]
pub(super) struct Guard {
    parser: Option<Parser>,
    buffer: Buffer,
    /// Something of an answer has come.
    begun: bool,
    over: bool,
}

impl Guard {
    /// A request is sent, or more of it. ureq reads nothing before it has sent all.
    pub(super) fn sent(&mut self, bytes: &[u8]) {
        if self.begun || self.parser.is_none() {
            let parser = Parser::watching(bytes.starts_with(b"HEAD "));
            *self = Self { parser: Some(parser), ..Self::default() };
        }
    }

    /// Something of an answer has come; nothing more will, if it is empty. The fault is the answer's.
    pub(super) fn received(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        let Some(parser) = self.parser.as_mut().filter(|_| !self.over) else { return Ok(()) };
        if bytes.is_empty() && self.begun {
            return match parser.advance(&mut self.buffer, true) {
                Err(Fault::Empty) => Err(Fault::Truncated),
                other => other.map(|_| ()),
            };
        }
        for piece in bytes.chunks(PIECE) {
            self.begun = true;
            self.buffer.extend(piece);
            self.over = parser.advance(&mut self.buffer, false)? == Progress::Done;
            if self.over {
                break;
            }
        }
        Ok(())
    }

    /// How many bytes of interim answers, which stand before everything else, there are to be taken out.
    pub(super) fn take_interim(&mut self) -> usize {
        self.parser.as_mut().map_or(0, Parser::take_interim)
    }
}

/// What is wrong with an answer, in words.
#[cold]
pub(super) fn improper(fault: Fault) -> Error {
    let (words, part) = match fault {
        Fault::TooLarge(part) => ("the answer has more than is read: ", part),
        Fault::Malformed(part) => ("the answer is not proper HTTP: ", part),
        Fault::Empty | Fault::Truncated => ("the connection ended in the middle of the answer", ""),
    };
    Error::new(ErrorKind::BadAnswer, [words, part].concat())
}

/// Of a body, no more than this is ever held.
const PIECE: usize = 4096;
