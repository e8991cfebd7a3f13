//! Structured mode: the whole event as one JSON object (event-display.md 4.3, 4.4).
//!
//! First the members are found, then read: the order in which they stand only matters where
//! upstream's answer depends on it, too.

use std::borrow::Cow;
use std::ops::Range;

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{GeneralPurpose, GeneralPurposeConfig};
use bytes::Bytes;

use super::{Data, Event, Extension, Schema, SpecVersion, Text, Violation, read_source, read_time};
use crate::json;
use crate::refusal::{Identity, Refusal};

/// More extension attributes than this are refused: a body can hold millions, each of which costs
/// ten times its bytes.
const MAX_EXTENSIONS: usize = 10_000;

/// Go's decoder takes any bits behind the last byte.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true),
);

/// Places of the values in the body. Of repeated members the last one counts.
#[derive(Default)]
struct Members<'a> {
    version: Option<Range<usize>>,
    id: Option<Range<usize>>,
    ty: Option<Range<usize>>,
    source: Option<Range<usize>>,
    subject: Option<Range<usize>>,
    time: Option<Range<usize>>,
    content_type: Option<Range<usize>>,
    content_type_follows_version: bool,
    /// Both, since which of them is an attribute depends on the version.
    schemas: [Option<Range<usize>>; 2],
    content_encoding: Option<Range<usize>>,
    data: Option<Range<usize>>,
    data_base64: Option<Range<usize>>,
    extensions: Vec<(Text<'a>, Range<usize>)>,
    /// An empty name was met: upstream reads no further.
    is_over: bool,
    problem: Option<Refusal>,
}

impl<'a> Members<'a> {
    /// `Ok(None)` if the body is JSON but no object.
    fn find(body: &'a [u8]) -> Result<Option<Self>, Refusal> {
        let mut members = Self::default();
        let is_object = json::members(body, |name, place| members.add(name, place))
            .map_err(|error| Refusal::Json(error.to_string()))?;
        match members.problem.take() {
            Some(problem) => Err(problem),
            None => Ok(is_object.then_some(members)),
        }
    }

    fn add(&mut self, name: Text<'a>, place: Range<usize>) {
        if self.is_over || self.problem.is_some() {
            return;
        }
        match &*name {
            b"" => self.is_over = true,
            b"specversion" if self.version.is_some() => self.repeated("specversion"),
            b"specversion" => self.version = Some(place),
            b"datacontenttype" if self.version.is_some() && self.content_type.is_some() => {
                self.repeated("datacontenttype");
            }
            b"datacontenttype" => {
                self.content_type_follows_version = self.version.is_some();
                self.content_type = Some(place);
            }
            b"id" => self.id = Some(place),
            b"type" => self.ty = Some(place),
            b"source" => self.source = Some(place),
            b"subject" => self.subject = Some(place),
            b"time" => self.time = Some(place),
            b"dataschema" => self.schemas[0] = Some(place),
            b"schemaurl" => self.schemas[1] = Some(place),
            b"datacontentencoding" => self.content_encoding = Some(place),
            b"data" => self.data = Some(place),
            b"data_base64" => self.data_base64 = Some(place),
            _ if self.extensions.len() == MAX_EXTENSIONS => {
                let reason = format!("more than {MAX_EXTENSIONS} extension attributes");
                self.problem = Some(Refusal::Json(reason));
            }
            _ => self.extensions.push((name, place)),
        }
    }

    fn repeated(&mut self, name: &'static str) {
        self.problem = Some(Refusal::attribute(name, b"", "it is given twice"));
    }

    /// What is an attribute in the one version is an extension in the other.
    fn settle(&mut self, version: SpecVersion) -> Option<Range<usize>> {
        let [dataschema, schemaurl] = std::mem::take(&mut self.schemas);
        let mut demote = |name: &'static str, place: Option<Range<usize>>| {
            let place = place.map(|place| (Cow::Borrowed(name.as_bytes()), place));
            self.extensions.extend(place);
        };
        match version {
            SpecVersion::V1 => {
                demote("schemaurl", schemaurl);
                demote("datacontentencoding", self.content_encoding.take());
                dataschema
            }
            SpecVersion::V03 => {
                demote("dataschema", dataschema);
                demote("data_base64", self.data_base64.take());
                schemaurl
            }
        }
    }
}

pub(super) fn read(body: &Bytes) -> Result<Event<'_>, Refusal> {
    let members = Members::find(body)?;
    let (version, mut members) = version(body, members)?;
    let mut event = Event::new(version);
    let text = |name, place: Option<Range<usize>>| match place {
        Some(place) => string(name, &body[place]),
        None => Ok(Cow::Borrowed(&b""[..])),
    };
    event.id = text("id", members.id.take())?;
    event.ty = text("type", members.ty.take())?;
    if let Some(place) = members.source.take() {
        let source = string("source", &body[place])?;
        if source.is_empty() {
            return Err(Refusal::attribute("source", b"", "it is empty"));
        }
        event.source = read_source(&source)?;
    }
    event.subject = present(text("subject", members.subject.take())?);
    let time = present(text("time", members.time.take())?);
    event.time = time.map(|time| read_time(&time)).transpose()?;
    let schema_place = members.settle(version);
    let schema = present(text(version.schema_name(), schema_place)?);
    // Unlike in a header, one that cannot be read counts as absent.
    event.schema = schema.and_then(|text| Schema::read(version.schema_name(), &text).ok());
    let is_late = members.content_type_follows_version;
    event.content_type = match members.content_type.take() {
        Some(place) => {
            Some(string("datacontenttype", &body[place])?).filter(|t| is_late || !t.is_empty())
        }
        None => None,
    };
    event.content_encoding = content_encoding(body, members.content_encoding.take())?;
    event.extensions = extensions(version, body, members.extensions)?;
    event.data = data(&event, body, members.data, members.data_base64)?;
    Ok(event)
}

fn version<'a>(
    body: &[u8],
    members: Option<Members<'a>>,
) -> Result<(SpecVersion, Members<'a>), Refusal> {
    let invalid =
        |text: Cow<'static, str>| Err(Refusal::Invalid(vec![Violation::new("specversion", text)]));
    let place = members.as_ref().and_then(|members| members.version.clone());
    let (Some(members), Some(place)) = (members, place) else {
        return invalid("no specversion".into());
    };
    let text = string("specversion", &body[place]).unwrap_or_default();
    match SpecVersion::parse(&text) {
        Some(version) => Ok((version, members)),
        None => invalid(format!("unknown value: {}", String::from_utf8_lossy(&text)).into()),
    }
}

/// Empty counts as absent.
fn present(text: Text<'_>) -> Option<Text<'_>> {
    (!text.is_empty()).then_some(text)
}

/// An attribute: a JSON string, or `null` for the empty text.
fn string<'a>(name: &'static str, value: &'a [u8]) -> Result<Text<'a>, Refusal> {
    let value = value.trim_ascii_start();
    match value {
        b"null" => Ok(Cow::Borrowed(b"")),
        [b'"', text @ .., b'"'] => Ok(json::unescape(text)),
        _ => Err(Refusal::attribute(name, b"", "it is not a JSON string")),
    }
}

/// Version 0.3 only; the answer is upstream's, of which one variant crashes it (8.1).
fn content_encoding(body: &[u8], place: Option<Range<usize>>) -> Result<Option<Text<'_>>, Refusal> {
    let Some(place) = place else { return Ok(None) };
    let text = string("datacontentencoding", &body[place])?;
    if *text == *b"base64" {
        return Ok(Some(text));
    }
    let reason = "invalid datacontentencoding value, the only allowed value is 'base64'";
    Err(Refusal::Invalid(vec![Violation::new(
        "datacontentencoding",
        reason,
    )]))
}

fn extensions<'a>(
    version: SpecVersion,
    body: &'a [u8],
    members: Vec<(Text<'a>, Range<usize>)>,
) -> Result<Vec<Extension<'a>>, Refusal> {
    let mut found = Vec::with_capacity(members.len());
    for (name, place) in members {
        let name = extension_name(version, name)?;
        let json = body[place].trim_ascii_start();
        let value = extension_value(&name, json)?;
        found.push((name, value, json.first() != Some(&b'"')));
    }
    // Stable, so that of repeated names the last one stays the last.
    found.sort_by(|(a, ..), (b, ..)| a.cmp(b));
    found.reverse();
    found.dedup_by(|(later, ..), (kept, ..)| later == kept);
    found.reverse();
    let present = found.into_iter().filter_map(|(name, value, is_bare)| {
        Some(Extension {
            name,
            value: value?,
            is_bare,
        })
    });
    Ok(present.collect())
}

fn extension_name(version: SpecVersion, name: Text<'_>) -> Result<Text<'_>, Refusal> {
    let lower = name.to_ascii_lowercase();
    let is_attribute = match version {
        SpecVersion::V1 => matches!(
            &*lower,
            b"id"
                | b"source"
                | b"type"
                | b"datacontenttype"
                | b"subject"
                | b"time"
                | b"specversion"
                | b"dataschema"
        ),
        SpecVersion::V03 => matches!(
            &*lower,
            b"id"
                | b"source"
                | b"type"
                | b"datacontenttype"
                | b"subject"
                | b"time"
                | b"schemaurl"
                | b"datacontentencoding"
        ),
    };
    let is_well_formed = match version {
        SpecVersion::V1 => name.iter().all(u8::is_ascii_alphanumeric),
        SpecVersion::V03 => true,
    };
    if is_attribute || !is_well_formed {
        return Err(Refusal::extension_name(&name));
    }
    // Only in version 1.0 upper and lower case are the same.
    Ok(if version == SpecVersion::V1 && *lower != *name {
        Cow::Owned(lower)
    } else {
        name
    })
}

/// The value as it is printed; `None` for `null`, which means no such attribute.
fn extension_value<'a>(name: &[u8], value: &'a [u8]) -> Result<Option<Text<'a>>, Refusal> {
    match value {
        b"null" => Ok(None),
        b"true" | b"false" => Ok(Some(Cow::Borrowed(value))),
        [b'"', text @ .., b'"'] => Ok(Some(json::unescape(text))),
        [b'{' | b'[', ..] => Err(Refusal::extension(name, "it is an object or a list")),
        number => integer(number)
            .map(|number| Some(Cow::Owned(number.to_string().into_bytes())))
            .ok_or_else(|| Refusal::extension(name, "the number does not fit 32 bits")),
    }
}

/// A number cut towards zero, if it lies between -2147483648 and 2147483647 before that.
#[expect(
    clippy::cast_possible_truncation,
    reason = "cutting is what the contract asks for"
)]
fn integer(number: &[u8]) -> Option<i32> {
    let number: f64 = std::str::from_utf8(number).ok()?.parse().ok()?;
    (f64::from(i32::MIN)..=f64::from(i32::MAX))
        .contains(&number)
        .then_some(number as i32)
}

fn data(
    event: &Event<'_>,
    body: &Bytes,
    data: Option<Range<usize>>,
    data_base64: Option<Range<usize>>,
) -> Result<Option<Data>, Refusal> {
    // Of both, the later one counts, and the heading says that one was binary.
    let was_base64 = data_base64.is_some() || event.content_encoding.is_some();
    let is_base64_later = match (&data, &data_base64) {
        (Some(data), Some(base64)) => base64.start > data.start,
        (_, base64) => base64.is_some(),
    };
    let Some(place) = (if is_base64_later { data_base64 } else { data }) else {
        return Ok(None);
    };
    let is_base64 = is_base64_later || event.content_encoding.is_some();
    let bytes = if is_base64 {
        decode_base64(&body[place])?
    } else if is_json(event.media_type()) {
        body.slice(place)
    } else {
        let text = string("data", &body[place])?;
        match text {
            Cow::Borrowed(text) => body.slice_ref(text),
            Cow::Owned(text) => Bytes::from(text),
        }
    };
    Ok(Some(Data { bytes, was_base64 }))
}

/// Media types whose data is JSON inside JSON; by upstream's list, without `+json`.
fn is_json(media_type: Option<&[u8]>) -> bool {
    matches!(
        media_type.unwrap_or_default(),
        b"" | b"application/json"
            | b"text/json"
            | b"application/cloudevents+json"
            | b"application/cloudevents-batch+json"
    )
}

fn decode_base64(value: &[u8]) -> Result<Bytes, Refusal> {
    let wrong = |reason| Refusal::attribute("data_base64", b"", reason);
    let [b'"', text @ .., b'"'] = value.trim_ascii_start() else {
        return Err(wrong("it is not a JSON string"));
    };
    let decoded = BASE64.decode(json::unescape(text));
    decoded
        .map(Bytes::from)
        .map_err(|_| wrong("it is not standard base64 with padding"))
}

/// What a refused body says about its event, as far as it can be read.
pub fn identity(body: &[u8]) -> Identity {
    let mut identity = Identity::default();
    // Members in front of an error are worth showing, too.
    let _ = json::members(body, |name, place| {
        if let Ok(value) = string("", &body[place]) {
            identity.note(&name, &value);
        }
    });
    identity
}
