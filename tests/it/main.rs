//! All integration tests in one binary: it links once.

mod cli;
mod determinism;
mod golden;
mod hostile;
mod json_contract;
mod layers;
mod readme;
mod tool;
