//! Certificates made for one test, good ones and every kind of bad one, with keys that never leave it.

use std::sync::atomic::{AtomicU32, Ordering};

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, CustomExtension, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, SanType,
};
use rustls::pki_types::CertificateDer;

/// Somebody with a key and a certificate of it.
pub(super) struct Party {
    params: CertificateParams,
    pub(super) key: KeyPair,
    certificate: Certificate,
}

/// What a server shows, what it signs with, and whom its client trusts, in PEM.
pub(super) struct Chain {
    pub(super) shown: Vec<CertificateDer<'static>>,
    /// PKCS #8.
    pub(super) key: Vec<u8>,
    pub(super) trusted: String,
}

/// A change to a certificate before it is signed.
pub(super) type Edit = fn(&mut CertificateParams);

/// None.
pub(super) fn plain(_: &mut CertificateParams) {}

impl Party {
    /// An authority that vouches for itself.
    pub(super) fn root() -> Self {
        Self::root_with(KeyPair::generate().unwrap(), plain)
    }

    pub(super) fn root_with(key: KeyPair, edit: Edit) -> Self {
        let mut params = authority();
        edit(&mut params);
        let certificate = params.self_signed(&key).unwrap();
        Self { params, key, certificate }
    }

    /// A server that only itself vouches for.
    pub(super) fn self_signed(edit: Edit) -> Self {
        let (mut params, key) = (server(), KeyPair::generate().unwrap());
        edit(&mut params);
        let certificate = params.self_signed(&key).unwrap();
        Self { params, key, certificate }
    }

    /// An authority below this one.
    pub(super) fn ca(&self, edit: impl FnOnce(&mut CertificateParams)) -> Self {
        self.sign(authority(), KeyPair::generate().unwrap(), edit)
    }

    /// A server's certificate.
    pub(super) fn leaf(&self, edit: impl FnOnce(&mut CertificateParams)) -> Self {
        self.leaf_with(KeyPair::generate().unwrap(), edit)
    }

    pub(super) fn leaf_with(&self, key: KeyPair, edit: impl FnOnce(&mut CertificateParams)) -> Self {
        self.sign(server(), key, edit)
    }

    fn sign(&self, mut params: CertificateParams, key: KeyPair, edit: impl FnOnce(&mut CertificateParams)) -> Self {
        edit(&mut params);
        let certificate = params.signed_by(&key, &Issuer::from_params(&self.params, &self.key)).unwrap();
        Self { params, key, certificate }
    }

    /// The same authority once more: its name and key in a certificate that another one signed, or with other contents.
    pub(super) fn again(&self, issuer: &Self, edit: Edit) -> Self {
        let key = KeyPair::try_from(self.key.serialized_der()).unwrap();
        let mut params = self.params.clone();
        edit(&mut params);
        let certificate = params.signed_by(&key, &Issuer::from_params(&issuer.params, &issuer.key)).unwrap();
        Self { params, key, certificate }
    }

    /// Another key under this one's name.
    pub(super) fn namesake(&self) -> Self {
        let (params, key) = (self.params.clone(), KeyPair::generate().unwrap());
        let certificate = params.self_signed(&key).unwrap();
        Self { params, key, certificate }
    }

    pub(super) fn der(&self) -> CertificateDer<'static> {
        self.certificate.der().clone()
    }

    pub(super) fn pem(&self) -> String {
        self.certificate.pem()
    }

    /// As a server that shows these certificates after its own.
    pub(super) fn shows(&self, others: &[&Self], trusted: &Self) -> Chain {
        let shown = std::iter::once(self).chain(others.iter().copied()).map(Self::der).collect();
        Chain { shown, key: self.key.serialize_der(), trusted: trusted.pem() }
    }
}

/// A key of the algorithm, which ring can make.
pub(super) fn key(algorithm: &'static rcgen::SignatureAlgorithm) -> KeyPair {
    KeyPair::generate_for(algorithm).unwrap()
}

fn authority() -> CertificateParams {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let mut params = CertificateParams::new([]).unwrap();
    params.distinguished_name.push(DnType::CommonName, format!("CA {}", NUMBER.fetch_add(1, Ordering::Relaxed)));
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

fn server() -> CertificateParams {
    let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
    params.distinguished_name.push(DnType::CommonName, "localhost");
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params
}

/// DNS names as they are, whatever they hold.
pub(super) fn dns<const N: usize>(names: [&str; N]) -> Vec<SanType> {
    names.into_iter().map(|name| SanType::DnsName(name.try_into().unwrap())).collect()
}

pub(super) fn ip(address: &str) -> Vec<SanType> {
    vec![SanType::IpAddress(address.parse().unwrap())]
}

/// An extension that nobody knows, below an arc that is for examples.
pub(super) fn unknown_extension(critical: bool) -> CustomExtension {
    let mut extension = CustomExtension::from_oid_content(&[2, 999, 1], vec![5, 0]);
    extension.set_criticality(critical);
    extension
}
