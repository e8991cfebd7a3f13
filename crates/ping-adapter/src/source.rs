//! What is kept of a `PingSource` object, and whether it may fire.
//!
//! Only the fields that count (pingsource.md 2.2): everything else of an object is skipped while it
//! is read. What is done with a source is decided in `tenant`; how its event looks in `event`.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer};

use crate::event::Origin;

/// A `PingSource` as the API server has it, cut down to what counts here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PingSource {
    /// `metadata.namespace`, `metadata.name` and `metadata.uid`.
    pub origin: Origin,
    /// `metadata.resourceVersion`, for the Events about it.
    pub resource_version: Box<str>,
    /// `metadata.creationTimestamp`: no tick before it was ever meant.
    pub created: Option<DateTime<Utc>>,
    /// It is being deleted: whatever changes about it no longer counts (2.3).
    pub deleting: bool,
    /// Whether it may fire.
    pub standing: Standing,
    /// When it fires, what and where to.
    pub definition: Definition,
}

/// All that makes a source fire as it does: two equal ones need no rebuilding.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Definition {
    /// `spec.schedule`.
    pub schedule: Box<str>,
    /// `spec.timezone`; empty is unset.
    pub timezone: Box<str>,
    /// What the events carry.
    pub payload: Payload,
    /// Where they go.
    pub target: Target,
}

/// The fields of `spec` that the events carry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Payload {
    /// `spec.contentType`.
    pub content_type: Box<str>,
    /// `spec.data`.
    pub data: Box<str>,
    /// `spec.dataBase64`; wins over `data`.
    pub data_base64: Box<str>,
    /// `spec.ceOverrides.extensions`.
    pub extensions: BTreeMap<String, String>,
}

/// The fields of `status` that say where events go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Target {
    /// `status.sinkUri`; empty while there is none.
    pub uri: Box<str>,
    /// `status.sinkCACerts`: PEM.
    pub ca_certs: Option<Box<str>>,
    /// `status.sinkAudience`.
    pub audience: Option<Box<str>>,
    /// `status.auth.serviceAccountName`.
    pub service_account: Option<Box<str>>,
}

/// Whether a source may fire, by its conditions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// `Ready` is `True`.
    Ready,
    /// Not ready only because an adapter pod is not: this very one perhaps, just started. Waiting
    /// for that would be waiting for ourselves (W17).
    Undeployed,
    /// Not ready for another reason. What fires goes on as it did (2.3); nothing new begins.
    NotReady,
}

impl Standing {
    /// Whether the object's present definition counts.
    pub fn may_fire(self) -> bool {
        self != Self::NotReady
    }
}

impl Definition {
    /// What decides when it fires.
    pub fn rhythm(&self) -> (&str, &str) {
        (&self.schedule, &self.timezone)
    }
}

impl PingSource {
    /// Reads the JSON text of an object. Missing fields and `null` are empty, unknown ones skipped.
    pub fn decode(json: &[u8]) -> Result<Self, serde_json::Error> {
        let Object {
            metadata,
            spec,
            status,
        } = serde_json::from_slice(json)?;
        Ok(Self {
            standing: status.standing(),
            origin: Origin {
                namespace: metadata.namespace,
                name: metadata.name,
                uid: metadata.uid,
            },
            resource_version: metadata.resource_version,
            created: metadata
                .creation_timestamp
                .and_then(|text| text.parse().ok()),
            deleting: metadata.deletion_timestamp.is_some(),
            definition: Definition {
                schedule: spec.schedule,
                timezone: spec.timezone,
                payload: Payload {
                    content_type: spec.content_type,
                    data: spec.data,
                    data_base64: spec.data_base64,
                    extensions: spec.ce_overrides.extensions(),
                },
                target: Target {
                    uri: status.sink_uri,
                    ca_certs: status.ca_certs,
                    audience: status.sink_audience,
                    service_account: status.auth.service_account_name,
                },
            },
        })
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Object {
    #[serde(deserialize_with = "null_is_default")]
    metadata: Metadata,
    #[serde(deserialize_with = "null_is_default")]
    spec: Spec,
    #[serde(deserialize_with = "null_is_default")]
    status: Status,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Metadata {
    #[serde(deserialize_with = "null_is_default")]
    namespace: Box<str>,
    #[serde(deserialize_with = "null_is_default")]
    name: Box<str>,
    #[serde(deserialize_with = "null_is_default")]
    uid: Box<str>,
    #[serde(deserialize_with = "null_is_default")]
    resource_version: Box<str>,
    creation_timestamp: Option<String>,
    deletion_timestamp: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Spec {
    #[serde(deserialize_with = "null_is_default")]
    schedule: Box<str>,
    #[serde(deserialize_with = "null_is_default")]
    timezone: Box<str>,
    #[serde(deserialize_with = "null_is_default")]
    content_type: Box<str>,
    #[serde(deserialize_with = "null_is_default")]
    data: Box<str>,
    #[serde(deserialize_with = "null_is_default")]
    data_base64: Box<str>,
    #[serde(deserialize_with = "null_is_default")]
    ce_overrides: CeOverrides,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct CeOverrides {
    #[serde(deserialize_with = "null_is_default")]
    extensions: BTreeMap<String, Option<String>>,
}

impl CeOverrides {
    fn extensions(self) -> BTreeMap<String, String> {
        let pairs = self.extensions.into_iter();
        pairs
            .map(|(name, value)| (name, value.unwrap_or_default()))
            .collect()
    }
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Status {
    #[serde(deserialize_with = "null_is_default")]
    conditions: Vec<Condition>,
    #[serde(deserialize_with = "null_is_default")]
    sink_uri: Box<str>,
    #[serde(rename = "sinkCACerts")]
    ca_certs: Option<Box<str>>,
    sink_audience: Option<Box<str>>,
    #[serde(deserialize_with = "null_is_default")]
    auth: Auth,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Auth {
    service_account_name: Option<Box<str>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Condition {
    #[serde(rename = "type", deserialize_with = "null_is_default")]
    kind: String,
    #[serde(deserialize_with = "null_is_default")]
    status: String,
}

impl Status {
    fn standing(&self) -> Standing {
        let status = |kind: &str| {
            let mut conditions = self.conditions.iter();
            conditions
                .find(|condition| condition.kind == kind)
                .map(|it| it.status.as_str())
        };
        if status("Ready") == Some("True") {
            return Standing::Ready;
        }
        let undeployed = !self.sink_uri.is_empty()
            && status("Deployed").is_some_and(|deployed| deployed != "True")
            && status("SinkProvided") == Some("True")
            && status("OIDCIdentityCreated").is_none_or(|created| created == "True");
        if undeployed {
            Standing::Undeployed
        } else {
            Standing::NotReady
        }
    }
}

fn null_is_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str = r#"{
        "apiVersion": "sources.knative.dev/v1", "kind": "PingSource",
        "metadata": {"namespace": "ns1", "name": "nm", "uid": "u-1", "resourceVersion": "7",
                     "generation": 3, "managedFields": [{"x": {}}]},
        "spec": {"schedule": "*/2 * * * *", "timezone": "Europe/Berlin",
                 "contentType": "text/plain", "data": "hi",
                 "ceOverrides": {"extensions": {"a": "b", "c": null}},
                 "sink": {"ref": {"name": "unread"}}},
        "status": {"sinkUri": "http://sink/p?q=1", "sinkCACerts": "PEM", "sinkAudience": "aud",
                   "auth": {"serviceAccountName": "sa"}, "observedGeneration": 2,
                   "conditions": [{"type": "Ready", "status": "True"}]}}"#;

    fn with_status(sink: &str, conditions: &[(&str, &str)]) -> PingSource {
        let conditions: Vec<String> = conditions
            .iter()
            .map(|(kind, status)| format!(r#"{{"type":"{kind}","status":"{status}"}}"#))
            .collect();
        let json = format!(
            r#"{{"status":{{"sinkUri":"{sink}","conditions":[{}]}}}}"#,
            conditions.join(",")
        );
        PingSource::decode(json.as_bytes()).expect("an object")
    }

    #[test]
    fn keeps_the_fields_that_count() {
        let source = PingSource::decode(WHOLE.as_bytes()).expect("an object");
        assert_eq!(&*source.origin.key(), "ns1/nm");
        assert_eq!(
            (&*source.origin.uid, &*source.resource_version),
            ("u-1", "7")
        );
        assert_eq!((source.deleting, source.standing), (false, Standing::Ready));
        let Definition {
            schedule,
            timezone,
            payload,
            target,
        } = source.definition;
        assert_eq!((&*schedule, &*timezone), ("*/2 * * * *", "Europe/Berlin"));
        assert_eq!(
            (&*payload.content_type, &*payload.data),
            ("text/plain", "hi")
        );
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(payload.extensions, [pair("a", "b"), pair("c", "")].into());
        assert_eq!(
            target,
            Target {
                uri: "http://sink/p?q=1".into(),
                ca_certs: Some("PEM".into()),
                audience: Some("aud".into()),
                service_account: Some("sa".into()),
            }
        );
    }

    #[test]
    fn survives_what_is_missing_or_null() {
        for json in [
            "{}",
            r#"{"metadata":null,"spec":null,"status":null}"#,
            r#"{"spec":{"schedule":null,"ceOverrides":null,"data":null}}"#,
            r#"{"spec":{"ceOverrides":{"extensions":null}},"status":{"conditions":null,"auth":null}}"#,
            r#"{"status":{"conditions":[{},{"type":null,"status":null}]}}"#,
        ] {
            let source = PingSource::decode(json.as_bytes()).expect(json);
            assert_eq!(source.definition, Definition::default(), "{json}");
            assert_eq!(source.standing, Standing::NotReady, "{json}");
        }
        assert!(PingSource::decode(br#"{"spec":{"schedule":5}}"#).is_err());
        assert!(PingSource::decode(b"5").is_err());
        let deleting = br#"{"metadata":{"deletionTimestamp":"2026-01-02T03:04:05Z"}}"#;
        assert!(PingSource::decode(deleting).expect("an object").deleting);
    }

    #[test]
    fn a_source_that_waits_only_for_this_pod_may_fire() {
        let waiting = [
            ("Ready", "Unknown"),
            ("Deployed", "False"),
            ("SinkProvided", "True"),
        ];
        let standing = |sink, conditions: &[_]| with_status(sink, conditions).standing;
        assert_eq!(standing("http://s", &waiting), Standing::Undeployed);
        let with = |extra| [&waiting[..], &[extra]].concat();
        let identity = |status| with(("OIDCIdentityCreated", status));
        assert_eq!(
            standing("http://s", &identity("True")),
            Standing::Undeployed
        );
        assert_eq!(
            standing("http://s", &identity("Unknown")),
            Standing::NotReady
        );
        assert_eq!(standing("", &waiting), Standing::NotReady);
        for other in [
            &[
                ("Ready", "False"),
                ("Deployed", "True"),
                ("SinkProvided", "True"),
            ][..],
            &[
                ("Ready", "False"),
                ("Deployed", "False"),
                ("SinkProvided", "False"),
            ],
            &[("Ready", "False"), ("Deployed", "False")],
            &[("Ready", "False"), ("SinkProvided", "True")],
            &[("Ready", "Unknown")],
            &[],
        ] {
            assert_eq!(standing("http://s", other), Standing::NotReady, "{other:?}");
        }
        assert_eq!(standing("", &[("Ready", "True")]), Standing::Ready);
    }
}
