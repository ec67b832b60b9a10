//! Which format a configuration file has: its name first, then its content.

use super::words::SECTION_WORDS;

/// How a file is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::parse) enum Format {
    Yaml,
    Json,
    Toml,
    Properties,
    Ini,
    Env,
    /// Statements that end in `;` and blocks in braces: nginx, BIND, dhcpd.
    Statements,
    /// Assignments a line and blocks in braces: HOCON, HCL.
    Hocon,
    /// Headings without indentation, indented directives: HAProxy.
    Sections,
    /// `key value` or `key = value` a line: redis, PostgreSQL, sshd.
    Words,
}

impl Format {
    /// The format of a file. Everything is some format: the last resort is a key and a value a line.
    pub(in crate::parse) fn of(path: &str, text: &str) -> Format {
        Format::by_name(path).unwrap_or_else(|| Format::by_content(text))
    }

    /// The format that a file's name promises; `None` where the name (`.conf`, `.cfg`, none) leaves it open.
    pub(in crate::parse) fn by_name(path: &str) -> Option<Format> {
        let file = path.rsplit(['/', '\\']).next().unwrap_or(path).to_ascii_lowercase();
        let (stem, extension) = file.rsplit_once('.').unwrap_or((&file, ""));
        Some(match extension {
            "yaml" | "yml" => Format::Yaml,
            "json" | "json5" | "jsonc" => Format::Json,
            "toml" => Format::Toml,
            "properties" => Format::Properties,
            "ini" | "cnf" | "service" => Format::Ini,
            "env" => Format::Env,
            "hocon" | "tf" | "tfvars" | "hcl" => Format::Hocon,
            _ if stem.is_empty() && extension.starts_with("env") || stem == ".env" || file.starts_with(".env") => Format::Env,
            _ => return None,
        })
    }

    fn by_content(text: &str) -> Format {
        let lines: Vec<&str> = text.lines().map(str::trim_end).filter(|l| !is_comment(l)).take(400).collect();
        let count = |test: fn(&str) -> bool| lines.iter().filter(|l| test(l)).count();
        let first = lines.first().map_or("", |l| l.trim_start());
        if first.starts_with('{') || (first.starts_with('[') && !is_heading(first)) {
            return Format::Json;
        }
        if count(opens_block) > 0 {
            return if count(ends_statement) > count(is_assignment) { Format::Statements } else { Format::Hocon };
        }
        if count(is_heading) > 0 {
            return if text.parse::<toml::Table>().is_ok() { Format::Toml } else { Format::Ini };
        }
        if count(is_section) > 0 && lines.iter().any(|l| l.starts_with([' ', '\t'])) {
            return Format::Sections;
        }
        let (yaml, assigned) = (count(is_mapping), count(is_assignment));
        match lines.len() {
            0 => Format::Words,
            n if yaml * 2 > n && yaml > assigned => Format::Yaml,
            n if count(is_shell_assignment) == n => Format::Env,
            n if assigned == n && count(|l| l.contains(" = ")) == 0 => Format::Properties,
            _ => Format::Words,
        }
    }
}

fn is_comment(line: &str) -> bool {
    let line = line.trim_start();
    line.is_empty() || line.starts_with(['#', ';', '!']) || line.starts_with("//")
}

fn opens_block(line: &str) -> bool {
    super::without_comment(line, &['#']).ends_with('{') || (line.contains('{') && line.ends_with('}') && line.contains(';'))
}

fn ends_statement(line: &str) -> bool {
    super::without_comment(line, &['#']).ends_with(';')
}

fn is_heading(line: &str) -> bool {
    let line = line.trim();
    line.starts_with('[') && line.ends_with(']') && !line.contains([',', '"', '{']) && line.len() > 2
}

fn is_section(line: &str) -> bool {
    line.split_whitespace().next().is_some_and(|word| line.starts_with(word) && SECTION_WORDS.contains(&word))
}

fn is_mapping(line: &str) -> bool {
    let line = line.trim_start();
    let line = line.strip_prefix("- ").unwrap_or(line);
    line.ends_with(':') || line.find(": ").is_some_and(|at| !line[..at].contains([' ', '=']))
}

fn is_assignment(line: &str) -> bool {
    line.find('=').is_some_and(|at| at > 0 && !line[..at].trim().contains([' ', '\t', '{', '(']))
}

fn is_shell_assignment(line: &str) -> bool {
    let line = line.strip_prefix("export ").unwrap_or(line);
    let name = line.split('=').next().unwrap_or("");
    name.len() < line.len() && !name.is_empty() && name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
}
