//! A recording HTTP server on the loopback address that answers by a script.
//!
//! One thread per connection; keep-alive as HTTP/1.1 has it. No HTTP/2.

use std::collections::HashMap;
use std::fmt;
use std::io::{self, BufReader, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use socket2::SockRef;

use crate::answer::{Action, Answer, write_reply};
use crate::http::{Request, read_request};
use crate::tls::Identity;

/// Gives the answer to a request; the number counts all requests of the sink from 0.
type Script = dyn Fn(&Request, usize) -> Answer + Send + Sync;

/// A running sink. Dropping it closes the port and every connection.
pub struct Sink {
    address: SocketAddr,
    scheme: &'static str,
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
}

struct Shared {
    script: Box<Script>,
    identity: Option<Identity>,
    requests: Mutex<Vec<Request>>,
    arrived: Condvar,
    /// Open connections by number, so that dropping the sink can end those that hang.
    open: Mutex<HashMap<usize, TcpStream>>,
    opened: AtomicUsize,
    stopping: AtomicBool,
}

impl Sink {
    /// Starts a sink on a free port. It goes through the answers; the last one repeats.
    #[track_caller]
    pub fn start(answers: impl IntoIterator<Item = Answer>) -> Self {
        Self::at((Ipv4Addr::LOCALHOST, 0), answers).expect("a free port")
    }

    /// The same on a given address; an error if it is taken.
    #[track_caller]
    pub fn at(
        address: impl ToSocketAddrs,
        answers: impl IntoIterator<Item = Answer>,
    ) -> io::Result<Self> {
        Self::listen(TcpListener::bind(address)?, in_order(answers), None)
    }

    /// Starts a sink that decides by looking at each request.
    #[track_caller]
    pub fn answering(script: impl Fn(&Request, usize) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        Self::listen(listener, Box::new(script), None).expect("a listening sink")
    }

    /// The same on a given address, with TLS if there is a certificate; an error if it is taken.
    pub fn answering_at(
        address: impl ToSocketAddrs,
        identity: Option<Identity>,
        script: impl Fn(&Request, usize) -> Answer + Send + Sync + 'static,
    ) -> io::Result<Self> {
        Self::listen(TcpListener::bind(address)?, Box::new(script), identity)
    }

    /// Starts a sink that speaks TLS with this certificate.
    #[track_caller]
    pub fn tls(identity: Identity, answers: impl IntoIterator<Item = Answer>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        Self::listen(listener, in_order(answers), Some(identity)).expect("a sink")
    }

    fn listen(
        listener: TcpListener,
        script: Box<Script>,
        identity: Option<Identity>,
    ) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let scheme = if identity.is_some() { "https" } else { "http" };
        let shared = Arc::new(Shared {
            script,
            identity,
            requests: Mutex::default(),
            arrived: Condvar::new(),
            open: Mutex::default(),
            opened: AtomicUsize::new(0),
            stopping: AtomicBool::new(false),
        });
        let acceptor = Arc::clone(&shared);
        let accepting = Some(thread::spawn(move || acceptor.accept(&listener)));
        Ok(Self {
            address,
            scheme,
            shared,
            accepting,
        })
    }

    /// `http://127.0.0.1:<port>`, without a path.
    pub fn url(&self) -> String {
        format!("{}://{}", self.scheme, self.address)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Everything received so far, in order of arrival.
    pub fn requests(&self) -> Vec<Request> {
        self.shared.requests().clone()
    }

    /// How many connections were ever opened.
    pub fn connections(&self) -> usize {
        self.shared.opened.load(Ordering::Relaxed)
    }

    /// Waits for at least `count` requests and gives them all; panics after `deadline`.
    #[track_caller]
    pub fn wait_for(&self, count: usize, deadline: Duration) -> Vec<Request> {
        let end = Instant::now() + deadline;
        let mut requests = self.shared.requests();
        while requests.len() < count {
            let left = end.saturating_duration_since(Instant::now());
            let seen = requests.len();
            assert!(
                !left.is_zero(),
                "{seen} of {count} requests within {deadline:?}"
            );
            requests = self
                .shared
                .arrived
                .wait_timeout(requests, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        requests.clone()
    }
}

impl fmt::Debug for Sink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sink")
            .field("url", &self.url())
            .finish_non_exhaustive()
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.shared.stopping.store(true, Ordering::Release);
        // Wakes the accepting thread, which then drops the listener; the port is free after that.
        if TcpStream::connect(self.address).is_ok()
            && let Some(accepting) = self.accepting.take()
        {
            // A panic there would have been seen already.
            let _ = accepting.join();
        }
        for stream in self.shared.open().values() {
            // Closed by the peer already: nothing left to end.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

fn in_order(answers: impl IntoIterator<Item = Answer>) -> Box<Script> {
    let answers: Vec<Answer> = answers.into_iter().collect();
    assert!(!answers.is_empty(), "a script needs at least one answer");
    Box::new(move |_, number| answers[number.min(answers.len() - 1)].clone())
}

impl Shared {
    fn requests(&self) -> MutexGuard<'_, Vec<Request>> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn open(&self) -> MutexGuard<'_, HashMap<usize, TcpStream>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn accept(self: Arc<Self>, listener: &TcpListener) {
        for stream in listener.incoming() {
            if self.stopping.load(Ordering::Acquire) {
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
        if self.stopping.load(Ordering::Acquire) {
            return Ok(());
        }
        match &self.identity {
            None => self.answer_all(stream.try_clone()?, stream, number),
            Some(identity) => {
                self.answer_all(identity.accept(stream.try_clone()?)?, stream, number)
            }
        }
    }

    fn answer_all(
        &self,
        stream: impl Read + Write,
        socket: &TcpStream,
        number: usize,
    ) -> io::Result<()> {
        let mut stream = BufReader::new(stream);
        while let Some(request) = read_request(&mut stream, number)? {
            let answer = self.record(&request);
            thread::sleep(answer.delay);
            match &answer.action {
                Action::Reply {
                    status,
                    headers,
                    body,
                } => {
                    write_reply(stream.get_mut(), *status, headers, body)?;
                    if request.wants_close() {
                        return socket.shutdown(Shutdown::Both);
                    }
                }
                Action::Close => return socket.shutdown(Shutdown::Both),
                Action::Reset => {
                    // With a linger of zero, closing the last handle sends RST.
                    SockRef::from(socket).set_linger(Some(Duration::ZERO))?;
                    self.open().remove(&number);
                    return Ok(());
                }
                // Until the peer gives up or the sink is dropped.
                Action::Hang => return stream.read_to_end(&mut Vec::new()).map(|_| ()),
            }
        }
        Ok(())
    }

    fn record(&self, request: &Request) -> Answer {
        let number = {
            let mut requests = self.requests();
            requests.push(request.clone());
            requests.len() - 1
        };
        self.arrived.notify_all();
        (self.script)(request, number)
    }
}
