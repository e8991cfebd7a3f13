//! What is known of a collection: which objects it has, and at which version.
//!
//! Kept so that a gap in the watch can be repaired by comparing with a fresh list
//! (apiserversource.md 9.4). Some 30 to 60 bytes an object; where deletes are announced from
//! memory, its name as well. Versions are opaque: only equal or not.

use std::collections::HashMap;

use uuid::Uuid;

/// The identity of an object in 16 bytes: its uid, or a digest of one that is no UUID.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Uid([u8; 16]);

impl Uid {
    /// The identity behind `metadata.uid`.
    pub fn new(text: &str) -> Self {
        let uid = Uuid::try_parse(text);
        Self(uid.unwrap_or_else(|_| digest(text)).into_bytes())
    }
}

/// A resource version in 8 bytes, good for telling two versions of one object apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Version(u64);

impl Version {
    /// The number that API servers on etcd give, else half a digest.
    fn new(text: &str) -> Self {
        Self(
            text.parse()
                .unwrap_or_else(|_| digest(text).as_u64_pair().0),
        )
    }
}

fn digest(text: &str) -> Uuid {
    Uuid::new_v5(&Uuid::NAMESPACE_OID, text.as_bytes())
}

/// One object as the ledger sees it.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    /// `metadata.uid`.
    pub uid: &'a str,
    /// `metadata.resourceVersion`.
    pub version: &'a str,
    /// `metadata.namespace`.
    pub namespace: &'a str,
    /// `metadata.name`.
    pub name: &'a str,
    /// Whether the owner filter lets its events pass; a missed delete has no owner to ask.
    pub announced: bool,
}

/// The objects of one collection.
#[derive(Debug)]
pub struct Ledger {
    versions: HashMap<Uid, Version>,
    /// Uid and `namespace/name`, where names are kept.
    names: Option<HashMap<Uid, Box<str>>>,
}

impl Ledger {
    /// Knows nothing. Names are kept in Reference mode, whose deletes need nothing else.
    pub fn new(keeps_names: bool) -> Self {
        Self {
            versions: HashMap::new(),
            names: keeps_names.then(HashMap::new),
        }
    }

    /// The object is there.
    pub fn record(&mut self, entry: Entry<'_>) {
        let uid = Uid::new(entry.uid);
        self.versions.insert(uid, Version::new(entry.version));
        let Some(names) = &mut self.names else { return };
        if entry.announced {
            names.insert(uid, format!("{}/{}", entry.namespace, entry.name).into());
        } else {
            names.remove(&uid);
        }
    }

    /// The object is gone.
    pub fn strike(&mut self, uid: &str) {
        self.take(Uid::new(uid));
    }

    /// Begins the comparison with a fresh list.
    pub fn compare(self) -> Comparison {
        let fresh = Self::new(self.names.is_some());
        Comparison { known: self, fresh }
    }

    fn take(&mut self, uid: Uid) -> Option<Version> {
        if let Some(names) = &mut self.names {
            names.remove(&uid);
        }
        self.versions.remove(&uid)
    }
}

/// How an object of a list relates to what was known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    /// At this very version.
    Unchanged,
    /// At another version.
    Changed,
    /// Not at all.
    New,
}

/// An object that a whole list did not have any more.
#[derive(Debug, PartialEq, Eq)]
pub struct Gone {
    /// Its `metadata.uid`, as far as it can be told.
    pub uid: String,
    /// The last version that was known.
    pub version: String,
    /// Namespace and name, if the ledger keeps names and its events passed the owner filter.
    pub name: Option<(String, String)>,
}

/// What was known beside a fresh list.
#[derive(Debug)]
pub struct Comparison {
    /// What the list has not shown yet.
    known: Ledger,
    fresh: Ledger,
}

impl Comparison {
    /// The list has the object.
    pub fn listed(&mut self, entry: Entry<'_>) -> Known {
        let uid = Uid::new(entry.uid);
        let before = self
            .known
            .take(uid)
            .or_else(|| self.fresh.versions.get(&uid).copied());
        self.fresh.record(entry);
        match before {
            None => Known::New,
            Some(version) if version == Version::new(entry.version) => Known::Unchanged,
            Some(_) => Known::Changed,
        }
    }

    /// The list is whole: the new ledger, and what was not in it.
    pub fn complete(self) -> (Ledger, impl Iterator<Item = Gone>) {
        let Ledger {
            versions,
            mut names,
        } = self.known;
        let gone = versions.into_iter().map(move |(uid, version)| Gone {
            uid: Uuid::from_bytes(uid.0).to_string(),
            version: version.0.to_string(),
            name: names
                .as_mut()
                .and_then(|names| names.remove(&uid))
                .map(|name| {
                    let (namespace, name) = name.split_once('/').unwrap_or_default();
                    (namespace.to_owned(), name.to_owned())
                }),
        });
        (self.fresh, gone)
    }

    /// The list broke off: everything that is known so far, for the next one.
    pub fn abandon(self) -> Ledger {
        let mut all = self.known;
        all.versions.extend(self.fresh.versions);
        if let (Some(names), Some(fresh)) = (&mut all.names, self.fresh.names) {
            names.extend(fresh);
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "0c4b0d3e-6d5e-4f0e-9a53-8f0c2f1d7a11";

    fn entry<'a>(uid: &'a str, version: &'a str) -> Entry<'a> {
        Entry {
            uid,
            version,
            namespace: "ns",
            name: "n",
            announced: true,
        }
    }

    fn ledger(objects: &[(&str, &str)]) -> Ledger {
        let mut ledger = Ledger::new(true);
        for (uid, version) in objects {
            ledger.record(entry(uid, version));
        }
        ledger
    }

    #[test]
    fn a_uid_and_a_version_may_be_any_text() {
        assert_eq!(Uid::new(A).0, Uuid::try_parse(A).unwrap().into_bytes());
        assert_ne!(Uid::new("uid-a"), Uid::new("uid-b"));
        assert_eq!(Version::new("12"), Version(12));
        assert_eq!(Version::new("a:1"), Version::new("a:1"));
        assert_ne!(Version::new("a:1"), Version::new("a:2"));
    }

    #[test]
    fn a_list_tells_new_changed_and_gone() {
        let mut before = ledger(&[("same", "1"), ("changed", "1"), (A, "7"), ("struck", "1")]);
        before.strike("struck");
        let mut comparison = before.compare();
        assert_eq!(comparison.listed(entry("same", "1")), Known::Unchanged);
        assert_eq!(comparison.listed(entry("changed", "2")), Known::Changed);
        assert_eq!(comparison.listed(entry("new", "3")), Known::New);
        let (after, gone) = comparison.complete();
        let name = Some(("ns".to_owned(), "n".to_owned()));
        let expected = Gone {
            uid: A.to_owned(),
            version: "7".to_owned(),
            name,
        };
        assert_eq!(gone.collect::<Vec<_>>(), [expected]);
        assert_eq!(after.versions.len(), 3);
    }

    #[test]
    fn a_list_that_breaks_off_and_begins_again_tells_nothing_twice() {
        let mut first = ledger(&[("a", "1"), ("b", "1")]).compare();
        assert_eq!(first.listed(entry("new", "2")), Known::New);
        assert_eq!(first.listed(entry("a", "2")), Known::Changed);
        let mut again = first.abandon().compare();
        assert_eq!(again.listed(entry("new", "2")), Known::Unchanged);
        assert_eq!(again.listed(entry("a", "2")), Known::Unchanged);
        assert_eq!(again.complete().1.count(), 1);
    }

    #[test]
    fn pages_that_overlap_tell_an_object_once() {
        let mut comparison = ledger(&[]).compare();
        assert_eq!(comparison.listed(entry("a", "1")), Known::New);
        assert_eq!(comparison.listed(entry("a", "1")), Known::Unchanged);
    }

    #[test]
    fn a_name_is_kept_only_of_what_would_be_announced() {
        for (keeps_names, announced, kept) in [
            (true, true, true),
            (true, false, false),
            (false, true, false),
        ] {
            let mut ledger = Ledger::new(keeps_names);
            ledger.record(entry("a", "1"));
            ledger.record(Entry {
                announced,
                ..entry("a", "2")
            });
            let gone: Vec<_> = ledger.compare().complete().1.collect();
            assert_eq!(gone[0].name.is_some(), kept);
        }
    }
}
