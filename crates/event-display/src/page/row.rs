//! What viewers get of an entry, as JSON: its row in the list, and all of it.
//!
//! Made when it is asked for, from the request read again. Texts of a row are cut, so that a list
//! stays small whatever is sent; nothing is cut in the whole form.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use chrono::{DateTime, SecondsFormat, Utc};
use http::{HeaderMap, StatusCode};

use super::entry::{Entry, Kept};
use super::history::Epoch;
use crate::event::{Event, Mode};
use crate::json::{Object, write_text};
use crate::refusal::{Identity, Refusal};
use crate::structured;

/// Longest text of a row, and the length of a glance at the data, in bytes.
const SHORT: usize = 300;
const GLANCE: usize = 160;
/// Extension attributes that a row shows.
const EXTENSIONS: usize = 20;

/// A request read again.
struct Again {
    mode: Option<Mode>,
    headers: HeaderMap,
    body: Bytes,
}

impl Again {
    fn read(entry: &Entry) -> Self {
        let headers = entry.headers();
        Self {
            mode: Mode::of(&headers).ok(),
            headers,
            body: entry.body(),
        }
    }

    /// Its event, unless it has none or some of it was not kept.
    fn event(&self, entry: &Entry) -> Option<Event<'_>> {
        let mode = self.mode.filter(|_| entry.is_whole())?;
        Event::read(mode, &self.headers, &self.body).ok()
    }

    fn identity(&self) -> Identity {
        Identity::of(self.mode, &self.headers, &self.body)
    }
}

/// Type and source of an entry, as far as the request tells.
pub(super) fn type_and_source(entry: &Entry) -> (Option<Vec<u8>>, Option<Vec<u8>>) {
    match entry.outcome() {
        Kept::Printed { ty, source, .. } => (Some(ty.to_vec()), Some(source.to_vec())),
        Kept::Refused(_) => {
            let identity = Again::read(entry).identity();
            (
                identity.ty.map(String::into_bytes),
                identity.source.map(String::into_bytes),
            )
        }
    }
}

/// Appends the row of an entry.
pub(super) fn write_row(entry: &Entry, epoch: Epoch, out: &mut Vec<u8>) {
    entry.row(|out| make_row(entry, epoch, out), out);
}

/// Appends row and event.
pub(super) fn write_event(entry: &Entry, epoch: Epoch, out: &mut Vec<u8>) {
    write_row(entry, epoch, out);
    let again = Again::read(entry);
    if let Some(event) = again.event(entry) {
        Object::extend(out, |object| {
            structured::write(&event, object.name(b"event"));
        });
    }
}

/// Appends row, event and request.
pub(super) fn write_whole(entry: &Entry, epoch: Epoch, out: &mut Vec<u8>) {
    write_event(entry, epoch, out);
    Object::extend(out, |object| {
        object.object("request", |object| {
            object.text("head", entry.head());
            let body = entry.body();
            object.bare("size", entry.body_size());
            if std::str::from_utf8(&body).is_ok() {
                object.text("body", &body);
            } else {
                object.text("body_base64", STANDARD.encode(&body).as_bytes());
            }
        });
    });
}

fn make_row(entry: &Entry, epoch: Epoch, out: &mut Vec<u8>) {
    let again = Again::read(entry);
    let received = DateTime::<Utc>::from(entry.at()).to_rfc3339_opts(SecondsFormat::Millis, true);
    Object::write(out, |object| {
        object.text("key", epoch.key(entry.seq()).as_bytes());
        object.text("received", received.as_bytes());
        if let Some(peer) = entry.peer() {
            object.text("peer", peer.to_string().as_bytes());
        }
        if let Some(mode) = again.mode {
            object.text("mode", mode_name(mode));
        }
        match entry.outcome() {
            Kept::Printed { ty, source, size } => {
                object.bare("status", StatusCode::OK.as_u16());
                object.bare("size", size);
                if let Some(event) = again.event(entry) {
                    write_attributes(&event, object);
                } else {
                    let identity = again.identity();
                    object.text("type", &short(ty));
                    object.text("source", &short(source));
                    object.optional("id", identity.id.as_deref().map(str::as_bytes));
                }
            }
            Kept::Refused(refusal) => {
                object.bare("status", refusal.status().as_u16());
                object.bare("size", entry.body_size());
                let identity = again.identity();
                object.optional("type", identity.ty.as_deref().map(str::as_bytes));
                object.optional("source", identity.source.as_deref().map(str::as_bytes));
                object.optional("id", identity.id.as_deref().map(str::as_bytes));
                write_refusal(refusal, again.mode, object);
            }
        }
        if let Some(seq) = entry.repeats() {
            object.text("repeats", epoch.key(seq).as_bytes());
        }
        if !entry.is_whole() {
            object.bare("cut", true);
        }
    });
}

fn mode_name(mode: Mode) -> &'static [u8] {
    match mode {
        Mode::Binary(_) => b"binary",
        Mode::Structured => b"structured",
    }
}

fn write_attributes(event: &Event<'_>, object: &mut Object<'_>) {
    object.text("specversion", event.spec_version.as_str().as_bytes());
    object.text("type", &short(&event.ty));
    object.text("source", &short(&event.source));
    if let Some(subject) = &event.subject {
        object.text("subject", &short(subject));
    }
    object.text("id", &short(&event.id));
    if let Some(instant) = event.time {
        object.text("time", adapter::go::time::format(instant).as_bytes());
    }
    if let Some(content_type) = &event.content_type {
        object.text("datacontenttype", &short(content_type));
    }
    if !event.extensions.is_empty() {
        object.object("extensions", |object| {
            for extension in event.extensions.iter().take(EXTENSIONS) {
                let value = short(&extension.value);
                object.text(&String::from_utf8_lossy(&short(&extension.name)), &value);
            }
        });
    }
    let data = event.data.as_ref().map_or(&b""[..], |data| &data.bytes);
    if let Some(glance) = glance(data) {
        object.text("glance", glance.as_bytes());
    }
}

fn write_refusal(refusal: &Refusal, mode: Option<Mode>, object: &mut Object<'_>) {
    object.object("refused", |object| {
        object.text("reason", refusal.to_string().as_bytes());
        let attributes = refusal.attributes().unwrap_or_default();
        let attributes = attributes.split(',').filter(|name| !name.is_empty());
        let push = |out: &mut Vec<u8>, name: &str| write_text(out, name.as_bytes());
        object.list("attributes", attributes, push);
        object.list(
            "headers",
            refusal.headers(mode).iter().map(String::as_str),
            push,
        );
    });
}

/// The start of a text, up to a whole character.
fn short(text: &[u8]) -> Vec<u8> {
    if text.len() <= SHORT {
        return text.to_vec();
    }
    let mut start = whole_characters(&text[..SHORT]).to_vec();
    start.extend_from_slice("…".as_bytes());
    start
}

/// The start of data that is text.
fn glance(data: &[u8]) -> Option<&str> {
    let start = &data[..data.len().min(GLANCE)];
    let start = if start.len() < data.len() {
        whole_characters(start)
    } else {
        start
    };
    let text = std::str::from_utf8(start).ok()?;
    let is_text = !text.contains(|c: char| c.is_control() && !c.is_whitespace());
    (is_text && !text.is_empty()).then_some(text)
}

/// All of it but a character that was cut at the end.
fn whole_characters(text: &[u8]) -> &[u8] {
    let cut = (1..=text.len().min(3)).find(|&n| text[text.len() - n] >= 0xc0);
    match cut {
        Some(n) if std::str::from_utf8(&text[text.len() - n..]).is_err() => &text[..text.len() - n],
        _ => text,
    }
}
