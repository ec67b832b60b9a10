//! The command line: the only layer that talks to people about failure, and the only one that prints.
//!
//! It turns arguments into settings, settings into a report, and whatever went wrong into a message, a hint and an exit code.

mod alerts;
mod analyze;
mod args;
mod calibrate;
mod config;
mod database;
mod doubts;
mod formats;
mod history;
mod manual;
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
use std::path::PathBuf;
use std::process::ExitCode;

use crate::analyze::{self as pipeline, AnalyzeError};
use crate::model::{Analysis, Coverage, Progress};
use crate::parse::Formats;
use crate::redact::{self, Redactor};
use crate::report::{self, sanitize};
use crate::suspect::facts::Facts;

use args::{Command, FormatArgs, JudgeArgs};
use config::Stop;
use output::Streams;
use progress::TerminalProgress;
use settings::{Environment, Redaction};

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
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let (parsed, origins) = match config::parse(&arguments, environment) {
        Ok(parsed) => parsed,
        Err(Stop::Clap(error)) => return show_clap(&error, environment, streams),
        Err(Stop::Failure(failure)) => return show_failure(failure, streams),
    };
    match run_command(parsed.command, &arguments, environment, streams) {
        Ok(()) => EXIT_DONE,
        Err(failure) => show_failure(origins.located(failure), streams),
    }
}

fn run_command(command: Command, arguments: &[OsString], environment: &Environment, streams: &mut Streams<'_>) -> Result<(), Failure> {
    match command {
        Command::Analyze(args) => analyze::run(&args, environment, streams),
        Command::Demo(args) => analyze::demo(&args, environment, streams),
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
        Command::Config(args) => config::run(&args, arguments, environment, streams),
        Command::Completions(args) => manual::completions(args.shell, streams),
        Command::Man(args) => manual::pages(&args.folder, streams),
    }
}

fn show_failure(failure: Failure, streams: &mut Streams<'_>) -> u8 {
    streams.message("error", &failure.message);
    failure.hint.iter().for_each(|hint| streams.message("hint", hint));
    failure.code
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

/// What a report asks of an analysis.
struct Wanted {
    /// Whether it shows more than the verdict.
    exhibits: bool,
    redaction: Option<Redaction>,
    quiet: bool,
}

/// Reads and judges, with progress, and tells of doubts.
fn judged(
    paths: &[PathBuf],
    args: &JudgeArgs,
    wanted: &Wanted,
    environment: &Environment,
    streams: &mut Streams<'_>,
) -> Result<Analysis, Failure> {
    let options = settings::options(args, wanted.exhibits)?;
    let facts = if args.no_knowledge { Facts::empty() } else { Facts::builtin() };
    let formats = &args.span.source.formats;
    let mut analysis = supervised(formats, wanted.quiet, environment, streams, |formats, progress| {
        pipeline::analyze(paths, &options, formats, &facts, progress)
    })?;
    if let Some(redaction) = wanted.redaction {
        let redactor = Redactor::new(&analysis.dossier.salt, redaction.addresses);
        redact::walk::analysis(&mut analysis, &redactor);
    }
    if !wanted.quiet {
        doubts::doubts(&options, &analysis).iter().for_each(|doubt| streams.message("warning", doubt));
        warn(&analysis.coverage, streams);
    }
    Ok(analysis)
}

/// Loads the formats, tells what is wrong with them, shows progress while `work` goes on, and words what stopped it.
fn supervised<T>(
    formats: &FormatArgs,
    quiet: bool,
    environment: &Environment,
    streams: &mut Streams<'_>,
    work: impl FnOnce(&Formats, &dyn Progress) -> Result<T, AnalyzeError>,
) -> Result<T, Failure> {
    let loaded = formats::load(formats, environment)?;
    if !quiet {
        loaded.warn(streams);
    }
    let progress = TerminalProgress::new(environment.stderr_is_terminal && !quiet, environment.unicode());
    let result = work(&loaded.formats, &progress);
    progress.clear();
    result.map_err(|error| Failure::failed(&error, hint(&error)))
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
    // What is said of the bundle as a whole is among the warnings.
    let of_files: Vec<_> = coverage.complaints.iter().filter(|complaint| !complaint.is_of_bundle()).collect();
    for complaint in of_files.iter().take(WARNINGS_TOLD) {
        let more = if complaint.more > 0 { format!(" (and {} more in this file)", complaint.more) } else { String::new() };
        streams.message("warning", &format!("{}: {}{more}", complaint.origin, sanitize(&complaint.why)));
    }
    let rest = of_files.len().saturating_sub(WARNINGS_TOLD);
    if rest > 0 {
        streams.message("warning", &format!("{rest} more complaints about the input; --all or --format json lists them"));
    }
}

#[cfg(test)]
mod tests;
