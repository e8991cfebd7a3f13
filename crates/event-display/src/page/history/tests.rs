use http::{Request, StatusCode};

use super::*;
use crate::refusal::Refusal;

fn history(events: usize, bytes: usize) -> History {
    History::new(Bounds {
        events: events.try_into().expect("not zero"),
        bytes: bytes.try_into().expect("not zero"),
    })
}

fn push(history: &History, id: &str, body: &[u8]) {
    let request = Request::post("/x?y")
        .header("ce-id", id)
        .header("Authorization", "Bearer s");
    let (parts, ()) = request.body(()).expect("a request").into_parts();
    let recorded = Recorded::new(&parts, &body.to_vec().into(), history.room());
    let seen = Seen::new([b"t", b"/s", id.as_bytes()], body.len());
    history.push(recorded, Outcome::Printed(seen));
}

fn numbers(piece: &Piece) -> Vec<u64> {
    piece.entries.iter().map(|entry| entry.seq()).collect()
}

#[test]
fn it_reads_on_from_a_number() {
    let history = history(10, 1 << 20);
    assert!(numbers(&history.after(0, 5)).is_empty());
    assert_eq!(history.ends(), (0, 0));
    for n in 1..=7 {
        push(&history, &n.to_string(), b"");
    }
    assert_eq!(numbers(&history.after(0, 3)), [1, 2, 3]);
    assert_eq!(numbers(&history.after(3, 100)), [4, 5, 6, 7]);
    assert!(numbers(&history.after(7, 100)).is_empty());
    assert!(numbers(&history.after(u64::MAX, 100)).is_empty());
    assert_eq!(history.ends(), (0, 7));
}

#[test]
fn the_oldest_go_and_are_counted_as_missed() {
    let history = history(3, 1 << 20);
    for n in 1..=10 {
        push(&history, &n.to_string(), b"");
    }
    let piece = history.after(0, 100);
    assert_eq!((numbers(&piece), piece.missed), (vec![8, 9, 10], 7));
    let piece = history.after(8, 100);
    assert_eq!((numbers(&piece), piece.missed), (vec![9, 10], 0));
    assert!(history.get(7).is_none());
    assert_eq!(history.get(8).map(|entry| entry.seq()), Some(8));
    assert!(history.get(11).is_none() && history.get(0).is_none());
}

#[test]
fn bytes_are_bounded_whatever_comes() {
    let bound = 100_000;
    let history = history(1_000_000, bound);
    for size in [0, 10, 1000, 24_000, 26_000, 1 << 20, 5, 90_000] {
        for n in 0..50 {
            push(&history, &n.to_string(), &vec![b'x'; size]);
            let (events, bytes) = history.stats(|_, events, bytes| (events, bytes));
            assert!(
                bytes <= bound && events > 0,
                "{events} with {bytes} of {size}"
            );
        }
    }
    // No body fits, and nothing breaks.
    let tiny = self::history(10, 1);
    push(&tiny, "1", b"x");
    assert_eq!(tiny.stats(|_, events, bytes| (events, bytes)), (0, 0));
    assert_eq!(tiny.after(0, 10).missed, 1);
}

#[test]
fn of_a_long_body_the_beginning_is_kept() {
    let history = history(10, 1 << 20);
    push(&history, "1", &vec![b'x'; 200_000]);
    push(&history, "2", &vec![b'x'; 300_000]);
    let whole = history.get(1).expect("kept");
    assert!(whole.is_whole() && whole.body().len() == 200_000);
    let cut = history.get(2).expect("kept");
    assert!(!cut.is_whole() && cut.body().len() == 65_536 && cut.body_size() == 300_000);
}

#[test]
fn of_a_long_target_the_beginning_is_kept() {
    let history = history(10, 4096);
    let request = Request::post(format!("/{}", "x".repeat(600)));
    let (parts, ()) = request.body(()).expect("a request").into_parts();
    let recorded = Recorded::new(&parts, &bytes::Bytes::new(), history.room());
    let refusal = Refusal::Http(StatusCode::BAD_REQUEST, "no");
    history.push(recorded, Outcome::Refused(refusal));
    let cut = history.get(1).expect("kept");
    assert!(!cut.is_whole() && cut.head().len() < 600);
}

#[test]
fn the_head_comes_back_without_secrets() {
    let history = history(10, 1 << 20);
    push(&history, "a: b", b"body");
    let entry = history.get(1).expect("kept");
    let head = "POST /x?y HTTP/1.1\r\nce-id: a: b\r\nauthorization: (hidden)\r\n\r\n";
    assert_eq!(String::from_utf8_lossy(entry.head()), head);
    assert_eq!(entry.headers()["ce-id"], "a: b");
    assert_eq!(entry.body(), "body");
}

#[test]
fn repeats_are_told_as_long_as_the_first_is_kept() {
    let history = history(3, 1 << 20);
    for id in ["a", "b", "a", "c", "c", "b"] {
        push(&history, id, b"");
    }
    let repeats = |seq| history.get(seq).expect("kept").repeats();
    // The first `b` was gone when the second came.
    assert_eq!((repeats(4), repeats(5), repeats(6)), (None, Some(4), None));
}

#[test]
fn refused_requests_are_no_repeats() {
    let history = history(3, 1 << 20);
    for _ in 0..2 {
        let (parts, ()) = Request::new(()).into_parts();
        let recorded = Recorded::new(&parts, &bytes::Bytes::new(), history.room());
        let refusal = Refusal::Http(StatusCode::BAD_REQUEST, "no");
        history.push(recorded, Outcome::Refused(refusal));
    }
    assert_eq!(history.get(2).expect("kept").repeats(), None);
}

#[test]
fn keys_name_the_run() {
    let epoch = Epoch(0x00ab_cdef);
    assert_eq!(epoch.key(17), "00abcdef-17");
    assert_eq!(epoch.seq("00abcdef-17"), Some(17));
    assert_eq!(epoch.seq("11abcdef-17"), Some(0));
    for wrong in ["", "17", "00abcdef-", "x-1", "00abcdef-x"] {
        assert_eq!(epoch.seq(wrong), None, "{wrong}");
    }
}
