//! The event of a tick: checked and encoded once per source, then stamped with id and time.
//!
//! Pure. Contract: pingsource.md 3.1 to 3.3.

use adapter::event::{NameError, Overrides};
use adapter::go;
use adapter::wire::{self, Blank, Message, Reason};
use base64::Engine as _;
use base64::alphabet;
use base64::engine::{GeneralPurpose, GeneralPurposeConfig};
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use cloudevents::{Event, EventBuilder, EventBuilderV10};
use http::{HeaderName, HeaderValue};
use uuid::Uuid;

use crate::agenda::Key;
use crate::source::Payload;

/// CloudEvents `type` of every event.
pub const TYPE: &str = "dev.knative.sources.ping";

const KN_NAMESPACE: HeaderName = HeaderName::from_static("kn-namespace");

/// A source's events are spread over this many milliseconds after the full second (3.4).
const SPREAD_MILLIS: u128 = 500;

/// Go's `StdEncoding`: padding is needed, bits behind the last byte do not matter.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true),
);

/// Who the events are from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// The namespace of the source.
    pub namespace: Box<str>,
    /// Its name.
    pub name: Box<str>,
    /// Its uid. Ids and the place in the spread come of it.
    pub uid: Box<str>,
}

impl Origin {
    /// `namespace/name`, by which sources are told apart and shared out to buckets (2.4).
    pub fn key(&self) -> Key {
        format!("{}/{}", self.namespace, self.name).into()
    }
}

/// Why a source can send no event at all.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    /// `dataBase64` that cannot be decoded.
    #[error("dataBase64 is not base64 with padding: {0}; an example is \"aGVsbG8=\"")]
    Base64(#[from] base64::DecodeError),
    /// A content type that upstream sends nothing with (3.3).
    #[error(
        "contentType {found:?} is not a media type: {reason}; an example is \"application/json\""
    )]
    ContentType {
        /// The text.
        found: String,
        /// Go's words about it.
        reason: go::media_type::MediaTypeError,
    },
    /// Anything else that no request can carry.
    #[error("attribute {attribute:?} {reason}")]
    Attribute {
        /// The attribute or extension.
        attribute: String,
        /// What is wrong with it.
        reason: Reason,
    },
}

/// The event of a source, all but its id and time; small, for there are thousands of them.
#[derive(Clone, Debug)]
pub struct Template {
    blank: Blank,
    ids: Uuid,
    rejected: Box<[(String, NameError)]>,
}

impl Template {
    /// Encodes what all events of a source have in common.
    ///
    /// An error means that no event of it may be sent (3.3). An override that no event can carry
    /// costs only itself: see [`Template::rejected`] (adapter-runtime.md 8.6).
    pub fn new(origin: &Origin, payload: &Payload) -> Result<Self, TemplateError> {
        let overrides = Overrides::from_pairs(payload.extensions.clone());
        let mut event = event(origin, payload)?;
        overrides.apply(&mut event);
        let namespace =
            HeaderValue::from_str(&origin.namespace).map_err(|_| TemplateError::Attribute {
                attribute: "namespace".to_owned(),
                reason: Reason::ControlCharacter,
            })?;
        let message = encode(event)?.with_header(KN_NAMESPACE, namespace);
        Ok(Self {
            blank: Blank::of(&message),
            ids: id_namespace(&origin.uid),
            rejected: overrides.rejected().into(),
        })
    }

    /// The event of the tick `scheduled`, sent at `now`; the same bytes in every attempt.
    ///
    /// The id is the same whoever sends that tick, so that a repeat can be told from an event.
    pub fn stamp(&self, scheduled: DateTime<Utc>, now: DateTime<Utc>) -> Message {
        let ascii = |text: String| {
            let Ok(value) = HeaderValue::try_from(text) else {
                unreachable!("an id and a time are letters, digits and signs")
            };
            value
        };
        self.blank
            .fill(ascii(self.id(scheduled)), ascii(go::time::format(now)))
    }

    /// The id of the tick `scheduled`.
    pub fn id(&self, scheduled: DateTime<Utc>) -> String {
        let instant = scheduled.to_rfc3339_opts(SecondsFormat::Secs, true);
        Uuid::new_v5(&self.ids, instant.as_bytes()).to_string()
    }

    /// An event of 1970, to look at what all of them have in common.
    pub fn sample(&self) -> Message {
        self.stamp(DateTime::UNIX_EPOCH, DateTime::UNIX_EPOCH)
    }

    /// The source's own place in the spread: whole milliseconds from 0 to 499, for ever the same.
    pub fn spread(&self) -> TimeDelta {
        let millis = Uuid::new_v5(&self.ids, b"spread").as_u128() % SPREAD_MILLIS;
        TimeDelta::milliseconds(i64::try_from(millis).unwrap_or_default())
    }

    /// Overrides that were dropped, and why.
    pub fn rejected(&self) -> &[(String, NameError)] {
        &self.rejected
    }
}

/// `spec` as an event without its own id and time.
fn event(origin: &Origin, payload: &Payload) -> Result<Event, TemplateError> {
    let Origin {
        namespace, name, ..
    } = origin;
    let builder = EventBuilderV10::new()
        .id("-")
        .source(format!(
            "/apis/v1/namespaces/{namespace}/pingsources/{name}"
        ))
        .ty(TYPE);
    let (body, content_type) = (body(payload)?, payload.content_type.trim());
    let Ok(mut event) = builder.build() else {
        unreachable!("id, source and type are set and not empty");
    };
    // Without a body there is no content type either, not even a bad one (3.1, 3.3).
    match (body.is_empty(), content_type) {
        (true, _) => {}
        (false, "") => drop(event.set_data_unchecked(body)),
        (false, content_type) => drop(event.set_data(content_type, body)),
    }
    Ok(event)
}

fn encode(event: Event) -> Result<Message, TemplateError> {
    let content_type = cloudevents::AttributesReader::datacontenttype(&event).map(str::to_owned);
    wire::encode(event).map_err(|error| match (error.reason, content_type) {
        (Reason::MediaType(reason), Some(found)) => TemplateError::ContentType { found, reason },
        (reason, _) => TemplateError::Attribute {
            attribute: error.attribute,
            reason,
        },
    })
}

/// The bytes of `dataBase64`, else those of `data` (3.2).
fn body(payload: &Payload) -> Result<Vec<u8>, TemplateError> {
    if payload.data_base64.is_empty() {
        return Ok(payload.data.as_bytes().to_vec());
    }
    // Block scalars of YAML hold line ends.
    let text: Vec<u8> = payload
        .data_base64
        .bytes()
        .filter(|byte| !matches!(byte, b'\r' | b'\n'))
        .collect();
    Ok(BASE64.decode(text)?)
}

/// What the ids of a source are derived from: its uid, which is a UUID on every cluster.
fn id_namespace(uid: &str) -> Uuid {
    Uuid::try_parse(uid).unwrap_or_else(|_| Uuid::new_v5(&Uuid::NAMESPACE_OID, uid.as_bytes()))
}

#[cfg(test)]
mod tests;
