//! Room for large bodies: how many bytes of them are in memory at once.
//!
//! A large body that finds no room waits in its sender's socket. Small ones never wait. A place is
//! for what arrives at once: a sender who stops in the middle loses it, and who has waited too long
//! goes on without one, so that nothing can get stuck here.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Sleep;

#[cfg(test)]
mod tests;

/// Bytes of all large bodies together, from the first one read to the last one printed. A body that
/// is longer takes all of it.
const ROOM: u32 = 16 << 20;
/// Bodies up to this size need no place.
const SMALL: u32 = 64 << 10;
/// What a body counts for whose length was not said.
const UNSAID: u32 = 1 << 20;
/// How long a body may take to arrive in its place.
const STAY: Duration = Duration::from_secs(1);
/// How long a body waits for a place: for long only if many senders stop in the middle, or if nobody
/// reads what is printed.
const PATIENCE: Duration = Duration::from_secs(5);

/// The room that all bodies share.
#[derive(Debug)]
pub struct Room(Semaphore);

impl Default for Room {
    fn default() -> Self {
        Self(Semaphore::new(ROOM as usize))
    }
}

impl Room {
    /// The body; once it turns out to be large, its pieces come when it has a place.
    ///
    /// The place is kept until this is dropped: what is made of the body takes memory, too.
    pub fn admit<B>(&self, body: B) -> Admitted<'_, B> {
        Admitted {
            body,
            arrived: 0,
            room: self,
            stage: Stage::Small,
        }
    }

    async fn place(&self, size: u64) -> Option<SemaphorePermit<'_>> {
        let size = u32::try_from(size).unwrap_or(ROOM).min(ROOM);
        let place = self.0.acquire_many(size);
        tokio::time::timeout(PATIENCE, place).await.ok()?.ok()
    }
}

/// A body, see [`Room::admit`].
pub struct Admitted<'a, B> {
    body: B,
    arrived: u64,
    room: &'a Room,
    stage: Stage<'a>,
}

enum Stage<'a> {
    /// As far as is known.
    Small,
    Waiting(Pin<Box<dyn Future<Output = Option<SemaphorePermit<'a>>> + Send + 'a>>),
    Inside {
        _place: SemaphorePermit<'a>,
        stay: Pin<Box<Sleep>>,
    },
    Without,
}

impl<B: Body> Admitted<'_, B> {
    /// What it counts for, if it is large. A promise of which nothing has arrived takes no place.
    fn large_size(&self) -> Option<u64> {
        let rest = self.body.size_hint();
        let least = self.arrived + rest.lower();
        let size = rest.exact().map_or(least.max(UNSAID.into()), |_| least);
        (self.arrived > 0 && least > SMALL.into()).then_some(size)
    }

    /// Ready when the next piece may be read.
    fn poll_place(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            self.stage = match &mut self.stage {
                Stage::Small => match self.large_size() {
                    Some(size) => Stage::Waiting(Box::pin(self.room.place(size))),
                    None => return Poll::Ready(()),
                },
                Stage::Waiting(place) => match ready!(place.as_mut().poll(cx)) {
                    Some(place) => Stage::Inside {
                        _place: place,
                        stay: Box::pin(tokio::time::sleep(STAY)),
                    },
                    None => Stage::Without,
                },
                Stage::Inside { stay, .. } => match stay.as_mut().poll(cx) {
                    Poll::Ready(()) => Stage::Without,
                    Poll::Pending => return Poll::Ready(()),
                },
                Stage::Without => return Poll::Ready(()),
            }
        }
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for Admitted<'_, B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let this = self.get_mut();
        ready!(this.poll_place(cx));
        let frame = ready!(Pin::new(&mut this.body).poll_frame(cx));
        if let Some(Ok(frame)) = &frame {
            this.arrived += frame.data_ref().map_or(0, |data| data.len() as u64);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
