//! Counts and samples as signals over time. The only folder that knows polars: later layers see slices of numbers.
//!
//! Knows the tally and metric samples; does not know changes, nor what a signal will be blamed for.

pub mod class;
pub mod clocks;
mod contained;
pub mod load;
pub mod metrics;
pub mod outcomes;
mod pages;
pub mod parquet;
pub mod tables;
pub mod tabulate;

pub use outcomes::{Breakdown, Outcomes};
pub use tabulate::{SignalError, Signals, tabulate};
