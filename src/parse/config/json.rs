//! JSON with the liberties that people take: comments, trailing commas, bare keys, single quotes.

use super::tree::Tree;
use super::{Flat, MAX_DEPTH};

/// Reads one document; after the first fault the rest is left, with a complaint.
pub(super) fn read(text: &str, flat: &mut Flat) {
    let mut reader = Reader { text, at: 0, line: 1, fault: None };
    reader.skip();
    if reader.at == text.len() {
        return;
    }
    let (tree, fault) = tree(text, 1);
    tree.flatten("", 0, flat);
    if let Some((line, why)) = fault {
        flat.complain(line, why);
    }
}

/// One document that begins on `line`, and its first fault: what stands before the fault is in the tree all the same.
pub(in crate::parse) fn tree(text: &str, line: u64) -> (Tree, Option<(u64, String)>) {
    let mut reader = Reader { text, at: 0, line, fault: None };
    let tree = reader.value(0);
    reader.skip();
    if reader.fault.is_none() && reader.at < text.len() {
        reader.fault = Some((reader.line, "text after the end of the document".to_owned()));
    }
    (tree, reader.fault.map(|(line, why)| (line, format!("not valid JSON: {why}"))))
}

/// Documents one after the other, and the first fault.
pub(in crate::parse) fn trees(text: &str) -> (Vec<Tree>, Option<(u64, String)>) {
    let mut reader = Reader { text, at: 0, line: 1, fault: None };
    let mut trees = Vec::new();
    reader.skip();
    while reader.at < text.len() {
        trees.push(reader.value(0));
        reader.skip();
    }
    (trees, reader.fault.map(|(line, why)| (line, format!("not valid JSON: {why}"))))
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
    line: u64,
    /// The first fault ends the reading.
    fault: Option<(u64, String)>,
}

impl Reader<'_> {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn advance(&mut self, c: char) {
        self.at += c.len_utf8();
        self.line += u64::from(c == '\n');
    }

    fn eat(&mut self, wanted: char) -> bool {
        let found = self.peek() == Some(wanted);
        if found {
            self.advance(wanted);
        }
        found
    }

    fn fail(&mut self, why: &str) {
        self.fault.get_or_insert((self.line, why.to_owned()));
        self.at = self.text.len();
    }

    /// Skips white space and comments.
    fn skip(&mut self) {
        loop {
            match self.peek() {
                Some(c) if c.is_whitespace() => self.advance(c),
                Some('#') => self.skip_past("\n"),
                Some('/') if self.rest().starts_with("//") => self.skip_past("\n"),
                Some('/') if self.rest().starts_with("/*") => self.skip_past("*/"),
                _ => return,
            }
        }
    }

    fn skip_past(&mut self, end: &str) {
        let length = self.rest().find(end).map_or(self.rest().len(), |found| found + end.len());
        self.line += self.rest()[..length].matches('\n').count() as u64;
        self.at += length;
    }

    fn value(&mut self, depth: usize) -> Tree {
        self.skip();
        let line = self.line;
        if depth > MAX_DEPTH {
            self.fail(&format!("nested deeper than {MAX_DEPTH} levels"));
        }
        match self.peek() {
            Some('{') => self.map(depth),
            Some('[') => self.list(depth),
            Some(quote @ ('"' | '\'')) => Tree::Scalar(self.string(quote), line),
            _ => {
                let word = self.word();
                if word.is_empty() {
                    self.fail("a value is missing");
                }
                Tree::Scalar(word, line)
            }
        }
    }

    fn map(&mut self, depth: usize) -> Tree {
        self.eat('{');
        let mut fields: Vec<(String, Tree)> = Vec::new();
        loop {
            self.skip();
            if self.eat('}') {
                return Tree::Map(fields);
            }
            let key = match self.peek() {
                Some(quote @ ('"' | '\'')) => self.string(quote),
                _ => self.word(),
            };
            self.skip();
            if !self.eat(':') {
                self.fail("expected a key and a colon");
                return Tree::Map(fields);
            }
            let value = self.value(depth + 1);
            if self.fault.is_some() && matches!(&value, Tree::Scalar(text, _) if text.is_empty()) {
                return Tree::Map(fields);
            }
            fields.push((key, value));
            self.separator('}');
        }
    }

    fn list(&mut self, depth: usize) -> Tree {
        self.eat('[');
        let mut items = Vec::new();
        loop {
            self.skip();
            if self.eat(']') || self.fault.is_some() {
                return Tree::List(items);
            }
            items.push(self.value(depth + 1));
            self.separator(']');
        }
    }

    fn separator(&mut self, close: char) {
        self.skip();
        if !self.eat(',') && self.peek() != Some(close) {
            self.fail(if self.at < self.text.len() { "expected a comma" } else { "the text ends early" });
        }
    }

    fn string(&mut self, quote: char) -> String {
        self.advance(quote);
        let mut value = String::new();
        while let Some(c) = self.peek() {
            self.advance(c);
            match c {
                '\\' => self.escape(&mut value),
                c if c == quote => return value,
                c => value.push(c),
            }
        }
        self.fail("a string is not closed");
        value
    }

    fn escape(&mut self, value: &mut String) {
        let Some(c) = self.peek() else { return };
        self.advance(c);
        match c {
            'n' => value.push('\n'),
            't' => value.push('\t'),
            'r' => value.push('\r'),
            'b' | 'f' => value.push(' '),
            'u' => {
                let digits: String = self.rest().chars().take(4).take_while(char::is_ascii_hexdigit).collect();
                self.at += digits.len();
                value.push(u32::from_str_radix(&digits, 16).ok().and_then(char::from_u32).unwrap_or('\u{fffd}'));
            }
            c => value.push(c),
        }
    }

    /// A bare word: a number, `true`, `null`, a key without quotes.
    fn word(&mut self) -> String {
        let length = self.rest().find(|c: char| c.is_whitespace() || ",:{}[]\"'".contains(c)).unwrap_or(self.rest().len());
        let word = self.rest()[..length].to_owned();
        self.at += length;
        word
    }
}
