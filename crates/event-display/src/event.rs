//! A received event, read far enough to be checked and printed.
//!
//! Not cloudevents-sdk's `Event`: that one holds text and parsed JSON, and what is printed here
//! must be the very bytes that came (event-display.md 3). This one borrows from the request.

mod binary;
mod structured;
mod validate;

use std::borrow::Cow;

use adapter::go::media_type::trim;
use adapter::go::url::Url;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue};

use crate::refusal::Refusal;

pub use structured::identity as structured_identity;
pub use validate::Violation;

#[cfg(test)]
mod tests;

/// The CloudEvents versions that are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpecVersion {
    /// 0.3
    V03,
    /// 1.0
    V1,
}

impl SpecVersion {
    fn parse(text: &[u8]) -> Option<Self> {
        match text {
            b"1.0" => Some(Self::V1),
            b"0.3" => Some(Self::V03),
            _ => None,
        }
    }

    /// As it is written in events.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V03 => "0.3",
            Self::V1 => "1.0",
        }
    }

    /// The attribute that says where the data's schema is.
    pub fn schema_name(self) -> &'static str {
        match self {
            Self::V03 => "schemaurl",
            Self::V1 => "dataschema",
        }
    }
}

/// The value of an attribute: a piece of the request, or what became of it.
pub type Text<'a> = Cow<'a, [u8]>;

/// How an event comes in a request (event-display.md 4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Attributes in headers, data as the body.
    Binary(SpecVersion),
    /// All of it in a JSON body.
    Structured,
}

impl Mode {
    /// The mode that the headers ask for; none takes batches.
    pub fn of(headers: &HeaderMap) -> Result<Self, Refusal> {
        let content_type = headers
            .get(CONTENT_TYPE)
            .map_or(&b""[..], |value| value.as_bytes());
        let essence = trim(
            content_type
                .split(|&b| b == b';')
                .next()
                .unwrap_or_default(),
        );
        if essence.eq_ignore_ascii_case(b"application/cloudevents+json") {
            return Ok(Self::Structured);
        }
        if essence.eq_ignore_ascii_case(b"application/cloudevents-batch+json") {
            return Err(Refusal::Batch);
        }
        let version = headers.get("ce-specversion").map(HeaderValue::as_bytes);
        match version.and_then(SpecVersion::parse) {
            Some(version) => Ok(Self::Binary(version)),
            None => Err(Refusal::not_an_event(version)),
        }
    }
}

/// One event.
#[derive(Debug, Clone, PartialEq)]
pub struct Event<'a> {
    /// `specversion`
    pub spec_version: SpecVersion,
    /// `id`
    pub id: Text<'a>,
    /// `type`
    pub ty: Text<'a>,
    /// `source`, as Go prints it.
    pub source: Vec<u8>,
    /// `subject`
    pub subject: Option<Text<'a>>,
    /// `time`
    pub time: Option<DateTime<Utc>>,
    /// `dataschema` or `schemaurl`.
    pub schema: Option<Schema>,
    /// `datacontenttype`
    pub content_type: Option<Text<'a>>,
    /// `datacontentencoding` of version 0.3.
    pub content_encoding: Option<Text<'a>>,
    /// In the order of their names, each name once.
    pub extensions: Vec<Extension<'a>>,
    /// The data, if there is any.
    pub data: Option<Data>,
}

/// An extension attribute.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Extension<'a> {
    /// Its name.
    pub name: Text<'a>,
    /// Its value, as it is printed.
    pub value: Text<'a>,
    /// Whether it came as a JSON number, `true` or `false`, and not as text.
    pub is_bare: bool,
}

/// Where the schema of the data is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schema {
    /// As Go prints it.
    pub text: Vec<u8>,
    /// Whether it has a scheme.
    pub is_absolute: bool,
}

/// The data of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Data {
    /// A piece of the body, or what was decoded from it.
    pub bytes: Bytes,
    /// Whether it came as base64.
    pub was_base64: bool,
}

impl<'a> Event<'a> {
    /// Reads the event of a request and checks it.
    pub fn read(mode: Mode, headers: &'a HeaderMap, body: &'a Bytes) -> Result<Self, Refusal> {
        let event = match mode {
            Mode::Binary(version) => binary::read(version, headers, body)?,
            Mode::Structured => structured::read(body)?,
        };
        let violations = validate::check(&event);
        if violations.is_empty() {
            Ok(event)
        } else {
            Err(Refusal::Invalid(violations))
        }
    }

    fn new(spec_version: SpecVersion) -> Self {
        Self {
            spec_version,
            id: Cow::Borrowed(b""),
            ty: Cow::Borrowed(b""),
            source: Vec::new(),
            subject: None,
            time: None,
            schema: None,
            content_type: None,
            content_encoding: None,
            extensions: Vec::new(),
            data: None,
        }
    }

    /// The content type up to its parameters; the blanks around it only go where there are some
    /// (event-display.md 3).
    pub fn media_type(&self) -> Option<&[u8]> {
        let text = self.content_type.as_deref()?;
        let end = text.iter().position(|&b| b == b';');
        Some(end.map_or(text, |end| trim(&text[..end])))
    }
}

fn read_source(text: &[u8]) -> Result<Vec<u8>, Refusal> {
    match Url::parse(text) {
        Ok(url) => Ok(url.to_bytes()),
        Err(error) => Err(Refusal::attribute("source", text, error)),
    }
}

fn read_time(text: &[u8]) -> Result<DateTime<Utc>, Refusal> {
    adapter::go::time::parse(text).map_err(|error| Refusal::attribute("time", text, error))
}

impl Schema {
    fn read(name: &'static str, text: &[u8]) -> Result<Self, Refusal> {
        match Url::parse(text) {
            Ok(url) => Ok(Self {
                text: url.to_bytes(),
                is_absolute: !url.scheme().is_empty(),
            }),
            Err(error) => Err(Refusal::attribute(name, text, error)),
        }
    }
}
