//! The API server on a socket: one thread a connection, watches as chunks.

use std::collections::HashMap;
use std::io::{self, BufReader, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use socket2::SockRef;

use super::answer::Answer;
use super::fault::Cut;
use super::state::Shared;
use super::stream::{Piece, Stream};
use crate::answer::write_reply;
use crate::http::read_request;

/// Bytes on their way are given this long before a connection is broken, which would lose them.
const ARRIVAL: Duration = Duration::from_millis(20);

/// An open port. Dropping it closes the port and every connection.
pub(super) struct Port {
    address: SocketAddr,
    connections: Arc<Connections>,
    accepting: Option<JoinHandle<()>>,
}

struct Connections {
    shared: Arc<Shared>,
    open: Mutex<HashMap<usize, TcpStream>>,
    opened: AtomicUsize,
    closing: AtomicBool,
}

impl Port {
    pub(super) fn open(shared: &Arc<Shared>, address: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(address)?;
        let address = listener.local_addr()?;
        let connections = Arc::new(Connections {
            shared: Arc::clone(shared),
            open: Mutex::default(),
            opened: AtomicUsize::new(0),
            closing: AtomicBool::new(false),
        });
        let acceptor = Arc::clone(&connections);
        let accepting = Some(thread::spawn(move || acceptor.accept(&listener)));
        Ok(Self {
            address,
            connections,
            accepting,
        })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Port {
    fn drop(&mut self) {
        self.connections.closing.store(true, Ordering::Release);
        // Wakes the accepting thread, which then drops the listener; the port is free after that.
        if TcpStream::connect(self.address).is_ok()
            && let Some(accepting) = self.accepting.take()
        {
            // A panic there would have been seen already.
            let _ = accepting.join();
        }
        for stream in self.connections.open().values() {
            // Closed by the peer already: nothing left to end.
            let _ = stream.shutdown(Shutdown::Both);
        }
        self.connections.shared.state().frozen = false;
        self.connections.shared.changed();
    }
}

impl Connections {
    fn open(&self) -> MutexGuard<'_, HashMap<usize, TcpStream>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Acquire)
    }

    fn accept(self: Arc<Self>, listener: &TcpListener) {
        for stream in listener.incoming() {
            if self.is_closing() {
                return;
            }
            let Ok(stream) = stream else { continue };
            let number = self.opened.fetch_add(1, Ordering::Relaxed);
            let connection = Arc::clone(&self);
            thread::spawn(move || {
                // A peer that breaks off is part of many tests; what arrived is recorded.
                let _ = connection.talk(&stream, number);
                connection.open().remove(&number);
            });
        }
    }

    fn talk(&self, stream: &TcpStream, number: usize) -> io::Result<()> {
        stream.set_nodelay(true)?;
        self.open().insert(number, stream.try_clone()?);
        let mut reader = BufReader::new(stream.try_clone()?);
        while let Some(request) = read_request(&mut reader, number)? {
            if self.is_closing() {
                return Ok(());
            }
            let (delay, answer) = self.shared.take(&request);
            thread::sleep(delay);
            self.shared.thaw();
            match answer() {
                Answer::Whole {
                    status,
                    headers,
                    body,
                } => {
                    write_reply(&mut &*stream, status, &headers, &body)?;
                }
                Answer::Watch(watch) => match self.watch(stream, watch)? {
                    Cut::End => {}
                    Cut::Close => return stream.shutdown(Shutdown::Both),
                    Cut::Reset => return self.reset(stream, number),
                    Cut::Silent => return io::copy(&mut reader, &mut io::sink()).map(drop),
                },
                Answer::Silence => return io::copy(&mut reader, &mut io::sink()).map(drop),
                Answer::Reset => return self.reset(stream, number),
            }
        }
        Ok(())
    }

    /// With a linger of zero, closing the last handle sends RST.
    fn reset(&self, stream: &TcpStream, number: usize) -> io::Result<()> {
        thread::sleep(ARRIVAL);
        SockRef::from(stream).set_linger(Some(Duration::ZERO))?;
        self.open().remove(&number);
        Ok(())
    }

    fn watch(&self, mut stream: &TcpStream, mut watch: Stream) -> io::Result<Cut> {
        let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
        stream.write_all(head.as_bytes())?;
        let end = Instant::now() + watch.time_limit();
        loop {
            if self.is_closing() {
                return Ok(Cut::Close);
            }
            // Taken before looking, so that no change in between is missed.
            let seen = self.shared.changes();
            self.shared.thaw();
            let left = end.saturating_duration_since(Instant::now());
            match watch.pull() {
                Piece::Bytes(bytes) => {
                    let mut chunk = format!("{:x}\r\n", bytes.len()).into_bytes();
                    chunk.extend_from_slice(&bytes);
                    chunk.extend_from_slice(b"\r\n");
                    stream.write_all(&chunk)?;
                }
                Piece::Nothing(_) if left.is_zero() => return finish(stream),
                Piece::Nothing(time) => {
                    self.shared.wait(seen, time.unwrap_or(left).min(left));
                }
                Piece::End(Cut::End) => return finish(stream),
                Piece::End(how) => return Ok(how),
            }
        }
    }
}

fn finish(mut stream: &TcpStream) -> io::Result<Cut> {
    stream.write_all(b"0\r\n\r\n")?;
    Ok(Cut::End)
}
