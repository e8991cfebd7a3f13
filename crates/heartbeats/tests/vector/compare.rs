//! Holding a run against its recording.

use std::time::Duration;

use serde_json::Value;
use testkit::Request;

use super::run::Run;
use super::{Recorded, Recording};
use crate::common::{ids, times};

/// Headers that the recordings leave out, and `accept`, which our HTTP client always sends.
const UNRECORDED: [&str; 6] = [
    "host",
    "user-agent",
    "accept-encoding",
    "content-length",
    "referer",
    "accept",
];

/// Everything that differs.
pub(super) fn complaints(recorded: &Recording, run: &Run, tolerance: Duration) -> Vec<String> {
    let mut complaints = Vec::new();
    let code = run.exit.and_then(|exit| exit.code);
    if code != recorded.exit_code {
        complaints.push(format!("exit code {code:?}, want {:?}", recorded.exit_code));
    }
    complaints.extend(compare_all(&recorded.requests, &run.requests));
    complaints.extend(compare_all(&recorded.istio_requests, &run.istio_requests));
    let (times, wanted) = (times(&run.requests), &recorded.request_at_ms);
    let pairs = times.iter().zip(wanted);
    let off = pairs
        .map(|(time, wanted)| time.abs_diff(u128::from(*wanted)))
        .max();
    if off > Some(tolerance.as_millis()) {
        complaints.push(format!(
            "at {times:?} ms, want {wanted:?} within {tolerance:?}"
        ));
    }
    let ids = ids(&run.requests);
    let same: Vec<bool> = ids.windows(2).map(|two| two[0] == two[1]).collect();
    if same != recorded.same_id_as_previous {
        complaints.push(format!(
            "same ids {same:?}, want {:?}",
            recorded.same_id_as_previous
        ));
    }
    complaints
}

fn compare_all(recorded: &[Recorded], requests: &[Request]) -> Vec<String> {
    if recorded.len() != requests.len() {
        return vec![format!(
            "{} requests, want {}",
            requests.len(),
            recorded.len()
        )];
    }
    let pairs = recorded.iter().zip(requests).enumerate();
    pairs
        .flat_map(|(number, (recorded, request))| {
            recorded
                .complaints(request)
                .into_iter()
                .map(move |it| format!("request {number}: {it}"))
        })
        .collect()
}

impl Recorded {
    fn complaints(&self, request: &Request) -> Vec<String> {
        let mut complaints = Vec::new();
        let line = format!("{} {}", request.method, request.path);
        if line != format!("{} {}", self.method, self.path) {
            complaints.push(format!("{line}, want {} {}", self.method, self.path));
        }
        if request.body != self.body.as_bytes() {
            complaints.push(format!("body {:?}, want {:?}", request.text(), self.body));
        }
        // Recordings of Istio's port have no headers.
        if self.headers.is_empty() {
            return complaints;
        }
        for (name, _) in request.headers.raw() {
            let name = name.to_ascii_lowercase();
            if !self.headers.contains_key(&name) && !UNRECORDED.contains(&name.as_str()) {
                complaints.push(format!("header {name} is too much"));
            }
        }
        for (name, wanted) in &self.headers {
            let found = request.headers.all(name);
            if found.len() != 1 || !value_fits(&found[0], wanted) {
                complaints.push(format!("header {name} is {found:?}, want {wanted}"));
            }
        }
        complaints
    }
}

fn value_fits(found: &str, wanted: &Value) -> bool {
    match wanted.as_str() {
        Some("<uuid4>") => is_uuid4(found),
        Some("<now>") => is_now(found),
        Some(text) => found == text,
        None => false,
    }
}

fn is_uuid4(text: &str) -> bool {
    let groups: Vec<&str> = text.split('-').collect();
    groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12])
        && text
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f' | b'-'))
        && groups[2].starts_with('4')
        && groups[3].starts_with(['8', '9', 'a', 'b'])
}

/// UTC with `Z`, at most nine fraction digits and no zero at their end, and not long ago.
fn is_now(text: &str) -> bool {
    let Ok(time) = chrono::DateTime::parse_from_rfc3339(text) else {
        return false;
    };
    let age = chrono::Utc::now().signed_duration_since(time).num_seconds();
    let fraction = text
        .strip_suffix('Z')
        .map(|text| text.split_once('.').map_or("1", |it| it.1));
    let well_written = fraction.is_some_and(|digits| digits.len() <= 9 && !digits.ends_with('0'));
    well_written && (0..120).contains(&age)
}
