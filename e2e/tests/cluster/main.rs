//! Our images under the stock controllers of a real cluster: `make e2e`, after `make deploy`.
//!
//! Each test has a namespace of its own and they run beside one another, but for those that change
//! the one ping-adapter of the cluster. A test for which the cluster lacks something says so on
//! stderr and is left out.

mod ping;
mod samples;
mod sources;
