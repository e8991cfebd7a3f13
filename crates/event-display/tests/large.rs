//! Many large bodies at once: few of them are in memory, and nobody waits long for a sender who has
//! stopped in the middle.

mod support;

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::thread;
use std::time::{Duration, Instant};

use support::{Answer, DEADLINE, Display, event, request};
use testkit::eventually;

/// Together with the next one more than there is room for at once.
const SENDERS: usize = 30;
const LARGE: usize = 1 << 20;
/// As much as there is room for.
const ALL_ROOM: usize = 16 << 20;
/// Less than a place is kept for a sender who has stopped.
const SHORT: Duration = Duration::from_millis(800);

#[test]
fn a_sender_who_stops_in_the_middle_holds_up_nobody_for_long() {
    let mut display = Display::start(&[]);
    let whole = event(&[("ce-id", "stalled")], &vec![b's'; ALL_ROOM]);
    let (begin, end) = whole.split_at(64 << 10);
    let mut stalled = display.connect();
    stalled.write_all(begin).expect("somebody listens");
    let json = [("content-type", "application/json")];
    let data = format!("[{}\"end\"]", "\"some text\",".repeat(LARGE / 12));
    thread::scope(|scope| {
        for _ in 0..SENDERS {
            scope.spawn(|| assert_eq!(display.post(&json, data.as_bytes()).status, 200));
        }
        for _ in 0..5 {
            let began = Instant::now();
            let health = display.ask(&request("GET", "/healthz", &[], b""));
            let small = display.post(&[("ce-id", "small")], &[b'x'; 1000]);
            assert_eq!((health.status, small.status), (204, 200));
            assert!(began.elapsed() < SHORT, "{:?}", began.elapsed());
            thread::sleep(Duration::from_millis(50));
        }
    });
    stalled.write_all(end).expect("somebody still listens");
    let mut answer = Vec::new();
    stalled.read_to_end(&mut answer).expect("an answer");
    assert_eq!(Answer::parse(&answer).map(|a| a.status), Some(200));
    let printed = String::from_utf8(display.printed_until(b"sss\n")).expect("text");
    let count = |what: &str| printed.matches(what).count();
    assert_eq!(count("    \"end\"\n  ]\n"), SENDERS);
    assert_eq!((count("  id: small\n"), count("  id: stalled\n")), (5, 1));
}

#[test]
fn while_stdout_is_blocked_most_bodies_stay_with_their_senders() {
    let (mut reader, writer) = io::pipe().expect("a pipe");
    let display = Display::launch(Display::binary().stdout(File::from(OwnedFd::from(writer))));
    let before = display.process.resident();
    let taken = || display.process.resident().saturating_sub(before);
    let data = vec![b'x'; 3 * LARGE];
    thread::scope(|scope| {
        for _ in 0..SENDERS {
            let wire = event(&[("content-type", "text/plain")], &data);
            let display = &display;
            scope.spawn(move || assert_eq!(display.ask(&wire).status, 200));
        }
        eventually("the room is full", DEADLINE, || {
            (taken() > 12 << 20).then_some(())
        });
        thread::sleep(Duration::from_secs(1));
        let taken = taken();
        // Not on this thread: it ends with the program.
        thread::spawn(move || io::copy(&mut reader, &mut io::sink()));
        // Beside what is in its place, some has arrived of all the others.
        let all = SENDERS * data.len();
        assert!(taken < 48 << 20, "{taken} of {all} bytes are in memory");
    });
}
