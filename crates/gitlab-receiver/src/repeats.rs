//! Repeated deliveries: a copy joins the one that is on its way, or is answered from memory.
//!
//! A proxy or a mesh between GitLab and us may send a request twice. Copies have the same
//! `Idempotency-Key` and the same content. A delivery that somebody *resends* in GitLab's pages has
//! them too, but a new `X-Gitlab-Webhook-UUID`, which GitLab draws for each request: once the first
//! one is done it goes to the sink again, as it was asked for (vector gl-085). Memory is bounded by
//! count; the oldest are forgotten first.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use crate::answer::Answer;

/// How many delivered events are remembered: about 1 MB, and ten minutes at 13 a second.
const REMEMBERED: usize = 8 * 1024;

/// Hashes of the key and of the content: that two different deliveries meet is out of reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Fingerprint(u64, ContentHash);

/// The hash of a body, apart because for a long one it takes a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ContentHash(u64);

/// The memory of one receiver. Cloning is cheap.
#[derive(Clone)]
pub struct Repeats(Arc<Shared>);

struct Shared {
    window: Duration,
    hasher: RandomState,
    memory: Mutex<Memory>,
}

#[derive(Default)]
struct Memory {
    known: HashMap<Fingerprint, State>,
    /// Those that are done, in that order.
    done: VecDeque<(Instant, Fingerprint)>,
}

enum State {
    OnItsWay(watch::Receiver<Option<Answer>>),
    Done { request: u64, at: Instant },
}

/// What a delivery has to do.
pub enum Turn {
    /// Nobody else has it: deliver, then say how it went.
    First(Ticket),
    /// Wait for the one that is on its way.
    Join(Joined),
    /// Delivered a moment ago.
    Delivered,
}

/// The right and the duty to deliver. Dropped without an answer, the next copy is first again.
pub struct Ticket {
    shared: Arc<Shared>,
    copy: Fingerprint,
    request: u64,
    answer: watch::Sender<Option<Answer>>,
}

/// Waits for the answer that the first copy gets.
pub struct Joined(watch::Receiver<Option<Answer>>);

impl Repeats {
    /// Remembers deliveries for `window`; those on their way are joined even if it is zero.
    pub fn new(window: Duration) -> Self {
        Self(Arc::new(Shared {
            window,
            hasher: RandomState::new(),
            memory: Mutex::default(),
        }))
    }

    /// The hash of a body.
    pub fn content(&self, body: &[u8]) -> ContentHash {
        ContentHash(self.hash(body))
    }

    /// The fingerprint of a delivery.
    pub fn fingerprint(&self, key: &str, event: &str, content: ContentHash) -> Fingerprint {
        Fingerprint(self.hash((key, event)), content)
    }

    /// Decides for a delivery; `request` is what GitLab draws anew for each request.
    pub fn turn(&self, copy: Fingerprint, request: &[u8]) -> Turn {
        let request = self.hash(request);
        let mut memory = self.0.memory();
        memory.forget(self.0.window);
        match memory.known.get(&copy) {
            Some(State::OnItsWay(answer)) => return Turn::Join(Joined(answer.clone())),
            Some(State::Done { request: same, .. }) if *same == request => return Turn::Delivered,
            Some(State::Done { .. }) | None => {}
        }
        let (answer, joined) = watch::channel(None);
        memory.known.insert(copy, State::OnItsWay(joined));
        Turn::First(Ticket {
            shared: Arc::clone(&self.0),
            copy,
            request,
            answer,
        })
    }

    fn hash(&self, value: impl Hash) -> u64 {
        self.0.hasher.hash_one(value)
    }
}

impl Shared {
    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Memory {
    fn forget(&mut self, window: Duration) {
        while let Some((at, copy)) = self.done.front() {
            if self.done.len() <= REMEMBERED && at.elapsed() < window {
                return;
            }
            // Meanwhile it may have been sent again.
            if matches!(self.known.get(copy), Some(State::Done { at: since, .. }) if since == at) {
                self.known.remove(copy);
            }
            self.done.pop_front();
        }
    }
}

impl Ticket {
    /// Says how it went: what was accepted is remembered, anything else may be tried again.
    pub fn finish(self, answer: Answer) {
        if answer == Answer::Accepted {
            let at = Instant::now();
            let mut memory = self.shared.memory();
            memory.known.insert(
                self.copy,
                State::Done {
                    request: self.request,
                    at,
                },
            );
            memory.done.push_back((at, self.copy));
        }
        // Nobody may be waiting.
        let _ = self.answer.send(Some(answer));
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut memory = self.shared.memory();
        if let Some(State::OnItsWay(_)) = memory.known.get(&self.copy) {
            memory.known.remove(&self.copy);
        }
    }
}

impl Joined {
    /// The answer of the first copy; a failure if that one ended without any.
    pub async fn answer(mut self) -> Answer {
        match self.0.wait_for(Option::is_some).await {
            Ok(answer) => answer.unwrap_or(Answer::Undelivered),
            Err(_) => Answer::Undelivered,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Duration = Duration::from_mins(10);

    fn first(repeats: &Repeats, key: &str, request: &str) -> Ticket {
        match turn(repeats, key, request) {
            Turn::First(ticket) => ticket,
            Turn::Join(_) => panic!("joined"),
            Turn::Delivered => panic!("delivered"),
        }
    }

    fn turn(repeats: &Repeats, key: &str, request: &str) -> Turn {
        let copy = repeats.fingerprint(key, "Push Hook", repeats.content(b"{}"));
        repeats.turn(copy, request.as_bytes())
    }

    #[tokio::test(start_paused = true)]
    async fn a_copy_joins_and_shares_the_answer() {
        let repeats = Repeats::new(WINDOW);
        for answer in [Answer::Undelivered, Answer::Accepted] {
            let ticket = first(&repeats, "k", "r1");
            let joined: Vec<Joined> = ["r1", "r2"]
                .iter()
                .map(|request| match turn(&repeats, "k", request) {
                    Turn::Join(joined) => joined,
                    _ => panic!("not joined"),
                })
                .collect();
            ticket.finish(answer);
            for joined in joined {
                assert_eq!(joined.answer().await, answer);
            }
        }
        // The failure was not remembered, the success is.
        assert!(matches!(turn(&repeats, "k", "r1"), Turn::Delivered));
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_delivered_is_remembered_for_the_window() {
        let repeats = Repeats::new(WINDOW);
        first(&repeats, "k", "r1").finish(Answer::Accepted);
        tokio::time::advance(WINDOW * 9 / 10).await;
        assert!(matches!(turn(&repeats, "k", "r1"), Turn::Delivered));
        tokio::time::advance(WINDOW / 10).await;
        first(&repeats, "k", "r1");
        assert!(repeats.0.memory().known.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_resend_by_hand_goes_out_again_and_is_remembered_anew() {
        let repeats = Repeats::new(WINDOW);
        first(&repeats, "k", "r1").finish(Answer::Accepted);
        tokio::time::advance(WINDOW / 2).await;
        first(&repeats, "k", "r2").finish(Answer::Accepted);
        tokio::time::advance(WINDOW * 3 / 4).await;
        assert!(matches!(turn(&repeats, "k", "r2"), Turn::Delivered));
    }

    #[test]
    fn the_same_key_with_other_content_is_another_delivery() {
        let repeats = Repeats::new(WINDOW);
        let copy = |key, event, body: &[u8]| repeats.fingerprint(key, event, repeats.content(body));
        let push = copy("k", "Push Hook", b"{}");
        assert_eq!(push, copy("k", "Push Hook", b"{}"));
        assert_ne!(push, copy("k", "Push Hook", b"[]"));
        assert_ne!(push, copy("k", "Note Hook", b"{}"));
        assert_ne!(push, copy("l", "Push Hook", b"{}"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_delivery_that_breaks_off_is_first_again() {
        let repeats = Repeats::new(WINDOW);
        let ticket = first(&repeats, "k", "r1");
        let Turn::Join(joined) = turn(&repeats, "k", "r1") else {
            panic!("not joined")
        };
        drop(ticket);
        assert_eq!(joined.answer().await, Answer::Undelivered);
        first(&repeats, "k", "r1");
    }

    #[tokio::test(start_paused = true)]
    async fn memory_is_bounded() {
        let repeats = Repeats::new(WINDOW);
        for key in 0..REMEMBERED + 100 {
            first(&repeats, &key.to_string(), "r").finish(Answer::Accepted);
        }
        first(&repeats, "one more", "r");
        let memory = repeats.0.memory();
        assert!(memory.known.len() <= REMEMBERED && memory.done.len() <= REMEMBERED);
        drop(memory);
        first(&repeats, "0", "r");
        assert!(matches!(
            turn(&repeats, &REMEMBERED.to_string(), "r"),
            Turn::Delivered
        ));
    }
}
