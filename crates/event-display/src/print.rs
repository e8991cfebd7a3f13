//! The text of an event, byte for byte as upstream prints it (event-display.md 3).

use adapter::go::time;
use bytes::Bytes;

use crate::event::{Data, Event};
use crate::json::{self, Layout};

/// Cloud, variation selector 16, two blanks.
const FIRST_LINE: &str = "\u{2601}\u{fe0f}  cloudevents.Event\nContext Attributes,\n";
/// Data up to this size is copied behind the attributes; larger data is written from where it is.
const COPIED: usize = 16 << 10;

/// A printed event, in up to three pieces that belong together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Printed {
    /// The attributes; and the data, unless it is large.
    text: Vec<u8>,
    data: Bytes,
    end: &'static [u8],
}

impl Printed {
    /// The pieces in order; some may be empty.
    pub fn pieces(&self) -> [&[u8]; 3] {
        [&self.text, &self.data, self.end]
    }

    /// Bytes of all pieces together.
    pub fn len(&self) -> usize {
        self.text.len() + self.data.len() + self.end.len()
    }

    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl From<Vec<u8>> for Printed {
    fn from(text: Vec<u8>) -> Self {
        Self {
            text,
            ..Self::default()
        }
    }
}

/// Prints an event.
pub fn print(event: &Event<'_>) -> Printed {
    let mut text = Vec::with_capacity(512 + event.data.as_ref().map_or(0, room));
    text.extend_from_slice(FIRST_LINE.as_bytes());
    print_attributes(event, &mut text);
    if !event.extensions.is_empty() {
        text.extend_from_slice(b"Extensions,\n");
        for extension in &event.extensions {
            line(&mut text, &extension.name, &extension.value);
        }
    }
    match &event.data {
        Some(data) => print_data(event, data, text),
        None => text.into(),
    }
}

/// A guess of what small data takes with its indentation.
fn room(data: &Data) -> usize {
    if data.bytes.len() > COPIED {
        0
    } else {
        json::indented_room(data.bytes.len())
    }
}

fn print_attributes(event: &Event<'_>, out: &mut Vec<u8>) {
    line(out, b"specversion", event.spec_version.as_str().as_bytes());
    line(out, b"type", &event.ty);
    line(out, b"source", &event.source);
    if let Some(subject) = &event.subject {
        line(out, b"subject", subject);
    }
    line(out, b"id", &event.id);
    if let Some(instant) = event.time {
        line(out, b"time", time::format(instant).as_bytes());
    }
    if let Some(schema) = &event.schema {
        line(
            out,
            event.spec_version.schema_name().as_bytes(),
            &schema.text,
        );
    }
    if let Some(content_type) = &event.content_type {
        line(out, b"datacontenttype", content_type);
    }
    if let Some(content_encoding) = &event.content_encoding {
        line(out, b"datacontentencoding", content_encoding);
    }
}

fn line(out: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    for piece in [b"  ", name, b": ", value, b"\n"] {
        out.extend_from_slice(piece);
    }
}

fn print_data(event: &Event<'_>, data: &Data, mut text: Vec<u8>) -> Printed {
    text.extend_from_slice(if data.was_base64 {
        b"Data (binary),\n  "
    } else {
        b"Data,\n  "
    });
    let is_json = event.media_type() == Some(b"application/json");
    if is_json && json::pretty(&data.bytes, &mut text) != Layout::None {
        text.push(b'\n');
        return text.into();
    }
    if data.bytes.len() <= COPIED {
        text.extend_from_slice(&data.bytes);
        text.push(b'\n');
        return text.into();
    }
    Printed {
        text,
        data: data.bytes.clone(),
        end: b"\n",
    }
}
