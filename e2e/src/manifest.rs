//! Objects for the tests that no sample has. They are applied as they are, so that a test shows
//! what differs and nothing else.

use serde_json::{Value, json};

use crate::settings::image;

/// The sink: event-display as a Deployment of one pod, and its Service.
pub fn display() -> [Value; 2] {
    let container = container("event-display", &[], 8080);
    [
        deployment("event-display", &json!([container])),
        service("event-display", 80, 8080),
    ]
}

/// The sink behind HTTPS on port 443, with a certificate of an authority of its own; event-display
/// prints what passes.
pub fn https_display(namespace: &str) -> [Value; 2] {
    let host = format!("event-display.{namespace}.svc.cluster.local");
    let door = container("stand-in", &["https", &host, "127.0.0.1:8080"], 8443);
    let display = container("event-display", &[], 8080);
    [
        deployment("event-display", &json!([display, door])),
        service("event-display", 443, 8443),
    ]
}

/// A GitLab with this project, whose hooks this access token may manage.
pub fn gitlab(project: &str, token: &str) -> [Value; 2] {
    let container = container("stand-in", &["gitlab", project, token], 8080);
    [
        deployment("gitlab", &json!([container])),
        service("gitlab", 80, 8080),
    ]
}

/// The sink as a source's `spec.sink`.
pub fn to_display() -> Value {
    json!({"ref": {"apiVersion": "v1", "kind": "Service", "name": "event-display"}})
}

/// A `PingSource` with `{"n":1}` as its data.
pub fn ping(name: &str, schedule: &str, sink: &Value) -> Value {
    json!({
        "apiVersion": "sources.knative.dev/v1", "kind": "PingSource",
        "metadata": {"name": name},
        "spec": {
            "schedule": schedule, "contentType": "application/json", "data": r#"{"n":1}"#,
            "sink": sink,
        },
    })
}

/// An account that may watch `ConfigMaps` in its namespace; more subjects may be named.
pub fn watcher(account_namespace: &str) -> [Value; 3] {
    let role = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role",
        "metadata": {"name": "watcher"},
        "rules": [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "list", "watch"]}],
    });
    let binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
        "metadata": {"name": "watcher"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "watcher"},
        "subjects": [{"kind": "ServiceAccount", "name": "watcher", "namespace": account_namespace}],
    });
    let account = json!({
        "apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "watcher"},
    });
    [account, role, binding]
}

/// An `ApiServerSource` for `ConfigMaps` with the label `watch=yes`, whole, by that account.
pub fn configmaps(name: &str, sink: &Value) -> Value {
    json!({
        "apiVersion": "sources.knative.dev/v1", "kind": "ApiServerSource",
        "metadata": {"name": name},
        "spec": {
            "serviceAccountName": "watcher", "mode": "Resource", "sink": sink,
            "resources": [{
                "apiVersion": "v1", "kind": "ConfigMap",
                "selector": {"matchLabels": {"watch": "yes"}},
            }],
        },
    })
}

/// A `ConfigMap` that [`configmaps`] watches.
pub fn configmap(name: &str, value: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": name, "labels": {"watch": "yes"}},
        "data": {"value": value},
    })
}

/// A pod that no node takes, so that nothing but the test changes it.
pub fn waiting_pod(name: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name},
        "spec": {
            "nodeSelector": {"e2e/none": "none"},
            "containers": [container("event-display", &[], 8080)],
        },
    })
}

fn deployment(name: &str, containers: &Value) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {"containers": containers, "terminationGracePeriodSeconds": 5},
            },
        },
    })
}

fn container(program: &str, args: &[&str], port: u16) -> Value {
    json!({
        "name": program, "image": image(program), "args": args,
        "ports": [{"containerPort": port}],
        "readinessProbe": {"tcpSocket": {"port": port}, "periodSeconds": 1},
        "securityContext": {
            "runAsNonRoot": true, "readOnlyRootFilesystem": true,
            "allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]},
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "resources": {"requests": {"cpu": "5m", "memory": "8Mi"}, "limits": {"memory": "64Mi"}},
    })
}

fn service(name: &str, port: u16, target: u16) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": {"name": name},
        "spec": {"selector": {"app": name}, "ports": [{"port": port, "targetPort": target}]},
    })
}
