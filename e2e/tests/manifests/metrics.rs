//! The dashboard and the alerts: that they are whole, and that every metric in them is one that the
//! documentation says is exported.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;

use super::folder::{deploy, read};

/// What our metrics begin with; `process_` and `target_info` are every exporter's.
const OURS: [&str; 6] = [
    "knative_",
    "kn_",
    "http_client_",
    "http_server_",
    "process_",
    "target_info",
];

/// What an exporter for Prometheus puts behind a name.
const SUFFIXES: [&str; 7] = [
    "", "_total", "_bytes", "_seconds", "_bucket", "_sum", "_count",
];

/// The names in docs/, with dots as underscores.
fn documented() -> BTreeSet<String> {
    let pages = fs::read_dir(e2e::root().join("docs")).expect("docs/");
    pages
        .map(|page| page.expect("a page").path())
        .filter(|page| page.extension() == Some("md".as_ref()) && !page.ends_with("deploy.md"))
        .flat_map(|page| {
            let text = fs::read_to_string(page).expect("a page");
            let between_backticks = text.split('`').skip(1).step_by(2);
            between_backticks
                .map(|name| name.replace('.', "_"))
                .collect::<Vec<_>>()
        })
        .collect()
}

fn is_documented(metric: &str, documented: &BTreeSet<String>) -> bool {
    SUFFIXES.iter().any(|suffix| {
        metric
            .strip_suffix(suffix)
            .is_some_and(|name| documented.contains(name))
    })
}

/// The words of `PromQL` that our expressions use.
const WORDS: [&str; 16] = [
    "and",
    "by",
    "count",
    "group_left",
    "histogram_quantile",
    "increase",
    "max",
    "min",
    "min_over_time",
    "offset",
    "on",
    "or",
    "rate",
    "sum",
    "unless",
    "vector",
];

/// The metrics in a `PromQL` expression: what is neither a word of it, nor a label, nor a number.
fn metrics(expression: &str) -> Vec<String> {
    let labels = [("{", "}"), ("[", "]"), ("by (", ")"), ("on (", ")")];
    let bare = labels
        .into_iter()
        .fold(expression.to_owned(), |text, (open, close)| {
            cut(&text, open, close)
        });
    bare.split(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_'))
        .filter(|word| word.starts_with(|letter: char| letter.is_ascii_alphabetic()))
        .filter(|word| !WORDS.contains(word))
        .map(ToOwned::to_owned)
        .collect()
}

/// A text without all that stands between these two.
fn cut(text: &str, open: &str, close: &str) -> String {
    let mut parts = text.split(open);
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |kept, part| {
        kept + " " + part.split_once(close).map_or("", |(_, after)| after)
    })
}

fn check(place: &str, expression: &str, documented: &BTreeSet<String>, problems: &mut Vec<String>) {
    for (open, close) in [('(', ')'), ('{', '}'), ('[', ']')] {
        if expression.matches(open).count() != expression.matches(close).count() {
            problems.push(format!(
                "{place}: {open} and {close} are not in pairs: {expression}"
            ));
        }
    }
    let metrics = metrics(expression);
    if metrics.is_empty() {
        problems.push(format!("{place}: no metric in {expression}"));
    }
    for metric in metrics {
        if !OURS.iter().any(|prefix| metric.starts_with(prefix))
            || !is_documented(&metric, documented)
        {
            problems.push(format!(
                "{place}: no page in docs/ says that {metric} is exported"
            ));
        }
    }
}

#[test]
fn alerts_are_about_what_is_exported() {
    let rules = &read(&deploy().join("monitoring/rules.yaml"))[0]["spec"]["groups"][0]["rules"];
    let documented = documented();
    let mut problems = Vec::new();
    let mut names = BTreeSet::new();
    let mut all = String::new();
    for rule in rules.as_array().unwrap() {
        let name = rule["alert"].as_str().unwrap();
        assert!(names.insert(name), "{name} is there twice");
        let expression = rule["expr"].as_str().unwrap();
        check(name, expression, &documented, &mut problems);
        all += expression;
    }
    assert!(problems.is_empty(), "\n{}\n", problems.join("\n"));
    for needed in [
        "knative_adapter_events_failed_total",
        "kn_apiserver_queue_oldest_age_seconds",
        "kn_gitlab_outbox_oldest_age_seconds",
        "kn_apiserver_watch_state",
        "knative_ping_leases",
        "http_server_request_duration_seconds_count",
    ] {
        assert!(all.contains(needed), "no alert looks at {needed}");
    }
}

#[test]
fn the_dashboard_is_whole() {
    let file = deploy().join("monitoring/dashboard.json");
    let board: Value = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
    for member in [
        "uid",
        "title",
        "schemaVersion",
        "time",
        "templating",
        "panels",
    ] {
        assert!(!board[member].is_null(), "no {member}");
    }
    assert_eq!(board["templating"]["list"][0]["type"], "datasource");
    let documented = documented();
    let mut problems = Vec::new();
    let mut ids = BTreeSet::new();
    let mut taken = BTreeSet::new();
    for panel in board["panels"].as_array().unwrap() {
        let title = panel["title"].as_str().unwrap();
        assert!(
            ids.insert(panel["id"].as_u64().unwrap()),
            "{title}: the id is taken"
        );
        let side = |name: &str| panel["gridPos"][name].as_u64().unwrap();
        assert!(
            side("x") + side("w") <= 24,
            "{title}: beyond the right edge"
        );
        for y in side("y")..side("y") + side("h") {
            for x in side("x")..side("x") + side("w") {
                assert!(taken.insert((x, y)), "{title}: lies over another panel");
            }
        }
        if panel["type"] == "row" {
            continue;
        }
        let mut references = BTreeSet::new();
        for target in panel["targets"].as_array().unwrap() {
            assert!(
                references.insert(target["refId"].as_str().unwrap()),
                "{title}: refId"
            );
            assert_eq!(target["datasource"]["uid"], "${datasource}", "{title}");
            check(
                title,
                target["expr"].as_str().unwrap(),
                &documented,
                &mut problems,
            );
        }
        assert!(!references.is_empty(), "{title}: asks for nothing");
    }
    assert!(problems.is_empty(), "\n{}\n", problems.join("\n"));
}

#[test]
fn metrics_are_found_in_expressions() {
    for (expression, wanted) in [
        ("a_total > 0", vec!["a_total"]),
        (
            r#"sum by (x, y) (rate(a_total{b=~"c|d"}[5m])) / on (z) group_left b_c"#,
            vec!["a_total", "b_c"],
        ),
        (
            "(increase(a[10m]) and a offset 10m) > 2.5 or (sum(b) or vector(0)) < 1",
            vec!["a", "a", "b"],
        ),
        (
            r#"histogram_quantile(0.99, sum by (le) (rate(a_bucket{job=~"$job"}[$__rate_interval])))"#,
            vec!["a_bucket"],
        ),
    ] {
        assert_eq!(metrics(expression), wanted, "{expression}");
    }
    let documented = BTreeSet::from(["knative_ping_ticks_fired".to_owned()]);
    let told = |expression| {
        let mut problems = Vec::new();
        check("x", expression, &documented, &mut problems);
        problems.len()
    };
    assert_eq!(told("rate(knative_ping_ticks_fired_total[5m])"), 0);
    assert_eq!(told("rate(knative_ping_ticks_fires_total[5m])"), 1);
    assert_eq!(told("rate(knative_ping_ticks_fired_total[5m]"), 1);
    assert_eq!(told("vector(1)"), 1);
}
