//! Lines as the contract shows them (adapter-runtime.md 5.1 and V22).

mod encoding;
mod layer;

use chrono::{DateTime, FixedOffset};

use crate::telemetry::config::{Keys, LevelStyle, Logging, TimeStyle};

/// The stock configuration, but on stderr.
fn stock() -> Logging {
    Logging {
        keys: Keys {
            message: "msg".into(),
            level: "level".into(),
            time: "ts".into(),
            name: "logger".into(),
            caller: "caller".into(),
        },
        level_style: LevelStyle::Lower,
        time_style: TimeStyle::Iso8601,
        ..Logging::built_in()
    }
}

fn moment(text: &str) -> DateTime<FixedOffset> {
    DateTime::parse_from_rfc3339(text).unwrap()
}
