//! One Lease and our claim to it: what a try reads, decides and writes.
//!
//! A leader counts from the moment at which a renewal was begun, candidates from the moment at
//! which they saw it: the one is over before the others begin, however long requests take.

use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::time::Instant;

use super::board::Until;
use super::config::Election;
use super::decide::{Move, Observed};
use super::record::{Lease, Record};
use crate::client::{ApiError, Client};
use crate::clock::Clock;

/// Longest time for one request.
const REQUEST_TIME: Duration = Duration::from_secs(5);

/// The claim to one Lease.
pub(super) struct Claim {
    client: Client,
    namespace: String,
    /// The Lease's name.
    pub(super) name: String,
    identity: String,
    lease_duration: Duration,
    renew_deadline: Duration,
    clock: Clock,
    observed: Option<Observed>,
    /// The object that the next write is based on; `None` if it has to be read first.
    lease: Option<Lease>,
    /// Whether the log knows that the API server does not answer.
    failing: bool,
}

/// How a try ended.
pub(super) enum Try {
    /// The Lease is ours.
    Held(Held),
    /// Another one has it; until then it is of no use to try again.
    Others(Instant),
    /// It cannot be known.
    Failed,
}

/// A Lease that is ours.
pub(super) struct Held {
    /// It certainly is until then.
    pub(super) until: Until,
    /// It was before.
    pub(super) renewed: bool,
    /// When its holder before was last heard of.
    pub(super) last_activity: Option<DateTime<Utc>>,
    /// That holder gave it back.
    pub(super) released: bool,
}

impl Claim {
    pub(super) fn new(
        client: &Client,
        namespace: &str,
        name: &str,
        election: &Election,
        clock: &Clock,
    ) -> Self {
        let time = REQUEST_TIME.min(election.renew_deadline / 2);
        Self {
            client: client.within(time),
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            identity: election.identity.clone(),
            lease_duration: election.lease_duration,
            renew_deadline: election.renew_deadline,
            clock: clock.clone(),
            observed: None,
            lease: None,
            failing: false,
        }
    }

    /// Takes note of what a watch saw; whether it is worth a try at once. `None` is no Lease.
    pub(super) fn sees(&mut self, record: Option<&Record>) -> bool {
        let (Some(record), Some(observed)) = (record, &mut self.observed) else {
            return true;
        };
        let now = Instant::now();
        observed.see(record, now);
        !matches!(observed.decide(&self.identity, now), Move::Wait(_))
    }

    /// Whether the record names us. It may be an old one that arrives late.
    pub(super) fn is_ours(&self, record: Option<&Record>) -> bool {
        record.is_some_and(|record| record.holder() == Some(&self.identity))
    }

    /// The next try begins by reading.
    pub(super) fn doubt(&mut self) {
        self.lease = None;
    }

    /// One try to hold the Lease, or to go on holding it.
    pub(super) async fn attempt(&mut self) -> Try {
        match self.try_to_hold().await {
            Ok(tried) => {
                if std::mem::take(&mut self.failing) {
                    tracing::info!(
                        lease = self.name,
                        "The Lease can be read and written again."
                    );
                }
                tried
            }
            Err(error) => {
                self.doubt();
                // Somebody was faster: no failure, but who it is has to be read.
                if error.code() != Some(409) {
                    self.log(&error);
                }
                Try::Failed
            }
        }
    }

    async fn try_to_hold(&mut self) -> Result<Try, ApiError> {
        let lease = match self.lease.take() {
            Some(lease) => Some(lease),
            None => self.read().await?,
        };
        let (until, time) = (Until::after(self.renew_deadline), (self.clock)());
        let seconds = self.lease_duration.as_secs();
        let Some(lease) = lease else {
            let first = Record::first(&self.identity, seconds, time);
            let lease = Lease::new(&self.namespace, &self.name, first);
            let created = self
                .client
                .create(&super::collection(&self.namespace), &lease)
                .await?;
            self.based_on(created);
            let (last_activity, released) = (None, false);
            return Ok(Try::Held(Held {
                until,
                renewed: false,
                last_activity,
                released,
            }));
        };
        let now = Instant::now();
        let observed = self
            .observed
            .get_or_insert_with(|| Observed::new(lease.spec.clone(), now));
        observed.see(&lease.spec, now);
        let (record, renewed) = match observed.decide(&self.identity, now) {
            Move::Wait(expiry) => return Ok(Try::Others(expiry)),
            Move::Renew => (lease.spec.renewed(&self.identity, seconds, time), true),
            Move::Take => (lease.spec.taken(&self.identity, seconds, time), false),
        };
        let last_activity = lease.spec.last_activity();
        let released = lease.spec.holder().is_none();
        let written = self
            .client
            .replace(&self.path(), &lease.with(record))
            .await?;
        self.based_on(written);
        Ok(Try::Held(Held {
            until,
            renewed,
            last_activity,
            released,
        }))
    }

    /// The next write needs no read before it.
    fn based_on(&mut self, lease: Lease) {
        self.observed = Some(Observed::new(lease.spec.clone(), Instant::now()));
        self.lease = Some(lease);
    }

    /// One try to give the Lease back, with the time of what was done last; whether that is done.
    pub(super) async fn give_back(&mut self, last_activity: Option<DateTime<Utc>>) -> bool {
        let time = last_activity.unwrap_or_else(|| (self.clock)());
        let given_back = self.try_to_give_back(time).await;
        given_back.map_err(|error| self.log(&error)).is_ok()
    }

    async fn try_to_give_back(&self, last_activity: DateTime<Utc>) -> Result<(), ApiError> {
        let Some(lease) = self
            .read()
            .await?
            .filter(|lease| self.is_ours(Some(&lease.spec)))
        else {
            return Ok(());
        };
        let released = lease.with(lease.spec.released(last_activity));
        self.client
            .replace::<Lease>(&self.path(), &released)
            .await
            .map(drop)
    }

    async fn read(&self) -> Result<Option<Lease>, ApiError> {
        match self.client.get(&self.path()).await {
            Ok(lease) => Ok(Some(lease)),
            Err(error) if error.code() == Some(404) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn path(&self) -> String {
        format!("{}/{}", super::collection(&self.namespace), self.name)
    }

    fn log(&mut self, error: &ApiError) {
        if !std::mem::replace(&mut self.failing, true) {
            let lease = &self.name;
            tracing::warn!(lease, %error, "The Lease cannot be read or written; trying again.");
        }
    }
}
