//! zap's two encodings: one JSON object a line, or columns with the context as JSON behind them.
//!
//! Order of the parts: level, time, logger, caller, message, context (adapter-runtime.md 5.1); the
//! columns put the time first.

use super::Identity;
use super::encode::{Line, Time, caller, level, time};
use super::fields::FieldValue;
use crate::telemetry::config::Logging;

/// Appends one JSON object and the line ending.
pub(super) fn json(out: &mut Vec<u8>, logging: &Logging, identity: &Identity, line: &Line<'_>) {
    let keys = &logging.keys;
    let mut object = Object::begin(out, Spacing::None);
    if !keys.level.is_empty() {
        object.text(&keys.level, &level(logging.level_style, line.level));
    }
    if !keys.time.is_empty() {
        match time(logging.time_style, line.time) {
            Time::Text(text) => object.text(&keys.time, &text),
            Time::Number(number) => object.raw(&keys.time, &number),
        }
    }
    if !keys.name.is_empty() && !identity.logger.is_empty() {
        object.text(&keys.name, &identity.logger);
    }
    if let (Some(style), Some(place)) = (logging.caller_style, line.caller)
        && !keys.caller.is_empty()
    {
        object.text(&keys.caller, &caller(style, place));
    }
    if !keys.message.is_empty() {
        object.text(&keys.message, &line.fields.message);
    }
    context(&mut object, identity, line);
    object.end();
    out.extend_from_slice(logging.line_ending.as_bytes());
}

/// Appends the columns, separated by tabs, and the line ending.
pub(super) fn console(out: &mut Vec<u8>, logging: &Logging, identity: &Identity, line: &Line<'_>) {
    let keys = &logging.keys;
    let mut columns = Vec::with_capacity(5);
    if !keys.time.is_empty() {
        let (Time::Text(text) | Time::Number(text)) = time(logging.time_style, line.time);
        columns.push(text);
    }
    if !keys.level.is_empty() {
        columns.push(level(logging.level_style, line.level));
    }
    if !keys.name.is_empty() && !identity.logger.is_empty() {
        columns.push(identity.logger.clone());
    }
    if let (Some(style), Some(place)) = (logging.caller_style, line.caller)
        && !keys.caller.is_empty()
    {
        columns.push(caller(style, place));
    }
    if !keys.message.is_empty() {
        columns.push(line.fields.message.clone());
    }
    if !identity.fields.is_empty() || !line.fields.named.is_empty() {
        let mut fields = Vec::new();
        let mut object = Object::begin(&mut fields, Spacing::Blank);
        context(&mut object, identity, line);
        object.end();
        columns.push(String::from_utf8_lossy(&fields).into_owned());
    }
    out.extend_from_slice(columns.join("\t").as_bytes());
    out.extend_from_slice(logging.line_ending.as_bytes());
}

fn context(object: &mut Object<'_>, identity: &Identity, line: &Line<'_>) {
    let of_logger = identity
        .fields
        .iter()
        .map(|(name, value)| (name.as_str(), value));
    let of_event = line.fields.named.iter().map(|(name, value)| (*name, value));
    for (name, value) in of_logger.chain(of_event) {
        match value {
            FieldValue::Text(text) => object.text(name, text),
            FieldValue::Int(number) => object.raw(name, &number.to_string()),
            FieldValue::Uint(number) => object.raw(name, &number.to_string()),
            FieldValue::Bool(flag) => object.raw(name, if *flag { "true" } else { "false" }),
            FieldValue::Float(number) if number.is_finite() => {
                object.raw(name, &number.to_string());
            }
            // JSON has no number for these.
            FieldValue::Float(number) if number.is_nan() => object.text(name, "NaN"),
            FieldValue::Float(number) => {
                object.text(name, if *number > 0.0 { "+Inf" } else { "-Inf" });
            }
        }
    }
}

/// A JSON object under construction. Keys may repeat, as with zap.
struct Object<'a> {
    out: &'a mut Vec<u8>,
    spacing: Spacing,
    empty: bool,
}

/// What follows a colon and a comma.
#[derive(Clone, Copy, PartialEq)]
enum Spacing {
    None,
    Blank,
}

impl<'a> Object<'a> {
    fn begin(out: &'a mut Vec<u8>, spacing: Spacing) -> Self {
        out.push(b'{');
        Self {
            out,
            spacing,
            empty: true,
        }
    }

    fn text(&mut self, key: &str, text: &str) {
        self.key(key);
        quote(self.out, text);
    }

    fn raw(&mut self, key: &str, json: &str) {
        self.key(key);
        self.out.extend_from_slice(json.as_bytes());
    }

    fn key(&mut self, key: &str) {
        if !self.empty {
            self.out.push(b',');
            self.space();
        }
        self.empty = false;
        quote(self.out, key);
        self.out.push(b':');
        self.space();
    }

    fn space(&mut self) {
        if self.spacing == Spacing::Blank {
            self.out.push(b' ');
        }
    }

    fn end(self) {
        self.out.push(b'}');
    }
}

/// zap escapes less than Go's own JSON: only what JSON demands.
pub(super) fn quote(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    for byte in text.bytes() {
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            b'\n' => out.extend_from_slice(br"\n"),
            b'\r' => out.extend_from_slice(br"\r"),
            b'\t' => out.extend_from_slice(br"\t"),
            0..=0x1f => out.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
            _ => out.push(byte),
        }
    }
    out.push(b'"');
}
