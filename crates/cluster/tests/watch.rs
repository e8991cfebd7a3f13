//! The list-and-watch loop when all is well: lists, forms, selectors, bookmarks, back-pressure.

mod common;

use std::time::Duration;

use cluster::watch::{Collection, Form, Start, State};
use common::Notebook;
use common::scene::{DEADLINE, PODS, Scene, pods, with_pods};
use serde_json::json;
use testkit::Gone;
use tokio::time::{sleep, timeout};

#[tokio::test(start_paused = true)]
async fn lists_in_pages_and_then_tells_changes() {
    let scene = Scene::listed(with_pods(1200));
    scene.sees("synced").await;
    assert_eq!(scene.notebook.lines().len(), 1202);
    assert_eq!(scene.lists(), 1 + 3, "100 and then 500 a page");
    scene.pod("new");
    let again = scene
        .server
        .apply(PODS, json!({"metadata": {"namespace": "a", "name": "new"}}));
    scene.server.delete(PODS, "a", "new");
    scene.server.apply(
        PODS,
        json!({"metadata": {"namespace": "other", "name": "x"}}),
    );
    scene.sees("deleted new").await;
    let version = again["metadata"]["resourceVersion"].as_str().unwrap();
    let lines = scene.notebook.lines();
    assert_eq!(
        lines[1202..],
        [
            "added new",
            &format!("modified new {version}"),
            "deleted new"
        ]
    );
    assert_eq!(scene.status.state(), State::Up);
    assert_eq!((scene.status.watches(), scene.status.gaps()), (1, 0));
    let watch = scene.server.calls().pop().unwrap();
    assert_eq!(watch.query["allowWatchBookmarks"], "true");
    assert_eq!(
        watch.request.headers.get("accept-encoding").as_deref(),
        Some("identity")
    );
}

#[tokio::test(start_paused = true)]
async fn begins_at_the_present_without_telling_of_it() {
    let scene = Scene::watching(with_pods(300), pods(), Start::Now);
    timeout(DEADLINE, scene.status.settled()).await.unwrap();
    let first = &scene.server.calls()[0];
    assert_eq!(first.query["limit"], "1");
    assert!(
        first
            .request
            .headers
            .get("accept")
            .unwrap()
            .contains("PartialObjectMetadataList")
    );
    scene.pod("new");
    scene.sees("added new").await;
    assert_eq!(scene.notebook.lines(), ["added new"]);
    assert_eq!(scene.lists(), 1);
}

#[tokio::test(start_paused = true)]
async fn asks_for_metadata_and_gives_it_with_the_true_versions() {
    let collection = Collection {
        form: Form::Metadata,
        ..pods()
    };
    let scene = Scene::watching(with_pods(1), collection, Start::Listed(Form::Metadata));
    scene.sees("synced").await;
    scene.pod("new");
    scene.sees("added new").await;
    let accepts: Vec<_> = scene
        .server
        .calls()
        .iter()
        .map(|call| call.request.headers.get("accept"))
        .collect();
    assert!(accepts.iter().all(|accept| {
        accept
            .as_ref()
            .unwrap()
            .contains("as=PartialObjectMetadata")
    }));
}

#[tokio::test(start_paused = true)]
async fn a_bookmark_moves_the_version_to_go_on_from() {
    let scene = Scene::listed(with_pods(1));
    scene.sees("synced").await;
    scene.server.bookmark();
    sleep(Duration::from_secs(2)).await;
    scene.server.compact(Gone::Event);
    scene.server.bookmark();
    sleep(Duration::from_secs(2)).await;
    scene.server.end_watches();
    sleep(Duration::from_secs(2)).await;
    scene.pod("new");
    scene.sees("added new").await;
    assert_eq!((scene.lists(), scene.status.gaps()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_slow_observer_slows_the_reading() {
    let slow = Notebook::slow(Duration::from_mins(1));
    let scene = Scene::with(with_pods(0), pods(), Start::Listed(Form::Whole), slow);
    scene.sees("synced").await;
    for number in 0..20 {
        scene.pod(&format!("n{number:02}"));
    }
    scene.sees("added n19").await;
    let told = scene
        .notebook
        .lines()
        .iter()
        .filter(|line| line.starts_with("added"))
        .count();
    assert_eq!(told, 20);
    assert_eq!(scene.lists(), 1);
}

#[tokio::test(start_paused = true)]
async fn selectors_go_to_the_server() {
    let collection = Collection {
        label_selector: Some("l in (1),!m".to_owned()),
        ..pods()
    };
    let scene = Scene::watching(with_pods(1), collection, Start::Listed(Form::Whole));
    scene.sees("synced").await;
    scene.server.apply(
        PODS,
        json!({"metadata": {"namespace": "a", "name": "p000"}}),
    );
    scene.sees("deleted p000").await;
    scene.pod("p000");
    scene.sees("added p000").await;
}
