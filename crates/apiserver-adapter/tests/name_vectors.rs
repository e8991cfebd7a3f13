//! The contract's unit vectors: subjects, and the source in a cluster.

mod vectors;

use adapter::env::Env;
use apiserver_adapter::object::ObjectReference;
use apiserver_adapter::source;
use cluster::client::Access;

#[test]
fn subjects_use_the_guessed_plural() {
    let vectors = vectors::load();
    let cases = vectors["unit"]["subject"].as_array().unwrap();
    assert_eq!(cases.len(), 15);
    for case in cases {
        let text = |member: &str| case[member].as_str().unwrap();
        let object = ObjectReference {
            api_version: text("apiVersion"),
            kind: text("kind"),
            namespace: text("namespace"),
            name: text("name"),
        };
        assert_eq!(object.subject(), text("subject"));
    }
}

#[test]
fn the_source_in_a_cluster_has_its_port() {
    let vectors = vectors::load();
    let cases = vectors["unit"]["source_in_cluster"].as_array().unwrap();
    assert_eq!(cases.len(), 4);
    for case in cases {
        let variables = case["env"].as_object().unwrap();
        let variables = variables
            .iter()
            .map(|(name, value)| (name, value.as_str().unwrap()));
        let access = Access::from_env(&Env::from_pairs(variables)).unwrap();
        assert_eq!(source::of(&access), case["source"]);
    }
}
