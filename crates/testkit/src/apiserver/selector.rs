//! Label and field selectors, as far as tests need them.

use std::collections::BTreeMap;

use super::store::Stored;

/// Requirements that an object meets or not.
#[derive(Clone, Debug, Default)]
pub(super) struct Selector {
    labels: Vec<Requirement>,
    fields: Vec<(String, String)>,
}

#[derive(Clone, Debug)]
enum Requirement {
    Is(String, String),
    IsNot(String, String),
    In(String, Vec<String>),
    Exists(String),
    Missing(String),
}

impl Selector {
    pub(super) fn read(query: &BTreeMap<String, String>) -> Result<Self, String> {
        let text = |name| query.get(name).map_or("", String::as_str);
        let labels = split(text("labelSelector"))
            .iter()
            .map(|part| requirement(part))
            .collect();
        let fields = split(text("fieldSelector")).into_iter().map(|part| {
            let (field, value) = part.split_once('=').ok_or(format!("{part:?} has no ="))?;
            match field {
                "metadata.name" | "metadata.namespace" => {
                    Ok((field.to_owned(), value.trim_start_matches('=').to_owned()))
                }
                _ => Err(format!("field label not supported: {field}")),
            }
        });
        Ok(Self {
            labels,
            fields: fields.collect::<Result<_, String>>()?,
        })
    }

    pub(super) fn matches(&self, object: &Stored) -> bool {
        let label = |name: &String| object.labels.get(name);
        self.labels.iter().all(|requirement| match requirement {
            Requirement::Is(name, value) => label(name) == Some(value),
            Requirement::IsNot(name, value) => label(name) != Some(value),
            Requirement::In(name, values) => label(name).is_some_and(|it| values.contains(it)),
            Requirement::Exists(name) => label(name).is_some(),
            Requirement::Missing(name) => label(name).is_none(),
        }) && self
            .fields
            .iter()
            .all(|(field, value)| match field.as_str() {
                "metadata.name" => object.name == *value,
                _ => object.namespace == *value,
            })
    }
}

/// At commas outside parentheses.
fn split(text: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut depth = 0;
    for letter in text.chars() {
        match letter {
            ',' if depth == 0 => parts.push(String::new()),
            _ => {
                depth += i32::from(letter == '(') - i32::from(letter == ')');
                parts.last_mut().expect("never empty").push(letter);
            }
        }
    }
    parts
        .into_iter()
        .map(|part| part.trim().to_owned())
        .filter(|part| !part.is_empty())
        .collect()
}

fn requirement(text: &str) -> Requirement {
    let own = |text: &str| text.trim().trim_start_matches('=').to_owned();
    if let Some((name, values)) = text.split_once(" in ") {
        let values = values.trim().trim_start_matches('(').trim_end_matches(')');
        return Requirement::In(own(name), values.split(',').map(own).collect());
    }
    match (
        text.split_once("!="),
        text.split_once('='),
        text.strip_prefix('!'),
    ) {
        (Some((name, value)), ..) => Requirement::IsNot(own(name), own(value)),
        (None, Some((name, value)), _) => Requirement::Is(own(name), own(value)),
        (None, None, Some(name)) => Requirement::Missing(own(name)),
        (None, None, None) => Requirement::Exists(own(text)),
    }
}
