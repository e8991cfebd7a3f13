//! `filters` of the source: which events go out (apiserversource.md 4.2).
//!
//! Evaluation only. Reading the JSON is in `dialects`, trying a filter from a shell in `tool`.

mod dialects;
mod line;
mod lookup;
mod tool;

pub use dialects::{Finding, Note};
pub use line::LineError;
pub use tool::{UsageError, filter_tool};

use adapter::gojson;

use crate::attributes::Attributes;
use crate::cesql::{Expression, Value};

/// What a filter says about an event. Only [`Verdict::Fail`] drops it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    /// The event goes out.
    Pass,
    /// The event is dropped.
    Fail,
    /// The filter has nothing in it that could decide; `not` leaves that as it is.
    NoOpinion,
}

/// The filters of one source; an event must pass all of them.
#[derive(Clone, Debug, Default)]
pub struct Filters {
    filters: Vec<Filter>,
    notes: Vec<Note>,
}

impl Filters {
    /// Reads a JSON array of filters; `path` names it in messages. `null` is no filter.
    ///
    /// A filter that says nothing or cannot work is left out as if it was not written, and noted.
    pub fn parse(text: &str, path: &str) -> Result<Self, gojson::Error> {
        Self::from_json(&gojson::parse(text)?, path)
    }

    /// The same for JSON that is already read.
    pub fn from_json(value: &gojson::Value, path: &str) -> Result<Self, gojson::Error> {
        let mut notes = Vec::new();
        let filters = dialects::read_list(value, path)?;
        let filters = dialects::compile_list(&filters, path, &mut notes);
        Ok(Self { filters, notes })
    }

    /// What is odd about the filters, in the order in which they stand; for the log at start.
    pub fn notes(&self) -> &[Note] {
        &self.notes
    }

    /// Whether the event goes out.
    pub fn pass(&self, attributes: &dyn Attributes) -> bool {
        all(&self.filters, attributes) != Verdict::Fail
    }
}

/// One filter, ready to be evaluated.
#[derive(Clone, Debug)]
enum Filter {
    /// `exact`, `prefix` or `suffix`: every attribute must be there and match its text.
    Match(Comparison, Vec<(String, String)>),
    All(Vec<Filter>),
    Any(Vec<Filter>),
    /// `not`, around nothing if the filter inside was left out.
    Not(Option<Box<Filter>>),
    Cesql(Expression),
}

/// How `exact`, `prefix` and `suffix` compare: bytes, case-sensitive.
#[derive(Clone, Copy, Debug)]
enum Comparison {
    Exact,
    Prefix,
    Suffix,
}

impl Filter {
    fn verdict(&self, attributes: &dyn Attributes) -> Verdict {
        match self {
            Self::Match(comparison, wanted) => pass_if(wanted.iter().all(|(name, text)| {
                lookup::text(attributes, name).is_some_and(|found| match comparison {
                    Comparison::Exact => found == *text,
                    Comparison::Prefix => found.starts_with(text),
                    Comparison::Suffix => found.ends_with(text),
                })
            })),
            Self::All(filters) => all(filters, attributes),
            Self::Any(filters) => any(filters, attributes),
            Self::Not(inner) => match inner.as_ref().map(|inner| inner.verdict(attributes)) {
                Some(Verdict::Pass) => Verdict::Fail,
                Some(Verdict::Fail) => Verdict::Pass,
                Some(Verdict::NoOpinion) | None => Verdict::NoOpinion,
            },
            // Neither an error nor another type passes; the latter crashes the stock adapter.
            Self::Cesql(expression) => {
                pass_if(expression.evaluate(attributes) == Ok(Value::Boolean(true)))
            }
        }
    }
}

fn pass_if(passes: bool) -> Verdict {
    if passes { Verdict::Pass } else { Verdict::Fail }
}

/// Stops at the first fail, otherwise gives what the last one says.
fn all(filters: &[Filter], attributes: &dyn Attributes) -> Verdict {
    let mut last = Verdict::NoOpinion;
    for filter in filters {
        last = filter.verdict(attributes);
        if last == Verdict::Fail {
            break;
        }
    }
    last
}

/// Stops at the first pass, otherwise gives what the last one says.
fn any(filters: &[Filter], attributes: &dyn Attributes) -> Verdict {
    let mut last = Verdict::NoOpinion;
    for filter in filters {
        last = filter.verdict(attributes);
        if last == Verdict::Pass {
            break;
        }
    }
    last
}
