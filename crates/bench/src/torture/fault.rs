//! What goes wrong. Each fault is one small type; a seed says when it strikes, how long and how.

mod answers;
mod api;
mod certificate;
mod clock;
mod crowd;
mod disk;
mod line;
mod loss;
mod names;
mod process;

use std::time::Duration;

use super::rng::Rng;
use super::scene::Stage;
use super::setting::{Setting, Skip};

/// Something that goes wrong around a program.
pub trait Fault: Send + Sync {
    /// Its name in rows, such as `resets-request`.
    fn name(&self) -> &'static str;

    /// Changes the place of the program before it starts.
    fn prepare(&self, _setting: &mut Setting) -> Result<(), Skip> {
        Ok(())
    }

    /// Goes wrong for so long, then is well again.
    fn strike(&self, stage: &Stage, length: Duration, rng: &mut Rng);
}

/// What a fault is about, and so which subjects know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum About {
    /// The answers of a sink.
    Sink,
    /// The line to a sink, or from a sender.
    Line,
    /// The API server.
    Api,
    /// The process.
    Process,
    /// The port on which a program serves.
    Door,
    /// The disk of the outbox.
    Disk,
    /// The name and the certificate of a sink.
    Trust,
    /// The machine.
    Machine,
}

/// All of them, in the order of the report.
pub fn all() -> Vec<(About, Box<dyn Fault>)> {
    let answers = answers::all().map(|fault| (About::Sink, boxed(fault)));
    let line = line::ALL.map(|fault| (About::Line, boxed(fault)));
    let api = api::ALL.map(|fault| (About::Api, boxed(fault)));
    let process = process::ALL.map(|fault| (About::Process, boxed(fault)));
    let door = crowd::ALL.map(|fault| (About::Door, boxed(fault)));
    let others = [
        (About::Disk, boxed(disk::Full)),
        (About::Trust, boxed(names::Unresolvable)),
        (About::Trust, boxed(certificate::Expired::default())),
        (About::Trust, boxed(certificate::Renewed)),
        (About::Machine, boxed(clock::Steps)),
        (About::Machine, boxed(loss::Packets)),
    ];
    answers
        .into_iter()
        .chain(line)
        .chain(api)
        .chain(process)
        .chain(door)
        .chain(others)
        .collect()
}

fn boxed(fault: impl Fault + 'static) -> Box<dyn Fault> {
    Box::new(fault)
}
