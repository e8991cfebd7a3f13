use super::*;

fn read(pairs: &[(&str, &str)]) -> Result<Config, Problems> {
    let sink = ("K_SINK", "http://sink/p?q=1");
    let env = Env::from_pairs([sink].into_iter().chain(pairs.iter().copied()));
    let mut problems = Problems::default();
    let config = Config::read(&env, &Zone::UTC, &mut problems);
    problems.into_result(|| config)
}

fn sample(pairs: &[(&str, &str)]) -> (Option<String>, String) {
    let message = read(pairs).expect("a configuration").template.sample();
    let body = String::from_utf8_lossy(message.body()).into_owned();
    (message.content_type().map(str::to_owned), body)
}

#[test]
fn a_sink_is_enough() {
    let config = read(&[]).expect("a configuration");
    assert_eq!(
        config.schedule,
        Schedule::parse("* * * * *", None).expect("a schedule")
    );
    assert_eq!(
        (&*config.origin.namespace, &*config.origin.name),
        ("default", "adapter")
    );
    let message = config.template.sample();
    assert_eq!(
        message.source(),
        "/apis/v1/namespaces/default/pingsources/adapter"
    );
    assert_eq!((message.content_type(), message.body().len()), (None, 0));
    assert_eq!(config.timeout, Duration::from_secs(30));
    // As controllers write what is not asked for.
    let names = [
        "SCHEDULE",
        "TIMEZONE",
        "DATA",
        "DATA_BASE64",
        "NAME",
        "NAMESPACE",
        "K_CE_OVERRIDES",
        "K_CA_CERTS",
    ];
    let empty = read(&names.map(|name| (name, ""))).expect("a configuration");
    assert_eq!(empty.schedule, config.schedule);
    assert_eq!(empty.template.sample().source(), message.source());
}

#[test]
fn the_content_type_is_guessed_only_when_it_is_unset() {
    let json = Some("application/json".to_owned());
    let hello = r#"{"message": "Hello Eventing!"}"#;
    assert_eq!(sample(&[("DATA", hello)]), (json.clone(), hello.to_owned()));
    assert_eq!(sample(&[("DATA", "[1]")]).0, json);
    assert_eq!(sample(&[("DATA", "hi")]).0, None);
    assert_eq!(sample(&[("DATA", hello), ("CONTENT_TYPE", "")]).0, None);
    let text = ("CONTENT_TYPE", "text/plain");
    assert_eq!(
        sample(&[("DATA", hello), text]).0.as_deref(),
        Some("text/plain")
    );
    let binary = [("DATA_BASE64", "aGVsbG8="), text];
    assert_eq!(
        sample(&binary),
        (Some("text/plain".to_owned()), "hello".to_owned())
    );
    assert_eq!(sample(&[("DATA_BASE64", "aGVsbG8=")]).0, None);
}

#[test]
fn each_mistake_is_named_with_an_example_and_exit_code_64() {
    for (pair, part) in [
        (("K_SINK", ""), "K_SINK is set but empty"),
        (("K_SINK", "sink:8080"), "K_SINK is \"sink:8080\""),
        (
            ("K_SINK", "http://me:s3cret@%zz"),
            "K_SINK is \"http://***@%zz\"",
        ),
        (
            ("SCHEDULE", "61 * * * *"),
            "SCHEDULE cannot be used: schedule has \"61\" in its minute field",
        ),
        (
            ("TIMEZONE", "Mars/Olympus"),
            "TIMEZONE cannot be used: timezone names the time zone \"Mars/Olympus\"",
        ),
        (
            ("DATA_BASE64", "a"),
            "DATA_BASE64 cannot be used: dataBase64 is not base64",
        ),
        (("K_CE_OVERRIDES", "quack"), "K_CE_OVERRIDES is \"quack\""),
        (
            ("K_CE_OVERRIDES", r#"{"extensions":{"a":"\n\u0000"}}"#),
            "attribute \"a\"",
        ),
    ] {
        let problems = read(&[pair])
            .err()
            .unwrap_or_else(|| panic!("{pair:?} is accepted"));
        let messages: Vec<String> = problems.iter().map(ToString::to_string).collect();
        assert_eq!(
            (messages.len(), problems.exit_code()),
            (1, 64),
            "{messages:?}"
        );
        assert!(messages[0].contains(part), "{messages:?}");
        assert!(!messages[0].contains("s3cret"), "{messages:?}");
    }
    let problems = read(&[("DATA", "x"), ("CONTENT_TYPE", "not a type")]).expect_err("a bad type");
    assert!(
        problems
            .iter()
            .any(|it| it.message.starts_with("CONTENT_TYPE"))
    );
    let problems = read(&[("DATA", "x"), ("DATA_BASE64", "eA==")]).expect_err("both");
    assert!(problems.iter().any(|it| it.message.contains("both set")));
    let ca = [("K_SINK", "https://sink"), ("K_CA_CERTS", "garbage")];
    assert!(
        read(&ca)
            .expect_err("a bad CA")
            .iter()
            .any(|it| it.variable == "K_CA_CERTS")
    );
}

#[test]
fn every_mistake_is_found_at_once() {
    let all = [("K_SINK", "x"), ("SCHEDULE", "x"), ("K_CE_OVERRIDES", "x")];
    assert_eq!(read(&all).expect_err("three mistakes").iter().count(), 3);
}

#[test]
fn overrides_go_along_and_a_bad_name_costs_only_itself() {
    let overrides = (
        "K_CE_OVERRIDES",
        r#"{"extensions":{"region":"eu","type":"x"}}"#,
    );
    let config = read(&[overrides]).expect("a configuration");
    assert_eq!(config.template.rejected().len(), 1);
    assert!(config.template.sample().headers().contains_key("ce-region"));
}

#[test]
fn replicas_share_their_ids_and_others_do_not() {
    let id = |pairs: &[_]| {
        let epoch = chrono::DateTime::UNIX_EPOCH;
        read(pairs)
            .expect("a configuration")
            .template
            .stamp(epoch, epoch)
            .id()
            .to_owned()
    };
    assert_eq!(
        id(&[("DATA", "a")]),
        id(&[("DATA", "a"), ("K_SINK_TIMEOUT", "5")])
    );
    assert_ne!(id(&[("DATA", "a")]), id(&[("DATA", "b")]));
    assert_ne!(id(&[]), id(&[("NAME", "other")]));
}

#[test]
fn the_time_limit_is_the_runtimes_once_it_is_set() {
    for (text, seconds) in [("5", 5), ("-1", 60), ("", 60)] {
        let config = read(&[("K_SINK_TIMEOUT", text)]).expect("a configuration");
        assert_eq!(config.timeout, Duration::from_secs(seconds), "{text:?}");
    }
}

#[test]
fn a_delayed_stop_has_to_be_asked_for() {
    assert_eq!(no_shutdown_after(None), Ok(None));
    assert_eq!(no_shutdown_after(Some("0")), Ok(Some(0)));
    for text in ["60", "-1", "soon"] {
        assert!(no_shutdown_after(Some(text)).is_err(), "{text}");
    }
}
