//! Who sends the telemetry: the resource attributes of spans and metrics.
//!
//! Contract: `adapter-runtime.md` 5.6.

use opentelemetry::KeyValue;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::resource::TelemetryResourceDetector;

use crate::env::Env;

const SERVICE_NAME: &str = "OTEL_SERVICE_NAME";
const ATTRIBUTES: &str = "OTEL_RESOURCE_ATTRIBUTES";

/// Builds the attributes: the environment's own ones first, then the contract's over them.
///
/// `service_name` gives way to `OTEL_SERVICE_NAME`. An attribute whose variable is absent is left
/// out.
pub(super) fn build(service_name: &str, version: &str, env: &Env) -> Resource {
    let service_name = env.non_empty(SERVICE_NAME).unwrap_or(service_name);
    let pod = env
        .non_empty("POD_NAME")
        .or_else(|| env.non_empty("HOSTNAME"));
    let contract = [
        ("service.name", Some(service_name)),
        ("service.version", Some(version)),
        ("k8s.namespace.name", env.non_empty("SYSTEM_NAMESPACE")),
        ("k8s.pod.name", pod),
    ];
    let contract = contract
        .into_iter()
        .filter_map(|(key, value)| Some((key, value?)));
    Resource::builder_empty()
        .with_detector(Box::new(TelemetryResourceDetector))
        .with_attributes(asked_for(env.get(ATTRIBUTES).unwrap_or("")))
        .with_attributes(contract.map(|(key, value)| KeyValue::new(key, value.to_owned())))
        .build()
}

/// `key=value,key=value`; what has no `=` is ignored.
fn asked_for(text: &str) -> impl Iterator<Item = KeyValue> {
    text.split(',').filter_map(|pair| {
        let (key, value) = pair.split_once('=')?;
        let (key, value) = (key.trim(), value.trim());
        (!key.is_empty()).then(|| KeyValue::new(key.to_owned(), value.to_owned()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn built(env: &Env) -> Vec<(String, String)> {
        let mut all: Vec<_> = build("pingsource-mt-adapter", "0.1.0", env)
            .iter()
            .filter(|(key, _)| !key.as_str().starts_with("telemetry.sdk."))
            .map(|(key, value)| (key.to_string(), value.to_string()))
            .collect();
        all.sort();
        all
    }

    fn owned(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn the_contract_names_service_namespace_and_pod() {
        let env = Env::from_pairs([
            ("SYSTEM_NAMESPACE", "knative-eventing"),
            ("POD_NAME", "p-1"),
            ("HOSTNAME", "other"),
        ]);
        assert_eq!(
            built(&env),
            owned(&[
                ("k8s.namespace.name", "knative-eventing"),
                ("k8s.pod.name", "p-1"),
                ("service.name", "pingsource-mt-adapter"),
                ("service.version", "0.1.0"),
            ])
        );
    }

    #[test]
    fn the_environment_can_rename_the_service_and_add_attributes() {
        let env = Env::from_pairs([
            ("HOSTNAME", "h"),
            ("OTEL_SERVICE_NAME", "mine"),
            (
                "OTEL_RESOURCE_ATTRIBUTES",
                "team=a, junk ,service.version=9,=x",
            ),
        ]);
        assert_eq!(
            built(&env),
            owned(&[
                ("k8s.pod.name", "h"),
                ("service.name", "mine"),
                ("service.version", "0.1.0"),
                ("team", "a"),
            ])
        );
    }
}
