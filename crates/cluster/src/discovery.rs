//! What the API server serves, and what it lets us do: discovery and self access reviews.
//!
//! Both are open to every account. Contract: `apiserversource.md` 2.1 and 7 (weak spot 3).

use serde::Deserialize;
use serde_json::json;

use crate::client::{ApiError, Client};

/// A resource of a group-version.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Resource {
    /// Its plural, as in paths; with a slash if it is a part of another one, such as `pods/log`.
    pub name: String,
    /// The kind of its objects.
    pub kind: String,
    /// Whether its objects are in namespaces.
    #[serde(default)]
    pub namespaced: bool,
}

#[derive(Deserialize)]
struct ResourceList {
    resources: Option<Vec<Resource>>,
}

/// The resources of `v1` or `apps/v1`, in the server's order. One that is not served is a refusal
/// with 404.
pub async fn resources(client: &Client, group_version: &str) -> Result<Vec<Resource>, ApiError> {
    let path = path(group_version);
    let list: ResourceList = client.get(&path).await?;
    Ok(list.resources.unwrap_or_default())
}

/// Where a group-version is: `/api/v1`, `/apis/apps/v1`.
pub fn path(group_version: &str) -> String {
    let root = if group_version.contains('/') {
        "apis"
    } else {
        "api"
    };
    format!("/{root}/{group_version}")
}

/// Something to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Act<'a> {
    /// `list`, `watch` and so on.
    pub verb: &'a str,
    /// The API group; empty for the core group.
    pub group: &'a str,
    /// The plural of the resource.
    pub resource: &'a str,
    /// In this namespace; `None` for all of them.
    pub namespace: Option<&'a str>,
}

#[derive(Deserialize)]
struct Review {
    status: ReviewStatus,
}

#[derive(Deserialize)]
struct ReviewStatus {
    #[serde(default)]
    allowed: bool,
}

/// Whether we may do that, as far as the API server can tell.
pub async fn may(client: &Client, act: Act<'_>) -> Result<bool, ApiError> {
    let review = json!({
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": { "resourceAttributes": {
            "verb": act.verb,
            "group": act.group,
            "resource": act.resource,
            "namespace": act.namespace.unwrap_or_default(),
        }},
    });
    let path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
    let review: Review = client.create(path, &review).await?;
    Ok(review.status.allowed)
}

#[cfg(test)]
mod tests {
    use testkit::{ApiServer, Rule};

    use super::*;
    use crate::client::Access;

    #[tokio::test]
    async fn what_is_served_and_what_may_be_done() {
        let server = ApiServer::start();
        server.serve("g.example/v1/things", "Thing", false);
        let client = Client::new(&Access::anonymous(&server.url()).unwrap()).unwrap();
        let thing = Resource {
            name: "things".to_owned(),
            kind: "Thing".to_owned(),
            namespaced: false,
        };
        assert_eq!(resources(&client, "g.example/v1").await.unwrap(), [thing]);
        let core = resources(&client, "v1").await.unwrap();
        assert!(
            core.iter()
                .any(|resource| resource.name == "pods" && resource.namespaced)
        );
        assert_eq!(
            resources(&client, "g.example/v2").await.unwrap_err().code(),
            Some(404)
        );

        server.allow([Rule::new("g.example", "things", "list").within("a")]);
        for (namespace, allowed) in [(Some("a"), true), (Some("b"), false), (None, false)] {
            let act = Act {
                verb: "list",
                group: "g.example",
                resource: "things",
                namespace,
            };
            assert_eq!(may(&client, act).await.unwrap(), allowed, "{namespace:?}");
        }
    }
}
