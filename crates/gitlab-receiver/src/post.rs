//! Where an accepted webhook goes: to the sink at once, or to the outbox first.
//!
//! Contract: `gitlabsource.md` 3.5.

use std::sync::Arc;
use std::time::Duration;

use adapter::deliver::Courier;
use adapter::retry::Budget;
use tokio::time::Instant;

use crate::answer::Answer;
use crate::delivery::{Delivery, Envelope};
use crate::outbox::Outbox;

/// From the arrival of a request to its answer: GitLab gives up after 10 s, and the answer has a
/// way to go.
const TIME: Duration = Duration::from_millis(8500);
/// The last attempt starts this much before the end, so that it can succeed.
const LAST_ATTEMPT: Duration = Duration::from_millis(500);

/// What stands between GitLab and the sink. Cloning is cheap.
#[derive(Clone)]
pub enum Post {
    /// The answer waits for the sink.
    Direct(Arc<Direct>),
    /// The answer waits for the disk.
    Outbox(Outbox),
}

/// Sends while GitLab waits.
pub struct Direct {
    /// Sends and tries again.
    pub courier: Courier,
    /// What all events have in common.
    pub envelope: Envelope,
}

impl Post {
    /// Takes over a delivery that arrived then, and says what GitLab is answered.
    pub async fn deliver(&self, delivery: Delivery, arrived: Instant) -> Answer {
        match self {
            Self::Direct(direct) => direct.deliver(delivery, arrived).await,
            Self::Outbox(outbox) => match outbox.put(delivery).await {
                Ok(()) => Answer::Accepted,
                Err(_) => Answer::Full,
            },
        }
    }
}

impl Direct {
    async fn deliver(&self, delivery: Delivery, arrived: Instant) -> Answer {
        let delivered = match self.envelope.seal(delivery) {
            Ok(message) => {
                self.courier
                    .deliver(&message, budget(arrived.elapsed()))
                    .await
            }
            Err(invalid) => Err(self.courier.discard(&invalid)),
        };
        // The failure has been logged with the event's id.
        delivered.map_or(Answer::Undelivered, |()| Answer::Accepted)
    }
}

/// What is left for the attempts after `spent` on the body.
fn budget(spent: Duration) -> Budget {
    let total = TIME.saturating_sub(spent);
    Budget {
        retry: total.saturating_sub(LAST_ATTEMPT),
        total: Some(total),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_spent_on_the_body_is_not_spent_again() {
        let seconds = |n: f64| Duration::from_secs_f64(n);
        assert_eq!(
            budget(seconds(0.0)),
            Budget {
                retry: seconds(8.0),
                total: Some(seconds(8.5))
            }
        );
        assert_eq!(
            budget(seconds(6.0)),
            Budget {
                retry: seconds(2.0),
                total: Some(seconds(2.5))
            }
        );
        assert_eq!(
            budget(seconds(60.0)),
            Budget {
                retry: seconds(0.0),
                total: Some(seconds(0.0))
            }
        );
    }
}
