//! One API server as a client: plain requests with a time limit, and answers as JSON or as an
//! error that says what happened.
//!
//! Nothing is retried here, nothing is typed: paths in, JSON out. Where the server is and who we
//! are to it: `access`.

mod access;
mod connect;
mod error;
#[cfg(test)]
mod tests;

use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_TYPE, USER_AGENT};
use http::{HeaderValue, Method, Request, Response};
use http_body_util::BodyExt as _;
use kube::client::Body;
use serde::Serialize;
use serde::de::DeserializeOwned;

use adapter::env::Problem;

pub use self::access::Access;
use self::error::refusal;
pub use self::error::{ApiError, Refusal};

/// How long a request may take, its whole answer included.
const REQUEST_TIME: Duration = Duration::from_secs(10);
/// An answer with one object is never larger; etcd takes 1.5 MiB.
const OBJECT_BYTES: usize = 16 << 20;
/// An error's text is read this far.
const REFUSAL_BYTES: usize = 64 << 10;

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const STRATEGIC_MERGE: HeaderValue =
    HeaderValue::from_static("application/strategic-merge-patch+json");
const AGENT: HeaderValue =
    HeaderValue::from_static(concat!("knative-adapters/", env!("CARGO_PKG_VERSION")));

/// A client of one API server. A copy is cheap and shares the connections.
#[derive(Clone)]
pub struct Client {
    kube: kube::Client,
    time: Duration,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client")
            .field("time", &self.time)
            .finish_non_exhaustive()
    }
}

impl Client {
    /// Reads the credentials, and runs the kubeconfig's plugin if it names one; connects later.
    /// Needs a running tokio runtime. The problem has exit code 1.
    pub fn new(access: &Access) -> Result<Self, Problem> {
        connect::client(access).map(Self::over)
    }

    /// Over a client made elsewhere, such as one without sockets.
    pub fn over(kube: kube::Client) -> Self {
        Self {
            kube,
            time: REQUEST_TIME,
        }
    }

    /// The same with another time limit than 10 s.
    #[must_use]
    pub fn within(&self, time: Duration) -> Self {
        Self {
            time,
            ..self.clone()
        }
    }

    /// `GET path`, for example `/apis/apps/v1`.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ApiError> {
        decode(
            &self
                .answer(request(Method::GET, path), Bytes::new())
                .await?,
        )
    }

    /// `POST path`; gives the answer, usually what was created.
    pub async fn create<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, ApiError> {
        decode(
            &self
                .answer(with_json(Method::POST, path, JSON), encode(body)?)
                .await?,
        )
    }

    /// `PUT path`. With a `resourceVersion` in the body, 409 means that somebody was faster.
    pub async fn replace<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, ApiError> {
        decode(
            &self
                .answer(with_json(Method::PUT, path, JSON), encode(body)?)
                .await?,
        )
    }

    /// `PATCH path` with a strategic merge patch.
    pub async fn patch<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, ApiError> {
        decode(
            &self
                .answer(
                    with_json(Method::PATCH, path, STRATEGIC_MERGE),
                    encode(body)?,
                )
                .await?,
        )
    }

    /// The answer to a `GET` as soon as its head is there, for lists and watches. The time limit
    /// is for the head only.
    pub(crate) async fn open(
        &self,
        path: &str,
        accept: HeaderValue,
    ) -> Result<Response<Body>, ApiError> {
        // API servers from 1.37 on may compress each event by itself (apiserversource.md 9.2).
        let identity = HeaderValue::from_static("identity");
        let request = request(Method::GET, path)
            .header(ACCEPT, accept)
            .header(ACCEPT_ENCODING, identity);
        self.in_time(self.send(built(request, Bytes::new())?)).await
    }

    async fn answer(
        &self,
        request: http::request::Builder,
        body: Bytes,
    ) -> Result<Vec<u8>, ApiError> {
        let request = built(request.header(ACCEPT, JSON), body)?;
        self.in_time(async { read(self.send(request).await?, OBJECT_BYTES).await })
            .await
    }

    async fn in_time<T>(
        &self,
        work: impl Future<Output = Result<T, ApiError>>,
    ) -> Result<T, ApiError> {
        tokio::time::timeout(self.time, work)
            .await
            .unwrap_or(Err(ApiError::Timeout(self.time)))
    }

    async fn send(&self, request: Request<Body>) -> Result<Response<Body>, ApiError> {
        let answer = self
            .kube
            .send(request)
            .await
            .map_err(|error| ApiError::unreachable(&error))?;
        if answer.status().is_success() {
            return Ok(answer);
        }
        let (head, body) = answer.into_parts();
        let text = read(Response::new(body), REFUSAL_BYTES)
            .await
            .unwrap_or_default();
        Err(ApiError::Refused(refusal(
            head.status,
            &head.headers,
            &text,
        )))
    }
}

fn request(method: Method, path: &str) -> http::request::Builder {
    Request::builder()
        .method(method)
        .uri(path)
        .header(USER_AGENT, AGENT)
}

fn with_json(method: Method, path: &str, content_type: HeaderValue) -> http::request::Builder {
    request(method, path).header(CONTENT_TYPE, content_type)
}

fn built(request: http::request::Builder, body: Bytes) -> Result<Request<Body>, ApiError> {
    request
        .body(Body::from(body))
        .map_err(|error| ApiError::Unreachable(error.to_string()))
}

async fn read(answer: Response<Body>, max_bytes: usize) -> Result<Vec<u8>, ApiError> {
    let mut body = answer.into_body();
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| ApiError::unreachable(&error))?;
        if let Ok(data) = frame.into_data() {
            if bytes.len() + data.len() > max_bytes {
                return Err(ApiError::Unreadable(format!(
                    "it is longer than {max_bytes} bytes"
                )));
            }
            bytes.extend_from_slice(&data);
        }
    }
    Ok(bytes)
}

fn encode(body: &impl Serialize) -> Result<Bytes, ApiError> {
    let bytes = serde_json::to_vec(body);
    bytes
        .map(Bytes::from)
        .map_err(|error| ApiError::Unreadable(error.to_string()))
}

fn decode<T: DeserializeOwned>(answer: &[u8]) -> Result<T, ApiError> {
    serde_json::from_slice(answer).map_err(|error| ApiError::Unreadable(error.to_string()))
}
