//! An event as JSON on one line: the JSON format of CloudEvents, in structured mode.
//!
//! What `DISPLAY_FORMAT=jsonl` prints and what the page gives to scripts. Numbers and the order of
//! members stay as they came. The text form is in `print`.

use adapter::go::time;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::event::{Data, Event, SpecVersion};
use crate::json::{Object, compact};
use crate::print::Printed;

/// The event and a line end.
pub fn line(event: &Event<'_>) -> Printed {
    let size = event.data.as_ref().map_or(0, |data| data.bytes.len());
    let mut out = Vec::with_capacity(512 + size + size / 2);
    write(event, &mut out);
    out.push(b'\n');
    out.into()
}

/// Appends the event.
pub fn write(event: &Event<'_>, out: &mut Vec<u8>) {
    Object::write(out, |object| {
        write_attributes(event, object);
        if let Some(data) = &event.data {
            write_data(event, data, object);
        } else {
            let encoding = event.content_encoding.as_deref();
            object.optional("datacontentencoding", encoding);
        }
    });
}

/// Appends the attributes, extensions included, as members.
fn write_attributes(event: &Event<'_>, object: &mut Object<'_>) {
    object.text("specversion", event.spec_version.as_str().as_bytes());
    object.text("type", &event.ty);
    object.text("source", &event.source);
    object.optional("subject", event.subject.as_deref());
    object.text("id", &event.id);
    if let Some(instant) = event.time {
        object.text("time", time::format(instant).as_bytes());
    }
    if let Some(schema) = &event.schema {
        object.text(event.spec_version.schema_name(), &schema.text);
    }
    object.optional("datacontenttype", event.content_type.as_deref());
    write_extensions(event, object);
}

/// Appends the extension attributes as members.
pub fn write_extensions(event: &Event<'_>, object: &mut Object<'_>) {
    for extension in &event.extensions {
        let name = String::from_utf8_lossy(&extension.name);
        if extension.is_bare {
            object.bare(&name, String::from_utf8_lossy(&extension.value));
        } else {
            object.text(&name, &extension.value);
        }
    }
}

fn write_data(event: &Event<'_>, data: &Data, object: &mut Object<'_>) {
    let text = std::str::from_utf8(&data.bytes).ok();
    let is_v1 = event.spec_version == SpecVersion::V1;
    // In binary mode of 0.3 the body is the encoded text already.
    let is_encoded = event.content_encoding.is_some() && !data.was_base64;
    match text {
        Some(text) if is_encoded => {
            write_encoded(text, object);
            return;
        }
        _ if data.was_base64 => {}
        _ if is_json(event.media_type()) => {
            let mut json = Vec::with_capacity(data.bytes.len());
            if compact(&data.bytes, &mut json) {
                object.name(b"data").extend_from_slice(&json);
                return;
            }
        }
        Some(text) => {
            object.text("data", text.as_bytes());
            return;
        }
        None => {}
    }
    let encoded = STANDARD.encode(&data.bytes);
    if is_v1 {
        object.text("data_base64", encoded.as_bytes());
    } else {
        write_encoded(&encoded, object);
    }
}

/// Version 0.3 has a member that says how `data` is encoded.
fn write_encoded(text: &str, object: &mut Object<'_>) {
    object.text("datacontentencoding", b"base64");
    object.text("data", text.as_bytes());
}

/// Whether data of this type is JSON inside of JSON. Without a type it is: that is what a missing
/// `datacontenttype` means in this format.
fn is_json(media_type: Option<&[u8]>) -> bool {
    let media_type = media_type.unwrap_or_default().to_ascii_lowercase();
    media_type.is_empty() || media_type.ends_with(b"/json") || media_type.ends_with(b"+json")
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::{HeaderMap, HeaderName, HeaderValue};

    use super::*;
    use crate::event::Mode;

    fn event(headers: &[(&str, &str)], body: &[u8]) -> String {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            let name = HeaderName::from_bytes(name.as_bytes()).expect("a name");
            map.insert(
                name,
                HeaderValue::from_bytes(value.as_bytes()).expect("a value"),
            );
        }
        let body = Bytes::copy_from_slice(body);
        let mode = Mode::of(&map).expect("an event");
        let event = Event::read(mode, &map, &body).expect("a valid event");
        let mut out = Vec::new();
        write(&event, &mut out);
        String::from_utf8(out).expect("UTF-8")
    }

    fn binary(version: &str, headers: &[(&str, &str)], body: &[u8]) -> String {
        let mut all = vec![
            ("ce-specversion", version),
            ("ce-id", "1"),
            ("ce-type", "t"),
        ];
        all.push(("ce-source", "/s"));
        all.extend_from_slice(headers);
        let json = event(&all, body);
        let start = format!(r#"{{"specversion":"{version}","type":"t","source":"/s","id":"1""#);
        let rest = json
            .strip_prefix(&start)
            .unwrap_or_else(|| panic!("{json}"));
        rest.trim_start_matches(',').to_owned()
    }

    #[test]
    fn data_by_type() {
        for (content_type, body, expected) in [
            (
                "application/json",
                &b"{ \"a\": 1.50 }\n"[..],
                r#""data":{"a":1.50}}"#,
            ),
            ("text/JSON", b"[1, 2]", r#""data":[1,2]}"#),
            ("a/b+json; x=y", b"null", r#""data":null}"#),
            (
                "application/json",
                b"{\"a\":",
                r#""data_base64":"eyJhIjo="}"#,
            ),
            ("text/plain", b"\x1b[1mhi\n", r#""data":"\u001b[1mhi\n"}"#),
            ("text/plain", b"\xff", r#""data_base64":"/w=="}"#),
        ] {
            let json = binary("1.0", &[("content-type", content_type)], body);
            let (name, data) = json.split_once(',').expect("two members");
            assert_eq!(name, format!(r#""datacontenttype":"{content_type}""#));
            assert_eq!(data, expected);
        }
        assert_eq!(binary("1.0", &[], b""), "}");
        assert_eq!(binary("1.0", &[], b"1"), r#""data":1}"#);
        assert_eq!(binary("1.0", &[], b"word"), r#""data_base64":"d29yZA=="}"#);
    }

    #[test]
    fn version_0_3_says_how_data_is_encoded() {
        let text = ("content-type", "text/plain");
        assert!(
            binary("0.3", &[text], b"\xff")
                .ends_with(r#","datacontentencoding":"base64","data":"/w=="}"#)
        );
        let encoded = [text, ("ce-datacontentencoding", "base64")];
        assert!(
            binary("0.3", &encoded, b"/w==")
                .ends_with(r#","datacontentencoding":"base64","data":"/w=="}"#)
        );
        assert!(binary("0.3", &encoded, b"").ends_with(r#","datacontentencoding":"base64"}"#));
    }

    #[test]
    fn a_structured_event_comes_out_as_it_went_in() {
        let structured = [("content-type", "application/cloudevents+json")];
        for json in [
            r#"{"specversion":"1.0","type":"t","source":"/s","subject":"x","id":"1","time":"2026-11-22T18:06:35.12Z","dataschema":"http://x/y","datacontenttype":"application/json","b":true,"n":-3,"t":"true","data":{"z":1,"a":[1e400]}}"#,
            r#"{"specversion":"1.0","type":"t","source":"/s","id":"1","data":"text"}"#,
            r#"{"specversion":"1.0","type":"t","source":"/s","id":"1","data_base64":"AAE="}"#,
            r#"{"specversion":"0.3","type":"t","source":"/s","id":"1","schemaurl":"/y","datacontentencoding":"base64","data":"AAE="}"#,
            r#"{"specversion":"1.0","type":"t","source":"/s","id":"1","datacontenttype":"text/plain","data":"<script>\u001b"}"#,
        ] {
            assert_eq!(event(&structured, json.as_bytes()), json);
        }
    }
}
