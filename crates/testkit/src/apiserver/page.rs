//! Lists in pages: each from the same snapshot, for as long as it has not expired.

use std::sync::Arc;

use super::call::Call;
use super::state::State;
use super::status::Status;
use super::store::Stored;

/// A list, or what is left of one that was begun. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Rest {
    version: String,
    items: Arc<[Arc<Stored>]>,
    from: usize,
}

/// Version, items, and where the next page begins.
pub(super) type Page = (String, Vec<Arc<Stored>>, Option<String>);

impl Rest {
    /// A list from its beginning.
    pub(super) fn all(version: u64, items: impl Iterator<Item = Arc<Stored>>) -> Self {
        Self {
            version: version.to_string(),
            items: items.collect(),
            from: 0,
        }
    }
}

impl State {
    /// What is left of the list that the call goes on with; `None` if it begins one.
    pub(super) fn rest(&self, call: &Call) -> Result<Option<Rest>, Status> {
        let token = call.query.get("continue").filter(|text| !text.is_empty());
        let expired = || Status::new(410, "Expired", "The provided continue parameter is too old");
        token
            .map(|token| self.rests.get(token).cloned().ok_or_else(expired))
            .transpose()
    }

    pub(super) fn page(&mut self, call: &Call, mut rest: Rest) -> Page {
        let limit = call.query.get("limit");
        let limit = limit.and_then(|text| text.parse().ok()).unwrap_or(0);
        let left = &rest.items[rest.from..];
        if limit == 0 || left.len() <= limit {
            return (rest.version, left.to_vec(), None);
        }
        let (version, items) = (rest.version.clone(), left[..limit].to_vec());
        rest.from += limit;
        self.pages += 1;
        let token = format!("page-{}", self.pages);
        self.rests.insert(token.clone(), rest);
        (version, items, Some(token))
    }
}
