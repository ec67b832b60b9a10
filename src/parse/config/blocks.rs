//! Blocks in braces: statements that end in `;` (nginx) and assignments a line (HOCON, HCL).

use std::collections::BTreeMap;

use super::{Flat, MAX_DEPTH, join};

/// Directives that set one of many things by name: the name is part of the key.
const NAMED: [&str; 14] = [
    "proxy_set_header",
    "grpc_set_header",
    "add_header",
    "proxy_hide_header",
    "fastcgi_param",
    "uwsgi_param",
    "scgi_param",
    "set",
    "env",
    "error_page",
    "limit_req_zone",
    "limit_conn_zone",
    "log_format",
    "set_real_ip_from",
];

/// nginx and its like. Several statements may share a line; an unbalanced brace is tolerated, since a hunk may cut a block.
pub(super) fn statements(lines: &[(u64, &str)], flat: &mut Flat) {
    let tokens = tokens(lines, false);
    let items = parse(&tokens, flat);
    flatten(&items, "", flat);
}

/// HOCON and HCL: `key = value`, `key: value`, `block { … }`.
pub(super) fn assignments(lines: &[(u64, &str)], flat: &mut Flat) {
    let tokens = tokens(lines, true);
    let items = parse(&tokens, flat);
    flatten(&items, "", flat);
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Word { text: String, quoted: bool },
    Assign,
    Open,
    Close,
    End,
}

/// One statement or block.
#[derive(Debug, Default)]
struct Item {
    words: Vec<(String, bool)>,
    /// Where the words after an `=` or `:` begin.
    assigned: Option<usize>,
    line: u64,
    children: Option<Vec<Item>>,
}

impl Item {
    fn name(&self) -> &str {
        self.words.first().map_or("", |(text, _)| text)
    }

    /// The words from `first` on; quotes stay only where the value would not be readable without them.
    fn text(&self, first: usize) -> String {
        let words = self.words.get(first..).unwrap_or_default();
        if let [(only, _)] = words {
            return only.clone();
        }
        let shown = |(text, quoted): &(String, bool)| match *quoted && (text.is_empty() || text.contains(char::is_whitespace)) {
            true => format!("\"{text}\""),
            false => text.clone(),
        };
        words.iter().map(shown).collect::<Vec<_>>().join(" ")
    }
}

fn tokens(lines: &[(u64, &str)], assignments: bool) -> Vec<(Token, u64)> {
    let mut out = Vec::new();
    let mut open_quote: Option<(char, String, u64)> = None;
    for &(line, text) in lines {
        let mut rest = text;
        if let Some((quote, mut value, since)) = open_quote.take() {
            let (part, after, closed) = quoted_part(rest, quote);
            value.push('\n');
            value.push_str(&part);
            if !closed {
                open_quote = Some((quote, value, since));
                continue;
            }
            out.push((Token::Word { text: value, quoted: true }, since));
            rest = after;
        }
        open_quote = line_tokens(rest, line, assignments, &mut out);
        if assignments && open_quote.is_none() {
            out.push((Token::End, line));
        }
    }
    if let Some((_, value, since)) = open_quote {
        out.push((Token::Word { text: value.lines().next().unwrap_or("").to_owned(), quoted: true }, since));
    }
    out
}

/// The tokens of one line; a quote that the line does not close is handed back.
fn line_tokens(text: &str, line: u64, assignments: bool, out: &mut Vec<(Token, u64)>) -> Option<(char, String, u64)> {
    let mut rest = text.trim_start();
    while let Some(c) = rest.chars().next() {
        let single = |token: Token, out: &mut Vec<(Token, u64)>| out.push((token, line));
        match c {
            '#' => return None,
            '/' if assignments && rest.starts_with("//") => return None,
            '{' => single(Token::Open, out),
            '}' => single(Token::Close, out),
            ';' => single(Token::End, out),
            ',' if assignments => single(Token::End, out),
            '=' | ':' if assignments => single(Token::Assign, out),
            '+' if assignments && rest.starts_with("+=") => {}
            '[' if assignments => {
                let end = rest.find(']').map_or(rest.len(), |at| at + 1);
                out.push((Token::Word { text: rest[..end].to_owned(), quoted: false }, line));
                rest = rest[end..].trim_start();
                continue;
            }
            '"' | '\'' => {
                let (value, after, closed) = quoted_part(&rest[1..], c);
                if !closed {
                    return Some((c, value, line));
                }
                out.push((Token::Word { text: value, quoted: true }, line));
                rest = after.trim_start();
                continue;
            }
            _ => {
                let end = word_end(rest, assignments);
                out.push((Token::Word { text: rest[..end].to_owned(), quoted: false }, line));
                rest = rest[end..].trim_start();
                continue;
            }
        }
        rest = rest[c.len_utf8()..].trim_start();
    }
    None
}

/// The text up to the closing quote, what follows it, and whether there was one.
fn quoted_part(text: &str, quote: char) -> (String, &str, bool) {
    let mut value = String::new();
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match (escaped, c) {
            (false, '\\') => escaped = true,
            (false, c) if c == quote => return (value, &text[at + c.len_utf8()..], true),
            (was_escaped, c) => {
                if was_escaped && c != quote && c != '\\' {
                    value.push('\\');
                }
                value.push(c);
                escaped = false;
            }
        }
    }
    (value, "", false)
}

/// A word ends at white space or punctuation; `${name}` and an escaped character belong to it.
fn word_end(text: &str, assignments: bool) -> usize {
    let mut before = ' ';
    let mut in_variable = false;
    for (at, c) in text.char_indices() {
        let ends = match c {
            '{' if before == '$' => {
                in_variable = true;
                false
            }
            '}' if in_variable => {
                in_variable = false;
                false
            }
            ';' | '{' | '}' => before != '\\',
            ',' => assignments && !in_variable,
            '=' | ':' => assignments && !in_variable && !text[at..].starts_with("://"),
            c => c.is_whitespace(),
        };
        if ends && at > 0 {
            return at;
        }
        before = c;
    }
    text.len()
}

/// Items of the outermost level. Iterative, so that no input can exhaust the stack.
fn parse(tokens: &[(Token, u64)], flat: &mut Flat) -> Vec<Item> {
    let mut levels: Vec<(Item, Vec<Item>)> = vec![(Item::default(), Vec::new())];
    let mut current = Item::default();
    let mut too_deep = 0_usize;
    for (token, line) in tokens {
        match token {
            Token::Word { text, quoted } => {
                if current.words.len() < 2 || current.assigned == Some(current.words.len()) {
                    current.line = *line;
                }
                current.words.push((text.clone(), *quoted));
            }
            Token::Assign if current.assigned.is_none() && !current.words.is_empty() => current.assigned = Some(current.words.len()),
            Token::Assign => {
                current.line = *line;
                current.words.push((":".to_owned(), false));
            }
            Token::Open if levels.len() > MAX_DEPTH => {
                too_deep += 1;
                flat.complain(*line, format!("nested deeper than {MAX_DEPTH} levels"));
            }
            Token::Open => levels.push((std::mem::take(&mut current), Vec::new())),
            Token::Close if too_deep > 0 => too_deep -= 1,
            Token::Close => {
                push(&mut levels, std::mem::take(&mut current));
                close(&mut levels);
            }
            Token::End => push(&mut levels, std::mem::take(&mut current)),
        }
    }
    push(&mut levels, current);
    while levels.len() > 1 {
        close(&mut levels);
    }
    levels.pop().map(|(_, items)| items).unwrap_or_default()
}

fn push(levels: &mut [(Item, Vec<Item>)], item: Item) {
    if let Some((_, items)) = levels.last_mut().filter(|_| !item.words.is_empty()) {
        items.push(item);
    }
}

/// Ends the innermost block; a closing brace too many is ignored.
fn close(levels: &mut Vec<(Item, Vec<Item>)>) {
    if levels.len() > 1
        && let Some((mut head, items)) = levels.pop()
        && let Some((_, parents)) = levels.last_mut()
    {
        head.children = Some(items);
        parents.push(head);
    }
}

fn flatten(items: &[Item], parent: &str, flat: &mut Flat) {
    let mut repeated: BTreeMap<String, usize> = BTreeMap::new();
    for item in items.iter().filter(|item| item.children.is_some()) {
        *repeated.entry(block_name(item)).or_default() += 1;
    }
    for item in items {
        let Some(children) = &item.children else {
            statement(item, parent, flat);
            continue;
        };
        let mut name = block_name(item);
        if repeated.get(&name).is_some_and(|count| *count > 1)
            && let Some(told_apart) = identity(children)
        {
            name = join(&name, &told_apart);
        }
        flatten(children, &join(parent, &name), flat);
    }
}

/// `upstream app` is `upstream.app`, `location ~ \.php$` is `location.~ \.php$`, `resource "a" "b"` is `resource.a.b`.
fn block_name(item: &Item) -> String {
    let labels = item.words.get(1..).unwrap_or_default();
    if labels.len() > 1 && labels.iter().all(|(_, quoted)| *quoted) {
        return item.words.iter().fold(String::new(), |name, (label, _)| join(&name, label));
    }
    join(item.name(), &item.text(1))
}

/// What tells blocks of the same name apart, whatever their order: their `server_name`, else where they listen.
fn identity(children: &[Item]) -> Option<String> {
    ["server_name", "listen", "name", "id"].into_iter().find_map(|wanted| {
        let item = children.iter().find(|item| item.children.is_none() && item.name() == wanted)?;
        item.words.get(item.assigned.unwrap_or(1)).map(|(text, _)| text.clone())
    })
}

fn statement(item: &Item, parent: &str, flat: &mut Flat) {
    if let Some(first) = item.assigned {
        let key: Vec<&str> = item.words[..first].iter().map(|(text, _)| text.as_str()).collect();
        return assign(&join(parent, &key.join(".")), &item.text(first), item.line, flat);
    }
    let named = item.words.len() > 2 && NAMED.contains(&item.name());
    match item.words.get(1).filter(|_| named) {
        Some((name, _)) => flat.add(&join(parent, &format!("{}.{name}", item.name())), &item.text(2), item.line),
        None => flat.add(&join(parent, item.name()), &item.text(1), item.line),
    }
}

/// The last assignment wins, except that HOCON's optional override from the environment does not hide the default before it.
fn assign(key: &str, value: &str, line: u64, flat: &mut Flat) {
    let optional = value.starts_with("${?");
    if !(optional && flat.entries.contains_key(key)) {
        flat.put(key, value, line);
    }
}
