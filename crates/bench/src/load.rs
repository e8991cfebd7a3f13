//! A load generator: so many connections, each sends its next request when it has its answer.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::one_thread;

/// Stands in a head where each request has a number of its own.
pub const NUMBER: &str = "0000000000000000";

/// Longer bodies are written from where they are.
const ONE_WRITE: usize = 64 * 1024;
/// Nothing that is measured takes longer for one answer.
const PATIENCE: Duration = Duration::from_mins(1);

/// What is sent, and how often.
#[derive(Clone, Debug)]
pub struct Load {
    /// To whom.
    pub address: SocketAddr,
    /// How many connections send at the same time.
    pub connections: usize,
    /// How many requests are sent on all of them together.
    pub requests: usize,
    /// The number of the first one.
    pub first: usize,
    /// Request line and headers without the length, each line with its end; see [`NUMBER`].
    pub head: String,
    /// The body of each.
    pub body: Bytes,
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct Took {
    /// From the first request to the last answer.
    pub elapsed: Duration,
    /// Of each request, sorted.
    pub latencies: Vec<Duration>,
}

impl Load {
    /// Sends everything and waits for the answers; panics at one that is not 2xx.
    pub fn run(self) -> Took {
        one_thread().block_on(async move {
            let mut streams = Vec::new();
            for _ in 0..self.connections {
                let stream = TcpStream::connect(self.address)
                    .await
                    .expect("a connection");
                stream.set_nodelay(true).expect("a connection");
                streams.push(stream);
            }
            let (load, sent) = (Arc::new(self), Arc::new(AtomicUsize::new(0)));
            let started = Instant::now();
            let lines: Vec<_> = streams
                .into_iter()
                .map(|stream| tokio::spawn(Arc::clone(&load).talk(stream, Arc::clone(&sent))))
                .collect();
            let mut latencies = Vec::with_capacity(load.requests);
            for line in lines {
                latencies.append(&mut line.await.expect("a connection that lasted"));
            }
            let elapsed = started.elapsed();
            latencies.sort_unstable();
            Took { elapsed, latencies }
        })
    }

    async fn talk(self: Arc<Self>, mut stream: TcpStream, sent: Arc<AtomicUsize>) -> Vec<Duration> {
        let number_at = self.head.find(NUMBER);
        let head = format!("{}Content-Length: {}\r\n\r\n", self.head, self.body.len());
        let mut first = head.into_bytes();
        let mut second = self.body.clone();
        if second.len() <= ONE_WRITE {
            first.extend_from_slice(&std::mem::take(&mut second));
        }
        let (mut latencies, mut buffer) = (Vec::new(), Vec::new());
        loop {
            let number = sent.fetch_add(1, Ordering::Relaxed);
            if number >= self.requests {
                return latencies;
            }
            if let Some(at) = number_at {
                let digits = format!("{:016x}", self.first + number);
                first[at..at + NUMBER.len()].copy_from_slice(digits.as_bytes());
            }
            let started = Instant::now();
            let answered = async {
                stream.write_all(&first).await.expect("a peer that reads");
                stream.write_all(&second).await.expect("a peer that reads");
                answer(&mut stream, &mut buffer).await
            };
            let status = tokio::time::timeout(PATIENCE, answered).await;
            let status = status.expect("an answer within a minute");
            assert!(status / 100 == 2, "the answer was {status}");
            latencies.push(started.elapsed());
        }
    }
}

impl Took {
    /// The latency that this share of the requests did not exceed: 0.5 for the median.
    pub fn quantile(&self, share: f64) -> Duration {
        crate::stats::quantile(&self.latencies, share)
    }
}

/// Reads one answer and gives its status.
async fn answer(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> u16 {
    buffer.clear();
    loop {
        let count = stream.read_buf(buffer).await.expect("a peer that answers");
        assert!(count > 0, "closed without an answer");
        let Some(end) = buffer.windows(4).position(|bytes| bytes == b"\r\n\r\n") else {
            continue;
        };
        let head = String::from_utf8_lossy(&buffer[..end]);
        let (status, length) = read_head(&head).unwrap_or_else(|| panic!("no answer: {head}"));
        let whole = end + 4 + length;
        let left = whole.saturating_sub(buffer.len());
        let mut rest = vec![0; left];
        stream.read_exact(&mut rest).await.expect("a whole answer");
        return status;
    }
}

/// Status and length of the body.
fn read_head(head: &str) -> Option<(u16, usize)> {
    let mut lines = head.split("\r\n");
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let length = lines.find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length")
            .then(|| value.trim().parse().ok())?
    });
    Some((status, length.unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sink::Sink;

    #[test]
    fn sends_every_request_once() {
        let sink = Sink::start();
        for bytes in [0, 30, ONE_WRITE + 1] {
            let took = Load {
                address: sink.address(),
                connections: 3,
                requests: 20,
                first: 0,
                head: format!("POST / HTTP/1.1\r\nHost: x\r\nce-id: {NUMBER}\r\n"),
                body: vec![b'x'; bytes].into(),
            }
            .run();
            assert_eq!((took.latencies.len(), sink.count()), (20, 20), "{bytes}");
            assert!(took.quantile(0.5) <= took.quantile(1.0));
            sink.clear();
        }
    }

    #[test]
    fn reads_heads() {
        for (head, want) in [
            ("HTTP/1.1 202 Accepted\r\ncontent-length: 7", Some((202, 7))),
            ("HTTP/1.1 200 OK\r\nDate: now", Some((200, 0))),
            ("nonsense", None),
        ] {
            assert_eq!(read_head(head), want, "{head}");
        }
    }
}
