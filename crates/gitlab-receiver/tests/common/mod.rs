//! What the black-box tests of this crate share: the started receiver and hooks to send it.
#![allow(dead_code, reason = "each test file uses its own part")]

use std::fs;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

use testkit::{Launch, Process, Reply, eventually, exchange};

pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_gitlab-receiver");
pub(crate) const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data");
pub(crate) const SECRET: &str = "cz-4Qe8_Lw2.9vB!";
pub(crate) const SOURCE: &str = "https://git.orchard-lab.example/orchard-lab/pressing/cider-press";

/// What the stock controller and Serving set, with `PORT` and `K_SINK` left to the caller.
pub(crate) const STOCK: [(&str, &str); 8] = [
    ("GITLAB_SECRET_TOKEN", SECRET),
    ("GITLAB_EVENT_SOURCE", SOURCE),
    ("NAMESPACE", "cellar"),
    ("METRICS_DOMAIN", "knative.dev/eventing"),
    ("METRICS_PROMETHEUS_PORT", "9092"),
    ("K_LOGGING_CONFIG", "{}"),
    ("K_KLOG_VERBOSITY", "0"),
    ("K_OBSERVABILITY_CONFIG", "{}"),
];

/// A receiver whose port is open.
pub(crate) struct Receiver {
    pub(crate) process: Process,
    pub(crate) address: SocketAddr,
}

impl Receiver {
    /// Starts with the stock variables, the sink, and these laid over them.
    #[track_caller]
    pub(crate) fn start(sink: &str, changes: &[(&str, &str)]) -> Self {
        let mut receiver = Self::begin(sink, changes);
        receiver.wait_until_open();
        receiver
    }

    /// The same for one that may end before anybody sees its port open.
    pub(crate) fn begin(sink: &str, changes: &[(&str, &str)]) -> Self {
        let stock = STOCK.into_iter().chain([("K_SINK", sink)]);
        let kept = stock.filter(|(name, _)| changes.iter().all(|(changed, _)| changed != name));
        Self::launch(kept.chain(changes.iter().copied()))
    }

    /// Starts with exactly these variables and a free port.
    pub(crate) fn launch<'a>(env: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        Self::launched(Launch::new(BINARY), env)
    }

    /// Starts it through a launch that somebody has prepared.
    pub(crate) fn launched<'a>(
        launch: Launch,
        env: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Self {
        let port = testkit::free_port();
        let process = launch.envs(env).env("PORT", port.to_string()).start();
        Self {
            process,
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
        }
    }

    #[track_caller]
    pub(crate) fn wait_until_open(&mut self) {
        eventually("an open port", Duration::from_secs(20), || {
            let exit = self.process.exited();
            assert!(exit.is_none(), "{exit:?}: {}", self.process.stderr().text());
            TcpStream::connect(self.address).ok()
        });
    }

    /// Sends a hook and gives the answer.
    #[track_caller]
    pub(crate) fn send(&self, hook: &Hook) -> Reply {
        exchange(self.address, &hook.bytes()).expect("an answer")
    }
}

/// A webhook as GitLab sends it.
#[derive(Clone)]
pub(crate) struct Hook {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Option<Vec<u8>>,
    pub(crate) chunked: bool,
}

impl Hook {
    /// The push of the sample payloads with this `Idempotency-Key`.
    pub(crate) fn push(key: &str) -> Self {
        Self::new("Push Hook", key, payload("gitlab/push_events.json"))
    }

    pub(crate) fn new(event: &str, key: &str, body: Vec<u8>) -> Self {
        let headers = [
            ("Content-Type", "application/json"),
            ("User-Agent", "GitLab/18.9.1-ee"),
            ("Idempotency-Key", key),
            ("X-Gitlab-Event", event),
            (
                "X-Gitlab-Webhook-UUID",
                "51a0ceef-1c5e-4a7b-9d20-6f2b33c29919",
            ),
            ("X-Gitlab-Instance", "https://git.orchard-lab.example"),
            ("X-Gitlab-Token", SECRET),
        ];
        Self {
            method: "POST".to_owned(),
            path: "/".to_owned(),
            headers: headers
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
            body: Some(body),
            chunked: false,
        }
    }

    /// The same with a header replaced or added.
    #[must_use]
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.headers
            .retain(|(present, _)| !present.eq_ignore_ascii_case(name));
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// As it goes over the wire, on a connection of its own.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut bytes = format!(
            "{} {} HTTP/1.1\r\nHost: hooks.example\r\n",
            self.method, self.path
        );
        bytes += "Connection: close\r\n";
        for (name, value) in &self.headers {
            bytes.extend([name, ": ", value, "\r\n"]);
        }
        let mut bytes = bytes.into_bytes();
        match &self.body {
            Some(body) if self.chunked => {
                bytes.extend_from_slice(b"Transfer-Encoding: chunked\r\n\r\n");
                for chunk in body.chunks(1000) {
                    bytes.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
                    bytes.extend_from_slice(chunk);
                    bytes.extend_from_slice(b"\r\n");
                }
                bytes.extend_from_slice(b"0\r\n\r\n");
            }
            body => {
                let body = body.as_deref().unwrap_or_default();
                bytes.extend_from_slice(
                    format!("Content-Length: {}\r\n\r\n", body.len()).as_bytes(),
                );
                bytes.extend_from_slice(body);
            }
        }
        bytes
    }
}

pub(crate) fn payload(file: &str) -> Vec<u8> {
    fs::read(format!("{DATA}/{file}")).expect("a payload")
}

/// A connection that is kept, for load: sends hooks one after the other.
pub(crate) struct Line {
    stream: BufReader<TcpStream>,
}

impl Line {
    pub(crate) fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(20)))?;
        Ok(Self {
            stream: BufReader::new(stream),
        })
    }

    /// Sends a push and gives the status.
    pub(crate) fn push(&mut self, key: &str, body: &[u8]) -> io::Result<u16> {
        let mut bytes = format!(
            "POST / HTTP/1.1\r\nHost: hooks.example\r\nX-Gitlab-Token: {SECRET}\r\nX-Gitlab-Event: Push Hook\r\nIdempotency-Key: {key}\r\nContent-Length: {}\r\n\r\n",
            body.len()
        )
        .into_bytes();
        bytes.extend_from_slice(body);
        self.stream.get_mut().write_all(&bytes)?;
        self.status()
    }

    fn status(&mut self) -> io::Result<u16> {
        let mut line = String::new();
        self.stream.read_line(&mut line)?;
        let status = line.split(' ').nth(1).and_then(|code| code.parse().ok());
        let status = status.ok_or(io::ErrorKind::UnexpectedEof)?;
        let mut length = 0;
        loop {
            line.clear();
            if self.stream.read_line(&mut line)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if line == "\r\n" {
                break;
            }
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap_or(0);
            }
        }
        self.stream.read_exact(&mut vec![0; length])?;
        Ok(status)
    }
}
