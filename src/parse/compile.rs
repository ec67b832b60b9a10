//! Format files checked and made ready to match; what is wrong with one is said with a hint.
//!
//! Regular expressions are compiled when first needed: a run meets a handful of the formats. Does not read logs.

use std::fmt;
use std::sync::{Arc, OnceLock};

use rustc_hash::FxHashMap;

use crate::model::Level;

use super::cells::{Column, Row};
use super::format::{Attach, LineEntry, LineFile, Match, MessageFile, MessageSample, Reader, Reject, Sample};
use super::pattern::{Compiled, Pattern};
use super::place::Written;
use super::structured::normal_key;
use super::suggest::nearest;
use super::timestamp::TimePattern;

/// What is wrong with a format file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FormatError {
    /// The file's name, or its path where a user wrote it.
    pub file: String,
    /// From 1, where the place is known.
    pub line: Option<u64>,
    /// The table or key, such as `line "default"`.
    pub key: String,
    /// A lower-case fragment.
    pub why: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl fmt::Display for FormatError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = self.line.map(|line| format!(":{line}")).unwrap_or_default();
        write!(f, "{}{line}: {}: {}", self.file, self.key, self.why)?;
        self.hint.as_ref().map_or(Ok(()), |hint| write!(f, " ({hint})"))
    }
}

impl std::error::Error for FormatError {}

/// The column that a word names, or what is wrong with the word.
pub fn column(word: &str) -> Result<Column, (String, Option<String>)> {
    let words = Column::ALL.iter().map(|c| c.word());
    Column::from_word(word).ok_or_else(|| (format!("there is no column \"{word}\""), did_you_mean(word, words)))
}

/// A hint that names the known word that was probably meant.
fn did_you_mean<'w>(word: &str, known: impl Iterator<Item = &'w str>) -> Option<String> {
    nearest(word, known).map(|found| format!("did you mean \"{found}\"?"))
}

/// Key to column, with the rank of the key among those of its column.
#[derive(Debug, Default)]
pub struct Keys(FxHashMap<Box<str>, (Column, u8)>);

impl Keys {
    /// The column that a key fills, and how good a source of it the key is (0 is best).
    pub fn get(&self, normal_key: &str) -> Option<(Column, u8)> {
        self.0.get(normal_key).copied()
    }

    /// `own` goes before `shared`.
    fn new(own: &KeyTable, shared: &KeyTable) -> Result<Keys, (String, Option<String>)> {
        let mut keys = Keys::default();
        for (table, offset) in [(own, 0), (shared, 100)] {
            for (word, names) in table {
                let column = column(word)?;
                for (rank, name) in names.iter().enumerate() {
                    let rank = u8::try_from(rank + offset).unwrap_or(u8::MAX);
                    keys.0.entry(normal_key(name).into_boxed_str()).or_insert((column, rank));
                }
            }
        }
        Ok(keys)
    }
}

/// Column to keys, as written.
pub type KeyTable = std::collections::BTreeMap<String, Vec<String>>;

/// One `[[line]]`.
#[derive(Debug)]
pub struct Variant {
    pub name: String,
    /// Unique among all variants of a [`Formats`](super::Formats).
    pub id: usize,
    pub pattern: Pattern,
    /// For times whose shape is not recognised without.
    pub time: Vec<TimePattern>,
    first: FirstBytes,
    /// What every line that it matches begins with.
    beginning: Box<str>,
}

impl Variant {
    /// Whether a line that begins with that byte can match.
    pub fn may_begin_with(&self, byte: u8) -> bool {
        self.first.has(byte)
    }

    /// Whether a line can match, by what it begins with.
    pub fn may_match(&self, line: &str) -> bool {
        self.may_begin_with(line.bytes().next().unwrap_or_default()) && line.starts_with(&*self.beginning)
    }
}

/// A line format, ready to match.
#[derive(Debug)]
pub struct LineFormat {
    pub name: String,
    /// Its place among all formats of a [`Formats`](super::Formats).
    pub position: usize,
    pub title: String,
    pub docs: String,
    pub role: String,
    pub reader: Reader,
    pub specificity: u8,
    pub variants: Vec<Variant>,
    /// Steps that each variant shares with the one before it.
    shared: OnceLock<Box<[usize]>>,
    pub keys: Arc<Keys>,
    /// Columns of CSV cells.
    pub fields: Vec<Option<Column>>,
    /// Alternatives of keys, all in their one spelling.
    pub requires: Vec<Vec<String>>,
    levels: FxHashMap<String, Level>,
    /// Words of lines that belong to the record before them, with the one word of each.
    pub attach: FxHashMap<String, String>,
    pub attach_same: Option<Column>,
    pub continuation: Option<Pattern>,
    pub ignore: Option<Pattern>,
    pub block: Option<Pattern>,
    pub end: Option<Pattern>,
    /// Whether its message is a line of another format.
    pub wraps: bool,
    pub samples: Vec<Sample>,
    pub rejects: Vec<Reject>,
    /// `None`: it comes with the tool.
    pub written: Option<Written>,
}

impl LineFormat {
    /// The level that a word of this format means.
    pub fn level(&self, word: &str) -> Level {
        let word = word.trim();
        self.levels.get(word).copied().or_else(|| Level::from_word(word)).unwrap_or_default()
    }

    /// How many steps at its beginning each variant has in common with the one before it.
    pub fn shared(&self) -> &[usize] {
        self.shared.get_or_init(|| {
            let compiled: Vec<_> = self.variants.iter().map(|variant| variant.pattern.compiled()).collect();
            let with_last = |pair: &[Option<&Compiled>]| pair[0].zip(pair[1]).map_or(0, |(a, b)| b.shared_with(a));
            std::iter::once(0).chain(compiled.windows(2).map(with_last)).take(self.variants.len()).collect()
        })
    }

    /// What a line that belongs to the record before it says to it, by its level.
    pub fn attaches(&self, row: &Row, text: &str) -> Option<&str> {
        let level = row.raw(Column::Level, text).unwrap_or_default().trim_end();
        self.attach.get(level).map(String::as_str)
    }

    /// The variants for which every line needs an automaton, which is several times slower than steps, and why.
    pub fn slow(&self) -> impl Iterator<Item = (&str, &'static str)> {
        self.variants.iter().filter_map(|variant| Some((variant.name.as_str(), variant.pattern.compiled()?.slow()?)))
    }

    /// Whether its lines name their cells themselves.
    pub fn is_structured(&self) -> bool {
        matches!(self.reader, Reader::Json | Reader::Logfmt)
    }

    /// Compiles everything, so that mistakes show.
    pub fn check(&self) -> Vec<FormatError> {
        let variants = self.variants.iter().map(|v| (format!("line \"{}\"", v.name), &v.pattern));
        let tables = [("continuation", &self.continuation), ("ignore", &self.ignore), ("block", &self.block), ("end", &self.end)];
        let tables = tables.into_iter().filter_map(|(key, pattern)| Some((key.to_owned(), pattern.as_ref()?)));
        variants.chain(tables).filter_map(|(key, pattern)| check_pattern(&self.name, key, pattern)).collect()
    }
}

fn check_pattern(file: &str, key: String, pattern: &Pattern) -> Option<FormatError> {
    let (why, hint) = match Compiled::check(&pattern.text) {
        Err(wrong) => wrong,
        Ok(()) if !pattern.text.starts_with('^') => ("is not anchored".to_owned(), Some("begin it with ^".to_owned())),
        Ok(()) => return None,
    };
    Some(FormatError { file: file.to_owned(), line: None, key, why, hint })
}

/// A message format, ready to match.
#[derive(Debug)]
pub struct MessageFormat {
    pub name: String,
    pub title: String,
    pub docs: String,
    /// Alternation of the plain texts.
    pub any: Pattern,
    /// Some plain text has digits, which masking may take away.
    pub has_digits: bool,
    pub patterns: Vec<Pattern>,
    pub samples: Vec<MessageSample>,
    pub rejects: Vec<Reject>,
    /// `None`: it comes with the tool.
    pub written: Option<Written>,
}

impl MessageFormat {
    /// What is wrong with the patterns.
    pub fn check(&self) -> Vec<FormatError> {
        let numbered = self.patterns.iter().zip(1..);
        numbered.filter_map(|(pattern, number)| check_pattern(&self.name, format!("message {number}"), pattern)).collect()
    }
}

/// Makes a line format of its file. `next_id` numbers variants.
pub fn line_format(file: LineFile, shared: &Shared, next_id: &mut usize) -> Result<LineFormat, FormatError> {
    let error = |key: &str, (why, hint): (String, Option<String>)| FormatError {
        file: file.name.clone(),
        line: None,
        key: key.to_owned(),
        why,
        hint,
    };
    let keys = if file.columns.is_empty() {
        Arc::clone(&shared.keys)
    } else {
        Arc::new(Keys::new(&file.columns, &shared.table).map_err(|wrong| error("columns", wrong))?)
    };
    let fields = file.fields.iter().map(|word| if word.is_empty() { Ok(None) } else { column(word).map(Some) });
    let fields = fields.collect::<Result<Vec<_>, _>>().map_err(|wrong| error("fields", wrong))?;
    let levels = levels(&file.level).map_err(|wrong| error("level", wrong))?;
    let attach_same = file.attach.as_ref().map(|a| column(&a.same)).transpose().map_err(|wrong| error("attach", wrong))?;
    check_reader(&file).map_err(|(key, why)| error(key, (why.to_owned(), None)))?;
    let wraps = file.columns.contains_key("inner") || file.line.iter().any(|l| l.pattern.contains("(?<inner>"));
    let pattern = |table: Option<Match>| table.map(|m| Pattern::new(&m.pattern));
    let variants = file.line.into_iter().map(|entry| variant(entry, next_id)).collect::<Result<_, _>>();
    Ok(LineFormat {
        variants: variants.map_err(|(name, why)| error(&format!("line \"{name}\""), (why, Some(TIME_PATTERNS.to_owned()))))?,
        shared: OnceLock::new(),
        requires: file.requires.iter().map(|keys| keys.split('|').map(normal_key).collect()).collect(),
        attach: file.attach.map(attached).unwrap_or_default(),
        continuation: pattern(file.continuation),
        ignore: pattern(file.ignore),
        block: pattern(file.block),
        end: pattern(file.end),
        position: 0,
        name: file.name,
        title: file.title,
        docs: file.docs,
        role: file.role,
        reader: file.reader,
        specificity: file.specificity,
        keys,
        fields,
        levels,
        attach_same,
        wraps,
        samples: file.sample,
        rejects: file.reject,
        written: None,
    })
}

fn attached(attach: Attach) -> FxHashMap<String, String> {
    let translated = attach.also.into_iter().flat_map(|(level, words)| words.into_iter().map(move |word| (word, level.clone())));
    attach.levels.into_iter().map(|level| (level.clone(), level)).chain(translated).collect()
}

/// What a reader needs of its file.
fn check_reader(file: &LineFile) -> Result<(), (&'static str, &'static str)> {
    match file.reader {
        Reader::Lines if file.line.is_empty() => Err(("line", "no [[line]] and no other reader")),
        Reader::Block if file.block.is_none() => Err(("block", "reader \"block\" needs [block] match")),
        Reader::Json | Reader::Logfmt | Reader::Header | Reader::Fields if !file.line.is_empty() => {
            Err(("line", "this reader takes no [[line]]"))
        }
        _ => Ok(()),
    }
}

fn levels(table: &KeyTable) -> Result<FxHashMap<String, Level>, (String, Option<String>)> {
    let mut levels = FxHashMap::default();
    for (name, words) in table {
        let level = Level::from_word(name).filter(|l| l.name() == name);
        let known = ["trace", "debug", "info", "warn", "error", "fatal"];
        let level = level.ok_or_else(|| (format!("there is no level \"{name}\""), did_you_mean(name, known.into_iter())))?;
        levels.extend(words.iter().map(|word| (word.clone(), level)));
    }
    Ok(levels)
}

/// What may be done about a pattern of a time that is none.
const TIME_PATTERNS: &str = "write it as https://docs.rs/chrono/latest/chrono/format/strftime/ tells, or leave it out";

/// On failure, its name and why.
fn variant(entry: LineEntry, next_id: &mut usize) -> Result<Variant, (String, String)> {
    *next_id += 1;
    let time = |written: &String| TimePattern::new(written).ok_or_else(|| format!("\"{written}\" is no pattern of a time"));
    let time = entry.time.iter().map(time).collect::<Result<_, _>>().map_err(|why| (entry.name.clone(), why))?;
    let (first, beginning) = (FirstBytes::of(&entry.pattern), plain_beginning(&entry.pattern).into());
    Ok(Variant { id: *next_id - 1, first, beginning, pattern: Pattern::new(&entry.pattern), name: entry.name, time })
}

/// Makes a message format of its file.
pub fn message_format(file: MessageFile) -> MessageFormat {
    let any: Vec<String> = file.any.iter().map(|text| regex::escape(text)).collect();
    MessageFormat {
        name: file.name,
        title: file.title,
        docs: file.docs,
        has_digits: file.any.iter().any(|text| text.contains(|c: char| c.is_ascii_digit())),
        any: Pattern::new(&any.join("|")),
        patterns: file.message.iter().map(|m| Pattern::new(&m.pattern)).collect(),
        samples: file.sample,
        rejects: file.reject,
        written: None,
    }
}

/// The keys that all formats share.
#[derive(Debug, Default)]
pub struct Shared {
    pub table: KeyTable,
    pub keys: Arc<Keys>,
}

impl Shared {
    /// Compiles the table of keys that all formats share.
    pub fn new(table: KeyTable) -> Result<Shared, FormatError> {
        let keys = Keys::new(&KeyTable::new(), &table);
        let error = |(why, hint)| FormatError { file: "columns".to_owned(), line: None, key: "columns".to_owned(), why, hint };
        Ok(Shared { keys: Arc::new(keys.map_err(error)?), table })
    }
}

/// The bytes that a line matched by a pattern can begin with: all of them where the pattern's beginning is not simple.
#[derive(Clone, Copy, Debug)]
struct FirstBytes([u64; 4]);

impl FirstBytes {
    const ALL: FirstBytes = FirstBytes([u64::MAX; 4]);

    fn has(self, byte: u8) -> bool {
        self.0[usize::from(byte >> 6)] >> (byte & 63) & 1 == 1
    }

    fn from_bytes(bytes: impl Iterator<Item = u8>) -> FirstBytes {
        let mut set = [0; 4];
        bytes.for_each(|b| set[usize::from(b >> 6)] |= 1 << (b & 63));
        FirstBytes(set)
    }

    /// Reads the beginning of `^(?<time>\d…`, `^\[…`, `^[A-Z]…`, `^name…`.
    fn of(pattern: &str) -> FirstBytes {
        let Some(mut rest) = pattern.strip_prefix('^') else { return FirstBytes::ALL };
        while let Some(group) = rest.strip_prefix("(?<") {
            let Some((_, inside)) = group.split_once('>') else { return FirstBytes::ALL };
            rest = inside;
        }
        let (set, after) = match rest.as_bytes() {
            [b'\\', b'd', ..] => (FirstBytes::from_bytes(b'0'..=b'9'), &rest[2..]),
            [b'\\', escaped, ..] if escaped.is_ascii_punctuation() => (FirstBytes::from_bytes([*escaped].into_iter()), &rest[2..]),
            [b'[', b'A', b'-', b'Z', b']', ..] => (FirstBytes::from_bytes(b'A'..=b'Z'), &rest[5..]),
            [plain, ..] if plain.is_ascii_alphanumeric() || matches!(plain, b'<' | b'{' | b'"' | b'#') => {
                (FirstBytes::from_bytes([*plain].into_iter()), &rest[1..])
            }
            _ => return FirstBytes::ALL,
        };
        let optional = after.starts_with(['?', '*', '|']) || after.starts_with("{0") || has_top_level_bar(rest);
        if optional { FirstBytes::ALL } else { set }
    }
}

/// The plain text that a pattern demands at the beginning of a line, or a part of it.
fn plain_beginning(pattern: &str) -> &str {
    let Some(rest) = pattern.strip_prefix('^').filter(|rest| !has_top_level_bar(rest)) else { return "" };
    let is_plain = |c: char| c.is_ascii_alphanumeric() || " #:=@".contains(c);
    let plain = rest.find(|c| !is_plain(c)).unwrap_or(rest.len());
    let is_repeated = rest[plain..].starts_with(['?', '*', '+', '{']);
    &rest[..plain.saturating_sub(usize::from(is_repeated))]
}

/// Whether an alternative begins outside any group, or inside the group that the pattern begins with.
fn has_top_level_bar(rest: &str) -> bool {
    let mut depth = 0_i32;
    let mut escaped = false;
    let mut in_class = false;
    for byte in rest.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'[' => in_class = true,
            b']' => in_class = false,
            b'(' if !in_class => depth += 1,
            b')' if !in_class => depth -= 1,
            b'|' if !in_class && depth <= 0 => return true,
            _ => {}
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_bytes() {
        let check = |pattern: &str, yes: &[u8], no: &[u8]| {
            let set = FirstBytes::of(pattern);
            assert!(yes.iter().all(|b| set.has(*b)) && no.iter().all(|b| !set.has(*b)), "{pattern}");
        };
        check(r"^(?<time>\d{4}-\d\d) x", b"09", b"a[ ");
        check(r"^\[(?<time>x)", b"[", b"a0");
        check(r"^(?<level>[A-Z])\d", b"AZ", b"az1");
        check(r"^abc|def", b"ad\xff", b"");
        check(r"^(?<level>INFO|WARN): x", b"IW", b"");
        check(r"^(?:a|b)c", b"ab", b"");
        check(r"^a?b", b"ab", b"");
        check(r"^\S+ x", b"a0[", b"");
        check("abc", b"xyz", b"");
    }

    #[test]
    fn beginnings_that_are_plain() {
        let patterns = ["^# User@Host: (?<role>x)", "^abc?d", "^ab{2}", "^ab|cd", "ab", r"^\d", "^(?<time>ab)", "^a", "^a+"];
        let expected = ["# User@Host: ", "ab", "a", "", "", "", "", "a", ""];
        assert_eq!(patterns.map(plain_beginning), expected);
    }

    #[test]
    fn built_in_formats_are_fast() {
        let formats = super::super::Formats::builtin();
        let slow: Vec<String> =
            formats.lines().iter().flat_map(|f| f.slow().map(|(line, why)| format!("{} {line}: {why}", f.name))).collect();
        assert_eq!(slow, [] as [String; 0]);
    }

    fn compiled(text: &str) -> Result<LineFormat, FormatError> {
        let file: LineFile = toml::from_str(text).unwrap();
        line_format(file, &Shared::default(), &mut 0)
    }

    #[test]
    fn mistakes_are_named_with_a_hint() {
        let head = "name = 'x'\ntitle = 'X'\ndocs = 'https://x'\n";
        let check = |rest: &str, expected: &str| {
            let errors = match compiled(&format!("{head}{rest}")) {
                Ok(format) => format.check(),
                Err(error) => vec![error],
            };
            assert_eq!(errors.first().map(ToString::to_string).as_deref(), Some(expected));
        };
        check("[[line]]\nname = 'a'\nmatch = '^(?<tiem>x)'", "x: line \"a\": there is no column \"tiem\" (did you mean \"time\"?)");
        check("[[line]]\nname = 'a'\nmatch = '(?<time>x)'", "x: line \"a\": is not anchored (begin it with ^)");
        check("[[line]]\nname = 'a'\nmatch = '^(x'", "x: line \"a\": unclosed group");
        check(
            "[[line]]\nname = 'a'\nmatch = '^(?<time>x)'\ntime = ['%Y', '%E']",
            "x: line \"a\": \"%E\" is no pattern of a time (write it as https://docs.rs/chrono/latest/chrono/format/strftime/ tells, or leave it out)",
        );
        check("", "x: line: no [[line]] and no other reader");
        check("reader = 'block'", "x: block: reader \"block\" needs [block] match");
        check("reader = 'json'\n[columns]\nmesage = ['m']", "x: columns: there is no column \"mesage\" (did you mean \"message\"?)");
        check("reader = 'json'\n[level]\neror = ['E']", "x: level: there is no level \"eror\" (did you mean \"error\"?)");
    }

    #[test]
    fn own_keys_go_before_shared_ones() {
        let table = |pairs: &[(&str, &[&str])]| -> KeyTable {
            pairs.iter().map(|(c, keys)| ((*c).to_owned(), keys.iter().map(|k| (*k).to_owned()).collect())).collect()
        };
        let keys = Keys::new(&table(&[("message", &["text"])]), &table(&[("message", &["msg"]), ("error", &["text"])])).unwrap();
        assert_eq!(keys.get("text"), Some((Column::Message, 0)));
        assert_eq!(keys.get("msg"), Some((Column::Message, 100)));
        assert_eq!(keys.get("else"), None);
    }
}
