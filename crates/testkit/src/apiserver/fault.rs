//! What goes wrong on purpose.

use std::time::Duration;

use super::call::Call;

/// Something that happens to requests instead of an answer.
#[derive(Clone, Debug)]
pub struct Fault {
    method: String,
    path: String,
    left: usize,
    pub(super) delay: Duration,
    pub(super) act: Act,
}

#[derive(Clone, Debug)]
pub(super) enum Act {
    Status {
        code: u16,
        retry_after: Option<u64>,
    },
    Hang,
    Reset,
    /// The true answer, after the delay.
    Answer,
    /// What was asked for is done, but the answer does not arrive.
    Lose,
}

impl Fault {
    /// For requests with this verb (`list`, `watch`, `update`, ... or `*`) whose path contains
    /// this text. Only delays by nothing until told more; ends after one request.
    pub fn on(verb: &str, path: &str) -> Self {
        Self {
            method: verb.to_owned(),
            path: path.to_owned(),
            left: 1,
            delay: Duration::ZERO,
            act: Act::Answer,
        }
    }

    /// Answers with this status.
    #[must_use]
    pub fn status(self, code: u16) -> Self {
        Self {
            act: Act::Status {
                code,
                retry_after: None,
            },
            ..self
        }
    }

    /// Adds `Retry-After`; panics without a status.
    #[must_use]
    pub fn retry_after(self, seconds: u64) -> Self {
        let Act::Status { code, .. } = self.act else {
            panic!("no status to add it to")
        };
        Self {
            act: Act::Status {
                code,
                retry_after: Some(seconds),
            },
            ..self
        }
    }

    /// Never answers.
    #[must_use]
    pub fn hang(self) -> Self {
        Self {
            act: Act::Hang,
            ..self
        }
    }

    /// Breaks the connection, nothing being done.
    #[must_use]
    pub fn reset(self) -> Self {
        Self {
            act: Act::Reset,
            ..self
        }
    }

    /// Does what is asked for, then breaks the connection without an answer.
    #[must_use]
    pub fn lose_answer(self) -> Self {
        Self {
            act: Act::Lose,
            ..self
        }
    }

    /// Waits that long first.
    #[must_use]
    pub fn after(self, delay: Duration) -> Self {
        Self { delay, ..self }
    }

    /// For so many requests.
    #[must_use]
    pub fn times(self, count: usize) -> Self {
        Self {
            left: count,
            ..self
        }
    }

    /// For all requests, until the faults are cleared.
    #[must_use]
    pub fn always(self) -> Self {
        self.times(usize::MAX)
    }

    fn is_about(&self, call: &Call) -> bool {
        (self.method == "*" || self.method == call.verb()) && call.path.contains(&self.path)
    }

    /// The first fault that is about this call, which it then has happened to.
    pub(super) fn take(faults: &mut Vec<Self>, call: &Call) -> Option<Self> {
        let index = faults.iter().position(|fault| fault.is_about(call))?;
        faults[index].left -= 1;
        match faults[index].left {
            0 => Some(faults.remove(index)),
            _ => Some(faults[index].clone()),
        }
    }
}

/// How the stream of a watch ends early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// In order, as at its time limit.
    End,
    /// By closing the connection (FIN) in the middle of the answer.
    Close,
    /// By breaking the connection (RST).
    Reset,
    /// Not at all: nothing comes any more.
    Silent,
}

/// How a watch from a version that is too old is refused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Gone {
    /// By an ERROR event, as real API servers do.
    #[default]
    Event,
    /// By the HTTP status 410.
    Status,
}
