//! The words of the code that docs/terms.md explains are those of the code.

use std::fs;

use crate::tool::root;

/// Whether a word stands by itself in a text.
fn has_word(text: &str, word: &str) -> bool {
    text.split(|c: char| !c.is_alphanumeric() && c != '_').any(|found| found == word)
}

#[test]
fn every_term_is_in_its_file() {
    let table = fs::read_to_string(root().join("docs/terms.md")).unwrap();
    let rows = table.lines().filter_map(|line| line.strip_prefix("| `")?.strip_suffix(" |"));
    let mut terms = 0;
    for row in rows {
        let (term, rest) = row.split_once('`').unwrap();
        let file = rest.rsplit("| ").next().unwrap();
        let source = fs::read_to_string(root().join("src").join(file)).unwrap_or_else(|e| panic!("{term}: {file}: {e}"));
        assert!(has_word(&source, term), "{term} is not in {file}");
        terms += 1;
    }
    assert!(terms > 20, "{terms}");
    assert!(!has_word("Records of a record_count", "Record"));
}
