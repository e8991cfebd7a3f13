//! Faults around a real binary, and the oracle that compares what had to arrive with what did.
//!
//! A row is a subject (a program and somebody who makes it send) and a fault. A seed decides when
//! the fault strikes, how long and how exactly. What is promised of a row comes from the program's
//! page in `docs`; what is seen goes into `docs/torture.md`.

pub mod cli;
pub mod crew;
pub mod fault;
pub mod oracle;
pub mod program;
pub mod programs;
pub mod proxy;
pub mod report;
pub mod rng;
pub mod row;
pub mod run;
pub mod scene;
pub mod schedule;
pub mod setting;
pub mod sink;
pub mod soak;
pub mod subject;
