//! The shapes of lines that metrics are written in as text: enough to tell them from logs, not to read them.

/// `# TYPE http_requests_total counter`.
pub fn is_description(line: &str) -> bool {
    ["# HELP ", "# TYPE ", "# UNIT "].iter().any(|mark| line.starts_with(mark))
}

/// A sample of the exposition format: `name{label="value"} 3.5 1691850600000 # {trace_id="…"} 0.2`.
pub fn is_sample(line: &str) -> bool {
    let line = line.split(" # {").next().unwrap_or(line);
    let name_end = line.find(|c: char| c.is_whitespace() || c == '{').unwrap_or(line.len());
    let (name, rest) = line.split_at(name_end);
    let begins = name.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '_' | ':')) || rest.starts_with("{\"");
    let named = begins && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | ':' | '.'));
    let rest = rest.trim_start();
    let values = if rest.starts_with('{') { rest.rfind('}').map(|end| &rest[end + 1..]) } else { Some(rest) };
    let words: Vec<&str> = values.unwrap_or_default().split_whitespace().collect();
    named && (1..=2).contains(&words.len()) && words.iter().all(|word| word.parse::<f64>().is_ok())
}

/// A sample that nobody would write for people: with labels, or a name of several words.
pub fn is_telling(line: &str) -> bool {
    line.contains("=\"") || line.split_whitespace().next().is_some_and(|name| name.contains(['_', ':']))
}

/// A point of InfluxDB's line protocol with its time: `cpu,host=web-1 usage_user=2.5,n=3i 1691850600000000000`.
pub fn is_point(line: &str) -> bool {
    let Some((head, time)) = line.trim_end().rsplit_once(' ') else { return false };
    let Some((series, fields)) = split_unescaped(head) else { return false };
    let mut names = series.split(',');
    let measurement = names.next().is_some_and(|name| !name.is_empty() && !name.contains('='));
    let timed = (9..=19).contains(&time.len()) && time.bytes().all(|b| b.is_ascii_digit());
    timed && measurement && (series.contains('\\') || names.all(|tag| tag.contains('='))) && are_fields(fields)
}

fn split_unescaped(text: &str) -> Option<(&str, &str)> {
    text.match_indices(' ').map(|(at, _)| at).find(|at| !text[..*at].ends_with('\\')).map(|at| (&text[..at], &text[at + 1..]))
}

/// Fields up to the first text, which may hold anything.
fn are_fields(fields: &str) -> bool {
    let values: Vec<Option<&str>> = fields.split(',').map(|field| field.split_once('=').map(|(_, value)| value)).collect();
    let is_text = |value: &Option<&str>| value.is_some_and(|value| value.starts_with('"'));
    let is_value = |value: &Option<&str>| {
        let Some(value) = value else { return false };
        let number = value.strip_suffix(['i', 'u']).unwrap_or(value);
        let starts = number.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.'));
        (starts && number.parse::<f64>().is_ok()) || ["t", "T", "true", "True", "f", "F", "false", "False"].contains(value)
    };
    values.iter().take_while(|value| !is_text(value)).all(is_value)
}

/// Lines of an InfluxDB export that are no points.
pub fn is_command(line: &str) -> bool {
    ["CREATE DATABASE ", "USE "].iter().any(|command| line.starts_with(command))
}

/// Whether a text begins like a report of sysstat's tools or of vmstat.
pub fn is_report(text: &str) -> bool {
    let Some(first) = text.lines().map(str::trim).find(|line| !line.is_empty()) else { return false };
    let banner = first.starts_with("Linux ") && first.contains(" (") && first.ends_with("CPU)") && first.contains('_');
    let vmstat = first.starts_with("procs -") || first.split_whitespace().take(3).eq(["r", "b", "swpd"]);
    banner || vmstat || first.starts_with("# hostname;interval;timestamp")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(is: fn(&str) -> bool, yes: &[&str], no: &[&str]) {
        yes.iter().for_each(|line| assert!(is(line), "{line}"));
        no.iter().for_each(|line| assert!(!is(line), "{line}"));
    }

    #[test]
    fn samples() {
        check(
            is_sample,
            &["up 1", "a{b=\"c d}\"} NaN 5", "a{le=\"+Inf\"} 1 2.5 # {trace_id=\"x\"} 0.1", "{\"a.b\",c=\"d\"} 1", "a_b +Inf"],
            &["", "x", "x{", "x y", "x 1 2 3", "é 1", "2023-08-12 14:30:00 INFO x", "GET /a 200", "5 5", "{\"a\":1}"],
        );
    }

    #[test]
    fn points() {
        check(
            is_point,
            &["m v=1 1691850600", "m,a=b c=1i,d=2 1691850600000", "m,a=b\\ c v=t 1691850600", "m v=\"a, b=c\",n=1 1691850600"],
            &[
                "",
                "m v=1",
                "time=2023-08-12T14:30:00Z level=info msg=\"x\" 1691850600",
                "2023-08-12 14:30:00 INFO x=1",
                "app level=info 1691850600",
                "m v=1 12x",
                "m v=NaN 1691850600",
                "m, v=1 1691850600",
                "key = 1",
                ", =",
            ],
        );
    }

    #[test]
    fn reports() {
        check(
            is_report,
            &[
                "\nLinux 5.15.0-78-generic (web-1) \t08/12/23 \t_x86_64_\t(4 CPU)\n",
                "procs -----------memory---------- ---swap-- -----io----\n",
                " r  b   swpd   free   buff  cache   si   so    bi    bo   in   cs us sy id wa st\n",
                "# hostname;interval;timestamp;CPU;%user\n",
            ],
            &["", "Linux version 5.15.0 (gcc)", "Linux is (great) today", "procs started", "# hostname x", "r b"],
        );
    }
}
