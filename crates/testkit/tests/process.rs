//! Starting, reading and ending a process, with the shell as the program.

use std::io::{Read, Seek};
use std::time::Duration;

use testkit::{Lag, Launch, Root, Signal, eventually, free_port};

const SOON: Duration = Duration::from_secs(10);

fn shell(script: &str) -> Launch {
    Launch::new("/bin/sh").args(["-c", script])
}

#[test]
fn the_environment_is_exactly_what_was_given() {
    let mut process = Launch::new("/usr/bin/env")
        .env("A", "1 2")
        .env("B", "")
        .start();
    assert_eq!(process.wait(SOON).code, Some(0));
    assert_eq!(process.stdout().text(), "A=1 2\nB=\n");
}

#[test]
fn much_output_on_both_streams_does_not_block() {
    let script =
        "i=0; while [ $i -lt 20000 ]; do echo out$i; echo err$i >&2; i=$((i+1)); done; exit 7";
    let mut process = shell(script).start();
    assert_eq!(process.wait(SOON).code, Some(7));
    assert_eq!(process.stdout().lines().len(), 20_000);
    assert_eq!(
        process.stderr().lines().last().map(String::as_str),
        Some("err19999")
    );
}

#[test]
fn lines_and_signals_arrive() {
    let mut process =
        shell("trap 'echo got it; exit 3' TERM; echo ready >&2; while :; do sleep 0.01; done")
            .start();
    assert_eq!(process.stderr().line_with("read", SOON), "ready");
    assert_eq!(process.exited(), None);
    process.signal(Signal::TERM);
    assert_eq!(process.wait(SOON).code, Some(3));
    assert_eq!(process.stdout().text(), "got it\n");

    let mut process = shell("exec sleep 100").start();
    process.signal(Signal::KILL);
    let exit = process.wait(SOON);
    assert_eq!((exit.code, exit.signal), (None, Some(9)));
}

#[test]
fn memory_processor_time_and_descriptors_are_read() {
    let process = shell("while :; do :; done").start();
    eventually("a busy loop uses the processor", SOON, || {
        (process.cpu() >= Duration::from_millis(20)).then_some(())
    });
    assert!(process.resident() > 100_000 && process.resident() <= process.peak_resident());
    assert!(process.descriptors() >= 3);
}

#[test]
fn stdout_can_go_to_a_file() {
    let mut file = tempfile::tempfile().unwrap();
    let mut process = shell("echo hello")
        .stdout(file.try_clone().unwrap())
        .start();
    process.wait(SOON);
    let mut text = String::new();
    file.rewind().unwrap();
    file.read_to_string(&mut text).unwrap();
    assert_eq!(
        (text.as_str(), process.stdout().text().as_str()),
        ("hello\n", "")
    );
}

#[test]
fn a_root_shows_files_at_fixed_paths_and_lets_them_change() {
    let root = match Root::with_directories(&["oidc"]) {
        Ok(root) => root,
        Err(why) => return testkit::skip("a_root_shows_files_at_fixed_paths", &why),
    };
    root.write("/oidc/token", "one");
    let script =
        "cat /oidc/token; echo; while [ $(cat /oidc/token) = one ]; do sleep 0.01; done; env";
    let mut process = Launch::new("/bin/sh")
        .args(["-c", script])
        .env("A", "b")
        .root(&root)
        .start();
    assert_eq!(process.stdout().line_with("one", SOON), "one");
    root.write("/oidc/token", "two");
    assert_eq!(process.wait(SOON).code, Some(0));
    let variables: Vec<String> = process
        .stdout()
        .lines()
        .into_iter()
        .skip(1)
        .filter(|line| !line.starts_with("PWD="))
        .collect();
    assert_eq!(variables, ["A=b"], "{}", process.stderr().text());
}

#[test]
#[should_panic(expected = "not within 20ms: the moon is blue")]
fn waiting_ends() {
    eventually("the moon is blue", Duration::from_millis(20), || None::<()>);
}

#[test]
fn a_free_port_can_be_bound_and_lag_is_measured() {
    let lag = Lag::start();
    std::net::TcpListener::bind(("127.0.0.1", free_port())).unwrap();
    eventually("a sleeper was late", SOON, || {
        (!lag.worst().is_zero()).then_some(())
    });
}
