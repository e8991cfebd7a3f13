use std::convert::Infallible;
use std::task::Poll::Ready;

use adapter::server::read_body;
use futures::poll;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::time::Instant;

use super::*;

const LIMIT: usize = 64 << 20;
const LARGE: usize = 1 << 20;

/// A body whose pieces the test sends, with or without a length that was promised.
struct Sent {
    left: Option<u64>,
    pieces: Receiver<Bytes>,
}

impl Body for Sent {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let piece = ready!(self.pieces.poll_recv(cx));
        if let (Some(left), Some(piece)) = (&mut self.left, &piece) {
            *left -= piece.len() as u64;
        }
        Ready(piece.map(|piece| Ok(Frame::data(piece))))
    }

    fn size_hint(&self) -> SizeHint {
        self.left.map_or_else(SizeHint::new, SizeHint::with_exact)
    }
}

/// A body and the end that sends it; `promised` is its length, if that is said.
fn body(promised: Option<usize>) -> (Sender<Bytes>, Sent) {
    let (sender, pieces) = channel(4);
    let left = promised.map(|length| length as u64);
    (sender, Sent { left, pieces })
}

/// A body that is there already.
fn arrived(length: usize) -> Sent {
    let (sender, body) = body(Some(length));
    for size in [length / 2, length - length / 2] {
        sender.try_send(piece(size)).expect("somebody reads");
    }
    body
}

fn piece(length: usize) -> Bytes {
    vec![b'x'; length].into()
}

/// How long it takes to read a body whole.
async fn reading(admitted: &mut Admitted<'_, Sent>) -> (usize, Duration) {
    let began = Instant::now();
    let bytes = read_body(admitted, LIMIT).await.expect("a whole body");
    (bytes.len(), began.elapsed())
}

#[tokio::test(start_paused = true)]
async fn large_bodies_wait_for_room_and_small_ones_do_not() {
    let room = Room::default();
    let mut all = room.admit(arrived(ROOM as usize));
    assert_eq!(reading(&mut all).await, (ROOM as usize, Duration::ZERO));
    let mut small = room.admit(arrived(SMALL as usize));
    assert_eq!(reading(&mut small).await, (SMALL as usize, Duration::ZERO));
    let (first, second) = (arrived(LARGE), arrived(LARGE));
    let (mut first, mut second) = (room.admit(first), room.admit(second));
    let mut both = Box::pin(async { tokio::join!(reading(&mut first), reading(&mut second)) });
    assert!(poll!(&mut both).is_pending());
    // Read long ago, printed only now.
    tokio::time::sleep(PATIENCE / 2).await;
    drop(all);
    let waited = (LARGE, PATIENCE / 2);
    assert_eq!(both.await, (waited, waited));
}

#[tokio::test(start_paused = true)]
async fn whoever_stops_in_the_middle_loses_the_place() {
    let room = Room::default();
    let (sender, stalled) = body(Some(ROOM as usize));
    let mut stalled = room.admit(stalled);
    let mut other = room.admit(arrived(LARGE));
    sender.try_send(piece(1)).expect("somebody reads");
    let in_turn = async {
        let (length, took) = reading(&mut other).await;
        sender
            .try_send(piece(ROOM as usize - 1))
            .expect("somebody reads");
        drop(sender);
        (length, took)
    };
    let (slow, other) = tokio::join!(reading(&mut stalled), in_turn);
    assert_eq!(slow, (ROOM as usize, STAY));
    assert_eq!(other, (LARGE, STAY));
}

#[tokio::test(start_paused = true)]
async fn a_promise_takes_no_place() {
    let room = Room::default();
    let (_sender, promised) = body(Some(ROOM as usize));
    let mut promised = room.admit(promised);
    let mut promise = Box::pin(reading(&mut promised));
    assert!(poll!(&mut promise).is_pending());
    let mut other = room.admit(arrived(LARGE));
    assert_eq!(reading(&mut other).await, (LARGE, Duration::ZERO));
}

#[tokio::test(start_paused = true)]
async fn a_body_without_a_length_counts_when_it_has_grown() {
    let room = Room::default();
    let full = room.0.acquire_many(ROOM).await.expect("a place");
    let (sender, unsaid) = body(None);
    let mut unsaid = room.admit(unsaid);
    let mut chunked = Box::pin(reading(&mut unsaid));
    sender
        .try_send(piece(SMALL as usize))
        .expect("somebody reads");
    assert!(poll!(&mut chunked).is_pending());
    sender.try_send(piece(1)).expect("somebody reads");
    assert!(poll!(&mut chunked).is_pending());
    sender.try_send(piece(1)).expect("somebody reads");
    drop(sender);
    assert!(poll!(&mut chunked).is_pending(), "it waits for a place");
    drop(full);
    assert_eq!(chunked.await.0, SMALL as usize + 2);
    assert_eq!(room.0.available_permits(), (ROOM - UNSAID) as usize);
    drop(unsaid);
    assert_eq!(room.0.available_permits(), ROOM as usize);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_is_larger_than_the_room_has_it_alone() {
    let room = Room::default();
    let mut one = room.admit(arrived(LIMIT));
    let mut other = room.admit(arrived(LIMIT));
    assert_eq!(reading(&mut one).await, (LIMIT, Duration::ZERO));
    assert_eq!(room.0.available_permits(), 0);
    drop(one);
    assert_eq!(reading(&mut other).await, (LIMIT, Duration::ZERO));
}

#[tokio::test(start_paused = true)]
async fn patience_ends() {
    let room = Room::default();
    let _full = room.0.acquire_many(ROOM).await.expect("a place");
    let mut large = room.admit(arrived(LARGE));
    assert_eq!(reading(&mut large).await, (LARGE, PATIENCE));
}
