//! `azmin rest` and its short forms.

use std::borrow::Cow;
use std::io::{IsTerminal, Read};
use std::time::{Duration, Instant};

use azmin::arm::{Answer, Client, Request};
use azmin::{Attempt, ErrorKind, Query};

use super::options::Options;
use super::output::{self, Target};
use super::report::{Failed, print_to_stderr};
use super::{HeartBeat, format, trace};

/// `azmin rest METHOD URL`, and `azmin METHOD URL`.
pub(super) fn run(options: &Options) -> Result<(), Failed> {
    match options.operands.as_slice() {
        [method, url] => call(options, method, url),
        _ => Err(Failed::usage("a method and a URL are expected: azmin rest METHOD URL".to_owned())),
    }
}

fn call(options: &Options, method: &str, url: &str) -> Result<(), Failed> {
    let form = check(options, method)?;
    let body = options.call.body.as_deref().map(body).transpose()?;
    let url = &options.filled(url)?;
    let client = client(options)?;
    let mut request = dressed(client.request(method, url), options);
    if let Some(body) = body {
        request = request.body(body);
    }
    if options.call.dry_run {
        return output::print(request.preview()?.as_bytes());
    }
    // What is wrong with the request is to be known before a file is made for its answer.
    if options.file.is_some() {
        request.preview()?;
    }
    let begun = Instant::now();
    let whole = options.all_time_left();
    let outcome = deliver(options, form, request.deadline(whole), || whole.saturating_sub(begun.elapsed()));
    if let (Err(Failed::Call(error)), true) = (&outcome, options.call.fail_with_body) {
        output::print(error.body().unwrap_or_default())?;
    }
    outcome
}

/// How a JSON text is printed.
type Form = fn(&[u8]) -> Vec<u8>;

/// The form of the output, once everything that can be known to be wrong with the options has been ruled out.
fn check(options: &Options, method: &str) -> Result<Option<Form>, Failed> {
    let call = &options.call;
    let usage = |what: &str| Err(Failed::usage(what.to_owned()));
    let reads = |method: &str| ["get", "head"].iter().any(|known| known.eq_ignore_ascii_case(method));
    if call.body.is_some() && reads(method) {
        return usage("-d: a get or head has no body");
    }
    if call.no_token && (options.resource.is_some() || call.forbidden.is_some()) {
        return usage("--no-auth goes with neither --resource nor --retry-forbidden");
    }
    if call.all && call.wait {
        return usage("--all and --wait exclude one another");
    }
    if call.all && !["get", "post"].iter().any(|known| known.eq_ignore_ascii_case(method)) {
        return usage("--all: only a get or a post has pages");
    }
    match options.format.as_deref() {
        None | Some("json") => Ok(None),
        Some("raw") => Ok(Some(format::raw)),
        Some("tsv") => Ok(Some(format::tsv)),
        Some("jsonl") => Ok(Some(format::jsonl)),
        Some("none") => Ok(Some(format::none)),
        Some(other) => Err(Failed::usage(format!("-o: there is no format {other:?}: json, raw, tsv, jsonl, none"))),
    }
}

/// Text, a file, or standard input, byte for byte.
fn body(data: &str) -> Result<Vec<u8>, Failed> {
    match data.strip_prefix('@') {
        None => Ok(data.as_bytes().to_vec()),
        Some("-") => {
            let mut body = Vec::new();
            let read = std::io::stdin().lock().read_to_end(&mut body);
            read.map(|_| body).map_err(|why| Failed::Read("standard input".to_owned(), why))
        }
        Some(file) => std::fs::read(file).map_err(|why| Failed::Read(file.to_owned(), why)),
    }
}

fn deliver(options: &Options, form: Option<Form>, request: Request, left: impl Fn() -> Duration) -> Result<(), Failed> {
    let call = &options.call;
    let mut target = options.file.as_deref().map(Target::create).transpose()?;
    let streams = target.is_some() && form.is_none() && call.query.is_none() && !call.all && !call.wait;
    let answered = if call.all {
        list(options, form, request, &mut target)?;
        None
    } else if let (Some(target), true) = (&mut target, streams) {
        Some(request.send_to(target)?)
    } else {
        let mut answer = request.send()?;
        if call.wait {
            answer = answer.wait_for(left())?;
        }
        if target.is_none() {
            output::print(head_of(&answer, options).as_bytes())?;
        }
        put(&mut target, &selected(answer.bytes(), call.query.as_ref(), form)?)?;
        Some(answer)
    };
    let to_file = target.is_some();
    if let Some(target) = target {
        target.finish()?;
    }
    let Some(answer) = answered else { return Ok(()) };
    if answer.is_replay() && !options.quiet {
        print_to_stderr("azmin: warning: it was already gone: an earlier try of this request may have deleted it\n");
    }
    if to_file { output::print(head_of(&answer, options).as_bytes()) } else { Ok(()) }
}

/// The pages of a list: as they come where a line is an item, else as one document.
fn list(options: &Options, form: Option<Form>, request: Request, target: &mut Option<Target>) -> Result<(), Failed> {
    let query = options.call.query.as_ref();
    let by_line = matches!(options.format.as_deref(), Some("jsonl" | "tsv" | "none"));
    if let (Some(query), Some(_), true) = (query.filter(|query| query.is_over_items()), form, by_line) {
        for page in request.pages() {
            put(target, &selected(page?.bytes(), Some(query), form)?)?;
        }
        return Ok(());
    }
    if let (None, Some(form), true) = (query, form, by_line) {
        for item in request.items() {
            put(target, &form(format!("[{}]", item?).as_bytes()))?;
        }
        return Ok(());
    }
    let as_it_is = query.is_none() && form.is_none();
    // What goes to a file as it is need not be held.
    let mut file = target.as_mut().filter(|_| as_it_is);
    let mut document = String::from("{\"value\":[");
    for (index, item) in request.items().enumerate() {
        document.push_str(if index == 0 { "" } else { "," });
        document.push_str(&item?);
        if let Some(file) = &mut file {
            file.put(document.as_bytes())?;
            document.clear();
        } else if document.len() > MAX_DOCUMENT {
            return Err(Failed::TooLarge);
        }
    }
    document.push_str(if as_it_is { "]}\n" } else { "]}" });
    put(target, &selected(document.as_bytes(), query, form)?)
}

/// As much as of one answer is held.
const MAX_DOCUMENT: usize = 16 << 20;

/// The bytes to print of an answer's body: byte for byte, unless something was asked for.
fn selected<'a>(body: &'a [u8], query: Option<&Query>, form: Option<Form>) -> Result<Cow<'a, [u8]>, Failed> {
    if body.is_empty() && query.is_some() {
        return Err(Failed::Nothing);
    }
    if body.is_empty() || query.is_none() && form.is_none() {
        return Ok(Cow::Borrowed(body));
    }
    let whole = Query::whole();
    let found = query.unwrap_or(&whole).select(&String::from_utf8_lossy(body))?;
    match (found, query) {
        (Some(found), _) => Ok(form.unwrap_or(format::json)(found.as_bytes()).into()),
        (None, Some(_)) => Err(Failed::Nothing),
        (None, None) => Ok(form.unwrap_or(format::json)(b"null").into()),
    }
}

fn put(target: &mut Option<Target>, bytes: &[u8]) -> Result<(), Failed> {
    match target {
        Some(target) => target.put(bytes),
        None => output::print(bytes),
    }
}

pub(super) fn client(options: &Options) -> Result<Client, Failed> {
    let mut builder = Client::builder(options.credential()?).cloud(options.cloud()?);
    if let Some(path) = &options.ca_file {
        builder = builder.ca_file(path);
    }
    if let Some(deadline) = options.time_left() {
        builder = builder.deadline(deadline);
    }
    let level = options.verbose;
    if level > 0 {
        builder = builder.on_attempt(move |attempt| trace(attempt, level));
    } else if !options.quiet {
        let beat = HeartBeat::new();
        let warned = std::sync::atomic::AtomicBool::new(false);
        builder = builder.on_attempt(move |attempt| show_patience(attempt, &beat, &warned));
    }
    Ok(builder.build())
}

/// Who mistyped a host should not stare at nothing for two minutes; who waits for long hears of it once a minute.
fn show_patience(attempt: &Attempt<'_>, beat: &HeartBeat, warned: &std::sync::atomic::AtomicBool) {
    let lost = attempt.error().filter(|error| error.kind() == ErrorKind::Connection && attempt.retry_in().is_some());
    if lost.is_some() && std::io::stderr().is_terminal() && !warned.swap(true, std::sync::atomic::Ordering::Relaxed) {
        print_to_stderr(&format!("azmin: warning: {attempt}, until the deadline\n"));
    } else if beat.is_due() {
        print_to_stderr(&format!("azmin: still waiting: {attempt}\n"));
    }
}

fn dressed(mut request: Request, options: &Options) -> Request {
    let call = &options.call;
    for (name, value) in &call.parameters {
        request = request.query(name, value);
    }
    for (name, value) in &call.headers {
        request = request.header(name, value);
    }
    if let Some(resource) = &options.resource {
        request = request.resource(resource);
    }
    if let Some(wait) = call.forbidden {
        request = request.retry_forbidden(wait);
    }
    if call.register {
        request = request.register_provider();
    }
    if call.no_token { request.no_token() } else { request }
}

/// Status line and headers, when they were asked for.
fn head_of(answer: &Answer, options: &Options) -> String {
    let mut text = String::new();
    if options.call.show_headers {
        text.extend([answer.status_line(), "\n"]);
        for (name, value) in answer.headers() {
            text.extend([name, ": ", value, "\n"]);
        }
        text.push('\n');
    }
    text
}
