//! Queries over JSON text: a subset of JMESPath that selects without building a tree, so that key order and the spelling
//! of numbers survive.

mod parse;
mod select;

#[cfg(test)]
mod tests;

use crate::error::{Error, ErrorKind};
use crate::json::strict::Broken;

/// A query over JSON text, in a subset of [JMESPath](https://jmespath.org/specification.html).
///
/// | written | selects |
/// |---|---|
/// | `a.b` | a member of an object; names compare with case, the last of several of one name counts |
/// | `"a-b"` | the same, for names that are not letters, digits and `_`; a JSON string |
/// | `a[0]`, `a[-1]` | an element of an array, counted from its start or its end |
/// | `a[*].b` | of each element of an array what follows selects, as an array; without the nulls |
/// | `a[].b` | the same, after elements that are arrays have been replaced by their elements |
///
/// They combine as in JMESPath, in up to 64 steps; the first may also be a bracket. Every other construct is an error.
///
/// # Example
///
/// ```
/// # fn main() -> Result<(), azmin::Error> {
/// let query = azmin::Query::parse("value[*].id")?;
/// let ids = query.select(r#"{"value": [{"id": "/a"}, {"id": "/b"}, {}]}"#)?;
/// assert_eq!(ids.as_deref(), Some(r#"["/a","/b"]"#));
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct Query {
    pub(crate) steps: Vec<Step>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Field(String),
    Index(usize),
    /// 1 is the last element.
    FromEnd(usize),
    /// `[*]`
    Each,
    /// `[]`
    Flat,
}

impl Query {
    /// Reads a query.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](ErrorKind::InvalidInput) for anything outside the subset: says at which character and what.
    pub fn parse(text: &str) -> Result<Self, Error> {
        parse::steps(text).map(|steps| Self { steps })
    }

    /// Selects every document as a whole: what [`select`](Self::select) then does is check it.
    pub fn whole() -> Self {
        Self { steps: Vec::new() }
    }

    /// The JSON text of what is selected in the document `json`. A single value stands as it does there; the list of a
    /// projection has each of its values as it stands there, with `[`, `,` and `]` around them. `None` where nothing is
    /// selected or `null` is.
    ///
    /// Takes time linear in the length of `json`: one pass, and another over what has been selected so far for a `[]` that
    /// follows a `[*]` or a `[]`.
    ///
    /// # Errors
    ///
    /// [`BadAnswer`](ErrorKind::BadAnswer) when `json`, after one byte order mark at most, is not a single JSON value
    /// (RFC 8259), or nests deeper than 512 levels.
    pub fn select(&self, json: &str) -> Result<Option<String>, Error> {
        select::select(&self.steps, json).map_err(|Broken { at, why }| {
            Error::new(ErrorKind::BadAnswer, format!("the document is not JSON: at byte {at} {why}"))
        })
    }

    /// Whether it is about each item of a list that comes in pages, each `{"value": [...], "nextLink": "..."}`: it begins with
    /// `value[*]` or `value[]`. Then the lists selected in the pages, one after the other, are what would be selected in
    /// one document with all the items.
    pub fn is_over_items(&self) -> bool {
        matches!(self.steps.as_slice(), [Step::Field(name), Step::Each | Step::Flat, ..] if name == "value")
    }
}
