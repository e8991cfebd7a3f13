//! What a scripted sink does with a request.

use std::io::{self, Write};
use std::time::Duration;

/// One step of a sink's script.
#[derive(Clone, Debug)]
pub struct Answer {
    pub(crate) delay: Duration,
    pub(crate) action: Action,
}

#[derive(Clone, Debug)]
pub(crate) enum Action {
    Reply {
        status: u16,
        headers: Vec<(String, String)>,
        body: Vec<u8>,
    },
    Close,
    Reset,
    Hang,
}

impl Answer {
    /// An answer with this status and no body.
    pub fn status(status: u16) -> Self {
        Self::doing(Action::Reply {
            status,
            headers: Vec::new(),
            body: Vec::new(),
        })
    }

    /// Read the request, then close the connection in order (FIN).
    pub fn close() -> Self {
        Self::doing(Action::Close)
    }

    /// Read the request, then break the connection (RST).
    pub fn reset() -> Self {
        Self::doing(Action::Reset)
    }

    /// Read the request and never answer.
    pub fn hang() -> Self {
        Self::doing(Action::Hang)
    }

    /// Adds a header to the answer; panics for a step that does not answer.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        let Action::Reply { headers, .. } = &mut self.action else {
            panic!("{:?} has no headers", self.action)
        };
        headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Sets the body of the answer; panics for a step that does not answer.
    #[must_use]
    pub fn body(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        let Action::Reply { body, .. } = &mut self.action else {
            panic!("{:?} has no body", self.action)
        };
        *body = bytes.into();
        self
    }

    /// Waits that long between reading the request and doing anything.
    #[must_use]
    pub fn after(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    fn doing(action: Action) -> Self {
        Self {
            delay: Duration::ZERO,
            action,
        }
    }
}

pub(crate) fn write_reply(
    stream: &mut impl Write,
    status: u16,
    headers: &[(String, String)],
    body: &[u8],
) -> io::Result<()> {
    let mut bytes = format!("HTTP/1.1 {status} Scripted\r\n").into_bytes();
    for (name, value) in headers {
        write!(bytes, "{name}: {value}\r\n")?;
    }
    if !matches!(status, 100..=199 | 204 | 304) {
        write!(bytes, "Content-Length: {}\r\n", body.len())?;
    }
    bytes.extend_from_slice(b"\r\n");
    bytes.extend_from_slice(body);
    stream.write_all(&bytes)?;
    stream.flush()
}
