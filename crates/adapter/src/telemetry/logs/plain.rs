//! Lines for people: `2026/11/22 18:15:18 message key=value`, the look of Go's `log` package.
//!
//! The contract's lines of heartbeats and event-display are read by tutorials and people, so the
//! message stands right behind the time and is not changed (containersource-heartbeats.md 4.6).

use std::io::Write;

use tracing::Level;

use super::encode::Line;
use super::fields::FieldValue;
use super::zap::quote;

/// Appends one line. A level other than INFO stands behind the message, where it breaks no pattern
/// that looks for the message's start.
pub(super) fn encode(out: &mut Vec<u8>, line: &Line<'_>) {
    out.extend_from_slice(
        line.time
            .format("%Y/%m/%d %H:%M:%S ")
            .to_string()
            .as_bytes(),
    );
    unbroken(out, &line.fields.message);
    let level = match line.level {
        Level::ERROR => Some("error"),
        Level::WARN => Some("warning"),
        Level::INFO => None,
        Level::DEBUG | Level::TRACE => Some("debug"),
    };
    if let Some(level) = level {
        out.extend_from_slice(b" level=");
        out.extend_from_slice(level.as_bytes());
    }
    for (name, value) in &line.fields.named {
        out.push(b' ');
        out.extend_from_slice(name.as_bytes());
        out.push(b'=');
        // Writing to memory cannot fail.
        let _ = match value {
            FieldValue::Int(number) => write!(out, "{number}"),
            FieldValue::Uint(number) => write!(out, "{number}"),
            FieldValue::Float(number) => write!(out, "{number}"),
            FieldValue::Bool(flag) => write!(out, "{flag}"),
            FieldValue::Text(text) => {
                word(out, text);
                Ok(())
            }
        };
    }
    out.push(b'\n');
}

/// As it is, except that what would begin another line is escaped.
fn unbroken(out: &mut Vec<u8>, text: &str) {
    for byte in text.bytes() {
        match byte {
            b'\n' => out.extend_from_slice(br"\n"),
            b'\r' => out.extend_from_slice(br"\r"),
            0..=0x08 | 0x0b..=0x1f | 0x7f => {
                out.extend_from_slice(format!("\\x{byte:02x}").as_bytes());
            }
            _ => out.push(byte),
        }
    }
}

/// Bare if that is unambiguous, else in quotes.
fn word(out: &mut Vec<u8>, text: &str) {
    let bare = !text.is_empty()
        && !text.contains(|letter: char| {
            letter.is_whitespace() || letter.is_control() || matches!(letter, '"' | '=' | '\\')
        });
    if bare {
        out.extend_from_slice(text.as_bytes());
    } else {
        quote(out, text);
    }
}
