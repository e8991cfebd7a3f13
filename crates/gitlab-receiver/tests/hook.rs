//! The webhook at GitLab: from the command line, and kept by the running receiver.
#![allow(
    clippy::unwrap_used,
    reason = "a failed expectation is a panic in a test"
)]

mod common;

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use testkit::{Answer, Exit, GitLab, Launch, Signal, Sink, eventually, get};

use common::{Hook, Receiver};

const PROJECT: &str = "orchard-lab/pressing/cider-press";
const ACCESS: &str = "glpat-7Yq-very-private";
const URL: &str = "https://hooks.example/gitlab";
const PATIENCE: Duration = Duration::from_secs(20);

struct Ran {
    exit: Exit,
    stdout: String,
    stderr: String,
}

/// The variables of a registration at this instance.
fn variables(gitlab: &GitLab) -> Vec<(String, String)> {
    [
        ("GITLAB_PROJECT_URL", format!("{}/{PROJECT}", gitlab.url())),
        ("GITLAB_ACCESS_TOKEN", ACCESS.to_owned()),
        ("GITLAB_WEBHOOK_URL", URL.to_owned()),
        ("GITLAB_SECRET_TOKEN", common::SECRET.to_owned()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}

/// Runs `gitlab-receiver hook …` with these variables laid over the usual ones.
fn tool(gitlab: &GitLab, args: &[&str], changes: &[(&str, &str)]) -> Ran {
    let mut process = Launch::new(common::BINARY)
        .args(["hook"].iter().chain(args))
        .envs(variables(gitlab))
        .envs(changes.iter().copied())
        .start();
    let exit = process.wait(Duration::from_mins(1));
    let (stdout, stderr) = (process.stdout().text(), process.stderr().text());
    assert!(
        !stdout.contains(ACCESS) && !stderr.contains(ACCESS),
        "{stdout}{stderr}"
    );
    assert!(!stdout.contains(common::SECRET) && !stderr.contains(common::SECRET));
    Ran {
        exit,
        stdout,
        stderr,
    }
}

fn project() -> GitLab {
    GitLab::project(PROJECT, ACCESS)
}

fn on(hook: &Value) -> Vec<&str> {
    let fields = hook.as_object().unwrap().iter();
    fields
        .filter(|(name, value)| name.ends_with("_events") && **value == true)
        .map(|(name, _)| name.as_str())
        .collect()
}

#[test]
fn ensure_creates_once_and_sets_right_afterwards() {
    let gitlab = project();
    let events = ("GITLAB_EVENT_TYPES", "deployment_events,releases_events");
    let ran = tool(&gitlab, &["ensure"], &[events]);
    assert_eq!(
        (ran.exit.code, ran.stdout.as_str()),
        (Some(0), "created hook 1\n")
    );
    let hook = &gitlab.hooks()[0];
    assert_eq!(
        on(hook),
        ["deployment_events", "releases_events"],
        "and no pushes (D21)"
    );
    assert_eq!(
        (&hook["token"], &hook["url"]),
        (&json!(common::SECRET), &json!(URL))
    );
    assert_eq!(hook["enable_ssl_verification"], true);

    let ran = tool(&gitlab, &["ensure"], &[events]);
    assert_eq!(ran.stdout, "hook 1 has every flag as wanted\n");
    let ran = tool(
        &gitlab,
        &["ensure"],
        &[
            ("GITLAB_EVENT_TYPES", "job_events"),
            ("GITLAB_SSL_VERIFY", "false"),
        ],
    );
    assert!(
        ran.stdout.contains("deployment_events: true -> false"),
        "{}",
        ran.stdout
    );
    assert_eq!(gitlab.hooks().len(), 1);
    assert_eq!(on(&gitlab.hooks()[0]), ["job_events"]);
}

#[test]
fn a_dry_run_only_tells() {
    let gitlab = project();
    let ran = tool(&gitlab, &["ensure", "--dry-run"], &[]);
    assert_eq!(ran.stdout, "dry run, nothing was changed\ncreate a hook\n");
    gitlab.add(&json!({"url": URL, "push_events": false}));
    let ran = tool(&gitlab, &["ensure", "--dry-run"], &[]);
    assert!(
        ran.stdout.contains("hook 1: push_events: false -> true"),
        "{}",
        ran.stdout
    );
    assert!(
        gitlab.asked().iter().all(|line| line.starts_with("GET ")),
        "{:?}",
        gitlab.asked()
    );
}

#[test]
fn the_hook_is_found_through_all_pages_and_others_are_left_alone() {
    let gitlab = project();
    for number in 0..250 {
        gitlab.add(&json!({"url": format!("https://elsewhere.example/{number}")}));
    }
    gitlab.add(&json!({"url": format!("{URL}/")}));
    let before = gitlab.hooks();
    let ran = tool(&gitlab, &["ensure"], &[]);
    assert!(ran.stdout.starts_with("hook 251"), "{}", ran.stdout);
    assert_eq!(gitlab.hooks()[..250], before[..250]);
    assert_eq!(
        gitlab
            .asked()
            .iter()
            .filter(|line| line.starts_with("GET "))
            .count(),
        3
    );
}

#[test]
fn add_gives_the_controllers_hook_what_the_controller_cannot() {
    let gitlab = project();
    let id = gitlab.add(&json!({"url": URL, "token": "the controller's", "note_events": true, "enable_ssl_verification": false}));
    let ran = tool(
        &gitlab,
        &["ensure", "--add", "deployment_events"],
        &[("GITLAB_SECRET_TOKEN", "")],
    );
    assert_eq!(ran.stdout, "hook 1: deployment_events: false -> true\n");
    let hook = &gitlab.hooks()[0];
    assert_eq!(
        on(hook),
        ["deployment_events", "note_events", "push_events"]
    );
    assert_eq!(
        (&hook["token"], &hook["enable_ssl_verification"]),
        (&json!("the controller's"), &json!(false))
    );

    let ran = tool(&gitlab, &["ensure", "--add=deployment_events"], &[]);
    assert!(ran.stdout.contains("as wanted"), "{}", ran.stdout);
    gitlab.remove(id);
    let ran = tool(&gitlab, &["ensure", "--add=deployment_events"], &[]);
    assert_eq!(ran.exit.code, Some(1));
    assert!(
        ran.stderr.contains("GITLAB_WEBHOOK_URL") && gitlab.hooks().is_empty(),
        "{}",
        ran.stderr
    );
}

#[test]
fn groups_have_flags_of_their_own() {
    let gitlab = GitLab::group("orchard-lab/pressing", ACCESS);
    let group = format!("{}/groups/orchard-lab/pressing", gitlab.url());
    let changes = [
        ("GITLAB_PROJECT_URL", ""),
        ("GITLAB_GROUP_URL", group.as_str()),
        ("GITLAB_EVENT_TYPES", "member_events"),
    ];
    assert_eq!(
        tool(&gitlab, &["ensure"], &changes).stdout,
        "created hook 1\n"
    );
    assert_eq!(on(&gitlab.hooks()[0]), ["member_events"]);
}

#[test]
fn an_old_instance_ignores_flags_and_that_is_said() {
    let gitlab = project();
    gitlab.knows_only(&["push_events"]);
    let ran = tool(
        &gitlab,
        &["ensure"],
        &[("GITLAB_EVENT_TYPES", "push_events,emoji_events")],
    );
    assert_eq!(ran.exit.code, Some(0));
    assert!(
        ran.stdout.contains("did not switch on emoji_events"),
        "{}",
        ran.stdout
    );
}

#[test]
fn what_gitlab_has_disabled_is_replaced_if_it_is_ours() {
    let gitlab = project();
    tool(&gitlab, &["ensure"], &[]);
    gitlab.set(1, &json!({"alert_status": "disabled"}));
    let ran = tool(&gitlab, &["ensure"], &[]);
    assert!(ran.stdout.contains("replace hook 1"), "{}", ran.stdout);
    assert_eq!(
        gitlab
            .hooks()
            .iter()
            .map(|hook| hook["id"].clone())
            .collect::<Vec<_>>(),
        [2]
    );

    gitlab.set(
        2,
        &json!({"alert_status": "temporarily_disabled", "disabled_until": "2026-03-02T09:00:00Z"}),
    );
    let ran = tool(&gitlab, &["ensure"], &[]);
    assert!(
        ran.stdout.contains("until 2026-03-02T09:00:00Z"),
        "{}",
        ran.stdout
    );
    gitlab.set(2, &json!({"alert_status": "disabled", "name": null}));
    let ran = tool(&gitlab, &["ensure"], &[]);
    assert!(ran.stdout.contains("has disabled hook 2") && ran.stdout.contains("test delivery"));
    assert_eq!(gitlab.hooks()[0]["id"], 2, "it may be the controller's");
}

#[test]
fn list_and_delete() {
    let gitlab = project();
    gitlab.add(&json!({"url": URL, "token": "hidden", "job_events": true}));
    gitlab.add(&json!({"url": "https://elsewhere.example"}));
    let ran = tool(&gitlab, &["list"], &[]);
    assert_eq!(ran.stdout.lines().count(), 2);
    assert!(
        ran.stdout
            .starts_with(&format!("1  {URL}  push_events,job_events  executable\n")),
        "{}",
        ran.stdout
    );
    assert!(!ran.stdout.contains("hidden"));
    assert_eq!(
        tool(&gitlab, &["delete", "--dry-run"], &[]).stdout,
        "would delete hook 1\n"
    );
    assert_eq!(gitlab.hooks().len(), 2);
    assert_eq!(tool(&gitlab, &["delete"], &[]).stdout, "deleted hook 1\n");
    assert_eq!(
        tool(&gitlab, &["delete"], &[]).stdout,
        format!("no hook calls {URL}\n")
    );
    assert_eq!(gitlab.hooks().len(), 1);
}

#[test]
fn refusals_name_the_variable_to_look_at() {
    let said = |status: u16, message: &str| {
        Answer::status(status).body(json!({"message": message}).to_string())
    };
    for (answer, variable) in [
        (said(401, "401 Unauthorized"), "GITLAB_ACCESS_TOKEN"),
        (said(403, &format!("no scope for {ACCESS}")), "scope api"),
        (said(404, "404 Project Not Found"), "GITLAB_PROJECT_URL"),
        (said(422, "Invalid url given"), "GITLAB_WEBHOOK_URL"),
        (
            Answer::status(302).header("Location", "https://elsewhere.example"),
            "GITLAB_API_URL",
        ),
        (Answer::status(200).body("<html>"), "GITLAB_API_URL"),
    ] {
        let gitlab = project();
        gitlab.next([answer]);
        let ran = tool(&gitlab, &["ensure"], &[]);
        assert_eq!(ran.exit.code, Some(1));
        assert!(ran.stderr.contains(variable), "{variable}: {}", ran.stderr);
        assert_eq!(gitlab.asked().len(), 1, "asking again does not help");
    }
    let ran = tool(
        &project(),
        &["ensure"],
        &[("GITLAB_WEBHOOK_URL", "http://10.0.0.1/")],
    );
    assert!(
        ran.exit.code == Some(1) && ran.stderr.contains("Invalid url given"),
        "{}",
        ran.stderr
    );
    let ran = tool(&project(), &["ensure"], &[("GITLAB_ACCESS_TOKEN", "wrong")]);
    assert!(ran.stderr.contains("GITLAB_ACCESS_TOKEN"), "{}", ran.stderr);
}

#[test]
fn a_bad_environment_ends_with_64_and_says_all_of_it() {
    let gitlab = project();
    let changes = [
        ("GITLAB_PROJECT_URL", "https://gitlab.example.com"),
        ("GITLAB_ACCESS_TOKEN", ""),
    ];
    let ran = tool(&gitlab, &["list"], &changes);
    assert_eq!(ran.exit.code, Some(64));
    assert!(
        ran.stderr.contains("GITLAB_PROJECT_URL") && ran.stderr.contains("GITLAB_ACCESS_TOKEN")
    );
    let ran = tool(&gitlab, &["ensure"], &[("GITLAB_EVENT_TYPES", "pushes")]);
    assert!(
        ran.stderr.contains("pushes") && ran.stderr.contains("wiki_page_events"),
        "{}",
        ran.stderr
    );
    let ran = tool(&gitlab, &["ensure"], &[("GITLAB_SECRET_TOKEN", "")]);
    assert!(
        ran.stderr.contains("GITLAB_ALLOW_UNVERIFIED"),
        "{}",
        ran.stderr
    );
    assert!(gitlab.asked().is_empty());
}

#[test]
fn errors_that_pass_are_waited_for() {
    let gitlab = project();
    gitlab.next([
        Answer::status(500),
        Answer::status(429).header("Retry-After", "1"),
        Answer::reset(),
    ]);
    let started = Instant::now();
    let ran = tool(&gitlab, &["ensure"], &[]);
    assert_eq!(
        (ran.exit.code, ran.stdout.as_str()),
        (Some(0), "created hook 1\n"),
        "{}",
        ran.stderr
    );
    assert!(
        started.elapsed() >= Duration::from_secs(2),
        "Retry-After was not obeyed"
    );
}

fn receiver(gitlab: &GitLab, sink: &Sink, changes: &[(&str, &str)]) -> Receiver {
    let mut receiver = begun(gitlab, sink, changes);
    receiver.wait_until_open();
    receiver
}

fn begun(gitlab: &GitLab, sink: &Sink, changes: &[(&str, &str)]) -> Receiver {
    let variables = variables(gitlab);
    let own: Vec<(&str, &str)> = variables
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    Receiver::begin(&sink.url(), &[&own, changes].concat())
}

#[test]
fn the_receiver_registers_itself_and_serves_meanwhile() {
    let gitlab = project();
    gitlab.next([
        Answer::status(503),
        Answer::status(200).body("[]").after(Duration::from_secs(2)),
    ]);
    let sink = Sink::start([Answer::status(202)]);
    let receiver = receiver(&gitlab, &sink, &[]);
    assert_eq!(receiver.send(&Hook::push("early")).status, 202);
    let reply = get(receiver.address, "/readiness").unwrap();
    assert_eq!(reply.status, 503);
    assert!(
        reply.text().contains("webhook to be registered"),
        "{}",
        reply.text()
    );
    eventually("readiness", PATIENCE, || {
        (get(receiver.address, "/readiness").ok()?.status == 200).then_some(())
    });
    assert_eq!(gitlab.hooks()[0]["token"], common::SECRET);
    receiver
        .process
        .stderr()
        .line_with("The webhook is registered at GitLab", PATIENCE);
    assert!(!receiver.process.stderr().text().contains(ACCESS));
}

#[test]
fn a_refused_registration_ends_the_process_with_the_reason() {
    let gitlab = project();
    let sink = Sink::start([Answer::status(202)]);
    // Refused at once, it may be gone before its port is seen open.
    let mut receiver = begun(
        &gitlab,
        &sink,
        &[("GITLAB_ACCESS_TOKEN", "expired-token-1")],
    );
    assert_eq!(receiver.process.wait(PATIENCE).code, Some(1));
    let text = receiver.process.stderr().text();
    assert!(
        text.contains("GITLAB_ACCESS_TOKEN") && !text.contains("expired-token-1"),
        "{text}"
    );
}

#[test]
fn a_new_secret_reaches_gitlab_while_the_old_one_counts() {
    let gitlab = project();
    let sink = Sink::start([Answer::status(202)]);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("secretToken");
    std::fs::write(&file, "old").unwrap();
    let receiver = receiver(
        &gitlab,
        &sink,
        &[
            ("GITLAB_SECRET_TOKEN", ""),
            ("GITLAB_SECRET_TOKEN_FILE", file.to_str().unwrap()),
        ],
    );
    let token = |wanted: &str| {
        eventually(wanted, PATIENCE, || {
            (gitlab.hooks().first()?["token"] == wanted).then_some(())
        });
    };
    token("old");
    std::fs::write(&file, "new\nold\n").unwrap();
    token("new");
    for secret in ["old", "new"] {
        let hook = Hook::push(secret).with("X-Gitlab-Token", secret);
        assert_eq!(receiver.send(&hook).status, 202);
    }
    assert_eq!(gitlab.hooks().len(), 1);
}

#[test]
fn the_hook_is_deleted_at_the_end_if_asked_for() {
    let gitlab = project();
    let sink = Sink::start([Answer::status(202)]);
    let mut receiver = receiver(
        &gitlab,
        &sink,
        &[("GITLAB_WEBHOOK_DELETE_ON_SHUTDOWN", "true")],
    );
    eventually("the hook", PATIENCE, || {
        (gitlab.hooks().len() == 1).then_some(())
    });
    receiver.process.signal(Signal::TERM);
    assert_eq!(receiver.process.wait(PATIENCE).code, Some(0));
    assert!(gitlab.hooks().is_empty());
}

#[test]
fn replicas_agree_on_one_hook() {
    let gitlab = project();
    let runs: Vec<_> = std::thread::scope(|scope| {
        let runs: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| tool(&gitlab, &["ensure"], &[])))
            .collect();
        runs.into_iter().map(|run| run.join().unwrap()).collect()
    });
    assert!(runs.iter().all(|ran| ran.exit.code == Some(0)));
    assert_eq!(gitlab.hooks().len(), 1);
}
