//! Reading a query.

use super::Step;
use crate::error::Error;
use crate::json::characters::characters;
use crate::json::strict::{Broken, Scan};

/// Bounds the depth to which a selection goes.
const MAX_STEPS: usize = 64;

/// The steps of a query, one at least.
pub(super) fn steps(text: &str) -> Result<Vec<Step>, Error> {
    let mut parser = Parser { text, at: 0 };
    let mut steps = Vec::new();
    parser.blanks();
    while steps.is_empty() || parser.peek().is_some() {
        if steps.len() == MAX_STEPS {
            return parser.refuse("it has more than 64 steps");
        }
        let step = if parser.take("[]") {
            Step::Flat
        } else if parser.take("[") {
            parser.bracket()?
        } else if steps.is_empty() {
            parser.name()?
        } else if parser.take(".") {
            parser.blanks();
            parser.name()?
        } else {
            return parser.unsupported();
        };
        steps.push(step);
        parser.blanks();
    }
    Ok(steps)
}

struct Parser<'a> {
    text: &'a str,
    /// In bytes.
    at: usize,
}

impl<'a> Parser<'a> {
    fn name(&mut self) -> Result<Step, Error> {
        let rest = self.rest();
        if rest.starts_with('"') {
            return self.quoted();
        }
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
        match rest.split_at_checked(end) {
            Some((name, _)) if name.starts_with(|c: char| !c.is_ascii_digit()) => {
                self.at += end;
                Ok(Step::Field(name.to_owned()))
            }
            _ => self.unsupported(),
        }
    }

    /// A name that is a JSON string.
    fn quoted(&mut self) -> Result<Step, Error> {
        let name = match Scan::new(self.rest()).value() {
            Ok(name) => name,
            Err(Broken { at, why }) => {
                self.at += at;
                return self.refuse(why);
            }
        };
        let inner = name.get(1..name.len() - 1).unwrap_or_default();
        let Some(resolved) = characters(inner).collect() else {
            return self.refuse("this name holds half a surrogate pair");
        };
        self.at += name.len();
        Ok(Step::Field(resolved))
    }

    /// What follows `[`.
    fn bracket(&mut self) -> Result<Step, Error> {
        self.blanks();
        let step = if self.take("*") { Step::Each } else { self.index()? };
        self.blanks();
        match self.peek() {
            Some(']') => self.at += 1,
            Some(':') => return self.refuse("slices are not supported"),
            Some(',' | '.' | '[' | '(') => return self.refuse("multi-selects are not supported"),
            None => return self.refuse("the closing bracket is missing"),
            _ => return self.unsupported(),
        }
        Ok(step)
    }

    fn index(&mut self) -> Result<Step, Error> {
        let rest = self.rest();
        let (minus, digits) = rest.strip_prefix('-').map_or((0, rest), |digits| (1, digits));
        let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
        let Some(digits @ [_, ..]) = digits.as_bytes().get(..end) else {
            return match self.peek() {
                Some('?') => self.refuse("filters are not supported"),
                Some(':') => self.refuse("slices are not supported"),
                None => self.refuse("the closing bracket is missing"),
                Some('-' | ']') => self.refuse("an index is missing"),
                _ => self.refuse("multi-selects are not supported"),
            };
        };
        // No array is so long that an index above ten digits could be in it.
        let digits = digits.iter().copied().skip_while(|digit| *digit == b'0');
        let index =
            digits.take(19).fold(0usize, |sum, digit| sum.saturating_mul(10).saturating_add((digit - b'0').into()));
        self.at += minus + end;
        Ok(if minus == 1 && index > 0 { Step::FromEnd(index) } else { Step::Index(index) })
    }

    /// Names the construct that stands here.
    fn unsupported<T>(&self) -> Result<T, Error> {
        let rest = self.rest();
        let constructs: [(&[&str], &str); 13] = [
            (&["[", "{"], "multi-selects are not supported"),
            (&["||", "&&", "!"], "logical operators are not supported"),
            (&["==", "!=", "<", ">"], "comparisons are not supported"),
            (&["|"], "pipes are not supported"),
            (&["("], "functions and parentheses are not supported"),
            (&["&"], "expression references are not supported"),
            (&["@"], "the current node @ is not supported"),
            (&["$"], "the root node $ is not supported"),
            (&["`", "'"], "literals are not supported"),
            (&["*"], "wildcards over objects are not supported"),
            (&["?"], "filters are not supported"),
            (&["."], "a name is missing"),
            (&["-", "/", ":"], "a name with this character must stand in double quotes"),
        ];
        let known = constructs.iter().find(|(starts, _)| starts.iter().any(|start| rest.starts_with(start)));
        self.refuse(match known {
            Some((_, what)) => what,
            None if rest.is_empty() => "a name is missing",
            None => "this character cannot stand here; a name with others than letters, digits and _ is put in double quotes",
        })
    }

    #[cold]
    fn refuse<T>(&self, what: &str) -> Result<T, Error> {
        let before = self.text.get(..self.at).unwrap_or(self.text).chars().count();
        Err(Error::invalid(format!("in the query, at character {}: {what}", before + 1)).with_advice(
            "a query is made of a.b, a[0], a[-1], \"quoted name\", a[*].b and a[].b, a subset of JMESPath",
        ))
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn take(&mut self, token: &str) -> bool {
        let here = self.rest().starts_with(token);
        self.at += if here { token.len() } else { 0 };
        here
    }

    fn blanks(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start_matches([' ', '\t', '\r', '\n']).len();
    }
}
