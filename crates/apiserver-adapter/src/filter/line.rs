//! One line of the `filter` tool's input: an event in structured mode, as far as filters see it.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::attributes::{Attributes, Value, is_context_attribute};

/// Why a line is no CloudEvent.
#[derive(Debug, thiserror::Error)]
pub enum LineError {
    /// Not one JSON object.
    #[error("not a JSON object: {}", .0.to_string().replace(" at line 1 column", " at column"))]
    Json(#[from] serde_json::Error),
    /// A required attribute is missing or empty.
    #[error("it has no {0:?}, which every CloudEvent in structured mode has")]
    Missing(&'static str),
    /// Another version of CloudEvents than 1.0.
    #[error("its \"specversion\" is {0:?}, want \"1.0\"")]
    SpecVersion(String),
    /// A name that no extension can have.
    #[error("{0:?} is no attribute name: those have only lower-case letters and digits")]
    Name(String),
    /// A value that the attribute cannot have.
    #[error("the value of {name:?} is {value}, want {want}")]
    Value {
        /// The attribute.
        name: String,
        /// The value as JSON.
        value: serde_json::Value,
        /// What it can have.
        want: &'static str,
    },
}

/// An event's attributes and extensions as the filters of the adapter would see them: without
/// `id` and `time`, which are set after the filters have run (apiserversource.md 4.2).
#[derive(Debug)]
pub(super) struct Event(BTreeMap<String, OwnedValue>);

#[derive(Debug)]
enum OwnedValue {
    Text(String),
    Integer(i32),
    Boolean(bool),
}

#[derive(Deserialize)]
struct Line {
    // Named so that the payload is skipped and not collected with the rest.
    #[serde(rename = "data")]
    _data: Option<IgnoredAny>,
    #[serde(rename = "data_base64")]
    _data_base64: Option<IgnoredAny>,
    #[serde(flatten)]
    attributes: BTreeMap<String, serde_json::Value>,
}

impl Event {
    /// Reads one JSON object. `id` may be missing, because filters never see it.
    pub(super) fn parse(line: &[u8]) -> Result<Self, LineError> {
        let line: Line = serde_json::from_slice(line)?;
        let mut attributes = BTreeMap::new();
        for (name, value) in line.attributes {
            if let Some((name, value)) = read(name, value)? {
                attributes.insert(name, value);
            }
        }
        let event = Self(attributes);
        for required in ["specversion", "type", "source"] {
            match event.get(required) {
                None | Some(Value::Text("")) => return Err(LineError::Missing(required)),
                Some(_) => {}
            }
        }
        match event.get("specversion") {
            Some(Value::Text("1.0")) => Ok(event),
            other => Err(LineError::SpecVersion(
                other
                    .map(|version| version.to_text().into_owned())
                    .unwrap_or_default(),
            )),
        }
    }
}

/// Name and value of one member, or nothing for `null`.
fn read(name: String, value: serde_json::Value) -> Result<Option<(String, OwnedValue)>, LineError> {
    let context = is_context_attribute(&name);
    // The SDK lower-cases the names of extensions, and refuses a context attribute in another case.
    let lower = name.to_ascii_lowercase();
    let alphanumeric = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if !alphanumeric || (!context && is_context_attribute(&lower)) {
        return Err(LineError::Name(name));
    }
    let owned = match &value {
        serde_json::Value::Null => return Ok(None),
        serde_json::Value::String(text) => OwnedValue::Text(text.clone()),
        _ if context => {
            return Err(LineError::Value {
                name,
                value,
                want: "a string",
            });
        }
        serde_json::Value::Bool(truth) => OwnedValue::Boolean(*truth),
        serde_json::Value::Number(number) => match integer(number) {
            Some(number) => OwnedValue::Integer(number),
            None => {
                return Err(LineError::Value {
                    name,
                    value,
                    want: "an integer of 32 bits",
                });
            }
        },
        _ => {
            let want = "a string, an integer or a Boolean";
            return Err(LineError::Value { name, value, want });
        }
    };
    Ok(Some((lower, owned)))
}

/// The SDK cuts the fraction off and refuses what does not fit.
fn integer(number: &serde_json::Number) -> Option<i32> {
    format!("{}", number.as_f64()?.trunc()).parse().ok()
}

impl Attributes for Event {
    fn get(&self, name: &str) -> Option<Value<'_>> {
        if matches!(name, "id" | "time") {
            return None;
        }
        self.0.get(name).map(|value| match value {
            OwnedValue::Text(text) => Value::Text(text),
            OwnedValue::Integer(number) => Value::Integer(*number),
            OwnedValue::Boolean(truth) => Value::Boolean(*truth),
        })
    }
}
