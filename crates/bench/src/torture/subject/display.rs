//! event-display, which is a sink itself: what it has answered with 2xx must stand on its stdout.
//! Its senders repeat an event until it is taken, as brokers do.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use testkit::get;

use super::super::oracle::{Arrival, Content, Expected};
use super::super::program::Program;
use super::super::proxy::Proxy;
use super::super::rng::Rng;
use super::super::scene::{Limits, Scene, Stage, Subject, door};
use super::super::setting::Setting;
use super::super::sink::{Sink, since};

const SENDERS: u64 = 3;
const PAUSE: std::ops::Range<Duration> = Duration::from_millis(30)..Duration::from_millis(120);
/// A sender without an answer tries again after this.
const ATTEMPT: Duration = Duration::from_secs(2);
const BEFORE_AGAIN: Duration = Duration::from_millis(100);
/// A sender gives an event up after this.
const BUDGET: Duration = Duration::from_secs(40);

/// The program.
#[derive(Clone, Copy, Debug)]
pub struct EventDisplay;

struct Running {
    stage: Stage,
    /// Events so far.
    next: AtomicU64,
    expected: Mutex<Vec<Expected>>,
}

impl Subject for EventDisplay {
    fn name(&self) -> &'static str {
        "event-display"
    }

    fn program(&self) -> &'static str {
        "event-display"
    }

    fn limits(&self) -> Limits {
        Limits {
            endures: Duration::from_secs(8),
            rest: Duration::from_secs(1),
        }
    }

    /// Ten events a second.
    fn two_hours(&self) -> usize {
        72_000
    }

    fn begin(&self, setting: Setting) -> Box<dyn Scene> {
        let started = Instant::now();
        let door = door(setting.program_host);
        let line = Proxy::start(door);
        let recipe = setting.recipe().env("PORT", door.port().to_string());
        let program = Program::new(
            recipe,
            Box::new(move |_, _| get(door, "/healthz").is_ok_and(|reply| reply.status == 204)),
        );
        program.start();
        Box::new(Running {
            stage: Stage {
                started,
                setting,
                // Nobody sends there: the program is the sink.
                sink: Sink::start(started, |_| None),
                line,
                program,
                api: None,
                door: Some(door),
            },
            next: AtomicU64::new(0),
            expected: Mutex::default(),
        })
    }
}

impl Scene for Running {
    fn stage(&self) -> &Stage {
        &self.stage
    }

    fn drive(&self, until: Instant, rng: &mut Rng) {
        thread::scope(|scope| {
            for sender in 0..SENDERS {
                let mut rng = Rng::new(rng.draw(), "sender");
                scope.spawn(move || {
                    let mut line = Line::to(self.stage.line.address());
                    while Instant::now() < until {
                        let number = self.next.fetch_add(1, Ordering::Relaxed);
                        self.send(&mut line, &format!("sender-{sender}"), number);
                        if !self.stage.setting.hurries {
                            thread::sleep(rng.time(PAUSE));
                        }
                    }
                });
            }
        });
    }

    fn expected(&self) -> Vec<Expected> {
        let expected = self.expected.lock();
        expected.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What stands on stdout; when it came there is not known.
    fn arrivals(&self) -> Vec<Arrival> {
        let printed = self.stage.program.printed();
        let text = String::from_utf8_lossy(&printed);
        text.split("cloudevents.Event\n").filter_map(read).collect()
    }
}

impl Running {
    fn send(&self, line: &mut Line, key: &str, number: u64) {
        let due = since(self.stage.started);
        let body = format!("{key} {number}");
        let request = format!(
            "POST / HTTP/1.1\r\nHost: x\r\nce-specversion: 1.0\r\nce-type: t\r\nce-source: /s\r\n\
             ce-id: {key}-{number}\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let end = Instant::now() + BUDGET;
        let mut must = false;
        while !must && Instant::now() < end {
            must = matches!(line.ask(request.as_bytes()), Some(200..=299));
            if !must {
                thread::sleep(BEFORE_AGAIN);
            }
        }
        let one = Expected {
            content: Content::new(key, number),
            must,
            due,
        };
        let mut expected = self.expected.lock().unwrap_or_else(PoisonError::into_inner);
        expected.push(one);
    }
}

/// A sender's connection, kept as long as it works.
struct Line {
    address: SocketAddr,
    stream: Option<BufReader<TcpStream>>,
}

impl Line {
    fn to(address: SocketAddr) -> Self {
        Self {
            address,
            stream: None,
        }
    }

    /// The status of the answer.
    fn ask(&mut self, request: &[u8]) -> Option<u16> {
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => BufReader::new(TcpStream::connect(self.address).ok()?),
        };
        stream.get_ref().set_read_timeout(Some(ATTEMPT)).ok()?;
        stream.get_mut().write_all(request).ok()?;
        let mut first = String::new();
        stream.read_line(&mut first).ok()?;
        let status = first.split(' ').nth(1)?.parse().ok()?;
        let mut length = 0;
        loop {
            let mut line = String::new();
            stream.read_line(&mut line).ok()?;
            match line.trim_end().to_ascii_lowercase().split_once(':') {
                None => break,
                Some(("content-length", value)) => length = value.trim().parse().ok()?,
                Some(_) => {}
            }
        }
        stream.read_exact(&mut vec![0; length]).ok()?;
        self.stream = Some(stream);
        Some(status)
    }
}

/// One printed event: `id: sender-1-5` among the attributes, `sender-1 5` as the data.
fn read(block: &str) -> Option<Arrival> {
    let id = block.lines().find_map(|line| line.strip_prefix("  id: "))?;
    let (_, data) = block.split_once("Data,\n  ")?;
    let (key, number) = data.lines().next()?.split_once(' ')?;
    Some(Arrival {
        content: Content::new(key, number.parse().ok()?),
        id: id.to_owned(),
        taken: true,
        at: Duration::ZERO,
    })
}
