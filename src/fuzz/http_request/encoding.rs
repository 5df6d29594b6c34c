//! Percent-encoding beside the url crate's, of forms and of URLs, and in what it may differ.

use url::{Url as Second, form_urlencoded};

#[cfg(test)]
use crate::fuzz::strictness::Named;
use crate::fuzz::strictness::Verdict;
use crate::fuzz::url::unescaped;
use crate::http::{push_form, push_query};
use crate::url::{Url, encode_stray};

/// A parameter of a query or a form: what servers decode is what was meant, byte for byte.
pub(crate) fn parameters_differ(name: &str, value: &str) -> Verdict {
    let (mut target, mut form) = ("/p?a=b".to_owned(), "a=b".to_owned());
    push_query(&mut target, name, value);
    push_form(&mut form, name, value);
    assert_eq!(target, ["/p?", &form].concat());
    let url = Second::parse(&["http://localhost", &target].concat()).unwrap();
    // Nothing in it that a browser would encode again.
    assert_eq!(url.query(), Some(&*form));
    let pairs: Vec<_> = url.query_pairs().collect();
    assert_eq!(pairs, [("a".into(), "b".into()), (name.into(), value.into())]);
    let theirs = form_urlencoded::Serializer::new("a=b".to_owned()).append_pair(name, value).finish();
    if form == theirs {
        return Verdict::Same;
    }
    assert_eq!(form, theirs.replace('+', "%20").replace('*', "%2A").replace("%7E", "~"));
    Verdict::Named(if theirs.contains('+') { BLANK } else { MARKS })
}

const BLANK: &str = "a blank is %20";
const MARKS: &str = "unreserved is what RFC 3986 says";

#[cfg(test)]
pub(crate) const OF_PARAMETERS: &[Named] = &[
    Named { name: BLANK, why: "RFC 3986, section 2.1: `+` is a blank in forms only; everyone reads %20" },
    Named { name: MARKS, why: "RFC 3986, section 2.3: `~` needs no escape; `*` is a sub-delimiter" },
];

/// What people write into a query: encoded where it must be, as browsers do, and what it says stays.
pub(crate) fn queries_differ(text: &str) -> Verdict {
    let ours = encode_stray(text);
    let mut second = Second::parse("https://localhost/").unwrap();
    second.set_query(Some(text));
    let theirs = second.query().unwrap();
    // Browsers drop or encode them; our reader of URLs refuses them.
    let unfit = text.contains(|c: char| c.is_ascii_control() || "#{}".contains(c));
    assert_eq!(Url::parse(&["https://localhost/?", &ours].concat()).is_err(), unfit, "{text:?}");
    if ours == theirs {
        return Verdict::Same;
    }
    assert!(unfit || unescaped(&ours) == unescaped(theirs), "{text:?}");
    match text {
        _ if unfit => Verdict::Named(UNFIT),
        _ if text.contains(['\\', '^', '`', '|']) => Verdict::Named(ESCAPED),
        _ => {
            assert_eq!(ours.replace('\'', "%27"), theirs);
            Verdict::Named(QUOTE)
        }
    }
}

const UNFIT: &str = "control characters, braces and hashes stay";
const ESCAPED: &str = "more characters are escaped";
const QUOTE: &str = "a quote stays";

#[cfg(test)]
pub(crate) const OF_QUERIES: &[Named] = &[
    Named { name: UNFIT, why: "they are mistakes or placeholders, which the URL's reader refuses" },
    Named { name: ESCAPED, why: "RFC 3986, section 2: no URL has them; browsers leave them to servers" },
    Named { name: QUOTE, why: "RFC 3986, section 2.2: a sub-delimiter; it may be in what is signed" },
];
