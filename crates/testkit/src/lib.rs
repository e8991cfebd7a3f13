//! What black-box tests and benches share: a recording sink, a started binary, waiting.
//!
//! A dev-dependency only. Plain threads and blocking sockets, so that a test sees exact bytes and
//! its own runtime cannot hide what the program under test does. Everything panics with what was
//! seen instead of returning errors: a test has nothing better to do with one.
//!
//! ```no_run
//! use std::time::Duration;
//! use testkit::{Answer, Launch, Signal, Sink};
//!
//! let sink = Sink::start([Answer::status(503), Answer::status(202)]);
//! let mut process = Launch::new("/heartbeats").env("K_SINK", sink.url()).start();
//! let requests = sink.wait_for(2, Duration::from_secs(10));
//! assert_eq!(requests[0].headers.get("ce-id"), requests[1].headers.get("ce-id"));
//! process.signal(Signal::TERM);
//! assert_eq!(process.wait(Duration::from_secs(10)).code, Some(0));
//! ```
#![allow(
    clippy::missing_panics_doc,
    reason = "a failed expectation is a panic, everywhere here"
)]

mod answer;
mod apiserver;
mod browser;
mod client;
mod gitlab;
mod http;
mod lag;
mod output;
mod process;
mod root;
mod sink;
mod tls;
mod wait;

pub use answer::Answer;
pub use apiserver::{ApiAnswer, ApiServer, Call, Cut, Fault, Gone, Piece, Rule, Stream};
pub use browser::Browser;
pub use client::{exchange, get};
pub use gitlab::GitLab;
pub use http::{Headers, Reply, Request};
pub use lag::Lag;
pub use output::Output;
pub use process::{Exit, Launch, Process, Signal};
pub use root::Root;
pub use sink::Sink;
pub use tls::{Authority, Identity};
pub use wait::{eventually, free_port, skip};
