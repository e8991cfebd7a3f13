//! What the cluster has, so that a test that cannot run says what is missing.

use std::sync::OnceLock;

use serde_json::Value;

use crate::kubectl::{kubectl, try_kubectl};
use crate::settings::image;

/// Something that a test needs of the cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Knative Eventing.
    Eventing,
    /// Knative Serving.
    Serving,
    /// eventing-gitlab.
    GitLab,
    /// Our ping-adapter in the place of the stock dispatcher.
    OurPing,
    /// Our apiserver-adapter as what the Eventing controller deploys.
    OurApiServer,
    /// Our gitlab-receiver as what the GitLab controller deploys.
    OurGitLab,
}

/// What of it the cluster lacks, as one sentence; `None` if it has everything.
pub fn lacks(needs: &[Need]) -> Option<String> {
    static CHECKED: OnceLock<()> = OnceLock::new();
    CHECKED.get_or_init(|| {
        kubectl(&["version", "--output=json"]);
    });
    needs.iter().find_map(|need| missing(*need))
}

fn missing(need: Need) -> Option<String> {
    let crd = |name: &str, what: &str| {
        let found = try_kubectl(&["get", "crd", name], "").is_ok();
        (!found).then(|| format!("the cluster has no {what}."))
    };
    let ours = |program: &str, found: Option<String>| {
        let wanted = image(program);
        let sentence = |found| format!("{wanted} is not deployed but {found}; see make deploy.");
        match found {
            Some(found) if found == wanted => None,
            Some(found) => Some(sentence(found)),
            None => Some(sentence("nothing".to_owned())),
        }
    };
    let pingsources = || crd("pingsources.sources.knative.dev", "Knative Eventing");
    let gitlabsources = || crd("gitlabsources.sources.knative.dev", "eventing-gitlab");
    match need {
        Need::Eventing => pingsources(),
        Need::Serving => crd("services.serving.knative.dev", "Knative Serving"),
        Need::GitLab => gitlabsources(),
        Need::OurPing => pingsources().or_else(|| ours("ping-adapter", ping_image())),
        Need::OurApiServer => pingsources().or_else(|| {
            let deployment = ["knative-eventing", "eventing-controller"];
            ours(
                "apiserver-adapter",
                variable(deployment, "APISERVER_RA_IMAGE"),
            )
        }),
        Need::OurGitLab => gitlabsources().or_else(|| {
            let deployment = ["knative-sources", "gitlab-controller-manager"];
            ours("gitlab-receiver", variable(deployment, "GL_RA_IMAGE"))
        }),
    }
}

fn ping_image() -> Option<String> {
    let containers = containers(["knative-eventing", "pingsource-mt-adapter"])?;
    let dispatcher = containers.iter().find(|one| one["name"] == "dispatcher")?;
    dispatcher["image"].as_str().map(str::to_owned)
}

fn variable(deployment: [&str; 2], name: &str) -> Option<String> {
    let containers = containers(deployment)?;
    let mut variables = containers
        .iter()
        .flat_map(|container| container["env"].as_array().into_iter().flatten());
    let found = variables.find(|variable| variable["name"] == name)?;
    found["value"].as_str().map(str::to_owned)
}

fn containers([namespace, name]: [&str; 2]) -> Option<Vec<Value>> {
    let args = [
        "--namespace",
        namespace,
        "get",
        "deployment",
        name,
        "--output=json",
    ];
    let deployment: Value = serde_json::from_str(&try_kubectl(&args, "").ok()?).ok()?;
    deployment["spec"]["template"]["spec"]["containers"]
        .as_array()
        .cloned()
}
