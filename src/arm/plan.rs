//! What a call sends, try after try, and the one place where a token meets a URL.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::cloud::Cloud;
use crate::error::Error;
use crate::http::{is_field_text, is_token};
use crate::trace::redact_url;
use crate::url::Url;

/// A request without its tries.
#[derive(Clone)]
pub(super) struct Plan {
    pub(super) method: &'static str,
    /// What the caller wrote, if that is no method.
    unknown: Option<String>,
    pub(super) url: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Option<Arc<[u8]>>,
    /// The audience that the caller named.
    pub(super) resource: Option<String>,
    pub(super) token: bool,
    pub(super) forbidden: Duration,
    pub(super) register: bool,
}

impl Plan {
    pub(super) fn new(method: &str, url: String) -> Self {
        let known = METHODS.iter().find(|known| known.eq_ignore_ascii_case(method));
        Self {
            method: known.copied().unwrap_or_default(),
            unknown: known.is_none().then(|| method.to_owned()),
            url,
            headers: Vec::new(),
            body: None,
            resource: None,
            token: true,
            forbidden: Duration::ZERO,
            register: false,
        }
    }

    /// Another request with this audience, and nothing else of this one.
    pub(super) fn beside(&self, method: &str, url: String, audience: Option<String>) -> Self {
        Self { resource: audience, token: self.token, ..Self::new(method, url) }
    }

    pub(super) fn set_header(&mut self, name: &str, value: &str) {
        self.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        self.headers.push((name.to_owned(), value.to_owned()));
    }

    /// The caller's headers, and what a body needs.
    pub(super) fn headers_to_send(&self) -> Vec<(String, String)> {
        let mut headers = self.headers.clone();
        if self.body.is_some() && !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type")) {
            headers.push(("content-type".to_owned(), "application/json".to_owned()));
        }
        headers
    }

    /// The body as it is sent: a write without one says that it has none.
    pub(super) fn body_to_send(&self) -> Option<&[u8]> {
        match &self.body {
            Some(body) => Some(body),
            None if matches!(self.method, "POST" | "PUT" | "PATCH") => Some(&[]),
            None => None,
        }
    }

    /// Whether it goes to the cloud's Resource Manager.
    pub(super) fn is_arm(&self, cloud: &Cloud) -> bool {
        let origin = |url| Url::parse(url).map(|url| (url.host.to_ascii_lowercase(), url.port)).ok();
        origin(&self.url) == origin(cloud.arm_endpoint())
    }

    /// Whether it is the list of the subscriptions that the caller may see.
    pub(super) fn lists_subscriptions(&self) -> bool {
        let path = Url::parse(&self.url).map_or("", |url| url.rest.split('?').next().unwrap_or_default());
        self.method == "GET" && path.trim_end_matches('/').eq_ignore_ascii_case("/subscriptions")
    }

    /// The audience of the token, if there is to be one, once everything that can be known to be wrong has been ruled out.
    pub(super) fn audience(&self, cloud: &Cloud) -> Result<Option<String>, Error> {
        if let Some(unknown) = &self.unknown {
            return Err(Error::invalid(format!("there is no method {unknown:?}: get head post put patch delete")));
        }
        if self.body.is_some() && matches!(self.method, "GET" | "HEAD") {
            return Err(Error::invalid(format!("a {} has no body", self.method)));
        }
        let url = Url::parse(&self.url).map_err(|why| Error::invalid(format!("no usable URL: {why}")))?;
        if !url.https {
            return Err(Error::invalid("a token is sent over https only"));
        }
        for (name, value) in &self.headers {
            if !is_token(name.as_bytes()) || !is_field_text(value.as_bytes()) {
                return Err(Error::invalid(format!("{name:?} is no header that can be sent")));
            }
            if FRAMING.iter().any(|ours| ours.eq_ignore_ascii_case(name)) {
                return Err(Error::invalid(format!("the header {name} is not the caller's to set")));
            }
        }
        match &self.resource {
            _ if !self.token => Ok(None),
            Some(resource) => Ok(Some(resource.clone())),
            None => cloud.audience_of(&self.url).map(|audience| Some(audience.to_owned())),
        }
    }
}

/// Without what may be secret: query, headers and body.
impl fmt::Debug for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plan")
            .field("method", &self.method)
            .field("url", &redact_url(&self.url))
            .finish_non_exhaustive()
    }
}

const METHODS: [&str; 6] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];

/// What frames the message or names the endpoint, and the header that holds the token.
const FRAMING: [&str; 7] =
    ["host", "content-length", "transfer-encoding", "connection", "upgrade", "expect", "authorization"];
