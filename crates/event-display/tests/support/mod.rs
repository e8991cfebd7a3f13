//! A running event-display, and requests made of exact bytes.
#![allow(dead_code, reason = "each test file uses a part of this")]

pub(crate) mod viewer;

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use testkit::{Launch, Process, eventually};

pub(crate) const DEADLINE: Duration = Duration::from_secs(30);

/// What one request gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// The head without the status line, as it came.
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// The last answer in these bytes; interim ones in front are dropped.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let end = bytes.windows(4).position(|w| w == b"\r\n\r\n")? + 4;
        let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
        let (first, rest) = head.split_once("\r\n")?;
        let status = first
            .strip_prefix("HTTP/1.")?
            .split(' ')
            .nth(1)?
            .parse()
            .ok()?;
        if status == 100 {
            return Self::parse(&bytes[end..]);
        }
        Some(Self {
            status,
            head: rest.to_owned(),
            body: bytes[end..].to_vec(),
        })
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then_some(value.trim())
        })
    }
}

/// A running event-display.
pub(crate) struct Display {
    pub(crate) process: Process,
    pub(crate) address: SocketAddr,
    printed: usize,
}

impl Display {
    pub(crate) fn start(env: &[(&str, &str)]) -> Self {
        Self::launch(Self::binary().envs(env.iter().copied()))
    }

    pub(crate) fn binary() -> Launch {
        Launch::new(env!("CARGO_BIN_EXE_event-display")).env("PORT", "0")
    }

    pub(crate) fn launch(launch: Launch) -> Self {
        let process = launch.start();
        let line = process
            .stderr()
            .line_with("Listening for CloudEvents.", DEADLINE);
        let port = line
            .rsplit(':')
            .next()
            .expect("a port")
            .trim_matches(['"', '}']);
        let port = port
            .parse()
            .unwrap_or_else(|_| panic!("no port in {line:?}"));
        Self {
            process,
            address: (Ipv4Addr::LOCALHOST, port).into(),
            printed: 0,
        }
    }

    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).expect("a connection");
        stream
            .set_read_timeout(Some(DEADLINE))
            .expect("a time limit");
        stream
    }

    /// Sends bytes on a connection of their own and reads until its end.
    pub(crate) fn send(&self, request: &[u8]) -> Vec<u8> {
        let mut stream = self.connect();
        // Half of it may be refused before the rest was sent.
        let _ = stream.write_all(request);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        answer
    }

    /// The same for a request that gets an answer.
    pub(crate) fn ask(&self, request: &[u8]) -> Answer {
        let bytes = self.send(request);
        Answer::parse(&bytes).unwrap_or_else(|| {
            panic!(
                "no answer but {:?} to {:?}",
                bytes.escape_ascii(),
                request.escape_ascii()
            )
        })
    }

    /// Posts a binary event with these headers on top of the ones it needs.
    pub(crate) fn post(&self, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        self.ask(&event(headers, body))
    }

    /// What was printed since the last time; waits for at least this much.
    pub(crate) fn printed(&mut self, length: usize) -> Vec<u8> {
        self.printed_when("something on stdout", |new| new.len() >= length)
    }

    /// The same, but waits until it ends like this.
    pub(crate) fn printed_until(&mut self, end: &[u8]) -> Vec<u8> {
        let what = format!(
            "{:?} at the end of stdout",
            end[..end.len().min(200)].escape_ascii()
        );
        self.printed_when(&what, |new| new.ends_with(end))
    }

    fn printed_when(&mut self, what: &str, is_enough: impl Fn(&[u8]) -> bool) -> Vec<u8> {
        let bytes = eventually(what, DEADLINE, || {
            let bytes = self.process.stdout().bytes();
            is_enough(&bytes[self.printed..]).then_some(bytes)
        });
        let new = bytes[self.printed..].to_vec();
        self.printed = bytes.len();
        new
    }

    /// Sends half of a request, closes that side and reads what comes.
    pub(crate) fn send_half(&self, request: &[u8]) -> Vec<u8> {
        let mut stream = self.connect();
        stream.write_all(request).expect("somebody listens");
        stream.shutdown(Shutdown::Write).expect("a connection");
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        answer
    }
}

/// A binary-mode event: id `1`, type `t`, source `/s`, unless the headers say something else.
pub(crate) fn event(headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut all = vec![("ce-specversion", "1.0"), ("ce-id", "1"), ("ce-type", "t")];
    all.push(("ce-source", "/s"));
    all.retain(|(name, _)| headers.iter().all(|(given, _)| given != name));
    all.extend_from_slice(headers);
    request("POST", "/", &all, body)
}

/// A request with `Host`, `Connection: close` and a length.
pub(crate) fn request(method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut text = format!("{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n");
    for (name, value) in headers {
        text.extend([name, ": ", value, "\r\n"]);
    }
    let length = format!("Content-Length: {}\r\n\r\n", body.len());
    [text.as_bytes(), length.as_bytes(), body].concat()
}
