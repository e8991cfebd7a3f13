//! API servers that are slow, away, forgetful, overloaded, or silent.

use std::thread;
use std::time::Duration;

use testkit::{ApiServer, Cut, Fault as Failure, Gone};

use super::Fault;
use crate::torture::rng::Rng;
use crate::torture::scene::Stage;
use crate::torture::setting::{Setting, Skip};

/// What is wrong with the API server.
#[derive(Clone, Copy)]
pub(super) enum Api {
    Slow,
    Away,
    Status(u16),
    CutsWatches,
    /// It answers nothing for a while, and then goes on.
    Hangs,
    /// It forgets what happened while no watch was possible.
    Forgets,
    /// Watches fall silent for good, without an end.
    HalfOpen,
}

pub(super) const ALL: [Api; 8] = [
    Api::Slow,
    Api::Away,
    Api::Status(429),
    Api::Status(500),
    Api::CutsWatches,
    Api::Hangs,
    Api::Forgets,
    Api::HalfOpen,
];

impl Fault for Api {
    fn name(&self) -> &'static str {
        match self {
            Self::Slow => "api-slow",
            Self::Away => "api-away",
            Self::Status(429) => "api-429",
            Self::Status(_) => "api-500",
            Self::CutsWatches => "api-cuts-watches",
            Self::Hangs => "api-hangs",
            Self::Forgets => "api-410",
            Self::HalfOpen => "api-half-open",
        }
    }

    fn prepare(&self, setting: &mut Setting) -> Result<(), Skip> {
        setting.gaps = matches!(self, Self::Forgets);
        Ok(())
    }

    fn strike(&self, stage: &Stage, length: Duration, rng: &mut Rng) {
        let api = stage.api.as_ref().expect("a subject with an API server");
        match self {
            Self::Slow => {
                let delay = rng.time(Duration::from_millis(100)..Duration::from_millis(900));
                fails(api, length, Failure::on("*", "").after(delay));
            }
            Self::Away => {
                api.stop();
                thread::sleep(length);
                api.resume();
            }
            Self::Status(429) => {
                fails(api, length, Failure::on("*", "").status(429).retry_after(1));
            }
            Self::Status(status) => fails(api, length, Failure::on("*", "").status(*status)),
            Self::CutsWatches => cut_watches(api, length, rng),
            Self::Hangs => {
                api.freeze();
                thread::sleep(length);
                api.resume();
            }
            Self::Forgets => {
                let gone = [Gone::Event, Gone::Status][usize::from(rng.within(0..2) == 1)];
                api.fail(Failure::on("watch", "").status(503).always());
                api.break_watches();
                thread::sleep(length);
                api.compact(gone);
                api.heal();
            }
            Self::HalfOpen => {
                for _ in 0..4 {
                    api.cut("", rng.within(0..2000), Cut::Silent);
                }
                api.end_watches();
                thread::sleep(length);
                api.heal();
            }
        }
    }
}

/// All requests fail, and watches begin anew.
fn fails(api: &ApiServer, length: Duration, failure: Failure) {
    api.fail(failure.always());
    api.break_watches();
    thread::sleep(length);
    api.heal();
}

/// Watches end after some bytes, in the middle of a line as likely as not.
fn cut_watches(api: &ApiServer, length: Duration, rng: &mut Rng) {
    let cuts = 5;
    for _ in 0..cuts {
        let how =
            [Cut::End, Cut::Close, Cut::Reset][usize::try_from(rng.within(0..3)).unwrap_or(0)];
        api.cut("", rng.within(0..3000), how);
    }
    api.break_watches();
    thread::sleep(length);
    api.heal();
}
