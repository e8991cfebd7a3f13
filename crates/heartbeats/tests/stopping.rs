//! SIGTERM and SIGINT: gone within a second, and nothing lost without a word.

mod common;

use std::net::UdpSocket;
use std::time::{Duration, Instant};

use common::{SOON, heartbeats, one_shot};
use testkit::{Answer, Exit, Lag, Launch, Process, Root, Signal, Sink, skip};

const CLEAN: Exit = Exit {
    code: Some(0),
    signal: None,
};

/// Sends the signal and gives the exit; panics if that took more than a second of our own making.
fn stop(process: &mut Process, signal: Signal) -> Exit {
    let lag = Lag::start();
    let signalled = Instant::now();
    process.signal(signal);
    let exit = process.wait(SOON);
    let (took, allowed) = (
        signalled.elapsed(),
        Duration::from_secs(1) + 5 * lag.worst(),
    );
    assert!(
        took < allowed,
        "took {took:?} of {allowed:?}\n{}",
        process.stderr().text()
    );
    exit
}

/// The log line about a lost event.
fn lost(process: &Process) -> Option<String> {
    process
        .stderr()
        .lines()
        .into_iter()
        .find(|line| line.contains("failed to send cloudevent"))
}

fn every_hour(sink: &Sink) -> Launch {
    heartbeats(&sink.url()).args(["-period=1h"])
}

#[test]
fn while_waiting_for_the_next_tick() {
    for signal in [Signal::TERM, Signal::INT] {
        let sink = Sink::start([Answer::status(202)]);
        let mut process = every_hour(&sink).start();
        sink.wait_for(1, SOON);
        assert_eq!(stop(&mut process, signal), CLEAN);
        assert_eq!(lost(&process), None);
    }
}

#[test]
fn during_a_sink_that_never_answers() {
    let sink = Sink::start([Answer::hang()]);
    let mut process = every_hour(&sink).start();
    let event = sink.wait_for(1, SOON)[0].headers.get("ce-id").unwrap();
    assert_eq!(stop(&mut process, Signal::TERM), CLEAN);
    let line = lost(&process).expect("a line about the lost event");
    assert!(line.contains(&event), "{line}");
}

#[test]
fn between_two_tries() {
    let sink = Sink::start([Answer::status(503).header("Retry-After", "30")]);
    let mut process = every_hour(&sink).start();
    let event = sink.wait_for(1, SOON)[0].headers.get("ce-id").unwrap();
    process.stderr().line_with(&event, SOON);
    assert_eq!(stop(&mut process, Signal::TERM), CLEAN);
    let line = lost(&process).expect("a line about the lost event");
    assert!(line.contains(&event) && line.contains("503"), "{line}");
}

#[test]
fn a_try_that_is_nearly_done_may_end() {
    let sink = Sink::start([Answer::status(202).after(Duration::from_millis(150))]);
    let mut process = every_hour(&sink).start();
    sink.wait_for(1, SOON);
    assert_eq!(stop(&mut process, Signal::TERM), CLEAN);
    assert_eq!(lost(&process), None, "{}", process.stderr().text());
}

#[test]
fn with_one_shot_the_answer_counts() {
    let sink = Sink::start([Answer::hang()]);
    let mut process = one_shot(&sink).start();
    sink.wait_for(1, SOON);
    assert_eq!(stop(&mut process, Signal::TERM).code, Some(0));
    let mut process = one_shot(&sink)
        .env("EXIT_NONZERO_ON_FAILURE", "true")
        .start();
    sink.wait_for(2, SOON);
    assert_eq!(stop(&mut process, Signal::TERM).code, Some(1));
}

#[test]
fn a_second_signal_ends_at_once() {
    // It must come within the half second that the first one gives; a busy machine may miss that.
    let ended_at_once = (0..5).any(|_| {
        let sink = Sink::start([Answer::hang()]);
        let mut process = every_hour(&sink).start();
        sink.wait_for(1, SOON);
        process.signal(Signal::TERM);
        process.stderr().line_with("Stopping.", SOON);
        process.signal(Signal::TERM);
        process.wait(SOON).code == Some(1)
    });
    assert!(ended_at_once);
}

#[test]
fn during_a_name_server_that_never_answers() {
    let name = "during_a_name_server_that_never_answers";
    let silent = match UdpSocket::bind(("127.0.0.77", 53)) {
        Ok(socket) => socket,
        Err(error) => return skip(name, &format!("port 53: {error}")),
    };
    let root = match Root::with_directories(&["etc"]) {
        Ok(root) => root,
        Err(why) => return skip(name, &why),
    };
    root.write("/etc/resolv.conf", "nameserver 127.0.0.77\n");
    root.write("/etc/hosts", "127.0.0.1 localhost\n");
    let mut process = heartbeats("http://sink.default.svc.cluster.local")
        .root(&root)
        .start();
    silent.set_read_timeout(Some(SOON)).unwrap();
    silent.recv(&mut [0; 512]).expect("a question");
    assert_eq!(stop(&mut process, Signal::TERM), CLEAN);
    assert!(lost(&process).is_some(), "{}", process.stderr().text());
}
