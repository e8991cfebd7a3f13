//! One event to one line.

use tracing::Level;

use super::super::encode::{self, Encoder, Line};
use super::super::fields::{FieldValue, Fields};
use super::super::{Identity, zap};
use super::{moment, stock};
use crate::telemetry::config::{CallerStyle, Encoding, Keys, LevelStyle, Logging, TimeStyle};

fn identity() -> Identity {
    Identity {
        logger: String::new(),
        fields: vec![("commit".to_owned(), FieldValue::Text("8cf4c4b".to_owned()))],
    }
}

/// One line with the message `hello` and the fields `k=v`, `n=7`.
fn hello(logging: &Logging, identity: Identity, level: Level) -> String {
    let fields = Fields {
        message: "hello".to_owned(),
        named: vec![
            ("k", FieldValue::Text("v".to_owned())),
            ("n", FieldValue::Int(7)),
        ],
    };
    let line = Line {
        time: moment("2026-11-22T18:18:15.711Z"),
        level,
        caller: Some(("crates/adapter/src/deliver.rs", 12)),
        fields: &fields,
    };
    String::from_utf8(Encoder::new(logging, identity).encode(&line)).unwrap()
}

#[test]
fn the_stock_configuration_gives_upstreams_line() {
    assert_eq!(
        hello(&stock(), identity(), Level::INFO),
        concat!(
            r#"{"level":"info","ts":"2026-11-22T18:18:15.711Z","caller":"src/deliver.rs:12","#,
            r#""msg":"hello","commit":"8cf4c4b","k":"v","n":7}"#,
            "\n"
        )
    );
}

#[test]
fn the_built_in_configuration_has_severities() {
    let named = Identity {
        logger: "pingsource-mt-adapter".to_owned(),
        fields: Vec::new(),
    };
    assert_eq!(
        hello(&Logging::built_in(), named, Level::WARN),
        concat!(
            r#"{"severity":"WARNING","timestamp":"2026-11-22T18:18:15.711Z","#,
            r#""logger":"pingsource-mt-adapter","caller":"src/deliver.rs:12","#,
            r#""message":"hello","k":"v","n":7}"#,
            "\n"
        )
    );
}

#[test]
fn the_fallback_is_named() {
    let logging = Logging {
        name_prefix: Some("fallback-logger"),
        ..Logging::built_in()
    };
    let name = |logger: &str| {
        let identity = Identity {
            logger: logger.to_owned(),
            fields: Vec::new(),
        };
        let line: serde_json::Value =
            serde_json::from_str(&hello(&logging, identity, Level::INFO)).unwrap();
        line["logger"].as_str().unwrap().to_owned()
    };
    assert_eq!(name(""), "fallback-logger");
    assert_eq!(name("x"), "fallback-logger.x");
}

#[test]
fn an_empty_key_leaves_its_part_out() {
    let none = || String::new();
    let logging = Logging {
        keys: Keys {
            message: none(),
            level: none(),
            time: none(),
            name: none(),
            caller: none(),
        },
        line_ending: "\r\n".to_owned(),
        ..stock()
    };
    assert_eq!(
        hello(&logging, Identity::default(), Level::INFO),
        "{\"k\":\"v\",\"n\":7}\r\n"
    );
    let console = Logging {
        encoding: Encoding::Console,
        ..logging
    };
    assert_eq!(
        hello(&console, Identity::default(), Level::INFO),
        "{\"k\": \"v\", \"n\": 7}\r\n"
    );
    let no_caller = Logging {
        caller_style: None,
        ..stock()
    };
    assert!(!hello(&no_caller, Identity::default(), Level::INFO).contains("caller"));
}

#[test]
fn the_console_has_columns() {
    let logging = Logging {
        encoding: Encoding::Console,
        level_style: LevelStyle::Capital,
        ..stock()
    };
    let named = Identity {
        logger: "main".to_owned(),
        ..identity()
    };
    assert_eq!(
        hello(&logging, named, Level::ERROR),
        "2026-11-22T18:18:15.711Z\tERROR\tmain\tsrc/deliver.rs:12\thello\t\
         {\"commit\": \"8cf4c4b\", \"k\": \"v\", \"n\": 7}\n"
    );
}

#[test]
fn plain_lines_keep_the_message_whole_and_first() {
    let plain = |level| hello(&Logging::plain(), identity(), level);
    assert_eq!(plain(Level::INFO), "2026/11/22 18:18:15 hello k=v n=7\n");
    assert_eq!(
        plain(Level::WARN),
        "2026/11/22 18:18:15 hello level=warning k=v n=7\n"
    );
    assert_eq!(
        plain(Level::ERROR),
        "2026/11/22 18:18:15 hello level=error k=v n=7\n"
    );
    assert_eq!(
        plain(Level::DEBUG),
        "2026/11/22 18:18:15 hello level=debug k=v n=7\n"
    );
}

#[test]
fn a_plain_line_is_one_line_whatever_is_in_it() {
    let fields = Fields {
        message: "a\nb\tc\x1b[31m \"d\"".to_owned(),
        named: vec![
            ("blank", FieldValue::Text("x y".to_owned())),
            ("none", FieldValue::Text(String::new())),
            ("line", FieldValue::Text("x\ny\"z".to_owned())),
            ("url", FieldValue::Text("http://h/p?q#f".to_owned())),
            ("pair", FieldValue::Text("a=b".to_owned())),
            ("yes", FieldValue::Bool(true)),
            ("half", FieldValue::Float(0.5)),
            ("most", FieldValue::Uint(u64::MAX)),
        ],
    };
    let line = Line {
        time: moment("2026-01-02T03:04:05+02:00"),
        level: Level::INFO,
        caller: None,
        fields: &fields,
    };
    let text = Encoder::new(&Logging::plain(), Identity::default()).encode(&line);
    assert_eq!(
        String::from_utf8(text).unwrap(),
        concat!(
            r#"2026/01/02 03:04:05 a\nb"#,
            "\t",
            r#"c\x1b[31m "d" blank="x y" none="" line="x\ny\"z" url=http://h/p?q#f pair="a=b" "#,
            r#"yes=true half=0.5 most=18446744073709551615"#,
            "\n"
        )
    );
}

#[test]
fn times_are_written_in_every_style() {
    let written = |style, text| match encode::time(style, moment(text)) {
        encode::Time::Text(text) => text,
        encode::Time::Number(number) => format!("number {number}"),
    };
    let (utc, east) = ("2026-11-22T18:18:15.7110940Z", "2026-11-22T18:18:15+01:00");
    for (style, of_utc, of_east) in [
        (
            TimeStyle::Iso8601,
            "2026-11-22T18:18:15.711Z",
            "2026-11-22T18:18:15.000+0100",
        ),
        (
            TimeStyle::Rfc3339,
            "2026-11-22T18:18:15Z",
            "2026-11-22T18:18:15+01:00",
        ),
        (
            TimeStyle::Rfc3339Nano,
            "2026-11-22T18:18:15.711094Z",
            "2026-11-22T18:18:15+01:00",
        ),
        (
            TimeStyle::Millis,
            "number 1795371495711.094",
            "number 1795367895000",
        ),
        (
            TimeStyle::Nanos,
            "number 1795371495711094000",
            "number 1795367895000000000",
        ),
        (
            TimeStyle::Seconds,
            "number 1795371495.711094",
            "number 1795367895",
        ),
    ] {
        assert_eq!(written(style, utc), of_utc, "{style:?}");
        assert_eq!(written(style, east), of_east, "{style:?}");
    }
}

#[test]
fn levels_are_written_in_every_style() {
    let written = |style| {
        [Level::DEBUG, Level::INFO, Level::WARN, Level::ERROR]
            .map(|level| encode::level(style, level))
    };
    assert_eq!(
        written(LevelStyle::Lower),
        ["debug", "info", "warn", "error"]
    );
    assert_eq!(
        written(LevelStyle::Capital),
        ["DEBUG", "INFO", "WARN", "ERROR"]
    );
    assert_eq!(
        written(LevelStyle::Severity),
        ["DEBUG", "INFO", "WARNING", "ERROR"]
    );
    assert_eq!(
        written(LevelStyle::LowerColor),
        [
            "\x1b[35mdebug\x1b[0m",
            "\x1b[34minfo\x1b[0m",
            "\x1b[33mwarn\x1b[0m",
            "\x1b[31merror\x1b[0m"
        ]
    );
    assert_eq!(
        encode::level(LevelStyle::CapitalColor, Level::TRACE),
        "\x1b[35mDEBUG\x1b[0m"
    );
}

#[test]
fn callers_are_short_or_full() {
    let place = ("crates/adapter/src/deliver.rs", 7);
    assert_eq!(
        encode::caller(CallerStyle::Short, place),
        "src/deliver.rs:7"
    );
    assert_eq!(
        encode::caller(CallerStyle::Full, place),
        "crates/adapter/src/deliver.rs:7"
    );
    assert_eq!(
        encode::caller(CallerStyle::Short, ("src/main.rs", 7)),
        "src/main.rs:7"
    );
    assert_eq!(
        encode::caller(CallerStyle::Short, ("main.rs", 7)),
        "main.rs:7"
    );
}

#[test]
fn json_text_reads_back_whatever_is_in_it() {
    for text in [
        "",
        "\"\\/\n\r\t\x08\x0c\0\x1f\x7f",
        "é € 😀 \u{2028}",
        "<&>",
    ] {
        let mut out = Vec::new();
        zap::quote(&mut out, text);
        assert_eq!(serde_json::from_slice::<String>(&out).unwrap(), text);
    }
    let mut out = Vec::new();
    zap::quote(&mut out, "<\x08>");
    assert_eq!(
        out, br#""<\u0008>""#,
        "zap has fewer short escapes than JSON"
    );
}
