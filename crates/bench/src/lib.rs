//! Numbers and torture: what this project claims, shown on any machine.
//!
//! `bench` measures our programs, any others that keep the same contract, and the floor: a raw hyper
//! loop. `torture` breaks what is around them and counts what arrives. Both start real binaries and
//! know nothing of what is inside. Like `testkit`, everything panics with what was seen.
#![allow(
    clippy::missing_panics_doc,
    reason = "a machine that cannot be measured is a panic, everywhere here"
)]

pub mod candidate;
pub mod document;
pub mod figure;
pub mod floor;
pub mod load;
pub mod machine;
pub mod meter;
pub mod options;
pub mod plot;
pub mod results;
pub mod running;
pub mod scenario;
pub mod session;
pub mod sink;
pub mod stats;
pub mod table;
pub mod torture;
pub mod world;

/// A runtime on the calling thread, as our programs have one.
pub fn one_thread() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
}
