//! An Event as the API server wants it, and the patch for one that is there.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::correlate::Entry;
use super::{Happening, Kind};

/// Where client-go puts Events about objects without a namespace.
const NO_NAMESPACE: &str = "default";

pub(super) fn collection(happening: &Happening) -> String {
    format!("/api/v1/namespaces/{}/events", namespace(happening))
}

fn namespace(happening: &Happening) -> &str {
    match happening.regarding.namespace.as_str() {
        "" => NO_NAMESPACE,
        namespace => namespace,
    }
}

pub(super) fn event(happening: &Happening, entry: &Entry) -> Value {
    let Happening {
        regarding,
        kind,
        component,
        reason,
        ..
    } = happening;
    let kind = match kind {
        Kind::Normal => "Normal",
        Kind::Warning => "Warning",
    };
    json!({
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": { "name": entry.name, "namespace": namespace(happening) },
        "involvedObject": {
            "apiVersion": regarding.api_version,
            "kind": regarding.kind,
            "namespace": regarding.namespace,
            "name": regarding.name,
            "uid": regarding.uid,
            "resourceVersion": regarding.resource_version,
        },
        "type": kind,
        "reason": reason,
        "message": entry.message,
        "count": entry.count,
        "firstTimestamp": seconds(entry.first),
        "lastTimestamp": seconds(entry.last),
        "source": { "component": component },
        "reportingComponent": component,
        "reportingInstance": "",
    })
}

pub(super) fn patch(entry: &Entry) -> Value {
    json!({
        "count": entry.count,
        "lastTimestamp": seconds(entry.last),
        "message": entry.message,
    })
}

/// Kubernetes' `Time` has no fraction.
fn seconds(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%dT%H:%M:%SZ").to_string()
}
