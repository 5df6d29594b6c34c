//! A long-running operation as pure data: an answer in, the next step out.
//!
//! "Asynchronous operations" of the Resource Provider Contract; where it is silent, what azcore and azure-mgmt-core agree
//! on. How long to wait between two steps, and whether a URL may be asked with a token, is not decided here.

use crate::failure::Failure;
use crate::json::Raw;

/// One answer, as far as an operation is read from it.
pub(crate) struct Reply<'a> {
    pub(crate) status: u16,
    pub(crate) headers: &'a [(String, String)],
    pub(crate) body: &'a [u8],
}

/// What to do next. URLs are as the service wrote them: they may be relative to the request that began the operation.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// GET this URL after a while, and pass the answer to [`Operation::advance`].
    Poll(String),
    /// The status could not be read this time (408, 429, 5xx): GET the same URL again.
    Again,
    /// Done: GET this URL, its answer is the result.
    Fetch(String),
    /// Done: the answer that was just read is the result.
    Done,
    /// Done: there is no result. The answer that was just read is none, it may even be a 404.
    Gone,
    /// The operation failed or was cancelled.
    Failed(Box<Ended>),
    /// The service refuses to tell the status; the answer that was just read says why. What became of the operation is
    /// not known.
    Refused,
}

/// How an operation ended that did not succeed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ended {
    /// `Failed` or `Canceled`, however the service spelled it.
    pub(crate) state: &'static str,
    pub(crate) failure: Failure,
}

/// What the service did wrong: the operation cannot be followed, and what became of it is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Broken(pub(crate) &'static str);

/// An operation that the service has accepted.
///
/// No `Debug`: a polling URL is signed, and opens the door by itself.
pub(crate) struct Operation {
    method: Method,
    mode: Mode,
    /// Of the request that began it.
    resource: String,
    polling: String,
    location: Option<String>,
    /// The last step, once there is one: whatever comes after it changes nothing.
    ended: Option<Result<Step, Broken>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Method {
    /// Also PATCH: what they make is then at the request's URL.
    Put,
    Post,
    Delete,
    /// Reading begins nothing, but may go on with what another program began.
    Get,
}

/// Where the state is to be read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// From the `status` that the URL of `Azure-AsyncOperation` tells.
    AsyncOperation,
    /// The same from `Operation-Location`, which may also name the result.
    OperationLocation,
    /// From the HTTP status of the URL of `Location`.
    Location,
    /// From the `provisioningState` of the resource itself.
    Resource,
    /// The first answer was the last.
    Synchronous,
}

enum State {
    Running,
    Succeeded,
    /// Under this name.
    Failed(&'static str),
}

impl Operation {
    /// Reads the answer to the request that `method` and `url` made.
    ///
    /// # Errors
    /// [`Broken`] where the answer begins no operation that could be followed.
    pub(crate) fn begin(method: &str, url: &str, reply: &Reply<'_>) -> Result<(Self, Step), Broken> {
        let method = Method::named(method);
        let text = String::from_utf8_lossy(reply.body);
        let document = Raw::document(&text);
        reply.check()?;
        let state = provisioning_state(document);
        let location = reply.header("location");
        // Redis and others name the resource in `Location`, as HTTP has it, and mean no operation.
        let names_itself = method == Method::Put && matches!(reply.status, 200 | 201) && matches!(state, Ok(Some(_)));
        let (mode, polling) = if method == Method::Get {
            (Mode::Synchronous, url)
        } else if let Some(url) = reply.header(AZURE_ASYNC_OPERATION) {
            (Mode::AsyncOperation, url)
        } else if let Some(url) = reply.header(OPERATION_LOCATION) {
            (Mode::OperationLocation, url)
        } else if let Some(url) = location.filter(|_| !names_itself) {
            (Mode::Location, url)
        } else if method == Method::Put {
            (Mode::Resource, url)
        } else if reply.status == 202 {
            return Err(Broken("it accepted the operation with 202, and named no URL to poll"));
        } else {
            (Mode::Synchronous, url)
        };
        let mut operation = Self {
            method,
            mode,
            resource: url.to_owned(),
            polling: polling.to_owned(),
            location: location.map(str::to_owned),
            ended: None,
        };
        let step = match mode {
            Mode::Synchronous => Step::Done,
            _ => match (if mode == Mode::Resource { state? } else { state.unwrap_or_default() }, mode) {
                (Some(word), _) => operation.first_step(State::of(&word), document),
                (None, Mode::OperationLocation) => match word_at(document, "status") {
                    Ok(Some(word)) => operation.step(State::of(&word), document),
                    _ => operation.step(State::Running, document),
                },
                (None, Mode::Resource) if matches!(reply.status, 200 | 204) => Step::Done,
                (None, _) => operation.step(State::Running, document),
            },
        };
        let step = operation.keep(Ok(step))?;
        Ok((operation, step))
    }

    /// Goes on with an operation from what a GET of its polling URL, or of its resource, answered.
    ///
    /// What says neither `status` nor `provisioningState`, nor is a 202, is no operation, and done.
    ///
    /// # Errors
    /// [`Broken`] for an answer other than 200, 201, 202 and 204, or one that names a state that is no text.
    pub(crate) fn resume(url: &str, reply: &Reply<'_>) -> Result<(Self, Step), Broken> {
        let text = String::from_utf8_lossy(reply.body);
        let document = Raw::document(&text);
        reply.check()?;
        let status = word_at(document, "status").unwrap_or_default();
        let state = provisioning_state(document);
        let (mode, state) = match (status, state) {
            // With the rules of `Operation-Location`: that name is not known, but `resourceLocation` leads to the result.
            (Some(word), _) => (Mode::OperationLocation, State::of(&word)),
            _ if reply.status == 202 => (Mode::Location, State::Running),
            (None, state) => match state? {
                Some(word) => (Mode::Resource, State::of(&word)),
                None => (Mode::Synchronous, State::Succeeded),
            },
        };
        let mut operation = Self {
            method: Method::Get,
            mode,
            resource: url.to_owned(),
            polling: url.to_owned(),
            location: None,
            ended: None,
        };
        operation.renew(reply);
        let step = operation.step(state, document);
        let step = operation.keep(Ok(step))?;
        Ok((operation, step))
    }

    /// Reads the answer to a GET of the polling URL. After the last step the answer is not read: the step stays.
    ///
    /// # Errors
    /// [`Broken`] where the answer tells no state.
    pub(crate) fn advance(&mut self, reply: &Reply<'_>) -> Result<Step, Broken> {
        if let Some(ended) = &self.ended {
            return ended.clone();
        }
        let step = self.read(reply);
        self.keep(step)
    }

    /// The URL to poll, for a person who goes on later.
    pub(crate) fn url(&self) -> &str {
        &self.polling
    }

    fn read(&mut self, reply: &Reply<'_>) -> Result<Step, Broken> {
        let text = String::from_utf8_lossy(reply.body);
        let document = Raw::document(&text);
        match reply.status {
            200 | 201 | 202 | 204 => {}
            408 | 429 | 500.. => return Ok(Step::Again),
            404 if self.method == Method::Delete => return Ok(Step::Gone),
            // The token's fault, not the operation's.
            401 => return Ok(Step::Refused),
            // By contract the URL in `Location` answers as the request itself would have.
            400..=499 if self.mode == Mode::Location => {
                let mut failure = Failure::read(reply.body);
                if let Some(code) = reply.header("x-ms-error-code") {
                    failure.code = Some(code.to_owned());
                }
                return Ok(Step::Failed(Box::new(Ended { state: FAILED, failure })));
            }
            400..=499 => return Ok(Step::Refused),
            300..=399 => return Err(Broken("the polling URL answered with a redirect, which is not followed")),
            _ => return Err(Broken("the polling URL answered with another status than 200, 201, 202 and 204")),
        }
        self.renew(reply);
        let state = match self.mode {
            Mode::AsyncOperation | Mode::OperationLocation => match word_at(document, "status") {
                Ok(Some(word)) => State::of(&word),
                _ if reply.status == 202 => State::Running,
                _ => return Err(Broken("the polling URL's answer tells no status")),
            },
            Mode::Location if reply.status == 202 => State::Running,
            Mode::Location | Mode::Resource if reply.status == 204 => State::Succeeded,
            Mode::Resource if reply.status == 202 => provisioning_state(document)?.map_or(State::Running, State::named),
            Mode::Resource if document.is_none() => return Err(Broken("the resource's answer is empty or no JSON")),
            _ => provisioning_state(document)?.map_or(State::Succeeded, State::named),
        };
        Ok(self.step(state, document))
    }

    /// The URLs may change with every answer.
    fn renew(&mut self, reply: &Reply<'_>) {
        let location = reply.header("location");
        let url = match self.mode {
            Mode::AsyncOperation => reply.header(AZURE_ASYNC_OPERATION),
            Mode::OperationLocation => reply.header(OPERATION_LOCATION).or_else(|| reply.header(AZURE_ASYNC_OPERATION)),
            Mode::Location => location,
            Mode::Resource | Mode::Synchronous => None,
        };
        if let Some(url) = url {
            url.clone_into(&mut self.polling);
        }
        if let Some(location) = location {
            self.location = Some(location.to_owned());
        }
    }

    /// The first answer holds the resource already.
    fn first_step(&self, state: State, document: Option<Raw<'_>>) -> Step {
        if let State::Succeeded = state { Step::Done } else { self.step(state, document) }
    }

    fn step(&self, state: State, document: Option<Raw<'_>>) -> Step {
        match state {
            State::Running => Step::Poll(self.polling.clone()),
            State::Succeeded => self.result(document),
            State::Failed(state) => Step::Failed(Box::new(Ended { state, failure: failure(document) })),
        }
    }

    fn result(&self, document: Option<Raw<'_>>) -> Step {
        let named = match self.mode {
            Mode::AsyncOperation => None,
            Mode::OperationLocation => word_at(document, "resourceLocation").unwrap_or_default(),
            Mode::Location | Mode::Resource | Mode::Synchronous => return Step::Done,
        };
        match (self.method, named) {
            (Method::Delete, _) => Step::Gone,
            (_, Some(url)) => Step::Fetch(url),
            (Method::Put, None) => Step::Fetch(self.resource.clone()),
            (Method::Post, None) => self.location.clone().map_or(Step::Done, Step::Fetch),
            (Method::Get, None) => Step::Done,
        }
    }

    fn keep(&mut self, step: Result<Step, Broken>) -> Result<Step, Broken> {
        if !matches!(step, Ok(Step::Poll(_) | Step::Again)) {
            self.ended = Some(step.clone());
        }
        step
    }
}

impl Method {
    fn named(name: &str) -> Self {
        match name.to_ascii_uppercase().as_str() {
            "PUT" | "PATCH" => Self::Put,
            "POST" => Self::Post,
            "DELETE" => Self::Delete,
            _ => Self::Get,
        }
    }
}

impl State {
    /// Services have dozens of words for an operation that goes on: whatever is not an end is one of them.
    fn of(word: &str) -> Self {
        let is = |end: &str| word.eq_ignore_ascii_case(end);
        if is("Succeeded") {
            Self::Succeeded
        } else if is(FAILED) {
            Self::Failed(FAILED)
        } else if is("Canceled") || is("Cancelled") {
            Self::Failed("Canceled")
        } else {
            Self::Running
        }
    }

    fn named(word: String) -> Self {
        Self::of(&word)
    }
}

impl<'a> Reply<'a> {
    fn check(&self) -> Result<(), Broken> {
        let fits = matches!(self.status, 200 | 201 | 202 | 204);
        fits.then_some(()).ok_or(Broken("an operation begins with status 200, 201, 202 or 204 only"))
    }

    fn header(&self, name: &str) -> Option<&'a str> {
        let named = self.headers.iter().filter(|(key, _)| key.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.trim()).find(|value| !value.is_empty())
    }
}

fn provisioning_state(document: Option<Raw<'_>>) -> Result<Option<String>, Broken> {
    word_at(document.and_then(|document| document.get("properties")), "provisioningState")
}

/// `null` and `""` are as good as nothing; a number or an object would be a state that nobody can read.
fn word_at(object: Option<Raw<'_>>, name: &str) -> Result<Option<String>, Broken> {
    let Some(value) = object.and_then(|object| object.get(name)).filter(|value| value.text() != "null") else {
        return Ok(None);
    };
    let word = value.string().ok_or(Broken("the answer tells a state that is no text"))?;
    Ok(Some(word.trim().to_owned()).filter(|word| !word.is_empty()))
}

/// The error of a status, or of a resource, whose `properties` may hold it.
fn failure(document: Option<Raw<'_>>) -> Failure {
    let places = [document, document.and_then(|document| document.get("properties"))];
    let holds = |name: &str| {
        let mut places = places.iter().flatten();
        places.find(|place| place.get(name).is_some_and(|value| value.text() != "null"))
    };
    let found = holds("error").or_else(|| holds("code")).or_else(|| holds("message"));
    found.map_or_else(Failure::default, |place| Failure::read(place.text().as_bytes()))
}

const AZURE_ASYNC_OPERATION: &str = "azure-asyncoperation";
const OPERATION_LOCATION: &str = "operation-location";
const FAILED: &str = "Failed";

#[cfg(test)]
mod tests;
