//! Format files as they are written: one struct per table of the TOML, unknown keys refused.
//!
//! Does not check what the words mean; `compile` does.

use std::collections::BTreeMap;

use serde::Deserialize;

/// How a format's lines are taken apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Reader {
    /// By the regular expressions of `[[line]]`.
    #[default]
    Lines,
    /// A JSON object a line; `[columns]` says which key is what.
    Json,
    /// `key=value` pairs; `[columns]` likewise.
    Logfmt,
    /// Comma-separated cells; `fields` names them in order, else the file's header does.
    Csv,
    /// Cells between blanks or tabs, named by the latest `#Fields:` line (W3C extended log file format).
    Fields,
    /// By the shape of what stands in front of the message, whatever program wrote it.
    Header,
    /// Several lines a record, each of which fills other columns; what no `[[line]]` matches is the message.
    Block,
}

/// `parsers/lines/*.toml`: how a program writes its lines.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LineFile {
    pub name: String,
    pub title: String,
    /// Where the format is documented.
    pub docs: String,
    /// What kind of component writes it: `database`, `proxy`, `application`, `runtime`, `any`.
    #[serde(default)]
    pub role: String,
    #[serde(default)]
    pub reader: Reader,
    /// Which format wins where several match as many lines: 0 for a catch-all, 50 for a named program's own layout.
    #[serde(default = "default_specificity")]
    pub specificity: u8,
    /// Variants, of which the first that matches wins.
    #[serde(default)]
    pub line: Vec<LineEntry>,
    /// Column to keys, best first; adds to `parsers/columns.toml`, in front of it.
    #[serde(default)]
    pub columns: BTreeMap<String, Vec<String>>,
    /// CSV cells in order; an empty name is a cell of no interest. None: the file's first line names them.
    #[serde(default)]
    pub fields: Vec<String>,
    /// Keys that a JSON object or a logfmt line must have to be of this format; `a|b` is either.
    #[serde(default)]
    pub requires: Vec<String>,
    /// Level name to the words that mean it.
    #[serde(default)]
    pub level: BTreeMap<String, Vec<String>>,
    pub attach: Option<Attach>,
    pub continuation: Option<Match>,
    /// Lines that carry nothing: banners, headers.
    pub ignore: Option<Match>,
    /// With `reader = "block"`: how a record's first line begins.
    pub block: Option<Match>,
    /// With `reader = "block"`: how a record's last line ends. What begins like any dated line is no part of the block after that.
    pub end: Option<Match>,
    #[serde(default)]
    pub sample: Vec<Sample>,
    #[serde(default)]
    pub reject: Vec<Reject>,
}

fn default_specificity() -> u8 {
    50
}

/// `[[line]]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LineEntry {
    pub name: String,
    /// Anchored with `^`; `\d`, `\w` and `\s` are ASCII. Group names are columns.
    #[serde(rename = "match")]
    pub pattern: String,
    /// chrono patterns, for times whose shape is not recognised without.
    #[serde(default)]
    pub time: Vec<String>,
}

/// `[attach]`: lines that belong to the record before them.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attach {
    pub levels: Vec<String>,
    /// A level of `levels` to what it is called in other languages.
    #[serde(default)]
    pub also: BTreeMap<String, Vec<String>>,
    /// The column that must be the same in both.
    pub same: String,
}

/// A table that holds one regular expression.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Match {
    #[serde(rename = "match")]
    pub pattern: String,
}

/// `[[sample]]`: lines and what must come out.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sample {
    pub why: Option<String>,
    pub text: String,
    pub expect: Vec<Expected>,
}

/// `[[reject]]`: lines of another program that look alike.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reject {
    pub why: Option<String>,
    pub text: String,
}

/// What a record must be. Only what is listed is compared; an empty text says that the record has none.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Expected {
    pub time: Option<String>,
    pub level: Option<String>,
    pub service: Option<String>,
    pub instance: Option<String>,
    pub version: Option<String>,
    pub logger: Option<String>,
    pub thread: Option<String>,
    pub trace: Option<String>,
    pub span: Option<String>,
    pub code_line: Option<String>,
    pub message: Option<String>,
    pub error: Option<String>,
    pub detail: Option<String>,
    pub code: Option<String>,
    pub peer: Option<String>,
    pub client: Option<String>,
    pub method: Option<String>,
    pub path: Option<String>,
    /// 0: the record is no request.
    pub status: Option<u16>,
    /// Microseconds.
    pub duration_us: Option<i64>,
    pub user: Option<String>,
}

/// `parsers/messages/*.toml`: what a message says, whatever envelope it came in.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MessageFile {
    pub name: String,
    pub title: String,
    pub docs: String,
    /// Plain texts, one of which must be in the message before a regular expression is tried.
    pub any: Vec<String>,
    #[serde(default)]
    pub message: Vec<MessageEntry>,
    #[serde(default)]
    pub sample: Vec<MessageSample>,
    #[serde(default)]
    pub reject: Vec<Reject>,
}

/// `[[message]]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MessageEntry {
    /// Group names are columns.
    #[serde(rename = "match")]
    pub pattern: String,
}

/// `[[sample]]` of a message file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MessageSample {
    pub why: Option<String>,
    pub text: String,
    pub expect: Expected,
}

/// `parsers/columns.toml`: the keys that structured lines use, for all formats.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ColumnsFile {
    pub columns: BTreeMap<String, Vec<String>>,
}
