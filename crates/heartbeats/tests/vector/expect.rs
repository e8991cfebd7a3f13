//! The conditions of a vector that is marked `accept`.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use serde_json::Value;

use super::run::Run;
use crate::common::ids;

/// Every condition that does not hold; one that this runner does not know never holds.
pub(super) fn complaints(conditions: &BTreeMap<String, Value>, run: &Run) -> Vec<String> {
    assert!(!conditions.is_empty(), "no condition to accept by");
    let failed = conditions
        .iter()
        .filter(|(name, wanted)| !holds(name, wanted, run));
    failed
        .map(|(name, wanted)| format!("{name} is not {wanted}"))
        .collect()
}

fn holds(name: &str, wanted: &Value, run: &Run) -> bool {
    let code = run.exit.and_then(|exit| exit.code);
    match name {
        "exit_code" => code.map(i64::from) == wanted.as_i64(),
        "exit_code_nonzero" => code.is_some_and(|code| code != 0),
        "exits_within_ms" => {
            let limit = wanted.as_u64().map(Duration::from_millis);
            code == Some(0) && run.stopped_after.is_some() && run.stopped_after <= limit
        }
        "request_count" => is_in(run.requests.len() as u64, wanted),
        "authorization" => run
            .requests
            .iter()
            .all(|request| request.headers.all("authorization") == [wanted.as_str().unwrap_or("")]),
        "distinct_ids" => {
            let ids = ids(&run.requests);
            ids.iter().collect::<HashSet<_>>().len() == ids.len()
        }
        "single_valued_headers" => run.requests.iter().all(|request| {
            let names = request
                .headers
                .raw()
                .iter()
                .map(|(name, _)| name.to_ascii_lowercase());
            names.collect::<HashSet<_>>().len() == request.headers.raw().len()
        }),
        _ => false,
    }
}

/// A number, or a pair of the least and the most.
fn is_in(count: u64, wanted: &Value) -> bool {
    match wanted.as_array() {
        None => wanted.as_u64() == Some(count),
        Some(range) => range[0].as_u64() <= Some(count) && Some(count) <= range[1].as_u64(),
    }
}
