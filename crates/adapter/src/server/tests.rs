//! Against real sockets, with limits short enough to wait for.

use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::extract::Extension;
use axum::routing::{any, get};
use http::StatusCode;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

use super::*;

const DEADLINE: Duration = Duration::from_secs(20);
const SHORT: Duration = Duration::from_millis(300);

/// A running server and the way to stop it.
struct Running {
    address: SocketAddr,
    shutdown: Shutdown,
    cut: JoinHandle<usize>,
}

impl Running {
    fn start(limits: Limits) -> Self {
        let router = Router::new()
            .route(
                "/",
                any(async |request: Request<axum::body::Body>| {
                    let body = read_body(request.into_body(), 10).await;
                    body.map_err(|error| (StatusCode::PAYLOAD_TOO_LARGE, error.to_string()))
                }),
            )
            .route("/early", any(async || StatusCode::METHOD_NOT_ALLOWED))
            .route(
                "/panic",
                get(async || -> StatusCode { panic!("on purpose") }),
            )
            .route(
                "/peer",
                get(async |Extension(Peer(peer))| peer.ip().to_string()),
            )
            .route("/slow", get(async || tokio::time::sleep(SHORT).await))
            .route("/stuck", get(std::future::pending::<StatusCode>));
        Self::serve(router, limits)
    }

    fn serve(router: Router, limits: Limits) -> Self {
        let listener = bind(everywhere(0)).expect("a free port");
        let port = listener.local_addr().expect("its address").port();
        let shutdown = Shutdown::default();
        let stop = shutdown.clone();
        let cut = tokio::spawn(async move { serve(listener, router, limits, &stop).await });
        Self {
            address: SocketAddr::from(([127, 0, 0, 1], port)),
            shutdown,
            cut,
        }
    }

    async fn connect(&self) -> Client {
        Client::new(
            TcpStream::connect(self.address)
                .await
                .expect("a connection"),
        )
    }

    async fn cut(self) -> usize {
        timeout(DEADLINE, self.cut)
            .await
            .expect("the server ends")
            .expect("without a panic")
    }
}

struct Client(TcpStream, Vec<u8>);

impl Client {
    fn new(stream: TcpStream) -> Self {
        Self(stream, Vec::new())
    }

    async fn send(&mut self, text: &str) {
        self.0
            .write_all(text.as_bytes())
            .await
            .expect("the server listens");
    }

    /// The next answer, body included; every answer here names its length or has no body.
    async fn answer(&mut self) -> String {
        let read = async {
            loop {
                if let Some(end) = end_of_answer(&self.1) {
                    return self.1.drain(..end).collect();
                }
                if self.0.read_buf(&mut self.1).await.unwrap_or(0) == 0 {
                    return std::mem::take(&mut self.1);
                }
            }
        };
        let answer = timeout(DEADLINE, read).await.expect("an answer");
        String::from_utf8(answer).expect("text")
    }

    async fn ask(&mut self, text: &str) -> String {
        self.send(text).await;
        self.answer().await
    }

    /// How long it takes until the server closes the connection.
    async fn closed(&mut self) -> Duration {
        let began = Instant::now();
        let mut rest = Vec::new();
        // A reset is an end, too.
        let _ = timeout(DEADLINE, self.0.read_to_end(&mut rest))
            .await
            .expect("the end");
        began.elapsed()
    }
}

fn end_of_answer(text: &[u8]) -> Option<usize> {
    let text = String::from_utf8_lossy(text).to_ascii_lowercase();
    let (head, body) = text.split_once("\r\n\r\n")?;
    let length = head
        .split_once("content-length: ")
        .and_then(|(_, rest)| rest.lines().next());
    let length: usize = length.map_or(Ok(0), str::parse).expect("a number");
    (body.len() >= length).then_some(head.len() + 4 + length)
}

fn short() -> Limits {
    Limits {
        idle: SHORT,
        stall: SHORT,
        ..Limits::default()
    }
}

#[tokio::test]
async fn answers_on_one_connection() {
    let server = Running::start(Limits::default());
    let mut client = server.connect().await;
    let posted = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello";
    for _ in 0..3 {
        assert!(client.ask(posted).await.ends_with("\r\n\r\nhello"));
    }
    assert!(
        client
            .ask("GET /peer HTTP/1.1\r\nHost: x\r\n\r\n")
            .await
            .ends_with("127.0.0.1")
    );
    client.send(&posted.repeat(2)).await;
    let both = client.answer().await + &client.answer().await;
    assert_eq!(both.matches("200 OK").count(), 2);
}

#[tokio::test]
async fn both_ip_versions() {
    let server = Running::start(Limits::default());
    let six = SocketAddr::from((std::net::Ipv6Addr::LOCALHOST, server.address.port()));
    let Ok(stream) = TcpStream::connect(six).await else {
        return;
    };
    assert!(
        Client::new(stream)
            .ask("GET /peer HTTP/1.1\r\nHost: x\r\n\r\n")
            .await
            .ends_with("::1")
    );
}

#[tokio::test]
async fn an_address_in_use_reads_like_go() {
    let first = bind(everywhere(0)).expect("a free port");
    let port = first.local_addr().expect("its address").port();
    let error = bind(everywhere(port)).expect_err("taken");
    assert_eq!(
        error.to_string(),
        format!("listen tcp :{port}: bind: address already in use")
    );
}

#[tokio::test]
async fn silent_half_sent_and_idle_connections_are_closed() {
    let server = Running::start(short());
    let parts = [
        "",
        "POST / HT",
        "POST / HTTP/1.1\r\nHost: x\r\n",
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhel",
        "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",
    ];
    for part in parts {
        let mut client = server.connect().await;
        client.send(part).await;
        let took = client.closed().await;
        assert!(took >= SHORT && took < DEADLINE / 2, "{part:?}: {took:?}");
    }
    let mut client = server.connect().await;
    client.ask("GET /peer HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert!(client.closed().await >= SHORT);
}

#[tokio::test]
async fn a_small_body_has_the_limit_of_a_body() {
    let server = Running::start(Limits {
        stall: SHORT,
        ..Limits::default()
    });
    let mut client = server.connect().await;
    client
        .send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhe")
        .await;
    tokio::time::sleep(SHORT * 2 / 3).await;
    client.send("ll").await;
    assert!(client.closed().await >= SHORT / 2);
}

#[tokio::test]
async fn a_head_that_drips_is_cut_off_in_total() {
    let server = Running::start(Limits {
        stall: DEADLINE,
        ..short()
    });
    let mut client = server.connect().await;
    let began = Instant::now();
    client.send("GET / HTTP/1.1\r\n").await;
    while client.0.write_all(b"a").await.is_ok() {
        assert!(began.elapsed() < DEADLINE, "still open");
        tokio::time::sleep(SHORT / 10).await;
    }
}

#[tokio::test]
async fn an_idle_connection_is_taken_back_and_used_again() {
    let server = Running::start(Limits::default());
    let mut client = server.connect().await;
    for _ in 0..2 {
        assert!(
            client
                .ask("GET /peer HTTP/1.1\r\nHost: x\r\n\r\n")
                .await
                .contains("200 OK")
        );
        // Longer than two looks at an idle connection.
        tokio::time::sleep(Duration::from_millis(4500)).await;
    }
    assert!(
        client
            .ask("GET /early HTTP/1.1\r\nHost: x\r\n\r\n")
            .await
            .contains("405")
    );
}

#[tokio::test]
async fn the_start_of_a_next_request_is_not_lost() {
    let server = Running::start(Limits::default());
    let mut client = server.connect().await;
    // The second head begins in the packet of the first, and ends after the connection was idle.
    client
        .send("GET /early HTTP/1.1\r\nHost: x\r\n\r\nGET /peer HT")
        .await;
    assert!(client.answer().await.contains(" 405 "));
    tokio::time::sleep(Duration::from_millis(4500)).await;
    client.send("TP/1.1\r\nHost: x\r\n\r\n").await;
    assert!(client.answer().await.ends_with("127.0.0.1"));
}

#[tokio::test]
async fn a_reader_that_takes_nothing_is_cut_off() {
    let huge = Router::new().route("/", get(async || vec![b'x'; 64 << 20]));
    let server = Running::serve(huge, short());
    let mut client = server.connect().await;
    client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n").await;
    tokio::time::sleep(SHORT * 4).await;
    let mut taken = Vec::new();
    let _ = timeout(DEADLINE, client.0.read_to_end(&mut taken))
        .await
        .expect("the end");
    assert!(taken.len() < 64 << 20, "the server waited");
}

#[tokio::test]
async fn a_panic_is_an_answer() {
    let server = Running::start(Limits::default());
    let mut client = server.connect().await;
    assert!(
        client
            .ask("GET /panic HTTP/1.1\r\nHost: x\r\n\r\n")
            .await
            .contains(" 500 ")
    );
    assert!(
        client
            .ask("GET /peer HTTP/1.1\r\nHost: x\r\n\r\n")
            .await
            .contains("200 OK")
    );
}

#[tokio::test]
async fn what_is_not_http_is_refused() {
    let server = Running::start(Limits::default());
    let long = format!(
        "GET / HTTP/1.1\r\nHost: x\r\nA: {}\r\n\r\n",
        "a".repeat(1 << 21)
    );
    let table = [
        (
            "POST / HTTP/1.1\r\nHost: x\r\nce-my ext: x\r\n\r\n",
            " 400 ",
        ),
        ("POST / HTTP/1.1\r\nHost: x\r\nA: \u{1}\r\n\r\n", " 400 "),
        ("nonsense\r\n\r\n", " 400 "),
        ("\u{16}\u{3}\u{1}\u{2}", " 400 "),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", " 400 "),
        (&*long, " 431 "),
    ];
    for (text, status) in table {
        let mut client = server.connect().await;
        // The server may have closed before the last byte of a long one was written.
        let _ = client.0.write_all(text.as_bytes()).await;
        let answer = client.answer().await;
        assert!(answer.contains(status), "{answer:?} to {text:.60?}");
        client.closed().await;
    }
}

#[tokio::test]
async fn many_and_long_headers_are_taken() {
    let server = Running::start(Limits::default());
    let many = (0..900)
        .map(|n| format!("h{n}: {n}\r\n"))
        .collect::<Vec<_>>()
        .concat();
    let long = format!("long: {}\r\n", "x".repeat(1 << 20));
    for headers in [many, long] {
        let mut client = server.connect().await;
        let answer = client
            .ask(&format!("GET /peer HTTP/1.1\r\nHost: x\r\n{headers}\r\n"))
            .await;
        assert!(answer.contains("200 OK"), "{answer:?}");
    }
}

#[tokio::test]
async fn an_answer_reaches_a_client_that_is_still_sending() {
    let server = Running::start(Limits::default());
    let mut client = server.connect().await;
    client
        .send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 30000000\r\n\r\n")
        .await;
    let piece = "x".repeat(1_000_000);
    for _ in 0..30 {
        client.send(&piece).await;
    }
    assert!(client.answer().await.contains(" 413 "));
}

#[tokio::test]
async fn a_client_may_close_its_side_and_wait() {
    let server = Running::start(Limits::default());
    let mut client = server.connect().await;
    client
        .send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi")
        .await;
    client.0.shutdown().await.expect("a half-closed connection");
    assert!(client.answer().await.ends_with("hi"));
    assert!(client.closed().await < DEADLINE / 2);
}

#[tokio::test]
async fn a_stop_lets_running_requests_finish() {
    let server = Running::start(Limits::default());
    let (mut slow, mut idle) = (server.connect().await, server.connect().await);
    let (mut parked, mut late) = (server.connect().await, server.connect().await);
    idle.ask("GET /peer HTTP/1.1\r\nHost: x\r\n\r\n").await;
    parked.send("GET / HT").await;
    slow.send("GET /slow HTTP/1.1\r\nHost: x\r\n\r\n").await;
    tokio::time::sleep(SHORT / 3).await;
    // Sent before the stop, read after it.
    late.send("GET /peer HTTP/1.1\r\nHost: x\r\n\r\n").await;
    server.shutdown.stop();
    assert!(slow.answer().await.contains("200 OK"));
    assert!(late.answer().await.contains("200 OK"));
    for client in [&mut slow, &mut idle, &mut parked, &mut late] {
        assert!(client.closed().await < DEADLINE / 2);
    }
    assert!(
        TcpStream::connect(server.address).await.is_err(),
        "nobody listens any more"
    );
    assert_eq!(server.cut().await, 0);
}

#[tokio::test]
async fn a_grace_that_is_over_cuts_and_counts() {
    let server = Running::start(Limits::default());
    let mut clients = [
        server.connect().await,
        server.connect().await,
        server.connect().await,
    ];
    for client in &mut clients[..2] {
        client.send("GET /stuck HTTP/1.1\r\nHost: x\r\n\r\n").await;
    }
    tokio::time::sleep(SHORT).await;
    server.shutdown.stop();
    tokio::time::sleep(SHORT).await;
    server.shutdown.cut();
    assert_eq!(server.cut().await, 2);
}

#[tokio::test]
async fn a_service_is_not_called_for_half_a_head() {
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    let router = Router::new().fallback(async move || {
        counted.fetch_add(1, Ordering::Relaxed);
    });
    let server = Running::serve(router, Limits::default());
    let mut client = server.connect().await;
    for piece in ["\r\n\r\nGET / HT", "TP/1.1\r\nHo", "st: x\r\n", "\r\n"] {
        assert_eq!(calls.load(Ordering::Relaxed), 0);
        client.send(piece).await;
        tokio::time::sleep(SHORT / 3).await;
    }
    assert!(client.answer().await.contains("200 OK"));
    assert_eq!(calls.load(Ordering::Relaxed), 1);
}
