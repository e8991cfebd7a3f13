//! One pooled HTTP client for each address that events go to, shared by all sources that send there.
//!
//! A client lives as long as a source uses it. What makes an address is in [`Address`]; how an event
//! is sent, in `dispatch`.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use adapter::deliver::{Courier, Undelivered};
use adapter::retry::{Backoff, Budget};
use adapter::sink::{Sink, SinkUrl, SinkUrlError, TransportError, masked};
use adapter::tls::Trust;
use adapter::token::TokenSource;
use adapter::wire::Message;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// Events on their way to one address at a time; more wait. It bounds the connections and keeps the
/// descriptors of the process for the other addresses.
const IN_FLIGHT: usize = 512;
/// While a sink answers at once, an event takes the room of this many: fewer connections, none of
/// them opened for a single event, carry more events then.
const QUICK_ROOM: u32 = 32;
/// An answer that takes longer is waited for with the room of one event, and so are the next ones.
const QUICK: Duration = Duration::from_millis(2);

/// What makes two sources share a client.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Address {
    /// The sink's URL as given.
    pub uri: Box<str>,
    /// PEM trusted for this sink.
    pub ca_certs: Option<Box<str>>,
    /// Whose token goes along, if any.
    pub account: Option<Account>,
}

/// A service account and what its token is for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Account {
    /// The namespace of the service account.
    pub namespace: Box<str>,
    /// Its name.
    pub name: Box<str>,
    /// The audience of the sink.
    pub audience: Box<str>,
}

/// Why there can be no client for an address.
#[derive(Debug, thiserror::Error)]
pub enum AddressError {
    /// Not a sink's URL.
    #[error(
        "the sink address {found:?} cannot be used: {reason}; an example is \"http://sink.default.svc.cluster.local\""
    )]
    Url {
        /// The address, a password in it masked.
        found: String,
        /// What is wrong with it.
        reason: SinkUrlError,
    },
    /// The client library refused.
    #[error("no HTTP client can be made for the sink: {0}")]
    Client(#[from] TransportError),
}

/// Where bearer tokens come from.
pub trait Tokens: Send + Sync {
    /// The source of tokens for requests without (`None`) or with a service account.
    fn of(&self, account: Option<&Account>) -> Arc<dyn TokenSource>;
}

/// An address with its client.
pub struct Destination {
    /// Sends to it.
    pub courier: Courier,
    /// Room for events on their way.
    room: Semaphore,
    is_quick: AtomicBool,
    /// For log lines; a password in it is masked.
    pub shown: String,
}

impl Destination {
    /// Delivers an event once there is room for it; `None` if there is none within `budget`.
    ///
    /// The event and its courier are made only then, so that what waits is small.
    pub async fn deliver(
        &self,
        event: impl FnOnce() -> (Courier, Message),
        budget: Duration,
    ) -> Option<Result<(), Undelivered>> {
        let mut room = timeout(budget, self.room.acquire_many(self.room_of_one()))
            .await
            .ok()?
            .ok()?;
        let (courier, message) = event();
        let mut delivery = Box::pin(courier.deliver(&message, Budget::retry_for(budget)));
        let at_once = timeout(QUICK, &mut delivery).await;
        self.is_quick.store(at_once.is_ok(), Ordering::Relaxed);
        if let Ok(result) = at_once {
            return Some(result);
        }
        // Others need not wait for this answer.
        drop(room.split(room.num_permits() - 1));
        Some(delivery.await)
    }

    fn room_of_one(&self) -> u32 {
        if self.is_quick.load(Ordering::Relaxed) {
            QUICK_ROOM
        } else {
            1
        }
    }
}

/// The clients in use.
pub struct Pool {
    trust: Trust,
    timeout: Duration,
    tokens: Arc<dyn Tokens>,
    cut: CancellationToken,
    open: HashMap<Address, Weak<Destination>>,
}

impl Pool {
    /// No clients yet. `timeout` limits each attempt; `cut` gives up what is in flight.
    pub fn new(
        trust: Trust,
        timeout: Duration,
        tokens: Arc<dyn Tokens>,
        cut: CancellationToken,
    ) -> Self {
        Self {
            trust,
            timeout,
            tokens,
            cut,
            open: HashMap::new(),
        }
    }

    /// The client for an address: the one that another source has, or a new one.
    pub fn destination(&mut self, address: Address) -> Result<Arc<Destination>, AddressError> {
        if let Some(open) = self.open.get(&address).and_then(Weak::upgrade) {
            return Ok(open);
        }
        let destination = Arc::new(self.connect(&address)?);
        self.forget_unused();
        self.open.insert(address, Arc::downgrade(&destination));
        Ok(destination)
    }

    fn connect(&self, address: &Address) -> Result<Destination, AddressError> {
        let url = SinkUrl::parse(&address.uri).map_err(|reason| AddressError::Url {
            found: masked(&address.uri),
            reason,
        })?;
        let shown = url.to_string();
        let tls = self.trust.client_config(address.ca_certs.as_deref());
        let sink = Sink::new(url, self.timeout, tls)?;
        let tokens = self.tokens.of(address.account.as_ref());
        let courier = Courier::new(Ok(sink), Backoff::STANDARD, tokens, self.cut.clone());
        Ok(Destination {
            courier,
            room: Semaphore::new(IN_FLIGHT),
            is_quick: AtomicBool::new(true),
            shown,
        })
    }

    /// Only now and then, so that many new addresses at once cost no more than a look at each.
    fn forget_unused(&mut self) {
        if self.open.len() == self.open.capacity() {
            self.open
                .retain(|_, destination| destination.strong_count() > 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use adapter::tls::Settings;
    use adapter::token::NoToken;

    use super::*;

    struct Nobody;

    impl Tokens for Nobody {
        fn of(&self, _account: Option<&Account>) -> Arc<dyn TokenSource> {
            Arc::new(NoToken)
        }
    }

    fn pool() -> Pool {
        let trust = Trust::new(Settings::default(), None);
        Pool::new(
            trust,
            Duration::from_secs(1),
            Arc::new(Nobody),
            CancellationToken::new(),
        )
    }

    fn address(uri: &str) -> Address {
        Address {
            uri: uri.into(),
            ca_certs: None,
            account: None,
        }
    }

    #[test]
    fn one_client_for_each_address_as_long_as_it_is_used() {
        let mut pool = pool();
        let first = pool.destination(address("http://a")).expect("a sink");
        let again = pool.destination(address("http://a")).expect("a sink");
        assert!(Arc::ptr_eq(&first, &again));
        let account = Account {
            namespace: "ns1".into(),
            name: "sa".into(),
            audience: "aud".into(),
        };
        for other in [
            address("http://a/path"),
            Address {
                ca_certs: Some("PEM".into()),
                ..address("http://a")
            },
            Address {
                account: Some(account),
                ..address("http://a")
            },
        ] {
            let other = pool.destination(other).expect("a sink");
            assert!(!Arc::ptr_eq(&first, &other));
        }
        for number in 0..100 {
            pool.destination(address(&format!("http://a/{number}")))
                .expect("a sink");
        }
        assert!(
            pool.open.len() < 50,
            "{} clients are remembered",
            pool.open.len()
        );
        assert!(Arc::ptr_eq(
            &first,
            &pool.destination(address("http://a")).expect("a sink")
        ));
    }

    #[test]
    fn a_bad_address_is_named_without_its_password() {
        for (uri, part) in [
            ("", "no sink is set"),
            ("/x", "not an http or https URL"),
            ("http://me:s3cret@%zz", "http://***@%zz"),
        ] {
            let Err(error) = pool().destination(address(uri)) else {
                panic!("{uri} is accepted")
            };
            assert!(error.to_string().contains(part), "{error}");
            assert!(!error.to_string().contains("s3cret"), "{error}");
        }
    }
}
