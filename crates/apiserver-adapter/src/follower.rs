//! What one watch shows, told to the sink: changes as they come, and after a gap what a fresh list
//! shows to have been missed (apiserversource.md 9.4).
//!
//! What exists at the start is never announced. The watch itself is in `cluster`.

use std::collections::BTreeSet;
use std::mem;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use cluster::watch::{Event, Object, Observer, Trouble};

use crate::announcement::Announcement;
use crate::announcer::{Announcer, Kind, identity};
use crate::change::{Change, Mode};
use crate::ledger::{Comparison, Entry, Known, Ledger};
use crate::outbox::Outbox;

/// What is watched, and what of it counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    /// What the objects are.
    pub kind: Kind,
    /// Where a watch over all namespaces stands for some: only objects in these.
    pub namespaces: Option<BTreeSet<String>>,
}

/// What a watch made good after gaps, counted for telemetry. A copy counts the same.
#[derive(Clone, Debug, Default)]
pub struct Repairs(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    announced: AtomicU64,
    lost: AtomicU64,
}

impl Repairs {
    /// Changes that were missed and announced afterwards.
    pub fn announced(&self) -> u64 {
        self.0.announced.load(Ordering::Relaxed)
    }

    /// Deletes that were missed and could not be announced, because no last state was known.
    pub fn lost(&self) -> u64 {
        self.0.lost.load(Ordering::Relaxed)
    }
}

/// Follows one watch.
pub struct Follower {
    scope: Scope,
    announcer: Arc<Announcer>,
    outbox: Outbox,
    fail_fast: bool,
    repairs: Repairs,
    book: Book,
}

/// The ledger and what is being done to it.
enum Book {
    /// The first list is being read.
    Opening(Ledger),
    /// The watch is followed.
    Kept(Ledger),
    /// A list after a gap is being read.
    Compared(Comparison),
}

impl Follower {
    /// Ends at the first trouble with `fail_fast` (2.3).
    pub fn new(scope: Scope, announcer: Arc<Announcer>, outbox: Outbox, fail_fast: bool) -> Self {
        let ledger = Ledger::new(announcer.mode() == Mode::Reference);
        let book = Book::Opening(ledger);
        Self {
            scope,
            announcer,
            outbox,
            fail_fast,
            repairs: Repairs::default(),
            book,
        }
    }

    /// What was made good, before and while it follows.
    pub fn repairs(&self) -> Repairs {
        self.repairs.clone()
    }

    fn listing(&mut self) {
        let empty = || Ledger::new(false);
        self.book = match mem::replace(&mut self.book, Book::Opening(empty())) {
            // What a list showed that broke off is shown again by the next one, or gone.
            Book::Opening(_) => Book::Opening(Ledger::new(self.keeps_names())),
            Book::Kept(ledger) => Book::Compared(ledger.compare()),
            Book::Compared(comparison) => Book::Compared(comparison.abandon().compare()),
        };
    }

    async fn listed(&mut self, object: &Object<'_>) {
        let uid = identity(object);
        let entry = self.entry(&uid, object);
        let known = match &mut self.book {
            Book::Opening(ledger) | Book::Kept(ledger) => return ledger.record(entry),
            Book::Compared(comparison) => comparison.listed(entry),
        };
        let change = match known {
            Known::Unchanged => return,
            Known::Changed => Change::Modified,
            Known::New => Change::Added,
        };
        let announcement = self.announcer.announce(&self.scope.kind, change, object);
        self.make_good(announcement).await;
    }

    async fn synced(&mut self) {
        let book = mem::replace(&mut self.book, Book::Opening(Ledger::new(false)));
        let comparison = match book {
            Book::Opening(ledger) | Book::Kept(ledger) => {
                self.book = Book::Kept(ledger);
                return;
            }
            Book::Compared(comparison) => comparison,
        };
        let (ledger, gone) = comparison.complete();
        self.book = Book::Kept(ledger);
        if self.keeps_names() {
            for gone in gone {
                let announcement = self.announcer.announce_gone(&self.scope.kind, &gone);
                self.make_good(announcement).await;
            }
        } else {
            self.lose(gone.count() as u64);
        }
    }

    async fn changed(&mut self, change: Change, object: &Object<'_>) {
        let uid = identity(object);
        let entry = self.entry(&uid, object);
        if let Book::Opening(ledger) | Book::Kept(ledger) = &mut self.book {
            match change {
                Change::Added | Change::Modified => ledger.record(entry),
                Change::Deleted => ledger.strike(&uid),
            }
        }
        if let Some(announcement) = self.announcer.announce(&self.scope.kind, change, object) {
            self.outbox.put(announcement).await;
        }
    }

    async fn make_good(&self, announcement: Option<Announcement>) {
        if let Some(announcement) = announcement {
            self.repairs.0.announced.fetch_add(1, Ordering::Relaxed);
            self.outbox.put(announcement).await;
        }
    }

    /// Said once per gap: an operator can do nothing about it afterwards.
    fn lose(&self, deletes: u64) {
        if deletes == 0 {
            return;
        }
        self.repairs.0.lost.fetch_add(deletes, Ordering::Relaxed);
        tracing::error!(
            kind = self.scope.kind.kind,
            api_version = self.scope.kind.api_version,
            deletes,
            "Objects were deleted while the watch was interrupted; their last state is not known, so no event is sent."
        );
    }

    fn keeps_names(&self) -> bool {
        self.announcer.mode() == Mode::Reference
    }

    fn entry<'a>(&self, uid: &'a str, object: &'a Object<'_>) -> Entry<'a> {
        Entry {
            uid,
            version: &object.version,
            namespace: &object.namespace,
            name: &object.name,
            announced: self.announcer.owner_passes(object),
        }
    }

    fn counts(&self, object: &Object<'_>) -> bool {
        self.scope
            .namespaces
            .as_ref()
            .is_none_or(|namespaces| namespaces.contains(&*object.namespace))
    }
}

impl Observer for Follower {
    async fn event(&mut self, event: Event<'_>) {
        match event {
            Event::Listing => self.listing(),
            Event::Synced => self.synced().await,
            Event::Listed(object) if self.counts(&object) => self.listed(&object).await,
            Event::Added(object) if self.counts(&object) => {
                self.changed(Change::Added, &object).await;
            }
            Event::Modified(object) if self.counts(&object) => {
                self.changed(Change::Modified, &object).await;
            }
            Event::Deleted(object) if self.counts(&object) => {
                self.changed(Change::Deleted, &object).await;
            }
            Event::Listed(_) | Event::Added(_) | Event::Modified(_) | Event::Deleted(_) => {}
        }
    }

    fn trouble(&mut self, _: &Trouble, _: u32) -> ControlFlow<()> {
        if self.fail_fast {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    }
}

#[cfg(test)]
mod tests;
