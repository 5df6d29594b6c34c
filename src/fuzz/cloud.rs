//! What must hold of clouds.

use url::Url as Second;

use super::assert_plain;
use crate::cloud::Cloud;
use crate::error::ErrorKind;
use crate::url::Url;

/// A line that names a cloud, and a URL. A name is one that is documented, or the https origin that another reader of URLs
/// sees there; an audience goes to a host of the one cloud that it belongs to, and to no look-alike.
pub fn cloud(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (name, url) = text.split_once('\n').unwrap_or((&text, ""));
    match Cloud::named(name) {
        Ok(cloud) if NAMES.iter().any(|(known, _)| known.eq_ignore_ascii_case(name)) => {
            let (_, host) = NAMES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).unwrap();
            assert_eq!(cloud.arm_endpoint(), format!("https://{host}"));
            assert!(cloud.arm_audience().is_ok());
        }
        Ok(cloud) => {
            let endpoint = cloud.arm_endpoint();
            assert!(name.contains("://") && cloud.arm_audience().is_err() && cloud.audience_of(endpoint).is_err());
            assert!(!endpoint.ends_with('/') && Cloud::named(endpoint).ok().as_ref() == Some(&cloud));
            if let (Ok(ours), Ok(theirs)) = (Second::parse(endpoint), Second::parse(name)) {
                assert_eq!(ours, theirs);
                assert_eq!((ours.scheme(), ours.path(), ours.query()), ("https", "/", None));
            }
        }
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
            assert_plain(&error.to_string());
            assert!(!NAMES.iter().any(|(known, _)| known.eq_ignore_ascii_case(name)));
        }
    }
    let of_machine = Cloud::of_environment(name);
    assert!(of_machine.is_none_or(|cloud| Cloud::named(name).ok() == Some(cloud)));
    audiences(url);
}

fn audiences(url: &str) {
    let clouds = ["public", "usgov", "china"].map(|name| Cloud::named(name).unwrap());
    let found = clouds.each_ref().map(|cloud| cloud.audience_of(url).ok());
    assert!(found.iter().flatten().count() <= 1, "{url} is of several clouds");
    for (cloud, audience) in clouds.iter().zip(found) {
        let Ok(parsed) = Url::parse(url) else {
            assert_eq!(audience, None);
            continue;
        };
        assert!(!cloud.is_arm(&parsed) || audience == cloud.arm_audience().ok(), "{url}");
        let Some(audience) = audience else {
            assert_plain(&cloud.audience_of(url).unwrap_err().to_string());
            continue;
        };
        let (host, second) = (parsed.host, Second::parse(url));
        assert!(parsed.https && parsed.port == 443, "{url}");
        // Names in Punycode that decode to nothing are none to the other reader.
        assert!(
            second.is_err() && host.to_ascii_lowercase().contains("xn--")
                || second.is_ok_and(|second| second.host_str().is_some_and(|other| other.eq_ignore_ascii_case(host)))
        );
        let of = |url: String| cloud.audience_of(&url).ok();
        assert_eq!(of(format!("HTTPS://{}:443/x?y", host.to_ascii_uppercase())), Some(audience));
        let below = host.split_once('.').map_or("", |(_, below)| below);
        for other in [format!("x{host}"), format!("x.{host}"), below.to_owned(), format!("a.{below}")] {
            assert!(of(format!("https://{other}")).is_none_or(|found| found == audience), "{other} beside {host}");
        }
        for trick in [
            format!("{host}.evil.example"),
            format!("evil.example/{host}"),
            format!("{host}:444"),
            host.replace('.', "-"),
        ] {
            assert_eq!(of(format!("https://{trick}")), None, "{trick}");
        }
        assert_eq!(of(format!("http://{host}")), None);
    }
}

const NAMES: [(&str, &str); 8] = [
    ("public", "management.azure.com"),
    ("AzureCloud", "management.azure.com"),
    ("AzurePublicCloud", "management.azure.com"),
    ("usgov", "management.usgovcloudapi.net"),
    ("AzureUSGovernment", "management.usgovcloudapi.net"),
    ("AzureUSGovernmentCloud", "management.usgovcloudapi.net"),
    ("china", "management.chinacloudapi.cn"),
    ("AzureChinaCloud", "management.chinacloudapi.cn"),
];
