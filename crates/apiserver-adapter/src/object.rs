//! A Kubernetes object by its four names: the subject of its events, the body of Reference mode,
//! and the id of one change (apiserversource.md 3.2, 3.3 and 3.5).

use adapter::go::json;
use uuid::Uuid;

use crate::plural;

/// The names that say which object it is, as they stand in the object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ObjectReference<'a> {
    /// `apiVersion`, for example `v1` or `apps/v1`.
    pub api_version: &'a str,
    /// `kind`, for example `Deployment`.
    pub kind: &'a str,
    /// `metadata.namespace`; empty for cluster-scoped objects.
    pub namespace: &'a str,
    /// `metadata.name`.
    pub name: &'a str,
}

impl ObjectReference<'_> {
    /// The `subject` of every event about the object (3.3).
    ///
    /// Always `/apis/` and always `/namespaces/`, so that a cluster-scoped object has a double
    /// slash; the plural is the guess. White space at the end goes, as the SDK cuts it.
    pub fn subject(&self) -> String {
        let version = self.api_version;
        let unknown = if version.contains('.') && !version.contains('/') {
            "/versionUnknown" // a group without a version, which no real object has
        } else {
            ""
        };
        let plural = plural::guess(self.kind);
        let mut subject = format!(
            "/apis/{version}{unknown}/namespaces/{}/{plural}/{}",
            self.namespace, self.name
        );
        subject.truncate(subject.trim_end().len());
        subject
    }

    /// The data of a Reference-mode event: compact JSON, empty members left out (3.5).
    pub fn to_json(&self) -> Vec<u8> {
        let mut body = Vec::with_capacity(
            64 + self.api_version.len() + self.kind.len() + self.namespace.len() + self.name.len(),
        );
        body.push(b'{');
        for (member, text) in [
            (&br#""kind":"#[..], self.kind),
            (br#""namespace":"#, self.namespace),
            (br#""name":"#, self.name),
            (br#""apiVersion":"#, self.api_version),
        ] {
            if text.is_empty() {
                continue;
            }
            if body.len() > 1 {
                body.push(b',');
            }
            body.extend_from_slice(member);
            json::write_string(&mut body, text.as_bytes());
        }
        body.push(b'}');
        body
    }
}

/// Ids of this adapter's events live in this namespace.
const EVENT_IDS: Uuid = Uuid::from_u128(0x9c1f_6a52_3b0e_4d7f_8a44_5e2d_71c0_b6e3);

/// The `id` of one change: a UUID version 5 of who reports it, the object's uid and resource
/// version, and the event type.
///
/// Two pods of one source that overlap in a rollout give the same change the same id, so that a
/// consumer can drop the repeat. `source_name` is the ApiServerSource's, not the URL.
pub fn event_id(source_name: &str, uid: &str, resource_version: &str, event_type: &str) -> Uuid {
    // None of the four contains a line feed, so no two changes give the same text.
    let change = [source_name, uid, resource_version, event_type].join("\n");
    Uuid::new_v5(&EVENT_IDS, change.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json_of(api_version: &str, kind: &str, namespace: &str, name: &str) -> String {
        let object = ObjectReference {
            api_version,
            kind,
            namespace,
            name,
        };
        String::from_utf8(object.to_json()).unwrap()
    }

    #[test]
    fn a_reference_has_four_members_and_leaves_out_empty_ones() {
        assert_eq!(
            json_of("v1", "Pod", "default", "web"),
            r#"{"kind":"Pod","namespace":"default","name":"web","apiVersion":"v1"}"#
        );
        assert_eq!(
            json_of("v1", "Node", "", "n1"),
            r#"{"kind":"Node","name":"n1","apiVersion":"v1"}"#
        );
        assert_eq!(
            json_of("", "", "", "a\"<b>"),
            r#"{"name":"a\"\u003cb\u003e"}"#
        );
        assert_eq!(json_of("", "", "", ""), "{}");
    }

    #[test]
    fn a_subject_is_trimmed_at_its_end() {
        let object = ObjectReference {
            api_version: "rbac.authorization.k8s.io/v1",
            kind: "ClusterRole",
            namespace: "",
            name: "rôle x \u{2003}",
        };
        assert_eq!(
            object.subject(),
            "/apis/rbac.authorization.k8s.io/v1/namespaces//clusterroles/rôle x"
        );
    }

    #[test]
    fn the_id_belongs_to_one_change_and_stays() {
        let id = event_id("my-source", "uid-1", "101", "dev.knative.apiserver.ref.add");
        assert_eq!(id.to_string(), "f8624c0d-7d5a-54a5-93c7-603d25870550");
        let others = [
            event_id("other", "uid-1", "101", "dev.knative.apiserver.ref.add"),
            event_id("my-source", "uid-2", "101", "dev.knative.apiserver.ref.add"),
            event_id("my-source", "uid-1", "102", "dev.knative.apiserver.ref.add"),
            event_id(
                "my-source",
                "uid-1",
                "101",
                "dev.knative.apiserver.ref.update",
            ),
        ];
        assert!(!others.contains(&id));
    }
}
