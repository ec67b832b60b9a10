//! The commands `db` and `capacity`: what databases and poolers tell, and whether they are large enough.

use std::path::{Path, PathBuf};

use crate::analyze::AnalyzeError;
use crate::capacity::{self, Asked};
use crate::database;
use crate::read::lines::STDIN;
use crate::report::{View, capacity as capacity_view, database as database_view};
use crate::suspect::facts::Facts;

use super::args::{CapacityArgs, DbArgs};
use super::output::Streams;
use super::progress::TerminalProgress;
use super::settings::{self, Environment};
use super::{Failure, formats, hint, warn};

pub fn run_view(args: &DbArgs, environment: &Environment, streams: &mut Streams<'_>) -> Result<(), Failure> {
    check_paths(&args.paths, "db")?;
    let options = settings::database(args)?;
    let loaded = formats::load(&args.formats, environment)?;
    if !args.quiet {
        loaded.warn(streams);
    }
    let progress = TerminalProgress::new(environment.stderr_is_terminal && !args.quiet, environment.unicode());
    let result = database::view(&args.paths, &options, &loaded.formats, &Facts::catalogues(), &progress);
    progress.clear();
    let view = result.map_err(|error: AnalyzeError| Failure::failed(&error, hint(&error)))?;
    if !args.quiet {
        warn(&view.coverage, streams);
    }
    let shown = shown(environment, args.all);
    streams.result(database_view::render(&view, args.format.into(), &shown).as_bytes())
}

pub fn run_capacity(args: &CapacityArgs, environment: &Environment, streams: &mut Streams<'_>) -> Result<(), Failure> {
    check_paths(&args.paths, "capacity")?;
    let options = settings::capacity(args)?;
    let loaded = formats::load(&args.formats, environment)?;
    if !args.quiet {
        loaded.warn(streams);
    }
    let mut times = args.times.clone();
    times.sort_by(f64::total_cmp);
    times.dedup();
    let asked = Asked { times, wait: args.wait };
    let progress = TerminalProgress::new(environment.stderr_is_terminal && !args.quiet, environment.unicode());
    let result = capacity::plan(&args.paths, &asked, &options, &loaded.formats, &Facts::catalogues(), &progress);
    progress.clear();
    let plan = result.map_err(|error: AnalyzeError| Failure::failed(&error, hint(&error)))?;
    if !args.quiet {
        warn(&plan.coverage, streams);
    }
    streams.result(capacity_view::render(&plan, args.format.into(), &shown(environment, false)).as_bytes())
}

/// What is read twice cannot be standard input.
fn check_paths(paths: &[PathBuf], command: &str) -> Result<(), Failure> {
    if paths.iter().any(|path| path == Path::new(STDIN)) {
        let message = format!("{command} reads its input twice, which standard input cannot be");
        return Err(Failure::usage(message, "save it to a file first"));
    }
    Ok(())
}

fn shown(environment: &Environment, all: bool) -> View {
    View { width: environment.width(), unicode: environment.unicode(), all, ..View::default() }
}
