//! A second reading of JSON, by miniserde's parser: objects keep their members' order and repetitions.

use miniserde::de::{Deserialize, Map, Seq, Visitor};
use miniserde::{Result, make_place};

make_place!(Place);

/// A value, with no more told apart than the properties ask for.
pub(super) enum Json {
    Null,
    Text(String),
    /// A number or a boolean.
    Scalar,
    Array,
    Object(Vec<(String, Self)>),
}

impl Json {
    /// `None` where the text is no JSON, or so deep that dropping the tree could exhaust the stack.
    pub(super) fn read(text: &str) -> Option<Self> {
        let openers = text.bytes().filter(|byte| matches!(byte, b'{' | b'[')).count();
        (openers <= 1000).then(|| miniserde::json::from_str(text).ok()).flatten()
    }

    pub(super) fn members(&self) -> &[(String, Self)] {
        match self {
            Self::Object(members) => members,
            _ => &[],
        }
    }

    /// The last member of exactly that name, which is the one that counts where miniserde fills a struct.
    pub(super) fn last(&self, name: &str) -> Option<&Self> {
        self.members().iter().rev().find(|(key, _)| key == name).map(|(_, value)| value)
    }

    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }
}

impl Visitor for Place<Json> {
    fn null(&mut self) -> Result<()> {
        self.out = Some(Json::Null);
        Ok(())
    }

    fn boolean(&mut self, _: bool) -> Result<()> {
        self.out = Some(Json::Scalar);
        Ok(())
    }

    fn string(&mut self, text: &str) -> Result<()> {
        self.out = Some(Json::Text(text.to_owned()));
        Ok(())
    }

    fn negative(&mut self, _: i64) -> Result<()> {
        self.out = Some(Json::Scalar);
        Ok(())
    }

    fn nonnegative(&mut self, _: u64) -> Result<()> {
        self.out = Some(Json::Scalar);
        Ok(())
    }

    fn float(&mut self, _: f64) -> Result<()> {
        self.out = Some(Json::Scalar);
        Ok(())
    }

    fn seq(&mut self) -> Result<Box<dyn Seq + '_>> {
        Ok(Box::new(Elements(&mut self.out)))
    }

    fn map(&mut self) -> Result<Box<dyn Map + '_>> {
        Ok(Box::new(Members { out: &mut self.out, members: Vec::new(), key: None, value: None }))
    }
}

impl Deserialize for Json {
    fn begin(out: &mut Option<Self>) -> &mut dyn Visitor {
        Place::new(out)
    }
}

struct Elements<'a>(&'a mut Option<Json>);

impl Seq for Elements<'_> {
    fn element(&mut self) -> Result<&mut dyn Visitor> {
        Ok(<dyn Visitor>::ignore())
    }

    fn finish(&mut self) -> Result<()> {
        *self.0 = Some(Json::Array);
        Ok(())
    }
}

struct Members<'a> {
    out: &'a mut Option<Json>,
    members: Vec<(String, Json)>,
    key: Option<String>,
    value: Option<Json>,
}

impl Members<'_> {
    fn keep(&mut self) {
        if let (Some(key), Some(value)) = (self.key.take(), self.value.take()) {
            self.members.push((key, value));
        }
    }
}

impl Map for Members<'_> {
    fn key(&mut self, key: &str) -> Result<&mut dyn Visitor> {
        self.keep();
        self.key = Some(key.to_owned());
        Ok(Json::begin(&mut self.value))
    }

    fn finish(&mut self) -> Result<()> {
        self.keep();
        *self.out = Some(Json::Object(std::mem::take(&mut self.members)));
        Ok(())
    }
}
