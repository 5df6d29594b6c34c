//! Proxies that nobody here wrote, between the command and a stand-in that has Azure's own names and addresses, on an island.
//!
//! With Debian's tinyproxy: the call to Resource Manager goes through it by `CONNECT`, and the token's request never does, whatever
//! variables name it; its credentials are used and never shown; its refusals, its absence and a way that ends behind it
//! are failures of the network, and no way around it is tried; `NO_PROXY` wins.
//!
//! With mitmproxy, which ends TLS and begins it anew as a company's middlebox does: the command sends it nothing
//! but a handshake until its authority is trusted by `--ca-file` or `SSL_CERT_FILE`.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use azmin::simulator::{Azure, Received, Service};

use crate::island::{on_island, virtual_machine};
use crate::support::{ARM_AUDIENCE, Azmin, GROUP, GROUP_BODY, Run, Scratch, azmin, closed_port, received, skip};
use crate::tools::{Daemon, bare, exists, python_with};

/// On an island every port is free.
const PORT: u16 = 8888;

struct Machine {
    azure: Azure,
    scratch: Scratch,
}

impl Machine {
    fn new() -> Self {
        Self { azure: virtual_machine(), scratch: Scratch::new() }
    }

    /// A file of this machine.
    fn file(&self, name: &str, content: &str) -> PathBuf {
        let path = self.scratch.path(name);
        fs::write(&path, content).unwrap();
        path
    }

    /// The tutorial's call as on a real machine, but that this authority is trusted.
    fn call(&self, ca: &Path) -> Azmin {
        self.call_within(ca, "20s")
    }

    fn call_within(&self, ca: &Path, deadline: &str) -> Azmin {
        let url = format!("https://management.azure.com{GROUP}?api-version=2016-06-01");
        let arguments = ["get", &url, "-vv", "--ca-file", ca.to_str().unwrap(), "--deadline", deadline];
        azmin(arguments).env("AZURE_POD_IDENTITY_AUTHORITY_HOST", "")
    }

    /// The same through a proxy on loopback.
    fn call_through(&self, proxy: &str) -> Azmin {
        self.call(&self.scratch.ca(&self.azure)).env("HTTPS_PROXY", proxy)
    }

    fn tinyproxy(&self, more: &str) -> Daemon {
        let config = format!("Listen 127.0.0.1\nPort {PORT}\nLogLevel Info\n{more}\n");
        let config = self.file("tinyproxy.conf", &config);
        Daemon::start(bare("tinyproxy").arg("-d").arg("-c").arg(config), "Accepting connections")
    }

    fn calls(&self) -> Vec<Received> {
        received(&self.azure, Service::Arm)
    }
}

#[track_caller]
fn good(run: &Run) {
    assert_eq!(run.succeeds().out, GROUP_BODY);
}

/// A network failure in these words, and no traces of a secret in it.
#[track_caller]
fn lost(run: &Run, words: &str) {
    assert_eq!((run.code, run.out.as_str()), (7, ""), "{}", run.err);
    run.says(words);
    hidden(run);
}

#[track_caller]
fn hidden(run: &Run) {
    for secret in ["s3cr3t", "s3cr3t%2D", "agent", "YWdlbnQ", "czNjcjN0", "Bearer ey"] {
        assert!(!run.err.contains(secret), "{}", run.err);
    }
}

fn requests_to(said: &str, target: &str) -> usize {
    said.matches(&format!(": CONNECT {target} HTTP/1.1")).count()
}

fn proxy() -> String {
    format!("http://127.0.0.1:{PORT}")
}

#[test]
fn through_tinyproxy_and_past_it() {
    if !exists("tinyproxy") {
        return skip("no tinyproxy");
    }
    on_island("real_proxy::through_tinyproxy_and_past_it", || {
        let machine = Machine::new();
        let tinyproxy = machine.tinyproxy("");
        let variables = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];
        for variable in variables {
            // HTTP_PROXY is what a token's request might heed.
            let run = machine.call_through("").env("HTTP_PROXY", proxy()).env("http_proxy", proxy());
            good(&run.env(variable, proxy()).run());
        }
        for exempt in ["management.azure.com", ".azure.com", "azure.com:443", "*"] {
            good(&machine.call_through(&proxy()).env("NO_PROXY", exempt).run());
        }
        let closed = closed_port();
        // It is waited for, as long as there is time.
        let call = machine.call_within(&machine.scratch.ca(&machine.azure), "500ms");
        lost(
            &call.env("HTTPS_PROXY", format!("http://127.0.0.1:{closed}")).env("ALL_PROXY", proxy()).run(),
            &format!("no connection to the proxy 127.0.0.1:{closed}"),
        );

        let calls = machine.calls();
        assert_eq!(calls.len(), 8, "{calls:#?}");
        for call in &calls {
            assert_eq!(call.header("host"), Some("management.azure.com"));
            assert!(call.header("via").is_none() && call.header("authorization").is_some(), "{call:#?}");
        }
        for asked in received(&machine.azure, Service::Imds) {
            assert!(asked.header("via").is_none() && asked.header("x-forwarded-for").is_none(), "{asked:#?}");
        }
        let said = tinyproxy.end();
        assert_eq!(requests_to(&said, "management.azure.com:443"), variables.len(), "{said}");
        assert_eq!(said.matches("Request (file descriptor").count(), variables.len(), "{said}");
        assert!(!said.contains("169.254.169.254"), "{said}");
    });
}

#[test]
fn tinyproxy_wants_credentials() {
    if !exists("tinyproxy") {
        return skip("no tinyproxy");
    }
    on_island("real_proxy::tinyproxy_wants_credentials", || {
        let machine = Machine::new();
        let tinyproxy = machine.tinyproxy("BasicAuth agent s3cr3t-7");
        let call = |user: &str| machine.call_through(&format!("http://{user}127.0.0.1:{PORT}")).run();
        // What is wrong it answers otherwise than what is missing.
        let refused = [
            (call(""), 407),
            (call("agent:s3cr3t@"), 401),
            (call("agent@"), 401),
            (call("other:s3cr3t-7@"), 401),
            (call(":s3cr3t-7@"), 401),
        ];
        for (run, status) in &refused {
            lost(run, &format!("the proxy 127.0.0.1:{PORT} wants other credentials: HTTP {status}"));
        }
        assert_eq!(machine.calls().len(), 0);
        for run in [call("agent:s3cr3t-7@"), call("%61gent:s3cr3t%2D7@")] {
            good(&run);
            hidden(&run);
        }
        let calls = machine.calls();
        assert_eq!(calls.len(), 2);
        assert!(calls.iter().all(|call| call.header("proxy-authorization").is_none()), "{calls:#?}");
        // One request each: a refusal is not asked for again.
        let said = tinyproxy.end();
        assert_eq!(requests_to(&said, "management.azure.com:443"), refused.len() + 2, "{said}");
    });
}

#[test]
fn tinyproxy_refuses() {
    if !exists("tinyproxy") {
        return skip("no tinyproxy");
    }
    on_island("real_proxy::tinyproxy_refuses", || {
        let machine = Machine::new();
        let filter = machine.file("filter", "^management\\.azure\\.com$\n");
        let filter = format!("Filter \"{}\"\nFilterDefaultDeny Yes\nFilterExtended Yes", filter.display());
        let refused = format!("the proxy 127.0.0.1:{PORT} refused the connection: HTTP 403");

        let tinyproxy = machine.tinyproxy(&filter);
        good(&machine.call_through(&proxy()).run());
        let other = azmin(["get", "https://vault.example/x", "--resource", ARM_AUDIENCE]).on(&machine.azure);
        lost(&other.env("HTTPS_PROXY", proxy()).run(), &refused);
        let said = tinyproxy.end();
        assert_eq!(requests_to(&said, "vault.example:443"), 1, "{said}");

        let tinyproxy = machine.tinyproxy("ConnectPort 563");
        lost(&machine.call_through(&proxy()).run(), &refused);
        tinyproxy.end();
        assert_eq!(machine.calls().len(), 1);

        // Behind it there is nobody.
        let tinyproxy = machine.tinyproxy("");
        let url = "https://localhost.example/x";
        let other = azmin(["get", url, "--resource", ARM_AUDIENCE, "--deadline", "500ms"]).on(&machine.azure);
        lost(
            &other.env("HTTPS_PROXY", proxy()).run(),
            &format!("the proxy 127.0.0.1:{PORT} refused the connection: HTTP 500"),
        );
        tinyproxy.end();
    });
}

#[test]
fn mitmproxy_is_trusted_only_when_told() {
    static MITMPROXY: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let mitmdump = match MITMPROXY.get_or_init(|| Ok(python_with(&["mitmproxy==11.0.2"])?.join("bin/mitmdump"))) {
        Ok(program) => program,
        Err(why) => return skip(why),
    };
    on_island("real_proxy::mitmproxy_is_trusted_only_when_told", || {
        let machine = Machine::new();
        let ca_of_azure = machine.scratch.ca(&machine.azure);
        let home = machine.scratch.path("");
        let mitmproxy = Daemon::start(
            bare(mitmdump)
                .envs([("HOME", home.as_os_str()), ("PYTHONUNBUFFERED", "1".as_ref())])
                .args(["--listen-host", "127.0.0.1", "--listen-port", &PORT.to_string()])
                .args(["--set", "connection_strategy=lazy", "--set"])
                .arg(format!("confdir={}", home.display()))
                .arg("--set")
                .arg(format!("ssl_verify_upstream_trusted_ca={}", ca_of_azure.display())),
            "proxy listening at",
        );
        let ca = machine.scratch.path("mitmproxy-ca-cert.pem");
        let not_trusted = "management.azure.com is not trusted";

        // The authority of the server behind it does not help: this is another server.
        let run = machine.call(&ca_of_azure).env("HTTPS_PROXY", proxy()).run();
        lost(&run, not_trusted);
        run.says("--ca-file");
        lost(
            &machine.call(&ca_of_azure).env("HTTPS_PROXY", proxy()).env("SSL_CERT_FILE", &ca_of_azure).run(),
            not_trusted,
        );
        assert_eq!(machine.calls().len(), 0);

        for run in [
            machine.call(&ca).env("HTTPS_PROXY", proxy()).run(),
            machine.call(&ca_of_azure).env("HTTPS_PROXY", proxy()).env("SSL_CERT_FILE", &ca).run(),
        ] {
            good(&run);
            hidden(&run);
        }
        let calls = machine.calls();
        assert_eq!(calls.len(), 2);
        for call in &calls {
            assert_eq!(call.header("host"), Some("management.azure.com"));
            assert!(call.header("authorization").is_some_and(|value| value.starts_with("Bearer ey")), "{call:#?}");
        }

        // And what is not behind it is not vouched for by it.
        lost(&machine.call(&ca).env("HTTPS_PROXY", proxy()).env("NO_PROXY", "*").run(), not_trusted);
        let said = mitmproxy.end();
        assert_eq!(said.matches("client does not trust the proxy's certificate").count(), 2, "{said}");
        assert_eq!(said.matches(": GET https://management.azure.com/").count(), 2, "{said}");
        assert!(!said.contains("169.254.169.254"), "{said}");
    });
}
