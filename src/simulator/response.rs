//! An answer as it goes: bytes out, no socket.

use super::clock;
use super::request::Received;

/// `Err` is an answer too: the one that ends the checks early.
pub(super) type Outcome = Result<Response, Response>;

/// An answer before it is bytes.
#[derive(Clone, Debug)]
pub(super) struct Response {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl Response {
    /// Without a body.
    pub(super) fn new(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Vec::new() }
    }

    pub(super) fn json(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self { body: body.into(), ..Self::new(status) }.header("Content-Type", "application/json; charset=utf-8")
    }

    pub(super) fn text(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self { body: body.into(), ..Self::new(status) }.header("Content-Type", "text/plain; charset=utf-8")
    }

    pub(super) fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// With the one header that every service adds.
    pub(super) fn dated(self, request: &Received) -> Self {
        self.header("Date", clock::http(clock::epoch(request.at)))
    }

    /// Whether it says that the connection ends with it.
    pub(super) fn closes(&self) -> bool {
        self.headers
            .iter()
            .any(|(name, value)| name.eq_ignore_ascii_case("connection") && value.eq_ignore_ascii_case("close"))
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.headers.iter().any(|header| header.0.eq_ignore_ascii_case(name))
    }

    /// The bytes on the wire; without the body if `head_only`, as HEAD has it.
    pub(super) fn to_bytes(&self, head_only: bool) -> Vec<u8> {
        let mut head = format!("HTTP/1.1 {} {}\r\n", self.status, reason(self.status));
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if self.status != 204 && !self.has("content-length") {
            head.push_str(&format!("Content-Length: {}\r\n", self.body.len()));
        }
        head.push_str("\r\n");
        let mut bytes = head.into_bytes();
        if !head_only && self.status != 204 {
            bytes.extend_from_slice(&self.body);
        }
        bytes
    }
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        204 => "No Content",
        302 => "Found",
        304 => "Not Modified",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        409 => "Conflict",
        410 => "Gone",
        411 => "Length Required",
        412 => "Precondition Failed",
        413 => "Content Too Large",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        505 => "HTTP Version Not Supported",
        _ => "",
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn bytes_of_an_answer() {
        let answer = Response::json(200, "{}").header("A", "b");
        let head =
            "HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=utf-8\r\nA: b\r\nContent-Length: 2\r\n\r\n";
        assert_eq!(answer.to_bytes(true), head.as_bytes());
        assert_eq!(answer.to_bytes(false), format!("{head}{{}}").as_bytes());
        assert_eq!(Response::new(204).to_bytes(false), b"HTTP/1.1 204 No Content\r\n\r\n");
        let lying = Response::text(200, "abc").header("content-length", "9").to_bytes(false);
        assert_eq!(String::from_utf8(lying).unwrap().matches("ength").count(), 1);
    }
}
