//! Why there is no TLS connection, in the words of somebody who has to do something about it.

use std::borrow::Cow;
use std::io;

use rustls::AlertDescription::{
    AccessDenied, CertificateRequired, HandshakeFailure, InsufficientSecurity, ProtocolVersion, UnrecognisedName,
};
use rustls::Error as Tls;
use rustls::InvalidMessage::{CertificatePayloadTooLarge, HandshakePayloadTooLarge, InvalidContentType};
use rustls::PeerIncompatible::{ServerDoesNotSupportTls12Or13, ServerTlsVersionIsDisabledByOurConfig};
use rustls::{CertificateError, pki_types::UnixTime};

use crate::date;
use crate::error::{Error, ErrorKind};
use crate::failure::Plain;
use crate::url::Url;

/// What an error of the handshake, of the socket or of rustls, means to a caller.
#[cold]
pub(super) fn failed(url: &Url<'_>, why: io::Error) -> Error {
    if why.kind() == io::ErrorKind::TimedOut {
        return super::deadline_exceeded();
    }
    let name = url.authority();
    let failed = |words: &str| {
        let colon = if words.is_empty() { "" } else { ": " };
        Error::new(ErrorKind::Connection, ["no TLS connection to ", &name, colon, words].concat())
    };
    match rustls_error(&why) {
        Some(Tls::InvalidCertificate(why)) => {
            let (words, advice) = refused(why);
            let error = Error::new(ErrorKind::Connection, [&name, " is not trusted: ", &words].concat());
            let error = if advice.is_empty() { error } else { error.with_advice(advice) };
            error.because(Tls::InvalidCertificate(brief(why.clone())))
        }
        Some(why) => failed(in_words(why)).because(why.clone()),
        None => failed("the connection broke").because(why),
    }
}

/// A server's refusal that another try would not change. In TLS 1.3 it comes after the handshake, with the first answer.
#[cold]
pub(super) fn refused_late(why: &io::Error) -> Option<Error> {
    let why = rustls_error(why).filter(|why| matches!(why, Tls::AlertReceived(CertificateRequired | AccessDenied)))?;
    let step = ["the server broke off the TLS connection: ", in_words(why)].concat();
    Some(Error::new(ErrorKind::Connection, step).because(why.clone()))
}

fn rustls_error(why: &io::Error) -> Option<&Tls> {
    why.get_ref().and_then(|inner| inner.downcast_ref())
}

/// Nothing where rustls' own words are as good.
fn in_words(why: &Tls) -> &'static str {
    match why {
        Tls::AlertReceived(ProtocolVersion)
        | Tls::PeerIncompatible(ServerDoesNotSupportTls12Or13 | ServerTlsVersionIsDisabledByOurConfig) => {
            "it speaks neither TLS 1.2 nor TLS 1.3"
        }
        // OpenSSL's servers with TLS 1.2 say so of a missing certificate too.
        Tls::AlertReceived(HandshakeFailure | InsufficientSecurity) | Tls::PeerIncompatible(_) => {
            "it has no safe cipher, curve or signature to offer, or it wants a client certificate"
        }
        Tls::AlertReceived(CertificateRequired | AccessDenied) => "it wants a client certificate, and there is none",
        Tls::AlertReceived(UnrecognisedName) => "it does not serve this name",
        Tls::InvalidMessage(HandshakePayloadTooLarge | CertificatePayloadTooLarge) => {
            "its part of the handshake is too large"
        }
        Tls::InvalidMessage(InvalidContentType) => "what came back is not TLS",
        Tls::InvalidMessage(_) | Tls::PeerSentOversizedRecord => "what came back is not proper TLS",
        Tls::PeerMisbehaved(_) | Tls::InappropriateMessage { .. } | Tls::InappropriateHandshakeMessage { .. } => {
            "it does not keep to the protocol"
        }
        _ => "",
    }
}

/// Why a certificate was refused, and what to do about it.
fn refused(why: &CertificateError) -> (Cow<'static, str>, &'static str) {
    use CertificateError as Why;
    match why {
        Why::ExpiredContext { time, not_after } => (out_of_date("expired on", not_after, time), CLOCK),
        Why::NotValidYetContext { time, not_before } => (out_of_date("is not valid before", not_before, time), CLOCK),
        Why::Expired => ("one of its certificates ends before it begins".into(), ""),
        Why::NotValidForNameContext { presented, .. } => (other_names(presented), ""),
        Why::UnknownIssuer => ("no CA that is known here signed its certificate".into(), CA_FILE),
        // Also said of another CA of the same name.
        Why::BadSignature => ("a signature does not fit its key, or that key is too short".into(), NEW_KEY),
        Why::UnsupportedSignatureAlgorithmContext { signature_algorithm_id: id, .. } => (signed_with(id).into(), ""),
        Why::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => (signed_with(&[]).into(), ""),
        Why::InvalidPurposeContext { .. } => ("its certificate, or its CA's, is not one for servers".into(), ""),
        Why::BadEncoding => ("its certificate cannot be read".into(), ""),
        // Only a pin says this.
        Why::ApplicationVerificationFailure => {
            ("it has another certificate than the one that it is known by".into(), PIN)
        }
        Why::Other(other) => {
            let (words, advice) = named(&other.to_string());
            (words.into(), advice)
        }
        _ => (REFUSED.into(), ""),
    }
}

/// A cause without a server's text, and without a list that would fill the screen.
fn brief(mut why: CertificateError) -> CertificateError {
    match &mut why {
        CertificateError::NotValidForNameContext { .. } => return CertificateError::NotValidForName,
        CertificateError::UnsupportedSignatureAlgorithmContext { supported_algorithms: list, .. } => list.clear(),
        _ => {}
    }
    why
}

/// By webpki's names of what rustls has no word for.
fn named(why: &str) -> (&'static str, &'static str) {
    match why {
        "CaUsedAsEndEntity" => {
            ("its certificate is a CA's own", "give the server a certificate that this CA has signed")
        }
        "EndEntityUsedAsCa" => ("what signed its certificate is not allowed to: it is no CA", ""),
        "PathLenConstraintViolated" => ("there are more CAs above it than one of them allows", ""),
        "NameConstraintViolation" => ("a CA above it is not allowed to sign for one of its names", ""),
        "UnsupportedCriticalExtension" => {
            ("one of its certificates has a critical extension that is not known here", "")
        }
        "UnsupportedCertVersion" => ("one of its certificates is older than X.509 version 3", ""),
        // Its limits.
        _ if why.starts_with("Maximum") => ("its chain of certificates is too long to be checked", ""),
        _ => (REFUSED, ""),
    }
}

/// rustls does not say which certificate of the chain it is.
fn out_of_date(how: &str, end: &UnixTime, now: &UnixTime) -> Cow<'static, str> {
    let (end, now) = (date::day(end.as_secs()), date::day(now.as_secs()));
    ["its certificate, or its CA's, ", how, " ", &end, ", and the clock here says ", &now].concat().into()
}

/// The names come as `DnsName("localhost")` and `IpAddress(127.0.0.1)`, in bytes that a server chose.
fn other_names(presented: &[String]) -> Cow<'static, str> {
    let bare = |name: &String| name.split(['(', ')']).nth(1).unwrap_or(name).replace('"', "");
    let names: Vec<_> = presented.iter().take(MAX_NAMES).map(bare).collect();
    match presented.len() {
        0 => "its certificate names no host (as a common name it would not count)".into(),
        count => {
            let more = if count > MAX_NAMES { " and others" } else { "" };
            format!("its certificate is for {}{more}", Plain(&names.join(", "))).into()
        }
    }
}

/// The id is an `AlgorithmIdentifier` without its head: RFC 8017, appendix C, and RFC 5758, section 3.2, name those that were in
/// use, RSA's with a NULL after them.
fn signed_with(id: &[u8]) -> &'static str {
    match id.strip_suffix(&[5, 0]).unwrap_or(id) {
        [.., 0xf7, 0x0d, 1, 1, 4] => "one of its certificates is signed with MD5, which is not safe",
        [.., 0xf7, 0x0d, 1, 1, 5] | [.., 0xce, 0x3d, 4, 1] => {
            "one of its certificates is signed with SHA-1, which is not safe"
        }
        _ => "one of its certificates is signed with an algorithm that is not known here",
    }
}

const REFUSED: &str = "its certificate was refused";
const CLOCK: &str = "if the clock is wrong, set it; if it is right, the server needs another certificate";
const CA_FILE: &str = "if a private CA did, pass --ca-file; if a public one did, the server leaves out a certificate that belongs between";
const NEW_KEY: &str = "if its CA has a new key, pass the new CA with --ca-file";
const PIN: &str = "check IDENTITY_SERVER_THUMBPRINT: the server has another certificate";
const MAX_NAMES: usize = 5;
