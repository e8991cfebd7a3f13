//! Which bucket an object belongs to: a ring of hashes on which all replicas agree, Go's too.
//!
//! Contract: `pingsource.md` 2.4, `adapter-runtime.md` 6.

use std::fmt::Write as _;

/// Places on the ring, and so the most buckets that there can be.
pub const SLOTS: usize = 2048;

/// The buckets of one election.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ring {
    /// The buckets' numbers and names, in the order of the names.
    buckets: Vec<(usize, String)>,
}

impl Ring {
    /// Of the names of the buckets' Leases, in the order of their numbers.
    ///
    /// # Panics
    /// With no name, or with more than [`SLOTS`].
    pub fn new(names: &[String]) -> Self {
        assert!(
            (1..=SLOTS).contains(&names.len()),
            "{} buckets",
            names.len()
        );
        let mut buckets: Vec<(usize, String)> = names.iter().cloned().enumerate().collect();
        buckets.sort_by(|(_, one), (_, other)| one.cmp(other));
        Self { buckets }
    }

    /// The number of the bucket that owns an object.
    pub fn owner(&self, namespace: &str, name: &str) -> usize {
        if let [(only, _)] = self.buckets[..] {
            return only;
        }
        let key = format!("{namespace}/{name}");
        let start = slot(hash(format!("{key}start-angle-salt").as_bytes()));
        let mut taken: Vec<(usize, usize)> = Vec::with_capacity(self.buckets.len());
        for (number, bucket) in &self.buckets {
            let mut text = format!("{bucket}{key}");
            let mut hashed = hash(text.as_bytes());
            while taken.iter().any(|(slot, _)| *slot == self::slot(hashed)) {
                write!(text, "{hashed:x}").expect("writing to a string cannot fail");
                hashed = hash(text.as_bytes());
            }
            taken.push((slot(hashed), *number));
        }
        // The next one at or behind the start, going round.
        let distance = |slot: usize| (slot + SLOTS - start) % SLOTS;
        let owner = taken.iter().min_by_key(|(slot, _)| distance(*slot));
        owner.map_or(0, |(_, number)| *number)
    }
}

fn slot(hash: u64) -> usize {
    let slot = hash % SLOTS as u64;
    usize::try_from(slot).expect("less than 2048")
}

/// FNV-1a with 64 bits.
fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PREFIX: &str = "pingsource-mt-adapter.knative.dev.eventing.pkg.adapter.mtping.reconciler";

    fn ring(count: usize) -> Ring {
        let names = (0..count).map(|number| format!("{PREFIX}.{number:02}-of-{count:02}"));
        Ring::new(&names.collect::<Vec<_>>())
    }

    fn owner(ring: &Ring, key: &str) -> usize {
        let (namespace, name) = key.split_once('/').unwrap();
        ring.owner(namespace, name)
    }

    /// pingsource.md 2.4.
    #[test]
    fn owners_among_two_three_and_ten() {
        for (key, two, three, ten) in [
            ("default/test-ping-source", 0, 1, 2),
            ("ns1/nm", 0, 2, 3),
            ("a/b", 0, 1, 8),
            ("prod/every-minute", 1, 2, 6),
            ("prod/hourly-report", 1, 0, 0),
            ("team-x/ping-0", 0, 1, 2),
            ("team-x/ping-1", 1, 2, 4),
            ("team-x/ping-2", 1, 1, 6),
        ] {
            let owners = [2, 3, 10].map(|count| owner(&ring(count), key));
            assert_eq!(owners, [two, three, ten], "{key}");
            assert_eq!(owner(&ring(1), key), 0);
        }
    }

    /// adapter-runtime.md V24.
    #[test]
    fn owners_among_three_and_two() {
        for (key, three, two) in [
            ("default/p1", 1, 1),
            ("default/p2", 0, 0),
            ("ns1/a", 0, 0),
            ("ns1/b", 2, 0),
            ("kube-system/x", 1, 1),
            ("z/z", 2, 0),
        ] {
            assert_eq!(
                (owner(&ring(3), key), owner(&ring(2), key)),
                (three, two),
                "{key}"
            );
        }
    }

    #[test]
    fn every_slot_can_be_taken_and_every_bucket_owns_its_share() {
        let full = ring(SLOTS);
        assert!(full.owner("a", "b") < SLOTS);
        let ten = ring(10);
        let mut shares = [0; 10];
        for number in 0..1000 {
            shares[ten.owner("ns", &format!("p{number}"))] += 1;
        }
        assert!(shares.iter().all(|share| *share > 50), "{shares:?}");
    }
}
