//! The line protocol of InfluxDB, as Telegraf writes it and `influx_inspect export` prints it.

use super::series::labels::{Labels, Setting, raw_key, spelled};
use super::series::{Kind, Reading};
use super::timestamp::Clock;
use crate::model::Time;

/// Lines of an export that are no points.
const COMMANDS: [&str; 3] = ["CREATE DATABASE", "USE ", "DROP "];
/// Fields that are the measurement itself (Telegraf's `prometheus` input, version 1).
const ITSELF: [&str; 3] = ["value", "gauge", "counter"];

/// All points of a text. The precision of a timestamp is told by its magnitude.
///
/// # Errors
/// Nothing was read.
pub fn read(text: &str, setting: &Setting<'_>) -> Result<Reading, String> {
    let mut reading = Reading::default();
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') || COMMANDS.iter().any(|command| line.starts_with(command)) {
            continue;
        }
        match Point::parse(line) {
            Some(Point { time: None, .. }) => reading.misread(number, "a point without a timestamp"),
            Some(point) => point.take(setting, &mut reading),
            None => reading.misread(number, "not a point of the line protocol"),
        }
    }
    reading.unless_empty("line protocol")
}

struct Point {
    measurement: String,
    tags: Labels,
    /// Numbers only: texts and truths measure nothing.
    fields: Vec<(String, f64)>,
    time: Option<Time>,
}

impl Point {
    /// `measurement,tag=value field=1i,other="text" 1691850600000000000`.
    fn parse(line: &str) -> Option<Point> {
        let (series, rest) = split_unescaped(line, ' ')?;
        let (fields, time) = split_unquoted(rest.trim_start());
        let mut names = unescaped_parts(series);
        let measurement = names.next().filter(|name| !name.is_empty() && !has_bare_equals(name))?;
        let tags = names.map(|tag| pair(tag).map(|(name, value)| (spelled(&name), plain(value)))).collect::<Option<Labels>>()?;
        let mut numbers = Vec::new();
        for field in fields {
            let (name, value) = pair(field)?;
            numbers.extend(number(value)?.map(|value| (name, value)));
        }
        let time = match time.trim() {
            "" => None,
            text => Some(text.bytes().all(|b| b.is_ascii_digit()).then(|| Clock::default().read(text, None)).flatten()?),
        };
        Some(Point { measurement: plain(measurement), tags, fields: numbers, time })
    }

    fn take(self, setting: &Setting<'_>, reading: &mut Reading) {
        let Some(time) = self.time else { return };
        for (field, value) in self.fields {
            let itself = ITSELF.contains(&field.as_str());
            let metric = if itself { self.measurement.clone() } else { format!("{}_{field}", self.measurement) };
            let kind = match field.as_str() {
                "counter" => Kind::Counter,
                "gauge" => Kind::Gauge,
                _ => Kind::Unknown,
            };
            let series = reading.collected.series(raw_key(&metric, self.tags.clone(), setting), kind);
            reading.collected.push(series, time, value);
        }
    }
}

/// At the first separator that no backslash escapes.
fn split_unescaped(text: &str, separator: char) -> Option<(&str, &str)> {
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if c == separator => return Some((&text[..at], &text[at + c.len_utf8()..])),
            _ => {}
        }
    }
    None
}

fn unescaped_parts(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let (part, after) = split_unescaped(text, ',').map_or((text, None), |(part, after)| (part, Some(after)));
        rest = after;
        Some(part)
    })
}

/// The fields, split at commas outside of quotes, and what follows them.
fn split_unquoted(text: &str) -> (Vec<&str>, &str) {
    let (mut fields, mut start, mut quoted, mut escaped) = (Vec::new(), 0, false, false);
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => quoted = !quoted,
            ',' | ' ' if !quoted => {
                fields.push(&text[start..at]);
                start = at + 1;
                if c == ' ' {
                    return (fields, &text[start..]);
                }
            }
            _ => {}
        }
    }
    fields.push(&text[start..]);
    (fields, "")
}

fn has_bare_equals(text: &str) -> bool {
    split_unescaped(text, '=').is_some()
}

fn pair(text: &str) -> Option<(String, &str)> {
    let (name, value) = split_unescaped(text, '=')?;
    (!name.is_empty() && !value.is_empty()).then(|| (plain(name), value))
}

/// Without the backslashes that escape commas, blanks and equals signs.
fn plain(text: &str) -> String {
    ["\\,", "\\ ", "\\="].iter().fold(text.to_owned(), |text, escaped| text.replace(escaped, &escaped[1..]))
}

/// The number of a field, `None` inside for texts and truths; `None` for what is no field at all.
fn number(value: &str) -> Option<Option<f64>> {
    let is_text = value.len() >= 2 && value.starts_with('"') && value.ends_with('"');
    if is_text || ["t", "T", "true", "True", "TRUE", "f", "F", "false", "False", "FALSE"].contains(&value) {
        return Some(None);
    }
    let digits = value.strip_suffix(['i', 'u']).unwrap_or(value);
    digits.parse().ok().filter(|_| digits.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.'))).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &[&str]) -> Reading {
        let reading = read(text, &Setting::default()).unwrap();
        let metrics = reading.clone().collected.finish();
        let line = |(key, points): (&crate::model::SeriesKey, &Vec<(Time, f64)>)| {
            let values: Vec<String> = points.iter().map(|p| format!("{}@{}", p.1, p.0.clock())).collect();
            format!("{}/{} {}", key.service, key.metric, values.join(" "))
        };
        assert_eq!(metrics.iter().map(line).collect::<Vec<_>>(), expected, "{text}");
        reading
    }

    #[test]
    fn points_of_telegraf() {
        check(
            "cpu,cpu=cpu-total,host=web-1 usage_user=2.5,usage_system=1 1691850600000000000\nmem,host=web-1 used=12345i,used_percent=41.5 1691850600000000000\n",
            &[
                "web-1/cpu_usage_system 1@14:30:00",
                "web-1/cpu_usage_user 2.5@14:30:00",
                "web-1/mem_used 12345@14:30:00",
                "web-1/mem_used_percent 41.5@14:30:00",
            ],
        );
    }

    #[test]
    fn escapes_texts_and_truths() {
        let text = r#"my\,m,app=a\ b,z=c\=d value=1,note="a, b=\"c\" d",ok=true,n=-2.5e1 1691850600000"#;
        check(text, &["a b/my,m 1@14:30:00", "a b/my,m_n -25@14:30:00"]);
    }

    #[test]
    fn precision_by_magnitude() {
        for stamp in ["1691850600", "1691850600000", "1691850600000000", "1691850600000000000"] {
            check(&format!("m,app=a v=1 {stamp}"), &["a/m_v 1@14:30:00"]);
        }
    }

    #[test]
    fn exports_counters_and_what_cannot_be_placed() {
        let text = "# DDL\nCREATE DATABASE telegraf WITH NAME autogen\n# DML\n# CONTEXT-DATABASE:telegraf\nr,app=a counter=10 1691850600\nr,app=a counter=30 1691850610\nr,app=a counter=1\nnonsense\nr,app=a v=1e308 1691850600\n";
        let reading = check(text, &["a/r 2@14:30:10"]);
        assert_eq!((reading.misread.len(), reading.collected.dropped), (2, 1));
        assert!(read("m v=1\n", &Setting::default()).unwrap_err().contains("timestamp"));
    }

    #[test]
    fn what_is_no_point() {
        for line in
            ["2023-08-12 14:30:00 INFO x=1", "app level=info 1691850600", "m v=1 12x", "m v=NaN 1691850600", "m, v=1 1", "key = 1", ", ="]
        {
            assert!(Point::parse(line).is_none(), "{line}");
        }
    }
}
