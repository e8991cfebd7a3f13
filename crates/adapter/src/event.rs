//! Building the event: ids, extension names and the overrides that the controller asks for.
//!
//! Pure. The event itself is the SDK's [`cloudevents::Event`]; how it is spelled on the wire is in
//! `wire`. Contract: `adapter-runtime.md` 2.3 to 2.5.

use std::collections::BTreeMap;

use cloudevents::Event;
use uuid::Uuid;

use crate::gojson;

/// Names that belong to the context attributes and cannot be extensions (2.3).
const RESERVED: [&str; 8] = [
    "id",
    "source",
    "type",
    "datacontenttype",
    "subject",
    "time",
    "specversion",
    "dataschema",
];

/// Why a name cannot be an extension.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// The name is empty.
    #[error("an extension name must not be empty; a good one is \"region\"")]
    Empty,
    /// Something other than `A-Z a-z 0-9`.
    #[error("an extension name has only letters and digits, for example \"region\"")]
    Characters,
    /// A context attribute of CloudEvents.
    #[error("this name is a CloudEvents attribute and cannot be overridden")]
    Reserved,
}

impl NameError {
    /// The value of the metric's `reason`.
    pub fn label(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::Characters => "characters",
            Self::Reserved => "reserved",
        }
    }
}

/// Checks an extension name in any case (2.3).
pub fn check_extension_name(name: &str) -> Result<(), NameError> {
    if name.is_empty() {
        return Err(NameError::Empty);
    }
    if !name.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Err(NameError::Characters);
    }
    if RESERVED
        .iter()
        .any(|reserved| reserved.eq_ignore_ascii_case(name))
    {
        return Err(NameError::Reserved);
    }
    Ok(())
}

/// A random id in the form that upstream gives events: UUID version 4, lower case (2.4).
pub fn random_id() -> String {
    Uuid::new_v4().to_string()
}

/// Extensions to set on every event: `K_CE_OVERRIDES`, or `ceOverrides` of a source (2.5).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overrides {
    extensions: BTreeMap<String, String>,
    rejected: Vec<(String, NameError)>,
}

impl Overrides {
    /// Reads the JSON text; empty text means none.
    ///
    /// A name that no event could carry is set apart in [`Overrides::rejected`], so that one bad
    /// name does not silence the source as it does upstream (8.6). Of names that differ only in
    /// case the last counts.
    pub fn parse(text: &str) -> Result<Self, gojson::Error> {
        if text.is_empty() {
            return Ok(Self::default());
        }
        let document = gojson::parse(text)?;
        document.members("the overrides")?;
        let Some(extensions) = document.get("extensions") else {
            return Ok(Self::default());
        };
        let pairs = extensions
            .members("extensions")?
            .iter()
            .map(|(name, value)| Ok((name.clone(), value.text(&format!("extensions.{name}"))?)))
            .collect::<Result<Vec<_>, gojson::Error>>()?;
        Ok(Self::from_pairs(
            pairs
                .into_iter()
                .map(|(name, value)| (name, value.to_owned())),
        ))
    }

    /// The same rules for pairs that are already decoded.
    pub fn from_pairs(pairs: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut overrides = Self::default();
        for (name, value) in pairs {
            match check_extension_name(&name) {
                Ok(()) => {
                    overrides
                        .extensions
                        .insert(name.to_ascii_lowercase(), value);
                }
                Err(reason) => overrides.rejected.push((name, reason)),
            }
        }
        overrides
    }

    /// Sets each extension as a string, over what the adapter has set.
    pub fn apply(&self, event: &mut Event) {
        for (name, value) in &self.extensions {
            event.set_extension(name, value.as_str());
        }
    }

    /// The accepted extensions, names in lower case.
    pub fn extensions(&self) -> &BTreeMap<String, String> {
        &self.extensions
    }

    /// Names that were dropped, and why.
    pub fn rejected(&self) -> &[(String, NameError)] {
        &self.rejected
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Vec<(String, String)> {
        Overrides::parse(text)
            .expect(text)
            .extensions
            .into_iter()
            .collect()
    }

    #[test]
    fn overrides_are_read_as_go_reads_them() {
        // adapter-runtime.md V7 and V8
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(
            parsed(r#"{"extensions":{"Foo":"bar","n1":"42","sp":"a b"}}"#),
            [pair("foo", "bar"), pair("n1", "42"), pair("sp", "a b")]
        );
        assert_eq!(parsed(r#"{"extensions":{"foo":null}}"#), [pair("foo", "")]);
        assert_eq!(
            parsed(r#"{"extensions":{"a":"1","a":"2"}}"#),
            [pair("a", "2")]
        );
        assert_eq!(
            parsed(r#"{"EXTENSIONS":{"a":"1"},"x":3}"#),
            [pair("a", "1")]
        );
        for none in ["", "null", "{}", r#"{"extensions":null}"#] {
            assert_eq!(parsed(none), [], "{none:?}");
        }
        for bad in [
            r#"{"extensions":{"foo":1}}"#,
            "[]",
            "quack",
            " ",
            r#"{"extensions":{"a":"1"}} x"#,
        ] {
            assert!(Overrides::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_bad_name_costs_only_itself() {
        let overrides =
            Overrides::parse(r#"{"extensions":{"type":"b","a-b":"x","":"y","ok":"1"}}"#).unwrap();
        assert_eq!(overrides.extensions.len(), 1);
        let reasons: Vec<_> = overrides
            .rejected
            .iter()
            .map(|(_, reason)| *reason)
            .collect();
        assert_eq!(
            reasons,
            [NameError::Reserved, NameError::Characters, NameError::Empty]
        );
    }
}
