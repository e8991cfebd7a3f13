//! Attempt, wait, retry within a budget; nothing dropped without a counter and a reason.
//!
//! What is retriable and how long to wait is decided in `retry`; one attempt is made in `sink`.
//! Contract: `adapter-runtime.md` 2.7, with 8.1, 8.2 and 8.9 done better.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, StatusCode};
use opentelemetry::KeyValue;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::Span;

use crate::event::Overrides;
use crate::retry::{Backoff, Budget};
use crate::sink::{Outcome, Sink, SinkUrlError, TransportError};
use crate::telemetry::metrics::SendMeter;
use crate::telemetry::traces::{EventAttributes, RequestOutcome, SendSpan};
use crate::telemetry::{self, Handle, Target};
use crate::token::{Token, TokenSource};
use crate::wire::{InvalidEvent, Message};

/// Counts names in `ceOverrides` that no event can carry.
const DROPPED_OVERRIDES: &str = "knative.adapter.overrides.dropped";

/// Sends events to one sink until each is delivered or given up. A copy is cheap.
#[derive(Clone)]
pub struct Courier {
    route: Arc<Route>,
    meter: SendMeter,
    span: Option<Arc<MakeSpan>>,
}

type MakeSpan = dyn Fn() -> Span + Send + Sync;

/// What all copies of a courier share.
struct Route {
    sink: Result<Sink, SinkUrlError>,
    backoff: Backoff,
    token: Arc<dyn TokenSource>,
    cut: CancellationToken,
    telemetry: Handle,
    target: Target,
}

/// Why an event was given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The last answer was final.
    Refused,
    /// The budget was used up.
    Exhausted,
    /// The process stopped first.
    Stopped,
    /// No request can carry the event, or there is no sink: nothing was sent.
    Unsendable,
}

impl Reason {
    /// The value of the metric's `reason`.
    pub fn label(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Exhausted => "exhausted",
            Self::Stopped => "stopped",
            Self::Unsendable => "unsendable",
        }
    }
}

/// An event that did not reach its sink. It has been counted and logged.
#[derive(Clone, Debug, thiserror::Error)]
pub struct Undelivered {
    /// Why it was given up.
    pub reason: Reason,
    /// How often it was tried.
    pub attempts: u32,
    /// The last status, if there was an answer.
    pub status: Option<StatusCode>,
    /// The last answer or error in words.
    pub last: String,
}

impl fmt::Display for Undelivered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} ({}x, {})",
            self.last,
            self.attempts,
            self.reason.label()
        )
    }
}

/// What is known about the attempts so far; outlives the attempts when they are cut.
#[derive(Default)]
struct Tries {
    made: u32,
    last: Option<Outcome>,
}

impl Courier {
    /// Sends to `sink` with the waits of `backoff`; gives up what is in flight when `cut` is
    /// cancelled. Without a sink every event is given up, as stock adapters do (1.2).
    pub fn new(
        sink: Result<Sink, SinkUrlError>,
        backoff: Backoff,
        token: Arc<dyn TokenSource>,
        cut: CancellationToken,
    ) -> Self {
        let telemetry = telemetry::handle();
        let target = sink
            .as_ref()
            .map(|sink| sink.url().target())
            .unwrap_or_default();
        let meter = telemetry.send_meter(&target);
        let route = Route {
            sink,
            backoff,
            token,
            cut,
            telemetry,
            target,
        };
        Self {
            route: Arc::new(route),
            meter,
            span: None,
        }
    }

    /// The same courier for one source's events, with labels such as `kn.source.name` (5.7).
    #[must_use]
    pub fn labelled<'a>(&self, labels: impl IntoIterator<Item = (&'static str, &'a str)>) -> Self {
        Self {
            meter: self.meter.with_labels(labels),
            ..self.clone()
        }
    }

    /// The same courier with its log lines in the span that `span` makes when there is a line: most
    /// events have none.
    #[must_use]
    pub fn logging_in(self, span: impl Fn() -> Span + Send + Sync + 'static) -> Self {
        Self {
            span: Some(Arc::new(span)),
            ..self
        }
    }

    /// Delivers one event; the same id, time and bytes in every attempt.
    ///
    /// The failure has been counted and logged with the event's id when it is returned.
    pub async fn deliver(&self, message: &Message, budget: Budget) -> Result<(), Undelivered> {
        let result = self.send_within(message, budget).await;
        if let Err(undelivered) = &result {
            self.give_up(message, undelivered);
        }
        result
    }

    /// The same for an event that its owner keeps: a failure is neither counted nor logged as a
    /// loss, until the owner calls [`Courier::give_up`].
    pub async fn send_within(&self, message: &Message, budget: Budget) -> Result<(), Undelivered> {
        let _in_flight = self.meter.in_flight();
        let route = &*self.route;
        let span = route.telemetry.tracing().send(None, attributes(message));
        let mut tries = Tries::default();
        let result = match &route.sink {
            Ok(sink) => tokio::select! {
                biased;
                () = route.cut.cancelled() => Err(Reason::Stopped),
                result = self.try_until_final(sink, message, budget, &span, &mut tries) => result,
                () = after(budget.total) => Err(Reason::Exhausted),
            },
            Err(error) => {
                tries.last = Some(local(error));
                Err(Reason::Unsendable)
            }
        };
        match result {
            Ok(()) => {
                self.meter.sent();
                span.delivered();
                Ok(())
            }
            Err(reason) => {
                let undelivered = tries.end(reason);
                span.failed(
                    &undelivered.last,
                    undelivered.status.map(|status| status.as_u16()),
                );
                Err(undelivered)
            }
        }
    }

    /// Counts and logs an event that could not even be encoded.
    pub fn discard(&self, invalid: &InvalidEvent) -> Undelivered {
        let tries = Tries {
            made: 0,
            last: Some(local(invalid)),
        };
        let undelivered = tries.end(Reason::Unsendable);
        self.meter.failed(undelivered.reason.label());
        tracing::error!(
            event_id = invalid.id,
            reason = undelivered.reason.label(),
            "failed to send cloudevent: {undelivered}"
        );
        undelivered
    }

    async fn try_until_final(
        &self,
        sink: &Sink,
        message: &Message,
        budget: Budget,
        span: &SendSpan,
        tries: &mut Tries,
    ) -> Result<(), Reason> {
        let started = Instant::now();
        loop {
            tries.made += 1;
            let outcome = self.attempt(sink, message, span).await;
            if let Outcome::Delivered(_) = outcome {
                return Ok(());
            }
            let (retriable, asked) = (outcome.is_retriable(), outcome.retry_after());
            let words = tries.last.insert(outcome).to_string();
            if !retriable {
                return Err(Reason::Refused);
            }
            let wait = self.route.backoff.wait(tries.made, asked, random());
            let Some(wait) = budget.cut(wait, started.elapsed()) else {
                return Err(Reason::Exhausted);
            };
            if tries.made == 1 {
                self.span().in_scope(|| {
                    tracing::warn!(
                        event_id = message.id(),
                        sink = %sink.url(),
                        attempt = tries.made,
                        error = words,
                        "The sink did not take an event; trying again."
                    );
                });
            }
            tokio::time::sleep(wait).await;
            self.meter.retried();
        }
    }

    /// One attempt with a fresh token; a second one at once if the sink refused a stale token.
    async fn attempt(&self, sink: &Sink, message: &Message, span: &SendSpan) -> Outcome {
        let tokens = &self.route.token;
        let token = match tokens.token().await {
            Ok(token) => token,
            Err(error) => {
                return Outcome::Broken(TransportError {
                    kind: "token",
                    message: error.to_string(),
                });
            }
        };
        let outcome = self.send(sink, message, token.as_ref(), span).await;
        let (Some(used), Some(StatusCode::UNAUTHORIZED)) = (token, outcome.status()) else {
            return outcome;
        };
        tokens.refused(&used);
        match tokens.token().await {
            Ok(Some(renewed)) if renewed != used => {
                self.send(sink, message, Some(&renewed), span).await
            }
            _ => outcome,
        }
    }

    async fn send(
        &self,
        sink: &Sink,
        message: &Message,
        token: Option<&Token>,
        span: &SendSpan,
    ) -> Outcome {
        let span = span.request(&self.route.target);
        let mut trace = HeaderMap::new();
        span.inject(&mut trace);
        let started = Instant::now();
        let outcome = sink.attempt(message, token, trace).await;
        let ended = match &outcome {
            Outcome::Delivered(status) | Outcome::Refused { status, .. } => {
                RequestOutcome::Answered(status.as_u16())
            }
            Outcome::Broken(TransportError { kind, message }) => {
                RequestOutcome::Broken { kind, message }
            }
        };
        self.meter
            .request(ended, started.elapsed(), message.body().len() as u64);
        span.end(ended);
        outcome
    }

    /// The counter and the log line of an event that is lost.
    pub fn give_up(&self, message: &Message, undelivered: &Undelivered) {
        self.meter.failed(undelivered.reason.label());
        let sink = self.route.sink.as_ref();
        self.span().in_scope(|| {
            tracing::error!(
                event_id = message.id(),
                event_type = message.ty(),
                event_source = message.source(),
                sink = sink.map(|sink| sink.url().to_string()).ok(),
                attempt = undelivered.attempts,
                reason = undelivered.reason.label(),
                "failed to send cloudevent: {undelivered}"
            );
        });
    }

    fn span(&self) -> Span {
        self.span.as_ref().map_or_else(Span::none, |span| span())
    }
}

impl Tries {
    fn end(self, reason: Reason) -> Undelivered {
        Undelivered {
            reason,
            attempts: self.made,
            status: self.last.as_ref().and_then(Outcome::status),
            last: self
                .last
                .map_or_else(|| "no answer yet".to_owned(), |last| last.to_string()),
        }
    }
}

/// Says at start which overrides no event can carry: an ERROR line and a count for each (8.6).
pub fn report_rejected(overrides: &Overrides) {
    let meter = telemetry::handle().meter(telemetry::OWN_SCOPE);
    let counter = meter.map(|meter| meter.u64_counter(DROPPED_OVERRIDES).build());
    for (name, reason) in overrides.rejected() {
        tracing::error!(
            override_name = name,
            error = %reason,
            "An override was dropped; events go out without it."
        );
        if let Some(counter) = &counter {
            counter.add(1, &[KeyValue::new("reason", reason.label())]);
        }
    }
}

fn attributes(message: &Message) -> EventAttributes<'_> {
    EventAttributes {
        id: message.id(),
        ty: message.ty(),
        source: message.source(),
        subject: message.subject(),
        content_type: message.content_type(),
    }
}

/// A failure before any connection.
fn local(error: &dyn fmt::Display) -> Outcome {
    Outcome::Broken(TransportError {
        kind: "local",
        message: error.to_string(),
    })
}

async fn after(limit: Option<Duration>) {
    match limit {
        Some(limit) => tokio::time::sleep(limit).await,
        None => std::future::pending().await,
    }
}

/// Spreads the waits of many senders; one byte of a random UUID is random enough for that.
fn random() -> f64 {
    f64::from(uuid::Uuid::new_v4().as_bytes()[0]) / 255.0
}
