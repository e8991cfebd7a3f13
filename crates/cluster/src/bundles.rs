//! Trust bundles in `ConfigMap`s, as roots for sinks.
//!
//! Contract: `adapter-runtime.md` 3.2, item 3.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use adapter::tls::ExtraRoots;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use crate::client::Client;
use crate::mirror::Mirror;
use crate::watch::{Collection, Event, Form, Object, Observer, Start, Watch};

const LABEL: &str = "networking.knative.dev/trust-bundle=true";

/// The bundles of a namespace, for [`adapter::tls::Trust`]; empty until [`follow`] has found some.
#[derive(Debug, Default)]
pub struct Bundles(Mutex<Arc<Vec<Vec<u8>>>>);

impl ExtraRoots for Bundles {
    fn bundles(&self) -> Arc<Vec<Vec<u8>>> {
        Arc::clone(&self.current())
    }
}

impl Bundles {
    fn current(&self) -> MutexGuard<'_, Arc<Vec<Vec<u8>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The same `Arc` stays while nothing changes: a new one means that all is parsed again.
    fn set(&self, texts: Vec<Vec<u8>>) {
        let mut current = self.current();
        if **current != texts {
            *current = Arc::new(texts);
        }
    }
}

/// Keeps the bundles like the labelled `ConfigMap`s of a namespace; never returns.
pub async fn follow(client: Client, namespace: String, bundles: Arc<Bundles>) {
    let collection = Collection {
        label_selector: Some(LABEL.to_owned()),
        ..Collection::whole(format!("/api/v1/namespaces/{namespace}/configmaps"))
    };
    let mut follower = Follower {
        mirror: Mirror::default(),
        bundles,
    };
    Watch::new(client, collection, Start::Listed(Form::Whole))
        .run(&mut follower)
        .await;
}

struct Follower {
    mirror: Mirror<Vec<Vec<u8>>>,
    bundles: Arc<Bundles>,
}

impl Observer for Follower {
    async fn event(&mut self, event: Event<'_>) {
        if self.mirror.take(&event, |object| Some(texts(object))) {
            self.bundles
                .set(self.mirror.values().flatten().cloned().collect());
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ConfigMap {
    data: Option<BTreeMap<String, String>>,
    binary_data: Option<BTreeMap<String, String>>,
}

/// All values, whatever their keys. What is not base64 cannot come from an API server.
fn texts(object: &Object<'_>) -> Vec<Vec<u8>> {
    let map: ConfigMap = serde_json::from_str(object.json).unwrap_or_default();
    let data = map
        .data
        .into_iter()
        .flatten()
        .map(|(_, text)| text.into_bytes());
    let binary = map.binary_data.into_iter().flatten();
    data.chain(binary.filter_map(|(_, text)| STANDARD.decode(text).ok()))
        .collect()
}
