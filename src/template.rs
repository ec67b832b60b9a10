//! What kind of message a line is, and how often each kind came.
//!
//! Knows records; does not know what a window is later compared with, nor what an incident is.

pub mod bounds;
pub mod catalog;
pub mod cell;
mod chunks;
pub mod clock;
pub mod duplicates;
pub mod examples;
pub mod flow;
pub mod miner;
mod shape;
pub mod sketch;
pub mod symbols;
pub mod tally;
pub mod users;
pub mod windows;
mod words;

pub use crate::parse::tokens;
pub use cell::Cell;
pub use flow::Flow;
pub use sketch::LatencySketch;
pub use symbols::{Symbol, Symbols};
pub use tally::{RecordCounts, RecordKey, RequestCounts, RequestKey, Tally};
