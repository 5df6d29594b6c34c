//! What must hold of long-running operations.

use super::json::Json;
use super::script::Script;
use crate::arm::operation::{Broken, Operation, Reply, Step};

/// A service that answers at random: the operation asks nothing but what the service or the caller named, ends once, and
/// ends well only where another reader of JSON sees that the service said so.
pub fn operation(data: &[u8]) {
    let mut script = Script(data);
    let method = *script.pick(&["PUT", "PATCH", "POST", "DELETE", "GET", "put", "resume"]);
    let mut named = vec![RESOURCE.to_owned()];
    let first = Given::read(&mut script, &mut named);
    let begun = first.reply(|reply| match method {
        "resume" => Operation::resume(RESOURCE, reply),
        method => Operation::begin(method, RESOURCE, reply),
    });
    let fits = matches!(first.status, 200 | 201 | 202 | 204);
    let Ok((mut operation, step)) = begun else { return };
    assert!(fits, "status {} began an operation", first.status);
    let begins = method != "GET" && (first.header(0) || first.header(1) || first.header(2));
    let tells = begins || ["PUT", "PATCH", "put", "resume"].contains(&method);
    assert_fits(&step, &named);
    if is_success(&step) && tells {
        assert!(!first.failed(), "failed, and read as done");
    }
    assert!(first.says_failure() || !matches!(step, Step::Failed(_)));
    assert!(!matches!(step, Step::Again | Step::Refused));
    let by_status = method != "resume" && begins && (first.header(0) || first.header(1));
    let mut last = Ok(step);
    while !script.0.is_empty() {
        let given = Given::read(&mut script, &mut named);
        let before = operation.url().to_owned();
        let step = given.reply(|reply| operation.advance(reply));
        if !matches!(last, Ok(Step::Poll(_) | Step::Again)) {
            assert!(step == last, "the end was not the end");
            continue;
        }
        if let Ok(step) = &step {
            assert_fits(step, &named);
        }
        assert_follows(method, &given, &step, by_status);
        match &step {
            Ok(Step::Poll(url)) => assert_eq!(url, operation.url()),
            Ok(Step::Again) => assert_eq!(before, operation.url()),
            _ => {}
        }
        last = step;
    }
}

fn assert_fits(step: &Step, named: &[String]) {
    if let Step::Poll(url) | Step::Fetch(url) = step {
        assert!(named.contains(url), "{url} was named by nobody");
    }
}

/// One answer to a poll, whatever came before it.
fn assert_follows(method: &str, given: &Given, step: &Result<Step, Broken>, by_status: bool) {
    let gone = given.status == 404 && method == "DELETE";
    match given.status {
        408 | 429 | 500.. => assert!(*step == Ok(Step::Again)),
        404 if gone => assert!(*step == Ok(Step::Gone)),
        400..=499 => assert!(matches!(step, Ok(Step::Refused | Step::Failed(_)))),
        200 | 201 | 202 | 204 => assert!(!matches!(step, Ok(Step::Again | Step::Refused))),
        _ => assert!(step.is_err()),
    }
    let Ok(step) = step else { return };
    if is_success(step) && !gone {
        assert!(!given.failed(), "failed, and read as done");
        let says = given.word("status").is_none_or(|word| word.is_some_and(|word| is(&word, &["succeeded"])));
        assert!(!by_status || says, "done without a status that says so");
    }
    if let Step::Failed(ended) = step {
        assert!(given.says_failure() || (400..500).contains(&given.status));
        assert!(["Failed", "Canceled"].contains(&ended.state));
        let code = given.code.as_deref().filter(|_| given.plain && given.status < 300);
        assert!(code.is_none() || code == ended.failure.code.as_deref(), "{code:?} {:?}", ended.failure);
    }
}

fn is_success(step: &Step) -> bool {
    matches!(step, Step::Done | Step::Gone | Step::Fetch(_))
}

fn is(word: &str, ends: &[&str]) -> bool {
    ends.iter().any(|end| word.trim().eq_ignore_ascii_case(end))
}

const RESOURCE: &str = "https://management.azure.com/a?b=c";
const FAILURES: &[&str] = &["failed", "canceled", "cancelled"];

/// One answer of the service.
struct Given {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    document: Option<Json>,
    /// The error's, where the body has one.
    code: Option<String>,
    /// Put together from members that stand once.
    plain: bool,
}

impl Given {
    /// Adds the URLs that it names to those that may be asked.
    fn read(script: &mut Script<'_>, named: &mut Vec<String>) -> Self {
        let status = match script.byte() {
            byte @ 0..240 => {
                *[200, 200, 200, 201, 202, 202, 204, 404, 401, 403, 409, 408, 429, 500, 503, 302, 206, 412]
                    .get(usize::from(byte) % 18)
                    .unwrap()
            }
            byte => u16::from(byte) * u16::from(script.byte()) / 50,
        };
        let parts = script.byte();
        let mut headers = Vec::new();
        for (bit, name) in HEADERS.iter().enumerate() {
            if parts & 1 << bit != 0 {
                let url = script.pick(URLS).to_string();
                headers.push(((*name).to_owned(), url.clone()));
                named.push(url.trim().to_owned());
            }
        }
        let mut code = None;
        let raw = parts & 8 != 0;
        let body = if raw {
            let length = usize::from(script.byte());
            script.take(length).to_vec()
        } else {
            let mut members = Vec::new();
            if parts & 16 != 0 {
                members.push(format!("\"status\":{}", script.pick(WORDS)));
            }
            let mut properties = Vec::new();
            if parts & 32 != 0 {
                properties.push(format!("\"provisioningState\": {}", script.pick(WORDS)));
            }
            if parts & 64 != 0 {
                let word = format!("E{}", script.byte());
                let error = format!("\"error\" : {{\"message\":\"m\",\"code\":\"{word}\"}}");
                code = Some(word);
                if script.byte() % 2 == 0 { &mut members } else { &mut properties }.push(error);
            }
            if !properties.is_empty() {
                members.push(format!("\"properties\":{{{}}}", properties.join(",")));
            }
            if parts & 128 != 0 {
                let url = script.pick(URLS);
                members.insert(0, format!("\"resourceLocation\":\"{url}\""));
                named.push(url.trim().to_owned());
            }
            if members.is_empty() { Vec::new() } else { format!("{{{}}}\r\n", members.join(", ")).into_bytes() }
        };
        let text = String::from_utf8_lossy(&body).into_owned();
        let document = Json::read(text.strip_prefix('\u{feff}').unwrap_or(&text));
        // A body of bytes may name a URL too.
        for member in document.iter().flat_map(Json::members) {
            named.extend(member.1.text().map(|text| text.trim().to_owned()));
        }
        Self { status, headers, body, document, code, plain: !raw }
    }

    fn reply<T>(&self, read: impl FnOnce(&Reply<'_>) -> T) -> T {
        read(&Reply { status: self.status, headers: &self.headers, body: &self.body })
    }

    fn header(&self, index: usize) -> bool {
        self.headers.iter().any(|(name, value)| name == HEADERS[index] && !value.trim().is_empty())
    }

    /// The state at `status`, or below `properties`: outer `None` where the document is none, or leaves a doubt.
    fn word(&self, name: &str) -> Option<Option<String>> {
        let mut place = self.document.as_ref()?;
        if name != "status" {
            let Some(properties) = only(place, "properties")? else { return Some(None) };
            place = properties;
        }
        Some(only(place, name)?.and_then(Json::text).map(str::to_owned))
    }

    /// Nothing else can be read from it. A 204 has no body, whatever comes with it.
    fn failed(&self) -> bool {
        if self.status == 204 {
            return false;
        }
        let status = self.word("status");
        let state = self.word("provisioningState").flatten();
        status.is_some_and(|status| status.is_none_or(|status| is(&status, FAILURES)))
            && state.is_some_and(|state| is(&state, FAILURES))
    }

    /// It can be read from it.
    fn says_failure(&self) -> bool {
        let says = |name| self.word(name).is_none_or(|word| word.is_some_and(|word| is(&word, FAILURES)));
        says("status") || says("provisioningState")
    }
}

/// The only member of that name, or none; outer `None` where there are several.
fn only<'a>(object: &'a Json, name: &str) -> Option<Option<&'a Json>> {
    let mut found = object.members().iter().filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value);
    let first = found.next();
    found.next().is_none().then_some(first)
}

const HEADERS: [&str; 3] = ["azure-asyncoperation", "operation-location", "location"];
const URLS: &[&str] =
    &["https://a/1", "https://a/2?t=1&s=2", "/relative", "", " https://blanks/ ", "https://evil.example/"];
const WORDS: &[&str] = &[
    r#""Succeeded""#,
    r#""InProgress""#,
    r#""Failed""#,
    r#""succeeded""#,
    r#""canceled""#,
    r#""Cancelled""#,
    r#""F\u0061iled""#,
    r#""Deleted""#,
    r#""""#,
    "null",
    "5",
    "{}",
    r#"["Succeeded"]"#,
    r#"" Failed ""#,
    "true",
];
