//! Which entries are wanted, and lists of them.
//!
//! A list is found first, as numbers, and written while it is sent: it holds no entry that the
//! history has let go.

use std::convert::Infallible;
use std::sync::Arc;

use axum::body::Body;
use bytes::Bytes;
use futures::stream;

use super::entry::{Entry, Kept};
use super::history::History;
use super::row;
use crate::json::Object;

/// Entries that are looked at together, and bytes after which a piece of a list goes out.
const ENTRIES: usize = 500;
const PIECE: usize = 64 << 10;

/// Which entries are wanted, and how much of each.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Wanted {
    /// Only those of this type.
    pub ty: Option<Vec<u8>>,
    /// Only those of this source.
    pub source: Option<Vec<u8>>,
    /// Without the events themselves.
    pub rows_only: bool,
}

impl Wanted {
    pub(super) fn fits(&self, entry: &Entry) -> bool {
        if self.ty.is_none() && self.source.is_none() {
            return true;
        }
        let is = |wanted: &Option<Vec<u8>>, found: Option<&[u8]>| {
            wanted.as_deref().is_none_or(|wanted| found == Some(wanted))
        };
        match entry.outcome() {
            Kept::Printed { ty, source, .. } => {
                is(&self.ty, Some(ty)) && is(&self.source, Some(source))
            }
            Kept::Refused(_) => {
                let (ty, source) = row::type_and_source(entry);
                is(&self.ty, ty.as_deref()) && is(&self.source, source.as_deref())
            }
        }
    }

    pub(super) fn write(&self, entry: &Entry, history: &History, out: &mut Vec<u8>) {
        if self.rows_only {
            row::write_row(entry, history.epoch(), out);
        } else {
            row::write_event(entry, history.epoch(), out);
        }
    }
}

/// Which part of the history a list is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// The newest entries that are wanted.
    Last,
    /// The first ones behind this number.
    After(u64),
}

/// A list of at most `limit` entries, in the order in which they arrived.
pub(super) fn list(history: &Arc<History>, wanted: Wanted, part: Part, limit: usize) -> Body {
    let found = find(history, &wanted, part, limit);
    let mut head = Vec::new();
    Object::write(&mut head, |object| {
        object.text("epoch", history.epoch().to_string().as_bytes());
        object.text("last", history.epoch().key(found.last).as_bytes());
        object.bare("missed", found.missed);
        object.name(b"events").push(b'[');
    });
    head.pop();
    let history = Arc::clone(history);
    let mut numbers = found.numbers.into_iter();
    let mut begun = Some(head);
    let mut is_first = true;
    let pieces = std::iter::from_fn(move || {
        let mut out = begun.take()?;
        for number in numbers.by_ref() {
            // Gone meanwhile: as if the request had come a little later.
            let Some(entry) = history.get(number) else {
                continue;
            };
            if !std::mem::replace(&mut is_first, false) {
                out.push(b',');
            }
            wanted.write(&entry, &history, &mut out);
            if out.len() >= PIECE {
                begun = Some(Vec::new());
                return Some(out);
            }
        }
        out.extend_from_slice(b"]}\n");
        Some(out)
    });
    Body::from_stream(stream::iter(
        pieces.map(|piece| Ok::<_, Infallible>(Bytes::from(piece))),
    ))
}

/// What a list is made of: numbers only, for entries may go while it is sent.
struct Found {
    numbers: Vec<u64>,
    /// Where the next list begins.
    last: u64,
    missed: u64,
}

fn find(history: &History, wanted: &Wanted, part: Part, limit: usize) -> Found {
    let (oldest, newest) = history.ends();
    let mut at = match part {
        Part::Last => oldest,
        Part::After(number) => number,
    };
    let mut found = Found {
        numbers: Vec::new(),
        last: newest,
        missed: 0,
    };
    loop {
        let piece = history.after(at, ENTRIES);
        found.missed += piece.missed;
        let Some(last) = piece.entries.last() else {
            break;
        };
        at = last.seq();
        let fitting = piece.entries.iter().filter(|entry| wanted.fits(entry));
        found.numbers.extend(fitting.map(|entry| entry.seq()));
        if part != Part::Last && found.numbers.len() > limit {
            found.numbers.truncate(limit);
            found.last = found.numbers.last().copied().unwrap_or(at);
            return found;
        }
    }
    if part == Part::Last {
        found.missed = 0;
        let too_many = found.numbers.len().saturating_sub(limit);
        found.numbers.drain(..too_many);
    }
    found.last = at.max(found.last);
    found
}
