//! What the tests on a cluster share: kubectl, a namespace of their own that goes away whatever
//! happens, the sink's log as events, and what is kept when a test fails.
//!
//! A cluster is known by its kubeconfig and is worked on by `kubectl` alone, so that every step of a
//! test is a command that can be repeated by hand. As in `testkit`, a failed expectation panics with
//! what was seen.
#![allow(
    clippy::missing_panics_doc,
    reason = "a failed expectation is a panic, everywhere here"
)]

mod cluster;
mod display;
mod event;
mod kubectl;
pub mod manifest;
mod namespace;
mod settings;
mod undo;

use std::io::{self, Write};

pub use cluster::{Need, lacks};
pub use display::Display;
pub use event::{Event, printed};
pub use kubectl::{kubectl, kubectl_with, try_kubectl};
pub use namespace::{Namespace, SOON};
pub use settings::{docker, image, root};
pub use undo::Undo;

/// A line on stderr, past the test harness's capture.
pub fn say(what: &str, sentence: &str) {
    // A lost line is no reason to fail.
    let _ = writeln!(io::stderr(), "{what}: {sentence}");
}
