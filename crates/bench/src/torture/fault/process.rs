//! Processes that end.

use std::thread;
use std::time::Duration;

use testkit::Signal;

use super::Fault;
use crate::torture::proxy::Weather;
use crate::torture::rng::Rng;
use crate::torture::scene::Stage;
use crate::torture::setting::{Setting, Skip};

/// How a process ends, and when another one comes.
#[derive(Clone, Copy)]
pub(super) enum Ends {
    /// In good order; another one comes after a while.
    Term,
    /// At once; another one comes after a while.
    Kill,
    /// At once while the sink refuses, so that much is on its way; another one comes after a while.
    KillRefused,
    /// In good order, when another one is there already.
    Replaced,
    /// At once, when another one is there already.
    KilledBeside,
}

pub(super) const ALL: [Ends; 5] = [
    Ends::Term,
    Ends::Kill,
    Ends::KillRefused,
    Ends::Replaced,
    Ends::KilledBeside,
];

impl Ends {
    fn signal(self) -> Signal {
        match self {
            Self::Term | Self::Replaced => Signal::TERM,
            Self::Kill | Self::KillRefused | Self::KilledBeside => Signal::KILL,
        }
    }
}

impl Fault for Ends {
    fn name(&self) -> &'static str {
        match self {
            Self::Term => "sigterm",
            Self::Kill => "sigkill",
            Self::KillRefused => "sigkill-while-refused",
            Self::Replaced => "replaced",
            Self::KilledBeside => "sigkill-of-two",
        }
    }

    fn prepare(&self, setting: &mut Setting) -> Result<(), Skip> {
        if let Self::KilledBeside = self {
            setting.replicas = 2;
        }
        Ok(())
    }

    fn strike(&self, stage: &Stage, length: Duration, rng: &mut Rng) {
        match self {
            Self::KillRefused => stage.line.set(Weather::Refuse),
            Self::Replaced => stage.program.start(),
            Self::Term | Self::Kill | Self::KilledBeside => {}
        }
        thread::sleep(rng.time(Duration::ZERO..length));
        stage.program.end_oldest(self.signal());
        match self {
            Self::Term | Self::Kill | Self::KillRefused => {
                thread::sleep(length);
                stage.program.start();
                stage.line.set(Weather::Fair);
            }
            Self::Replaced => {}
            Self::KilledBeside => stage.program.start(),
        }
    }
}
