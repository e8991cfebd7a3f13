use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::time::timeout;
use uuid::Uuid;

use super::*;

/// A sink that needs `delay` for each event, and the name `stuck` for ever.
struct Fake {
    delay: Duration,
    seen: Arc<Mutex<Vec<(String, String)>>>,
    at_once: AtomicUsize,
    most_at_once: Arc<AtomicUsize>,
    stuck: Arc<AtomicBool>,
}

impl Deliver for Fake {
    fn deliver(&self, announcement: Announcement) -> BoxFuture<'_, bool> {
        Box::pin(async move {
            let now = self.at_once.fetch_add(1, Ordering::Relaxed) + 1;
            self.most_at_once.fetch_max(now, Ordering::Relaxed);
            while &*announcement.name == "stuck" && self.stuck.load(Ordering::Relaxed) {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            tokio::time::sleep(self.delay).await;
            self.at_once.fetch_sub(1, Ordering::Relaxed);
            let event = (announcement.name.to_string(), announcement.subject);
            self.seen.lock().unwrap().push(event);
            true
        })
    }
}

struct Bench {
    outbox: Outbox,
    seen: Arc<Mutex<Vec<(String, String)>>>,
    most_at_once: Arc<AtomicUsize>,
    stuck: Arc<AtomicBool>,
}

fn bench(bounds: Bounds, delay: Duration) -> Bench {
    let (seen, most_at_once) = (Arc::default(), Arc::default());
    let stuck = Arc::new(AtomicBool::new(true));
    let fake = Fake {
        delay,
        seen: Arc::clone(&seen),
        at_once: AtomicUsize::new(0),
        most_at_once: Arc::clone(&most_at_once),
        stuck: Arc::clone(&stuck),
    };
    Bench {
        outbox: Outbox::new(bounds, fake),
        seen,
        most_at_once,
        stuck,
    }
}

fn event(name: &str, number: usize, bytes: usize) -> Announcement {
    Announcement {
        object: Uid::new(name),
        id: Uuid::nil(),
        event_type: "t",
        subject: number.to_string(),
        api_version: "v1".into(),
        kind: "Pod".into(),
        namespace: "ns".into(),
        name: name.into(),
        body: vec![b' '; bytes],
    }
}

#[tokio::test(start_paused = true)]
async fn two_thousand_changes_of_two_hundred_objects_pass_a_slow_sink_in_15_seconds() {
    let bench = bench(Bounds::STANDARD, Duration::from_millis(200));
    let started = Instant::now();
    for number in 0..2000 {
        bench
            .outbox
            .put(event(&format!("object-{}", number % 200), number, 2000))
            .await;
    }
    bench.outbox.drained().await;
    assert!(
        started.elapsed() < Duration::from_secs(15),
        "{:?}",
        started.elapsed()
    );
    let seen = bench.seen.lock().unwrap();
    assert_eq!(seen.len(), 2000);
    let mut last = std::collections::HashMap::new();
    for (name, number) in seen.iter() {
        let number: usize = number.parse().unwrap();
        assert!(last.insert(name, number) < Some(number), "{name} {number}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_few_events_go_one_after_the_other() {
    let bench = bench(Bounds::STANDARD, Duration::from_millis(200));
    for number in 0..10 {
        bench
            .outbox
            .put(event(&number.to_string(), number, 1))
            .await;
    }
    bench.outbox.drained().await;
    assert_eq!(bench.most_at_once.load(Ordering::Relaxed), 1);
}

#[tokio::test(start_paused = true)]
async fn an_event_that_does_not_get_through_costs_the_others_one_wait() {
    let bench = bench(Bounds::STANDARD, Duration::from_millis(1));
    let started = Instant::now();
    bench.outbox.put(event("stuck", 0, 1)).await;
    bench.outbox.put(event("stuck", 1, 1)).await;
    for number in 0..100 {
        bench.outbox.put(event("fine", number, 1)).await;
    }
    while bench.seen.lock().unwrap().len() < 100 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(
        started.elapsed() < HOLD + Duration::from_secs(1),
        "{:?}",
        started.elapsed()
    );
    assert_eq!(bench.outbox.depth(), 2);
    assert!(bench.outbox.oldest_age() > HOLD);
    bench.stuck.store(false, Ordering::Relaxed);
    bench.outbox.drained().await;
    let seen = bench.seen.lock().unwrap();
    assert_eq!(
        seen[100..],
        [("stuck".into(), "0".into()), ("stuck".into(), "1".into())]
    );
    assert_eq!(
        (bench.outbox.depth(), bench.outbox.oldest_age()),
        (0, Duration::ZERO)
    );
}

#[tokio::test(start_paused = true)]
async fn neither_number_nor_bytes_grow_beyond_their_bounds() {
    for (bounds, bytes, fit) in [
        (
            Bounds {
                events: 10,
                bytes: 1 << 20,
            },
            1,
            10,
        ),
        (
            Bounds {
                events: 1000,
                bytes: 10_000,
            },
            1500,
            4,
        ),
        (
            Bounds {
                events: 1000,
                bytes: 10_000,
            },
            1 << 20,
            1,
        ),
    ] {
        let bench = bench(bounds, Duration::from_millis(1));
        let full = async {
            for number in 0.. {
                bench.outbox.put(event("stuck", number, bytes)).await;
            }
        };
        assert!(timeout(Duration::from_mins(1), full).await.is_err());
        assert_eq!(bench.outbox.depth(), fit);
        bench.stuck.store(false, Ordering::Relaxed);
        bench.outbox.drained().await;
        assert_eq!(bench.outbox.depth(), 0);
    }
}
