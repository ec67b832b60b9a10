//! The format files that come with the tool, inside the program: every file of `parsers/`, by its place there.

use include_dir::{Dir, include_dir};

use super::folder::Kind;

/// The keys that structured lines use.
pub const COLUMNS: &str = include_str!("../../parsers/columns.toml");

static PARSERS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/parsers");

/// Name and text of every file of a kind, by name.
pub fn files(kind: Kind) -> Vec<(&'static str, &'static str)> {
    let files = PARSERS.get_dir(kind.name()).into_iter().flat_map(Dir::files);
    let mut files: Vec<_> = files.filter_map(|file| Some((file.path().file_stem()?.to_str()?, file.contents_utf8()?))).collect();
    files.sort_unstable();
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_inside() {
        for kind in Kind::ALL {
            let folder = format!("{}/parsers/{}", env!("CARGO_MANIFEST_DIR"), kind.name());
            let beside = std::fs::read_dir(&folder).unwrap().count();
            let inside = files(kind);
            assert_eq!(inside.len(), beside, "{folder}");
            assert!(inside.iter().all(|(name, text)| !name.is_empty() && !text.is_empty()), "{folder}");
        }
    }
}
