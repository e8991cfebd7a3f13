//! What every adapter shares around its own job: environment, sending, TLS, telemetry,
//! probes and lifecycle (contract: `adapter-runtime.md`).
//!
//! Knows HTTP and CloudEvents; never mentions Kubernetes, schedules or GitLab.

pub mod admin;
pub mod deliver;
pub mod env;
pub mod event;
pub mod go;
pub mod gojson;
pub mod program;
pub mod retry;
pub mod server;
pub mod settings;
pub mod shutdown;
pub mod sink;
pub mod telemetry;
pub mod tls;
pub mod token;
pub mod wire;
