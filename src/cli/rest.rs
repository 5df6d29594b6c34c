//! `azmin rest` and its short forms.

use azmin::arm::{Answer, Client, Request};

use super::options::Options;
use super::output::{self, Target};
use super::report::Failed;
use super::trace;

/// `azmin rest METHOD URL`.
pub(super) fn run(options: &Options) -> Result<(), Failed> {
    match options.operands.as_slice() {
        [method, url] => call(options, method, url),
        _ => Err(Failed::usage("a method and a URL are expected: azmin rest METHOD URL".to_owned())),
    }
}

/// `azmin get URL`.
pub(super) fn get(options: &Options) -> Result<(), Failed> {
    match options.operands.as_slice() {
        [url] => call(options, "get", url),
        _ => Err(Failed::usage("one URL is expected: azmin get URL".to_owned())),
    }
}

fn call(options: &Options, method: &str, url: &str) -> Result<(), Failed> {
    let url = &options.filled(url)?;
    let client = client(options)?;
    let request = if method.eq_ignore_ascii_case("get") {
        client.get(url)
    } else {
        return Err(Failed::usage(format!("there is no method {method:?}: get")));
    };
    let request = dressed(request, options);
    if options.call.dry_run {
        return output::print(request.preview()?.as_bytes());
    }
    match options.file.as_deref() {
        Some(file) => {
            let mut target = Target::create(file)?;
            let answer = request.send_to(&mut target)?;
            target.finish()?;
            output::print(head(&answer, options).as_bytes())
        }
        None => {
            let answer = request.send()?;
            output::print(head(&answer, options).as_bytes())?;
            output::print(answer.bytes())
        }
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
    if options.verbose > 0 {
        let level = options.verbose;
        builder = builder.on_attempt(move |attempt| trace(attempt, level));
    }
    Ok(builder.build())
}

fn dressed(mut request: Request, options: &Options) -> Request {
    for (name, value) in &options.call.parameters {
        request = request.query(name, value);
    }
    for (name, value) in &options.call.headers {
        request = request.header(name, value);
    }
    match &options.resource {
        Some(resource) => request.resource(resource),
        None => request,
    }
}

/// Status line and headers, when they were asked for.
fn head(answer: &Answer, options: &Options) -> String {
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
