//! What a script sees of the page: answers to GETs, and server-sent events as they come.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;

use serde_json::Value;
use testkit::{Reply, exchange};

use super::Display;

/// The media type that scripts ask for.
pub(crate) const JSON: (&str, &str) = ("Accept", "application/json");
pub(crate) const HTML: (&str, &str) = ("Accept", "text/html,*/*;q=0.8");
pub(crate) const STREAM: (&str, &str) = ("Accept", "text/event-stream");

impl Display {
    pub(crate) fn get(&self, target: &str, headers: &[(&str, &str)]) -> Reply {
        exchange(self.address, &get(target, headers)).expect("an answer")
    }

    /// `GET target` as a script does it.
    #[track_caller]
    pub(crate) fn json(&self, target: &str) -> Value {
        let reply = self.get(target, &[JSON]);
        assert_eq!(reply.status, 200, "{target}: {}", reply.text());
        serde_json::from_slice(&reply.body).expect("JSON")
    }

    #[track_caller]
    pub(crate) fn stream(&self, target: &str, headers: &[(&str, &str)]) -> Stream {
        let mut stream = self.connect();
        let headers = [&[STREAM], headers].concat();
        stream
            .write_all(&get(target, &headers))
            .expect("somebody listens");
        let mut stream = BufReader::new(stream);
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert!(stream.read_line(&mut head).expect("a head") > 0, "{head}");
        }
        assert!(head.starts_with("HTTP/1.1 200 OK"), "{head}");
        assert!(
            head.contains("content-type: text/event-stream\r\n"),
            "{head}"
        );
        Stream {
            stream,
            text: String::new(),
        }
    }
}

fn get(target: &str, headers: &[(&str, &str)]) -> Vec<u8> {
    let mut text = format!("GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n");
    for (name, value) in headers {
        text.extend([name, ": ", value, "\r\n"]);
    }
    (text + "\r\n").into_bytes()
}

/// A stream of server-sent events.
pub(crate) struct Stream {
    stream: BufReader<TcpStream>,
    text: String,
}

/// One of them.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Message {
    pub(crate) event: String,
    pub(crate) id: String,
    pub(crate) data: Value,
}

impl Stream {
    /// The next message, comments left out; `None` at the end of the stream.
    pub(crate) fn next(&mut self) -> Option<Message> {
        loop {
            while !self.text.contains("\n\n") {
                let chunk = self.chunk().expect("a chunk");
                if chunk.is_empty() {
                    return None;
                }
                self.text += &chunk;
            }
            let (message, rest) = self.text.split_once("\n\n").expect("it is there");
            let fields = message.lines().filter_map(|line| line.split_once(": "));
            let mut found = Message::default();
            for (name, value) in fields {
                match name {
                    "event" => value.clone_into(&mut found.event),
                    "id" => value.clone_into(&mut found.id),
                    "data" => found.data = serde_json::from_str(value).expect("JSON"),
                    _ => {}
                }
            }
            self.text = rest.to_owned();
            if found != Message::default() {
                return Some(found);
            }
        }
    }

    /// The id attribute of the next event.
    #[track_caller]
    pub(crate) fn next_id(&mut self) -> String {
        let message = self.next().expect("a message");
        let id = message.data["id"].as_str();
        id.unwrap_or_else(|| panic!("no event: {message:?}"))
            .to_owned()
    }

    /// The epoch that the greeting names.
    #[track_caller]
    pub(crate) fn hello(&mut self) -> String {
        let hello = self.next().expect("a greeting");
        assert_eq!(hello.event, "hello");
        hello.data["epoch"].as_str().expect("an epoch").to_owned()
    }

    fn chunk(&mut self) -> io::Result<String> {
        let mut line = String::new();
        self.stream.read_line(&mut line)?;
        let size = usize::from_str_radix(line.trim(), 16).unwrap_or(0);
        let mut chunk = vec![0; size + 2];
        self.stream.read_exact(&mut chunk)?;
        chunk.truncate(size);
        Ok(String::from_utf8(chunk).expect("UTF-8"))
    }
}
