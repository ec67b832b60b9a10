//! Numbers, durations and foreign text as a person reads them, measured in columns of a terminal.
//!
//! It knows nothing of incidents. What logs, file names and change records contain is hostile until [`sanitize`] has seen it.

use unicode_width::UnicodeWidthChar;

/// Stands where text was cut out.
const ELLIPSIS: char = '…';

/// Combining marks kept on one character; more would pile up over the lines above.
const MARKS_KEPT: usize = 4;

/// `62585` -> `62,585`.
pub fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A size in bytes with two or three digits: `812 B`, `4.1 MB`, `37 GB`. Decimal units, as `ls -h --si` has them.
pub fn bytes(n: u64) -> String {
    let mut size = n as f64;
    let mut unit = "B";
    for larger in ["kB", "MB", "GB", "TB"] {
        if size < 999.5 {
            break;
        }
        (size, unit) = (size / 1000.0, larger);
    }
    if unit != "B" && size < 9.95 { format!("{size:.1} {unit}") } else { format!("{size:.0} {unit}") }
}

/// `1 line`, `62,585 lines`: for nouns that take a plain `s`.
pub fn counted(n: u64, noun: &str) -> String {
    format!("{} {noun}{}", count(n), if n == 1 { "" } else { "s" })
}

/// About three significant digits, never an exponent: `0.085`, `11.8`, `1,204`.
pub fn number(value: f64) -> String {
    if !value.is_finite() {
        return "unknown".to_owned();
    }
    let size = value.abs();
    if size >= 99.95 {
        let whole = count(size.round() as u64);
        return if value < 0.0 { format!("-{whole}") } else { whole };
    }
    let decimals = match size {
        s if s >= 9.995 => 1,
        s if s >= 0.9995 => 2,
        s if s >= 0.0005 || s == 0.0 => 3,
        _ => return if value < 0.0 { "> -0.001".to_owned() } else { "< 0.001".to_owned() },
    };
    trim_zeros(&format!("{value:.decimals$}"))
}

fn trim_zeros(text: &str) -> String {
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text };
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

/// A length of time in seconds, in its two largest units: `350 ms`, `7.5 s`, `2 min 37 s`, `3 h 15 min`, `2 d 4 h`. The sign is dropped.
pub fn duration(seconds: f64) -> String {
    let s = seconds.abs();
    if !s.is_finite() {
        return "an unknown time".to_owned();
    }
    if s < 0.9995 {
        return format!("{} ms", (s * 1000.0).round());
    }
    if s < 9.95 {
        return format!("{} s", trim_zeros(&format!("{s:.1}")));
    }
    match s.round() as u64 {
        s @ ..60 => format!("{s} s"),
        s @ ..3_600 => units(s / 60, "min", s % 60, "s"),
        s @ ..86_400 => units(s / 3_600, "h", s % 3_600 / 60, "min"),
        s => units(s / 86_400, "d", s % 86_400 / 3_600, "h"),
    }
}

fn units(large: u64, large_unit: &str, small: u64, small_unit: &str) -> String {
    match small {
        0 => format!("{} {large_unit}", count(large)),
        _ => format!("{} {large_unit} {small} {small_unit}", count(large)),
    }
}

/// A length of time in milliseconds: `3.1 ms`, `85 ms`, `2.3 s`.
pub fn milliseconds(ms: f64) -> String {
    if !ms.is_finite() || ms >= 1_000.0 { duration(ms / 1000.0) } else { format!("{} ms", number(ms)) }
}

/// A share: `15 %`, `4.2 %`, `< 0.1 %`. What is short of everything is never shown as 100 %, nor anything as 0 %.
pub fn percent(share: f64) -> String {
    match share {
        s if !s.is_finite() => "an unknown share".to_owned(),
        s if s <= 0.0 => "0 %".to_owned(),
        s if s < 0.001 => "< 0.1 %".to_owned(),
        s if s < 0.0995 => format!("{} %", trim_zeros(&format!("{:.1}", s * 100.0))),
        s if s < 0.985 => format!("{:.0} %", s * 100.0),
        s if s < 1.0 => format!("{} %", trim_zeros(&format!("{:.1}", (s * 1000.0).floor() / 10.0))),
        _ => "100 %".to_owned(),
    }
}

/// A probability in whole per cent; certainty is never claimed.
pub fn confidence(p: f64) -> String {
    match p {
        p if p < 0.005 || p.is_nan() => "< 1 %".to_owned(),
        p => format!("{:.0} %", (p * 100.0).round().min(99.0)),
    }
}

/// Whether a character acts on the terminal or hides: controls, bidirectional overrides, zero-width and other invisible characters.
pub fn is_harmful(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}' | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// Text that HTML leaves alone, in elements and in quoted attributes; sanitized, so that it cannot act on a reader either.
pub fn escape_html(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    for c in sanitize(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

/// One line of text that does nothing but stand there: harmful characters become visible escapes, runs of blanks one blank.
pub fn sanitize(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut marks = 0;
    for c in text.trim().chars() {
        marks = if c.width() == Some(0) { marks + 1 } else { 0 };
        match c {
            '\n' => out.push_str("\\n"),
            '\r' | '\u{fe0e}' | '\u{fe0f}' => {}
            c if c == '\t' || (c.is_whitespace() && !is_harmful(c)) => push_blank(&mut out),
            c if is_harmful(c) || marks > MARKS_KEPT => push_escape(&mut out, c),
            c => out.push(c),
        }
    }
    out
}

fn push_blank(out: &mut String) {
    if !out.ends_with(' ') && !out.ends_with("\\n") {
        out.push(' ');
    }
}

fn push_escape(out: &mut String, c: char) {
    let code = u32::from(c);
    out.push_str(&if code < 0x100 { format!("\\x{code:02x}") } else { format!("\\u{{{code:x}}}") });
}

/// Columns that a text takes. Exact for sanitized text.
pub fn width(text: &str) -> usize {
    text.chars().map(|c| c.width().unwrap_or(0)).sum()
}

/// At most `columns` wide: the middle gives way, because the head tells what it is and the tail which one.
pub fn shorten(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let room = columns.saturating_sub(1);
    let tail_room = room / 3;
    let head = head_of(text, room - tail_room);
    let reversed: String = text.chars().rev().collect();
    let tail: String = head_of(&reversed, tail_room).chars().rev().collect();
    format!("{}{ELLIPSIS}{}", head.trim_end(), tail.trim_start())
}

/// The longest beginning that is at most `columns` wide.
fn head_of(text: &str, columns: usize) -> &str {
    let mut used = 0;
    for (at, c) in text.char_indices() {
        used += c.width().unwrap_or(0);
        if used > columns {
            return &text[..at];
        }
    }
    text
}

/// Fills up with blanks to `columns`.
pub fn pad(text: &str, columns: usize) -> String {
    format!("{text}{}", " ".repeat(columns.saturating_sub(width(text))))
}

/// Breaks at blanks into lines of at most `columns`; a word that is longer by itself is cut.
pub fn wrap(text: &str, columns: usize) -> Vec<String> {
    let columns = columns.max(1);
    let mut lines: Vec<String> = Vec::new();
    let mut line = String::new();
    for word in text.split(' ').filter(|w| !w.is_empty()) {
        if !line.is_empty() && width(&line) + 1 + width(word) <= columns {
            line.push(' ');
        } else if !line.is_empty() {
            lines.push(std::mem::take(&mut line));
        }
        line.push_str(word);
        while width(&line) > columns {
            // A character wider than the line is kept whole rather than lost.
            let cut = head_of(&line, columns).len().max(line.chars().next().map_or(1, char::len_utf8));
            let rest = line.split_off(cut);
            lines.push(std::mem::replace(&mut line, rest));
            if line.is_empty() {
                break;
            }
        }
    }
    if !line.is_empty() {
        lines.push(line);
    }
    lines
}

/// Joins with commas and a final `and`.
pub fn listed(items: &[String]) -> String {
    match items {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// The first `most` items, then `n more`.
pub fn listed_up_to(items: &[String], most: usize) -> String {
    if items.len() <= most {
        return listed(items);
    }
    let mut shown = items[..most].to_vec();
    shown.push(format!("{} more", items.len() - most));
    listed(&shown)
}

/// What only ASCII terminals show in place of the report's own signs; foreign characters become `?`, column for column.
pub fn to_ascii(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut out, c| {
        match c {
            c if c.is_ascii() => out.push(c),
            ELLIPSIS => out.push('~'),
            '▲' | '▼' => out.push('^'),
            '◀' => out.push('<'),
            c => out.extend(std::iter::repeat_n('?', c.width().unwrap_or(0))),
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        let cases = [
            (0.0, "0"),
            (0.085, "0.085"),
            (0.9999, "1"),
            (9.999, "10"),
            (11.84, "11.8"),
            (99.96, "100"),
            (1204.4, "1,204"),
            (-1204.0, "-1,204"),
            (-0.5, "-0.5"),
            (1e-9, "< 0.001"),
            (f64::NAN, "unknown"),
            (f64::INFINITY, "unknown"),
        ];
        for (value, expect) in cases {
            assert_eq!(number(value), expect, "{value}");
        }
        assert_eq!(
            (count(0), count(999), count(1000), count(u64::MAX)),
            ("0".into(), "999".into(), "1,000".into(), "18,446,744,073,709,551,615".into())
        );
        assert_eq!((counted(1, "line"), counted(0, "line")), ("1 line".into(), "0 lines".into()));
    }

    #[test]
    fn durations() {
        let cases = [
            (0.0, "0 ms"),
            (0.35, "350 ms"),
            (0.9999, "1 s"),
            (-7.5, "7.5 s"),
            (9.97, "10 s"),
            (59.6, "1 min"),
            (157.0, "2 min 37 s"),
            (3600.0, "1 h"),
            (11_700.0, "3 h 15 min"),
            (187_200.0, "2 d 4 h"),
            (f64::NAN, "an unknown time"),
        ];
        for (seconds, expect) in cases {
            assert_eq!(duration(seconds), expect, "{seconds}");
        }
        assert_eq!((milliseconds(3.25), milliseconds(85.2), milliseconds(2300.0)), ("3.25 ms".into(), "85.2 ms".into(), "2.3 s".into()));
    }

    #[test]
    fn shares_never_round_to_all_or_nothing() {
        let cases = [
            (0.0, "0 %"),
            (1e-6, "< 0.1 %"),
            (0.042, "4.2 %"),
            (0.05, "5 %"),
            (0.0997, "10 %"),
            (0.15, "15 %"),
            (0.998, "99.8 %"),
            (0.99999, "99.9 %"),
            (1.0, "100 %"),
            (f64::NAN, "an unknown share"),
        ];
        for (share, expect) in cases {
            assert_eq!(percent(share), expect, "{share}");
        }
        assert_eq!(
            (confidence(0.9999), confidence(0.001), confidence(0.555), confidence(f64::NAN)),
            ("99 %".into(), "< 1 %".into(), "56 %".into(), "< 1 %".into())
        );
    }

    #[test]
    fn sanitized_text_is_one_harmless_line() {
        let cases = [
            ("", ""),
            ("  plain  text ", "plain text"),
            ("a\r\n\tat b", "a\\nat b"),
            ("\x1b[31mred\x07", "\\x1b[31mred\\x07"),
            ("a\u{202e}b\u{200b}c\u{9b}d", "a\\u{202e}b\\u{200b}c\\x9bd"),
            ("tag\u{e0041}", "tag\\u{e0041}"),
            ("\u{2764}\u{fe0f}", "\u{2764}"),
            ("e\u{301}", "e\u{301}"),
        ];
        for (text, expect) in cases {
            assert_eq!(sanitize(text), expect, "{text:?}");
            assert_eq!(sanitize(&sanitize(text)), expect, "not stable: {text:?}");
        }
        let piled = format!("a{}", "\u{301}".repeat(50));
        assert_eq!(sanitize(&piled).matches('\u{301}').count(), MARKS_KEPT);
    }

    #[test]
    fn shortened_text_keeps_head_and_tail_and_never_exceeds() {
        assert_eq!(shorten("connection to 10.0.0.7 timed out", 17), "connection…d out");
        for columns in 0..12 {
            for text in ["日本語日本語日本語日本語", "abcdefghijklmnop", "e\u{301}e\u{301}e\u{301}e\u{301}e\u{301}e\u{301}"] {
                assert!(width(&shorten(text, columns)) <= columns.max(1), "{text} {columns}");
            }
        }
    }

    #[test]
    fn wrapping() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("abcdefghij kl", 4), ["abcd", "efgh", "ij", "kl"]);
        assert_eq!(wrap("", 4), Vec::<String>::new());
        assert_eq!(wrap("日本語", 1), ["日", "本", "語"]);
        for columns in 1..9 {
            assert_eq!(wrap("aa bbbb cccccccccc d", columns).concat().replace(' ', ""), "aabbbbccccccccccd");
        }
    }

    #[test]
    fn lists_and_ascii() {
        let items: Vec<String> = ["a", "b", "c"].map(str::to_owned).to_vec();
        assert_eq!((listed(&items), listed_up_to(&items, 1)), ("a, b and c".into(), "a and 2 more".into()));
        assert_eq!(to_ascii("a…▲日é"), "a~^???");
    }
}
