//! The file of the outbox: events in order, and how much they are.
//!
//! Synchronous; a call that returns has reached the disk. Who calls, and when, is in `writer`.

use std::fs::{self, File};
use std::path::Path;

use chrono::DateTime;
use redb::{Builder, Database, ReadableDatabase as _, ReadableTable as _, TableDefinition};

use super::Waiting;
use crate::delivery::Delivery;
use crate::event_name::EventName;

/// Number to id, kind of hook, arrival in nanoseconds since 1970, and body.
const EVENTS: TableDefinition<u64, (&str, &str, i64, &[u8])> = TableDefinition::new("events");
/// What would otherwise be counted by reading everything.
const TOTALS: TableDefinition<&str, u64> = TableDefinition::new("totals");
const BYTES: &str = "bytes";
const COUNT: &str = "events";
const LAST: &str = "last number";

/// Pages kept in memory; everything is read once and written once.
const CACHE: usize = 4 << 20;
/// What an event takes beside its body.
const OVERHEAD: usize = 128;

pub(super) type Result<T> = std::result::Result<T, redb::Error>;

/// The open file. Only one process can have it open.
pub(super) struct Store {
    database: Database,
    totals: Totals,
}

/// What waits on disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Totals {
    pub(super) events: u64,
    pub(super) bytes: u64,
    /// When the oldest one arrived, in nanoseconds since 1970; 0 if there is none.
    pub(super) oldest: i64,
    /// The last number given.
    last: u64,
}

/// What one event counts towards the limit.
pub(super) fn size(delivery: &Delivery) -> u64 {
    size_of(&delivery.id, delivery.event.as_str(), &delivery.body)
}

fn size_of(id: &str, event: &str, body: &[u8]) -> u64 {
    (id.len() + event.len() + body.len() + OVERHEAD) as u64
}

impl Store {
    /// Opens the outbox of a directory; both are made if they are not there.
    pub(super) fn open(directory: &Path) -> Result<Self> {
        fs::create_dir_all(directory)?;
        let database = Builder::new()
            .set_cache_size(CACHE)
            .create(directory.join("outbox.redb"))?;
        // The name of a new file has to survive a power cut as well.
        File::open(directory)?.sync_all()?;
        Self::with(database)
    }

    pub(super) fn with(database: Database) -> Result<Self> {
        let mut store = Self {
            database,
            totals: Totals::default(),
        };
        store.commit(&[], 0)?;
        Ok(store)
    }

    pub(super) fn totals(&self) -> Totals {
        self.totals
    }

    /// Adds events behind the last one and removes those up to `delivered`, all or nothing.
    pub(super) fn commit(&mut self, added: &[&Delivery], delivered: u64) -> Result<()> {
        let transaction = self.database.begin_write()?;
        let totals = {
            let mut events = transaction.open_table(EVENTS)?;
            let mut kept = transaction.open_table(TOTALS)?;
            let get = |name| Ok::<_, redb::Error>(kept.get(name)?.map_or(0, |value| value.value()));
            let mut totals = Totals {
                events: get(COUNT)?,
                bytes: get(BYTES)?,
                last: get(LAST)?,
                oldest: 0,
            };
            remove(&mut events, delivered, &mut totals)?;
            add(&mut events, added, &mut totals)?;
            for (name, value) in [
                (COUNT, totals.events),
                (BYTES, totals.bytes),
                (LAST, totals.last),
            ] {
                kept.insert(name, value)?;
            }
            totals.oldest = events.first()?.map_or(0, |(_, event)| event.value().2);
            totals
        };
        transaction.commit()?;
        self.totals = totals;
        Ok(())
    }

    /// The events behind `after`, in order: at most `count`, and no further one once they have
    /// `bytes` bytes.
    pub(super) fn read(&self, after: u64, count: usize, bytes: usize) -> Result<Vec<Waiting>> {
        let events = self.database.begin_read()?.open_table(EVENTS)?;
        let mut found = Vec::new();
        let mut size = 0;
        for entry in events.range(after + 1..)?.take(count) {
            let (number, event) = entry?;
            let waiting = decode(number.value(), event.value())?;
            size += waiting.delivery.body.len();
            found.push(waiting);
            if size >= bytes {
                break;
            }
        }
        Ok(found)
    }
}

type Events<'a> = redb::Table<'a, u64, (&'static str, &'static str, i64, &'static [u8])>;

fn add(events: &mut Events<'_>, added: &[&Delivery], totals: &mut Totals) -> Result<()> {
    for delivery in added {
        totals.last += 1;
        totals.events += 1;
        totals.bytes += size(delivery);
        // Times beyond the year 2262 do not fit; none of them is now.
        let received = delivery.received.timestamp_nanos_opt().unwrap_or(i64::MAX);
        let (id, event) = (delivery.id.as_str(), delivery.event.as_str());
        events.insert(totals.last, (id, event, received, delivery.body.as_slice()))?;
    }
    Ok(())
}

fn remove(events: &mut Events<'_>, delivered: u64, totals: &mut Totals) -> Result<()> {
    while events
        .first()?
        .is_some_and(|(number, _)| number.value() <= delivered)
    {
        let Some((_, event)) = events.pop_first()? else {
            break;
        };
        let (id, event, _, body) = event.value();
        totals.events = totals.events.saturating_sub(1);
        totals.bytes = totals.bytes.saturating_sub(size_of(id, event, body));
    }
    Ok(())
}

fn decode(number: u64, (id, event, received, body): (&str, &str, i64, &[u8])) -> Result<Waiting> {
    let event = EventName::read(event)
        .map_err(|error| redb::Error::Corrupted(format!("event {number}: {error}")))?;
    let received = DateTime::from_timestamp_nanos(received);
    Ok(Waiting {
        number,
        delivery: Delivery {
            id: id.to_owned(),
            event,
            received,
            body: body.to_vec(),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delivery(id: &str, body: &[u8]) -> Delivery {
        Delivery {
            id: id.to_owned(),
            event: EventName::read("Push Hook").unwrap(),
            received: "2026-03-02T08:31:12.004117Z".parse().unwrap(),
            body: body.to_vec(),
        }
    }

    fn ids(store: &Store, after: u64, count: usize, bytes: usize) -> Vec<(u64, String)> {
        let waiting = store.read(after, count, bytes).unwrap();
        waiting
            .into_iter()
            .map(|waiting| (waiting.number, waiting.delivery.id))
            .collect()
    }

    fn pair(number: u64, id: &str) -> (u64, String) {
        (number, id.to_owned())
    }

    #[test]
    fn events_come_back_as_they_were_and_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let deliveries = [
            delivery("a", b"{}"),
            delivery("b", &"x".repeat(100_000).into_bytes()),
            delivery("c", b"[]"),
        ];
        let mut store = Store::open(&folder.path().join("deep/spool")).unwrap();
        store.commit(&[&deliveries[0], &deliveries[1]], 0).unwrap();
        store.commit(&[&deliveries[2]], 0).unwrap();
        drop(store);

        let store = Store::open(&folder.path().join("deep/spool")).unwrap();
        let waiting = store.read(0, 10, usize::MAX).unwrap();
        assert!(
            waiting
                .iter()
                .map(|waiting| &waiting.delivery)
                .eq(&deliveries)
        );
        assert_eq!(store.totals().events, 3);
        assert_eq!(
            store.totals().bytes,
            deliveries.iter().map(size).sum::<u64>()
        );
        assert_eq!(
            store.totals().oldest,
            deliveries[0].received.timestamp_nanos_opt().unwrap()
        );

        assert_eq!(ids(&store, 0, 2, usize::MAX), [pair(1, "a"), pair(2, "b")]);
        assert_eq!(ids(&store, 1, 10, 10), [pair(2, "b")]);
        assert_eq!(ids(&store, 3, 10, 10), []);
    }

    #[test]
    fn what_was_delivered_is_gone_and_no_number_comes_again() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = Store::open(folder.path()).unwrap();
        store
            .commit(&[&delivery("a", b"{}"), &delivery("b", b"{}")], 0)
            .unwrap();
        store.commit(&[&delivery("c", b"{}")], 2).unwrap();
        assert_eq!(ids(&store, 0, 10, 10), [pair(3, "c")]);
        store.commit(&[], 3).unwrap();
        assert_eq!(
            store.totals(),
            Totals {
                last: 3,
                ..Totals::default()
            }
        );
        drop(store);
        let mut store = Store::open(folder.path()).unwrap();
        store.commit(&[&delivery("d", b"{}")], 3).unwrap();
        assert_eq!(ids(&store, 0, 10, 10), [pair(4, "d")]);
    }

    #[test]
    fn a_second_process_is_kept_out() {
        let folder = tempfile::tempdir().unwrap();
        let _store = Store::open(folder.path()).unwrap();
        assert!(matches!(
            Store::open(folder.path()),
            Err(redb::Error::DatabaseAlreadyOpen)
        ));
    }
}
