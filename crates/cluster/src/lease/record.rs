//! A Lease as it is read and written: like client-go's, down to the six digits of its times.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A Lease. What we do not know of is kept as it is.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Lease {
    #[serde(default = "api_version")]
    api_version: String,
    #[serde(default = "kind")]
    kind: String,
    metadata: Map<String, Value>,
    #[serde(default)]
    pub(super) spec: Record,
}

/// Who holds it and since when: what candidates compare.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Record {
    pub(super) holder_identity: Option<String>,
    pub(super) lease_duration_seconds: Option<i64>,
    pub(super) acquire_time: Option<String>,
    pub(super) renew_time: Option<String>,
    pub(super) lease_transitions: Option<i64>,
    #[serde(flatten)]
    pub(super) rest: Map<String, Value>,
}

fn api_version() -> String {
    "coordination.k8s.io/v1".to_owned()
}

fn kind() -> String {
    "Lease".to_owned()
}

impl Lease {
    pub(super) fn new(namespace: &str, name: &str, spec: Record) -> Self {
        let named = [("namespace", namespace), ("name", name)];
        let metadata = named.map(|(member, text)| (member.to_owned(), Value::from(text)));
        Self {
            api_version: api_version(),
            kind: kind(),
            metadata: metadata.into_iter().collect(),
            spec,
        }
    }

    /// The same object in the same version with another record: 409 if it has changed meanwhile.
    pub(super) fn with(&self, spec: Record) -> Self {
        Self {
            spec,
            ..self.clone()
        }
    }
}

impl Record {
    /// Who holds it; `None` if nobody does.
    pub(super) fn holder(&self) -> Option<&str> {
        self.holder_identity
            .as_deref()
            .filter(|holder| !holder.is_empty())
    }

    pub(super) fn duration_seconds(&self) -> u64 {
        self.lease_duration_seconds
            .and_then(|seconds| u64::try_from(seconds).ok())
            .unwrap_or(0)
    }

    /// When its holder was last heard of, by that holder's clock. A release counts.
    pub(super) fn last_activity(&self) -> Option<DateTime<Utc>> {
        let time = self
            .renew_time
            .as_deref()
            .or(self.acquire_time.as_deref())?;
        adapter::go::time::parse(time.as_bytes()).ok()
    }

    /// Held by `identity` from now on. Being taken from nobody counts as a transition, too.
    pub(super) fn taken(&self, identity: &str, seconds: u64, now: DateTime<Utc>) -> Self {
        Self {
            acquire_time: Some(micro_time(now)),
            lease_transitions: Some(self.lease_transitions.unwrap_or(0) + 1),
            ..self.renewed(identity, seconds, now)
        }
    }

    /// The first record of a Lease.
    pub(super) fn first(identity: &str, seconds: u64, now: DateTime<Utc>) -> Self {
        Self {
            lease_transitions: Some(0),
            ..Self::default().taken(identity, seconds, now)
        }
    }

    /// Still held.
    pub(super) fn renewed(&self, identity: &str, seconds: u64, now: DateTime<Utc>) -> Self {
        Self {
            holder_identity: Some(identity.to_owned()),
            lease_duration_seconds: i64::try_from(seconds).ok(),
            renew_time: Some(micro_time(now)),
            ..self.clone()
        }
    }

    /// Held by nobody, so that the next one need not wait. It was in use until `now`.
    pub(super) fn released(&self, now: DateTime<Utc>) -> Self {
        let acquire_time = Some(micro_time(now));
        Self {
            acquire_time,
            ..self.renewed("", 1, now)
        }
    }
}

/// Kubernetes' `MicroTime`: always six digits.
fn micro_time(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn the_life_of_a_record() {
        let (first, later) = (time("2026-11-22T18:37:11.1Z"), time("2026-11-22T18:37:21Z"));
        let record = Record::first("a_1", 60, first);
        assert_eq!(
            serde_json::to_value(&record).unwrap(),
            serde_json::json!({
                "holderIdentity": "a_1", "leaseDurationSeconds": 60, "leaseTransitions": 0,
                "acquireTime": "2026-11-22T18:37:11.100000Z", "renewTime": "2026-11-22T18:37:11.100000Z",
            })
        );
        let renewed = record.renewed("a_1", 60, later);
        assert_eq!(renewed.acquire_time, record.acquire_time);
        assert_eq!(
            renewed.renew_time.as_deref(),
            Some("2026-11-22T18:37:21.000000Z")
        );
        let released = renewed.released(later);
        assert_eq!((released.holder(), released.duration_seconds()), (None, 1));
        assert_eq!(released.acquire_time, released.renew_time);
        assert_eq!(released.lease_transitions, Some(0));
        assert_eq!(released.last_activity(), Some(later));
        let taken = released.taken("b_2", 15, later);
        assert_eq!(
            (taken.holder(), taken.lease_transitions),
            (Some("b_2"), Some(1))
        );
    }

    #[test]
    fn unknown_members_survive_and_missing_ones_are_tolerated() {
        let text = r#"{"apiVersion":"coordination.k8s.io/v1","kind":"Lease","metadata":{"name":"n","labels":{"a":"b"},"resourceVersion":"7"},"spec":{"holderIdentity":null,"strategy":"OldestEmulationVersion"}}"#;
        let lease: Lease = serde_json::from_str(text).unwrap();
        assert_eq!(
            (lease.spec.holder(), lease.spec.duration_seconds()),
            (None, 0)
        );
        assert_eq!(lease.spec.last_activity(), None);
        let written = serde_json::to_value(lease.with(lease.spec.renewed(
            "x",
            1,
            time("2026-01-01T00:00:00Z"),
        )));
        let written = written.unwrap();
        assert_eq!(written["metadata"]["labels"]["a"], "b");
        assert_eq!(written["metadata"]["resourceVersion"], "7");
        assert_eq!(written["spec"]["strategy"], "OldestEmulationVersion");
        let empty: Lease = serde_json::from_str(r#"{"metadata":{}}"#).unwrap();
        assert_eq!(empty.spec, Record::default());
    }
}
