//! The tables of the contract.

mod logging;
mod observability;
