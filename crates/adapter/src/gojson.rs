//! The leniency that controller-written JSON needs: Go's `encoding/json` as a reader.
//!
//! Object keys match in any case, `null` is the zero value, of a repeated key the last counts, and
//! unknown keys are ignored. Text after the value is an error. Contract: `adapter-runtime.md` 1.1.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

/// A JSON value whose objects keep their members' order and repetitions.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `null`, which Go reads as "zero value".
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// Any number.
    Number(serde_json::Number),
    /// A string.
    String(String),
    /// An array.
    Array(Vec<Value>),
    /// An object, members as written.
    Object(Vec<(String, Value)>),
}

/// Why a text could not be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Not one JSON value.
    #[error("not valid JSON: {0}")]
    Syntax(#[from] serde_json::Error),
    /// A member of another type than the contract's.
    #[error("{path} is {found}, want {want}")]
    Type {
        /// Dotted path of the member.
        path: String,
        /// The type that stands there.
        found: &'static str,
        /// The type that the contract asks for.
        want: &'static str,
    },
}

/// Reads one JSON value and nothing after it.
pub fn parse(text: &str) -> Result<Value, Error> {
    Ok(serde_json::from_str(text)?)
}

impl Value {
    /// The member of that name in any case; of several the last. `null` counts as absent.
    pub fn get(&self, name: &str) -> Option<&Self> {
        let Self::Object(members) = self else {
            return None;
        };
        members
            .iter()
            .rev()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
            .filter(|value| **value != Self::Null)
    }

    /// The members of an object; none for `null`.
    pub fn members(&self, path: &str) -> Result<&[(String, Self)], Error> {
        match self {
            Self::Object(members) => Ok(members),
            Self::Null => Ok(&[]),
            _ => Err(self.not(path, "an object")),
        }
    }

    /// The text of a string; `null` is the empty string.
    pub fn text(&self, path: &str) -> Result<&str, Error> {
        match self {
            Self::String(text) => Ok(text),
            Self::Null => Ok(""),
            _ => Err(self.not(path, "a string")),
        }
    }

    /// A [`Error::Type`] about this value.
    pub fn not(&self, path: &str, want: &'static str) -> Error {
        let found = match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Number(_) => "a number",
            Self::String(_) => "a string",
            Self::Array(_) => "an array",
            Self::Object(_) => "an object",
        };
        Error::Type {
            path: path.to_owned(),
            found,
            want,
        }
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(serde_json::Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(Value::Object(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_match_in_any_case_and_the_last_counts() {
        let value = parse(r#"{"Extensions":1,"extensions":{"a":"1","a":"2"},"b":null}"#).unwrap();
        assert_eq!(
            value
                .get("EXTENSIONS")
                .unwrap()
                .get("a")
                .unwrap()
                .text("a")
                .unwrap(),
            "2"
        );
        assert!(value.get("b").is_none());
        assert_eq!(Value::Null.text("x").unwrap(), "");
        assert!(Value::Null.members("x").unwrap().is_empty());
    }

    #[test]
    fn what_go_refuses_is_refused() {
        for text in ["", " ", "quack", "{} x", r#"{"a":}"#, "[1"] {
            assert!(parse(text).is_err(), "{text:?}");
        }
        let error = parse("[]").unwrap().members("K_CE_OVERRIDES").unwrap_err();
        assert_eq!(
            error.to_string(),
            "K_CE_OVERRIDES is an array, want an object"
        );
    }
}
