//! What happened to an object, how much of it is sent, and the event type that says both
//! (apiserversource.md 3.1).

/// `mode` of the source: what the event's data is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// A reference to the object.
    Reference,
    /// The whole object.
    Resource,
}

impl Mode {
    /// Only the exact text `Reference` means Reference; everything else, also none, is Resource.
    pub fn from_config(text: &str) -> Self {
        if text == "Reference" {
            Self::Reference
        } else {
            Self::Resource
        }
    }
}

/// A change that a watch reports and that becomes an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Created, or begun to match the label selector.
    Added,
    /// Changed.
    Modified,
    /// Deleted, or no longer matching the label selector.
    Deleted,
}

impl Change {
    /// The change behind the `type` of a watch event; `None` for `BOOKMARK`, `ERROR` and others.
    pub fn from_watch(watch_type: &str) -> Option<Self> {
        match watch_type {
            "ADDED" => Some(Self::Added),
            "MODIFIED" => Some(Self::Modified),
            "DELETED" => Some(Self::Deleted),
            _ => None,
        }
    }
}

/// The `type` attribute of the event (3.1).
pub fn event_type(mode: Mode, change: Change) -> &'static str {
    match (mode, change) {
        (Mode::Reference, Change::Added) => "dev.knative.apiserver.ref.add",
        (Mode::Reference, Change::Modified) => "dev.knative.apiserver.ref.update",
        (Mode::Reference, Change::Deleted) => "dev.knative.apiserver.ref.delete",
        (Mode::Resource, Change::Added) => "dev.knative.apiserver.resource.add",
        (Mode::Resource, Change::Modified) => "dev.knative.apiserver.resource.update",
        (Mode::Resource, Change::Deleted) => "dev.knative.apiserver.resource.delete",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_exact_word_means_reference() {
        assert_eq!(Mode::from_config("Reference"), Mode::Reference);
        for other in ["", "Resource", "reference", "Reference ", "Ref"] {
            assert_eq!(Mode::from_config(other), Mode::Resource, "{other:?}");
        }
    }

    #[test]
    fn the_type_says_mode_and_change() {
        for (mode, watch_type, expected) in [
            (
                Mode::Reference,
                "ADDED",
                Some("dev.knative.apiserver.ref.add"),
            ),
            (
                Mode::Reference,
                "MODIFIED",
                Some("dev.knative.apiserver.ref.update"),
            ),
            (
                Mode::Reference,
                "DELETED",
                Some("dev.knative.apiserver.ref.delete"),
            ),
            (
                Mode::Resource,
                "ADDED",
                Some("dev.knative.apiserver.resource.add"),
            ),
            (
                Mode::Resource,
                "MODIFIED",
                Some("dev.knative.apiserver.resource.update"),
            ),
            (
                Mode::Resource,
                "DELETED",
                Some("dev.knative.apiserver.resource.delete"),
            ),
            (Mode::Resource, "BOOKMARK", None),
            (Mode::Resource, "ERROR", None),
            (Mode::Resource, "added", None),
        ] {
            let found = Change::from_watch(watch_type).map(|change| event_type(mode, change));
            assert_eq!(found, expected, "{mode:?} {watch_type}");
        }
    }
}
