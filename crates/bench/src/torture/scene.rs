//! What subjects and faults have between them: a program on its stage, and somebody who drives it.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use testkit::ApiServer;

use super::oracle::{Arrival, Expected};
use super::program::Program;
use super::proxy::Proxy;
use super::rng::Rng;
use super::setting::Setting;
use super::sink::{Reader, Sink};

/// One attempt of a program may take so many seconds (`K_SINK_TIMEOUT`); a minute would be too
/// long for a run.
pub const ATTEMPT_SECONDS: &str = "3";

/// What faults reach.
#[derive(Debug)]
pub struct Stage {
    /// Times of a run count from here.
    pub started: Instant,
    /// The sink at the end of the line.
    pub sink: Sink,
    /// Between sender and receiver, whichever of them the program is.
    pub line: Proxy,
    /// The program.
    pub program: Program,
    /// The API server of a program that needs one.
    pub api: Option<ApiServer>,
    /// The port of a program that serves.
    pub door: Option<SocketAddr>,
    /// The place of the program; last, because it must outlive the program.
    pub setting: Setting,
}

/// A subject in a run.
pub trait Scene: Send + Sync {
    /// What faults reach.
    fn stage(&self) -> &Stage;

    /// Makes the program send, until then.
    fn drive(&self, until: Instant, rng: &mut Rng);

    /// What had to arrive by what is known now.
    fn expected(&self) -> Vec<Expected>;

    /// What did.
    fn arrivals(&self) -> Vec<Arrival> {
        self.stage().sink.arrivals()
    }

    /// How many events the program openly refused to take, so that their senders know.
    fn refused(&self) -> usize {
        0
    }
}

/// What a program bears without losing anything.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The longest fault.
    pub endures: Duration,
    /// The shortest time between two.
    pub rest: Duration,
}

/// A program, and somebody who makes it send.
pub trait Subject: Send + Sync {
    /// Its name in rows, such as `gitlab-receiver-spool`.
    fn name(&self) -> &'static str;

    /// The binary.
    fn program(&self) -> &'static str;

    /// What it bears.
    fn limits(&self) -> Limits;

    /// How many events it has in two hours of a busy installation.
    fn two_hours(&self) -> usize;

    /// Starts it there, and waits until it works.
    fn begin(&self, setting: Setting) -> Box<dyn Scene>;
}

/// The sink of a program that sends, and the line to it, with the certificate of its place.
pub fn sink(setting: &Setting, started: Instant, reader: Reader) -> (Sink, Proxy) {
    let sink = Sink::start(started, reader);
    let line = Proxy::start(sink.address());
    line.certify(setting.certificate.clone());
    (sink, line)
}

/// An API server at the address from which the program reaches it.
pub fn api_server(setting: &Setting) -> ApiServer {
    ApiServer::at(SocketAddr::new(setting.api_host, testkit::free_port())).expect("a free port")
}

/// A port of the program's own.
pub fn door(host: IpAddr) -> SocketAddr {
    SocketAddr::new(host, testkit::free_port())
}
