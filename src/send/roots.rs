//! Whom TLS trusts: the bundled roots of Mozilla's programme, and CAs that the caller adds. Verification cannot be turned off.

use std::fs;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, ConfigBuilder, RootCertStore, WantsVerifier};

use crate::error::{Error, ErrorKind};

/// The extra CAs, still as files and text.
#[derive(Clone, Debug, Default)]
pub(crate) struct Roots {
    files: Vec<String>,
    pems: Vec<Vec<u8>>,
}

impl Roots {
    /// A PEM file, read when the first call is made.
    pub(crate) fn add_file(&mut self, path: &str) {
        self.files.push(path.to_owned());
    }

    pub(crate) fn add_pem(&mut self, pem: &[u8]) {
        self.pems.push(pem.to_owned());
    }

    pub(super) fn client_config(&self) -> Result<Arc<ClientConfig>, Error> {
        let mut store = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        for path in &self.files {
            let pem = fs::read(path).map_err(|why| {
                Error::new(ErrorKind::Local, format!("could not read the CA file {path}")).because(why)
            })?;
            add(&mut store, &pem, path)?;
        }
        for pem in &self.pems {
            add(&mut store, pem, "the CA given as PEM")?;
        }
        Ok(Arc::new(builder()?.with_root_certificates(store).with_no_client_auth()))
    }
}

/// What every connection has in common: ring, TLS 1.2 and 1.3.
pub(super) fn builder() -> Result<ConfigBuilder<ClientConfig, WantsVerifier>, Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    builder.map_err(|why| Error::new(ErrorKind::Local, "TLS has no usable protocol version").because(why))
}

/// Adds every certificate of a PEM text. A file without one, or with one that is none, is an error: left out in silence it
/// would come back as a server that cannot be trusted.
fn add(store: &mut RootCertStore, pem: &[u8], name: &str) -> Result<(), Error> {
    let before = store.roots.len();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate = certificate.map_err(|why| Error::invalid(format!("{name} is broken PEM: {why:?}")))?;
        store
            .add(certificate)
            .map_err(|why| Error::invalid(format!("{name} has a certificate that cannot be read")).because(why))?;
    }
    if store.roots.len() == before {
        return Err(Error::invalid(format!("{name} has no certificate in it: PEM is expected")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bundled_roots_are_there() {
        assert!(Roots::default().client_config().is_ok());
        assert!(webpki_roots::TLS_SERVER_ROOTS.len() > 50);
    }

    #[test]
    fn junk_is_an_error() {
        for pem in [
            &b""[..],
            b"junk",
            b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
            b"-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n",
            b"-----BEGIN CERTIFICATE-----\nAAAA\n",
            b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
        ] {
            let mut roots = Roots::default();
            roots.add_pem(pem);
            let error = roots.client_config().map(|_| ()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{}", String::from_utf8_lossy(pem));
        }
        let mut roots = Roots::default();
        roots.add_file("/nonexistent/ca.pem");
        assert_eq!(roots.client_config().map(|_| ()).unwrap_err().kind(), ErrorKind::Local);
    }

    /// rustls reads PEM for us; what is ours is that nothing is left out in silence.
    #[cfg(feature = "simulator")]
    #[test]
    fn every_break_in_a_certificate_is_told() {
        let key = rcgen::KeyPair::generate().unwrap();
        let pem = rcgen::CertificateParams::default().self_signed(&key).unwrap().pem();
        let (whole, end) = (pem.as_bytes(), pem.trim_end().len());
        let read = |pem: &[u8]| {
            let mut store = RootCertStore::empty();
            add(&mut store, pem, "x").map(|()| store.len())
        };
        assert_eq!(read(whole).unwrap(), 1);
        assert_eq!(read(&[whole, b"# a comment\n\n", whole].concat()).unwrap(), 2);
        for at in 0..end {
            let (before, after) = whole.split_at(at);
            for text in [&[before, b"!", &after[1..]].concat(), &[before, &after[1..]].concat(), &before.to_vec()] {
                // The dashes of the armour may be more or less than five, and blanks in it are none of its text.
                let outcome = read(text).map_err(|error| error.kind());
                assert!(matches!(outcome, Ok(1) | Err(ErrorKind::InvalidInput)), "{outcome:?} with a break at {at}");
            }
            // A second certificate that is cut.
            let opened = at >= "-----BEGIN CERTIFICATE-----\n".len();
            let outcome = read(&[whole, before].concat()).map_err(|error| error.kind());
            assert!(outcome.is_err() || !opened, "{outcome:?} when the second is cut at {at}");
        }
    }
}
