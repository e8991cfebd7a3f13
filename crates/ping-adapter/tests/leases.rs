//! Replicas that take over from each other: no tick is lost, and a repeat is recognisable.

mod common;

use std::thread::sleep;
use std::time::{Duration, Instant};

use chrono::{TimeDelta, Utc};
use common::cluster::{
    LEASE, LEASES, SOURCES, SYSTEM, all_arrive, api_server, even_ticks, events, golden, holder, of,
    quick, repeats, source,
};
use common::{SOON, ended};
use serde_json::Value;
use testkit::{Answer, ApiServer, Exit, Signal, Sink, eventually};

const CLEAN: Exit = Exit {
    code: Some(0),
    signal: None,
};
const EVERY_TWO: &str = "*/2 * * * * *";

fn sink() -> Sink {
    Sink::start([Answer::status(202)])
}

fn cluster() -> (ApiServer, Sink, Value) {
    let (server, sink) = (api_server(), sink());
    let object = server.apply(SOURCES, source("p1", EVERY_TWO, &sink.url()));
    (server, sink, object)
}

/// Waits until somebody else than `before` holds the lease.
#[track_caller]
fn next_holder(server: &ApiServer, before: &str, deadline: Duration) {
    eventually("another holder", deadline, || {
        let lease = server.object(LEASES, SYSTEM, LEASE)?;
        let holder = lease["spec"]["holderIdentity"].as_str()?;
        (!holder.is_empty() && holder != before).then_some(())
    });
}

#[test]
fn a_replica_that_is_killed_is_replaced_within_the_lease_time() {
    let (server, sink, object) = cluster();
    let mut first = quick(&server).start();
    let leader = holder(&server);
    let _second = quick(&server).start();
    let from = Utc::now();
    events(&sink, "p1", 2);
    first.signal(Signal::KILL);
    first.wait(SOON);
    // The lease's 4 s, and a second or two until it is looked at.
    next_holder(&server, &leader, Duration::from_secs(8));
    sleep(Duration::from_secs(3));
    all_arrive(
        &sink,
        &even_ticks(&object, from, Utc::now()),
        Duration::from_secs(4),
    );
}

#[test]
fn a_replica_that_is_stopped_hands_over_at_once_and_nothing_comes_twice() {
    let (server, sink, object) = cluster();
    let mut first = quick(&server).start();
    let leader = holder(&server);
    let _second = quick(&server).start();
    let from = Utc::now();
    events(&sink, "p1", 2);
    sleep(Duration::from_secs(1));
    let stopped = Instant::now();
    first.signal(Signal::TERM);
    assert_eq!(first.wait(SOON), CLEAN);
    next_holder(
        &server,
        &leader,
        Duration::from_secs(2).saturating_sub(stopped.elapsed()) + Duration::from_secs(1),
    );
    sleep(Duration::from_secs(4));
    all_arrive(
        &sink,
        &even_ticks(&object, from, Utc::now()),
        Duration::from_secs(4),
    );
    assert_eq!(repeats(&sink), [].into());
}

#[test]
fn a_stop_with_a_dead_sink_beside_loses_no_tick_of_the_others() {
    let (server, sink, object) = cluster();
    let dead = Sink::start([Answer::hang()]);
    server.apply(SOURCES, source("dead", "* * * * * *", &dead.url()));
    let mut first = quick(&server).env("K_SINK_TIMEOUT", "5").start();
    let leader = holder(&server);
    let _second = quick(&server).start();
    let from = Utc::now();
    events(&sink, "p1", 2);
    dead.wait_for(1, SOON);
    first.signal(Signal::TERM);
    // What hangs is waited for, and meanwhile the lease is kept.
    next_holder(&server, &leader, Duration::from_secs(25));
    assert_eq!(first.wait(SOON), CLEAN);
    sleep(Duration::from_secs(2));
    all_arrive(
        &sink,
        &even_ticks(&object, from, Utc::now()),
        Duration::from_secs(4),
    );
}

#[test]
fn a_single_replica_that_is_killed_makes_up_for_its_absence() {
    let (server, sink, object) = cluster();
    let mut first = quick(&server).start();
    let leader = holder(&server);
    let from = Utc::now();
    events(&sink, "p1", 2);
    first.signal(Signal::KILL);
    first.wait(SOON);
    sleep(Duration::from_secs(3));
    let _second = quick(&server).start();
    next_holder(&server, &leader, Duration::from_secs(10));
    sleep(Duration::from_secs(3));
    all_arrive(
        &sink,
        &even_ticks(&object, from, Utc::now()),
        Duration::from_secs(4),
    );
}

#[test]
fn a_restart_in_good_order_loses_nothing() {
    let (server, sink, object) = cluster();
    let mut first = quick(&server).start();
    holder(&server);
    let from = Utc::now();
    events(&sink, "p1", 2);
    first.signal(Signal::TERM);
    assert_eq!(first.wait(SOON), CLEAN);
    let released = server.object(LEASES, SYSTEM, LEASE).expect("the lease");
    assert_eq!(
        released["spec"]["holderIdentity"]
            .as_str()
            .unwrap_or_default(),
        ""
    );
    assert_eq!(released["spec"]["leaseDurationSeconds"], 1);
    sleep(Duration::from_secs(5));
    let _second = quick(&server).start();
    holder(&server);
    sleep(Duration::from_secs(3));
    all_arrive(
        &sink,
        &even_ticks(&object, from, Utc::now()),
        Duration::from_secs(4),
    );
    assert_eq!(repeats(&sink), [].into());
}

#[test]
fn without_the_api_server_it_fires_as_long_as_the_lease_is_its_own() {
    // The stock lease outlives half a minute.
    let (server, sink, object) = cluster();
    let mut process = golden(&server).start();
    events(&sink, "p1", 1);
    let from = Utc::now();
    server.stop();
    sleep(Duration::from_secs(30));
    all_arrive(
        &sink,
        &even_ticks(&object, from, Utc::now() - TimeDelta::seconds(2)),
        Duration::ZERO,
    );
    server.resume();
    assert_eq!(process.exited(), None);
}

#[test]
fn without_the_api_server_it_stops_when_the_lease_may_be_anothers_and_takes_up_again() {
    let (server, sink, object) = cluster();
    let mut process = quick(&server).start();
    events(&sink, "p1", 1);
    let from = Utc::now();
    server.stop();
    // Renewals have to succeed within 3 s.
    sleep(Duration::from_secs(6));
    let silent = of(&sink, "p1").len();
    sleep(Duration::from_secs(4));
    assert_eq!(
        of(&sink, "p1").len(),
        silent,
        "fires although another may lead"
    );
    server.resume();
    events(&sink, "p1", silent + 3);
    sleep(Duration::from_secs(2));
    all_arrive(
        &sink,
        &even_ticks(&object, from, Utc::now()),
        Duration::from_secs(4),
    );
    assert_eq!(process.exited(), None);
    assert_eq!(repeats(&sink), [].into());
}

#[test]
fn buckets_are_shared_by_the_replicas_and_losing_one_loses_no_more() {
    let (server, sink) = (api_server(), sink());
    // Of three buckets one each: adapter-runtime.md V24.
    for name in ["p1", "p2", "p3", "p4", "p5", "p6"] {
        server.apply(SOURCES, source(name, EVERY_TWO, &sink.url()));
    }
    let election = r#"{"buckets":3,"leaseDuration":4000000000,"renewDeadline":3000000000,"retryPeriod":1000000000}"#;
    let launch = || quick(&server).env("K_LEADER_ELECTION_CONFIG", election);
    let mut first = launch().start();
    events(&sink, "p1", 1);
    assert_eq!(server.objects(LEASES).len(), 3);
    let _second = launch().start();
    first.signal(Signal::TERM);
    assert_eq!(first.wait(SOON), CLEAN);
    for name in ["p1", "p2", "p3", "p4", "p5", "p6"] {
        events(&sink, name, of(&sink, name).len() + 2);
    }
    assert_eq!(repeats(&sink), [].into());
}

#[test]
fn an_election_that_cannot_work_is_an_error_and_not_a_healthy_pod_that_does_nothing() {
    let server = api_server();
    for election in [
        r#"{"Buckets":0,"LeaseDuration":60000000000,"RenewDeadline":40000000000,"RetryPeriod":10000000000}"#,
        r#"{"Buckets":1,"LeaseDuration":10000000000,"RenewDeadline":40000000000,"RetryPeriod":10000000000}"#,
    ] {
        let launch = golden(&server).env("K_LEADER_ELECTION_CONFIG", election);
        let (code, _, stderr) = ended(launch);
        assert_ne!(code, 0);
        assert!(stderr.contains("K_LEADER_ELECTION_CONFIG"), "{stderr}");
    }
}
