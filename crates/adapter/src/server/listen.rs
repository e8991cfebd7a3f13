//! Listening sockets: both IP versions on one port where the machine has them.

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpListener;

/// Connections that may wait to be accepted; the kernel cuts it to `net.core.somaxconn`.
const BACKLOG: i32 = 4096;

/// Listening failed. Reads like Go's message, which people search for:
/// `listen tcp :8080: bind: address already in use`.
#[derive(Debug, thiserror::Error)]
#[error("listen tcp {}: {step}: {}", Shown(*.address), plain(.source))]
pub struct BindError {
    /// What was to be listened on.
    pub address: SocketAddr,
    /// The system call that failed.
    pub step: &'static str,
    /// Its error.
    pub source: io::Error,
}

/// All addresses of this machine, IPv6 and IPv4.
pub const fn everywhere(port: u16) -> SocketAddr {
    SocketAddr::new(std::net::IpAddr::V6(Ipv6Addr::UNSPECIFIED), port)
}

/// Listens on an address; port 0 picks a free one. Needs a running tokio runtime.
///
/// The IPv6 "any" address takes IPv4 as well, and stands for IPv4 alone where there is no IPv6.
pub fn bind(address: SocketAddr) -> Result<TcpListener, BindError> {
    match listen(address) {
        Err(error) if address.ip() == Ipv6Addr::UNSPECIFIED && has_no_ipv6(&error) => listen(
            SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), address.port()),
        ),
        other => other,
    }
}

fn listen(address: SocketAddr) -> Result<TcpListener, BindError> {
    let failed = |step| {
        move |source| BindError {
            address,
            step,
            source,
        }
    };
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )
    .map_err(failed("socket"))?;
    if address.ip() == Ipv6Addr::UNSPECIFIED {
        socket.set_only_v6(false).map_err(failed("setsockopt"))?;
    }
    // A restart must not wait until connections of the last run have timed out.
    socket
        .set_reuse_address(true)
        .map_err(failed("setsockopt"))?;
    socket.set_nonblocking(true).map_err(failed("setsockopt"))?;
    socket.bind(&address.into()).map_err(failed("bind"))?;
    socket.listen(BACKLOG).map_err(failed("listen"))?;
    TcpListener::from_std(socket.into()).map_err(failed("register"))
}

/// Switched off at boot (no such family) or by sysctl (no such address).
fn has_no_ipv6(error: &BindError) -> bool {
    error.step == "socket" || error.source.kind() == io::ErrorKind::AddrNotAvailable
}

/// An address as Go writes it: `:8080` for all addresses.
struct Shown(SocketAddr);

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.ip().is_unspecified() {
            write!(f, ":{}", self.0.port())
        } else {
            write!(f, "{}", self.0)
        }
    }
}

/// The system's text in lower case and without Rust's `(os error 98)`.
fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_lowercase().chain(letters).collect()
    })
}
