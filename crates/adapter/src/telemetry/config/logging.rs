//! `K_LOGGING_CONFIG`: a JSON object of strings, one of which is a zap configuration.
//!
//! Never an error: what cannot be read falls back to the built-in configuration, as upstream does
//! (adapter-runtime.md 5.1). How the zap part is read is in `zap`; how a line looks in
//! `telemetry::logs`.

use std::fmt;

use super::lines::{CallerStyle, Encoding, Keys, Level, LevelStyle, Output, Sampling, TimeStyle};
use crate::gojson;
use crate::telemetry::logs::FieldValue;

pub(super) const ZAP: &str = "zap-logger-config";
const LEVEL_PREFIX: &str = "loglevel.";
/// Goes before the logger's name when the zap configuration was unusable.
const FALLBACK_NAME: &str = "fallback-logger";

/// How log lines look, which are written, and where to.
#[derive(Clone, Debug, PartialEq)]
pub struct Logging {
    /// The lowest level that is written at start.
    pub level: Level,
    /// The form of a line.
    pub encoding: Encoding,
    /// The names of the fixed parts; an empty name leaves the part out.
    pub keys: Keys,
    /// What ends a line.
    pub line_ending: String,
    /// How the level is written.
    pub level_style: LevelStyle,
    /// How the time is written.
    pub time_style: TimeStyle,
    /// How the place in the source is written; `None` leaves it out.
    pub caller_style: Option<CallerStyle>,
    /// Limits repeated lines; `None` writes them all.
    pub sampling: Option<Sampling>,
    /// Where every line goes.
    pub outputs: Vec<Output>,
    /// `initialFields`, on every line. Scalars only.
    pub initial_fields: Vec<(String, FieldValue)>,
    /// Goes before the logger's name.
    pub name_prefix: Option<&'static str>,
    /// What was wrong with the text, to be logged once.
    pub warning: Option<String>,
}

impl Logging {
    /// The configuration that holds when nothing is said: JSON lines with severities, on stderr.
    pub fn built_in() -> Self {
        Self {
            level: Level::Info,
            encoding: Encoding::Json,
            keys: Keys {
                message: "message".into(),
                level: "severity".into(),
                time: "timestamp".into(),
                name: "logger".into(),
                caller: "caller".into(),
            },
            line_ending: "\n".into(),
            level_style: LevelStyle::Severity,
            time_style: TimeStyle::Rfc3339Nano,
            caller_style: Some(CallerStyle::Short),
            sampling: Some(Sampling {
                initial: 100,
                thereafter: 100,
            }),
            outputs: vec![Output::Stderr],
            initial_fields: Vec::new(),
            name_prefix: None,
            warning: None,
        }
    }

    /// Lines for people, on stderr: for terminals, and where the contract's lines have this look.
    pub fn plain() -> Self {
        Self {
            encoding: Encoding::Plain,
            sampling: None,
            ..Self::built_in()
        }
    }

    /// Reads the variable for a component, whose `loglevel.<component>` overrides the level.
    ///
    /// `plain` asks for lines for people while nothing is configured.
    pub fn read(text: Option<&str>, component: &str, plain: bool) -> Self {
        let Some(text) = text.filter(|text| !text.is_empty()) else {
            return if plain {
                Self::plain()
            } else {
                Self::built_in()
            };
        };
        match entries(text) {
            Ok(entries) => Self::from_entries(&entries, component),
            Err(error) => Self::built_in().warn(format!("{} is unusable: {error}", super::LOGGING)),
        }
    }

    /// The same for pairs that are already decoded, as the ConfigMap has them.
    pub fn from_entries(entries: &[(String, String)], component: &str) -> Self {
        let value = |key: &str| {
            entries
                .iter()
                .rev()
                .find(|(name, _)| name == key)
                .map(|(_, value)| value.as_str())
        };
        if let Some((name, found)) = entries
            .iter()
            .find(|(name, value)| is_bad_level(name, value))
        {
            // Upstream crashes here; the built-in configuration is what it means to fall back to.
            return Self::built_in()
                .warn(format!("{name} is {found:?}, want a level such as info"));
        }
        let mut logging = match value(ZAP) {
            None => Self::built_in(),
            Some(zap) => Self::built_in().merge(zap).unwrap_or_else(|error| Self {
                name_prefix: Some(FALLBACK_NAME),
                ..Self::built_in().warn(format!("{ZAP} is unusable: {error}"))
            }),
        };
        let level = value(&format!("{LEVEL_PREFIX}{component}")).filter(|text| !text.is_empty());
        if let Some(level) = level.and_then(Level::parse) {
            logging.level = level;
        }
        logging
    }

    fn warn(self, warning: String) -> Self {
        Self {
            warning: Some(warning),
            ..self
        }
    }
}

/// For `--check`: `json, from level info, to stderr`.
impl fmt::Display for Logging {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let encoding = match self.encoding {
            Encoding::Json => "json",
            Encoding::Console => "console",
            Encoding::Plain => "plain",
        };
        write!(f, "{encoding}, from level {:?}, to", self.level)?;
        for output in &self.outputs {
            match output {
                Output::Stdout => f.write_str(" stdout")?,
                Output::Stderr => f.write_str(" stderr")?,
                Output::File(path) => write!(f, " {}", path.display())?,
            }
        }
        Ok(())
    }
}

/// The object of strings; its keys are those of a map, so their case matters.
fn entries(text: &str) -> Result<Vec<(String, String)>, gojson::Error> {
    let document = gojson::parse(text)?;
    let members = document.members(super::LOGGING)?.iter();
    members
        .map(|(name, value)| Ok((name.clone(), value.text(name)?.to_owned())))
        .collect()
}

fn is_bad_level(name: &str, value: &str) -> bool {
    name.strip_prefix(LEVEL_PREFIX)
        .is_some_and(|component| !component.is_empty())
        && Level::parse(value).is_none()
}
