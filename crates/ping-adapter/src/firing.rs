//! The clock's side of the loop: sleeps until something is due, then fires it.
//!
//! Both roles drive it; which sources there are is their business. Here the wall clock is read.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use crate::agenda::{Agenda, Key, Tick};
use crate::dispatch::{Dispatch, Plan};
use crate::meter::Meter;

/// The wall clock is looked at this often, whatever is due: it may be set, or the machine may sleep.
const LOOK: Duration = Duration::from_secs(1);
/// The spread ends before this.
const SPREAD_END: TimeDelta = TimeDelta::milliseconds(500);
/// Wake-ups happen on multiples of this.
const GRID_MILLIS: i64 = 100;

/// The sources of this process, and what sends their events.
pub struct Firing {
    /// When what fires.
    pub agenda: Agenda<Arc<Plan>>,
    /// What sends it.
    pub dispatch: Dispatch,
    meter: Meter,
}

impl Firing {
    /// No sources yet.
    pub fn new(dispatch: Dispatch, meter: Meter) -> Self {
        Self {
            agenda: Agenda::new(Utc::now()),
            dispatch,
            meter,
        }
    }

    /// Waits until something may be due. Safe to give up and to call again.
    pub async fn wait(&self) {
        tokio::time::sleep(nap(self.agenda.wake(), Utc::now())).await;
    }

    /// Fires what is due and may be fired.
    pub fn fire_due(&mut self, may_fire: impl Fn(&Key) -> bool) {
        self.fire_if(|tick| may_fire(&tick.key));
    }

    /// Tells the meter how many sources there are.
    pub fn count_sources(&self) {
        self.meter.sources(self.agenda.len());
    }

    /// The end: fires what is scheduled up to `last` and waits for its place in the spread, so that
    /// whoever takes over begins strictly after `last` (pingsource.md W13).
    pub async fn finish(&mut self, last: DateTime<Utc>, may_fire: impl Fn(&Key) -> bool) {
        while Utc::now() <= last + SPREAD_END {
            let nap = nap(self.agenda.wake(), Utc::now());
            let rest = (last + SPREAD_END - Utc::now())
                .to_std()
                .unwrap_or_default();
            tokio::time::sleep(nap.min(rest + Duration::from_millis(1))).await;
            self.fire_if(|tick| tick.scheduled <= last && may_fire(&tick.key));
        }
    }

    fn fire_if(&mut self, fires: impl Fn(&Tick<Arc<Plan>>) -> bool) {
        let now = Utc::now();
        for tick in self.agenda.due(now) {
            if fires(&tick) {
                self.dispatch.fire(tick, now);
            }
        }
    }
}

/// How long to sleep before something is due, a second at most.
///
/// Wake-ups are on a grid, so that what is spread over half a second comes in five batches instead
/// of one by one, each with a wake-up of its own: a third less CPU time an event.
fn nap(wake: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Duration {
    let Some(wake) = wake else { return LOOK };
    let late = GRID_MILLIS - 1 - (wake.timestamp_millis() - 1).rem_euclid(GRID_MILLIS);
    let wake = wake + TimeDelta::milliseconds(late);
    (wake - now).to_std().unwrap_or_default().min(LOOK)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn naps_until_something_is_due_and_a_second_at_most() {
        let now = DateTime::UNIX_EPOCH;
        for (wake, millis) in [
            (None, 1000),
            (Some(200), 200),
            (Some(201), 300),
            (Some(299), 300),
            (Some(0), 0),
            (Some(-15), 0),
            (Some(90_000), 1000),
        ] {
            let wake = wake.map(|millis| now + TimeDelta::milliseconds(millis));
            assert_eq!(nap(wake, now), Duration::from_millis(millis));
        }
    }
}
