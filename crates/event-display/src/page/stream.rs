//! Entries as server-sent events, for as long as somebody looks.
//!
//! A viewer has a number, that of the last entry it got, and reads on from there whenever its
//! connection has room. So a slow viewer holds nothing but its connection, and a fast sender
//! cannot make it busy: there is a pause between two messages, and what came meanwhile goes into
//! the next one.

use std::convert::Infallible;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use adapter::shutdown::Shutdown;
use axum::body::Body;
use bytes::Bytes;
use futures::stream;
use tokio::sync::watch;
use tokio::time::Instant;

use super::history::History;
use super::list::Wanted;
use crate::json::Object;

/// Entries that go into one piece of an answer, and bytes after which it goes out.
const ENTRIES: usize = 500;
const PIECE: usize = 64 << 10;
/// Between two pieces to one viewer: an event is on the page long before a second is over.
const PAUSE: Duration = Duration::from_millis(100);
/// A word to a silent viewer: keeps proxies from closing, and finds out who has gone.
const PING: Duration = Duration::from_secs(15);
/// How long a viewer waits before it connects again, in milliseconds.
const RETRY: u32 = 1000;
/// Streams at once.
const VIEWERS: usize = 100;

/// Counts open streams.
#[derive(Debug, Clone, Default)]
pub(super) struct Viewers(Arc<AtomicUsize>);

/// A place among them, until it is dropped.
#[derive(Debug)]
pub(super) struct Place(Viewers);

impl Viewers {
    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    /// A place, unless all are taken.
    pub(super) fn enter(&self) -> Option<Place> {
        let place = Place(self.clone());
        (self.0.fetch_add(1, Ordering::Relaxed) < VIEWERS).then_some(place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// One open stream.
struct Viewer {
    history: Arc<History>,
    wanted: Wanted,
    /// The number of the last entry it got.
    at: u64,
    newest: watch::Receiver<u64>,
    /// `None` until the first piece.
    next_piece: Option<Instant>,
    shutdown: Shutdown,
    _place: Place,
}

/// The entries behind number `at`, and all that follow until the stop.
pub(super) fn live(
    history: &Arc<History>,
    wanted: Wanted,
    at: u64,
    shutdown: &Shutdown,
    place: Place,
) -> Body {
    let viewer = Viewer {
        newest: history.watch(),
        history: Arc::clone(history),
        wanted,
        at,
        next_piece: None,
        shutdown: shutdown.clone(),
        _place: place,
    };
    Body::from_stream(stream::unfold(viewer, async |mut viewer| {
        let piece = viewer.next().await?;
        Some((Ok::<_, Infallible>(piece), viewer))
    }))
}

impl Viewer {
    /// The next piece; `None` when the program stops.
    async fn next(&mut self) -> Option<Bytes> {
        let Some(next_piece) = self.next_piece else {
            self.next_piece = Some(Instant::now());
            return Some(self.greeting());
        };
        let mut next_look = next_piece;
        let silent_until = Instant::now() + PING;
        loop {
            self.or_stop(tokio::time::sleep_until(next_look)).await?;
            self.newest.borrow_and_update();
            let (piece, is_more) = self.read();
            if !piece.is_empty() {
                self.next_piece = Some(Instant::now() + PAUSE);
                return Some(piece.into());
            }
            if is_more {
                tokio::task::yield_now().await;
                continue;
            }
            // What comes may be nothing that this viewer wants: it must neither keep it busy nor
            // keep it silent.
            let now = Instant::now();
            if now >= silent_until {
                return Some(Bytes::from_static(b": still here\n\n"));
            }
            next_look = now + PAUSE;
            let mut newest = self.newest.clone();
            let change = tokio::time::timeout_at(silent_until, newest.changed());
            let _ = self.or_stop(change).await?;
        }
    }

    async fn or_stop<T>(&self, wait: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            () = self.shutdown.stopping().cancelled() => None,
            done = wait => Some(done),
        }
    }

    fn greeting(&self) -> Bytes {
        let mut out = format!("retry: {RETRY}\nevent: hello\ndata: ").into_bytes();
        Object::write(&mut out, |object| {
            object.text("epoch", self.history.epoch().to_string().as_bytes());
        });
        out.extend_from_slice(b"\n\n");
        out.into()
    }

    /// Messages for what has come, and whether there is more of it.
    fn read(&mut self) -> (Vec<u8>, bool) {
        let piece = self.history.after(self.at, ENTRIES);
        let mut out = Vec::new();
        if piece.missed > 0 {
            self.at += piece.missed;
            out.extend_from_slice(b"event: missed\ndata: ");
            Object::write(&mut out, |object| object.bare("count", piece.missed));
            out.extend_from_slice(b"\n\n");
        }
        let mut is_more = piece.entries.len() == ENTRIES;
        for entry in &piece.entries {
            if out.len() >= PIECE {
                is_more = true;
                break;
            }
            self.at = entry.seq();
            if self.wanted.fits(entry) {
                let key = self.history.epoch().key(entry.seq());
                out.extend_from_slice(format!("id: {key}\ndata: ").as_bytes());
                self.wanted.write(entry, &self.history, &mut out);
                out.extend_from_slice(b"\n\n");
            }
        }
        (out, is_more)
    }
}
