//! Telling Istio's proxy to end, without which a Job with a sidecar never completes.
//!
//! Contract: containersource-heartbeats.md 6.4.

use std::io::{self, ErrorKind};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// `localhost` may be either loopback address; both are tried.
const PROXY: &str = "localhost:15020";
/// A POST this plain is not worth a client with a pool and TLS.
const REQUEST: &[u8] = b"POST /quitquitquit HTTP/1.1\r\nHost: localhost:15020\r\n\
    Content-Length: 0\r\nConnection: close\r\n\r\n";
const PATIENCE: Duration = Duration::from_secs(2);

/// Asks the proxy of this pod to quit. No proxy, the usual case, is silent; the answer is ignored.
pub async fn quit_proxy() {
    let result = timeout(PATIENCE, ask())
        .await
        .unwrap_or_else(|_| Err(ErrorKind::TimedOut.into()));
    match result {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => {}
        Err(error) => tracing::warn!(
            %error,
            "[Ignore this warning if Istio proxy is not used on this pod] \
             The proxy could not be told to quit."
        ),
    }
}

async fn ask() -> io::Result<()> {
    let mut stream = TcpStream::connect(PROXY).await?;
    stream.write_all(REQUEST).await?;
    // The first byte of an answer shows that the request was read.
    stream.read_u8().await?;
    Ok(())
}
