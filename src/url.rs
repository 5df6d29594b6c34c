//! URLs, read strictly: what cannot be read in one way only is refused before anything is resolved or sent.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

#[cfg(any(test, fuzzing, feature = "https"))]
use crate::http::push_escape;

/// An absolute `http` or `https` URL without user name and fragment (RFC 3986).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Url<'a> {
    pub(crate) https: bool,
    /// As written; a name without a trailing dot, or an address, IPv6 in brackets.
    pub(crate) host: &'a str,
    pub(crate) port: u16,
    /// From the first `/` or `?` on; may be empty.
    pub(crate) rest: &'a str,
}

impl<'a> Url<'a> {
    /// # Errors
    /// Says what is wrong with the URL, without repeating it.
    pub(crate) fn parse(text: &'a str) -> Result<Self, &'static str> {
        if !text.bytes().all(|byte| {
            matches!(byte, 0x21..=0x7e) && !matches!(byte, b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{'..=b'}')
        }) {
            return Err("it has characters that a URL cannot have");
        }
        let (scheme, after) = text.split_once(':').ok_or("it does not start with https://")?;
        let after = after.strip_prefix("//").ok_or("it does not start with https://")?;
        let https = scheme.eq_ignore_ascii_case("https");
        if !https && !scheme.eq_ignore_ascii_case("http") {
            return Err("it does not start with https://");
        }
        let end = after.find(['/', '?', '#']).unwrap_or(after.len());
        let (authority, rest) = after.split_at_checked(end).unwrap_or((after, ""));
        if rest.contains('#') {
            return Err("it has a fragment (#…)");
        }
        if authority.contains('@') {
            return Err("it has a user name in it");
        }
        let (host, port) = split_port(authority)?;
        if !is_host(host) {
            return Err("its host is not a plain name or address");
        }
        Ok(Self { https, host, port: port.unwrap_or(if https { 443 } else { 80 }), rest })
    }

    /// The addresses of a host that needs no name service: a literal, or `localhost`, IPv4 first.
    pub(crate) fn literal_addresses(&self) -> Option<Vec<SocketAddr>> {
        if self.host.eq_ignore_ascii_case("localhost") {
            return Some(vec![(Ipv4Addr::LOCALHOST, self.port).into(), (Ipv6Addr::LOCALHOST, self.port).into()]);
        }
        let address = self.host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>().ok()?;
        Some(vec![(address, self.port).into()])
    }

    /// Host and port as a `Host` header names them, the scheme's own port left out (RFC 9110, section 7.2).
    pub(crate) fn authority(&self) -> String {
        match (self.https, self.port) {
            (true, 443) | (false, 80) => self.host.to_owned(),
            (_, port) => [self.host, ":", &port.to_string()].concat(),
        }
    }
}

fn split_port(authority: &str) -> Result<(&str, Option<u16>), &'static str> {
    let name_end = authority.rfind(']').map_or(0, |at| at + 1);
    let Some(colon) = authority.get(name_end..).and_then(|after| after.find(':')) else { return Ok((authority, None)) };
    let (host, port) = authority.split_at_checked(name_end + colon).unwrap_or((authority, ""));
    let number =
        crate::json::digits(port.trim_start_matches(':').as_bytes()).and_then(|number| u16::try_from(number).ok());
    match number {
        Some(number @ 1..) if port.matches(':').count() == 1 => Ok((host, Some(number))),
        _ => Err("its port is not a number from 1 to 65535"),
    }
}

fn is_host(host: &str) -> bool {
    if let Some(inner) = host.strip_prefix('[') {
        return inner.strip_suffix(']').is_some_and(|inner| inner.parse::<Ipv6Addr>().is_ok());
    }
    let label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    // A last label of digits is an address in a spelling of its own (`127.1`, `0x7f.1` has letters but no such zone).
    let numeric = host.rsplit('.').next().is_some_and(|last| last.starts_with(|c: char| c.is_ascii_digit()));
    host.len() <= 253 && host.split('.').all(label) && (!numeric || host.parse::<Ipv4Addr>().is_ok())
}

/// Percent-encodes what people write into a path or query and a URL cannot have: blanks, quotes, letters beyond ASCII.
/// What is already encoded stays. Control characters and braces stay too, for `Url::parse` to refuse: a brace is a
/// placeholder that nobody has filled.
#[cfg(any(test, fuzzing, feature = "https"))]
pub(crate) fn encode_stray(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_ascii() && !matches!(c, ' ' | '"' | '<' | '>' | '\\' | '^' | '`' | '|') {
            encoded.push(c);
        } else {
            c.encode_utf8(&mut [0; 4]).bytes().for_each(|byte| push_escape(&mut encoded, byte));
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_plain_urls() {
        for (text, https, host, port, rest) in [
            ("https://management.azure.com", true, "management.azure.com", 443, ""),
            ("HTTPS://Management.Azure.COM/a?b=c", true, "Management.Azure.COM", 443, "/a?b=c"),
            ("http://127.0.0.1:8080?x", false, "127.0.0.1", 8080, "?x"),
            ("http://[::1]:80/", false, "[::1]", 80, "/"),
            ("http://[::]:8080/", false, "[::]", 8080, "/"),
            ("https://a_b.example:65535/", true, "a_b.example", 65535, "/"),
        ] {
            assert_eq!(Url::parse(text), Ok(Url { https, host, port, rest }), "{text}");
        }
    }

    #[test]
    fn refuses_every_trick_spelling() {
        for text in [
            "",
            "management.azure.com",
            "ftp://a",
            "//a",
            "https:/a",
            "https://",
            "https:///x",
            "https://a b",
            "https://a::443",
            "https://a\n",
            "https://é",
            "https://a@b",
            "https://a:b@c/",
            "https://a:",
            "https://a:0",
            "https://a:65536",
            "https://a:99999",
            "https://a:+1",
            "https://a:1:2",
            "https://a.",
            "https://.a",
            "https://a..b",
            "https://a%6d",
            "https://a/#b",
            "https://a#b",
            "https://a\\b",
            "https://[::1",
            "https://[a]",
            "https://[::1]x",
            "https://127.1",
            "https://0x7f.0.0.1",
            "https://127.0.0.1.",
            "https://2130706433",
            "https://a/{x}",
            "https://a/\"",
        ] {
            assert!(Url::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn literal_hosts_need_no_name_service() {
        let addresses = |text| Url::parse(text).unwrap().literal_addresses();
        assert_eq!(
            addresses("http://localhost:1").unwrap(),
            ["127.0.0.1:1".parse().unwrap(), "[::1]:1".parse().unwrap()]
        );
        assert_eq!(addresses("http://[fe80::1]").unwrap(), ["[fe80::1]:80".parse().unwrap()]);
        assert_eq!(addresses("https://a.example"), None);
    }

    #[test]
    fn stray_characters() {
        assert_eq!(encode_stray("/a b?$filter=name eq 'é'&x=%20"), "/a%20b?$filter=name%20eq%20'%C3%A9'&x=%20");
        assert!(Url::parse(&format!("https://a{}", encode_stray("/\r\nX: y"))).is_err());
    }
}
