//! Which flags there are for which command, and which values they take: asked of the description of the command line.

use std::error::Error as _;
use std::ffi::OsString;
use std::path::PathBuf;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, ArgAction, Command, ValueHint};

use crate::cli::Failure;
use crate::parse::suggest;

use super::Entry;

/// Flags that say where the others come from, or that clap adds.
const ABOUT: [&str; 4] = ["config", "no-config", "help", "version"];
/// Commands about the program itself: a setting for all commands is not meant for them.
const APART: [&str; 4] = ["config", "completions", "man", "help"];

/// The commands that read something, by their names, with the flags that can be set.
pub fn commands(root: &Command) -> Vec<(Vec<String>, &Command)> {
    let mut found = Vec::new();
    below(root, &mut Vec::new(), &mut found);
    found
}

fn below<'c>(command: &'c Command, path: &mut Vec<String>, found: &mut Vec<(Vec<String>, &'c Command)>) {
    let top = path.is_empty();
    for sub in command.get_subcommands().filter(|sub| !top || !APART.contains(&sub.get_name())) {
        path.push(sub.get_name().to_owned());
        if sub.has_subcommands() {
            below(sub, path, found)
        } else {
            found.push((path.clone(), sub))
        }
        path.pop();
    }
}

/// The flags of a command that a file may set.
pub fn flags(command: &Command) -> impl Iterator<Item = (&str, &Arg)> {
    command.get_arguments().filter_map(|arg| arg.get_long().map(|long| (long, arg))).filter(|(long, _)| !ABOUT.contains(long))
}

/// The names of all flags of the commands below `scope`, each once.
pub fn names(root: &Command, scope: &[String]) -> Vec<String> {
    let mut names: Vec<String> = having(root, scope).flat_map(|(_, command)| flags(command).map(|(long, _)| long.to_owned())).collect();
    names.sort();
    names.dedup();
    names
}

/// The commands that a scope is about.
pub fn having<'c>(root: &'c Command, scope: &[String]) -> impl Iterator<Item = (Vec<String>, &'c Command)> {
    commands(root).into_iter().filter(move |(path, _)| path.starts_with(scope))
}

/// The flag of that name of any command.
pub fn argument<'c>(root: &'c Command, scope: &[String], flag: &str) -> Option<&'c Arg> {
    having(root, scope).find_map(|(_, command)| flags(command).find(|(long, _)| *long == flag).map(|(_, arg)| arg))
}

/// Whether the flag is given without a value.
pub fn is_switch(arg: &Arg) -> bool {
    matches!(arg.get_action(), ArgAction::SetTrue | ArgAction::SetFalse)
}

/// Whether the value is a place in the file system.
pub fn is_path(arg: &Arg) -> bool {
    matches!(arg.get_value_hint(), ValueHint::AnyPath | ValueHint::FilePath | ValueHint::DirPath)
}

/// What a variable says of a flag that takes no value, in clap's words; any other value as it is.
pub fn switch_word(root: &Command, flag: &str, value: &str) -> String {
    let switch = argument(root, &[], flag).is_some_and(is_switch);
    match value.to_ascii_lowercase().as_str() {
        "1" | "yes" | "on" | "true" if switch => "true".to_owned(),
        "0" | "no" | "off" | "false" if switch => "false".to_owned(),
        _ => value.to_owned(),
    }
}

/// Lets every command that the entry is for take its value.
///
/// # Errors
/// One does not.
pub fn check(root: &Command, entry: &Entry) -> Result<(), Failure> {
    for (path, command) in having(root, &entry.scope) {
        let Some((_, arg)) = flags(command).find(|(long, _)| *long == entry.flag) else { continue };
        refused(command, arg, entry).map_or(Ok(()), |(why, hint)| {
            let shown = entry.values.join("\", \"");
            let (who, apart) = match path == entry.scope {
                true => (String::new(), String::new()),
                false => (
                    format!(" for `{}`", path.join(" ")),
                    format!("; what is meant for one command stands in its table, such as [{}]", path.join(".")),
                ),
            };
            Err(Failure::usage(format!("{}: {} = \"{shown}\"{who}: {why}", entry.origin, entry.flag), format!("{hint}{apart}")))
        })?;
    }
    Ok(())
}

/// Why a command does not take a value, and what to do about it.
fn refused(command: &Command, arg: &Arg, entry: &Entry) -> Option<(String, String)> {
    if is_switch(arg) {
        let fine = matches!(entry.values.as_slice(), [one] if one == "true" || one == "false");
        return (!fine).then(|| ("is neither true nor false".to_owned(), "the flag takes no value: switch it on with true".to_owned()));
    }
    if entry.values.len() > 1 && !matches!(arg.get_action(), ArgAction::Append) {
        return Some(("is more than one value".to_owned(), "give one".to_owned()));
    }
    let typed = entry.values.iter().map(|value| format!("--{}={value}", entry.flag));
    let arguments = std::iter::once(command.get_name().to_owned()).chain(typed);
    let error = command.clone().try_get_matches_from(arguments).err()?;
    match error.kind() {
        ErrorKind::InvalidValue => Some(("is none of its values".to_owned(), choices(&error, &entry.values))),
        ErrorKind::ValueValidation => {
            let why = error.source().map_or_else(|| "makes no sense".to_owned(), ToString::to_string);
            Some((why, format!("`whatchanged {} --help` says what --{} takes", entry.scope.first().unwrap_or(&entry.flag), entry.flag)))
        }
        // What else a command needs is not the value's affair.
        _ => None,
    }
}

fn choices(error: &clap::Error, values: &[String]) -> String {
    let known = match error.get(ContextKind::ValidValue) {
        Some(ContextValue::Strings(known)) => known.as_slice(),
        _ => &[],
    };
    let meant = values.iter().find_map(|value| suggest::nearest(value, known.iter().map(String::as_str)));
    let listed = known.join(", ");
    meant.map_or_else(|| format!("its values are {listed}"), |meant| format!("did you mean \"{meant}\"? its values are {listed}"))
}

/// The file that the command line names. It is looked for before the command line is read, because it has a say in what that means.
pub fn named_file(arguments: &[OsString]) -> Option<PathBuf> {
    let mut before = arguments.iter().take_while(|argument| *argument != "--");
    let mut found = None;
    while let Some(argument) = before.next() {
        match argument.to_str() {
            Some("--config") => found = before.next().map(PathBuf::from),
            Some(text) => found = text.strip_prefix("--config=").map(PathBuf::from).or(found),
            None => {}
        }
    }
    found
}

/// Whether the command line wants no file.
pub fn no_file(arguments: &[OsString]) -> bool {
    arguments.iter().take_while(|argument| *argument != "--").any(|argument| argument == "--no-config")
}
