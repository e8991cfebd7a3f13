//! The order in which events go out: strictly one after the other while that is enough, several
//! objects at a time when it is not, and one object's events always one after the other.
//!
//! Pure: no clock and no task; `outbox` sends.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use crate::ledger::Uid;

/// As few waiting events are sent one at a time, in the order of the watch, as stock does it.
const CALM: usize = 16;
/// The same to a sink that is not slow.
const BUSY: usize = 256;
/// What makes a sink slow.
const SLOW: Duration = Duration::from_millis(10);
/// The most events at a time.
const WIDEST: usize = 64;
/// The same to a sink that is not slow: they share wake-ups, which cost more than all the rest.
const BRISK: usize = 8;

/// Events on their way out.
#[derive(Debug)]
pub struct Line<T> {
    waiting: VecDeque<(Uid, T)>,
    /// Behind an event of the same object that is in flight or waits at the front.
    parked: HashMap<Uid, VecDeque<T>>,
    /// Objects with an event in flight, and whether it holds up the others.
    in_flight: HashMap<Uid, bool>,
    /// How many of those do.
    holding: usize,
    /// How many may.
    width: usize,
}

impl<T> Default for Line<T> {
    fn default() -> Self {
        Self {
            waiting: VecDeque::new(),
            parked: HashMap::new(),
            in_flight: HashMap::new(),
            holding: 0,
            width: 1,
        }
    }
}

impl<T> Line<T> {
    /// Adds an event at the end.
    pub fn push(&mut self, object: Uid, event: T) {
        self.waiting.push_back((object, event));
    }

    /// The next event to send now, if there is one.
    pub fn start(&mut self) -> Option<(Uid, T)> {
        while self.holding < self.width {
            let (object, event) = self.waiting.pop_front()?;
            if self.in_flight.contains_key(&object) {
                self.parked.entry(object).or_default().push_back(event);
                continue;
            }
            self.in_flight.insert(object, true);
            self.holding += 1;
            return Some((object, event));
        }
        None
    }

    /// The event of this object takes too long: the others go on without waiting for it.
    ///
    /// The sink is in trouble, so fewer go out at a time.
    pub fn overdue(&mut self, object: Uid) {
        if let Some(holds) = self.in_flight.get_mut(&object)
            && std::mem::take(holds)
        {
            self.holding -= 1;
            self.width = (self.width / 2).max(1);
        }
    }

    /// The event of this object was delivered or given up after that time.
    pub fn done(&mut self, object: Uid, delivered: bool, took: Duration) {
        if self.in_flight.remove(&object) == Some(true) {
            self.holding -= 1;
        }
        self.unpark(object);
        if self.waiting.is_empty() && self.in_flight.is_empty() {
            self.width = 1;
        } else if delivered && self.width < self.widest(took) {
            self.width += 1;
        }
    }

    /// How many events may go out at a time to a sink that took that long for one.
    fn widest(&self, took: Duration) -> usize {
        let (few, widest) = if took >= SLOW {
            (CALM, WIDEST)
        } else {
            (BUSY, BRISK)
        };
        if self.waiting.len() > few { widest } else { 1 }
    }

    /// The object's next event is older than everything that waits, so it goes to the front.
    fn unpark(&mut self, object: Uid) {
        let Some(parked) = self.parked.get_mut(&object) else {
            return;
        };
        if let Some(event) = parked.pop_front() {
            self.waiting.push_front((object, event));
        }
        if parked.is_empty() {
            self.parked.remove(&object);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FAST: Duration = Duration::from_millis(1);

    fn uid(number: usize) -> Uid {
        Uid::new(&format!("uid-{number}"))
    }

    /// Starts all that may start now.
    fn started(line: &mut Line<usize>) -> Vec<usize> {
        std::iter::from_fn(|| line.start())
            .map(|(_, event)| event)
            .collect()
    }

    fn filled(objects: usize, events: usize) -> Line<usize> {
        let mut line = Line::default();
        (0..events).for_each(|event| line.push(uid(event % objects), event));
        line
    }

    #[test]
    fn a_few_events_go_one_after_the_other_in_order() {
        let mut line = filled(10, 10);
        for event in 0..10 {
            assert_eq!(started(&mut line), [event]);
            line.done(uid(event), true, SLOW);
        }
        assert!(started(&mut line).is_empty());
    }

    #[test]
    fn many_events_go_one_after_the_other_to_a_fast_sink() {
        let mut line = filled(BUSY, BUSY);
        for event in 0..BUSY {
            assert_eq!(started(&mut line), [event]);
            line.done(uid(event), true, FAST);
        }
    }

    /// How many events go out at a time to a sink that takes that long for each.
    fn widths(took: Duration) -> [usize; 8] {
        let mut line = filled(1000, 1000);
        std::array::from_fn(|_| {
            let events = started(&mut line);
            for &event in &events {
                line.done(uid(event), true, took);
            }
            events.len()
        })
    }

    #[test]
    fn very_many_events_go_out_wider_and_wider() {
        assert_eq!(widths(SLOW), [1, 2, 4, 8, 16, 32, WIDEST, WIDEST]);
        assert_eq!(widths(FAST), [1, 2, 4, BRISK, BRISK, BRISK, BRISK, BRISK]);
    }

    #[test]
    fn a_refused_event_holds_up_the_next_one_until_it_is_overdue() {
        let mut line = filled(3, 3);
        assert_eq!(started(&mut line), [0]);
        assert!(started(&mut line).is_empty());
        line.overdue(uid(0));
        assert_eq!(started(&mut line), [1]);
        line.done(uid(1), true, FAST);
        line.done(uid(0), false, SLOW);
        assert_eq!(started(&mut line), [2]);
    }

    #[test]
    fn an_object_waits_for_its_own_overdue_event() {
        let mut line = Line::default();
        for event in 0..4 {
            line.push(uid(0), event);
        }
        line.push(uid(1), 9);
        assert_eq!(started(&mut line), [0]);
        line.overdue(uid(0));
        assert_eq!(started(&mut line), [9]);
        line.done(uid(1), true, FAST);
        line.push(uid(0), 4);
        for event in 1..5 {
            line.done(uid(0), true, FAST);
            assert_eq!(started(&mut line), [event]);
        }
    }

    #[test]
    fn trouble_narrows_the_line_and_rest_makes_it_strict_again() {
        let mut line = filled(1000, 40);
        line.width = 8;
        assert_eq!(started(&mut line).len(), 8);
        (0..8).for_each(|event| line.overdue(uid(event)));
        assert_eq!((line.width, line.holding), (1, 0));
        line.width = 5;
        while let Some((object, _)) = line.start() {
            line.done(object, true, FAST);
        }
        (0..8).for_each(|event| line.done(uid(event), true, SLOW));
        assert_eq!(line.width, 1);
    }

    proptest! {
        #[test]
        fn nothing_is_lost_and_each_object_keeps_its_order(
            steps in proptest::collection::vec((0_usize..5, 0_usize..4, any::<bool>()), 0..300)
        ) {
            let mut line = Line::default();
            let mut flying: Vec<(Uid, usize)> = Vec::new();
            let mut out: HashMap<Uid, Vec<usize>> = HashMap::new();
            let mut pushed = 0;
            let mut step = |line: &mut Line<usize>, flying: &mut Vec<(Uid, usize)>| {
                while let Some((object, event)) = line.start() {
                    assert!(!flying.iter().any(|(other, _)| *other == object));
                    out.entry(object).or_default().push(event);
                    flying.push((object, event));
                }
            };
            for (number, action, slow) in steps {
                match action {
                    0 | 1 => {
                        line.push(uid(number), pushed);
                        pushed += 1;
                    }
                    2 if !flying.is_empty() => line.overdue(flying[number % flying.len()].0),
                    3 if !flying.is_empty() => {
                        let (object, _) = flying.swap_remove(number % flying.len());
                        line.done(object, true, if slow { SLOW } else { FAST });
                    }
                    _ => {}
                }
                step(&mut line, &mut flying);
            }
            while let Some((object, _)) = flying.pop() {
                line.done(object, true, FAST);
                step(&mut line, &mut flying);
            }
            prop_assert_eq!(out.values().map(Vec::len).sum::<usize>(), pushed);
            for events in out.values() {
                prop_assert!(events.is_sorted());
            }
        }
    }
}
