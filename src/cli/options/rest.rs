//! The options of `rest` and its short forms.

use azmin::Query;

use super::{Opt, duration, store};
use crate::cli::REST;

pub(super) static OPTIONS: &[Opt] = &[
    Opt {
        short: None,
        long: Some("api-version"),
        value: Some("V"),
        on: REST,
        about: "version of the API: the query parameter api-version",
        set: |options, value| {
            options.call.parameters.push(("api-version".to_owned(), value));
            Ok(())
        },
    },
    Opt {
        short: Some('p'),
        long: None,
        value: Some("K=V"),
        on: REST,
        about: "query parameter; repeatable",
        set: |options, value| {
            let (name, value) = value.split_once('=').ok_or("NAME=VALUE is expected")?;
            options.call.parameters.push((name.to_owned(), value.to_owned()));
            Ok(())
        },
    },
    Opt {
        short: Some('H'),
        long: None,
        value: Some("K: V"),
        on: REST,
        about: "header; repeatable",
        set: |options, value| {
            let (name, value) = value.split_once(':').ok_or("'Name: value' is expected")?;
            options.call.headers.push((name.trim().to_owned(), value.trim().to_owned()));
            Ok(())
        },
    },
    Opt {
        short: Some('i'),
        long: None,
        value: None,
        on: REST,
        about: "print status line and headers first",
        set: |options, _| {
            options.call.show_headers = true;
            Ok(())
        },
    },
    Opt {
        short: None,
        long: Some("dry-run"),
        value: None,
        on: REST,
        about: "print what would be sent, send nothing",
        set: |options, _| {
            options.call.dry_run = true;
            Ok(())
        },
    },
    Opt {
        short: Some('d'),
        long: None,
        value: Some("DATA"),
        on: REST,
        about: "body, byte for byte: text, @FILE, or @- for standard input",
        set: |options, value| store(&mut options.call.body, value),
    },
    Opt {
        short: None,
        long: Some("if-match"),
        value: Some("ETAG"),
        on: REST,
        about: "only if the resource is still the one with this entity tag",
        set: |options, value| {
            options.call.headers.push(("If-Match".to_owned(), value));
            Ok(())
        },
    },
    Opt {
        short: None,
        long: Some("if-none-match"),
        value: Some("ETAG"),
        on: REST,
        about: "only if it is another; *: only if there is none",
        set: |options, value| {
            options.call.headers.push(("If-None-Match".to_owned(), value));
            Ok(())
        },
    },
    Opt {
        short: None,
        long: Some("no-auth"),
        value: None,
        on: REST,
        about: "without a token",
        set: |options, _| {
            options.call.no_token = true;
            Ok(())
        },
    },
    Opt {
        short: None,
        long: Some("all"),
        value: None,
        on: REST,
        about: "follow nextLink: one document, {\"value\":[…]}, or with -o jsonl item by item as they come",
        set: |options, _| {
            options.call.all = true;
            Ok(())
        },
    },
    Opt {
        short: None,
        long: Some("wait"),
        value: None,
        on: REST,
        about: "follow a long-running operation to its end",
        set: |options, _| {
            options.call.wait = true;
            Ok(())
        },
    },
    Opt {
        short: None,
        long: Some("retry-forbidden"),
        value: Some("DUR"),
        on: REST,
        about: "until then take a refusal for a role that is still on its way (default: 0)",
        set: |options, value| store(&mut options.call.forbidden, duration(&value)?),
    },
    Opt {
        short: None,
        long: Some("register-provider"),
        value: None,
        on: REST,
        about: "register the resource provider if the subscription lacks it",
        set: |options, _| {
            options.call.register = true;
            Ok(())
        },
    },
    Opt {
        short: None,
        long: Some("query"),
        value: Some("EXPR"),
        on: REST,
        about: "select from the answer: a.b, a[0], a[-1], \"quoted name\", a[*].b, a[].b",
        set: |options, value| store(&mut options.call.query, Query::parse(&value).map_err(|why| why.to_string())?),
    },
    Opt {
        short: Some('o'),
        long: None,
        value: Some("FORMAT"),
        on: REST,
        about: "json (default): as it came; raw: a string without quotes; tsv, jsonl: an item a line; none",
        set: |options, value| store(&mut options.format, value),
    },
    Opt {
        short: None,
        long: Some("fail-with-body"),
        value: None,
        on: REST,
        about: "on an error status print the body as well",
        set: |options, _| {
            options.call.fail_with_body = true;
            Ok(())
        },
    },
];
