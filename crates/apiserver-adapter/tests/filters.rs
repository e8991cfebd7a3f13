//! The seven dialects beyond the contract's cases: precedence, no-opinion, leniency and notes.

use apiserver_adapter::attributes::ChangeAttributes;
use apiserver_adapter::filter::Filters;

const EVENT: ChangeAttributes<'_> = ChangeAttributes {
    event_type: "dev.knative.apiserver.resource.update",
    source: "https://10.96.0.1:443",
    subject: "/apis/v1/namespaces/default/pods/beta",
    kind: "Pod",
    api_version: "v1",
    name: "beta",
    namespace: "default",
};

const YES: &str = r#"{"exact":{"name":"beta"}}"#;
const NO: &str = r#"{"exact":{"name":"alpha"}}"#;

fn passes(filters: &str) -> bool {
    Filters::parse(filters, "filters")
        .unwrap_or_else(|error| panic!("{filters}: {error}"))
        .pass(&EVENT)
}

/// The filters with `YES`, `NO` written for a filter that passes or fails.
fn check(cases: &[(&str, bool)]) {
    for (filters, expected) in cases {
        let filters = filters.replace("YES", YES).replace("NO", NO);
        assert_eq!(passes(&filters), *expected, "{filters}");
    }
}

#[test]
fn attributes_match_by_bytes_in_exact_case() {
    check(&[
        (r#"[{"exact":{"name":"Beta"}}]"#, false),
        (
            r#"[{"exact":{"name":"beta","kind":"Pod","apiversion":"v1"}}]"#,
            true,
        ),
        (r#"[{"exact":{"name":"beta","kind":"Node"}}]"#, false),
        (r#"[{"prefix":{"name":"be","type":"dev.knative."}}]"#, true),
        (r#"[{"prefix":{"name":"eta"}}]"#, false),
        (r#"[{"suffix":{"subject":"/beta","type":".update"}}]"#, true),
        (r#"[{"suffix":{"subject":"/Beta"}}]"#, false),
        (r#"[{"exact":{"specversion":"1.0"}}]"#, true),
        (r#"[{"exact":{"source":"https://10.96.0.1:443"}}]"#, true),
        (
            r#"[{"exact":{"datacontenttype":"application/json"}}]"#,
            true,
        ),
        (r#"[{"exact":{"datamediatype":"application/json"}}]"#, true),
        (r#"[{"exact":{"time":"0001-01-01T00:00:00Z"}}]"#, true),
        (r#"[{"prefix":{"id":"a"}}]"#, false),
        (r#"[{"not":{"prefix":{"id":"a"}}}]"#, true),
        (r#"[{"not":{"prefix":{"datacontentencoding":"b"}}}]"#, true),
    ]);
}

#[test]
fn lists_stop_early_and_otherwise_the_last_decides() {
    check(&[
        ("[]", true),
        ("[YES, NO]", false),
        (r#"[{"all":[YES, YES]}]"#, true),
        (r#"[{"all":[YES, NO]}]"#, false),
        (r#"[{"any":[NO, YES]}]"#, true),
        (r#"[{"any":[NO, NO]}]"#, false),
        (r#"[{"not":{"all":[YES, NO]}}]"#, true),
        (r#"[{"not":{"any":[YES, NO]}}]"#, false),
        // no opinion drops nothing, and `not` leaves it so
        (r#"[{"all":[{}]}]"#, true),
        (r#"[{"not":{"all":[{}]}}]"#, true),
        (r#"[{"not":{"not":{}}}]"#, true),
        (r#"[{"any":[NO, {"all":[{}]}]}]"#, true),
        (r#"[{"any":[{"all":[{}]}, NO]}]"#, false),
        (r#"[{"all":[NO, {"all":[{}]}]}]"#, false),
        (r#"[{"not":{"all":[YES, {"any":[{}]}]}}]"#, true),
        (r#"[{"not":{"any":[{}, YES]}}]"#, false),
    ]);
}

#[test]
fn the_first_dialect_of_an_object_counts() {
    check(&[
        (r#"[{"cesql":"FALSE","exact":{"name":"beta"}}]"#, true),
        (r#"[{"cesql":"FALSE","not":NO}]"#, true),
        (r#"[{"not":YES,"any":[YES]}]"#, true),
        (r#"[{"any":[NO],"all":[YES]}]"#, true),
        (r#"[{"all":[NO],"suffix":{"name":"a"}}]"#, true),
        (r#"[{"suffix":{"name":"x"},"prefix":{"name":"b"}}]"#, true),
        (r#"[{"prefix":{"name":"x"},"exact":{"name":"beta"}}]"#, true),
        (r#"[{"exact":{},"prefix":{"name":"x"}}]"#, false),
        // one that cannot work is left out with all that stands beside it
        (r#"[{"exact":{"name":""},"cesql":"FALSE"}]"#, true),
    ]);
}

#[test]
fn json_is_read_as_go_reads_it() {
    check(&[
        ("null", true),
        ("[null]", true),
        (r#"[{"EXACT":{"name":"x"}}]"#, false),
        (r#"[{"Cesql":"FALSE","unknown":{"x":[1]}}]"#, false),
        (
            r#"[{"exact":null,"all":null,"any":null,"not":null,"cesql":null}]"#,
            true,
        ),
        (r#"[{"exact":{"name":null}}]"#, true),
        (r#"[{"exact":{"name":"alpha","name":"beta"}}]"#, true),
        (r#"[{"any":[null,NO]}]"#, false),
        (r#"[{"cesql":""}]"#, true),
        ("[YES]  \n", true),
    ]);
    for (filters, message) in [
        ("{}", "filters is an object, want an array of filters"),
        (r#""x""#, "filters is a string, want an array of filters"),
        ("[1]", "filters[0] is a number, want an object"),
        (
            r#"[{},{"exact":[]}]"#,
            "filters[1].exact is an array, want an object",
        ),
        (
            r#"[{"exact":{"name":1}}]"#,
            "filters[0].exact.name is a number, want a string",
        ),
        (
            r#"[{"all":{}}]"#,
            "filters[0].all is an object, want an array of filters",
        ),
        (
            r#"[{"not":{"any":[true]}}]"#,
            "filters[0].not.any[0] is a boolean, want an object",
        ),
        (
            r#"[{"exact":{"a":"b"},"cesql":7}]"#,
            "filters[0].cesql is a number, want a string",
        ),
        (
            "[{]",
            "not valid JSON: key must be a string at line 1 column 3",
        ),
    ] {
        assert_eq!(
            Filters::parse(filters, "filters").unwrap_err().to_string(),
            message
        );
    }
    assert!(Filters::parse("", "filters").is_err());
    assert!(Filters::parse("[] x", "filters").is_err());
}

#[test]
fn filters_nested_without_end_are_refused_and_not_followed() {
    let deep = |levels| {
        format!(
            "[{}{}{}]",
            r#"{"not":"#.repeat(levels),
            YES,
            "}".repeat(levels)
        )
    };
    assert!(passes(&deep(100)));
    assert!(!passes(&deep(101)));
    assert!(Filters::parse(&deep(100_000), "filters").is_err());
}

#[test]
fn what_is_odd_is_noted_with_its_place() {
    let filters = r#"[
        {},
        {"exact":{"type":""}},
        {"all":[{"cesql":"name = "}, {"any":[{"exact":{}}]}]},
        {"not":{"prefix":{"id":"x","name":"y"}}},
        {"cesql":"LENGTH(time)"},
        {"exact":{"kind":"Pod"},"cesql":"TRUE"},
        {"exact":{"kind":"Pod"}}
    ]"#;
    let filters = Filters::parse(filters, "filters").unwrap();
    let notes: Vec<String> = filters.notes().iter().map(ToString::to_string).collect();
    let nothing = "says nothing and is left out; one that works is {\"exact\":{\"kind\":\"Pod\"}}";
    assert_eq!(
        notes,
        [
            format!("filters[0] {nothing}"),
            "filters[1].exact has an empty attribute name or value and is left out".to_owned(),
            "filters[2].all[0].cesql is no CESQL expression and is left out: \
             character 8: found the end, want a value"
                .to_owned(),
            format!("filters[2].all[1].any[0] {nothing}"),
            "filters[3].not.prefix reads \"id\", which no event has yet when filters run"
                .to_owned(),
            "filters[4].cesql reads \"time\", which no event has yet when filters run".to_owned(),
            "filters[4].cesql gives no Boolean but Integer, so that every event fails; compare it \
             with something"
                .to_owned(),
            "filters[5].cesql is ignored, because the same object also has \"exact\"".to_owned(),
        ]
    );
}
