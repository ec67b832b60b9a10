//! The commands `db` and `capacity`: what databases and poolers tell, and whether they are large enough.

use std::path::{Path, PathBuf};

use crate::capacity::{self, Asked};
use crate::database;
use crate::read::lines::STDIN;
use crate::report::{View, capacity as capacity_view, database as database_view};
use crate::suspect::facts::Facts;

use super::args::{CapacityArgs, DbArgs};
use super::output::Streams;
use super::settings::{self, Environment};
use super::{Failure, supervised, warn};

/// `db`: what databases and poolers tell.
pub fn run_view(args: &DbArgs, environment: &Environment, streams: &mut Streams<'_>) -> Result<(), Failure> {
    check_paths(&args.paths, "db")?;
    let options = settings::database(args)?;
    let formats = &args.span.source.formats;
    let view = supervised(formats, args.quiet, environment, streams, |formats, progress| {
        database::view(&args.paths, &options, formats, &Facts::catalogues(), progress)
    })?;
    if !args.quiet {
        warn(&view.coverage, streams);
    }
    let shown = shown(environment, args.all);
    streams.result(database_view::render(&view, args.format.into(), &shown).as_bytes())
}

/// `capacity`: whether pools and servers are large enough.
pub fn run_capacity(args: &CapacityArgs, environment: &Environment, streams: &mut Streams<'_>) -> Result<(), Failure> {
    check_paths(&args.paths, "capacity")?;
    let options = settings::reading(&args.span)?;
    let mut times = args.times.clone();
    times.sort_by(f64::total_cmp);
    times.dedup();
    let asked = Asked { times, wait: args.wait };
    let formats = &args.span.source.formats;
    let plan = supervised(formats, args.quiet, environment, streams, |formats, progress| {
        capacity::plan(&args.paths, &asked, &options, formats, &Facts::catalogues(), progress)
    })?;
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
