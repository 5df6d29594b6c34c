//! In what our reader of URLs and that of browsers may differ.

use std::net::Ipv4Addr;

use url::{Host, Url as Second};

use crate::fuzz::strictness::Named;
use crate::url::encode_stray;

/// A difference: what we said, and what must be seen for it to be this one.
pub(super) struct Strictness {
    pub(super) named: Named,
    /// How we refuse it; none where both take it, or only we do.
    pub(super) refusals: &'static [&'static str],
    pub(super) evidence: fn(&Seen<'_>) -> bool,
}

/// A URL or a link, and what browsers make of it.
pub(super) struct Seen<'a> {
    pub(super) text: &'a str,
    pub(super) second: Option<&'a Second>,
}

impl<'a> Seen<'a> {
    /// Between the slashes and the path, as it is written.
    fn authority(&self) -> &'a str {
        let after = self.text.split_once("//").map_or("", |(_, after)| after).trim_start_matches('/');
        after.split(['/', '?', '#']).next().unwrap_or(after)
    }

    /// Without user and port.
    fn host(&self) -> &'a str {
        let host = self.authority().rsplit('@').next().unwrap_or("");
        let end = host.rfind(']').map_or(0, |at| at + 1);
        host[end..].find(':').map_or(host, |colon| &host[..end + colon])
    }

    fn port(&self) -> Option<&'a str> {
        self.authority().strip_prefix(self.host())?.strip_prefix(':')
    }

    fn last_label_is_numeric(&self) -> bool {
        self.host().rsplit('.').next().is_some_and(|last| last.starts_with(|c: char| c.is_ascii_digit()))
    }
}

const CHARACTERS: &str = "it has characters that a URL cannot have";
const START: &str = "it does not start with https://";
const HOST: &str = "its host is not a plain name or address";
const PORT: &str = "its port is not a number from 1 to 65535";

const fn strict(
    name: &'static str,
    why: &'static str,
    refusals: &'static [&'static str],
    evidence: fn(&Seen<'_>) -> bool,
) -> Strictness {
    Strictness { named: Named { name, why }, refusals, evidence }
}

/// Of a URL, and of a link that is one.
pub(super) const OF_BOTH: &[Strictness] = &[
    strict(DRIVE, "RFC 3986, section 5.2.4: a segment like any other; the url crate keeps it", &[], |_| false),
    strict(
        "blanks and control characters",
        "RFC 3986, section 2, has none; browsers drop some, and a line end would split a request",
        &[CHARACTERS],
        |it| it.text.bytes().any(|byte| byte <= b' ' || byte == 0x7f),
    ),
    strict(
        "letters beyond ASCII",
        "RFC 3986, section 2: a host of look-alikes, and many spellings of one path",
        &[CHARACTERS],
        |it| !it.text.is_ascii(),
    ),
    strict(
        "characters that are to be escaped",
        "RFC 3986, section 2; a brace is a placeholder that nobody has filled",
        &[CHARACTERS],
        |it| it.text.contains(['"', '<', '>', '^', '`', '{', '|', '}']),
    ),
    strict("a slash too few", "RFC 3986, section 3: `https:a` is a path there, a host in browsers", &[START], |it| {
        it.text.split_once(':').is_some_and(|(_, after)| !after.starts_with("//"))
    }),
    strict("a slash too many", "RFC 3986, section 3: no host there, the first segment in browsers", &[HOST], |it| {
        it.text.split_once(':').is_some_and(|(_, after)| after.starts_with("///"))
    }),
    strict(
        "a fragment",
        "RFC 9110, section 4.2.5: it is never sent, so who wrote it meant something else",
        &["it has a fragment (#…)"],
        |it| it.text.contains('#'),
    ),
    strict(
        "a user name",
        "RFC 9110, section 4.2.4: to be treated as an error, it obscures the host",
        &["it has a user name in it"],
        |it| it.authority().contains('@'),
    ),
    strict("a port of nothing", "RFC 3986, section 6.2.3: a normal URL has none", &[PORT], |it| it.port() == Some("")),
    strict(
        "a port of more than nineteen digits",
        "zeros in front of a number are a trick on parsers that cut",
        &[PORT],
        |it| it.port().is_some_and(|port| port.len() > 19),
    ),
    strict(
        "a dot after the host",
        "the same host for DNS, another for tables of hosts and certificates",
        &[HOST],
        |it| it.host().ends_with('.'),
    ),
    strict("a label of nothing", "RFC 1034, section 3.1: no such name", &[HOST], |it| {
        it.host().starts_with('.') || it.host().contains("..")
    }),
    strict(
        "a host in escapes",
        "RFC 3986, section 3.2.2: decoded before or after the host is looked at, it is another one",
        &[HOST],
        |it| it.host().contains('%'),
    ),
    strict(
        "an address in another spelling",
        "RFC 3986, section 7.4: octal, hexadecimal and short addresses pass by lists of hosts",
        &[HOST],
        |it| {
            let address = it.second.and_then(Second::host);
            matches!(address, Some(Host::Ipv4(_))) && it.host().parse::<Ipv4Addr>().is_err()
        },
    ),
    strict(
        "characters that no host name has",
        "RFC 1123, section 2.1: letters, digits and hyphens; the rest ends the host for some reader",
        &[HOST],
        |it| it.host().contains(['!', '$', '&', '\'', '(', ')', '*', '+', ',', ';', '=', '~']),
    ),
    strict("a name that is too long", "RFC 1035, section 2.3.4: no such name", &[HOST], |it| {
        it.host().len() > 253 || it.host().split('.').any(|label| label.len() > 63)
    }),
];

pub(super) const OF_URLS: &[Strictness] = &[
    strict("port zero", "RFC 6335, section 6: reserved; nothing listens there", &[PORT], |it| {
        it.port().is_some_and(|port| !port.is_empty() && port.bytes().all(|byte| byte == b'0'))
    }),
    strict("a backslash", "browsers read a slash, RFC 3986 none: two hosts in one text", &[CHARACTERS], |it| {
        it.text.contains('\\')
    }),
    strict("another scheme", "nothing else can be sent", &[START], |it| {
        it.second.is_some_and(|second| !matches!(second.scheme(), "http" | "https"))
    }),
    strict(
        "a last label with a digit first",
        "no top-level domain has one: who reads it as an address reads another host",
        &[HOST],
        |it| it.last_label_is_numeric() && matches!(it.second.and_then(Second::host), Some(Host::Domain(_))),
    ),
    strict(
        "a Punycode label that means nothing",
        "RFC 5891, section 4.4: a label is only looked up here, never shown as what it decodes to",
        &[],
        |it| it.second.is_none() && it.host().to_ascii_lowercase().split('.').any(|label| label.starts_with("xn--")),
    ),
    strict(DOTS, "the caller's path is sent as it is written: Azure's names may hold dots", &[], |_| false),
    strict(QUOTE, "RFC 3986, section 3.4: fit for a query; OData's filters are full of it", &[], |_| false),
];

/// Of both: the other reader keeps it.
pub(super) const DRIVE: &str = "a drive letter before dots";

/// Both take them, for the same once browsers' ways are taken out.
pub(super) const DOTS: &str = "segments of dots";
pub(super) const QUOTE: &str = "a quote in the query";

/// Of a link that browsers would follow with the token.
pub(super) const OF_LINKS: &[Strictness] = &[
    strict(
        "a blank first, or a backslash in the path",
        "browsers drop the one and read the other as a slash: `//host` in disguise",
        &["it starts with a blank, or has a backslash before its query"],
        |it| it.text.starts_with(' ') || it.text.contains('\\'),
    ),
    strict(
        "a host without its scheme",
        "no service sends it, and it is the usual way out of an origin",
        &["it names a host without https://"],
        |it| it.text.starts_with("//"),
    ),
    strict("nothing", "the same page again, for ever", &["it is empty"], |it| it.text.is_empty()),
    strict("more than 16 KiB", "memory; signed links are a quarter of that", &["it is longer than 16 KiB"], |it| {
        it.text.len() > 16 << 10 || it.second.is_some_and(|second| second.as_str().len() > 16 << 10)
    }),
    strict(
        "a colon in the first segment of a path",
        "RFC 3986, section 4.2: it ends a scheme there, unless it is no scheme",
        &[START],
        |it| {
            let before = it.text.split('/').next().and_then(|first| first.split_once(':')).map(|(before, _)| before);
            before.is_some_and(|before| !before.eq_ignore_ascii_case("https"))
        },
    ),
    strict(
        "an IPv6 address in another spelling",
        "compared as it is written, which can only refuse",
        &["it leads to another host"],
        |it| it.host().starts_with('['),
    ),
    strict("a host with what is to be escaped", "as for URLs: escaped, it is no host", &[HOST, PORT], |it| {
        encode_stray(it.authority()) != it.authority()
    }),
    strict(
        ESCAPED_DOTS,
        "RFC 3986, section 5.2.4, removes dots as they stand; the path is another one of the same host",
        &[],
        |_| false,
    ),
    strict(BLANK, "a link is signed: what stands in it is sent, if only as an escape", &[], |_| false),
];

/// Both follow it, and browsers change it first.
pub(super) const ESCAPED_DOTS: &str = "segments of escaped dots";
pub(super) const BLANK: &str = "a blank at the end of a link";
