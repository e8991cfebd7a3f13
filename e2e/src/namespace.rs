//! A namespace for one test: what is made in it goes away with it, and is kept on disk if the test
//! fails.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use uuid::Uuid;

use crate::cluster::{Need, lacks};
use crate::kubectl::{kubectl, kubectl_with, try_kubectl};
use crate::say;
use crate::settings::{image, root};
use crate::undo::Undo;

/// A `GitLabSource` first: its finalizer asks a GitLab that goes away with the namespace, and if it is
/// gone waits for ever. So after a minute the finalizer goes instead. Then the pods, at once: those of
/// Serving may take five minutes, for half of which a namespace would not even be looked at.
const REMOVE: &str = r#"
here() { kubectl --namespace "$namespace" "$@" 2>/dev/null; }
namespace=$1
if ! here delete gitlabsources --all --timeout=60s; then
    for name in $(here get gitlabsources --output=name); do
        here patch "$name" --type=merge --patch '{"metadata":{"finalizers":null}}'
    done
fi
here delete ksvc --all --cascade=foreground --wait=false
here delete deployments --all --cascade=foreground --wait=false
sleep 2
here delete pods --all --force --grace-period=0
kubectl delete namespace "$namespace" --ignore-not-found --timeout=180s
"#;

/// What is written down for a failed test, beside logs and events.
const KINDS: [&str; 12] = [
    "pods",
    "deployments",
    "services",
    "configmaps",
    "events",
    "leases",
    "pingsources",
    "apiserversources",
    "containersources",
    "gitlabsources",
    "ksvc",
    "revisions",
];

/// A new namespace. Dropping it removes it; if the test is failing, all there is to know about it is
/// in `target/e2e/<test>` then.
#[derive(Debug)]
pub struct Namespace {
    name: String,
    test: String,
    undo: Option<Undo>,
}

impl Namespace {
    /// One for this test; `None`, with one sentence on stderr, if the cluster lacks what it needs.
    #[track_caller]
    pub fn for_test(test: &str, needs: &[Need]) -> Option<Self> {
        if let Some(sentence) = lacks(needs) {
            testkit::skip(test, &sentence);
            return None;
        }
        Some(Self::labelled(test, &json!({})))
    }

    /// One more, with labels, for a test that runs already.
    #[track_caller]
    pub fn labelled(test: &str, labels: &Value) -> Self {
        let random = Uuid::new_v4().simple().to_string();
        let name = format!("e2e-{}", &random[..8]);
        let undo = Some(Undo::with(REMOVE, &[&name]));
        let mut labels = labels.clone();
        labels["app.kubernetes.io/managed-by"] = json!("knative-adapters-e2e");
        let namespace = json!({
            "apiVersion": "v1", "kind": "Namespace",
            "metadata": {"name": name, "labels": labels, "annotations": {"test": test}},
        });
        kubectl_with(&["create", "--filename=-"], &namespace.to_string());
        Self {
            name,
            test: test.to_owned(),
            undo,
        }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where things of this test may be written.
    pub fn folder(&self) -> PathBuf {
        let folder = root().join("target/e2e").join(&self.test);
        fs::create_dir_all(&folder).expect("a folder in target");
        folder
    }

    /// kubectl in this namespace; panics as [`kubectl`] does.
    #[track_caller]
    pub fn kubectl(&self, args: &[&str]) -> String {
        kubectl(&[&["--namespace", &self.name], args].concat())
    }

    /// Applies objects.
    #[track_caller]
    pub fn apply(&self, objects: impl IntoIterator<Item = Value>) {
        let objects: Vec<Value> = objects.into_iter().collect();
        let list = json!({"apiVersion": "v1", "kind": "List", "items": objects});
        let args = ["--namespace", &self.name, "apply", "--filename=-"];
        kubectl_with(&args, &list.to_string());
    }

    /// An object as it is now: `object("pingsource/minutely")`.
    #[track_caller]
    pub fn object(&self, object: &str) -> Value {
        let text = self.kubectl(&["get", object, "--output=json"]);
        serde_json::from_str(&text).expect("an object from kubectl")
    }

    /// Waits for a condition (`Ready`, `Available`) of an object, three minutes at most.
    #[track_caller]
    pub fn wait(&self, object: &str, condition: &str) {
        let condition = format!("--for=condition={condition}");
        self.kubectl(&["wait", object, &condition, "--timeout=180s"]);
    }

    /// Applies a folder of `deploy/samples` as `deploy/render` makes it: with our images, and in this
    /// namespace. `edit` makes of the YAML what a user would.
    #[track_caller]
    pub fn apply_sample(&self, folder: &str, edit: impl Fn(String) -> String) {
        let sample = root().join("deploy/samples").join(folder);
        // Any program tells it; registry and tag are those of all.
        let image = image("");
        let (registry, tag) = image.split_once("/:").expect("a registry and a tag");
        let output = Command::new(root().join("deploy/render"))
            .arg(&sample)
            .envs([
                ("REGISTRY", registry),
                ("TAG", tag),
                ("NAMESPACE", &self.name),
            ])
            .output()
            .expect("deploy/render");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success(),
            "deploy/render {}: {said}",
            sample.display()
        );
        let text = edit(String::from_utf8_lossy(&output.stdout).into_owned());
        kubectl_with(&["apply", "--filename=-"], &text);
    }

    fn keep_evidence(&self) {
        let folder = self.folder();
        let place = folder.join(&self.name);
        for kind in KINDS {
            let args = ["--namespace", &self.name, "get", kind, "--output=yaml"];
            keep(&place, &format!("{kind}.yaml"), &args);
        }
        let args = [
            "--namespace",
            &self.name,
            "get",
            "events",
            "--sort-by=.lastTimestamp",
        ];
        keep(&place, "events.txt", &args);
        keep_logs(&place, &self.name);
        for namespace in ["knative-eventing", "knative-sources"] {
            keep_logs(&folder.join(namespace), namespace);
        }
        say(&self.test, &format!("FAILED; see {}", folder.display()));
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        if thread::panicking() {
            self.keep_evidence();
        }
        drop(self.undo.take());
    }
}

fn keep_logs(place: &Path, namespace: &str) {
    let list = ["--namespace", namespace, "get", "pods", "--output=name"];
    let pods = try_kubectl(&list, "").unwrap_or_default();
    for pod in pods.lines() {
        let logs = ["--namespace", namespace, "logs", pod, "--all-containers"];
        let name = pod.trim_start_matches("pod/");
        keep(place, &format!("{name}.log"), &logs);
        keep(
            place,
            &format!("{name}.previous.log"),
            &[&logs[..], &["--previous"]].concat(),
        );
    }
}

/// What kubectl says, right or wrong; the test fails already, so that nothing here may panic.
fn keep(place: &Path, file: &str, args: &[&str]) {
    let limited = [args, &["--request-timeout=20s"]].concat();
    let Ok(text) = try_kubectl(&limited, "") else {
        return;
    };
    let written = fs::create_dir_all(place).and_then(|()| fs::write(place.join(file), text));
    if let Err(error) = written {
        say(file, &format!("could not be kept: {error}"));
    }
}

/// How long anything on a cluster may take that is neither a schedule nor a retry.
pub const SOON: Duration = Duration::from_mins(2);
