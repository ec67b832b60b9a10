//! The command line: the only layer that talks to people about failure, and the only one that prints.
//!
//! It turns arguments into settings, settings into a report, and whatever went wrong into a message, a hint and an exit code.

mod alerts;
mod args;
mod calibrate;
mod database;
mod doubts;
mod formats;
mod history;
mod output;
mod pack;
mod parsers;
mod postmortem;
mod progress;
mod risk;
mod settings;
mod summarize;
mod templates;
mod verify;

use std::ffi::OsString;
use std::fmt::Display;
use std::process::ExitCode;

use clap::{CommandFactory, Parser};

use crate::analyze::{AnalyzeError, analyze};
use crate::model::{Analysis, Coverage};
use crate::redact::{self, Redactor};
use crate::report::{self, sanitize};
use crate::suspect::facts::Facts;

use args::{AnalyzeArgs, Arguments, Command};
use output::Streams;
use progress::TerminalProgress;
use settings::{Environment, Settings};

/// Done, whatever was found.
pub const EXIT_DONE: u8 = 0;
/// Could not do it; the reason is on standard error.
pub const EXIT_FAILED: u8 = 1;
/// The arguments make no sense.
pub const EXIT_USAGE: u8 = 2;
/// A gate said no. Reserved for commands with `--fail-on`.
pub const EXIT_GATE: u8 = 3;
/// Interrupted: what a shell reports for a process ended by SIGINT, which is left to its default action.
pub const EXIT_INTERRUPTED: u8 = 130;

/// Warnings about the input that are told before they are only counted.
const WARNINGS_TOLD: usize = 5;

/// Why a command stopped, worded for a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// One of the `EXIT_` constants.
    pub code: u8,
    /// A lower-case fragment that fits behind `error: `.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Failure {
    fn usage(message: impl Display, hint: impl Display) -> Failure {
        Failure { code: EXIT_USAGE, message: message.to_string(), hint: Some(hint.to_string()) }
    }

    fn failed(message: impl Display, hint: Option<String>) -> Failure {
        Failure { code: EXIT_FAILED, message: message.to_string(), hint }
    }
}

/// Runs the program with the arguments and environment of the process.
pub fn run() -> ExitCode {
    ExitCode::from(run_with(std::env::args_os(), &Environment::of_process(), &mut Streams::of_process()))
}

/// Runs the program; returns one of the `EXIT_` constants.
fn run_with(arguments: impl IntoIterator<Item = OsString>, environment: &Environment, streams: &mut Streams<'_>) -> u8 {
    let parsed = match Arguments::try_parse_from(arguments) {
        Ok(parsed) => parsed,
        Err(error) => return show_clap(&error, environment, streams),
    };
    let result = match parsed.command {
        Command::Analyze(args) => run_analyze(&args, environment, streams),
        Command::Postmortem(args) => postmortem::run(&args, environment, streams),
        Command::Alerts(args) => alerts::run(&args, environment, streams),
        Command::Pack(args) => pack::run(&args, environment, streams),
        Command::Templates(args) => templates::run(&args, environment, streams),
        Command::Risk(args) => risk::run(&args, environment, streams),
        Command::Verify(args) => verify::run(&args, environment, streams),
        Command::Report(args) => history::report(&args, environment, streams),
        Command::History(command) => history::run(&command, streams),
        Command::Db(args) => database::run_view(&args, environment, streams),
        Command::Capacity(args) => database::run_capacity(&args, environment, streams),
        Command::Summarize(args) => summarize::run(&args, environment, streams),
        Command::Merge(args) => summarize::merge(&args, streams),
        Command::Calibrate(args) => calibrate::run(&args, environment, streams),
        Command::Parsers(command) => parsers::run(&command, environment, streams),
        Command::Completions(args) => {
            let mut script = Vec::new();
            clap_complete::generate(args.shell, &mut Arguments::command(), env!("CARGO_PKG_NAME"), &mut script);
            streams.result(&script)
        }
    };
    match result {
        Ok(()) => EXIT_DONE,
        Err(failure) => {
            streams.message("error", &failure.message);
            failure.hint.iter().for_each(|hint| streams.message("hint", hint));
            failure.code
        }
    }
}

/// Help and version are results; what clap could not parse is a message.
fn show_clap(error: &clap::Error, environment: &Environment, streams: &mut Streams<'_>) -> u8 {
    let rendered = error.render();
    let (styled, plain) = (rendered.ansi().to_string(), rendered.to_string());
    if error.use_stderr() {
        streams.raw_message(if environment.stderr_colour() { &styled } else { &plain });
        return EXIT_USAGE;
    }
    match streams.result(if environment.stdout_colour() { styled.as_bytes() } else { plain.as_bytes() }) {
        Ok(()) => EXIT_DONE,
        Err(failure) => failure.code,
    }
}

/// Reads and judges, with progress, and tells of doubts; what `postmortem` and `alerts` begin with.
fn judged(
    paths: &[std::path::PathBuf],
    args: &args::JudgeArgs,
    quiet: bool,
    environment: &Environment,
    streams: &mut Streams<'_>,
) -> Result<Analysis, Failure> {
    let options = settings::options(args, true)?;
    let formats = formats::load(&args.formats, environment)?;
    if !quiet {
        formats.warn(streams);
    }
    let facts = if args.no_knowledge { Facts::empty() } else { Facts::builtin() };
    let progress = TerminalProgress::new(environment.stderr_is_terminal && !quiet, environment.unicode());
    let result = analyze(paths, &options, &formats.formats, &facts, &progress);
    progress.clear();
    let analysis = result.map_err(|error| Failure::failed(&error, hint(&error)))?;
    if !quiet {
        doubts::doubts(&options, &analysis).iter().for_each(|doubt| streams.message("warning", doubt));
        warn(&analysis.coverage, streams);
    }
    Ok(analysis)
}

fn run_analyze(args: &AnalyzeArgs, environment: &Environment, streams: &mut Streams<'_>) -> Result<(), Failure> {
    let settings = Settings::from_args(args, environment)?;
    let formats = formats::load(&args.judge.formats, environment)?;
    if !settings.quiet {
        formats.warn(streams);
    }
    let facts = if settings.knowledge { Facts::builtin() } else { Facts::empty() };
    let progress = TerminalProgress::new(settings.progress, environment.unicode());
    let result = analyze(&args.paths, &settings.options, &formats.formats, &facts, &progress);
    progress.clear();
    let mut analysis = result.map_err(|error| Failure::failed(&error, hint(&error)))?;
    if let Some(redaction) = settings.redaction {
        let redactor = Redactor::new(&analysis.dossier.salt, redaction.addresses);
        redact::walk::analysis(&mut analysis, &redactor);
    }
    if !settings.quiet {
        doubts::doubts(&settings.options, &analysis).iter().for_each(|doubt| streams.message("warning", doubt));
        warn(&analysis.coverage, streams);
    }
    if let Some(dir) = &args.history {
        let mut rows = report::rows::changes(&analysis.changes);
        rows.extend(report::rows::incidents(&analysis));
        rows.extend(report::rows::run("analyze", analysis.span, &analysis.coverage));
        history::add(dir, &rows)?;
    }
    let text = report::render(&analysis, settings.format, &settings.view);
    match &settings.output {
        Some(path) => output::write_file(path, text.as_bytes()),
        None => streams.result(text.as_bytes()),
    }
}

fn hint(error: &AnalyzeError) -> Option<String> {
    match error {
        AnalyzeError::Bundle(_) => {
            Some("name a folder that holds logs, metrics and changes.jsonl, or single files; `-` is standard input".to_owned())
        }
        AnalyzeError::Threads(_) => Some("a smaller --threads may do".to_owned()),
        AnalyzeError::Signal(_) => None,
    }
}

fn warn(coverage: &Coverage, streams: &mut Streams<'_>) {
    report::coverage_warnings(coverage).iter().for_each(|warning| streams.message("warning", &warning.text));
    for complaint in coverage.complaints.iter().take(WARNINGS_TOLD) {
        let more = if complaint.more > 0 { format!(" (and {} more in this file)", complaint.more) } else { String::new() };
        streams.message("warning", &format!("{}: {}{more}", complaint.origin, sanitize(&complaint.why)));
    }
    let rest = coverage.complaints.len().saturating_sub(WARNINGS_TOLD);
    if rest > 0 {
        streams.message("warning", &format!("{rest} more complaints about the input; --all or --format json lists them"));
    }
}

#[cfg(test)]
mod tests;
