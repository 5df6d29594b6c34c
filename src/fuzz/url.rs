//! What must hold of URLs.

pub(crate) mod links;
pub(crate) mod readings;
mod strictness;

#[cfg(test)]
use super::strictness::Named;
use crate::cloud::Cloud;
use crate::url::Url;

/// URLs: what is read can be put together again to the same, is the same to browsers, or else in a way that has a name, and
/// gets a token only for a host of the cloud.
pub fn url(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    readings::differs(&text);
    links::differs("https://management.azure.com/a/b?c=d", &text);
    let Ok(url) = Url::parse(&text) else {
        assert!(Cloud::public().audience_of(&text).is_err());
        return;
    };
    assert!(text.bytes().all(|byte| byte.is_ascii_graphic()));
    assert!(url.port != 0 && !url.host.is_empty() && !url.host.contains(['@', '/', '?', '#', '\\', '%']));
    assert!(url.rest.is_empty() || url.rest.starts_with(['/', '?']));
    let scheme = if url.https { "https" } else { "http" };
    let again = format!("{scheme}://{}{}", url.authority(), url.rest);
    assert_eq!(Url::parse(&again), Ok(url));
    // Spelled out, the port changes nothing.
    let spelled = format!("{scheme}://{}:{}{}", url.host.to_ascii_uppercase(), url.port, url.rest);
    let wanted = (url.https, url.host.to_ascii_uppercase(), url.port, url.rest);
    assert_eq!(Url::parse(&spelled).map(|url| (url.https, url.host.to_owned(), url.port, url.rest)), Ok(wanted));
    let literal = format!("{}:{}", url.host, url.port).parse().ok();
    if !url.host.eq_ignore_ascii_case("localhost") {
        assert_eq!(url.literal_addresses(), literal.map(|address| vec![address]));
    }
    if let Ok(audience) = Cloud::public().audience_of(&text) {
        assert!(url.https && url.port == 443 && literal.is_none(), "{audience} for {text:?}");
        assert!(belongs(&url.host.to_ascii_lowercase(), audience), "{audience} for {text:?}");
    }
}

/// Whether a host is the service of that audience, or below it.
fn belongs(host: &str, audience: &str) -> bool {
    let service = audience.trim_start_matches("https://").trim_end_matches('/');
    if service == "storage.azure.com" {
        let ends = [".core.windows.net", ".storage.azure.net"];
        let account = ends.iter().find_map(|end| host.strip_suffix(end)?.rsplit_once('.'));
        return account.is_some_and(|(account, kind)| {
            !account.is_empty() && ["blob", "queue", "table", "file", "dfs"].contains(&kind)
        });
    }
    // Hosts whose audience has another name.
    let service = match service {
        "api.loganalytics.io" if host == "api.loganalytics.azure.com" => host,
        "appconfig.azure.com" if host.ends_with(".azconfig.io") => "azconfig.io",
        service => service,
    };
    host.strip_suffix(service).is_some_and(|before| before.is_empty() || before.ends_with('.'))
}

/// The differences that are meant, of URLs and of links.
#[cfg(test)]
pub(crate) fn named(links: bool) -> impl Iterator<Item = &'static Named> {
    let own = if links { strictness::OF_LINKS } else { strictness::OF_URLS };
    own.iter().chain(strictness::OF_BOTH).map(|row| &row.named)
}

/// With no segment that is a drive letter to the other reader, which leaves it where dots would remove it.
fn without_drives(text: &str) -> String {
    let segments = text.split('/').map(|segment| match segment.as_bytes() {
        [letter, b':'] if letter.is_ascii_alphabetic() => segment.replace(':', "~"),
        _ => segment.to_owned(),
    });
    segments.collect::<Vec<_>>().join("/")
}

/// Percent-escapes resolved.
pub(crate) fn unescaped(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let digits = after.get(..2).filter(|digits| *first == b'%' && digits.iter().all(u8::is_ascii_hexdigit));
        let byte = digits.map(|digits| u8::from_str_radix(std::str::from_utf8(digits).unwrap(), 16).unwrap());
        bytes.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { &after[2..] } else { after };
    }
    bytes
}
