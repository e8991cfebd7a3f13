//! The JSON of `filters`, as the controller writes it and Go reads it, into filters.
//!
//! Two steps, because Go checks the types of all members before it looks at any: a wrong type
//! makes the whole configuration invalid, a filter that cannot work is only left out.

use std::collections::BTreeMap;
use std::fmt;

use adapter::gojson::{Error, Value};

use super::{Comparison, Filter};
use crate::cesql::{self, Expression, ParseError};

/// Something odd about a filter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// Where the filter stands, for example `filters[0].all[1]`.
    pub path: String,
    /// What is odd.
    pub finding: Finding,
}

/// What can be odd about a filter.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Finding {
    /// None of the seven dialects, or only empty ones. Left out.
    #[error("says nothing and is left out; one that works is {{\"exact\":{{\"kind\":\"Pod\"}}}}")]
    Empty,
    /// An attribute name or value is empty. Left out.
    #[error("has an empty attribute name or value and is left out")]
    EmptyEntry,
    /// The expression does not parse. Left out.
    #[error("is no CESQL expression and is left out: {0}")]
    Unparsable(#[from] ParseError),
    /// Another dialect of the same object has precedence.
    #[error("is ignored, because the same object also has {0:?}")]
    Shadowed(&'static str),
    /// The expression never gives a Boolean, so that every event is dropped.
    #[error("gives no Boolean but {0}, so that every event fails; compare it with something")]
    NotBoolean(&'static str),
    /// The attribute is set only after the filters have run.
    #[error("reads {0:?}, which no event has yet when filters run")]
    NotYetSet(String),
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.path, self.finding)
    }
}

/// A filter object as written.
#[derive(Debug, Default)]
pub(super) struct Dialects {
    exact: BTreeMap<String, String>,
    prefix: BTreeMap<String, String>,
    suffix: BTreeMap<String, String>,
    all: Vec<Dialects>,
    any: Vec<Dialects>,
    not: Option<Box<Dialects>>,
    cesql: String,
}

/// An array of filter objects; none for `null`.
pub(super) fn read_list(value: &Value, path: &str) -> Result<Vec<Dialects>, Error> {
    match value {
        Value::Null => Ok(Vec::new()),
        Value::Array(items) => {
            let read = |(at, item)| Dialects::read(item, &format!("{path}[{at}]"));
            items.iter().enumerate().map(read).collect()
        }
        _ => Err(value.not(path, "an array of filters")),
    }
}

/// An object of texts; none for `null`.
fn read_entries(value: &Value, path: &str) -> Result<BTreeMap<String, String>, Error> {
    let mut entries = BTreeMap::new();
    for (name, text) in value.members(path)? {
        entries.insert(
            name.clone(),
            text.text(&format!("{path}.{name}"))?.to_owned(),
        );
    }
    Ok(entries)
}

impl Dialects {
    fn read(value: &Value, path: &str) -> Result<Self, Error> {
        value.members(path)?;
        let member = |name| {
            (
                value.get(name).unwrap_or(&Value::Null),
                format!("{path}.{name}"),
            )
        };
        let entries = |name| {
            let (member, path) = member(name);
            read_entries(member, &path)
        };
        let list = |name| {
            let (member, path) = member(name);
            read_list(member, &path)
        };
        let (not, cesql) = (member("not"), member("cesql"));
        Ok(Self {
            exact: entries("exact")?,
            prefix: entries("prefix")?,
            suffix: entries("suffix")?,
            all: list("all")?,
            any: list("any")?,
            not: match not.0 {
                Value::Null => None,
                inner => Some(Box::new(Self::read(inner, &not.1)?)),
            },
            cesql: cesql.0.text(&cesql.1)?.to_owned(),
        })
    }

    /// The dialects that are written here, in the order of precedence.
    fn written(&self) -> Vec<&'static str> {
        [
            ("exact", !self.exact.is_empty()),
            ("prefix", !self.prefix.is_empty()),
            ("suffix", !self.suffix.is_empty()),
            ("all", !self.all.is_empty()),
            ("any", !self.any.is_empty()),
            ("not", self.not.is_some()),
            ("cesql", !self.cesql.is_empty()),
        ]
        .into_iter()
        .filter_map(|(dialect, written)| written.then_some(dialect))
        .collect()
    }

    /// The filter, or `None` if it is left out.
    fn compile(&self, path: &str, notes: &mut Vec<Note>) -> Option<Filter> {
        let written = self.written();
        let Some(&dialect) = written.first() else {
            notes.push(Note {
                path: path.to_owned(),
                finding: Finding::Empty,
            });
            return None;
        };
        for shadowed in &written[1..] {
            let path = format!("{path}.{shadowed}");
            notes.push(Note {
                path,
                finding: Finding::Shadowed(dialect),
            });
        }
        let path = format!("{path}.{dialect}");
        match dialect {
            "exact" => compile_match(Comparison::Exact, &self.exact, path, notes),
            "prefix" => compile_match(Comparison::Prefix, &self.prefix, path, notes),
            "suffix" => compile_match(Comparison::Suffix, &self.suffix, path, notes),
            "all" => Some(Filter::All(compile_list(&self.all, &path, notes))),
            "any" => Some(Filter::Any(compile_list(&self.any, &path, notes))),
            "not" => {
                let inner = self
                    .not
                    .as_ref()
                    .and_then(|inner| inner.compile(&path, notes));
                Some(Filter::Not(inner.map(Box::new)))
            }
            _ => compile_cesql(&self.cesql, path, notes),
        }
    }
}

/// The filters of a list that are not left out.
pub(super) fn compile_list(list: &[Dialects], path: &str, notes: &mut Vec<Note>) -> Vec<Filter> {
    let compile =
        |(at, filter): (usize, &Dialects)| filter.compile(&format!("{path}[{at}]"), notes);
    list.iter().enumerate().filter_map(compile).collect()
}

fn compile_match(
    comparison: Comparison,
    entries: &BTreeMap<String, String>,
    path: String,
    notes: &mut Vec<Note>,
) -> Option<Filter> {
    if entries
        .iter()
        .any(|(name, text)| name.is_empty() || text.is_empty())
    {
        notes.push(Note {
            path,
            finding: Finding::EmptyEntry,
        });
        return None;
    }
    note_not_yet_set(entries.keys().map(String::as_str), &path, notes);
    let entries = entries
        .iter()
        .map(|(name, text)| (name.clone(), text.clone()));
    Some(Filter::Match(comparison, entries.collect()))
}

fn compile_cesql(text: &str, path: String, notes: &mut Vec<Note>) -> Option<Filter> {
    let expression = match Expression::parse(text) {
        Ok(expression) => expression,
        Err(error) => {
            notes.push(Note {
                path,
                finding: error.into(),
            });
            return None;
        }
    };
    note_not_yet_set(expression.attributes(), &path, notes);
    let result = expression.result_type();
    if result != cesql::Type::Boolean {
        notes.push(Note {
            path,
            finding: Finding::NotBoolean(result.name()),
        });
    }
    Some(Filter::Cesql(expression))
}

fn note_not_yet_set<'a>(names: impl Iterator<Item = &'a str>, path: &str, notes: &mut Vec<Note>) {
    notes.extend(
        names
            .filter(|name| matches!(*name, "id" | "time"))
            .map(|name| Note {
                path: path.to_owned(),
                finding: Finding::NotYetSet(name.to_owned()),
            }),
    );
}
