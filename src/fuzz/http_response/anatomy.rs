//! A response taken apart without judging it: what the names of differences are checked against.

/// Where a line outside the heads stands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    ChunkSize,
    Trailer,
}

/// Heads, lines and the body's size, as the most lenient of readers finds them.
pub(super) struct Anatomy<'a> {
    /// Interim ones first.
    pub(super) heads: Vec<Head<'a>>,
    /// With their ends.
    framing: Vec<(Part, &'a [u8])>,
    pub(super) body: usize,
}

pub(super) struct Head<'a> {
    pub(super) blank_first: bool,
    pub(super) line: &'a [u8],
    pub(super) fields: Vec<(&'a [u8], &'a [u8])>,
    pub(super) length: usize,
    lines: Vec<&'a [u8]>,
}

impl<'a> Head<'a> {
    fn cut(rest: &mut &'a [u8]) -> Self {
        let start = rest.len();
        let mut head = Self { blank_first: false, line: b"", fields: Vec::new(), length: 0, lines: Vec::new() };
        while !rest.is_empty() {
            let line = cut_line(rest);
            head.lines.push(line);
            let (first, bare) = (head.line.is_empty(), line.trim_ascii_end());
            match (first, bare) {
                (true, b"") => head.blank_first = true,
                (true, _) => head.line = bare,
                (false, b"") => break,
                (false, _) => {
                    let colon = bare.iter().position(|byte| *byte == b':').unwrap_or(bare.len());
                    let value = bare.get(colon + 1..).unwrap_or_default();
                    head.fields.push((&bare[..colon], value.trim_ascii()));
                }
            }
        }
        head.length = start - rest.len();
        head
    }

    pub(super) fn code(&self) -> &'a [u8] {
        self.line.get(9..12).unwrap_or_default()
    }

    pub(super) fn is_interim(&self) -> bool {
        self.code().starts_with(b"1") && self.code() != b"101"
    }

    /// RFC 9112, section 6.3: whatever its headers say.
    pub(super) fn is_bodiless(&self) -> bool {
        self.code().starts_with(b"1") || matches!(self.code(), b"204" | b"304")
    }

    pub(super) fn values(&self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        self.fields.iter().filter(move |(key, _)| key.eq_ignore_ascii_case(name.as_bytes())).map(|(_, value)| *value)
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.values(name).next().is_some()
    }
}

impl<'a> Anatomy<'a> {
    pub(super) fn of(mut rest: &'a [u8]) -> Self {
        let mut heads = vec![Head::cut(&mut rest)];
        while heads.last().is_some_and(Head::is_interim) && !rest.is_empty() {
            heads.push(Head::cut(&mut rest));
        }
        let mut anatomy = Self { heads, framing: Vec::new(), body: rest.len() };
        if anatomy.heads.last().is_some_and(|head| head.has("transfer-encoding")) {
            anatomy.chunks(rest);
        }
        anatomy
    }

    fn chunks(&mut self, mut rest: &'a [u8]) {
        self.body = 0;
        while !rest.is_empty() {
            let line = cut_line(&mut rest);
            self.framing.push((Part::ChunkSize, line));
            let digits: String = String::from_utf8_lossy(line).chars().filter(char::is_ascii_hexdigit).collect();
            let size = line.iter().position(|byte| *byte == b';').map_or(digits.as_str(), |end| {
                &digits[..line[..end].iter().filter(|byte| byte.is_ascii_hexdigit()).count()]
            });
            let Some(size) = usize::from_str_radix(size, 16).ok().filter(|size| *size > 0) else { break };
            self.body = self.body.saturating_add(size);
            rest = rest.get(size..).unwrap_or_default();
            cut_line(&mut rest);
        }
        while !rest.is_empty() {
            let line = cut_line(&mut rest);
            if line == b"\r\n" {
                break;
            }
            self.framing.push((Part::Trailer, line));
        }
    }

    pub(super) fn of_part(&self, part: Part) -> impl Iterator<Item = &'a [u8]> {
        self.framing.iter().filter(move |(here, _)| *here == part).map(|(_, line)| *line)
    }

    /// Every line of the heads and of the chunks' framing.
    pub(super) fn lines(&self) -> impl Iterator<Item = &'a [u8]> {
        let heads = self.heads.iter().flat_map(|head| head.lines.iter().copied());
        heads.chain(self.framing.iter().map(|(_, line)| *line))
    }
}

/// Up to the next line feed, with it, or what there is.
fn cut_line<'a>(rest: &mut &'a [u8]) -> &'a [u8] {
    let end = rest.iter().position(|byte| *byte == b'\n').map_or(rest.len(), |at| at + 1);
    let (line, after) = rest.split_at(end);
    *rest = after;
    line
}
