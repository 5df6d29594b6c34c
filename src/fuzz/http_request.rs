//! What must hold of the request writer.

pub(crate) mod encoding;

use std::borrow::Cow;

use httparse::{EMPTY_HEADER, Status};

use crate::env::Env;
use crate::http::{Request, push_query};
use crate::identity::Identity;
use crate::source::locate;
use crate::token::Ask;

/// The request writer: what it writes is one request, the one that was meant, whatever resource, id, target, host or header
/// value it was given. The input is six fields with 0xFF between them: choices, resource, id, target, host, header value.
pub fn http_request(data: &[u8]) {
    let mut fields = data.splitn(6, |byte| *byte == 0xff).map(String::from_utf8_lossy);
    let mut next = || fields.next().unwrap_or_default();
    let (choices, resource, id) = (next(), next(), next());
    let choice = |at: usize, of: usize| usize::from(choices.as_bytes().get(at).copied().unwrap_or(0)) % of;
    token_request(&resource, identity(choice(0, 4), &id));
    any_request(Request {
        method: ["GET", "POST", "CONNECT", "", "GET /x HTTP/1.1\r\nX:"][choice(1, 5)],
        target: next().into_owned(),
        authority: next().into_owned().into(),
        headers: vec![(["Metadata", "X-IDENTITY-HEADER", "", "X: y\r\nZ"][choice(2, 4)], next())],
        form: None,
    });
    encoding::parameters_differ(&id, &resource);
    encoding::queries_differ(&id);
    let mut target = "/p".to_owned();
    push_query(&mut target, &id, &resource);
    push_query(&mut target, "$filter", &id);
    assert_eq!(pairs(&target), [(id.as_bytes().to_vec(), resource.as_bytes().to_vec()), pair("$filter", &id)]);
}

fn identity(kind: usize, id: &str) -> Identity {
    let id = id.to_owned();
    match kind {
        0 => Identity::SystemAssigned,
        1 => Identity::ClientId(id),
        2 => Identity::ObjectId(id),
        _ => Identity::ResourceId(id),
    }
}

fn token_request(resource: &str, identity: Identity) {
    let place = locate(&Env::fixed(&[]), Some("imds")).unwrap();
    let ask = Ask { resource: &resource.into(), identity: &identity, strict: false };
    let request = place.endpoint.request(&ask, None);
    assert_one_request(&request, &request.write().unwrap());
    let mut wanted = vec![pair("api-version", "2018-02-01"), pair("resource", resource)];
    match &identity {
        Identity::SystemAssigned => {}
        Identity::ClientId(id) => wanted.push(pair("client_id", id)),
        Identity::ObjectId(id) => wanted.push(pair("object_id", id)),
        Identity::ResourceId(id) => wanted.push(pair("msi_res_id", id)),
    }
    assert_eq!(pairs(&request.target), wanted);
}

fn any_request(request: Request<'_>) {
    let visible = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
    let (name, value) = &request.headers[0];
    let harmless = ["GET", "POST", "CONNECT"].contains(&request.method)
        && visible(&request.target)
        && visible(&request.authority)
        && !name.is_empty()
        && !name.contains(':')
        && visible(value);
    match request.write() {
        Ok(bytes) => assert_one_request(&request, &bytes),
        Err(part) => assert!(!harmless, "{part} was refused"),
    }
}

/// One head and nothing after it, and httparse finds in it what was put in.
fn assert_one_request(request: &Request<'_>, bytes: &[u8]) {
    let text = std::str::from_utf8(bytes).unwrap();
    assert_eq!(text.find("\r\n\r\n"), Some(text.len() - 4));
    let mut wanted = vec![("Host", &*request.authority)];
    wanted.extend(request.headers.iter().map(|(name, value)| (*name, Cow::as_ref(value).trim_matches([' ', '\t']))));
    if request.method != "CONNECT" {
        wanted.push(("Connection", "close"));
    }
    // The request line, and the blank one.
    let lines = wanted.len() + 2;
    let count = |end: &str| text.matches(end).count();
    assert_eq!((count("\r\n"), count("\r"), count("\n")), (lines, lines, lines));
    let mut headers = [EMPTY_HEADER; 8];
    let mut parsed = httparse::Request::new(&mut headers);
    assert_eq!(parsed.parse(bytes), Ok(Status::Complete(bytes.len())));
    assert_eq!(
        (parsed.method, parsed.path, parsed.version),
        (Some(request.method), Some(request.target.as_str()), Some(1))
    );
    let found: Vec<_> =
        parsed.headers.iter().map(|header| (header.name, std::str::from_utf8(header.value).unwrap())).collect();
    assert_eq!(found, wanted);
}

fn pair(name: &str, value: &str) -> (Vec<u8>, Vec<u8>) {
    (name.as_bytes().to_vec(), value.as_bytes().to_vec())
}

/// The parameters as a server reads them.
fn pairs(target: &str) -> Vec<(Vec<u8>, Vec<u8>)> {
    let (_, query) = target.split_once('?').unwrap();
    query
        .split('&')
        .map(|pair| pair.split_once('=').map(|(name, value)| (decoded(name), decoded(value))).unwrap())
        .collect()
}

fn decoded(text: &str) -> Vec<u8> {
    let (mut bytes, mut rest) = (Vec::new(), text.as_bytes());
    while let [first, after @ ..] = rest {
        rest = after;
        if *first == b'%' {
            let digits = std::str::from_utf8(&after[..2]).unwrap();
            bytes.push(u8::from_str_radix(digits, 16).unwrap());
            rest = &after[2..];
        } else {
            bytes.push(*first);
        }
    }
    bytes
}
