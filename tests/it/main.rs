//! All integration tests in one binary: it links once.

#![expect(clippy::unwrap_used, reason = "helpers of tests may fail as tests may, but clippy sees only functions marked as tests")]

mod alerts;
mod browser;
mod citations;
mod cli;
mod database;
mod determinism;
mod first_hour;
mod fuzz;
mod golden;
mod history;
mod hostile;
mod json_contract;
mod layers;
mod metamorphic;
mod pack;
mod parsers;
mod readme;
mod reliability;
mod risk;
mod sizes;
mod spark;
mod stress;
mod summary;
mod supply;
mod terms;
mod tool;
mod verify;
mod whole_files;
