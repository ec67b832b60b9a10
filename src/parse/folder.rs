//! A user's folder of format files: which files it has and what each of them is.
//!
//! `lines/*.toml`, `messages/*.toml` and `changes/*.toml` as in the tool's own `parsers/`; a file that lies beside these folders is told by its tables.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::compile::FormatError;

/// What a format file describes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// How a program writes its lines.
    Lines,
    /// What a message says, whatever line it came in.
    Messages,
    /// How another tool writes the changes that it made.
    Changes,
}

impl Kind {
    /// Every kind that a folder can hold.
    pub const ALL: [Kind; 3] = [Kind::Lines, Kind::Messages, Kind::Changes];

    /// The folder's name below `parsers/`.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Lines => "lines",
            Kind::Messages => "messages",
            Kind::Changes => "changes",
        }
    }

    /// What the file at `path` is, by its folder, else by its tables.
    pub fn of(path: &Path, text: &str) -> Kind {
        let folder = path.parent().and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
        let by_folder = Kind::ALL.into_iter().find(|kind| folder.as_deref() == Some(kind.name()));
        by_folder.unwrap_or_else(|| {
            let is_message = |line: &str| line.starts_with("[[message]]") || line.split('=').next().is_some_and(|key| key.trim() == "any");
            let has = |is: &dyn Fn(&str) -> bool| text.lines().map(str::trim_start).any(is);
            match () {
                () if has(&is_message) => Kind::Messages,
                () if has(&|line| line.starts_with("[[list]]")) => Kind::Changes,
                () => Kind::Lines,
            }
        })
    }
}

/// The shared keys, which are no format.
pub const COLUMNS: &str = "columns.toml";

/// The format files of a folder, by kind and name.
///
/// # Errors
/// The folder cannot be read. One of its folders that cannot be is among the results, so that opening it says why.
pub fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = toml_files(folder)?;
    found.retain(|path| path.file_name().is_none_or(|name| name != COLUMNS));
    for kind in Kind::ALL {
        let inside = folder.join(kind.name());
        match toml_files(&inside) {
            Ok(files) => found.extend(files),
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            Err(_) => found.push(inside),
        }
    }
    Ok(found)
}

fn toml_files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let is_format = |path: &PathBuf| {
        let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        !hidden && path.extension().is_some_and(|ending| ending == "toml")
    };
    let mut found: Vec<PathBuf> = fs::read_dir(folder)?.flatten().map(|entry| entry.path()).filter(is_format).collect();
    found.sort();
    Ok(found)
}

/// Something about a whole file.
pub fn about_file(path: &Path, why: impl ToString, hint: Option<&str>) -> FormatError {
    let (file, hint) = (path.display().to_string(), hint.map(str::to_owned));
    FormatError { file, line: None, key: "file".to_owned(), why: why.to_string(), hint }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_told_by_its_folder_then_by_its_tables() {
        let check = |path: &str, text: &str, expected: Kind| assert_eq!(Kind::of(Path::new(path), text), expected, "{path}");
        check("p/lines/x.toml", "[[message]]\n", Kind::Lines);
        check("p/messages/x.toml", "", Kind::Messages);
        check("x.toml", "name = 'x'\n[[line]]\nmatch = 'any = 1'\n", Kind::Lines);
        check("x.toml", "any = ['x']\n", Kind::Messages);
        check("x.toml", "[[message]]\n", Kind::Messages);
        check("x.toml", "[[list]]\n", Kind::Changes);
    }

    #[test]
    fn hidden_files_and_shared_keys_are_no_formats() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["lines/b.toml", "lines/a.toml", "lines/.a.toml", "lines/notes.md", "messages/m.toml", "own.toml", COLUMNS] {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        let found: Vec<String> =
            files(folder.path()).unwrap().iter().map(|p| p.strip_prefix(folder.path()).unwrap().display().to_string()).collect();
        assert_eq!(found, ["own.toml", "lines/a.toml", "lines/b.toml", "messages/m.toml"]);
        assert!(files(&folder.path().join("none")).is_err());
    }
}
