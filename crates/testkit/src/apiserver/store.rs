//! The objects, their versions and their history: etcd and the generic part of an API server.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::ops::Bound;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value, json};

use super::status::Status;

/// A resource that is served.
#[derive(Clone, Debug)]
pub(super) struct Resource {
    pub(super) kind: String,
    pub(super) namespaced: bool,
}

/// An object as it is kept: as text, because tests keep tens of thousands.
#[derive(Debug)]
pub(super) struct Stored {
    pub(super) text: String,
    pub(super) version: u64,
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) labels: BTreeMap<String, String>,
    /// Where the members after `apiVersion` and `kind` begin.
    rest: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Added,
    Modified,
    Deleted,
}

/// One change, for watches.
#[derive(Clone, Debug)]
pub(super) struct Change {
    pub(super) version: u64,
    pub(super) resource: String,
    pub(super) action: Action,
    /// After the change; of a deletion the last state, with the version of the deletion.
    pub(super) object: Arc<Stored>,
    pub(super) before: Option<Arc<Stored>>,
}

/// Resource, namespace and name.
type Key = (String, String, String);

/// Everything in one place, with one counter of versions as in etcd.
#[derive(Debug)]
pub(super) struct Store {
    pub(super) resources: BTreeMap<String, Resource>,
    objects: BTreeMap<Key, Arc<Stored>>,
    history: Vec<Change>,
    version: u64,
    /// Watches from before this version have expired.
    oldest: u64,
    uids: u64,
}

impl Store {
    pub(super) fn new() -> Self {
        let built_in = [
            ("v1/configmaps", "ConfigMap", true),
            ("v1/events", "Event", true),
            ("v1/namespaces", "Namespace", false),
            ("v1/nodes", "Node", false),
            ("v1/pods", "Pod", true),
            ("v1/serviceaccounts", "ServiceAccount", true),
            ("coordination.k8s.io/v1/leases", "Lease", true),
        ];
        let resources = built_in.into_iter().map(|(resource, kind, namespaced)| {
            (
                resource.to_owned(),
                Resource {
                    kind: kind.to_owned(),
                    namespaced,
                },
            )
        });
        Self {
            resources: resources.collect(),
            objects: BTreeMap::new(),
            history: Vec::new(),
            version: 1000,
            oldest: 0,
            uids: 0,
        }
    }

    pub(super) fn version(&self) -> u64 {
        self.version
    }

    pub(super) fn get(&self, resource: &str, namespace: &str, name: &str) -> Option<Arc<Stored>> {
        let key = (resource.to_owned(), namespace.to_owned(), name.to_owned());
        self.objects.get(&key).cloned()
    }

    /// All of a resource, by namespace and name.
    pub(super) fn list(&self, resource: &str) -> impl Iterator<Item = &Arc<Stored>> {
        let first = (resource.to_owned(), String::new(), String::new());
        let rest = self
            .objects
            .range((Bound::Included(first), Bound::Unbounded));
        rest.take_while(move |(key, _)| key.0 == resource)
            .map(|(_, object)| object)
    }

    /// The first change after this version that is wanted.
    pub(super) fn change_after(
        &self,
        version: u64,
        mut wanted: impl FnMut(&Change) -> bool,
    ) -> Option<&Change> {
        let from = self
            .history
            .partition_point(|change| change.version <= version);
        self.history[from..].iter().find(|change| wanted(change))
    }

    pub(super) fn has_expired(&self, version: u64) -> bool {
        version < self.oldest
    }

    /// Open watches still need the history.
    pub(super) fn compact(&mut self) {
        self.oldest = self.version;
    }

    /// A version that no object has, as writes to other collections make them.
    pub(super) fn tick(&mut self) -> u64 {
        self.version += 1;
        self.version
    }

    pub(super) fn create(&mut self, resource: &str, object: Value) -> Result<Arc<Stored>, Status> {
        let (namespace, name) = names(&object);
        if self.get(resource, &namespace, &name).is_some() {
            return Err(Status::new(
                409,
                "AlreadyExists",
                format!("{resource} {name:?} already exists"),
            ));
        }
        Ok(self.write(resource, object, None))
    }

    /// With a version in it, only over that version.
    pub(super) fn replace(&mut self, resource: &str, object: Value) -> Result<Arc<Stored>, Status> {
        let (namespace, name) = names(&object);
        let before = self.get(resource, &namespace, &name);
        let before = before.ok_or_else(|| Status::missing(resource, &name))?;
        match object["metadata"]["resourceVersion"].as_str() {
            Some(version) if !version.is_empty() && version != before.version.to_string() => {
                let words = "the object has been modified; please apply your changes to the latest version and try again";
                let words =
                    format!("Operation cannot be fulfilled on {resource} {name:?}: {words}");
                Err(Status::new(409, "Conflict", words))
            }
            _ => Ok(self.write(resource, object, Some(before))),
        }
    }

    pub(super) fn delete(
        &mut self,
        resource: &str,
        namespace: &str,
        name: &str,
    ) -> Result<Arc<Stored>, Status> {
        let key = (resource.to_owned(), namespace.to_owned(), name.to_owned());
        let before = self
            .objects
            .remove(&key)
            .ok_or_else(|| Status::missing(resource, name))?;
        let version = self.tick();
        let mut last: Value = serde_json::from_str(&before.text).expect("our own text");
        last["metadata"]["resourceVersion"] = json!(version.to_string());
        let last = Arc::new(Stored::new(last, version));
        self.record(resource, Action::Deleted, &last, Some(before));
        Ok(last)
    }

    fn write(
        &mut self,
        resource: &str,
        mut object: Value,
        before: Option<Arc<Stored>>,
    ) -> Arc<Stored> {
        let version = self.tick();
        let served = self.resources.get(resource).cloned();
        let group_version = resource
            .rsplit_once('/')
            .map_or("", |(group_version, _)| group_version);
        object["apiVersion"] = json!(group_version);
        if let Some(served) = served {
            object["kind"] = json!(served.kind);
        }
        self.uids += u64::from(before.is_none());
        let fresh_uid = format!("00000000-0000-4000-8000-{:012x}", self.uids);
        let metadata = &mut object["metadata"];
        metadata["resourceVersion"] = json!(version.to_string());
        let kept: Option<Value> = before
            .as_ref()
            .map(|before| serde_json::from_str(&before.text).expect("our own text"));
        for (member, fresh) in [("uid", fresh_uid), ("creationTimestamp", now())] {
            match &kept {
                Some(kept) => metadata[member] = kept["metadata"][member].clone(),
                None if metadata[member].is_null() => metadata[member] = json!(fresh),
                None => {}
            }
        }
        let stored = Arc::new(Stored::new(object, version));
        let key = (
            resource.to_owned(),
            stored.namespace.clone(),
            stored.name.clone(),
        );
        self.objects.insert(key, Arc::clone(&stored));
        let action = if before.is_some() {
            Action::Modified
        } else {
            Action::Added
        };
        self.record(resource, action, &stored, before);
        stored
    }

    fn record(
        &mut self,
        resource: &str,
        action: Action,
        object: &Arc<Stored>,
        before: Option<Arc<Stored>>,
    ) {
        self.history.push(Change {
            version: object.version,
            resource: resource.to_owned(),
            action,
            object: Arc::clone(object),
            before,
        });
    }
}

impl Stored {
    fn new(mut object: Value, version: u64) -> Self {
        let (namespace, name) = names(&object);
        let labels = object["metadata"]["labels"]
            .as_object()
            .into_iter()
            .flatten();
        let labels = labels
            .map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().to_owned()));
        let labels = labels.collect();
        let members = object.as_object_mut().expect("an object");
        let mut text = String::from("{");
        for member in ["kind", "apiVersion"] {
            let value = members.remove(member).unwrap_or_default();
            write!(text, "{member:?}:{value},").expect("writing to a string cannot fail");
        }
        let rest = text.len();
        text.push_str(&object.to_string()[1..]);
        Self {
            text,
            version,
            namespace,
            name,
            labels,
            rest,
        }
    }

    /// As it stands in a list of a built-in kind: without `apiVersion` and `kind`.
    pub(super) fn item(&self) -> String {
        format!("{{{}", &self.text[self.rest..])
    }

    pub(super) fn value(&self) -> Value {
        serde_json::from_str(&self.text).expect("our own text")
    }

    pub(super) fn metadata_only(&self) -> String {
        metadata_only(&self.value())
    }
}

/// `PartialObjectMetadata` of any object.
pub(super) fn metadata_only(object: &Value) -> String {
    let metadata = object
        .get("metadata")
        .cloned()
        .unwrap_or(Value::Object(Map::new()));
    format!(
        r#"{{"kind":"PartialObjectMetadata","apiVersion":"meta.k8s.io/v1","metadata":{metadata}}}"#
    )
}

fn names(object: &Value) -> (String, String) {
    let text = |name: &str| {
        object["metadata"][name]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    };
    (text("namespace"), text("name"))
}

/// Now, as Kubernetes writes it.
pub(super) fn now() -> String {
    after(0)
}

/// So many seconds from now.
pub(super) fn after(seconds: u64) -> String {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("a clock after 1970");
    rfc3339(since.as_secs() + seconds)
}

/// Days to a date by the usual arithmetic of 400-year eras.
fn rfc3339(seconds: u64) -> String {
    let (days, second) = (seconds / 86_400 + 719_468, seconds % 86_400);
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let (year, month) = match month {
        0..10 => (era * 400 + year_of_era, month + 3),
        _ => (era * 400 + year_of_era + 1, month - 9),
    };
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_795_371_917, "2026-11-22T18:25:17Z"),
        ] {
            assert_eq!(rfc3339(seconds), text);
        }
    }

    #[test]
    fn versions_guard_updates_and_deletions_have_one_of_their_own() {
        let mut store = Store::new();
        let pod = |version: &str| json!({"metadata":{"namespace":"a","name":"n","resourceVersion":version}});
        let first = store.create("v1/pods", pod("")).unwrap();
        assert_eq!(store.create("v1/pods", pod("")).unwrap_err().code, 409);
        let second = store
            .replace("v1/pods", pod(&first.version.to_string()))
            .unwrap();
        let uid = |object: &Stored| object.value()["metadata"]["uid"].clone();
        assert_eq!(
            (uid(&second), second.version),
            (uid(&first), first.version + 1)
        );
        assert_eq!(
            store
                .replace("v1/pods", pod(&first.version.to_string()))
                .unwrap_err()
                .code,
            409
        );
        let gone = store.delete("v1/pods", "a", "n").unwrap();
        assert!(
            gone.text
                .contains(&format!(r#""resourceVersion":"{}""#, second.version + 1))
        );
        assert_eq!(store.replace("v1/pods", pod("")).unwrap_err().code, 404);
        assert!(
            first.item().starts_with(r#"{"metadata""#),
            "{}",
            first.item()
        );
        assert!(
            first
                .text
                .starts_with(r#"{"kind":"Pod","apiVersion":"v1","metadata""#)
        );
    }
}
