//! Markdown that texts from logs cannot break out of.

use super::text::{sanitize, shorten};

/// Text that Markdown and HTML leave alone, mentions and links broken.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '@' => out.push_str("&#64;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '!' | '#' => {
                out.push('\\');
                out.push(c);
            }
            c => out.push(c),
        }
    }
    out.replace("://", "&#58;//").replace("www.", "www&#46;")
}

/// An inline code span, because a path must be copied as it is; where it could break out of one, escaped text.
pub fn code(text: &str) -> String {
    let text = shorten(&sanitize(text), 120);
    if text.contains(['`', '<', '>', '@', '|']) { escape(&text) } else { format!("`{text}`") }
}

/// A block of code that its text cannot close.
pub fn block(language: &str, text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    format!("{fence}{language}\n{}\n{fence}\n", sanitize(text))
}
