//! Exactly what was typed for `summarize` and `merge`.

use std::path::PathBuf;

use clap::{Args, ValueHint};

use super::{ListFormatArg, SpanArgs};

pub(super) const SUMMARIZE_EXAMPLES: &str = "\
Examples:
  whatchanged summarize /var/log/shop -o summaries/
      Everything below a folder; the file is named after what it holds, and is not made twice.
  whatchanged summarize app.log:0-1000000000 -o first.summary.parquet
      The lines that begin within a range of bytes. What lies across the ends of ranges is counted once.
  zcat shop-*.gz | whatchanged summarize - --service shop --source logs/shop/app.log -o summaries/
      Standard input, with the names that its place would have told.
  whatchanged summarize bundle/ --plan --split-size 256M > plan.jsonl
  whatchanged summarize --pieces plan.jsonl --shard 3/16 -o summaries/
      One of sixteen machines; engines/README.md has more.
  whatchanged merge summaries/ -o all.summary.parquet && whatchanged analyze all.summary.parquet
      What one reading of everything would have said.";

pub(super) const MERGE_EXAMPLES: &str = "\
Examples:
  whatchanged merge summaries/ -o all.summary.parquet
      All summaries below a folder as one. Neither their order nor how they were grouped can be seen in it.
  whatchanged analyze summaries/
      The other commands merge what they are given, too.";

/// Arguments of `summarize`.
#[derive(Debug, Args)]
pub struct SummarizeArgs {
    /// Bundle folders or single files, FILE:START-END for a range of bytes; `-` is standard input.
    #[arg(value_name = "PATH", value_hint = ValueHint::AnyPath, required_unless_present_any = ["pieces", "piece"])]
    pub paths: Vec<PathBuf>,

    /// Lines that --plan has printed, in place of paths.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with = "paths", help_heading = "What is read")]
    pub pieces: Option<PathBuf>,

    /// One such line; may be given again.
    #[arg(long, value_name = "JSON", conflicts_with_all = ["paths", "pieces"], help_heading = "What is read")]
    pub piece: Vec<String>,

    /// Of the pieces every Nth, beginning with the Ith, counted from 0: for machines or pods with a number.
    #[arg(long, value_name = "I/N", requires = "pieces", help_heading = "What is read")]
    pub shard: Option<String>,

    /// The bytes of the only piece come from standard input: those of the file, or the lines that begin in its range.
    #[arg(long, requires = "piece", help_heading = "What is read")]
    pub stdin: bool,

    /// A file that begins as the log does, where the log itself is not at hand: its first 200 lines tell how it is written.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, requires = "stdin", help_heading = "What is read")]
    pub head: Option<PathBuf>,

    /// The service that wrote the only file, where lines do not say so.
    #[arg(long, value_name = "NAME", help_heading = "What is read")]
    pub service: Option<String>,

    /// The running copy that wrote the only file.
    #[arg(long, value_name = "NAME", help_heading = "What is read")]
    pub instance: Option<String>,

    /// What reports call the only file.
    #[arg(long, value_name = "PATH", help_heading = "What is read")]
    pub source: Option<String>,

    #[command(flatten)]
    pub span: SpanArgs,

    /// The summary, or a folder for it.
    #[arg(short, long, value_name = "FILE|DIR", value_hint = ValueHint::AnyPath, required_unless_present = "plan", help_heading = "Output")]
    pub output: Option<PathBuf>,

    /// Read nothing but the beginning of each file, and print pieces that can be summarized apart, one JSON object a line.
    #[arg(long, conflicts_with_all = ["pieces", "piece"], help_heading = "Output")]
    pub plan: bool,

    /// Cut large logs into pieces of about so many bytes, such as 256M; a log that cannot be cut stays one piece.
    #[arg(long, value_name = "SIZE", requires = "plan", help_heading = "Output")]
    pub split_size: Option<String>,

    /// How the result is told.
    #[arg(long, value_enum, default_value_t, help_heading = "Output")]
    pub format: ListFormatArg,

    /// No progress and no warnings.
    #[arg(short, long, help_heading = "Output")]
    pub quiet: bool,
}

/// Arguments of `merge`.
#[derive(Debug, Args)]
pub struct MergeArgs {
    /// Summaries, or folders that hold them.
    #[arg(required = true, value_name = "PATH", value_hint = ValueHint::AnyPath)]
    pub paths: Vec<PathBuf>,

    /// The summary of all.
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath, required = true, help_heading = "Output")]
    pub output: PathBuf,
}
