//! The parts of a logging configuration: which lines, in which form, and where to.

use std::path::PathBuf;

use tracing::level_filters::LevelFilter;

/// A zap level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Everything we write.
    Debug,
    /// What the operator asked for happened.
    Info,
    /// Recovered.
    Warn,
    /// An event was lost or the work stopped.
    Error,
    /// Above everything we write, as are the two below.
    DPanic,
    /// See [`Level::DPanic`].
    Panic,
    /// See [`Level::DPanic`].
    Fatal,
}

impl Level {
    /// Reads a level in any case; the empty text is `info`.
    pub fn parse(text: &str) -> Option<Self> {
        Some(match text.to_ascii_lowercase().as_str() {
            "debug" => Self::Debug,
            "info" | "" => Self::Info,
            "warn" | "warning" => Self::Warn,
            "error" => Self::Error,
            "dpanic" => Self::DPanic,
            "panic" => Self::Panic,
            "fatal" => Self::Fatal,
            _ => return None,
        })
    }

    /// The same as a limit of `tracing`, which has no level above ERROR.
    pub fn filter(self) -> LevelFilter {
        match self {
            Self::Debug => LevelFilter::DEBUG,
            Self::Info => LevelFilter::INFO,
            Self::Warn => LevelFilter::WARN,
            Self::Error => LevelFilter::ERROR,
            Self::DPanic | Self::Panic | Self::Fatal => LevelFilter::OFF,
        }
    }
}

/// The form of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// One JSON object.
    Json,
    /// zap's columns, separated by tabs.
    Console,
    /// The look of Go's `log` package.
    Plain,
}

/// The names of the fixed parts of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keys {
    /// The text.
    pub message: String,
    /// The level.
    pub level: String,
    /// The time.
    pub time: String,
    /// The logger's name.
    pub name: String,
    /// File and line.
    pub caller: String,
}

/// How a level is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LevelStyle {
    /// `info`
    Lower,
    /// `INFO`
    Capital,
    /// `info` in colour.
    LowerColor,
    /// `INFO` in colour.
    CapitalColor,
    /// `INFO`, `WARNING`: the severities of the built-in configuration.
    Severity,
}

impl LevelStyle {
    pub(super) fn parse(text: &str) -> Self {
        match text {
            "capital" => Self::Capital,
            "capitalColor" => Self::CapitalColor,
            "color" => Self::LowerColor,
            _ => Self::Lower,
        }
    }
}

/// How a time is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeStyle {
    /// `2026-11-22T18:18:15.711Z`
    Iso8601,
    /// `2026-11-22T18:18:15Z`
    Rfc3339,
    /// `2026-11-22T18:18:15.711094Z`
    Rfc3339Nano,
    /// Milliseconds since 1970 with a fraction.
    Millis,
    /// Whole nanoseconds since 1970.
    Nanos,
    /// Seconds since 1970 with a fraction.
    Seconds,
}

impl TimeStyle {
    pub(super) fn parse(text: &str) -> Self {
        match text {
            "iso8601" | "ISO8601" => Self::Iso8601,
            "rfc3339" | "RFC3339" => Self::Rfc3339,
            "rfc3339nano" | "RFC3339Nano" => Self::Rfc3339Nano,
            "millis" => Self::Millis,
            "nanos" => Self::Nanos,
            _ => Self::Seconds,
        }
    }
}

/// How a place in the source is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallerStyle {
    /// The last directory, the file and the line.
    Short,
    /// The path as compiled, and the line.
    Full,
}

/// Per second, level and message: this many first ones, then every so-many-th.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sampling {
    /// Written in full.
    pub initial: u64,
    /// Of what follows every such one is written; 0 writes none.
    pub thereafter: u64,
}

/// Where lines go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
    /// A file, appended to.
    File(PathBuf),
}

impl Output {
    pub(super) fn parse(text: &str) -> Self {
        match text {
            "stdout" => Self::Stdout,
            "stderr" => Self::Stderr,
            path => Self::File(path.strip_prefix("file://").unwrap_or(path).into()),
        }
    }
}
