//! The one error type: what a caller can do about it, what the service said, and the cause.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

#[cfg(any(test, fuzzing, feature = "https"))]
use crate::failure::PolicyViolation;
use crate::failure::{Detail, Failure, Plain};

/// Why a token could not be had or a call failed.
///
/// `Display` is one line about the step that failed, with the service's code and message where it gave any;
/// [`source`](StdError::source) is the cause, never repeated in that line. Neither contains a token, a key or the query
/// of a signed URL.
///
/// # Example
///
/// ```no_run
/// # fn main() -> Result<(), azmin::Error> {
/// match azmin::Credential::detect()?.token("https://management.azure.com/") {
///     Err(error) if error.kind() == azmin::ErrorKind::NoEndpoint => println!("not on Azure: {error}"),
///     other => println!("{} bytes", other?.secret().len()),
/// }
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Error(Arc<Inner>);

struct Inner {
    kind: ErrorKind,
    step: String,
    status: Option<u16>,
    failure: Failure,
    request_id: Option<String>,
    retry_after: Option<Duration>,
    advice: Option<&'static str>,
    /// The identity source, and what it was found by.
    origin: Option<(&'static str, &'static str)>,
    #[cfg(feature = "https")]
    stage: Stage,
    #[cfg(feature = "https")]
    operation_url: Option<String>,
    #[cfg(feature = "https")]
    body: Option<Vec<u8>>,
    cause: Option<Box<dyn StdError + Send + Sync>>,
}

/// What a caller can do about an [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// An argument, a URL or an environment variable is wrong, or a token would have gone where it must not.
    InvalidInput,
    /// No identity endpoint answers here: not an Azure host, or blocked.
    NoEndpoint,
    /// The identity endpoint answered that it gives no such token.
    IdentityRefused,
    /// The service answered 401 or 403.
    AccessDenied,
    /// The service answered 404.
    NotFound,
    /// The service answered 409 or 412: a precondition was lost.
    Conflict,
    /// The service answered 429.
    Throttled,
    /// The service answered 5xx, or 410 on the way to a token.
    Unavailable,
    /// The service answered another 4xx.
    Rejected,
    /// The long-running operation that was waited for failed or was cancelled.
    OperationFailed,
    /// DNS, connect, TLS or proxy.
    Connection,
    /// An answer that is malformed, cut short, oversized, or not an answer to the question.
    BadAnswer,
    /// The deadline ran out.
    DeadlineExceeded,
    /// A local file could not be read or written.
    Local,
}

/// How far a call had come when it failed.
#[cfg(feature = "https")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// There was no connection.
    Unconnected,
    /// There was one, and nothing of the request was on it.
    Unsent,
    /// Some of the request, or all of it, may have arrived.
    Sent,
}

impl Error {
    #[cold]
    pub(crate) fn new(kind: ErrorKind, step: impl Into<String>) -> Self {
        Self(Arc::new(Inner {
            kind,
            step: step.into(),
            status: None,
            failure: Failure::default(),
            request_id: None,
            retry_after: None,
            advice: None,
            origin: None,
            #[cfg(feature = "https")]
            stage: Stage::Sent,
            #[cfg(feature = "https")]
            operation_url: None,
            #[cfg(feature = "https")]
            body: None,
            cause: None,
        }))
    }

    #[cold]
    pub(crate) fn invalid(step: impl Into<String>) -> Self {
        Self::new(ErrorKind::InvalidInput, step)
    }

    /// Keeps what the service said.
    pub(crate) fn answered(self, status: u16, failure: Failure) -> Self {
        self.edit(|inner| (inner.status, inner.failure) = (Some(status), failure))
    }

    /// Keeps what a service said of an operation, in an answer that was a success.
    #[cfg(feature = "https")]
    pub(crate) fn because_of(self, failure: Failure) -> Self {
        self.edit(|inner| inner.failure = failure)
    }

    pub(crate) fn with_request_id(self, id: Option<&str>) -> Self {
        self.edit(|inner| inner.request_id = id.map(str::to_owned))
    }

    #[cfg(any(test, fuzzing, feature = "https"))]
    pub(crate) fn with_correlation_id(self, id: Option<&str>) -> Self {
        self.edit(|inner| {
            let known = inner.failure.correlation_id.take();
            inner.failure.correlation_id = known.or_else(|| id.map(str::to_owned));
        })
    }

    pub(crate) fn with_retry_after(self, delay: Option<Duration>) -> Self {
        self.edit(|inner| inner.retry_after = delay)
    }

    pub(crate) fn with_advice(self, advice: &'static str) -> Self {
        self.edit(|inner| inner.advice = Some(advice))
    }

    pub(crate) fn because(self, cause: impl StdError + Send + Sync + 'static) -> Self {
        self.edit(|inner| inner.cause = Some(Box::new(cause)))
    }

    /// Says which identity source it comes from, and by what that was found.
    pub(crate) fn found_by(self, name: &'static str, evidence: &'static str) -> Self {
        self.edit(|inner| inner.origin = Some((name, evidence)))
    }

    #[cfg(feature = "https")]
    pub(crate) fn at(self, stage: Stage) -> Self {
        self.edit(|inner| inner.stage = stage)
    }

    #[cfg(feature = "https")]
    pub(crate) fn with_operation_url(self, url: &str) -> Self {
        self.edit(|inner| inner.operation_url = Some(url.to_owned()))
    }

    #[cfg(feature = "https")]
    pub(crate) fn with_body(self, body: Vec<u8>) -> Self {
        self.edit(|inner| inner.body = Some(body))
    }

    #[cfg(feature = "https")]
    pub(crate) fn stage(&self) -> Stage {
        self.0.stage
    }

    #[cfg(feature = "https")]
    pub(crate) fn has_cause<T: StdError + 'static>(&self) -> bool {
        self.source().is_some_and(|cause| cause.is::<T>())
    }

    /// An error is dressed where it is made, before anybody else can hold it.
    fn edit(mut self, change: impl FnOnce(&mut Inner)) -> Self {
        if let Some(inner) = Arc::get_mut(&mut self.0) {
            change(inner);
        }
        self
    }

    /// What a caller can do about it.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The HTTP status, where a service answered.
    pub fn status(&self) -> Option<u16> {
        self.0.status
    }

    /// The service's own code, such as `AuthorizationFailed` or `invalid_request`.
    pub fn code(&self) -> Option<&str> {
        self.0.failure.code.as_deref()
    }

    /// The service's own words.
    pub fn message(&self) -> Option<&str> {
        self.0.failure.message.as_deref()
    }

    /// The service's nested details, outermost first.
    pub fn details(&self) -> impl Iterator<Item = &Detail> {
        self.0.failure.details.iter()
    }

    /// The codes of the refusal's inner errors (`innererror`), the innermost last: `ForbiddenByRbac` of Key Vault's `Forbidden`.
    #[cfg(any(test, fuzzing, feature = "https"))]
    pub fn inner_codes(&self) -> impl Iterator<Item = &str> {
        self.0.failure.facts.inner_codes.iter().map(String::as_str)
    }

    /// The policies that refused the request.
    #[cfg(any(test, fuzzing, feature = "https"))]
    pub fn policy_violations(&self) -> impl Iterator<Item = &PolicyViolation> {
        self.0.failure.facts.policies.iter()
    }

    /// The versions of the API that there are, in the service's order, where it said so of a wrong one.
    #[cfg(any(test, fuzzing, feature = "https"))]
    pub fn supported_api_versions(&self) -> impl Iterator<Item = &str> {
        self.0.failure.facts.api_versions.iter().map(String::as_str)
    }

    /// What a token must claim to be accepted, as JSON text, decoded from the service's challenge (continuous access
    /// evaluation: "Claims challenges, claims requests, and client capabilities", Microsoft Learn).
    #[cfg(any(test, fuzzing, feature = "https"))]
    pub fn claims(&self) -> Option<&str> {
        self.0.failure.facts.claims.as_deref()
    }

    /// Who failed: `gateway` for Azure Resource Manager, `service` for the resource provider (`x-ms-failure-cause`).
    #[cfg(any(test, fuzzing, feature = "https"))]
    pub fn failure_cause(&self) -> Option<&str> {
        self.0.failure.facts.failure_cause.as_deref()
    }

    /// The region of the Azure Resource Manager that answered, from `x-ms-routing-request-id`.
    #[cfg(any(test, fuzzing, feature = "https"))]
    pub fn region(&self) -> Option<&str> {
        self.0.failure.facts.region.as_deref()
    }

    /// The id that this request went out with (`x-ms-client-request-id`).
    #[cfg(any(test, fuzzing, feature = "https"))]
    pub fn client_request_id(&self) -> Option<&str> {
        self.0.failure.facts.client_request_id.as_deref()
    }

    /// The service's own time of the answer, as its `Date` header spells it.
    #[cfg(any(test, fuzzing, feature = "https"))]
    pub fn date(&self) -> Option<&str> {
        self.0.failure.facts.date.as_deref()
    }

    /// The id that the answering service gave this request (`x-ms-request-id`).
    pub fn request_id(&self) -> Option<&str> {
        self.0.request_id.as_deref()
    }

    /// The id that ties together the services' logs of this request (`x-ms-correlation-request-id`, `correlation_id`).
    pub fn correlation_id(&self) -> Option<&str> {
        self.0.failure.correlation_id.as_deref()
    }

    /// The id of Microsoft Entra's own trace, where it issued the refusal.
    pub fn trace_id(&self) -> Option<&str> {
        self.0.failure.trace_id.as_deref()
    }

    /// How long the service asked to wait before another try.
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// What to do about it, where that is known.
    pub fn advice(&self) -> Option<&str> {
        #[cfg(any(test, fuzzing, feature = "https"))]
        let other = self.0.failure.facts.advice.as_deref();
        #[cfg(not(any(test, fuzzing, feature = "https")))]
        let other = None;
        self.0.advice.or(other)
    }

    /// The body of the refusal as it came, where a service behind TLS sent one: for a program that knows the service's own form.
    #[cfg(feature = "https")]
    pub fn body(&self) -> Option<&[u8]> {
        self.0.body.as_deref()
    }

    /// Where the state of a long-running operation can be read that went on when the deadline ended or the network failed, or
    /// its result where only that did not arrive: a GET of it and `Answer::wait` come back to the operation. Such URLs may be
    /// signed, and stand in no other text of this error.
    #[cfg(feature = "https")]
    pub fn operation_url(&self) -> Option<&str> {
        self.0.operation_url.as_deref()
    }

    /// Whether the same call may succeed later without anybody changing anything.
    pub fn is_transient(&self) -> bool {
        use ErrorKind::{Connection, DeadlineExceeded, NoEndpoint, Throttled, Unavailable};
        matches!(self.0.kind, Connection | DeadlineExceeded | NoEndpoint | Throttled | Unavailable)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.step)?;
        if let Some(status) = self.0.status {
            write!(f, ": HTTP {status}")?;
        }
        if let Some(code) = self.code() {
            write!(f, " {}", Plain(code))?;
        }
        if let Some(message) = self.message() {
            write!(f, ": {}", Plain(message))?;
        }
        match self.0.origin {
            Some((name, evidence)) => write!(f, " [{name}, found by {evidence}]"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Error({:?}, \"{self}\"", self.0.kind)?;
        if let Some(cause) = &self.0.cause {
            write!(f, ", caused by: {cause}")?;
        }
        f.write_str(")")
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match &self.0.cause {
            Some(cause) => Some(&**cause),
            None => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_one_word_and_crosses_threads() {
        fn crosses<T: Send + Sync + 'static>() {}
        crosses::<Error>();
        assert_eq!(size_of::<Error>(), size_of::<usize>());
        assert_eq!(size_of::<Result<(), Error>>(), size_of::<usize>());
    }

    #[test]
    fn what_was_said_of_a_refusal_is_there() {
        let failure = Failure {
            code: Some("c".to_owned()),
            message: Some("m".to_owned()),
            correlation_id: Some("k".to_owned()),
            trace_id: Some("t".to_owned()),
            ..Failure::default()
        };
        let error = Error::new(ErrorKind::Rejected, "refused").answered(400, failure).with_request_id(Some("r"));
        let error = error.with_correlation_id(Some("not this one")).with_retry_after(Some(Duration::from_secs(7)));
        assert_eq!((error.kind(), error.status()), (ErrorKind::Rejected, Some(400)));
        assert_eq!((error.code(), error.message()), (Some("c"), Some("m")));
        assert_eq!((error.request_id(), error.correlation_id(), error.trace_id()), (Some("r"), Some("k"), Some("t")));
        assert_eq!((error.retry_after(), error.advice()), (Some(Duration::from_secs(7)), None));
        assert_eq!(error.with_advice("a").advice(), Some("a"));
        #[cfg(feature = "https")]
        {
            let error = Error::new(ErrorKind::Rejected, "refused").with_body(b"b".to_vec()).with_operation_url("u");
            assert_eq!((error.body(), error.operation_url()), (Some(&b"b"[..]), Some("u")));
        }
    }

    #[test]
    fn what_may_pass_by_itself() {
        use ErrorKind::*;
        for kind in [Connection, DeadlineExceeded, NoEndpoint, Throttled, Unavailable] {
            assert!(Error::new(kind, "x").is_transient(), "{kind:?}");
        }
        let lasting = [
            InvalidInput,
            IdentityRefused,
            AccessDenied,
            NotFound,
            Conflict,
            Rejected,
            OperationFailed,
            BadAnswer,
            Local,
        ];
        for kind in lasting {
            assert!(!Error::new(kind, "x").is_transient(), "{kind:?}");
        }
    }

    #[test]
    fn debug_has_kind_words_and_cause() {
        let error = Error::new(ErrorKind::Local, "could not read ca.pem").because(std::io::Error::other("broken disk"));
        assert_eq!(format!("{error:?}"), "Error(Local, \"could not read ca.pem\", caused by: broken disk)");
    }

    #[test]
    fn display_leaves_the_cause_to_source() {
        let error = Error::new(ErrorKind::Local, "could not read ca.pem").because(std::io::Error::other("broken disk"));
        assert_eq!(error.to_string(), "could not read ca.pem");
        assert_eq!(error.source().map(ToString::to_string).as_deref(), Some("broken disk"));
    }
}
