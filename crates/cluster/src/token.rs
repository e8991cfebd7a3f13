//! Bearer tokens from the API server, for sinks that ask who is calling.
//!
//! Contract: `adapter-runtime.md` 4, with 8.9 done better: renewed ahead of time, asked for once by
//! however many callers, forgotten when a sink refuses them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use adapter::go;
use adapter::token::{Token, TokenError, TokenSource};
use chrono::{DateTime, TimeDelta, Utc};
use futures::future::BoxFuture;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::chance;
use crate::client::Client;
use crate::clock::Clock;

/// What is asked for; the API server may give less.
const LIFETIME_SECONDS: u32 = 3600;
/// A token is not used for longer than until so long before its end.
const RESERVE: TimeDelta = TimeDelta::minutes(5);
/// Renewals are spread by up to this, and by up to a tenth of the time that is left.
const SPREAD: Duration = Duration::from_mins(1);
/// The wait after a failed renewal, while the old token is still good.
const RENEW_AGAIN: TimeDelta = TimeDelta::seconds(30);

/// Tokens of all service accounts, for all audiences. A copy shares them.
#[derive(Clone)]
pub struct Tokens(Arc<Shared>);

struct Shared {
    client: Client,
    clock: Clock,
    accounts: Mutex<HashMap<Key, Weak<Account>>>,
}

/// Namespace, service account and audience.
type Key = (String, String, String);

impl Tokens {
    /// Asks for nothing yet.
    pub fn new(client: Client, clock: Clock) -> Self {
        Self(Arc::new(Shared {
            client,
            clock,
            accounts: Mutex::default(),
        }))
    }

    /// The tokens of a service account for an audience: the same source for all who ask for the
    /// same, for as long as somebody holds it.
    pub fn source(
        &self,
        namespace: &str,
        service_account: &str,
        audience: &str,
    ) -> Arc<dyn TokenSource> {
        let key = (
            namespace.to_owned(),
            service_account.to_owned(),
            audience.to_owned(),
        );
        let mut accounts = self
            .0
            .accounts
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(account) = accounts.get(&key).and_then(Weak::upgrade) {
            return account;
        }
        accounts.retain(|_, account| account.strong_count() > 0);
        let account = Arc::new(Account {
            shared: Arc::clone(&self.0),
            key: key.clone(),
            kept: Mutex::default(),
            asking: tokio::sync::Mutex::default(),
        });
        accounts.insert(key, Arc::downgrade(&account));
        account
    }
}

/// One service account with one audience.
struct Account {
    shared: Arc<Shared>,
    key: Key,
    kept: Mutex<Option<Kept>>,
    /// Held by whoever asks the API server.
    asking: tokio::sync::Mutex<Option<Outcome>>,
}

#[derive(Clone)]
struct Kept {
    token: Token,
    renew_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
}

/// How the last request ended. It answers everybody who was waiting, and nobody after that.
struct Outcome {
    at: Instant,
    result: Result<Token, String>,
}

#[derive(Deserialize)]
struct TokenRequest {
    status: Status,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    token: String,
    expiration_timestamp: String,
}

impl TokenSource for Account {
    fn token(&self) -> BoxFuture<'_, Result<Option<Token>, TokenError>> {
        Box::pin(async { self.current().await.map(Some).map_err(TokenError) })
    }

    fn refused(&self, token: &Token) {
        let mut kept = self.kept();
        if kept.as_ref().is_some_and(|kept| kept.token == *token) {
            *kept = None;
        }
    }
}

impl Account {
    async fn current(&self) -> Result<Token, String> {
        let asked = Instant::now();
        let kept = self.kept().clone();
        if let Some(token) = self.fresh(kept.as_ref()) {
            return Ok(token);
        }
        let mut last = match (self.asking.try_lock(), self.valid(kept.as_ref())) {
            (Ok(last), _) => last,
            // Somebody is renewing it already: the old one does.
            (Err(_), Some(token)) => return Ok(token),
            (Err(_), None) => self.asking.lock().await,
        };
        let kept = self.kept().clone();
        if let Some(token) = self.fresh(kept.as_ref()) {
            return Ok(token);
        }
        if let Some(outcome) = last.as_ref().filter(|outcome| outcome.at > asked) {
            return outcome.result.clone();
        }
        let result = match (self.request().await, self.valid(kept.as_ref())) {
            (Err(error), Some(token)) => {
                self.postpone(&error);
                Ok(token)
            }
            (result, _) => result,
        };
        *last = Some(Outcome {
            at: Instant::now(),
            result: result.clone(),
        });
        result
    }

    /// A kept token that needs no renewal.
    fn fresh(&self, kept: Option<&Kept>) -> Option<Token> {
        let now = (self.shared.clock)();
        kept.filter(|kept| now < kept.renew_at)
            .map(|kept| kept.token.clone())
    }

    /// A kept token that a sink would take.
    fn valid(&self, kept: Option<&Kept>) -> Option<Token> {
        let now = (self.shared.clock)();
        kept.filter(|kept| now < kept.expires_at)
            .map(|kept| kept.token.clone())
    }

    async fn request(&self) -> Result<Token, String> {
        let (namespace, account, audience) = &self.key;
        if !is_name(namespace) || !is_name(account) {
            return Err(format!(
                "{namespace:?} and {account:?} name no service account"
            ));
        }
        let path = format!("/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token");
        let answer: Result<TokenRequest, _> =
            self.shared.client.create(&path, &body(audience)).await;
        let status = answer.map_err(|error| error.to_string())?.status;
        let token = Token::bearer(&status.token).map_err(|error| error.to_string())?;
        let expires_at = go::time::parse(status.expiration_timestamp.as_bytes())
            .map_err(|error| format!("expirationTimestamp is {error}"))?;
        self.keep(&token, expires_at);
        Ok(token)
    }

    /// A token that ends within the reserve is used this once.
    fn keep(&self, token: &Token, expires_at: DateTime<Utc>) {
        let now = (self.shared.clock)();
        let left = (expires_at - RESERVE - now).to_std().unwrap_or_default();
        let early = chance::between(Duration::ZERO, SPREAD.min(left / 10));
        let lasts = TimeDelta::from_std(left.saturating_sub(early)).unwrap_or_default();
        let kept = Kept {
            token: token.clone(),
            renew_at: now + lasts,
            expires_at,
        };
        *self.kept() = (!left.is_zero()).then_some(kept);
    }

    fn postpone(&self, error: &str) {
        let (namespace, service_account, audience) = &self.key;
        tracing::warn!(
            namespace,
            service_account,
            audience,
            error,
            "A token cannot be renewed yet."
        );
        if let Some(kept) = self.kept().as_mut() {
            kept.renew_at = (self.shared.clock)() + RENEW_AGAIN;
        }
    }

    fn kept(&self) -> MutexGuard<'_, Option<Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn body(audience: &str) -> Value {
    json!({
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenRequest",
        "spec": { "audiences": [audience], "expirationSeconds": LIFETIME_SECONDS },
    })
}

/// Names become part of a path.
fn is_name(name: &str) -> bool {
    let inside =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-".contains(&byte);
    name.bytes().all(inside) && name.bytes().any(|byte| byte.is_ascii_alphanumeric())
}
