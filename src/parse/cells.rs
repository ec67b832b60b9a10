//! The columns that every log format fills, and one line's cells in them.
//!
//! Formats differ in how they find a cell; from here on a JSON field, a regular expression's group and a CSV cell are
//! the same. Does not know what a record is.

use std::borrow::Cow;

macro_rules! columns {
    ($($(#[$doc:meta])* $variant:ident = $word:literal),* $(,)?) => {
        /// What a cell means. The words are those of the format files.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum Column { $($(#[$doc])* $variant),* }

        impl Column {
            /// Every column, in order.
            pub const ALL: &'static [Column] = &[$(Column::$variant),*];

            /// The word that format files use.
            pub fn word(self) -> &'static str {
                match self { $(Column::$variant => $word),* }
            }

            /// The column that a word names.
            pub fn from_word(word: &str) -> Option<Column> {
                Column::ALL.iter().copied().find(|c| c.word() == word)
            }
        }
    };
}

columns! {
    /// The day, where it stands apart from the time.
    Date = "date",
    Time = "time",
    /// An offset or a zone's abbreviation that stands apart from the time.
    Zone = "zone",
    Level = "level",
    /// syslog's number: the severity is its last three bits (RFC 5424, 6.2.1).
    Severity = "severity",
    /// OpenTelemetry's number, four to a level.
    SeverityNumber = "severity_number",
    Message = "message",
    Service = "service",
    Instance = "instance",
    Version = "version",
    Logger = "logger",
    Thread = "thread",
    Trace = "trace",
    Span = "span",
    /// Line number in the source code.
    CodeLine = "code_line",
    /// Process or connection: lines of the same one belong together.
    Pid = "pid",
    /// The error's text.
    Error = "error",
    /// The error's type, where it stands apart from its text.
    ErrorType = "error_type",
    /// A stack trace.
    Stack = "stack",
    Detail = "detail",
    Hint = "hint",
    Context = "context",
    Statement = "statement",
    /// SQLSTATE, MySQL error number, errno name.
    Code = "code",
    /// The callee.
    Peer = "peer",
    /// A database role.
    Role = "role",
    /// A database.
    Database = "database",
    /// The name that a database client gives itself.
    Application = "application",
    /// The user of a request.
    User = "user",
    Method = "method",
    Path = "path",
    /// `GET /path HTTP/1.1` in one cell.
    Request = "request",
    Status = "status",
    /// A gRPC code as a word or a number.
    GrpcStatus = "grpc_status",
    /// A duration with its unit (`15ms`, `1.2s`, `00:00:01.5`); milliseconds without one.
    Duration = "duration",
    DurationS = "duration_s",
    DurationMs = "duration_ms",
    DurationUs = "duration_us",
    DurationNs = "duration_ns",
    /// All that stands before the level where every installation composes that itself; told by its shape.
    Prefix = "prefix",
    /// `key=value` pairs at the end of a line.
    Tail = "tail",
    /// A whole log line of another format.
    Inner = "inner",
    /// `P` where the inner line goes on in the next one.
    Partial = "partial",
}

/// How the text of a cell is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Spelling {
    /// There is no cell.
    #[default]
    Absent,
    /// As it is.
    Plain,
    /// The inside of a JSON string with backslashes.
    Escaped,
    /// The inside of a CSV cell with doubled quotes.
    Doubled,
    /// A JSON number, literal, array or object.
    Bare,
}

impl Spelling {
    /// The one of a number; absent where there is none.
    #[inline]
    pub fn of_number(number: u64) -> Spelling {
        match number {
            1 => Spelling::Plain,
            2 => Spelling::Escaped,
            3 => Spelling::Doubled,
            4 => Spelling::Bare,
            _ => Spelling::Absent,
        }
    }
}

/// Where in the line a cell stands.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cell {
    start: u32,
    end: u32,
    pub spelling: Spelling,
    /// Of two keys for one column the one listed first wins.
    rank: u8,
}

impl Cell {
    /// The bytes from `start` to `end` of a line; empty where a line is too long to be counted.
    pub fn new(start: usize, end: usize, spelling: Spelling) -> Cell {
        match (u32::try_from(start), u32::try_from(end)) {
            (Ok(start), Ok(end)) => Cell { start, end, spelling, rank: 0 },
            _ => Cell::default(),
        }
    }

    /// Where the text begins in the line, in bytes.
    pub fn start(self) -> usize {
        self.start as usize
    }

    /// Where it ends, in bytes.
    pub fn end(self) -> usize {
        self.end as usize
    }

    fn is_absent(self) -> bool {
        self.spelling == Spelling::Absent
    }

    /// The text as written.
    pub fn raw(self, line: &str) -> &str {
        line.get(self.start as usize..self.end as usize).unwrap_or("")
    }

    /// The text meant.
    pub fn text(self, line: &str) -> Cow<'_, str> {
        let raw = self.raw(line);
        match self.spelling {
            Spelling::Escaped => Cow::Owned(unescaped(raw)),
            Spelling::Doubled => Cow::Owned(raw.replace("\"\"", "\"")),
            _ => Cow::Borrowed(raw),
        }
    }
}

/// The inside of a JSON string without its backslashes; as it is where they are wrong.
fn unescaped(raw: &str) -> String {
    meant_by(raw).unwrap_or_else(|| raw.replace("\\n", "\n").replace("\\\"", "\""))
}

/// What a JSON string says (RFC 8259, 7); `None` where it may not be written so.
fn meant_by(raw: &str) -> Option<String> {
    if raw.bytes().any(|byte| byte < b' ') {
        return None;
    }
    let (mut meant, mut left) = (String::with_capacity(raw.len()), raw);
    while let Some(at) = memchr::memchr2(b'\\', b'"', left.as_bytes()) {
        meant.push_str(&left[..at]);
        if !left[at..].starts_with('\\') {
            return None;
        }
        let escape = *left.as_bytes().get(at + 1)?;
        let (short, length) = match escape {
            b'n' => ('\n', 2),
            b't' => ('\t', 2),
            b'r' => ('\r', 2),
            b'b' => ('\u{8}', 2),
            b'f' => ('\u{c}', 2),
            b'"' | b'\\' | b'/' => (char::from(escape), 2),
            b'u' => numbered(&left[at..])?,
            _ => return None,
        };
        meant.push(short);
        left = &left[at + length..];
    }
    meant.push_str(left);
    Some(meant)
}

/// The character that a text begins with as one or two numbers of UTF-16, and the bytes that they take.
fn numbered(text: &str) -> Option<(char, usize)> {
    const LENGTH: usize = 6;
    let unit = |text: &str| {
        let digits = text.strip_prefix("\\u")?.get(..4).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
        u16::from_str_radix(digits, 16).ok()
    };
    let first = unit(text)?;
    let second = text.get(LENGTH..).and_then(unit);
    let mut decoded = char::decode_utf16([Some(first), second].into_iter().flatten());
    let meant = decoded.next()?.ok()?;
    Some((meant, LENGTH * meant.len_utf16()))
}

/// A set of columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Columns(u64);

impl Columns {
    /// All columns.
    pub const ALL: Columns = Columns(u64::MAX);

    /// A set of columns.
    pub const fn of(columns: &[Column]) -> Columns {
        let (mut bits, mut at) = (0, 0);
        while at < columns.len() {
            bits |= 1 << columns[at] as u32;
            at += 1;
        }
        Columns(bits)
    }

    /// Whether a column is one of them.
    pub fn has(self, column: Column) -> bool {
        self.0 >> column as u32 & 1 == 1
    }

    /// By a bit for each.
    pub fn of_bits(bits: u64) -> Columns {
        Columns(bits)
    }

    /// Those of both.
    pub const fn with(self, other: Columns) -> Columns {
        Columns(self.0 | other.0)
    }

    /// Whether all others come after them.
    pub const fn are_first(self) -> bool {
        self.0 & (self.0 + 1) == 0
    }
}

/// The cells of one line.
#[derive(Clone, Debug)]
pub struct Row {
    /// One bit a column: what the others hold is of an earlier line.
    filled: u64,
    /// Cells that the line has are left out.
    is_partial: bool,
    cells: [Cell; Column::ALL.len()],
}

impl Default for Row {
    fn default() -> Row {
        const { assert!(Column::ALL.len() <= 64) }
        Row { filled: 0, is_partial: false, cells: [Cell::default(); Column::ALL.len()] }
    }
}

impl Row {
    /// Empties all columns.
    pub fn clear(&mut self) {
        (self.filled, self.is_partial) = (0, false);
    }

    /// Whether cells that the line has are left out.
    #[inline]
    pub fn is_partial(&self) -> bool {
        self.is_partial
    }

    /// Fills a column, unless a key of a better rank (a smaller number) has.
    pub fn set(&mut self, column: Column, cell: Cell, rank: u8) {
        if !self.has(column) || rank < self.cells[column as usize].rank {
            self.replace(column, Cell { rank, ..cell });
        }
    }

    /// Fills a column, whatever it held.
    pub fn replace(&mut self, column: Column, cell: Cell) {
        self.cells[column as usize] = cell;
        let bit = 1 << column as u32;
        self.filled = if cell.is_absent() { self.filled & !bit } else { self.filled | bit };
    }

    /// Empties a column.
    pub fn remove(&mut self, column: Column) {
        self.replace(column, Cell::default());
    }

    /// Fills the row anew with a cell for each of the wanted columns, in their order; the cells of all others follow and are left out.
    #[inline]
    pub fn refill(&mut self, all: Columns, wanted: Columns, mut cells: impl Iterator<Item = Cell>) {
        self.filled = all.0 & wanted.0;
        self.is_partial = self.filled != all.0;
        let mut left = self.filled;
        // No place is behind all columns.
        while let Some(place) = self.cells.get_mut(left.trailing_zeros() as usize) {
            let Some(cell) = cells.next() else { return };
            *place = cell;
            left &= left - 1;
        }
    }

    /// Takes the cells of a part of the line that begins at `base`, where this row has none.
    pub fn take_moved(&mut self, part: &Row, base: usize) {
        let base = u32::try_from(base).unwrap_or(u32::MAX);
        for (column, cell) in part.filled() {
            if !self.has(column) {
                self.replace(column, Cell { start: cell.start.saturating_add(base), end: cell.end.saturating_add(base), ..cell });
            }
        }
    }

    /// All columns that are filled, in order.
    pub fn filled(&self) -> impl Iterator<Item = (Column, Cell)> + '_ {
        let mut left = self.filled;
        std::iter::from_fn(move || {
            let column = *Column::ALL.get(left.trailing_zeros() as usize)?;
            left &= left - 1;
            Some((column, self.cells[column as usize]))
        })
    }

    /// Whether any of several columns is filled.
    pub fn has_any(&self, columns: Columns) -> bool {
        self.filled & columns.0 != 0
    }

    /// Whether the column was filled.
    pub fn has(&self, column: Column) -> bool {
        self.filled >> column as u32 & 1 == 1
    }

    /// Where the text of a column stands in the line.
    pub fn cell(&self, column: Column) -> Option<Cell> {
        self.has(column).then(|| self.cells[column as usize])
    }

    /// The text as written, for numbers, times and names, which need no escapes.
    pub fn raw<'l>(&self, column: Column, line: &'l str) -> Option<&'l str> {
        self.cell(column).map(|cell| cell.raw(line))
    }

    /// The text meant; absent where it is empty or says that there is none (`-`, `null`).
    pub fn text<'l>(&self, column: Column, line: &'l str) -> Option<Cow<'l, str>> {
        let cell = self.cell(column)?;
        if is_nothing(cell.raw(line)) {
            return None;
        }
        Some(cell.text(line))
    }
}

/// The words with which a line says that it has no value here.
#[inline]
pub fn is_nothing(text: &str) -> bool {
    matches!(text, "" | "-" | "null" | "(null)" | "None" | "nil" | "<nil>" | "undefined" | "[unknown]")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_round_trip() {
        for &column in Column::ALL {
            assert_eq!(Column::from_word(column.word()), Some(column));
        }
        assert_eq!(Column::from_word("tiem"), None);
    }

    #[test]
    fn spellings_have_their_numbers() {
        let all = [Spelling::Absent, Spelling::Plain, Spelling::Escaped, Spelling::Doubled, Spelling::Bare];
        assert!(all.into_iter().all(|spelling| Spelling::of_number(spelling as u64) == spelling));
        assert_eq!(Spelling::of_number(5), Spelling::Absent);
    }

    #[test]
    fn the_better_rank_wins_and_nothing_is_absent() {
        let mut row = Row::default();
        row.set(Column::User, Cell::new(0, 1, Spelling::Plain), 2);
        row.set(Column::User, Cell::new(1, 2, Spelling::Plain), 1);
        row.set(Column::User, Cell::new(2, 3, Spelling::Plain), 3);
        assert_eq!(row.raw(Column::User, "a-c"), Some("-"));
        assert_eq!(row.text(Column::User, "a-c"), None);
        assert_eq!(row.text(Column::Path, "a-c"), None);
    }

    #[test]
    fn spellings() {
        let check = |raw: &str, spelling, meant: &str| assert_eq!(Cell::new(0, raw.len(), spelling).text(raw), meant);
        check(r#"a\n\"b\" é"#, Spelling::Escaped, "a\n\"b\" é");
        check(r"bad \q \n", Spelling::Escaped, "bad \\q \n");
        check(r#"say ""x"""#, Spelling::Doubled, r#"say "x""#);
        check(r"a\n", Spelling::Plain, r"a\n");
        assert_eq!(Cell::new(5, 9, Spelling::Plain).raw("ab"), "");
    }

    proptest::proptest! {
        /// What may be written in a string is read as a library reads it, and nothing else is.
        #[test]
        fn strings_are_read_as_by_a_library(raw in r#"([a-z\u{e9}\t "]|\\[nrtbfu/x"\\]|\\u[0-9a-fA-F]{4}|\\u[dD][89abcdefAF][0-9a-f]{2}|\\u00){0,9}"#) {
            let read = serde_json::from_str::<String>(&format!("\"{raw}\"")).ok();
            proptest::prop_assert_eq!(meant_by(&raw), read);
        }
    }
}
