//! One strict pass over JSON text (RFC 8259): every byte is checked where it is passed, nothing is built, and depth costs no
//! stack.

/// How deep arrays and objects may nest, a bit each. .NET, which most of Azure runs on, stops at 64.
const MAX_DEPTH: usize = 512;

/// Where a text stops being JSON, and what stands there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Broken {
    /// In bytes from the start of the text.
    pub(crate) at: usize,
    pub(crate) why: &'static str,
}

/// A place in a JSON text. Whoever holds it walks through the levels that matter and has the rest passed over.
#[derive(Clone, Copy)]
pub(crate) struct Scan<'a> {
    text: &'a str,
    at: usize,
    /// How many arrays and objects have been entered and not left.
    depth: usize,
}

impl<'a> Scan<'a> {
    /// Stands at the value that fills `text`, one byte order mark before it forgiven (services behind .NET send it).
    pub(crate) fn new(text: &'a str) -> Self {
        let mut scan =
            Self { text, at: if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 }, depth: 0 };
        scan.blanks();
        scan
    }

    /// Stands where another stood, inside one array or object.
    #[cfg(any(test, fuzzing, feature = "https"))]
    pub(crate) fn again(text: &'a str, at: usize) -> Self {
        Self { text, at, depth: 1 }
    }

    /// Where it stands, in bytes from the start of the text.
    #[cfg(any(test, fuzzing, feature = "https"))]
    pub(crate) fn at(&self) -> usize {
        self.at
    }

    /// That nothing but blanks follows.
    pub(crate) fn end(mut self) -> Result<(), Broken> {
        self.blanks();
        if self.at == self.text.len() { Ok(()) } else { self.broken("something follows the document") }
    }

    /// The byte that the value here begins with, which tells its type.
    pub(crate) fn kind(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// Steps into the array or object that begins here.
    pub(crate) fn enter(&mut self) -> Result<(), Broken> {
        if self.depth == MAX_DEPTH {
            return self.broken("it is nested too deep");
        }
        self.depth += 1;
        self.at += 1;
        Ok(())
    }

    /// Steps to the next element of an array or member of an object, past the comma unless it is the first. `false`: there
    /// is none, and `close`, which ends it, has been passed.
    pub(crate) fn next(&mut self, first: &mut bool, close: u8) -> Result<bool, Broken> {
        self.blanks();
        let first = std::mem::replace(first, false);
        match self.kind() {
            Some(byte) if byte == close => {
                self.at += 1;
                self.depth = self.depth.saturating_sub(1);
                Ok(false)
            }
            Some(b',') if !first => {
                self.at += 1;
                self.blanks();
                Ok(true)
            }
            Some(_) if first => Ok(true),
            _ => self.broken("a comma or the closing bracket is missing"),
        }
    }

    /// The name of a member as it stands, in its quotes; goes on to the value.
    pub(crate) fn name(&mut self) -> Result<&'a str, Broken> {
        let start = self.at;
        self.string()?;
        let name = self.text.get(start..self.at).unwrap_or_default();
        self.blanks();
        self.expect(b':', "a colon is missing")?;
        self.blanks();
        Ok(name)
    }

    /// Passes the value here, and gives it as it stands.
    pub(crate) fn value(&mut self) -> Result<&'a str, Broken> {
        let start = self.at;
        let mut levels = Levels::default();
        let outside = self.depth;
        loop {
            match self.kind() {
                Some(open @ (b'[' | b'{')) => {
                    self.enter()?;
                    levels.set(self.depth, open == b'{');
                    self.blanks();
                    if self.kind() != Some(levels.close(self.depth)) {
                        self.name_within(&levels)?;
                        continue;
                    }
                }
                Some(b'"') => self.string()?,
                Some(b'-' | b'0'..=b'9') => self.number()?,
                _ => self.word()?,
            }
            // A value has been passed, or a bracket opened that closes at once.
            while self.depth > outside {
                self.blanks();
                match self.kind() {
                    Some(b',') => {
                        self.at += 1;
                        self.blanks();
                        self.name_within(&levels)?;
                        break;
                    }
                    Some(byte) if byte == levels.close(self.depth) => {
                        self.at += 1;
                        self.depth -= 1;
                    }
                    _ => return self.broken("a comma or the closing bracket is missing"),
                }
            }
            if self.depth == outside {
                return Ok(self.text.get(start..self.at).unwrap_or_default());
            }
        }
    }

    /// Inside an object a member's name comes before each value.
    fn name_within(&mut self, levels: &Levels) -> Result<(), Broken> {
        if levels.close(self.depth) == b'}' {
            self.name()?;
        }
        Ok(())
    }

    fn string(&mut self) -> Result<(), Broken> {
        self.expect(b'"', "a string is missing")?;
        loop {
            match self.kind() {
                Some(b'"') => break,
                Some(b'\\') => {
                    self.at += 1;
                    match self.kind() {
                        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {}
                        Some(b'u') if self.hex_follows() => self.at += 4,
                        _ => return self.broken("there is no such escape"),
                    }
                }
                Some(0..=0x1f) => return self.broken("a control character stands in a string"),
                Some(_) => {}
                None => return self.broken("a string does not end"),
            }
            self.at += 1;
        }
        self.at += 1;
        Ok(())
    }

    fn hex_follows(&self) -> bool {
        let digits = self.text.as_bytes().get(self.at + 1..self.at + 5);
        digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    }

    fn number(&mut self) -> Result<(), Broken> {
        self.skip(b"-");
        if !self.skip(b"0") {
            self.digits()?;
        }
        if self.skip(b".") {
            self.digits()?;
        }
        if self.skip(b"eE") {
            self.skip(b"+-");
            self.digits()?;
        }
        Ok(())
    }

    fn digits(&mut self) -> Result<(), Broken> {
        if !matches!(self.kind(), Some(b'0'..=b'9')) {
            return self.broken("a digit is missing");
        }
        while matches!(self.kind(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        Ok(())
    }

    fn word(&mut self) -> Result<(), Broken> {
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        match [&b"true"[..], b"false", b"null"].into_iter().find(|word| rest.starts_with(word)) {
            Some(word) => {
                self.at += word.len();
                Ok(())
            }
            None => self.broken("a value is missing"),
        }
    }

    fn expect(&mut self, byte: u8, otherwise: &'static str) -> Result<(), Broken> {
        if self.skip(&[byte]) { Ok(()) } else { self.broken(otherwise) }
    }

    /// Passes one byte if it is one of these.
    fn skip(&mut self, bytes: &[u8]) -> bool {
        let here = self.kind().is_some_and(|byte| bytes.contains(&byte));
        self.at += usize::from(here);
        here
    }

    fn blanks(&mut self) {
        while matches!(self.kind(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    #[cold]
    fn broken<T>(&self, why: &'static str) -> Result<T, Broken> {
        Err(Broken { at: self.at, why })
    }
}

/// Which levels are objects.
#[derive(Default)]
struct Levels([u64; MAX_DEPTH / 64]);

impl Levels {
    fn set(&mut self, depth: usize, object: bool) {
        if let Some(word) = self.0.get_mut(depth.wrapping_sub(1) / 64) {
            let bit = 1 << (depth.wrapping_sub(1) % 64);
            *word = if object { *word | bit } else { *word & !bit };
        }
    }

    fn close(&self, depth: usize) -> u8 {
        let word = self.0.get(depth.wrapping_sub(1) / 64).copied().unwrap_or_default();
        if word >> (depth.wrapping_sub(1) % 64) & 1 == 1 { b'}' } else { b']' }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<&str, Broken> {
        let mut scan = Scan::new(text);
        let value = scan.value()?;
        scan.end().map(|()| value)
    }

    #[test]
    fn values_as_they_stand() {
        for (text, wanted) in [
            ("\u{feff} {\"a\" : [1.50, \"x\\n\"] , \"a\":{}}\n", "{\"a\" : [1.50, \"x\\n\"] , \"a\":{}}"),
            (" -0e-00\t", "-0e-00"),
            ("[[],{},[{}]]", "[[],{},[{}]]"),
            (r#""\ud800""#, r#""\ud800""#),
        ] {
            assert_eq!(read(text), Ok(wanted));
        }
    }

    #[test]
    fn broken_text_is_told_where() {
        for (text, at) in [
            ("", 0),
            ("\u{feff}\u{feff}1", 3),
            ("[1,]", 3),
            ("[1 2]", 3),
            ("[1}", 2),
            ("{\"a\":1]", 6),
            ("{\"a\" 1}", 5),
            ("{,}", 1),
            ("{1:2}", 1),
            ("{\"a\":1,}", 7),
            ("01", 1),
            ("1.", 2),
            ("-", 1),
            ("1e+", 3),
            (".5", 0),
            ("nul", 0),
            ("\"\\x\"", 2),
            ("\"\\u12g4\"", 2),
            ("\"\\u+123\"", 2),
            ("\"\t\"", 1),
            ("\"", 1),
            ("\"\\", 2),
            ("{} {}", 3),
            ("\u{a0}1", 0),
        ] {
            assert_eq!(read(text).map_err(|broken| broken.at), Err(at), "{text:?}");
        }
    }

    #[test]
    fn depth_is_bounded() {
        let nested = |open: &str, close: &str, depth| open.repeat(depth) + "1" + &close.repeat(depth);
        for (open, close) in [("[", "]"), ("{\"a\":", "}"), ("[{\"a\":[", "]}]")] {
            let levels = open.matches(['[', '{']).count();
            let deepest = nested(open, close, MAX_DEPTH / levels);
            assert_eq!(read(&deepest), Ok(&*deepest));
            let why = read(&nested(open, close, MAX_DEPTH / levels + 1)).unwrap_err().why;
            assert_eq!(why, "it is nested too deep");
        }
        assert_eq!(read(&"[".repeat(1_000_000)).unwrap_err().at, MAX_DEPTH);
    }
}
