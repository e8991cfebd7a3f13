//! The page's answers, path by path, with the headers that keep them where they belong.

use std::time::SystemTime;

use axum::body::Body;
use axum::response::Response;
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION, REFERRER_POLICY, RETRY_AFTER,
    SET_COOKIE, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS,
};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use super::guard::Guard;
use super::list::{self, Part, Wanted};
use super::query::{Query, asks_for};
use super::{Page, row, stream};
use crate::json::Object;

/// Entries of a list without `limit`.
const LIMIT: usize = 100;
const JSON: &str = "application/json";
const UNBUFFERED: HeaderName = HeaderName::from_static("x-accel-buffering");
const CORP: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

impl Page {
    /// What a request gets that must not come in yet; `None` if it may.
    pub(super) fn stop_at_door(
        &self,
        guard: &Guard,
        parts: &Parts,
        query: &Query,
    ) -> Option<Response> {
        let is_page = parts.uri.path() == "/" && asks_for(&parts.headers, "text/html");
        match query.get("token").filter(|_| is_page) {
            Some(token) if guard.is_right(token.as_bytes()) => Some(enter(guard, parts, query)),
            None if guard.lets_in(&parts.headers) => None,
            _ if is_page => Some(self.login.answer(StatusCode::UNAUTHORIZED, &parts.headers)),
            _ => {
                let mut response = error(
                    StatusCode::UNAUTHORIZED,
                    "send the value of DISPLAY_UI_TOKEN as `Authorization: Bearer …`",
                );
                let scheme = HeaderValue::from_static("Bearer");
                response.headers_mut().insert(WWW_AUTHENTICATE, scheme);
                Some(response)
            }
        }
    }

    /// `GET /events`
    pub(super) fn events(&self, query: &Query) -> Response {
        let limit = match limit(query) {
            Ok(limit) => limit.unwrap_or(LIMIT).max(1),
            Err(wrong) => return error(StatusCode::BAD_REQUEST, wrong),
        };
        let part = match query.get("after").map(|key| self.history.epoch().seq(key)) {
            None => Part::Last,
            Some(Some(seq)) => Part::After(seq),
            Some(None) => return error(StatusCode::BAD_REQUEST, "`after` takes a `key`"),
        };
        let body = list::list(&self.history, wanted(query), part, limit);
        answer(StatusCode::OK, JSON, body)
    }

    /// `GET /events/stream`
    pub(super) fn live(&self, parts: &Parts, query: &Query) -> Response {
        let limit = match limit(query) {
            Ok(limit) => limit,
            Err(wrong) => return error(StatusCode::BAD_REQUEST, wrong),
        };
        let Some(place) = self.viewers.enter() else {
            let mut response = error(StatusCode::SERVICE_UNAVAILABLE, "too many are looking");
            response
                .headers_mut()
                .insert(RETRY_AFTER, HeaderValue::from_static("10"));
            return response;
        };
        let last = parts
            .headers
            .get("last-event-id")
            .and_then(|key| key.to_str().ok());
        let last = last.or_else(|| query.get("after"));
        let (oldest, newest) = self.history.ends();
        let at = match last.and_then(|key| self.history.epoch().seq(key)) {
            // Of another run: all that there is, is new.
            Some(0) => oldest,
            Some(seq) => seq.min(newest),
            None => limit.map_or(oldest, |limit| {
                oldest.max(newest.saturating_sub(limit as u64))
            }),
        };
        let body = stream::live(&self.history, wanted(query), at, &self.shutdown, place);
        let mut response = answer(StatusCode::OK, "text/event-stream", body);
        // nginx would keep events until it has a buffer full of them.
        let no = HeaderValue::from_static("no");
        response.headers_mut().insert(UNBUFFERED, no);
        response
    }

    /// `GET /events/KEY`
    pub(super) fn one(&self, key: &str) -> Response {
        let epoch = self.history.epoch();
        let Some(entry) = epoch.seq(key).and_then(|seq| self.history.get(seq)) else {
            return error(StatusCode::NOT_FOUND, "this is not kept, or not any more");
        };
        let mut out = Vec::new();
        row::write_whole(&entry, epoch, &mut out);
        out.push(b'\n');
        answer(StatusCode::OK, JSON, out.into())
    }

    /// `GET /stats`
    pub(super) fn stats(&self) -> Response {
        let bounds = self.history.bounds();
        let mut out = Vec::new();
        Object::write(&mut out, |object| {
            object.text("epoch", self.history.epoch().to_string().as_bytes());
            object.bare("viewers", self.viewers.count());
            self.history.stats(|stats, events, bytes| {
                object.object("history", |object| {
                    object.bare("events", events);
                    object.bare("bytes", bytes);
                    object.bare("max_events", bounds.events);
                    object.bare("max_bytes", bounds.bytes);
                });
                stats.write(SystemTime::now(), object);
            });
        });
        out.push(b'\n');
        answer(StatusCode::OK, JSON, out.into())
    }
}

/// Gives the cookie, and takes the token out of the address.
fn enter(guard: &Guard, parts: &Parts, query: &Query) -> Response {
    let rest = query.without("token");
    let location = if rest.is_empty() {
        "/".to_owned()
    } else {
        format!("/?{rest}")
    };
    let mut response = answer(StatusCode::SEE_OTHER, "text/plain", Body::empty());
    let forwarded = parts
        .headers
        .get("x-forwarded-proto")
        .map(HeaderValue::as_bytes);
    let is_secure = forwarded == Some(b"https");
    let headers = response.headers_mut();
    headers.insert(SET_COOKIE, guard.cookie(is_secure));
    headers.insert(
        LOCATION,
        location.try_into().expect("a query is written in ASCII"),
    );
    response
}

/// Whether a browser says that another site's page asks for something it could not read anyway.
/// A link to the page is fine.
pub(super) fn is_from_elsewhere(headers: &HeaderMap) -> bool {
    let is = |name: &str, values: &[&[u8]]| {
        headers
            .get(name)
            .is_some_and(|value| values.contains(&value.as_bytes()))
    };
    is("sec-fetch-site", &[b"cross-site", b"same-site"]) && !is("sec-fetch-mode", &[b"navigate"])
}

fn wanted(query: &Query) -> Wanted {
    let bytes = |name| query.get(name).map(|value| value.as_bytes().to_vec());
    Wanted {
        ty: bytes("type"),
        source: bytes("source"),
        rows_only: query.get("view") == Some("rows"),
    }
}

fn limit(query: &Query) -> Result<Option<usize>, &'static str> {
    let limit = query.get("limit").map(str::parse).transpose();
    limit.map_err(|_| "`limit` takes a whole number")
}

/// An answer that says what is wrong.
pub(super) fn error(status: StatusCode, text: &str) -> Response {
    let mut out = Vec::new();
    Object::write(&mut out, |object| object.text("error", text.as_bytes()));
    out.push(b'\n');
    answer(status, JSON, out.into())
}

/// An answer that is neither stored, nor guessed at, nor used elsewhere.
pub(super) fn answer(status: StatusCode, content_type: &'static str, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    for (name, value) in [
        (CONTENT_TYPE, content_type),
        (CACHE_CONTROL, "no-store"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
        (
            CONTENT_SECURITY_POLICY,
            "default-src 'none'; frame-ancestors 'none'",
        ),
        (CORP, "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}
