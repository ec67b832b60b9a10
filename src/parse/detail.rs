//! The lines that follow a record, as text of a bounded length: its beginning and its end.

use std::borrow::Cow;

/// What is kept of each end, in bytes.
const KEPT: usize = 8 * 1024;

/// Collects lines; memory is bounded.
#[derive(Debug, Default)]
pub struct Detail {
    head: String,
    tail: String,
    /// Lines between head and tail were dropped.
    cut: bool,
}

impl Detail {
    /// Forgets all lines.
    pub fn clear(&mut self) {
        self.head.clear();
        self.tail.clear();
        self.cut = false;
    }

    /// Whether there is no line.
    pub fn is_empty(&self) -> bool {
        self.head.is_empty()
    }

    /// Adds a line; of very long texts the middle is not kept.
    pub fn push(&mut self, line: &str) {
        let fits = self.tail.is_empty() && self.head.len() + line.len() <= KEPT;
        let (text, line) = if fits { (&mut self.head, line) } else { (&mut self.tail, ending(line)) };
        if !text.is_empty() || !fits {
            text.push('\n');
        }
        text.push_str(line);
        if self.tail.len() > 2 * KEPT {
            self.cut = true;
            let from = self.tail.len() - ending(&self.tail).len();
            // A whole line is better than a part of one.
            let from = self.tail[from..].find('\n').map_or(from, |at| from + at);
            self.tail.drain(..from);
        }
    }

    /// The lines, with a mark where some are left out.
    pub fn text(&self) -> Cow<'_, str> {
        match (self.tail.is_empty(), self.cut) {
            (true, _) => Cow::Borrowed(&self.head),
            (false, false) => Cow::Owned(format!("{}{}", self.head, self.tail)),
            (false, true) => Cow::Owned(format!("{}\n[…]{}", self.head, self.tail)),
        }
    }
}

/// The end of a text, bounded.
fn ending(text: &str) -> &str {
    let mut from = text.len().saturating_sub(KEPT);
    while !text.is_char_boundary(from) {
        from += 1;
    }
    &text[from..]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detail(lines: impl IntoIterator<Item = String>) -> String {
        let mut detail = Detail::default();
        lines.into_iter().for_each(|line| detail.push(&line));
        detail.text().into_owned()
    }

    #[test]
    fn short_details_are_whole() {
        assert_eq!(detail([]), "");
        assert_eq!(detail(["a".to_owned(), String::new(), "b".to_owned()]), "a\n\nb");
        let lines: Vec<String> = (0..600).map(|i| format!("line number {i}")).collect();
        assert_eq!(detail(lines.clone()), lines.join("\n"));
    }

    #[test]
    fn long_details_keep_both_ends() {
        let text = detail((0..100_000).map(|i| format!("line number {i}")));
        assert!(text.starts_with("line number 0\nline number 1\n") && text.ends_with("\nline number 99999"));
        assert!(text.contains("\n[…]\nline number "));
        assert!(text.len() < 4 * KEPT, "{}", text.len());
        let one = detail(["é".repeat(50_000), "end".to_owned()]);
        assert!(one.ends_with("é\nend") && one.len() < 4 * KEPT);
    }
}
