//! Candidates for a Lease of the scripted API server, in paused time.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use cluster::lease::{Candidate, Election, Leadership, Term};
use serde_json::{Value, json};
use testkit::{ApiServer, Call, Rule};
use tokio::time::{Instant, timeout};

use super::{Link, clock};

pub(crate) const LEASES: &str = "coordination.k8s.io/v1/leases";
pub(crate) const NAMESPACE: &str = "knative-eventing";
pub(crate) const PREFIX: &str =
    "pingsource-mt-adapter.knative.dev.eventing.pkg.adapter.mtping.Reconciler";
pub(crate) const NAME: &str =
    "pingsource-mt-adapter.knative.dev.eventing.pkg.adapter.mtping.reconciler.00-of-01";
pub(crate) const SOON: Duration = Duration::from_millis(100);
pub(crate) const LIMIT: Duration = Duration::from_secs(5);

pub(crate) fn config(buckets: u32) -> String {
    format!(
        r#"{{"Component":"pingsource","Buckets":{buckets},"LeaseDuration":60000000000,"RenewDeadline":40000000000,"RetryPeriod":10000000000,"Identity":"","LeaseNamesPrefixMapping":null}}"#
    )
}

pub(crate) struct Cluster {
    pub(crate) server: Arc<ApiServer>,
}

impl Cluster {
    pub(crate) fn new() -> Self {
        let server = Arc::new(ApiServer::without_port());
        server.allow(Rule::of_ping_source_adapter());
        Self { server }
    }

    pub(crate) fn link(&self) -> Link {
        Link::new(&self.server)
    }

    pub(crate) fn candidate(&self) -> Candidate {
        candidate(&self.link(), 1)
    }

    pub(crate) fn spec(&self) -> Value {
        self.server
            .object(LEASES, NAMESPACE, NAME)
            .expect("a Lease")["spec"]
            .clone()
    }

    pub(crate) fn holder(&self) -> String {
        self.spec()["holderIdentity"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }

    pub(crate) fn writes(&self) -> Vec<Call> {
        self.server
            .calls()
            .into_iter()
            .filter(|call| call.method != "GET")
            .collect()
    }

    /// Somebody else writes a Lease.
    pub(crate) fn write(&self, name: &str, spec: &Value) {
        let metadata = json!({"namespace": NAMESPACE, "name": name});
        self.server
            .apply(LEASES, json!({"metadata": metadata, "spec": spec}));
    }
}

pub(crate) fn candidate(link: &Link, buckets: u32) -> Candidate {
    let election = Election::read(Some(&config(buckets)), PREFIX).expect("it can work");
    Candidate::start(&link.client(), NAMESPACE, election, &clock(0))
}

pub(crate) fn term(candidate: &Candidate) -> Option<Term> {
    match candidate.leaderships().borrow()[0].clone() {
        Leadership::Leading(term) => Some(term),
        Leadership::Standby => None,
    }
}

pub(crate) fn term_of(number: u64, last_activity: Option<DateTime<Utc>>, released: bool) -> Term {
    Term {
        number,
        last_activity,
        released,
    }
}

pub(crate) async fn leads_within(candidate: &Candidate, time: Duration) -> Duration {
    let begin = Instant::now();
    let mut said = candidate.leaderships();
    let led = said.wait_for(|said| matches!(said[0], Leadership::Leading(_)));
    assert!(
        timeout(time, led).await.is_ok(),
        "not leading after {time:?}"
    );
    assert!(candidate.leads(0));
    begin.elapsed()
}

pub(crate) fn time_of(text: &Value) -> DateTime<Utc> {
    text.as_str()
        .and_then(|text| text.parse().ok())
        .expect("a time")
}
