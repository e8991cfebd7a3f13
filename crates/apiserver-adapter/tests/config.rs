//! `K_SOURCE_CONFIG` and `NAME`: what stock controllers write, and every way to get them wrong.

mod vectors;

use adapter::env::Env;
use apiserver_adapter::change::Mode;
use apiserver_adapter::config::{ResourceWatch, SourceConfig, source_name};

fn read(text: &str) -> SourceConfig {
    let env = Env::from_pairs([("K_SOURCE_CONFIG", text)]);
    SourceConfig::from_env(&env).unwrap_or_else(|problem| panic!("{text}: {problem}"))
}

fn watch(group: &str, version: &str, resource: &str, selector: Option<&str>) -> ResourceWatch {
    ResourceWatch {
        group: group.to_owned(),
        version: version.to_owned(),
        resource: resource.to_owned(),
        selector: selector.map(str::to_owned),
    }
}

#[test]
fn the_stock_deployment_is_understood() {
    let deployment = include_str!("data/deployment-apiserversource.json");
    let deployment: serde_json::Value = serde_json::from_str(deployment).unwrap();
    let variables = &deployment["spec"]["template"]["spec"]["containers"][0]["env"];
    let pairs = variables
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|variable| Some((variable["name"].as_str()?, variable["value"].as_str()?)));
    let env = Env::from_pairs(pairs);
    assert_eq!(source_name(&env).unwrap(), "pods-event");
    let config = SourceConfig::from_env(&env).unwrap();
    assert_eq!(config.namespaces, ["default"]);
    assert!(!config.all_namespaces && !config.fail_fast && config.owner.is_none());
    assert_eq!(config.resources, [watch("", "v1", "pods", None)]);
    assert_eq!(config.mode, Mode::Reference);
}

#[test]
fn every_member_of_the_contracts_example_is_read() {
    let config = read(
        r#"{"namespaces":["team-a","team-b"],"allNamespaces":false,"resources":[{"gvr":{"Group":"","Version":"v1","Resource":"events"}},{"gvr":{"Group":"apps","Version":"v1","Resource":"deployments"},"selector":"app=web,tier in (back,front)"}],"owner":{"apiVersion":"apps/v1","kind":"Deployment"},"mode":"Resource","filters":[{"any":[{"exact":{"type":"dev.knative.apiserver.resource.add"}},{"cesql":"name LIKE 'web-%'"}]}],"failFast":true}"#,
    );
    assert_eq!(config.namespaces, ["team-a", "team-b"]);
    let selector = Some("app=web,tier in (back,front)");
    let deployments = watch("apps", "v1", "deployments", selector);
    assert_eq!(deployments.group_version(), "apps/v1");
    assert_eq!(
        config.resources,
        [watch("", "v1", "events", None), deployments]
    );
    assert_eq!(config.resources[0].group_version(), "v1");
    let owner = config.owner.unwrap();
    assert_eq!(
        (owner.api_version.as_str(), owner.kind.as_str()),
        ("apps/v1", "Deployment")
    );
    assert_eq!(config.mode, Mode::Resource);
    assert!(config.fail_fast && !config.all_namespaces);
    assert!(config.filters.notes().is_empty());
}

#[test]
fn go_reads_case_nulls_and_unknown_members_leniently() {
    let config = read(
        r#"{"NAMESPACES":["a",null],"allnamespaces":true,"Resources":[{"GVR":{"group":"g","VERSION":"v1","resource":"foos","x":1},"selector":null,"extra":1}],"OWNER":{},"mode":"reference","zzz":{}}"#,
    );
    assert_eq!(config.namespaces, ["a", ""]);
    assert!(config.all_namespaces);
    assert_eq!(config.resources, [watch("g", "v1", "foos", None)]);
    assert!(
        config.owner.is_some(),
        "an empty owner still wants a controller"
    );
    assert_eq!(config.mode, Mode::Resource);
    for nothing in [
        "null",
        "{}",
        r#"{"namespaces":null,"resources":null,"owner":null,"mode":null}"#,
    ] {
        let config = read(nothing);
        assert!(config.namespaces.is_empty() && config.resources.is_empty());
        assert!(config.owner.is_none());
        assert_eq!(config.mode, Mode::Resource);
    }
}

#[test]
fn the_configurations_of_all_process_vectors_are_read() {
    let vectors = vectors::load();
    let configs = vectors["process"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|case| case["id"] != "AS-36");
    for case in configs {
        match case["config_raw"].as_str() {
            Some(raw) => read(raw),
            None => read(&case["config"].to_string()),
        };
    }
}

/// Checks the problem with `K_SOURCE_CONFIG` set to `text`, or not set.
fn check_problem(text: Option<&str>, exit_code: u8, message: &str) {
    let env = Env::from_pairs(text.map(|text| ("K_SOURCE_CONFIG", text)));
    let problem = SourceConfig::from_env(&env).expect_err(message);
    let expected = format!("K_SOURCE_CONFIG cannot be used: {message}. The controller writes it");
    assert!(
        problem.message.starts_with(&expected),
        "{text:?}: {problem}"
    );
    assert!(!problem.message.contains('\n'), "{problem}");
    assert_eq!(problem.exit_code, exit_code, "{text:?}");
    assert_eq!(problem.variable, "K_SOURCE_CONFIG");
}

#[test]
fn what_is_no_configuration_is_named_and_ends_the_process() {
    let no_version = r#"{"resources":[{"gvr":{"Group":"","Version":"","Resource":"pods"}}]}"#;
    check_problem(None, 2, "it is not set");
    check_problem(Some(""), 2, "it is empty");
    check_problem(Some(" \n"), 2, "it is empty");
    check_problem(
        Some("{"),
        2,
        "not valid JSON: EOF while parsing an object at line 1 column 1",
    );
    check_problem(
        Some("{} {}"),
        2,
        "not valid JSON: trailing characters at line 1 column 4",
    );
    check_problem(
        Some(no_version),
        1,
        r#"resources[0].gvr.Version is empty; the apiVersion of resource "pods" names no version"#,
    );
}

#[test]
fn members_of_a_wrong_type_are_named_and_end_the_process() {
    for (text, message) in [
        ("[]", "the configuration is an array, want an object"),
        (
            r#"{"namespaces":"a"}"#,
            "namespaces is a string, want an array",
        ),
        (
            r#"{"namespaces":["a",1]}"#,
            "namespaces[1] is a number, want a string",
        ),
        (
            r#"{"allNamespaces":"true"}"#,
            "allNamespaces is a string, want true or false",
        ),
        (
            r#"{"failFast":1}"#,
            "failFast is a number, want true or false",
        ),
        (
            r#"{"resources":{}}"#,
            "resources is an object, want an array",
        ),
        (
            r#"{"resources":["pods"]}"#,
            "resources[0] is a string, want an object",
        ),
        (
            r#"{"resources":[{"gvr":"v1"}]}"#,
            "resources[0].gvr is a string, want an object",
        ),
        (
            r#"{"resources":[{"gvr":{"Version":1}}]}"#,
            "resources[0].gvr.Version is a number, want a string",
        ),
        (
            r#"{"resources":[{"gvr":{"Version":"v1"},"selector":{}}]}"#,
            "resources[0].selector is an object, want a string",
        ),
        (r#"{"owner":"x"}"#, "owner is a string, want an object"),
        (
            r#"{"owner":{"kind":[]}}"#,
            "owner.kind is an array, want a string",
        ),
        (r#"{"mode":1}"#, "mode is a number, want a string"),
        (
            r#"{"filters":{}}"#,
            "filters is an object, want an array of filters",
        ),
        (
            r#"{"filters":[{"exact":{"type":1}}]}"#,
            "filters[0].exact.type is a number, want a string",
        ),
    ] {
        check_problem(Some(text), 2, message);
    }
}

#[test]
fn the_example_in_the_message_works() {
    let problem = SourceConfig::from_env(&Env::default()).unwrap_err();
    let (_, example) = problem
        .message
        .split_once("works is K_SOURCE_CONFIG=")
        .unwrap();
    assert_eq!(read(example).resources, [watch("", "v1", "pods", None)]);
}

#[test]
fn the_name_must_be_set_but_may_be_empty() {
    let problem = source_name(&Env::default()).unwrap_err();
    assert_eq!(problem.exit_code, 2);
    assert!(problem.message.contains("NAME is not set"), "{problem}");
    assert_eq!(source_name(&Env::from_pairs([("NAME", "")])).unwrap(), "");
}
