//! What must hold of queries.

use std::collections::BTreeMap;

use serde_json::Value;
use serde_json::value::RawValue;

use super::assert_presentable;
use super::strictness::{Named, Verdict};
use crate::query::{Query, Step};

/// A line with a query, and a document: what is selected is byte for byte what another JSON parser finds by walking, and the
/// same to its tree.
pub fn query(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (expression, document) = text.split_once('\n').unwrap_or((text, ""));
    let query = match Query::parse(expression) {
        Ok(query) => query,
        Err(why) => return assert_presentable(&why),
    };
    differs(&query, document);
    let bare = document.strip_prefix('\u{feff}').unwrap_or(document);
    let valid = serde_json::from_str::<&RawValue>(bare);
    match query.select(document) {
        Ok(found) => {
            let node = Node::Raw(valid.expect("no JSON was accepted").get());
            let Some(wanted) = eval(&query.steps, node) else { return };
            assert_eq!(found.unwrap_or_else(|| "null".to_owned()), wanted.text());
        }
        Err(why) => {
            assert!(valid.is_err() || why.to_string().contains("too deep"), "JSON was refused: {why}");
            assert_presentable(&why);
        }
    }
}

/// What serde_json's tree makes of the same, and how a difference is called.
pub(crate) fn differs(query: &Query, document: &str) -> Verdict {
    let tree = serde_json::from_str::<Value>(document);
    match (query.select(document), tree) {
        (Ok(found), Ok(tree)) => {
            let found = found.map_or(Value::Null, |found| serde_json::from_str(&found).unwrap());
            assert_eq!(found, pick(&query.steps, &tree), "{query:?} of {document:?}");
            Verdict::Same
        }
        (Ok(found), Err(why)) => {
            let why = why.to_string();
            let row = NAMED.iter().find(|(_, evidence)| evidence(&why, document));
            let (named, _) = row.unwrap_or_else(|| panic!("{found:?} in {document:?}, for {query:?}: {why}"));
            Verdict::Named(named.name)
        }
        (Err(ours), Ok(_)) => panic!("{document:?} is refused: {ours}"),
        (Err(_), Err(_)) => {
            // Its tree is shallower than ours; what keeps the text as it stands has no bound.
            let deep = serde_json::from_str::<&RawValue>(document).is_ok();
            assert!(!deep || document.matches(['[', '{']).count() > 512, "{document:?} is refused");
            if deep { Verdict::Named(DEPTH) } else { Verdict::Refused }
        }
    }
}

/// What is seen in the other's reason and in the document.
type Evidence = fn(&str, &str) -> bool;

const NAMED: &[(Named, Evidence)] = &[
    (
        Named {
            name: "a byte order mark",
            why: "RFC 8259, section 8.1, allows to ignore it; services behind .NET send one",
        },
        |_, document| document.starts_with('\u{feff}'),
    ),
    (
        Named {
            name: "a number beyond a float",
            why: "RFC 8259, section 6: it fits the grammar, and is kept as it is spelled",
        },
        |why, _| why.starts_with("number out of range"),
    ),
    (
        Named {
            name: "half a surrogate pair",
            why: "RFC 8259, section 8.2: it fits the grammar, and is kept as it is spelled",
        },
        |why, _| why.contains("surrogate") || why.starts_with("unexpected end of hex escape"),
    ),
    (Named { name: "more than 127 levels", why: "walking costs no stack here, so up to 512 are taken" }, |why, _| {
        why.starts_with("recursion limit")
    }),
    (Named { name: DEPTH, why: "a bit each is kept; .NET stops at 64" }, |_, _| false),
];

const DEPTH: &str = "more than 512 levels";

/// The differences that are meant.
#[cfg(test)]
pub(crate) fn named() -> impl Iterator<Item = &'static Named> {
    NAMED.iter().map(|(named, _)| named)
}

/// The steps over a tree.
fn pick(steps: &[Step], tree: &Value) -> Value {
    let list = |values: Vec<Value>| values.into_iter().filter(|value| !value.is_null()).collect();
    let last = steps.iter().rposition(|step| *step == Step::Flat);
    let projects = |step: &Step| matches!(step, Step::Each | Step::Flat);
    if let Some(at) = last.filter(|at| steps[..*at].iter().any(projects)) {
        return pick(&steps[at..], &pick(&steps[..at], tree));
    }
    let Some((step, rest)) = steps.split_first() else { return tree.clone() };
    let elements = || tree.as_array().map_or(&[][..], Vec::as_slice);
    match step {
        Step::Field(name) => pick(rest, tree.get(name).unwrap_or(&Value::Null)),
        Step::Index(index) => pick(rest, elements().get(*index).unwrap_or(&Value::Null)),
        Step::FromEnd(index) => pick(rest, elements().iter().nth_back(index - 1).unwrap_or(&Value::Null)),
        Step::Each | Step::Flat if !tree.is_array() => Value::Null,
        Step::Each => list(elements().iter().map(|value| pick(rest, value)).collect()),
        Step::Flat => {
            let one = |value: &Value| value.as_array().cloned().unwrap_or_else(|| vec![value.clone()]);
            list(elements().iter().flat_map(one).map(|value| pick(rest, &value)).collect())
        }
    }
}

#[derive(Clone)]
enum Node<'a> {
    Raw(&'a str),
    List(Vec<Self>),
}

impl<'a> Node<'a> {
    fn elements(&self) -> Option<Vec<Self>> {
        match self {
            Self::List(list) => Some(list.clone()),
            Self::Raw(text) => {
                let list: Vec<&'a RawValue> = serde_json::from_str(text).ok()?;
                Some(list.into_iter().map(|value| Self::Raw(value.get())).collect())
            }
        }
    }

    fn text(&self) -> String {
        match self {
            Self::Raw(text) => (*text).to_owned(),
            Self::List(list) => format!("[{}]", list.iter().map(Self::text).collect::<Vec<_>>().join(",")),
        }
    }
}

const NULL: Node<'static> = Node::Raw("null");

/// `None` where the other parser cannot tell: a name with half a surrogate pair.
fn eval<'a>(steps: &[Step], node: Node<'a>) -> Option<Node<'a>> {
    let projects = |step: &Step| matches!(step, Step::Each | Step::Flat);
    let last = steps.iter().rposition(|step| *step == Step::Flat);
    if let Some(at) = last.filter(|at| steps[..*at].iter().any(projects)) {
        return project(&steps[at + 1..], flat(eval(&steps[..at], node)?));
    }
    let Some((step, rest)) = steps.split_first() else { return Some(node) };
    let chosen = match step {
        Step::Each => return project(rest, node.elements()),
        Step::Flat => return project(rest, flat(node)),
        Step::Index(index) => node.elements().and_then(|list| list.get(*index).cloned()),
        Step::FromEnd(index) => node.elements().and_then(|list| list.iter().nth_back(index - 1).cloned()),
        Step::Field(name) => match node {
            Node::Raw(text) if text.starts_with('{') => serde_json::from_str::<BTreeMap<String, &RawValue>>(text)
                .ok()?
                .get(name)
                .map(|value| Node::Raw(value.get())),
            _ => None,
        },
    };
    eval(rest, chosen.unwrap_or(NULL))
}

fn flat(node: Node<'_>) -> Option<Vec<Node<'_>>> {
    Some(node.elements()?.into_iter().flat_map(|node| node.elements().unwrap_or_else(|| vec![node])).collect())
}

fn project<'a>(rest: &[Step], list: Option<Vec<Node<'a>>>) -> Option<Node<'a>> {
    let Some(list) = list else { return Some(NULL) };
    let mut kept = Vec::new();
    for node in list {
        let found = eval(rest, node)?;
        if !matches!(found, Node::Raw("null")) {
            kept.push(found);
        }
    }
    Some(Node::List(kept))
}
