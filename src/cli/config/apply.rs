//! Lays values under the command line: they become the defaults of its flags.

use std::ffi::OsString;

use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command, CommandFactory};

use crate::cli::args::Arguments;

use super::flags::{self, flags};
use super::{Layers, Origin};

/// Flags that undo each other: clap lets the last one win, and knows nothing of defaults there.
const OPPOSITES: [(&str, &str); 2] = [("redact", "no-redact"), ("redact-ips", "no-redact")];

/// What was typed over what was set, and where the values used that were set stand.
pub fn parse(layers: &Layers, arguments: &[OsString]) -> Result<(ArgMatches, Vec<(String, Origin)>), clap::Error> {
    let matches = over(layers, arguments)?;
    let (path, leaf) = called(&matches);
    let root = Arguments::command();
    let Some((_, command)) = flags::commands(&root).into_iter().find(|(name, _)| *name == path) else {
        return Ok((matches, Vec::new()));
    };
    let typed = |arg: &Arg| leaf.value_source(arg.get_id().as_str()) == Some(ValueSource::CommandLine);
    let overruled: Vec<&str> = flags(command)
        .filter(|(_, arg)| typed(arg))
        .flat_map(|(long, arg)| against(command, long, arg))
        .filter(|other| layers.entry(&path, other).is_some())
        .collect();
    let mut rest = layers.clone();
    rest.entries.retain(|entry| !overruled.contains(&entry.flag.as_str()));
    let used = flags(command).filter(|(_, arg)| !typed(arg)).filter_map(|(long, _)| {
        let entry = rest.entry(&path, long)?;
        Some((long.to_owned(), entry.origin.clone()))
    });
    let used = used.collect();
    let matches = if overruled.is_empty() { matches } else { over(&rest, arguments)? };
    Ok((matches, used))
}

fn over(layers: &Layers, arguments: &[OsString]) -> Result<ArgMatches, clap::Error> {
    let command = Arguments::command();
    let known: Vec<Vec<String>> = flags::commands(&command).into_iter().map(|(path, _)| path).collect();
    with_defaults(command, layers, &known, &[]).try_get_matches_from(arguments)
}

/// The command that was called, with its own matches.
fn called(matches: &ArgMatches) -> (Vec<String>, &ArgMatches) {
    let (mut path, mut leaf) = (Vec::new(), matches);
    while let Some((name, below)) = leaf.subcommand() {
        path.push(name.to_owned());
        leaf = below;
    }
    (path, leaf)
}

/// The flags that cannot be meant together with this one.
fn against<'c>(command: &'c Command, long: &str, arg: &Arg) -> Vec<&'c str> {
    let conflicts = command.get_arg_conflicts_with(arg);
    let opposite = |other: &str| OPPOSITES.iter().any(|pair| *pair == (long, other) || *pair == (other, long));
    let meets = |other: &Arg| {
        let mutual = command.get_arg_conflicts_with(other);
        conflicts.iter().any(|c| c.get_id() == other.get_id()) || mutual.iter().any(|c| c.get_id() == arg.get_id())
    };
    flags(command).filter(|(other, candidate)| *other != long && (opposite(other) || meets(candidate))).map(|(other, _)| other).collect()
}

/// `known`: the commands that settings are for.
fn with_defaults(mut command: Command, layers: &Layers, known: &[Vec<String>], path: &[String]) -> Command {
    let below: Vec<String> = command.get_subcommands().map(|sub| sub.get_name().to_owned()).collect();
    for name in below {
        let inner: Vec<String> = path.iter().cloned().chain([name.clone()]).collect();
        command = command.mut_subcommand(&name, |sub| with_defaults(sub, layers, known, &inner));
    }
    if !known.iter().any(|name| name == path) {
        return command;
    }
    let set: Vec<_> = flags(&command)
        .filter_map(|(long, arg)| layers.entry(path, long).map(|entry| (arg.get_id().clone(), entry.values.clone())))
        .collect();
    for (id, values) in set {
        command = command.mut_arg(id, |arg| arg.required(false).default_values(values));
    }
    command
}
