//! One request as it is kept: head and body in one piece of memory, as exact as the bound must be.
//!
//! hyper's pieces are not kept: each would hold the whole buffer that it was read into. Nothing is
//! read out of an entry before a viewer asks; that is in `row`.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

use adapter::server::Peer;
use bytes::Bytes;
use http::header::{AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Version};

use super::history::Seen;
use super::stats::Shared;
use crate::head;
use crate::refusal::Refusal;

/// Bodies up to this size are kept whole.
const WHOLE: usize = 1 << 20;
/// What is kept of a longer body, and the most of a head.
const PART: usize = 64 << 10;
/// What an entry takes beside head and body: its own fields, its row, its places in the maps.
const OVERHEAD: usize = 2048;
/// Longest row that is kept; a longer one is made anew for each viewer.
const KEPT_ROW: usize = 1024;
const VERSION: &[u8; 11] = b" HTTP/1.1\r\n";
/// What stands for a value that is nobody's business.
const HIDDEN: &[u8] = b"(hidden)";

/// A request, copied.
#[derive(Debug)]
pub(super) struct Recorded {
    /// Head and body.
    text: Bytes,
    head: usize,
    /// Bytes of the body as it came.
    pub(super) size: usize,
    is_whole: bool,
    peer: Option<SocketAddr>,
}

impl Recorded {
    /// Copies a request; of a body with more than `room` bytes only the beginning.
    pub(super) fn new(parts: &Parts, body: &Bytes, room: usize) -> Self {
        let room = room.min(WHOLE);
        let kept = if body.len() <= room {
            body.len()
        } else {
            room.min(PART)
        };
        let mut text = Vec::with_capacity(head_room(parts).min(PART) + kept);
        let is_whole_head = push_head(parts, room.min(PART), &mut text);
        let head = text.len();
        text.extend_from_slice(&body[..kept]);
        Self {
            // What was hidden or left out must not take room that nobody counts.
            text: text.into_boxed_slice().into(),
            head,
            size: body.len(),
            is_whole: is_whole_head && kept == body.len(),
            peer: parts.extensions.get::<Peer>().map(|peer| peer.0),
        }
    }
}

/// The bytes of a head; more if some of it is hidden or left out.
fn head_room(parts: &Parts) -> usize {
    let first = parts.method.as_str().len() + head::target(&parts.uri).len() + VERSION.len() + 1;
    let line = |(name, value): (&HeaderName, &HeaderValue)| name.as_str().len() + value.len() + 4;
    first + parts.headers.iter().map(line).sum::<usize>() + 2
}

/// Appends the head as it would look on the wire; `false` if some of it had to be left out.
fn push_head(parts: &Parts, room: usize, text: &mut Vec<u8>) -> bool {
    let whole_target = head::target(&parts.uri);
    let target = &whole_target.as_bytes()[..whole_target.len().min(room / 2)];
    let version = if parts.version == Version::HTTP_10 {
        b" HTTP/1.0\r\n"
    } else {
        VERSION
    };
    for piece in [parts.method.as_str().as_bytes(), b" ", target, version] {
        text.extend_from_slice(piece);
    }
    let mut is_whole = target.len() == whole_target.len();
    for (name, value) in &parts.headers {
        let value = if [AUTHORIZATION, PROXY_AUTHORIZATION, COOKIE].contains(name) {
            HIDDEN
        } else {
            value.as_bytes()
        };
        if text.len() + name.as_str().len() + value.len() + 6 > room {
            is_whole = false;
            continue;
        }
        for piece in [name.as_str().as_bytes(), b": ", value, b"\r\n"] {
            text.extend_from_slice(piece);
        }
    }
    text.extend_from_slice(b"\r\n");
    is_whole
}

/// What became of a request.
#[derive(Debug)]
pub(super) enum Outcome {
    /// Its event was printed.
    Printed(Seen),
    /// It was refused.
    Refused(Refusal),
}

/// A kept request.
#[derive(Debug)]
pub(super) struct Entry {
    seq: u64,
    at: SystemTime,
    recorded: Recorded,
    outcome: Kept,
    twin: Option<u64>,
    repeats: Option<u64>,
    row: OnceLock<Box<[u8]>>,
}

/// An outcome with as little as is needed later.
#[derive(Debug)]
pub(super) enum Kept {
    /// An event.
    Printed {
        /// `type`
        ty: Arc<[u8]>,
        /// `source`
        source: Arc<[u8]>,
        /// Bytes of the data.
        size: usize,
    },
    /// Why it was refused.
    Refused(Refusal),
}

impl Entry {
    pub(super) fn new(
        recorded: Recorded,
        outcome: Outcome,
        shared: Shared,
        (seq, at): (u64, SystemTime),
        (twin, repeats): (Option<u64>, Option<u64>),
    ) -> Self {
        let outcome = match (outcome, shared) {
            (Outcome::Printed(seen), shared) => {
                let (ty, source) = shared.unwrap_or_default();
                let size = seen.size;
                Kept::Printed { ty, source, size }
            }
            (Outcome::Refused(refusal), _) => Kept::Refused(refusal),
        };
        Self {
            seq,
            at,
            recorded,
            outcome,
            twin,
            repeats,
            row: OnceLock::new(),
        }
    }

    /// Its number.
    pub(super) fn seq(&self) -> u64 {
        self.seq
    }

    /// When its answer was due.
    pub(super) fn at(&self) -> SystemTime {
        self.at
    }

    /// Who sent it.
    pub(super) fn peer(&self) -> Option<SocketAddr> {
        self.recorded.peer
    }

    /// What became of it.
    pub(super) fn outcome(&self) -> &Kept {
        &self.outcome
    }

    /// The entry with the same id and source in front of this one.
    pub(super) fn repeats(&self) -> Option<u64> {
        self.repeats
    }

    /// What is the same for all with one id and source.
    pub(super) fn twin(&self) -> Option<u64> {
        self.twin
    }

    /// Bytes that it counts for.
    pub(super) fn cost(&self) -> usize {
        let names = match &self.outcome {
            Kept::Printed { ty, source, .. } => ty.len() + source.len(),
            // Reasons show at most a part of what was found.
            Kept::Refused(_) => 0,
        };
        self.recorded.text.len() + names + OVERHEAD
    }

    /// The head as it came, but for secrets, which are hidden, and the case of names.
    pub(super) fn head(&self) -> &[u8] {
        &self.recorded.text[..self.recorded.head]
    }

    /// What is kept of the body.
    pub(super) fn body(&self) -> Bytes {
        self.recorded.text.slice(self.recorded.head..)
    }

    /// Bytes of the body as it came.
    pub(super) fn body_size(&self) -> usize {
        self.recorded.size
    }

    /// Whether all of it is kept.
    pub(super) fn is_whole(&self) -> bool {
        self.recorded.is_whole
    }

    /// The headers, read again.
    pub(super) fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for line in lines(self.head()).skip(1) {
            let Some(colon) = line.iter().position(|&b| b == b':') else {
                continue;
            };
            let name = HeaderName::from_bytes(&line[..colon]);
            let value = HeaderValue::from_bytes(line.get(colon + 2..).unwrap_or_default());
            if let (Ok(name), Ok(value)) = (name, value) {
                headers.append(name, value);
            }
        }
        headers
    }

    /// The row, made by `make` when it is asked for first.
    pub(super) fn row(&self, make: impl FnOnce(&mut Vec<u8>), out: &mut Vec<u8>) {
        if let Some(row) = self.row.get() {
            return out.extend_from_slice(row);
        }
        let start = out.len();
        make(out);
        if out.len() - start <= KEPT_ROW {
            // Whoever was faster has made the same.
            let _ = self.row.set(out[start..].into());
        }
    }
}

fn lines(head: &[u8]) -> impl Iterator<Item = &[u8]> {
    head.split(|&b| b == b'\n')
        .map(|line| line.strip_suffix(b"\r").unwrap_or(line))
        .filter(|line| !line.is_empty())
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    #[test]
    fn what_is_hidden_or_left_out_takes_no_room() {
        for name in ["authorization", "too-long"] {
            let request = Request::post("/").header(name, "x".repeat(70_000));
            let (parts, ()) = request.body(()).expect("a request").into_parts();
            let recorded = Recorded::new(&parts, &Bytes::new(), 1 << 20);
            let taken = Vec::from(recorded.text).capacity();
            assert!(taken < 100, "{taken} bytes for {name}");
        }
    }
}
