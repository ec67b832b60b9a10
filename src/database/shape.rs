//! SQL statements without their literals, so that those of one kind are counted together.
//!
//! The rules are those that pgBadger and pg_stat_statements share: text and numbers become `?`, lists of them one `?`, comments go,
//! blanks become one, keywords and names lower case (quoted names stay as they are).

/// Longer statements are cut: what tells them apart stands in front.
const LONGEST: usize = 1_000;

/// The shape of a statement.
pub fn shape(sql: &str) -> String {
    let bytes = sql.as_bytes();
    let mut out = String::with_capacity(sql.len().min(LONGEST) + 8);
    let mut at = 0;
    while at < bytes.len() && out.len() < LONGEST {
        at = step(sql, at, &mut out);
    }
    let end = out.trim_end_matches([' ', ';']).len();
    out.truncate(end);
    folded(&out)
}

/// Takes what stands at `at`; returns where the next begins.
fn step(sql: &str, at: usize, out: &mut String) -> usize {
    let bytes = sql.as_bytes();
    let rest = &sql[at..];
    match bytes[at] {
        b if b.is_ascii_whitespace() => {
            blank(out);
            at + 1
        }
        b'-' if rest.starts_with("--") => at + rest.find('\n').unwrap_or(rest.len()),
        b'/' if rest.starts_with("/*") => at + rest.find("*/").map_or(rest.len(), |end| end + 2),
        b'\'' => literal(out, at + quoted(&bytes[at..], b'\'')),
        b'"' | b'`' => {
            let end = at + quoted(&bytes[at..], bytes[at]);
            out.push_str(&sql[at..end]);
            end
        }
        b'$' if dollar_tag(rest).is_some() => {
            let tag = dollar_tag(rest).unwrap_or("$$");
            let close = rest[tag.len()..].find(tag).map_or(rest.len(), |end| tag.len() + end + tag.len());
            literal(out, at + close)
        }
        b'$' => literal(out, at + 1 + digits(&bytes[at + 1..])),
        b'0'..=b'9' if !after_word(out) => literal(out, at + number(&bytes[at..])),
        _ => {
            let c = rest.chars().next().unwrap_or(' ');
            out.extend(c.to_lowercase());
            at + c.len_utf8()
        }
    }
}

fn blank(out: &mut String) {
    if !out.is_empty() && !out.ends_with([' ', '(']) {
        out.push(' ');
    }
}

/// `E'…'`, `N'…'` and `x'…'` are literals as well: their letter goes.
fn literal(out: &mut String, end: usize) -> usize {
    let prefixed = out.ends_with(['e', 'n', 'x', 'b']) && !out[..out.len() - 1].ends_with(|c: char| c.is_alphanumeric() || c == '_');
    if prefixed && end > 0 {
        out.pop();
    }
    // A sign belongs to the number behind it.
    if out.ends_with('-') && out[..out.len() - 1].ends_with(['(', ',', ' ', '=']) {
        out.pop();
    }
    out.push('?');
    end
}

fn after_word(out: &str) -> bool {
    out.ends_with(|c: char| c.is_alphanumeric() || matches!(c, '_' | '"' | '`'))
}

/// Bytes up to and with the closing quote; a doubled quote or one behind a backslash does not close.
fn quoted(bytes: &[u8], quote: u8) -> usize {
    let mut at = 1;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' if quote == b'\'' => at += 2,
            b if b == quote && bytes.get(at + 1) == Some(&quote) => at += 2,
            b if b == quote => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

fn digits(bytes: &[u8]) -> usize {
    bytes.iter().take_while(|b| b.is_ascii_digit()).count()
}

fn number(bytes: &[u8]) -> usize {
    let is_part = |b: &u8| b.is_ascii_alphanumeric() || *b == b'.';
    bytes.iter().take_while(|b| is_part(b)).count()
}

/// `$$` or `$tag$` at the beginning of the text; `$1` is a parameter.
fn dollar_tag(text: &str) -> Option<&str> {
    let end = text[1..].find('$')? + 2;
    let name = &text[1..end - 1];
    let is_name = name.chars().all(|c| c.is_alphanumeric() || c == '_') && !name.starts_with(|c: char| c.is_ascii_digit());
    is_name.then(|| &text[..end])
}

/// `(?, ?, ?)` behind `in` or `values`, and rows of them, as one.
fn folded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(open) = rest.find('(') {
        out.push_str(&rest[..=open]);
        rest = &rest[open + 1..];
        let Some(close) = rest.find(')') else { break };
        let only_literals = rest[..close].contains('?') && rest[..close].bytes().all(|b| matches!(b, b'?' | b',' | b' '));
        let word = out.trim_end_matches(['(', ' ']).rsplit(' ').next().unwrap_or("");
        if only_literals && matches!(word, "in" | "values") {
            out.push_str("?)");
            rest = &rest[close + 1..];
            rest = without_rows(rest);
        }
    }
    out.push_str(rest);
    out
}

/// Further rows of literals behind the first.
fn without_rows(mut rest: &str) -> &str {
    while let Some(row) = rest.strip_prefix(", (").or_else(|| rest.strip_prefix(",(")) {
        let Some(close) = row.find(')') else { break };
        if !row[..close].bytes().all(|b| matches!(b, b'?' | b',' | b' ')) {
            break;
        }
        rest = &row[close + 1..];
    }
    rest
}

/// The first word of a statement, behind the `with` of a common table expression and an opening parenthesis.
pub fn verb(shape: &str) -> &str {
    let first = |text: &str| -> usize { text.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(text.len()) };
    let text = shape.trim_start_matches(['(', ' ']);
    &text[..first(text)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_go_and_names_stay() {
        for (sql, expected) in [
            ("", ""),
            (";", ""),
            ("SELECT 1;", "select ?"),
            ("SELECT  a.b2, 'it''s', E'\\'x' FROM t1 -- why\n WHERE id=-7 AND x = 1.5e3", "select a.b2, ?, ? from t1 where id=? and x = ?"),
            ("select * from t where id in (1, 2,3) /* c */ limit $2", "select * from t where id in (?) limit ?"),
            ("INSERT INTO t (a, b) VALUES (1, 'x'), (2, 'y')", "insert into t (a, b) values (?)"),
            ("INSERT INTO t (a) VALUES (f(1), 2)", "insert into t (a) values (f(?), ?)"),
            ("SELECT \"Order\", `k` FROM x WHERE d = $q$ it's $q$ AND e = $$a$$", "select \"Order\", `k` from x where d = ? and e = ?"),
            ("SELECT 'never closed", "select ?"),
            ("SELECT größe FROM \"Ä\" WHERE ü = 'ß'", "select größe from \"Ä\" where ü = ?"),
            ("select x'1F', 0xff, a-1 from b", "select ?, ?, a-? from b"),
        ] {
            assert_eq!(shape(sql), expected, "{sql}");
        }
        assert!(shape(&"x ".repeat(4_000)).len() <= LONGEST + 4);
    }

    #[test]
    fn verbs() {
        for (text, expected) in [("select ?", "select"), ("(select ?) union", "select"), ("", ""), ("?", "")] {
            assert_eq!(verb(text), expected, "{text}");
        }
    }
}
