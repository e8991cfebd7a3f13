//! An HTTP/1.1 server that strangers may talk to: every wait has a limit, every connection is
//! cheap, and a stop lets running requests finish.
//!
//! axum's own `serve` has no time limits, so the accept loop is here; routes, answers and their
//! meaning are in the service that [`serve`] is given. No TLS, no HTTP/2.

mod arrival;
mod body;
mod connection;
mod listen;
mod pace;
mod throttle;

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt as _;
use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::TokioTimer;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tower::Service;

use crate::shutdown::Shutdown;

pub use body::{BodyError, Whole, read_body, read_whole};
pub use connection::Peer;
pub use listen::{BindError, bind, everywhere};
pub use throttle::Throttle;

#[cfg(test)]
mod tests;

/// How long to wait after the first failed `accept`, and at most.
const ACCEPT_PAUSE: (Duration, Duration) = (Duration::from_millis(5), Duration::from_secs(1));

/// What a peer may take of this server.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// How long a connection may wait for a request, and a request head for its end. By default
    /// 120 s: Go clients close after 90 s, and the side that sends should be the one to close.
    pub idle: Duration,
    /// How long a body may bring no byte, and an answer may not be taken. By default 60 s.
    pub stall: Duration,
    /// Bytes of a request head; more are answered 431. By default 1 MiB and 4 KiB, as Go's.
    pub head_bytes: usize,
    /// Headers of a request; more are answered 431. By default 1000; Go counts bytes only.
    pub headers: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            idle: Duration::from_mins(2),
            stall: Duration::from_mins(1),
            head_bytes: (1 << 20) + (4 << 10),
            headers: 1000,
        }
    }
}

/// A service as this server takes it; axum's `Router` is one.
///
/// It must always be ready: each request gets a clone.
pub trait Answering<B>:
    Service<Request<Incoming>, Response = Response<B>, Error = Infallible, Future: Send>
    + Clone
    + Send
    + Sync
    + 'static
{
}

impl<B, S> Answering<B> for S where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible, Future: Send>
        + Clone
        + Send
        + Sync
        + 'static
{
}

/// A response body as this server takes it.
pub trait Answer: Body<Data = Bytes, Error: Into<axum::BoxError>> + Send + Unpin + 'static {}

impl<B> Answer for B where
    B: Body<Data = Bytes, Error: Into<axum::BoxError>> + Send + Unpin + 'static
{
}

/// What all connections of one listener share.
struct Server<S> {
    service: S,
    limits: Limits,
    http: http1::Builder,
    shutdown: Shutdown,
    refusals: Throttle,
    held: connection::Held,
}

/// Accepts connections until the stop, then lets running requests finish.
///
/// Requests carry their [`Peer`] as an extension. A panic in the service is answered 500. Returns
/// how many connections still had a request running when the grace was over.
pub async fn serve<S, B>(
    listener: TcpListener,
    service: S,
    limits: Limits,
    shutdown: &Shutdown,
) -> usize
where
    S: Answering<B>,
    B: Answer,
{
    let server = Arc::new(Server {
        service,
        limits,
        http: http(limits),
        shutdown: shutdown.clone(),
        refusals: Throttle::default(),
        held: connection::Held::default(),
    });
    let mut connections = JoinSet::new();
    let open = |connections: &mut JoinSet<()>, (stream, peer): (TcpStream, SocketAddr)| {
        connections.spawn(connection::run(Arc::clone(&server), stream, peer));
    };
    loop {
        tokio::select! {
            biased;
            () = shutdown.stopping().cancelled() => break,
            Some(_) = connections.join_next() => {}
            accepted = accept(&listener) => open(&mut connections, accepted),
        }
    }
    // Whoever is in the queue already got through: they may have sent their request. Yielding lets
    // the runtime find out about them.
    tokio::task::yield_now().await;
    while let Some(Ok(accepted)) = listener.accept().now_or_never() {
        open(&mut connections, accepted);
    }
    drop(listener);
    loop {
        tokio::select! {
            biased;
            joined = connections.join_next() => if joined.is_none() { return 0 },
            () = shutdown.grace_over().cancelled() => break,
        }
    }
    let cut = connections.len();
    connections.shutdown().await;
    cut
}

fn http(limits: Limits) -> http1::Builder {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(limits.idle)
        .max_buf_size(limits.head_bytes)
        .max_headers(limits.headers)
        // A client may close its sending side and still wait for the answer, as under Go.
        .half_close(true);
    http
}

/// The next connection. Errors pause instead of spinning: out of descriptors, they repeat at once.
async fn accept(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    let (mut pause, longest) = ACCEPT_PAUSE;
    loop {
        match listener.accept().await {
            Ok(accepted) => return accepted,
            Err(error) if is_gone(&error) => {}
            Err(error) => {
                tracing::warn!(error = %error, "Cannot accept connections; trying again.");
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(longest);
            }
        }
    }
}

/// The peer gave up while it waited in the queue; no trouble of ours.
fn is_gone(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionReset | Interrupted
    )
}
