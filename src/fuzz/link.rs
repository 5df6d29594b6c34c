//! What must hold of links.

use url::Url as Second;

use super::assert_plain;
use crate::arm::link::follow;
use crate::cloud::Cloud;
use crate::url::Url;

/// Links of a service: a base, a line end, the link. What is followed goes, in the reading of browsers too, over https to the
/// base's host and port or from Resource Manager to Resource Manager, without credentials; a refusal shows no query.
pub fn link(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (base, link) = text.split_once('\n').unwrap_or(("https://management.azure.com/a/b?c=d", &text));
    for (cloud, arm) in [
        ("public", Some("management.azure.com")),
        ("china", Some("management.chinacloudapi.cn")),
        ("https://localhost:8443", None),
    ] {
        let cloud = Cloud::named(cloud).unwrap();
        match follow(&cloud, base, link) {
            Ok(url) => {
                assert_stays(arm, base, &url);
                assert_one_reading(base, link, &url);
                assert_eq!(follow(&cloud, base, &url).as_deref(), Ok(&*url), "a second time");
                assert_eq!(follow(&cloud, &url, &url).as_deref(), Ok(&*url), "from there");
            }
            Err(refused) => {
                let shown = refused.to_string();
                assert_plain(&shown);
                assert!(shown.len() < 400 && !shown.contains(['?', '@', '%']), "{shown}");
            }
        }
    }
}

fn assert_stays(arm: Option<&str>, base: &str, url: &str) {
    assert!(url.len() <= 16 << 10 && url.bytes().all(|byte| byte.is_ascii_graphic()));
    // Names in Punycode that decode to nothing: only the caller can have named such a host.
    let Ok(base) = Second::parse(base) else {
        let host = Url::parse(base).unwrap().host.to_ascii_lowercase();
        assert!(host.contains("xn--") && Url::parse(url).unwrap().host.eq_ignore_ascii_case(&host), "{url}");
        return;
    };
    let target = Second::parse(url).unwrap_or_else(|why| panic!("{url}: {why}"));
    assert_eq!((target.scheme(), base.scheme()), ("https", "https"));
    assert!(target.username().is_empty() && target.password().is_none() && target.fragment().is_none(), "{url}");
    let origin = |url: &Second| (url.host_str().unwrap().to_owned(), url.port_or_known_default());
    let is_arm = |url: &Second| {
        let host = origin(url).0;
        origin(url).1 == Some(443)
            && arm.is_some_and(|arm| host == arm || host.strip_suffix(arm).is_some_and(|region| region.ends_with('.')))
    };
    assert!(origin(&target) == origin(&base) || is_arm(&target) && is_arm(&base), "{base} to {url}");
}

/// However a browser reads the link: to the same place, and to the same path where neither needs an escape.
fn assert_one_reading(base: &str, link: &str, url: &str) {
    // Browsers remove a base's own dots first, RFC 3986 does not.
    let dots = ["/.", "/%2e"].iter().any(|dot| base.to_ascii_lowercase().contains(dot));
    let (Ok(base), Ok(target)) = (Second::parse(base), Second::parse(url)) else { return };
    let Ok(joined) = base.join(link) else { return };
    assert_eq!((joined.scheme(), joined.host(), joined.port()), (target.scheme(), target.host(), target.port()));
    let plain =
        |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b":/?&=.-_~$,;!*()+".contains(&byte));
    // A segment like `U:` stays where another would be removed: a drive letter to this reader.
    let drives = !link.starts_with("https:") && link.contains(':');
    if !dots && !drives && plain(base.as_str()) && plain(link) {
        assert_eq!(joined, target, "{link:?}");
    }
}
