//! JSON that is not one object a line: documents printed over many lines, arrays of records, and the exports that hold
//! their records in a list (`Records`, `items`, `resourceLogs`). Each record becomes one line again.
//!
//! A record stands in the line in which it began, as far as there are lines enough. Does not know what a record says.

use std::io::{self, Cursor, Read};
use std::path::Path;

use super::guard::SteadyFile;
use super::lines::{Broken, STDIN, is_coded};

type Input = Box<dyn Read + Send>;

/// How much of the input decides whether it is a document.
const LOOK: u64 = 4 * 1024;
const CHUNK: usize = 64 * 1024;
/// Longest record, in bytes; a longer one loses its end and so can no longer be read as JSON.
const LONGEST: usize = 1 << 20;
/// What a list's surroundings may add to each of its records, in bytes.
const LONGEST_CONTEXT: usize = 8 * 1024;
/// Lists of records in the outermost object.
const LISTS: [&[u8]; 9] = [b"Records", b"records", b"items", b"Items", b"events", b"logEvents", b"resourceLogs", b"entries", b"logs"];
/// Lists inside the lists of OTLP.
const INNER_LISTS: [&[u8]; 3] = [b"scopeLogs", b"instrumentationLibraryLogs", b"logRecords"];
/// Keys that say that an object is a record itself, whatever lists it holds.
const OF_RECORDS: [&[u8]; 8] = [b"time", b"timestamp", b"ts", b"@timestamp", b"msg", b"message", b"level", b"severity"];

/// Whether a file's bytes are its lines: neither packed, nor of another encoding, nor a document. Standard input may be any of these.
pub fn is_plain(path: &Path) -> bool {
    let mut head = Vec::new();
    let looked = SteadyFile::open(path).and_then(|file| file.take(LOOK).read_to_end(&mut head));
    path.as_os_str() != STDIN && looked.is_ok() && !is_coded(&head) && !is_document(&head)
}

/// The input with one record a line, where it begins like a document; as it is elsewhere.
pub fn unfolded(mut input: Input) -> Input {
    let mut head = Vec::new();
    let looked = input.by_ref().take(LOOK).read_to_end(&mut head);
    let document = is_document(&head);
    let whole = Cursor::new(head).chain(input);
    match looked {
        Err(error) => Box::new(whole.chain(Broken(Some(error)))),
        Ok(_) if document => Box::new(Documents::new(whole)),
        Ok(_) => Box::new(whole),
    }
}

fn is_document(head: &[u8]) -> bool {
    let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
    match head {
        [b'[', rest @ ..] => rest.trim_ascii_start().starts_with(b"{"),
        [b'{', rest @ ..] => {
            let broken = rest.iter().find(|b| !matches!(b, b' ' | b'\t' | b'\r')).is_some_and(|b| *b == b'\n');
            let first = rest.split(|b| *b == b'\n').next().unwrap_or(rest);
            broken || LISTS.iter().any(|key| holds_list(first, key))
        }
        _ => false,
    }
}

/// Whether a line has `"key":[{`.
fn holds_list(line: &[u8], key: &[u8]) -> bool {
    memchr::memmem::find_iter(line, key).any(|at| {
        let rest = line[at + key.len()..].strip_prefix(b"\"").map(<[u8]>::trim_ascii_start).and_then(|r| r.strip_prefix(b":"));
        let list = rest.map(<[u8]>::trim_ascii_start).and_then(|r| r.strip_prefix(b"["));
        list.is_some_and(|r| r.trim_ascii_start().starts_with(b"{")) && at > 0 && line[at - 1] == b'"'
    })
}

/// An object that is open.
#[derive(Default)]
struct Frame {
    /// Its members so far, as text.
    members: Vec<u8>,
    /// The list in it that is being read.
    list: Option<Vec<u8>>,
    /// It held a list, so that it is no record.
    holds: bool,
    is_record: bool,
    /// Line in which it began, from 0.
    line: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// Before an object.
    Between,
    /// After `[`, which may begin a list or a line of text.
    Bracket,
    /// In a line of text.
    Text,
    BeforeKey,
    Key,
    AfterKey,
    BeforeValue,
    /// After the `[` of a list's key.
    BeforeList,
    Value,
}

struct Documents<R> {
    input: R,
    out: Vec<u8>,
    given: usize,
    mode: Mode,
    frames: Vec<Frame>,
    key: Vec<u8>,
    depth: usize,
    in_string: bool,
    escaped: bool,
    /// Line ends read and written.
    read: u64,
    written: u64,
    finished: bool,
}

impl<R: Read> Documents<R> {
    fn new(input: R) -> Documents<R> {
        Documents {
            input,
            out: Vec::new(),
            given: 0,
            mode: Mode::Between,
            frames: Vec::new(),
            key: Vec::new(),
            depth: 0,
            in_string: false,
            escaped: false,
            read: 0,
            written: 0,
            finished: false,
        }
    }

    /// Reads the next part; `false` at the end.
    fn fill(&mut self) -> io::Result<bool> {
        self.out.clear();
        self.given = 0;
        if self.finished {
            return Ok(false);
        }
        let mut chunk = [0; CHUNK];
        let read = self.input.read(&mut chunk)?;
        chunk[..read].iter().for_each(|byte| self.byte(*byte));
        if read == 0 {
            self.finished = true;
            self.give_up();
            self.pad(self.read);
        }
        Ok(true)
    }

    fn byte(&mut self, byte: u8) {
        let line_end = byte == b'\n';
        match self.mode {
            Mode::Between => self.between(byte),
            Mode::Bracket => self.bracket(byte),
            Mode::Text => self.text(byte),
            Mode::BeforeKey => self.before_key(byte),
            Mode::Key => self.key_byte(byte),
            Mode::AfterKey if byte.is_ascii_whitespace() => {}
            Mode::AfterKey if byte == b':' => self.mode = Mode::BeforeValue,
            Mode::AfterKey => self.fail(byte),
            Mode::BeforeValue => self.before_value(byte),
            Mode::BeforeList => self.before_list(byte),
            Mode::Value => self.value(byte),
        }
        self.read += u64::from(line_end);
    }

    fn between(&mut self, byte: u8) {
        let inside = !self.frames.is_empty();
        match byte {
            b' ' | b'\t' | b'\r' | b'\n' | b',' => {}
            b'{' => self.open(),
            b']' if inside => {
                if let Some(frame) = self.frames.last_mut() {
                    frame.list = None;
                }
                self.mode = Mode::BeforeKey;
            }
            b']' => {}
            b'[' if !inside => self.mode = Mode::Bracket,
            _ => self.fail(byte),
        }
    }

    fn bracket(&mut self, byte: u8) {
        match byte {
            b' ' | b'\t' | b'\r' | b'\n' => {}
            b'{' => self.open(),
            _ => {
                self.pad(self.read);
                self.out.push(b'[');
                self.mode = Mode::Text;
                self.text(byte);
            }
        }
    }

    fn text(&mut self, byte: u8) {
        self.out.push(byte);
        if byte == b'\n' {
            self.written += 1;
            self.mode = Mode::Between;
        }
    }

    fn open(&mut self) {
        self.frames.push(Frame { line: self.read, ..Frame::default() });
        self.mode = Mode::BeforeKey;
    }

    fn before_key(&mut self, byte: u8) {
        match byte {
            b' ' | b'\t' | b'\r' | b'\n' | b',' => {}
            b'"' => {
                self.key.clear();
                self.escaped = false;
                self.mode = Mode::Key;
            }
            b'}' => self.close(),
            _ => self.fail(byte),
        }
    }

    fn key_byte(&mut self, byte: u8) {
        match byte {
            b'"' if !self.escaped => self.mode = Mode::AfterKey,
            b'\n' => self.fail(byte),
            _ => {
                self.escaped = byte == b'\\' && !self.escaped;
                if self.key.len() < LONGEST {
                    self.key.push(byte);
                }
            }
        }
    }

    fn before_value(&mut self, byte: u8) {
        if byte.is_ascii_whitespace() {
            return;
        }
        if byte == b'[' && self.is_list() {
            self.mode = Mode::BeforeList;
            return;
        }
        self.begin_value();
        self.value(byte);
    }

    /// Whether the key in hand is that of a list of records.
    fn is_list(&self) -> bool {
        let Some(frame) = self.frames.last() else { return false };
        let outer = self.frames.len().checked_sub(2).and_then(|at| self.frames[at].list.as_deref());
        let key = self.key.as_slice();
        match outer {
            None => self.frames.len() == 1 && !frame.is_record && LISTS.contains(&key),
            Some(outer) => (outer == b"resourceLogs" || INNER_LISTS.contains(&outer)) && INNER_LISTS.contains(&key),
        }
    }

    fn before_list(&mut self, byte: u8) {
        match byte {
            b' ' | b'\t' | b'\r' | b'\n' => {}
            b'{' => {
                let key = std::mem::take(&mut self.key);
                if let Some(frame) = self.frames.last_mut() {
                    frame.list = Some(key);
                    frame.holds = true;
                }
                self.open();
            }
            _ => {
                self.begin_value();
                self.value(b'[');
                self.value(byte);
            }
        }
    }

    fn begin_value(&mut self) {
        let Some(frame) = self.frames.last_mut() else { return };
        frame.is_record |= OF_RECORDS.contains(&self.key.as_slice());
        if !frame.members.is_empty() {
            frame.members.push(b',');
        }
        frame.members.push(b'"');
        frame.members.extend_from_slice(&self.key);
        frame.members.extend_from_slice(b"\":");
        (self.depth, self.in_string, self.escaped) = (0, false, false);
        self.mode = Mode::Value;
    }

    fn value(&mut self, byte: u8) {
        if !self.in_string && self.depth == 0 && matches!(byte, b',' | b'}') {
            self.mode = Mode::BeforeKey;
            return self.before_key(byte);
        }
        if let Some(frame) = self.frames.last_mut().filter(|frame| frame.members.len() < LONGEST) {
            frame.members.push(if matches!(byte, b'\n' | b'\r') { b' ' } else { byte });
        }
        if self.in_string {
            self.in_string = byte != b'"' || self.escaped;
            self.escaped = byte == b'\\' && !self.escaped;
        } else {
            match byte {
                b'"' => self.in_string = true,
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' => self.depth = self.depth.saturating_sub(1),
                _ => return,
            }
        }
        if self.depth == 0 && !self.in_string {
            self.mode = Mode::BeforeKey;
        }
    }

    fn close(&mut self) {
        if let Some(frame) = self.frames.pop().filter(|frame| !frame.holds) {
            self.record(&frame, true);
        }
        self.mode = Mode::Between;
    }

    /// Writes a record: its own members, then those that stood before the lists around it.
    fn record(&mut self, frame: &Frame, whole: bool) {
        self.pad(frame.line);
        self.out.push(b'{');
        self.out.extend_from_slice(&frame.members);
        let mut any = !frame.members.is_empty();
        for outer in self.frames.iter().rev().filter(|outer| !outer.members.is_empty() && outer.members.len() <= LONGEST_CONTEXT) {
            if any {
                self.out.push(b',');
            }
            self.out.extend_from_slice(&outer.members);
            any = true;
        }
        if whole {
            self.out.push(b'}');
        }
        self.out.push(b'\n');
        self.written += 1;
    }

    /// Writes line ends until as many as `line` are written.
    fn pad(&mut self, line: u64) {
        let missing = line.saturating_sub(self.written);
        self.out.resize(self.out.len() + usize::try_from(missing).unwrap_or(0), b'\n');
        self.written += missing;
    }

    /// What was open is no JSON: it becomes a line as far as it goes, and what follows is text.
    fn fail(&mut self, byte: u8) {
        self.give_up();
        self.pad(self.read);
        self.mode = Mode::Text;
        self.text(byte);
    }

    fn give_up(&mut self) {
        let open = self.frames.iter().rposition(|frame| !frame.holds);
        if let Some(frame) = open.map(|at| self.frames.swap_remove(at)) {
            self.frames.clear();
            self.record(&frame, false);
        }
        self.frames.clear();
    }
}

impl<R: Read> Read for Documents<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.given == self.out.len() {
            if into.is_empty() || !self.fill()? {
                return Ok(0);
            }
        }
        let length = into.len().min(self.out.len() - self.given);
        into[..length].copy_from_slice(&self.out[self.given..self.given + length]);
        self.given += length;
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> String {
        let mut read = String::new();
        unfolded(Box::new(Cursor::new(text.to_owned().into_bytes()))).read_to_string(&mut read).unwrap();
        read
    }

    fn check(text: &str, expected: &str) {
        assert_eq!(read(text), expected, "{text}");
    }

    #[test]
    fn what_is_no_document_stays() {
        for text in ["", "x\n", "{\"a\":1}\n{\"a\":2}\n", "[2023-08-12] x\n", "[1,\n2]\n", "{\"time\":1,\"items\":[]}\n", "[\n"] {
            check(text, text);
        }
    }

    #[test]
    fn printed_over_lines() {
        check(
            "{\n  \"a\": 1,\n  \"b\": {\"c\": [1,\n2]}\n}\n{\n\"a\": \"x } y\"\n}\n",
            "{\"a\":1,\"b\":{\"c\": [1, 2]}}\n\n\n\n\n{\"a\":\"x } y\"}\n\n\n",
        );
        check("[{\"a\":1},\n {\"a\":2}]\n", "{\"a\":1}\n{\"a\":2}\n");
        check("[{\"a\":\"\\\"}\"},{\"a\":[]}]", "{\"a\":\"\\\"}\"}\n{\"a\":[]}\n");
    }

    #[test]
    fn lists_of_records() {
        check("{\"Records\":[{\"a\":1},{\"a\":2}]}\n", "{\"a\":1}\n{\"a\":2}\n");
        check("{\"kind\":\"List\",\"items\":[{\"a\":1}],\"x\":2}\n", "{\"a\":1,\"kind\":\"List\"}\n");
        check(
            "{\"resourceLogs\":[{\"resource\":{\"r\":1},\"scopeLogs\":[{\"scope\":{},\"logRecords\":[{\"a\":1},{\"a\":2}]}]}]}\n",
            "{\"a\":1,\"scope\":{},\"resource\":{\"r\":1}}\n{\"a\":2,\"scope\":{},\"resource\":{\"r\":1}}\n",
        );
        check("{\"events\":[{\"a\":1}]}\n{\"time\":1,\"items\":[{\"sku\":1}]}\n", "{\"a\":1}\n{\"time\":1,\"items\":[{\"sku\":1}]}\n");
    }

    #[test]
    fn broken_documents_lose_no_line() {
        check("{\n\"a\": 1,\n", "{\"a\":1\n\n");
        check("{\n\"a\": 1\n}\nplain\n[x] y\n{\"b\":2}\n", "{\"a\":1 }\n\n\nplain\n[x] y\n{\"b\":2}\n");
        check("{\n\"a\": 1,\nplain\nmore\n", "{\"a\":1\n\nplain\nmore\n");
        check("{\n", "{\n");
    }

    proptest::proptest! {
        #[test]
        fn no_line_end_is_lost(text in r#"[{\[]\n?\{?[{}\[\],:"a\n\\ ]{0,60}"#) {
            let lines = |text: &str| text.matches('\n').count();
            proptest::prop_assert!(lines(&read(&text)) >= lines(&text), "{}", read(&text));
        }
    }
}
