//! Blobs of a storage account, one request each.

use std::collections::BTreeMap;
use std::sync::Mutex;

use super::bearer::{self, Flaw};
use super::clock;
use super::request::Received;
use super::response::{Outcome, Response};
use super::token;
use super::world::{ManagedIdentity, TENANT, World, lock};

/// A blob with what is known of it.
#[derive(Clone, Debug)]
struct Blob {
    bytes: Vec<u8>,
    kind: String,
    written: u64,
    revision: u64,
}

impl Blob {
    fn etag(&self) -> String {
        format!("\"0x8D4BCC{:09X}\"", self.revision)
    }
}

/// The account's blobs by container and name; there is a container wherever there was a blob from the start.
#[derive(Debug, Default)]
pub(super) struct Blobs {
    blobs: BTreeMap<(String, String), Blob>,
    containers: Vec<String>,
    revision: u64,
}

impl Blobs {
    /// A blob from the start. A path without a slash is that of an empty container.
    pub(super) fn add(&mut self, path: &str, bytes: &[u8]) {
        let (container, name) = path.split_once('/').unwrap_or((path, ""));
        if !self.has(container) {
            self.containers.push(container.to_owned());
        }
        if !name.is_empty() {
            self.put(
                (container.to_owned(), name.to_owned()),
                bytes.to_vec(),
                "application/octet-stream",
                1_506_484_173,
            );
        }
    }

    fn has(&self, container: &str) -> bool {
        self.containers.iter().any(|known| known == container)
    }

    fn put(&mut self, key: (String, String), bytes: Vec<u8>, kind: &str, written: u64) -> Blob {
        self.revision += 1;
        let blob = Blob { bytes, kind: kind.to_owned(), written, revision: self.revision };
        self.blobs.insert(key, blob.clone());
        blob
    }
}

/// Answers as the service does: <https://learn.microsoft.com/rest/api/storageservices/get-blob>.
pub(super) fn answer(world: &World, request: &Received) -> Response {
    let answer = route(world, request).unwrap_or_else(|refusal| refusal);
    dress(answer, request)
}

/// Adds the headers of every answer.
pub(super) fn dress(response: Response, request: &Received) -> Response {
    let mut response = response.header("Server", "Windows-Azure-Blob/1.0 Microsoft-HTTPAPI/2.0");
    if !response.has("x-ms-request-id") {
        response = response.header("x-ms-request-id", token::guid());
    }
    for name in ["x-ms-version", "x-ms-client-request-id"] {
        if let Some(value) = request.header(name) {
            response = response.header(name, value);
        }
    }
    response.dated(request)
}

/// What it says of a caller whose address its firewall does not know.
pub(super) fn refused_by_firewall(request: &Received) -> Response {
    refusal(request, 403, "AuthorizationFailure", "This request is not authorized to perform this operation.", "")
}

fn route(world: &World, request: &Received) -> Outcome {
    let caller = authenticate(world, request)?;
    let segments = request.segments();
    let [container, name @ ..] = segments.as_slice() else { return Err(invalid_uri(request)) };
    if name.is_empty() || container.is_empty() {
        return Err(invalid_uri(request));
    }
    if !world.may_act(&caller) {
        let message = "This request is not authorized to perform this operation using this permission.";
        return Err(refusal(request, 403, "AuthorizationPermissionMismatch", message, ""));
    }
    let blobs = &mut lock(&world.endpoints.blobs);
    if !blobs.has(container) {
        return Err(refusal(request, 404, "ContainerNotFound", "The specified container does not exist.", ""));
    }
    let key = (container.clone(), name.join("/"));
    match request.method() {
        "GET" | "HEAD" => read(blobs, request, &key),
        "PUT" => write(blobs, request, key),
        _ => {
            let message = "The resource doesn't support specified Http Verb.";
            Err(refusal(request, 405, "UnsupportedHttpVerb", message, "").header("Allow", "HEAD, GET, PUT"))
        }
    }
}

/// The caller, or the refusal: <https://learn.microsoft.com/rest/api/storageservices/authorize-with-azure-active-directory>.
fn authenticate(world: &World, request: &Received) -> Result<ManagedIdentity, Response> {
    let formed = "Server failed to authenticate the request. Make sure the value of Authorization header is formed correctly \
                  including the signature.";
    let unsupported = |detail: &str| {
        let detail = format!("<AuthenticationErrorDetail>{detail}</AuthenticationErrorDetail>");
        refusal(request, 403, "AuthenticationFailed", formed, &detail)
    };
    if request.header("authorization").is_some() && request.header("x-ms-version").is_none_or(|version| version < FIRST)
    {
        return Err(unsupported("Authentication scheme Bearer is not supported in this version."));
    }
    bearer::identify(world, request, &AUDIENCES).map_err(|flaw| {
        let (code, detail) = match flaw {
            Flaw::Scheme => return unsupported("Unable to read the header."),
            Flaw::Missing => ("NoAuthenticationInformation", ""),
            Flaw::Unknown => ("InvalidAuthenticationInfo", "Signature validation failed. Signature key not found."),
            Flaw::Audience(_) => {
                ("InvalidAuthenticationInfo", "Audience validation failed. Audience did not match.")
            }
            Flaw::Expired(_) => ("InvalidAuthenticationInfo", "Lifetime validation failed. The token is expired."),
            Flaw::Revoked(_) => ("InvalidAuthenticationInfo", "Lifetime validation failed. The token is revoked."),
        };
        let detail = match detail {
            "" => String::new(),
            detail => format!("<AuthenticationErrorDetail>{detail}</AuthenticationErrorDetail>"),
        };
        let message = "Server failed to authenticate the request. Please refer to the information in the www-authenticate \
                       header.";
        let challenge = format!(
            "Bearer authorization_uri=https://login.microsoftonline.com/{TENANT}/oauth2/authorize \
             resource_id=https://storage.azure.com"
        );
        refusal(request, 401, code, message, &detail).header("WWW-Authenticate", challenge)
    })
}

fn read(blobs: &Blobs, request: &Received, key: &(String, String)) -> Outcome {
    let missing = || refusal(request, 404, "BlobNotFound", "The specified blob does not exist.", "");
    let blob = blobs.blobs.get(key).ok_or_else(missing)?;
    let etag = blob.etag();
    let listed = |name| request.header(name).map(|list| list == "*" || list.split(',').any(|tag| tag.trim() == etag));
    if listed("if-match") == Some(false) {
        return Err(condition_not_met(request));
    }
    let headers =
        |response: Response| response.header("ETag", &*etag).header("Last-Modified", clock::http(blob.written));
    if listed("if-none-match") == Some(true) {
        return Ok(headers(Response::new(304)));
    }
    let response = Response { body: blob.bytes.clone(), ..Response::new(200) }
        .header("Content-Type", &*blob.kind)
        .header("Accept-Ranges", "bytes")
        .header("x-ms-blob-type", "BlockBlob")
        .header("x-ms-server-encrypted", "true");
    Ok(headers(response))
}

/// <https://learn.microsoft.com/rest/api/storageservices/put-blob>.
fn write(blobs: &mut Blobs, request: &Received, key: (String, String)) -> Outcome {
    if request.header("x-ms-blob-type") != Some("BlockBlob") {
        let message = "An HTTP header that's mandatory for this request is not specified.";
        let name = "<HeaderName>x-ms-blob-type</HeaderName>";
        return Err(refusal(request, 400, "MissingRequiredHeader", message, name));
    }
    let etag = blobs.blobs.get(&key).map(Blob::etag);
    let listed = |name| {
        let hit =
            |list: &str| etag.as_ref().is_some_and(|etag| list == "*" || list.split(',').any(|tag| tag.trim() == etag));
        request.header(name).map(hit)
    };
    if listed("if-match") == Some(false) {
        return Err(condition_not_met(request));
    }
    if listed("if-none-match") == Some(true) {
        return Err(refusal(request, 409, "BlobAlreadyExists", "The specified blob already exists.", ""));
    }
    let kind = request.header("x-ms-blob-content-type").or_else(|| request.header("content-type"));
    let kind = kind.unwrap_or("application/octet-stream");
    let blob = blobs.put(key, request.body().to_vec(), kind, clock::epoch(request.at));
    Ok(Response::new(201)
        .header("ETag", blob.etag())
        .header("Last-Modified", clock::http(blob.written))
        .header("x-ms-request-server-encrypted", "true"))
}

fn condition_not_met(request: &Received) -> Response {
    let message = "The condition specified using HTTP conditional header(s) is not met.";
    refusal(request, 412, "ConditionNotMet", message, "")
}

fn invalid_uri(request: &Received) -> Response {
    refusal(request, 400, "InvalidUri", "The requested URI does not represent any resource on the server.", "")
}

/// In XML, after a byte order mark as the service has it; the code stands in a header too, for HEAD has no body.
fn refusal(request: &Received, status: u16, code: &str, message: &str, more: &str) -> Response {
    let id = token::guid();
    let time = clock::iso(clock::epoch(request.at)).replace('Z', ".0000000Z");
    let body = format!(
        "\u{feff}<?xml version=\"1.0\" encoding=\"utf-8\"?><Error><Code>{code}</Code><Message>{message}\nRequestId:{id}\n\
         Time:{time}</Message>{more}</Error>"
    );
    let response = if request.method() == "HEAD" {
        Response::new(status)
    } else {
        Response { body: body.into_bytes(), ..Response::new(status) }.header("Content-Type", "application/xml")
    };
    response.header("x-ms-error-code", code).header("x-ms-request-id", id)
}

/// What the endpoint keeps.
pub(super) type Store = Mutex<Blobs>;

/// From this version on, the service takes tokens.
const FIRST: &str = "2017-11-09";
const AUDIENCES: [&str; 2] = ["https://storage.azure.com/", "https://storage.azure.com"];

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::Service;
    use super::super::request::received;
    use super::super::world::world;
    use super::*;

    const NOW: u64 = 1_506_484_173;

    fn ask(world: &World, line: &str, headers: &str, audience: Option<&str>, body: &str) -> (Response, String) {
        let token = |audience| token::obtain(world, world.system().unwrap(), audience, NOW, true).token;
        let bearer =
            audience.map(|audience| format!("\nAuthorization: Bearer {}", token(audience))).unwrap_or_default();
        let request = received(Service::Storage, &format!("{line} HTTP/1.1\nHost: a{bearer}{headers}"));
        let answer = answer(world, &Received { body: body.as_bytes().to_vec(), ..request });
        let body = String::from_utf8(answer.body.clone()).unwrap();
        (answer, body)
    }

    fn header<'a>(answer: &'a Response, name: &str) -> Option<&'a str> {
        answer.headers.iter().find(|header| header.0 == name).map(|header| &*header.1)
    }

    #[test]
    fn blobs() {
        let world = world(true, &[]);
        lock(&world.endpoints.blobs).add("data/a/b.txt", b"hello");
        let storage = Some("https://storage.azure.com/");
        let v = "\nx-ms-version: 2023-11-03";
        let block = &format!("{v}\nx-ms-blob-type: BlockBlob");
        let (get, put) = ("GET /data/a/b.txt", "PUT /data/c");
        let none = &format!("{block}\nIf-None-Match: *");
        let wrong = &format!("{block}\nIf-Match: \"x\"");
        for (line, headers, audience, status, code) in [
            (get, v, storage, 200, None),
            (get, v, Some("https://storage.azure.com"), 200, None),
            ("HEAD /data/a/b.txt", v, storage, 200, None),
            (get, v, None, 401, Some("NoAuthenticationInformation")),
            (get, "", storage, 403, Some("AuthenticationFailed")),
            (get, v, Some("https://vault.azure.net"), 401, Some("InvalidAuthenticationInfo")),
            ("GET /data/x", v, storage, 404, Some("BlobNotFound")),
            ("HEAD /data/x", v, storage, 404, Some("BlobNotFound")),
            ("GET /nope/x", v, storage, 404, Some("ContainerNotFound")),
            ("GET /data", v, storage, 400, Some("InvalidUri")),
            ("DELETE /data/x", v, storage, 405, Some("UnsupportedHttpVerb")),
            (put, v, storage, 400, Some("MissingRequiredHeader")),
            (put, wrong, storage, 412, Some("ConditionNotMet")),
            (put, none, storage, 201, None),
            (put, none, storage, 409, Some("BlobAlreadyExists")),
            (put, block, storage, 201, None),
            (get, wrong, storage, 412, Some("ConditionNotMet")),
        ] {
            let (answer, body) = ask(&world, line, headers, audience, "new");
            assert_eq!((answer.status, header(&answer, "x-ms-error-code")), (status, code), "{line}{headers}: {body}");
            let named = code.is_some_and(|code| body.contains(&format!("<Error><Code>{code}</Code><Message>")));
            assert_eq!(named, code.is_some() && !line.starts_with("HEAD"), "{line}: {body}");
        }
        let (read, body) = ask(&world, "GET /data/c", v, storage, "");
        let etag = header(&read, "ETag").unwrap();
        assert_eq!((body.as_str(), header(&read, "Content-Type")), ("new", Some("application/octet-stream")));
        let fresh = ask(&world, "GET /data/c", &format!("{v}\nIf-None-Match: {etag}"), storage, "").0;
        assert_eq!((fresh.status, fresh.body.len()), (304, 0));
        let replaced = ask(&world, put, &format!("{block}\nIf-Match: {etag}"), storage, "again").0;
        assert_eq!(replaced.status, 201);
        world.revoke_role(world.system().unwrap().client_id(), None);
        let (answer, _) = ask(&world, get, v, storage, "");
        assert_eq!(header(&answer, "x-ms-error-code"), Some("AuthorizationPermissionMismatch"));
    }
}
