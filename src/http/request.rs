//! The request writer: refuses whatever could split a header or a request line.

use std::borrow::Cow;

use zeroize::{Zeroize, Zeroizing};

use super::{is_field_text, is_token};

/// A request without its socket.
pub(crate) struct Request<'a> {
    pub(crate) method: &'static str,
    /// Host and port as the `Host` header names them.
    pub(crate) authority: Cow<'a, str>,
    /// Path and query.
    pub(crate) target: String,
    /// Owned values are wiped when the request goes.
    pub(crate) headers: Vec<(&'static str, Cow<'a, str>)>,
    /// A form (`application/x-www-form-urlencoded`); only a POST has one.
    pub(crate) form: Option<Zeroizing<String>>,
}

impl Drop for Request<'_> {
    fn drop(&mut self) {
        for (_, value) in &mut self.headers {
            if let Cow::Owned(value) = value {
                value.zeroize();
            }
        }
    }
}

impl<'a> Request<'a> {
    pub(crate) fn get(authority: impl Into<Cow<'a, str>>, target: String) -> Self {
        Self { method: "GET", authority: authority.into(), target, headers: Vec::new(), form: None }
    }

    /// For a tunnel to `HOST:PORT`.
    #[cfg(feature = "https")]
    pub(crate) fn connect(target: String) -> Self {
        Self { method: "CONNECT", authority: target.clone().into(), target, headers: Vec::new(), form: None }
    }

    pub(crate) fn post_form(authority: impl Into<Cow<'a, str>>, target: String, form: String) -> Self {
        let form = Some(Zeroizing::new(form));
        Self { method: "POST", authority: authority.into(), target, headers: Vec::new(), form }
    }

    pub(crate) fn header(mut self, name: &'static str, value: impl Into<Cow<'a, str>>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// The bytes to send, in one piece.
    ///
    /// # Errors
    /// Names the part that cannot be sent: a blank or a control character where the grammar of RFC 9112 has none.
    pub(crate) fn write(&self) -> Result<Zeroizing<Box<[u8]>>, &'static str> {
        if !is_token(self.method.as_bytes()) {
            return Err("method");
        }
        if self.target.is_empty() || !self.target.bytes().all(|byte| matches!(byte, 0x21..=0x7e)) {
            return Err("request target");
        }
        if self.authority.is_empty() || !self.authority.bytes().all(|byte| matches!(byte, 0x21..=0x7e)) {
            return Err("host");
        }
        if !self.headers.iter().all(|(name, value)| is_token(name.as_bytes()) && is_field_text(value.as_bytes())) {
            return Err("header");
        }
        let mut length = 0;
        self.pieces(&mut |piece| length += piece.len());
        // Of its size from the start: a reallocation would leave a copy of a secret header behind.
        let mut bytes = Vec::with_capacity(length);
        self.pieces(&mut |piece| bytes.extend_from_slice(piece.as_bytes()));
        Ok(Zeroizing::new(bytes.into_boxed_slice()))
    }

    /// The request's text, in as many pieces as it has.
    fn pieces(&self, each: &mut dyn FnMut(&str)) {
        let mut all = |pieces: &[&str]| pieces.iter().for_each(|piece| each(piece));
        all(&[self.method, " ", &self.target, " HTTP/1.1\r\nHost: ", &self.authority, "\r\n"]);
        for (name, value) in &self.headers {
            all(&[name, ": ", value, "\r\n"]);
        }
        if let Some(form) = &self.form {
            all(&["Content-Type: ", FORM, "\r\nContent-Length: ", &form.len().to_string(), "\r\n"]);
        }
        // A tunnel outlives its request.
        all(&[if self.method == "CONNECT" { "\r\n" } else { "Connection: close\r\n\r\n" }]);
        all(&[self.form.as_ref().map_or("", |form| form.as_str())]);
    }
}

/// Appends `name=value` to a target, with `?` or `&`, the value percent-encoded down to RFC 3986's unreserved characters.
pub(crate) fn push_query(target: &mut String, name: &str, value: &str) {
    target.push(if target.contains('?') { '&' } else { '?' });
    percent_encode(target, name);
    target.push('=');
    percent_encode(target, value);
}

/// Appends `name=value` to a form, encoded as in a query.
pub(crate) fn push_form(form: &mut String, name: &str, value: &str) {
    if !form.is_empty() {
        form.push('&');
    }
    percent_encode(form, name);
    form.push('=');
    percent_encode(form, value);
}

pub(crate) const FORM: &str = "application/x-www-form-urlencoded";

/// Appends text, every byte of it encoded that RFC 3986 does not call unreserved.
pub(crate) fn percent_encode(target: &mut String, text: &str) {
    let mut start = 0;
    for (at, byte) in text.bytes().enumerate() {
        if !byte.is_ascii_alphanumeric() && !matches!(byte, b'-' | b'.' | b'_' | b'~') {
            // Inside a character of several bytes there is nothing between two escapes.
            target.push_str(text.get(start..at).unwrap_or(""));
            push_escape(target, byte);
            start = at + 1;
        }
    }
    target.push_str(text.get(start..).unwrap_or(""));
}

/// Appends `%XX`.
pub(crate) fn push_escape(target: &mut String, byte: u8) {
    let digit = |nibble: u8| char::from(if nibble < 10 { b'0' + nibble } else { b'A' + nibble - 10 });
    target.extend(['%', digit(byte >> 4), digit(byte & 15)]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_the_tutorial_request() {
        let mut target = "/metadata/identity/oauth2/token".to_owned();
        push_query(&mut target, "api-version", "2018-02-01");
        push_query(&mut target, "resource", "https://management.azure.com/");
        let request = Request::get("169.254.169.254", target).header("Metadata", "true");
        assert_eq!(
            std::str::from_utf8(&request.write().unwrap()).unwrap(),
            "GET /metadata/identity/oauth2/token?api-version=2018-02-01&resource=https%3A%2F%2Fmanagement.azure.com%2F HTTP/1.1\r\n\
             Host: 169.254.169.254\r\nMetadata: true\r\nConnection: close\r\n\r\n"
        );
    }

    #[test]
    fn refuses_what_could_split_the_request() {
        let good = || Request::get("h", "/".to_owned());
        let with = |method, authority: &'static str, target: &str| {
            let mut request = Request::get(authority, target.to_owned());
            request.method = method;
            request
        };
        for (request, part) in [
            (with("GET /x", "h", "/"), "method"),
            (with("GET", "h", "/a b"), "request target"),
            (with("GET", "h", "/\r\nX: y"), "request target"),
            (with("GET", "h", ""), "request target"),
            (with("GET", "h\r\n", "/"), "host"),
            (good().header("A b", "v"), "header"),
            (good().header("A", "v\r\nB: w"), "header"),
            (good().header("A", "v\0"), "header"),
        ] {
            assert_eq!(request.write().map(|_| ()), Err(part));
        }
        assert!(good().header("A", "é\t").write().is_ok());
    }

    #[test]
    fn encodes_every_byte_that_is_not_unreserved() {
        let mut target = String::from("/p?a=b");
        push_query(&mut target, "$filter", "name eq 'é/~'");
        assert_eq!(target, "/p?a=b&%24filter=name%20eq%20%27%C3%A9%2F~%27");
    }

    #[test]
    fn writes_a_form() {
        let mut form = String::new();
        push_form(&mut form, "resource", "https://a/");
        push_form(&mut form, "b", "&");
        let request =
            Request::post_form("localhost:50342", "/oauth2/token".to_owned(), form).header("Metadata", "true");
        assert_eq!(
            std::str::from_utf8(&request.write().unwrap()).unwrap(),
            "POST /oauth2/token HTTP/1.1\r\nHost: localhost:50342\r\nMetadata: true\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 33\r\nConnection: close\r\n\r\n\
             resource=https%3A%2F%2Fa%2F&b=%26"
        );
    }
}
