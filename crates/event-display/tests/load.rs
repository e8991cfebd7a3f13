//! What the page costs: five viewers, and as many events as there are. Takes a minute and a machine
//! of its own: `cargo test --release -p event-display --test load -- --ignored --nocapture`.

mod support;

use std::fmt;
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use support::{Display, event};

const VIEWERS: usize = 5;
const CONNECTIONS: usize = 4;
const TIME: Duration = Duration::from_secs(8);
/// `HISTORY_BYTES` unless set, and what may come on top.
const BOUND: u64 = 32 << 20;
const EXTRA: u64 = 15 << 20;

/// What one run has shown.
struct Run {
    per_second: usize,
    peak: u64,
    cpu: Duration,
    slowest: Duration,
}

impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let events = u32::try_from(self.per_second).unwrap_or(u32::MAX).max(1);
        let cost = self.cpu.as_secs_f64() * 1e6 / TIME.as_secs_f64() / f64::from(events);
        write!(
            f,
            "{} events/s, {cost:.1} µs of processor time each, slowest answer {:?}, peak {} kB",
            self.per_second,
            self.slowest,
            self.peak >> 10
        )
    }
}

/// Posts to a fresh event-display, at most `rate` events a second, while others look.
fn run(is_shown: bool, viewers: usize, rate: Option<u32>, data: &[u8]) -> Run {
    let null = File::options()
        .write(true)
        .open("/dev/null")
        .expect("a device");
    let on = if is_shown { "true" } else { "false" };
    let display = Display::launch(Display::binary().env("DISPLAY_UI", on).stdout(null));
    let is_over = AtomicBool::new(false);
    let posted = AtomicUsize::new(0);
    let slowest = thread::scope(|scope| {
        for _ in 0..viewers {
            let mut stream = display.stream("/events/stream?view=rows", &[]);
            let (display, is_over) = (&display, &is_over);
            scope.spawn(move || {
                while !is_over.load(Ordering::Relaxed) {
                    stream.next();
                }
            });
            scope.spawn(move || {
                while !is_over.load(Ordering::Relaxed) {
                    display.json("/stats");
                    thread::sleep(Duration::from_secs(1));
                }
            });
        }
        let senders: Vec<_> = (0..CONNECTIONS)
            .map(|_| scope.spawn(|| post(&display, &posted, rate, data)))
            .collect();
        let times = senders
            .into_iter()
            .map(|sender| sender.join().expect("it posts"));
        let slowest = times.max().unwrap_or_default();
        is_over.store(true, Ordering::Relaxed);
        // A last word for those who wait for one.
        display.post(&[], b"");
        slowest
    });
    Run {
        per_second: posted.into_inner() / usize::try_from(TIME.as_secs()).expect("seconds"),
        peak: display.process.peak_resident(),
        cpu: display.process.cpu(),
        slowest,
    }
}

/// One connection's share; gives the time of the slowest answer.
fn post(display: &Display, posted: &AtomicUsize, rate: Option<u32>, data: &[u8]) -> Duration {
    let mut stream = display.connect();
    let began = Instant::now();
    let mut slowest = Duration::ZERO;
    let mut answer = [0; 512];
    for n in 0_u32.. {
        if began.elapsed() > TIME {
            break;
        }
        let place = posted.fetch_add(1, Ordering::Relaxed);
        let (id, ty) = (place.to_string(), format!("com.example.type.{}", place % 5));
        let wire = event(
            &[
                ("ce-id", &id),
                ("ce-type", &ty),
                ("content-type", "application/json"),
            ],
            data,
        );
        let wire = String::from_utf8(wire)
            .expect("text")
            .replace("Connection: close\r\n", "");
        let sent = Instant::now();
        stream.write_all(wire.as_bytes()).expect("somebody listens");
        let count = stream.read(&mut answer).expect("an answer");
        assert!(answer[..count].starts_with(b"HTTP/1.1 200 OK"));
        slowest = slowest.max(sent.elapsed());
        if let Some(rate) = rate {
            let share = u32::try_from(CONNECTIONS).expect("a few");
            let due = Duration::from_secs(1) * share * (n + 1) / rate;
            thread::sleep(due.saturating_sub(began.elapsed()));
        }
    }
    slowest
}

#[test]
#[ignore = "a measurement; see the top of this file"]
fn five_viewers_cost_less_than_a_fifth() {
    for (name, size) in [("small events", 300), ("events of 30 kB", 30_000)] {
        let data = format!("{{\"text\":\"{}\"}}", "x".repeat(size));
        for rate in [Some(2000), None] {
            let off = run(false, 0, rate, data.as_bytes());
            let on = run(true, 0, rate, data.as_bytes());
            let seen = run(true, VIEWERS, rate, data.as_bytes());
            println!("{name}, {rate:?}\n  off  {off}\n  on   {on}\n  seen {seen}");
            if rate.is_some() {
                assert!(seen.per_second * 100 >= off.per_second * 80);
            }
            assert!(seen.peak < BOUND + EXTRA, "{} bytes", seen.peak);
        }
    }
}
