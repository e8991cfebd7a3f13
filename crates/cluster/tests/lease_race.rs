//! Candidates that come, die, stop, are cut off and have wrong clocks: never do two lead.

mod common;

use std::time::Duration;

use cluster::lease::{Candidate, Election};
use common::election::{Cluster, LIMIT, NAME, NAMESPACE, PREFIX, SOON, config, leads_within};
use common::go::GoCandidate;
use common::random::Random;
use common::{Link, clock};
use tokio::time::sleep;

/// Hours of candidates that come, die, stop, are cut off and have wrong clocks; one of them is
/// client-go's algorithm. At no moment do two lead, and in the end one does.
#[tokio::test(start_paused = true)]
async fn never_two_at_once() {
    for seed in 0..6 {
        let mut random = Random::new(seed);
        let cluster = Cluster::new();
        let links = [cluster.link(), cluster.link(), cluster.link()];
        let mut ours: [Option<Candidate>; 2] = [None, None];
        let mut go: Option<GoCandidate> = None;
        let mut led = [0_u32; 3];
        for _ in 0..300 {
            let who = random.below(3);
            match random.below(10) {
                0 => links[who].cut(),
                1..=3 => links[who].mend(),
                4 if who < 2 => drop(ours[who].take()),
                4 => drop(go.take()),
                5 if who < 2 => {
                    if let Some(candidate) = ours[who].take() {
                        candidate.release(LIMIT).await;
                    }
                }
                _ if who < 2 => {
                    let skew = i64::try_from(random.below(7200)).unwrap() - 3600;
                    let election = Election::read(Some(&config(1)), PREFIX).unwrap();
                    ours[who].get_or_insert_with(|| {
                        Candidate::start(&links[who].client(), NAMESPACE, election, &clock(skew))
                    });
                }
                _ => {
                    go.get_or_insert_with(|| {
                        GoCandidate::start(links[2].client(), NAMESPACE, NAME)
                    });
                }
            }
            for _ in 0..random.below(400) {
                sleep(SOON).await;
                let leading = [
                    ours[0].as_ref().is_some_and(|candidate| candidate.leads(0)),
                    ours[1].as_ref().is_some_and(|candidate| candidate.leads(0)),
                    go.as_ref().is_some_and(GoCandidate::leads),
                ];
                let count = leading.iter().filter(|leads| **leads).count();
                assert!(count < 2, "seed {seed}: {leading:?}, {}", cluster.spec());
                for (led, leads) in led.iter_mut().zip(leading) {
                    *led += u32::from(leads);
                }
            }
        }
        assert!(
            led.iter().all(|ticks| *ticks > 500),
            "seed {seed}: everybody led at times: {led:?}"
        );
        links.iter().for_each(Link::mend);
        drop(go);
        let last = ours[0].take().unwrap_or_else(|| cluster.candidate());
        drop(ours);
        leads_within(&last, Duration::from_mins(2)).await;
    }
}
