use std::convert::Infallible;
use std::sync::atomic::{AtomicU16, Ordering};

use adapter::admin::Readiness;
use bytes::Bytes;
use cluster::client::Client;
use cluster::watch::{Collection, Event, Form, Observer, Start, Watch};
use futures::stream;
use http::{Request, Response};
use http_body::Frame;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use kube::client::Body;
use tokio::time::sleep;

use super::*;

type Answer = UnsyncBoxBody<Bytes, std::io::Error>;

/// An API server with one empty collection.
#[derive(Clone, Default)]
struct Api {
    /// What a watch is answered, unless 0.
    refusal: Arc<AtomicU16>,
    /// Breaks the open watch.
    broken: Arc<Notify>,
}

impl Api {
    fn answer(&self, request: &Request<Body>) -> Response<Answer> {
        let is_watch = request
            .uri()
            .query()
            .is_some_and(|query| query.contains("watch=true"));
        let text = |text: &'static str| {
            Full::from(text)
                .map_err(|never| match never {})
                .boxed_unsync()
        };
        let list = r#"{"metadata":{"resourceVersion":"1"},"items":[]}"#;
        let answer = Response::builder();
        let answer = match self.refusal.load(Ordering::Relaxed) {
            _ if !is_watch => answer.body(text(list)),
            0 => answer.body(self.open()),
            code => answer.status(code).body(text("")),
        };
        answer.expect("a response")
    }

    /// Says nothing until it breaks.
    fn open(&self) -> Answer {
        let broken = Arc::clone(&self.broken);
        let end = stream::once(async move {
            broken.notified().await;
            Err::<Frame<Bytes>, _>(std::io::Error::other("broken"))
        });
        StreamBody::new(end).boxed_unsync()
    }

    fn client(&self) -> Client {
        let api = self.clone();
        let service = tower::service_fn(move |request: Request<Body>| {
            let answer = api.answer(&request);
            async { Ok::<_, Infallible>(answer) }
        });
        Client::over(kube::Client::new(service, "default"))
    }
}

struct Blind;

impl Observer for Blind {
    async fn event(&mut self, _: Event<'_>) {}
}

#[tokio::test(start_paused = true)]
async fn ready_is_up_or_refused_and_not_down_for_a_minute() {
    let (api, watches, readiness) = (Api::default(), Watches::default(), Readiness::default());
    let latch = readiness.latch("the watches");
    let keeper = watches.clone();
    tokio::spawn(async move { keeper.keep(latch).await });
    let is_ready = async |after: u64| {
        sleep(Duration::from_secs(after)).await;
        readiness.missing().is_empty()
    };
    assert!(!is_ready(1).await, "nothing is planned yet");

    let watch = Watch::new(
        api.client(),
        Collection::whole("/api/v1/pods"),
        Start::Listed(Form::Metadata),
    );
    watches.add(Row {
        resource: "pods".to_owned(),
        namespace: String::new(),
        status: watch.status(),
        repairs: Repairs::default(),
    });
    watches.complete();
    assert!(!is_ready(1).await, "the watch has not begun");
    tokio::spawn(async move { watch.run(&mut Blind).await });
    assert!(is_ready(1).await, "it is up");

    api.refusal.store(500, Ordering::Relaxed);
    api.broken.notify_waiters();
    assert!(is_ready(50).await, "it is down, but not for long");
    assert!(!is_ready(15).await, "it has been down for a minute");
    api.refusal.store(403, Ordering::Relaxed);
    assert!(is_ready(30).await, "it is refused");
    api.refusal.store(500, Ordering::Relaxed);
    assert!(!is_ready(120).await, "it is down again");
    api.refusal.store(0, Ordering::Relaxed);
    assert!(is_ready(30).await, "it is up again");
}
