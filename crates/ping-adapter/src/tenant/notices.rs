//! What users see of this adapter on their `PingSource`: Kubernetes Events, each with a log line
//! where it is about something wrong (pingsource.md 2.5, W8).

use adapter::deliver::Undelivered;
use cluster::config_maps::Live;
use cluster::events::{Happening, Kind, Regarding, Reporter};
use tokio::sync::watch;

use super::roster::Known;
use crate::event::Origin;

/// Who says so: upstream's name for what its reconciler says.
const RECONCILER: &str = "pingsource-controller";
/// And for what its sender says, with a hyphen more.
const SENDER: &str = "ping-source-mt-adapter";

/// Writes Events in the background.
pub(super) struct Notices {
    reporter: Reporter,
    live: watch::Receiver<Live>,
}

impl Notices {
    /// `live` says whether failed sends are to be reported.
    pub(super) fn new(reporter: Reporter, live: watch::Receiver<Live>) -> Self {
        Self { reporter, live }
    }

    /// The source fires as it now says.
    pub(super) fn synchronized(&self, source: &Known) {
        let message = "PingSource adapter is synchronized".to_owned();
        self.report(
            source,
            Kind::Normal,
            RECONCILER,
            "PingSourceSynchronized",
            message,
        );
    }

    /// The source is not ready.
    pub(super) fn skipped(&self, source: &Known) {
        let message = "PingSource is not ready".to_owned();
        self.report(
            source,
            Kind::Normal,
            RECONCILER,
            "PingSourceSkipped",
            message,
        );
    }

    /// The source cannot fire until somebody changes it. Upstream is silent about it.
    pub(super) fn unusable(&self, source: &Known, error: &str) {
        tracing::error!(
            source = &*source.origin.name,
            namespace = &*source.origin.namespace,
            error,
            "A PingSource cannot fire until it is changed."
        );
        let message = format!("The source cannot fire: {error}.");
        self.report(
            source,
            Kind::Warning,
            RECONCILER,
            "PingSourceUnusable",
            message,
        );
    }

    /// An override goes into no event of the source.
    pub(super) fn override_dropped(&self, source: &Known, error: &str) {
        tracing::error!(
            source = &*source.origin.name,
            namespace = &*source.origin.namespace,
            error,
            "An override was dropped; events go out without it."
        );
        let message = format!("ceOverrides: {error}; events go out without it.");
        self.report(
            source,
            Kind::Warning,
            RECONCILER,
            "PingSourceOverrideDropped",
            message,
        );
    }

    /// An event of the source was given up; has been logged. Only said if the operator wants it.
    pub(super) fn send_failed(&self, source: &Known, undelivered: &Undelivered) {
        if !self.live.borrow().report_sink_errors {
            return;
        }
        if let Some(message) = failure(undelivered) {
            self.report(source, Kind::Warning, SENDER, "SinkSendFailed", message);
        }
    }

    fn report(
        &self,
        source: &Known,
        kind: Kind,
        component: &'static str,
        reason: &'static str,
        message: String,
    ) {
        let Origin {
            namespace,
            name,
            uid,
        } = &*source.origin;
        let regarding = Regarding {
            api_version: "sources.knative.dev/v1".to_owned(),
            kind: "PingSource".to_owned(),
            namespace: namespace.to_string(),
            name: name.to_string(),
            uid: uid.to_string(),
            resource_version: source.resource_version.to_string(),
        };
        self.reporter.report(Happening {
            regarding,
            kind,
            component,
            reason,
            message,
        });
    }
}

/// Upstream's message, blank and all; none for a status below 400 (adapter-runtime.md 7.4).
fn failure(undelivered: &Undelivered) -> Option<String> {
    const TEXT: &str = "Error sending cloud event to sink.";
    match undelivered.status.map(|status| status.as_u16()) {
        Some(..400) => None,
        Some(status) => Some(format!("{status} {TEXT} ")),
        None => Some(format!("500 {TEXT}{}", undelivered.last)),
    }
}

#[cfg(test)]
mod tests {
    use adapter::deliver::Reason;
    use http::StatusCode;

    use super::*;

    #[test]
    fn a_failure_reads_as_upstreams() {
        let undelivered = |status| Undelivered {
            reason: Reason::Exhausted,
            attempts: 6,
            status,
            last: "connection refused".to_owned(),
        };
        for (status, message) in [
            (
                None,
                Some("500 Error sending cloud event to sink.connection refused"),
            ),
            (Some(503), Some("503 Error sending cloud event to sink. ")),
            (Some(304), None),
        ] {
            let status = status.map(|code| StatusCode::from_u16(code).expect("a status"));
            assert_eq!(failure(&undelivered(status)).as_deref(), message);
        }
    }
}
