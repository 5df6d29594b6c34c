//! Long-running operations at work: what is to be polled, and what becomes of the resource.

use super::clock;
use super::estate::{Estate, SUCCEEDED};
use super::json;
use super::operation::{End, Operation, Variant};
use super::refusal::error;
use super::request::Received;
use super::response::Response;
use super::token;
use super::world::{LOCATION, SUBSCRIPTION};
use crate::base64::{URL_SAFE, encode};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verb {
    Put,
    Patch,
    Post,
    Delete,
}

/// One operation, and how far it is.
#[derive(Clone)]
pub(super) struct Job {
    id: String,
    plan: Operation,
    task: Task,
    version: String,
    signature: String,
    started: u64,
    left: u32,
    done: bool,
}

/// What an operation does.
#[derive(Clone)]
pub(super) struct Task {
    pub(super) verb: Verb,
    /// The id of the item it is done to.
    pub(super) target: String,
    /// The provider that does it.
    pub(super) namespace: String,
    /// Whether the item was not there before.
    pub(super) created: bool,
    /// What a POST answers with at its end, as JSON.
    pub(super) result: Option<String>,
}

/// Begins it as planned, or else as is usual.
pub(super) fn begin(estate: &mut Estate, request: &Received, task: Task, usual: Operation) -> Response {
    let plan = estate.planned.pop_front().unwrap_or(usual);
    let mut job = Job {
        id: token::guid(),
        left: plan.polls,
        plan,
        version: request.parameter("api-version").unwrap_or_default(),
        signature: String::new(),
        started: clock::epoch(request.at),
        done: false,
        task,
    };
    job.sign();
    if job.plan.variant == Variant::Synchronous {
        job.end(estate);
        let status = job.plan.status.unwrap_or(if job.task.created { 201 } else { 200 });
        return job.result(estate, status);
    }
    let Task { verb, created, .. } = job.task;
    let slow = matches!(job.plan.variant, Variant::Location | Variant::NoHeader);
    let status = job.plan.status.unwrap_or_else(|| match verb {
        Verb::Put | Verb::Patch if slow => 202,
        Verb::Put | Verb::Patch => 200 + u16::from(created),
        Verb::Post | Verb::Delete => 202,
    });
    let mut body = None;
    if let Some(item) = estate.find_mut(&job.task.target).filter(|_| verb != Verb::Post) {
        item.job = Some(job.id.clone());
        item.state = match verb {
            Verb::Delete => "Deleting",
            _ if created => "Creating",
            _ => "Updating",
        };
        body = Some(item.json()).filter(|_| verb != Verb::Delete && status != 202);
    }
    let response = body.map_or_else(|| Response::new(status), |body| Response::json(status, body));
    let response = if job.plan.variant == Variant::NoHeader { response } else { job.point(response, request) };
    estate.jobs.push(job);
    response
}

/// One poll of the operation with that id; none if there is none, or the URL is not as it was signed.
pub(super) fn poll(estate: &mut Estate, request: &Received, id: &str, document: bool) -> Option<Response> {
    let (_, signature) = request.target().split_once("&t=").unwrap_or_default();
    let known = |job: &Job| job.id.eq_ignore_ascii_case(id) && job.signature.strip_prefix("t=") == Some(signature);
    let at = estate.jobs.iter().position(known)?;
    let mut job = estate.jobs.swap_remove(at);
    job.step(estate);
    let response = match (job.done, document) {
        (false, true) => job.point(Response::json(200, job.document(estate, request)), request),
        (false, false) => job.point(Response::new(202), request),
        (true, true) => Response::json(200, job.document(estate, request)),
        (true, false) => job.result(estate, 200),
    };
    estate.jobs.push(job);
    Some(response)
}

/// A look at the item itself counts as a poll of what is being done to it.
pub(super) fn look(estate: &mut Estate, id: &str) {
    let Some(job) = estate.find(id).and_then(|item| item.job.clone()) else { return };
    let Some(at) = estate.jobs.iter().position(|other| other.id == job) else { return };
    let mut job = estate.jobs.swap_remove(at);
    job.step(estate);
    estate.jobs.push(job);
}

impl Job {
    fn step(&mut self, estate: &mut Estate) {
        if self.done {
            return;
        }
        if self.left == 0 {
            return self.end(estate);
        }
        self.left -= 1;
        if self.plan.moving {
            self.id = token::guid();
            self.sign();
            if let Some(item) = estate.find_mut(&self.task.target).filter(|item| item.job.is_some()) {
                item.job = Some(self.id.clone());
            }
        }
    }

    fn end(&mut self, estate: &mut Estate) {
        self.done = true;
        let Task { verb, target, .. } = &self.task;
        if (*verb, &self.plan.end) == (Verb::Delete, &End::Succeeded) {
            return estate.remove(target);
        }
        if let Some(item) = estate.find_mut(target).filter(|_| *verb != Verb::Post) {
            item.job = None;
            item.state = match &self.plan.end {
                _ if *verb == Verb::Delete => SUCCEEDED,
                End::Succeeded => SUCCEEDED,
                End::Failed { .. } => "Failed",
                End::Canceled => "Canceled",
            };
        }
    }

    /// What the request would have answered if there had been no need to wait.
    fn result(&self, estate: &Estate, status: u16) -> Response {
        match &self.plan.end {
            End::Failed { code, message } => return error(409, code, message),
            End::Canceled => return error(409, "OperationCanceled", CANCELED),
            End::Succeeded => {}
        }
        let body = match self.task.verb {
            Verb::Post => self.task.result.clone(),
            _ => estate.find(&self.task.target).map(super::estate::Item::json),
        };
        match body {
            Some(body) => Response::json(status, body),
            None if self.task.verb == Verb::Delete && !self.is_of_a_group() => Response::new(204),
            None => Response::new(status),
        }
    }

    /// The resource that `Azure-AsyncOperation` or `Operation-Location` names.
    fn document(&self, estate: &Estate, request: &Received) -> String {
        let of_a_data_plane = self.plan.variant == Variant::OperationLocation;
        let word = match &self.plan.end {
            _ if !self.done => {
                if of_a_data_plane {
                    "running"
                } else {
                    "InProgress"
                }
            }
            End::Succeeded => SUCCEEDED,
            End::Failed { .. } => "Failed",
            End::Canceled => "Canceled",
        };
        let word = if of_a_data_plane { word.to_ascii_lowercase() } else { word.to_owned() };
        let id = format!("{}/{}", self.folder("operations"), self.id);
        let (start, now) = (clock::iso(self.started), clock::iso(clock::epoch(request.at)));
        let (start, now) = (json::text(&start), json::text(&now));
        let mut members = vec![("id", json::text(&id)), ("name", json::text(&self.id)), ("status", json::text(&word))];
        if of_a_data_plane {
            members.extend([("createdDateTime", start), ("lastActionDateTime", now)]);
            let place = estate
                .find(&self.task.target)
                .map(|item| json::text(&format!("{}{}?api-version={}", self.origin(request), item.id, self.version)));
            members.extend(place.filter(|_| word == "succeeded").map(|place| ("resourceLocation", place)));
        } else {
            members.push(("startTime", start));
            members.extend(self.done.then_some(("endTime", now)));
            let output = self.task.result.clone().filter(|_| self.done && self.plan.end == End::Succeeded);
            members.extend(output.map(|output| ("properties", json::object([("output", output)]))));
        }
        let error = match &self.plan.end {
            _ if !self.done => None,
            End::Succeeded => None,
            End::Failed { code, message } => Some((code.as_str(), message.as_str())),
            End::Canceled => Some(("OperationCanceled", CANCELED)),
        };
        members.extend(error.map(|(code, message)| {
            ("error", json::object([("code", json::text(code)), ("message", json::text(message))]))
        }));
        json::object(members)
    }

    /// With the headers that say where to ask, and when.
    fn point(&self, response: Response, request: &Received) -> Response {
        let document = || self.url("operations", request);
        let result = || self.url("operationResults", request);
        let response = match self.plan.variant {
            Variant::AzureAsyncOperation => response.header("Azure-AsyncOperation", document()),
            Variant::OperationLocation => response.header("Operation-Location", document()),
            Variant::Location => response.header("Location", result()),
            Variant::Both => response.header("Azure-AsyncOperation", document()).header("Location", result()),
            Variant::ProvisioningState | Variant::NoHeader | Variant::Synchronous => response,
        };
        response.header("Retry-After", self.plan.retry_after.as_secs().to_string())
    }

    fn url(&self, folder: &str, request: &Received) -> String {
        let origin = self.origin(request);
        format!("{origin}{}/{}?api-version={}&{}", self.folder(folder), self.id, self.version, self.signature)
    }

    /// The one that the client calls the stand-in by; it stands in no relative URL.
    fn origin(&self, request: &Received) -> String {
        if self.plan.relative { String::new() } else { request.origin() }
    }

    /// The results for resource groups lie elsewhere.
    fn folder(&self, name: &str) -> String {
        if self.is_of_a_group() && name == "operationResults" {
            return format!("/subscriptions/{SUBSCRIPTION}/operationresults");
        }
        format!("/subscriptions/{SUBSCRIPTION}/providers/{}/locations/{LOCATION}/{name}", self.task.namespace)
    }

    fn is_of_a_group(&self) -> bool {
        self.task.target.split('/').count() == 5
    }

    /// Azure Resource Manager puts a certificate, a signature and a hash into the URL:
    /// <https://github.com/Azure/azure-sdk-for-java/issues/45288>.
    fn sign(&mut self) {
        let ticks = (self.started + 62_135_596_800) * 10_000_000;
        let (certificate, signature) = (encode(URL_SAFE, &token::random::<2200>()), token::random::<256>());
        let (signature, hash) = (encode(URL_SAFE, &signature), encode(URL_SAFE, &token::random::<32>()));
        self.signature = format!("t={ticks}&c=MIIH{certificate}&s={signature}&h={hash}");
    }
}

const CANCELED: &str = "The operation was canceled.";
