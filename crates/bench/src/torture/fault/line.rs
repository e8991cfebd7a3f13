//! A line that refuses, hangs, dies, breaks in the middle, or is slow.

use std::thread;
use std::time::Duration;

use super::Fault;
use crate::torture::proxy::Weather;
use crate::torture::rng::Rng;
use crate::torture::scene::Stage;

/// A kind of bad weather.
#[derive(Clone, Copy)]
pub(super) enum Line {
    Refuses,
    Hangs,
    HalfOpen,
    ResetsRequest,
    ResetsResponse,
    Slow,
}

pub(super) const ALL: [Line; 6] = [
    Line::Refuses,
    Line::Hangs,
    Line::HalfOpen,
    Line::ResetsRequest,
    Line::ResetsResponse,
    Line::Slow,
];

impl Line {
    fn weather(self, rng: &mut Rng) -> Weather {
        let mut bytes = |upto| usize::try_from(rng.within(0..upto)).unwrap_or(0);
        match self {
            Self::Refuses => Weather::Refuse,
            Self::Hangs => Weather::Hang,
            Self::HalfOpen => Weather::HalfOpen,
            Self::ResetsRequest => Weather::ResetRequest(bytes(300)),
            Self::ResetsResponse => Weather::ResetResponse(bytes(30)),
            Self::Slow => Weather::Slow {
                piece: 20 + bytes(60),
                pause: Duration::from_millis(20),
            },
        }
    }
}

impl Fault for Line {
    fn name(&self) -> &'static str {
        match self {
            Self::Refuses => "refuses",
            Self::Hangs => "hangs",
            Self::HalfOpen => "half-open",
            Self::ResetsRequest => "resets-request",
            Self::ResetsResponse => "resets-response",
            Self::Slow => "slow",
        }
    }

    fn strike(&self, stage: &Stage, length: Duration, rng: &mut Rng) {
        stage.line.set(self.weather(rng));
        thread::sleep(length);
        stage.line.set(Weather::Fair);
    }
}
