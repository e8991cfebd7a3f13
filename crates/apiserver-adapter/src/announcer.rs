//! From a change of an object to the event about it, if the source wants one.
//!
//! Pure. The order is the stock adapter's: owner, then filters over the event's attributes, then
//! the event itself (apiserversource.md 4).

use std::borrow::Cow;

use adapter::go::json;
use cluster::watch::Object;

use crate::announcement::Announcement;
use crate::attributes::ChangeAttributes;
use crate::change::{Change, Mode, event_type};
use crate::config::SourceConfig;
use crate::filter::Filters;
use crate::ledger::{Gone, Uid};
use crate::object::{ObjectReference, event_id};
use crate::owner::OwnerFilter;

/// The kind of every answer to a request for metadata alone.
const PARTIAL_METADATA: (&str, &str) = ("meta.k8s.io/v1", "PartialObjectMetadata");

/// What a resource's objects are, as discovery says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kind {
    /// `v1`, `apps/v1`.
    pub api_version: String,
    /// `Pod`.
    pub kind: String,
}

impl Kind {
    /// The object's names. The items of most lists say no kind, and metadata alone says its own.
    fn reference<'a>(&'a self, object: &'a Object<'_>) -> ObjectReference<'a> {
        let (api_version, kind) = if says_kind(object) {
            (&*object.api_version, &*object.kind)
        } else {
            (self.api_version.as_str(), self.kind.as_str())
        };
        ObjectReference {
            api_version,
            kind,
            namespace: &object.namespace,
            name: &object.name,
        }
    }
}

fn says_kind(object: &Object<'_>) -> bool {
    let said = (&*object.api_version, &*object.kind);
    said != PARTIAL_METADATA && !said.0.is_empty() && !said.1.is_empty()
}

/// The uid, or the names of an object of an aggregated API that gives none.
pub fn identity<'a>(object: &'a Object<'_>) -> Cow<'a, str> {
    if object.uid.is_empty() {
        Cow::Owned(format!("{}/{}", object.namespace, object.name))
    } else {
        Cow::Borrowed(&object.uid)
    }
}

/// What a source wants to know of, and how it says it.
#[derive(Clone, Debug)]
pub struct Announcer {
    /// `namespace/name` of the source: names alone repeat in a cluster.
    name: String,
    /// See [`crate::source`].
    url: String,
    mode: Mode,
    owner: Option<OwnerFilter>,
    filters: Filters,
}

impl Announcer {
    /// For the source of that name in that namespace, with events from that API server.
    pub fn new(namespace: &str, name: &str, url: &str, config: &SourceConfig) -> Self {
        Self {
            name: format!("{namespace}/{name}"),
            url: url.to_owned(),
            mode: config.mode,
            owner: config.owner.clone(),
            filters: config.filters.clone(),
        }
    }

    /// What is sent of an object.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// Whether the owner filter lets events about the object pass.
    pub fn owner_passes(&self, object: &Object<'_>) -> bool {
        self.owner
            .as_ref()
            .is_none_or(|owner| owner.passes_object(object.json))
    }

    /// The event about a change; `None` if a filter drops it.
    pub fn announce(
        &self,
        kind: &Kind,
        change: Change,
        object: &Object<'_>,
    ) -> Option<Announcement> {
        if !self.owner_passes(object) {
            return None;
        }
        let reference = kind.reference(object);
        let uid = identity(object);
        self.build(change, reference, &uid, &object.version, || {
            match self.mode {
                Mode::Reference => reference.to_json(),
                Mode::Resource => whole(object, reference),
            }
        })
    }

    /// The event about an object that a list after a gap did not have any more. In Resource mode
    /// there is none: its last state is not known (9.4).
    pub fn announce_gone(&self, kind: &Kind, gone: &Gone) -> Option<Announcement> {
        let (namespace, name) = gone.name.as_ref()?;
        let Kind { api_version, kind } = kind;
        let reference = ObjectReference {
            api_version,
            kind,
            namespace,
            name,
        };
        self.build(Change::Deleted, reference, &gone.uid, &gone.version, || {
            reference.to_json()
        })
    }

    fn build(
        &self,
        change: Change,
        object: ObjectReference<'_>,
        uid: &str,
        version: &str,
        body: impl FnOnce() -> Vec<u8>,
    ) -> Option<Announcement> {
        let event_type = event_type(self.mode, change);
        let subject = object.subject();
        let passes = self.filters.pass(&ChangeAttributes {
            event_type,
            source: &self.url,
            subject: &subject,
            kind: object.kind,
            api_version: object.api_version,
            name: object.name,
            namespace: object.namespace,
        });
        passes.then(|| Announcement {
            object: Uid::new(uid),
            id: event_id(&self.name, uid, version, event_type),
            event_type,
            subject,
            api_version: object.api_version.into(),
            kind: object.kind.into(),
            namespace: object.namespace.into(),
            name: object.name.into(),
            body: body(),
        })
    }
}

/// The object's bytes as they came. One from a list gets the kind that a watch would have sent.
fn whole(object: &Object<'_>, reference: ObjectReference<'_>) -> Vec<u8> {
    let Some(members) = object.json.strip_prefix('{').filter(|_| !says_kind(object)) else {
        return object.json.as_bytes().to_vec();
    };
    let mut body = Vec::with_capacity(object.json.len() + 64);
    for (member, text) in [
        (&br#"{"kind":"#[..], reference.kind),
        (br#","apiVersion":"#, reference.api_version),
    ] {
        body.extend_from_slice(member);
        json::write_string(&mut body, text.as_bytes());
    }
    if members.trim_start() != "}" {
        body.push(b',');
    }
    body.extend_from_slice(members.as_bytes());
    body
}

#[cfg(test)]
mod tests {
    use adapter::env::Env;

    use super::*;

    const POD: &str = r#"{"kind":"Pod","apiVersion":"v1","metadata":{"name":"web","namespace":"ns","uid":"u","resourceVersion":"7"},"spec":{"big":12345678901234567890}}"#;

    fn announcer(config: &str) -> Announcer {
        let config =
            SourceConfig::from_env(&Env::from_pairs([("K_SOURCE_CONFIG", config)])).unwrap();
        Announcer::new("src-ns", "my-source", "https://10.96.0.1:443", &config)
    }

    fn kind() -> Kind {
        Kind {
            api_version: "v1".to_owned(),
            kind: "Pod".to_owned(),
        }
    }

    fn announced(config: &str, json: &str) -> Option<Announcement> {
        announcer(config).announce(&kind(), Change::Modified, &Object::read(json).unwrap())
    }

    fn body(announcement: &Announcement) -> &str {
        str::from_utf8(&announcement.body).unwrap()
    }

    #[test]
    fn resource_mode_sends_the_bytes_as_they_came() {
        let event = announced("{}", POD).unwrap();
        assert_eq!(body(&event), POD);
        assert_eq!(event.event_type, "dev.knative.apiserver.resource.update");
        assert_eq!(event.subject, "/apis/v1/namespaces/ns/pods/web");
        assert_eq!(
            (&*event.kind, &*event.name, &*event.namespace),
            ("Pod", "web", "ns")
        );
    }

    #[test]
    fn an_object_of_a_list_gets_its_kind() {
        for (json, expected) in [
            (
                r#"{"metadata":{"name":"a"}}"#,
                r#"{"kind":"Pod","apiVersion":"v1","metadata":{"name":"a"}}"#,
            ),
            ("{}", r#"{"kind":"Pod","apiVersion":"v1"}"#),
        ] {
            assert_eq!(body(&announced("{}", json).unwrap()), expected);
        }
    }

    #[test]
    fn metadata_alone_is_announced_as_the_object() {
        let json = r#"{"kind":"PartialObjectMetadata","apiVersion":"meta.k8s.io/v1","metadata":{"name":"web","namespace":"ns"}}"#;
        let event = announced(r#"{"mode":"Reference"}"#, json).unwrap();
        assert_eq!(
            body(&event),
            r#"{"kind":"Pod","namespace":"ns","name":"web","apiVersion":"v1"}"#
        );
        assert_eq!((&*event.kind, &*event.api_version), ("Pod", "v1"));
    }

    #[test]
    fn owner_and_filters_decide() {
        for (config, passes) in [
            (
                r#"{"owner":{"apiVersion":"apps/v1","kind":"ReplicaSet"}}"#,
                false,
            ),
            (r#"{"filters":[{"exact":{"name":"web"}}]}"#, true),
            (r#"{"filters":[{"exact":{"name":"other"}}]}"#, false),
            (
                r#"{"filters":[{"cesql":"source = 'https://10.96.0.1:443' AND NOT EXISTS time"}]}"#,
                true,
            ),
        ] {
            assert_eq!(announced(config, POD).is_some(), passes, "{config}");
        }
    }

    #[test]
    fn one_change_has_one_id_and_sources_differ() {
        let first = announced("{}", POD).unwrap().id;
        assert_eq!(announced("{}", POD).unwrap().id, first);
        assert_ne!(announced(r#"{"mode":"Reference"}"#, POD).unwrap().id, first);
        let config = SourceConfig::from_env(&Env::from_pairs([("K_SOURCE_CONFIG", "{}")])).unwrap();
        let elsewhere = Announcer::new("other-ns", "my-source", "https://10.96.0.1:443", &config);
        let event = elsewhere.announce(&kind(), Change::Modified, &Object::read(POD).unwrap());
        assert_ne!(event.unwrap().id, first);
    }

    #[test]
    fn a_missed_delete_needs_a_name() {
        let announcer = announcer(r#"{"mode":"Reference"}"#);
        let mut gone = Gone {
            uid: "u".to_owned(),
            version: "7".to_owned(),
            name: Some(("ns".to_owned(), "web".to_owned())),
        };
        let event = announcer.announce_gone(&kind(), &gone).unwrap();
        assert_eq!(event.event_type, "dev.knative.apiserver.ref.delete");
        assert_eq!(
            body(&event),
            r#"{"kind":"Pod","namespace":"ns","name":"web","apiVersion":"v1"}"#
        );
        gone.name = None;
        assert_eq!(announcer.announce_gone(&kind(), &gone), None);
    }
}
