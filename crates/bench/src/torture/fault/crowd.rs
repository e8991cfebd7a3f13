//! Crowds at a program's own port: connections that say nothing, and headers without an end.

use std::io::{ErrorKind, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::Fault;
use crate::torture::rng::Rng;
use crate::torture::scene::Stage;
use crate::torture::setting::{Setting, Skip};

const SILENT: usize = 2000;
/// Room for a crowd, and for other rows that run beside it.
const DESCRIPTORS: u64 = 6000;
const FLOODS: usize = 20;
const PAUSE: Duration = Duration::from_millis(20);
const HEAD: &[u8] = b"POST / HTTP/1.1\r\nHost: x\r\n";

/// A kind of crowd.
#[derive(Clone, Copy)]
pub(super) enum Crowd {
    Silent,
    HeaderFlood,
}

pub(super) const ALL: [Crowd; 2] = [Crowd::Silent, Crowd::HeaderFlood];

impl Fault for Crowd {
    fn name(&self) -> &'static str {
        match self {
            Self::Silent => "silent-connections",
            Self::HeaderFlood => "header-floods",
        }
    }

    fn prepare(&self, _setting: &mut Setting) -> Result<(), Skip> {
        match descriptors() {
            Some(limit) if limit < DESCRIPTORS => Err(Skip(format!(
                "a process may open only {limit} files here, and {DESCRIPTORS} are needed"
            ))),
            _ => Ok(()),
        }
    }

    fn strike(&self, stage: &Stage, length: Duration, _rng: &mut Rng) {
        let door = stage.door.expect("a subject that serves");
        match self {
            Self::Silent => {
                let crowd: Vec<_> = (0..SILENT)
                    .map_while(|_| TcpStream::connect(door).ok())
                    .collect();
                thread::sleep(length);
                drop(crowd);
            }
            Self::HeaderFlood => flood(door, length),
        }
    }
}

/// How many files this process may open, the limit being raised as far as allowed; `None`: any.
fn descriptors() -> Option<u64> {
    let now = getrlimit(Resource::Nofile);
    let most = Rlimit {
        current: now.maximum,
        maximum: now.maximum,
    };
    match setrlimit(Resource::Nofile, most) {
        Ok(()) => now.maximum,
        Err(_) => now.current,
    }
}

/// Sends headers on many connections; each that is closed is opened anew.
fn flood(door: SocketAddr, length: Duration) {
    let end = Instant::now() + length;
    let header = format!("x-flood: {}\r\n", "y".repeat(1000));
    let block = header.repeat(16);
    let mut crowd: Vec<TcpStream> = Vec::new();
    while Instant::now() < end {
        while crowd.len() < FLOODS {
            let Ok(mut stream) = TcpStream::connect(door) else {
                break;
            };
            if stream.write_all(HEAD).is_ok() && stream.set_nonblocking(true).is_ok() {
                crowd.push(stream);
            }
        }
        crowd.retain_mut(|stream| {
            let written = stream.write(block.as_bytes());
            written.is_ok() || written.is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
        });
        thread::sleep(PAUSE);
    }
}
