//! What must hold of queries.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::assert_presentable;
use crate::query::{Query, Step};

/// A line with a query, and a document: what is selected is byte for byte what another JSON parser finds by walking.
pub fn query(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (expression, document) = text.split_once('\n').unwrap_or((text, ""));
    let query = match Query::parse(expression) {
        Ok(query) => query,
        Err(why) => return assert_presentable(&why),
    };
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
