//! The last step of an event: sealed and given to the courier.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use adapter::deliver::Courier;
use adapter::retry::{Backoff, Budget};
use adapter::sink::Sink;
use adapter::tls::Trust;
use adapter::token::{NoToken, TokenSource};
use chrono::Utc;
use futures::future::BoxFuture;
use tokio_util::sync::CancellationToken;

use crate::announcement::{Announcement, Envelope};
use crate::change::{Change, event_type};
use crate::outbox::Deliver;
use crate::settings::Settings;

/// How long one event is tried. Stock gives up after 3.1 s.
const BUDGET: Budget = Budget {
    retry: Duration::from_mins(10),
    total: Some(Duration::from_mins(10)),
};

/// Sends events to the source's sink.
pub struct Post {
    envelope: Envelope,
    /// One for each event type, with its label.
    couriers: HashMap<&'static str, Courier>,
}

impl Post {
    /// To the sink of these settings; gives up what is in flight when `cut` is cancelled.
    pub fn new(
        settings: &Settings,
        token: Option<Arc<dyn TokenSource>>,
        cut: CancellationToken,
    ) -> Result<Self, Box<dyn std::error::Error>> {
        let adapter = &settings.adapter;
        let sink = match adapter.sink.clone() {
            Ok(url) => {
                let trust = Trust::new(adapter.tls.clone(), None);
                let tls = trust.client_config(adapter.ca_certs.as_deref());
                Ok(Sink::new(url, adapter.sink_timeout, tls)?)
            }
            Err(error) => Err(error),
        };
        let token = token.unwrap_or_else(|| Arc::new(NoToken));
        let courier = Courier::new(sink, Backoff::STANDARD, token, cut);
        let mode = settings.source.mode;
        let couriers = [Change::Added, Change::Modified, Change::Deleted].map(|change| {
            let ty = event_type(mode, change);
            let labels = [
                ("cloudevents.type", ty),
                ("kn.source.name", &adapter.name),
                ("kn.source.namespace", &adapter.namespace),
            ];
            (ty, courier.labelled(labels))
        });
        Ok(Self {
            envelope: Envelope {
                source: settings.source_url().to_owned(),
                overrides: adapter.overrides.clone(),
                kn_namespace: adapter.kn_namespace(),
            },
            couriers: couriers.into(),
        })
    }
}

impl Deliver for Post {
    fn deliver(&self, announcement: Announcement) -> BoxFuture<'_, bool> {
        Box::pin(async move {
            let courier = &self.couriers[announcement.event_type];
            match self.envelope.seal(announcement, Utc::now()) {
                Ok(message) => courier.deliver(&message, BUDGET).await.is_ok(),
                Err(invalid) => {
                    courier.discard(&invalid);
                    false
                }
            }
        })
    }
}
