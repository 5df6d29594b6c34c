//! A certificate authority that lives as long as the stand-in, one certificate of it, and one that is not of it.

use std::io;
use std::sync::Arc;

use ::ring::digest;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};

/// What the TLS side needs, and what its clients must trust.
pub(super) struct Pki {
    pub(super) ca_pem: String,
    pub(super) server: Arc<ServerConfig>,
}

impl Pki {
    /// Makes new keys; the private ones never leave this process.
    pub(super) fn generate() -> io::Result<Self> {
        let ca_key = KeyPair::generate().map_err(io::Error::other)?;
        let ca = authority().map_err(io::Error::other)?;
        let ca_pem = ca.self_signed(&ca_key).map_err(io::Error::other)?.pem();

        let key = KeyPair::generate().map_err(io::Error::other)?;
        let issuer = Issuer::new(ca, ca_key);
        let certificate = endpoint().and_then(|params| params.signed_by(&key, &issuer)).map_err(io::Error::other)?;

        Ok(Self { ca_pem, server: server(certificate.der().clone(), &key)? })
    }
}

/// A TLS side that nobody but itself vouches for, and the thumbprint to know it by.
pub(super) fn self_signed() -> io::Result<(Arc<ServerConfig>, String)> {
    let key = KeyPair::generate().map_err(io::Error::other)?;
    let mut params = CertificateParams::new(["localhost".to_owned()]).map_err(io::Error::other)?;
    params.distinguished_name.push(DnType::CommonName, "ServiceFabricManagedIdentity");
    let certificate = params.self_signed(&key).map_err(io::Error::other)?;
    // Service Fabric names certificates by it as Windows does; it protects nothing here.
    let thumbprint = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, certificate.der());
    let thumbprint = thumbprint.as_ref().iter().map(|byte| format!("{byte:02X}")).collect();
    Ok((server(certificate.der().clone(), &key)?, thumbprint))
}

fn server(certificate: CertificateDer<'static>, key: &KeyPair) -> io::Result<Arc<ServerConfig>> {
    let mut server = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_no_client_auth()
        .with_single_cert(vec![certificate], PrivatePkcs8KeyDer::from(key.serialize_der()).into())
        .map_err(io::Error::other)?;
    server.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(server))
}

fn authority() -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::new([])?;
    params.distinguished_name.push(DnType::CommonName, "azmin stand-in authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    Ok(params)
}

fn endpoint() -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::new(NAMES.map(str::to_owned))?;
    params.distinguished_name.push(DnType::CommonName, "management.azure.com");
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    // Python from 3.13 on refuses a certificate without it.
    params.use_authority_key_identifier_extension = true;
    Ok(params)
}

/// The first is the one in [`Azure::arm`](super::Azure::arm); the real names are for clients that resolve them to loopback.
const NAMES: [&str; 9] = [
    "localhost",
    "management.azure.com",
    "*.management.azure.com",
    "login.microsoftonline.com",
    "graph.microsoft.com",
    "*.vault.azure.net",
    "*.blob.core.windows.net",
    "127.0.0.1",
    "::1",
];
