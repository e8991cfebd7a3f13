use proptest::prelude::*;

use super::*;

const LIMIT: Duration = Duration::from_secs(5);

fn expected(number: u64) -> Expected {
    Expected {
        content: Content::new("k", number),
        must: true,
        due: Duration::from_secs(number),
    }
}

/// Taken a second after it was due.
fn arrival(number: u64, id: &str) -> Arrival {
    Arrival {
        content: Content::new("k", number),
        id: id.to_owned(),
        taken: true,
        at: Duration::from_secs(number + 1),
    }
}

fn seen(arrivals: &[Arrival]) -> Seen {
    judge(&[expected(1), expected(2), expected(3)], arrivals, LIMIT)
}

fn content(number: u64) -> Vec<Content> {
    vec![Content::new("k", number)]
}

#[test]
fn what_arrives_once_and_in_order_is_well() {
    let all = [arrival(1, "a"), arrival(2, "b"), arrival(3, "c")];
    let well = Seen {
        expected: 3,
        latest: Duration::from_secs(1),
        ..Seen::default()
    };
    assert_eq!(seen(&all), well);
}

#[test]
fn each_thing_that_can_be_wrong_is_told_apart() {
    let (one, two, three) = (arrival(1, "a"), arrival(2, "b"), arrival(3, "c"));
    let missing = seen(&[one.clone(), three.clone()]);
    assert_eq!(missing.lost, content(2));

    let repeat = seen(&[one.clone(), two.clone(), two.clone(), three.clone()]);
    assert_eq!((repeat.repeated, repeat.two_ids), (1, vec![]));

    let twice = seen(&[one.clone(), two.clone(), arrival(2, "x"), three.clone()]);
    assert_eq!((twice.repeated, twice.two_ids), (0, content(2)));

    let swapped = seen(&[one.clone(), three.clone(), two.clone()]);
    assert_eq!(swapped.disordered, content(2));

    let late = Arrival {
        at: Duration::from_secs(9),
        ..three.clone()
    };
    let late = seen(&[one.clone(), two.clone(), late]);
    assert_eq!(
        (late.late, late.latest),
        (content(3), Duration::from_secs(6))
    );

    let strange = seen(&[one, two, three, arrival(4, "d")]);
    assert_eq!(strange.unknown, content(4));
}

#[test]
fn what_the_sink_refused_has_not_arrived_but_has_an_id() {
    let refused = Arrival {
        taken: false,
        ..arrival(2, "b")
    };
    let (one, three) = (arrival(1, "a"), arrival(3, "c"));
    let lost = seen(&[one.clone(), refused.clone(), three.clone()]);
    assert_eq!((lost.lost, lost.two_ids), (content(2), vec![]));

    // A repeat behind the next event is no disorder: the first arrival counts.
    let again = seen(&[
        one.clone(),
        refused.clone(),
        arrival(2, "b"),
        one.clone(),
        three.clone(),
    ]);
    assert!(again.lost.is_empty() && again.two_ids.is_empty() && again.disordered.is_empty());
    assert_eq!(again.repeated, 1);

    let renamed = seen(&[one, refused, arrival(2, "x"), three]);
    assert_eq!(renamed.two_ids, content(2));
}

#[test]
fn what_nobody_relies_on_may_stay_away_and_may_come() {
    let may = Expected {
        must: false,
        ..expected(2)
    };
    let expected = [expected(1), may];
    assert!(judge(&expected, &[arrival(1, "a")], LIMIT).lost.is_empty());
    let both = judge(&expected, &[arrival(1, "a"), arrival(2, "b")], LIMIT);
    assert!(both.lost.is_empty() && both.unknown.is_empty());
    assert_eq!(both.expected, 1);
}

proptest! {
    /// Any history: each event refused or taken, any number of times, under one of two ids.
    #[test]
    fn the_counts_agree_with_the_plain_definition(
        history in prop::collection::vec((0_u64..6, 0_u8..2, any::<bool>()), 0..40)
    ) {
        let caused: Vec<Expected> = (0..6).map(expected).collect();
        let arrivals: Vec<Arrival> = history
            .iter()
            .map(|(number, id, taken)| Arrival { taken: *taken, ..arrival(*number, &id.to_string()) })
            .collect();
        let seen = judge(&caused, &arrivals, LIMIT);
        let of = |number: u64| history.iter().filter(move |(it, ..)| *it == number);
        let numbers = |found: &dyn Fn(u64) -> bool| (0..6).filter(|it| found(*it)).count();
        prop_assert_eq!(seen.lost.len(), numbers(&|it| of(it).all(|(.., taken)| !taken)));
        prop_assert_eq!(
            seen.two_ids.len(),
            numbers(&|it| (0..2).all(|id| of(it).any(|(_, used, _)| *used == id)))
        );
        prop_assert_eq!(
            seen.repeated,
            numbers(&|it| (0..2).any(|id| of(it).filter(|(_, used, taken)| *used == id && *taken).count() > 1))
        );
        prop_assert_eq!(missing(&caused, &arrivals), seen.lost.len());
        let mut firsts: Vec<u64> = Vec::new();
        for (number, _, taken) in &history {
            if *taken && !firsts.contains(number) {
                firsts.push(*number);
            }
        }
        prop_assert_eq!(seen.disordered.is_empty(), firsts.is_sorted());
    }
}
