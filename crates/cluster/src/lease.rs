//! Leader election, one Lease for each bucket, in step with client-go: a Go pod and a Rust pod
//! never hold the same bucket.
//!
//! Unlike client-go it follows its Leases by watch, so that a released one is taken at once, and
//! says when their last holder was active. What a leader does is not here.
//! Contract: `pingsource.md` 2.4, `adapter-runtime.md` 6.

mod board;
mod claim;
mod config;
mod contest;
mod decide;
mod follow;
mod record;

use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::watch;
use tokio::task::JoinSet;

use self::board::{Board, Until};
pub use self::board::{Leadership, Term};
use self::claim::Claim;
pub use self::config::{Election, LEADER_ELECTION_CONFIG};
use self::contest::{Contest, Wish};
use crate::bucket::Ring;
use crate::client::Client;
use crate::clock::Clock;

/// Long enough to never end.
const FOR_EVER: Duration = Duration::from_secs(u32::MAX as u64);

/// This process as a candidate for all buckets. Dropping it ends the candidacy without a release.
#[derive(Debug)]
pub struct Candidate {
    ring: Ring,
    board: Board,
    wish: watch::Sender<Wish>,
    contests: JoinSet<()>,
}

impl Candidate {
    /// Begins to compete for every bucket with Leases in `namespace`; needs a tokio runtime.
    ///
    /// Losing the API server costs leaderships, and never ends anything.
    pub fn start(client: &Client, namespace: &str, election: Election, clock: &Clock) -> Self {
        let election = Election {
            identity: identity(&election.identity),
            ..election
        };
        if let Some(error) = &election.warning {
            tracing::error!(error, "The defaults of leader election are used.");
        }
        tracing::info!(
            identity = election.identity,
            buckets = election.leases.len(),
            "Competing for Leases."
        );
        let board = Board::new(election.leases.len());
        let wish = watch::Sender::new(Wish::Compete);
        let mut contests = JoinSet::new();
        for (bucket, lease) in election.leases.iter().enumerate() {
            let (follower, seen) = follow::follower(client.clone(), namespace, lease);
            let contest = Contest {
                bucket,
                claim: Claim::new(client, namespace, lease, &election, clock),
                retry_period: election.retry_period,
                board: board.clone(),
                wish: wish.subscribe(),
                seen,
                terms: 0,
            };
            contests.spawn(contest.run(follower));
        }
        Self {
            ring: Ring::new(&election.leases),
            board,
            wish,
            contests,
        }
    }

    /// Without an election (`--disable-ha`): one bucket, led at once and always.
    pub fn alone() -> Self {
        let board = Board::new(1);
        board.lead(
            0,
            Term {
                number: 1,
                last_activity: None,
                released: false,
            },
            Until::after(FOR_EVER),
        );
        Self {
            ring: Ring::new(&[String::new()]),
            board,
            wish: watch::Sender::new(Wish::Keep),
            contests: JoinSet::new(),
        }
    }

    /// How many buckets there are.
    pub fn buckets(&self) -> usize {
        self.board.buckets()
    }

    /// The number of the bucket that owns an object.
    pub fn bucket_of(&self, namespace: &str, name: &str) -> usize {
        self.ring.owner(namespace, name)
    }

    /// Whether a bucket is led at this very moment.
    ///
    /// To be asked before each act of a leader: it is right even if the process has slept and
    /// nobody could announce yet that the term is over.
    pub fn leads(&self, bucket: usize) -> bool {
        self.board.leads(bucket)
    }

    /// The leaderships by the buckets' numbers. Changes wake the receiver, renewals do not.
    pub fn leaderships(&self) -> watch::Receiver<Vec<Leadership>> {
        self.board.subscribe()
    }

    /// Takes no further bucket; those held are renewed as before. The first step of a stop.
    pub fn withdraw(&self) {
        self.wish.send_replace(Wish::Keep);
    }

    /// Gives all buckets back, so that others can take them at once: to be called when nothing is
    /// in flight any more. What is not given back within `limit` runs out by itself.
    pub async fn release(self, limit: Duration) {
        self.give_back(None, limit).await;
    }

    /// The same, with word for the next holder that nothing was done after `last_activity`: its
    /// term begins there, not when the Leases were given back.
    pub async fn release_as_of(self, last_activity: DateTime<Utc>, limit: Duration) {
        self.give_back(Some(last_activity), limit).await;
    }

    async fn give_back(mut self, last_activity: Option<DateTime<Utc>>, limit: Duration) {
        self.wish.send_replace(Wish::Release(last_activity));
        let all = async { while self.contests.join_next().await.is_some() {} };
        if tokio::time::timeout(limit, all).await.is_err() {
            tracing::warn!("A Lease could not be released in time; it will run out.");
        }
    }
}

/// As client-go has it: a process that is started again is another candidate.
fn identity(configured: &str) -> String {
    if configured.is_empty() {
        // In a pod this is the pod's name.
        let hostname = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        return format!("{}_{}", hostname.trim(), uuid::Uuid::new_v4());
    }
    configured.to_owned()
}

/// Where the Leases of a namespace are.
fn collection(namespace: &str) -> String {
    format!("/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases")
}
