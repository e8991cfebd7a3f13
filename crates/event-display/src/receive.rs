//! One request: what is answered, and what is printed for it (event-display.md 6).
//!
//! What is wrong with a request is in `refusal`; this is the order in which it is found out.

use std::sync::Arc;
use std::time::Instant;

use adapter::server::{Peer, Throttle, read_body, read_whole};
use adapter::telemetry::metrics::{ReceiveMeter, Received};
use adapter::telemetry::traces::{EventAttributes, ProcessSpan, ReceiveSpan, Tracing};
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_TYPE};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, StatusCode, Version};
use http_body::Body as _;
use tokio::sync::Mutex;

use crate::config::Format;
use crate::event::{Event, Mode};
use crate::output::Output;
use crate::page::{Page, Seen};
use crate::print::{Printed, print};
use crate::refusal::{Identity, Refusal};
use crate::room::Room;
use crate::{head, request_log, structured};

/// Bodies from here on are read and printed beside the loop that serves everybody else.
const LARGE: usize = 256 << 10;
/// The pattern that all requests are counted under, as upstream has it.
const ROUTE: &str = "/";
const TEXT: HeaderValue = HeaderValue::from_static("text/plain");

/// What requests are answered with.
#[derive(Debug)]
pub struct Display {
    /// Where events go.
    pub events: Output,
    /// Where whole requests go, if that is asked for.
    pub requests: Option<Output>,
    /// Where events are kept and shown, if that is asked for.
    pub page: Option<Page>,
    /// How events are printed.
    pub format: Format,
    /// Room for large bodies.
    pub room: Room,
    /// Held while a large event is printed into memory.
    pub printing: Mutex<()>,
    /// Longest body, in bytes.
    pub max_body: usize,
    /// The port that is listened on.
    pub port: u16,
    /// Counts requests.
    pub meter: ReceiveMeter,
    /// Makes spans.
    pub tracing: Tracing,
    /// Keeps refusals from filling the log.
    pub refusals: Throttle,
}

/// A request that was not refused.
enum Taken {
    /// Its event is printed by now; with what the page needs to know of it.
    Event(Option<Seen>),
    /// A health check; not counted.
    Health,
    /// `OPTIONS *`.
    Options,
}

/// Every path and every method: which is which is not decided by routes.
pub fn routes(display: Arc<Display>) -> Router {
    Router::new().fallback(receive).with_state(display)
}

async fn receive(State(display): State<Arc<Display>>, request: Request) -> Response {
    let began = Instant::now();
    let (parts, body) = request.into_parts();
    if let Some(page) = display.page.as_ref().filter(|page| page.is_asked(&parts)) {
        return page.answer(&parts);
    }
    let promised = body.size_hint().lower();
    let span = display
        .tracing
        .receive(&parts.method, ROUTE, &parts.headers);
    let mut bytes = Bytes::new();
    let response = match display.take(&parts, body, &mut bytes, &span).await {
        Ok(Taken::Health) => return empty(StatusCode::NO_CONTENT),
        Ok(Taken::Options) => empty(StatusCode::OK),
        Ok(Taken::Event(seen)) => {
            if let Some((page, seen)) = display.page.as_ref().zip(seen) {
                page.keep_printed(&parts, &bytes, seen);
            }
            empty(StatusCode::OK)
        }
        Err(refusal) => {
            display.log(&refusal, &parts, &bytes);
            let response = refused(&refusal);
            if let Some(page) = &display.page {
                page.keep_refused(&parts, &bytes, refusal);
            }
            response
        }
    };
    display.meter.answered(&Received {
        method: &parts.method,
        route: ROUTE,
        protocol_version: if parts.version == Version::HTTP_10 {
            "1.0"
        } else {
            "1.1"
        },
        server: (crate::NAME, display.port),
        status: response.status().as_u16(),
        took: began.elapsed(),
        request_size: promised.max(bytes.len() as u64),
        response_size: response.body().size_hint().lower(),
    });
    span.end(response.status().as_u16());
    response
}

impl Display {
    /// Reads a request and prints its event. `bytes` gets the body, for those who come after.
    async fn take(
        &self,
        parts: &Parts,
        body: Body,
        bytes: &mut Bytes,
        span: &ReceiveSpan,
    ) -> Result<Taken, Refusal> {
        head::check(parts)?;
        if head::is_options_of_server(parts) {
            return Ok(Taken::Options);
        }
        // A large one keeps its place until its event is written.
        let mut body = self.room.admit(body);
        if let Some(requests) = &self.requests {
            let whole = read_whole(&mut body, self.max_body).await;
            let entry = request_log::entry(parts, whole.as_ref().ok());
            // A log that nobody can read is no reason to refuse an event.
            let _ = requests.write(entry.into()).await;
            *bytes = whole?.bytes;
        }
        if head::is_health_check(parts) {
            return Ok(Taken::Health);
        }
        head::check_asterisk(parts)?;
        if matches!(parts.method, Method::GET | Method::OPTIONS | Method::DELETE) {
            return Err(Refusal::Method);
        }
        let mode = Mode::of(&parts.headers)?;
        if self.requests.is_none() {
            *bytes = read_body(&mut body, self.max_body).await?;
        }
        let read = self.print(mode, &parts.headers, bytes).await?;
        let _process = read.attributes.map(|attributes| attributes.begin(span));
        let written = self.events.write(read.printed).await;
        written.map_err(Refusal::Output)?;
        Ok(Taken::Event(read.seen))
    }

    /// Prints an event into memory; a large one in a thread of its own, since it takes a while.
    async fn print(&self, mode: Mode, headers: &HeaderMap, body: &Bytes) -> Result<Read, Refusal> {
        let wishes = Wishes {
            format: self.format,
            is_traced: self.tracing.is_on(),
            is_shown: self.page.is_some(),
        };
        if body.len() < LARGE {
            return read_and_print(mode, headers, body, wishes);
        }
        let (headers, body) = (headers.clone(), body.clone());
        // One after the other, as they are written: several texts at once only take more memory.
        let _turn = self.printing.lock().await;
        let printing =
            tokio::task::spawn_blocking(move || read_and_print(mode, &headers, &body, wishes));
        match printing.await {
            Ok(result) => result,
            // The server answers 500, as it would have without the thread.
            Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
        }
    }

    fn log(&self, refusal: &Refusal, parts: &Parts, body: &[u8]) {
        let line = || {
            let mode = Mode::of(&parts.headers).ok();
            let identity = Identity::of(mode, &parts.headers, body);
            let peer = parts
                .extensions
                .get::<Peer>()
                .map(|peer| peer.0.to_string());
            let status = refusal.status().as_u16();
            let (attribute, value) = (refusal.attributes(), refusal.value());
            let Identity { id, ty, source } = identity;
            macro_rules! refused {
                ($level:ident, $text:literal) => {
                    tracing::$level!(
                        status, reason = %refusal, attribute, value, event_id = id,
                        event_type = ty, source, method = %parts.method, peer, $text
                    )
                };
            }
            if matches!(refusal, Refusal::Output(_)) {
                refused!(error, "An event could not be printed.");
            } else {
                refused!(info, "Refused a request.");
            }
        };
        self.refusals.line(line, log_left_out);
    }
}

/// Says how many refusals had no line of their own.
pub fn log_left_out(count: u64) {
    tracing::info!(count, "Refused more requests, without a line for each.");
}

/// What is to be made of an event.
#[derive(Clone, Copy)]
struct Wishes {
    format: Format,
    is_traced: bool,
    is_shown: bool,
}

/// What was made of it.
struct Read {
    printed: Printed,
    /// For a span.
    attributes: Option<Attributes>,
    /// For the page.
    seen: Option<Seen>,
}

fn read_and_print(
    mode: Mode,
    headers: &HeaderMap,
    body: &Bytes,
    wishes: Wishes,
) -> Result<Read, Refusal> {
    let event = Event::read(mode, headers, body)?;
    Ok(Read {
        printed: match wishes.format {
            Format::Text => print(&event),
            Format::Jsonl => structured::line(&event),
        },
        attributes: wishes.is_traced.then(|| Attributes::of(&event)),
        seen: wishes.is_shown.then(|| Seen::of(&event)),
    })
}

/// What a span shows of an event.
struct Attributes {
    id: String,
    ty: String,
    source: String,
    subject: Option<String>,
    content_type: Option<String>,
}

impl Attributes {
    fn of(event: &Event<'_>) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self {
            id: text(&event.id),
            ty: text(&event.ty),
            source: text(&event.source),
            subject: event.subject.as_deref().map(text),
            content_type: event.content_type.as_deref().map(text),
        }
    }

    fn begin(&self, span: &ReceiveSpan) -> ProcessSpan {
        span.process(EventAttributes {
            id: &self.id,
            ty: &self.ty,
            source: &self.source,
            subject: self.subject.as_deref(),
            content_type: self.content_type.as_deref(),
        })
    }
}

/// An answer must have no body, or Knative's broker takes it for a failed delivery (6).
fn empty(status: StatusCode) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

fn refused(refusal: &Refusal) -> Response {
    let mut response = empty(refusal.status());
    if let Some(text) = refusal.answer() {
        *response.body_mut() = Body::from(text);
        response.headers_mut().insert(CONTENT_TYPE, TEXT);
    }
    if refusal.ends_connection() {
        response
            .headers_mut()
            .insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}
