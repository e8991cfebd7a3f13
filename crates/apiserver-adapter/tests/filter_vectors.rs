//! The contract's process vectors, as far as they need no client: of the changes that the script
//! of the API server tells, which become events, with which type, subject and extensions.

mod vectors;

use adapter::env::Env;
use apiserver_adapter::attributes::ChangeAttributes;
use apiserver_adapter::change::{Change, Mode, event_type};
use apiserver_adapter::config::SourceConfig;
use apiserver_adapter::object::ObjectReference;
use apiserver_adapter::owner::OwnerReference;
use serde_json::{Value, json};

fn text<'a>(value: &'a Value, member: &str) -> &'a str {
    value[member].as_str().unwrap_or_default()
}

fn owners(metadata: &Value) -> impl Iterator<Item = OwnerReference<'_>> {
    metadata["ownerReferences"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|owner| OwnerReference {
            api_version: text(owner, "apiVersion"),
            kind: text(owner, "kind"),
            controller: owner["controller"] == true,
        })
}

/// The event for one step of the script, or `None` if a filter drops it.
fn event(config: &SourceConfig, step: &Value) -> Option<Value> {
    let change = Change::from_watch(text(step, "event"))?;
    let (object, metadata) = (&step["object"], &step["object"]["metadata"]);
    if config
        .owner
        .as_ref()
        .is_some_and(|owner| !owner.passes(owners(metadata)))
    {
        return None;
    }
    let reference = ObjectReference {
        api_version: text(object, "apiVersion"),
        kind: text(object, "kind"),
        namespace: text(metadata, "namespace"),
        name: text(metadata, "name"),
    };
    let subject = reference.subject();
    let attributes = ChangeAttributes {
        event_type: event_type(config.mode, change),
        source: "https://10.96.0.1:443",
        subject: &subject,
        kind: reference.kind,
        api_version: reference.api_version,
        name: reference.name,
        namespace: reference.namespace,
    };
    let data = match config.mode {
        Mode::Reference => serde_json::from_slice(&reference.to_json()).expect("valid JSON"),
        Mode::Resource => object.clone(),
    };
    config.filters.pass(&attributes).then(|| {
        json!({
            "type": attributes.event_type,
            "subject": subject,
            "extensions": {
                "kind": reference.kind,
                "apiversion": reference.api_version,
                "name": reference.name,
                "namespace": reference.namespace,
            },
            "data": data,
        })
    })
}

/// All events of a run with one collection.
fn events(case: &Value) -> Vec<Value> {
    let config = Env::from_pairs([("K_SOURCE_CONFIG", case["config"].to_string())]);
    let config = SourceConfig::from_env(&config).expect("a good configuration");
    let collections = case["apiserver"]["collections"]
        .as_object()
        .expect("collections");
    let scripts = collections
        .values()
        .flat_map(|collection| collection["script"].as_array().into_iter().flatten());
    scripts.filter_map(|step| event(&config, step)).collect()
}

#[test]
fn filters_and_owner_let_the_same_changes_through_as_the_stock_adapter() {
    let vectors = vectors::load();
    let mut checked = 0;
    for case in vectors["process"].as_array().unwrap() {
        let id = text(case, "id");
        let pure = [
            "AS-01", "AS-02", "AS-04", "AS-08", "AS-09", "AS-10", "AS-33",
        ]
        .contains(&id);
        let filters = ["AS-16", "AS-17", "AS-18", "AS-19", "AS-20"].contains(&&id[..5]);
        if pure || filters {
            assert_eq!(Value::Array(events(case)), case["expect"]["events"], "{id}");
            checked += 1;
        }
    }
    assert_eq!(checked, 38);
}
