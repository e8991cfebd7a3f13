//! Sinks that answer something else than 202.

use std::thread;
use std::time::Duration;

use testkit::Answer;

use super::Fault;
use crate::torture::proxy::Weather;
use crate::torture::rng::Rng;
use crate::torture::scene::Stage;
use crate::torture::sink::Mood;

/// Longer than any client reads of headers.
const FLOOD: usize = 3000;
const SLOW_BODY: usize = 200 << 10;
const NINE_SECONDS: Duration = Duration::from_secs(9);

/// A sink in a mood.
pub(super) struct Answers {
    name: &'static str,
    mood: Mood,
    weather: Weather,
}

pub(super) fn all() -> [Answers; 6] {
    let refuses = |answer| Mood::answering(answer, false);
    let flood = (0..FLOOD).fold(Answer::status(503), |answer, number| {
        answer.header(&format!("x-{number}"), "0123456789")
    });
    let late = Answer::status(200).after(NINE_SECONDS);
    let slow = Answer::status(200).body(vec![b'x'; SLOW_BODY]);
    let slow_weather = Weather::Slow {
        piece: 4096,
        pause: Duration::from_millis(50),
    };
    [
        Answers::new("answers-500", refuses(Answer::status(500))),
        Answers::new(
            "answers-503-retry-after",
            refuses(Answer::status(503).header("Retry-After", "1")),
        ),
        Answers::new(
            "answers-302",
            refuses(Answer::status(302).header("Location", "/elsewhere")),
        ),
        Answers::new("answers-header-flood", refuses(flood)),
        Answers::new("answers-after-9s", Mood::answering(late, true).times(2)),
        Answers {
            weather: slow_weather,
            ..Answers::new("slow-body", Mood::answering(slow, true))
        },
    ]
}

impl Answers {
    fn new(name: &'static str, mood: Mood) -> Self {
        Self {
            name,
            mood,
            weather: Weather::Fair,
        }
    }
}

impl Fault for Answers {
    fn name(&self) -> &'static str {
        self.name
    }

    fn strike(&self, stage: &Stage, length: Duration, _rng: &mut Rng) {
        stage.sink.set(Some(self.mood.clone()));
        stage.line.set(self.weather);
        thread::sleep(length);
        stage.line.set(Weather::Fair);
        stage.sink.set(None);
    }
}
