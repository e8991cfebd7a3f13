//! Every row of adapter-runtime.md 5.1.

use super::super::*;
use crate::telemetry::logs::FieldValue;

/// As stock controllers write it (1.3).
const STOCK_LOGGING: &str = r#"{"zap-logger-config":"{\n  \"level\": \"info\",\n  \"development\": false,\n  \"outputPaths\": [\"stdout\"],\n  \"errorOutputPaths\": [\"stderr\"],\n  \"encoding\": \"json\",\n  \"encoderConfig\": {\n    \"timeKey\": \"ts\",\n    \"levelKey\": \"level\",\n    \"nameKey\": \"logger\",\n    \"callerKey\": \"caller\",\n    \"messageKey\": \"msg\",\n    \"stacktraceKey\": \"stacktrace\",\n    \"lineEnding\": \"\",\n    \"levelEncoder\": \"\",\n    \"timeEncoder\": \"iso8601\",\n    \"durationEncoder\": \"\",\n    \"callerEncoder\": \"\"\n  }\n}\n"}"#;

fn logging(text: &str) -> Logging {
    Logging::read(Some(text), "apiserversource", false)
}

/// The variable with this zap configuration.
fn zap(zap: &str) -> Logging {
    let text = serde_json::json!({ "zap-logger-config": zap }).to_string();
    logging(&text)
}

fn without_warning(logging: Logging) -> Logging {
    Logging {
        warning: None,
        ..logging
    }
}

#[test]
fn the_stock_logging_configuration_is_read_in_full() {
    let logging = logging(STOCK_LOGGING);
    let expected = Logging {
        keys: Keys {
            message: "msg".into(),
            level: "level".into(),
            time: "ts".into(),
            name: "logger".into(),
            caller: "caller".into(),
        },
        level_style: LevelStyle::Lower,
        time_style: TimeStyle::Iso8601,
        outputs: vec![Output::Stdout],
        ..Logging::built_in()
    };
    assert_eq!(logging, expected);
    assert_eq!(
        logging.sampling,
        Some(Sampling {
            initial: 100,
            thereafter: 100
        })
    );
}

#[test]
fn without_a_usable_variable_the_built_in_configuration_holds() {
    assert_eq!(Logging::read(None, "x", false), Logging::built_in());
    assert_eq!(Logging::read(Some(""), "x", false), Logging::built_in());
    assert_eq!(logging("{}"), Logging::built_in());
    assert_eq!(logging("null"), Logging::built_in());
    for unusable in ["logging", " ", "[]", "{} x", r#"{"a":1}"#] {
        let logging = logging(unusable);
        assert!(logging.warning.is_some(), "{unusable:?}");
        assert_eq!(
            without_warning(logging),
            Logging::built_in(),
            "{unusable:?}"
        );
    }
}

#[test]
fn programs_for_people_write_plain_lines_only_while_nothing_is_configured() {
    assert_eq!(Logging::read(None, "heartbeats", true), Logging::plain());
    assert_eq!(
        Logging::read(Some(""), "heartbeats", true),
        Logging::plain()
    );
    assert_eq!(
        Logging::read(Some("{}"), "heartbeats", true),
        Logging::built_in()
    );
    assert_eq!(
        Logging::read(Some(STOCK_LOGGING), "heartbeats", true),
        logging(STOCK_LOGGING)
    );
}

#[test]
fn a_zap_configuration_is_laid_over_the_built_in_one() {
    assert_eq!(zap("{}"), Logging::built_in());
    assert_eq!(zap("null"), Logging::built_in());
    assert_eq!(
        zap(r#"{"level":"debug"}"#),
        Logging {
            level: Level::Debug,
            ..Logging::built_in()
        }
    );
    assert_eq!(
        zap(r#"{"LEVEL":"warn","Level":"ERROR","unknown":1}"#).level,
        Level::Error,
        "keys match in any case and the last counts"
    );
    assert_eq!(zap(r#"{"level":null}"#).level, Level::Info);
    assert_eq!(zap(r#"{"encoding":"console"}"#).encoding, Encoding::Console);
    assert_eq!(zap(r#"{"disableCaller":true}"#).caller_style, None);
    let keys = zap(r#"{"encoderConfig":{"levelKey":"","timeKey":null,"messageKey":"m"}}"#).keys;
    assert_eq!(
        (
            keys.level.as_str(),
            keys.time.as_str(),
            keys.message.as_str()
        ),
        ("", "timestamp", "m")
    );
}

#[test]
fn sampling_is_off_only_if_it_is_named_as_null() {
    let sampling = |text: &str| zap(text).sampling;
    let some = |initial, thereafter| {
        Some(Sampling {
            initial,
            thereafter,
        })
    };
    assert_eq!(sampling(r#"{"level":"info"}"#), some(100, 100));
    assert_eq!(sampling(r#"{"sampling":null}"#), None);
    assert_eq!(sampling(r#"{"sampling":{"initial":5}}"#), some(5, 100));
    assert_eq!(
        sampling(r#"{"sampling":{"initial":5,"thereafter":0}}"#),
        some(5, 0)
    );
}

#[test]
fn encoder_names_are_recognised_and_others_mean_the_default() {
    let style =
        |key: &str, name: &str| zap(&format!(r#"{{"encoderConfig":{{"{key}":"{name}"}}}}"#));
    for (name, expected) in [
        ("capital", LevelStyle::Capital),
        ("capitalColor", LevelStyle::CapitalColor),
        ("color", LevelStyle::LowerColor),
        ("", LevelStyle::Lower),
        ("lowercase", LevelStyle::Lower),
    ] {
        assert_eq!(style("levelEncoder", name).level_style, expected, "{name}");
    }
    for (name, expected) in [
        ("iso8601", TimeStyle::Iso8601),
        ("rfc3339", TimeStyle::Rfc3339),
        ("rfc3339nano", TimeStyle::Rfc3339Nano),
        ("millis", TimeStyle::Millis),
        ("nanos", TimeStyle::Nanos),
        ("", TimeStyle::Seconds),
        ("epoch", TimeStyle::Seconds),
    ] {
        assert_eq!(style("timeEncoder", name).time_style, expected, "{name}");
    }
    assert_eq!(
        style("callerEncoder", "full").caller_style,
        Some(CallerStyle::Full)
    );
    assert_eq!(
        style("callerEncoder", "").caller_style,
        Some(CallerStyle::Short)
    );
    assert_eq!(style("lineEnding", "").line_ending, "\n");
    assert_eq!(style("lineEnding", r"\r\n").line_ending, "\r\n");
}

#[test]
fn levels_are_read_in_any_case() {
    for (text, level) in [
        ("debug", Level::Debug),
        ("INFO", Level::Info),
        ("", Level::Info),
        ("warn", Level::Warn),
        ("Warning", Level::Warn),
        ("error", Level::Error),
        ("dpanic", Level::DPanic),
        ("PANIC", Level::Panic),
        ("fatal", Level::Fatal),
    ] {
        assert_eq!(Level::parse(text), Some(level), "{text:?}");
    }
    assert_eq!(Level::parse("loud"), None);
}

#[test]
fn paths_are_streams_or_files() {
    let outputs = |paths: &str| zap(&format!(r#"{{"outputPaths":{paths}}}"#)).outputs;
    assert_eq!(
        outputs(r#"["stdout","stderr","/var/log/a.log","file:///b"]"#),
        [
            Output::Stdout,
            Output::Stderr,
            Output::File("/var/log/a.log".into()),
            Output::File("/b".into())
        ]
    );
    assert_eq!(outputs("[]"), [Output::Stderr]);
    assert_eq!(outputs("null"), [Output::Stderr]);
}

#[test]
fn initial_fields_are_sorted() {
    let fields = zap(r#"{"initialFields":{"b":1,"a":"x","c":true,"d":[1]}}"#).initial_fields;
    let expected = [
        ("a", FieldValue::Text("x".into())),
        ("b", FieldValue::Int(1)),
        ("c", FieldValue::Bool(true)),
    ];
    assert_eq!(
        fields,
        expected.map(|(name, value)| (name.to_owned(), value))
    );
}

#[test]
fn an_unusable_zap_configuration_falls_back_and_says_so() {
    for unusable in [
        "{bad",
        "",
        "[]",
        r#"{"level":"loud"}"#,
        r#"{"level":1}"#,
        r#"{"encoding":""}"#,
        r#"{"encoding":"xml"}"#,
        r#"{"development":"yes"}"#,
        r#"{"outputPaths":"stdout"}"#,
        r#"{"sampling":{"initial":1.5}}"#,
        r#"{"encoderConfig":[]}"#,
        r#"{"encoderConfig":{"levelKey":1}}"#,
        r#"{"encoderConfig":{"timeEncoder":{"layout":"2006"}}}"#,
    ] {
        let logging = zap(unusable);
        assert!(logging.warning.is_some(), "{unusable:?}");
        let expected = Logging {
            name_prefix: Some("fallback-logger"),
            ..Logging::built_in()
        };
        assert_eq!(without_warning(logging), expected, "{unusable:?}");
    }
}

#[test]
fn the_level_of_the_component_goes_before_the_general_one() {
    let text = r#"{"zap-logger-config":"{\"level\":\"error\"}","loglevel.apiserversource":"debug","loglevel.other":"warn"}"#;
    assert_eq!(logging(text).level, Level::Debug);
    assert_eq!(
        Logging::read(Some(text), "pingsource-mt-adapter", false).level,
        Level::Error
    );
    assert_eq!(
        logging(r#"{"loglevel.apiserversource":""}"#).level,
        Level::Info
    );
    // Upstream crashes on this one.
    let bad = logging(r#"{"zap-logger-config":"{\"level\":\"debug\"}","loglevel.other":"loud"}"#);
    assert!(
        bad.warning
            .as_deref()
            .is_some_and(|warning| warning.contains("loglevel.other"))
    );
    assert_eq!(without_warning(bad), Logging::built_in());
}
