//! The recording sink, seen by a client that sends exact bytes.

use std::io::ErrorKind;
use std::time::{Duration, Instant};

use testkit::{Answer, Identity, Sink, exchange, get};

const SOON: Duration = Duration::from_secs(5);
const POST: &[u8] =
    b"POST /a?b=c HTTP/1.1\r\nHost: h\r\nCe-Id: 1\r\nCe-Id: 2\r\nContent-Length: 2\r\n\r\nhi";

#[test]
fn goes_through_its_script_and_repeats_the_last_answer() {
    let sink = Sink::start([
        Answer::status(503).header("Retry-After", "1").body("busy"),
        Answer::status(202),
    ]);
    let first = exchange(sink.address(), POST).unwrap();
    assert_eq!((first.status, first.text().as_str()), (503, "busy"));
    assert_eq!(first.headers.get("retry-after").as_deref(), Some("1"));
    for _ in 0..2 {
        assert_eq!(exchange(sink.address(), POST).unwrap().status, 202);
    }
    let requests = sink.wait_for(3, SOON);
    assert_eq!(requests[0].headers.all("ce-id"), ["1", "2"]);
    assert_eq!(
        (requests[2].path.as_str(), requests[2].text()),
        ("/a?b=c", "hi")
    );
    assert_eq!((requests[2].connection, sink.connections()), (2, 3));
    assert!(requests[0].at < requests[2].at);
}

#[test]
fn breaks_connections_as_told() {
    let sink = Sink::start([Answer::close(), Answer::reset()]);
    let closed = exchange(sink.address(), POST).unwrap_err();
    assert_eq!(closed.kind(), ErrorKind::UnexpectedEof);
    let reset = exchange(sink.address(), POST).unwrap_err();
    assert_eq!(reset.kind(), ErrorKind::ConnectionReset);
    assert_eq!(sink.requests().len(), 2);
}

#[test]
fn hangs_until_dropped_and_then_frees_its_port() {
    let sink = Sink::start([Answer::hang()]);
    let address = sink.address();
    let waiting = std::thread::spawn(move || exchange(address, POST));
    sink.wait_for(1, SOON);
    assert!(!waiting.is_finished());
    drop(sink);
    assert!(waiting.join().unwrap().is_err());
    assert!(Sink::at(address, [Answer::status(200)]).is_ok());
}

#[test]
fn answers_late_and_by_looking_at_the_request() {
    let sink = Sink::answering(|request, number| match request.path.as_str() {
        "/slow" => Answer::status(200).after(Duration::from_millis(200)),
        _ => Answer::status(404).body(number.to_string()),
    });
    let before = Instant::now();
    assert_eq!(get(sink.address(), "/slow").unwrap().status, 200);
    assert!(before.elapsed() >= Duration::from_millis(200));
    assert_eq!(get(sink.address(), "/other").unwrap().text(), "1");
}

#[test]
fn a_tls_sink_is_no_plain_one() {
    let sink = Sink::tls(Identity::self_signed(&["127.0.0.1"]), [Answer::status(200)]);
    assert!(sink.url().starts_with("https://127.0.0.1:"));
    assert!(exchange(sink.address(), POST).is_err());
    assert!(sink.requests().is_empty());
}
