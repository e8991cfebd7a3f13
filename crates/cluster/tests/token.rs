//! Tokens from the scripted API server, in paused time.

mod common;

use std::sync::Arc;
use std::time::Duration;

use adapter::token::{Token, TokenSource};
use chrono::TimeDelta;
use cluster::clock::{self, Clock};
use cluster::token::Tokens;
use common::Link;
use testkit::{ApiServer, Call, Fault, Rule};
use tokio::time::Instant;

/// The server gives tokens by the clock of this machine; paused time moves on from there.
fn clock() -> Clock {
    let (begin, now) = (Instant::now(), clock::system()());
    Arc::new(move || now + TimeDelta::from_std(begin.elapsed()).expect("not that long"))
}

struct Scene {
    server: Arc<ApiServer>,
    tokens: Tokens,
}

impl Scene {
    fn new() -> Self {
        let server = Arc::new(ApiServer::without_port());
        server.allow(Rule::of_ping_source_adapter());
        let tokens = Tokens::new(Link::new(&server).client(), clock());
        Self { server, tokens }
    }

    fn source(&self) -> Arc<dyn TokenSource> {
        self.tokens.source("ns1", "sa1", "aud/x")
    }

    fn requests(&self) -> Vec<Call> {
        self.server.calls()
    }
}

async fn token(source: &Arc<dyn TokenSource>) -> Token {
    source.token().await.expect("no failure").expect("a token")
}

async fn text(source: &Arc<dyn TokenSource>) -> String {
    token(source)
        .await
        .header()
        .to_str()
        .expect("a text")
        .to_owned()
}

async fn sleep(minutes: u64) {
    tokio::time::sleep(Duration::from_mins(minutes)).await;
}

/// adapter-runtime.md V21.
#[tokio::test(start_paused = true)]
async fn asks_once_and_keeps_it() {
    let scene = Scene::new();
    let source = scene.source();
    assert_eq!(text(&source).await, "Bearer tok-1");
    assert_eq!(text(&source).await, "Bearer tok-1");
    let [request] = &scene.requests()[..] else {
        panic!("{:?}", scene.requests())
    };
    assert_eq!(
        (request.method.as_str(), request.path.as_str()),
        ("POST", "/api/v1/namespaces/ns1/serviceaccounts/sa1/token")
    );
    let spec = &request.json()["spec"];
    assert_eq!(
        (&spec["audiences"], &spec["expirationSeconds"]),
        (&serde_json::json!(["aud/x"]), &serde_json::json!(3600))
    );
    assert!(spec.get("boundObjectRef").is_none());
}

#[tokio::test(start_paused = true)]
async fn renews_before_the_last_five_minutes() {
    let scene = Scene::new();
    let source = scene.source();
    assert_eq!(text(&source).await, "Bearer tok-1");
    sleep(53).await;
    assert_eq!(text(&source).await, "Bearer tok-1");
    sleep(2).await;
    assert_eq!(text(&source).await, "Bearer tok-2");
}

#[tokio::test(start_paused = true)]
async fn many_callers_are_one_request_also_if_it_fails() {
    let scene = Scene::new();
    let source = scene.source();
    let slow = || Fault::on("create", "/token").after(Duration::from_secs(1));
    scene.server.fail(slow().status(403));
    let all = (0..50).map(|_| source.token());
    let results = futures::future::join_all(all).await;
    assert!(results.iter().all(|result| {
        result
            .as_ref()
            .is_err_and(|error| error.to_string().contains("403"))
    }));
    assert_eq!(scene.requests().len(), 1);
    // A failure is not kept: the next one asks again.
    scene.server.fail(slow());
    let all = (0..50).map(|_| text(&source));
    let results = futures::future::join_all(all).await;
    assert!(results.iter().all(|text| text == "Bearer tok-1"));
    assert_eq!(scene.requests().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_refused_token_is_not_given_again() {
    let scene = Scene::new();
    let source = scene.source();
    let first = token(&source).await;
    source.refused(&first);
    assert_eq!(text(&source).await, "Bearer tok-2");
    source.refused(&first);
    assert_eq!(
        text(&source).await,
        "Bearer tok-2",
        "an old refusal does not hurt a new token"
    );
}

#[tokio::test(start_paused = true)]
async fn an_old_token_is_used_while_no_new_one_can_be_had() {
    let scene = Scene::new();
    let source = scene.source();
    assert_eq!(text(&source).await, "Bearer tok-1");
    scene
        .server
        .fail(Fault::on("create", "/token").status(500).always());
    sleep(56).await;
    for _ in 0..10 {
        assert_eq!(text(&source).await, "Bearer tok-1");
    }
    assert_eq!(scene.requests().len(), 2, "not asked for at every use");
    sleep(5).await;
    assert!(source.token().await.is_err(), "not past its end");
    scene.server.heal();
    assert_eq!(text(&source).await, "Bearer tok-2");
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_for_a_renewal_that_somebody_else_waits_for() {
    let scene = Scene::new();
    let source = scene.source();
    text(&source).await;
    sleep(56).await;
    scene.server.fail(Fault::on("create", "/token").hang());
    let (begin, first) = (Instant::now(), Arc::clone(&source));
    let waiting = tokio::spawn(async move { text(&first).await });
    tokio::task::yield_now().await;
    assert_eq!(text(&source).await, "Bearer tok-1");
    assert_eq!(begin.elapsed(), Duration::ZERO);
    assert_eq!(waiting.await.unwrap(), "Bearer tok-1");
}

#[tokio::test(start_paused = true)]
async fn a_token_that_soon_ends_is_used_once() {
    let scene = Scene::new();
    scene.server.token_lifetime(Duration::from_mins(4));
    let source = scene.source();
    assert_eq!(text(&source).await, "Bearer tok-1");
    assert_eq!(text(&source).await, "Bearer tok-2");
}

#[tokio::test(start_paused = true)]
async fn the_same_account_and_audience_share_one_token() {
    let scene = Scene::new();
    let (one, same) = (scene.source(), scene.source());
    assert_eq!(text(&one).await, text(&same).await);
    let other = scene.tokens.source("ns1", "sa1", "other");
    assert_eq!(text(&other).await, "Bearer tok-2");
    drop((one, same));
    assert_eq!(
        text(&scene.source()).await,
        "Bearer tok-3",
        "kept only while somebody uses it"
    );
}

#[tokio::test(start_paused = true)]
async fn names_that_are_none_do_not_become_paths() {
    let scene = Scene::new();
    for (namespace, account) in [
        ("ns1", ""),
        ("", "sa1"),
        ("ns1", "../x"),
        ("ns1", "a?b"),
        ("a/b", "x"),
    ] {
        let source = scene.tokens.source(namespace, account, "aud");
        assert!(source.token().await.is_err(), "{namespace:?} {account:?}");
    }
    assert!(scene.requests().is_empty());
}
