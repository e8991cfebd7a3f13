//! One pooled HTTP client for one sink, and one attempt with it.
//!
//! No retries here (`deliver`), no certificates (`tls`). Contract: `adapter-runtime.md` 2.1, 2.7
//! and 2.8; redirects are decided as in 8.3.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::header::{AUTHORIZATION, HeaderMap, RETRY_AFTER};
use http::{Method, StatusCode};
use reqwest::redirect;

use crate::go;
use crate::retry::{is_retriable, retry_after};
use crate::telemetry::Target;
use crate::tls;
use crate::token::Token;
use crate::wire::Message;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const IDLE_TIMEOUT: Duration = Duration::from_secs(90);
const IDLE_CONNECTIONS: usize = 100;
const REDIRECTS: usize = 10;
/// An answer's body is read this far, so that its connection can be used again.
const DRAIN_BYTES: usize = 64 << 10;
const DRAIN_TIME: Duration = Duration::from_millis(500);

/// Time limit of an attempt when `K_SINK_TIMEOUT` sets none (8.5).
pub const DEFAULT_TIMEOUT: Duration = Duration::from_mins(1);

/// The address that events go to.
#[derive(Clone)]
pub struct SinkUrl {
    given: String,
    url: url::Url,
}

/// Why an address cannot be a sink.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SinkUrlError {
    /// Unset, empty or blank.
    #[error("no sink is set")]
    Missing,
    /// Upstream ends at start with these (1.2).
    #[error("it is not a URL: {0}")]
    Unparsable(String),
    /// Upstream starts with these, and every send fails (1.2).
    #[error("it is not an http or https URL with a host")]
    Unusable,
}

impl SinkUrl {
    /// Reads the text of `K_SINK`; blanks around it are trimmed and a fragment is dropped.
    pub fn parse(text: &str) -> Result<Self, SinkUrlError> {
        let given = text.trim();
        if given.is_empty() {
            return Err(SinkUrlError::Missing);
        }
        // Go decides what parses; the URL library then carries it.
        let parsed = go::url::Url::parse(given.as_bytes())
            .map_err(|error| SinkUrlError::Unparsable(error.to_string()))?;
        if !matches!(parsed.scheme(), "http" | "https") || parsed.host().is_empty() {
            return Err(SinkUrlError::Unusable);
        }
        let mut url = url::Url::parse(given).map_err(|_| SinkUrlError::Unusable)?;
        url.set_fragment(None);
        Ok(Self {
            given: given.to_owned(),
            url,
        })
    }

    /// Whether TLS is used.
    pub fn is_https(&self) -> bool {
        self.url.scheme() == "https"
    }

    /// What telemetry says about it.
    pub fn target(&self) -> Target {
        Target::new(&self.url)
    }

    /// Go never sends loopback traffic through a proxy, whatever the variables say.
    fn is_loopback(&self) -> bool {
        match self.url.host() {
            Some(url::Host::Domain(name)) => name == "localhost",
            Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
            Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
            None => false,
        }
    }
}

/// The address as given, with user information masked.
impl fmt::Display for SinkUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&masked(&self.given))
    }
}

impl fmt::Debug for SinkUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A URL's text with its user information, which may hold a password, as `***`.
///
/// Works on texts that are no URL as well: they appear in messages about just that.
pub fn masked(text: &str) -> String {
    let authority = text.find("//").map_or(0, |at| at + 2);
    let end = text[authority..]
        .find(['/', '?', '#'])
        .map_or(text.len(), |at| authority + at);
    match text[authority..end].rfind('@') {
        Some(at) => format!("{}***{}", &text[..authority], &text[authority + at..]),
        None => text.to_owned(),
    }
}

/// How one attempt ended.
#[derive(Debug)]
pub enum Outcome {
    /// A 2xx: the sink has the event.
    Delivered(StatusCode),
    /// Any other final status.
    Refused {
        /// The status.
        status: StatusCode,
        /// What the sink asks us to wait.
        retry_after: Option<Duration>,
    },
    /// No answer: name resolution, connection, TLS, time-out, broken response.
    Broken(TransportError),
}

impl Outcome {
    /// Whether another attempt may help.
    pub fn is_retriable(&self) -> bool {
        match self {
            Self::Delivered(_) => false,
            Self::Refused { status, .. } => is_retriable(*status),
            Self::Broken(_) => true,
        }
    }

    /// What the sink asks us to wait.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Refused { retry_after, .. } => *retry_after,
            Self::Delivered(_) | Self::Broken(_) => None,
        }
    }

    /// The status, if there was an answer.
    pub fn status(&self) -> Option<StatusCode> {
        match self {
            Self::Delivered(status) | Self::Refused { status, .. } => Some(*status),
            Self::Broken(_) => None,
        }
    }
}

/// The status, or what broke. A colon and a blank follow a status, as upstream prints it
/// (containersource-heartbeats.md 6.2).
impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Delivered(status) | Self::Refused { status, .. } => {
                write!(
                    f,
                    "{}: {}",
                    status.as_u16(),
                    status.canonical_reason().unwrap_or("")
                )
            }
            Self::Broken(error) => error.fmt(f),
        }
    }
}

/// A request without an answer.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub struct TransportError {
    /// For metrics, few distinct values: `timeout`, `connect`, `tls`, `redirect`, `token`, `local`,
    /// `request`.
    pub kind: &'static str,
    /// The whole chain of causes, without the URL.
    pub message: String,
}

/// A pooled client for one sink.
#[derive(Clone)]
pub struct Sink {
    url: SinkUrl,
    client: reqwest::Client,
    /// Method, URL and basic authorization; each attempt starts as a copy of it.
    template: Arc<reqwest::Request>,
}

impl Sink {
    /// A client for this sink; nothing is connected yet.
    ///
    /// `timeout` limits each attempt in whole. `tls` decides trust and protocol versions, and by
    /// its ALPN list whether HTTP/2 is offered.
    pub fn new(
        url: SinkUrl,
        timeout: Duration,
        tls: rustls::ClientConfig,
    ) -> Result<Self, TransportError> {
        let mut builder = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .redirect(redirect::Policy::custom(follow))
            // Retries are in `deliver`; reqwest's own would need a copy of every request.
            .retry(reqwest::retry::never().max_retries_per_request(0))
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(timeout)
            .pool_idle_timeout(IDLE_TIMEOUT)
            .pool_max_idle_per_host(IDLE_CONNECTIONS)
            .user_agent(concat!("knative-adapters/", env!("CARGO_PKG_VERSION")));
        if url.is_loopback() {
            builder = builder.no_proxy();
        }
        let client = builder.build().map_err(|error| transport(&error))?;
        // reqwest turns user information into basic authorization here, once.
        let template = client
            .request(Method::POST, url.url.clone())
            .build()
            .map_err(|e| transport(&e))?;
        Ok(Self {
            url,
            client,
            template: Arc::new(template),
        })
    }

    /// Where it sends.
    pub fn url(&self) -> &SinkUrl {
        &self.url
    }

    /// Sends once, redirects included. `extra` are headers of this attempt only (trace context).
    pub async fn attempt(
        &self,
        message: &Message,
        token: Option<&Token>,
        extra: HeaderMap,
    ) -> Outcome {
        let Some(mut request) = self.template.try_clone() else {
            unreachable!("a request without a body can be cloned")
        };
        // The larger map takes the smaller ones in: a copy of it needs no hashing.
        let mut headers = message.headers().clone();
        headers.extend(self.template.headers().clone());
        headers.extend(extra);
        if let Some(token) = token {
            headers.insert(AUTHORIZATION, token.header().clone());
        }
        *request.headers_mut() = headers;
        *request.body_mut() = Some(message.body().clone().into());
        match self.client.execute(request).await {
            Ok(response) => judge(response).await,
            Err(error) => Outcome::Broken(transport(&error)),
        }
    }
}

/// 307 and 308 repeat the POST. Any other 3xx is left as the answer, and so a failure: turned into
/// a GET, as upstream does, it would lose the event and report success (8.3).
fn follow(attempt: redirect::Attempt<'_>) -> redirect::Action {
    if !matches!(
        attempt.status(),
        StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT
    ) {
        attempt.stop()
    } else if attempt.previous().len() > REDIRECTS {
        attempt.error(format!("stopped after {REDIRECTS} redirects"))
    } else {
        attempt.follow()
    }
}

async fn judge(response: reqwest::Response) -> Outcome {
    let status = response.status();
    let asked = response
        .headers()
        .get(RETRY_AFTER)
        .and_then(|value| value.to_str().ok());
    let retry_after = asked.and_then(|text| retry_after(text, chrono::Utc::now()));
    drain(response).await;
    if status.is_success() {
        Outcome::Delivered(status)
    } else {
        Outcome::Refused {
            status,
            retry_after,
        }
    }
}

/// Reads what is left of the answer, within limits, so that the connection goes back to the pool.
async fn drain(mut response: reqwest::Response) {
    let read = async {
        let mut left = DRAIN_BYTES;
        while let Ok(Some(chunk)) = response.chunk().await {
            let Some(rest) = left.checked_sub(chunk.len()) else {
                return;
            };
            left = rest;
        }
    };
    // An answer that goes on for ever only costs its connection.
    let _ = tokio::time::timeout(DRAIN_TIME, read).await;
}

fn transport(error: &reqwest::Error) -> TransportError {
    if let Some(message) = tls::explain(error) {
        return TransportError {
            kind: "tls",
            message,
        };
    }
    let kind = if error.is_timeout() {
        "timeout"
    } else if error.is_connect() {
        "connect"
    } else if error.is_redirect() {
        "redirect"
    } else {
        "request"
    };
    TransportError {
        kind,
        message: causes(error),
    }
}

/// The causes below reqwest's own first line, which only repeats the URL.
fn causes(error: &reqwest::Error) -> String {
    let mut texts: Vec<String> = Vec::new();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        let text = error.to_string();
        if texts.last() != Some(&text) {
            texts.push(text);
        }
        cause = error.source();
    }
    if texts.is_empty() {
        let kind = if error.is_timeout() {
            "no answer in time"
        } else {
            "the request failed"
        };
        texts.push(kind.to_owned());
    }
    texts.join(": ")
}
