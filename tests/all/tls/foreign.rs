//! What rcgen and rustls do not make: old signatures, keys and protocols, by OpenSSL's command and by Python's `ssl`.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};

use super::Server;
use super::authority::Chain;
use super::host::lock;
use crate::relay::{Manner, Relay};
use crate::support::{Scratch, skip};
use crate::tools::{Daemon, bare, exists, told};

/// OpenSSL's command, and a folder for what it makes.
pub(super) struct OpenSsl {
    scratch: Scratch,
}

/// A key and a certificate of it, as files.
#[derive(Clone)]
pub(super) struct Made {
    pub(super) key: PathBuf,
    pub(super) certificate: PathBuf,
}

impl OpenSsl {
    /// Unless this machine lacks it, which is said.
    pub(super) fn find() -> Option<Self> {
        if !exists("openssl") || !exists("python3") {
            skip("no openssl or no python3");
            return None;
        }
        let scratch = Scratch::new();
        // Nothing of the machine's own settings.
        fs::write(scratch.path("config"), "[req]\ndistinguished_name = dn\n[dn]\n").unwrap();
        Some(Self { scratch })
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.scratch.path(name)
    }

    fn run(&self, arguments: &[&str]) {
        let output = bare("openssl").args(arguments).current_dir(self.path("")).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", told(&output));
    }

    /// `rsa:1024` or `P-521`.
    pub(super) fn key(&self, kind: &str) -> PathBuf {
        let path = self.path(&format!("{}.key", self.scratch.names().len()));
        let (algorithm, option) = match kind.strip_prefix("rsa:") {
            Some(bits) => ("RSA", format!("rsa_keygen_bits:{bits}")),
            None => ("EC", format!("ec_paramgen_curve:{kind}")),
        };
        self.run(&["genpkey", "-algorithm", algorithm, "-pkeyopt", &option, "-out", path.to_str().unwrap()]);
        path
    }

    /// A CA that vouches for itself.
    pub(super) fn root(&self, kind: &str) -> Made {
        self.certificate(self.key(kind), None, &["-sha256", "-subj", "/CN=root", "-addext", CA])
    }

    /// A CA below it.
    pub(super) fn ca(&self, kind: &str, issuer: &Made, digest: &str) -> Made {
        self.certificate(self.key(kind), Some(issuer), &[digest, "-subj", "/CN=between", "-addext", CA])
    }

    /// A certificate for `localhost`.
    pub(super) fn leaf(&self, kind: &str, issuer: &Made, more: &[&str]) -> Made {
        let arguments = [&["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"], more].concat();
        self.certificate(self.key(kind), Some(issuer), &arguments)
    }

    fn certificate(&self, key: PathBuf, issuer: Option<&Made>, more: &[&str]) -> Made {
        let certificate = key.with_extension("pem");
        let mut arguments = vec!["req", "-x509", "-new", "-config", "config", "-days", "30"];
        arguments.extend(["-key", key.to_str().unwrap(), "-out", certificate.to_str().unwrap()]);
        if let Some(Made { key, certificate }) = issuer {
            arguments.extend(["-CA", certificate.to_str().unwrap(), "-CAkey", key.to_str().unwrap()]);
        }
        arguments.extend(more);
        self.run(&arguments);
        Made { key, certificate }
    }

    /// The same, as X.509 was before it had extensions.
    pub(super) fn version_1(&self, kind: &str, issuer: &Made) -> Made {
        let key = self.key(kind);
        let (certificate, request) = (key.with_extension("pem"), key.with_extension("csr"));
        let [key_name, name, request] = [&key, &certificate, &request].map(|path| path.to_str().unwrap());
        self.run(&["req", "-new", "-config", "config", "-key", key_name, "-subj", "/CN=localhost", "-out", request]);
        let [ca, ca_key] = [&issuer.certificate, &issuer.key].map(|path| path.to_str().unwrap());
        let sign = ["x509", "-req", "-in", request, "-CA", ca, "-CAkey", ca_key, "-set_serial", "1", "-days", "30"];
        self.run(&[&sign[..], &["-out", name]].concat());
        Made { key, certificate }
    }
}

impl Made {
    pub(super) fn pem(&self) -> String {
        fs::read_to_string(&self.certificate).unwrap()
    }

    pub(super) fn key_pem(&self) -> String {
        fs::read_to_string(&self.key).unwrap()
    }

    /// For a server of rustls' that shows these others too.
    pub(super) fn shows(&self, others: &[&Self], trusted: &Self) -> Chain {
        let pem = std::iter::once(self).chain(others.iter().copied()).map(Self::pem).collect::<String>();
        let shown = CertificateDer::pem_slice_iter(pem.as_bytes()).map(Result::unwrap).collect();
        let key = PrivatePkcs8KeyDer::from_pem_slice(self.key_pem().as_bytes()).unwrap();
        Chain { shown, key: key.secret_pkcs8_der().to_vec(), trusted: trusted.pem() }
    }
}

/// A server of OpenSSL's, behind a wire that counts.
pub(super) struct Old {
    daemon: Mutex<Daemon>,
    relay: Relay,
}

impl Old {
    pub(super) fn start(shown: &Made, version: &str, ciphers: &str, client_ca: Option<&Path>) -> Self {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/all/tls/tls_server.py");
        let mut command = bare("python3");
        command.args(["-B", script]).arg(&shown.certificate).arg(&shown.key).args([version, ciphers]).args(client_ca);
        let mut daemon = Daemon::start(&mut command, "listening on ");
        let port = daemon.says_often("listening on ", 1).iter().find_map(|line| line.strip_prefix("listening on "));
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port.unwrap().parse().unwrap()));
        Self { daemon: Mutex::new(daemon), relay: Relay::start(Manner::Forward(address)) }
    }
}

impl Server for Old {
    fn address(&self) -> SocketAddr {
        self.relay.address()
    }

    fn accepted(&self) -> usize {
        self.relay.accepted()
    }

    /// Of every connection that there was.
    fn text(&self) -> String {
        lock(&self.daemon).says_often("over: ", self.accepted()).join("\n")
    }
}

const CA: &str = "basicConstraints=critical,CA:TRUE";
