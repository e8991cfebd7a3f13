//! What a candidate makes of a Lease: client-go's algorithm, without clocks and requests.
//!
//! A holder is believed for as long as its record was seen to change, by the candidate's own
//! monotonic clock: clocks of two machines are never compared.

use std::time::Duration;

use tokio::time::Instant;

use super::record::Record;

/// The record that was last seen, and when it was first seen like that.
#[derive(Clone, Debug)]
pub(super) struct Observed {
    record: Record,
    since: Instant,
}

/// What to do about a Lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Move {
    /// It has another holder, who is believed until then.
    Wait(Instant),
    /// It is ours: write a renewal.
    Renew,
    /// It is nobody's, or its holder is not heard of any more: write ourselves into it.
    Take,
}

impl Observed {
    pub(super) fn new(record: Record, now: Instant) -> Self {
        Self { record, since: now }
    }

    /// Sees a record. One that is the same as before leaves the time as it is.
    pub(super) fn see(&mut self, record: &Record, now: Instant) {
        if self.record != *record {
            *self = Self::new(record.clone(), now);
        }
    }

    pub(super) fn decide(&self, identity: &str, now: Instant) -> Move {
        match self.record.holder() {
            None => Move::Take,
            Some(holder) if holder == identity => Move::Renew,
            Some(_) => {
                let until = self.since + Duration::from_secs(self.record.duration_seconds());
                if until > now {
                    Move::Wait(until)
                } else {
                    Move::Take
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(holder: &str, seconds: i64, renewed: &str) -> Record {
        Record {
            holder_identity: Some(holder.to_owned()),
            lease_duration_seconds: Some(seconds),
            renew_time: Some(renewed.to_owned()),
            ..Record::default()
        }
    }

    #[test]
    fn who_may_take_what() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        for (record, now, expected) in [
            (record("", 1, "a"), at(0), Move::Take),
            (Record::default(), at(0), Move::Take),
            (record("me", 60, "a"), at(0), Move::Renew),
            (record("me", 60, "a"), at(500), Move::Renew),
            (record("you", 60, "a"), at(0), Move::Wait(at(60))),
            (record("you", 60, "a"), at(59), Move::Wait(at(60))),
            (record("you", 60, "a"), at(60), Move::Take),
            (record("you", 0, "a"), at(0), Move::Take),
            // Whatever its times say: they are of another clock.
            (
                record("you", 60, "1999-01-01T00:00:00.000000Z"),
                at(30),
                Move::Wait(at(60)),
            ),
        ] {
            let observed = Observed::new(record, start);
            assert_eq!(observed.decide("me", now), expected, "{observed:?}");
        }
    }

    #[test]
    fn only_a_change_counts_as_a_sign_of_life() {
        let start = Instant::now();
        let later = start + Duration::from_secs(50);
        let mut observed = Observed::new(record("you", 60, "a"), start);
        observed.see(&record("you", 60, "a"), later);
        assert_eq!(
            observed.decide("me", later),
            Move::Wait(start + Duration::from_mins(1))
        );
        observed.see(&record("you", 60, "b"), later);
        assert_eq!(
            observed.decide("me", later),
            Move::Wait(later + Duration::from_mins(1))
        );
    }
}
