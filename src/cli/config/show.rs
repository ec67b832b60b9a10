//! The settings in force, as a file of settings that says where each value comes from.

use std::fmt::Write as _;

use clap::{Arg, Command, CommandFactory};

use crate::cli::Failure;
use crate::cli::args::Arguments;
use crate::parse::suggest;

use super::{Entry, Layers, flags, variable};

/// Where the comments begin, if the value leaves room.
const COMMENTS: usize = 36;

/// The settings of `wanted`, of all commands where `all` is set, and else those that somebody set.
///
/// # Errors
/// There is no such command.
pub fn text(layers: &Layers, wanted: &[String], all: bool) -> Result<String, Failure> {
    let root = Arguments::command();
    let commands: Vec<_> = flags::having(&root, wanted).collect();
    if commands.is_empty() {
        return Err(unknown(&root, wanted));
    }
    let full = all || !wanted.is_empty();
    let mut text = header(layers, full);
    if !full {
        text += &common(&root, layers);
    }
    for (path, command) in commands {
        let lines: Vec<String> = flags::flags(command)
            .filter(|(_, arg)| !arg.is_hide_set())
            .map(|(long, arg)| (long, arg, layers.entry(&path, long)))
            .filter(|(.., entry)| full || entry.is_some_and(|entry| !entry.scope.is_empty()))
            .map(|(long, arg, entry)| line(long, arg, entry))
            .collect();
        if !lines.is_empty() {
            let _ = write!(text, "\n[{}]\n{}", path.join("."), lines.concat());
        }
    }
    Ok(text)
}

/// What is set for every command that has the flag.
fn common(root: &Command, layers: &Layers) -> String {
    let set = flags::names(root, &[]).into_iter().filter_map(|long| {
        let entry = layers.entry(&[], &long)?;
        flags::argument(root, &[], &long).map(|arg| line(&long, arg, Some(entry)))
    });
    let lines: String = set.collect();
    if lines.is_empty() { lines } else { format!("\n{lines}") }
}

fn unknown(root: &Command, wanted: &[String]) -> Failure {
    let names: Vec<String> = flags::commands(root).into_iter().map(|(path, _)| path.join(" ")).collect();
    let typed = wanted.join(" ");
    let listed = format!("those with settings are {}", names.join(", "));
    let hint = suggest::nearest(&typed, names.iter().map(String::as_str)).map_or(listed, |near| format!("did you mean \"{near}\"?"));
    Failure::usage(format!("there is no command \"{typed}\" that has settings"), hint)
}

fn header(layers: &Layers, full: bool) -> String {
    let file = match &layers.file {
        Some(file) => format!("# Settings from {}", file.display()),
        None => "# No file of settings is read".to_owned(),
    };
    let variables = layers.entries.iter().any(|entry| matches!(entry.origin, super::Origin::Variable(_)));
    let more = if variables { " and the environment" } else { "" };
    let rest = match (layers.entries.is_empty(), full) {
        (true, false) => "# Every flag has its default; `whatchanged config --all` lists them.\n",
        (false, false) => "# Other flags have their defaults; `whatchanged config --all` lists them.\n",
        (_, true) => "# What is only a default stands behind a #.\n",
    };
    format!("{file}{more}.\n# Flags on the command line go before.\n{rest}")
}

/// One setting.
fn line(long: &str, arg: &Arg, entry: Option<&Entry>) -> String {
    if let Some(entry) = entry {
        let setting = format!("{long} = {}", written(arg, &entry.values));
        return format!("{setting:<COMMENTS$}  # {}\n", entry.origin);
    }
    let usual: Vec<String> = arg.get_default_values().iter().map(|value| value.to_string_lossy().into_owned()).collect();
    let setting = match usual.as_slice() {
        [] if flags::is_switch(arg) => format!("# {long} = false"),
        [] => format!("# {long} ="),
        _ => format!("# {long} = {}", written(arg, &usual)),
    };
    format!("{setting:<COMMENTS$}  # default; {}\n", variable(long))
}

/// Values as TOML has them.
fn written(arg: &Arg, values: &[String]) -> String {
    let one = |value: &String| {
        let bare = flags::is_switch(arg) || value.parse::<i64>().is_ok() || value.parse::<f64>().is_ok_and(f64::is_finite);
        // TOML knows neither a plus sign before zeros nor a bare point; such numbers are words.
        let bare = bare && value.parse::<toml::Value>().is_ok();
        if bare { value.clone() } else { toml::Value::String(value.clone()).to_string() }
    };
    match values {
        [value] if !matches!(arg.get_action(), clap::ArgAction::Append) => one(value),
        _ => format!("[{}]", values.iter().map(one).collect::<Vec<_>>().join(", ")),
    }
}
