//! Delivery against a real socket: the vectors V1 and V13 to V19 of `adapter-runtime.md`, and what
//! we do better (8.1 to 8.3, 8.9).

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use adapter::deliver::{Courier, Reason, Undelivered};
use adapter::retry::{Backoff, Budget};
use adapter::sink::{DEFAULT_TIMEOUT, Sink, SinkUrl, SinkUrlError};
use adapter::tls::{self, Trust};
use adapter::token::{NoToken, Token, TokenError, TokenSource};
use adapter::wire::{Message, encode};
use cloudevents::{EventBuilder, EventBuilderV10};
use futures::future::BoxFuture;
use testkit::{Answer, Request, Sink as Recorder};
use tokio_util::sync::CancellationToken;

const NOW: Budget = Budget::retry_for(Duration::ZERO);
const FIVE_WAITS: Budget = Budget::retry_for(Duration::from_millis(3_200));

fn message() -> Message {
    let event = EventBuilderV10::new()
        .id("id-1")
        .source("/src")
        .ty("t.y.p.e")
        .time("2026-01-02T03:04:05Z")
        .data("application/json", br#"{"k":"v"}"#.to_vec());
    encode(event.build().expect("every required attribute")).expect("legal values")
}

fn sink_with(url: &str, timeout: Duration) -> Sink {
    let url = SinkUrl::parse(url).expect("a sink's URL");
    let tls = Trust::new(tls::Settings::default(), None).client_config(None);
    Sink::new(url, timeout, tls).expect("a client")
}

fn courier(url: &str) -> Courier {
    courier_of(sink_with(url, DEFAULT_TIMEOUT))
}

fn courier_of(sink: Sink) -> Courier {
    Courier::new(
        Ok(sink),
        Backoff::STANDARD,
        Arc::new(NoToken),
        CancellationToken::new(),
    )
}

/// The same bytes in every attempt, whatever the order of headers.
fn assert_identical(requests: &[Request]) {
    for request in requests {
        assert_eq!(request.method, "POST");
        assert_eq!(request.headers.get("ce-id").as_deref(), Some("id-1"));
        assert_eq!(
            request.headers.get("ce-time").as_deref(),
            Some("2026-01-02T03:04:05Z")
        );
        assert_eq!(request.body, br#"{"k":"v"}"#);
        assert_eq!(request.headers, requests[0].headers);
    }
}

#[tokio::test]
async fn one_event_is_one_plain_request() {
    let recorder = Recorder::start([Answer::status(202)]);
    courier(&recorder.url())
        .deliver(&message(), NOW)
        .await
        .unwrap();
    let requests = recorder.requests();
    assert_eq!(requests.len(), 1);
    let request = &requests[0];
    assert_eq!(
        (request.method.as_str(), request.path.as_str()),
        ("POST", "/")
    );
    assert_eq!(request.headers.get("content-length").as_deref(), Some("9"));
    assert_eq!(
        request.headers.get("content-type").as_deref(),
        Some("application/json")
    );
    for absent in [
        "authorization",
        "traceparent",
        "transfer-encoding",
        "expect",
    ] {
        assert_eq!(request.headers.get(absent), None, "{absent}");
    }
}

#[tokio::test]
async fn path_and_query_go_out_as_given_and_the_fragment_stays() {
    let recorder = Recorder::start([Answer::status(200)]);
    let url = format!("  {}/a/b%20c?x=1&y=a%2Fb#frag  ", recorder.url());
    courier(&url).deliver(&message(), NOW).await.unwrap();
    assert_eq!(recorder.requests()[0].path, "/a/b%20c?x=1&y=a%2Fb");
}

#[tokio::test]
async fn user_information_becomes_basic_authorization_and_is_never_shown() {
    let recorder = Recorder::start([Answer::status(200)]);
    let url = recorder.url().replace("http://", "http://us%20er:p%40ss@");
    courier(&url).deliver(&message(), NOW).await.unwrap();
    // base64 of "us er:p@ss"
    let request = &recorder.requests()[0];
    assert_eq!(
        request.headers.get("authorization").as_deref(),
        Some("Basic dXMgZXI6cEBzcw==")
    );
    assert!(!SinkUrl::parse(&url).unwrap().to_string().contains("p%40ss"));
}

#[tokio::test]
async fn a_dead_sink_gets_six_attempts_with_the_contracts_waits() {
    let recorder = Recorder::start([Answer::status(503)]);
    let started = Instant::now();
    let failure = courier(&recorder.url())
        .deliver(&message(), FIVE_WAITS)
        .await
        .unwrap_err();
    assert_eq!(failure.reason, Reason::Exhausted);
    let requests = recorder.requests();
    // The budget of 3.2 s is spent with one more attempt at its end.
    assert_eq!((requests.len(), failure.attempts), (7, 7));
    assert_identical(&requests);
    assert_eq!(recorder.connections(), 1);
    for (pair, wait) in requests.windows(2).zip([100, 200, 400, 800, 1600]) {
        let gap = (pair[1].at - pair[0].at).as_millis();
        assert!(
            gap >= wait && gap < wait + wait / 5 + 150,
            "{gap} ms instead of {wait}"
        );
    }
    assert!(started.elapsed() < Duration::from_secs(6));
}

#[tokio::test]
async fn passing_failures_are_retried() {
    for script in [
        vec![
            Answer::status(503),
            Answer::status(429),
            Answer::status(202),
        ],
        vec![
            Answer::status(500),
            Answer::status(408),
            Answer::status(202),
        ],
        vec![Answer::close(), Answer::close(), Answer::status(202)],
        vec![Answer::reset(), Answer::status(404), Answer::status(200)],
    ] {
        let recorder = Recorder::start(script);
        courier(&recorder.url())
            .deliver(&message(), FIVE_WAITS)
            .await
            .unwrap();
        assert_eq!(recorder.requests().len(), 3);
        assert_identical(&recorder.requests());
    }
}

#[tokio::test]
async fn final_answers_end_the_send_at_once() {
    for status in [302, 303, 304, 400, 401, 403, 405, 415] {
        let recorder = Recorder::start([Answer::status(status).header("Location", "/other")]);
        let failure = courier(&recorder.url())
            .deliver(&message(), FIVE_WAITS)
            .await
            .unwrap_err();
        assert_eq!(
            (failure.reason, failure.attempts),
            (Reason::Refused, 1),
            "{status}"
        );
        assert_eq!(failure.status.map(|s| s.as_u16()), Some(status));
        assert_eq!(recorder.requests().len(), 1, "{status}");
    }
}

#[tokio::test]
async fn a_closed_port_fails_without_waiting_when_there_is_no_budget() {
    let url = format!("http://127.0.0.1:{}", testkit::free_port());
    let failure = courier(&url).deliver(&message(), NOW).await.unwrap_err();
    assert_eq!(
        (failure.reason, failure.attempts, failure.status),
        (Reason::Exhausted, 1, None)
    );
    assert!(failure.last.contains("refused"), "{failure}");
    assert!(!failure.last.contains("127.0.0.1:0"), "{failure}");
}

#[tokio::test]
async fn redirects_repeat_the_post_up_to_ten_times() {
    for status in [307, 308] {
        let recorder = Recorder::start([
            Answer::status(status).header("Location", "/other"),
            Answer::status(200),
        ]);
        courier(&recorder.url())
            .deliver(&message(), NOW)
            .await
            .unwrap();
        let requests = recorder.requests();
        assert_eq!(requests[1].path, "/other");
        assert_eq!(
            (requests[1].method.as_str(), &requests[1].body),
            ("POST", &requests[0].body)
        );
        assert_eq!(requests[1].headers.get("ce-id").as_deref(), Some("id-1"));
    }
    let recorder = Recorder::start([Answer::status(307).header("Location", "/again")]);
    let failure = courier(&recorder.url())
        .deliver(&message(), NOW)
        .await
        .unwrap_err();
    assert_eq!(recorder.requests().len(), 11);
    assert_eq!(failure.status, None);
}

#[tokio::test]
async fn a_slow_sink_runs_into_the_time_limit_of_an_attempt() {
    let recorder = Recorder::start([Answer::status(202).after(Duration::from_secs(3))]);
    let courier = courier_of(sink_with(&recorder.url(), Duration::from_millis(300)));
    let started = Instant::now();
    let failure = courier.deliver(&message(), NOW).await.unwrap_err();
    assert_eq!(failure.reason, Reason::Exhausted);
    assert!(
        started.elapsed() < Duration::from_secs(2),
        "{:?}",
        started.elapsed()
    );
}

#[tokio::test]
async fn the_total_budget_cuts_a_running_attempt() {
    let recorder = Recorder::start([Answer::hang()]);
    let budget = Budget {
        retry: Duration::from_secs(9),
        total: Some(Duration::from_millis(300)),
    };
    let started = Instant::now();
    let failure = courier(&recorder.url())
        .deliver(&message(), budget)
        .await
        .unwrap_err();
    assert_eq!(failure.reason, Reason::Exhausted);
    assert!(started.elapsed() < Duration::from_secs(2));
}

#[tokio::test]
async fn retry_after_is_obeyed() {
    let recorder = Recorder::start([
        Answer::status(503).header("Retry-After", "1"),
        Answer::status(202),
    ]);
    let started = Instant::now();
    courier(&recorder.url())
        .deliver(&message(), FIVE_WAITS)
        .await
        .unwrap();
    assert!(started.elapsed() >= Duration::from_secs(1));
}

#[tokio::test]
async fn a_body_that_never_ends_does_not_hold_up_a_delivered_event() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        assert_ne!(stream.read(&mut [0; 4096]).unwrap(), 0);
        stream
            .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\nstart")
            .unwrap();
        // Holds the connection open until the client gives up on it.
        let _ = std::io::copy(&mut stream, &mut std::io::sink());
    });
    let started = Instant::now();
    courier(&url).deliver(&message(), NOW).await.unwrap();
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn the_end_of_the_grace_gives_up_what_is_in_flight() {
    let recorder = Recorder::start([Answer::hang()]);
    let cut = CancellationToken::new();
    let sink = sink_with(&recorder.url(), DEFAULT_TIMEOUT);
    let courier = Courier::new(Ok(sink), Backoff::STANDARD, Arc::new(NoToken), cut.clone());
    let canceller = tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(100)).await;
        cut.cancel();
    });
    let Undelivered {
        reason, attempts, ..
    } = courier.deliver(&message(), FIVE_WAITS).await.unwrap_err();
    assert_eq!((reason, attempts), (Reason::Stopped, 1));
    canceller.await.unwrap();
}

#[tokio::test]
async fn without_a_sink_nothing_is_sent() {
    let courier = Courier::new(
        Err(SinkUrlError::Missing),
        Backoff::STANDARD,
        Arc::new(NoToken),
        CancellationToken::new(),
    );
    let failure = courier.deliver(&message(), FIVE_WAITS).await.unwrap_err();
    assert_eq!((failure.reason, failure.attempts), (Reason::Unsendable, 0));
    assert!(failure.last.contains("no sink"), "{failure}");
}

/// Gives `tok-1` until it is refused, then `tok-2`.
#[derive(Default)]
struct Rotating(AtomicUsize);

impl TokenSource for Rotating {
    fn token(&self) -> BoxFuture<'_, Result<Option<Token>, TokenError>> {
        let number = self.0.load(Ordering::Relaxed) + 1;
        Box::pin(async move { Token::bearer(&format!("tok-{number}")).map(Some) })
    }

    fn refused(&self, _token: &Token) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[tokio::test]
async fn a_refused_token_is_renewed_once() {
    let recorder = Recorder::answering(|request, _| {
        let good = request.headers.get("authorization").as_deref() == Some("Bearer tok-2");
        Answer::status(if good { 202 } else { 401 })
    });
    let sink = sink_with(&recorder.url(), DEFAULT_TIMEOUT);
    let token = Arc::new(Rotating::default());
    let courier = Courier::new(Ok(sink), Backoff::STANDARD, token, CancellationToken::new());
    courier.deliver(&message(), NOW).await.unwrap();
    assert_eq!(recorder.requests().len(), 2);
}

#[test]
fn what_can_be_a_sink() {
    let error = |text: &str| SinkUrl::parse(text).unwrap_err();
    assert_eq!(error(" \t"), SinkUrlError::Missing);
    for text in [
        "localhost:8080",
        "ftp://h/",
        "/path",
        "http:///path",
        "http://",
    ] {
        assert_eq!(error(text), SinkUrlError::Unusable, "{text}");
    }
    for text in ["http://%zz", "http://a b/", "http://[::1", "10.0.0.1:80"] {
        assert!(matches!(error(text), SinkUrlError::Unparsable(_)), "{text}");
    }
    assert!(
        SinkUrl::parse("HTTPS://sink.default.svc/x")
            .unwrap()
            .is_https()
    );
}
