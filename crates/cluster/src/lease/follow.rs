//! A Lease by watch: a hint that it is worth a try. Without it an election works too, only later.

use serde::Deserialize;
use tokio::sync::watch;

use super::record::Record;
use crate::client::Client;
use crate::watch::{Collection, Event, Form, Object, Observer, Start, Watch};

/// A future that follows, and what it has seen last.
pub(super) fn follower(
    client: Client,
    namespace: &str,
    lease: &str,
) -> (
    impl Future<Output = ()> + use<>,
    watch::Receiver<Option<Record>>,
) {
    let collection = Collection {
        field_selector: Some(format!("metadata.name={lease}")),
        ..Collection::whole(super::collection(namespace))
    };
    let watch = Watch::new(client, collection, Start::Listed(Form::Whole));
    let (sender, receiver) = watch::channel(None);
    let mut follower = Follower {
        name: lease.to_owned(),
        sender,
    };
    let follow = async move {
        watch.run(&mut follower).await;
    };
    (follow, receiver)
}

struct Follower {
    name: String,
    sender: watch::Sender<Option<Record>>,
}

#[derive(Deserialize)]
struct Lease {
    #[serde(default)]
    spec: Record,
}

impl Observer for Follower {
    async fn event(&mut self, event: Event<'_>) {
        match event {
            Event::Listed(object) | Event::Added(object) | Event::Modified(object) => {
                self.see(&object);
            }
            Event::Deleted(object) if object.name == self.name => {
                self.sender.send_replace(None);
            }
            Event::Deleted(_) | Event::Listing | Event::Synced => {}
        }
    }
}

impl Follower {
    fn see(&self, object: &Object<'_>) {
        // Not every server knows field selectors.
        if object.name == self.name
            && let Ok(lease) = serde_json::from_str::<Lease>(object.json)
        {
            self.sender.send_replace(Some(lease.spec));
        }
    }
}
