//! Starting the binary as upstream was started, and watching it for as long.

use std::thread;
use std::time::{Duration, Instant};

use testkit::{Answer, Exit, Launch, Process, Request, Root, Signal, Sink, skip};

use super::{Response, Vector};
use crate::common::{SOON, bare};

const ISTIO_PORT: u16 = 15020;

/// What our binary did.
pub(super) struct Run {
    /// `None` if it was still running when the recording was looked at.
    pub(super) exit: Option<Exit>,
    /// Between the last signal and the end, if there was a signal.
    pub(super) stopped_after: Option<Duration>,
    pub(super) requests: Vec<Request>,
    pub(super) istio_requests: Vec<Request>,
    pub(super) stderr: String,
}

impl Vector {
    /// `None`, and a word on stderr, if this machine cannot run it.
    pub(super) fn run(&self) -> Option<Run> {
        self.try_run().map_err(|why| skip(&self.name, &why)).ok()
    }

    fn try_run(&self) -> Result<Run, String> {
        let sink = Sink::start(self.sink_responses.iter().map(Response::answer));
        let istio = if self.istio {
            let proxy = Sink::at(("127.0.0.1", ISTIO_PORT), [Answer::status(200)]);
            Some(proxy.map_err(|error| format!("port {ISTIO_PORT}: {error}"))?)
        } else {
            None
        };
        let mut process = self.launch(&sink.url())?.start();
        let (exit, stopped_after) = self.watch(&mut process, &sink);
        Ok(Run {
            exit,
            stopped_after,
            requests: sink.requests(),
            istio_requests: istio.map(|proxy| proxy.requests()).unwrap_or_default(),
            stderr: process.stderr().text(),
        })
    }

    fn launch(&self, sink: &str) -> Result<Launch, String> {
        let fill = |text: &String| text.replace("{SINK}", sink);
        let launch = bare()
            .args(self.args.iter().map(fill))
            .envs(self.env.iter().map(|(name, value)| (name, fill(value))));
        if self.files.is_empty() {
            return Ok(launch);
        }
        let root = Root::with_directories(&["oidc"])?;
        for (path, content) in &self.files {
            root.write(path, content);
        }
        Ok(launch.root(&root))
    }

    /// Waits as long as upstream was watched, counted from the first request, then signals.
    fn watch(&self, process: &mut Process, sink: &Sink) -> (Option<Exit>, Option<Duration>) {
        let ends = self.upstream.exit_code.is_some() && self.matching.is_empty();
        let started = Instant::now();
        loop {
            if process.exited().is_some() {
                // Lets the rest of stderr arrive.
                return (Some(process.wait(SOON)), None);
            }
            let until = match sink.requests().first() {
                Some(first) if !ends => first.at + Duration::from_millis(self.run_ms),
                _ => started + SOON,
            };
            if Instant::now() > until {
                break;
            }
            thread::sleep(Duration::from_millis(2));
        }
        if self.signals.is_empty() {
            return (None, None);
        }
        let signalled = Instant::now();
        for signal in &self.signals {
            process.signal(match signal.as_str() {
                "SIGTERM" => Signal::TERM,
                "SIGINT" => Signal::INT,
                other => panic!("unknown signal {other}"),
            });
        }
        (Some(process.wait(SOON)), Some(signalled.elapsed()))
    }
}

impl Response {
    fn answer(&self) -> Answer {
        let answer = match self.action.as_str() {
            "" => self.headers.iter().fold(
                Answer::status(self.status).body(self.body.as_str()),
                |answer, (name, value)| answer.header(name, value),
            ),
            "close" => Answer::close(),
            other => panic!("unknown action {other}"),
        };
        answer.after(Duration::from_millis(self.delay_ms))
    }
}
