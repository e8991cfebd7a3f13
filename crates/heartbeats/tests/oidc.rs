//! The bearer token that a SinkBinding mounts at `/oidc/token`.

mod common;

use common::{SOON, heartbeats, ids};
use testkit::{Answer, Launch, Process, Request, Root, Sink, skip};

/// A root with an empty `/oidc`, or a word why not.
fn root(test: &str) -> Option<Root> {
    Root::with_directories(&["oidc"])
        .map_err(|why| skip(test, &why))
        .ok()
}

fn often(sink: &Sink, root: &Root) -> Launch {
    heartbeats(&sink.url()).args(["-period=50ms"]).root(root)
}

fn authorization(request: &Request) -> Option<String> {
    request.headers.get("authorization")
}

/// Waits until a request carries this value.
fn arrives(sink: &Sink, process: &Process, value: Option<&str>) -> Request {
    testkit::eventually("the token arrives", SOON, || {
        assert!(
            !process.stderr().text().contains("tok-"),
            "a token in the log"
        );
        sink.requests()
            .into_iter()
            .find(|request| authorization(request).as_deref() == value)
    })
}

#[test]
fn a_renewed_token_is_used_without_a_restart() {
    let Some(root) = root("a_renewed_token_is_used") else {
        return;
    };
    root.write("/oidc/token", "tok-1");
    let sink = Sink::start([Answer::status(202)]);
    let process = often(&sink, &root).start();
    arrives(&sink, &process, Some("Bearer tok-1"));
    root.write("/oidc/token", "tok-2\n");
    arrives(&sink, &process, Some("Bearer tok-2"));

    let requests = sink.requests();
    let switch = requests
        .iter()
        .position(|it| authorization(it) == Some("Bearer tok-2".into()));
    let later = &requests[switch.unwrap()..];
    assert!(
        later
            .iter()
            .all(|it| authorization(it) == Some("Bearer tok-2".into()))
    );
    // Upstream piles up headers and so repeats the first id for ever.
    for request in &requests {
        assert_eq!(request.headers.all("ce-id").len(), 1);
    }
    let mut ids = ids(&requests);
    ids.dedup();
    assert_eq!(ids.len(), requests.len());
}

#[test]
fn a_refused_token_is_read_again_at_once() {
    let Some(root) = root("a_refused_token_is_read_again") else {
        return;
    };
    root.write("/oidc/token", "tok-old");
    let renewed = root.clone();
    let sink = Sink::answering(move |request, _| {
        if authorization(request).as_deref() == Some("Bearer tok-new") {
            return Answer::status(202);
        }
        renewed.write("/oidc/token", "tok-new");
        Answer::status(401)
    });
    let mut process = often(&sink, &root).env("ONE_SHOT", "true").start();
    assert_eq!(process.wait(SOON).code, Some(0));
    let requests = sink.requests();
    assert_eq!(requests.len(), 2);
    assert_eq!(
        requests[0].headers.get("ce-id"),
        requests[1].headers.get("ce-id")
    );
    assert!(
        !process.stderr().text().contains("failed to send"),
        "{}",
        process.stderr().text()
    );
}

#[test]
fn a_token_may_come_later_and_beats_user_information() {
    let Some(root) = root("a_token_may_come_later") else {
        return;
    };
    let sink = Sink::start([Answer::status(202)]);
    let url = sink.url().replace("//", "//me:pw@");
    let process = often(&sink, &root).env("K_SINK", url).start();
    arrives(&sink, &process, Some("Basic bWU6cHc="));
    root.write("/oidc/token", "tok-1");
    arrives(&sink, &process, Some("Bearer tok-1"));
}

#[test]
fn check_says_whether_the_token_is_there_and_never_shows_it() {
    let Some(root) = root("check_says_whether_the_token_is_there") else {
        return;
    };
    let check = || {
        let mut process = heartbeats("http://sink")
            .args(["--check"])
            .root(&root)
            .start();
        assert_eq!(process.wait(SOON).code, Some(0));
        process.stdout().text()
    };
    assert!(check().contains("/oidc/token (absent"));
    root.write("/oidc/token", "tok-1");
    let text = check();
    assert!(
        text.contains("/oidc/token (present") && !text.contains("tok-1"),
        "{text}"
    );
}
