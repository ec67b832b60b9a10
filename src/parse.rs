//! Lines and files to the model, through declarative format files.
//!
//! [`Formats`] holds what log lines can look like, [`read_log`] reads a file by it. Does not know counts, windows or
//! incidents.

mod assemble;
mod builtin;
pub mod cells;
pub mod check;
pub mod compile;
mod detail;
pub mod detect;
pub mod format;
mod matching;
mod messages;
mod pending;
mod records;
mod structured;
pub mod suggest;
pub mod timestamp;
mod trace;

pub mod changes;
pub mod config;
pub mod config_diff;
pub mod influx;
mod json_documents;
pub mod openmetrics;
pub mod otlp_metrics;
pub mod prometheus;
pub mod series;
pub mod sysstat;
pub mod topology;
pub mod unified_diff;
pub mod wide;

use std::fs;
use std::path::Path;

use serde::de::DeserializeOwned;

use compile::{FormatError, Keys, LineFormat, MessageFormat, Shared, line_format, message_format};
use format::{ColumnsFile, LineFile, MessageFile};
pub use records::{LogOutcome, read_log};

/// All formats of a run: the built-in ones and the user's.
#[derive(Debug, Default)]
pub struct Formats {
    /// By falling specificity, then by name.
    lines: Vec<LineFormat>,
    messages: Vec<MessageFormat>,
    shared: Shared,
    variants: usize,
}

impl Formats {
    /// The formats that come with the tool. A test proves that none of them is wrong.
    pub fn builtin() -> Formats {
        let mut formats = Formats::default();
        let mut wrong = formats.set_columns(builtin::COLUMNS);
        for (name, text) in builtin::LINES {
            wrong.extend(formats.add_line(name, text).err());
        }
        for (name, text) in builtin::MESSAGES {
            wrong.extend(formats.add_message(name, text).err());
        }
        debug_assert!(wrong.is_empty(), "{wrong:?}");
        formats.sort();
        formats
    }

    /// Adds the files of a folder with `lines/*.toml` and `messages/*.toml`; one of a known name replaces it.
    pub fn add_folder(&mut self, folder: &Path) -> Vec<FormatError> {
        let mut wrong = Vec::new();
        for (name, text) in toml_files(&folder.join("lines"), &mut wrong) {
            wrong.extend(self.add_line(&name, &text).err());
        }
        for (name, text) in toml_files(&folder.join("messages"), &mut wrong) {
            wrong.extend(self.add_message(&name, &text).err());
        }
        self.sort();
        wrong.extend(self.check());
        wrong
    }

    /// Compiles every expression, so that mistakes show now and not in the middle of a run.
    pub fn check(&self) -> Vec<FormatError> {
        self.lines.iter().flat_map(LineFormat::check).chain(self.messages.iter().flat_map(MessageFormat::check)).collect()
    }

    /// By falling specificity, then by name.
    pub fn lines(&self) -> &[LineFormat] {
        &self.lines
    }

    pub fn messages(&self) -> &[MessageFormat] {
        &self.messages
    }

    /// The keys that structured lines use.
    pub(crate) fn keys(&self) -> &Keys {
        &self.shared.keys
    }

    /// Number of variants of all line formats.
    pub(crate) fn variants(&self) -> usize {
        self.variants
    }

    fn set_columns(&mut self, text: &str) -> Vec<FormatError> {
        let shared = parse::<ColumnsFile>("columns", text).and_then(|file| Shared::new(file.columns));
        shared.map(|shared| self.shared = shared).err().into_iter().collect()
    }

    fn add_line(&mut self, name: &str, text: &str) -> Result<(), FormatError> {
        let file: LineFile = parse(name, text)?;
        same_name(name, &file.name)?;
        let format = line_format(file, &self.shared, &mut self.variants)?;
        self.lines.retain(|f| f.name != format.name);
        self.lines.push(format);
        Ok(())
    }

    fn add_message(&mut self, name: &str, text: &str) -> Result<(), FormatError> {
        let file: MessageFile = parse(name, text)?;
        same_name(name, &file.name)?;
        self.messages.retain(|f| f.name != file.name);
        self.messages.push(message_format(file));
        Ok(())
    }

    fn sort(&mut self) {
        self.lines.sort_by(|a, b| b.specificity.cmp(&a.specificity).then_with(|| a.name.cmp(&b.name)));
        self.messages.sort_by(|a, b| a.name.cmp(&b.name));
    }
}

fn parse<T: DeserializeOwned>(name: &str, text: &str) -> Result<T, FormatError> {
    toml::from_str(text).map_err(|e| FormatError {
        file: name.to_owned(),
        key: e
            .span()
            .map_or_else(|| "file".to_owned(), |span| format!("line {}", text[..span.start.min(text.len())].matches('\n').count() + 1)),
        why: e.message().to_owned(),
        hint: None,
    })
}

fn same_name(stem: &str, name: &str) -> Result<(), FormatError> {
    if stem == name {
        return Ok(());
    }
    let hint = Some(format!("write name = \"{stem}\", or rename the file"));
    Err(FormatError { file: stem.to_owned(), key: "name".to_owned(), why: format!("is \"{name}\" in a file of another name"), hint })
}

/// Stem and text of every TOML file of a folder, by name. A folder that is not there has none.
fn toml_files(folder: &Path, wrong: &mut Vec<FormatError>) -> Vec<(String, String)> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<_> = entries.flatten().map(|e| e.path()).filter(|p| p.extension().is_some_and(|e| e == "toml")).collect();
    paths.sort();
    let mut files = Vec::new();
    for path in paths {
        let stem = path.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
        match fs::read_to_string(&path) {
            Ok(text) => files.push((stem, text)),
            Err(e) => wrong.push(FormatError { file: stem, key: "file".to_owned(), why: e.to_string(), hint: None }),
        }
    }
    files
}
