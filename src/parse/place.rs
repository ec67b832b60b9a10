//! Where in a format file a mistake stands, so that its author need not search.
//!
//! Works on the text as written: the tables read from it have forgotten their lines. Does not know what the words mean.

use std::path::PathBuf;

use super::compile::FormatError;
use super::suggest::nearest;

/// A format file as a user wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    pub path: PathBuf,
    pub text: String,
}

impl Written {
    /// The line, from 1, on which the first line of a quoted text stands.
    pub fn line_of(&self, quoted: &str) -> Option<u64> {
        let wanted = quoted.trim().lines().next().filter(|line| !line.is_empty())?;
        let escaped = wanted.replace('\\', "\\\\").replace('"', "\\\"");
        line_where(&self.text, |line| line.contains(wanted) || line.contains(&escaped))
    }

    /// Names the file by its path and finds the line of a mistake.
    pub fn locate(&self, error: FormatError) -> FormatError {
        let line = error.line.or_else(|| place(&self.text, &error));
        FormatError { file: self.path.display().to_string(), line, ..error }
    }
}

fn place(text: &str, error: &FormatError) -> Option<u64> {
    let word = error.why.split('"').nth(1).filter(|word| !word.is_empty());
    let by_word = || {
        let word = word?;
        let (group, quoted) = (format!("(?<{word}>"), format!("\"{word}\""));
        let is_key = |line: &str| line.trim_start().strip_prefix(word).is_some_and(|rest| rest.trim_start().starts_with('='));
        let told = |line: &str| line.contains(&group) || line.contains(&quoted) || line.contains(&quoted.replace('"', "'"));
        line_where(text, is_key).or_else(|| line_where(text, told))
    };
    by_word().or_else(|| by_key(text, &error.key))
}

/// The table or key that an error names: `line "default"`, `message 2`, `columns`.
fn by_key(text: &str, key: &str) -> Option<u64> {
    if let Some(number) = key.strip_prefix("message ") {
        let tables = numbered(text).filter(|(_, line)| line.trim().starts_with("[[message]]"));
        return tables.map(|(at, _)| at).nth(number.parse::<usize>().ok()?.checked_sub(1)?);
    }
    if let Some(name) = key.strip_prefix("line ") {
        let named = line_where(text, |line| line.trim_start().starts_with("name") && line.contains(name.trim_matches('"')))?;
        let pattern = numbered(text).find(|(at, line)| *at > named && line.trim_start().starts_with("match"));
        return Some(pattern.map_or(named, |(at, _)| at));
    }
    let table = format!("[{key}]");
    line_where(text, |line| line.trim().contains(&table) || line.trim_start().starts_with(key))
}

fn numbered(text: &str) -> impl Iterator<Item = (u64, &str)> {
    (1..).zip(text.lines())
}

fn line_where(text: &str, mut wanted: impl FnMut(&str) -> bool) -> Option<u64> {
    numbered(text).find(|(_, line)| wanted(line)).map(|(at, _)| at)
}

/// What the TOML reader says, with the line and, for an unknown key, the key that was probably meant.
pub fn toml_error(file: &str, text: &str, error: &toml::de::Error) -> FormatError {
    let line = error.span().map(|span| text.get(..span.start).unwrap_or(text).matches('\n').count() as u64 + 1);
    let message = error.message().trim();
    let unknown = message.strip_prefix("unknown field `").or_else(|| message.strip_prefix("unknown variant `"));
    let Some((word, rest)) = unknown.and_then(|rest| rest.split_once('`')) else {
        return FormatError { file: file.to_owned(), line, key: "TOML".to_owned(), why: message.replace('\n', " "), hint: None };
    };
    let known: Vec<&str> = rest.split('`').skip(1).step_by(2).collect();
    let meant = nearest(word, known.iter().copied()).map(|found| format!("did you mean \"{found}\"?"));
    let hint = meant.unwrap_or_else(|| format!("known are {}", known.join(", ")));
    FormatError { file: file.to_owned(), line, key: word.to_owned(), why: "is not known here".to_owned(), hint: Some(hint) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "name = \"x\"\n[columns]\nmesage = [\"m\"]\n[[line]]\nname = \"a\"\nmatch = '^(?<tiem>x)'\n\n[[line]]\nname = \"b\"\nmatch = '(x'\n[[message]]\n[[message]]\nmatch = 'y'\n";

    #[test]
    fn mistakes_are_found_in_the_text() {
        let check = |key: &str, why: &str, expected: Option<u64>| {
            let written = Written { path: PathBuf::from("d/x.toml"), text: TEXT.to_owned() };
            let error = FormatError { file: "x".to_owned(), line: None, key: key.to_owned(), why: why.to_owned(), hint: None };
            let located = written.locate(error);
            assert_eq!((located.file.as_str(), located.line), ("d/x.toml", expected), "{key}: {why}");
        };
        check("columns", "there is no column \"mesage\"", Some(3));
        check("line \"a\"", "there is no column \"tiem\"", Some(6));
        check("line \"b\"", "unclosed group", Some(10));
        check("message 2", "is not anchored", Some(12));
        check("columns", "odd", Some(2));
        check("nothing", "odd", None);
    }

    #[test]
    fn unknown_keys_of_the_file_are_suggested() {
        #[derive(Debug, serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        struct File {
            #[expect(dead_code, reason = "only the names of the keys count here")]
            title: String,
        }
        let check = |text: &str, expected: &str| {
            let error = toml::from_str::<File>(text).unwrap_err();
            assert_eq!(toml_error("f.toml", text, &error).to_string(), expected, "{text}");
        };
        check("\ntitel = 'x'", "f.toml:2: titel: is not known here (did you mean \"title\"?)");
        check("\n\nbanana = 'x'", "f.toml:3: banana: is not known here (known are title)");
    }
}
