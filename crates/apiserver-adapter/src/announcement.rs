//! One change on its way to the sink, and the CloudEvent that it becomes (apiserversource.md 3.2).
//!
//! Pure: the time comes in. The object's JSON is moved into the request, never read again.

use adapter::event::Overrides;
use adapter::wire::{self, InvalidEvent, Message};
use chrono::{DateTime, Utc};
use cloudevents::{EventBuilder as _, EventBuilderV10};
use http::{HeaderName, HeaderValue};
use uuid::Uuid;

use crate::ledger::Uid;

const KN_NAMESPACE: HeaderName = HeaderName::from_static("kn-namespace");

/// A change that passed the filters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Announcement {
    /// Whose events keep their order.
    pub object: Uid,
    /// The `id` of the event.
    pub id: Uuid,
    /// Its `type`.
    pub event_type: &'static str,
    /// Its `subject`.
    pub subject: String,
    /// `apiVersion` of the object.
    pub api_version: Box<str>,
    /// `kind` of the object.
    pub kind: Box<str>,
    /// `metadata.namespace`; empty, yet sent, for cluster-scoped objects.
    pub namespace: Box<str>,
    /// `metadata.name`.
    pub name: Box<str>,
    /// JSON: a reference or the object.
    pub body: Vec<u8>,
}

/// What all events of a source have in common.
#[derive(Clone, Debug)]
pub struct Envelope {
    /// See [`crate::source`].
    pub source: String,
    /// `K_CE_OVERRIDES`.
    pub overrides: Overrides,
    /// `NAMESPACE`, sent beside the event.
    pub kn_namespace: HeaderValue,
}

impl Envelope {
    /// The event as it is sent, the same in every attempt.
    pub fn seal(
        &self,
        announcement: Announcement,
        time: DateTime<Utc>,
    ) -> Result<Message, InvalidEvent> {
        let event = EventBuilderV10::new()
            .id(announcement.id.to_string())
            .ty(announcement.event_type)
            .source(self.source.as_str())
            .subject(announcement.subject)
            .time(time)
            .extension("kind", &*announcement.kind)
            .extension("apiversion", &*announcement.api_version)
            .extension("name", &*announcement.name)
            .extension("namespace", &*announcement.namespace)
            .data("application/json", announcement.body)
            .build();
        let Ok(mut event) = event else {
            unreachable!("id, type, source and time are given");
        };
        self.overrides.apply(&mut event);
        let message = wire::encode(event)?;
        Ok(message.with_header(KN_NAMESPACE, self.kn_namespace.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(overrides: &str) -> Vec<(String, String)> {
        let envelope = Envelope {
            source: "https://10.96.0.1:443".to_owned(),
            overrides: Overrides::parse(overrides).unwrap(),
            kn_namespace: HeaderValue::from_static("src-ns"),
        };
        let announcement = Announcement {
            object: Uid::new("u"),
            id: Uuid::nil(),
            event_type: "dev.knative.apiserver.ref.add",
            subject: "/apis/rbac.authorization.k8s.io/v1/namespaces//clusterroles/rôle x"
                .to_owned(),
            api_version: "rbac.authorization.k8s.io/v1".into(),
            kind: "ClusterRole".into(),
            namespace: "".into(),
            name: "rôle x".into(),
            body: b"{}".to_vec(),
        };
        let time = "2026-11-22T18:14:24.898255428Z".parse().unwrap();
        let message = envelope.seal(announcement, time).unwrap();
        assert_eq!(message.body(), "{}");
        let headers = message.headers().iter();
        let text = |value: &HeaderValue| String::from_utf8(value.as_bytes().to_vec()).unwrap();
        let mut headers: Vec<_> = headers
            .map(|(name, value)| (name.to_string(), text(value)))
            .collect();
        headers.sort();
        headers
    }

    #[test]
    fn the_event_has_the_headers_of_the_contract_and_no_others() {
        let expected = [
            ("ce-apiversion", "rbac.authorization.k8s.io/v1"),
            ("ce-id", "00000000-0000-0000-0000-000000000000"),
            ("ce-kind", "ClusterRole"),
            ("ce-name", "rôle x"),
            ("ce-namespace", ""),
            ("ce-source", "https://10.96.0.1:443"),
            ("ce-specversion", "1.0"),
            (
                "ce-subject",
                "/apis/rbac.authorization.k8s.io/v1/namespaces//clusterroles/rôle x",
            ),
            ("ce-time", "2026-11-22T18:14:24.898255428Z"),
            ("ce-type", "dev.knative.apiserver.ref.add"),
            ("content-type", "application/json"),
            ("kn-namespace", "src-ns"),
        ];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(headers(""), expected);
    }

    #[test]
    fn overrides_win_over_what_the_object_says() {
        let headers = headers(r#"{"extensions":{"Name":"mine","team":"a"}}"#);
        let value = |name: &str| {
            headers
                .iter()
                .find(|(header, _)| header == name)
                .unwrap()
                .1
                .clone()
        };
        assert_eq!(value("ce-name"), "mine");
        assert_eq!(value("ce-team"), "a");
    }
}
