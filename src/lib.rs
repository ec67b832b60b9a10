//! `whatchanged` answers the first question of every incident: what changed, and is that the cause?
//!
//! Data flow in one direction, and so do imports: a module may only use those above it in this list. [`analyze`] is the straight
//! line from a bundle of files to verdicts.

pub mod model;
pub mod stats;

pub mod read;

pub mod parse;

pub mod template;

pub mod signal;

pub mod summary;

pub mod intake;

pub mod incident;

pub mod suspect;

pub mod verdict;

pub mod dossier;

pub mod redact;

pub mod pack;

pub mod analyze;
pub mod database;

pub mod capacity;
pub mod mine;
pub mod risk;
pub mod verify;

pub mod history;

pub mod calibrate;

pub mod report;

pub mod cli;
