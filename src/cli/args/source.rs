//! What every command that reads logs may be told of them.

use std::path::PathBuf;

use clap::{Args, ValueHint};

use super::ReachArgs;

/// Where formats are found, beside those that come with the tool.
#[derive(Clone, Debug, Default, Args)]
pub struct FormatArgs {
    /// Folder with formats of your own, in lines/*.toml and messages/*.toml; one of a known name replaces it.
    /// May be given again; WHATCHANGED_PARSERS names one where this flag does not.
    #[arg(long = "parsers", value_name = "DIR", value_hint = ValueHint::AnyPath, help_heading = "What is read")]
    pub folders: Vec<PathBuf>,
}

/// What logs are written in, and by how many threads they are read.
#[derive(Clone, Debug, Default, Args)]
pub struct SourceArgs {
    /// Zone of times that name none: UTC or an offset such as +02:00.
    #[arg(long, value_name = "OFFSET", allow_hyphen_values = true, help_heading = "What is read")]
    pub tz: Option<String>,

    #[command(flatten)]
    pub formats: FormatArgs,

    #[command(flatten)]
    pub reach: ReachArgs,

    /// Number of threads; one a core unless given.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024), help_heading = "How it is done")]
    pub threads: Option<u16>,

    /// Size of the parts in which large logs are read, for tests: no result depends on it.
    #[arg(long, value_name = "BYTES", hide = true, value_parser = clap::value_parser!(u64).range(1..))]
    pub part_size: Option<u64>,
}

/// The part of the logs that is looked at.
#[derive(Clone, Debug, Default, Args)]
pub struct SpanArgs {
    /// Leave out what is older.
    #[arg(long, value_name = "TIME", help_heading = "What is read")]
    pub since: Option<String>,

    /// Leave out what is not older.
    #[arg(long, value_name = "TIME", help_heading = "What is read")]
    pub until: Option<String>,

    #[command(flatten)]
    pub source: SourceArgs,
}
