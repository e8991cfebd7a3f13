//! A socket that gives up on a peer which neither sends nor takes a byte for too long.
//!
//! hyper only limits the time of a request head. Here every wait for the peer is limited, be it
//! for a head, a body or room for the answer.

use std::future::Future as _;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep};

/// Most bytes read at once. hyper would go on to a mebibyte and keep that much room for a connection
/// that has brought a large body; the next one is then read before anybody has asked for it.
const READ: u64 = 32 << 10;

/// What goes on on a connection, seen from its socket and from its service.
#[derive(Debug, Default)]
pub(super) struct Activity {
    running: AtomicUsize,
    served: AtomicUsize,
    has_begun_head: AtomicBool,
    waits_for_room: AtomicBool,
}

/// What a connection does at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Now {
    /// A request is being answered.
    Running,
    /// An answer waits for the peer to take it.
    Writing,
    /// A part of the next request head has arrived.
    Reading,
    /// Nothing, after so many requests.
    Idle(usize),
}

impl Now {
    /// Whether a request was answered and no other has begun.
    pub(super) fn is_idle(self) -> bool {
        matches!(self, Self::Idle(served) if served > 0)
    }
}

/// A request being answered, until its answer is handed to the socket.
#[derive(Debug)]
pub(super) struct Running(Arc<Activity>);

// All of this happens in one task, so that no ordering between the values is needed.
impl Activity {
    pub(super) fn begin(self: &Arc<Self>) -> Running {
        self.running.fetch_add(1, Ordering::Relaxed);
        self.served.fetch_add(1, Ordering::Relaxed);
        Running(Arc::clone(self))
    }

    pub(super) fn now(&self) -> Now {
        if self.running.load(Ordering::Relaxed) > 0 {
            Now::Running
        } else if self.waits_for_room.load(Ordering::Relaxed) {
            Now::Writing
        } else if self.has_begun_head.load(Ordering::Relaxed) {
            Now::Reading
        } else {
            Now::Idle(self.served.load(Ordering::Relaxed))
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::Relaxed);
        self.0.has_begun_head.store(false, Ordering::Relaxed);
    }
}

/// The socket of one connection.
#[derive(Debug)]
pub(super) struct Paced {
    stream: TcpStream,
    /// What an earlier reader of this socket has left over.
    read: Bytes,
    activity: Arc<Activity>,
    limit: Duration,
    reading: Wait,
    writing: Wait,
    has_written: bool,
}

/// One direction, and since when it has waited for the peer.
#[derive(Debug, Default)]
struct Wait {
    since: Option<Instant>,
    /// Runs until some `since` that is over by now plus the limit: setting it anew for each wait
    /// would cost more than looking at the clock when it ends.
    alarm: Option<Pin<Box<Sleep>>>,
}

impl Wait {
    /// Passes on what the socket said; an error if it has said "not yet" for the whole limit.
    fn limit<T>(
        &mut self,
        said: Poll<io::Result<T>>,
        limit: Duration,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<T>> {
        if said.is_ready() {
            self.since = None;
            return said;
        }
        let until = *self.since.get_or_insert_with(Instant::now) + limit;
        let alarm = self
            .alarm
            .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(until)));
        loop {
            ready!(alarm.as_mut().poll(cx));
            if Instant::now() >= until {
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
            alarm.as_mut().reset(until);
        }
    }
}

impl Paced {
    pub(super) fn new(
        stream: TcpStream,
        read: Bytes,
        activity: Arc<Activity>,
        limit: Duration,
    ) -> Self {
        let (reading, writing) = (Wait::default(), Wait::default());
        Self {
            stream,
            read,
            activity,
            limit,
            reading,
            writing,
            has_written: false,
        }
    }

    pub(super) fn has_written(&self) -> bool {
        self.has_written
    }

    fn written(
        &mut self,
        said: Poll<io::Result<usize>>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        self.has_written |= said.is_ready();
        self.activity
            .waits_for_room
            .store(said.is_pending(), Ordering::Relaxed);
        self.writing.limit(said, self.limit, cx)
    }

    pub(super) fn into_stream(self) -> TcpStream {
        self.stream
    }
}

impl AsyncRead for Paced {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if !this.read.is_empty() {
            let count = this.read.len().min(buffer.remaining());
            buffer.put_slice(&this.read.split_to(count));
            this.activity.has_begun_head.store(true, Ordering::Relaxed);
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        let mut part = (&mut this.stream).take(READ);
        let said = Pin::new(&mut part).poll_read(cx, buffer);
        if buffer.filled().len() > before {
            this.activity.has_begun_head.store(true, Ordering::Relaxed);
        }
        this.reading.limit(said, this.limit, cx)
    }
}

impl AsyncWrite for Paced {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let said = Pin::new(&mut this.stream).poll_write(cx, bytes);
        this.written(said, cx)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let said = Pin::new(&mut this.stream).poll_write_vectored(cx, pieces);
        this.written(said, cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    /// Nothing: the connection outlives hyper's part of it, see `connection`.
    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
