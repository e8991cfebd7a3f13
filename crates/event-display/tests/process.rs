//! Start, stop, and what the process does when its output does not work.

mod support;

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use support::{Answer, DEADLINE, Display, event, request};
use testkit::{Exit, Launch, Signal, eventually};

const GONE: Exit = Exit {
    code: Some(0),
    signal: None,
};

fn binary() -> Launch {
    Launch::new(env!("CARGO_BIN_EXE_event-display"))
}

#[test]
fn a_signal_ends_it_with_0() {
    for signal in [Signal::TERM, Signal::INT] {
        let mut display = Display::start(&[]);
        let _idle = display.connect();
        let began = Instant::now();
        display.process.signal(signal);
        assert_eq!(display.process.wait(DEADLINE), GONE);
        assert!(
            began.elapsed() < Duration::from_secs(2),
            "{:?}",
            began.elapsed()
        );
    }
}

#[test]
fn running_requests_finish_after_a_signal() {
    let mut display = Display::start(&[]);
    let mut stream = display.connect();
    let whole = event(&[], b"late");
    let (now, later) = whole.split_at(whole.len() - 2);
    stream.write_all(now).expect("somebody listens");
    std::thread::sleep(Duration::from_millis(200));
    display.process.signal(Signal::TERM);
    std::thread::sleep(Duration::from_millis(200));
    stream.write_all(later).expect("somebody still listens");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("an answer");
    assert_eq!(Answer::parse(&answer).expect("an answer").status, 200);
    assert_eq!(display.process.wait(DEADLINE), GONE);
    assert!(display.process.stdout().text().ends_with("Data,\n  late\n"));
}

#[test]
fn a_request_that_does_not_finish_is_cut() {
    let mut display = Display::start(&[]);
    let mut stream = display.connect();
    let whole = event(&[], b"never");
    stream
        .write_all(&whole[..whole.len() - 2])
        .expect("somebody listens");
    std::thread::sleep(Duration::from_millis(200));
    display.process.signal(Signal::TERM);
    assert_eq!(display.process.wait(Duration::from_secs(5)), GONE);
    assert!(
        display
            .process
            .stderr()
            .text()
            .contains("Requests were cut off")
    );
}

#[test]
fn a_port_in_use() {
    let display = Display::start(&[]);
    let port = display.address.port().to_string();
    let mut second = binary().env("PORT", &port).start();
    assert_eq!(second.wait(DEADLINE).code, Some(1));
    let message = format!(
        "Error during receiver's runtime: error while opening the inbound connection: \
         listen tcp :{port}: bind: address already in use"
    );
    assert!(
        second.stderr().text().contains(&message),
        "{}",
        second.stderr().text()
    );
}

#[test]
fn a_bad_configuration_ends_it_with_64() {
    let mut process = binary()
        .env("PORT", "http")
        .env("MAX_BODY_BYTES", "1M")
        .start();
    assert_eq!(process.wait(DEADLINE).code, Some(64));
    let text = process.stderr().text();
    assert!(
        text.contains("PORT is \"http\"") && text.contains("MAX_BODY_BYTES is \"1M\""),
        "{text}"
    );
}

#[test]
fn arguments() {
    let run = |args: &[&str]| {
        let mut process = binary().args(args).start();
        (process.wait(DEADLINE).code, process.stdout().text())
    };
    let (code, text) = run(&["--check"]);
    assert_eq!(code, Some(0));
    assert!(
        text.contains("PORT") && text.contains("8080") && text.contains("67108864"),
        "{text}"
    );
    let (code, text) = run(&["--version"]);
    assert!(
        code == Some(0) && text.starts_with("event-display "),
        "{text}"
    );
    let (code, text) = run(&["--help"]);
    assert!(code == Some(0) && text.contains("MAX_BODY_BYTES"), "{text}");
    let other = Display::launch(Display::binary().args(["--nonsense", "word", "check"]));
    assert_eq!(other.post(&[], b"").status, 200);
}

/// A pipe that nobody reads, and its reading end.
fn pipe() -> (io::PipeReader, File) {
    let (reader, writer) = io::pipe().expect("a pipe");
    (reader, File::from(OwnedFd::from(writer)))
}

#[test]
fn a_blocked_stdout_blocks_nothing_else() {
    let (mut reader, writer) = pipe();
    let display = Display::launch(Display::binary().stdout(writer));
    // More than a pipe holds.
    let data = vec![b'x'; 1 << 20];
    let mut waiting = display.connect();
    waiting
        .write_all(&event(&[("content-type", "text/plain")], &data))
        .expect("it is read");
    std::thread::sleep(Duration::from_millis(300));
    let began = Instant::now();
    assert_eq!(
        display.ask(&request("GET", "/healthz", &[], b"")).status,
        204
    );
    assert_eq!(display.ask(&request("GET", "/", &[], b"")).status, 405);
    assert!(
        began.elapsed() < Duration::from_secs(1),
        "{:?}",
        began.elapsed()
    );
    waiting
        .set_read_timeout(Some(Duration::from_millis(200)))
        .expect("a time limit");
    assert!(
        waiting.read(&mut [0]).is_err(),
        "answered before it was printed"
    );

    let mut printed = vec![0; data.len()];
    reader.read_exact(&mut printed).expect("the event");
    waiting
        .set_read_timeout(Some(DEADLINE))
        .expect("a time limit");
    let mut answer = Vec::new();
    waiting.read_to_end(&mut answer).expect("an answer");
    assert_eq!(Answer::parse(&answer).expect("an answer").status, 200);
}

#[test]
fn a_blocked_stdout_does_not_keep_it_from_ending() {
    let (_reader, writer) = pipe();
    let mut display = Display::launch(Display::binary().stdout(writer));
    let mut waiting = display.connect();
    waiting
        .write_all(&event(&[], &vec![b'x'; 1 << 20]))
        .expect("it is read");
    std::thread::sleep(Duration::from_millis(300));
    display.process.signal(Signal::TERM);
    assert_eq!(display.process.wait(Duration::from_secs(5)), GONE);
}

#[test]
fn an_event_that_nobody_can_see_is_refused() {
    let (reader, closed) = pipe();
    drop(reader);
    let full = fs::OpenOptions::new()
        .write(true)
        .open("/dev/full")
        .expect("a full device");
    for (stdout, reason) in [(closed, "Broken pipe"), (full, "No space left on device")] {
        let mut display = Display::launch(Display::binary().stdout(stdout));
        let answer = display.post(&[("ce-id", "A7")], b"x");
        assert_eq!((answer.status, &*answer.body), (500, &b""[..]));
        let line = display
            .process
            .stderr()
            .line_with("An event could not be printed.", DEADLINE);
        assert!(
            line.contains(reason) && line.contains("event_id=A7"),
            "{line}"
        );
        assert!(line.contains("level=error"), "{line}");
        assert_eq!(
            display.ask(&request("GET", "/healthz", &[], b"")).status,
            204
        );
        display.process.signal(Signal::TERM);
        assert_eq!(display.process.wait(DEADLINE), GONE);
    }
}

#[test]
fn both_ip_versions_are_listened_on() {
    let display = Display::start(&[]);
    let six = ("::1", display.address.port());
    if std::net::TcpListener::bind("[::1]:0").is_err() {
        return testkit::skip(
            "both_ip_versions_are_listened_on",
            "no IPv6 on this machine",
        );
    }
    assert!(testkit::get(six, "/healthz").is_ok_and(|reply| reply.status == 204));
}

#[test]
fn every_event_is_printed_whole_and_once() {
    const CONNECTIONS: usize = 32;
    const EVENTS: usize = 200;
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("stdout");
    let file = File::create(&path).expect("a file");
    let display = Display::launch(Display::binary().stdout(file));
    std::thread::scope(|scope| {
        for connection in 0..CONNECTIONS {
            let display = &display;
            scope.spawn(move || {
                let mut stream = display.connect();
                for number in 0..EVENTS {
                    let id = format!("{connection}-{number}");
                    let data = format!("<{id} {}>", "x".repeat(number * 31 % 5000));
                    let wire = String::from_utf8(event(&[("ce-id", &id)], data.as_bytes()));
                    let wire = wire.expect("text").replace("Connection: close\r\n", "");
                    stream.write_all(wire.as_bytes()).expect("somebody listens");
                    let mut answer = [0; 512];
                    let count = stream.read(&mut answer).expect("an answer");
                    assert!(answer[..count].starts_with(b"HTTP/1.1 200 OK"));
                }
            });
        }
    });
    let text = fs::read_to_string(&path).expect("the output");
    let events: Vec<_> = text
        .split("\u{2601}\u{fe0f}  cloudevents.Event\n")
        .skip(1)
        .collect();
    let mut ids: Vec<_> = events
        .iter()
        .map(|event| {
            let id = event
                .lines()
                .find_map(|line| line.strip_prefix("  id: "))
                .expect("an id");
            let data = event.split_once("Data,\n  <").expect("data").1;
            let rest = data.strip_prefix(id).expect("its own data");
            assert!(rest.trim_start_matches([' ', 'x']) == ">\n", "{event}");
            id
        })
        .collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(
        (events.len(), ids.len()),
        (CONNECTIONS * EVENTS, CONNECTIONS * EVENTS)
    );
}

#[test]
fn ten_thousand_silent_half_sent_and_idle_connections_cost_under_100_mb() {
    const CONNECTIONS: usize = 10_000;
    if open_files() < CONNECTIONS + 500 {
        let why = "fewer than 10500 open files allowed; try `ulimit -n 20000`";
        return testkit::skip("ten_thousand_silent_half_sent_and_idle_connections", why);
    }
    let display = Display::start(&[]);
    let whole = String::from_utf8(event(&[], b"idle")).expect("text");
    let whole = whole.replace("Connection: close\r\n", "");
    let half_head = &whole[..whole.len() / 2];
    let half_body = &whole[..whole.len() - 1];
    let mut open = Vec::new();
    for part in ["", half_head, half_body, &whole]
        .iter()
        .cycle()
        .take(CONNECTIONS)
    {
        let mut stream = display.connect();
        stream.write_all(part.as_bytes()).expect("somebody listens");
        if *part == whole {
            let count = stream.read(&mut [0; 512]).expect("an answer");
            assert!(count > 0);
        }
        open.push(stream);
    }
    eventually("all of them accepted", DEADLINE, || {
        (display.process.descriptors() > CONNECTIONS).then_some(())
    });
    let resident = display.process.resident();
    assert!(resident < 100 << 20, "{resident} bytes");
    assert_eq!(display.post(&[], b"").status, 200);
}

/// How many files this process and its children may open.
fn open_files() -> usize {
    let limits = fs::read_to_string("/proc/self/limits").expect("the limits of this process");
    let line = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"));
    let soft = line
        .and_then(|line| line.split_whitespace().next())
        .expect("a number");
    soft.parse().unwrap_or(usize::MAX)
}
