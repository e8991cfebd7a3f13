//! A zap configuration laid over ours: what it doesn't name stays (adapter-runtime.md 5.1).

use super::lines::{CallerStyle, Encoding, Level, LevelStyle, Output, Sampling, TimeStyle};
use super::logging::{Logging, ZAP};
use crate::gojson::{self, Value};
use crate::telemetry::logs::FieldValue;

/// Why a zap configuration is unusable.
#[derive(Debug, thiserror::Error)]
pub(super) enum ZapError {
    #[error(transparent)]
    Json(#[from] gojson::Error),
    #[error("level is {0:?}, want debug, info, warn or error")]
    Level(String),
    #[error("encoding is {0:?}, want json or console")]
    Encoding(String),
}

impl Logging {
    /// Lays a zap configuration over this one.
    pub(super) fn merge(mut self, zap: &str) -> Result<Self, ZapError> {
        let zap = gojson::parse(zap)?;
        zap.members(ZAP)?;
        if let Some(level) = text(&zap, "level")? {
            self.level = Level::parse(level).ok_or_else(|| ZapError::Level(level.to_owned()))?;
        }
        if let Some(encoding) = text(&zap, "encoding")? {
            self.encoding = match encoding {
                "json" => Encoding::Json,
                "console" => Encoding::Console,
                other => return Err(ZapError::Encoding(other.to_owned())),
            };
        }
        if flag(&zap, "disableCaller")? {
            self.caller_style = None;
        }
        flag(&zap, "development")?;
        flag(&zap, "disableStacktrace")?;
        self.merge_sampling(&zap)?;
        self.merge_outputs(&zap)?;
        self.merge_fields(&zap)?;
        if let Some(encoder) = zap.get("encoderConfig") {
            encoder.members("encoderConfig")?;
            self.merge_encoder(encoder)?;
        }
        Ok(self)
    }

    fn merge_encoder(&mut self, encoder: &Value) -> Result<(), ZapError> {
        let keys = &mut self.keys;
        for (name, part) in [
            ("messageKey", &mut keys.message),
            ("levelKey", &mut keys.level),
            ("timeKey", &mut keys.time),
            ("nameKey", &mut keys.name),
            ("callerKey", &mut keys.caller),
        ] {
            if let Some(key) = text(encoder, name)? {
                key.clone_into(part);
            }
        }
        if let Some(ending) = text(encoder, "lineEnding")? {
            self.line_ending = if ending.is_empty() {
                "\n".into()
            } else {
                ending.to_owned()
            };
        }
        if let Some(style) = text(encoder, "levelEncoder")? {
            self.level_style = LevelStyle::parse(style);
        }
        if let Some(style) = text(encoder, "timeEncoder")? {
            self.time_style = TimeStyle::parse(style);
        }
        if let (Some(style), Some(caller)) =
            (text(encoder, "callerEncoder")?, &mut self.caller_style)
        {
            *caller = if style == "full" {
                CallerStyle::Full
            } else {
                CallerStyle::Short
            };
        }
        // Read for their type only: our lines have neither stack traces nor typed durations.
        text(encoder, "stacktraceKey")?;
        text(encoder, "durationEncoder")?;
        Ok(())
    }

    /// An explicit `null` turns sampling off, which is not the same as not naming it.
    fn merge_sampling(&mut self, zap: &Value) -> Result<(), ZapError> {
        let members = zap.members(ZAP)?;
        let named = members
            .iter()
            .rev()
            .find(|(key, _)| key.eq_ignore_ascii_case("sampling"));
        let Some((_, value)) = named else {
            return Ok(());
        };
        if *value == Value::Null {
            self.sampling = None;
            return Ok(());
        }
        value.members("sampling")?;
        let mut sampling = self.sampling.unwrap_or(Sampling {
            initial: 0,
            thereafter: 0,
        });
        for (name, part) in [
            ("initial", &mut sampling.initial),
            ("thereafter", &mut sampling.thereafter),
        ] {
            match value.get(name) {
                None => {}
                Some(Value::Number(number)) if number.is_i64() => {
                    *part = number.as_u64().unwrap_or(0);
                }
                Some(other) => return Err(other.not(name, "a whole number").into()),
            }
        }
        self.sampling = Some(sampling);
        Ok(())
    }

    fn merge_outputs(&mut self, zap: &Value) -> Result<(), ZapError> {
        let outputs = match zap.get("outputPaths") {
            None => return Ok(()),
            Some(Value::Array(paths)) => paths
                .iter()
                .map(|path| Ok(Output::parse(path.text("outputPaths")?)))
                .collect::<Result<Vec<_>, ZapError>>()?,
            Some(other) => return Err(other.not("outputPaths", "an array").into()),
        };
        // No path at all would silence the program; nobody means that.
        if !outputs.is_empty() {
            self.outputs = outputs;
        }
        Ok(())
    }

    fn merge_fields(&mut self, zap: &Value) -> Result<(), ZapError> {
        let Some(fields) = zap.get("initialFields") else {
            return Ok(());
        };
        let mut named: Vec<(String, FieldValue)> = fields
            .members("initialFields")?
            .iter()
            .filter_map(|(name, value)| Some((name.clone(), scalar(value)?)))
            .collect();
        named.sort_by(|(left, _), (right, _)| left.cmp(right));
        self.initial_fields = named;
        Ok(())
    }
}

fn text<'a>(object: &'a Value, name: &str) -> Result<Option<&'a str>, gojson::Error> {
    object.get(name).map(|value| value.text(name)).transpose()
}

fn flag(object: &Value, name: &str) -> Result<bool, gojson::Error> {
    match object.get(name) {
        None => Ok(false),
        Some(Value::Bool(flag)) => Ok(*flag),
        Some(other) => Err(other.not(name, "a boolean")),
    }
}

fn scalar(value: &Value) -> Option<FieldValue> {
    match value {
        Value::Bool(flag) => Some(FieldValue::Bool(*flag)),
        Value::String(text) => Some(FieldValue::Text(text.clone())),
        Value::Number(number) => number
            .as_i64()
            .map(FieldValue::Int)
            .or_else(|| number.as_u64().map(FieldValue::Uint))
            .or_else(|| number.as_f64().map(FieldValue::Float)),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}
