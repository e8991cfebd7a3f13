//! Lists in pages: each from the same snapshot, for as long as it has not expired.

use std::sync::Arc;

use super::call::Call;
use super::state::State;
use super::status::Status;
use super::store::Stored;

/// What is left of a list that was begun.
#[derive(Debug)]
pub(super) struct Rest {
    version: String,
    items: Vec<Arc<Stored>>,
}

/// Version, items, and where the next page begins.
pub(super) type Page = (String, Vec<Arc<Stored>>, Option<String>);

impl State {
    pub(super) fn page(
        &mut self,
        call: &Call,
        version: String,
        items: Vec<Arc<Stored>>,
    ) -> Result<Page, Status> {
        let limit = call
            .query
            .get("limit")
            .and_then(|text| text.parse().ok())
            .unwrap_or(0);
        let (version, mut items) = match call.query.get("continue").filter(|text| !text.is_empty())
        {
            None => (version, items),
            Some(token) => {
                let rest = self.rests.get(token);
                let rest = rest.ok_or_else(|| {
                    Status::new(410, "Expired", "The provided continue parameter is too old")
                })?;
                (rest.version.clone(), rest.items.clone())
            }
        };
        if limit == 0 || items.len() <= limit {
            return Ok((version, items, None));
        }
        let rest = Rest {
            version: version.clone(),
            items: items.split_off(limit),
        };
        self.pages += 1;
        let token = format!("page-{}", self.pages);
        self.rests.insert(token.clone(), rest);
        Ok((version, items, Some(token)))
    }
}
