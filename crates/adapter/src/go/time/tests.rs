use chrono::TimeZone as _;
use proptest::prelude::*;

use super::*;

fn printed(text: &str) -> Option<String> {
    parse(text.as_bytes()).ok().map(format)
}

#[test]
fn recorded_vectors() {
    let recorded = include_str!("../../../tests/data/event-display-attribute-vectors.json");
    let recorded: serde_json::Value = serde_json::from_str(recorded).expect("the vector file");
    for vector in recorded["time"].as_array().expect("a list") {
        let text = vector["value"].as_str().expect("a text");
        assert_eq!(
            printed(text).as_deref(),
            vector["printed"].as_str(),
            "{vector}"
        );
    }
}

#[test]
fn odd_ones() {
    let table = [
        ("2020-01-02T03:04:05+24:60", Some("2020-01-01T02:04:05Z")),
        ("2020-01-02T03:04:05-24:00", Some("2020-01-03T03:04:05Z")),
        ("0000-01-01T00:00:00+01:00", Some("-0001-12-31T23:00:00Z")),
        ("0001-01-01T00:00:00Z", Some("0001-01-01T00:00:00Z")),
        (
            "2020-01-02T03:04:05.0000000009Z",
            Some("2020-01-02T03:04:05Z"),
        ),
        (
            "2020-01-02T03:04:05.000000001Z",
            Some("2020-01-02T03:04:05.000000001Z"),
        ),
        ("2020-01-02T23:04:05Z", Some("2020-01-02T23:04:05Z")),
        ("2020-01-02T24:00:00Z", None),
        ("2020-01-02T3:4:05Z", None),
        ("2020-01-02T03:04:05.Z", None),
        ("2020-01-02T03:04:05.", None),
        ("2020-01-02T03:04:05+1:00", None),
        ("2020-01-02T03:04:05+24:61", None),
        ("2020-01-02T03:04:05+01:00Z", None),
        ("2020-01-02T03:04:05 Z", None),
        ("2020-01-02 03:04:05Z", None),
        (" 2020-01-02T03:04:05Z", None),
        ("2020-00-02T03:04:05Z", None),
        ("2020-01-00T03:04:05Z", None),
        ("2020-04-31T03:04:05Z", None),
        ("1900-02-29T03:04:05Z", None),
        ("2000-02-29T03:04:05Z", Some("2000-02-29T03:04:05Z")),
        ("2020-01-02T03:04:05\u{b2}Z", None),
        ("2020-01-02T03:04:05*01:00", None),
        ("", None),
    ];
    for (text, expected) in table {
        assert_eq!(printed(text).as_deref(), expected, "{text}");
    }
}

/// adapter-runtime.md, vector V12.
#[test]
fn times_that_senders_print() {
    let table = [
        ("2020-01-01T01:02:03+01:00", "2020-01-01T00:02:03Z"),
        ("2020-01-01T01:02:03.120Z", "2020-01-01T01:02:03.12Z"),
        (
            "2020-01-01T01:02:03.123456789Z",
            "2020-01-01T01:02:03.123456789Z",
        ),
        ("2020-01-01T01:02:03.000001Z", "2020-01-01T01:02:03.000001Z"),
        ("1970-01-01T00:00:00Z", "1970-01-01T00:00:00Z"),
    ];
    for (text, expected) in table {
        assert_eq!(printed(text).as_deref(), Some(expected));
    }
}

proptest! {
    #[test]
    fn what_is_printed_is_read_back(seconds in -62_167_219_200i64..253_402_300_800, nanos in 0u32..1_000_000_000) {
        let time = Utc.timestamp_opt(seconds, nanos).single().expect("within years 0 to 9999");
        prop_assert_eq!(parse(format(time).as_bytes()), Ok(time));
    }

    #[test]
    fn agrees_with_chrono_on_rfc_3339(text in "[0-2][0-9]{3}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-5][0-9](\\.[0-9]{1,9})?(Z|[+-][01][0-9]:[0-5][0-9])") {
        let theirs = DateTime::parse_from_rfc3339(&text).ok().map(|time| time.to_utc());
        prop_assert_eq!(parse(text.as_bytes()).ok(), theirs);
    }

    #[test]
    fn any_bytes_are_read_or_refused(text in proptest::collection::vec(any::<u8>(), 0..40)) {
        let _ = parse(&text);
    }
}
