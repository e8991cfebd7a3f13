//! What the stock controllers write into the environment of their adapters, taken from the recorded
//! Deployments that the tests of the programs use as well.

use serde_json::Value;

const PING: &str =
    include_str!("../../../ping-adapter/tests/data/deployment-pingsource-mt-adapter.json");
const APISERVER: &str =
    include_str!("../../../apiserver-adapter/tests/data/deployment-apiserversource.json");

/// A name and a value.
pub(super) type Variables = Vec<(String, String)>;

/// Of the PingSource adapter.
pub(super) fn ping() -> Variables {
    of_deployment(PING, "knative-eventing")
}

/// Of the ApiServerSource adapter; the caller adds `K_SINK` and `K_SOURCE_CONFIG`.
pub(super) fn apiserver() -> Variables {
    let mut variables = of_deployment(APISERVER, "default");
    variables.retain(|(name, _)| !matches!(name.as_str(), "K_SINK" | "K_SOURCE_CONFIG"));
    variables
}

/// Of the GitLabSource adapter; the caller adds `K_SINK`.
pub(super) fn gitlab() -> Variables {
    let logging = ping()
        .into_iter()
        .filter(|(name, _)| name == "K_LOGGING_CONFIG");
    let rest = [
        ("GITLAB_SECRET_TOKEN", super::gitlab::SECRET),
        (
            "GITLAB_EVENT_SOURCE",
            "http://gitlab.example.test/root/myproject",
        ),
        ("NAMESPACE", "default"),
        ("METRICS_DOMAIN", "knative.dev/eventing"),
        ("METRICS_PROMETHEUS_PORT", "9092"),
        ("K_KLOG_VERBOSITY", "0"),
        (
            "K_OBSERVABILITY_CONFIG",
            r#"{"tracing":{},"metrics":{},"runtime":{},"enableSinkEventErrorReporting":false}"#,
        ),
    ];
    let rest = rest.map(|(name, value)| (name.to_owned(), value.to_owned()));
    logging.chain(rest).collect()
}

fn of_deployment(text: &str, namespace: &str) -> Variables {
    let deployment: Value = serde_json::from_str(text).expect("a recorded Deployment");
    let containers = &deployment["spec"]["template"]["spec"]["containers"];
    let variables = containers[0]["env"].as_array().expect("variables");
    let text = |value: &Value| value.as_str().map(str::to_owned);
    variables
        .iter()
        .map(|variable| {
            let name = text(&variable["name"]).expect("a name");
            // The rest comes from the pod's own namespace.
            let value = text(&variable["value"]).unwrap_or_else(|| namespace.to_owned());
            (name, value)
        })
        .collect()
}
