//! JSON documents one after the other, on lines of their own or not. Their content is unknown here.

use serde_json::Value;

/// Hands each document to `take` with the line that it begins in; a broken one is handed on as the reason, and reading goes on in the next
/// line.
pub fn each(text: &str, mut take: impl FnMut(u64, Result<Value, String>)) {
    let mut rest = text.trim_start_matches('\u{feff}');
    let mut line = 1;
    loop {
        let begin = rest.len() - rest.trim_start().len();
        line += newlines(&rest[..begin]);
        rest = &rest[begin..];
        let mut documents = serde_json::Deserializer::from_str(rest).into_iter::<Value>();
        let Some(document) = documents.next() else { return };
        let end = match &document {
            Ok(_) => documents.byte_offset(),
            Err(_) => rest.find('\n').map_or(rest.len(), |at| at + 1),
        };
        let is_end = end == 0;
        take(line, document.map_err(|error| format!("not valid JSON: {}", place_free(&error, line))));
        if is_end {
            return;
        }
        line += newlines(&rest[..end]);
        rest = &rest[end..];
    }
}

fn newlines(text: &str) -> u64 {
    memchr::memchr_iter(b'\n', text.as_bytes()).count() as u64
}

/// The error with its line in the file, not in the document.
fn place_free(error: &serde_json::Error, first: u64) -> String {
    let text = error.to_string();
    let why = text.split(" at line ").next().unwrap_or(&text);
    format!("{why} at line {} column {}", first + (error.line() as u64).saturating_sub(1), error.column())
}

/// A field in camelCase or in snake_case.
pub fn field<'v>(value: &'v Value, camel: &str) -> Option<&'v Value> {
    value.get(camel).or_else(|| value.get(snake(camel)))
}

fn snake(camel: &str) -> String {
    let mut snake = String::with_capacity(camel.len() + 4);
    for c in camel.chars() {
        if c.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(c.to_ascii_lowercase());
    }
    snake
}

/// A number, or one written as text.
pub fn number(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| value.as_str()?.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[(u64, bool)]) {
        let mut found = Vec::new();
        each(text, |line, document| found.push((line, document.is_ok())));
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn documents_and_broken_lines() {
        check("", &[]);
        check(" \n\n", &[]);
        check("{}{}\n[1,\n2] {}", &[(1, true), (1, true), (2, true), (3, true)]);
        check("{}\n{\"a\":\n", &[(1, true), (2, false)]);
        check("x\n{}\n", &[(1, false), (2, true)]);
        check("\u{feff}{}", &[(1, true)]);
        check("{\n1,\n}\n", &[(1, false), (2, true), (2, false), (3, false)]);
    }

    #[test]
    fn fields_in_both_spellings() {
        let value: Value = serde_json::from_str(r#"{"time_unix_nano":"12"}"#).unwrap();
        assert_eq!(field(&value, "timeUnixNano").and_then(number), Some(12.0));
        assert_eq!(field(&value, "startTimeUnixNano"), None);
    }
}
