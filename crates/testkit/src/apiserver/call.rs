//! A request to the API server, taken apart.

use std::collections::BTreeMap;

use crate::http::Request;

/// A request as it arrived, with its target taken apart.
#[derive(Clone, Debug)]
pub struct Call {
    /// `GET` and the like.
    pub method: String,
    /// The path without its query.
    pub path: String,
    /// The query, decoded; of a repeated name the last counts.
    pub query: BTreeMap<String, String>,
    /// The whole request.
    pub request: Request,
}

impl Call {
    pub(super) fn read(request: &Request) -> Self {
        let (path, query) = request.path.split_once('?').unwrap_or((&request.path, ""));
        let pairs = query
            .split('&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| {
                let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                (decoded(name), decoded(value))
            });
        Self {
            method: request.method.clone(),
            path: decoded(path),
            query: pairs.collect(),
            request: request.clone(),
        }
    }

    /// Whether it asks for a watch.
    pub fn is_watch(&self) -> bool {
        self.query
            .get("watch")
            .is_some_and(|value| value == "true" || value == "1")
    }

    /// Whether it asks for a list, that is for a collection and not for a watch.
    pub fn is_list(&self) -> bool {
        self.verb() == "list"
    }

    /// The verb that a role would have to grant: `get`, `list`, `watch`, `create` and so on.
    pub fn verb(&self) -> &'static str {
        let single = self.target().is_some_and(|target| target.name.is_some());
        match self.method.as_str() {
            "GET" if self.is_watch() => "watch",
            "GET" if single => "get",
            "GET" => "list",
            "POST" => "create",
            "PUT" => "update",
            "PATCH" => "patch",
            "DELETE" => "delete",
            _ => "unknown",
        }
    }

    /// The body as JSON; panics if it is none.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.request.body).expect("a body of JSON")
    }

    pub(super) fn wants_metadata(&self) -> bool {
        let accept = self.request.headers.get("accept").unwrap_or_default();
        accept.contains("as=PartialObjectMetadata")
    }

    pub(super) fn target(&self) -> Option<Target> {
        Target::read(&self.path)
    }
}

/// Which resource a path names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    /// `v1` or `apps/v1`.
    pub(super) group_version: String,
    pub(super) plural: String,
    pub(super) namespace: Option<String>,
    pub(super) name: Option<String>,
    pub(super) sub: Option<String>,
}

impl Target {
    fn read(path: &str) -> Option<Self> {
        let mut parts = path.strip_prefix('/')?.split('/');
        let group_version = match parts.next()? {
            "api" => parts.next()?.to_owned(),
            "apis" => format!("{}/{}", parts.next()?, parts.next()?),
            _ => return None,
        };
        let mut parts: Vec<String> = parts.map(str::to_owned).collect();
        let namespaced = parts.len() > 2 && parts[0] == "namespaces" && parts[2] != "status";
        let namespace = namespaced.then(|| parts.drain(..2).next_back()).flatten();
        let mut parts = parts.into_iter();
        Some(Self {
            group_version,
            namespace,
            plural: parts.next()?,
            name: parts.next(),
            sub: parts.next(),
        })
    }

    /// `v1/pods`: how tests name a resource.
    pub(super) fn resource(&self) -> String {
        format!("{}/{}", self.group_version, self.plural)
    }

    pub(super) fn group(&self) -> &str {
        self.group_version
            .split_once('/')
            .map_or("", |(group, _)| group)
    }

    /// As roles name it: `serviceaccounts/token`.
    pub(super) fn in_role(&self) -> String {
        match &self.sub {
            Some(sub) => format!("{}/{sub}", self.plural),
            None => self.plural.clone(),
        }
    }
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((byte, behind)) = rest.split_first() {
        let hex = behind.get(..2).and_then(|hex| str::from_utf8(hex).ok());
        match (byte, hex.and_then(|hex| u8::from_str_radix(hex, 16).ok())) {
            (b'%', Some(decoded)) => {
                bytes.push(decoded);
                rest = &behind[2..];
                continue;
            }
            (b'+', _) => bytes.push(b' '),
            _ => bytes.push(*byte),
        }
        rest = behind;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_paths_apart() {
        let read = |path| Target::read(path).map(|t| (t.resource(), t.namespace, t.name, t.sub));
        let some = |text: &str| Some(text.to_owned());
        for (path, want) in [
            ("/api/v1/pods", ("v1/pods", None, None, None)),
            (
                "/api/v1/namespaces/a",
                ("v1/namespaces", None, some("a"), None),
            ),
            (
                "/api/v1/namespaces/a/pods",
                ("v1/pods", some("a"), None, None),
            ),
            (
                "/apis/g/v2/namespaces/a/x/n/status",
                ("g/v2/x", some("a"), some("n"), some("status")),
            ),
            ("/apis/g/v2/x/n", ("g/v2/x", None, some("n"), None)),
        ] {
            let (resource, namespace, name, sub) = want;
            assert_eq!(
                read(path),
                Some((resource.to_owned(), namespace, name, sub)),
                "{path}"
            );
        }
        assert_eq!(read("/api/v1"), None);
        assert_eq!(read("/version"), None);
    }

    #[test]
    fn decodes_queries() {
        assert_eq!(decoded("a%3Db%2C+c%zz%4"), "a=b, c%zz%4");
    }
}
