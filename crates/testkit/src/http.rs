//! HTTP/1.1 messages read byte for byte: header order, case and repetitions stay as sent.

use std::fmt;
use std::io::{self, BufRead};
use std::time::Instant;

/// Headers in the order of the wire, repeated ones included.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Headers(Vec<(String, Vec<u8>)>);

impl Headers {
    /// The raw list: names as sent, values without the blanks around them.
    pub fn raw(&self) -> &[(String, Vec<u8>)] {
        &self.0
    }

    /// The value of a header that may appear once, found in any case; panics if it is repeated.
    #[track_caller]
    pub fn get(&self, name: &str) -> Option<String> {
        let mut values = self.all(name);
        assert!(
            values.len() < 2,
            "{name} appears {} times: {values:?}",
            values.len()
        );
        values.pop()
    }

    /// Every value of a header in order. Bytes that are not UTF-8 become U+FFFD.
    pub fn all(&self, name: &str) -> Vec<String> {
        self.0
            .iter()
            .filter(|(sent, _)| sent.eq_ignore_ascii_case(name))
            .map(|(_, value)| String::from_utf8_lossy(value).into_owned())
            .collect()
    }

    fn has_word(&self, name: &str, word: &str) -> bool {
        self.all(name)
            .iter()
            .any(|value| value.to_ascii_lowercase().contains(word))
    }
}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map()
            .entries(
                self.0
                    .iter()
                    .map(|(name, value)| (name, String::from_utf8_lossy(value))),
            )
            .finish()
    }
}

/// A request as it arrived.
#[derive(Clone)]
pub struct Request {
    /// `POST` and the like.
    pub method: String,
    /// The request target as sent: path and query, or a whole URL from a proxy client.
    pub path: String,
    /// `HTTP/1.1` and the like.
    pub version: String,
    /// All headers.
    pub headers: Headers,
    /// The body, with chunks put together.
    pub body: Vec<u8>,
    /// When its last byte was read.
    pub at: Instant,
    /// Which connection of the sink it came on, counted from 0.
    pub connection: usize,
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = format!("{} {} {}", self.method, self.path, self.version);
        f.debug_struct(&line)
            .field("connection", &self.connection)
            .field("headers", &self.headers)
            .field("body", &String::from_utf8_lossy(&self.body))
            .finish_non_exhaustive()
    }
}

impl Request {
    /// The body as text; panics if it is not UTF-8.
    #[track_caller]
    pub fn text(&self) -> &str {
        str::from_utf8(&self.body).expect("a body of UTF-8 text")
    }

    pub(crate) fn wants_close(&self) -> bool {
        self.headers.has_word("connection", "close") || self.version == "HTTP/1.0"
    }
}

/// An answer as it arrived.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The status code.
    pub status: u16,
    /// All headers.
    pub headers: Headers,
    /// The body, with chunks put together.
    pub body: Vec<u8>,
}

impl Reply {
    /// The body as text. Bytes that are not UTF-8 become U+FFFD.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// Reads one request; `None` if the peer closed the connection before its first byte.
pub(crate) fn read_request(
    stream: &mut impl BufRead,
    connection: usize,
) -> io::Result<Option<Request>> {
    let Some(first) = read_line(stream)? else {
        return Ok(None);
    };
    let mut words = first.splitn(3, ' ').map(str::to_owned);
    let (Some(method), Some(path), Some(version)) = (words.next(), words.next(), words.next())
    else {
        return Err(bad(&first));
    };
    let headers = read_headers(stream)?;
    let body = read_body(stream, &headers, Unframed::Empty)?;
    Ok(Some(Request {
        method,
        path,
        version,
        headers,
        body,
        at: Instant::now(),
        connection,
    }))
}

/// Reads one answer, skipping interim ones (100 to 199).
pub(crate) fn read_reply(stream: &mut impl BufRead) -> io::Result<Reply> {
    loop {
        let first = read_line(stream)?.ok_or(io::ErrorKind::UnexpectedEof)?;
        let status = first.split(' ').nth(1).and_then(|code| code.parse().ok());
        let status: u16 = status.ok_or_else(|| bad(&first))?;
        let headers = read_headers(stream)?;
        match status {
            100..=199 => {}
            204 | 304 => {
                return Ok(Reply {
                    status,
                    headers,
                    body: Vec::new(),
                });
            }
            _ => {
                let body = read_body(stream, &headers, Unframed::UntilClosed)?;
                return Ok(Reply {
                    status,
                    headers,
                    body,
                });
            }
        }
    }
}

fn read_headers(stream: &mut impl BufRead) -> io::Result<Headers> {
    let mut headers = Headers::default();
    loop {
        let mut line = Vec::new();
        stream.read_until(b'\n', &mut line)?;
        let line = line.trim_ascii_end();
        if line.is_empty() {
            return Ok(headers);
        }
        let colon = line.iter().position(|byte| *byte == b':');
        let colon = colon.ok_or_else(|| bad(&String::from_utf8_lossy(line)))?;
        let name = String::from_utf8_lossy(&line[..colon]).into_owned();
        headers
            .0
            .push((name, line[colon + 1..].trim_ascii().to_vec()));
    }
}

/// What a message without a length and without chunks means.
#[derive(Clone, Copy)]
enum Unframed {
    Empty,
    UntilClosed,
}

fn read_body(
    stream: &mut impl BufRead,
    headers: &Headers,
    unframed: Unframed,
) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    if headers.has_word("transfer-encoding", "chunked") {
        while read_chunk(stream, &mut body)? > 0 {}
        return Ok(body);
    }
    if let Some(length) = headers.all("content-length").first() {
        body.resize(length.parse().map_err(|_| bad(length))?, 0);
        stream.read_exact(&mut body)?;
    } else if let Unframed::UntilClosed = unframed {
        stream.read_to_end(&mut body)?;
    }
    Ok(body)
}

fn read_chunk(stream: &mut impl BufRead, body: &mut Vec<u8>) -> io::Result<usize> {
    let line = read_line(stream)?.ok_or(io::ErrorKind::UnexpectedEof)?;
    let size = line.split(';').next().unwrap_or_default().trim();
    let size = usize::from_str_radix(size, 16).map_err(|_| bad(&line))?;
    let start = body.len();
    body.resize(start + size, 0);
    stream.read_exact(&mut body[start..])?;
    // The line end behind the chunk; behind the last one, trailers up to an empty line.
    while read_line(stream)?.is_some_and(|line| size == 0 && !line.is_empty()) {}
    Ok(size)
}

fn read_line(stream: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut line = Vec::new();
    if stream.read_until(b'\n', &mut line)? == 0 {
        return Ok(None);
    }
    Ok(Some(
        String::from_utf8_lossy(line.trim_ascii_end()).into_owned(),
    ))
}

fn bad(text: &str) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        format!("not HTTP/1.1: {text:?}"),
    )
}

#[cfg(test)]
mod tests {
    use super::{read_reply, read_request};

    #[test]
    fn keeps_order_case_and_repetitions() {
        let mut wire = &b"POST /a?b HTTP/1.1\r\nHost: x\r\nCe-Id: 1\r\nce-id:  2 \r\nContent-Length: 2\r\n\r\nhiGET"[..];
        let request = read_request(&mut wire, 0).unwrap().unwrap();
        assert_eq!(
            (request.method.as_str(), request.path.as_str()),
            ("POST", "/a?b")
        );
        assert_eq!(
            request.headers.raw()[1],
            ("Ce-Id".to_owned(), b"1".to_vec())
        );
        assert_eq!(request.headers.all("CE-ID"), ["1", "2"]);
        assert_eq!(request.text(), "hi");
        assert_eq!(wire, b"GET");
    }

    #[test]
    fn puts_chunks_together() {
        let mut wire = &b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n1;x=y\r\nd\r\n0\r\nTrailer: t\r\n\r\nrest"[..];
        let reply = read_reply(&mut wire).unwrap();
        assert_eq!((reply.status, reply.text().as_str()), (200, "abcd"));
        assert_eq!(wire, b"rest");
    }

    #[test]
    fn a_closed_connection_is_no_request() {
        assert!(read_request(&mut &b""[..], 0).unwrap().is_none());
        assert!(read_request(&mut &b"nonsense\r\n\r\n"[..], 0).is_err());
    }
}
