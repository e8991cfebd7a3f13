//! The list-and-watch loop when something breaks: nothing is missed and nothing is told twice.

mod common;

use std::time::Duration;

use cluster::watch::{Form, Start, State};
use common::Notebook;
use common::scene::{DEADLINE, PODS, Scene, pods, with_pods};
use serde_json::json;
use testkit::{ApiServer, Cut, Fault, Gone};
use tokio::time::{Instant, sleep, timeout};

/// Every point of a script: before, inside and behind each line, in each way to break.
#[tokio::test(start_paused = true)]
async fn every_change_is_told_once_wherever_the_connection_breaks() {
    for how in [Cut::End, Cut::Close, Cut::Reset] {
        let scene = Scene::listed(with_pods(0));
        scene.sees("synced").await;
        sleep(Duration::from_secs(1)).await;
        let line = 250;
        for number in 0..200 {
            for bytes in [0, 1, line / 2, line - 1, line, line + 1] {
                scene.server.cut("/pods", bytes, how);
            }
            scene.pod(&format!("n{number:03}"));
            if number % 7 == 0 {
                scene.server.break_watches();
            }
        }
        scene.sees("added n199").await;
        let lines = scene.notebook.lines();
        let told: Vec<&String> = lines
            .iter()
            .filter(|line| line.starts_with("added"))
            .collect();
        let expected: Vec<String> = (0..200)
            .map(|number| format!("added n{number:03}"))
            .collect();
        assert_eq!(told, expected.iter().collect::<Vec<_>>(), "{how:?}");
        assert_eq!(scene.lists(), 1, "{how:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_expired_version_in_either_form_leads_to_a_new_list() {
    for gone in [Gone::Event, Gone::Status] {
        for start in [Start::Listed(Form::Whole), Start::Now] {
            let scene = Scene::watching(with_pods(2), pods(), start);
            timeout(DEADLINE, scene.status.settled()).await.unwrap();
            sleep(Duration::from_secs(2)).await;
            scene.notebook.clear();
            scene.link.cut();
            scene.server.delete(PODS, "a", "p000");
            scene.pod("new");
            scene.server.compact(gone);
            scene.server.break_watches();
            scene.link.mend();
            scene.sees("synced").await;
            scene.pod("later");
            scene.sees("added later").await;
            assert_eq!(
                scene.notebook.lines(),
                [
                    "trouble broken #1",
                    "trouble gap 410 #2",
                    "listing",
                    "listed new",
                    "listed p001",
                    "synced",
                    "added later"
                ],
                "{gone:?}"
            );
            assert_eq!(scene.status.gaps(), 1);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_list_that_expires_half_way_begins_again() {
    let slow = Notebook::slow(Duration::from_secs(1));
    let scene = Scene::with(with_pods(150), pods(), Start::Listed(Form::Whole), slow);
    scene.sees("listed p050").await;
    scene.server.compact(Gone::Event);
    scene.sees("synced").await;
    let lines = scene.notebook.lines();
    assert_eq!(lines.iter().filter(|line| *line == "listing").count(), 2);
    assert!(lines.contains(&"trouble list 410 #1".to_owned()));
    let second = lines.iter().rposition(|line| line == "listing").unwrap();
    assert_eq!(
        lines[second + 1..]
            .iter()
            .filter(|line| line.starts_with("listed"))
            .count(),
        150
    );
}

#[tokio::test(start_paused = true)]
async fn waits_as_long_as_it_is_asked_to() {
    let server = with_pods(0);
    server.fail(
        Fault::on("watch", "/pods")
            .status(429)
            .retry_after(7)
            .times(2),
    );
    let scene = Scene::listed(server);
    let begin = Instant::now();
    timeout(DEADLINE, scene.status.settled()).await.unwrap();
    let waited = begin.elapsed().as_secs_f64();
    assert!((14.0..18.0).contains(&waited), "{waited}");
    assert_eq!(scene.lists(), 1);
}

#[tokio::test(start_paused = true)]
async fn server_errors_and_lost_answers_are_waited_out_without_a_new_list() {
    let server = with_pods(0);
    let scene = Scene::listed(server);
    scene.sees("synced").await;
    sleep(Duration::from_secs(2)).await;
    scene
        .server
        .fail(Fault::on("watch", "/pods").status(500).times(3));
    scene
        .server
        .fail(Fault::on("watch", "/pods").reset().times(3));
    scene.server.fail(Fault::on("watch", "/pods").hang());
    scene.server.break_watches();
    scene.pod("new");
    let begin = Instant::now();
    scene.sees("added new").await;
    assert!(
        begin.elapsed() < Duration::from_secs(90),
        "{:?}",
        begin.elapsed()
    );
    assert_eq!((scene.lists(), scene.status.gaps()), (1, 0));
    let lines = scene.notebook.lines();
    assert!(
        lines.contains(&"trouble watch 500 #4".to_owned()),
        "{lines:?}"
    );
    assert!(lines.contains(&"trouble watch #8".to_owned()), "{lines:?}");
    // A watch that works ends the streak.
    scene.server.break_watches();
    scene.sees("trouble broken #1").await;
}

#[tokio::test(start_paused = true)]
async fn a_refusal_settles_it_and_is_tried_again() {
    let server = with_pods(1);
    server.allow([]);
    let scene = Scene::listed(server);
    timeout(DEADLINE, scene.status.settled()).await.unwrap();
    assert_eq!(scene.status.state(), State::Refused(403));
    sleep(Duration::from_mins(10)).await;
    let tries = scene.server.forbidden().len();
    assert!((10..40).contains(&tries), "{tries} tries in ten minutes");
    assert!(scene.status.down_for().unwrap() >= Duration::from_mins(10));
    scene
        .server
        .allow([testkit::Rule::new("", "pods", "list watch")]);
    scene.sees("synced").await;
    timeout(DEADLINE, async {
        while scene.status.state() != State::Up {
            sleep(Duration::from_secs(1)).await;
        }
    })
    .await
    .unwrap();
    assert_eq!(scene.status.down_for(), None);
}

#[tokio::test(start_paused = true)]
async fn a_silent_connection_is_noticed() {
    let scene = Scene::listed(with_pods(0));
    scene.sees("synced").await;
    scene.server.bookmark();
    sleep(Duration::from_secs(2)).await;
    scene.link.cut();
    scene.pod("new");
    sleep(Duration::from_secs(160)).await;
    assert_eq!(
        scene.status.state(),
        State::Down,
        "after the silence that bookmarks allow"
    );
    assert!(scene.status.silent_for().unwrap() > Duration::from_secs(150));
    scene.link.mend();
    scene.sees("added new").await;
    assert_eq!(scene.lists(), 1);
}

#[tokio::test(start_paused = true)]
async fn without_bookmarks_silence_is_allowed_until_the_watch_should_have_ended() {
    let scene = Scene::listed(with_pods(0));
    scene.sees("synced").await;
    sleep(Duration::from_hours(1)).await;
    assert!(
        (10..=13).contains(&scene.status.watches()),
        "{}",
        scene.status.watches()
    );
    assert_eq!(scene.notebook.lines(), ["listing", "synced"]);
    scene.link.cut();
    sleep(Duration::from_secs(365)).await;
    assert_eq!(scene.status.state(), State::Down);
}

/// Also at once, as long as it does not go on like that: failFast must not end there.
#[tokio::test(start_paused = true)]
async fn an_orderly_end_is_no_trouble_and_no_busy_loop() {
    let scene = Scene::listed(with_pods(0));
    scene.sees("synced").await;
    sleep(Duration::from_secs(2)).await;
    for _ in 0..1000 {
        scene.server.cut("/pods", 0, Cut::End);
    }
    scene.server.end_watches();
    sleep(Duration::from_mins(10)).await;
    assert_eq!(scene.notebook.lines(), ["listing", "synced"]);
    assert!(
        (40..200).contains(&scene.status.watches()),
        "{}",
        scene.status.watches()
    );
    scene.server.heal();
    scene.pod("new");
    scene.sees("added new").await;
    assert_eq!(scene.lists(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_unreadable_line_is_skipped() {
    let path = "/api/v1/namespaces/a/pods";
    let server = ApiServer::scripted(&json!({"collections": {path: {
        "initial": {"resourceVersion": "7", "items": []},
        "script": [
            {"event": "ADDED", "object": 5},
            {"event": "NEWTYPE", "object": {}},
            {"event": "ADDED", "object": {"metadata": {"name": "n", "resourceVersion": "8"}}},
        ],
    }}}));
    let scene = Scene::listed(server);
    scene.sees("added n").await;
    assert_eq!(scene.notebook.lines(), ["listing", "synced", "added n"]);
}
