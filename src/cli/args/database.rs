//! Exactly what was typed for `db` and `capacity`.

use std::path::PathBuf;

use clap::{Args, ValueHint};

use super::{FormatArg, SpanArgs};

pub(super) const DB_EXAMPLES: &str = "\
Examples:
  whatchanged db bundle/
      Errors, slow statements, locks, connections of every database and pooler, before and during the incident.
  whatchanged db postgresql.log --format json | jq '.servers[0].statements[] | {shape, p95_ms: .all.p95_ms}'
      A single log; docs/db.schema.json describes the result.
  whatchanged db bundle/ --incident 2026-11-22T17:24:40Z..2026-11-22T17:27:30Z
      Compare with a window that is known already.";

pub(super) const CAPACITY_EXAMPLES: &str = "\
Examples:
  whatchanged capacity bundle/
      Pools and limits at the load in the bundle and at multiples of it, and what runs out first.
  whatchanged capacity bundle/ --times 1,3,10 --wait 0.001
      At 1, 3 and 10 times the load, if one request in a thousand may wait.
  whatchanged capacity bundle/ --format json | jq '.first'
      For scripts.";

/// Arguments of `db`.
#[derive(Debug, Args)]
pub struct DbArgs {
    /// Bundle folders or single files.
    #[arg(required = true, value_name = "PATH", value_hint = ValueHint::AnyPath)]
    pub paths: Vec<PathBuf>,

    /// The incident, where it is known; no other is looked for then.
    #[arg(long, value_name = "START[..END]", help_heading = "What is known")]
    pub incident: Option<String>,

    /// A period known to have been quiet.
    #[arg(long, value_name = "START..END", help_heading = "What is known")]
    pub baseline: Option<String>,

    /// Show everything, not the first screen alone.
    #[arg(long, help_heading = "Output")]
    pub all: bool,

    /// How the result is written.
    #[arg(long, value_enum, default_value_t, help_heading = "Output")]
    pub format: FormatArg,

    /// No progress and no warnings.
    #[arg(short, long, help_heading = "Output")]
    pub quiet: bool,

    #[command(flatten)]
    pub span: SpanArgs,
}

/// Arguments of `capacity`.
#[derive(Debug, Args)]
pub struct CapacityArgs {
    /// Bundle folders or single files.
    #[arg(required = true, value_name = "PATH", value_hint = ValueHint::AnyPath)]
    pub paths: Vec<PathBuf>,

    /// Multiples of the observed load to answer for.
    #[arg(long, value_name = "K,K,…", value_delimiter = ',', value_parser = multiple, default_values_t = [1.0, 2.0, 4.0], help_heading = "What is asked")]
    pub times: Vec<f64>,

    /// The share of requests that may have to wait for a connection.
    #[arg(long, value_name = "SHARE", value_parser = share, default_value_t = 0.01, help_heading = "What is asked")]
    pub wait: f64,

    /// How the result is written.
    #[arg(long, value_enum, default_value_t, help_heading = "Output")]
    pub format: FormatArg,

    /// No progress and no warnings.
    #[arg(short, long, help_heading = "Output")]
    pub quiet: bool,

    #[command(flatten)]
    pub span: SpanArgs,
}

fn multiple(text: &str) -> Result<f64, String> {
    let value: f64 = text.trim().parse().map_err(|_| "not a number".to_owned())?;
    if (0.01..=10_000.0).contains(&value) { Ok(value) } else { Err("must lie between 0.01 and 10000".to_owned()) }
}

fn share(text: &str) -> Result<f64, String> {
    let value: f64 = text.trim().parse().map_err(|_| "not a number".to_owned())?;
    if (1e-6..=0.5).contains(&value) { Ok(value) } else { Err("must lie between 0.000001 and 0.5".to_owned()) }
}
