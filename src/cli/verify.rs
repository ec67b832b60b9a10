//! The command `verify`: what became of changes, and a gate for what follows a deploy.

use crate::model::{ChangeId, Outcome, Verifications};
use crate::report::{View, rows, sanitize, verify as view};
use crate::suspect::facts::Facts;
use crate::verify;

use super::args::{OutcomeArg, VerifyArgs};
use super::output::Streams;
use super::settings::{self, Environment};
use super::{EXIT_GATE, Failure, history, supervised, warn};

/// Tells what became of changes, and closes the gate that `--fail-on` makes.
pub fn run(args: &VerifyArgs, environment: &Environment, streams: &mut Streams<'_>) -> Result<(), Failure> {
    let options = settings::as_of(&args.source, args.subject.as_of.as_deref())?;
    let terms = settings::terms(args)?;
    let wanted = args.subject.change.as_deref().map(ChangeId::new);
    let formats = &args.source.formats;
    let found = supervised(formats, args.quiet, environment, streams, |formats, progress| {
        verify::verify(&args.subject.paths, wanted.as_ref(), terms, &options, (formats, &Facts::builtin()), progress)
    })?;
    if !args.quiet {
        warn(&found.coverage, streams);
    }
    if let (Some(id), true) = (&wanted, found.changes.is_empty()) {
        let hint = "leave --change out to see all; a change later than --as-of is not known yet";
        return Err(Failure::failed(format!("no change {} is recorded", sanitize(id.as_str())), Some(hint.to_owned())));
    }
    if let Some(dir) = &args.history {
        let mut rows = rows::verdicts(&found);
        rows.extend(rows::changes(&found.changes.iter().map(|v| std::sync::Arc::clone(&v.change)).collect::<Vec<_>>()));
        rows.extend(rows::run("verify", None, &found.coverage));
        history::add(dir, &rows)?;
    }
    let shown = View { width: environment.width(), unicode: environment.unicode(), all: args.all, ..View::default() };
    streams.result(view::render(&found, args.format.into(), &shown).as_bytes())?;
    gate(&found, args.fail_on)
}

/// Closed by the first change that turned out as bad as said.
fn gate(found: &Verifications, fail_on: Option<OutcomeArg>) -> Result<(), Failure> {
    let closes = |outcome: Outcome| match fail_on {
        None => false,
        Some(OutcomeArg::Worse) => outcome == Outcome::Worse,
        Some(OutcomeArg::CannotTell) => outcome != Outcome::NotWorse,
    };
    let Some(worst) = found.changes.iter().filter(|change| closes(change.outcome)).min_by_key(|change| change.outcome) else {
        return Ok(());
    };
    let hint = match worst.outcome {
        Outcome::CannotTell => "wait for more traffic and look again: looking again costs no certainty",
        _ => "take it back, or find out with `whatchanged analyze` what else happened",
    };
    Err(Failure { code: EXIT_GATE, message: view::headline(worst), hint: Some(hint.to_owned()) })
}
