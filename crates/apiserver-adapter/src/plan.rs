//! Which watches a resource needs: one in each namespace, or one over all of them
//! (apiserversource.md 2.1, weak spot 3 of 7).

use cluster::client::Client;
use cluster::watch::{Collection, Form};
use serde::Deserialize;
use serde_json::json;

use crate::change::Mode;
use crate::config::{ResourceWatch, SourceConfig};
use crate::discovery::{self, Found};
use crate::follower::Scope;

/// Up to as many namespaces are watched one by one: each watch is a connection.
const FEW_NAMESPACES: usize = 10;
const ACCESS_REVIEWS: &str = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";

/// One watch to be opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planned {
    /// What is asked for.
    pub collection: Collection,
    /// What of the answer counts.
    pub scope: Scope,
    /// `pods` and its kin, for telemetry.
    pub resource: String,
    /// The namespace; empty for all.
    pub namespace: String,
}

/// Whether one watch over all namespaces would be better than one in each, if it is allowed.
pub fn is_crowd(config: &SourceConfig, found: &Found) -> bool {
    found.namespaced && !config.all_namespaces && config.namespaces.len() > FEW_NAMESPACES
}

/// The watches for one resource. `merged`: the crowd of namespaces is watched by one watch, and
/// what is in other namespaces is left out here.
pub fn plan(
    config: &SourceConfig,
    wanted: &ResourceWatch,
    found: &Found,
    merged: bool,
) -> Vec<Planned> {
    if !found.namespaced || config.all_namespaces {
        return vec![planned(config, wanted, found, "", false)];
    }
    if merged {
        return vec![planned(config, wanted, found, "", true)];
    }
    let namespaces = config.namespaces.iter();
    namespaces
        .map(|namespace| planned(config, wanted, found, namespace, false))
        .collect()
}

fn planned(
    config: &SourceConfig,
    wanted: &ResourceWatch,
    found: &Found,
    namespace: &str,
    merged: bool,
) -> Planned {
    let base = discovery::path(wanted);
    let path = if namespace.is_empty() {
        format!("{base}/{}", found.name)
    } else {
        format!("{base}/namespaces/{namespace}/{}", found.name)
    };
    let form = match config.mode {
        Mode::Reference => Form::Metadata,
        Mode::Resource => Form::Whole,
    };
    let namespaces = merged.then(|| config.namespaces.iter().cloned().collect());
    Planned {
        collection: Collection {
            path,
            label_selector: wanted.selector.clone(),
            field_selector: None,
            form,
        },
        scope: Scope {
            kind: found.kind.clone(),
            namespaces,
        },
        resource: found.name.clone(),
        namespace: namespace.to_owned(),
    }
}

#[derive(Deserialize)]
struct Review {
    status: ReviewStatus,
}

#[derive(Deserialize)]
struct ReviewStatus {
    allowed: bool,
}

/// Whether we may list and watch the resource in all namespaces. An API server that does not say
/// has not allowed it.
pub async fn may_watch_everywhere(client: &Client, wanted: &ResourceWatch, found: &Found) -> bool {
    for verb in ["list", "watch"] {
        let review = json!({
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": { "resourceAttributes": {
                "group": wanted.group,
                "version": wanted.version,
                "resource": found.name,
                "verb": verb,
            } },
        });
        match client.create::<Review>(ACCESS_REVIEWS, &review).await {
            Ok(review) if review.status.allowed => {}
            Ok(_) => return false,
            Err(error) => {
                tracing::info!(resource = found.name, %error, "Asking for one's own rights failed; each namespace is watched by itself.");
                return false;
            }
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use adapter::env::Env;

    use super::*;
    use crate::announcer::Kind;

    fn paths(count: usize, all: bool, namespaced: bool, merged: bool) -> Vec<String> {
        let names: Vec<String> = (0..count).map(|number| format!("n{number}")).collect();
        let config = json!({
            "namespaces": names, "allNamespaces": all, "mode": "Reference",
            "resources": [{"gvr": {"Group": "apps", "Version": "v1", "Resource": "things"}, "selector": "a=b"}],
        });
        let env = Env::from_pairs([("K_SOURCE_CONFIG", config.to_string())]);
        let config = SourceConfig::from_env(&env).unwrap();
        let kind = Kind {
            api_version: "apps/v1".to_owned(),
            kind: "Thing".to_owned(),
        };
        let found = Found {
            kind,
            name: "thinges".to_owned(),
            namespaced,
        };
        assert_eq!(is_crowd(&config, &found), count > 10 && namespaced && !all);
        let planned = plan(&config, &config.resources[0], &found, merged);
        for planned in &planned {
            assert_eq!(planned.collection.label_selector.as_deref(), Some("a=b"));
            assert_eq!(planned.collection.form, Form::Metadata);
            let kept = planned
                .scope
                .namespaces
                .as_ref()
                .map(std::collections::BTreeSet::len);
            assert_eq!(kept, merged.then_some(count));
        }
        planned
            .into_iter()
            .map(|planned| planned.collection.path)
            .collect()
    }

    #[test]
    fn each_namespace_or_all_of_them() {
        let everywhere = ["/apis/apps/v1/thinges"];
        assert_eq!(paths(2, true, true, false), everywhere);
        assert_eq!(paths(20, true, true, false), everywhere);
        assert_eq!(paths(2, false, false, false), everywhere);
        assert_eq!(paths(0, false, false, false), everywhere);
        assert_eq!(paths(11, false, true, true), everywhere);
        assert!(paths(0, false, true, false).is_empty());
        let each = [
            "/apis/apps/v1/namespaces/n0/thinges",
            "/apis/apps/v1/namespaces/n1/thinges",
        ];
        assert_eq!(paths(2, false, true, false), each);
        assert_eq!(paths(11, false, true, false).len(), 11);
    }
}
