//! The coarse form of a masked message: whole paths, addresses, dates, identifiers and amounts as one variable each.
//!
//! Counting is done on finely masked texts, since a path can tell one fault from another; templates are mined from these.
//! Works on distinct texts, of which there are few, so it may use regular expressions. Does not compare messages.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::{Regex, RegexSet};

use super::tokens::VARIABLE;
use super::words;

/// Stands for [`VARIABLE`] inside of words, so that one character is one variable.
const MARK: char = '\u{0}';
/// Characters of words. Unicode's own class makes automata of thousands of states, whose building would take longer than most runs; so
/// whatever is not ASCII passes for one.
pub const WORD: &str = "A-Za-z0-9_\u{80}-\u{10ffff}";
/// Signs that separate words inside a token, and stay as they are.
const SEPARATORS: [char; 14] = ['=', ',', ';', '(', ')', '[', ']', '{', '}', '<', '>', '"', '\'', '|'];

/// What blanks and signs would tear apart: request lines, one variable behind their method; URLs; dates of several words.
static PHRASES: LazyLock<Vec<(Regex, &'static str)>> = LazyLock::new(|| {
    const MONTH: &str = "(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)";
    const DAY: &str = "(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun),? )?";
    let zone = "(?: (?:[A-Z]{2,4}|[+-]\u{0}))?";
    compiled(&[
        ("\"(GET|POST|PUT|DELETE|HEAD|PATCH|OPTIONS|CONNECT|TRACE) [^\"]*\"".to_owned(), "\"$1 \u{0}\""),
        ("(?-u:\\b)[A-Za-z][A-Za-z0-9+.-]*://[^ \"'<>|(){}\\[\\],;]*[^ \"'<>|(){}\\[\\],;.:!?]".to_owned(), "\u{0}"),
        (format!("(?-u:\\b){DAY}{MONTH} +\u{0},? \u{0}{zone}(?: \u{0})?"), "\u{0}"),
        (format!("(?-u:\\b){DAY}\u{0} {MONTH} \u{0}(?: \u{0}{zone})?"), "\u{0}"),
        ("\u{0}[-/]\u{0}[-/]\u{0}[T ]\u{0}(?:Z| ?[+-]\u{0}(?::\u{0})?)?".to_owned(), "\u{0}"),
    ])
});

/// A statement of SQL, of which the shape counts: its literals are variables, and so is how many a list has.
static SQL: LazyLock<Regex> = LazyLock::new(|| {
    const EDGE: &str = r"(?-u:\b)";
    let verbs = format!(
        "select{EDGE}.*{EDGE}from|insert +into|update{EDGE}.*{EDGE}set|delete +from|replace +into|merge +into|with{EDGE}.*{EDGE}select"
    );
    regex(&format!("(?i){EDGE}(?:{verbs}){EDGE}"))
});
static LITERALS: LazyLock<Regex> = LazyLock::new(|| regex(r"'(?:[^']|'')*'"));
static VALUE_LISTS: LazyLock<Regex> = LazyLock::new(|| regex("\\(('?\u{0}'?)(?:, ?'?\u{0}'?)+\\)"));

/// Words that are variables as a whole.
static WORDS: LazyLock<RegexSet> = LazyLock::new(|| {
    let set = RegexSet::new([
        // A number with its unit; versions, dates, times, ranges.
        "^[+-]?\u{0}(?:[eE][+-]?\u{0})?(?:[A-Za-zµ%]{1,4}|[KMGT]i?B/s)?$",
        "^[vV]?[0-9\u{0}]+(?:[.:_-][0-9A-Za-z\u{0}]+)+$",
        // Windows paths, paths from the root, paths that hold a variable or an ending.
        r"^(?:[A-Za-z]:\\|\\\\)",
        &format!("^/(?:\u{0}|[{WORD}.$@%+~-]{{2}}|[^/]+/)"),
        &format!("^[{WORD}.$@%+~\u{0}-]+/[{WORD}.$@%+~\u{0}-]+/.*[.\u{0}]"),
        // host:port
        &format!("^[{WORD}.\u{0}-]*\\.[{WORD}.\u{0}-]+:\u{0}$"),
        // What begins with a number and goes on with signs.
        "^[0-9\u{0}][A-Za-z]*[^A-Za-z0-9#\u{0}]",
        "^\u{0}{2,}$",
    ]);
    set.unwrap_or_default()
});

/// An identifier that ends in numbers: `blk_-38`, `task_7_m_1`, `worker-3`; a code in capitals (`ORA-01555`) is none.
static NUMBERED: LazyLock<Regex> =
    LazyLock::new(|| regex(&format!("^([A-Za-z][A-Za-z0-9]*)(?:[_-][A-Za-z0-9\u{0}]*)*[_-]-?\u{0}[{WORD}.\u{0}-]*$")));
/// A host's name of three labels and more.
static HOST: LazyLock<Regex> = LazyLock::new(|| regex("^(?:[a-z0-9_\u{0}-]+\\.){2,}[a-z]{2,}$"));
const ABSENT: [&str; 9] = ["null", "NULL", "nil", "None", "(null)", "true", "false", "True", "False"];
/// First labels of package names, which read like hosts backwards.
const PACKAGES: [&str; 8] = ["com", "org", "net", "io", "java", "javax", "sun", "dev"];
/// Names of standards that carry their number.
const STANDARDS: [&str; 4] = ["utf", "iso", "sha", "rfc"];

/// The coarse form of a text that [`super::tokens::mask_into`] wrote. Blanks between words become one space.
pub fn coarse(masked: &str) -> String {
    let mut text = masked.replace(MARK, " ").replace(VARIABLE, "\u{0}");
    text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if SQL.is_match(&text) {
        text = LITERALS.replace_all(&text, "'\u{0}'").into_owned();
        text = VALUE_LISTS.replace_all(&text, "($1)").into_owned();
    }
    for (pattern, by) in PHRASES.iter() {
        if let Cow::Owned(changed) = pattern.replace_all(&text, *by) {
            text = changed;
        }
    }
    let mut out = String::with_capacity(text.len());
    for (number, token) in text.split(' ').enumerate() {
        if number > 0 {
            out.push(' ');
        }
        push_token(token, &mut out);
    }
    out.replace(MARK, VARIABLE)
}

fn push_token(token: &str, out: &mut String) {
    let mut word_from = 0;
    for (at, sign) in token.char_indices().filter(|(_, c)| SEPARATORS.contains(c)) {
        push_word(&token[word_from..at], out);
        out.push(sign);
        word_from = at + sign.len_utf8();
    }
    push_word(&token[word_from..], out);
}

/// A word without separators, with the punctuation that ends it.
fn push_word(word: &str, out: &mut String) {
    let core = word.trim_end_matches(['.', ':', '!', '?']);
    push_core(core, out);
    out.push_str(&word[core.len()..]);
}

fn push_core(core: &str, out: &mut String) {
    if core.is_empty() {
        return;
    }
    if labelled(core) {
        return push_parts(core, &[':'], out);
    }
    if is_variable(core, out) {
        return out.push(MARK);
    }
    push_parts(core, &[':', '@', '#'], out);
}

/// `state:7`: a name and its value, each for itself.
fn labelled(core: &str) -> bool {
    let Some((label, rest)) = core.split_once(':') else { return false };
    let is_name = label.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && !(label.len() == 1 && rest.starts_with('\\'));
    is_name && !rest.starts_with("//")
}

fn push_parts(core: &str, signs: &[char], out: &mut String) {
    let mut from = 0;
    for (at, sign) in core.char_indices().filter(|(_, c)| signs.contains(c)) {
        push_part(&core[from..at], out);
        out.push(sign);
        from = at + 1;
    }
    push_part(&core[from..], out);
}

fn push_part(part: &str, out: &mut String) {
    if !part.is_empty() && is_variable(part, out) {
        out.push(MARK);
    } else {
        out.push_str(part);
    }
}

fn is_variable(word: &str, before: &str) -> bool {
    if ABSENT.contains(&word) {
        return !states_an_outcome(before);
    }
    // What is asked for below has a mark, a digit or a variable in it.
    if word.bytes().all(|byte| byte.is_ascii_alphabetic()) {
        return false;
    }
    if let Some(found) = word.contains('\u{0}').then(|| NUMBERED.captures(word)).flatten() {
        let first = found.get(1).map_or("", |m| m.as_str());
        return !words::is_capitals(first) && !STANDARDS.contains(&first);
    }
    let host = || HOST.is_match(word) && !word.split('.').next().is_some_and(|label| PACKAGES.contains(&label));
    WORDS.is_match(word) || host()
}

/// `enabled=`, `success: `: what follows is the outcome itself.
fn states_an_outcome(before: &str) -> bool {
    let name = before.trim_end_matches(['=', ':', ' ', '"']);
    let word = name.rsplit(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or("");
    words::is_outcome(word)
}

/// A regular expression of this folder's own.
pub fn regex(pattern: &str) -> Regex {
    Regex::new(pattern).expect("a pattern of this folder, which its tests compile")
}

fn compiled(patterns: &[(String, &'static str)]) -> Vec<(Regex, &'static str)> {
    patterns.iter().map(|(pattern, by)| (regex(pattern), *by)).collect()
}

#[cfg(test)]
mod tests {
    use super::super::tokens::mask;
    use super::*;

    #[test]
    fn whole_words_become_variables() {
        let cases = [
            ("", ""),
            ("  two   blanks ", "two blanks"),
            ("took 15ms of 1.5 MiB, 80%", "took <*> of <*> MiB, <*>"),
            ("Received block blk_-7725 of size 67108864 from /10.251.42.84", "Received block <*> of size <*> from <*>"),
            ("open /var/lib/x.db: denied", "open <*>: denied"),
            ("load C:\\Windows\\x.dll.", "load <*>."),
            ("see https://a.example/x?y=1 now", "see <*> now"),
            ("connect db-1.internal.example.net:5432", "connect <*>"),
            ("org.apache.kafka.Server com.example.App", "org.apache.kafka.Server com.example.App"),
            ("at Fri Jun 17 07:07:00 2005.", "at <*>."),
            ("from 2017-05-16 05:00:00 to 2017-05-16T06:00:00Z", "from <*> to <*>"),
            ("\"GET /v2/a1/servers HTTP/1.1\" status: 200", "\"GET <*>\" status: <*>"),
            ("ORA-01555 UTF-8 sha-256 worker-3 tty2 ssh2", "ORA-<*> UTF-<*> sha-<*> <*> tty2 ssh2"),
            ("size=1514038440000##7007##548365", "size=<*>##<*>##<*>"),
            ("CurrentState:112, id = 0x1f", "CurrentState:<*>, id = <*>"),
            ("opt-in: False enabled=true ok: false", "opt-in: <*> enabled=true ok: false"),
            ("kernel 2.6.5-1.358 v1.0.0 PS/2", "kernel <*> <*> PS/<*>"),
            ("SELECT a FROM t WHERE b = 'it''s' AND c IN (1, 2,3)", "SELECT a FROM t WHERE b = '<*>' AND c IN (<*>)"),
            ("insert into t (a, b) values ('x', 7)", "insert into t (a, b) values ('<*>')"),
            ("please select 'one'", "please select 'one'"),
            ("uid=0 (a=1,b=x) [preauth]", "uid=<*> (a=<*>,b=x) [preauth]"),
        ];
        for (text, expected) in cases {
            assert_eq!(coarse(&mask(text)), expected, "{text}");
        }
    }

    proptest::proptest! {
        /// What is told of a word without its expressions is what they tell.
        #[test]
        fn words_are_variables_by_their_expressions(word in "[A-Za-z]{0,12}([-_.:/\\\\]{0,2}[0-9A-Za-z\u{0}]{0,6}){0,3}") {
            let expected = match NUMBERED.captures(&word) {
                Some(found) => !words::is_capitals(&found[1]) && !STANDARDS.contains(&&found[1]),
                None => WORDS.is_match(&word) || (HOST.is_match(&word) && !PACKAGES.contains(&word.split('.').next().unwrap())),
            };
            proptest::prop_assert_eq!(is_variable(&word, ""), expected || ABSENT.contains(&&*word), "{}", word);
        }

        #[test]
        fn never_panics(text in proptest::prelude::any::<String>()) {
            coarse(&text);
        }
    }
}
