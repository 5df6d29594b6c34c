//! The way from an answer that began a long-running operation to the operation's end.

use std::time::Instant;

use super::Answer;
use super::call::Call;
use super::link;
use super::operation::{Broken, Ended, Operation, Reply, Step};
use crate::error::{Error, ErrorKind};
use crate::retry;
use crate::url::Url;

/// Follows what `answer` began.
pub(super) fn to_the_end(answer: Answer, end: Instant) -> Result<Answer, Error> {
    let (client, plan) = (answer.client.clone(), answer.plan.clone());
    let audience = plan.audience(client.cloud())?;
    let rim = client.rim();
    let broken = |Broken(why)| {
        let host = Url::parse(&plan.url).map(|url| url.authority()).unwrap_or_default();
        Error::new(ErrorKind::BadAnswer, format!("the operation at {host} cannot be followed: {why}"))
    };
    let get = |url: &str, whatever| {
        let plan = plan.beside("GET", url.to_owned(), audience.clone());
        Call { client: &client, plan: &plan, end, whatever }.answer()
    };
    let resolve = |link: &str| {
        let refused = |why| Error::new(ErrorKind::BadAnswer, format!("the operation's state is not asked for: {why}"));
        link::follow(client.cloud(), &plan.url, link).map_err(refused)
    };
    let begun = match plan.method {
        "GET" => Operation::resume(&plan.url, &answer.reply()),
        method => Operation::begin(method, &plan.url, &answer.reply()),
    };
    let (mut operation, mut step) = begun.map_err(broken)?;
    let mut answer = answer;
    let mut polls = 0;
    loop {
        match step {
            Step::Done => return Ok(answer),
            Step::Gone => return Ok(Answer { body: Vec::new(), ..answer }),
            Step::Fetch(url) => {
                let url = resolve(&url)?;
                // The work is done: where its result did not arrive, that can be asked for again.
                let back = |error: Error| if error.status().is_none() { error.with_operation_url(&url) } else { error };
                return get(&url, false).map_err(back);
            }
            Step::Failed(ended) => return Err(failed(*ended, &answer)),
            Step::Refused => return Err(answer.refusal(&answer.plan.url, rim.wall())),
            Step::Poll(_) | Step::Again => {}
        }
        let url = resolve(operation.url())?;
        let pause = retry::poll(polls, rim.jitter(), answer.retry_after(rim.wall()));
        if pause >= end.saturating_duration_since(rim.now()) {
            return Err(Error::new(ErrorKind::DeadlineExceeded, "the operation goes on: the deadline ended")
                .with_operation_url(&url));
        }
        rim.sleep(pause);
        polls += 1;
        answer = get(&url, true).map_err(|error| error.with_operation_url(&url))?;
        step = operation.advance(&answer.reply()).map_err(broken)?;
    }
}

impl Answer {
    fn reply(&self) -> Reply<'_> {
        Reply { status: self.status, headers: &self.headers, body: &self.body }
    }
}

#[cold]
fn failed(ended: Ended, answer: &Answer) -> Error {
    let word = if ended.state == "Failed" { "failed" } else { "was cancelled" };
    Error::new(ErrorKind::OperationFailed, format!("the operation {word}"))
        .because_of(ended.failure)
        .with_request_id(answer.header("x-ms-request-id"))
        .with_correlation_id(answer.header("x-ms-correlation-request-id"))
}
