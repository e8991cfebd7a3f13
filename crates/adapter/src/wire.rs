//! Event to HTTP request: binary mode, spelled exactly as the contract says.
//!
//! Pure. An event becomes a [`Message`] once; every attempt sends the same bytes of it.
//! Contract: `adapter-runtime.md` 2.1 to 2.3 and 2.6.

mod blank;

use bytes::Bytes;
use cloudevents::event::ExtensionValue;
use cloudevents::{AttributesReader, Data, Event};
use http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};

pub use self::blank::Blank;
use crate::event::{NameError, check_extension_name};
use crate::go;

const ID: HeaderName = HeaderName::from_static("ce-id");
const SOURCE: HeaderName = HeaderName::from_static("ce-source");
const SPECVERSION: HeaderName = HeaderName::from_static("ce-specversion");
const SUBJECT: HeaderName = HeaderName::from_static("ce-subject");
const DATASCHEMA: HeaderName = HeaderName::from_static("ce-dataschema");
const TIME: HeaderName = HeaderName::from_static("ce-time");
const TYPE: HeaderName = HeaderName::from_static("ce-type");

/// An event ready to be sent: the headers and the body, the same in every attempt.
#[derive(Clone, Debug)]
pub struct Message {
    headers: HeaderMap,
    body: Bytes,
}

impl Message {
    /// The headers of every attempt.
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// A header that is not part of the event, such as `Kn-Namespace`.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    /// The event's data.
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// The `id` of the event, as a log line names it.
    pub fn id(&self) -> &str {
        self.text(&ID)
    }

    /// The `type` of the event.
    pub fn ty(&self) -> &str {
        self.text(&TYPE)
    }

    /// The `source` of the event.
    pub fn source(&self) -> &str {
        self.text(&SOURCE)
    }

    /// The `subject` of the event, if it has one.
    pub fn subject(&self) -> Option<&str> {
        self.optional_text(&SUBJECT)
    }

    /// The `datacontenttype` of the event, if it has one.
    pub fn content_type(&self) -> Option<&str> {
        self.optional_text(&CONTENT_TYPE)
    }

    fn text(&self, name: &HeaderName) -> &str {
        self.optional_text(name).unwrap_or_default()
    }

    fn optional_text(&self, name: &HeaderName) -> Option<&str> {
        // Every value was made from a `str`, so it is UTF-8 again.
        self.headers
            .get(name)
            .and_then(|value| str::from_utf8(value.as_bytes()).ok())
    }
}

/// An event that no request can carry. It is final: no attempt is made (2.2).
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the event cannot be sent: attribute {attribute:?} {reason}")]
pub struct InvalidEvent {
    /// The `id` of the event, for the log.
    pub id: String,
    /// The attribute or extension at fault.
    pub attribute: String,
    /// What is wrong with it; never the value itself.
    pub reason: Reason,
}

/// What is wrong with an attribute.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// A required attribute without text.
    #[error("must not be empty")]
    Empty,
    /// A byte that no HTTP header may hold.
    #[error("holds a control character, which no HTTP header can carry")]
    ControlCharacter,
    /// Not a URI reference.
    #[error("is not a URI reference: {0}")]
    Uri(go::url::UrlError),
    /// Not a media type.
    #[error("is not a media type: {0}")]
    MediaType(go::media_type::MediaTypeError),
    /// Not a possible extension name.
    #[error("is not a possible name: {0}")]
    Name(NameError),
    /// Beyond the signed 32-bit range of CloudEvents.
    #[error("is {0}, outside of the 32-bit range of CloudEvents integers")]
    Range(i64),
}

/// Encodes an event in binary mode. `time` must be set by whoever built the event.
pub fn encode(mut event: Event) -> Result<Message, InvalidEvent> {
    let headers = headers(&event).map_err(|(attribute, reason)| InvalidEvent {
        id: event.id().to_owned(),
        attribute,
        reason,
    })?;
    Ok(Message {
        headers,
        body: body(event.take_data().2),
    })
}

/// The attribute at fault and what is wrong with it.
type Fault = (String, Reason);

fn headers(event: &Event) -> Result<HeaderMap, Fault> {
    let mut headers = HeaderMap::with_capacity(16);
    required(&mut headers, ID, "id", event.id())?;
    required(&mut headers, TYPE, "type", event.ty())?;
    headers.insert(SOURCE, source(event.source())?);
    headers.insert(SPECVERSION, HeaderValue::from_static("1.0"));
    optional(&mut headers, SUBJECT, "subject", event.subject())?;
    optional(
        &mut headers,
        DATASCHEMA,
        "dataschema",
        event.dataschema().map(url::Url::as_str),
    )?;
    if let Some(time) = event.time() {
        headers.insert(TIME, value("time", &go::time::format(*time))?);
    }
    if let Some(media_type) = event.datacontenttype() {
        content_type(&mut headers, media_type)?;
    }
    extensions(&mut headers, event)?;
    Ok(headers)
}

fn required(
    headers: &mut HeaderMap,
    name: HeaderName,
    attribute: &str,
    text: &str,
) -> Result<(), Fault> {
    optional(headers, name.clone(), attribute, Some(text))?;
    if headers.contains_key(name) {
        Ok(())
    } else {
        Err(invalid(attribute, Reason::Empty))
    }
}

/// Trims white space; a blank attribute is unset (2.2).
fn optional(
    headers: &mut HeaderMap,
    name: HeaderName,
    attribute: &str,
    text: Option<&str>,
) -> Result<(), Fault> {
    if let Some(text) = text.map(str::trim).filter(|text| !text.is_empty()) {
        headers.insert(name, value(attribute, text)?);
    }
    Ok(())
}

fn source(text: &str) -> Result<HeaderValue, Fault> {
    let url = go::url::Url::parse(text.as_bytes())
        .map_err(|error| invalid("source", Reason::Uri(error)))?;
    let printed = url.to_bytes();
    if printed.is_empty() {
        return Err(invalid("source", Reason::Empty));
    }
    HeaderValue::from_bytes(&printed).map_err(|_| invalid("source", Reason::ControlCharacter))
}

fn content_type(headers: &mut HeaderMap, text: &str) -> Result<(), Fault> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(());
    }
    go::media_type::validate(text.as_bytes())
        .map_err(|error| invalid("datacontenttype", Reason::MediaType(error)))?;
    headers.insert(CONTENT_TYPE, value("datacontenttype", text)?);
    Ok(())
}

fn extensions(headers: &mut HeaderMap, event: &Event) -> Result<(), Fault> {
    let mut header = String::with_capacity(32);
    for (name, extension) in event.iter_extensions() {
        check_extension_name(name).map_err(|error| invalid(name, Reason::Name(error)))?;
        header.clear();
        header.push_str("ce-");
        header.extend(name.chars().map(|letter| letter.to_ascii_lowercase()));
        let header_name = HeaderName::from_bytes(header.as_bytes())
            .map_err(|_| invalid(name, Reason::Name(NameError::Characters)))?;
        headers.insert(header_name, extension_value(name, extension)?);
    }
    Ok(())
}

fn extension_value(name: &str, extension: &ExtensionValue) -> Result<HeaderValue, Fault> {
    match extension {
        ExtensionValue::String(text) => value(name, text),
        ExtensionValue::Boolean(true) => Ok(HeaderValue::from_static("true")),
        ExtensionValue::Boolean(false) => Ok(HeaderValue::from_static("false")),
        ExtensionValue::Integer(integer) => i32::try_from(*integer)
            .map(HeaderValue::from)
            .map_err(|_| invalid(name, Reason::Range(*integer))),
    }
}

/// Raw UTF-8, not percent-encoded; blanks and tabs around it never reach the wire (2.6).
fn value(attribute: &str, text: &str) -> Result<HeaderValue, Fault> {
    HeaderValue::from_bytes(text.trim_matches([' ', '\t']).as_bytes())
        .map_err(|_| invalid(attribute, Reason::ControlCharacter))
}

fn body(data: Option<Data>) -> Bytes {
    match data {
        None => Bytes::new(),
        Some(Data::Binary(bytes)) => bytes.into(),
        Some(Data::String(text)) => text.into(),
        Some(Data::Json(json)) => json.to_string().into(),
    }
}

fn invalid(attribute: &str, reason: Reason) -> Fault {
    (attribute.to_owned(), reason)
}

#[cfg(test)]
mod tests;
