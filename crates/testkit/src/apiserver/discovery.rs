//! Which groups, versions and resources there are.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::state::State;
use super::status::Status;

pub(super) fn answer(state: &State, path: &str) -> Result<String, Status> {
    let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
    let body = match parts[..] {
        ["version"] => json!({"major": "1", "minor": "34", "gitVersion": "v1.34.0"}),
        ["api"] => json!({"kind": "APIVersions", "versions": ["v1"]}),
        ["apis"] => {
            let groups: Vec<Value> = groups(state)
                .into_iter()
                .map(|it| group(state, it))
                .collect();
            json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups})
        }
        ["apis", name] if groups(state).contains(name) => group(state, name),
        ["api", version] => resources(state, version)?,
        ["apis", name, version] => resources(state, &format!("{name}/{version}"))?,
        _ => return Err(Status::new(404, "NotFound", "404 page not found")),
    };
    Ok(body.to_string())
}

fn group_versions(state: &State) -> BTreeSet<&str> {
    match &state.discovery {
        Some(scripted) => scripted.keys().map(String::as_str).collect(),
        None => state
            .store
            .resources
            .keys()
            .filter_map(|it| Some(it.rsplit_once('/')?.0))
            .collect(),
    }
}

fn groups(state: &State) -> BTreeSet<&str> {
    group_versions(state)
        .into_iter()
        .filter_map(|it| Some(it.split_once('/')?.0))
        .collect()
}

fn group(state: &State, name: &str) -> Value {
    let versions = group_versions(state).into_iter().filter_map(|it| {
        let (group, version) = it.split_once('/')?;
        (group == name).then(|| json!({"groupVersion": it, "version": version}))
    });
    let versions: Vec<Value> = versions.collect();
    json!({
        "kind": "APIGroup", "apiVersion": "v1", "name": name,
        "versions": versions, "preferredVersion": versions.first(),
    })
}

fn resources(state: &State, group_version: &str) -> Result<Value, Status> {
    let list = match &state.discovery {
        Some(scripted) => scripted.get(group_version).cloned(),
        None => served(state, group_version),
    };
    let list = list.ok_or_else(|| {
        Status::new(
            404,
            "NotFound",
            "the server could not find the requested resource",
        )
    })?;
    Ok(json!({
        "kind": "APIResourceList", "apiVersion": "v1",
        "groupVersion": group_version, "resources": list,
    }))
}

fn served(state: &State, group_version: &str) -> Option<Value> {
    let resources = state
        .store
        .resources
        .iter()
        .filter_map(|(resource, served)| {
            let (group, plural) = resource.rsplit_once('/')?;
            (group == group_version).then(|| {
                json!({
                    "name": plural, "singularName": served.kind.to_lowercase(),
                    "namespaced": served.namespaced, "kind": served.kind,
                    "verbs": ["create", "delete", "get", "list", "patch", "update", "watch"],
                })
            })
        });
    let resources: Vec<Value> = resources.collect();
    (!resources.is_empty()).then(|| json!(resources))
}
