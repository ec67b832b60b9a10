//! Where the values of flags come from: the command line, else a variable of the environment, else a file, else the default.
//!
//! A value that is not given on the command line becomes the default of its flag before the command line is read, so that there is one
//! place where values are checked and none where they are merged. What the flags mean, this does not know.

mod apply;
mod file;
mod flags;
mod show;

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};

use clap::{CommandFactory, FromArgMatches};

use super::args::{Arguments, ConfigArgs};
use super::output::Streams;
use super::settings::{Environment, VARIABLES};
use super::{EXIT_USAGE, Failure};

/// Why no command is run.
pub enum Stop {
    /// Help, the version, or arguments that make no sense.
    Clap(clap::Error),
    /// The file or a variable makes no sense.
    Failure(Failure),
}

impl From<clap::Error> for Stop {
    fn from(error: clap::Error) -> Stop {
        Stop::Clap(error)
    }
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Stop {
        Stop::Failure(failure)
    }
}

/// Where a value stands.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Origin {
    /// The file as it was named, and the line.
    File(String, usize),
    /// The name of a variable.
    Variable(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::File(file, line) => write!(f, "{file}:{line}"),
            Origin::Variable(name) => f.write_str(name),
        }
    }
}

/// A value, or several, for a flag.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    /// The names of the command and its subcommand; none: every command that has the flag.
    scope: Vec<String>,
    /// Without its dashes.
    flag: String,
    values: Vec<String>,
    origin: Origin,
}

/// All values that were found; those that were set last go before.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Layers {
    /// What was read, where something was.
    file: Option<PathBuf>,
    entries: Vec<Entry>,
}

impl Layers {
    /// The value of a flag of a command: of the environment, else of the part of the file that is most about the command.
    fn entry(&self, command: &[String], flag: &str) -> Option<&Entry> {
        let fits = |entry: &&Entry| entry.flag == flag && command.starts_with(&entry.scope);
        self.entries.iter().filter(fits).max_by_key(|entry| (matches!(entry.origin, Origin::Variable(_)), entry.scope.len()))
    }
}

/// Which values of the command that is run were not given on the command line.
#[derive(Debug, Default)]
pub struct Origins(Vec<(String, Origin)>);

impl Origins {
    /// Says where a value stands that a command could not use.
    pub fn located(&self, mut failure: Failure) -> Failure {
        let flag = failure.message.strip_prefix("--").and_then(|rest| rest.split_once(':')).map(|(flag, _)| flag);
        let origin = flag.and_then(|flag| self.0.iter().find(|(name, _)| name == flag)).map(|(_, origin)| origin);
        if let (EXIT_USAGE, Some(origin)) = (failure.code, origin) {
            failure.message = format!("{origin}: {}", failure.message.trim_start_matches('-'));
        }
        failure
    }
}

/// Reads the command line, over the environment and the file of settings.
///
/// # Errors
/// Help or the version was asked for, or something makes no sense.
pub fn parse(arguments: &[OsString], environment: &Environment) -> Result<(Arguments, Origins), Stop> {
    let plain = Arguments::command().try_get_matches_from(arguments);
    // What the file may add can be missing here; everything else is wrong with any file.
    if let Err(error) = plain
        && error.kind() != clap::error::ErrorKind::MissingRequiredArgument
    {
        return Err(error.into());
    }
    let layers = layers(arguments, environment)?;
    let (matches, used) = apply::parse(&layers, arguments)?;
    Ok((Arguments::from_arg_matches(&matches)?, Origins(used)))
}

/// `whatchanged config`: the settings in force as a file of settings.
pub fn run(args: &ConfigArgs, arguments: &[OsString], environment: &Environment, streams: &mut Streams<'_>) -> Result<(), Failure> {
    let layers = layers(arguments, environment)?;
    streams.result(show::text(&layers, &args.command, args.all)?.as_bytes())
}

/// What the environment and the file say.
fn layers(arguments: &[OsString], environment: &Environment) -> Result<Layers, Failure> {
    let command = Arguments::command();
    let named = flags::named_file(arguments).or_else(|| environment.variables.get(&variable("config")).map(PathBuf::from));
    let usual = environment.usual_settings.as_deref().filter(|path| path.is_file());
    let file = match (flags::no_file(arguments), &named, usual) {
        (true, ..) => None,
        (false, Some(named), _) => Some((named.as_path(), file::Trust::Named)),
        (false, None, usual) => usual.map(|path| (path, file::Trust::Found)),
    };
    let mut entries = match file {
        Some((path, trust)) => file::read(path, trust, &command)?,
        None => Vec::new(),
    };
    if environment.no_color {
        // The environment goes before a file, and this is how it says so.
        entries.retain(|entry| entry.flag != "color");
    }
    entries.extend(variables(&command, environment)?);
    Ok(Layers { file: file.map(|(path, _)| Path::to_path_buf(path)), entries })
}

/// The variable that sets a flag.
fn variable(flag: &str) -> String {
    format!("{VARIABLES}{}", flag.replace('-', "_").to_uppercase())
}

/// Variables that have the name of a flag; others may be meant for other programs.
fn variables(command: &clap::Command, environment: &Environment) -> Result<Vec<Entry>, Failure> {
    let mut entries = Vec::new();
    for flag in flags::names(command, &[]) {
        let name = variable(&flag);
        let Some(value) = environment.variables.get(&name) else { continue };
        let values = vec![flags::switch_word(command, &flag, value)];
        let entry = Entry { scope: Vec::new(), flag, values, origin: Origin::Variable(name) };
        flags::check(command, &entry)?;
        entries.push(entry);
    }
    Ok(entries)
}

#[cfg(test)]
mod tests;
