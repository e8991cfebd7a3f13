//! The contract's vectors, read once a test.

use serde_json::Value;

/// `apiserver-vectors.json`, as the contract's section 8 describes it.
pub(crate) fn load() -> Value {
    serde_json::from_str(include_str!("../data/apiserver-vectors.json")).expect("valid JSON")
}
