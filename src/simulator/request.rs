//! A request as it came: bytes in, no socket.

use std::fmt;
use std::str;
use std::time::SystemTime;

use super::Service;

/// A request that the stand-in received and could read.
///
/// `Debug` shows neither the body nor the values of `Authorization`, `X-IDENTITY-HEADER` and `Secret`, nor the parts of the
/// query that let their bearer in.
///
/// ```
/// use azmin::simulator::{Azure, Service};
///
/// let azure = Azure::start()?;
/// // … what is under test calls it, and then:
/// for request in azure.requests().iter().filter(|request| request.service() == Service::Arm) {
///     assert_eq!(request.header("accept"), Some("application/json"));
/// }
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone)]
pub struct Received {
    pub(super) service: Service,
    pub(super) at: SystemTime,
    pub(super) head: Head,
    pub(super) body: Vec<u8>,
}

impl Received {
    /// Which service it was sent to.
    pub fn service(&self) -> Service {
        self.service
    }

    /// When the whole request had arrived.
    pub fn at(&self) -> SystemTime {
        self.at
    }

    /// The method, in the case it was sent in.
    pub fn method(&self) -> &str {
        &self.head.method
    }

    /// Path and query, exactly as they stood in the request line.
    pub fn target(&self) -> &str {
        &self.head.target
    }

    /// The first header of that name, in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.header(name)
    }

    /// All headers in the order they came.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.head.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The body; empty if there was none.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// Without the signature of a polling URL and its like.
    fn shown_target(&self) -> String {
        let Some((path, query)) = self.target().split_once('?') else { return self.target().to_owned() };
        let shown = |pair: &str| match pair.split_once('=') {
            Some((name, _)) if SIGNED.contains(&&*decode(name, true).to_ascii_lowercase()) => format!("{name}=…"),
            _ => pair.to_owned(),
        };
        let query: Vec<String> = query.split('&').map(shown).collect();
        format!("{path}?{}", query.join("&"))
    }

    /// Where the client thinks that it is, such as `https://localhost:1234`: services behind TLS name themselves so.
    pub(super) fn origin(&self) -> String {
        format!("https://{}", self.header("host").unwrap_or_default())
    }

    /// The decoded path, one entry a segment, without a slash at its end.
    pub(super) fn segments(&self) -> Vec<String> {
        let path = self.target().split('?').next().unwrap_or_default();
        path.trim_matches('/').split('/').map(|segment| decode(segment, false)).collect()
    }

    /// The decoded query.
    pub(super) fn query(&self) -> Vec<(String, String)> {
        self.target().split_once('?').map(|(_, query)| pairs(query)).unwrap_or_default()
    }

    /// The first value of that name in a body that is a form; an empty one counts as missing.
    pub(super) fn field(&self, name: &str) -> Option<String> {
        let body = str::from_utf8(&self.body).ok()?;
        let found = pairs(body).into_iter().find(|(key, _)| key == name)?;
        Some(found.1).filter(|value| !value.is_empty())
    }

    /// Whether the body says that it is a form.
    pub(super) fn is_form(&self) -> bool {
        let kind = self.header("content-type").and_then(|value| value.split(';').next()).unwrap_or_default();
        kind.trim().eq_ignore_ascii_case("application/x-www-form-urlencoded")
    }

    /// Whether it has the header that no browser can be made to send.
    pub(super) fn has_metadata(&self) -> bool {
        self.header("metadata").is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }

    /// The first query value of that name, in any case; an empty one counts as missing, as with the real services.
    pub(super) fn parameter(&self, name: &str) -> Option<String> {
        let found = self.query().into_iter().find(|(key, _)| key.eq_ignore_ascii_case(name))?;
        Some(found.1).filter(|value| !value.is_empty())
    }
}

impl fmt::Debug for Received {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |(name, value): (&'_ str, &'_ str)| {
            let value = if SECRET.iter().any(|secret| name.eq_ignore_ascii_case(secret)) { "…" } else { value };
            format!("{name}: {value}")
        };
        f.debug_struct("Received")
            .field("service", &self.service)
            .field("request", &format!("{} {}", self.method(), self.shown_target()))
            .field("headers", &self.headers().map(shown).collect::<Vec<_>>())
            .field("body", &format!("{} bytes", self.body.len()))
            .finish_non_exhaustive()
    }
}

/// What stands before the body.
#[derive(Clone)]
pub(super) struct Head {
    pub(super) method: String,
    pub(super) target: String,
    pub(super) headers: Vec<(String, String)>,
}

/// Why a request could not be read: the status to refuse it with, and the reason in words.
#[derive(Debug, PartialEq)]
pub(super) struct Refusal(pub(super) u16, pub(super) &'static str);

impl Head {
    /// Reads a head that ends in its empty line. Stricter than the real services, so that a test sees what it sends.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, Refusal> {
        let text =
            str::from_utf8(bytes).ok().filter(|text| text.is_ascii()).ok_or(Refusal(400, "the head is not ASCII"))?;
        let text = text.strip_suffix("\r\n\r\n").ok_or(Refusal(400, "the head does not end in an empty line"))?;
        let mut lines = text.split("\r\n");
        let mut words = lines.next().unwrap_or_default().split(' ');
        let (Some(method), Some(target), Some(version), None) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            return Err(Refusal(400, "the request line is not three words with one space between them"));
        };
        if !is_token(method) {
            return Err(Refusal(400, "the method is not a token"));
        }
        if !target.starts_with('/') || target.contains('#') || !target.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Refusal(400, "the target is not a path"));
        }
        if version != "HTTP/1.1" {
            return Err(Refusal(505, "the version is not HTTP/1.1"));
        }
        let headers = lines.map(header_line).collect::<Result<Vec<_>, _>>()?;
        let head = Self { method: method.to_owned(), target: target.to_owned(), headers };
        match head.all("host").count() {
            1 => Ok(head),
            _ => Err(Refusal(400, "there must be one Host header")),
        }
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    /// The length of the body that follows.
    pub(super) fn body_length(&self) -> Result<usize, Refusal> {
        if self.header("transfer-encoding").is_some() {
            return Err(Refusal(411, "a body must come with its Content-Length"));
        }
        let mut lengths = self.all("content-length");
        let (Some(length), None) = (lengths.next(), lengths.next()) else {
            return if self.header("content-length").is_none() {
                Ok(0)
            } else {
                Err(Refusal(400, "two Content-Length headers"))
            };
        };
        if length.is_empty() || !length.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(Refusal(400, "Content-Length is not a number"));
        }
        match length.parse() {
            Ok(length) if length <= MAX_BODY => Ok(length),
            _ => Err(Refusal(413, "the body is too large")),
        }
    }

    /// Whether the client asked for the connection to end after the answer.
    pub(super) fn wants_close(&self) -> bool {
        self.all("connection")
            .flat_map(|value| value.split(','))
            .any(|option| option.trim().eq_ignore_ascii_case("close"))
    }

    fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.headers.iter().filter(move |header| header.0.eq_ignore_ascii_case(name)).map(|header| header.1.as_str())
    }
}

/// Where the head ends, if it does within `bytes`; the first `scanned` of them were looked at before.
pub(super) fn head_end(bytes: &[u8], scanned: usize) -> Result<Option<usize>, Refusal> {
    for (index, _) in bytes.iter().enumerate().skip(scanned).filter(|(_, byte)| **byte == b'\n') {
        let line = bytes.get(..=index).unwrap_or_default();
        if !line.ends_with(b"\r\n") {
            // Without this a client that ends its lines in a bare LF would wait until the socket times out.
            return Err(Refusal(400, "a line ends in LF without CR"));
        }
        if line.ends_with(b"\r\n\r\n") {
            return if index < MAX_HEAD { Ok(Some(index + 1)) } else { Err(TOO_LONG) };
        }
    }
    if bytes.len() < MAX_HEAD { Ok(None) } else { Err(TOO_LONG) }
}

fn header_line(line: &str) -> Result<(String, String), Refusal> {
    let (name, value) = line.split_once(':').ok_or(Refusal(400, "a header line has no colon"))?;
    if !is_token(name) {
        return Err(Refusal(400, "a header name is not a token"));
    }
    if value.bytes().any(|byte| byte.is_ascii_control() && byte != b'\t') {
        return Err(Refusal(400, "a header value holds a control character"));
    }
    Ok((name.to_owned(), value.trim_matches([' ', '\t']).to_owned()))
}

/// RFC 9110 section 5.6.2.
fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

fn pairs(text: &str) -> Vec<(String, String)> {
    text.split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (decode(name, true), decode(value, true)))
        .collect()
}

/// Undoes percent-encoding, and in a query the plus sign for a blank; a stray percent sign stays.
fn decode(text: &str, plus: bool) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let pair = tail.get(..2).and_then(|pair| str::from_utf8(pair).ok()).filter(|_| first == b'%');
        // from_str_radix takes a sign, so the digits are looked at first.
        let pair = pair.filter(|pair| pair.bytes().all(|byte| byte.is_ascii_hexdigit()));
        if let Some(byte) = pair.and_then(|pair| u8::from_str_radix(pair, 16).ok()) {
            bytes.push(byte);
            rest = tail.get(2..).unwrap_or_default();
        } else {
            bytes.push(if plus && first == b'+' { b' ' } else { first });
            rest = tail;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The headers that let their bearer in.
const SECRET: [&str; 3] = ["authorization", "x-identity-header", "secret"];
/// The query parameters that do so.
const SIGNED: [&str; 7] = ["t", "c", "s", "h", "sig", "code", "$skiptoken"];
/// Signed polling URLs of several kilobytes are the longest that Azure hands out.
const MAX_HEAD: usize = 64 * 1024;
const TOO_LONG: Refusal = Refusal(431, "the head is too long");
/// Twice what Azure Resource Manager passes on to a resource provider.
const MAX_BODY: usize = 16 * 1024 * 1024;

#[cfg(test)]
pub(super) fn received(service: Service, head: &str) -> Received {
    let head = head.replace('\n', "\r\n") + "\r\n\r\n";
    let Ok(head) = Head::parse(head.as_bytes()) else { panic!("not a head: {head:?}") };
    let at = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_506_484_173);
    Received { service, at, head, body: Vec::new() }
}

#[cfg(test)]
pub(super) fn posted(service: Service, head: &str, body: &str) -> Received {
    let form = "Content-Type: application/x-www-form-urlencoded";
    Received { body: body.as_bytes().to_vec(), ..received(service, &format!("{head}\n{form}")) }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;

    #[test]
    fn refuses_what_a_careful_client_never_sends() {
        for (head, status, why) in [
            ("GET / HTTP/1.1\r\nHost: a\r\n", 400, "empty line"),
            ("GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400, "three words"),
            ("GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", 400, "three words"),
            ("G(T / HTTP/1.1\r\nHost: a\r\n\r\n", 400, "method"),
            ("GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n", 400, "target"),
            ("GET /#a HTTP/1.1\r\nHost: a\r\n\r\n", 400, "target"),
            ("GET /\t HTTP/1.1\r\nHost: a\r\n\r\n", 400, "target"),
            ("GET /é HTTP/1.1\r\nHost: a\r\n\r\n", 400, "ASCII"),
            ("GET / HTTP/1.0\r\nHost: a\r\n\r\n", 505, "version"),
            ("GET / HTTP/1.1\r\nHost a\r\n\r\n", 400, "colon"),
            ("GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400, "name"),
            ("GET / HTTP/1.1\r\nHost: a\r\n b: c\r\n\r\n", 400, "name"),
            ("GET / HTTP/1.1\r\nHost: a\rb\r\n\r\n", 400, "control"),
            ("GET / HTTP/1.1\r\n\r\n", 400, "Host"),
            ("GET / HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n", 400, "Host"),
        ] {
            let refusal = Head::parse(head.as_bytes()).err().unwrap();
            assert_eq!(refusal.0, status, "{head:?}");
            assert!(refusal.1.contains(why), "{head:?}: {refusal:?}");
        }
    }

    #[test]
    fn body_lengths() {
        for (headers, expected) in [
            ("", Ok(0)),
            ("\nContent-Length: 12", Ok(12)),
            ("\ncontent-length: 16777216", Ok(16_777_216)),
            ("\nContent-Length: 16777217", Err(413)),
            ("\nContent-Length: 99999999999999999999999", Err(413)),
            ("\nContent-Length: +1", Err(400)),
            ("\nContent-Length:", Err(400)),
            ("\nContent-Length: 1\nContent-Length: 1", Err(400)),
            ("\nTransfer-Encoding: chunked", Err(411)),
        ] {
            let request = received(Service::Arm, &format!("PUT / HTTP/1.1\nHost: a{headers}"));
            assert_eq!(request.head.body_length().map_err(|refusal| refusal.0), expected, "{headers}");
        }
    }

    #[test]
    fn finds_the_end_of_the_head_whatever_the_pieces() {
        let bytes = b"GET / HTTP/1.1\r\nHost: a\r\n\r\nbody\n";
        for length in 0..=bytes.len() {
            for scanned in 0..=length.min(26) {
                assert_eq!(head_end(&bytes[..length], scanned), Ok((length >= 27).then_some(27)), "{length} {scanned}");
            }
        }
        assert!(head_end(b"GET / HTTP/1.1\n", 0).is_err());
        assert!(head_end(b"\n", 0).is_err());
        assert_eq!(head_end(&[b'a'; MAX_HEAD - 1], 0), Ok(None));
        assert_eq!(head_end(&[b'a'; MAX_HEAD], 0), Err(TOO_LONG));
    }

    #[test]
    fn decodes_path_and_query() {
        let request = received(Service::Arm, "GET /a%2Fb/c+d/%zz%+1/?x=1%202+3&Y=&x=%e2%82%ac&z HTTP/1.1\nHost: a");
        assert_eq!(request.segments(), ["a/b", "c+d", "%zz%+1"]);
        let query = request.query();
        let query: Vec<_> = query.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(query, [("x", "1 2 3"), ("Y", ""), ("x", "€"), ("z", "")]);
        assert_eq!(request.parameter("X").as_deref(), Some("1 2 3"));
        assert_eq!(request.parameter("y"), None);
    }

    #[test]
    fn decodes_a_form() {
        let request = posted(Service::Entra, "POST / HTTP/1.1\nHost: a", "a=b+c%26&d=&a=e&F=g");
        assert!(request.is_form());
        assert_eq!(["a", "d", "f"].map(|name| request.field(name)), [Some("b c&".to_owned()), None, None]);
        assert!(!received(Service::Entra, "POST / HTTP/1.1\nHost: a").is_form());
    }

    #[test]
    fn debug_shows_no_token() {
        let head = "GET /x?T=secret&%24skiptoken=secret&api-version=1 HTTP/1.1\nHost: a\naUTHORIZATION: Bearer secret\nX-Identity-Header: secret\nSECRET: secret";
        let request = received(Service::Arm, head);
        let shown = format!("{request:?}");
        assert!(
            !shown.contains("secret")
                && shown.contains("GET /x?T=…&%24skiptoken=…&api-version=1\"")
                && shown.contains("Host: a"),
            "{shown}"
        );
    }
}
