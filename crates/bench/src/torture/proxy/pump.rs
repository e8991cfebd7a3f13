//! Bytes in two directions, as the weather has it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::watch;

use super::Weather;

/// Bytes on their way are given this long before a connection is reset, which would lose them.
const ARRIVAL: Duration = Duration::from_millis(20);
const BUFFER: usize = 64 << 10;

/// The connection is to be reset.
#[derive(Debug)]
pub(super) struct Broken;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Request,
    Response,
}

/// What happens to the bytes that were just read.
enum Fate {
    Passed,
    Swallowed,
}

pub(super) async fn both_ways(
    client: impl AsyncRead + AsyncWrite + Send,
    backend: TcpStream,
    weather: &watch::Receiver<Weather>,
) -> Result<(), Broken> {
    let (mut from_client, mut to_client) = tokio::io::split(client);
    let (mut from_backend, mut to_backend) = tokio::io::split(backend);
    let mut broken = weather.clone();
    let dead = AtomicBool::new(false);
    let request = (Way::Request, &dead, weather.clone());
    let response = (Way::Response, &dead, weather.clone());
    let pumps = async {
        tokio::try_join!(
            pump(&mut from_client, &mut to_backend, request),
            pump(&mut from_backend, &mut to_client, response),
        )
    };
    tokio::select! {
        ended = pumps => ended.map(drop),
        // Also when the proxy is dropped, which is an error here.
        _ = broken.wait_for(|weather| *weather == Weather::Refuse) => Err(Broken),
    }
}

async fn pump(
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
    (way, dead, mut weather): (Way, &AtomicBool, watch::Receiver<Weather>),
) -> Result<(), Broken> {
    let mut buffer = vec![0; BUFFER];
    loop {
        let count = from.read(&mut buffer).await.map_err(|_| Broken)?;
        match (count, dead.load(Ordering::Relaxed), way) {
            // Nobody hears of the end of what is behind a dead line; only the client can end it.
            (0, true, Way::Response) => std::future::pending().await,
            (0, true, Way::Request) => return Err(Broken),
            (0, false, _) => return to.shutdown().await.map_err(|_| Broken),
            (_, true, _) => {}
            (count, false, way) => {
                if let Fate::Swallowed = pass(&buffer[..count], to, way, &mut weather).await? {
                    dead.store(true, Ordering::Relaxed);
                }
            }
        }
    }
}

async fn pass(
    mut bytes: &[u8],
    to: &mut (impl AsyncWrite + Unpin),
    way: Way,
    weather: &mut watch::Receiver<Weather>,
) -> Result<Fate, Broken> {
    while !bytes.is_empty() {
        let now = *weather.borrow_and_update();
        match (now, way) {
            (Weather::Refuse, _) => return Err(Broken),
            (Weather::HalfOpen, _) => return Ok(Fate::Swallowed),
            (Weather::Hang, _) => weather.changed().await.map_err(|_| Broken)?,
            (Weather::ResetRequest(after), Way::Request)
            | (Weather::ResetResponse(after), Way::Response) => {
                write(to, &bytes[..after.min(bytes.len())]).await?;
                tokio::time::sleep(ARRIVAL).await;
                return Err(Broken);
            }
            (Weather::Slow { piece, pause }, _) => {
                let (now, later) = bytes.split_at(piece.min(bytes.len()));
                write(to, now).await?;
                bytes = later;
                tokio::time::sleep(pause).await;
            }
            (Weather::Fair | Weather::ResetRequest(_) | Weather::ResetResponse(_), _) => {
                write(to, bytes).await?;
                return Ok(Fate::Passed);
            }
        }
    }
    Ok(Fate::Passed)
}

async fn write(to: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) -> Result<(), Broken> {
    to.write_all(bytes).await.map_err(|_| Broken)?;
    to.flush().await.map_err(|_| Broken)
}
