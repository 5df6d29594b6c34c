//! Links in, URLs or refusals out: each row names where its rule comes from.

use super::*;

const BASE: &str = "https://management.azure.com/subscriptions/s/resources?api-version=2021-04-01";

/// Cloud, base, link, and the URL that is asked.
type Followed<'a> = (&'a str, &'a str, &'a str, &'a str, &'a str);

#[test]
fn followed() {
    let same = "";
    let rows: &[Followed<'_>] = &[
        (
            "paging of ARM: verbatim",
            "public",
            BASE,
            "https://management.azure.com/subscriptions/s/resources?%24skiptoken=eyJ%2b&api-version=2021-04-01",
            same,
        ),
        ("case of the host", "public", BASE, "https://MANAGEMENT.AZURE.COM/x", same),
        ("RFC 3986, 6.2.2.1: case of the scheme", "public", BASE, "HTTPS://management.azure.com/x", same),
        ("RFC 3986, 6.2.3: the scheme's own port", "public", BASE, "https://management.azure.com:443/x", same),
        ("no path", "public", BASE, "https://management.azure.com", same),
        ("no path, a query", "public", BASE, "https://management.azure.com?x=y", same),
        (
            "common details of ARM: the `*` of operationStatuses",
            "public",
            BASE,
            "https://management.azure.com/operationStatuses/1*ABC?t=1&c=MII&s=x_-&h=y~",
            same,
        ),
        ("operations of ARM: cross-region", "public", BASE, "https://eastus.management.azure.com/op/1?t=1", same),
        (
            "operations of ARM: and back",
            "public",
            "https://eastus.management.azure.com/op/1",
            "https://management.azure.com/x",
            same,
        ),
        (
            "one region to another",
            "public",
            "https://eastus.management.azure.com/op/1",
            "https://westus.management.azure.com:443/x",
            same,
        ),
        ("two labels", "public", BASE, "https://eastus.service.management.azure.com/x", same),
        (
            "another cloud",
            "usgov",
            "https://management.usgovcloudapi.net/a",
            "https://usgovvirginia.management.usgovcloudapi.net/b",
            same,
        ),
        ("China", "china", "https://management.chinacloudapi.cn/a", "https://management.chinacloudapi.cn/b", same),
        (
            "Azure Stack: same origin",
            "https://arm.local:8443",
            "https://arm.local:8443/a",
            "https://ARM.local:8443/b",
            same,
        ),
        (
            "Key Vault: same origin",
            "public",
            "https://kv.vault.azure.net/secrets?api-version=7.4",
            "https://kv.vault.azure.net:443/secrets?api-version=7.4&$skiptoken=x",
            same,
        ),
        (
            "Graph: same origin",
            "public",
            "https://graph.microsoft.com/v1.0/groups",
            "https://graph.microsoft.com/v1.0/groups?$skiptoken=x",
            same,
        ),
        ("an address: same origin", "public", "https://127.0.0.1:8443/a", "https://127.0.0.1:8443/b", same),
        ("IPv6: same origin", "public", "https://[::1]:8443/a", "https://[::1]:8443/b", same),
        ("a colon in the path is no scheme", "public", BASE, "/a:b/c", "https://management.azure.com/a:b/c"),
        ("an at sign in the path is no user", "public", BASE, "https://management.azure.com/a@b", same),
        ("slashes in the query", "public", BASE, "https://management.azure.com/a?x=//evil.example", same),
        (
            "CWE-918: an absolute URL in the query",
            "public",
            BASE,
            "https://management.azure.com/a?x=https://evil.example/",
            same,
        ),
        ("two slashes in the path", "public", BASE, "https://management.azure.com//evil.example/x", same),
        ("absolute: dots stay", "public", BASE, "https://management.azure.com/a/../b", same),
        ("a percent sign that escapes nothing stays", "public", BASE, "https://management.azure.com/a?x=100%", same),
        (
            "paging of ARM: raw blanks and quotes",
            "public",
            BASE,
            "https://management.azure.com/a?$filter=name eq 'x' or \"y\"",
            "https://management.azure.com/a?$filter=name%20eq%20'x'%20or%20%22y%22",
        ),
        (
            "blanks in the path",
            "public",
            BASE,
            "https://management.azure.com/a b",
            "https://management.azure.com/a%20b",
        ),
        (
            "letters beyond ASCII",
            "public",
            BASE,
            "https://management.azure.com/é?x=ß",
            "https://management.azure.com/%C3%A9?x=%C3%9F",
        ),
        (
            "Cosmos DB: a token that is JSON",
            "public",
            BASE,
            "https://management.azure.com/a?$skiptoken={\"t\":1}",
            "https://management.azure.com/a?$skiptoken=%7B%22t%22:1%7D",
        ),
        (
            "a backslash in the query",
            "public",
            BASE,
            "https://management.azure.com/a?x=\\\\evil",
            "https://management.azure.com/a?x=%5C%5Cevil",
        ),
        ("RFC 3986, 5.4, `/g`", "public", BASE, "/x/y?q=1", "https://management.azure.com/x/y?q=1"),
        (
            "RFC 3986, 5.4, `?y`",
            "public",
            BASE,
            "?$skiptoken=x",
            "https://management.azure.com/subscriptions/s/resources?$skiptoken=x",
        ),
        ("RFC 3986, 5.4, `g`", "public", BASE, "next?p=2", "https://management.azure.com/subscriptions/s/next?p=2"),
        ("RFC 3986, 5.4, `./g`", "public", BASE, "./next", "https://management.azure.com/subscriptions/s/next"),
        ("RFC 3986, 5.4, `../g`", "public", BASE, "../next", "https://management.azure.com/subscriptions/next"),
        ("RFC 3986, 5.4, `../../../g`", "public", BASE, "../../../next", "https://management.azure.com/next"),
        ("RFC 3986, 5.4, `..`", "public", BASE, "..", "https://management.azure.com/subscriptions/"),
        ("RFC 3986, 5.4, `.`", "public", BASE, ".", "https://management.azure.com/subscriptions/s/"),
        ("RFC 3986, 5.4, `/../g`", "public", BASE, "/../g", "https://management.azure.com/g"),
        ("RFC 3986, 5.4, `g.` and `..g`", "public", BASE, "/g./..g", "https://management.azure.com/g./..g"),
        ("RFC 3986, 5.4, `g/../h`", "public", BASE, "/g/../h/./", "https://management.azure.com/h/"),
        ("dots in a query", "public", BASE, "?a/../b", "https://management.azure.com/subscriptions/s/resources?a/../b"),
        ("a base without a path", "public", "https://management.azure.com", "x", "https://management.azure.com/x"),
        (
            "a base without a path, a query",
            "public",
            "https://management.azure.com?a=b",
            "?x",
            "https://management.azure.com?x",
        ),
        (
            "slashes in the base's query",
            "public",
            "https://management.azure.com/a/b?x=/y/z",
            "c",
            "https://management.azure.com/a/c",
        ),
        ("the base's port", "https://arm.local:8443", "https://arm.local:8443/a", "/b", "https://arm.local:8443/b"),
        (
            "a path that looks like a host after its dots",
            "public",
            BASE,
            "/.//evil.example",
            "https://management.azure.com//evil.example",
        ),
    ];
    for (origin, cloud, base, link, wanted) in rows {
        let wanted = if wanted.is_empty() { link } else { wanted };
        let followed = follow(&Cloud::named(cloud).unwrap(), base, link);
        assert_eq!(followed.as_deref(), Ok(*wanted), "{origin}");
    }
}

#[test]
fn refused() {
    let elsewhere = "it leads to another host";
    let rows: &[(&str, &str, &str, &str, &str)] = &[
        ("Azure/acr#895, CWE-918", "public", BASE, "https://evil.example/x?$skiptoken=s3cr3t", elsewhere),
        (
            "CWE-319, net#8874, rust#4344",
            "public",
            BASE,
            "http://management.azure.com/x",
            "it is not https: management.azure.com",
        ),
        ("http on the port of https", "public", BASE, "http://management.azure.com:443/x", "it is not https"),
        ("lokka#47, litellm#36137", "public", BASE, "https://management.azure.com@evil.example/", "user name"),
        ("a password", "public", BASE, "https://user:s3cr3t@management.azure.com/", "user name"),
        ("an empty user", "public", BASE, "https://@management.azure.com/", "user name"),
        ("CWE-1023", "public", BASE, "https://management.azure.com.evil.example/", elsewhere),
        ("no dot before the suffix", "public", BASE, "https://evilmanagement.azure.com/", elsewhere),
        ("a hyphen is no dot", "public", BASE, "https://evil-management.azure.com/", elsewhere),
        ("half of the suffix", "public", BASE, "https://evil.azure.com/", elsewhere),
        ("a customer can own that", "public", BASE, "https://management.azure.com.azurewebsites.net/", elsewhere),
        ("a sibling", "public", BASE, "https://portal.azure.com/", elsewhere),
        ("another port", "public", BASE, "https://management.azure.com:444/", elsewhere),
        ("another port of a region", "public", BASE, "https://eastus.management.azure.com:8443/", elsewhere),
        ("ureq takes the default port", "public", BASE, "https://management.azure.com:99999/", "port"),
        ("port 0", "public", BASE, "https://management.azure.com:0/", "port"),
        ("an empty port", "public", BASE, "https://management.azure.com:/", "port"),
        ("two ports", "public", BASE, "https://management.azure.com:443:444/", "port"),
        ("a trailing dot", "public", BASE, "https://management.azure.com./", "host"),
        ("a leading dot", "public", BASE, "https://.management.azure.com/", "host"),
        ("an empty label", "public", BASE, "https://evil..management.azure.com/", "host"),
        ("%6d", "public", BASE, "https://%6danagement.azure.com/", "host"),
        ("an escaped slash in the host", "public", BASE, "https://evil.example%2f.management.azure.com/", "host"),
        ("an escaped NUL in the host", "public", BASE, "https://evil.example%00.management.azure.com/", "host"),
        ("IDN", "public", BASE, "https://m\u{430}nagement.azure.com/", "host"),
        ("IDN: a full stop that browsers map", "public", BASE, "https://evil\u{3002}management.azure.com/", "host"),
        ("IDN: a soft hyphen that browsers drop", "public", BASE, "https://manage\u{ad}ment.azure.com/", "host"),
        ("IDN: fullwidth", "public", BASE, "https://\u{ff4d}anagement.azure.com/", "host"),
        ("Punycode", "public", BASE, "https://xn--mnagement-ecg.azure.com/", elsewhere),
        ("Punycode below the suffix", "public", BASE, "https://XN--80ak6aa92e.management.azure.com/", elsewhere),
        ("a fragment", "public", BASE, "https://management.azure.com/x#y", "fragment"),
        ("a fragment alone", "public", BASE, "#y", "fragment"),
        ("a fragment in front of the host", "public", BASE, "https://evil.example#@management.azure.com/", "fragment"),
        ("CWE-93", "public", BASE, "https://management.azure.com/\r\nX: y", "characters"),
        ("a tab that browsers drop", "public", BASE, "/\t/evil.example/", "characters"),
        ("a line end that browsers drop", "public", BASE, "ht\ntps://evil.example/", "characters"),
        ("a control character that dots remove", "public", BASE, "/\r/././/..", "characters"),
        ("a fragment that dots remove", "public", BASE, "/#/../x", "fragment"),
        ("NUL", "public", BASE, "https://management.azure.com/\0", "characters"),
        ("DEL", "public", BASE, "https://management.azure.com/\u{7f}", "characters"),
        ("a template in the path", "public", BASE, "https://management.azure.com/{subscriptionId}", "characters"),
        ("//host", "public", BASE, "//evil.example/x", "it names a host without https://"),
        ("//host of the same host", "public", BASE, "//management.azure.com/x", "it names a host without https://"),
        ("three slashes", "public", BASE, "///evil.example/x", "it names a host without https://"),
        ("a blank before //host that browsers drop", "public", BASE, " //evil.example/x", "blank"),
        ("a blank before the scheme", "public", BASE, " https://management.azure.com/", "blank"),
        ("backslashes that browsers turn", "public", BASE, "\\\\evil.example/x", "backslash"),
        ("one of each", "public", BASE, "/\\evil.example/x", "backslash"),
        ("a backslash that ends the host", "public", BASE, "https://evil.example\\.management.azure.com/", "backslash"),
        ("a backslash before the user", "public", BASE, "https://management.azure.com\\@evil.example/", "backslash"),
        ("no slash after the scheme", "public", BASE, "https:evil.example/x", "https://"),
        ("one slash after the scheme", "public", BASE, "https:/evil.example/x", "https://"),
        ("three slashes after the scheme", "public", BASE, "https:///evil.example/x", "host"),
        ("no host", "public", BASE, "https://", "host"),
        ("another scheme", "public", BASE, "ftp://management.azure.com/", "https://"),
        ("CWE-939", "public", BASE, "file:///etc/passwd", "https://"),
        ("a scheme without slashes", "public", BASE, "javascript:alert(1)", "https://"),
        ("a host without its scheme", "public", BASE, "management.azure.com:443/x", "https://"),
        ("a scheme that is none", "public", BASE, "://evil.example", "https://"),
        ("paging of ARM: an empty nextLink ends, it leads nowhere", "public", BASE, "", "empty"),
        ("an address in place of the host", "public", BASE, "https://20.0.0.1/", elsewhere),
        ("CWE-918: the metadata service", "public", BASE, "https://169.254.169.254/metadata/identity", elsewhere),
        ("an address in hexadecimal", "public", BASE, "https://0xa9fea9fe/", "host"),
        ("an address as one number", "public", BASE, "https://2852039166/", "host"),
        ("another cloud's ARM", "public", BASE, "https://management.usgovcloudapi.net/", elsewhere),
        (
            "the old ARM of public",
            "usgov",
            "https://management.usgovcloudapi.net/",
            "https://management.azure.com/",
            elsewhere,
        ),
        (
            "ARM of the cloud, from another service",
            "public",
            "https://kv.vault.azure.net/secrets",
            "https://management.azure.com/x",
            elsewhere,
        ),
        ("another service, from ARM", "public", BASE, "https://kv.vault.azure.net/secrets", elsewhere),
        (
            "one vault to another",
            "public",
            "https://a.vault.azure.net/secrets",
            "https://b.vault.azure.net/secrets",
            elsewhere,
        ),
        (
            "below the host, where it is not ARM",
            "public",
            "https://graph.microsoft.com/",
            "https://a.graph.microsoft.com/",
            elsewhere,
        ),
        (
            "Azure Stack has no suffix",
            "https://arm.local:8443",
            "https://arm.local:8443/",
            "https://x.arm.local:8443/",
            elsewhere,
        ),
        (
            "Azure Stack: another port",
            "https://arm.local:8443",
            "https://arm.local:8443/",
            "https://arm.local/",
            elsewhere,
        ),
        (
            "public ARM, where the cloud is an endpoint",
            "https://arm.local",
            "https://management.azure.com/a",
            "https://eastus.management.azure.com/b",
            elsewhere,
        ),
        (
            "ARM on a port of its own",
            "public",
            "https://management.azure.com:8443/a",
            "https://eastus.management.azure.com/b",
            elsewhere,
        ),
        ("a base that is not https has no token to pass on", "public", "http://127.0.0.1/a", "/b", "it is not https"),
        (
            "nor to https",
            "public",
            "http://management.azure.com/a",
            "https://management.azure.com/b",
            "it is not https",
        ),
    ];
    for (origin, cloud, base, link, wanted) in rows {
        let why = follow(&Cloud::named(cloud).unwrap(), base, link).expect_err(origin).to_string();
        assert!(why.contains(wanted), "{origin}: {why}");
        // It stands in an error that people paste into issues.
        assert!(!why.contains("s3cr3t") && !why.contains("skiptoken") && !why.contains('@'), "{origin}: {why}");
    }
}

#[test]
fn a_refusal_names_the_host_only() {
    let refused = follow(&Cloud::public(), BASE, "https://evil.example:8443/p4th?sig=s3cr3t").unwrap_err();
    assert_eq!(refused.to_string(), "it leads to another host: evil.example:8443");
    assert!(!format!("{refused:?}").contains("s3cr3t"));
}

/// azure-sdk-for-java#45288: more than 3 KB. Not without end.
#[test]
fn as_long_as_signed_urls_and_no_longer() {
    let cloud = Cloud::public();
    let start = "https://management.azure.com/op?c=";
    let longest = [start, &"M".repeat((16 << 10) - start.len())].concat();
    assert_eq!(follow(&cloud, BASE, &longest).as_deref(), Ok(&*longest));
    for link in
        [longest.clone() + "M", [start, &" ".repeat(6000)].concat(), "M".repeat(100 << 10), " ".repeat(16 << 10)]
    {
        let why = follow(&cloud, BASE, &link).unwrap_err().to_string();
        assert!(why == "it is longer than 16 KiB" || why.contains("blank"), "{why}");
    }
}
