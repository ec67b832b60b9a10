//! A file of settings as written: which key stands in which line, and whether there is such a flag.

use std::fs;
use std::path::{Component, Path, PathBuf};

use clap::Command;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::cli::Failure;
use crate::parse::{place, suggest};

use super::flags;
use super::{Entry, Origin};

/// Larger files are no settings.
const LARGEST: u64 = 1 << 20;
/// Flags that name what is written.
const WRITTEN: [&str; 4] = ["output", "loki", "test", "history"];

/// How a file came to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    /// Somebody named it.
    Named,
    /// It lay in the current folder, which may be a bundle that somebody else made: it has no say over what lies outside.
    Found,
}

/// Reads and checks a file.
///
/// # Errors
/// It cannot be read, is no TOML, or sets what no command has.
pub fn read(path: &Path, trust: Trust, root: &Command) -> Result<Vec<Entry>, Failure> {
    let failed = |why: String| Failure::failed(format!("cannot read the settings {}: {why}", path.display()), None);
    let size = fs::metadata(path).map_err(|e| failed(e.to_string()))?.len();
    if size > LARGEST {
        return Err(failed(format!("{size} bytes are no settings")));
    }
    let text = fs::read_to_string(path).map_err(|e| failed(e.to_string()))?;
    let folder = path.parent().unwrap_or(Path::new(""));
    let mut entries = parse(&path.display().to_string(), &text, root)?;
    for entry in &mut entries {
        if flags::argument(root, &entry.scope, &entry.flag).is_some_and(flags::is_path) {
            if trust == Trust::Found && WRITTEN.contains(&entry.flag.as_str()) {
                entry.values.iter().try_for_each(|value| stays(folder, value, &entry.origin))?;
            }
            entry.values.iter_mut().filter(|value| *value != "-").for_each(|value| *value = beside(folder, value));
        }
    }
    Ok(entries)
}

/// A path in a file is meant from where the file is.
fn beside(folder: &Path, value: &str) -> String {
    folder.join(value).to_string_lossy().into_owned()
}

/// Whether a path leads to no other place than below `folder`.
fn stays(folder: &Path, value: &str, origin: &Origin) -> Result<(), Failure> {
    let plain = Path::new(value).components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    let home = fs::canonicalize(if folder.as_os_str().is_empty() { Path::new(".") } else { folder }).unwrap_or_default();
    let mut nearest: PathBuf = home.join(value);
    while fs::symlink_metadata(&nearest).is_err() && nearest.pop() {}
    if plain && fs::canonicalize(&nearest).is_ok_and(|real| real.starts_with(&home)) {
        return Ok(());
    }
    let message = format!("{origin}: \"{value}\" lies outside of the folder of the settings, which was not named by you");
    Err(Failure::usage(message, "read the file, and name it with --config if it may write there"))
}

/// The entries of a text; `name` is how the file is called in messages.
pub fn parse(name: &str, text: &str, root: &Command) -> Result<Vec<Entry>, Failure> {
    let document = DeTable::parse(text).map_err(|error| {
        let error = place::toml_error(name, text, &error);
        Failure::usage(&error, "`whatchanged config --all` prints a file to start from")
    })?;
    let mut reader = Reader { name, text, root, entries: Vec::new() };
    reader.table(&[], document.get_ref())?;
    reader.entries.sort_by_key(|entry| match entry.origin {
        Origin::File(_, line) => line,
        Origin::Variable(_) => 0,
    });
    reader.entries.iter().try_for_each(|entry| flags::check(root, entry))?;
    Ok(reader.entries)
}

struct Reader<'t> {
    name: &'t str,
    text: &'t str,
    root: &'t Command,
    entries: Vec<Entry>,
}

impl Reader<'_> {
    fn table(&mut self, scope: &[String], table: &DeTable<'_>) -> Result<(), Failure> {
        for (key, value) in table.iter() {
            let line = self.text.get(..key.span().start).unwrap_or("").matches('\n').count() + 1;
            let word = key.get_ref().as_ref();
            match value.get_ref() {
                DeValue::Table(inner) => {
                    let below: Vec<String> = scope.iter().cloned().chain([word.to_owned()]).collect();
                    if flags::having(self.root, &below).next().is_none() {
                        return Err(self.unknown(line, word, scope, "command"));
                    }
                    self.table(&below, inner)?;
                }
                _ => self.entry(scope, word, value, line)?,
            }
        }
        Ok(())
    }

    fn entry(&mut self, scope: &[String], word: &str, value: &Spanned<DeValue<'_>>, line: usize) -> Result<(), Failure> {
        // Underscores are a habit of other tools, and no flag has one.
        let flag = word.replace('_', "-");
        if flags::argument(self.root, scope, &flag).is_none() {
            return Err(self.unknown(line, word, scope, "flag"));
        }
        let origin = Origin::File(self.name.to_owned(), line);
        let values = match value.get_ref() {
            DeValue::Array(items) => items.iter().map(|item| self.scalar(item)).collect(),
            _ => vec![self.scalar(value)],
        };
        self.entries.push(Entry { scope: scope.to_vec(), flag, values, origin });
        Ok(())
    }

    /// A value as it would be typed.
    fn scalar(&self, value: &Spanned<DeValue<'_>>) -> String {
        match value.get_ref() {
            DeValue::String(text) => text.to_string(),
            _ => self.text.get(value.span()).unwrap_or("").trim().to_owned(),
        }
    }

    fn unknown(&self, line: usize, word: &str, scope: &[String], what: &str) -> Failure {
        let place = if scope.is_empty() { String::new() } else { format!(" in [{}]", scope.join(".")) };
        let message = format!("{}:{line}: there is no {what} \"{word}\"{place}", self.name);
        let names = flags::names(self.root, scope);
        let commands: Vec<String> = flags::having(self.root, scope).filter_map(|(path, _)| path.get(scope.len()).cloned()).collect();
        let elsewhere = flags::having(self.root, &[]).filter(|(_, command)| flags::flags(command).any(|(long, _)| long == word));
        let elsewhere: Vec<String> = elsewhere.map(|(path, _)| path.join(" ")).collect();
        let known = names.iter().chain(&commands).map(String::as_str);
        let hint = match (suggest::nearest(word, known), elsewhere.as_slice()) {
            (_, [_, ..]) => format!("it belongs to {}", elsewhere.join(", ")),
            (Some(meant), []) => format!("did you mean \"{meant}\"?"),
            (None, []) => "`whatchanged config --all` lists what can be set".to_owned(),
        };
        Failure::usage(message, hint)
    }
}
