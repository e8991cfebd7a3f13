//! The `owner` filter: only objects that a controller of the given kind owns
//! (apiserversource.md 4.1).

use std::borrow::Cow;

use serde::Deserialize;

/// One entry of `metadata.ownerReferences`, as far as the filter reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OwnerReference<'a> {
    /// `apiVersion` of the owner.
    pub api_version: &'a str,
    /// `kind` of the owner.
    pub kind: &'a str,
    /// `controller`; absent and `null` are false.
    pub controller: bool,
}

/// `owner` of the source's configuration; an empty text admits every owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnerFilter {
    /// The owner's `apiVersion`, for example `apps/v1`.
    pub api_version: String,
    /// The owner's `kind`, for example `ReplicaSet`.
    pub kind: String,
}

impl OwnerFilter {
    /// Whether an object with these owners passes.
    ///
    /// Only the first owner that is a controller counts. An object of the owner's own kind does
    /// not pass for that reason: the API documentation says so, the code never did.
    pub fn passes<'a>(&self, owners: impl IntoIterator<Item = OwnerReference<'a>>) -> bool {
        owners
            .into_iter()
            .find(|owner| owner.controller)
            .is_some_and(|owner| {
                (self.api_version.is_empty() || self.api_version == owner.api_version)
                    && (self.kind.is_empty() || self.kind == owner.kind)
            })
    }

    /// The same for an object's JSON; one whose owners cannot be read has none.
    pub fn passes_object(&self, json: &str) -> bool {
        let object: Object<'_> = serde_json::from_str(json).unwrap_or_default();
        let owners = object.metadata.owner_references.unwrap_or_default();
        self.passes(owners.iter().map(|owner| OwnerReference {
            api_version: owner.api_version.as_deref().unwrap_or_default(),
            kind: owner.kind.as_deref().unwrap_or_default(),
            controller: owner.controller.unwrap_or_default(),
        }))
    }
}

#[derive(Default, Deserialize)]
struct Object<'a> {
    #[serde(borrow)]
    metadata: Metadata<'a>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata<'a> {
    #[serde(borrow)]
    owner_references: Option<Vec<Owner<'a>>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Owner<'a> {
    #[serde(borrow)]
    api_version: Option<Cow<'a, str>>,
    #[serde(borrow)]
    kind: Option<Cow<'a, str>>,
    controller: Option<bool>,
}

#[cfg(test)]
mod tests {
    use super::*;

    const SET: OwnerReference<'_> = OwnerReference {
        api_version: "apps/v1",
        kind: "ReplicaSet",
        controller: true,
    };
    const JOB: OwnerReference<'_> = OwnerReference {
        api_version: "batch/v1",
        kind: "Job",
        controller: true,
    };
    const PLAIN: OwnerReference<'_> = OwnerReference {
        controller: false,
        ..SET
    };

    #[test]
    fn the_first_controller_decides() {
        for (api_version, kind, owners, passes) in [
            ("apps/v1", "ReplicaSet", &[SET][..], true),
            ("apps/v1", "ReplicaSet", &[], false),
            ("apps/v1", "ReplicaSet", &[PLAIN], false),
            ("apps/v1", "ReplicaSet", &[PLAIN, JOB, SET], false),
            ("apps/v1", "ReplicaSet", &[PLAIN, SET, JOB], true),
            ("apps/v1", "Deployment", &[SET], false),
            ("apps/v1beta1", "ReplicaSet", &[SET], false),
            ("", "ReplicaSet", &[SET], true),
            ("apps/v1", "", &[SET], true),
            ("apps/v1", "replicaset", &[SET], false),
            ("", "", &[JOB], true),
            ("", "", &[PLAIN], false),
        ] {
            let filter = OwnerFilter {
                api_version: api_version.to_owned(),
                kind: kind.to_owned(),
            };
            let found = filter.passes(owners.iter().copied());
            assert_eq!(found, passes, "{api_version} {kind} {owners:?}");
        }
    }

    #[test]
    fn owners_are_read_from_the_object() {
        let filter = OwnerFilter {
            api_version: "apps/v1".to_owned(),
            kind: "ReplicaSet".to_owned(),
        };
        let owned =
            |owner: &str| format!(r#"{{"spec":1,"metadata":{{"ownerReferences":[{owner}]}}}}"#);
        for (owner, passes) in [
            (
                r#"{"apiVersion":"apps/v1","kind":"Replica\u0053et","controller":true,"uid":"u"}"#,
                true,
            ),
            (
                r#"{"apiVersion":"apps/v1","kind":"ReplicaSet","controller":null}"#,
                false,
            ),
            (r#"{"apiVersion":"apps/v1","kind":"ReplicaSet"}"#, false),
            (
                r#"{"apiVersion":null,"kind":"ReplicaSet","controller":true}"#,
                false,
            ),
        ] {
            assert_eq!(filter.passes_object(&owned(owner)), passes, "{owner}");
        }
        for json in [
            "{}",
            r#"{"metadata":{"ownerReferences":null}}"#,
            r#"{"metadata":{"ownerReferences":[1]}}"#,
        ] {
            assert!(!filter.passes_object(json), "{json}");
        }
    }
}
