//! What a filter can read of an event: attribute names and typed values.
//!
//! Filters run before the event itself is built, and the `filter` tool reads events from text, so
//! both go through [`Attributes`]. What a name means beyond that is up to the dialect.

use std::borrow::Cow;

/// The value of a set attribute or extension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// Text, also of times and URIs.
    Text(&'a str),
    /// An integer extension.
    Integer(i32),
    /// A Boolean extension.
    Boolean(bool),
}

impl<'a> Value<'a> {
    /// The text that `exact`, `prefix` and `suffix` compare with: decimal digits, `true`, `false`.
    pub fn to_text(self) -> Cow<'a, str> {
        match self {
            Self::Text(text) => Cow::Borrowed(text),
            Self::Integer(number) => Cow::Owned(number.to_string()),
            Self::Boolean(true) => Cow::Borrowed("true"),
            Self::Boolean(false) => Cow::Borrowed("false"),
        }
    }
}

/// A view of an event's context attributes and extensions.
pub trait Attributes {
    /// The value of the attribute or extension of exactly that name; `None` if it is not set.
    fn get(&self, name: &str) -> Option<Value<'_>>;
}

/// The context attributes of CloudEvents 1.0; every other name is an extension.
const CONTEXT: [&str; 8] = [
    "id",
    "source",
    "specversion",
    "type",
    "datacontenttype",
    "dataschema",
    "subject",
    "time",
];

/// Whether the name is one of the eight context attributes (exact case).
pub(crate) fn is_context_attribute(name: &str) -> bool {
    CONTEXT.contains(&name)
}

/// A change of an object as filters see it (apiserversource.md 3.2 and 4.2): no `id`, no `time`
/// and no override yet.
#[derive(Clone, Copy, Debug)]
pub struct ChangeAttributes<'a> {
    /// See [`crate::change::event_type`].
    pub event_type: &'a str,
    /// See [`crate::source`].
    pub source: &'a str,
    /// See [`crate::object::ObjectReference::subject`].
    pub subject: &'a str,
    /// `kind` of the object.
    pub kind: &'a str,
    /// `apiVersion` of the object.
    pub api_version: &'a str,
    /// `metadata.name`.
    pub name: &'a str,
    /// `metadata.namespace`; empty, yet set, for cluster-scoped objects.
    pub namespace: &'a str,
}

impl Attributes for ChangeAttributes<'_> {
    fn get(&self, name: &str) -> Option<Value<'_>> {
        Some(Value::Text(match name {
            "specversion" => "1.0",
            "type" => self.event_type,
            "source" => self.source,
            "subject" => self.subject,
            "datacontenttype" => "application/json",
            "kind" => self.kind,
            "apiversion" => self.api_version,
            "name" => self.name,
            "namespace" => self.namespace,
            _ => return None,
        }))
    }
}
