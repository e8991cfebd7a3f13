//! What `exact`, `prefix` and `suffix` find under a name: the stock adapter's table, which knows
//! some names that are no attributes, and finds every attribute whether it is set or not.

use std::borrow::Cow;

use crate::attributes::{Attributes, Value, is_context_attribute};

/// What a time that is not set looks like, Go's zero time.
const NO_TIME: &str = "0001-01-01T00:00:00Z";

/// The text under a name in its exact case; `None` only for an extension that is not set.
pub(super) fn text<'a>(attributes: &'a dyn Attributes, name: &str) -> Option<Cow<'a, str>> {
    let set = |name| attributes.get(name).map(Value::to_text);
    match name {
        "time" => Some(set(name).unwrap_or(Cow::Borrowed(NO_TIME))),
        "schemaurl" => Some(set("dataschema").unwrap_or_default()),
        "datamediatype" => Some(media_type(set("datacontenttype").unwrap_or_default())),
        "datacontentencoding" => Some(Cow::Borrowed("")),
        _ if is_context_attribute(name) => Some(set(name).unwrap_or_default()),
        _ => set(name),
    }
}

/// The content type without its parameters.
fn media_type(content_type: Cow<'_, str>) -> Cow<'_, str> {
    match content_type.split_once(';') {
        Some((media_type, _)) => Cow::Owned(media_type.trim().to_owned()),
        None => content_type,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Event(&'static [(&'static str, Value<'static>)]);

    impl Attributes for Event {
        fn get(&self, name: &str) -> Option<Value<'_>> {
            self.0
                .iter()
                .find(|(key, _)| *key == name)
                .map(|(_, value)| *value)
        }
    }

    #[test]
    fn attributes_are_always_found_and_extensions_when_set() {
        let event = Event(&[
            ("type", Value::Text("t")),
            ("dataschema", Value::Text("http://s")),
            ("datacontenttype", Value::Text("text/plain ; charset=utf-8")),
            ("empty", Value::Text("")),
            ("count", Value::Integer(-7)),
            ("flag", Value::Boolean(false)),
        ]);
        for (name, text) in [
            ("type", Some("t")),
            ("Type", None),
            ("id", Some("")),
            ("subject", Some("")),
            ("time", Some("0001-01-01T00:00:00Z")),
            ("dataschema", Some("http://s")),
            ("schemaurl", Some("http://s")),
            ("datamediatype", Some("text/plain")),
            ("datacontentencoding", Some("")),
            ("empty", Some("")),
            ("count", Some("-7")),
            ("flag", Some("false")),
            ("nosuch", None),
        ] {
            assert_eq!(super::text(&event, name).as_deref(), text, "{name}");
        }
    }
}
