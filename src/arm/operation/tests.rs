//! Answers in, steps out: each row names where its rule comes from.

use super::*;

const RESOURCE: &str = "https://management.azure.com/subscriptions/s/resourceGroups/g?api-version=2021-04-01";

/// An answer: status, headers as lines, body.
type Given<'a> = (u16, &'a [&'a str], &'a str);

/// Origin, method, answers, and the step after each in the words of `word`.
type Row<'a> = (&'a str, &'a str, &'a [Given<'a>], &'a [&'a str]);

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
        let begun = with_reply(*first, |reply| match method.strip_prefix("resume ") {
            Some(url) => Operation::resume(url, reply),
            None => Operation::begin(method, RESOURCE, reply),
        });
        let mut found = Vec::new();
        match begun {
            Err(broken) => found.push(word(Err(broken))),
            Ok((mut operation, step)) => {
                found.push(word(Ok(step)));
                found.extend(rest.iter().map(|given| word(with_reply(*given, |reply| operation.advance(reply)))));
            }
        }
        assert_eq!(found, *wanted, "{method}, {origin}");
    }
}

#[test]
fn azure_async_operation() {
    check(&[(
        "arm.md 2.5 A",
        "PUT",
        &[(201, &["Azure-AsyncOperation: https://a/1"], ""), (200, &[], r#"{"status":"Succeeded"}"#)],
        &["poll https://a/1", "fetch itself"],
    )]);
}
