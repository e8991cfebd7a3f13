//! Binary mode: attributes in headers (event-display.md 4.2, 4.4).

use std::borrow::Cow;

use adapter::go::media_type::trim;
use bytes::Bytes;
use chrono::{DateTime, NaiveDate, Utc};
use http::HeaderMap;
use http::header::CONTENT_TYPE;

use super::{Data, Event, Extension, Schema, SpecVersion, Text, read_source, read_time};
use crate::refusal::Refusal;

const PREFIX: &str = "ce-";

pub(super) fn read<'a>(
    version: SpecVersion,
    headers: &'a HeaderMap,
    body: &Bytes,
) -> Result<Event<'a>, Refusal> {
    let mut event = Event::new(version);
    let mut last = None;
    for (name, value) in headers {
        // Values of one name come in a row; the first one counts.
        if last.replace(name) == Some(name) {
            continue;
        }
        if *name == CONTENT_TYPE {
            event.content_type = trimmed(value.as_bytes());
        } else if let Some(attribute) = name.as_str().strip_prefix(PREFIX) {
            set(&mut event, attribute, value.as_bytes())?;
        }
    }
    event.extensions.sort_unstable();
    if !body.is_empty() {
        event.data = Some(Data {
            bytes: body.clone(),
            was_base64: false,
        });
    }
    Ok(event)
}

fn set<'a>(event: &mut Event<'a>, name: &'a str, value: &'a [u8]) -> Result<(), Refusal> {
    let is_v03 = event.spec_version == SpecVersion::V03;
    match name {
        "specversion" => {}
        "id" => {
            event.id = Cow::Borrowed(trim(value));
            if event.id.is_empty() {
                return Err(Refusal::attribute("id", value, "it is empty"));
            }
        }
        "type" => event.ty = Cow::Borrowed(trim(value)),
        "source" => event.source = read_source(value)?,
        "subject" => event.subject = trimmed(value),
        "time" => event.time = Some(read_time(value)?).filter(|time| !is_zero(*time)),
        "dataschema" | "schemaurl" if name == event.spec_version.schema_name() => {
            let text = trim(value);
            let schema = || Schema::read(event.spec_version.schema_name(), text);
            event.schema = if text.is_empty() {
                None
            } else {
                Some(schema()?)
            };
        }
        // Upstream answers 200 or 500 here, as its map of headers happens to be ordered (4.4).
        "datacontentencoding" if is_v03 => {
            event.content_encoding = Some(value).filter(|v| !v.is_empty()).map(Cow::Borrowed);
        }
        "datacontenttype" => {
            let reason = "the header for it is Content-Type";
            return Err(Refusal::attribute("datacontenttype", value, reason));
        }
        _ if !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric()) => {
            event.extensions.push(Extension {
                name: Cow::Borrowed(name.as_bytes()),
                value: Cow::Borrowed(value),
                is_bare: false,
            });
        }
        _ => return Err(Refusal::extension_name(name.as_bytes())),
    }
    Ok(())
}

/// The value without white space around it; empty counts as absent.
fn trimmed(value: &[u8]) -> Option<Text<'_>> {
    Some(trim(value))
        .filter(|text| !text.is_empty())
        .map(Cow::Borrowed)
}

/// The instant that Go's `time.Time` has when nothing was set.
fn is_zero(time: DateTime<Utc>) -> bool {
    let first = NaiveDate::from_ymd_opt(1, 1, 1).and_then(|date| date.and_hms_opt(0, 0, 0));
    Some(time.naive_utc()) == first
}
