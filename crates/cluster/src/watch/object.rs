//! An object as it came, with its names read out.

use std::borrow::Cow;

use serde::Deserialize;

/// An object, borrowed: whoever keeps it copies it. Names that it does not have are empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Object<'a> {
    /// Its JSON, byte for byte.
    pub json: &'a str,
    /// `apiVersion`: not there in the items of most lists, and `meta.k8s.io/v1` with metadata only.
    pub api_version: Cow<'a, str>,
    /// `kind`; the same holds.
    pub kind: Cow<'a, str>,
    /// `metadata.namespace`.
    pub namespace: Cow<'a, str>,
    /// `metadata.name`.
    pub name: Cow<'a, str>,
    /// `metadata.uid`.
    pub uid: Cow<'a, str>,
    /// `metadata.resourceVersion`: opaque, only ever compared for equality.
    pub version: Cow<'a, str>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Head<'a> {
    #[serde(borrow)]
    api_version: Option<Text<'a>>,
    #[serde(borrow)]
    kind: Option<Text<'a>>,
    #[serde(borrow)]
    metadata: Option<Metadata<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata<'a> {
    #[serde(borrow)]
    namespace: Option<Text<'a>>,
    #[serde(borrow)]
    name: Option<Text<'a>>,
    #[serde(borrow)]
    uid: Option<Text<'a>>,
    #[serde(borrow)]
    resource_version: Option<Text<'a>>,
}

/// An `Option<Cow>` would copy, whatever it is told.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'a> Object<'a> {
    /// Reads the names and skips the rest. The error is that of a JSON that is no object.
    pub fn read(json: &'a str) -> Result<Self, serde_json::Error> {
        let head: Head<'a> = serde_json::from_str(json)?;
        let metadata = head.metadata.unwrap_or_default();
        let text = |text: Option<Text<'a>>| text.map(|text| text.0).unwrap_or_default();
        Ok(Self {
            json,
            api_version: text(head.api_version),
            kind: text(head.kind),
            namespace: text(metadata.namespace),
            name: text(metadata.name),
            uid: text(metadata.uid),
            version: text(metadata.resource_version),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_borrowed_unless_escaped_and_empty_if_missing() {
        let json = r#"{"kind":"Pod","metadata":{"name":"a\u0062","uid":"u","namespace":null,"x":[]},"spec":{"name":"no"}}"#;
        let object = Object::read(json).unwrap();
        assert_eq!(
            (&*object.kind, &*object.name, &*object.uid),
            ("Pod", "ab", "u")
        );
        assert_eq!(
            (&*object.namespace, &*object.version, &*object.api_version),
            ("", "", "")
        );
        assert!(matches!(object.uid, Cow::Borrowed(_)));
        assert_eq!(object.json, json);
        assert_eq!(Object::read("{}").unwrap().name, "");
        assert!(Object::read("[]").is_err());
    }
}
