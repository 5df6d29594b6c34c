//! One token from one endpoint: asking, answering a challenge, and trying again while that can help.

use std::sync::Arc;
use std::time::{Duration, Instant};

use zeroize::Zeroizing;

use super::rim::{Call, Rim};
use crate::dial::Lost;
use crate::error::{Error, ErrorKind};
use crate::http::{Fault, Request, Response};
use crate::identity::Identity;
use crate::retry::{self, Next, Outcome};
use crate::source::{self, Place, Transport};
use crate::token::{AccessToken, Ask, Received};
use crate::trace::{Headers, Record, Trace};

/// Everything that a fetch needs.
pub(super) struct Fetcher {
    pub(super) place: Place,
    pub(super) identity: Identity,
    pub(super) trace: Trace,
    /// How long an endpoint that is not there, or not ready, is waited for.
    pub(super) wait: Duration,
    pub(super) rim: Box<dyn Rim>,
}

/// A try that failed.
pub(super) struct Failure {
    error: Error,
    /// What the next try depends on, if one can help.
    outcome: Option<Outcome>,
    /// It can help only while a machine boots.
    boot: bool,
    /// The connection was not answered in time: the next try is more patient.
    unanswered: bool,
}

impl Fetcher {
    /// A token, within the deadline.
    pub(super) fn token(&self, resource: &Arc<str>, end: Instant) -> Result<AccessToken, Error> {
        self.place.endpoint.check(&self.identity).map_err(|why| self.cannot_choose(why))?;
        self.repeat(end, |patience, records| self.attempt(resource, patience, end, records))
    }

    /// Tries until one succeeds, or no further one could. A try is told how patient to be, and says what it has sent.
    pub(super) fn repeat<T>(
        &self,
        end: Instant,
        attempt: impl Fn(Duration, &mut Vec<Record>) -> Result<T, Failure>,
    ) -> Result<T, Error> {
        let begun = self.rim.now();
        let boot_end = begun.checked_add(self.wait).map_or(end, |boot_end| boot_end.min(end));
        let (mut tries, mut unanswered) = (0, 0);
        let mut before = None;
        loop {
            let patience = PATIENCE.get(unanswered).copied().unwrap_or(LAST_PATIENCE);
            let mut records = Vec::new();
            let outcome = attempt(patience, &mut records);
            tries += 1;
            unanswered += usize::from(outcome.as_ref().is_err_and(|failure| failure.unanswered));
            let pause =
                outcome.as_ref().err().and_then(|failure| self.pause(failure, tries, unanswered, boot_end, end));
            self.tell(&records, pause);
            match (outcome, pause) {
                (Ok(found), _) => return Ok(found),
                (Err(failure), Some(pause)) => {
                    before = Some(failure.error);
                    self.rim.sleep(pause);
                }
                // A try that the deadline cut short says less than the one before it.
                (Err(Failure { error, .. }), None) if error.kind() == ErrorKind::DeadlineExceeded => {
                    return Err(before.unwrap_or(error));
                }
                (Err(failure), None) => return Err(failure.error),
            }
        }
    }

    /// The time to the next try, if there is to be one.
    fn pause(
        &self,
        failure: &Failure,
        tries: u32,
        unanswered: usize,
        boot_end: Instant,
        end: Instant,
    ) -> Option<Duration> {
        let outcome = failure.outcome?;
        if failure.unanswered && unanswered < PATIENCE.len() {
            return Some(Duration::ZERO);
        }
        let now = self.rim.now();
        let (left, cap) = match (failure.boot, now < boot_end) {
            (true, false) => return None,
            (true, true) => (boot_end, retry::BOOT_CAP),
            (false, true) => (end, retry::BOOT_CAP),
            (false, false) => (end, retry::CAP),
        };
        match retry::next(outcome, tries, self.rim.jitter(), left.saturating_duration_since(now), cap) {
            Next::After(pause) => Some(pause),
            Next::Stop => None,
        }
    }

    /// Only the last request of a try is what the next one repeats.
    fn tell(&self, records: &[Record], retry_in: Option<Duration>) {
        for (index, record) in records.iter().enumerate() {
            self.trace.tell(record, retry_in.filter(|_| index + 1 == records.len()));
        }
    }

    /// A token from a single try.
    pub(super) fn once(&self, resource: &Arc<str>, end: Instant) -> Result<AccessToken, Error> {
        let mut records = Vec::new();
        let outcome = self.attempt(resource, LAST_PATIENCE, end, &mut records);
        self.tell(&records, None);
        outcome.map_err(|failure| failure.error)
    }

    /// One request, or two where the endpoint wants proof.
    fn attempt(
        &self,
        resource: &Arc<str>,
        patience: Duration,
        end: Instant,
        records: &mut Vec<Record>,
    ) -> Result<AccessToken, Failure> {
        let endpoint = &self.place.endpoint;
        let ask = Ask { resource, identity: &self.identity, strict: endpoint.is_strict() };
        let assertion = endpoint.assertion_file().map(|path| self.rim.read_assertion(&path)).transpose();
        let assertion = assertion.map_err(|error| self.last(error))?;
        let request = endpoint.request(&ask, assertion.as_ref().map(|text| text.as_str()));
        let mut response = self.exchange(&request, patience, end, records)?;
        if let Some(file) = endpoint.challenge(&response).map_err(|error| self.last(error))? {
            let key: Zeroizing<String> = self.rim.read_key(&file).map_err(|error| self.last(error))?;
            let request = endpoint.request(&ask, Some(&key));
            response = self.exchange(&request, patience, end, records)?;
        }
        let received = Received { at: self.rim.now(), wall: self.rim.wall() };
        source::reply(&self.place, &response, &ask, received)
            .map_err(|error| self.refused(error, &response, endpoint.is_passing(response.status)))
    }

    pub(super) fn exchange(
        &self,
        request: &Request<'_>,
        patience: Duration,
        end: Instant,
        records: &mut Vec<Record>,
    ) -> Result<Response, Failure> {
        let site = self.place.endpoint.site();
        let begun = self.rim.now();
        // One try that gets no answer should leave time for another.
        let deadline = begun.checked_add(PER_TRY).map_or(end, |deadline| deadline.min(end));
        let outcome = self
            .rim
            .exchange(&Call { site, request, patience, deadline })
            .map_err(|lost| self.tagged(self.lost(lost, deadline < end)));
        if self.trace.is_on() {
            let scheme = if matches!(site.transport, Transport::Plain(_)) { "http" } else { "https" };
            records.push(Record {
                method: request.method,
                url: format!("{scheme}://{}{}", request.authority, request.target),
                outcome: outcome.as_ref().map(|response| response.status).map_err(|failure| failure.error.clone()),
                elapsed: self.rim.now().saturating_duration_since(begun),
                sent: Headers::shown(request.headers.iter().map(|(name, value)| (*name, &**value))),
                received: Headers::shown(outcome.iter().flat_map(Response::headers)),
            });
        }
        outcome
    }

    /// What a refusal in an answer means for the next try. `passing` is a status that may pass by itself.
    #[cold]
    pub(super) fn refused(&self, error: Error, response: &Response, passing: bool) -> Failure {
        let status = response.status;
        let outcome = Some(Outcome::Status(status, error.retry_after()));
        if passing {
            return self.tagged(Failure { error, outcome, boot: false, unanswered: false });
        }
        // What a machine that boots may be told: that its identity is not there yet, and the texts of whatever answers in the
        // place of an endpoint that is not up.
        let early = status == 404 || error.message().is_some_and(|message| message.starts_with("Identity not found"));
        let text = !response.body().trim_ascii_start().starts_with(b"{");
        let boot = (early || text && !(300..400).contains(&status)).then_some(outcome).flatten();
        self.tagged(Failure { error, outcome: boot, boot: true, unanswered: false })
    }

    #[cold]
    fn lost(&self, lost: Lost, more_time: bool) -> Failure {
        let (name, authority) = (self.place.name(), &self.place.endpoint.site().authority);
        let again = |error| Failure { error, outcome: Some(Outcome::Lost), boot: false, unanswered: false };
        match lost {
            // The cure stands in the line itself: it is what most people will ever see of this program's errors.
            Lost::Connect(cause) => {
                let cure = "run this on an Azure machine, or unblock that address";
                let step = format!("no identity endpoint answers at {authority}: {cure}");
                let unanswered = cause.kind() == std::io::ErrorKind::TimedOut;
                let error = Error::new(ErrorKind::NoEndpoint, step).because(cause);
                Failure { error, outcome: Some(Outcome::Lost), boot: true, unanswered }
            }
            Lost::Broken(cause) => {
                let step = format!("the connection to {name} at {authority} broke");
                again(Error::new(ErrorKind::Connection, step).because(cause))
            }
            Lost::Deadline if more_time => again(self.deadline_exceeded()),
            Lost::Deadline => self.last(self.deadline_exceeded()),
            #[cfg(feature = "https")]
            Lost::Unreachable(cause) => {
                let error = Error::new(ErrorKind::NoEndpoint, format!("no identity endpoint answers at {authority}"));
                Failure { error: error.because(cause), outcome: Some(Outcome::Lost), boot: true, unanswered: false }
            }
            Lost::Cut(error) => again(error),
            Lost::Failed(error) => self.last(error),
            Lost::Answer(fault) => {
                let (what, part) = match fault {
                    Fault::Empty => ("closed the connection without an answer", ""),
                    Fault::Truncated => ("closed the connection in the middle of its answer", ""),
                    Fault::Malformed(part) => ("did not answer in HTTP: ", part),
                    Fault::TooLarge(part) => ("answered more than is read: ", part),
                };
                let kind = if fault == Fault::Empty { ErrorKind::Connection } else { ErrorKind::BadAnswer };
                let error = Error::new(kind, format!("{name} at {authority} {what}{part}"));
                if matches!(fault, Fault::Empty | Fault::Truncated) { again(error) } else { self.last(error) }
            }
        }
    }

    #[cold]
    pub(super) fn deadline_exceeded(&self) -> Error {
        let error = Error::new(ErrorKind::DeadlineExceeded, "no token before the deadline");
        error.found_by(self.place.name(), self.place.source.evidence())
    }

    /// A failure that another try would not change.
    #[cold]
    fn last(&self, error: Error) -> Failure {
        self.tagged(Failure { error, outcome: None, boot: false, unanswered: false })
    }

    fn tagged(&self, failure: Failure) -> Failure {
        Failure { error: failure.error.found_by(self.place.name(), self.place.source.evidence()), ..failure }
    }

    #[cold]
    fn cannot_choose(&self, why: &str) -> Error {
        let (name, evidence) = (self.place.name(), self.place.source.evidence());
        Error::invalid(format!("{name} cannot use this identity: {why}")).found_by(name, evidence)
    }
}

/// How long a connection is waited for, try by try: a loaded host takes more than the first, and three seconds are enough to
/// be certain.
const PATIENCE: [Duration; 3] = [Duration::from_millis(500), Duration::from_secs(1), Duration::from_millis(1500)];
const LAST_PATIENCE: Duration = Duration::from_secs(2);
/// Entra's part of a token may take as long as ARM allows its providers, 60 s.
const PER_TRY: Duration = Duration::from_secs(70);
