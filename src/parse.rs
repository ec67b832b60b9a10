//! Lines and files to the model, through declarative format files.
//!
//! [`Formats`] holds what log lines can look like, [`read_log`] reads a file by it. Does not know counts, windows or
//! incidents.

mod assemble;
mod beginnings;
mod builtin;
pub mod cells;
pub mod check;
pub mod compile;
mod detail;
pub mod detect;
mod dispatch;
pub mod explain;
pub mod folder;
pub mod format;
mod header;
mod keys;
mod matching;
mod messages;
pub mod pattern;
mod pending;
pub mod place;
mod recall;
mod records;
pub mod rhythm;
mod scanner;
mod stamp;
mod structured;
pub mod suggest;
pub mod timestamp;
pub mod tokens;
mod trace;

pub mod changes;
pub mod config;
pub mod config_diff;
pub mod influx;
mod json_documents;
pub mod openmetrics;
pub mod otlp_metrics;
pub mod parallel;
pub mod prometheus;
pub mod series;
pub mod sysstat;
pub mod topology;
pub mod unified_diff;
mod varying;
pub mod wide;

use std::fs;
use std::path::Path;

use serde::de::DeserializeOwned;

use beginnings::Beginnings;
use changes::format::{ChangeFile, ChangeFormat};
pub use compile::FormatError;
use compile::{Keys, LineFormat, MessageFormat, Shared, line_format, message_format};
use dispatch::Plan;
use folder::{Kind, about_file};
use format::{ColumnsFile, LineFile, MessageFile};
use place::Written;
use records::read_watched;
pub use records::{Ledger, LogOutcome, Parts, Sink, Watch, Worker, piece, read_log};

/// All formats of a run: the built-in ones and the user's.
#[derive(Debug, Default)]
pub struct Formats {
    /// By falling specificity, then by name.
    lines: Vec<LineFormat>,
    messages: Vec<MessageFormat>,
    plan: Plan,
    beginnings: Beginnings,
    /// The surest first, then by name.
    changes: Vec<ChangeFormat>,
    shared: Shared,
    variants: usize,
}

impl Formats {
    /// The formats that come with the tool. A test proves that none of them is wrong.
    pub fn builtin() -> Formats {
        let mut formats = Formats::default();
        let mut wrong = formats.set_columns(builtin::COLUMNS);
        for (name, text) in builtin::files(Kind::Lines) {
            wrong.extend(formats.add_line(name, text).err());
        }
        for (name, text) in builtin::files(Kind::Messages) {
            wrong.extend(formats.add_message(name, text).err());
        }
        for (name, text) in builtin::files(Kind::Changes) {
            wrong.extend(formats.add_change(name, text, None).err());
        }
        debug_assert!(wrong.is_empty(), "{wrong:?}");
        formats.sort();
        formats
    }

    /// Adds a user's format files; one of a known name replaces it. What is wrong stays out, the rest goes in.
    pub fn add_folder(&mut self, folder: &Path) -> Vec<FormatError> {
        match folder::files(folder) {
            Ok(files) => files.iter().filter_map(|path| self.add_file(path).err()).flatten().collect(),
            Err(e) => vec![about_file(folder, e, None)],
        }
    }

    /// Adds a user's format file and returns what it is and its name.
    ///
    /// # Errors
    /// Everything that is wrong with it; the formats are then as they were.
    pub fn add_file(&mut self, path: &Path) -> Result<(Kind, String), Vec<FormatError>> {
        let text = fs::read_to_string(path).map_err(|e| vec![about_file(path, e, None)])?;
        let kind = Kind::of(path, &text);
        let stem = path.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
        let written = Written { path: path.to_owned(), text };
        let added = match kind {
            Kind::Lines => self.add_written_line(&stem, &written),
            Kind::Messages => self.add_written_message(&stem, &written),
            Kind::Changes => self.add_change(&stem, &written.text, Some(written.clone())).map_err(|error| vec![error]),
        };
        added.map_err(|wrong| wrong.into_iter().map(|error| written.locate(error)).collect::<Vec<_>>())?;
        self.sort();
        Ok((kind, stem))
    }

    /// Compiles every expression, so that mistakes show now and not in the middle of a run.
    pub fn check(&self) -> Vec<FormatError> {
        self.lines.iter().flat_map(LineFormat::check).chain(self.messages.iter().flat_map(MessageFormat::check)).collect()
    }

    /// By falling specificity, then by name.
    pub fn lines(&self) -> &[LineFormat] {
        &self.lines
    }

    /// What messages mean, whatever format their lines have.
    pub fn messages(&self) -> &[MessageFormat] {
        &self.messages
    }

    /// What exports of recorded changes look like; the surest first.
    pub fn changes(&self) -> &[ChangeFormat] {
        &self.changes
    }

    /// The keys that structured lines use.
    pub(crate) fn keys(&self) -> &Keys {
        &self.shared.keys
    }

    pub(crate) fn plan(&self) -> &Plan {
        &self.plan
    }

    pub(crate) fn beginnings(&self) -> &Beginnings {
        &self.beginnings
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
        let format = self.line(name, text)?;
        self.put_line(format);
        Ok(())
    }

    fn add_message(&mut self, name: &str, text: &str) -> Result<(), FormatError> {
        self.put_message(message(name, text)?);
        Ok(())
    }

    /// A user's expressions are compiled at once: a mistake must not show in the middle of a run.
    fn add_written_line(&mut self, stem: &str, written: &Written) -> Result<(), Vec<FormatError>> {
        let mut format = self.line(stem, &written.text).map_err(|error| vec![error])?;
        none(format.check())?;
        format.written = Some(written.clone());
        self.put_line(format);
        Ok(())
    }

    fn add_written_message(&mut self, stem: &str, written: &Written) -> Result<(), Vec<FormatError>> {
        let format = message(stem, &written.text).map_err(|error| vec![error])?;
        none(format.check())?;
        self.put_message(MessageFormat { written: Some(written.clone()), ..format });
        Ok(())
    }

    fn line(&mut self, name: &str, text: &str) -> Result<LineFormat, FormatError> {
        let file: LineFile = parse(name, text)?;
        same_name(name, &file.name)?;
        line_format(file, &self.shared, &mut self.variants)
    }

    fn put_line(&mut self, format: LineFormat) {
        self.lines.retain(|f| f.name != format.name);
        self.lines.push(format);
    }

    fn put_message(&mut self, format: MessageFormat) {
        self.messages.retain(|f| f.name != format.name);
        self.messages.push(format);
    }

    fn add_change(&mut self, name: &str, text: &str, written: Option<Written>) -> Result<(), FormatError> {
        let file: ChangeFile = parse(name, text)?;
        same_name(name, &file.name)?;
        let mut format = ChangeFormat::new(file)?;
        format.written = written;
        self.changes.retain(|f| f.name != format.name);
        self.changes.push(format);
        Ok(())
    }

    fn sort(&mut self) {
        self.lines.sort_by(|a, b| b.specificity.cmp(&a.specificity).then_with(|| a.name.cmp(&b.name)));
        for (position, format) in self.lines.iter_mut().enumerate() {
            format.position = position;
        }
        self.plan = Plan::new(&self.lines);
        self.beginnings = Beginnings::new(&self.lines, self.variants, self.messages.iter().map(|format| format.patterns.len()).sum());
        self.messages.sort_by(|a, b| a.name.cmp(&b.name));
        self.changes.sort_by(|a, b| b.specificity().cmp(&a.specificity()).then_with(|| a.name.cmp(&b.name)));
    }
}

fn parse<T: DeserializeOwned>(name: &str, text: &str) -> Result<T, FormatError> {
    toml::from_str(text).map_err(|e| place::toml_error(name, text, &e))
}

fn message(name: &str, text: &str) -> Result<MessageFormat, FormatError> {
    let file: MessageFile = parse(name, text)?;
    same_name(name, &file.name)?;
    Ok(message_format(file))
}

fn none(wrong: Vec<FormatError>) -> Result<(), Vec<FormatError>> {
    if wrong.is_empty() { Ok(()) } else { Err(wrong) }
}

fn same_name(stem: &str, name: &str) -> Result<(), FormatError> {
    if stem == name {
        return Ok(());
    }
    let (key, why) = ("name".to_owned(), format!("is \"{name}\" in a file of another name"));
    let hint = Some(format!("write name = \"{stem}\", or rename the file"));
    Err(FormatError { file: stem.to_owned(), line: None, key, why, hint })
}
