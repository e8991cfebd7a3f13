//! Ways to the API server: kubeconfigs, a pod's files, and what is said when there is none.

use std::fs;
use std::path::Path;
use std::time::Duration;

use adapter::env::{Env, Problem};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tempfile::TempDir;
use testkit::{Answer, Authority, Sink};

use super::{Access, Client};

const PATIENCE: Duration = Duration::from_secs(10);

fn kubeconfig(folder: &TempDir, name: &str, cluster: &Value) -> String {
    let file = folder.path().join(name);
    let kubeconfig = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u", "namespace": "mine"}}],
        "clusters": [{"name": "k", "cluster": cluster}],
        "users": [{"name": "u", "user": {"token": "secret"}}],
    });
    fs::write(&file, kubeconfig.to_string()).unwrap();
    file.to_str().unwrap().to_owned()
}

fn access(pairs: &[(&str, &str)]) -> Result<Access, Problem> {
    Access::from_env(&Env::from_pairs(pairs.iter().copied()))
}

#[test]
fn a_kubeconfig_gives_the_server_as_it_is_written() {
    let folder = TempDir::new().unwrap();
    for server in [
        "https://10.0.0.1:6443",
        "https://Host:443/",
        "http://127.0.0.1:1/k8s/clusters/c?x=1#y",
    ] {
        let file = kubeconfig(&folder, "one", &json!({ "server": server }));
        let found = access(&[
            ("KUBECONFIG", &file),
            ("KUBERNETES_SERVICE_HOST", "10.96.0.1"),
        ]);
        let found = found.unwrap();
        assert_eq!((found.server(), found.namespace()), (server, "mine"));
    }
}

#[test]
fn of_several_files_those_that_exist_count() {
    let folder = TempDir::new().unwrap();
    let one = kubeconfig(&folder, "one", &json!({"server": "http://one"}));
    let two = kubeconfig(&folder, "two", &json!({"server": "http://two"}));
    let found = access(&[("KUBECONFIG", &format!("/nowhere:{one}:{two}"))]).unwrap();
    assert_eq!(found.server(), "http://one");
    let home = folder.path().join("home");
    fs::create_dir_all(home.join(".kube")).unwrap();
    fs::copy(two, home.join(".kube/config")).unwrap();
    assert_eq!(
        access(&[("HOME", home.to_str().unwrap())])
            .unwrap()
            .server(),
        "http://two"
    );
}

#[test]
fn a_problem_says_what_was_looked_for() {
    let folder = TempDir::new().unwrap();
    let file = |name, cluster| kubeconfig(&folder, name, &cluster);
    let text = folder.path().join("text");
    fs::write(&text, "{no: [yaml").unwrap();
    for (value, words) in [
        ("/nowhere".to_owned(), "there is no such file"),
        (
            text.to_str().unwrap().to_owned(),
            "failed to parse kubeconfig",
        ),
        (
            file("a", json!({})),
            "no current-context that leads to a cluster with a server",
        ),
        (
            file("b", json!({"server": "10.0.0.1"})),
            "is not an http or https URL with a host",
        ),
        (
            file("c", json!({"server": "http://h", "proxy-url": "http://p"})),
            "its proxy-url is not supported",
        ),
    ] {
        let problem = access(&[("KUBECONFIG", &value)]).unwrap_err();
        assert!(problem.message.contains(words), "{problem}");
        assert!(
            problem
                .message
                .contains("for example KUBECONFIG=/home/me/.kube/config"),
            "{problem}"
        );
        assert_eq!(
            (problem.variable.as_str(), problem.exit_code),
            ("KUBECONFIG", 1)
        );
    }
    for pairs in [
        &[][..],
        &[
            ("KUBECONFIG", ""),
            ("KUBERNETES_SERVICE_HOST", "h"),
            ("HOME", "/nowhere"),
        ],
    ] {
        let problem = access(pairs).unwrap_err();
        assert!(
            problem
                .message
                .starts_with("No API server is known: KUBECONFIG is not set"),
            "{problem}"
        );
    }
}

fn secrets(folder: &TempDir, ca: &str) {
    for (file, text) in [("ca.crt", ca), ("token", "tok"), ("namespace", "mine\n")] {
        fs::write(folder.path().join(file), text).unwrap();
    }
}

#[tokio::test]
async fn a_pod_uses_its_service_account() {
    let authority = Authority::new();
    let server = Sink::tls(
        authority.identity(&["127.0.0.1"]),
        [Answer::status(200).body("{}")],
    );
    let folder = TempDir::new().unwrap();
    secrets(&folder, authority.pem());
    let port = server.address().port().to_string();
    let access = Access::in_cluster("127.0.0.1", &port, folder.path()).unwrap();
    assert_eq!(access.server(), format!("https://127.0.0.1:{port}"));
    assert_eq!(access.namespace(), "mine");
    let client = Client::new(&access).unwrap();
    let answer: Value = client.get("/version").await.unwrap();
    assert_eq!(answer, json!({}));
    let request = &server.wait_for(1, PATIENCE)[0];
    assert_eq!(
        request.headers.get("authorization").as_deref(),
        Some("Bearer tok")
    );
    assert_eq!(
        request.headers.get("accept").as_deref(),
        Some("application/json")
    );
    assert!(
        request
            .headers
            .get("user-agent")
            .unwrap()
            .starts_with("knative-adapters/")
    );

    // The port is always written, and an IPv6 address in brackets.
    let access = Access::in_cluster("fd00::1", "443", folder.path()).unwrap();
    assert_eq!(access.server(), "https://[fd00::1]:443");
}

#[tokio::test]
async fn what_is_missing_in_a_pod_is_a_problem_at_start() {
    let folder = TempDir::new().unwrap();
    let access = Access::in_cluster("10.96.0.1", "443", folder.path()).unwrap();
    let problem = Client::new(&access).unwrap_err();
    assert!(
        problem.message.contains("ca.crt") || problem.message.contains("No such file"),
        "{problem}"
    );
    assert_eq!(problem.exit_code, 1);
    secrets(&folder, "no certificate");
    assert!(Client::new(&access).is_err());
    let bad = Access::in_cluster("not a host", "443", Path::new("/"));
    assert!(bad.unwrap_err().message.contains("KUBERNETES_SERVICE_HOST"));
}

#[tokio::test]
async fn a_kubeconfig_names_its_own_authority() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let server = Sink::tls(
        authority.identity(&["127.0.0.1"]),
        [Answer::status(200).body("{}")],
    );
    let folder = TempDir::new().unwrap();
    for (authority, known) in [(&authority, true), (&stranger, false)] {
        let ca = STANDARD.encode(authority.pem());
        let cluster = json!({"server": server.url(), "certificate-authority-data": ca});
        let file = kubeconfig(&folder, "one", &cluster);
        let client = Client::new(&access(&[("KUBECONFIG", &file)]).unwrap()).unwrap();
        match client.get::<Value>("/version").await {
            Ok(_) => assert!(known),
            Err(error) => {
                assert!(!known, "{error}");
                assert!(error.to_string().contains("certificate"), "{error}");
            }
        }
    }
    let request = &server.wait_for(1, PATIENCE)[0];
    assert_eq!(
        request.headers.get("authorization").as_deref(),
        Some("Bearer secret")
    );
}

#[tokio::test]
async fn errors_say_what_happened() {
    let server = Sink::start([
        Answer::status(403).body(
            r#"{"kind":"Status","reason":"Forbidden","message":"pods is forbidden","code":403}"#,
        ),
        Answer::status(429)
            .header("Retry-After", "7")
            .body("slow down"),
        Answer::status(200).body("<html>"),
        Answer::close(),
        Answer::hang(),
    ]);
    let client = Client::new(&Access::anonymous(&server.url()).unwrap()).unwrap();
    let client = client.within(Duration::from_secs(1));
    let mut said = Vec::new();
    for _ in 0..5 {
        let error = client.get::<Value>("/x").await.unwrap_err();
        said.push((error.code(), error.to_string()));
    }
    assert_eq!(
        said[0],
        (
            Some(403),
            "the API server answered 403 Forbidden: pods is forbidden".to_owned()
        )
    );
    assert_eq!(
        said[1],
        (
            Some(429),
            "the API server answered 429: slow down".to_owned()
        )
    );
    assert!(
        said[2]
            .1
            .starts_with("the API server's answer cannot be read: expected value"),
        "{}",
        said[2].1
    );
    assert!(
        said[3].1.starts_with("the API server cannot be reached: "),
        "{}",
        said[3].1
    );
    assert_eq!(
        said[4],
        (None, "the API server did not answer within 1s".to_owned())
    );
    drop(server);
    let error = client.get::<Value>("/x").await.unwrap_err().to_string();
    assert!(error.contains("Connection refused"), "{error}");
}
