//! What is listed and watched, and the requests for it.

use std::time::Duration;

use http::HeaderValue;
use url::form_urlencoded::Serializer;

/// Objects of one resource, in one namespace or in all, perhaps selected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Collection {
    /// Such as `/apis/sources.knative.dev/v1/pingsources` or `/api/v1/namespaces/ns1/pods`.
    pub path: String,
    /// Goes to the API server as it is written here.
    pub label_selector: Option<String>,
    /// Such as `metadata.name=config-logging`.
    pub field_selector: Option<String>,
    /// How much of each object the watch brings, and every list after a gap.
    pub form: Form,
}

/// How much of an object is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// All of it.
    Whole,
    /// Its metadata only; all of it from a server that cannot.
    Metadata,
}

impl Form {
    pub(super) fn accept_list(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Whole => "application/json",
            Self::Metadata => {
                "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json"
            }
        })
    }

    pub(super) fn accept_watch(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Whole => "application/json",
            Self::Metadata => {
                "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json"
            }
        })
    }
}

impl Collection {
    /// All objects, whole, at this path.
    pub fn whole(path: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            label_selector: None,
            field_selector: None,
            form: Form::Whole,
        }
    }

    pub(super) fn page(&self, limit: usize, from: Option<&str>) -> String {
        self.query(|query| {
            query.append_pair("limit", &limit.to_string());
            if let Some(token) = from {
                query.append_pair("continue", token);
            }
        })
    }

    /// Never without a version: that makes the server tell of all existing objects as added.
    pub(super) fn watch(&self, version: &str, time: Duration) -> String {
        self.query(|query| {
            query
                .append_pair("watch", "true")
                .append_pair("allowWatchBookmarks", "true")
                .append_pair("resourceVersion", version)
                .append_pair("timeoutSeconds", &time.as_secs().to_string());
        })
    }

    fn query(&self, more: impl FnOnce(&mut Serializer<'_, String>)) -> String {
        let start = self.path.len() + 1;
        let mut query = Serializer::for_suffix(format!("{}?", self.path), start);
        more(&mut query);
        if let Some(selector) = &self.label_selector {
            query.append_pair("labelSelector", selector);
        }
        if let Some(selector) = &self.field_selector {
            query.append_pair("fieldSelector", selector);
        }
        query.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn asks_for_pages_and_watches() {
        let all = Collection::whole("/api/v1/nodes");
        assert_eq!(all.page(500, None), "/api/v1/nodes?limit=500");
        assert_eq!(
            all.page(1, Some("a b=")),
            "/api/v1/nodes?limit=1&continue=a+b%3D"
        );
        let some = Collection {
            label_selector: Some("a=b,c in (d)".to_owned()),
            field_selector: Some("metadata.name=x".to_owned()),
            ..all
        };
        assert_eq!(
            some.watch("1&2", Duration::from_secs(290)),
            "/api/v1/nodes?watch=true&allowWatchBookmarks=true&resourceVersion=1%262\
             &timeoutSeconds=290&labelSelector=a%3Db%2Cc+in+%28d%29\
             &fieldSelector=metadata.name%3Dx"
        );
    }
}
