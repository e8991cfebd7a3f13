//! One connection, from its first byte to its end.
//!
//! hyper takes two buffers of 8 KiB for a connection at its first look at it, and keeps them. So it
//! gets one only when a request has arrived (see `arrival`), and gives it back when nothing more
//! comes: a silent, a half-sent or an idle connection then costs its socket and a small task.

use std::convert::Infallible;
use std::future::{Future as _, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt as _;
use http::{Request, Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::time::Instant;
use tower::ServiceExt as _;

use super::pace::{Activity, Now, Paced, Running};
use super::{Answer, Answering, Server, arrival};

/// How long an idle connection stays with hyper, at least and at most twice that. Taking it back
/// costs a little, so that a busy one stays.
const PARK_AFTER: Duration = Duration::from_secs(2);
/// With this many connections at hyper, idle ones come back at once.
const MANY: usize = 512;
/// How long a peer that is still sending may take to notice our answer and the end.
const LINGER: Duration = Duration::from_secs(5);

/// Who sent a request: an extension of every request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer(pub SocketAddr);

/// How many connections are at hyper.
#[derive(Debug, Default)]
pub(super) struct Held(AtomicUsize);

struct HeldOne<'a>(&'a Held);

impl Held {
    fn add(&self) -> HeldOne<'_> {
        self.0.fetch_add(1, Ordering::Relaxed);
        HeldOne(self)
    }

    fn are_many(&self) -> bool {
        self.0.load(Ordering::Relaxed) > MANY
    }
}

impl Drop for HeldOne<'_> {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// How hyper's part of a connection ended.
enum End {
    /// The connection waits for its next request, of which these bytes have been read.
    Idle(TcpStream, Bytes),
    /// HTTP says that it is over; the peer may still be sending.
    Finished(TcpStream),
    /// The peer is gone, too slow, or does not speak HTTP.
    Broken,
}

pub(super) async fn run<S, B>(server: Arc<Server<S>>, mut stream: TcpStream, peer: SocketAddr)
where
    S: Answering<B>,
    B: Answer,
{
    // An answer is one small packet that must not wait for an acknowledgement. An error means that
    // the peer is gone, which the next read finds out.
    let _ = stream.set_nodelay(true);
    let peer = Peer(SocketAddr::new(peer.ip().to_canonical(), peer.port()));
    let mut read = Bytes::new();
    loop {
        let stopping = server.shutdown.stopping();
        let has_arrived = !read.is_empty()
            || tokio::select! {
                biased;
                due = arrival::due(&stream, server.limits) => due.unwrap_or(false),
                // A request that has begun is served, even while stopping.
                () = stopping.cancelled() => arrival::has_begun(&stream),
            };
        if !has_arrived {
            return;
        }
        // Boxed, because while it waits a connection has no need of the room.
        match Box::pin(exchange(&server, stream, read, peer)).await {
            End::Idle(idle, rest) => (stream, read) = (idle, rest),
            End::Finished(finished) if !stopping.is_cancelled() => return linger(finished).await,
            End::Finished(_) | End::Broken => return,
        }
    }
}

/// What to do about a connection for which hyper waits.
#[derive(Debug, PartialEq, Eq)]
enum Next {
    /// Nothing.
    Wait,
    /// Close it behind the answer.
    Finish,
    /// Take it back: it is idle.
    TakeBack,
}

#[derive(Debug, Default)]
struct Watch {
    is_stopping: bool,
    idle_after: Option<usize>,
}

impl Watch {
    fn judge(&mut self, now: Now, is_crowded: bool) -> Next {
        match now {
            Now::Idle(after) => {
                let was_idle = self.idle_after.replace(after) == Some(after);
                if was_idle || is_crowded || self.is_stopping {
                    Next::TakeBack
                } else {
                    Next::Wait
                }
            }
            Now::Reading | Now::Running if self.is_stopping => Next::Finish,
            // While writing also at a stop: hyper would drop what it has not written yet.
            Now::Reading | Now::Running | Now::Writing => Next::Wait,
        }
    }
}

/// Lets hyper answer requests until the connection ends or is idle.
async fn exchange<S, B>(server: &Server<S>, stream: TcpStream, read: Bytes, peer: Peer) -> End
where
    S: Answering<B>,
    B: Answer,
{
    let stopping = server.shutdown.stopping();
    let _held = server.held.add();
    let activity = Arc::new(Activity::default());
    let io = Paced::new(stream, read, Arc::clone(&activity), server.limits.stall);
    let mut http = server.http.clone();
    http.keep_alive(!stopping.is_cancelled());
    let answering = service_fn(|request: Request<Incoming>| {
        answer(server.service.clone(), request, peer, activity.begin())
    });
    let mut connection = http.serve_connection(TokioIo::new(io), answering);
    let mut stop_signal = pin!(stopping.cancelled());
    let mut look = tokio::time::interval_at(Instant::now() + PARK_AFTER, PARK_AFTER);
    let mut watch = Watch {
        is_stopping: stopping.is_cancelled(),
        ..Watch::default()
    };
    let mut comes_back = false;
    let result = loop {
        let mut is_crowded = false;
        let event = poll_fn(|cx| match Pin::new(&mut connection).poll(cx) {
            Poll::Pending if server.held.are_many() && activity.now().is_idle() => {
                Poll::Ready(None)
            }
            polled => polled.map(Some),
        });
        tokio::select! {
            biased;
            event = event => match event {
                Some(result) => break result,
                None => is_crowded = true,
            },
            () = &mut stop_signal, if !watch.is_stopping => watch.is_stopping = true,
            _ = look.tick() => {}
        }
        match watch.judge(activity.now(), is_crowded) {
            Next::Wait => continue,
            Next::Finish => {}
            Next::TakeBack => comes_back = true,
        }
        // Ends at once if idle, else behind the answer.
        Pin::new(&mut connection).graceful_shutdown();
    };
    let parts = connection.into_parts();
    let io = parts.io.into_inner();
    match result {
        // Not the empty rest itself: it would keep hyper's buffer.
        Ok(()) if comes_back && parts.read_buf.is_empty() => {
            End::Idle(io.into_stream(), Bytes::new())
        }
        Ok(()) if comes_back => End::Idle(io.into_stream(), parts.read_buf),
        Ok(()) => End::Finished(io.into_stream()),
        Err(error) if error.is_parse() => {
            server.refused(peer, &error);
            refuse(io).await
        }
        Err(error) => {
            tracing::debug!(peer = %peer.0, error = %error, "A connection broke.");
            End::Broken
        }
    }
}

impl<S> Server<S> {
    /// Tells of a request that no service got to see.
    fn refused(&self, peer: Peer, error: &hyper::Error) {
        self.refusals.line(
            || tracing::info!(peer = %peer.0, reason = %error, "Refused what is not HTTP."),
            |count| {
                tracing::info!(
                    count,
                    "Refused more that is not HTTP, without a line for each."
                );
            },
        );
    }
}

/// hyper has answered, except where it recognises HTTP/2: nothing was written then.
async fn refuse(io: Paced) -> End {
    let has_answered = io.has_written();
    let mut stream = io.into_stream();
    if !has_answered {
        let answer = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
        if stream.write_all(answer).await.is_err() {
            return End::Broken;
        }
    }
    End::Finished(stream)
}

/// The service's answer, or 500 where it panics.
async fn answer<S, B>(
    service: S,
    mut request: Request<Incoming>,
    peer: Peer,
    running: Running,
) -> Result<Response<Tracked<B>>, Infallible>
where
    S: Answering<B>,
    B: Answer,
{
    request.extensions_mut().insert(peer);
    let answered = AssertUnwindSafe(service.oneshot(request))
        .catch_unwind()
        .await;
    Ok(if let Ok(Ok(response)) = answered {
        response.map(|body| Tracked {
            body: Some(body),
            _running: running,
        })
    } else {
        tracing::error!(peer = %peer.0, "Answering a request panicked; answered 500.");
        let mut response = Response::new(Tracked {
            body: None,
            _running: running,
        });
        *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        response
    })
}

/// A response body, or none; its request counts as running until hyper has taken all of it.
struct Tracked<B> {
    body: Option<B>,
    _running: Running,
}

impl<B: Answer> Body for Tracked<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        match &mut self.get_mut().body {
            Some(body) => Pin::new(body).poll_frame(cx),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body
            .as_ref()
            .map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}

/// Says that no more will come, and lets the peer finish its sentence.
///
/// Closing at once while bytes are unread would reset the connection, and the peer might lose the
/// answer, for instance a 413 to a body that it is still sending.
async fn linger(mut stream: TcpStream) {
    let last_words = async {
        stream.shutdown().await?;
        loop {
            stream.readable().await?;
            match stream.try_read(&mut [0; 4 << 10]) {
                Ok(0) => return Ok(()),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
    };
    // Whether in time or not: it is over.
    let _: Result<io::Result<()>, _> = tokio::time::timeout(LINGER, last_words).await;
}
