//! One recorded run: what stands in the file, and whether our binary does the same.

mod compare;
mod expect;
mod run;

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use testkit::Lag;

/// What the contract allows on an idle machine, either way.
const TOLERANCE: Duration = Duration::from_millis(150);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Vector {
    pub(crate) name: String,
    #[serde(default)]
    #[allow(dead_code, reason = "read by people")]
    description: String,
    args: Vec<String>,
    env: BTreeMap<String, String>,
    #[serde(default)]
    files: BTreeMap<String, String>,
    sink_responses: Vec<Response>,
    run_ms: u64,
    #[serde(default)]
    signals: Vec<String>,
    #[serde(default)]
    pub(crate) istio: bool,
    pub(crate) upstream: Recording,
    #[serde(rename = "match", default)]
    matching: String,
    #[serde(default)]
    expect: BTreeMap<String, Value>,
    #[serde(default)]
    #[allow(dead_code, reason = "read by people")]
    note: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Response {
    #[serde(default)]
    action: String,
    #[serde(default)]
    status: u16,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default)]
    body: String,
    #[serde(default)]
    delay_ms: u64,
}

/// What upstream did.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Recording {
    pub(crate) exit_code: Option<i32>,
    pub(crate) requests: Vec<Recorded>,
    #[serde(default)]
    pub(crate) request_at_ms: Vec<u64>,
    #[serde(default)]
    pub(crate) same_id_as_previous: Vec<bool>,
    #[serde(default)]
    #[allow(
        dead_code,
        reason = "log lines have another form here; the other tests look at them"
    )]
    stderr: Vec<String>,
    #[serde(default)]
    istio_requests: Vec<Recorded>,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Recorded {
    method: String,
    path: String,
    #[serde(default)]
    headers: BTreeMap<String, Value>,
    body: String,
}

impl Vector {
    /// Runs the binary and panics with everything that differs.
    pub(crate) fn check(&self, lag: &Lag) {
        let Some(run) = self.run() else { return };
        let tolerance = TOLERANCE + 2 * lag.worst();
        let mut complaints = match self.matching.as_str() {
            "" => compare::complaints(&self.upstream, &run, tolerance),
            "accept" => expect::complaints(&self.expect, &run),
            other => vec![format!("unknown kind of match {other:?}")],
        };
        if run.exit.is_some_and(|exit| exit.signal.is_some()) {
            complaints.push(format!("ended by a signal: {:?}", run.exit));
        }
        assert!(
            complaints.is_empty(),
            "{}:\n  {}\n{:#?}\n{}",
            self.name,
            complaints.join("\n  "),
            run.requests,
            run.stderr
        );
    }
}
