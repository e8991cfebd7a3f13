//! `apiserver-adapter filter --filters JSON`: try filters on events without a cluster.
//!
//! One structured-mode event a line comes in, `pass` or `drop` a line goes out. Filters see what
//! they would see in the adapter.

use std::io::{self, BufRead, Write};

use adapter::gojson;

use super::line::{Event, LineError};
use super::{Filters, Finding};

/// Why the tool stopped; each is one sentence for the user.
#[derive(Debug, thiserror::Error)]
pub enum UsageError {
    /// Not exactly one `--filters JSON`.
    #[error(
        "{0}: want --filters and a JSON array, for example: apiserver-adapter filter --filters \
         '[{{\"exact\":{{\"type\":\"dev.knative.apiserver.resource.add\"}}}}]'."
    )]
    Arguments(String),
    /// The filters are not an array of filters.
    #[error("The filters cannot be read: {0}.")]
    Filters(#[from] gojson::Error),
    /// An expression that does not parse, which the webhook refuses too.
    #[error("{path} is no CESQL expression: {reason}.")]
    Expression {
        /// Where it stands, for example `filters[0].cesql`.
        path: String,
        /// What is wrong with it.
        reason: crate::cesql::ParseError,
    },
    /// A line of the input that is no event.
    #[error("Line {number} is no CloudEvent in structured mode: {reason}.")]
    Line {
        /// The line, counted from 1.
        number: usize,
        /// What is wrong with it.
        reason: LineError,
    },
    /// Reading or writing failed.
    #[error("Reading events or writing results failed: {0}.")]
    Io(#[from] io::Error),
}

impl UsageError {
    /// What the process exits with, as in `sysexits.h`: 64 for arguments and filters, 65 for the
    /// input, 74 for a failed read or write.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Arguments(_) | Self::Filters(_) | Self::Expression { .. } => 64,
            Self::Line { .. } => 65,
            Self::Io(_) => 74,
        }
    }
}

/// Runs the tool. `args` are those behind `filter`; blank lines are skipped; the first line that is
/// no event ends it. What is odd about the filters goes to `notes`, a sentence a line.
pub fn filter_tool(
    args: impl IntoIterator<Item = String>,
    input: impl BufRead,
    out: &mut dyn Write,
    notes: &mut dyn Write,
) -> Result<(), UsageError> {
    let filters = Filters::parse(&filters_argument(args)?, "filters")?;
    for note in filters.notes() {
        if let Finding::Unparsable(reason) = &note.finding {
            let (path, reason) = (note.path.clone(), reason.clone());
            return Err(UsageError::Expression { path, reason });
        }
    }
    for note in filters.notes() {
        writeln!(notes, "Note: {note}.")?;
    }
    for (at, line) in input.split(b'\n').enumerate() {
        let line = line?;
        if line.trim_ascii().is_empty() {
            continue;
        }
        let event = Event::parse(&line).map_err(|reason| UsageError::Line {
            number: at + 1,
            reason,
        })?;
        writeln!(
            out,
            "{}",
            if filters.pass(&event) { "pass" } else { "drop" }
        )?;
    }
    Ok(out.flush()?)
}

/// The value of the one `--filters`, as the next argument or behind `=`.
fn filters_argument(args: impl IntoIterator<Item = String>) -> Result<String, UsageError> {
    let refused = |what: String| Err(UsageError::Arguments(what));
    let mut args = args.into_iter();
    let mut found = None;
    while let Some(argument) = args.next() {
        let value = match argument.split_once('=') {
            Some(("--filters", value)) => value.to_owned(),
            _ if argument == "--filters" => match args.next() {
                Some(value) => value,
                None => return refused("--filters has no value".to_owned()),
            },
            _ => return refused(format!("{argument:?} is no argument of filter")),
        };
        if found.replace(value).is_some() {
            return refused("--filters is given twice".to_owned());
        }
    }
    match found {
        Some(filters) => Ok(filters),
        None => refused("--filters is missing".to_owned()),
    }
}
