//! `PingSource`s as they come from the API server, cut down and handed to the loop in order.

use std::ops::ControlFlow;

use cluster::client::Client;
use cluster::watch::{Collection, Event, Form, Object, Observer, Start, Trouble, Watch};
use tokio::sync::mpsc;

use crate::agenda::Key;
use crate::source::PingSource;

const PATH: &str = "/apis/sources.knative.dev/v1/pingsources";

/// Failures of the watch in a row between two lines about it.
const SAID_EVERY: u32 = 10;

/// What the API server says, in its order.
#[derive(Debug)]
pub(super) enum Change {
    /// A list begins.
    Listing,
    /// An object of the list.
    Listed(Box<PingSource>),
    /// An object that cannot be read is in the list: what is known of it stays.
    Unreadable(Key),
    /// The list is whole.
    Synced,
    /// An object was created or changed.
    Changed(Box<PingSource>),
    /// An object is gone.
    Gone(Key),
}

/// Hands the changes on.
pub(super) struct Intake(mpsc::Sender<Change>);

impl Intake {
    pub(super) fn new(changes: mpsc::Sender<Change>) -> Self {
        Self(changes)
    }

    /// Watches all namespaces; never returns by itself.
    pub(super) async fn run(mut self, client: Client) {
        let collection = Collection {
            path: PATH.to_owned(),
            label_selector: None,
            field_selector: None,
            form: Form::Whole,
        };
        Watch::new(client, collection, Start::Listed(Form::Whole))
            .run(&mut self)
            .await;
    }
}

impl Observer for Intake {
    async fn event(&mut self, event: Event<'_>) {
        let change = match event {
            Event::Listing => Change::Listing,
            Event::Synced => Change::Synced,
            Event::Listed(object) => read(&object, Change::Listed),
            Event::Added(object) | Event::Modified(object) => read(&object, Change::Changed),
            Event::Deleted(object) => Change::Gone(key(&object)),
        };
        // The loop has ended: the process is about to.
        let _ = self.0.send(change).await;
    }

    fn trouble(&mut self, trouble: &Trouble, streak: u32) -> ControlFlow<()> {
        if streak % SAID_EVERY == 1 {
            tracing::warn!(
                error = %trouble,
                attempt = streak,
                "The PingSources cannot be watched; those known go on, and the watch is tried again."
            );
        }
        ControlFlow::Continue(())
    }
}

fn read(object: &Object<'_>, change: fn(Box<PingSource>) -> Change) -> Change {
    match PingSource::decode(object.json.as_bytes()) {
        // Items of a list name themselves as well.
        Ok(source) => change(Box::new(source)),
        Err(error) => {
            tracing::error!(
                source = %object.name,
                namespace = %object.namespace,
                %error,
                "A PingSource cannot be read; what was known of it goes on."
            );
            Change::Unreadable(key(object))
        }
    }
}

fn key(object: &Object<'_>) -> Key {
    format!("{}/{}", object.namespace, object.name).into()
}
