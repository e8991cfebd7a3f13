//! Every row of adapter-runtime.md 5.2 to 5.6.

use std::time::Duration;

use super::super::*;
use crate::env::{Env, Problems};

const STOCK_OBSERVABILITY: &str = r#"{"tracing":{"protocol":"none"},"metrics":{"protocol":"none"},"runtime":{"profiling":"disabled","exportInterval":15000000000},"enableSinkEventErrorReporting":false}"#;

fn observability(text: &str) -> Result<Observability, Problems> {
    Observability::read(Some(text), &Env::default())
}

#[test]
fn without_observability_everything_is_off() {
    assert_eq!(
        Observability::read(None, &Env::default()),
        Ok(Observability::default())
    );
    for off in [
        "{}",
        "null",
        STOCK_OBSERVABILITY,
        r#"{"tracing":{},"metrics":{},"runtime":{},"enableSinkEventErrorReporting":false}"#,
        r#"{"tracing":null,"metrics":{"protocol":null},"unknown":{"a":1}}"#,
        r#"{"metrics":{"protocol":"none","endpoint":"ignored"}}"#,
    ] {
        assert_eq!(observability(off), Ok(Observability::default()), "{off}");
    }
}

#[test]
fn observability_that_is_no_such_json_is_off_with_a_warning() {
    for unusable in [
        "",
        " ",
        "junk",
        "[]",
        "{} {}",
        r#"{"metrics":"prometheus"}"#,
        r#"{"metrics":{"protocol":"prometheus","exportInterval":"5s"}}"#,
        r#"{"metrics":{"protocol":"prometheus","exportInterval":5e9}}"#,
        r#"{"tracing":{"protocol":"stdout","samplingRate":"1"}}"#,
        r#"{"enableSinkEventErrorReporting":"true"}"#,
    ] {
        let read = observability(unusable).expect(unusable);
        assert_eq!(read.warnings.len(), 1, "{unusable:?}");
        assert_eq!(
            Observability {
                warnings: Vec::new(),
                ..read
            },
            Observability::default()
        );
    }
}

#[test]
fn switches_are_read() {
    let read = observability(
        r#"{"runtime":{"profiling":"enabled"},"EnableSinkEventErrorReporting":true}"#,
    )
    .unwrap();
    assert!(read.profiling);
    assert!(read.report_sink_errors);
}

#[test]
fn blocks_without_a_known_protocol_end_a_stock_adapter() {
    for (block, text) in [
        ("metrics", r#"{"metrics":{"protocol":"bogus"}}"#),
        ("metrics", r#"{"metrics":{"exportInterval":5000000000}}"#),
        ("metrics", r#"{"metrics":{"endpoint":":9092"}}"#),
        ("metrics", r#"{"metrics":{"protocol":"stdout"}}"#),
        ("tracing", r#"{"tracing":{"samplingRate":0.5}}"#),
        ("tracing", r#"{"tracing":{"protocol":"prometheus"}}"#),
        ("tracing", r#"{"tracing":{"protocol":"NONE"}}"#),
    ] {
        let problems = observability(text).expect_err(text);
        assert_eq!(problems.exit_code(), 1, "{text}");
        let said: String = problems.iter().map(ToString::to_string).collect();
        assert!(
            said.contains(block) && said.contains(OBSERVABILITY),
            "{said}"
        );
    }
    let both = r#"{"metrics":{"protocol":"a"},"tracing":{"protocol":"b"}}"#;
    assert_eq!(observability(both).unwrap_err().iter().count(), 2);
}

#[test]
fn a_tolerant_program_only_logs_a_bad_block_and_keeps_the_good_one() {
    let text = r#"{"metrics":{"protocol":"prometheus"},"tracing":{"protocol":"bogus"}}"#;
    let read = Observability::read_tolerant(Some(text), &Env::default());
    assert_eq!(read.metrics.to_string(), "prometheus on :9092");
    assert_eq!(read.traces, Traces::Off);
    assert_eq!(read.warnings.len(), 1);
}

fn listener(endpoint: &str, env: &Env) -> Result<PrometheusListener, u8> {
    let text = serde_json::json!({"metrics": {"protocol": "prometheus", "endpoint": endpoint}});
    match Observability::read(Some(&text.to_string()), env) {
        Ok(Observability {
            metrics: Metrics::Prometheus(listener),
            ..
        }) => Ok(listener),
        Ok(other) => panic!("{other:?}"),
        Err(problems) => Err(problems.exit_code()),
    }
}

#[test]
fn prometheus_listens_where_the_endpoint_or_the_environment_says() {
    let nothing = Env::default();
    let place = |host: &str, port| PrometheusListener {
        host: host.into(),
        port,
        tls: None,
    };
    assert_eq!(listener("", &nothing), Ok(place("", 9092)));
    assert_eq!(listener(":9095", &nothing), Ok(place("", 9095)));
    assert_eq!(
        listener("127.0.0.1:1024", &nothing),
        Ok(place("127.0.0.1", 1024))
    );
    assert_eq!(listener("[::1]:65535", &nothing), Ok(place("::1", 65535)));
    for bad in [
        "9092",
        "localhost",
        ":0",
        ":80",
        ":1023",
        ":65536",
        ":x",
        "::1:9092",
        "[::1]",
        ":",
    ] {
        assert_eq!(listener(bad, &nothing), Err(1), "{bad}");
    }
    let port = Env::from_pairs([("METRICS_PROMETHEUS_PORT", "9099")]);
    assert_eq!(listener(":9095", &port), Ok(place("", 9099)));
    assert_eq!(
        listener(":80", &port),
        Ok(place("", 9099)),
        "the overridden port is not looked at"
    );
    let both = Env::from_pairs([
        ("METRICS_PROMETHEUS_PORT", "9099"),
        ("METRICS_PROMETHEUS_HOST", "127.0.0.1"),
    ]);
    assert_eq!(listener("", &both), Ok(place("127.0.0.1", 9099)));
    let bad = Env::from_pairs([("METRICS_PROMETHEUS_PORT", "99")]);
    assert_eq!(listener("", &bad), Err(1));
}

#[test]
fn prometheus_over_tls_needs_settings_that_fit_together() {
    let tls = |pairs: &[(&str, &str)]| {
        let pairs = pairs
            .iter()
            .map(|(name, value)| (format!("METRICS_PROMETHEUS_TLS_{name}"), *value));
        listener("", &Env::from_pairs(pairs)).map(|listener| listener.tls)
    };
    let (cert, key, ca) = (("CERT", "/c"), ("KEY", "/k"), ("CLIENT_CA_FILE", "/ca"));
    let files = |clients| {
        Ok(Some(ListenerTls {
            certificate: "/c".into(),
            key: "/k".into(),
            clients,
        }))
    };
    assert_eq!(tls(&[]), Ok(None));
    assert_eq!(tls(&[("CLIENT_AUTH", "none")]), Ok(None));
    assert_eq!(tls(&[cert, key]), files(ClientCertificates::Ignored));
    assert_eq!(
        tls(&[cert, key, ("CLIENT_AUTH", " None ")]),
        files(ClientCertificates::Ignored)
    );
    assert_eq!(
        tls(&[cert, key, ca, ("CLIENT_AUTH", "optional")]),
        files(ClientCertificates::Optional("/ca".into()))
    );
    assert_eq!(
        tls(&[cert, key, ca, ("CLIENT_AUTH", "REQUIRE")]),
        files(ClientCertificates::Required("/ca".into()))
    );
    for bad in [
        &[cert][..],
        &[key],
        &[ca],
        &[("CLIENT_AUTH", "require")],
        &[cert, key, ("CLIENT_AUTH", "require")],
        &[cert, key, ("CLIENT_AUTH", "optional")],
        &[cert, key, ("CLIENT_AUTH", "always")],
    ] {
        assert_eq!(tls(bad), Err(1), "{bad:?}");
    }
}

/// What the metrics block becomes, as `--check` prints it, or the exit code.
fn metrics(protocol: &str, endpoint: &str, env: &[(&str, &str)]) -> Result<String, u8> {
    let text = serde_json::json!({"metrics": {"protocol": protocol, "endpoint": endpoint}});
    let env = Env::from_pairs(env.iter().copied());
    Observability::read(Some(&text.to_string()), &env)
        .map(|read| match read.metrics {
            Metrics::Push { collector, .. } => collector.url,
            other => other.to_string(),
        })
        .map_err(|problems| problems.exit_code())
}

#[test]
fn endpoints_are_completed_as_upstream_completes_them() {
    for (endpoint, url) in [
        ("http://otel:4318", "http://otel:4318/v1/metrics"),
        ("http://otel:4318/", "http://otel:4318/"),
        ("http://otel/x/y?z=1#f", "http://otel/x/y?z=1"),
        ("https://otel", "https://otel/v1/metrics"),
        ("HTTPS://otel", "https://otel/v1/metrics"),
        ("ftp://otel", "http://otel/v1/metrics"),
        ("otel:4318", "https://otel:4318/v1/metrics"),
        ("", "http://localhost:4318/v1/metrics"),
    ] {
        assert_eq!(
            metrics("http/protobuf", endpoint, &[]).as_deref(),
            Ok(url),
            "{endpoint}"
        );
    }
    for bad in ["10.0.0.1:4318", "http://", "http://a b/", "http://h/%zz"] {
        assert_eq!(metrics("http/protobuf", bad, &[]), Err(1), "{bad}");
    }
    let service = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export";
    for (endpoint, base) in [
        ("http://otel:4317", "http://otel:4317"),
        ("https://otel:4317/ignored", "https://otel:4317"),
        ("otel:4317", "https://otel:4317"),
        ("", "http://localhost:4317"),
    ] {
        assert_eq!(
            metrics("grpc", endpoint, &[]),
            Ok(format!("{base}{service}")),
            "{endpoint}"
        );
    }
}

#[test]
fn the_environment_goes_before_the_configured_endpoint() {
    let any = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://any:1/base/");
    let own = ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "http://own:2");
    let other = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://other:3");
    let read = |env: &[_]| metrics("http/protobuf", "http://configured:4318", env);
    assert_eq!(
        read(&[other]).as_deref(),
        Ok("http://configured:4318/v1/metrics")
    );
    assert_eq!(read(&[any]).as_deref(), Ok("http://any:1/base/v1/metrics"));
    assert_eq!(read(&[any, own]).as_deref(), Ok("http://own:2/"));
}

#[test]
fn metrics_are_pushed_at_the_asked_interval() {
    let interval = |nanoseconds: i64, millis: Option<&str>| {
        let text =
            serde_json::json!({"metrics": {"protocol": "grpc", "exportInterval": nanoseconds}});
        let env = Env::from_pairs(millis.map(|millis| ("OTEL_METRIC_EXPORT_INTERVAL", millis)));
        match Observability::read(Some(&text.to_string()), &env).map(|read| read.metrics) {
            Ok(Metrics::Push { interval, .. }) => interval,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(interval(0, None), Duration::from_mins(1));
    assert_eq!(interval(5_000_000_000, None), Duration::from_secs(5));
    assert_eq!(interval(-1, None), Duration::from_mins(1));
    assert_eq!(
        interval(5_000_000_000, Some("250")),
        Duration::from_millis(250)
    );
    assert_eq!(interval(5_000_000_000, Some("")), Duration::from_secs(5));
    assert_eq!(
        interval(5_000_000_000, Some("soon")),
        Duration::from_mins(1)
    );
}

fn sampler(protocol: &str, rate: f64, env: &[(&str, &str)]) -> Result<Sampler, u8> {
    let text = serde_json::json!({"tracing": {"protocol": protocol, "samplingRate": rate}});
    let env = Env::from_pairs(env.iter().copied());
    match Observability::read(Some(&text.to_string()), &env).map(|read| read.traces) {
        Ok(Traces::Push { sampler, .. } | Traces::Stdout(sampler)) => Ok(sampler),
        Ok(Traces::Off) => panic!("tracing is off"),
        Err(problems) => Err(problems.exit_code()),
    }
}

#[test]
fn the_sampling_rate_chooses_the_sampler() {
    assert_eq!(sampler("stdout", 0.0, &[]), Ok(Sampler::Always));
    for protocol in ["grpc", "http/protobuf"] {
        assert_eq!(sampler(protocol, 1.0, &[]), Ok(Sampler::Always));
        assert_eq!(sampler(protocol, 7.0, &[]), Ok(Sampler::Always));
        assert_eq!(sampler(protocol, 0.0, &[]), Ok(Sampler::Never));
        assert_eq!(sampler(protocol, -1.0, &[]), Ok(Sampler::Never));
        assert_eq!(
            sampler(protocol, 0.25, &[]),
            Ok(Sampler::ParentOrRatio(0.25))
        );
    }
}

#[test]
fn the_environment_replaces_the_sampler() {
    let named = |name, arg| {
        let env = [
            ("OTEL_TRACES_SAMPLER", name),
            ("OTEL_TRACES_SAMPLER_ARG", arg),
        ];
        sampler("grpc", 0.25, &env).unwrap()
    };
    assert_eq!(named("always_on", ""), Sampler::Always);
    assert_eq!(named("always_off", ""), Sampler::Never);
    assert_eq!(named("traceidratio", "0.5"), Sampler::Ratio(0.5));
    assert_eq!(named("parentbased_always_on", ""), Sampler::ParentOrAlways);
    assert_eq!(named("parentbased_always_off", ""), Sampler::ParentOrNever);
    assert_eq!(
        named("parentbased_traceidratio", "x"),
        Sampler::ParentOrRatio(1.0)
    );
    assert_eq!(named("jaeger_remote", ""), Sampler::ParentOrAlways);

    // Alone, the argument counts only from 1 on.
    let alone = |arg| sampler("grpc", 0.25, &[("OTEL_TRACES_SAMPLER_ARG", arg)]);
    assert_eq!(alone("1"), Ok(Sampler::Always));
    assert_eq!(alone("0.9"), Ok(Sampler::ParentOrRatio(0.25)));
    assert_eq!(alone("often"), Err(1));
}

#[test]
fn a_password_in_an_endpoint_is_not_shown() {
    let text =
        r#"{"metrics":{"protocol":"http/protobuf","endpoint":"http://me:secret@otel:4318"}}"#;
    let shown = observability(text).unwrap().metrics.to_string();
    assert_eq!(
        shown,
        "http/protobuf to http://otel:4318/v1/metrics every 60s"
    );
}
