//! Which sources fire here: those of the buckets that this replica leads, each by its last good
//! definition.
//!
//! Taking over a bucket puts its sources on the agenda from the last holder's last activity on, so
//! that no tick is lost in between (pingsource.md W1); losing it takes off its sources only.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use cluster::lease::{Candidate, Leadership};
use tokio::sync::watch;

use super::intake::Change;
use super::notices::Notices;
use super::roster::{Known, Roster, Verdict, Way};
use crate::agenda::{Key, Rhythm};
use crate::dispatch::{Failure, Plan};
use crate::event::{Template, TemplateError};
use crate::firing::Firing;
use crate::meter::Meter;
use crate::pool::{Account, Address, AddressError, Pool};
use crate::schedule::{Schedule, ScheduleError, Zone};
use crate::source::{Definition, PingSource};

/// A holder that vanished may have been about to fire what was scheduled when it last renewed, so
/// that a take-over begins this long before. One that leaves in good order allows for it.
const SPREAD: TimeDelta = TimeDelta::seconds(1);

/// The sources, the leases and what fires.
pub(super) struct Stage {
    candidate: Candidate,
    firing: Firing,
    pool: Pool,
    notices: Notices,
    zone: Zone,
    roster: Roster,
    buckets: Vec<Bucket>,
    /// Older ticks are never made up for.
    catch_up: TimeDelta,
    meter: Meter,
}

/// What this replica knows of one bucket.
#[derive(Clone, Copy, Debug, Default)]
struct Bucket {
    /// The number of the term in which it leads, if it does.
    term: Option<u64>,
    /// Where its sources begin in this term.
    since: DateTime<Utc>,
    /// Up to when this replica itself fired what was due, in its last term before this one.
    fired_before: Option<DateTime<Utc>>,
    /// When it was last known to be led here, all ticks up to then fired.
    fired_until: Option<DateTime<Utc>>,
}

/// Why a source cannot fire. The user has to change it.
#[derive(Debug, thiserror::Error)]
enum Unusable {
    #[error(transparent)]
    Schedule(#[from] ScheduleError),
    #[error(transparent)]
    Event(#[from] TemplateError),
    #[error(transparent)]
    Sink(#[from] AddressError),
}

impl Stage {
    /// Nothing known and nothing led. `catch_up` bounds how far back a take-over reaches.
    pub(super) fn new(
        candidate: Candidate,
        firing: Firing,
        pool: Pool,
        notices: Notices,
        zone: Zone,
        catch_up: Duration,
    ) -> Self {
        Self {
            candidate,
            firing,
            pool,
            notices,
            zone,
            roster: Roster::default(),
            buckets: Vec::new(),
            catch_up: TimeDelta::from_std(catch_up).unwrap_or(TimeDelta::MAX),
            meter: Meter::of_process(),
        }
    }

    /// The leaderships as they change.
    pub(super) fn leaderships(&self) -> watch::Receiver<Vec<Leadership>> {
        self.candidate.leaderships()
    }

    /// Waits until something may be due.
    pub(super) async fn wait(&self) {
        self.firing.wait().await;
    }

    /// Fires what is due in the buckets that are led at this very moment.
    pub(super) fn fire_due(&mut self) {
        let now = Utc::now();
        for (number, bucket) in self.buckets.iter_mut().enumerate() {
            if bucket.term.is_some() && self.candidate.leads(number) {
                bucket.fired_until = Some(now);
            }
        }
        let (roster, candidate) = (&self.roster, &self.candidate);
        self.firing.fire_due(|key| leads(roster, candidate, key));
    }

    /// Takes over and hands over buckets.
    pub(super) fn lead(&mut self, leaderships: &[Leadership]) {
        self.buckets.resize(leaderships.len(), Bucket::default());
        for (number, leadership) in leaderships.iter().enumerate() {
            let before = self.buckets[number].term;
            match leadership {
                Leadership::Standby if before.is_some() => self.hand_over(number),
                Leadership::Leading(term) if before != Some(term.number) => {
                    self.hand_over(number);
                    self.take_over(number, term.number, term.last_activity);
                }
                _ => {}
            }
        }
        self.meter.leases(
            self.buckets
                .iter()
                .filter(|bucket| bucket.term.is_some())
                .count(),
        );
        self.firing.count_sources();
    }

    fn hand_over(&mut self, number: usize) {
        if self.buckets[number].term.take().is_none() {
            return;
        }
        let keys = self.roster.of_bucket(number);
        for key in &keys {
            self.firing.agenda.remove(key);
        }
        tracing::warn!(
            bucket = number,
            sources = keys.len(),
            "No longer leading a bucket."
        );
    }

    fn take_over(&mut self, number: usize, term: u64, last_activity: Option<DateTime<Utc>>) {
        let now = Utc::now();
        let bucket = &mut self.buckets[number];
        // Nobody held it before us: there is nothing to make up for.
        let theirs = last_activity.map_or(now, |last| last - SPREAD);
        bucket.since = theirs.max(now - self.catch_up).min(now);
        bucket.fired_before = bucket.fired_until;
        bucket.term = Some(term);
        let keys = self.roster.of_bucket(number);
        tracing::info!(
            bucket = number,
            sources = keys.len(),
            since = %self.buckets[number].since,
            "Leading a bucket."
        );
        for key in &keys {
            self.put_on_agenda(key);
        }
    }

    /// Takes in what the API server says.
    pub(super) fn take(&mut self, change: Change) {
        match change {
            Change::Listing => self.roster.listing(),
            Change::Unreadable(key) => self.roster.keep(&key),
            Change::Listed(source) => self.see(*source, Way::Listed),
            Change::Changed(source) => self.see(*source, Way::Changed),
            Change::Gone(key) => {
                self.roster.forget(&key);
                self.firing.agenda.remove(&key);
            }
            Change::Synced => {
                for key in self.roster.synced() {
                    self.firing.agenda.remove(&key);
                }
                tracing::info!(sources = self.roster.len(), "All PingSources are known.");
            }
        }
        self.firing.count_sources();
    }

    fn see(&mut self, source: PingSource, way: Way) {
        let (origin, key) = (&source.origin, source.origin.key());
        let bucket = self.candidate.bucket_of(&origin.namespace, &origin.name);
        let verdict = self.roster.see(&key, source, way, bucket, Utc::now());
        if self
            .buckets
            .get(bucket)
            .is_none_or(|bucket| bucket.term.is_none())
        {
            return;
        }
        match verdict {
            Verdict::Same => {}
            Verdict::Stop => drop(self.firing.agenda.remove(&key)),
            Verdict::NotReady => {
                if let Some(known) = self.roster.get(&key) {
                    self.notices.skipped(known);
                }
            }
            Verdict::Fire => {
                let usable = self.put_on_agenda(&key);
                if let Some(known) = self
                    .roster
                    .get(&key)
                    .filter(|_| usable && way == Way::Changed)
                {
                    self.notices.synchronized(known);
                }
            }
        }
    }

    /// Lets a source of a led bucket fire by its last good definition; says whether it can.
    fn put_on_agenda(&mut self, key: &Key) -> bool {
        let Some((known, good)) = self
            .roster
            .get(key)
            .and_then(|it| Some((it, it.good.clone()?)))
        else {
            return false;
        };
        let bucket = self.buckets[known.bucket];
        let since = known.since.max(bucket.since);
        match plan(known, &good, &mut self.pool, &self.zone) {
            Ok((rhythm, plan, dropped)) => {
                let now = Utc::now();
                // The last holder may have been ourselves, and then we know better what was fired:
                // what was due by then, and so scheduled before this source's place in the spread.
                let ours = bucket.fired_before.map(|until| until - rhythm.spread);
                let since = ours.map_or(since, |ours| ours.max(since));
                self.firing
                    .agenda
                    .put(key, rhythm, Arc::new(plan), since, now);
                for problem in dropped {
                    self.notices.override_dropped(known, &problem);
                }
                true
            }
            Err(error) => {
                // What it said before does not count any more either (promise 3).
                self.firing.agenda.remove(key);
                self.notices.unusable(known, &error.to_string());
                false
            }
        }
    }

    /// Tells users about a failed send.
    pub(super) fn tell(&self, failure: &Failure) {
        if let Some(known) = self.roster.get(&failure.origin.key()) {
            self.notices.send_failed(known, &failure.undelivered);
        }
    }

    /// The end: what is scheduled up to now is sent, and only then others may take over.
    pub(super) async fn leave(mut self, limit: Duration) {
        self.candidate.withdraw();
        let last = Utc::now();
        let (roster, candidate) = (&self.roster, &self.candidate);
        self.firing
            .finish(last, |key| leads(roster, candidate, key))
            .await;
        let in_flight = self.firing.dispatch.in_flight();
        if in_flight > 0 {
            tracing::info!(events = in_flight, "Waiting for events on their way.");
        }
        self.firing.dispatch.drained().await;
        // Not when the Leases are given back: whoever takes over begins where ticks were last fired.
        self.candidate.release_as_of(last + SPREAD, limit).await;
    }
}

/// Whether the bucket of a source is led at this very moment.
fn leads(roster: &Roster, candidate: &Candidate, key: &Key) -> bool {
    roster
        .get(key)
        .is_some_and(|known| candidate.leads(known.bucket))
}

/// A definition made ready to fire, and what of it had to be dropped.
fn plan(
    known: &Known,
    definition: &Definition,
    pool: &mut Pool,
    zone: &Zone,
) -> Result<(Rhythm, Plan, Vec<String>), Unusable> {
    let timezone = Some(&*definition.timezone);
    let schedule = Schedule::parse_in(&definition.schedule, timezone, zone)?;
    let origin = &known.origin;
    let template = Template::new(origin, &definition.payload)?;
    let target = &definition.target;
    let account = target.audience.clone().zip(target.service_account.clone());
    let destination = pool.destination(Address {
        uri: target.uri.clone(),
        ca_certs: target.ca_certs.clone(),
        account: account.map(|(audience, name)| Account {
            namespace: origin.namespace.clone(),
            name,
            audience,
        }),
    })?;
    let rejected = template.rejected().iter();
    let dropped = rejected
        .map(|(name, reason)| format!("{name:?}: {reason}"))
        .collect();
    let rhythm = Rhythm {
        schedule,
        spread: template.spread(),
    };
    let plan = Plan::new(Arc::clone(origin), template, destination);
    Ok((rhythm, plan, dropped))
}
