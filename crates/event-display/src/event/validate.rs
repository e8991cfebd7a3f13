//! The checks of an event that was readable, with upstream's texts (event-display.md 4.5).

use std::borrow::Cow;
use std::fmt;

use adapter::go::media_type::{self, trim};

use super::{Event, SpecVersion};

/// One thing wrong with an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The attribute.
    pub attribute: &'static str,
    /// What it should be.
    pub text: Cow<'static, str>,
}

impl Violation {
    pub(super) fn new(attribute: &'static str, text: impl Into<Cow<'static, str>>) -> Self {
        Self {
            attribute,
            text: text.into(),
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.attribute, self.text)
    }
}

pub(super) fn check(event: &Event<'_>) -> Vec<Violation> {
    let mut found = Vec::new();
    if trim(&event.id).is_empty() {
        found.push(Violation::new("id", "MUST be a non-empty string"));
    }
    if trim(&event.source).is_empty() {
        found.push(Violation::new("source", "REQUIRED"));
    }
    if trim(&event.ty).is_empty() {
        found.push(Violation::new("type", "MUST be a non-empty string"));
    }
    if event
        .subject
        .as_deref()
        .is_some_and(|subject| trim(subject).is_empty())
    {
        found.push(Violation::new(
            "subject",
            "if present, MUST be a non-empty string",
        ));
    }
    found.extend(check_schema(event));
    found.extend(check_content_type(event));
    found.extend(check_content_encoding(event));
    found
}

fn check_schema(event: &Event<'_>) -> Option<Violation> {
    let schema = event.schema.as_ref()?;
    let (is_fine, text) = match event.spec_version {
        SpecVersion::V1 => (
            schema.is_absolute,
            "if present, MUST adhere to the format specified in RFC 3986, Section 4.3. Absolute URI",
        ),
        SpecVersion::V03 => (
            !trim(&schema.text).is_empty(),
            "if present, MUST adhere to the format specified in RFC 3986",
        ),
    };
    (!is_fine).then(|| Violation::new(event.spec_version.schema_name(), text))
}

fn check_content_type(event: &Event<'_>) -> Option<Violation> {
    const GENERAL: &str = "if present, MUST adhere to the format specified in RFC 2046";
    let text = trim(event.content_type.as_deref()?);
    let reason = media_type::validate(text).err()?;
    let text = match event.spec_version {
        SpecVersion::V1 if !text.is_empty() => {
            format!("failed to parse RFC 2046 media type {reason}").into()
        }
        _ => Cow::Borrowed(GENERAL),
    };
    Some(Violation::new("datacontenttype", text))
}

fn check_content_encoding(event: &Event<'_>) -> Option<Violation> {
    let text = trim(event.content_encoding.as_deref()?);
    let text_wanted = "if present, MUST adhere to RFC 2045 Section 6.1";
    (!text.eq_ignore_ascii_case(b"base64"))
        .then(|| Violation::new("datacontentencoding", text_wanted))
}
