//! Whether a body is what GitLab may send: one JSON value in UTF-8. Nothing is kept but the bytes.
//!
//! Pure. No tree is built: 25 MiB of JSON would become several times that in memory, and a payload
//! that no typed structure can hold must still pass. Contract: `gitlabsource.md` 3.4.

use gitlab::hooktypes::HookKind;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

/// Why a body is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PayloadError {
    /// No body at all, or white space only.
    #[error("the body is empty")]
    Empty,
    /// Bytes that are not UTF-8, which the JSON check alone would let through.
    #[error("the body is not UTF-8")]
    NotUtf8,
    /// A syntax error, or something behind the value.
    #[error("the body is not one JSON value")]
    NotJson,
}

/// Checks a body; it may nest as deep as it likes, since the check does not recurse.
pub fn check(body: &[u8]) -> Result<(), PayloadError> {
    if body.trim_ascii().is_empty() {
        return Err(PayloadError::Empty);
    }
    let text = str::from_utf8(body).map_err(|_| PayloadError::NotUtf8)?;
    serde_json::from_str::<IgnoredAny>(text)
        .map(drop)
        .map_err(|_| PayloadError::NotJson)
}

/// The two members that tell kinds apart. Custom templates may lack them or abuse them.
#[derive(Deserialize)]
struct Marks {
    object_kind: Option<String>,
    event_name: Option<String>,
}

/// What the payload says it is, for a debug line; the header alone decides the type (3.4).
pub fn kind(body: &[u8]) -> Option<HookKind> {
    let marks: Marks = serde_json::from_slice(body).ok()?;
    // The two members alone: classifying needs no more, and the whole would be a tree.
    let named = [
        ("object_kind", marks.object_kind),
        ("event_name", marks.event_name),
    ];
    let members = named
        .into_iter()
        .filter_map(|(name, text)| Some((name.to_owned(), text?.into())));
    HookKind::kind_of(&Value::Object(members.collect()))
}

#[cfg(test)]
mod tests {
    use gitlab::hooktypes::{SystemHookType, WebHookType};

    use super::*;

    #[test]
    fn one_json_value_of_any_shape_passes() {
        for good in [
            "{}",
            "null",
            "[]",
            "1e400",
            r#""\ud800""#,
            r#"{"a":1,"a":2}"#,
            " {\n} ",
            r#"{"project_id":"512","commits":{"0":"x"}}"#,
        ] {
            assert_eq!(check(good.as_bytes()), Ok(()), "{good:?}");
        }
        let deep = "[".repeat(100_000) + &"]".repeat(100_000);
        assert_eq!(check(deep.as_bytes()), Ok(()));
    }

    #[test]
    fn everything_else_does_not() {
        for (bad, error) in [
            (&b""[..], PayloadError::Empty),
            (b" \r\n\t", PayloadError::Empty),
            (b"{\"a\":\"\xff\"}", PayloadError::NotUtf8),
            (b"{\"a\":", PayloadError::NotJson),
            (b"{} trailing", PayloadError::NotJson),
            (b"{}{}", PayloadError::NotJson),
            (b"NaN", PayloadError::NotJson),
            (b"\xef\xbb\xbf{}", PayloadError::NotJson),
            (b"\"\x01\"", PayloadError::NotJson),
            (b"object_kind=push", PayloadError::NotJson),
        ] {
            assert_eq!(check(bad), Err(error), "{:?}", String::from_utf8_lossy(bad));
        }
    }

    #[test]
    fn kinds_are_named_from_two_members_only() {
        for (body, expected) in [
            (
                r#"{"object_kind":"tag_push","x":{"deep":[1]}}"#,
                Some(HookKind::Web(Some(WebHookType::Push))),
            ),
            (
                r#"{"object_kind":"work_item"}"#,
                Some(HookKind::Web(Some(WebHookType::Issue))),
            ),
            (r#"{"object_kind":"milestone"}"#, Some(HookKind::Web(None))),
            (
                r#"{"event_name":"user_add_to_group"}"#,
                Some(HookKind::System(Some(SystemHookType::GroupMember))),
            ),
            (r#"{"object_kind":7}"#, None),
            ("{}", None),
            ("[1]", None),
        ] {
            assert_eq!(kind(body.as_bytes()), expected, "{body}");
        }
    }
}
