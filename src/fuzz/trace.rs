//! What must hold of traces.

use std::sync::Arc;
use std::time::Duration;

use crate::error::Error;
use crate::trace::{Headers, Record, Trace, redact_header, redact_url};

/// What is shown of a request and its answer: whatever stands beside them, a secret in the query, the fragment or the user's
/// name of a URL, or in a header that is not known to be harmless, does not pass. The input is lines: a URL, the name of a
/// parameter, the name of a header.
pub fn trace(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut lines = text.splitn(3, '\n');
    let mut line = || lines.next().unwrap_or_default();
    let (url, name, header) = (line(), line(), line());
    let parameter = name.replace(['&', '=', '#', '?'], "");
    if [url, &parameter, header].iter().any(|given| given.contains(SECRET)) {
        return;
    }
    let shown = redact_url(url);
    assert_eq!(redact_url(&shown), shown, "a second time");
    let count = |text: &str, c: char| text.matches(c).count();
    assert!(count(&shown, '&') <= count(url, '&') && count(&shown, '?') <= count(url, '?'));
    let harmless = PARAMETERS.iter().any(|known| known.eq_ignore_ascii_case(&parameter));
    let base = url.split(['?', '#']).next().unwrap_or_default();
    for signed in [
        format!("{base}?{parameter}={SECRET}"),
        format!("{base}?api-version=1&{parameter}={SECRET}&$top=1"),
        format!("{url}{}{parameter}={SECRET}", if url.contains('?') { '&' } else { '?' }),
    ] {
        assert!(harmless || !redact_url(&signed).contains(SECRET), "{signed} shows as {}", redact_url(&signed));
    }
    for signed in [
        format!("{base}?{SECRET}"),
        format!("{url}#{SECRET}"),
        format!("{url}#{parameter}={SECRET}"),
        format!("https://user:{SECRET}@{}", base.trim_start_matches("https://")),
    ] {
        assert!(!redact_url(&signed).contains(SECRET), "{signed} shows as {}", redact_url(&signed));
    }
    record(url, header);
}

fn record(url: &str, header: &str) {
    let harmless = redact_header(header, SECRET) == SECRET;
    assert!(!harmless || !NEVER.iter().any(|never| never.eq_ignore_ascii_case(header)), "{header}");
    let headers = || Headers::shown([(header, SECRET), ("Authorization", SECRET)]);
    for outcome in [Ok(200), Err(Error::invalid("no answer"))] {
        let url = format!("{}?sig={SECRET}", url.split(['?', '#']).next().unwrap_or_default());
        let elapsed = Duration::from_millis(u64::MAX);
        let record = Record { method: "GET", url, outcome, elapsed, sent: headers(), received: headers() };
        let header = header.to_owned();
        let observer = Trace(Some(Arc::new(move |attempt| {
            assert_eq!(
                (attempt.method(), attempt.elapsed(), attempt.retry_in()),
                ("GET", elapsed, Some(Duration::MAX))
            );
            assert_eq!(attempt.status().is_some(), attempt.error().is_none());
            let line = format!("{attempt} {attempt:?} {}", attempt.url());
            assert!(!line.contains(SECRET), "{line}");
            for (name, value) in attempt.sent_headers().chain(attempt.received_headers()) {
                assert_eq!(value == SECRET, harmless && name == header, "{name}: {value}");
            }
        })));
        assert!(observer.is_on() && format!("{observer:?}") == "Trace(on)");
        observer.tell(&record, Some(Duration::MAX));
    }
}

/// Nothing that the words of this crate, or a short input, could hold.
const SECRET: &str = "Zm9v.s3cr3t-signature_0a1b2c3d";
const PARAMETERS: [&str; 10] = [
    "api-version",
    "resource",
    "client_id",
    "object_id",
    "msi_res_id",
    "format",
    "$top",
    "$filter",
    "$expand",
    "$select",
];
const NEVER: [&str; 12] = [
    "authorization",
    "proxy-authorization",
    "www-authenticate",
    "x-identity-header",
    "secret",
    "location",
    "azure-asyncoperation",
    "operation-location",
    "cookie",
    "set-cookie",
    "x-ms-authorization-auxiliary",
    "",
];
