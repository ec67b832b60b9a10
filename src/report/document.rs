//! JSON documents as text: one writer for all of them.

use serde::Serialize;

use super::text;

/// The document, indented, with a final newline. Whatever acts on a terminal is written as a JSON escape.
pub fn json(document: &impl Serialize) -> String {
    let json = serde_json::to_string_pretty(document).expect("documents hold text, finite numbers and lists, all of which JSON can say");
    escape_harmful(&json) + "\n"
}

/// Inside strings JSON lets invisible and acting characters stand as they are; outside strings there are none but line ends.
fn escape_harmful(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        if c == '\n' || !text::is_harmful(c) {
            out.push(c);
            continue;
        }
        for unit in c.encode_utf16(&mut [0; 2]) {
            out.push_str(&format!("\\u{unit:04x}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_acts_is_escaped_and_reads_as_it_was() {
        let hostile = crate::report::samples::HOSTILE;
        let written = json(&[hostile]);
        assert!(written.ends_with("]\n") && !written.contains(['\x1b', '\u{202e}', '\u{200b}']), "{written:?}");
        assert_eq!(serde_json::from_str::<Vec<String>>(&written).unwrap(), [hostile]);
    }
}
