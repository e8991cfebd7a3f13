//! Spans as JSON lines on standard output, in the form of Go's `stdouttrace` exporter.

use std::io::{self, Write};
use std::time::SystemTime;

use chrono::{DateTime, SecondsFormat, Utc};
use opentelemetry::trace::{Event, SpanContext, SpanKind, Status};
use opentelemetry::{Array, KeyValue, SpanId, Value};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::trace::{SpanData, SpanExporter};
use serde_json::{Value as Json, json};

/// Writes each span as one line.
#[derive(Debug, Default)]
pub(super) struct Exporter {
    resource: Vec<KeyValue>,
}

impl SpanExporter for Exporter {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let mut lines = Vec::new();
        for span in &batch {
            lines.extend_from_slice(line(span, &self.resource).to_string().as_bytes());
            lines.push(b'\n');
        }
        let mut stdout = io::stdout().lock();
        stdout
            .write_all(&lines)
            .and_then(|()| stdout.flush())
            .map_err(|error| OTelSdkError::InternalFailure(error.to_string()))
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.resource = resource
            .iter()
            .map(|(key, value)| KeyValue::new(key.clone(), value.clone()))
            .collect();
        self.resource
            .sort_by(|left, right| left.key.cmp(&right.key));
    }
}

fn line(span: &SpanData, resource: &[KeyValue]) -> Json {
    let parent = SpanContext::new(
        span.span_context.trace_id(),
        span.parent_span_id,
        span.span_context.trace_flags(),
        span.parent_span_is_remote,
        span.span_context.trace_state().clone(),
    );
    let has_parent = span.parent_span_id != SpanId::INVALID;
    let (code, description) = match &span.status {
        Status::Unset => ("Unset", ""),
        Status::Ok => ("Ok", ""),
        Status::Error { description } => ("Error", description.as_ref()),
    };
    let scope = &span.instrumentation_scope;
    json!({
        "Name": span.name,
        "SpanContext": context(&span.span_context),
        "Parent": if has_parent { context(&parent) } else { context(&SpanContext::NONE) },
        "SpanKind": kind(&span.span_kind),
        "StartTime": time(span.start_time),
        "EndTime": time(span.end_time),
        "Attributes": attributes(&span.attributes),
        "Events": span.events.events.iter().map(event).collect::<Vec<_>>(),
        "Status": { "Code": code, "Description": description },
        "Resource": attributes(resource),
        "InstrumentationScope": {
            "Name": scope.name(),
            "Version": scope.version().unwrap_or(""),
            "SchemaURL": scope.schema_url().unwrap_or(""),
        },
    })
}

fn context(context: &SpanContext) -> Json {
    json!({
        "TraceID": context.trace_id().to_string(),
        "SpanID": context.span_id().to_string(),
        "TraceFlags": format!("{:02x}", context.trace_flags().to_u8()),
        "TraceState": context.trace_state().header(),
        "Remote": context.is_remote(),
    })
}

/// Go's numbering.
fn kind(kind: &SpanKind) -> u8 {
    match kind {
        SpanKind::Internal => 1,
        SpanKind::Server => 2,
        SpanKind::Client => 3,
        SpanKind::Producer => 4,
        SpanKind::Consumer => 5,
    }
}

fn event(event: &Event) -> Json {
    json!({
        "Name": event.name,
        "Attributes": attributes(&event.attributes),
        "Time": time(event.timestamp),
    })
}

fn attributes(all: &[KeyValue]) -> Vec<Json> {
    all.iter()
        .map(|attribute| {
            let (ty, value) = typed(&attribute.value);
            json!({ "Key": attribute.key.as_str(), "Value": { "Type": ty, "Value": value } })
        })
        .collect()
}

fn typed(value: &Value) -> (&'static str, Json) {
    match value {
        Value::Bool(flag) => ("BOOL", json!(flag)),
        Value::I64(number) => ("INT64", json!(number)),
        Value::F64(number) => ("FLOAT64", json!(number)),
        Value::String(text) => ("STRING", json!(text.as_str())),
        Value::Array(Array::Bool(flags)) => ("BOOLSLICE", json!(flags)),
        Value::Array(Array::I64(numbers)) => ("INT64SLICE", json!(numbers)),
        Value::Array(Array::F64(numbers)) => ("FLOAT64SLICE", json!(numbers)),
        other => ("STRING", json!(other.as_str())),
    }
}

fn time(time: SystemTime) -> String {
    DateTime::<Utc>::from(time).to_rfc3339_opts(SecondsFormat::AutoSi, true)
}
