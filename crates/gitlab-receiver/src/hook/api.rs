//! The five requests that hooks need, on the client that everything here uses.
//!
//! One TLS stack and time limits; no redirects, because the token would go along. Nothing here
//! tries again: `ensure` and `keep` know how long that makes sense. Contract: `gitlabsource.md` 6
//! (why not the crate's client) and 7.

use std::time::Duration;

use adapter::retry::retry_after;
use adapter::tls::Trust;
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderName, HeaderValue, Method, StatusCode};
use serde::de::DeserializeOwned;
use serde_json::Value;
use url::Url;

use super::plan::Hook;
use super::settings::{Access, AccessToken};

const CONNECT_TIME: Duration = Duration::from_secs(5);
const REQUEST_TIME: Duration = Duration::from_secs(15);
/// Hooks on a page: GitLab's most.
const PER_PAGE: usize = 100;
/// More hooks than any project may have.
const PAGES: usize = 1000;
/// A page of hooks with long URLs stays far below this.
const ANSWER_BYTES: usize = 8 << 20;
/// What of GitLab's own words goes into a message.
const WORDS: usize = 200;

/// Why GitLab did not do it.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// A configuration or a right is wrong; asking again does not help.
    #[error("{0}")]
    Refused(String),
    /// Too many requests, an error of the server, no answer: later it may work.
    #[error("GitLab's API cannot be used now: {reason}")]
    Unavailable {
        /// The status or what broke.
        reason: String,
        /// What GitLab asks us to wait.
        retry_after: Option<Duration>,
    },
    /// There is no such hook (any more).
    #[error("the hook is gone")]
    Gone,
}

/// A client for the hooks of one project or group.
#[derive(Clone)]
pub struct Api {
    client: reqwest::Client,
    access: Access,
}

impl Api {
    /// Nothing is connected yet.
    pub fn new(access: Access) -> Result<Self, ApiError> {
        let tls = Trust::new(access.tls.clone(), None).client_config(access.ca_certs.as_deref());
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT_TIME)
            .timeout(REQUEST_TIME)
            .user_agent(concat!("knative-adapters/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| ApiError::Refused(format!("cannot make an HTTP client: {error}")))?;
        Ok(Self { client, access })
    }

    /// Whose hooks these are.
    pub fn access(&self) -> &Access {
        &self.access
    }

    /// All hooks, through all pages.
    pub async fn list(&self) -> Result<Vec<Hook>, ApiError> {
        let mut hooks = Vec::new();
        for page in 1..=PAGES {
            let mut url = self.access.address.hooks();
            url.query_pairs_mut()
                .append_pair("per_page", &PER_PAGE.to_string())
                .append_pair("page", &page.to_string());
            let reply = self.send(Method::GET, url, None).await?;
            let found: Vec<Hook> = self.decode(&reply)?;
            // A proxy may have eaten the header; then a page that is not full is the last one.
            let goes_on = reply.goes_on.unwrap_or(found.len() == PER_PAGE);
            hooks.extend(found);
            if !goes_on {
                break;
            }
        }
        Ok(hooks)
    }

    /// Makes a hook.
    pub async fn create(&self, body: &Value) -> Result<Hook, ApiError> {
        let reply = self
            .send(Method::POST, self.access.address.hooks(), Some(body))
            .await?;
        self.decode(&reply)
    }

    /// Changes a hook; what the body does not name stays as it is.
    pub async fn edit(&self, id: u64, body: &Value) -> Result<Hook, ApiError> {
        let reply = self
            .send(Method::PUT, self.access.address.hook(id), Some(body))
            .await?;
        if reply.status == StatusCode::NOT_FOUND {
            return Err(ApiError::Gone);
        }
        self.decode(&reply)
    }

    /// Deletes a hook; one that is gone is fine.
    pub async fn delete(&self, id: u64) -> Result<(), ApiError> {
        let reply = self
            .send(Method::DELETE, self.access.address.hook(id), None)
            .await?;
        if reply.status.is_success() || reply.status == StatusCode::NOT_FOUND {
            return Ok(());
        }
        Err(self.refusal(&reply))
    }

    async fn send(
        &self,
        method: Method,
        url: Url,
        body: Option<&Value>,
    ) -> Result<Reply, ApiError> {
        let token = self.access.token.read().map_err(|error| {
            ApiError::Refused(format!("The access token cannot be read from {:?} ({error}): look at GITLAB_ACCESS_TOKEN_FILE.", self.access.token))
        })?;
        let mut token = HeaderValue::from_str(&token).map_err(|_| {
            ApiError::Refused("GITLAB_ACCESS_TOKEN holds a control character.".to_owned())
        })?;
        token.set_sensitive(true);
        let mut request = self
            .client
            .request(method, url)
            .header("PRIVATE-TOKEN", token);
        if let Some(body) = body {
            request = request
                .header(CONTENT_TYPE, "application/json")
                .body(body.to_string());
        }
        let response = request.send().await.map_err(|error| broken(&error))?;
        Reply::read(response).await
    }

    fn decode<T: DeserializeOwned>(&self, reply: &Reply) -> Result<T, ApiError> {
        if !reply.status.is_success() {
            return Err(self.refusal(reply));
        }
        serde_json::from_slice(&reply.body).map_err(|error| {
            ApiError::Refused(format!(
                "What answers there is not GitLab's API ({error}): look at GITLAB_PROJECT_URL and GITLAB_API_URL."
            ))
        })
    }

    /// A sentence that names the variable to look at.
    fn refusal(&self, reply: &Reply) -> ApiError {
        let (status, path) = (reply.status.as_u16(), &self.access.address.path);
        let words = reply.words(&self.access.token);
        ApiError::Refused(match status {
            429 | 500..=599 => {
                return ApiError::Unavailable {
                    reason: format!("status {status}"),
                    retry_after: reply.retry_after,
                };
            }
            300..=399 => format!(
                "GitLab's API is somewhere else (status {status}): look at GITLAB_PROJECT_URL and GITLAB_API_URL."
            ),
            401 => format!(
                "GitLab does not accept the access token (401{words}): look at GITLAB_ACCESS_TOKEN, which may have expired."
            ),
            403 => format!(
                "The access token may not manage webhooks of {path} (403{words}): GITLAB_ACCESS_TOKEN needs the scope api and the role Maintainer, for a group Owner."
            ),
            404 => format!(
                "There is no {path}, or the access token may not see it (404{words}): look at GITLAB_PROJECT_URL and GITLAB_ACCESS_TOKEN."
            ),
            422 => format!(
                "GitLab does not take the webhook (422{words}): look at GITLAB_WEBHOOK_URL; an address in a private network has to be allowed by an administrator."
            ),
            _ => format!("GitLab refused (status {status}{words})."),
        })
    }
}

/// An answer, read within limits.
struct Reply {
    status: StatusCode,
    /// Whether there is another page; `None` if GitLab does not say.
    goes_on: Option<bool>,
    retry_after: Option<Duration>,
    body: Vec<u8>,
}

impl Reply {
    async fn read(mut response: reqwest::Response) -> Result<Self, ApiError> {
        let header = |name: HeaderName| {
            response
                .headers()
                .get(name)
                .and_then(|value| value.to_str().ok())
                .map(str::to_owned)
        };
        let goes_on = header(HeaderName::from_static("x-next-page"));
        let asked = header(RETRY_AFTER);
        let mut reply = Self {
            status: response.status(),
            goes_on: goes_on.map(|next| !next.trim().is_empty()),
            retry_after: asked.and_then(|text| retry_after(&text, chrono::Utc::now())),
            body: Vec::new(),
        };
        while let Some(chunk) = response.chunk().await.map_err(|error| broken(&error))? {
            reply.body.extend_from_slice(&chunk);
            if reply.body.len() > ANSWER_BYTES {
                return Err(ApiError::Refused(
                    "What answers there is not GitLab's API: the answer has no end.".to_owned(),
                ));
            }
        }
        Ok(reply)
    }

    /// What GitLab says, cut short and without the token, should it ever be repeated.
    fn words(&self, token: &AccessToken) -> String {
        let Ok(document) = serde_json::from_slice::<Value>(&self.body) else {
            return String::new();
        };
        let Some(said) = document.get("message").or_else(|| document.get("error")) else {
            return String::new();
        };
        let said = said
            .as_str()
            .map_or_else(|| said.to_string(), str::to_owned);
        let said = match token.read() {
            Ok(token) if !token.is_empty() => said.replace(&token, "***"),
            _ => said,
        };
        format!(", {}", said.chars().take(WORDS).collect::<String>())
    }
}

/// The causes below reqwest's own line, which holds the whole URL.
fn broken(error: &reqwest::Error) -> ApiError {
    let mut cause: &dyn std::error::Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    let reason = if error.is_timeout() {
        "no answer in time".to_owned()
    } else {
        cause.to_string()
    };
    ApiError::Unavailable {
        reason,
        retry_after: None,
    }
}
