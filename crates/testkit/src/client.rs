//! A client that sends exactly the bytes it is given.

use std::io::{self, BufReader, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use crate::http::{Reply, read_reply};

/// Long enough for a busy machine, short enough for a test.
const PATIENCE: Duration = Duration::from_secs(10);

/// Sends these bytes on a new connection and reads one answer.
///
/// Errors are those of the connection (refused, closed without an answer, ten seconds of silence).
pub fn exchange(address: impl ToSocketAddrs, request: &[u8]) -> io::Result<Reply> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.write_all(request)?;
    read_reply(&mut BufReader::new(stream))
}

/// `GET path` on a new connection.
pub fn get(address: impl ToSocketAddrs, path: &str) -> io::Result<Reply> {
    let request = format!("GET {path} HTTP/1.1\r\nHost: testkit\r\nConnection: close\r\n\r\n");
    exchange(address, request.as_bytes())
}
