//! Whether the names in a sample refer to each other: what one object names, another one is.

use serde_json::Value;

use super::folder::Written;
use super::pods::{containers, pod};

/// Adds to `problems` every name that leads nowhere. `by_hand` is text that tells a reader to make
/// what no manifest makes: `kubectl create configmap NAME --from-literal=KEY=…`.
pub(crate) fn check(set: &[Written], by_hand: &str, problems: &mut Vec<String>) {
    for written in set {
        let mut links = Links {
            set,
            by_hand,
            place: format!("{}: {}", written.place, title(&written.object)),
            problems,
        };
        links.of_object(&written.object);
    }
}

/// `PingSource ping`.
pub(crate) fn title(object: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or("?").to_owned();
    format!(
        "{} {}",
        text(&object["kind"]),
        text(&object["metadata"]["name"])
    )
}

struct Links<'a> {
    set: &'a [Written],
    by_hand: &'a str,
    place: String,
    problems: &'a mut Vec<String>,
}

impl Links<'_> {
    fn of_object(&mut self, object: &Value) {
        let spec = &object["spec"];
        if let Some(sink) = spec["sink"].get("ref") {
            self.lead(&sink["apiVersion"], &sink["kind"], &sink["name"]);
        }
        for account in [
            &spec["serviceAccountName"],
            &pod(object)["serviceAccountName"],
        ] {
            if account.is_string() {
                self.lead(&"v1".into(), &"ServiceAccount".into(), account);
            }
        }
        for token in ["accessToken", "secretToken"] {
            self.key("Secret", &spec[token]["secretKeyRef"]);
        }
        if object["kind"] == "RoleBinding" {
            let role = &object["roleRef"];
            self.lead(
                &"rbac.authorization.k8s.io/v1".into(),
                &role["kind"],
                &role["name"],
            );
            for subject in object["subjects"].as_array().into_iter().flatten() {
                self.lead(&"v1".into(), &subject["kind"], &subject["name"]);
            }
        }
        if object["kind"] == "Service" && object["apiVersion"] == "v1" {
            self.service(spec);
        }
        if object["kind"] == "Deployment" {
            let labels = &spec["template"]["metadata"]["labels"];
            if !is_within(&spec["selector"]["matchLabels"], labels) {
                self.tell("the selector does not select the pods");
            }
        }
        for container in containers(object) {
            self.container(container);
        }
    }

    fn container(&mut self, container: &Value) {
        for variable in container["env"].as_array().into_iter().flatten() {
            self.key("Secret", &variable["valueFrom"]["secretKeyRef"]);
            self.key("ConfigMap", &variable["valueFrom"]["configMapKeyRef"]);
        }
        for probe in ["readinessProbe", "livenessProbe"] {
            let port = &container[probe]["httpGet"]["port"];
            // Serving fills in its own.
            if !port.is_null() && !has_port(container, port) {
                self.tell(&format!("{probe}: no port {port}"));
            }
        }
    }

    /// A Service selects pods of the set, and its port is one of theirs.
    fn service(&mut self, spec: &Value) {
        let target = &spec["ports"][0]["targetPort"];
        let is_served = self.set.iter().any(|written| {
            let template = &written.object["spec"]["template"];
            is_within(&spec["selector"], &template["metadata"]["labels"])
                && containers(&written.object).any(|container| has_port(container, target))
        });
        if !is_served {
            self.tell(&format!("no pods with its labels and a port {target}"));
        }
    }

    fn lead(&mut self, version: &Value, kind: &Value, name: &Value) {
        let is_there = self.set.iter().any(|Written { object, .. }| {
            (
                &object["apiVersion"],
                &object["kind"],
                &object["metadata"]["name"],
            ) == (version, kind, name)
        });
        if !is_there {
            self.tell(&format!("there is no {kind} {name} ({version})"));
        }
    }

    fn key(&mut self, kind: &str, reference: &Value) {
        let (Some(name), Some(key)) = (reference["name"].as_str(), reference["key"].as_str())
        else {
            return;
        };
        let is_there = self.set.iter().any(|Written { object, .. }| {
            let values = ["data", "stringData"].map(|member| &object[member][key]);
            object["kind"] == kind
                && object["metadata"]["name"] == name
                && values.into_iter().any(Value::is_string)
        });
        let command = format!("create {} {name} ", kind.to_lowercase());
        let is_by_hand = self.by_hand.contains(&command)
            && self.by_hand.contains(&format!("--from-literal={key}="));
        if !is_there && !is_by_hand {
            self.tell(&format!("no {kind} {name} has a {key}"));
        }
    }

    fn tell(&mut self, problem: &str) {
        self.problems.push(format!("{}: {problem}", self.place));
    }
}

fn is_within(part: &Value, whole: &Value) -> bool {
    part.as_object().is_some_and(|part| {
        !part.is_empty() && part.iter().all(|(name, value)| whole[name] == *value)
    })
}

fn has_port(container: &Value, port: &Value) -> bool {
    let ports = container["ports"].as_array();
    ports
        .into_iter()
        .flatten()
        .any(|declared| declared["name"] == *port || declared["containerPort"] == *port)
}

#[test]
fn a_name_that_leads_nowhere_is_found() {
    use serde_json::json;
    let told = |objects: &[Value], by_hand: &str| {
        let set: Vec<_> = objects
            .iter()
            .map(|object| Written {
                place: "x".to_owned(),
                object: object.clone(),
            })
            .collect();
        let mut problems = Vec::new();
        check(&set, by_hand, &mut problems);
        problems
    };
    let source = json!({"kind": "PingSource", "metadata": {"name": "p"}, "spec": {"sink":
        {"ref": {"apiVersion": "v1", "kind": "Service", "name": "s"}}}});
    let service = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"}, "spec":
        {"selector": {"app": "a"}, "ports": [{"port": 80, "targetPort": "http"}]}});
    let pods = |port: &str| {
        json!({"kind": "Deployment", "metadata": {"name": "d"}, "spec": {
        "selector": {"matchLabels": {"app": "a"}},
        "template": {"metadata": {"labels": {"app": "a"}}, "spec": {"containers": [{
            "ports": [{"name": port, "containerPort": 8080}],
            "env": [{"name": "A", "valueFrom": {"configMapKeyRef": {"name": "c", "key": "k"}}}],
        }]}}}})
    };
    let by_hand = "kubectl create configmap c --from-literal=k=v";
    let whole = [source.clone(), service.clone(), pods("http")];
    assert_eq!(told(&whole, by_hand), [""; 0]);
    assert_eq!(
        told(&whole, ""),
        ["x: Deployment d: no ConfigMap c has a k"]
    );
    assert_eq!(
        told(&[source], ""),
        [r#"x: PingSource p: there is no "Service" "s" ("v1")"#]
    );
    assert_eq!(
        told(&[service, pods("other")], by_hand),
        [r#"x: Service s: no pods with its labels and a port "http""#]
    );
}
