//! Tables of recorded changes (CSV) as documents of named cells, so that one reader serves them and JSON.

use crate::parse::config::Tree;

/// The rows below the head, each as a map from lower-case column name to cell.
pub(super) fn rows(text: &str) -> Vec<Tree> {
    let separator = separator(text);
    let mut rows = cells(text, separator).into_iter();
    let Some((_, head)) = rows.next() else { return Vec::new() };
    let names: Vec<String> = head.iter().map(|name| name.trim().to_lowercase()).collect();
    let row = |(line, cells): (u64, Vec<String>)| {
        Tree::Map(names.iter().cloned().zip(cells.into_iter().map(|cell| Tree::Scalar(cell, line))).collect())
    };
    rows.map(row).collect()
}

fn separator(text: &str) -> char {
    let head = text.lines().next().unwrap_or("");
    let count = |c: &char| head.matches(*c).count();
    [',', ';', '\t', '|'].into_iter().rev().max_by_key(count).unwrap_or(',')
}

/// The cells of each row with the row's first line; quoted cells may hold separators, line ends and doubled quotes.
fn cells(text: &str, separator: char) -> Vec<(u64, Vec<String>)> {
    let mut rows = Vec::new();
    let (mut row, mut cell, mut quoted) = (Vec::new(), String::new(), false);
    let (mut line, mut first) = (1, 1);
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        line += u64::from(c == '\n');
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => cell.extend(chars.next()),
            '"' => quoted = !quoted,
            '\r' if !quoted => {}
            '\n' if !quoted => {
                row.push(std::mem::take(&mut cell));
                rows.push((first, std::mem::take(&mut row)));
                first = line;
            }
            c if c == separator && !quoted => row.push(std::mem::take(&mut cell)),
            c => cell.push(c),
        }
    }
    if !cell.is_empty() || !row.is_empty() {
        row.push(cell);
        rows.push((first, row));
    }
    rows.retain(|(_, row)| row.iter().any(|cell| !cell.trim().is_empty()));
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_hold_separators_and_line_ends() {
        let found = rows("A,b\n1,\"x, \"\"y\"\"\nz\"\n\n2,\n");
        let shown: Vec<(Option<&str>, Option<&str>, u64)> =
            found.iter().map(|row| (row.text_at("a"), row.text_at("b"), row.first_line())).collect();
        assert_eq!(shown, [(Some("1"), Some("x, \"y\"\nz"), 2), (Some("2"), None, 5)]);
        assert_eq!(rows("a;b\n1;2\n")[0].text_at("b"), Some("2"));
        assert!(rows("").is_empty() && rows("a,b").is_empty());
    }
}
