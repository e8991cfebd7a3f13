use super::Config;
use crate::flags;
use adapter::env::{Env, Problems};
use std::time::Duration;

const GOOD: [(&str, &str); 3] = [
    ("POD_NAME", "pod"),
    ("POD_NAMESPACE", "ns"),
    ("K_SINK", "http://sink.ns.svc/path"),
];

fn read(args: &[&str], env: &[(&str, &str)]) -> Result<Config, Problems> {
    let args: Vec<String> = args.iter().map(|arg| (*arg).to_owned()).collect();
    let (_, flags) = flags::parse(&args).expect("good flags");
    Config::read(flags, &Env::from_pairs(env.iter().copied()))
}

/// The same with [`GOOD`] below the given variables.
fn with(args: &[&str], more: &[(&str, &str)]) -> Result<Config, Problems> {
    read(args, &[&GOOD[..], more].concat())
}

/// What was wrong, and the exit code.
fn wrong(result: Result<Config, Problems>) -> (Vec<String>, u8) {
    let problems = result.expect_err("a problem");
    (
        problems
            .iter()
            .map(|problem| problem.variable.clone())
            .collect(),
        problems.exit_code(),
    )
}

#[test]
fn three_variables_are_enough() {
    let config = with(&[], &[]).unwrap();
    assert_eq!(
        config.destination.sink.to_string(),
        "http://sink.ns.svc/path"
    );
    assert_eq!(config.destination.timeout, Duration::from_mins(1));
    assert_eq!(config.destination.token_file.to_str(), Some("/oidc/token"));
    assert_eq!(config.destination.ca_certs, None);
    assert_eq!(
        config.beat.source,
        "https://knative.dev/eventing-contrib/cmd/heartbeats/#ns/pod"
    );
    assert_eq!(config.beat.ty, "dev.knative.eventing.samples.heartbeat");
    assert_eq!(config.period, Duration::from_secs(5));
    let off = (
        config.source_given,
        config.one_shot,
        config.exit_nonzero_on_failure,
    );
    assert_eq!((off, config.health_port), ((false, false, false), None));
}

#[test]
fn every_value_arrives() {
    let config = with(
        &[
            "-eventSource=/s",
            "-eventType=t",
            "-label=\"a\\x00\"",
            "-msg=m",
            "-period=250ms",
        ],
        &[
            ("ONE_SHOT", "T"),
            ("EXIT_NONZERO_ON_FAILURE", "1"),
            ("HEALTH_PORT", "8080"),
            ("K_SINK_TIMEOUT", "7"),
            (
                "K_CE_OVERRIDES",
                r#"{"extensions":{"Foo":"bar","b-d":"x"}}"#,
            ),
        ],
    )
    .unwrap();
    assert_eq!(
        (config.beat.source.as_str(), config.beat.ty.as_str()),
        ("/s", "t")
    );
    assert_eq!(
        (config.beat.label.as_slice(), config.beat.msg.as_str()),
        (&b"a\0"[..], "m")
    );
    assert_eq!(config.beat.overrides.extensions()["foo"], "bar");
    assert_eq!(config.beat.overrides.rejected().len(), 1);
    assert_eq!(config.period, Duration::from_millis(250));
    assert_eq!(config.destination.timeout, Duration::from_secs(7));
    assert!(config.source_given && config.one_shot && config.exit_nonzero_on_failure);
    assert_eq!(config.health_port, Some(8080));
}

#[test]
fn variables_beat_flags_unless_empty() {
    let flags = ["-sink=http://flag", "-cacerts=FLAG"];
    let config = with(&flags, &[("K_CA_CERTS", "VARIABLE")]).unwrap();
    assert_eq!(
        config.destination.sink.to_string(),
        "http://sink.ns.svc/path"
    );
    assert_eq!(config.destination.ca_certs.as_deref(), Some("VARIABLE"));
    let config = with(&flags, &[("K_SINK", ""), ("K_CA_CERTS", "")]).unwrap();
    assert_eq!(config.destination.sink.to_string(), "http://flag");
    assert_eq!(config.destination.ca_certs.as_deref(), Some("FLAG"));
}

#[test]
fn empty_variables_mean_what_they_mean_upstream() {
    let config = with(
        &[],
        &[
            ("POD_NAME", ""),
            ("POD_NAMESPACE", ""),
            ("K_CE_OVERRIDES", ""),
        ],
    );
    let source = config.unwrap().beat.source;
    assert_eq!(
        source,
        "https://knative.dev/eventing-contrib/cmd/heartbeats/#/"
    );
    assert_eq!(
        wrong(with(&[], &[("ONE_SHOT", "")])),
        (vec!["ONE_SHOT".to_owned()], 1)
    );
    // Ours, off by default, take empty as unset: templates produce such variables.
    assert!(with(&[], &[("EXIT_NONZERO_ON_FAILURE", ""), ("HEALTH_PORT", "")]).is_ok());
}

#[test]
fn one_problem_one_exit_code() {
    for (args, env, variable, exit_code) in [
        (&[][..], ("ONE_SHOT", "yes"), "ONE_SHOT", 1),
        (
            &[],
            ("K_CE_OVERRIDES", "{\"extensions\":"),
            "K_CE_OVERRIDES",
            1,
        ),
        (
            &[],
            ("K_CE_OVERRIDES", r#"{"extensions":{"a":1}}"#),
            "K_CE_OVERRIDES",
            1,
        ),
        (&[], ("K_SINK", ""), "K_SINK", 64),
        (&[], ("K_SINK", "  "), "K_SINK", 64),
        (&["-sink=http://flag"], ("K_SINK", " "), "K_SINK", 64),
        (&[], ("K_SINK", "http://%zz"), "K_SINK", 64),
        (&[], ("K_SINK", "localhost:8080"), "K_SINK", 64),
        (&["-sink=ftp://x"], ("K_SINK", ""), "-sink", 64),
        (&["-period=1.5"], ("X", ""), "-period", 1),
        (&["-period=0"], ("X", ""), "-period", 1),
        (
            &[],
            ("EXIT_NONZERO_ON_FAILURE", "ja"),
            "EXIT_NONZERO_ON_FAILURE",
            64,
        ),
        (&[], ("HEALTH_PORT", "0"), "HEALTH_PORT", 64),
        (&[], ("HEALTH_PORT", "http"), "HEALTH_PORT", 64),
    ] {
        let found = wrong(with(args, &[env]));
        assert_eq!(
            found,
            (vec![variable.to_owned()], exit_code),
            "{args:?} {env:?}"
        );
    }
}

#[test]
fn all_problems_at_once_in_the_order_of_upstream() {
    let env = [
        ("ONE_SHOT", "x"),
        ("K_CE_OVERRIDES", "x"),
        ("K_SINK", "https://sink"),
        ("K_CA_CERTS", "no certificate"),
        ("HEALTH_PORT", "x"),
        ("EXIT_NONZERO_ON_FAILURE", "x"),
    ];
    let (variables, exit_code) = wrong(read(&["-period=x"], &env));
    let expected = [
        "POD_NAME",
        "POD_NAMESPACE",
        "ONE_SHOT",
        "K_CE_OVERRIDES",
        "K_CA_CERTS",
        "-period",
        "EXIT_NONZERO_ON_FAILURE",
        "HEALTH_PORT",
    ];
    assert_eq!(
        (variables, exit_code),
        (expected.map(str::to_owned).to_vec(), 1)
    );
}

#[test]
fn ca_certificates_and_tls_variables_count_for_https_only() {
    let bad = [("K_CA_CERTS", "none"), ("TLS_MIN_VERSION", "1.1")];
    assert!(with(&[], &bad).is_ok());
    let https = [&bad[..], &[("K_SINK", "https://sink")]].concat();
    let (variables, exit_code) = wrong(with(&[], &https));
    assert_eq!(
        (variables, exit_code),
        (vec!["K_CA_CERTS".into(), "TLS_MIN_VERSION".into()], 1)
    );
}

#[test]
fn a_missing_sink_hints_at_the_binding() {
    for env in [("K_SINK", ""), ("K_SINK", "http://%zz")] {
        let problems = with(&[], &[env]).unwrap_err();
        let message = problems.iter().next().unwrap().to_string();
        assert!(
            message.contains("SinkBinding") && message.contains("K_SINK=http://"),
            "{message}"
        );
    }
}

#[test]
fn no_password_is_shown() {
    let config = with(&[], &[("K_SINK", "http://me:s3cret@sink/p")]).unwrap();
    assert!(
        config
            .settings()
            .iter()
            .all(|(_, value)| !value.contains("s3cret"))
    );
    let problems = with(&[], &[("K_SINK", "http://me:s3cret@sink:%zz")]).unwrap_err();
    assert!(
        problems
            .iter()
            .all(|problem| !problem.to_string().contains("s3cret"))
    );
}
