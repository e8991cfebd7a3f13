//! `ONE_SHOT`: one heartbeat, then the end, whatever became of it.

mod common;

use common::{SOON, heartbeats, one_shot};
use testkit::{Answer, Launch, Sink};

fn exit_code(launch: Launch) -> Option<i32> {
    launch.start().wait(SOON).code
}

#[test]
fn one_heartbeat_and_the_end() {
    let sink = Sink::start([Answer::status(202)]);
    assert_eq!(exit_code(one_shot(&sink).args(["-period=10ms"])), Some(0));
    assert_eq!(sink.requests().len(), 1);
}

#[test]
fn a_lost_heartbeat_is_0_unless_asked_otherwise() {
    let sink = Sink::start([Answer::status(400)]);
    assert_eq!(exit_code(one_shot(&sink)), Some(0));
    assert_eq!(
        exit_code(one_shot(&sink).env("EXIT_NONZERO_ON_FAILURE", "")),
        Some(0)
    );
    assert_eq!(
        exit_code(one_shot(&sink).env("EXIT_NONZERO_ON_FAILURE", "false")),
        Some(0)
    );
    assert_eq!(
        exit_code(one_shot(&sink).env("EXIT_NONZERO_ON_FAILURE", "true")),
        Some(1)
    );
    assert_eq!(sink.requests().len(), 4);
}

#[test]
fn an_invalid_heartbeat_counts_as_lost() {
    let sink = Sink::start([Answer::status(202)]);
    let launch = || one_shot(&sink).args(["-eventType="]);
    assert_eq!(exit_code(launch()), Some(0));
    assert_eq!(
        exit_code(launch().env("EXIT_NONZERO_ON_FAILURE", "1")),
        Some(1)
    );
    assert!(sink.requests().is_empty());
}

#[test]
fn a_delivered_heartbeat_is_0() {
    let sink = Sink::start([Answer::status(503), Answer::status(202)]);
    assert_eq!(
        exit_code(one_shot(&sink).env("EXIT_NONZERO_ON_FAILURE", "true")),
        Some(0)
    );
}

#[test]
fn without_one_shot_it_goes_on() {
    let sink = Sink::start([Answer::status(400)]);
    let mut process = heartbeats(&sink.url())
        .env("ONE_SHOT", "false")
        .env("EXIT_NONZERO_ON_FAILURE", "true")
        .args(["-period=20ms"])
        .start();
    sink.wait_for(5, SOON);
    assert_eq!(process.exited(), None);
}
