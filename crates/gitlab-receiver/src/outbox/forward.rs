//! From the disk to the sink: in order, one at a time, for as long as it takes.
//!
//! Only what the sink refuses because of the event itself is given up; everything else is tried
//! again, since the cause may be anything but this event.

use std::time::Duration;

use adapter::deliver::{Courier, Undelivered};
use adapter::retry::Budget;
use adapter::wire::Message;
use http::StatusCode;
use tokio_util::sync::CancellationToken;

use super::Outbox;
use crate::delivery::Envelope;

/// No end: the disk waits.
const FOR_EVER: Budget = Budget::retry_for(Duration::MAX);
/// Between two rounds with a sink whose refusals are final for everybody.
const PAUSE: Duration = Duration::from_secs(30);

/// The two ends of sending.
#[derive(Clone, Debug)]
pub struct Ends {
    /// Cancelled when nothing arrives any more: what there is still goes out.
    pub drain: CancellationToken,
    /// Cancelled when there is no time left.
    pub stop: CancellationToken,
}

/// Sends everything that is in the outbox, and whatever arrives, until an end has come.
///
/// `courier` must not be cut by a shutdown, or it would report events as lost that are on disk.
pub async fn forward(outbox: Outbox, courier: Courier, envelope: Envelope, ends: Ends) {
    let work = async {
        let mut after = 0;
        loop {
            let next = outbox.next(after, &ends.drain).await;
            if next.is_empty() {
                return;
            }
            for waiting in next {
                after = waiting.number;
                match envelope.seal(waiting.delivery) {
                    Ok(message) => deliver(&courier, &message).await,
                    Err(invalid) => drop(courier.discard(&invalid)),
                }
                outbox.delivered(after);
            }
            outbox.sweep();
        }
    };
    tokio::select! {
        () = ends.stop.cancelled() => {}
        () = work => {}
    }
    outbox.sweep();
}

/// Returns when the sink has the event, or has refused it for its own sake.
async fn deliver(courier: &Courier, message: &Message) {
    while let Err(undelivered) = courier.send_within(message, FOR_EVER).await {
        if is_about_the_event(&undelivered) {
            return courier.give_up(message, &undelivered);
        }
        tracing::warn!(
            event_id = message.id(),
            error = %undelivered,
            "The event stays in the outbox and is sent again in half a minute."
        );
        tokio::time::sleep(PAUSE).await;
    }
}

/// Whether the sink has judged this event, rather than whoever sends or how.
fn is_about_the_event(undelivered: &Undelivered) -> bool {
    let judged = [
        StatusCode::BAD_REQUEST,
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        StatusCode::UNPROCESSABLE_ENTITY,
    ];
    undelivered
        .status
        .is_some_and(|status| judged.contains(&status))
}
