//! Two configurations compared key by key, with credentials masked. Which edit matters is not known here.

mod secrets;

use std::sync::Arc;

use super::config::{Entry, Flat};
use crate::model::{ConfigDiff, ConfigKey, KeyEdit, Origin};

/// The keys whose values differ, sorted. Each side is the file's path inside the bundle and its content; an edit's origin is the line of
/// the new value, or of the old one for a removed key. Credentials are compared, but shown only as a mark that differs when they do.
pub fn diff(before: (&str, &Flat), after: (&str, &Flat)) -> ConfigDiff {
    let paths = (Arc::from(before.0), Arc::from(after.0));
    let (old, new) = (&before.1.entries, &after.1.entries);
    let mut edits: Vec<KeyEdit> = Vec::new();
    for (key, entry) in new {
        let was = old.get(key);
        if was.is_none_or(|was| was.value != entry.value) {
            edits.push(edit(key, was, Some(entry), Origin::new(&paths.1, entry.line)));
        }
    }
    for (key, entry) in old.iter().filter(|(key, _)| !new.contains_key(*key)) {
        edits.push(edit(key, Some(entry), None, Origin::new(&paths.0, entry.line)));
    }
    edits.sort_by(|a, b| a.key.cmp(&b.key));
    ConfigDiff { edits }
}

fn edit(key: &str, before: Option<&Entry>, after: Option<&Entry>, origin: Origin) -> KeyEdit {
    KeyEdit { origin: Some(origin), ..edit_of(key, before.map(|e| e.value.as_str()), after.map(|e| e.value.as_str())) }
}

/// One edit, credentials masked, without an origin.
pub fn edit_of(key: &str, before: Option<&str>, after: Option<&str>) -> KeyEdit {
    let (before, after) = secrets::masked(key, before, after);
    KeyEdit { key: ConfigKey::new(key), before, after, origin: None }
}

/// One edit whose values the source itself calls sensitive: both masked, whatever the key is.
pub fn sensitive_edit_of(key: &str, before: Option<&str>, after: Option<&str>) -> KeyEdit {
    let (before, after) = secrets::hidden(before, after);
    KeyEdit { key: ConfigKey::new(key), before, after, origin: None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::config::flatten;

    /// Compares two texts and writes `key: before -> after @ origin`.
    #[track_caller]
    fn check(path: &str, before: &str, after: &str, expected: &[&str]) {
        let (old, new) = (flatten(path, before).unwrap(), flatten(path, after).unwrap());
        let shown = |side: &Option<String>| side.clone().unwrap_or_else(|| "nothing".to_owned());
        let lines: Vec<String> = diff((&format!("old/{path}"), &old), (&format!("new/{path}"), &new))
            .edits
            .iter()
            .map(|e| format!("{}: {} -> {} @ {}", e.key, shown(&e.before), shown(&e.after), e.origin.as_ref().unwrap()))
            .collect();
        assert_eq!(lines, expected);
    }

    #[test]
    fn order_quotes_and_comments_are_no_edits() {
        check("a.yaml", "a: 1\nb: x\n", "# new\nb: \"x\"\n\na: 1\n", &[]);
        check("a.yaml", "l:\n- name: p\n  v: 1\n- name: q\n  v: 2\n", "l:\n- name: q\n  v: 2\n- name: p\n  v: 1\n", &[]);
        check("a.env", "A=1\nB='2'\n", "export B=2\nA=\"1\"\n", &[]);
    }

    #[test]
    fn added_removed_and_changed_keys() {
        check(
            "a.toml",
            "gone = 1\n[p]\nmax = 9\n",
            "[p]\nmax = 3\nnew = true\n",
            &["gone: 1 -> nothing @ old/a.toml:1", "p.max: 9 -> 3 @ new/a.toml:2", "p.new: nothing -> true @ new/a.toml:3"],
        );
        check("a.yaml", "a: true\n", "a: True\n", &["a: true -> True @ new/a.yaml:1"]);
    }

    #[test]
    fn undoing_is_the_inverse_credentials_included() {
        let (a, b) = (flatten("a.env", "DB_PASSWORD=one\nSIZE=1\n").unwrap(), flatten("a.env", "DB_PASSWORD=two\nSIZE=2\n").unwrap());
        let there = diff(("a", &a), ("b", &b));
        assert_eq!(there.edits.len(), 2);
        assert!(there.is_inverse_of(&diff(("b", &b), ("a", &a))));
    }
}
