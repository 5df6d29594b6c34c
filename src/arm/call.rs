//! One logical call: its tries, its tokens, its deadline.

use std::io::Write;
use std::time::{Duration, Instant};

use super::plan::Plan;
use super::rim::{Rim, guid};
use super::verdict::{Ask, status};
use super::{Answer, Client, provider};
use crate::error::{Error, ErrorKind};
use crate::retry::{self, Next, Outcome};
use crate::send::{Incoming, Outgoing};
use crate::token::AccessToken;
use crate::trace::{Headers, Record};

/// A plan on its way.
pub(super) struct Call<'a> {
    pub(super) client: &'a Client,
    pub(super) plan: &'a Plan,
    pub(super) end: Instant,
    /// Every answer that is not tried again is an answer, whatever its status.
    pub(super) whatever: bool,
}

/// What the tries so far have shown.
struct Tries {
    begun: Instant,
    /// Those that failed, but for those that something else was done about.
    failed: u32,
    /// Those that a missing role may explain.
    forbidden: u32,
    /// The next token is not the one that is kept.
    fresh: bool,
    /// A 401 has been answered with a fresh token.
    refreshed: bool,
    registered: bool,
    /// The service may have done what was asked in a try that failed.
    maybe_done: bool,
    /// The sink has bytes of an answer that broke off.
    written: bool,
    client_request_id: String,
    before: Option<Error>,
}

/// How a try ended.
enum Ended {
    Well(Answer),
    Refused(Answer, Error),
    Lost(Error),
}

impl Call<'_> {
    /// The whole answer, its body in memory.
    pub(super) fn answer(&self) -> Result<Answer, Error> {
        self.run(&mut None)
    }

    /// The answer without its body, which goes to `sink`.
    pub(super) fn stream(&self, sink: &mut dyn Write) -> Result<Answer, Error> {
        self.run(&mut Some(sink))
    }

    fn run(&self, sink: &mut Option<&mut dyn Write>) -> Result<Answer, Error> {
        let audience = self.plan.audience(self.client.cloud())?;
        let rim = self.client.rim();
        rim.check()?;
        let mut tries = Tries::new(rim);
        loop {
            let token = match &audience {
                Some(audience) => {
                    let token = rim.token(audience, std::mem::take(&mut tries.fresh), self.end);
                    Some(token.map_err(|error| tries.before.take().unwrap_or(error))?)
                }
                None => None,
            };
            let (ended, record) = self.once(token.as_ref(), &mut tries, sink);
            let pause = match &ended {
                Ended::Well(answer) => self.pause_for_subscriptions(answer, &mut tries),
                Ended::Refused(_, error) | Ended::Lost(error) => self.pause(error, token.is_some(), &mut tries)?,
            };
            if let Some(record) = record {
                self.client.trace().tell(&record, pause);
            }
            let Some(pause) = pause else { return self.settle(ended, tries) };
            tries.before = match ended {
                Ended::Well(_) => None,
                Ended::Refused(_, error) | Ended::Lost(error) => Some(error),
            };
            rim.sleep(pause);
        }
    }

    fn once(
        &self,
        token: Option<&AccessToken>,
        tries: &mut Tries,
        sink: &mut Option<&mut dyn Write>,
    ) -> (Ended, Option<Record>) {
        let rim = self.client.rim();
        let begun = rim.now();
        let mut headers = self.plan.headers_to_send();
        if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case(CLIENT_REQUEST_ID)) {
            headers.push((CLIENT_REQUEST_ID.to_owned(), tries.client_request_id.clone()));
        }
        let outgoing = Outgoing {
            method: self.plan.method,
            url: &self.plan.url,
            headers: &headers,
            bearer: token.map(AccessToken::secret),
            body: self.plan.body_to_send(),
        };
        let sent = rim.send(&outgoing, self.end);
        let record = self.client.trace().is_on().then(|| Record {
            method: self.plan.method,
            url: self.plan.url.clone(),
            outcome: sent.as_ref().map(|incoming| incoming.status).map_err(Error::clone),
            elapsed: rim.now().saturating_duration_since(begun),
            sent: Headers::shown(pairs(&headers)),
            received: sent.as_ref().map(|incoming| Headers::shown(pairs(&incoming.headers))).unwrap_or_default(),
        });
        let ended = match sent {
            Ok(incoming) => self.take(incoming, tries, sink),
            Err(error) => Ended::Lost(error),
        };
        (ended, record)
    }

    /// Reads the answer's body to where it belongs.
    fn take(&self, mut incoming: Incoming, tries: &mut Tries, sink: &mut Option<&mut dyn Write>) -> Ended {
        let mut answer = Answer::new(self.client, self.plan, &mut incoming);
        if !answer.is_success() {
            // A body that is cut or too large, or that never ends, does not hide what its status has said.
            let _ = incoming.read(|piece| answer.keep(piece));
            let error = answer.refusal(&self.plan.url, self.client.rim().wall());
            return Ended::Refused(answer, error);
        }
        let read = match sink {
            Some(sink) => incoming.read(|piece| {
                tries.written = true;
                sink.write_all(piece)
                    .map_err(|why| Error::new(ErrorKind::Local, "could not write the body").because(why))
            }),
            None => incoming.read(|piece| answer.keep(piece)),
        };
        match read {
            Ok(()) => Ended::Well(answer),
            Err(error) => Ended::Lost(error),
        }
    }

    /// The pause to the next try, if there is to be one.
    fn pause(&self, error: &Error, with_token: bool, tries: &mut Tries) -> Result<Option<Duration>, Error> {
        let rim = self.client.rim();
        let ask = Ask::new(self.plan.method, &self.plan.headers, self.plan.is_arm(self.client.cloud()));
        if status(error) == Some(429) {
            rim.drop_connections();
        }
        if status(error) == Some(401) && with_token && !tries.refreshed {
            (tries.refreshed, tries.fresh) = (true, true);
            tries.another(rim);
            return Ok(Some(Duration::ZERO));
        }
        if ask.awaits_role(error) {
            return Ok(self.pause_for_role(tries));
        }
        if self.plan.register && !tries.registered && provider::is_missing(error) {
            tries.registered = true;
            provider::register(self, error)?;
            tries.another(rim);
            return Ok(Some(Duration::ZERO));
        }
        tries.failed = tries.failed.saturating_add(1);
        if tries.written || !ask.again(error) {
            return Ok(None);
        }
        tries.maybe_done |= ask.may_be_done(error);
        let outcome = match status(error) {
            Some(status) => Outcome::Status(status, error.retry_after()),
            None => Outcome::Lost,
        };
        let left = self.end.saturating_duration_since(rim.now());
        Ok(match retry::next(outcome, tries.failed, rim.jitter(), left, retry::CAP) {
            Next::After(pause) => Some(pause),
            Next::Stop => None,
        })
    }

    /// A role that is on its way: asked for again, with a token of its own each time, while the caller waits for it.
    fn pause_for_role(&self, tries: &mut Tries) -> Option<Duration> {
        let rim = self.client.rim();
        let window = tries.begun.checked_add(self.plan.forbidden).map_or(self.end, |window| window.min(self.end));
        tries.forbidden = tries.forbidden.saturating_add(1);
        let pause = retry::role(tries.forbidden, rim.jitter());
        if pause >= window.saturating_duration_since(rim.now()) {
            return None;
        }
        tries.fresh = true;
        tries.another(rim);
        Some(pause)
    }

    /// Without a role an identity sees no subscription, and is not told so.
    fn pause_for_subscriptions(&self, answer: &Answer, tries: &mut Tries) -> Option<Duration> {
        let waits = !self.plan.forbidden.is_zero() && self.plan.lists_subscriptions() && answer.is_empty_list();
        if waits { self.pause_for_role(tries) } else { None }
    }

    /// What the last try comes to, seen with those before it.
    fn settle(&self, ended: Ended, tries: Tries) -> Result<Answer, Error> {
        let error = match ended {
            Ended::Well(answer) => return Ok(answer),
            Ended::Refused(answer, _) if self.whatever => return Ok(answer),
            Ended::Refused(mut answer, error) => {
                if tries.maybe_done && error.status() == Some(404) && self.plan.method == "DELETE" {
                    answer.replayed = true;
                    return Ok(answer);
                }
                error.with_body(answer.body)
            }
            // A try that the deadline cut short says less than the one before it.
            Ended::Lost(error) if error.kind() == ErrorKind::DeadlineExceeded => tries.before.unwrap_or(error),
            Ended::Lost(error) => error,
        };
        let ask = Ask::new(self.plan.method, &self.plan.headers, false);
        Err(if tries.maybe_done && error.status() == Some(412) {
            error.with_advice(
                "an earlier try of this same request broke off and may be what changed it: read the resource",
            )
        } else if !self.plan.forbidden.is_zero() && tries.forbidden > 0 {
            error.with_advice(
                "a new role takes up to 10 minutes to arrive; through a group or a management group, up to 24 hours",
            )
        } else if !ask.repeatable && ask.may_be_done(&error) {
            error.with_advice("the service may have done it all the same: look before it is sent again")
        } else {
            error
        })
    }
}

impl Tries {
    fn new(rim: &dyn Rim) -> Self {
        Self {
            begun: rim.now(),
            failed: 0,
            forbidden: 0,
            fresh: false,
            refreshed: false,
            registered: false,
            maybe_done: false,
            written: false,
            client_request_id: guid(rim.number()),
            before: None,
        }
    }

    /// The next try is another request to the service: it would answer one that it has seen without looking at it again.
    fn another(&mut self, rim: &dyn Rim) {
        self.client_request_id = guid(rim.number());
    }
}

fn pairs(headers: &[(String, String)]) -> impl Iterator<Item = (&str, &str)> {
    headers.iter().map(|(name, value)| (name.as_str(), value.as_str()))
}

const CLIENT_REQUEST_ID: &str = "x-ms-client-request-id";
