use std::sync::Mutex;

use adapter::env::Env;
use futures::future::BoxFuture;

use super::*;
use crate::config::SourceConfig;
use crate::outbox::{Bounds, Deliver};

/// Type and name of every event.
type Seen = Arc<Mutex<Vec<(String, String)>>>;

struct Recorder(Seen);

impl Deliver for Recorder {
    fn deliver(&self, event: Announcement) -> BoxFuture<'_, bool> {
        let ty = event.event_type.rsplit('.').next().unwrap().to_owned();
        self.0.lock().unwrap().push((ty, event.name.into()));
        Box::pin(async { true })
    }
}

struct Bench {
    follower: Follower,
    seen: Seen,
    outbox: Outbox,
}

fn bench(config: &str, namespaces: Option<&[&str]>) -> Bench {
    let config = SourceConfig::from_env(&Env::from_pairs([("K_SOURCE_CONFIG", config)])).unwrap();
    let seen = Seen::default();
    let outbox = Outbox::new(Bounds::STANDARD, Recorder(Arc::clone(&seen)));
    let kind = Kind {
        api_version: "v1".to_owned(),
        kind: "Pod".to_owned(),
    };
    let namespaces = namespaces.map(|names| names.iter().map(ToString::to_string).collect());
    let announcer = Arc::new(Announcer::new("ns", "source", "https://api:443", &config));
    let follower = Follower::new(
        Scope { kind, namespaces },
        announcer,
        outbox.clone(),
        config.fail_fast,
    );
    Bench {
        follower,
        seen,
        outbox,
    }
}

fn object(name: &str, version: u32) -> String {
    let owners = if name.starts_with("owned") {
        r#"[{"apiVersion":"apps/v1","kind":"ReplicaSet","controller":true}]"#
    } else {
        "[]"
    };
    format!(
        r#"{{"metadata":{{"name":"{name}","namespace":"ns","uid":"uid-{name}","resourceVersion":"{version}","ownerReferences":{owners}}}}}"#
    )
}

impl Bench {
    async fn show(&mut self, event: &str, name: &str, version: u32) {
        let json = object(name, version);
        let object = Object::read(&json).unwrap();
        let event = match event {
            "listed" => Event::Listed(object),
            "added" => Event::Added(object),
            "modified" => Event::Modified(object),
            "deleted" => Event::Deleted(object),
            other => panic!("no event is {other}"),
        };
        self.follower.event(event).await;
    }

    async fn list(&mut self, objects: &[(&str, u32)]) {
        self.follower.event(Event::Listing).await;
        for (name, version) in objects {
            self.show("listed", name, *version).await;
        }
        self.follower.event(Event::Synced).await;
    }

    async fn seen(&self) -> Vec<(String, String)> {
        self.outbox.drained().await;
        let mut seen = std::mem::take(&mut *self.seen.lock().unwrap());
        seen.sort();
        seen
    }
}

fn events<const N: usize>(events: [(&str, &str); N]) -> Vec<(String, String)> {
    events
        .map(|(ty, name)| (ty.to_owned(), name.to_owned()))
        .to_vec()
}

#[tokio::test]
async fn what_exists_is_not_announced_and_changes_are() {
    let mut bench = bench("{}", None);
    bench.list(&[("old", 1), ("older", 2)]).await;
    bench.show("modified", "old", 3).await;
    bench.show("added", "new", 4).await;
    bench.show("deleted", "older", 5).await;
    let expected = events([("add", "new"), ("delete", "older"), ("update", "old")]);
    assert_eq!(bench.seen().await, expected);
}

#[tokio::test]
async fn a_gap_is_made_good_from_the_next_list() {
    for (mode, deletes, lost) in [("Reference", true, 0), ("Resource", false, 2)] {
        let mut bench = bench(&format!(r#"{{"mode":"{mode}"}}"#), None);
        bench
            .list(&[("same", 1), ("changed", 2), ("gone", 3)])
            .await;
        bench.show("added", "short", 4).await;
        bench.seen().await;
        bench.list(&[("same", 1), ("changed", 5), ("new", 6)]).await;
        let mut expected = events([("add", "new"), ("update", "changed")]);
        if deletes {
            expected.extend(events([("delete", "gone"), ("delete", "short")]));
            expected.sort();
        }
        assert_eq!(bench.seen().await, expected, "{mode}");
        assert_eq!(bench.follower.repairs().lost(), lost);
        assert_eq!(bench.follower.repairs().announced(), expected.len() as u64);
        bench.list(&[("same", 1), ("changed", 5), ("new", 6)]).await;
        assert_eq!(bench.seen().await, []);
    }
}

#[tokio::test]
async fn a_list_that_breaks_off_announces_nothing_twice_and_nothing_false() {
    let mut bench = bench(r#"{"mode":"Reference"}"#, None);
    bench.follower.event(Event::Listing).await;
    bench.show("listed", "vanished", 1).await;
    bench.list(&[("a", 1), ("b", 1)]).await;
    assert_eq!(bench.seen().await, []);
    bench.follower.event(Event::Listing).await;
    bench.show("listed", "new", 2).await;
    assert_eq!(bench.seen().await, events([("add", "new")]));
    bench.list(&[("a", 1), ("new", 2)]).await;
    assert_eq!(bench.seen().await, events([("delete", "b")]));
}

#[tokio::test]
async fn the_owner_filter_holds_for_missed_changes_too() {
    let mut bench = bench(
        r#"{"mode":"Reference","owner":{"apiVersion":"apps/v1","kind":"ReplicaSet"}}"#,
        None,
    );
    bench.list(&[("owned-1", 1), ("free-1", 1)]).await;
    bench.show("added", "owned-2", 2).await;
    bench.show("added", "free-2", 2).await;
    assert_eq!(bench.seen().await, events([("add", "owned-2")]));
    bench.list(&[("owned-3", 3), ("free-3", 3)]).await;
    let expected = events([
        ("add", "owned-3"),
        ("delete", "owned-1"),
        ("delete", "owned-2"),
    ]);
    assert_eq!(bench.seen().await, expected);
}

#[tokio::test]
async fn only_the_namespaces_of_the_source_count() {
    for (namespaces, count) in [
        (Some(&["ns", "x"][..]), 2),
        (Some(&["x"][..]), 0),
        (None, 2),
    ] {
        let mut bench = bench(r#"{"mode":"Reference"}"#, namespaces);
        bench.list(&[("a", 1)]).await;
        bench.show("added", "b", 2).await;
        bench.list(&[("b", 2)]).await;
        assert_eq!(bench.seen().await.len(), count);
    }
}

#[tokio::test]
async fn fail_fast_ends_at_the_first_trouble() {
    for (config, fails) in [("{}", false), (r#"{"failFast":true}"#, true)] {
        let mut bench = bench(config, None);
        let trouble = Trouble::Broken("reset".to_owned());
        assert_eq!(bench.follower.trouble(&trouble, 1).is_break(), fails);
    }
}
