//! `ConfigMap`s that are followed: trust bundles and live settings.

mod common;

use std::sync::Arc;
use std::time::Duration;

use adapter::env::Env;
use adapter::tls::ExtraRoots as _;
use cluster::config_maps::{self, Bundles, Live, Names};
use common::{Link, until};
use serde_json::json;
use testkit::{ApiServer, Gone, Rule};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

const MAPS: &str = "v1/configmaps";

/// Starts to follow the `ConfigMap`s of the namespace `ns`.
fn follow(link: &Link, live: watch::Sender<Live>, bundles: &Arc<Bundles>) -> JoinHandle<()> {
    tokio::spawn(config_maps::follow(
        link.client(),
        "ns".to_owned(),
        Names::from_env(&Env::default()),
        "c",
        live,
        Arc::clone(bundles),
    ))
}

fn server() -> Arc<ApiServer> {
    let server = ApiServer::without_port();
    server.allow(Rule::of_ping_source_adapter());
    Arc::new(server)
}

#[tokio::test(start_paused = true)]
async fn bundles_are_all_values_of_labelled_maps_in_the_namespace() {
    let server = server();
    let put = |namespace: &str, name: &str, label: &str, data: &str| {
        let labels = json!({"networking.knative.dev/trust-bundle": label});
        server.apply(
            MAPS,
            json!({
                "metadata": {"namespace": namespace, "name": name, "labels": labels},
                "data": {"b": data, "a": "first"}, "binaryData": {"x": "AAEC", "bad": "?"},
            }),
        );
    };
    put("ns", "one", "true", "1");
    put("ns", "unlabelled", "false", "2");
    put("other", "one", "true", "3");
    let bundles = Arc::new(Bundles::default());
    assert!(bundles.bundles().is_empty());
    let link = Link::new(&server);
    let follower = follow(&link, watch::Sender::default(), &bundles);
    let texts = |wanted: &[&[u8]]| (*bundles.bundles() == *wanted).then(|| bundles.bundles());
    let first = until("the first list", || texts(&[b"first", b"1", &[0, 1, 2]])).await;

    put("ns", "one", "true", "1");
    sleep(Duration::from_secs(5)).await;
    assert!(
        Arc::ptr_eq(&first, &bundles.bundles()),
        "no change, nothing to be parsed again"
    );
    put("ns", "two", "true", "4");
    until("another one", || {
        texts(&[b"first", b"1", &[0, 1, 2], b"first", b"4", &[0, 1, 2]])
    })
    .await;
    put("ns", "one", "false", "1");
    until("a label taken away", || {
        texts(&[b"first", b"4", &[0, 1, 2]])
    })
    .await;
    link.cut();
    server.delete(MAPS, "ns", "two");
    server.compact(Gone::Event);
    server.break_watches();
    link.mend();
    until("a deletion that was missed", || texts(&[])).await;
    assert!(server.forbidden().is_empty());
    follower.abort();
}

#[tokio::test(start_paused = true)]
async fn live_settings_change_and_stay_while_their_map_is_away() {
    let server = server();
    let put = |text: &str| {
        server.apply(
            MAPS,
            json!({
                "metadata": {"namespace": "ns", "name": "config-observability"},
                "data": {"sink-event-error-reporting.enable": text},
            }),
        );
    };
    let (sender, mut live) = watch::channel(Live::default());
    let follower = follow(&Link::new(&server), sender, &Arc::default());
    sleep(Duration::from_secs(5)).await;
    assert!(!live.has_changed().unwrap(), "no map, no change");
    put("true");
    timeout(Duration::from_secs(5), live.changed())
        .await
        .unwrap()
        .unwrap();
    assert!(live.borrow_and_update().report_sink_errors);
    server.delete(MAPS, "ns", "config-observability");
    sleep(Duration::from_secs(5)).await;
    assert!(!live.has_changed().unwrap());
    put("false");
    timeout(Duration::from_secs(5), live.changed())
        .await
        .unwrap()
        .unwrap();
    assert!(!live.borrow_and_update().report_sink_errors);
    assert!(server.forbidden().is_empty());
    follower.abort();
}
