//! The live page: the last requests for browsers and scripts, if `DISPLAY_UI` is on.
//!
//! Everything is behind GETs that ask for one of the page's media types; all other requests are
//! none of its business. Off, none of this exists. What is shown is described in
//! docs/event-display.md.

mod answer;
mod assets;
mod entry;
mod guard;
mod history;
mod list;
mod query;
mod row;
mod stats;
mod stream;

use std::sync::Arc;

use adapter::shutdown::Shutdown;
use axum::response::Response;
use bytes::Bytes;
use http::request::Parts;
use http::{Method, StatusCode};

use crate::head;
use crate::refusal::Refusal;

use self::assets::Document;
use self::entry::{Outcome, Recorded};
use self::history::History;
use self::query::Query;
use self::stream::Viewers;

pub use guard::Guard;
pub use history::{Bounds, Seen};

/// How the page is set up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Asks for a token, if one is set.
    pub guard: Option<Guard>,
    /// What the history may hold.
    pub bounds: Bounds,
}

/// The page and what it shows.
#[derive(Debug)]
pub struct Page {
    guard: Option<Guard>,
    history: Arc<History>,
    viewers: Viewers,
    app: Document,
    login: Document,
    shutdown: Shutdown,
}

impl Page {
    /// A page without events. Its streams end when the stop begins.
    pub fn new(settings: Settings, shutdown: &Shutdown) -> Self {
        Self {
            guard: settings.guard,
            history: Arc::new(History::new(settings.bounds)),
            viewers: Viewers::default(),
            app: Document::page(),
            login: Document::login(),
            shutdown: shutdown.clone(),
        }
    }

    /// Whether a request is for the page; health checks and what Go refuses are not.
    pub fn is_asked(&self, parts: &Parts) -> bool {
        parts.method == Method::GET
            && query::asks_for_page(&parts.headers)
            && !head::is_health_check(parts)
            && head::check(parts).is_ok()
            && head::check_asterisk(parts).is_ok()
    }

    /// Keeps a request whose event was printed.
    pub fn keep_printed(&self, parts: &Parts, body: &Bytes, seen: Seen) {
        self.keep(parts, body, Outcome::Printed(seen));
    }

    /// Keeps a request that was refused.
    pub fn keep_refused(&self, parts: &Parts, body: &Bytes, refusal: Refusal) {
        self.keep(parts, body, Outcome::Refused(refusal));
    }

    fn keep(&self, parts: &Parts, body: &Bytes, outcome: Outcome) {
        let recorded = Recorded::new(parts, body, self.history.room());
        self.history.push(recorded, outcome);
    }

    /// The answer to a request that [`Page::is_asked`].
    pub fn answer(&self, parts: &Parts) -> Response {
        let query = Query::read(parts.uri.query());
        if answer::is_from_elsewhere(&parts.headers) {
            return answer::error(StatusCode::FORBIDDEN, "another site's page asked for this");
        }
        let guard = self.guard.as_ref();
        if let Some(response) = guard.and_then(|guard| self.stop_at_door(guard, parts, &query)) {
            return response;
        }
        let path = parts.uri.path();
        match path {
            "/" if query::asks_for(&parts.headers, "text/html") => {
                self.app.answer(StatusCode::OK, &parts.headers)
            }
            "/events" => self.events(&query),
            "/events/stream" => self.live(parts, &query),
            "/stats" => self.stats(),
            _ => match path.strip_prefix("/events/") {
                Some(key) => self.one(key),
                None => answer::error(
                    StatusCode::NOT_FOUND,
                    "there is /, /events, /events/KEY, /events/stream and /stats",
                ),
            },
        }
    }
}
