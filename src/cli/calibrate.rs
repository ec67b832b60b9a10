//! The command `calibrate`: how often answers are right where the truth is known, and what confidences are worth.

use crate::calibrate::{CalibrateError, Conditions, calibrate};
use crate::model::Options;
use crate::report::{View, calibration};
use crate::suspect::facts::Facts;

use super::args::CalibrateArgs;
use super::output::Streams;
use super::progress::TerminalProgress;
use super::settings::{DEFAULT_WIDTH, Environment};
use super::{Failure, formats};

/// Analyses the cases and prints how right the answers were.
pub fn run(args: &CalibrateArgs, environment: &Environment, streams: &mut Streams<'_>) -> Result<(), Failure> {
    let formats = formats::load(&args.formats, environment)?;
    if !args.quiet {
        formats.warn(streams);
    }
    let facts = if args.no_knowledge { Facts::empty() } else { Facts::builtin() };
    let (threads, without) = (args.threads.map(usize::from), args.families.left_out());
    let options = Options { threads, without, reach: args.reach.reach(), ..Options::default() };
    let conditions = Conditions { options, blind: args.blind };
    let progress = TerminalProgress::new(environment.stderr_is_terminal && !args.quiet, environment.unicode());
    let result = calibrate(&args.cases, &conditions, &formats.formats, &facts, &progress);
    progress.clear();
    let result = result.map_err(|error| Failure::failed(&error, hint(&error)))?;
    if !args.quiet {
        result.failures.iter().for_each(|(case, why)| streams.message("warning", &format!("{case}: {why}")));
    }
    if result.all.cases == 0 {
        return Err(Failure::failed("no truth of any case could be read", None));
    }
    let view = View { width: environment.columns.unwrap_or(DEFAULT_WIDTH), unicode: environment.unicode(), ..View::default() };
    streams.result(calibration::render(&result, args.format.into(), &view).as_bytes())
}

fn hint(error: &CalibrateError) -> Option<String> {
    match error {
        CalibrateError::NoCases => Some("a case is a bundle with a truth.json; docs/accuracy.md says what stands in it".to_owned()),
        CalibrateError::Folder(..) => None,
    }
}
