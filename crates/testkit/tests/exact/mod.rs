//! A client of the scripted API server that sends exact bytes.
#![allow(dead_code, reason = "each test file uses a part")]

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::{Value, json};
use testkit::{ApiServer, Reply, exchange};

pub(crate) const PODS: &str = "v1/pods";
pub(crate) const SOON: Duration = Duration::from_secs(5);

pub(crate) fn send(
    server: &ApiServer,
    method: &str,
    path: &str,
    headers: &str,
    body: &Value,
) -> Reply {
    let body = if body.is_null() {
        String::new()
    } else {
        body.to_string()
    };
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: h\r\n{headers}Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    exchange(server.address(), request.as_bytes()).expect("an answer")
}

pub(crate) fn get(server: &ApiServer, path: &str) -> (u16, Value) {
    let reply = send(server, "GET", path, "", &Value::Null);
    (
        reply.status,
        serde_json::from_slice(&reply.body).expect("JSON"),
    )
}

pub(crate) fn pod(server: &ApiServer, name: &str) -> Value {
    server.apply(
        PODS,
        json!({"metadata": {"namespace": "a", "name": name, "labels": {"n": name}}, "spec": {"x": 1}}),
    )
}

/// The lines of a watch, as they come.
pub(crate) struct Watch(pub(crate) BufReader<TcpStream>);

impl Watch {
    pub(crate) fn open(server: &ApiServer, path: &str, headers: &str) -> Self {
        let mut stream = TcpStream::connect(server.address()).expect("a connection");
        stream.set_read_timeout(Some(SOON)).expect("a time limit");
        let request = format!("GET {path} HTTP/1.1\r\nHost: h\r\n{headers}\r\n");
        stream.write_all(request.as_bytes()).expect("a request");
        let mut reader = BufReader::new(stream);
        let mut line = String::new();
        while line != "\r\n" {
            line.clear();
            reader.read_line(&mut line).expect("the head");
        }
        Self(reader)
    }

    /// The next chunk; empty at the end.
    pub(crate) fn chunk(&mut self) -> std::io::Result<String> {
        let mut size = String::new();
        self.0.read_line(&mut size)?;
        let size = usize::from_str_radix(size.trim(), 16).map_err(|_| ErrorKind::UnexpectedEof)?;
        let mut chunk = vec![0; size + 2];
        self.0.read_exact(&mut chunk)?;
        chunk.truncate(size);
        Ok(String::from_utf8(chunk).expect("text"))
    }

    pub(crate) fn event(&mut self) -> (String, Value) {
        let event: Value = serde_json::from_str(&self.chunk().expect("a line")).expect("JSON");
        (
            event["type"].as_str().expect("a type").to_owned(),
            event["object"].clone(),
        )
    }
}

pub(crate) fn version(object: &Value) -> &str {
    object["metadata"]["resourceVersion"]
        .as_str()
        .expect("a version")
}
