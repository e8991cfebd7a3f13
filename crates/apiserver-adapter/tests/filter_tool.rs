//! `apiserver-adapter filter`: events in, `pass` or `drop` out, and what a user gets wrong.

mod vectors;

use apiserver_adapter::filter::{UsageError, filter_tool};
use serde_json::json;

struct Run {
    result: Result<(), UsageError>,
    out: String,
    notes: String,
}

fn run(args: &[&str], input: &[u8]) -> Run {
    let (mut out, mut notes) = (Vec::new(), Vec::new());
    let args = args.iter().map(|argument| (*argument).to_owned());
    let result = filter_tool(args, input, &mut out, &mut notes);
    let text = |bytes| String::from_utf8(bytes).expect("the tool writes UTF-8");
    Run {
        result,
        out: text(out),
        notes: text(notes),
    }
}

fn one(filters: &str, event: &str) -> Run {
    run(&["--filters", filters], event.as_bytes())
}

const EVENT: &str = r#"{"specversion":"1.0","id":"1","type":"t","source":"/s","kind":"Pod","n":5}"#;

#[test]
fn each_event_gets_its_line() {
    let input = r#"
{"specversion":"1.0","type":"a.add","source":"/s","id":"1","data":{"deep":[[[1e999]]]}}

{"specversion":"1.0","type":"a.delete","source":"/s","id":"2","data_base64":"AAE="}
  {"type":"b.add","specversion":"1.0","source":"/s","time":"2026-01-02T03:04:05Z","kind":null}  "#;
    let filters = r#"[{"suffix":{"type":".add"}}]"#;
    for args in [
        vec!["--filters", filters],
        vec![&format!("--filters={filters}")],
    ] {
        let run = run(&args, input.replace('\n', "\r\n").as_bytes());
        run.result.unwrap();
        assert_eq!(run.out, "pass\ndrop\npass\n");
        assert_eq!(run.notes, "");
    }
    let run = one("[]", "");
    run.result.unwrap();
    assert_eq!(run.out, "");
}

#[test]
fn the_contracts_cesql_cases_come_out_the_same() {
    let vectors = vectors::load();
    let mut event = vectors["cesql"]["attributes"].clone();
    event["specversion"] = json!("1.0");
    event["id"] = json!("1"); // of no effect: the adapter's filters see no id either
    let event = event.to_string();
    for case in vectors["cesql"]["cases"].as_array().unwrap() {
        // An empty `cesql` is none at all, for Go and so for the filters.
        let text = case["expr"].as_str().filter(|text| !text.is_empty());
        let Some(text) = text else { continue };
        let run = one(&json!([{ "cesql": text }]).to_string(), &event);
        match (run.result, case["parse"] == "ok") {
            (Ok(()), true) => {
                assert_eq!(
                    run.out == "pass\n",
                    case["passes"] == true,
                    "{text}: {}",
                    run.out
                );
            }
            (Err(error), false) => assert_eq!(error.exit_code(), 64, "{text}"),
            (result, _) => panic!("{text}: {result:?}"),
        }
    }
}

#[test]
fn extensions_keep_their_types_and_names_are_lower_cased() {
    for (filters, line) in [
        (r#"[{"cesql":"n + 1 = 6"}]"#, "pass"),
        (r#"[{"exact":{"n":"5"}}]"#, "pass"),
        (r#"[{"cesql":"flag"}]"#, "pass"),
        (r#"[{"exact":{"flag":"true"}}]"#, "pass"),
        (r#"[{"exact":{"cut":"-1"}}]"#, "pass"),
        (r#"[{"exact":{"mixed":"m"}}]"#, "pass"),
        (r#"[{"exact":{"Mixed":"m"}}]"#, "drop"),
        (r#"[{"cesql":"EXISTS none"}]"#, "drop"),
        (r#"[{"cesql":"EXISTS subject"}]"#, "drop"),
        (r#"[{"exact":{"datamediatype":"text/plain"}}]"#, "pass"),
    ] {
        let event = r#"{"specversion":"1.0","type":"t","source":"/s","n":5,"flag":true,"cut":-1.9,
            "Mixed":"m","none":null,"subject":"","datacontenttype":"text/plain; charset=x"}"#;
        let run = one(filters, &event.replace('\n', ""));
        run.result.unwrap();
        assert_eq!(run.out, format!("{line}\n"), "{filters}");
    }
}

#[test]
fn id_and_time_are_hidden_as_in_the_adapter_and_the_user_is_told() {
    let run = one(r#"[{"exact":{"id":"1"}}]"#, EVENT);
    run.result.unwrap();
    assert_eq!(run.out, "drop\n");
    let note = "Note: filters[0].exact reads \"id\", which no event has yet when filters run.\n";
    assert_eq!(run.notes, note);
    let run = one(r#"[{},{"exact":{"kind":""}}]"#, EVENT);
    run.result.unwrap();
    assert_eq!(run.out, "pass\n");
    assert_eq!(run.notes.lines().count(), 2);
}

#[test]
fn a_broken_filter_is_one_sentence_and_64() {
    for (args, message) in [
        (
            &["--filters", "[{"][..],
            "The filters cannot be read: not valid JSON: EOF",
        ),
        (
            &["--filters", r#"{"exact":{}}"#],
            "The filters cannot be read: filters is an object",
        ),
        (
            &["--filters", r#"[{"exact":7}]"#],
            "The filters cannot be read: filters[0].exact is a",
        ),
        (
            &["--filters", r#"[{},{"not":{"cesql":"name ="}}]"#],
            "filters[1].not.cesql is no CESQL expression: character 7: found the end, want a value.",
        ),
        (
            &[],
            "--filters is missing: want --filters and a JSON array, for example:",
        ),
        (&["--filters"], "--filters has no value: want"),
        (
            &["--filters=[]", "--filters=[]"],
            "--filters is given twice: want",
        ),
        (
            &["--filter", "[]"],
            "\"--filter\" is no argument of filter: want",
        ),
        (&["[]"], "\"[]\" is no argument of filter: want"),
    ] {
        let run = run(args, EVENT.as_bytes());
        let error = run.result.unwrap_err();
        assert!(error.to_string().starts_with(message), "{error}");
        assert!(!error.to_string().contains('\n'), "{error}");
        assert_eq!(error.exit_code(), 64, "{error}");
        assert_eq!(run.out, "");
    }
}

#[test]
fn a_broken_line_is_named() {
    for (line, reason) in [
        ("quack", "not a JSON object: expected value at column 1"),
        ("[]", "not a JSON object: "),
        (
            r#"{"a":1} x"#,
            "not a JSON object: trailing characters at column 9",
        ),
        (r#"{"type":"t"}"#, r#"it has no "specversion""#),
        (
            r#"{"specversion":"1.0","type":"t"}"#,
            r#"it has no "source""#,
        ),
        (
            r#"{"specversion":"1.0","type":"","source":"/"}"#,
            r#"it has no "type""#,
        ),
        (
            r#"{"specversion":"0.3","type":"t","source":"/"}"#,
            r#"its "specversion" is "0.3", want "1.0""#,
        ),
        (
            r#"{"specversion":"1.0","type":7,"source":"/"}"#,
            r#"the value of "type" is 7, want a string"#,
        ),
        (
            r#"{"specversion":"1.0","type":"t","source":"/","a-b":"x"}"#,
            r#""a-b" is no attribute"#,
        ),
        (
            r#"{"specversion":"1.0","type":"t","source":"/","":"x"}"#,
            r#""" is no attribute name"#,
        ),
        (
            r#"{"specversion":"1.0","type":"t","source":"/","Type":"x"}"#,
            r#""Type" is no attribute"#,
        ),
        (
            r#"{"specversion":"1.0","type":"t","source":"/","e":{"a":1}}"#,
            r#"the value of "e" is {"a":1}, want a string, an integer or a Boolean"#,
        ),
        (
            r#"{"specversion":"1.0","type":"t","source":"/","e":2147483648}"#,
            r#"the value of "e" is 2147483648, want an integer of 32 bits"#,
        ),
    ] {
        let run = one("[]", &format!("{EVENT}\n\n{line}\n{EVENT}\n"));
        let error = run.result.unwrap_err();
        let message = format!("Line 3 is no CloudEvent in structured mode: {reason}");
        assert!(error.to_string().starts_with(&message), "{error}");
        assert_eq!(error.exit_code(), 65);
        assert_eq!(run.out, "pass\n", "the lines before it have their answer");
    }
    let run = run(&["--filters=[]"], b"\xff");
    assert_eq!(run.result.unwrap_err().exit_code(), 65);
}
