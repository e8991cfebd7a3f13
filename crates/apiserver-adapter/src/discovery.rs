//! Which of the configured resources the API server has, and what their objects are
//! (apiserversource.md 2.1).

use std::time::Duration;

use cluster::client::{ApiError, Client};
use serde::Deserialize;
use tokio::time::{Instant, sleep};

use crate::announcer::Kind;
use crate::config::ResourceWatch;
use crate::plural;

/// How long an API server that does not answer is waited for before the process ends, as it does
/// at once under stock: a sidecar may be late, or the network of a new node.
const PATIENCE: Duration = Duration::from_secs(30);
const FIRST_WAIT: Duration = Duration::from_millis(250);
const LONGEST_WAIT: Duration = Duration::from_secs(4);

/// A resource that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// What its objects are.
    pub kind: Kind,
    /// Its name in paths, which may differ from the configured guess.
    pub name: String,
    /// Whether its objects are in namespaces.
    pub namespaced: bool,
}

/// Why a group-version cannot be looked at; the process ends (2.1).
#[derive(Debug, thiserror::Error)]
#[error(
    "the resources of {group_version} cannot be looked up: {error}. Check the apiVersion in the \
     ApiServerSource, for example apps/v1, and that the API is installed"
)]
pub struct DiscoveryError {
    /// `apps/v1`.
    pub group_version: String,
    /// What the API server said.
    pub error: ApiError,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ResourceList {
    resources: Vec<Resource>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Resource {
    name: String,
    kind: String,
    namespaced: bool,
}

/// Looks a resource up; `None` if its group-version is served without it.
///
/// An API server that cannot be reached is tried again for 30 s.
pub async fn find(
    client: &Client,
    wanted: &ResourceWatch,
) -> Result<Option<Found>, DiscoveryError> {
    let started = Instant::now();
    let mut wait = FIRST_WAIT;
    loop {
        let error = match look(client, wanted).await {
            Ok(found) => return Ok(found),
            Err(error) => error,
        };
        if is_final(&error) || started.elapsed() + wait > PATIENCE {
            return Err(DiscoveryError {
                group_version: wanted.group_version(),
                error,
            });
        }
        tracing::warn!(
            group_version = wanted.group_version(),
            %error,
            "The resources cannot be looked up; trying again."
        );
        sleep(wait).await;
        wait = (wait * 2).min(LONGEST_WAIT);
    }
}

/// Looks a resource up once.
pub async fn look(client: &Client, wanted: &ResourceWatch) -> Result<Option<Found>, ApiError> {
    let path = path(wanted);
    let list: ResourceList = match client.get(&path).await {
        // The core group is always there; upstream takes this for an empty list.
        Err(error) if error.code() == Some(404) && path == "/api/v1" => ResourceList::default(),
        answer => answer?,
    };
    Ok(pick(wanted, list))
}

/// The path of a group-version.
pub fn path(wanted: &ResourceWatch) -> String {
    match (&*wanted.group, &*wanted.version) {
        ("", version) => format!("/api/{version}"),
        (group, version) => format!("/apis/{group}/{version}"),
    }
}

fn pick(wanted: &ResourceWatch, list: ResourceList) -> Option<Found> {
    let mut resources = list.resources;
    let served: Vec<plural::Served<'_>> = resources
        .iter()
        .map(|resource| plural::Served {
            name: &resource.name,
            kind: &resource.kind,
        })
        .collect();
    let at = plural::find(&wanted.resource, &served)?;
    let Resource {
        name,
        kind,
        namespaced,
    } = resources.swap_remove(at);
    let kind = Kind {
        api_version: wanted.group_version(),
        kind,
    };
    Some(Found {
        kind,
        name,
        namespaced,
    })
}

/// What waiting does not change.
fn is_final(error: &ApiError) -> bool {
    matches!(error.code(), Some(400..=428 | 430..=499)) || matches!(error, ApiError::Unreadable(_))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(group: &str, resource: &str) -> ResourceWatch {
        ResourceWatch {
            group: group.to_owned(),
            version: "v1".to_owned(),
            resource: resource.to_owned(),
            selector: None,
        }
    }

    #[test]
    fn a_wrong_guess_finds_the_real_name() {
        let list = || {
            let json = r#"{"resources":[{"name":"gateways/status","kind":"Gateway","namespaced":true},
                {"name":"gateways","kind":"Gateway","namespaced":true,"verbs":["watch"]}]}"#;
            serde_json::from_str(json).unwrap()
        };
        let found = pick(&wanted("gateway.networking.k8s.io", "gatewaies"), list()).unwrap();
        assert_eq!((found.name.as_str(), found.namespaced), ("gateways", true));
        assert_eq!(found.kind.api_version, "gateway.networking.k8s.io/v1");
        assert_eq!(
            pick(&wanted("gateway.networking.k8s.io", "meshs"), list()),
            None
        );
    }

    #[test]
    fn the_core_group_has_a_path_of_its_own() {
        assert_eq!(path(&wanted("", "pods")), "/api/v1");
        assert_eq!(path(&wanted("apps", "deployments")), "/apis/apps/v1");
    }
}
