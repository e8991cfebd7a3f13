//! What is kept of each object of a small collection, up to date with its watch.

use std::collections::BTreeMap;

use crate::watch::{Event, Object};

/// The objects of one namespace by name, each as what `T` keeps of it.
#[derive(Debug)]
pub(super) struct Mirror<T> {
    kept: BTreeMap<String, T>,
    /// What a list that has begun brought so far.
    listed: BTreeMap<String, T>,
}

impl<T> Default for Mirror<T> {
    fn default() -> Self {
        Self {
            kept: BTreeMap::new(),
            listed: BTreeMap::new(),
        }
    }
}

impl<T> Mirror<T> {
    /// Takes an event in; whether there may be something new. `read` gives what is kept, `None` for
    /// an object that is of no use, or no longer.
    pub(super) fn take(
        &mut self,
        event: &Event<'_>,
        read: impl Fn(&Object<'_>) -> Option<T>,
    ) -> bool {
        let named = |object: &Object<'_>| Some((object.name.to_string(), read(object)?));
        match event {
            Event::Listing => self.listed.clear(),
            Event::Listed(object) => self.listed.extend(named(object)),
            Event::Synced => self.kept = std::mem::take(&mut self.listed),
            Event::Added(object) | Event::Modified(object) => {
                self.kept.remove(&*object.name);
                self.kept.extend(named(object));
            }
            Event::Deleted(object) => {
                self.kept.remove(&*object.name);
            }
        }
        !matches!(event, Event::Listing | Event::Listed(_))
    }

    /// In the order of the names.
    pub(super) fn values(&self) -> impl Iterator<Item = &T> {
        self.kept.values()
    }

    pub(super) fn get(&self, name: &str) -> Option<&T> {
        self.kept.get(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(name: &'static str) -> Object<'static> {
        Object {
            name: name.into(),
            ..Object::default()
        }
    }

    fn of_no_use(name: &'static str) -> Object<'static> {
        Object {
            json: "{}",
            ..object(name)
        }
    }

    fn names(mirror: &Mirror<usize>) -> Vec<&str> {
        mirror.kept.keys().map(String::as_str).collect()
    }

    #[test]
    fn a_list_takes_the_place_of_what_was_there_once_it_is_whole() {
        let mut mirror = Mirror::default();
        let mut take = |event| {
            mirror
                .take(&event, |object| {
                    object.json.is_empty().then_some(object.name.len())
                })
                .then(|| names(&mirror).join(" "))
        };
        for (event, after) in [
            (Event::Listing, None),
            (Event::Listed(object("a")), None),
            (Event::Listed(object("b")), None),
            (Event::Synced, Some("a b")),
            (Event::Added(object("c")), Some("a b c")),
            (Event::Deleted(object("a")), Some("b c")),
            (Event::Listing, None),
            (Event::Listed(object("x")), None),
            (Event::Listing, None),
            (Event::Listed(object("c")), None),
            (Event::Synced, Some("c")),
            (Event::Added(of_no_use("d")), Some("c")),
            (Event::Modified(of_no_use("c")), Some("")),
        ] {
            assert_eq!(take(event.clone()).as_deref(), after, "{event:?}");
        }
    }
}
