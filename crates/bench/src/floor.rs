//! The floor: raw hyper loops that do the same accept or the same POST, and nothing else.
//!
//! Each runs in a process of its own, `bench floor …`, on one thread as our programs do. What they
//! cost is what HTTP on this machine costs.

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Empty, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep_until};

use crate::one_thread;

/// POSTs in a rhythm, as ping-adapter and heartbeats have one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rhythm {
    /// Where to.
    pub sink: SocketAddr,
    /// The size of each body.
    pub bytes: usize,
    /// How many POSTs a tick has.
    pub count: u32,
    /// From tick to tick, on the seconds of the wall clock that it divides. Zero: one tick, now.
    pub every: Duration,
    /// Over which time the POSTs of a tick are spread.
    pub spread: Duration,
}

impl Rhythm {
    /// The arguments of `bench floor` that ask for it.
    pub fn args(&self) -> Vec<String> {
        let numbers = [
            self.bytes.to_string(),
            self.count.to_string(),
            self.every.as_millis().to_string(),
            self.spread.as_millis().to_string(),
        ];
        let start = ["beat".to_owned(), self.sink.to_string()];
        start.into_iter().chain(numbers).collect()
    }

    fn read(args: &[String]) -> Option<Self> {
        let [sink, bytes, count, every, spread] = args else {
            return None;
        };
        Some(Self {
            sink: sink.parse().ok()?,
            bytes: bytes.parse().ok()?,
            count: count.parse().ok()?,
            every: Duration::from_millis(every.parse().ok()?),
            spread: Duration::from_millis(spread.parse().ok()?),
        })
    }
}

/// `bench floor accept PORT`, `relay PORT SINK`, `beat …`: never ends; panics at anything else.
pub fn main(args: &[String]) {
    let read = |text: &String| text.parse::<u16>().ok();
    let (what, rest) = args.split_first().expect("which floor");
    one_thread().block_on(async {
        match (what.as_str(), rest) {
            ("accept", [port]) => {
                accept(listen(read(port).expect("a port")).await, || ()).await;
            }
            ("relay", [port, sink]) => {
                let sink = sink.parse().expect("the address of a sink");
                relay(listen(read(port).expect("a port")).await, sink).await;
            }
            ("beat", rest) => beat(Rhythm::read(rest).expect("a rhythm")).await,
            _ => panic!("no floor {what:?}"),
        }
    });
}

/// Takes requests for ever: reads each to its end, calls `arrived`, answers 202 without a body.
pub async fn accept(listener: TcpListener, arrived: impl Fn() + Clone + Send + 'static) {
    serve(listener, || {
        let arrived = arrived.clone();
        move |mut body: Incoming| {
            let arrived = arrived.clone();
            async move {
                // A sender that breaks off has sent nothing.
                while let Some(frame) = body.frame().await {
                    if frame.is_err() {
                        return;
                    }
                }
                arrived();
            }
        }
    })
    .await;
}

/// Takes requests for ever and posts each body on to `sink` before it answers 202.
pub async fn relay(listener: TcpListener, sink: SocketAddr) {
    serve(listener, || {
        let onward = Arc::new(Mutex::new(None));
        move |body: Incoming| {
            let onward = Arc::clone(&onward);
            async move {
                let body = body.collect().await.expect("a whole body").to_bytes();
                let mut onward = onward.lock().await;
                let sender = match onward.take() {
                    Some(sender) => sender,
                    None => connect(sink).await,
                };
                *onward = Some(post(sender, sink, body).await);
            }
        }
    })
    .await;
}

/// Posts in this rhythm for ever, one after the other on one connection.
pub async fn beat(rhythm: Rhythm) {
    let body = Bytes::from(vec![b'x'; rhythm.bytes]);
    let mut sender = connect(rhythm.sink).await;
    loop {
        let tick = Instant::now() + until_tick(rhythm.every);
        for number in 0..rhythm.count {
            let due = tick + rhythm.spread * number / rhythm.count;
            // A timer is only looked at each millisecond; who is late does not sleep.
            if due > Instant::now() {
                sleep_until(due).await;
            }
            sender = post(sender, rhythm.sink, body.clone()).await;
        }
        if rhythm.every.is_zero() {
            return std::future::pending().await;
        }
    }
}

/// A listener on this port of the loopback address.
pub async fn listen(port: u16) -> TcpListener {
    let address = (Ipv4Addr::LOCALHOST, port);
    TcpListener::bind(address).await.expect("a free port")
}

/// `answer` makes, for each connection, what is done with each body of it.
async fn serve<H, F>(listener: TcpListener, handler: impl Fn() -> H)
where
    H: Fn(Incoming) -> F + Send + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            continue;
        };
        // An error means that the peer is gone, which the next read finds out.
        let _ = stream.set_nodelay(true);
        let handle = handler();
        let service = service_fn(move |request: Request<Incoming>| {
            let handled = handle(request.into_body());
            async move {
                handled.await;
                let mut response = Response::new(Empty::<Bytes>::new());
                *response.status_mut() = StatusCode::ACCEPTED;
                Ok::<_, Infallible>(response)
            }
        });
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}

async fn connect(sink: SocketAddr) -> SendRequest<Full<Bytes>> {
    let stream = TcpStream::connect(sink).await.expect("a sink");
    stream.set_nodelay(true).expect("a connection");
    let (sender, connection) = handshake(TokioIo::new(stream)).await.expect("a connection");
    tokio::spawn(connection);
    sender
}

/// With the headers of an event.
async fn post(
    mut sender: SendRequest<Full<Bytes>>,
    sink: SocketAddr,
    body: Bytes,
) -> SendRequest<Full<Bytes>> {
    let request = Request::post("/")
        .header("host", sink.to_string())
        .header("ce-id", "5c9d0a53-6a3d-5f0f-8a4c-7e6a2c6f0f7e")
        .header("ce-source", "/apis/v1/namespaces/default/pingsources/hello")
        .header("ce-specversion", "1.0")
        .header("ce-time", "2026-11-22T18:47:16.250861466Z")
        .header("ce-type", "dev.knative.sources.ping")
        .header("content-type", "application/json")
        .header("kn-namespace", "default")
        .body(Full::new(body))
        .expect("a request");
    sender.ready().await.expect("an open connection");
    let response = sender.send_request(request).await.expect("an answer");
    assert!(response.status().is_success(), "{}", response.status());
    // Reads the answer to its end, so that the connection is free.
    response
        .into_body()
        .collect()
        .await
        .expect("a whole answer");
    sender
}

/// How long until the wall clock has a multiple of this rhythm; nothing for no rhythm.
pub fn until_tick(every: Duration) -> Duration {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("a clock after 1970");
    let past = since.as_nanos().checked_rem(every.as_nanos()).unwrap_or(0);
    let past = u64::try_from(past).expect("less than a rhythm");
    every.saturating_sub(Duration::from_nanos(past))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rhythm_passes_through_arguments() {
        let rhythm = Rhythm {
            sink: (Ipv4Addr::LOCALHOST, 8080).into(),
            bytes: 30,
            count: 500,
            every: Duration::from_secs(2),
            spread: Duration::from_millis(500),
        };
        assert_eq!(Rhythm::read(&rhythm.args()[1..]), Some(rhythm));
        assert_eq!(Rhythm::read(&[]), None);
    }

    #[test]
    fn ticks_are_on_the_wall_clock() {
        let second = Duration::from_secs(1);
        assert!(until_tick(second) <= second);
        assert_eq!(until_tick(Duration::ZERO), Duration::ZERO);
    }
}
