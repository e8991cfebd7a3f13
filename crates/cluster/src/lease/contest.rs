//! One bucket: when to try for its Lease, when to renew it, and when it is lost.

use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until, timeout_at};

use super::board::{Board, Term, Until};
use super::claim::{Claim, Held, Try};
use super::record::Record;
use crate::chance;

/// After a request that failed, unless the retry period is shorter.
const TRY_AGAIN: Duration = Duration::from_secs(2);
/// How much later than asked for a try may be, as a factor; client-go's `JitterFactor`.
const SPREAD: f64 = 1.2;
/// While others wait for a Lease that is to be given back.
const GIVE_BACK_AGAIN: (Duration, Duration) =
    (Duration::from_millis(100), Duration::from_millis(200));

/// What the process wants of its buckets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    /// To hold as many as it can get.
    Compete,
    /// To keep what it has.
    Keep,
    /// To hold none. What it did last, it did then; now, if that is not said.
    Release(Option<DateTime<Utc>>),
}

/// One bucket's candidate.
pub(super) struct Contest {
    pub(super) bucket: usize,
    pub(super) claim: Claim,
    pub(super) retry_period: Duration,
    pub(super) board: Board,
    pub(super) wish: watch::Receiver<Wish>,
    /// The record as a watch last saw it.
    pub(super) seen: watch::Receiver<Option<Record>>,
    /// Terms begun so far.
    pub(super) terms: u64,
}

impl Contest {
    /// Competes until the process wants to stop; returns with the Lease given back.
    ///
    /// The Lease is followed after the first try only, whose requests are then client-go's.
    pub(super) async fn run(mut self, follower: impl Future<Output = ()>) {
        let first = self.claim.attempt().await;
        tokio::select! {
            () = self.compete(first) => {}
            () = follower => {}
        }
    }

    async fn compete(mut self, first: Try) {
        let mut tried = first;
        loop {
            let next = match tried {
                Try::Held(held) => {
                    self.lead(held).await;
                    Instant::now()
                }
                Try::Others(expiry) => expiry.min(Instant::now() + spread(self.retry_period)),
                Try::Failed => Instant::now() + spread(self.retry_period.min(TRY_AGAIN)),
            };
            self.idle(next).await;
            if self.wish() != Wish::Compete {
                return;
            }
            tried = self.claim.attempt().await;
        }
    }

    fn wish(&self) -> Wish {
        *self.wish.borrow()
    }

    /// Waits for a time, for a Lease that has become free, or for another wish.
    async fn idle(&mut self, until: Instant) {
        loop {
            tokio::select! {
                biased;
                _ = self.wish.wait_for(|wish| *wish != Wish::Compete) => return,
                () = sleep_until(until) => return,
                Ok(()) = self.seen.changed() => {
                    if self.claim.sees(self.seen.borrow_and_update().as_ref()) {
                        return;
                    }
                }
            }
        }
    }

    /// Leads until the term is over.
    async fn lead(&mut self, held: Held) {
        self.begin(&held);
        let lost = self.renew(held.until).await;
        self.board.lose(self.bucket);
        let (bucket, lease) = (self.bucket, &self.claim.name);
        match lost {
            Some(error) => tracing::warn!(bucket, lease, error, "No longer leading."),
            None => self.give_back().await,
        }
    }

    /// Tells everybody.
    fn begin(&mut self, held: &Held) {
        self.terms += 1;
        let Held {
            last_activity,
            released,
            ..
        } = *held;
        tracing::info!(bucket = self.bucket, lease = self.claim.name, "Leading.");
        let term = Term {
            number: self.terms,
            last_activity,
            released,
        };
        self.board.lead(self.bucket, term, held.until);
    }

    /// Renews until that does not work any more, and says why; `None` if it is to be given back.
    async fn renew(&mut self, mut until: Until) -> Option<&'static str> {
        let mut next = Instant::now() + self.retry_period;
        while self.turn(next.min(until.instant())).await {
            if until.is_over() {
                return Some("it could not be renewed in time");
            }
            match timeout_at(until.instant(), self.claim.attempt()).await {
                // The answer came too late.
                Err(_) => self.claim.doubt(),
                Ok(Try::Failed) => {
                    next = Instant::now() + spread(self.retry_period.min(TRY_AGAIN));
                }
                Ok(Try::Others(_)) => return Some("somebody else has it"),
                // The machine has slept meanwhile; the next turn ends the term.
                Ok(Try::Held(_)) if until.is_over() => {}
                Ok(Try::Held(held)) => {
                    until = held.until;
                    next = Instant::now() + self.retry_period;
                    if held.renewed {
                        self.board.renew(self.bucket, until);
                    } else {
                        // It was nobody's, or gone: who knows what happened in between.
                        self.begin(&held);
                    }
                }
            }
        }
        None
    }

    /// Waits until the Lease is to be written, or looked at; `false` if it is to be given back.
    async fn turn(&mut self, next: Instant) -> bool {
        loop {
            tokio::select! {
                biased;
                _ = self.wish.wait_for(|wish| matches!(wish, Wish::Release(_))) => return false,
                () = sleep_until(next) => return true,
                Ok(()) = self.seen.changed() => {
                    if !self.claim.is_ours(self.seen.borrow_and_update().as_ref()) {
                        // Perhaps an old record that arrives late: the API server knows.
                        self.claim.doubt();
                        return true;
                    }
                }
            }
        }
    }

    /// Gives the Lease back, until it works or nobody waits for it any more.
    async fn give_back(&mut self) {
        let last_activity = match self.wish() {
            Wish::Release(last_activity) => last_activity,
            Wish::Compete | Wish::Keep => None,
        };
        while !self.claim.give_back(last_activity).await {
            sleep(chance::between(GIVE_BACK_AGAIN.0, GIVE_BACK_AGAIN.1)).await;
        }
        tracing::info!(
            bucket = self.bucket,
            lease = self.claim.name,
            "Lease given back."
        );
    }
}

/// From once to 2.2 times as long.
fn spread(time: Duration) -> Duration {
    chance::between(time, time + time.mul_f64(SPREAD))
}
