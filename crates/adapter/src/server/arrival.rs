//! Waiting for a request without keeping anything for it.
//!
//! The bytes of a small request stay in the kernel until it is whole: whoever sends half of one, or
//! nothing, costs this process a socket and a task. Only looks; hyper alone decides what the bytes
//! mean, and gets them as soon as it could say more than "not yet".

use std::io::{self, ErrorKind};

use rustix::net::RecvFlags;
use tokio::io::Interest;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

use super::Limits;

/// How many bytes are looked at: with that many, a request is due whether it is whole or not.
const LOOK: usize = 8 << 10;

/// How much of a request has arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Arrived {
    /// Its head, not all of it.
    HalfHead,
    /// Its head, and not all of a small body.
    HalfBody,
    /// Enough for hyper to do something.
    Enough,
}

/// Waits until there is something for hyper to do; `false` when the peer has closed the connection
/// or is too slow.
pub(super) async fn due(stream: &TcpStream, limits: Limits) -> io::Result<bool> {
    let end_of_head = Instant::now() + limits.idle;
    let mut until = end_of_head;
    loop {
        let Ok(ready) = timeout_at(until, stream.ready(Interest::READABLE)).await else {
            return Ok(false);
        };
        let ready = ready?;
        let mut arrived = None;
        let is_waiting = stream.try_io(Interest::READABLE, || {
            arrived = look(stream)?;
            match arrived {
                Some(Arrived::HalfHead | Arrived::HalfBody) => Err(ErrorKind::WouldBlock.into()),
                _ => Ok(()),
            }
        });
        match is_waiting {
            Ok(()) => return Ok(arrived.is_some()),
            Err(error) if error.kind() != ErrorKind::WouldBlock => return Err(error),
            // No more will come: half a request is all there is.
            Err(_) if ready.is_read_closed() => return Ok(true),
            Err(_) => {}
        }
        until = match arrived {
            Some(Arrived::HalfBody) => Instant::now() + limits.stall,
            _ => end_of_head,
        };
    }
}

/// Whether at least the head of a request is here now.
pub(super) fn has_begun(stream: &TcpStream) -> bool {
    matches!(look(stream), Ok(Some(Arrived::HalfBody | Arrived::Enough)))
}

/// What is here now; `None` when the peer has closed the connection.
fn look(stream: &TcpStream) -> io::Result<Option<Arrived>> {
    let mut bytes = [0; LOOK];
    let (_, count) = rustix::net::recv(stream, &mut bytes, RecvFlags::PEEK | RecvFlags::DONTWAIT)?;
    Ok(match count {
        0 => None,
        LOOK => Some(Arrived::Enough),
        _ => Some(judge(&bytes[..count])),
    })
}

fn judge(bytes: &[u8]) -> Arrived {
    let Some((head, body)) = split_head(bytes) else {
        let is_text = |b: &u8| !b.is_ascii_control() || matches!(b, b'\r' | b'\n' | b'\t');
        return if bytes.iter().all(is_text) {
            Arrived::HalfHead
        } else {
            Arrived::Enough
        };
    };
    let is_whole = if header(head, b"expect").is_some() {
        // The peer waits for a word before it sends the body.
        true
    } else if header(head, b"transfer-encoding").is_some() {
        // So begins the last chunk; data that looks like it makes the request due a little early.
        body.starts_with(b"0") || body.windows(3).any(|w| w == b"\r\n0")
    } else {
        let length = header(head, b"content-length").map(std::str::from_utf8);
        let length = length
            .and_then(Result::ok)
            .and_then(|length| length.trim().parse().ok());
        length.is_none_or(|length: usize| body.len() >= length)
    };
    if is_whole {
        Arrived::Enough
    } else {
        Arrived::HalfBody
    }
}

/// Head and body. Line ends in front of the head do not count, as HTTP has it.
fn split_head(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let start = bytes.iter().position(|b| !matches!(b, b'\r' | b'\n'))?;
    let mut at = start;
    while let Some(line_end) = bytes[at..].iter().position(|&b| b == b'\n') {
        at += line_end + 1;
        for blank_line in [&b"\n"[..], b"\r\n"] {
            if bytes[at..].starts_with(blank_line) {
                return Some((&bytes[start..at], &bytes[at + blank_line.len()..]));
            }
        }
    }
    None
}

/// The first value of a header.
fn header<'a>(head: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    head.split(|&b| b == b'\n').find_map(|line| {
        let (found, value) = line.split_at_checked(name.len())?;
        if found.eq_ignore_ascii_case(name) {
            value.strip_prefix(b":")
        } else {
            None
        }
    })
}

#[cfg(test)]
mod tests {
    use super::{Arrived, judge};

    #[test]
    fn whole_requests() {
        for text in [
            "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
            "GET / HTTP/1.1\nHost: x\n\n",
            "\r\n\r\nGET / HTTP/1.0\r\n\r\n",
            "POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\nhi",
            "POST / HTTP/1.1\r\ncontent-length:0\r\n\r\n",
            "POST / HTTP/1.1\r\ncontent-length: 2\r\n\r\nhi, and the next one",
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0;x\r\nA: b\r\n\r\n",
        ] {
            assert_eq!(judge(text.as_bytes()), Arrived::Enough, "{text}");
        }
    }

    #[test]
    fn halves() {
        for text in [
            "\r\n",
            "POST / HT",
            "POST / HTTP/1.1\r\nA: x\r\n",
            "GET / HTTP/1.1\r\n\r",
        ] {
            assert_eq!(judge(text.as_bytes()), Arrived::HalfHead, "{text}");
        }
        for text in [
            "POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nhi",
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n",
        ] {
            assert_eq!(judge(text.as_bytes()), Arrived::HalfBody, "{text}");
        }
    }

    #[test]
    fn what_waiting_would_not_help() {
        for text in [
            "\u{16}\u{3}\u{1}",
            "POST / HTTP/1.1\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n",
            "POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
        ] {
            assert_eq!(judge(text.as_bytes()), Arrived::Enough, "{text}");
        }
    }
}
