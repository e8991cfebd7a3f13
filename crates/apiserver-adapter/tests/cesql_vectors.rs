//! The contract's CESQL cases: does it parse, what is its value, what does the filter say.

mod vectors;

use apiserver_adapter::attributes::{Attributes, Value};
use apiserver_adapter::cesql::{self, EvaluationError, Expression};
use apiserver_adapter::filter::Filters;
use serde_json::json;

/// The attributes that all cases share. All are text.
struct Event(serde_json::Value);

impl Attributes for Event {
    fn get(&self, name: &str) -> Option<Value<'_>> {
        if name == "specversion" {
            return Some(Value::Text("1.0"));
        }
        self.0
            .get(name)
            .map(|value| Value::Text(value.as_str().expect("text")))
    }
}

fn kind(error: EvaluationError<'_>) -> &'static str {
    match error {
        EvaluationError::Cast { .. } => "cast error",
        EvaluationError::Math(_) => "math error",
        EvaluationError::MissingAttribute(_) => "missing attribute error",
        EvaluationError::MissingFunction(_) => "missing function error",
        EvaluationError::Function(_) => "function evaluation error",
    }
}

fn as_json(value: &cesql::Value<'_>) -> serde_json::Value {
    match value {
        cesql::Value::String(text) => json!(std::str::from_utf8(text).expect("UTF-8")),
        cesql::Value::Integer(number) => json!(number),
        cesql::Value::Boolean(truth) => json!(truth),
    }
}

#[test]
fn every_case_has_the_outcome_of_the_go_module() {
    let vectors = vectors::load();
    let event = Event(vectors["cesql"]["attributes"].clone());
    let cases = vectors["cesql"]["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 235);
    for case in cases {
        let text = case["expr"].as_str().unwrap();
        let expression = match Expression::parse(text) {
            Ok(expression) => expression,
            Err(error) => {
                assert_eq!(case["parse"], "error", "{text}: {error}");
                continue;
            }
        };
        assert_eq!(case["parse"], "ok", "{text}");
        match expression.evaluate(&event) {
            Ok(value) => assert_eq!(as_json(&value), case["value"], "{text}"),
            Err(error) => assert_eq!(case["error"], kind(error), "{text}"),
        }
        let filters = Filters::parse(&json!([{ "cesql": text }]).to_string(), "filters").unwrap();
        assert_eq!(filters.pass(&event), case["passes"], "{text}");
    }
}
