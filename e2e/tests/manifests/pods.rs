//! What every container of a sample must say: security, probes, requests and limits, one of our images.

use serde_json::{Value, json};

use super::folder::Written;
use super::names::title;

/// The pod of an object that makes pods, else null.
pub(crate) fn pod(object: &Value) -> &Value {
    &object["spec"]["template"]["spec"]
}

/// Its containers.
pub(crate) fn containers(object: &Value) -> impl Iterator<Item = &Value> {
    pod(object)["containers"].as_array().into_iter().flatten()
}

/// Where images stand: in containers, and in the variables of the controllers that we patch.
pub(crate) fn images(object: &Value) -> impl Iterator<Item = &str> {
    containers(object).flat_map(|container| {
        let variables = container["env"].as_array().into_iter().flatten();
        let named = variables
            .filter(|variable| {
                variable["name"]
                    .as_str()
                    .is_some_and(|name| name.ends_with("_RA_IMAGE"))
            })
            .map(|variable| &variable["value"]);
        named.chain([&container["image"]]).filter_map(Value::as_str)
    })
}

/// Adds to `problems` what a container of the set lacks.
pub(crate) fn check(set: &[Written], problems: &mut Vec<String>) {
    let security = json!({
        "runAsNonRoot": true,
        "readOnlyRootFilesystem": true,
        "allowPrivilegeEscalation": false,
        "capabilities": {"drop": ["ALL"]},
        "seccompProfile": {"type": "RuntimeDefault"},
    });
    for Written { place, object } in set {
        let mut wants = |is_so: bool, what: &str| {
            if !is_so {
                problems.push(format!("{place}: {}: {what}", title(object)));
            }
        };
        let is_knative = object["apiVersion"] == "serving.knative.dev/v1";
        let is_job = object["kind"] == "Job";
        for container in containers(object) {
            wants(
                container["securityContext"] == security,
                "the securityContext is not non-root, read-only, without privileges and capabilities",
            );
            wants(
                is_job || container["readinessProbe"].is_object(),
                "no readiness probe",
            );
            // Serving kills a pod that does not become ready, and routes around one that is not.
            wants(
                is_job || is_knative || container["livenessProbe"].is_object(),
                "no liveness probe",
            );
            let amounts = &container["resources"];
            wants(
                bytes(&amounts["requests"]["memory"]) < bytes(&amounts["limits"]["memory"]),
                "the memory limit leaves no room over the request",
            );
            let mut names: Vec<_> = container["env"]
                .as_array()
                .into_iter()
                .flatten()
                .map(|it| &it["name"])
                .collect();
            let all = names.len();
            names.sort_by_key(ToString::to_string);
            names.dedup();
            wants(names.len() == all, "a variable is set twice");
        }
        wants(
            pod(object).is_null()
                || is_knative
                || pod(object)["automountServiceAccountToken"] == false,
            "a token of the API server is mounted that nobody uses",
        );
    }
}

/// `8Mi` in bytes.
fn bytes(amount: &Value) -> u64 {
    let text = amount.as_str().unwrap_or_default();
    let (number, unit) = text.split_at(text.find(char::is_alphabetic).unwrap_or(text.len()));
    let scale = match unit {
        "Ki" => 1 << 10,
        "Mi" => 1 << 20,
        "Gi" => 1 << 30,
        _ => 1,
    };
    number.parse::<u64>().unwrap_or_default() * scale
}
