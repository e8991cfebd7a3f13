//! What adapters need of the Kubernetes API: a client, watches, leases, tokens, trust bundles,
//! live `ConfigMap`s and core/v1 Events.
//!
//! Knows kube; never mentions a source, a schedule or a CloudEvent. Every room asks for no more
//! than the stock roles grant (`pingsource.md` 1.5, `apiserversource.md` 5).

pub mod bucket;
mod chance;
pub mod client;
pub mod clock;
pub mod config_maps;
pub mod discovery;
pub mod events;
pub mod lease;
pub mod token;
pub mod watch;
