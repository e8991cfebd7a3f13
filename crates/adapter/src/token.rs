//! Where a bearer token comes from: nobody, a file that is re-read, or whoever implements
//! [`TokenSource`].
//!
//! Tokens by the Kubernetes API are not here; `cluster` implements the trait.
//! Contract: `adapter-runtime.md` 4, `containersource-heartbeats.md` 3.2.

use std::path::PathBuf;

use futures::future::BoxFuture;
use http::HeaderValue;

/// A whole `Authorization` value, marked as sensitive so that no log prints it.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(HeaderValue);

impl Token {
    /// From the bare JWT; white space around it is trimmed.
    pub fn bearer(jwt: &str) -> Result<Self, TokenError> {
        let mut value = HeaderValue::from_str(&format!("Bearer {}", jwt.trim()))
            .map_err(|_| TokenError("the token holds a control character".to_owned()))?;
        value.set_sensitive(true);
        Ok(Self(value))
    }

    /// The header's value.
    pub fn header(&self) -> &HeaderValue {
        &self.0
    }
}

/// Why there is no token; never the token itself.
#[derive(Debug, thiserror::Error)]
#[error("no bearer token: {0}")]
pub struct TokenError(pub String);

/// Gives the token for a sink.
pub trait TokenSource: Send + Sync {
    /// The token to use now; `None` when requests go out without one.
    fn token(&self) -> BoxFuture<'_, Result<Option<Token>, TokenError>>;

    /// The sink answered 401 to this token: whoever caches it should not give it again.
    fn refused(&self, token: &Token);
}

/// No token at all.
#[derive(Clone, Copy, Debug)]
pub struct NoToken;

impl TokenSource for NoToken {
    fn token(&self) -> BoxFuture<'_, Result<Option<Token>, TokenError>> {
        Box::pin(async { Ok(None) })
    }

    fn refused(&self, _token: &Token) {}
}

/// A file that somebody else renews, such as `/oidc/token` under a SinkBinding.
///
/// It is read for every attempt: the kubelet swaps it in place and the process is not restarted.
/// The file is a few hundred bytes in memory, so a cache would cost more code than it saves time.
#[derive(Clone, Debug)]
pub struct TokenFile(pub PathBuf);

impl TokenSource for TokenFile {
    fn token(&self) -> BoxFuture<'_, Result<Option<Token>, TokenError>> {
        Box::pin(async {
            match std::fs::read_to_string(&self.0) {
                Ok(text) if text.trim().is_empty() => Ok(None),
                Ok(text) => Token::bearer(&text).map(Some),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
                Err(error) => Err(TokenError(format!("{}: {error}", self.0.display()))),
            }
        })
    }

    fn refused(&self, _token: &Token) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn header(file: &TokenFile) -> Option<String> {
        let token = file.token().await.unwrap()?;
        Some(token.header().to_str().unwrap().to_owned())
    }

    #[tokio::test]
    async fn a_file_is_read_again_and_trimmed() {
        let folder = tempfile::tempdir().unwrap();
        let file = TokenFile(folder.path().join("token"));
        assert_eq!(header(&file).await, None);
        std::fs::write(&file.0, "tok-1\n").unwrap();
        assert_eq!(header(&file).await.as_deref(), Some("Bearer tok-1"));
        std::fs::write(&file.0, "tok-2").unwrap();
        assert_eq!(header(&file).await.as_deref(), Some("Bearer tok-2"));
    }

    #[tokio::test]
    async fn a_token_is_never_printed() {
        let token = Token::bearer("secret").unwrap();
        assert_eq!(format!("{:?}", token.header()), "Sensitive");
        let Err(error) = Token::bearer("sec\u{1}ret") else {
            panic!("accepted")
        };
        assert!(!error.to_string().contains("sec"), "{error}");
    }
}
