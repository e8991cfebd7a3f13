//! A TCP proxy between two programs: the line on which everything can go wrong.
//!
//! It knows bytes and connections, no HTTP. With a certificate it ends TLS, so that certificates
//! can be changed while a sink runs. How bytes pass in which weather: `pump`.

mod pump;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use rustls::ServerConfig;
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

use crate::one_thread;

const BACKLOG: u32 = 1024;
/// Between two tries for a port that is still being given up.
const PAUSE: Duration = Duration::from_millis(5);

/// What the line does to connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weather {
    /// Bytes pass.
    Fair,
    /// Nobody listens, and open connections are reset.
    Refuse,
    /// Bytes wait until the weather changes.
    Hang,
    /// A connection on which something is said is dead from then on: nothing comes back, nothing
    /// ends it.
    HalfOpen,
    /// What comes from the client is cut after so many bytes, and the connection is reset.
    ResetRequest(usize),
    /// What comes back is cut after so many bytes, and the connection is reset.
    ResetResponse(usize),
    /// Bytes pass in pieces, with a pause behind each.
    Slow {
        /// Bytes of a piece.
        piece: usize,
        /// The pause.
        pause: Duration,
    },
}

/// A certificate that is shown to clients; `None`: no TLS is spoken.
pub type Certificate = Option<Arc<ServerConfig>>;

/// A running proxy. Dropping it closes its port and its connections.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    weather: watch::Sender<Weather>,
    certificate: watch::Sender<Certificate>,
    open: Arc<AtomicUsize>,
}

/// What all connections of a proxy share.
#[derive(Clone)]
struct Line {
    backend: SocketAddr,
    weather: watch::Receiver<Weather>,
    certificate: watch::Receiver<Certificate>,
    open: Arc<AtomicUsize>,
}

impl Proxy {
    /// A proxy on all addresses of this machine that leads to `backend`.
    ///
    /// Its port lies below those that the system gives to others, so that it can be given up and
    /// taken again.
    pub fn start(backend: SocketAddr) -> Self {
        let port = testkit::free_port();
        let (weather, seen_weather) = watch::channel(Weather::Fair);
        let (certificate, seen_certificate) = watch::channel(None);
        let open = Arc::new(AtomicUsize::new(0));
        let line = Line {
            backend,
            weather: seen_weather,
            certificate: seen_certificate,
            open: Arc::clone(&open),
        };
        // Before anybody is told the address.
        let listener = runtime().block_on_listen(port);
        runtime().0.spawn(serve(listener, port, line));
        Self {
            address: (Ipv4Addr::LOCALHOST, port).into(),
            weather,
            certificate,
            open,
        }
    }

    /// Where it listens on the loopback address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on.
    pub fn set(&self, weather: Weather) {
        self.weather.send_replace(weather);
    }

    /// Shows this certificate on new connections.
    pub fn certify(&self, certificate: Certificate) {
        self.certificate.send_replace(certificate);
    }

    /// How many connections are open now.
    pub fn connections(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }
}

/// Until the proxy is dropped.
async fn serve(first: TcpListener, port: u16, mut line: Line) {
    let mut listener = Some(first);
    loop {
        let refuses = *line.weather.borrow_and_update() == Weather::Refuse;
        if refuses {
            listener = None;
        } else if listener.is_none() {
            listener = Some(listen_again(port).await);
        }
        tokio::select! {
            changed = line.weather.changed() => if changed.is_err() { return },
            accepted = accept(listener.as_ref()) => {
                // Out of descriptors or gone already: the client sees it as it would anywhere.
                if let Ok(client) = accepted {
                    tokio::spawn(carry(client, line.clone()));
                }
            }
        }
    }
}

async fn accept(listener: Option<&TcpListener>) -> io::Result<TcpStream> {
    match listener {
        Some(listener) => Ok(listener.accept().await?.0),
        None => std::future::pending().await,
    }
}

fn listen(port: u16) -> io::Result<TcpListener> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind((Ipv4Addr::UNSPECIFIED, port).into())?;
    socket.listen(BACKLOG)
}

async fn listen_again(port: u16) -> TcpListener {
    loop {
        match listen(port) {
            Ok(listener) => return listener,
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
}

/// One connection, to its end.
async fn carry(client: TcpStream, line: Line) {
    let _counted = Counted::new(&line.open);
    let (Ok(()), Ok(hold)) = (client.set_nodelay(true), SockRef::from(&client).try_clone()) else {
        return;
    };
    let certificate = line.certificate.borrow().clone();
    let ended = match certificate {
        None => through(client, &line).await,
        Some(certificate) => match TlsAcceptor::from(certificate).accept(client).await {
            Ok(client) => through(client, &line).await,
            // A client that does not like the certificate.
            Err(_) => return,
        },
    };
    if let Err(pump::Broken) = ended {
        // With a linger of zero, closing the last handle sends RST. The stream itself is gone
        // already, the socket is not while `hold` has it.
        let _ = hold.set_linger(Some(Duration::ZERO));
    }
}

async fn through(
    client: impl AsyncRead + AsyncWrite + Send,
    line: &Line,
) -> Result<(), pump::Broken> {
    let backend = TcpStream::connect(line.backend)
        .await
        .map_err(|_| pump::Broken)?;
    backend.set_nodelay(true).map_err(|_| pump::Broken)?;
    let hold = SockRef::from(&backend)
        .try_clone()
        .map_err(|_| pump::Broken)?;
    let ended = pump::both_ways(client, backend, &line.weather).await;
    if ended.is_err() {
        let _ = hold.set_linger(Some(Duration::ZERO));
    }
    ended
}

struct Counted(Arc<AtomicUsize>);

impl Counted {
    fn new(open: &Arc<AtomicUsize>) -> Self {
        open.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(open))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The one thread on which all proxies of this process run.
struct Runtime(Handle);

impl Runtime {
    fn block_on_listen(&self, port: u16) -> TcpListener {
        let _inside = self.0.enter();
        listen(port).expect("the port that was free a moment ago")
    }
}

fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| {
        let runtime = one_thread();
        let handle = runtime.handle().clone();
        thread::spawn(move || runtime.block_on(std::future::pending::<()>()));
        Runtime(handle)
    })
}

#[cfg(test)]
mod tests;
