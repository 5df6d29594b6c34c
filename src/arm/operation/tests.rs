//! Answers in, steps out: each row names where its rule comes from. "RPC" is the Resource Provider Contract.

use super::*;
use crate::trace::redact_url;

const RESOURCE: &str = "https://management.azure.com/subscriptions/s/resourceGroups/g?api-version=2021-04-01";

/// An answer: status, headers as lines, body.
type Given<'a> = (u16, &'a [&'a str], &'a str);

/// Origin, method, answers, and the step after each in the words of `word`.
type Row<'a> = (&'a str, &'a str, &'a [Given<'a>], &'a [&'a str]);

const ASYNC: &str = "Azure-AsyncOperation: https://a/1";
const OPERATION: &str = "Operation-Location: https://o/1";
const LOCATION: &str = "Location: https://l/1";

const OK: Given<'_> = (200, &[], r#"{"status":"Succeeded"}"#);
const RUNNING: Given<'_> = (200, &[], r#"{"status":"InProgress"}"#);
const FAILED_WITH_ERROR: Given<'_> = (200, &[], r#"{"status":"Failed","error":{"code":"X","message":"m"}}"#);
const EMPTY: Given<'_> = (200, &[], "");
const ACCEPTED: Given<'_> = (202, &[], "");
const NO_CONTENT: Given<'_> = (204, &[], "");
const CREATING: Given<'_> = (200, &[], r#"{"properties":{"provisioningState":"Creating"}}"#);
const MADE: Given<'_> = (200, &[], r#"{"properties":{"provisioningState":"Succeeded"}}"#);
const PLAIN: Given<'_> = (200, &[], r#"{"id":"/x","properties":{}}"#);
const SPOILT: Given<'_> =
    (200, &[], r#"{"properties":{"provisioningState":"Failed","error":{"code":"X","message":"m"}}}"#);
const MISSING: Given<'_> = (404, &[], r#"{"error":{"code":"ResourceNotFound","message":"m"}}"#);

fn word(step: Result<Step, Broken>) -> String {
    match step {
        Ok(Step::Poll(url)) => format!("poll {}", if url == RESOURCE { "itself" } else { &url }),
        Ok(Step::Again) => "again".to_owned(),
        Ok(Step::Fetch(url)) => format!("fetch {}", if url == RESOURCE { "itself" } else { &url }),
        Ok(Step::Done) => "done".to_owned(),
        Ok(Step::Gone) => "gone".to_owned(),
        Ok(Step::Failed(ended)) => {
            let (code, message) = (ended.failure.code.as_deref(), ended.failure.message.as_deref());
            format!("{} {}: {}", ended.state, code.unwrap_or("-"), message.unwrap_or("-"))
        }
        Ok(Step::Refused) => "refused".to_owned(),
        Err(Broken(why)) if why.contains("a redirect, which is not followed") => "redirected".to_owned(),
        Err(Broken(_)) => "broken".to_owned(),
    }
}

fn with_reply<T>((status, lines, body): Given<'_>, read: impl FnOnce(&Reply<'_>) -> T) -> T {
    let pair = |line: &&str| line.split_once(": ").map(|(name, value)| (name.to_owned(), value.to_owned())).unwrap();
    let headers: Vec<_> = lines.iter().map(pair).collect();
    read(&Reply { status, headers: &headers, body: body.as_bytes() })
}

fn check(rows: &[Row<'_>]) {
    for (origin, method, answers, wanted) in rows {
        let (first, rest) = answers.split_first().unwrap();
        let begun = with_reply(*first, |reply| match *method {
            "resume" => Operation::resume("https://p/0", reply),
            method => Operation::begin(method, RESOURCE, reply),
        });
        let mut found = Vec::new();
        match begun {
            Err(broken) => found.push(word(Err(broken))),
            Ok((mut operation, step)) => {
                found.push(word(Ok(step)));
                found.extend(rest.iter().map(|given| word(with_reply(*given, |reply| operation.advance(reply)))));
                for given in [RUNNING, OK, MISSING, (503, &[], "")] {
                    let last = found.last().unwrap().clone();
                    let ended = !last.starts_with("poll") && last != "again";
                    let after = word(with_reply(given, |reply| operation.advance(reply)));
                    assert!(!ended || after == last, "{method}, {origin}: {after} after {last}");
                }
            }
        }
        assert_eq!(found, *wanted, "{method}, {origin}");
    }
}

#[test]
fn azure_async_operation() {
    let begun: Given<'_> = (201, &[ASYNC], r#"{"properties":{"provisioningState":"Accepted"}}"#);
    let accepted: Given<'_> = (202, &[ASYNC, LOCATION], "");
    check(&[
        (
            "RPC: PUT ends with a GET of the resource",
            "PUT",
            &[begun, RUNNING, OK],
            &["poll https://a/1", "poll https://a/1", "fetch itself"],
        ),
        ("the same for PATCH", "PATCH", &[(202, &[ASYNC], ""), OK], &["poll https://a/1", "fetch itself"]),
        ("methods in any case: contract", "patch", &[accepted, OK], &["poll https://a/1", "fetch itself"]),
        (
            "operations of ARM, final result: POST fetches Location",
            "POST",
            &[accepted, OK],
            &["poll https://a/1", "fetch https://l/1"],
        ),
        (
            "operations of ARM: POST without Location, the status is the result",
            "POST",
            &[(202, &[ASYNC], ""), OK],
            &["poll https://a/1", "done"],
        ),
        (
            "azure-mgmt-core keeps a Location that comes with a poll",
            "POST",
            &[(202, &[ASYNC], ""), (200, &["Location: https://l/2"], r#"{"status":"Succeeded"}"#)],
            &["poll https://a/1", "fetch https://l/2"],
        ),
        (
            "operations of ARM: DELETE has no result",
            "DELETE",
            &[accepted, RUNNING, OK],
            &["poll https://a/1", "poll https://a/1", "gone"],
        ),
        (
            "operations of ARM: the status of what is deleted may go first",
            "DELETE",
            &[accepted, MISSING],
            &["poll https://a/1", "gone"],
        ),
        ("a status that is gone says nothing of a PUT", "PUT", &[begun, MISSING], &["poll https://a/1", "refused"]),
        ("nor of a POST", "POST", &[accepted, MISSING], &["poll https://a/1", "refused"]),
        (
            "azcore: the header beats Location and provisioningState",
            "PUT",
            &[(200, &[LOCATION, ASYNC, OPERATION], r#"{"properties":{"provisioningState":"Updating"}}"#)],
            &["poll https://a/1"],
        ),
        (
            "azcore TestSynchronousCompletion, go#18351",
            "PUT",
            &[(200, &[ASYNC], r#"{"properties":{"provisioningState":"Succeeded"}}"#)],
            &["done"],
        ),
        ("the same of a failure", "PUT", &[(201, &[ASYNC], SPOILT.2)], &["Failed X: m"]),
        (
            "azcore: 200 with the header and no state is no end",
            "PUT",
            &[(200, &[ASYNC], "{}"), OK],
            &["poll https://a/1", "fetch itself"],
        ),
        ("azure-mgmt-core: neither is 204", "DELETE", &[(204, &[ASYNC], ""), OK], &["poll https://a/1", "gone"]),
        (
            "a state that nobody can read, beside a URL that tells it",
            "PUT",
            &[(201, &[ASYNC], r#"{"properties":{"provisioningState":5}}"#), OK],
            &["poll https://a/1", "fetch itself"],
        ),
        (
            "azcore: body that is no JSON beside the header",
            "POST",
            &[(202, &[ASYNC], "<html>"), OK],
            &["poll https://a/1", "done"],
        ),
        (
            "RPC: names of headers have no case",
            "PUT",
            &[(201, &["AZURE-ASYNCOPERATION: https://a/1"], "")],
            &["poll https://a/1"],
        ),
        (
            "azcore: an empty header is none",
            "PUT",
            &[(202, &["Azure-AsyncOperation:  ", LOCATION], "")],
            &["poll https://l/1"],
        ),
        (
            "RPC: the URL may change",
            "PUT",
            &[begun, (200, &["Azure-AsyncOperation: https://a/2"], RUNNING.2), RUNNING],
            &["poll https://a/1", "poll https://a/2", "poll https://a/2"],
        ),
        (
            "Location does not replace it",
            "PUT",
            &[begun, (200, &[LOCATION], RUNNING.2)],
            &["poll https://a/1", "poll https://a/1"],
        ),
        (
            "as the service wrote it: the caller resolves",
            "PUT",
            &[(201, &["Azure-AsyncOperation: /op/1?t=1"], "")],
            &["poll /op/1?t=1"],
        ),
        (
            "azcore IsTerminalState",
            "POST",
            &[(202, &[ASYNC], ""), (200, &[], r#"{"status":"SUCCEEDED"}"#)],
            &["poll https://a/1", "done"],
        ),
        (
            "ASP.NET services capitalise names",
            "POST",
            &[(202, &[ASYNC], ""), (200, &[], r#"{"Status":"succeeded"}"#)],
            &["poll https://a/1", "done"],
        ),
        (
            "common details of ARM: .NET services send a byte order mark",
            "POST",
            &[(202, &[ASYNC], ""), (200, &[], "\u{feff}{\"status\":\"Succeeded\"}")],
            &["poll https://a/1", "done"],
        ),
        ("with an error", "PUT", &[begun, FAILED_WITH_ERROR], &["poll https://a/1", "Failed X: m"]),
        ("without", "PUT", &[begun, (200, &[], r#"{"status":"failed"}"#)], &["poll https://a/1", "Failed -: -"]),
        (
            "null is no error",
            "PUT",
            &[begun, (200, &[], r#"{"status":"Failed","error":null}"#)],
            &["poll https://a/1", "Failed -: -"],
        ),
        (
            "the error inside properties",
            "PUT",
            &[begun, (200, &[], r#"{"status":"Failed","properties":{"error":{"code":"X","message":"m"}}}"#)],
            &["poll https://a/1", "Failed X: m"],
        ),
        (
            "the error unwrapped",
            "PUT",
            &[begun, (200, &[], r#"{"status":"Failed","code":"X","message":"m"}"#)],
            &["poll https://a/1", "Failed X: m"],
        ),
        (
            "RPC: cancelled",
            "PUT",
            &[begun, (200, &[], r#"{"status":"Canceled"}"#)],
            &["poll https://a/1", "Canceled -: -"],
        ),
        (
            "British",
            "PUT",
            &[begun, (200, &[], r#"{"status":"cancelled","error":{"code":"C"}}"#)],
            &["poll https://a/1", "Canceled C: -"],
        ),
        ("a failed DELETE is none", "DELETE", &[accepted, FAILED_WITH_ERROR], &["poll https://a/1", "Failed X: m"]),
        ("RPC", "PUT", &[begun, (200, &[], r#"{"status":"Frobnicating"}"#)], &["poll https://a/1", "poll https://a/1"]),
        (
            "operations of ARM: a word of a DELETE that goes on",
            "DELETE",
            &[accepted, (200, &[], r#"{"status":"Deleted"}"#)],
            &["poll https://a/1", "poll https://a/1"],
        ),
        (
            "no end by its first letters",
            "PUT",
            &[begun, (200, &[], r#"{"status":"SucceededPartially"}"#)],
            &["poll https://a/1", "poll https://a/1"],
        ),
        ("go#17196", "PUT", &[begun, (200, &[], "{}")], &["poll https://a/1", "broken"]),
        ("null", "PUT", &[begun, (200, &[], r#"{"status":null}"#)], &["poll https://a/1", "broken"]),
        ("number", "PUT", &[begun, (200, &[], r#"{"status":200}"#)], &["poll https://a/1", "broken"]),
        ("empty text", "PUT", &[begun, (200, &[], r#"{"status":""}"#)], &["poll https://a/1", "broken"]),
        ("js#24965, go-azure-sdk#542", "PUT", &[begun, EMPTY], &["poll https://a/1", "broken"]),
        ("azcore: no body, no status", "PUT", &[begun, NO_CONTENT], &["poll https://a/1", "broken"]),
        (
            "only the status of the whole counts",
            "PUT",
            &[begun, (200, &[], r#"{"properties":{"status":"Succeeded"}}"#)],
            &["poll https://a/1", "broken"],
        ),
        ("nor a provisioningState in its place", "PUT", &[begun, MADE], &["poll https://a/1", "broken"]),
        ("a login page", "PUT", &[begun, (200, &[], "<html>")], &["poll https://a/1", "broken"]),
        ("operations of ARM: 202 is seen", "PUT", &[begun, ACCEPTED], &["poll https://a/1", "poll https://a/1"]),
        (
            "azcore reads the status of a 202",
            "PUT",
            &[begun, (202, &[], FAILED_WITH_ERROR.2)],
            &["poll https://a/1", "Failed X: m"],
        ),
        (
            "RPC: 4xx and 5xx are not the operation's",
            "PUT",
            &[begun, (408, &[], ""), (429, &[], ""), (500, &[], ""), (503, &[], FAILED_WITH_ERROR.2), OK],
            &["poll https://a/1", "again", "again", "again", "again", "fetch itself"],
        ),
        (
            "their headers do not count",
            "PUT",
            &[begun, (503, &["Azure-AsyncOperation: https://evil/"], ""), RUNNING],
            &["poll https://a/1", "again", "poll https://a/1"],
        ),
        ("operations of ARM: other 4xx are errors", "PUT", &[begun, (400, &[], "")], &["poll https://a/1", "refused"]),
        ("operations of ARM: also 403", "PUT", &[begun, (403, &[], "")], &["poll https://a/1", "refused"]),
        ("no redirect is followed", "PUT", &[begun, (302, &[LOCATION], "")], &["poll https://a/1", "redirected"]),
        (
            "azure-mgmt-core: 200, 201, 202, 204 only",
            "PUT",
            &[begun, (206, &[], OK.2)],
            &["poll https://a/1", "broken"],
        ),
        (
            "200 first, 404 after the end: the end stays",
            "DELETE",
            &[accepted, OK, MISSING],
            &["poll https://a/1", "gone", "gone"],
        ),
    ]);
}

#[test]
fn operation_location() {
    let begun: Given<'_> = (202, &[OPERATION], "");
    let named: Given<'_> = (200, &[], r#"{"status":"succeeded","resourceLocation":"https://r/1"}"#);
    check(&[
        (
            "operations of ARM B",
            "POST",
            &[begun, (200, &[], r#"{"status":"running"}"#), named],
            &["poll https://o/1", "poll https://o/1", "fetch https://r/1"],
        ),
        ("azcore: it beats the original URL", "PUT", &[begun, named], &["poll https://o/1", "fetch https://r/1"]),
        ("azcore: PUT without it", "PUT", &[begun, OK], &["poll https://o/1", "fetch itself"]),
        (
            "azcore: POST with Location",
            "POST",
            &[(202, &[OPERATION, LOCATION], ""), OK],
            &["poll https://o/1", "fetch https://l/1"],
        ),
        (
            "azcore: POST with both",
            "POST",
            &[(202, &[OPERATION, LOCATION], ""), named],
            &["poll https://o/1", "fetch https://r/1"],
        ),
        ("azcore: POST with neither", "POST", &[begun, OK], &["poll https://o/1", "done"]),
        ("DELETE has no result", "DELETE", &[begun, named], &["poll https://o/1", "gone"]),
        (
            "azure-core: an empty one is none",
            "POST",
            &[begun, (200, &[], r#"{"status":"succeeded","resourceLocation":""}"#)],
            &["poll https://o/1", "done"],
        ),
        (
            "azcore: the first body may tell the status",
            "POST",
            &[(202, &[OPERATION], r#"{"status":"notStarted"}"#)],
            &["poll https://o/1"],
        ),
        (
            "azcore: also its end",
            "POST",
            &[(200, &[OPERATION], r#"{"status":"succeeded","resourceLocation":"/r/1"}"#)],
            &["fetch /r/1"],
        ),
        ("also its failure", "POST", &[(202, &[OPERATION], FAILED_WITH_ERROR.2)], &["Failed X: m"]),
        (
            "a status that is no text, beside a URL that tells it",
            "POST",
            &[(202, &[OPERATION], r#"{"status":0}"#), OK],
            &["poll https://o/1", "done"],
        ),
        (
            "the URL may change",
            "POST",
            &[begun, (200, &["Operation-Location: https://o/2"], RUNNING.2)],
            &["poll https://o/1", "poll https://o/2"],
        ),
        (
            "missing status",
            "POST",
            &[begun, (200, &[], r#"{"resourceLocation":"https://r/1"}"#)],
            &["poll https://o/1", "broken"],
        ),
    ]);
}

#[test]
fn location() {
    let begun: Given<'_> = (202, &[LOCATION], "");
    let body: Given<'_> = (200, &[], r#"{"keys":[]}"#);
    check(&[
        ("RPC", "POST", &[begun, ACCEPTED, body], &["poll https://l/1", "poll https://l/1", "done"]),
        ("RPC: 204 ends", "DELETE", &[begun, NO_CONTENT], &["poll https://l/1", "done"]),
        ("RPC: 200 without a body ends", "POST", &[begun, EMPTY], &["poll https://l/1", "done"]),
        ("azcore: 201 ends", "PUT", &[begun, (201, &[], "{}")], &["poll https://l/1", "done"]),
        ("any body is the result", "POST", &[begun, (200, &[], "text, not JSON")], &["poll https://l/1", "done"]),
        (
            "follows the newest",
            "POST",
            &[begun, (202, &["Location: https://l/2"], ""), ACCEPTED, (202, &["location: https://l/3"], "")],
            &["poll https://l/1", "poll https://l/2", "poll https://l/2", "poll https://l/3"],
        ),
        (
            "Location of the last answer is no step",
            "POST",
            &[begun, (200, &["Location: https://l/2"], "{}")],
            &["poll https://l/1", "done"],
        ),
        (
            "azcore: a provisioningState goes on",
            "PUT",
            &[begun, CREATING, MADE],
            &["poll https://l/1", "poll https://l/1", "done"],
        ),
        ("azcore: a provisioningState that failed", "PUT", &[begun, SPOILT], &["poll https://l/1", "Failed X: m"]),
        (
            "operations of ARM: a 202 goes on whatever its body",
            "PUT",
            &[begun, (202, &[], MADE.2)],
            &["poll https://l/1", "poll https://l/1"],
        ),
        (
            "a state that is no text is no success",
            "PUT",
            &[begun, (200, &[], r#"{"properties":{"provisioningState":{}}}"#)],
            &["poll https://l/1", "broken"],
        ),
        (
            "operations of ARM: other 4xx are the operation's",
            "POST",
            &[begun, (409, &[], r#"{"error":{"code":"X","message":"m"}}"#)],
            &["poll https://l/1", "Failed X: m"],
        ),
        (
            "azcore: the header's code wins",
            "POST",
            &[begun, (400, &["x-ms-error-code: H"], r#"{"error":{"code":"X","message":"m"}}"#)],
            &["poll https://l/1", "Failed H: m"],
        ),
        ("404 of a POST", "POST", &[begun, MISSING], &["poll https://l/1", "Failed ResourceNotFound: m"]),
        ("404 of a DELETE", "DELETE", &[begun, MISSING], &["poll https://l/1", "gone"]),
        ("401 is the token's", "POST", &[begun, (401, &[], "")], &["poll https://l/1", "refused"]),
        (
            "azcore: 408, 429, 5xx are tried again",
            "DELETE",
            &[begun, (408, &[], ""), (429, &[], ""), (502, &[], "<html>"), NO_CONTENT],
            &["poll https://l/1", "again", "again", "again", "done"],
        ),
        ("azcore: 200 with Location goes on", "POST", &[(200, &[LOCATION], ""), body], &["poll https://l/1", "done"]),
        (
            "azcore: 201 with Location and no state too",
            "PUT",
            &[(201, &[LOCATION], "{}"), MADE],
            &["poll https://l/1", "done"],
        ),
        ("azcore: a DELETE that is done at once", "DELETE", &[(202, &[LOCATION], MADE.2)], &["done"]),
        ("azcore: redis on PUT, done", "PUT", &[(200, &[LOCATION], MADE.2)], &["done"]),
        (
            "azcore: redis on PUT, not done",
            "PUT",
            &[(201, &[LOCATION], CREATING.2), CREATING, MADE],
            &["poll itself", "poll itself", "done"],
        ),
        ("redis on PATCH", "PATCH", &[(200, &[LOCATION], CREATING.2)], &["poll itself"]),
        ("202 is no redis", "PUT", &[(202, &[LOCATION], CREATING.2)], &["poll https://l/1"]),
        ("POST is no redis", "POST", &[(201, &[LOCATION], CREATING.2)], &["poll https://l/1"]),
    ]);
}

#[test]
fn the_resource_itself() {
    let begun: Given<'_> = (201, &[], CREATING.2);
    check(&[
        (
            "RPC: no header, a state that goes on",
            "PUT",
            &[begun, CREATING, MADE],
            &["poll itself", "poll itself", "done"],
        ),
        ("RPC", "PUT", &[PLAIN], &["done"]),
        ("azure-mgmt-core: 200 with an end", "PUT", &[MADE], &["done"]),
        (
            "azure-mgmt-core: 200 with a state",
            "PATCH",
            &[(200, &[], r#"{"properties":{"provisioningState":"Updating"}}"#), MADE],
            &["poll itself", "done"],
        ),
        ("azure-mgmt-core: 201 without a state goes on", "PUT", &[(201, &[], ""), PLAIN], &["poll itself", "done"]),
        ("azcore: 202 without a header, of a PUT", "PUT", &[ACCEPTED, MADE], &["poll itself", "done"]),
        ("azure-mgmt-core: 204", "PUT", &[NO_CONTENT], &["done"]),
        ("azcore: 200 without a body", "PUT", &[EMPTY], &["done"]),
        ("a resource that fails", "PUT", &[begun, SPOILT], &["poll itself", "Failed X: m"]),
        ("a resource that had failed at once", "PUT", &[SPOILT], &["Failed X: m"]),
        (
            "a resource that was cancelled",
            "PUT",
            &[begun, (200, &[], r#"{"properties":{"provisioningState":"CANCELED"}}"#)],
            &["poll itself", "Canceled -: -"],
        ),
        (
            "HashiCorp: the error beside properties",
            "PUT",
            &[begun, (200, &[], r#"{"error":{"code":"X"},"properties":{"provisioningState":"Failed"}}"#)],
            &["poll itself", "Failed X: -"],
        ),
        ("azcore: 204 ends", "PUT", &[begun, NO_CONTENT], &["poll itself", "done"]),
        ("azcore: an empty body is an error", "PUT", &[begun, EMPTY], &["poll itself", "broken"]),
        ("blanks are an empty body", "PUT", &[begun, (200, &[], " \r\n")], &["poll itself", "broken"]),
        ("a login page is no success", "PUT", &[begun, (200, &[], "<html>")], &["poll itself", "broken"]),
        ("a 202 goes on", "PUT", &[begun, ACCEPTED, MADE], &["poll itself", "poll itself", "done"]),
        (
            "null is no state",
            "PUT",
            &[begun, (200, &[], r#"{"properties":{"provisioningState":null}}"#)],
            &["poll itself", "done"],
        ),
        ("properties null, az", "PUT", &[begun, (200, &[], r#"{"properties":null}"#)], &["poll itself", "done"]),
        (
            "a number is no state, azcore",
            "PUT",
            &[(200, &[], r#"{"properties":{"provisioningState":1}}"#)],
            &["broken"],
        ),
        (
            "its status is no state",
            "PUT",
            &[begun, (200, &[], r#"{"status":"Failed","properties":{"provisioningState":"Succeeded"}}"#)],
            &["poll itself", "done"],
        ),
        (
            "header while it is polled",
            "PUT",
            &[begun, (200, &[ASYNC, LOCATION], CREATING.2)],
            &["poll itself", "poll itself"],
        ),
        ("404 while it is polled", "PUT", &[begun, MISSING], &["poll itself", "refused"]),
        ("503 while it is polled", "PUT", &[begun, (503, &[], ""), MADE], &["poll itself", "again", "done"]),
    ]);
}

#[test]
fn no_operation() {
    check(&[
        ("operations of ARM E: azcore, missing polling URL", "POST", &[ACCEPTED], &["broken"]),
        ("operations of ARM E", "DELETE", &[(202, &[], MADE.2)], &["broken"]),
        ("operations of ARM F", "POST", &[(200, &[], r#"{"keys":[]}"#)], &["done"]),
        ("operations of ARM F: its state is not read", "POST", &[CREATING], &["done"]),
        ("operations of ARM F: 201", "POST", &[(201, &[], "")], &["done"]),
        ("errors of ARM: DELETE of what is missing", "DELETE", &[NO_CONTENT], &["done"]),
        ("operations of ARM F: 200", "DELETE", &[EMPTY], &["done"]),
        ("operations of ARM: never for GET", "GET", &[(202, &[ASYNC, LOCATION], CREATING.2)], &["done"]),
        ("operations of ARM: never for HEAD", "head", &[(200, &[LOCATION], "")], &["done"]),
        ("operations of ARM: initial status", "PUT", &[(206, &[ASYNC], "")], &["broken"]),
        ("operations of ARM: initial status, redirect", "PUT", &[(307, &[LOCATION], "")], &["broken"]),
        ("operations of ARM: initial status, refusal", "DELETE", &[(404, &[LOCATION], "")], &["broken"]),
        ("operations of ARM: initial status, 5xx", "POST", &[(503, &[ASYNC], "")], &["broken"]),
    ]);
}

#[test]
fn resumed_from_a_polling_url() {
    check(&[
        ("a status goes on", "resume", &[RUNNING, OK], &["poll https://p/0", "done"]),
        ("its newest URL", "resume", &[(200, &[ASYNC], RUNNING.2)], &["poll https://a/1"]),
        ("its newest URL by the other name", "resume", &[(200, &[OPERATION], RUNNING.2)], &["poll https://o/1"]),
        ("a status that has ended", "resume", &[OK], &["done"]),
        (
            "a status that names the result",
            "resume",
            &[RUNNING, (200, &[], r#"{"status":"succeeded","resourceLocation":"https://r/1"}"#)],
            &["poll https://p/0", "fetch https://r/1"],
        ),
        ("a status that has failed", "resume", &[FAILED_WITH_ERROR], &["Failed X: m"]),
        (
            "a 202 that tells a status",
            "resume",
            &[(202, &[LOCATION], RUNNING.2), FAILED_WITH_ERROR],
            &["poll https://p/0", "Failed X: m"],
        ),
        ("a status that falls silent", "resume", &[RUNNING, PLAIN], &["poll https://p/0", "broken"]),
        (
            "a Location",
            "resume",
            &[(202, &[LOCATION], ""), ACCEPTED, NO_CONTENT],
            &["poll https://l/1", "poll https://l/1", "done"],
        ),
        ("a Location that is not told again", "resume", &[ACCEPTED, PLAIN], &["poll https://p/0", "done"]),
        (
            "a Location that fails",
            "resume",
            &[ACCEPTED, (409, &[], r#"{"error":{"code":"X","message":"m"}}"#)],
            &["poll https://p/0", "Failed X: m"],
        ),
        ("404 says nothing of it", "resume", &[RUNNING, MISSING], &["poll https://p/0", "refused"]),
        ("a resource", "resume", &[CREATING, MADE], &["poll https://p/0", "done"]),
        ("a resource that has failed", "resume", &[SPOILT], &["Failed X: m"]),
        ("a resource without a state", "resume", &[PLAIN], &["done"]),
        ("its headers begin nothing", "resume", &[(200, &[ASYNC, LOCATION], "{}")], &["done"]),
        ("a list", "resume", &[(200, &[], r#"{"value":[]}"#)], &["done"]),
        ("nothing", "resume", &[NO_CONTENT], &["done"]),
        ("no JSON", "resume", &[(200, &[], "text")], &["done"]),
        ("a refusal is no end", "resume", &[(404, &[], "")], &["broken"]),
    ]);
}

#[test]
fn the_url_for_later_follows_the_service() {
    let mut operation =
        with_reply((202, &[ASYNC], ""), |reply| Operation::begin("PUT", RESOURCE, reply)).ok().unwrap().0;
    assert_eq!(operation.url(), "https://a/1");
    let renewed = (200, &["Azure-AsyncOperation: https://a/2"][..], RUNNING.2);
    let _ = with_reply(renewed, |reply| operation.advance(reply));
    assert_eq!(operation.url(), "https://a/2");
    let polled = with_reply((201, &[], ""), |reply| Operation::begin("PUT", RESOURCE, reply)).ok().unwrap().0;
    assert_eq!(polled.url(), RESOURCE);
}

/// azure-sdk-for-java#45288: two URLs of more than 3 KB in one answer.
#[test]
fn signed_urls_pass_whole() {
    let url = format!("https://a/operationStatuses/1?t=638&c={}&s=x&h=y", "MIIH".repeat(1000));
    let header = format!("Azure-AsyncOperation: {url}");
    let (operation, step) =
        with_reply((201, &[&header, LOCATION], ""), |reply| Operation::begin("PUT", RESOURCE, reply)).ok().unwrap();
    assert!(step == Step::Poll(url.clone()) && operation.url() == url);
    assert!(!redact_url(operation.url()).contains("MIIH"));
}

#[test]
fn hostile_bodies_end() {
    let deep = "{\"properties\":".repeat(200_000);
    let wide = format!("{{\"status\":\"Failed\",\"error\":{{\"message\":\"{}\"}}}}", "x".repeat(1 << 20));
    for (body, wanted) in [(deep.as_str(), "broken"), (&wide, "Failed"), ("{\"status\":\"Succ", "broken")] {
        let (mut operation, _) =
            with_reply((202, &[ASYNC], body), |reply| Operation::begin("POST", RESOURCE, reply)).ok().unwrap();
        let step = word(with_reply((200, &[], body), |reply| operation.advance(reply)));
        assert!(step.starts_with(wanted) && step.len() < 10_000, "{} bytes", step.len());
    }
    // Bytes that are not UTF-8 do not hide a failure.
    let (mut operation, _) =
        with_reply((202, &[LOCATION], ""), |reply| Operation::begin("POST", RESOURCE, reply)).ok().unwrap();
    let body = b"{\"name\":\"\xff\",\"properties\":{\"provisioningState\":\"Failed\"}}";
    assert_eq!(word(operation.advance(&Reply { status: 200, headers: &[], body })), "Failed -: -");
}
