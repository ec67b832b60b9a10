//! `whatchanged parsers`: what formats there are, whether one of your own is right, and what becomes of a line.
//!
//! Words and lays out; what is so, `parse` says.

mod check;
mod explain;
mod list;

use super::Failure;
use super::args::{FormatArg, ListArgs, ParsersCommand};
use super::formats;
use super::output::Streams;
use super::settings::Environment;

/// Runs one of the commands.
pub fn run(command: &ParsersCommand, environment: &Environment, streams: &mut Streams<'_>) -> Result<(), Failure> {
    match command {
        ParsersCommand::List(args) => list(args, environment, streams),
        ParsersCommand::Check(args) => check::run(args, environment, streams),
        ParsersCommand::Explain(args) => explain::run(args, environment, streams),
    }
}

fn list(args: &ListArgs, environment: &Environment, streams: &mut Streams<'_>) -> Result<(), Failure> {
    let loaded = formats::load(&args.formats, environment)?;
    loaded.warn(streams);
    let rows = list::rows(&loaded.formats);
    let text = match args.format {
        FormatArg::Terminal => list::table(&rows, environment),
        FormatArg::Json => list::json(&rows),
        FormatArg::Markdown => list::markdown(&rows),
    };
    streams.result(text.as_bytes())
}
