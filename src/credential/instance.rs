//! Instance metadata from the endpoint that gives the tokens: the same doors, deadlines and second tries.

use std::time::Instant;

use super::Credential;
use super::fetch::{Failure, Fetcher};
use crate::error::{Error, ErrorKind};
use crate::failure;
use crate::http::Response;
use crate::instance::Instance;
use crate::source;

impl Credential {
    /// What this virtual machine's metadata service says of it; no identity is needed. Each call asks again.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] where the identity comes from another source than `imds`: only virtual machines and scale
    /// sets have instance metadata. [`ErrorKind::NoEndpoint`] when nothing answers, [`ErrorKind::NotFound`] where the endpoint
    /// has none (Container Instances), [`ErrorKind::AccessDenied`], [`ErrorKind::Throttled`], [`ErrorKind::Unavailable`],
    /// [`ErrorKind::BadAnswer`], [`ErrorKind::DeadlineExceeded`].
    pub fn instance(&self) -> Result<Instance, Error> {
        let now = self.0.fetcher.rim.now();
        self.0.fetcher.instance(now.checked_add(self.0.deadline).unwrap_or(now))
    }
}

impl Fetcher {
    fn instance(&self, end: Instant) -> Result<Instance, Error> {
        let (name, evidence) = (self.place.name(), self.place.source.evidence());
        let request = self.place.endpoint.instance_request().ok_or_else(|| {
            Error::invalid(format!("{name} has no instance metadata"))
                .found_by(name, evidence)
                .with_advice("only virtual machines and scale sets have it: --source imds asks their metadata service")
        })?;
        let outcome = self.repeat(end, |patience, records| {
            let response = self.exchange(&request, patience, end, records)?;
            self.read_instance(&response)
        });
        outcome.map_err(|error| match error.kind() {
            ErrorKind::DeadlineExceeded => {
                Error::new(error.kind(), "no instance metadata before the deadline").found_by(name, evidence)
            }
            _ => error,
        })
    }

    fn read_instance(&self, response: &Response) -> Result<Instance, Failure> {
        let status = response.status;
        let outcome = match status {
            200 => Instance::parse(response.body()),
            201..=399 => Err(source::unexpected(&self.place, response)),
            _ => Err(self.instance_refusal(response)),
        };
        // Unlike its sibling for tokens it says 404 for what it does not have.
        outcome.map_err(|error| self.refused(error, response, matches!(status, 408 | 410 | 429 | 500..=599)))
    }

    #[cold]
    fn instance_refusal(&self, response: &Response) -> Error {
        let (status, failure) = (response.status, failure::Failure::decode(response.body()));
        let kind = match status {
            401 | 403 => ErrorKind::AccessDenied,
            404 => ErrorKind::NotFound,
            429 => ErrorKind::Throttled,
            408 | 410 | 500.. => ErrorKind::Unavailable,
            _ => ErrorKind::Rejected,
        };
        let advice = self.place.endpoint.advice(status, &failure);
        let error = Error::new(kind, format!("{} gave no instance metadata", self.place.name()))
            .answered(status, failure)
            .with_retry_after(response.retry_after(self.rim.wall()));
        match advice {
            Some(advice) => error.with_advice(advice),
            None => error,
        }
    }
}
