//! What telemetry says about the sink that requests go to; worked out once per sink.

use std::sync::Arc;

use opentelemetry::{KeyValue, Value};
use url::Url;

/// The attributes that a sink's URL gives to metrics and spans (adapter-runtime.md 5.6 and 5.7).
#[derive(Clone, Debug, Default)]
pub struct Target {
    pub(super) address: Arc<str>,
    /// Only if it isn't the scheme's default.
    pub(super) port: Option<u16>,
    pub(super) scheme: Arc<str>,
    /// The whole URL without user information.
    pub(super) full: Arc<str>,
    pub(super) path: Arc<str>,
}

impl Target {
    /// Takes the parts of a sink's URL.
    pub fn new(url: &Url) -> Self {
        let mut bare = url.clone();
        let _ = bare.set_username("");
        let _ = bare.set_password(None);
        Self {
            address: url.host_str().unwrap_or("").into(),
            port: url.port(),
            scheme: url.scheme().into(),
            full: bare.as_str().into(),
            path: url.path().into(),
        }
    }

    /// `server.address`, and `server.port` if it isn't the default.
    pub(super) fn server(&self) -> impl Iterator<Item = KeyValue> {
        let port = self
            .port
            .map(|port| KeyValue::new("server.port", i64::from(port)));
        [KeyValue::new("server.address", text(&self.address))]
            .into_iter()
            .chain(port)
    }
}

/// A shared text as an attribute's value; copies of the attribute share it, too.
pub(super) fn text(text: &Arc<str>) -> Value {
    Value::String(Arc::clone(text).into())
}
