//! The call to Istio's proxy at the end of a run with `ONE_SHOT`.
//!
//! Its port is fixed, so these tests go one after the other and are left out where it is taken.

mod common;

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use common::{SOON, one_shot};
use testkit::{Answer, Signal, Sink, skip};

static PORT: Mutex<()> = Mutex::new(());

/// The right to be the proxy of this pod, and the proxy, which is dropped first.
fn proxy(test: &str, answer: Answer) -> Option<(MutexGuard<'static, ()>, Sink)> {
    let guard = PORT.lock().unwrap_or_else(PoisonError::into_inner);
    match Sink::at(("127.0.0.1", 15020), [answer]) {
        Ok(sink) => Some((guard, sink)),
        Err(error) => {
            skip(test, &format!("port 15020: {error}"));
            None
        }
    }
}

#[test]
fn it_is_called_once_with_an_empty_post() {
    let Some((_guard, proxy)) = proxy("it_is_called_once", Answer::status(200)) else {
        return;
    };
    let sink = Sink::start([Answer::status(202)]);
    assert_eq!(one_shot(&sink).start().wait(SOON).code, Some(0));
    let requests = proxy.requests();
    assert_eq!(requests.len(), 1);
    assert_eq!(
        (requests[0].method.as_str(), requests[0].path.as_str()),
        ("POST", "/quitquitquit")
    );
    assert_eq!(
        requests[0].headers.get("content-length").as_deref(),
        Some("0")
    );
    assert!(requests[0].at > sink.requests()[0].at);
}

#[test]
fn it_is_called_after_a_lost_heartbeat_and_its_answer_is_ignored() {
    let Some((_guard, proxy)) = proxy("it_is_called_after_a_loss", Answer::status(500)) else {
        return;
    };
    let sink = Sink::start([Answer::status(400)]);
    assert_eq!(one_shot(&sink).start().wait(SOON).code, Some(0));
    assert_eq!(proxy.requests().len(), 1);
}

#[test]
fn a_proxy_that_hangs_delays_the_end_by_two_seconds_at_most() {
    let Some((_guard, _proxy)) = proxy("a_proxy_that_hangs", Answer::hang()) else {
        return;
    };
    let sink = Sink::start([Answer::status(202)]);
    let before = Instant::now();
    let mut process = one_shot(&sink).start();
    assert_eq!(process.wait(SOON).code, Some(0));
    assert!(before.elapsed() < Duration::from_secs(6));
    process
        .stderr()
        .line_with("Ignore this warning if Istio proxy is not used", SOON);
}

#[test]
fn no_proxy_is_silent() {
    let _guard = PORT.lock().unwrap_or_else(PoisonError::into_inner);
    let sink = Sink::start([Answer::status(202)]);
    let mut process = one_shot(&sink).start();
    assert_eq!(process.wait(SOON).code, Some(0));
    let log = process.stderr().text();
    assert!(!log.contains("Istio") && !log.contains("15020"), "{log}");
}

#[test]
fn it_is_not_called_after_a_signal_or_a_bad_configuration() {
    let Some((_guard, proxy)) = proxy("it_is_not_called", Answer::status(200)) else {
        return;
    };
    let sink = Sink::start([Answer::hang()]);
    let mut process = one_shot(&sink).start();
    sink.wait_for(1, SOON);
    process.signal(Signal::TERM);
    assert_eq!(process.wait(SOON).code, Some(0));
    assert_eq!(
        one_shot(&sink).args(["-period=x"]).start().wait(SOON).code,
        Some(1)
    );
    assert!(proxy.requests().is_empty());
}
