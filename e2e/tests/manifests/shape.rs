//! What a value may look like, and whether it does: fields, types and required members. Strict: a
//! field that is not in the table is a mistake, since `kubectl` would drop it or refuse it.

use serde_json::Value;

/// What a value may look like.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Shape {
    /// Any text but none.
    Text,
    /// Text, or none: `apiGroups: [""]`.
    AnyText,
    /// A whole number.
    Whole,
    /// `true` or `false`.
    Flag,
    /// Part of a CPU or of memory: `5m`, `8Mi`.
    Quantity,
    /// A port's number or name.
    Port,
    /// Text for text: labels, annotations, a Secret's values.
    Texts,
    /// One of these words.
    Word(&'static [&'static str]),
    /// A list that is not empty.
    List(&'static Shape),
    /// An object with these fields, in groups that are written down once.
    Object(&'static [&'static [Field]]),
}

/// A field of an object.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Field {
    name: &'static str,
    shape: Shape,
    is_required: bool,
}

/// A field that must be there.
pub(crate) const fn must(name: &'static str, shape: Shape) -> Field {
    Field {
        name,
        shape,
        is_required: true,
    }
}

/// A field that may be there.
pub(crate) const fn may(name: &'static str, shape: Shape) -> Field {
    Field {
        name,
        shape,
        is_required: false,
    }
}

/// How much of an object is there.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Extent {
    /// All of it.
    Whole,
    /// What is laid over an object that somebody else has made: nothing is required.
    Patch,
}

impl Shape {
    /// Adds to `problems` what is wrong with a value; `path` is where it stands.
    pub(crate) fn check(
        &self,
        value: &Value,
        path: &str,
        extent: Extent,
        problems: &mut Vec<String>,
    ) {
        let wrong = match self {
            Self::Text => {
                (!matches!(value, Value::String(text) if !text.is_empty())).then_some("text")
            }
            Self::AnyText => (!value.is_string()).then_some("text"),
            Self::Whole => (!value.is_u64()).then_some("a whole number"),
            Self::Flag => (!value.is_boolean()).then_some("true or false"),
            Self::Quantity => (!is_quantity(value)).then_some("an amount such as 8Mi or 5m"),
            Self::Port => (!is_port(value)).then_some("a port"),
            Self::Texts => (!is_texts(value)).then_some("text for text (numbers in quotes)"),
            Self::Word(words) => {
                if !value.as_str().is_some_and(|word| words.contains(&word)) {
                    problems.push(format!("{path}: {value} is none of {}", words.join(", ")));
                }
                None
            }
            Self::List(shape) => match value.as_array() {
                Some(items) if !items.is_empty() => {
                    for (index, item) in items.iter().enumerate() {
                        shape.check(item, &format!("{path}[{index}]"), extent, problems);
                    }
                    None
                }
                _ => Some("a list with something in it"),
            },
            Self::Object(groups) => {
                members(groups, value, path, extent, problems).then_some("an object")
            }
        };
        if let Some(wanted) = wrong {
            problems.push(format!("{path}: {value} is not {wanted}"));
        }
    }
}

/// Checks the members of an object; whether it is none.
fn members(
    groups: &[&[Field]],
    value: &Value,
    path: &str,
    extent: Extent,
    problems: &mut Vec<String>,
) -> bool {
    let Some(object) = value.as_object() else {
        return true;
    };
    let fields = || groups.iter().copied().flatten();
    for (name, member) in object {
        let path = format!("{path}.{name}");
        match fields().find(|field| field.name == name) {
            Some(field) => field.shape.check(member, &path, extent, problems),
            None => problems.push(format!("{path}: there is no such field")),
        }
    }
    for field in fields().filter(|field| field.is_required && extent == Extent::Whole) {
        if !object.contains_key(field.name) {
            problems.push(format!("{path}.{}: is missing", field.name));
        }
    }
    false
}

fn is_quantity(value: &Value) -> bool {
    let Some(text) = value.as_str() else {
        return false;
    };
    let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let unit = &text[digits.len()..];
    digits.parse::<u32>().is_ok() && ["", "m", "Ki", "Mi", "Gi"].contains(&unit)
}

fn is_port(value: &Value) -> bool {
    match value {
        Value::String(name) => !name.is_empty() && name.len() <= 15,
        _ => value
            .as_u64()
            .is_some_and(|port| (1..=65_535).contains(&port)),
    }
}

fn is_texts(value: &Value) -> bool {
    value
        .as_object()
        .is_some_and(|object| object.values().all(Value::is_string))
}

#[test]
fn every_kind_of_mistake_is_found() {
    use serde_json::json;
    const SHAPE: Shape = Shape::Object(&[
        &[must("name", Shape::Text), may("size", Shape::Quantity)],
        &[
            may("mode", Shape::Word(&["a", "b"])),
            may("list", Shape::List(&Shape::Port)),
            may("labels", Shape::Texts),
            may("on", Shape::Flag),
        ],
    ]);
    let told = |value: Value, extent| {
        let mut problems = Vec::new();
        SHAPE.check(&value, "x", extent, &mut problems);
        problems.join("; ")
    };
    let good = json!({"name": "n", "size": "8Mi", "mode": "a", "list": [80, "http"], "labels": {"a": "1"}, "on": true});
    assert_eq!(told(good, Extent::Whole), "");
    assert_eq!(told(json!({}), Extent::Patch), "");
    for (value, problem) in [
        (json!({}), "x.name: is missing"),
        (json!({"name": ""}), r#"x.name: "" is not text"#),
        (json!({"name": 1}), "x.name: 1 is not text"),
        (
            json!({"name": "n", "Mode": "a"}),
            "x.Mode: there is no such field",
        ),
        (
            json!({"name": "n", "mode": "c"}),
            r#"x.mode: "c" is none of a, b"#,
        ),
        (
            json!({"name": "n", "list": []}),
            "x.list: [] is not a list with something in it",
        ),
        (
            json!({"name": "n", "list": [0]}),
            "x.list[0]: 0 is not a port",
        ),
        (
            json!({"name": "n", "labels": {"a": 1}}),
            r#"x.labels: {"a":1} is not text for text (numbers in quotes)"#,
        ),
        (
            json!({"name": "n", "on": "true"}),
            r#"x.on: "true" is not true or false"#,
        ),
        (
            json!({"name": "n", "size": "8MB"}),
            r#"x.size: "8MB" is not an amount such as 8Mi or 5m"#,
        ),
        (json!([]), "x: [] is not an object"),
    ] {
        assert_eq!(told(value, Extent::Whole), problem);
    }
}
