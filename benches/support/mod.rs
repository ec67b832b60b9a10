//! Input for the benches, made anew from a seed: nothing is downloaded and nothing is kept.

#![allow(dead_code, reason = "each bench uses a part of it")]

pub mod corpus;
pub mod random;
pub mod system;
