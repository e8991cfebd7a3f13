//! Sends the event of each tick beside the others: no source waits for another one's sink.
//!
//! What is in flight is bounded for each source, each sink and overall; a tick beyond that is
//! dropped with a line and a counter. Retries and waits are in `adapter::deliver`; the time that a
//! tick gets is here (pingsource.md 3.4, W5).

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use adapter::deliver::{Courier, Undelivered};
use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::{Semaphore, mpsc};
use tokio_util::task::TaskTracker;

use crate::agenda::Tick;
use crate::event::{Origin, TYPE, Template};
use crate::meter::Meter;
use crate::pool::Destination;

/// Events of one source on their way at a time: one a second into a sink that takes a minute.
const PER_SOURCE: usize = 64;
/// Events of all sources on their way at a time, those that wait for room at their sink included.
const OVERALL: usize = 32_768;

/// The contract's waits add up to this; a tick never gets less (3.4).
const SHORTEST: Duration = Duration::from_millis(3_100);
/// However rarely a source fires, its event is given up after this.
const LONGEST: Duration = Duration::from_mins(5);
/// A tick this late is counted as late.
const LATE: TimeDelta = TimeDelta::seconds(1);

/// All that sending a source's events takes; small, for there are thousands of them. What only an
/// event on its way needs is made when its turn comes.
pub struct Plan {
    origin: Arc<Origin>,
    template: Template,
    destination: Arc<Destination>,
    on_their_way: AtomicUsize,
}

/// An event that was given up, for whoever tells users about it.
#[derive(Debug)]
pub struct Failure {
    /// The source.
    pub origin: Arc<Origin>,
    /// What happened.
    pub undelivered: Undelivered,
}

/// Sends events. Cloning is cheap.
#[derive(Clone)]
pub struct Dispatch {
    tasks: TaskTracker,
    room: Arc<Semaphore>,
    meter: Meter,
    failures: Option<mpsc::Sender<Failure>>,
}

/// Room for one event of a source, for as long as it lives.
struct Seat(Arc<Plan>);

impl Plan {
    /// For the source of that name.
    pub fn new(origin: Arc<Origin>, template: Template, destination: Arc<Destination>) -> Self {
        Self {
            origin,
            template,
            destination,
            on_their_way: AtomicUsize::new(0),
        }
    }

    /// None while too many events of the source are on their way.
    fn seat(self: &Arc<Self>) -> Option<Seat> {
        let taken = self.on_their_way.fetch_add(1, Ordering::Relaxed);
        let seat = Seat(Arc::clone(self));
        (taken < PER_SOURCE).then_some(seat)
    }

    /// The destination's, with the source in its metrics and on its log lines.
    fn courier(&self) -> Courier {
        let labels = [
            ("kn.source.name", &*self.origin.name),
            ("kn.source.namespace", &self.origin.namespace),
            ("cloudevents.type", TYPE),
        ];
        let origin = Arc::clone(&self.origin);
        let courier = self.destination.courier.labelled(labels);
        // An ERROR itself, so that no line goes without it, whatever level is asked for.
        courier.logging_in(move || {
            let Origin {
                namespace, name, ..
            } = &*origin;
            tracing::error_span!(parent: None, "source", source = &**name, namespace = &**namespace)
        })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.on_their_way.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Dispatch {
    /// Nothing in flight. Each event that is given up goes to `failures`, if there is room there.
    pub fn new(meter: Meter, failures: Option<mpsc::Sender<Failure>>) -> Self {
        let room = Arc::new(Semaphore::new(OVERALL));
        Self {
            tasks: TaskTracker::new(),
            room,
            meter,
            failures,
        }
    }

    /// Sends the event of a tick in the background, or drops the tick if too many are in flight.
    pub fn fire(&self, tick: Tick<Arc<Plan>>, now: DateTime<Utc>) {
        let plan = &tick.work;
        let room = Arc::clone(&self.room).try_acquire_owned();
        let (Some(of_source), Ok(overall)) = (plan.seat(), room) else {
            self.drop_tick(&tick, "too many events are on their way");
            return;
        };
        self.meter.fired(now - tick.due > LATE, tick.caught_up);
        let dispatch = self.clone();
        self.tasks.spawn(async move {
            dispatch.send(&tick, budget(tick.next, now)).await;
            drop((of_source, overall));
        });
    }

    /// Waits until nothing is in flight any more.
    pub async fn drained(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// How many events are in flight.
    pub fn in_flight(&self) -> usize {
        self.tasks.len()
    }

    async fn send(&self, tick: &Tick<Arc<Plan>>, budget: Duration) {
        let plan = &tick.work;
        // Stamped once: the same in all attempts, and not before it is sent (3.1).
        let message = || plan.template.stamp(tick.scheduled, Utc::now());
        let event = || (plan.courier(), message());
        let delivery = plan.destination.deliver(event, budget);
        let undelivered = match delivery.await {
            Some(Ok(())) => return,
            Some(Err(undelivered)) => undelivered,
            None => return self.drop_tick(tick, "the sink takes too long"),
        };
        if let Some(failures) = &self.failures {
            let origin = Arc::clone(&plan.origin);
            // Full: more fails than can be told, and all of it is in the log.
            let _ = failures.try_send(Failure {
                origin,
                undelivered,
            });
        }
    }

    fn drop_tick(&self, tick: &Tick<Arc<Plan>>, reason: &'static str) {
        self.meter.dropped(reason);
        let plan = &tick.work;
        tracing::error!(
            source = &*plan.origin.name,
            namespace = &*plan.origin.namespace,
            sink = plan.destination.shown,
            event_id = plan.template.id(tick.scheduled),
            scheduled = %tick.scheduled,
            error = reason,
            "A tick is dropped without an event."
        );
    }
}

/// Until the source is due again, within limits (3.4).
fn budget(next: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Duration {
    let until_next = next.map_or(LONGEST, |next| (next - now).to_std().unwrap_or_default());
    until_next.clamp(SHORTEST, LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tick_has_until_the_next_one_within_limits() {
        let now = DateTime::UNIX_EPOCH;
        for (next, millis) in [
            (Some(1), 3_100),
            (Some(-10), 3_100),
            (Some(4), 4_000),
            (Some(60), 60_000),
            (Some(3600), 300_000),
            (None, 300_000),
        ] {
            let next = next.map(|seconds| now + TimeDelta::seconds(seconds));
            assert_eq!(budget(next, now), Duration::from_millis(millis), "{next:?}");
        }
    }
}
