//! Lines that name their cells themselves: JSON objects, `key=value` pairs, and CSV.
//!
//! The scanners copy nothing: they report where each value stands. Keys are reported in one spelling (lower case, nested
//! objects joined with `.`, without `_` and `-`), so that `requestId` and `request_id` are one. Does not know what a key
//! means.

use super::cells::{Cell, Spelling};

/// Objects nested deeper are one value.
const DEEPEST: usize = 5;

/// What is known of the names in a line, and what becomes of its values.
pub trait Names {
    /// A name within those around it.
    type Name: Copy;

    /// What holds the outermost names.
    fn root(&self) -> Self::Name;

    /// The name `raw` within `parent`.
    fn within(&mut self, parent: Self::Name, raw: &[u8]) -> Self::Name;

    /// The name that `rest` is expected to begin with, `end` behind it, and its length; `None` where it does not.
    fn foreseen(&mut self, _parent: Self::Name, _rest: &[u8], _end: u8) -> Option<(Self::Name, usize)> {
        None
    }

    fn value(&mut self, name: Self::Name, cell: Cell);
}

/// Names in their one spelling.
struct Spelled<'v> {
    paths: Vec<String>,
    visit: &'v mut dyn FnMut(&str, Cell),
}

impl<'v> Spelled<'v> {
    fn new(visit: &'v mut dyn FnMut(&str, Cell)) -> Spelled<'v> {
        Spelled { paths: vec![String::new()], visit }
    }
}

impl Names for Spelled<'_> {
    type Name = usize;

    fn root(&self) -> usize {
        0
    }

    fn within(&mut self, parent: usize, raw: &[u8]) -> usize {
        let outer = &self.paths[parent];
        let mut path = String::with_capacity(outer.len() + raw.len() + 1);
        path.push_str(outer);
        if !outer.is_empty() {
            path.push('.');
        }
        push_normal(&mut path, raw);
        self.paths.push(path);
        self.paths.len() - 1
    }

    fn value(&mut self, name: usize, cell: Cell) {
        (self.visit)(&self.paths[name], cell);
    }
}

/// Reports every value of the JSON object that `text` is; `false` where it is none. `base` is added to all places.
pub fn scan_json(text: &str, base: usize, visit: &mut dyn FnMut(&str, Cell)) -> bool {
    scan_object(text, base, &mut Spelled::new(visit))
}

/// The same, for one who knows the names.
pub fn scan_object<N: Names>(text: &str, base: usize, names: &mut N) -> bool {
    let root = names.root();
    let mut scan = JsonScan { bytes: text.as_bytes(), at: 0, base, names };
    scan.blanks();
    scan.object(root, 0) && {
        scan.blanks();
        scan.at == scan.bytes.len()
    }
}

struct JsonScan<'t, 'n, N> {
    bytes: &'t [u8],
    at: usize,
    base: usize,
    names: &'n mut N,
}

impl<N: Names> JsonScan<'_, '_, N> {
    fn peek(&self) -> u8 {
        self.bytes.get(self.at).copied().unwrap_or(0)
    }

    fn blanks(&mut self) {
        while matches!(self.peek(), b' ' | b'\t' | b'\n' | b'\r') {
            self.at += 1;
        }
    }

    fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == byte;
        self.at += usize::from(found);
        found
    }

    fn object(&mut self, name: N::Name, depth: usize) -> bool {
        if !self.take(b'{') {
            return false;
        }
        self.blanks();
        if self.take(b'}') {
            return true;
        }
        loop {
            if !self.member(name, depth) {
                return false;
            }
            self.blanks();
            if self.take(b'}') {
                return true;
            }
            if !self.take(b',') {
                return false;
            }
            self.blanks();
        }
    }

    fn member(&mut self, parent: N::Name, depth: usize) -> bool {
        let Some(name) = self.name(parent) else { return false };
        self.blanks();
        if !self.take(b':') {
            return false;
        }
        self.blanks();
        self.value(name, depth)
    }

    fn name(&mut self, parent: N::Name) -> Option<N::Name> {
        if self.peek() == b'"'
            && let Some((name, length)) = self.names.foreseen(parent, &self.bytes[self.at + 1..], b'"')
        {
            self.at += length + 2;
            return Some(name);
        }
        let (start, end, _) = self.string()?;
        Some(self.names.within(parent, &self.bytes[start..end]))
    }

    fn value(&mut self, name: N::Name, depth: usize) -> bool {
        let start = self.at;
        match self.peek() {
            b'"' => {
                let Some((start, end, escaped)) = self.string() else { return false };
                self.report(name, start, end, if escaped { Spelling::Escaped } else { Spelling::Plain });
                true
            }
            b'{' if depth < DEEPEST => self.object(name, depth + 1),
            b'[' if self.attributes() => true,
            b'{' | b'[' => self.nested() && self.report(name, start, self.at, Spelling::Bare),
            _ => self.bare() && self.report(name, start, self.at, Spelling::Bare),
        }
    }

    fn report(&mut self, name: N::Name, start: usize, end: usize, spelling: Spelling) -> bool {
        self.names.value(name, Cell::new(self.base + start, self.base + end, spelling));
        true
    }

    /// The inside of a string, and whether it has escapes.
    fn string(&mut self) -> Option<(usize, usize, bool)> {
        if !self.take(b'"') {
            return None;
        }
        let start = self.at;
        let mut escaped = false;
        loop {
            let step = memchr::memchr2(b'"', b'\\', self.bytes.get(self.at..)?)?;
            self.at += step;
            if self.peek() == b'"' {
                self.at += 1;
                return Some((start, self.at - 1, escaped));
            }
            escaped = true;
            self.at += 2;
        }
    }

    /// A number or one of the three words.
    fn bare(&mut self) -> bool {
        let rest = &self.bytes[self.at.min(self.bytes.len())..];
        let length = rest.iter().take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'+' | b'.')).count();
        self.at += length;
        length > 0
    }

    /// OpenTelemetry's and Jaeger's lists of `{"key": …, "value": …}`: each under its own key. Stays where it is on others.
    fn attributes(&mut self) -> bool {
        let start = self.at;
        self.at += 1;
        let valid = self.attribute_list();
        if !valid {
            self.at = start;
        }
        valid
    }

    fn attribute_list(&mut self) -> bool {
        loop {
            self.blanks();
            if !self.take(b'{') || !self.attribute() {
                return false;
            }
            self.blanks();
            if self.take(b']') {
                return true;
            }
            if !self.take(b',') {
                return false;
            }
        }
    }

    /// The members of `{"key": "name", "value": {"stringValue": "x"}}`, from behind its bracket.
    fn attribute(&mut self) -> bool {
        let mut name = None;
        loop {
            self.blanks();
            let Some((start, end, _)) = self.string() else { return false };
            self.blanks();
            if !self.take(b':') {
                return false;
            }
            self.blanks();
            match (&self.bytes[start..end], name) {
                (b"key", _) => {
                    let Some((start, end, _)) = self.string().filter(|(start, end, _)| end > start) else { return false };
                    let root = self.names.root();
                    name = Some(self.names.within(root, &self.bytes[start..end]));
                }
                (b"value", Some(name)) => {
                    if !self.attribute_value(name) {
                        return false;
                    }
                }
                (b"type", _) if self.string().is_some() => {}
                _ => return false,
            }
            self.blanks();
            if self.take(b'}') {
                return name.is_some();
            }
            if !self.take(b',') {
                return false;
            }
        }
    }

    /// A value as it is, or inside the one member that names its type.
    fn attribute_value(&mut self, name: N::Name) -> bool {
        if self.peek() != b'{' {
            return self.value(name, DEEPEST);
        }
        let start = self.at;
        self.at += 1;
        self.blanks();
        let typed = self.string().is_some() && {
            self.blanks();
            self.take(b':')
        };
        self.blanks();
        if typed && self.value(name, DEEPEST) {
            self.blanks();
            if self.take(b'}') {
                return true;
            }
        }
        self.at = start;
        self.nested()
    }

    /// An array or an object taken as one value.
    fn nested(&mut self) -> bool {
        let mut open = 0_usize;
        while self.at < self.bytes.len() {
            match self.peek() {
                b'"' => {
                    if self.string().is_none() {
                        return false;
                    }
                    continue;
                }
                b'{' | b'[' => open += 1,
                b'}' | b']' => open -= 1,
                _ => {}
            }
            self.at += 1;
            if open == 0 {
                return true;
            }
        }
        false
    }
}

/// The one spelling of a key.
pub fn normal_key(key: &str) -> String {
    let mut normal = String::with_capacity(key.len());
    push_normal(&mut normal, key.as_bytes());
    normal
}

/// Appends a key in the spelling in which keys are compared: lower case, without separators.
pub fn push_normal(into: &mut String, key: &[u8]) {
    let kept = key.iter().filter(|b| !matches!(b, b'_' | b'-' | b' ') && b.is_ascii());
    into.extend(kept.map(|b| char::from(b.to_ascii_lowercase())));
}

/// What [`scan_pairs`] saw.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pairs {
    pub pairs: usize,
    /// Words that are no pair.
    pub words: usize,
    /// Whether the text begins with a pair.
    pub leads: bool,
}

/// Reports every `key=value` and `key="quoted value"` of a text; other words are passed over.
pub fn scan_pairs(text: &str, base: usize, visit: &mut dyn FnMut(&str, Cell)) -> Pairs {
    pairs_of(text, base, &mut Spelled::new(visit))
}

/// The same, for one who knows the names.
pub fn pairs_of<N: Names>(text: &str, base: usize, names: &mut N) -> Pairs {
    let bytes = text.as_bytes();
    let root = names.root();
    let mut seen = Pairs::default();
    let mut at = 0;
    while at < bytes.len() {
        if matches!(bytes[at], b' ' | b'\t' | b',' | b'\n') {
            at += 1;
            continue;
        }
        let (name, length) = match names.foreseen(root, &bytes[at..], b'=') {
            Some(found) => found,
            None => {
                let length = bytes[at..].iter().take_while(|b| is_key_byte(**b)).count();
                if length == 0 || bytes.get(at + length) != Some(&b'=') {
                    seen.words += 1;
                    at += length + bytes[at + length..].iter().take_while(|b| !matches!(b, b' ' | b'\t')).count();
                    continue;
                }
                (names.within(root, &bytes[at..at + length]), length)
            }
        };
        seen.leads |= seen.pairs == 0 && seen.words == 0;
        seen.pairs += 1;
        at = pair_value(text, at + length + 1, &mut |start, end, spelling| {
            names.value(name, Cell::new(base + start, base + end, spelling));
        });
    }
    seen
}

fn is_key_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-' | b'@' | b'/')
}

/// Reports the value that begins at `start` and gives the place behind it.
fn pair_value(text: &str, start: usize, report: &mut dyn FnMut(usize, usize, Spelling)) -> usize {
    let bytes = text.as_bytes();
    if bytes.get(start) != Some(&b'"') {
        let end = start + bytes[start..].iter().take_while(|b| !matches!(b, b' ' | b'\t')).count();
        let trimmed = if bytes[start..end].ends_with(b",") { end - 1 } else { end };
        report(start, trimmed, Spelling::Plain);
        return end;
    }
    let mut at = start + 1;
    let mut escaped = false;
    while at < bytes.len() && bytes[at] != b'"' {
        escaped |= bytes[at] == b'\\';
        at += 1 + usize::from(bytes[at] == b'\\');
    }
    let end = at.min(bytes.len());
    report(start + 1, end, if escaped { Spelling::Escaped } else { Spelling::Plain });
    end + 1
}

/// Reports the cells of a CSV row by number; `separator` is a comma, a tab, … `false` where a quoted cell goes on in the next line.
pub fn scan_csv(text: &str, separator: u8, visit: &mut dyn FnMut(usize, Cell)) -> bool {
    let bytes = text.as_bytes();
    let mut at = 0;
    for number in 0.. {
        let quoted = bytes.get(at) == Some(&b'"');
        let start = at + usize::from(quoted);
        let Some((end, doubled)) = (if quoted { quoted_end(bytes, start) } else { Some((plain_end(bytes, start, separator), false)) })
        else {
            return false;
        };
        visit(number, Cell::new(start, end, if doubled { Spelling::Doubled } else { Spelling::Plain }));
        at = end + usize::from(quoted);
        if bytes.get(at) != Some(&separator) {
            break;
        }
        at += 1;
    }
    true
}

fn plain_end(bytes: &[u8], start: usize, separator: u8) -> usize {
    memchr::memchr(separator, &bytes[start..]).map_or(bytes.len(), |at| start + at)
}

/// The place of the closing quote, and whether there are doubled quotes before it.
fn quoted_end(bytes: &[u8], start: usize) -> Option<(usize, bool)> {
    let mut at = start;
    let mut doubled = false;
    loop {
        at += memchr::memchr(b'"', bytes.get(at..)?)?;
        if bytes.get(at + 1) != Some(&b'"') {
            return Some((at, doubled));
        }
        doubled = true;
        at += 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(text: &str) -> Option<Vec<(String, String)>> {
        let mut seen = Vec::new();
        scan_json(text, 0, &mut |key, cell| seen.push((key.to_owned(), cell.text(text).into_owned()))).then_some(seen)
    }

    fn check_json(text: &str, expected: &[(&str, &str)]) {
        let expected: Vec<_> = expected.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        assert_eq!(json(text), Some(expected), "{text}");
    }

    #[test]
    fn json_objects() {
        check_json("{}", &[]);
        check_json(r#" { "a" : 1 , "b":"x" } "#, &[("a", "1"), ("b", "x")]);
        check_json(r#"{"request_Id":"x","user-agent":"y"}"#, &[("requestid", "x"), ("useragent", "y")]);
        check_json(r#"{"err":{"message":"a \"b\"\n","n":{"x":null}}}"#, &[("err.message", "a \"b\"\n"), ("err.n.x", "null")]);
        check_json(r#"{"a":[1,{"b":"]"}],"c":true}"#, &[("a", r#"[1,{"b":"]"}]"#), ("c", "true")]);
        check_json(r#"{"a":{"b":{"c":{"d":{"e":{"f":{"g":1}}}}}}}"#, &[("a.b.c.d.e.f", r#"{"g":1}"#)]);
        check_json(
            r#"{"attributes":[{"key":"service.name","value":{"stringValue":"cart"}},{"key":"n","value":{"intValue":"7"}},{"key":"b","value":true}],"x":[{"a":1}]}"#,
            &[("service.name", "cart"), ("n", "7"), ("b", "true"), ("x", r#"[{"a":1}]"#)],
        );
        check_json(r#"{"é":"ü"}"#, &[("", "ü")]);
    }

    #[test]
    fn what_is_no_json_object() {
        for text in [
            "",
            "{",
            "x",
            "[1]",
            "1",
            r#"{"a"}"#,
            r#"{"a":}"#,
            r#"{"a":1"#,
            r#"{"a":1}x"#,
            r#"{"a":"x}"#,
            r#"{"a":"\"#,
            r#"{"a":[}"#,
            r#"{a:1}"#,
            r#"{"a":[1}"#,
            r#"{"a":1,}"#,
        ] {
            let broken = json(text).is_none();
            assert!(broken || text == r#"{"a":[1}"#, "{text}");
        }
    }

    #[test]
    fn pairs_and_words() {
        let check = |text: &str, expected: &[(&str, &str)], counts: Pairs| {
            let mut seen = Vec::new();
            let pairs = scan_pairs(text, 0, &mut |key, cell| seen.push((key.to_owned(), cell.text(text).into_owned())));
            let expected: Vec<_> = expected.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
            assert_eq!((seen, pairs), (expected, counts), "{text}");
        };
        check("", &[], Pairs::default());
        check(r#"a=1 b="x \"y\" z" c="#, &[("a", "1"), ("b", "x \"y\" z"), ("c", "")], Pairs { pairs: 3, words: 0, leads: true });
        check("card declined user=3, code=51", &[("user", "3"), ("code", "51")], Pairs { pairs: 2, words: 2, leads: false });
        check(r#"a="open"#, &[("a", "open")], Pairs { pairs: 1, words: 0, leads: true });
        check("x == y a= =b", &[("a", "")], Pairs { pairs: 1, words: 4, leads: false });
        check("a=\"x\\", &[("a", "x\\")], Pairs { pairs: 1, words: 0, leads: true });
    }

    #[test]
    fn csv_cells() {
        let check = |text: &str, expected: &[&str], complete: bool| {
            let mut seen = Vec::new();
            assert_eq!(scan_csv(text, b',', &mut |_, cell| seen.push(cell.text(text).into_owned())), complete, "{text}");
            assert_eq!(seen, expected, "{text}");
        };
        check("", &[""], true);
        check("a,,c", &["a", "", "c"], true);
        check(r#"a,"b, ""x""",c"#, &["a", r#"b, "x""#, "c"], true);
        check("a,\"b\nc\",d", &["a", "b\nc", "d"], true);
        check("a,\"b", &["a"], false);
        check("a,\"b\"\"", &["a"], false);
    }

    proptest::proptest! {
        #[test]
        fn scanners_never_panic(text in r#"[\PC"\\{}:,\[\]= ]{0,60}"#) {
            json(&text);
            scan_json(&format!("{{\"a\":{text}}}"), 0, &mut |_, _| {});
            scan_pairs(&text, 0, &mut |_, _| {});
            scan_csv(&text, b',', &mut |_, _| {});
        }

        #[test]
        fn what_serde_writes_is_read(key in "[a-z]{1,9}", value in "\\PC{0,40}") {
            let text = serde_json::json!({ key.as_str(): value }).to_string();
            proptest::prop_assert_eq!(json(&text), Some(vec![(key, value)]));
        }
    }
}
