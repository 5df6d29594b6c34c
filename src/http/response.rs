//! The response parser: strict where two readers could disagree about a message (RFC 9112), bounded in every dimension
//! that a server chooses. It is fed a growing buffer and remembers where it stopped, so that an answer that comes a byte
//! at a time costs no more than one that comes at once. Chunks are joined in place: a token is never copied.

#[cfg(any(test, fuzzing, feature = "https"))]
mod watch;

use std::ops::Range;

use super::{Buffer, Response, is_field_text, is_token};
use crate::json::digits;

/// How much of an answer is read before it is refused.
#[derive(Clone, Copy)]
pub(crate) struct Limits {
    /// Status lines and headers together, interim answers included. ARM sends up to 8 KiB, proxies add to it.
    pub(crate) head: usize,
    /// Header lines, interim answers included.
    pub(crate) lines: usize,
    /// 1xx answers; Go's client stops at five, curl and others never.
    pub(crate) interim: usize,
    /// Body, decoded.
    pub(crate) body: usize,
    /// A chunk's extension; nobody sends one.
    pub(crate) extension: usize,
    /// Trailers after the last chunk: CPython, curl and ureq each had to learn that these need a bound.
    pub(crate) trailers: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { head: 64 << 10, lines: 128, interim: 8, body: 1 << 20, extension: 1 << 10, trailers: 16 << 10 }
    }
}

/// Why an answer is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The connection ended before the first byte.
    Empty,
    /// The connection ended before the message did.
    Truncated,
    /// Not HTTP, or HTTP that two readers could read differently.
    Malformed(&'static str),
    /// Larger than any honest answer.
    TooLarge(&'static str),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    NeedMore,
    Done,
}

/// Reads one response.
pub(crate) struct Parser {
    limits: Limits,
    state: State,
    /// Everything before it has been dealt with.
    next: usize,
    /// No line feed stands between `next` and here.
    searched: usize,
    lines: usize,
    interim: usize,
    trailers: usize,
    head: Head,
    body: Range<usize>,
    /// The request was `CONNECT`: what follows a success belongs to the tunnel (RFC 9110, section 9.3.6).
    connect: bool,
    #[cfg(any(test, fuzzing, feature = "https"))]
    watch: Option<watch::Watch>,
}

#[derive(Clone, Copy)]
enum State {
    StatusLine,
    Headers,
    Length(usize),
    /// So much of the body is still to come, and is not kept.
    #[cfg(any(test, fuzzing, feature = "https"))]
    Skip(u64),
    UntilClose,
    ChunkSize,
    ChunkData(usize),
    ChunkEnd,
    Trailers,
    Done,
}

/// What the header lines of the present head said about the message.
#[derive(Clone, Default)]
struct Head {
    http_1_0: bool,
    status: u16,
    lines: Range<usize>,
    length: Option<u64>,
    chunked: bool,
}

impl Parser {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            limits,
            state: State::StatusLine,
            next: 0,
            searched: 0,
            lines: 0,
            interim: 0,
            trailers: 0,
            head: Head::default(),
            body: 0..0,
            connect: false,
            #[cfg(any(test, fuzzing, feature = "https"))]
            watch: None,
        }
    }

    /// For the answer to a `CONNECT`.
    #[cfg(any(test, fuzzing, feature = "https"))]
    pub(crate) fn of_connect(limits: Limits) -> Self {
        Self { connect: true, ..Self::new(limits) }
    }

    #[cfg(not(any(test, fuzzing, feature = "https")))]
    fn watches(&self) -> bool {
        false
    }

    /// Goes on with what has come; `eof` when nothing more will.
    pub(crate) fn advance(&mut self, buffer: &mut Buffer, eof: bool) -> Result<Progress, Fault> {
        loop {
            let moved = match self.state {
                State::StatusLine => {
                    self.line(buffer, self.limits.head - self.next)?.map(|line| self.status_line(buffer, line))
                }
                State::Headers => {
                    self.line(buffer, self.limits.head - self.next)?.map(|line| self.header_line(buffer, line))
                }
                State::Length(end) => (buffer.len() >= end).then(|| {
                    self.body.end = end;
                    Ok(State::Done)
                }),
                #[cfg(any(test, fuzzing, feature = "https"))]
                State::Skip(left) => self.skip(buffer, left),
                State::UntilClose => self.until_close(buffer, eof)?.map(Ok),
                State::ChunkSize => {
                    self.line(buffer, 18 + self.limits.extension)?.map(|line| self.chunk_size(buffer, line))
                }
                State::ChunkData(left) => self.chunk_data(buffer, left).map(Ok),
                State::ChunkEnd => self.chunk_end(buffer)?.map(Ok),
                State::Trailers => {
                    self.line(buffer, self.limits.trailers - self.trailers)?.map(|line| self.trailer(buffer, line))
                }
                State::Done => return Ok(Progress::Done),
            };
            match moved {
                Some(state) => self.state = state?,
                None if eof && buffer.len() == 0 => return Err(Fault::Empty),
                None if eof => return Err(Fault::Truncated),
                None => {
                    self.close_gap(buffer);
                    return Ok(Progress::NeedMore);
                }
            }
        }
    }

    /// The answer, after `advance` said that it is done.
    pub(crate) fn finish(self, buffer: Buffer) -> Response {
        Response::new(self.head.status, buffer, self.head.lines, self.body)
    }

    /// The next line without its CR LF; `None` when it has not come yet.
    fn line(&mut self, buffer: &Buffer, limit: usize) -> Result<Option<Range<usize>>, Fault> {
        let bytes = buffer.filled();
        let fresh = bytes.get(self.searched..).unwrap_or(&[]);
        let Some(found) = fresh.iter().position(|byte| *byte == b'\n') else {
            self.searched = bytes.len();
            return if bytes.len() - self.next > limit { Err(self.too_long()) } else { Ok(None) };
        };
        let line = self.next..(self.searched + found).saturating_sub(1);
        if self.searched + found + 1 - self.next > limit {
            return Err(self.too_long());
        }
        if self.searched + found == self.next || bytes.get(line.end) != Some(&b'\r') {
            return Err(Fault::Malformed("a line ends in LF alone"));
        }
        self.next = self.searched + found + 1;
        self.searched = self.next;
        Ok(Some(line))
    }

    fn too_long(&self) -> Fault {
        Fault::TooLarge(match self.state {
            State::ChunkSize => "chunk extension",
            State::Trailers => "trailers",
            _ => "headers",
        })
    }

    /// RFC 9112, section 4: `HTTP/1.1 200 OK`; the blank before an absent reason may be absent too.
    fn status_line(&mut self, buffer: &Buffer, line: Range<usize>) -> Result<State, Fault> {
        let bytes = slice(buffer, &line);
        let malformed = Err(Fault::Malformed("not an HTTP/1 status line"));
        let Some((version, rest)) = bytes.split_at_checked(9) else { return malformed };
        let http_1_0 = match version {
            b"HTTP/1.1 " => false,
            b"HTTP/1.0 " => true,
            _ => return malformed,
        };
        let (code, reason) = rest.split_at_checked(3).unwrap_or((rest, &[]));
        let status = digits(code).and_then(|code| u16::try_from(code).ok()).filter(|code| (100..600).contains(code));
        match (status, reason) {
            (Some(status), [] | [b' ', ..]) if is_field_text(reason) => {
                self.head = Head { http_1_0, status, lines: self.next..self.next, ..Head::default() };
                Ok(State::Headers)
            }
            _ => malformed,
        }
    }

    fn header_line(&mut self, buffer: &Buffer, line: Range<usize>) -> Result<State, Fault> {
        let bytes = slice(buffer, &line);
        if bytes.is_empty() {
            return self.end_of_head();
        }
        self.lines += 1;
        if self.lines > self.limits.lines {
            return Err(Fault::TooLarge("number of headers"));
        }
        let (name, value) = field(bytes)?;
        if name.eq_ignore_ascii_case(b"content-length") {
            self.head.length = Some(content_length(value, self.head.length)?);
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
            // Exactly one coding that can be undone, RFC 9112, section 6.1; HTTP/1.0 has none.
            if self.head.chunked || self.head.http_1_0 || !value.eq_ignore_ascii_case(b"chunked") {
                return Err(Fault::Malformed("transfer coding"));
            }
            self.head.chunked = true;
        } else if name.eq_ignore_ascii_case(b"content-encoding") && !value.eq_ignore_ascii_case(b"identity") {
            return Err(Fault::Malformed("a content coding that was not asked for"));
        }
        self.head.lines.end = self.next;
        Ok(State::Headers)
    }

    /// Which kind of body follows, RFC 9112, section 6.3.
    fn end_of_head(&mut self) -> Result<State, Fault> {
        self.body = self.next..self.next;
        let Head { status, length, chunked, .. } = self.head;
        match (status, length, chunked) {
            (_, Some(_), true) => Err(Fault::Malformed("a length and a transfer coding")),
            (101, ..) => Err(Fault::Malformed("a change of protocol that was not asked for")),
            (100..200, None, false) if self.interim == self.limits.interim => {
                Err(Fault::TooLarge("number of interim answers"))
            }
            (100..200, None, false) => {
                self.interim += 1;
                #[cfg(any(test, fuzzing, feature = "https"))]
                self.note_interim();
                Ok(State::StatusLine)
            }
            (100..200, ..) => Err(Fault::Malformed("an interim answer with a body")),
            (200..300, ..) if self.connect => Ok(State::Done),
            (204 | 304, ..) => Ok(State::Done),
            #[cfg(any(test, fuzzing, feature = "https"))]
            _ if self.watches() => Ok(self.body_to_watch()),
            (.., true) => Ok(State::ChunkSize),
            (_, Some(length), _) => {
                let length = usize::try_from(length).ok().filter(|length| *length <= self.limits.body);
                Ok(State::Length(self.next + length.ok_or(Fault::TooLarge("body"))?))
            }
            (_, None, _) => Ok(State::UntilClose),
        }
    }

    fn until_close(&mut self, buffer: &Buffer, eof: bool) -> Result<Option<State>, Fault> {
        if self.watches() {
            (self.next, self.searched) = (buffer.len(), buffer.len());
            return Ok(eof.then_some(State::Done));
        }
        if buffer.len() - self.next > self.limits.body {
            return Err(Fault::TooLarge("body"));
        }
        self.body.end = buffer.len();
        Ok(eof.then_some(State::Done))
    }

    /// RFC 9112, section 7.1: hexadecimal digits, then perhaps an extension, which has no meaning here.
    fn chunk_size(&mut self, buffer: &Buffer, line: Range<usize>) -> Result<State, Fault> {
        let bytes = slice(buffer, &line);
        let end = bytes.iter().position(|byte| *byte == b';').unwrap_or(bytes.len());
        let (size, extension) = bytes.split_at_checked(end).unwrap_or((bytes, &[]));
        let size = hexadecimal(size).filter(|_| is_field_text(extension)).ok_or(Fault::Malformed("chunk size"))?;
        match usize::try_from(size).ok().and_then(|size| self.body.len().checked_add(size)) {
            Some(_) if size == 0 => Ok(State::Trailers),
            Some(total) if total <= self.limits.body => Ok(State::ChunkData(total - self.body.len())),
            _ => Err(Fault::TooLarge("body")),
        }
    }

    fn chunk_data(&mut self, buffer: &mut Buffer, left: usize) -> Option<State> {
        let here = left.min(buffer.len() - self.next);
        if !self.watches() {
            buffer.move_down(self.next, here, self.body.end);
            self.body.end += here;
        }
        self.next += here;
        self.searched = self.next;
        self.state = State::ChunkData(left - here);
        (here == left).then_some(State::ChunkEnd)
    }

    fn chunk_end(&mut self, buffer: &Buffer) -> Result<Option<State>, Fault> {
        match buffer.filled().get(self.next..).unwrap_or(&[]) {
            [] | [b'\r'] => Ok(None),
            [b'\r', b'\n', ..] => {
                self.next += 2;
                self.searched = self.next;
                Ok(Some(State::ChunkSize))
            }
            _ => Err(Fault::Malformed("a chunk that is longer or shorter than it says")),
        }
    }

    /// Trailers are checked like headers and dropped: RFC 9110, section 6.5.1.
    fn trailer(&mut self, buffer: &Buffer, line: Range<usize>) -> Result<State, Fault> {
        self.trailers += line.len() + 2;
        let bytes = slice(buffer, &line);
        if bytes.is_empty() {
            return Ok(State::Done);
        }
        field(bytes).map(|_| State::Trailers)
    }

    /// Chunk framing that has been read need not be kept.
    fn close_gap(&mut self, buffer: &mut Buffer) {
        let framing = matches!(self.state, State::ChunkSize | State::ChunkData(_) | State::ChunkEnd | State::Trailers);
        if framing || self.watches() && !matches!(self.state, State::StatusLine | State::Headers) {
            let gap = self.next - self.body.end;
            buffer.close_gap(self.next, self.body.end);
            self.next -= gap;
            self.searched -= gap;
        }
    }
}

/// Reads a whole answer at once.
#[cfg(any(test, fuzzing))]
pub(crate) fn parse(bytes: &[u8], limits: Limits) -> Result<Response, Fault> {
    let mut buffer = Buffer::default();
    buffer.extend(bytes);
    let mut parser = Parser::new(limits);
    parser.advance(&mut buffer, true)?;
    Ok(parser.finish(buffer))
}

fn slice<'a>(buffer: &'a Buffer, range: &Range<usize>) -> &'a [u8] {
    buffer.filled().get(range.clone()).unwrap_or(&[])
}

/// `name: value`. A name that is no token covers folded lines and blanks before the colon: RFC 9112, sections 5.1 and 5.2.
fn field(line: &[u8]) -> Result<(&[u8], &[u8]), Fault> {
    let colon = line.iter().position(|byte| *byte == b':').ok_or(Fault::Malformed("a header without a colon"))?;
    let (name, value) = line.split_at_checked(colon).unwrap_or((line, &[]));
    let value = value.get(1..).unwrap_or(&[]);
    if !is_token(name) {
        return Err(Fault::Malformed("header name"));
    }
    if !is_field_text(value) {
        return Err(Fault::Malformed("header value"));
    }
    Ok((name, trim(value)))
}

/// Only blanks and tabs: RFC 9110's optional whitespace is less than what `trim_ascii` takes.
fn trim(mut value: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = value {
        value = rest;
    }
    value
}

/// RFC 9110, section 8.6: repeated lengths, in one line or several, must agree.
fn content_length(value: &[u8], known: Option<u64>) -> Result<u64, Fault> {
    let mut lengths = value.split(|byte| *byte == b',').map(|length| digits(trim(length)));
    let first = lengths.next().flatten().ok_or(Fault::Malformed("content length"))?;
    if lengths.any(|length| length != Some(first)) || known.is_some_and(|known| known != first) {
        return Err(Fault::Malformed("content lengths that differ"));
    }
    Ok(first)
}

/// One to sixteen digits, nothing else. `from_str_radix` would also take a sign.
fn hexadecimal(text: &[u8]) -> Option<u64> {
    if text.is_empty() || text.len() > 16 {
        return None;
    }
    text.iter().try_fold(0u64, |sum, byte| char::from(*byte).to_digit(16).map(|digit| sum << 4 | u64::from(digit)))
}

#[cfg(test)]
mod tests;
