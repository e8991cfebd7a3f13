//! Synchronous delivery, seen from both ends: copies, a sink that comes back, rotation, stopping.
#![allow(
    clippy::unwrap_used,
    reason = "a failed expectation is a panic in a test"
)]

mod common;

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use testkit::{Answer, Signal, Sink, eventually, exchange, get};

use common::{Hook, Line, Receiver, SECRET, SOURCE, payload};

const SECOND: Duration = Duration::from_secs(1);
const PATIENCE: Duration = Duration::from_secs(10);

fn accepting() -> Sink {
    Sink::start([Answer::status(202)])
}

#[test]
fn only_the_required_variables_and_a_taken_profiling_port() {
    // adapter-runtime.md V28. Another test may have the port already, which serves as well.
    let _taken = TcpListener::bind("0.0.0.0:8008");
    let sink = accepting();
    let mut receiver = Receiver::launch([
        ("GITLAB_SECRET_TOKEN", SECRET),
        ("GITLAB_EVENT_SOURCE", SOURCE),
        ("K_SINK", &sink.url()),
        ("NAMESPACE", "ns1"),
    ]);
    receiver.wait_until_open();
    assert_eq!(receiver.send(&Hook::push("k")).status, 202);
    assert_eq!(sink.requests().len(), 1);
}

#[test]
fn the_empty_variables_of_the_controller_are_no_problem() {
    let sink = accepting();
    let observability =
        r#"{"tracing":{},"metrics":{},"runtime":{},"enableSinkEventErrorReporting":false}"#;
    let receiver = Receiver::start(
        &sink.url(),
        &[
            ("K_LOGGING_CONFIG", ""),
            ("K_OBSERVABILITY_CONFIG", observability),
        ],
    );
    assert_eq!(receiver.send(&Hook::push("k")).status, 202);
}

#[test]
fn copies_on_their_way_share_one_event_and_one_answer() {
    for (sink_status, status) in [(202, 202), (400, 500)] {
        let sink = Sink::start([Answer::status(sink_status).after(SECOND)]);
        let receiver = Receiver::start(&sink.url(), &[]);
        let statuses: BTreeSet<u16> = thread::scope(|scope| {
            let sends: Vec<_> = (0..8)
                .map(|copy| {
                    // GitLab's retries by hand differ in this header, those of a mesh do not.
                    let hook =
                        Hook::push("k").with("X-Gitlab-Webhook-UUID", &(copy % 2).to_string());
                    let receiver = &receiver;
                    scope.spawn(move || receiver.send(&hook).status)
                })
                .collect();
            sends.into_iter().map(|send| send.join().unwrap()).collect()
        });
        assert_eq!(statuses, BTreeSet::from([status]));
        assert_eq!(sink.requests().len(), 1);
    }
}

#[test]
fn a_copy_after_the_delivery_is_answered_from_memory() {
    let sink = Sink::start([Answer::status(400), Answer::status(202)]);
    let receiver = Receiver::start(&sink.url(), &[]);
    assert_eq!(
        receiver.send(&Hook::push("k")).status,
        500,
        "a failure is not remembered"
    );
    for _ in 0..3 {
        assert_eq!(receiver.send(&Hook::push("k")).status, 202);
    }
    assert_eq!(sink.requests().len(), 2);
    // Resent by hand, another key, another kind, another body: all of them are sent.
    let note = Hook::new("Note Hook", "k", payload("gitlab/push_events.json"));
    let other = Hook::new("Push Hook", "k", b"{}".to_vec());
    for hook in [
        Hook::push("k").with("X-Gitlab-Webhook-UUID", "new"),
        Hook::push("l"),
        note,
        other,
    ] {
        assert_eq!(receiver.send(&hook).status, 202);
    }
    assert_eq!(sink.requests().len(), 6);
}

#[test]
fn the_memory_lasts_for_the_window() {
    let sink = accepting();
    let receiver = Receiver::start(&sink.url(), &[("DEDUPE_WINDOW", "300ms")]);
    receiver.send(&Hook::push("k"));
    thread::sleep(Duration::from_millis(400));
    receiver.send(&Hook::push("k"));
    assert_eq!(sink.requests().len(), 2);
    let receiver = Receiver::start(&sink.url(), &[("DEDUPE_WINDOW", "0")]);
    receiver.send(&Hook::push("k"));
    receiver.send(&Hook::push("k"));
    assert_eq!(sink.requests().len(), 4);
}

#[test]
fn a_wrong_token_cannot_take_part_in_a_delivery() {
    let sink = accepting();
    let receiver = Receiver::start(&sink.url(), &[]);
    receiver.send(&Hook::push("k"));
    let reply = receiver.send(&Hook::push("k").with("X-Gitlab-Token", "guess"));
    assert_eq!(reply.status, 401);
    assert!(!reply.text().contains("guess") && !reply.text().contains(SECRET));
    let line = receiver
        .process
        .stderr()
        .line_with("A request was refused", PATIENCE);
    assert!(
        line.contains("401") && line.contains("https://git.orchard-lab.example"),
        "{line}"
    );
    assert!(!line.contains("guess") && !line.contains(SECRET), "{line}");
}

#[test]
fn a_peer_that_hangs_up_does_not_end_the_delivery() {
    let sink = Sink::start([Answer::status(503), Answer::status(202)]);
    let receiver = Receiver::start(&sink.url(), &[]);
    let mut stream = TcpStream::connect(receiver.address).unwrap();
    std::io::Write::write_all(&mut stream, &Hook::push("k").bytes()).unwrap();
    sink.wait_for(1, PATIENCE);
    drop(stream);
    sink.wait_for(2, PATIENCE);
}

#[test]
fn nobody_notices_a_sink_that_is_away_for_five_seconds() {
    let first = Sink::at(
        (Ipv4Addr::LOCALHOST, testkit::free_port()),
        [Answer::status(202)],
    )
    .unwrap();
    let (address, url) = (first.address(), first.url());
    let receiver = Receiver::start(&url, &[]);
    receiver.send(&Hook::push("before"));
    drop(first);
    let started = Instant::now();
    let (every, count) = (Duration::from_millis(20), 300);
    let (receiver, body) = (&receiver, payload("gitlab/push_events.json"));
    let statuses: Vec<u16> = thread::scope(|scope| {
        let sends: Vec<_> = (0..count)
            .map(|number| {
                let (body, at) = (&body, started + every * number);
                scope.spawn(move || {
                    thread::sleep(at.saturating_duration_since(Instant::now()));
                    Line::open(receiver.address)
                        .unwrap()
                        .push(&format!("k{number}"), body)
                        .unwrap()
                })
            })
            .collect();
        thread::sleep((started + 5 * SECOND).saturating_duration_since(Instant::now()));
        let sink = eventually("the sink's port", PATIENCE, || {
            Sink::at(address, [Answer::status(202)]).ok()
        });
        let statuses = sends.into_iter().map(|send| send.join().unwrap()).collect();
        let ids: BTreeSet<String> = sink
            .requests()
            .iter()
            .filter_map(|request| request.headers.get("ce-id"))
            .collect();
        assert_eq!(
            ids.len(),
            usize::try_from(count).unwrap(),
            "events were lost"
        );
        statuses
    });
    assert!(statuses.iter().all(|status| *status == 202), "{statuses:?}");
}

#[test]
fn a_rotation_loses_no_delivery() {
    let sink = accepting();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("secretToken");
    std::fs::write(&file, "old\n").unwrap();
    let receiver = Receiver::start(
        &sink.url(),
        &[
            ("GITLAB_SECRET_TOKEN", ""),
            ("GITLAB_SECRET_TOKEN_FILE", file.to_str().unwrap()),
        ],
    );
    let status = |token: &str| {
        receiver
            .send(&Hook::push(token).with("X-Gitlab-Token", token))
            .status
    };
    assert_eq!((status("old"), status("new")), (202, 401));
    std::fs::write(&file, "new\nold\n").unwrap();
    assert_eq!((status("new"), status("old")), (202, 202));
    std::fs::write(&file, "new\n").unwrap();
    eventually("the old secret to be refused", PATIENCE, || {
        (status("old") == 401).then_some(())
    });
    assert_eq!(status("new"), 202);

    let two = [
        ("GITLAB_SECRET_TOKEN", "new"),
        ("GITLAB_SECRET_TOKEN_PREVIOUS", "old"),
    ];
    let receiver = Receiver::start(&sink.url(), &two);
    for token in ["new", "old"] {
        assert_eq!(
            receiver
                .send(&Hook::push(token).with("X-Gitlab-Token", token))
                .status,
            202
        );
    }
}

#[test]
fn an_empty_secret_is_said_at_start() {
    let sink = accepting();
    let receiver = Receiver::start(&sink.url(), &[("GITLAB_SECRET_TOKEN", "")]);
    let line = receiver
        .process
        .stderr()
        .line_with("GITLAB_SECRET_TOKEN is empty", PATIENCE);
    assert!(line.contains("WARN"), "{line}");
}

#[test]
fn a_stop_lets_the_delivery_finish_and_ends_with_zero() {
    let sink = Sink::start([Answer::status(202).after(SECOND)]);
    let mut receiver = Receiver::start(&sink.url(), &[]);
    let hook = Hook::push("k").bytes();
    let address = receiver.address;
    let send = thread::spawn(move || exchange(address, &hook).map(|reply| reply.status));
    sink.wait_for(1, PATIENCE);
    receiver.process.signal(Signal::TERM);
    assert_eq!(send.join().unwrap().unwrap(), 202);
    assert_eq!(receiver.process.wait(PATIENCE).code, Some(0));
}

#[test]
fn refusals_close_nobody_out_of_their_answer() {
    let sink = accepting();
    let receiver = Receiver::start(&sink.url(), &[]);
    let large = Hook::new("Push Hook", "k", vec![b' '; 8 << 20]);
    assert_eq!(
        receiver
            .send(&large.clone().with("X-Gitlab-Token", "x"))
            .status,
        401
    );
    assert_eq!(
        receiver.send(&large.with("X-Gitlab-Event", "x")).status,
        400
    );
    let put = Hook {
        method: "PUT".to_owned(),
        ..Hook::push("k")
    };
    let reply = receiver.send(&put);
    assert_eq!(
        (reply.status, reply.headers.get("allow")),
        (405, Some("POST".to_owned()))
    );
    assert!(sink.requests().is_empty());
}

#[test]
fn probes_are_answered_on_the_webhooks_port() {
    let sink = accepting();
    let receiver = Receiver::start(&sink.url(), &[]);
    for path in ["/health", "/readiness"] {
        let reply = get(receiver.address, path).unwrap();
        assert_eq!((reply.status, reply.text().as_str()), (200, ""));
        let post = Hook {
            path: path.to_owned(),
            ..Hook::push(path)
        };
        assert_eq!(receiver.send(&post).status, 202, "a hook may have any path");
    }
    assert_eq!(get(receiver.address, "/").unwrap().status, 405);
}

#[test]
fn a_large_body_is_never_doubled() {
    let sink = accepting();
    let receiver = Receiver::start(&sink.url(), &[]);
    let mut body = br#"{"pad":""#.to_vec();
    body.resize(26_214_400 - 2, b'x');
    body.extend_from_slice(br#""}"#);
    for chunked in [false, true] {
        let hook = Hook {
            chunked,
            ..Hook::new("Push Hook", &chunked.to_string(), body.clone())
        };
        assert_eq!(receiver.send(&hook).status, 202);
    }
    let peak = receiver.process.peak_resident() >> 20;
    assert!(peak <= 60, "{peak} MiB at the peak");
}
