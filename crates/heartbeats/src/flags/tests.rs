use super::{FlagError, Flags, Task, parse, usage};
use proptest::prelude::*;

fn read(args: &[&str]) -> Result<(Task, Flags), FlagError> {
    parse(&args.iter().map(|arg| (*arg).to_owned()).collect::<Vec<_>>())
}

fn flags(args: &[&str]) -> Flags {
    read(args).expect("good flags").1
}

#[test]
fn defaults_are_those_of_upstream() {
    let flags = flags(&[]);
    assert_eq!(flags.event_type, "dev.knative.eventing.samples.heartbeat");
    assert_eq!(flags.period, "5s");
    let others = [
        &flags.event_source,
        &flags.sink,
        &flags.ca_certs,
        &flags.label,
        &flags.msg,
    ];
    assert_eq!(others, ["", "", "", "", ""]);
}

#[test]
fn four_spellings_are_the_same() {
    for args in [
        &["-label=a b"][..],
        &["--label=a b"],
        &["-label", "a b"],
        &["--label", "a b"],
    ] {
        assert_eq!(flags(args).label, "a b", "{args:?}");
    }
}

#[test]
fn values_are_taken_as_they_stand() {
    assert_eq!(flags(&["-label", "-msg", "-msg", "--"]).label, "-msg");
    assert_eq!(flags(&["-label", "-msg", "-msg", "--"]).msg, "--");
    assert_eq!(flags(&["-label=a=b=c"]).label, "a=b=c");
    assert_eq!(flags(&["-eventType="]).event_type, "");
    assert_eq!(flags(&["-period=1", "-period=2"]).period, "2");
    assert_eq!(
        flags(&["-sink", "http://x", "-cacerts", "PEM", "-eventSource=/s"]).sink,
        "http://x"
    );
}

#[test]
fn reading_stops_at_what_is_no_flag() {
    for args in [
        &["-label=1", "rest", "-label=2"][..],
        &["-label=1", "-", "-label=2"],
        &["-label=1", "--", "-label=2"],
        &["-label=1", "", "-label=2"],
        &["-label=1", "rest", "-foo"],
    ] {
        assert_eq!(flags(args).label, "1", "{args:?}");
    }
}

#[test]
fn errors_read_as_upstream_says_them() {
    for (args, message) in [
        (&["-foo"][..], "flag provided but not defined: -foo\n"),
        (&["--foo=1"], "flag provided but not defined: -foo\n"),
        (&["-Label=1"], "flag provided but not defined: -Label\n"),
        (
            &["-label=1", "-eventsource", "x"],
            "flag provided but not defined: -eventsource\n",
        ),
        (&["-period"], "flag needs an argument: -period\n"),
        (&["---x"], "bad flag syntax: ---x\n"),
        (&["-=x"], "bad flag syntax: -=x\n"),
        (&["--=x"], "bad flag syntax: --=x\n"),
        (
            &["-check=maybe"],
            "invalid boolean value \"maybe\" for -check: parse error\n",
        ),
        (
            &["-check="],
            "invalid boolean value \"\" for -check: parse error\n",
        ),
        (&["-foo", "-h"], "flag provided but not defined: -foo\n"),
    ] {
        let error = read(args).unwrap_err();
        assert_eq!(
            (error.to_string().as_str(), error.exit_code()),
            (message, 2),
            "{args:?}"
        );
    }
    for args in [
        &["-h"][..],
        &["-help"],
        &["--help"],
        &["-h=1"],
        &["-label", "x", "-h", "-foo"],
    ] {
        let error = read(args).unwrap_err();
        assert_eq!(
            (error.to_string().as_str(), error.exit_code()),
            ("", 0),
            "{args:?}"
        );
    }
}

#[test]
fn boolean_flags_take_no_value_from_the_next_argument() {
    for (args, task) in [
        (&["-check"][..], Task::Check),
        (&["--check=t"], Task::Check),
        (&["--check=0"], Task::Run),
        (&["--check", "-check=false"], Task::Run),
        (&["--check", "--version"], Task::Version),
        (&["-label", "-check"], Task::Run),
    ] {
        assert_eq!(read(args).unwrap().0, task, "{args:?}");
    }
    // `false` is the first argument that is no flag, so -label is not read any more.
    assert_eq!(flags(&["-check", "false", "-label=1"]).label, "");
}

#[test]
fn the_usage_has_the_form_of_upstream() {
    let text = usage();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(
        lines[..3],
        [
            "Usage of heartbeats:",
            "  -cacerts string",
            "    \tthe ca cert for the host url to heartbeat to"
        ]
    );
    assert!(lines.contains(
        &"    \tthe event-type (CloudEvents) (default \"dev.knative.eventing.samples.heartbeat\")"
    ));
    assert!(lines.contains(&"  -check") && lines.contains(&"    \ta special label"));
}

proptest! {
    #[test]
    fn any_arguments_give_flags_or_an_error(args in prop::collection::vec("-{0,3}[a-z=]{0,8}|\\PC{0,6}", 0..6)) {
        let _ = parse(&args);
    }

    #[test]
    fn any_value_comes_through(value in "\\PC*") {
        prop_assert_eq!(&flags(&[&format!("-label={value}")]).label, &value);
        prop_assert_eq!(&flags(&["-label", &value]).label, &value);
    }
}
