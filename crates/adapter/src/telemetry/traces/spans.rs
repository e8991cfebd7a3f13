//! The spans of sending and of receiving an event, with upstream's names and attributes.
//!
//! Sending: one producer span per event, below it one client span per request. Receiving: one
//! server span per request, below it one consumer span per event. While tracing is off each of
//! these types is empty: no allocation, no header. Contract: `adapter-runtime.md` 5.6 and
//! `event-display.md` 7.

use std::borrow::Cow;

use http::{HeaderMap, Method};
use opentelemetry::trace::{SpanKind, Status, TraceContextExt, Tracer};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::SdkTracer;

use super::{Tracers, Tracing, extract, inject};
use crate::telemetry::target::{Target, text};

/// The attributes of an event that its spans show.
#[derive(Clone, Copy, Debug)]
pub struct EventAttributes<'a> {
    /// `id`
    pub id: &'a str,
    /// `type`
    pub ty: &'a str,
    /// `source`
    pub source: &'a str,
    /// `subject`, if there is one.
    pub subject: Option<&'a str>,
    /// `datacontenttype`, if there is one.
    pub content_type: Option<&'a str>,
}

impl EventAttributes<'_> {
    fn key_values(&self) -> Vec<KeyValue> {
        let mut all = vec![
            KeyValue::new("cloudevents.specversion", "1.0"),
            KeyValue::new("cloudevents.id", self.id.to_owned()),
            KeyValue::new("cloudevents.type", self.ty.to_owned()),
            KeyValue::new("cloudevents.source", self.source.to_owned()),
        ];
        let optional = [
            ("cloudevents.subject", self.subject),
            ("cloudevents.datacontenttype", self.content_type),
        ];
        let optional = optional
            .into_iter()
            .filter_map(|(key, value)| Some((key, value?)));
        all.extend(optional.map(|(key, value)| KeyValue::new(key, value.to_owned())));
        all
    }
}

/// How a request ended.
#[derive(Clone, Copy, Debug)]
pub enum RequestOutcome<'a> {
    /// With this status.
    Answered(u16),
    /// Without one.
    Broken {
        /// Few distinct values, for `error.type`.
        kind: &'a str,
        /// In words.
        message: &'a str,
    },
}

impl Tracing {
    /// Begins the span of an event that is about to be sent. With a `parent` it joins that trace.
    pub fn send(&self, parent: Option<&Context>, event: EventAttributes<'_>) -> SendSpan {
        SendSpan(self.0.as_ref().map(|tracers| {
            let mut attributes = event.key_values();
            attributes.push(KeyValue::new("code.function", "RecordSendingEvent"));
            let name = format!("cloudevents.client.{} send", event.ty);
            let context = start(
                &tracers.events,
                parent,
                SpanKind::Producer,
                name,
                attributes,
            );
            Traced {
                tracers: tracers.clone(),
                context,
            }
        }))
    }

    /// Begins the span of a received request, in the trace that its headers name.
    pub fn receive(&self, method: &Method, path: &str, headers: &HeaderMap) -> ReceiveSpan {
        ReceiveSpan(self.0.as_ref().map(|tracers| {
            let attributes = vec![
                KeyValue::new("http.request.method", method.as_str().to_owned()),
                KeyValue::new("url.path", path.to_owned()),
            ];
            let parent = extract(headers);
            let name = format!("{method} {path}");
            let context = start(
                &tracers.requests,
                Some(&parent),
                SpanKind::Server,
                name,
                attributes,
            );
            Traced {
                tracers: tracers.clone(),
                context,
            }
        }))
    }
}

#[derive(Debug)]
struct Traced {
    tracers: Tracers,
    context: Context,
}

fn start(
    tracer: &SdkTracer,
    parent: Option<&Context>,
    kind: SpanKind,
    name: impl Into<Cow<'static, str>>,
    attributes: Vec<KeyValue>,
) -> Context {
    let root = Context::new();
    let parent = parent.unwrap_or(&root);
    let builder = tracer
        .span_builder(name)
        .with_kind(kind)
        .with_attributes(attributes);
    parent.with_span(tracer.build_with_context(builder, parent))
}

/// The span of an event on its way, all attempts included. Ends when dropped.
#[derive(Debug)]
pub struct SendSpan(Option<Traced>);

impl SendSpan {
    /// Begins the span of one request.
    pub fn request(&self, target: &Target) -> RequestSpan {
        RequestSpan(self.0.as_ref().map(|traced| {
            let mut attributes = vec![
                KeyValue::new("http.request.method", "POST"),
                KeyValue::new("url.full", text(&target.full)),
            ];
            attributes.extend(target.server());
            let name = format!("cloudevents.http.{}", target.path);
            let (tracer, parent) = (&traced.tracers.requests, Some(&traced.context));
            start(tracer, parent, SpanKind::Client, name, attributes)
        }))
    }

    /// Ends the span of an event that reached its sink.
    pub fn delivered(self) {}

    /// Ends the span of an event that was given up; `status` is the last answer, if there was one.
    pub fn failed(self, error: &str, status: Option<u16>) {
        let Some(traced) = self.0 else { return };
        let span = traced.context.span();
        let exception = vec![KeyValue::new("exception.message", error.to_owned())];
        span.add_event("exception", exception);
        // Upstream marks the span only if there was an answer (5.6).
        if status.is_some() {
            span.set_status(Status::error(error.to_owned()));
        }
    }
}

/// The span of one request.
#[derive(Debug)]
pub struct RequestSpan(Option<Context>);

impl RequestSpan {
    /// Writes the trace headers; none while tracing is off.
    pub fn inject(&self, headers: &mut HeaderMap) {
        if let Some(context) = &self.0 {
            inject(context, headers);
        }
    }

    /// Ends the span.
    pub fn end(self, outcome: RequestOutcome<'_>) {
        if let Some(context) = self.0 {
            answered(&context, outcome, 400);
        }
    }
}

/// Records how a request ended. Statuses from `failure` on mark the span as failed.
fn answered(context: &Context, outcome: RequestOutcome<'_>, failure: u16) {
    let span = context.span();
    match outcome {
        RequestOutcome::Answered(status) => {
            span.set_attribute(KeyValue::new(
                "http.response.status_code",
                i64::from(status),
            ));
            if status >= failure {
                span.set_attribute(KeyValue::new("error.type", status.to_string()));
                span.set_status(Status::error(""));
            }
        }
        RequestOutcome::Broken { kind, message } => {
            span.set_attribute(KeyValue::new("error.type", kind.to_owned()));
            span.set_status(Status::error(message.to_owned()));
        }
    }
}

/// The span of a received request. Ends when dropped.
#[derive(Debug)]
pub struct ReceiveSpan(Option<Traced>);

impl ReceiveSpan {
    /// Begins the span of handling the event that the request brought.
    pub fn process(&self, event: EventAttributes<'_>) -> ProcessSpan {
        ProcessSpan(self.0.as_ref().map(|traced| {
            let name = format!("cloudevents.client.{} process", event.ty);
            let parent = Some(&traced.context);
            let attributes = event.key_values();
            start(
                &traced.tracers.events,
                parent,
                SpanKind::Consumer,
                name,
                attributes,
            )
        }))
    }

    /// The context of the span, to send on in the same trace; `None` while tracing is off.
    pub fn context(&self) -> Option<&Context> {
        self.0.as_ref().map(|traced| &traced.context)
    }

    /// Ends the span with the status that was answered.
    pub fn end(self, status: u16) {
        if let Some(traced) = self.0 {
            answered(&traced.context, RequestOutcome::Answered(status), 500);
        }
    }
}

/// The span of handling a received event. Ends when dropped.
#[derive(Debug)]
#[must_use = "the span ends when this is dropped"]
pub struct ProcessSpan(#[allow(dead_code, reason = "held for its drop")] Option<Context>);
