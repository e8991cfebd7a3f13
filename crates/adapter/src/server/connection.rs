//! One connection, from its first byte to its end.
//!
//! hyper takes two buffers of 8 KiB for a connection at its first look at it. So it gets one only
//! when a whole request head has arrived, and gives it back when nothing more comes: a silent, a
//! half-sent or an idle connection then costs its socket and little else.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt as _;
use http::{Request, Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rustix::net::RecvFlags;
use tokio::io::{AsyncWriteExt as _, Interest};
use tokio::net::TcpStream;
use tokio::time::Instant;
use tower::ServiceExt as _;

use super::pace::{Activity, Now, Paced, Running};
use super::{Answer, Answering, Server};

/// How long an idle connection stays with hyper; below, taking it back would cost more than it
/// saves.
const PARK_AFTER: Duration = Duration::from_secs(2);
/// How much of a head is looked at before hyper gets it anyway.
const LOOK: usize = 4 << 10;
/// How long a peer that is still sending may take to notice our answer and the end.
const LINGER: Duration = Duration::from_secs(5);

/// Who sent a request: an extension of every request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer(pub SocketAddr);

/// How hyper's part of a connection ended.
enum End {
    /// The connection waits for its next request.
    Idle(TcpStream),
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
    loop {
        let stopping = server.shutdown.stopping();
        let arrived = tokio::select! {
            arrived = tokio::time::timeout(server.limits.idle, head(&stream)) => arrived,
            // A request that is here already is served, even while stopping.
            () = stopping.cancelled() => Ok(look(&stream, &mut 0)),
        };
        if !matches!(arrived, Ok(Ok(true))) {
            return;
        }
        // Boxed, because while it waits a connection has no need of the room.
        match Box::pin(exchange(&server, stream, peer)).await {
            End::Idle(idle) => stream = idle,
            End::Finished(finished) if !stopping.is_cancelled() => return linger(finished).await,
            End::Finished(_) | End::Broken => return,
        }
    }
}

/// Waits until hyper has something to do; `false` when the peer has closed the connection.
async fn head(stream: &TcpStream) -> io::Result<bool> {
    let mut seen = 0;
    stream
        .async_io(Interest::READABLE, || look(stream, &mut seen))
        .await
}

/// Looks at the bytes that are here without taking them: where they are they cost this process
/// nothing. "Would block" if there is reason to wait for more than the `seen` ones.
fn look(stream: &TcpStream, seen: &mut usize) -> io::Result<bool> {
    let mut bytes = [0; LOOK];
    let (_, count) = rustix::net::recv(stream, &mut bytes, RecvFlags::PEEK | RecvFlags::DONTWAIT)?;
    // Woken up without more bytes: the peer has said its last.
    let is_due = count == *seen || count == LOOK || is_worth_parsing(&bytes[..count]);
    *seen = count;
    if is_due {
        Ok(count > 0)
    } else {
        Err(io::ErrorKind::WouldBlock.into())
    }
}

/// Whether a request head ends in these bytes, or they cannot become one.
fn is_worth_parsing(bytes: &[u8]) -> bool {
    let is_text = |b: &u8| !b.is_ascii_control() || matches!(b, b'\r' | b'\n' | b'\t');
    let mut lines = bytes.split(|&b| b == b'\n');
    // Line ends in front of a request are skipped by HTTP; what follows the last one is no line.
    let begun = lines.by_ref().find(|line| !is_blank(line)).is_some();
    let is_whole = begun && lines.rev().skip(1).any(is_blank);
    is_whole || !bytes.iter().all(is_text)
}

fn is_blank(line: &[u8]) -> bool {
    matches!(line, b"" | b"\r")
}

/// Lets hyper answer requests until the connection ends or is idle.
async fn exchange<S, B>(server: &Server<S>, stream: TcpStream, peer: Peer) -> End
where
    S: Answering<B>,
    B: Answer,
{
    let stopping = server.shutdown.stopping();
    let activity = Arc::new(Activity::default());
    let io = Paced::new(stream, Arc::clone(&activity), server.limits.stall);
    let mut http = server.http.clone();
    http.keep_alive(!stopping.is_cancelled());
    let answering = service_fn(|request: Request<Incoming>| {
        answer(server.service.clone(), request, peer, activity.begin())
    });
    let mut connection = http.serve_connection(TokioIo::new(io), answering);
    let mut stop = pin!(stopping.cancelled());
    let mut is_stopping = stopping.is_cancelled();
    let mut look = tokio::time::interval_at(Instant::now() + PARK_AFTER, PARK_AFTER);
    let mut idle_since = None;
    let mut comes_back = false;
    let result = loop {
        tokio::select! {
            biased;
            result = &mut connection => break result,
            () = &mut stop, if !is_stopping => is_stopping = true,
            _ = look.tick() => {}
        }
        match activity.now() {
            // hyper would drop what it has not written yet.
            Now::Writing => continue,
            Now::Idle(after) if !is_stopping && idle_since.replace(after) != Some(after) => {
                continue;
            }
            Now::Idle(_) => comes_back = true,
            Now::Reading | Now::Running if !is_stopping => continue,
            Now::Reading | Now::Running => {}
        }
        Pin::new(&mut connection).graceful_shutdown();
    };
    let io = connection.into_parts().io.into_inner();
    match result {
        Ok(()) if comes_back => End::Idle(io.into_stream()),
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
        let status = if error.is_parse_too_large() { 431 } else { 400 };
        self.refusals.line(
            || tracing::info!(status, peer = %peer.0, reason = %error, "Refused what is not HTTP."),
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
            match stream.try_read(&mut [0; LOOK]) {
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
