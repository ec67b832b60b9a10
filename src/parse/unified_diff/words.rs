//! The words that a diff puts in or takes out, to be looked for in messages.

use std::collections::BTreeSet;

use super::changed_lines;

/// Words of at most this many letters are too common to mean anything.
const SHORT: usize = 3;
/// More words than this are a rewrite, in which no single word tells anything.
const MAX_WORDS: usize = 2_000;

/// Words of programming languages and of prose that every diff and every log has.
const COMMON: &[&str] = &[
    "about", "abstract", "after", "also", "append", "args", "array", "assert", "async", "await", "base", "because", "before", "begin",
    "bool", "boolean", "break", "byte", "bytes", "call", "case", "catch", "char", "class", "close", "code", "column", "config", "const",
    "constructor", "context", "continue", "count", "create", "data", "date", "datetime", "debug", "default", "defer", "delete",
    "description", "dict", "does", "done", "double", "each", "elif", "else", "endif", "enum", "error", "errors", "except", "exception",
    "exec", "export", "extends", "false", "fetch", "field", "fields", "file", "final", "finally", "first", "float", "foreach", "format",
    "from", "func", "function", "global", "have", "header", "headers", "here", "http", "https", "impl", "implements", "import", "index",
    "info", "init", "inner", "insert", "instanceof", "interface", "internal", "into", "item", "items", "join", "json", "just", "kwargs",
    "label", "lambda", "last", "left", "length", "level", "limit", "line", "list", "load", "local", "logger", "logging", "long", "loop",
    "main", "make", "match", "message", "method", "model", "module", "more", "must", "name", "namespace", "native", "next", "none", "null",
    "number", "object", "offset", "only", "open", "option", "order", "override", "package", "param", "params", "parse", "pass", "path",
    "print", "printf", "println", "private", "protected", "public", "query", "raise", "range", "read", "request", "require", "response",
    "result", "results", "return", "returns", "right", "rows", "same", "select", "self", "send", "server", "service", "short", "should",
    "size", "some", "start", "state", "static", "status", "stop", "string", "strings", "struct", "super", "switch", "table", "test", "text",
    "than", "that", "their", "then", "there", "this", "throw", "throws", "time", "timeout", "todo", "trait", "true", "type", "typeof",
    "undefined", "union", "unit", "unsigned", "update", "used", "user", "uses", "using", "utils", "value", "values", "void", "warn",
    "warning", "were", "when", "where", "while", "will", "with", "without", "write", "yield", "your",
];

/// Identifiers and words that only the added or only the removed lines have, whole (`snake_case`, `camelCase`) and in parts: lower-case,
/// longer than three letters, without what every program says; sorted, each once. Where both sides have the same words, all of them.
pub fn words(diff: &str) -> Vec<String> {
    let (removed, added) = changed_lines(diff);
    let (old, new) = (words_of(&removed), words_of(&added));
    let kept: Vec<String> = old.symmetric_difference(&new).take(MAX_WORDS).cloned().collect();
    if kept.is_empty() { old.into_iter().take(MAX_WORDS).collect() } else { kept }
}

fn words_of(lines: &[&str]) -> BTreeSet<String> {
    let identifiers = lines.iter().flat_map(|line| line.split(|c: char| !c.is_alphanumeric() && c != '_'));
    let whole_and_parts = |identifier: &str| parts(identifier).into_iter().chain([identifier.trim_matches('_').to_lowercase()]);
    identifiers.flat_map(whole_and_parts).filter(|word| tells(word)).collect()
}

fn tells(word: &str) -> bool {
    let letters = word.chars().filter(|c| c.is_alphabetic()).count();
    letters > SHORT && word.len() <= 80 && COMMON.binary_search(&word).is_err()
}

/// `maxPoolSize` and `max_pool_size` are `max`, `pool`, `size`.
fn parts(identifier: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut before = '_';
    for c in identifier.chars() {
        if c == '_' || (c.is_uppercase() && before.is_lowercase()) {
            parts.push(String::new());
        }
        if c != '_'
            && let Some(part) = parts.last_mut()
        {
            part.extend(c.to_lowercase());
        }
        before = c;
    }
    parts.retain(|part| !part.is_empty());
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_sorted() {
        assert!(COMMON.is_sorted(), "binary search needs it");
    }

    #[test]
    fn words_that_differ() {
        for (diff, expected) in [
            ("", ""),
            ("@@ -1 +1 @@\n-total = price(cart)\n+total = price(cart) - rebate_for(cart)\n", "rebate rebate_for"),
            ("@@ -1 +1 @@\n-String oldName = x;\n+String customerGroup = y;\n", "customer customergroup group oldname"),
            ("@@ -1,2 +1,2 @@\n-alpha()\n beta()\n+alpha()\n", "alpha"),
            ("@@ -0,0 +1,2 @@\n+for i in range(10): return None\n+    tariffs.lookup(zone=Zone.EAST)\n", "east lookup tariffs zone"),
            ("no diff at all: Überweisung", "diff überweisung"),
        ] {
            assert_eq!(words(diff).join(" "), expected, "{diff}");
        }
    }
}
