//! The formats of a run: those of the tool, over them those of the user's configuration folder, over these what `--parsers` names.
//!
//! Finds the folders; what a format is, `parse` knows.

use std::path::{Path, PathBuf};

use crate::parse::folder;
use crate::parse::{FormatError, Formats};

use super::Failure;
use super::args::FormatArgs;
use super::output::Streams;
use super::settings::Environment;

/// How a folder of formats looks.
const LAYOUT: &str = "put lines/NAME.toml and messages/NAME.toml into it; `whatchanged parsers list` names those that there are";

/// Formats, and what is wrong with the user's own.
#[derive(Debug)]
pub struct Loaded {
    pub formats: Formats,
    pub wrong: Vec<FormatError>,
}

impl Loaded {
    /// Tells every mistake: a format that is left out is a reason for a wrong conclusion.
    pub fn warn(&self, streams: &mut Streams<'_>) {
        for error in &self.wrong {
            streams.message("warning", &format!("{error}: left out"));
        }
    }
}

/// Loads the formats of a run.
///
/// # Errors
/// A folder that was asked for cannot be read, or holds no format.
pub fn load(args: &FormatArgs, environment: &Environment) -> Result<Loaded, Failure> {
    let mut loaded = Loaded { formats: Formats::builtin(), wrong: Vec::new() };
    if let Some(usual) = environment.own_formats.as_ref().filter(|folder| folder.is_dir()) {
        loaded.wrong.extend(loaded.formats.add_folder(usual));
    }
    for path in &args.folders {
        for file in files(path)? {
            loaded.wrong.extend(loaded.formats.add_file(&file).err().into_iter().flatten());
        }
    }
    Ok(loaded)
}

/// The format files that a path names: itself, or those in the folder.
///
/// # Errors
/// It cannot be read, or the folder holds none.
pub fn files(path: &Path) -> Result<Vec<PathBuf>, Failure> {
    let failure = |why: String, hint: &str| Failure::failed(format!("no formats from {}: {why}", path.display()), Some(hint.to_owned()));
    if path.is_file() {
        return Ok(vec![path.to_owned()]);
    }
    let found = folder::files(path).map_err(|e| match e.kind() {
        std::io::ErrorKind::NotFound => failure("no such file or folder".to_owned(), LAYOUT),
        std::io::ErrorKind::PermissionDenied => failure("permission denied".to_owned(), "let yourself read it"),
        _ => failure(e.to_string(), LAYOUT),
    })?;
    if found.is_empty() { Err(failure("there is no TOML file in it".to_owned(), LAYOUT)) } else { Ok(found) }
}
