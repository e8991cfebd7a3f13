//! The outbox: nothing acknowledged is lost, whatever happens to the process, the sink or the disk.
#![allow(
    clippy::unwrap_used,
    reason = "a failed expectation is a panic in a test"
)]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use testkit::{Answer, Launch, Request, Signal, Sink, eventually, get};

use common::{Hook, Line, Receiver, payload};

const PATIENCE: Duration = Duration::from_secs(20);

fn start(sink: &str, directory: &Path, changes: &[(&str, &str)]) -> Receiver {
    let spool = [("SPOOL_DIR", directory.to_str().unwrap())];
    Receiver::start(sink, &[&spool, changes].concat())
}

fn id(request: &Request) -> String {
    request.headers.get("ce-id").unwrap()
}

/// A sink that is away: its address refuses connections until [`back`] takes it.
fn absent() -> (SocketAddr, String) {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, testkit::free_port()));
    (address, format!("http://{address}"))
}

fn back(address: SocketAddr) -> Sink {
    eventually("the sink's port", PATIENCE, || {
        Sink::at(address, [Answer::status(202)]).ok()
    })
}

#[test]
fn a_sink_that_is_away_is_waited_for_and_order_is_kept() {
    let (address, url) = absent();
    let folder = tempfile::tempdir().unwrap();
    let mut receiver = start(&url, folder.path(), &[]);
    for number in 0..100 {
        assert_eq!(receiver.send(&Hook::push(&number.to_string())).status, 202);
    }
    receiver.process.signal(Signal::TERM);
    assert_eq!(receiver.process.wait(PATIENCE).code, Some(0));
    let errors = receiver.process.stderr().text();
    assert!(
        !errors.contains("failed to send cloudevent"),
        "nothing was lost: {errors}"
    );

    let receiver = start(&url, folder.path(), &[]);
    assert_eq!(receiver.send(&Hook::push("100")).status, 202);
    let sink = back(address);
    let requests = sink.wait_for(101, PATIENCE);
    let ids: Vec<usize> = requests
        .iter()
        .map(|request| id(request).parse().unwrap())
        .collect();
    assert!(ids.iter().copied().eq(0..101), "{ids:?}");
    assert!(
        requests
            .iter()
            .all(|request| request.body == payload("gitlab/push_events.json"))
    );
}

#[test]
fn a_stop_sends_what_there_is_first() {
    let sink = Sink::start([Answer::status(202).after(Duration::from_millis(100))]);
    let folder = tempfile::tempdir().unwrap();
    let mut receiver = start(&sink.url(), folder.path(), &[]);
    for number in 0..10 {
        assert_eq!(receiver.send(&Hook::push(&number.to_string())).status, 202);
    }
    assert!(
        sink.requests().len() < 10,
        "the sink is too fast for this test"
    );
    receiver.process.signal(Signal::TERM);
    assert_eq!(receiver.process.wait(PATIENCE).code, Some(0));
    assert_eq!(sink.requests().len(), 10);
}

#[test]
fn an_event_that_the_sink_refuses_does_not_hold_up_the_others() {
    let sink =
        Sink::answering(|request, _| Answer::status(if id(request) == "bad" { 400 } else { 202 }));
    let folder = tempfile::tempdir().unwrap();
    let receiver = start(&sink.url(), folder.path(), &[]);
    for key in ["1", "bad", "2"] {
        assert_eq!(receiver.send(&Hook::push(key)).status, 202);
    }
    let ids: Vec<String> = sink.wait_for(3, PATIENCE).iter().map(id).collect();
    assert_eq!(ids, ["1", "bad", "2"]);
    receiver
        .process
        .stderr()
        .line_with("failed to send cloudevent", PATIENCE);
}

#[test]
fn a_full_outbox_refuses_and_recovers() {
    let (address, url) = absent();
    let folder = tempfile::tempdir().unwrap();
    let receiver = start(&url, folder.path(), &[("SPOOL_MAX_BYTES", "20000")]);
    let replies: Vec<_> = (0..10)
        .map(|n| receiver.send(&Hook::push(&n.to_string())))
        .collect();
    let accepted = replies.iter().filter(|reply| reply.status == 202).count();
    assert_eq!(
        accepted, 6,
        "2 840 bytes and what is beside them, six times"
    );
    for reply in &replies[accepted..] {
        assert_eq!(
            (reply.status, reply.headers.get("retry-after")),
            (503, Some("30".to_owned()))
        );
    }
    // A refused delivery is not remembered: it is taken when it comes again.
    let sink = back(address);
    sink.wait_for(accepted, PATIENCE);
    eventually("room", PATIENCE, || {
        (receiver.send(&Hook::push("9")).status == 202).then_some(())
    });
    let ids: Vec<String> = sink
        .wait_for(accepted + 1, PATIENCE)
        .iter()
        .map(id)
        .collect();
    assert_eq!(ids, ["0", "1", "2", "3", "4", "5", "9"]);
}

#[test]
fn many_hooks_at_once_share_a_sync() {
    let (_, url) = absent();
    let folder = tempfile::tempdir().unwrap();
    let receiver = start(&url, folder.path(), &[]);
    let body = payload("gitlab/push_events.json");
    let (receiver, body) = (&receiver, &body);
    thread::scope(|scope| {
        for line in 0..50 {
            scope.spawn(move || {
                let mut connection = Line::open(receiver.address).unwrap();
                for number in 0..20 {
                    assert_eq!(
                        connection.push(&format!("{line}-{number}"), body).unwrap(),
                        202
                    );
                }
            });
        }
    });
}

#[test]
fn a_second_receiver_waits_for_the_first_to_stop() {
    let sink = Sink::start([Answer::status(202)]);
    let folder = tempfile::tempdir().unwrap();
    let first = start(&sink.url(), folder.path(), &[]);
    let stock = common::STOCK.into_iter();
    let (url, directory) = (sink.url(), folder.path().to_str().unwrap().to_owned());
    let mut second = Receiver::launch(
        stock.chain([("K_SINK", url.as_str()), ("SPOOL_DIR", directory.as_str())]),
    );
    second
        .process
        .stderr()
        .line_with("Another process has the outbox open", PATIENCE);
    first.process.signal(Signal::TERM);
    second.wait_until_open();
    assert_eq!(second.send(&Hook::push("k")).status, 202);
}

#[test]
fn a_full_disk_refuses_and_recovers() {
    let (address, url) = absent();
    let folder = tempfile::tempdir().unwrap();
    // No file may grow beyond 4096 blocks; the shell passes on that the signal is ignored.
    let script = r#"trap '' XFSZ; ulimit -f 4096; exec "$0""#;
    let launch = Launch::new("/bin/sh").args(["-c", script, common::BINARY]);
    let stock = common::STOCK.into_iter();
    let spool = [
        ("K_SINK", url.as_str()),
        ("SPOOL_DIR", folder.path().to_str().unwrap()),
    ];
    let mut receiver = Receiver::launched(launch, stock.chain(spool));
    receiver.wait_until_open();

    let body = format!("\"{}\"", "x".repeat(200_000)).into_bytes();
    let push = |key: &str| {
        receiver
            .send(&Hook::new("Push Hook", key, body.clone()))
            .status
    };
    let statuses: Vec<u16> = (0..60).map(|number| push(&number.to_string())).collect();
    let accepted = statuses.iter().filter(|status| **status == 202).count();
    assert!(
        accepted > 2 && statuses.ends_with(&[503, 503]),
        "{statuses:?}"
    );
    receiver
        .process
        .stderr()
        .line_with("The outbox cannot be written", PATIENCE);

    let sink = back(address);
    sink.wait_for(accepted, PATIENCE);
    eventually("the outbox to take events again", PATIENCE, || {
        (push("last") == 202).then_some(())
    });
    receiver
        .process
        .stderr()
        .line_with("The outbox can be written again", PATIENCE);
    let delivered: BTreeSet<String> = sink
        .wait_for(accepted + 1, PATIENCE)
        .iter()
        .map(id)
        .collect();
    for (number, _) in statuses
        .iter()
        .enumerate()
        .filter(|(_, status)| **status == 202)
    {
        assert!(delivered.contains(&number.to_string()), "{number} was lost");
    }
}

#[test]
fn gauges_show_how_full_it_is() {
    let (address, url) = absent();
    let folder = tempfile::tempdir().unwrap();
    let metrics = SocketAddr::from((Ipv4Addr::LOCALHOST, testkit::free_port()));
    let observability =
        format!(r#"{{"metrics":{{"protocol":"prometheus","endpoint":"{metrics}"}}}}"#);
    let receiver = start(
        &url,
        folder.path(),
        &[
            ("K_OBSERVABILITY_CONFIG", &observability),
            ("METRICS_PROMETHEUS_PORT", &metrics.port().to_string()),
        ],
    );
    let gauge = |name: &str| -> String {
        let text = get(metrics, "/metrics").unwrap().text();
        let line = text
            .lines()
            .find(|line| line.starts_with(&format!("{name}{{")));
        line.and_then(|line| Some(line.rsplit(' ').next()?.to_owned()))
            .unwrap_or_else(|| panic!("{text}"))
    };
    for key in ["1", "2"] {
        receiver.send(&Hook::push(key));
    }
    let number = |name| gauge(name).parse::<f64>().unwrap();
    assert_eq!(gauge("kn_gitlab_outbox_events"), "2");
    assert!(number("kn_gitlab_outbox_size_bytes") > 5000.0);
    let age = number("kn_gitlab_outbox_oldest_age_seconds");
    assert!(age > 0.0 && age < 20.0, "{age}");
    let _sink = back(address);
    eventually("an empty outbox", PATIENCE, || {
        (gauge("kn_gitlab_outbox_events") == "0").then_some(())
    });
    assert_eq!(gauge("kn_gitlab_outbox_oldest_age_seconds"), "0");
}

/// How often the process is killed: `KILLS=200` is the whole promise, the default a taste of it.
fn kills() -> usize {
    option_env_at_run("KILLS").unwrap_or(12)
}

#[allow(
    clippy::disallowed_methods,
    reason = "a test's own knob, not the program's configuration"
)]
fn option_env_at_run(name: &str) -> Option<usize> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn kills_at_random_moments_lose_nothing_that_was_acknowledged() {
    // The sink is away now and then, so that kills meet a full and an empty outbox alike.
    let started = Instant::now();
    let sink = Sink::answering(move |_, _| {
        Answer::status(if started.elapsed().as_millis() / 400 % 3 == 2 {
            503
        } else {
            202
        })
    });
    let folder = tempfile::tempdir().unwrap();
    let acknowledged = Mutex::new(BTreeSet::new());
    let (sent, stop) = (AtomicUsize::new(0), AtomicBool::new(false));
    let address = Mutex::new(None);
    let body = payload("gitlab/push_events.json");
    let push = || {
        let mut connection: Option<Line> = None;
        while !stop.load(Ordering::Relaxed) {
            let Some(mut line) = connection
                .take()
                .or_else(|| Line::open((*address.lock().unwrap())?).ok())
            else {
                thread::sleep(Duration::from_millis(5));
                continue;
            };
            let key = format!("k{}", sent.fetch_add(1, Ordering::Relaxed));
            if let Ok(202) = line.push(&key, &body) {
                acknowledged.lock().unwrap().insert(key);
                connection = Some(line);
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(push);
        }
        let mut seed = u64::from(std::process::id());
        for _ in 0..kills() {
            let receiver = start(&sink.url(), folder.path(), &[]);
            *address.lock().unwrap() = Some(receiver.address);
            seed = seed
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            thread::sleep(Duration::from_millis(seed >> 33 & 0xff));
            receiver.process.signal(Signal::KILL);
        }
        stop.store(true, Ordering::Relaxed);
    });
    let acknowledged = acknowledged.into_inner().unwrap();
    assert!(
        acknowledged.len() > kills(),
        "{} hooks are no load",
        acknowledged.len()
    );
    let _receiver = start(&sink.url(), folder.path(), &[]);
    let delivered = || -> BTreeMap<String, BTreeSet<Vec<u8>>> {
        let mut found = BTreeMap::<_, BTreeSet<_>>::new();
        for request in sink.requests() {
            let time = request.headers.get("ce-time").unwrap_or_default();
            found
                .entry(id(&request))
                .or_default()
                .insert([time.as_bytes(), &request.body].concat());
        }
        found
    };
    eventually(
        "every acknowledged event at the sink",
        Duration::from_mins(1),
        || {
            let delivered = delivered();
            acknowledged
                .iter()
                .all(|key| delivered.contains_key(key))
                .then_some(())
        },
    );
    // The id is GitLab's key, so nothing may be there that was not sent, nor in two versions.
    for (id, versions) in delivered() {
        assert!(
            id.strip_prefix('k')
                .is_some_and(|n| n.parse::<usize>().is_ok()),
            "{id}"
        );
        assert_eq!(
            versions.len(),
            1,
            "{id} was delivered in different versions"
        );
    }
}
