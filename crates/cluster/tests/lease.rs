//! Leader election against the scripted API server, in paused time.

mod common;

use std::time::Duration;

use cluster::lease::{Candidate, Leadership};
use common::clock;
use common::election::{
    Cluster, LEASES, LIMIT, NAME, NAMESPACE, SOON, candidate, leads_within, term, term_of, time_of,
};
use serde_json::json;
use testkit::{Fault, Rule};
use tokio::time::{Instant, sleep, timeout};

/// adapter-runtime.md V24.
#[tokio::test(start_paused = true)]
async fn takes_a_free_bucket_renews_it_and_gives_it_back() {
    let cluster = Cluster::new();
    let candidate = cluster.candidate();
    leads_within(&candidate, SOON).await;
    let calls = cluster.server.calls();
    let first: Vec<(&str, String)> = calls
        .iter()
        .take(2)
        .map(|call| (call.method.as_str(), call.path.clone()))
        .collect();
    let path = format!("/apis/coordination.k8s.io/v1/namespaces/{NAMESPACE}/leases");
    assert_eq!(first, [("GET", format!("{path}/{NAME}")), ("POST", path)]);
    let spec = cluster.spec();
    assert_eq!(
        (&spec["leaseDurationSeconds"], &spec["leaseTransitions"]),
        (&json!(60), &json!(0))
    );
    assert_eq!(spec["acquireTime"], "2026-11-22T18:00:00.000000Z");
    let (hostname, random) = cluster
        .holder()
        .rsplit_once('_')
        .map(|(h, r)| (h.to_owned(), r.to_owned()))
        .unwrap();
    let this = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    assert_eq!((hostname.as_str(), random.len()), (this.trim(), 36));
    assert_eq!(term(&candidate), Some(term_of(1, None, false)));

    sleep(Duration::from_secs(35)).await;
    let writes = cluster.writes();
    assert_eq!(writes.len(), 1 + 3, "a renewal every ten seconds");
    assert!(writes[1..].iter().all(|call| call.method == "PUT"));
    assert_eq!(cluster.spec()["renewTime"], "2026-11-22T18:00:30.000000Z");
    assert_eq!(cluster.spec()["acquireTime"], spec["acquireTime"]);

    candidate.withdraw();
    sleep(Duration::from_secs(100)).await;
    assert!(
        candidate.leads(0),
        "what is held is kept while work is drained"
    );
    candidate.release(LIMIT).await;
    let spec = cluster.spec();
    assert_eq!(
        (&spec["holderIdentity"], &spec["leaseDurationSeconds"]),
        (&json!(""), &json!(1))
    );
    assert_eq!(
        (&spec["leaseTransitions"], &spec["acquireTime"]),
        (&json!(0), &spec["renewTime"])
    );
    assert_eq!(spec["renewTime"], "2026-11-22T18:02:15.000000Z");
    assert_eq!(cluster.server.forbidden().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_released_bucket_is_taken_at_once_and_its_release_is_known() {
    let cluster = Cluster::new();
    let first = cluster.candidate();
    leads_within(&first, SOON).await;
    let second = cluster.candidate();
    sleep(Duration::from_secs(33)).await;
    assert!(!second.leads(0));
    first.release(LIMIT).await;
    let released = time_of(&cluster.spec()["renewTime"]);
    leads_within(&second, SOON).await;
    assert_eq!(term(&second), Some(term_of(1, Some(released), true)));
    assert_eq!(cluster.spec()["leaseTransitions"], 1);
}

#[tokio::test(start_paused = true)]
async fn a_release_can_say_that_nothing_was_done_for_a_while() {
    let cluster = Cluster::new();
    let (first, last_done) = (cluster.candidate(), clock(0)());
    leads_within(&first, SOON).await;
    let second = cluster.candidate();
    sleep(Duration::from_secs(15)).await;
    first.release_as_of(last_done, LIMIT).await;
    leads_within(&second, SOON).await;
    assert_eq!(term(&second), Some(term_of(1, Some(last_done), true)));
}

#[tokio::test(start_paused = true)]
async fn a_bucket_of_the_dead_is_taken_when_its_time_is_over_and_not_before() {
    let cluster = Cluster::new();
    let first = cluster.candidate();
    leads_within(&first, SOON).await;
    let second = cluster.candidate();
    sleep(Duration::from_secs(25)).await;
    drop(first);
    let renewed = time_of(&cluster.spec()["renewTime"]);
    let waited = leads_within(&second, Duration::from_mins(2))
        .await
        .as_secs_f64();
    assert!(
        (54.9..56.0).contains(&waited),
        "60 s after the renewal 5 s ago, not {waited}"
    );
    assert_eq!(term(&second), Some(term_of(1, Some(renewed), false)));
    assert_eq!(cluster.spec()["leaseTransitions"], 1);
}

#[tokio::test(start_paused = true)]
async fn somebody_who_comes_later_waits_the_whole_time_whatever_the_clocks_say() {
    let cluster = Cluster::new();
    cluster.write(
        NAME,
        &json!({
            "holderIdentity": "go_1", "leaseDurationSeconds": 60, "leaseTransitions": 4,
            "renewTime": "2020-01-01T00:00:00.000000Z",
        }),
    );
    let candidate = cluster.candidate();
    let waited = leads_within(&candidate, Duration::from_mins(2))
        .await
        .as_secs_f64();
    assert!((60.0..61.0).contains(&waited), "{waited}");
    assert_eq!(cluster.spec()["leaseTransitions"], 5);
    assert_eq!(
        term(&candidate).unwrap().last_activity,
        Some("2020-01-01T00:00:00Z".parse().unwrap())
    );
}

#[tokio::test(start_paused = true)]
async fn without_the_right_to_watch_a_released_bucket_is_taken_by_polling() {
    let cluster = Cluster::new();
    cluster.server.allow([Rule::new(
        "coordination.k8s.io",
        "leases",
        "get create update",
    )]);
    let first = cluster.candidate();
    leads_within(&first, SOON).await;
    let second = cluster.candidate();
    sleep(Duration::from_secs(33)).await;
    first.release(LIMIT).await;
    leads_within(&second, Duration::from_secs(23)).await;
}

#[tokio::test(start_paused = true)]
async fn who_cannot_renew_stops_before_anybody_else_begins_and_takes_up_again() {
    let cluster = Cluster::new();
    let (link, far) = (cluster.link(), cluster.link());
    let first = candidate(&link, 1);
    leads_within(&first, SOON).await;
    sleep(Duration::from_secs(11)).await;
    link.cut();
    sleep(Duration::from_secs(38)).await;
    assert!(
        first.leads(0),
        "the renewal a second before is good for 40 s"
    );
    sleep(Duration::from_secs(2)).await;
    assert!(!first.leads(0));
    assert_eq!(term(&first), None);
    // Nobody else was there: it takes up again, as another term that knows when it last renewed.
    let renewed = time_of(&cluster.spec()["renewTime"]);
    sleep(Duration::from_mins(5)).await;
    link.mend();
    leads_within(&first, Duration::from_secs(20)).await;
    assert_eq!(term(&first), Some(term_of(2, Some(renewed), false)));
    assert_eq!(cluster.spec()["leaseTransitions"], 0, "nobody else had it");

    let second = candidate(&far, 1);
    sleep(Duration::from_secs(30)).await;
    link.cut();
    leads_within(&second, Duration::from_secs(61)).await;
    assert!(!first.leads(0));
    link.mend();
    sleep(Duration::from_mins(10)).await;
    assert!(second.leads(0) && !first.leads(0));
}

#[tokio::test(start_paused = true)]
async fn lost_answers_and_refusals_cost_nothing_while_they_are_short() {
    let cluster = Cluster::new();
    let candidate = cluster.candidate();
    leads_within(&candidate, SOON).await;
    for fault in [
        Fault::on("update", "/leases").lose_answer(),
        Fault::on("update", "/leases").status(409),
        Fault::on("update", "/leases").status(500).times(3),
        Fault::on("*", "/leases")
            .status(429)
            .retry_after(1)
            .times(3),
        Fault::on("update", "/leases").hang(),
        Fault::on("update", "/leases").reset(),
    ] {
        cluster.server.fail(fault);
        for _ in 0..350 {
            sleep(SOON).await;
            assert!(candidate.leads(0));
        }
    }
    assert_eq!(term(&candidate).unwrap().number, 1);
    assert_eq!(cluster.spec()["leaseTransitions"], 0);
}

#[tokio::test(start_paused = true)]
async fn a_bucket_taken_away_is_lost_at_once_and_others_stay() {
    let cluster = Cluster::new();
    let candidate = self::candidate(&cluster.link(), 3);
    let mut said = candidate.leaderships();
    let all = said.wait_for(|said| said.iter().all(|one| *one != Leadership::Standby));
    timeout(SOON, all).await.unwrap().unwrap();
    sleep(Duration::from_secs(3)).await;
    cluster.write(
        &NAME.replace("00-of-01", "01-of-03"),
        &json!({"holderIdentity": "go_1", "leaseDurationSeconds": 60}),
    );
    sleep(SOON).await;
    assert_eq!(
        [0, 1, 2].map(|bucket| candidate.leads(bucket)),
        [true, false, true]
    );
    sleep(Duration::from_secs(61)).await;
    assert_eq!(
        [0, 1, 2].map(|bucket| candidate.leads(bucket)),
        [true, true, true]
    );
    candidate.release(LIMIT).await;
    for lease in cluster.server.objects(LEASES) {
        assert_eq!(lease["spec"]["holderIdentity"], "");
    }
}

#[tokio::test(start_paused = true)]
async fn a_deleted_or_emptied_lease_is_taken_again_as_another_term() {
    let cluster = Cluster::new();
    let candidate = cluster.candidate();
    leads_within(&candidate, SOON).await;
    sleep(Duration::from_secs(3)).await;
    cluster.server.delete(LEASES, NAMESPACE, NAME);
    sleep(SOON).await;
    assert!(candidate.leads(0));
    assert_eq!(term(&candidate), Some(term_of(2, None, false)));
    cluster.write(
        NAME,
        &json!({"holderIdentity": "", "leaseDurationSeconds": 1, "leaseTransitions": 7}),
    );
    sleep(SOON).await;
    assert_eq!(term(&candidate).unwrap().number, 3);
    assert_eq!(cluster.spec()["leaseTransitions"], 8);
}

#[tokio::test(start_paused = true)]
async fn a_release_that_cannot_be_written_gives_up_in_time() {
    let cluster = Cluster::new();
    let candidate = cluster.candidate();
    leads_within(&candidate, SOON).await;
    cluster
        .server
        .fail(Fault::on("*", "/leases").status(500).times(3));
    candidate.release(LIMIT).await;
    assert_eq!(cluster.holder(), "", "short trouble is waited out");

    let candidate = cluster.candidate();
    leads_within(&candidate, SOON).await;
    cluster
        .server
        .fail(Fault::on("*", "/leases").status(500).always());
    let begin = Instant::now();
    candidate.release(LIMIT).await;
    assert!(begin.elapsed() <= LIMIT + SOON);
    assert_ne!(cluster.holder(), "");
}

#[tokio::test(start_paused = true)]
async fn who_is_not_leading_does_not_write_in_release() {
    let cluster = Cluster::new();
    let (first, second) = (cluster.candidate(), cluster.candidate());
    sleep(Duration::from_secs(30)).await;
    let (leader, other) = if first.leads(0) {
        (first, second)
    } else {
        (second, first)
    };
    let holder = cluster.holder();
    other.release(LIMIT).await;
    assert_eq!(cluster.holder(), holder);
    leader.release(LIMIT).await;
    assert_eq!(cluster.holder(), "");
}

#[tokio::test(start_paused = true)]
async fn alone_leads_without_the_api_server() {
    let candidate = Candidate::alone();
    assert_eq!((candidate.buckets(), candidate.bucket_of("a", "b")), (1, 0));
    sleep(Duration::from_hours(10_000)).await;
    assert!(candidate.leads(0));
    assert_eq!(term(&candidate), Some(term_of(1, None, false)));
    candidate.release(LIMIT).await;
}
