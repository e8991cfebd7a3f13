//! The scripted API server without sockets, so that time can be paused: a client whose link to it
//! can be cut, and an observer that writes down what it is told.
#![allow(dead_code, reason = "each test file uses a part")]

pub(crate) mod election;
pub(crate) mod go;
pub(crate) mod random;
pub(crate) mod scene;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use cluster::client::Client;
use cluster::clock::Clock;
use cluster::watch::{Event, Observer, Trouble};
use futures::stream;
use http::{Request, Response};
use http_body::Frame;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use kube::client::Body;
use testkit::{ApiAnswer, ApiServer, Cut, Piece, Stream};
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

type BoxError = Box<dyn std::error::Error + Send + Sync>;
type Answer = Response<UnsyncBoxBody<Bytes, BoxError>>;

/// The way from one client to the server. A copy is the same way.
#[derive(Clone)]
pub(crate) struct Link {
    server: Arc<ApiServer>,
    changed: Arc<Notify>,
    up: watch::Sender<bool>,
}

impl Link {
    pub(crate) fn new(server: &Arc<ApiServer>) -> Self {
        let changed = Arc::new(Notify::new());
        let notify = Arc::clone(&changed);
        server.on_change(move || notify.notify_waiters());
        Self {
            server: Arc::clone(server),
            changed,
            up: watch::Sender::new(true),
        }
    }

    /// Loses all that is sent and said from now on, silently, until it is mended.
    pub(crate) fn cut(&self) {
        self.up.send_replace(false);
    }

    pub(crate) fn mend(&self) {
        self.up.send_replace(true);
    }

    /// Needs a runtime.
    pub(crate) fn client(&self) -> Client {
        let link = self.clone();
        let service = tower::service_fn(move |request| link.clone().carry(request));
        Client::over(kube::Client::new(service, "default"))
    }

    async fn carry(self, request: Request<Body>) -> Result<Answer, BoxError> {
        self.passable().await;
        let (head, body) = request.into_parts();
        let body = body.collect().await?.to_bytes();
        let headers: Vec<(&str, &str)> = head
            .headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.to_str().expect("a text")))
            .collect();
        let target = head.uri.path_and_query().expect("a path").as_str();
        let (delay, answer) = self
            .server
            .answer(head.method.as_str(), target, &headers, &body);
        tokio::time::sleep(delay).await;
        let answer = answer();
        self.passable().await;
        match answer {
            ApiAnswer::Whole {
                status,
                headers,
                body,
            } => {
                let mut response = Response::builder().status(status);
                for (name, value) in headers {
                    response = response.header(name, value);
                }
                Ok(response.body(Full::from(body).map_err(BoxError::from).boxed_unsync())?)
            }
            ApiAnswer::Watch(watch) => Ok(Response::new(self.stream(watch))),
            ApiAnswer::Silence => std::future::pending().await,
            ApiAnswer::Reset => Err("connection reset".into()),
        }
    }

    async fn passable(&self) {
        let mut up = self.up.subscribe();
        up.wait_for(|up| *up).await.expect("the link lives");
    }

    fn stream(self, watch: Stream) -> UnsyncBoxBody<Bytes, BoxError> {
        let end = Instant::now() + watch.time_limit();
        let frames = stream::unfold(Some((self, watch)), move |state| async move {
            let (link, mut watch) = state?;
            loop {
                link.passable().await;
                let changed = Arc::clone(&link.changed).notified_owned();
                match watch.pull() {
                    Piece::Bytes(bytes) => {
                        return Some((Ok(Frame::data(bytes.into())), Some((link, watch))));
                    }
                    Piece::Nothing(time) => {
                        let time = time.map_or(end, |time| end.min(Instant::now() + time));
                        let _ = tokio::time::timeout_at(time, changed).await;
                        if Instant::now() >= end {
                            return None;
                        }
                    }
                    Piece::End(Cut::End) => return None,
                    Piece::End(Cut::Silent) => std::future::pending().await,
                    Piece::End(Cut::Close | Cut::Reset) => {
                        let error = BoxError::from("connection reset");
                        return Some((Err(error), None));
                    }
                }
            }
        });
        StreamBody::new(frames).boxed_unsync()
    }
}

/// The wall clock of a machine, moving with paused time and off by some seconds.
pub(crate) fn clock(skew: i64) -> Clock {
    let begin = Instant::now();
    let base: DateTime<Utc> = "2026-11-22T18:00:00Z".parse().expect("a time");
    Arc::new(move || {
        let passed = TimeDelta::from_std(begin.elapsed()).expect("not that long");
        base + passed + TimeDelta::seconds(skew)
    })
}

/// Waits until something is there; panics after a minute of paused time with `what`.
pub(crate) async fn until<T>(what: &str, mut probe: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + Duration::from_mins(1);
    loop {
        if let Some(found) = probe() {
            return found;
        }
        assert!(Instant::now() < end, "not within a minute: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Writes down what it is told, as short words.
#[derive(Clone, Default)]
pub(crate) struct Notebook {
    lines: Arc<Mutex<Vec<String>>>,
    slow: Duration,
}

impl Notebook {
    /// Takes that long for each event.
    pub(crate) fn slow(slow: Duration) -> Self {
        Self {
            slow,
            ..Self::default()
        }
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.lines.lock().expect("no panic").clone()
    }

    pub(crate) fn clear(&self) {
        self.lines.lock().expect("no panic").clear();
    }

    fn write(&self, line: String) {
        self.lines.lock().expect("no panic").push(line);
    }

    /// Waits for a line; the test's deadline bounds it.
    pub(crate) async fn wait_for(&self, line: &str) {
        while !self.lines().iter().any(|seen| seen == line) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

impl Observer for Notebook {
    async fn event(&mut self, event: Event<'_>) {
        tokio::time::sleep(self.slow).await;
        self.write(match event {
            Event::Listing => "listing".to_owned(),
            Event::Synced => "synced".to_owned(),
            Event::Listed(object) => format!("listed {}", object.name),
            Event::Added(object) => format!("added {}", object.name),
            Event::Modified(object) => format!("modified {} {}", object.name, object.version),
            Event::Deleted(object) => format!("deleted {}", object.name),
        });
    }

    fn trouble(&mut self, trouble: &Trouble, streak: u32) -> std::ops::ControlFlow<()> {
        let word = match trouble {
            Trouble::List(_) => "list",
            Trouble::Watch(_) => "watch",
            Trouble::Broken(_) => "broken",
            Trouble::Gap(_) => "gap",
        };
        let code = trouble
            .code()
            .map(|code| format!(" {code}"))
            .unwrap_or_default();
        self.write(format!("trouble {word}{code} #{streak}"));
        std::ops::ControlFlow::Continue(())
    }
}
