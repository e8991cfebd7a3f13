//! A watch against the scripted API server, in paused time.

use std::sync::Arc;
use std::time::Duration;

use cluster::watch::{Collection, Form, Start, Status, Watch};
use serde_json::json;
use testkit::ApiServer;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::{Link, Notebook};

pub(crate) const PODS: &str = "v1/pods";
/// Of paused time.
pub(crate) const DEADLINE: Duration = Duration::from_hours(1);

/// A watch of one collection, and what its observer was told.
pub(crate) struct Scene {
    pub(crate) server: Arc<ApiServer>,
    pub(crate) link: Link,
    pub(crate) notebook: Notebook,
    pub(crate) status: Status,
    task: JoinHandle<()>,
}

impl Drop for Scene {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Scene {
    pub(crate) fn watching(server: ApiServer, collection: Collection, start: Start) -> Self {
        Self::with(server, collection, start, Notebook::default())
    }

    pub(crate) fn with(
        server: ApiServer,
        collection: Collection,
        start: Start,
        notebook: Notebook,
    ) -> Self {
        let server = Arc::new(server);
        let link = Link::new(&server);
        let watch = Watch::new(link.client(), collection, start);
        let status = watch.status();
        let mut observer = notebook.clone();
        let task = tokio::spawn(async move {
            watch.run(&mut observer).await;
        });
        Self {
            server,
            link,
            notebook,
            status,
            task,
        }
    }

    pub(crate) fn listed(server: ApiServer) -> Self {
        Self::watching(server, pods(), Start::Listed(Form::Whole))
    }

    pub(crate) fn pod(&self, name: &str) {
        pod(&self.server, name);
    }

    pub(crate) async fn sees(&self, line: &str) {
        let seen = timeout(DEADLINE, self.notebook.wait_for(line)).await;
        assert!(seen.is_ok(), "no {line:?} in {:?}", self.notebook.lines());
    }

    pub(crate) fn lists(&self) -> usize {
        self.server
            .calls()
            .iter()
            .filter(|call| call.is_list())
            .count()
    }
}

pub(crate) fn pods() -> Collection {
    Collection::whole("/api/v1/namespaces/a/pods")
}

pub(crate) fn pod(server: &ApiServer, name: &str) -> serde_json::Value {
    server.apply(
        PODS,
        json!({"metadata": {"namespace": "a", "name": name, "labels": {"l": "1"}}}),
    )
}

pub(crate) fn with_pods(count: usize) -> ApiServer {
    let server = ApiServer::without_port();
    for number in 0..count {
        pod(&server, &format!("p{number:03}"));
    }
    server
}
