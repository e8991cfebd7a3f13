//! One event to one line of bytes, in the form that the configuration chose.

use chrono::{DateTime, FixedOffset, SecondsFormat};
use tracing::Level;

use super::fields::Fields;
use super::{Identity, plain, zap};
use crate::telemetry::config::{CallerStyle, Encoding, LevelStyle, Logging, TimeStyle};

/// An event, ready to be spelled.
pub(super) struct Line<'a> {
    pub(super) time: DateTime<FixedOffset>,
    pub(super) level: Level,
    /// File as compiled, and line.
    pub(super) caller: Option<(&'a str, u32)>,
    pub(super) fields: &'a Fields,
}

/// Spells lines.
pub(super) struct Encoder {
    logging: Logging,
    identity: Identity,
}

impl Encoder {
    pub(super) fn new(logging: &Logging, mut identity: Identity) -> Self {
        if let Some(prefix) = logging.name_prefix {
            let dot = if identity.logger.is_empty() { "" } else { "." };
            identity.logger = format!("{prefix}{dot}{}", identity.logger);
        }
        let mut fields = logging.initial_fields.clone();
        fields.append(&mut identity.fields);
        identity.fields = fields;
        Self {
            logging: logging.clone(),
            identity,
        }
    }

    pub(super) fn encode(&self, line: &Line<'_>) -> Vec<u8> {
        let mut out = Vec::with_capacity(256);
        match self.logging.encoding {
            Encoding::Json => zap::json(&mut out, &self.logging, &self.identity, line),
            Encoding::Console => zap::console(&mut out, &self.logging, &self.identity, line),
            Encoding::Plain => plain::encode(&mut out, line),
        }
        out
    }
}

/// The level's name.
pub(super) fn level(style: LevelStyle, level: Level) -> String {
    let name = match level {
        Level::ERROR => "error",
        Level::WARN => "warn",
        Level::INFO => "info",
        Level::DEBUG | Level::TRACE => "debug",
    };
    match style {
        LevelStyle::Lower => name.to_owned(),
        LevelStyle::LowerColor => colored(level, name),
        LevelStyle::CapitalColor => colored(level, &name.to_ascii_uppercase()),
        LevelStyle::Severity if level == Level::WARN => "WARNING".to_owned(),
        LevelStyle::Capital | LevelStyle::Severity => name.to_ascii_uppercase(),
    }
}

/// zap's colours: red, yellow, blue, magenta.
fn colored(level: Level, name: &str) -> String {
    let code = match level {
        Level::ERROR => 31,
        Level::WARN => 33,
        Level::INFO => 34,
        Level::DEBUG | Level::TRACE => 35,
    };
    format!("\x1b[{code}m{name}\x1b[0m")
}

/// A time as text, or as a number that JSON writes without quotes.
pub(super) enum Time {
    Text(String),
    Number(String),
}

/// The time in the zone that it came in.
pub(super) fn time(style: TimeStyle, time: DateTime<FixedOffset>) -> Time {
    match style {
        TimeStyle::Iso8601 => {
            // A zone is written +0100, but none as Z.
            let utc = time.offset().local_minus_utc() == 0;
            let format = if utc {
                "%Y-%m-%dT%H:%M:%S%.3fZ"
            } else {
                "%Y-%m-%dT%H:%M:%S%.3f%z"
            };
            Time::Text(time.format(format).to_string())
        }
        TimeStyle::Rfc3339 => Time::Text(time.to_rfc3339_opts(SecondsFormat::Secs, true)),
        TimeStyle::Rfc3339Nano => Time::Text(rfc3339_nano(time)),
        TimeStyle::Nanos => Time::Number(nanos(time).to_string()),
        TimeStyle::Millis => Time::Number((float(nanos(time)) / 1e6).to_string()),
        TimeStyle::Seconds => Time::Number((float(nanos(time)) / 1e9).to_string()),
    }
}

/// Trailing zeros of the fraction are left out, and the point with the last of them.
fn rfc3339_nano(time: DateTime<FixedOffset>) -> String {
    let text = time.to_rfc3339_opts(SecondsFormat::Nanos, true);
    let (seconds, rest) = text.split_once('.').unwrap_or((&text, "Z"));
    let digits = rest
        .find(|letter: char| !letter.is_ascii_digit())
        .unwrap_or(rest.len());
    let (fraction, zone) = rest.split_at(digits);
    match fraction.trim_end_matches('0') {
        "" => format!("{seconds}{zone}"),
        fraction => format!("{seconds}.{fraction}{zone}"),
    }
}

fn nanos(time: DateTime<FixedOffset>) -> i64 {
    time.timestamp_nanos_opt().unwrap_or(0)
}

#[allow(clippy::cast_precision_loss)] // zap loses the same digits
fn float(nanos: i64) -> f64 {
    nanos as f64
}

/// `file.rs:7` with the directory that zap would show.
pub(super) fn caller(style: CallerStyle, (file, line): (&str, u32)) -> String {
    let file = match style {
        CallerStyle::Full => file,
        CallerStyle::Short => {
            let directory = file.rfind('/').and_then(|last| file[..last].rfind('/'));
            directory.map_or(file, |before| &file[before + 1..])
        }
    };
    format!("{file}:{line}")
}
