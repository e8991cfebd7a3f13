//! Waiting for a request without keeping anything for it.
//!
//! The bytes of a small request stay in the kernel until it is whole: whoever sends half of one, or
//! nothing, costs this process a socket and a task. Only looks; hyper alone decides what the bytes
//! mean, and gets them as soon as it could say more than "not yet".

use std::io;

use rustix::net::RecvFlags;
use tokio::io::Interest;
use tokio::net::TcpStream;

/// How many bytes are looked at: with that many, a request is due whether it is whole or not.
const LOOK: usize = 4 << 10;

/// Waits until there is something for hyper to do; `false` when the peer has closed the connection.
pub(super) async fn due(stream: &TcpStream) -> io::Result<bool> {
    loop {
        let ready = stream.ready(Interest::READABLE).await?;
        match stream.try_io(Interest::READABLE, || look(stream)) {
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => return Err(error),
            // No more will come, so that half a request is all there is.
            Err(_) if ready.is_read_closed() => return Ok(true),
            Err(_) => {}
            Ok(is_due) => return Ok(is_due),
        }
    }
}

/// Like [`due`], but "would block" instead of waiting.
pub(super) fn look(stream: &TcpStream) -> io::Result<bool> {
    let mut bytes = [0; LOOK];
    let (_, count) = rustix::net::recv(stream, &mut bytes, RecvFlags::PEEK | RecvFlags::DONTWAIT)?;
    match count {
        0 => Ok(false),
        LOOK => Ok(true),
        _ if is_due(&bytes[..count]) => Ok(true),
        _ => Err(io::ErrorKind::WouldBlock.into()),
    }
}

/// Whether these bytes are a whole request, or cannot become one.
fn is_due(bytes: &[u8]) -> bool {
    let Some((head, body)) = split_head(bytes) else {
        let is_text = |b: &u8| !b.is_ascii_control() || matches!(b, b'\r' | b'\n' | b'\t');
        return !bytes.iter().all(is_text);
    };
    if header(head, b"expect").is_some() {
        // The peer waits for a word before it sends the body.
        return true;
    }
    if header(head, b"transfer-encoding").is_some() {
        // The last chunk begins with this; data that looks like it only makes it due too early.
        return body.starts_with(b"0") || body.windows(3).any(|w| w == b"\r\n0");
    }
    let length = header(head, b"content-length").map(std::str::from_utf8);
    match length.and_then(Result::ok).and_then(|length| length.trim().parse().ok()) {
        Some(length) => body.len() >= length,
        None => true,
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
        if found.eq_ignore_ascii_case(name) { value.strip_prefix(b":") } else { None }
    })
}

#[cfg(test)]
mod tests {
    use super::is_due;

    #[test]
    fn whole_requests_are_due() {
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
            assert!(is_due(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn halves_are_not() {
        for text in [
            "\r\n",
            "POST / HT",
            "POST / HTTP/1.1\r\nHost: x\r\n",
            "POST / HTTP/1.1\r\nHost: x\r\n\r",
            "POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nhi",
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n",
        ] {
            assert!(!is_due(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn what_waiting_would_not_help_is_due() {
        for text in [
            "\u{16}\u{3}\u{1}",
            "POST / HTTP/1.1\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n",
            "POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
        ] {
            assert!(is_due(text.as_bytes()), "{text}");
        }
    }
}
