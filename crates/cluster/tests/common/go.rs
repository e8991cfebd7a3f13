//! A candidate as client-go has it, written from `adapter-runtime.md` 6 and independent of ours:
//! polls, never watches, renews every ten seconds, gives up after forty.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use cluster::client::{ApiError, Client};
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

const RETRY: Duration = Duration::from_secs(10);
const RENEW_DEADLINE: Duration = Duration::from_secs(40);
const LEASE_SECONDS: u64 = 60;

pub(crate) struct GoCandidate {
    leads: Arc<AtomicBool>,
    task: JoinHandle<()>,
}

impl Drop for GoCandidate {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl GoCandidate {
    pub(crate) fn start(client: Client, namespace: &str, name: &str) -> Self {
        let leads = Arc::new(AtomicBool::new(false));
        let state = State {
            client,
            collection: format!("/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases"),
            name: name.to_owned(),
            identity: format!("go_{}", uuid::Uuid::new_v4()),
            seen: None,
        };
        let task = tokio::spawn(state.run(Arc::clone(&leads)));
        Self { leads, task }
    }

    pub(crate) fn leads(&self) -> bool {
        self.leads.load(Ordering::Relaxed)
    }
}

struct State {
    client: Client,
    collection: String,
    name: String,
    identity: String,
    /// The record as seen last, and since when.
    seen: Option<(Value, Instant)>,
}

impl State {
    async fn run(mut self, leads: Arc<AtomicBool>) {
        loop {
            while !self.acquire_or_renew().await {
                sleep(RETRY.mul_f64(1.6)).await;
            }
            leads.store(true, Ordering::Relaxed);
            loop {
                sleep(RETRY).await;
                let renewed = async {
                    while !self.acquire_or_renew().await {
                        sleep(RETRY).await;
                    }
                };
                if timeout(RENEW_DEADLINE, renewed).await.is_err() {
                    break;
                }
            }
            leads.store(false, Ordering::Relaxed);
        }
    }

    async fn acquire_or_renew(&mut self) -> bool {
        self.try_it().await.unwrap_or(false)
    }

    async fn try_it(&mut self) -> Result<bool, ApiError> {
        let path = format!("{}/{}", self.collection, self.name);
        let mut record = json!({
            "holderIdentity": self.identity, "leaseDurationSeconds": LEASE_SECONDS,
            "acquireTime": "2026-11-22T18:00:00.000000Z", "leaseTransitions": 0,
            "renewTime": format!("2026-11-22T18:00:00.{:06}Z", uuid::Uuid::new_v4().as_u128() % 1_000_000),
        });
        let mut lease: Value = match self.client.get(&path).await {
            Ok(lease) => lease,
            Err(error) if error.code() == Some(404) => {
                let metadata = json!({"name": self.name});
                let lease = json!({"metadata": metadata, "spec": record});
                self.client
                    .create::<Value>(&self.collection, &lease)
                    .await?;
                return Ok(true);
            }
            Err(error) => return Err(error),
        };
        let now = Instant::now();
        if self
            .seen
            .as_ref()
            .is_none_or(|(seen, _)| *seen != lease["spec"])
        {
            self.seen = Some((lease["spec"].clone(), now));
        }
        let since = self.seen.as_ref().map_or(now, |(_, since)| *since);
        let holder = lease["spec"]["holderIdentity"].as_str().unwrap_or_default();
        let seconds = lease["spec"]["leaseDurationSeconds"]
            .as_u64()
            .unwrap_or_default();
        let is_ours = holder == self.identity;
        if !holder.is_empty() && !is_ours && since + Duration::from_secs(seconds) > now {
            return Ok(false);
        }
        let transitions = lease["spec"]["leaseTransitions"]
            .as_u64()
            .unwrap_or_default();
        record["leaseTransitions"] = json!(transitions + u64::from(!is_ours));
        lease["spec"] = record;
        self.client.replace::<Value>(&path, &lease).await?;
        Ok(true)
    }
}
