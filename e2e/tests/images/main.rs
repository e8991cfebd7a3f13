//! Our images under Docker as the stock controllers would run them: the environment and the security
//! settings of the golden Deployments (`tests/data/golden`), a scripted API server and a sink beside
//! them. `make images-check` builds them first.

mod docker;

use std::fs;
use std::path::Path;
use std::thread;

use e2e::{Event, image, root, say};
use serde_json::{Value, json};
use testkit::{ApiServer, exchange, get};

use docker::{Container, Network, Pod, run};

/// The images, and how many megabytes each may have.
const IMAGES: [(&str, u64); 6] = [
    ("heartbeats", 7),
    ("event-display", 7),
    ("ping-adapter", 11),
    ("apiserver-adapter", 11),
    ("gitlab-receiver", 10),
    ("stand-in", 4),
];
/// Where the golden Deployments send their events.
const SINK: &str = "event-display.default.svc.cluster.local";

fn golden(file: &str) -> Value {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/golden");
    let text = fs::read_to_string(folder.join(file)).expect("a golden file");
    serde_json::from_str(&text).expect("JSON")
}

#[test]
#[ignore = "needs Docker: make images-check"]
fn an_image_is_one_program_under_a_numeric_user() {
    for (program, megabytes) in IMAGES {
        let image = image(program);
        let format = "{{.Config.User}} {{.Config.Entrypoint}} {{.Size}}";
        let about = run(&["image", "inspect", "--format", format, &image]);
        let (about, size) = about.rsplit_once(' ').expect("three words");
        assert_eq!(about, format!("65532:65532 [/{program}]"));
        let size: u64 = size.parse().expect("bytes");
        assert!(size <= megabytes * 1_000_000, "{program} has {size} bytes");

        let container = run(&["create", "--network=none", &image]);
        let tar = format!("{} export {container} | tar --list", e2e::docker());
        let list = std::process::Command::new("sh")
            .args(["-c", &tar])
            .output()
            .expect("tar");
        run(&["rm", &container]);
        // What Docker itself puts into every container is not the image's.
        let docker = |file: &&str| {
            *file != ".dockerenv"
                && !["dev/", "etc/", "proc/", "sys/"]
                    .iter()
                    .any(|it| file.starts_with(it))
        };
        let list = String::from_utf8_lossy(&list.stdout).into_owned();
        let files: Vec<&str> = list.lines().filter(docker).collect();
        assert_eq!(files, [program], "nothing beside the program");
        say(
            program,
            &format!("{size} bytes, nothing beside the program, user 65532"),
        );
    }
}

#[test]
#[ignore = "needs Docker: make images-check"]
fn each_image_does_its_job_as_the_stock_controllers_run_it() {
    let network = Network::new();
    let sink = sink(&network);
    let api = ApiServer::at((network.host(), 0).into()).expect("a port beside the containers");
    let kubeconfig = api.kubeconfig();
    let kubeconfig = format!("--volume={}:/kubeconfig:ro", kubeconfig.display());

    let door = https_door(&network, &sink);
    let heartbeats = heartbeats(&network, &sink);
    let secured = secured_heartbeats(&network, &sink, &door);
    let ping = ping(&network, &api, &kubeconfig, &sink);
    let apiserver = apiserver(&network, &api, &kubeconfig, &sink);
    let gitlab = gitlab(&network, &sink);
    let stand_in = stand_in(&network);

    thread::scope(|scope| {
        for container in [
            &heartbeats,
            &secured,
            &door,
            &ping,
            &apiserver,
            &gitlab,
            &stand_in,
        ] {
            scope.spawn(|| container.stops());
        }
    });
    sink.stops();
}

/// event-display under the name, and on the port, to which the golden Deployments send.
fn sink(network: &Network) -> Container {
    let sink = Pod::strict(network, "event-display", &[])
        .options(&["--network-alias", SINK])
        .port(80)
        .start();
    sink.becomes_ready();
    sink
}

fn heartbeats(network: &Network, sink: &Container) -> Container {
    let deployment = golden("deployment-containersource.json");
    let heartbeats = Pod::of(network, "heartbeats", &deployment).start();
    let event = of_type(sink, "dev.knative.eventing.samples.heartbeat");
    assert_eq!(event.json()["id"], 1);
    heartbeats
}

/// The same sink by HTTPS, on a port that needs no right.
fn https_door(network: &Network, sink: &Container) -> Container {
    let args = ["https", SINK, &sink.at(80).to_string()];
    let door = Pod::strict(network, "stand-in", &args).port(8443).start();
    door.becomes_ready();
    door
}

/// With everything that a `SinkBinding` may add: a CA, overrides, a token and bundles in volumes.
fn secured_heartbeats(network: &Network, sink: &Container, door: &Container) -> Container {
    let volumes = root().join("target/e2e/images");
    let [bundles, oidc] = ["bundles", "oidc"].map(|volume| volumes.join(volume));
    for volume in [&bundles, &oidc] {
        fs::create_dir_all(volume).expect("a folder in target");
    }
    fs::write(oidc.join("token"), "a-token").expect("a token");
    fs::write(bundles.join("bundle.pem"), door.log().trim()).expect("a bundle");
    let oidc = format!("--volume={}:/oidc:ro", oidc.display());
    let bundles = format!("--volume={}:/knative-custom-certs:ro", bundles.display());
    let name = format!("--add-host={SINK}:{}", door.at(0).ip());
    let authority = door.log();
    let deployment = &golden("containersource-deployments.json")["everything"];
    let heartbeats = Pod::of(network, "heartbeats", deployment)
        .options(&[&oidc, &bundles, &name])
        .env("K_SINK", &format!("https://{SINK}:8443/path?x=1&y=<2>"))
        .env("K_CA_CERTS", authority.trim())
        .start();
    let event = sink.receives("a heartbeat with overrides", |event| {
        event.extension("foo") == "bar"
    });
    assert_eq!(event.extension("html"), "<a&b>");
    heartbeats
}

fn ping(network: &Network, api: &ApiServer, kubeconfig: &str, sink: &Container) -> Container {
    let pingsources = "sources.knative.dev/v1/pingsources";
    api.serve(pingsources, "PingSource", true);
    let conditions = ["Deployed", "OIDCIdentityCreated", "Ready", "SinkProvided"]
        .map(|condition| json!({"type": condition, "status": "True"}));
    api.apply(
        pingsources,
        json!({
            "apiVersion": "sources.knative.dev/v1", "kind": "PingSource",
            "metadata": {"namespace": "default", "name": "each-second"},
            "spec": {"schedule": "* * * * * *", "contentType": "text/plain", "data": "tick"},
            "status": {"sinkUri": format!("http://{SINK}"), "conditions": conditions},
        }),
    );
    let deployment = golden("deployment-pingsource-mt-adapter.json");
    let ping = Pod::of(network, "ping-adapter", &deployment)
        .options(&[kubeconfig])
        .env("KUBECONFIG", "/kubeconfig")
        .start();
    ping.becomes_ready();
    let event = of_type(sink, "dev.knative.sources.ping");
    assert_eq!(event.data.trim(), "tick");
    ping
}

fn apiserver(network: &Network, api: &ApiServer, kubeconfig: &str, sink: &Container) -> Container {
    let deployment = golden("deployment-apiserversource.json");
    let adapter = Pod::of(network, "apiserver-adapter", &deployment)
        .options(&[kubeconfig])
        .env("KUBECONFIG", "/kubeconfig")
        .start();
    adapter.becomes_ready();
    api.apply(
        "v1/pods",
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"namespace": "default", "name": "web"}}),
    );
    let event = of_type(sink, "dev.knative.apiserver.ref.add");
    assert_eq!(event.extension("name"), "web");
    assert_eq!(
        event.extension("team"),
        "a",
        "the overrides of the golden Deployment"
    );
    adapter
}

fn gitlab(network: &Network, sink: &Container) -> Container {
    let deployment = golden("deployment-gitlabsource-revision.json");
    let receiver = Pod::of(network, "gitlab-receiver", &deployment)
        .env("K_SINK", &format!("http://{SINK}"))
        .start();
    receiver.becomes_ready();
    let hook = b"POST / HTTP/1.1\r\nHost: receiver\r\nX-Gitlab-Token: from-a-secret\r\n\
        X-Gitlab-Event: Push Hook\r\nContent-Length: 7\r\n\r\n{\"a\":1}";
    let status = exchange(receiver.at(8080), hook).expect("an answer").status;
    assert_eq!(status, 202);
    let event = of_type(sink, "dev.knative.sources.gitlab.push");
    assert_eq!(
        event.attribute("source"),
        "http://gitlab.example.test/root/myproject"
    );
    receiver
}

fn stand_in(network: &Network) -> Container {
    let gitlab = Pod::strict(network, "stand-in", &["gitlab", "group/project", "token"]).start();
    gitlab.becomes_ready();
    let hooks = get(gitlab.at(8080), "/_hooks").expect("an answer").text();
    assert_eq!(hooks, "[]");
    gitlab
}

fn of_type(sink: &Container, wanted: &str) -> Event {
    sink.receives(wanted, |event| event.attribute("type") == wanted)
}
