//! `X-Gitlab-Event` to the type of a CloudEvent, by rule and not by list.
//!
//! Pure. Kinds that GitLab invents tomorrow pass as those of today do; the payload is never asked.
//! Contract: `gitlabsource.md` 3.3, 4.1 and 4.2.

use http::HeaderValue;

/// What every type starts with.
const PREFIX: &str = "dev.knative.sources.gitlab.";
/// How every name of an event ends.
const HOOK: &str = " Hook";

/// A well-formed value of `X-Gitlab-Event`, such as `Tag Push Hook`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventName(String);

/// The header is missing, blank, or not words and `Hook` with single blanks between them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "X-Gitlab-Event must be words of ASCII letters and digits that end in Hook, for example Push Hook"
)]
pub struct EventNameError;

impl EventName {
    /// Reads the header's value.
    pub fn parse(value: Option<&HeaderValue>) -> Result<Self, EventNameError> {
        value
            .and_then(|value| value.to_str().ok())
            .ok_or(EventNameError)
            .and_then(Self::read)
    }

    /// Reads the text.
    pub fn read(text: &str) -> Result<Self, EventNameError> {
        let words = text.strip_suffix(HOOK).ok_or(EventNameError)?;
        let is_word =
            |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if words.split(' ').all(is_word) {
            Ok(Self(text.to_owned()))
        } else {
            Err(EventNameError)
        }
    }

    /// The value as received; goes out as the extension `comgitlabevent`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The type: the words in lower case, joined by underscores, behind Knative's prefix.
    pub fn event_type(&self) -> String {
        let words = self.0.strip_suffix(HOOK).unwrap_or(&self.0);
        let mut name = String::with_capacity(PREFIX.len() + words.len());
        name.push_str(PREFIX);
        name.extend(words.chars().map(|letter| match letter {
            ' ' => '_',
            letter => letter.to_ascii_lowercase(),
        }));
        name
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn known_and_unknown_kinds_follow_one_rule() {
        for (header, suffix) in [
            ("Push Hook", "push"),
            ("Tag Push Hook", "tag_push"),
            ("Confidential Issue Hook", "confidential_issue"),
            ("Confidential Note Hook", "confidential_note"),
            ("Merge Request Hook", "merge_request"),
            ("Job Hook", "job"),
            ("Build Hook", "build"),
            ("Wiki Page Hook", "wiki_page"),
            ("System Hook", "system"),
            ("Resource Access Token Hook", "resource_access_token"),
            ("Hook Hook", "hook"),
            ("OAuth2 Application Hook", "oauth2_application"),
        ] {
            let name = EventName::read(header).unwrap();
            assert_eq!(
                name.event_type(),
                format!("dev.knative.sources.gitlab.{suffix}")
            );
            assert_eq!(name.as_str(), header);
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for header in [
            "",
            " ",
            "Hook",
            " Hook",
            "Push",
            "push hook",
            "Push  Hook",
            " Push Hook",
            "Push Hook ",
            "Push/../x Hook",
            "Push_Tag Hook",
            "Püsh Hook",
            "Push\tTag Hook",
            "Push HookHook",
        ] {
            assert_eq!(EventName::read(header), Err(EventNameError), "{header:?}");
        }
        assert_eq!(EventName::parse(None), Err(EventNameError));
        let bytes = HeaderValue::from_bytes(b"P\xc3\xbcsh Hook").unwrap();
        assert_eq!(EventName::parse(Some(&bytes)), Err(EventNameError));
    }

    proptest! {
        #[test]
        fn an_accepted_name_gives_a_type_of_the_expected_letters(text in "[ -~]{0,24}( Hook)?") {
            if let Ok(name) = EventName::read(&text) {
                let suffix = name.event_type().split_off(PREFIX.len());
                prop_assert!(!suffix.is_empty());
                prop_assert!(suffix.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_')));
                prop_assert_eq!(suffix.len() + HOOK.len(), text.len());
            }
        }
    }
}
