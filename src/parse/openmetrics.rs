//! What exporters answer to a scrape: the text formats of Prometheus and OpenMetrics, several scrapes one after the other included.
//!
//! Does not know whose scrape it is; labels and the file's place say that.

use rustc_hash::FxHashMap;

use super::series::labels::{Labels, Setting, raw_key};
use super::series::{Collected, Kind, Reading, SeriesId, instant};
use super::timestamp::Clock;
use crate::model::Time;

/// Endings of samples that belong to a family of the name without them (OpenMetrics 1.0, "Suffixes").
const ENDINGS: [&str; 8] = ["_total", "_bucket", "_count", "_sum", "_created", "_gcount", "_gsum", "_info"];
const NO_TIME: &str = "a sample without a timestamp: neither a comment nor the file's name says when it was scraped";

/// All samples of a text.
///
/// # Errors
/// Nothing was read, most likely since nothing says when the scrapes were.
pub fn read(text: &str, setting: &Setting<'_>) -> Result<Reading, String> {
    let name = setting.shown.rsplit('/').next().unwrap_or_default();
    let mut scrapes =
        Scrapes { setting, types: FxHashMap::default(), known: FxHashMap::default(), time: time_in_name(name, setting.clock) };
    let mut reading = Reading::default();
    for (number, line) in (1..).zip(text.lines()) {
        if let Err(why) = scrapes.line(line.trim(), &mut reading.collected) {
            reading.misread(number, why);
        }
    }
    reading.unless_empty("exposition")
}

/// The state while scrapes are read.
struct Scrapes<'t> {
    setting: &'t Setting<'t>,
    types: FxHashMap<&'t str, &'t str>,
    /// Series by their text, so that each is parsed once.
    known: FxHashMap<&'t str, Option<SeriesId>>,
    /// When the scrape in hand was made, for samples without a timestamp.
    time: Option<Time>,
}

impl<'t> Scrapes<'t> {
    fn line(&mut self, line: &'t str, collected: &mut Collected) -> Result<(), &'static str> {
        if let Some(comment) = line.strip_prefix('#') {
            self.comment(comment.trim_start());
            return Ok(());
        }
        if line.is_empty() {
            return Ok(());
        }
        let sample = Sample::parse(line).ok_or("not a sample of the exposition format")?;
        let Some(id) = self.series(&sample, collected) else { return Ok(()) };
        let time = sample.time.or(self.time).ok_or(NO_TIME)?;
        collected.push(id, time, sample.value);
        Ok(())
    }

    fn comment(&mut self, comment: &'t str) {
        if let Some(family) = comment.strip_prefix("TYPE ") {
            if let Some((name, kind)) = family.trim().rsplit_once(char::is_whitespace) {
                self.types.insert(name.trim().trim_matches('"'), kind);
            }
        } else if !["HELP ", "UNIT ", "EOF"].iter().any(|word| comment.starts_with(word)) {
            self.time = time_in_comment(comment, self.setting.clock).or(self.time);
        }
    }

    /// The series of a sample; `None` for those that measure nothing.
    fn series(&mut self, sample: &Sample<'t>, collected: &mut Collected) -> Option<SeriesId> {
        if let Some(known) = self.known.get(sample.series) {
            return *known;
        }
        let (name, labels) = series_of(sample.series).unwrap_or_default();
        let kind = self.kind(&name);
        let id = kind.map(|kind| collected.series(raw_key(&name, labels, self.setting), kind));
        self.known.insert(sample.series, id);
        id
    }

    /// What TYPE says of the sample's family; `None` where it is no measurement.
    fn kind(&self, name: &str) -> Option<Kind> {
        let endings = ENDINGS.iter().filter_map(|ending| Some((name.strip_suffix(ending)?, *ending)));
        let typed = [(name, "")].into_iter().chain(endings).find_map(|(family, ending)| Some((*self.types.get(family)?, ending)));
        let (kind, found) = typed.unwrap_or_default();
        let ending = ENDINGS.iter().find(|ending| name.ends_with(*ending)).copied().unwrap_or(found);
        known_kind(kind, ending)
    }
}

fn known_kind(kind: &str, ending: &str) -> Option<Kind> {
    match (kind, ending) {
        ("", _) => Some(Kind::Unknown),
        (_, "_created") | ("info" | "stateset", _) => None,
        ("counter", _) | ("histogram" | "summary", "_bucket" | "_count" | "_sum") => Some(Kind::Counter),
        ("gauge" | "gaugehistogram" | "summary" | "histogram", _) => Some(Kind::Gauge),
        _ => Some(Kind::Unknown),
    }
}

/// A line of the exposition format.
struct Sample<'l> {
    /// Name and labels, as written.
    series: &'l str,
    value: f64,
    time: Option<Time>,
}

impl<'l> Sample<'l> {
    /// `name{label="value"} 3.5 1691850600000 # {trace_id="…"} 0.2`.
    fn parse(line: &'l str) -> Option<Sample<'l>> {
        let end = series_end(line)?;
        let (series, rest) = line.split_at(end);
        let rest = rest.split(" # ").next().unwrap_or_default();
        let mut words = rest.split_whitespace();
        let value = words.next()?.parse().ok()?;
        let time = match words.next() {
            Some(word) => Some(instant(word.parse().ok()?)?),
            None => None,
        };
        let named = !series.is_empty() && words.next().is_none();
        named.then_some(Sample { series: series.trim_end(), value, time })
    }
}

/// Where name and labels end: behind the closing brace, else at the first blank.
fn series_end(line: &str) -> Option<usize> {
    let name_end = line.find(|c: char| c.is_whitespace() || c == '{')?;
    let brace = name_end + line[name_end..].len() - line[name_end..].trim_start().len();
    if !line[..name_end].chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | ':' | '.')) {
        return None;
    }
    if !line[brace..].starts_with('{') {
        return Some(name_end);
    }
    let (mut quoted, mut escaped) = (false, false);
    for (at, c) in line.char_indices().skip_while(|(at, _)| *at <= brace) {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '}' if !quoted => return Some(at + 1),
            _ => {}
        }
    }
    None
}

/// Name and labels of a series; a name of any characters is quoted and stands inside the braces (Prometheus 3, UTF-8 names).
fn series_of(text: &str) -> Option<(String, Labels)> {
    let Some((name, rest)) = text.split_once('{') else { return Some((text.to_owned(), Labels::new())) };
    let mut name = name.trim().to_owned();
    let mut labels = Labels::new();
    let mut rest = rest.trim_start();
    while !rest.starts_with('}') {
        let at = rest.find('"')?;
        let label = rest[..at].trim().trim_end_matches('=').trim().to_owned();
        let (value, length) = unquoted(&rest[at + 1..])?;
        rest = rest[at + 1 + length..].trim_start();
        if let Some(after) = rest.strip_prefix('=') {
            let (quoted, length) = unquoted(after.trim_start().strip_prefix('"')?)?;
            rest = after.trim_start()[1 + length..].trim_start();
            labels.insert(super::series::labels::spelled(&value), quoted);
        } else if label.is_empty() {
            name = value;
        } else {
            labels.insert(label, value);
        }
        rest = rest.trim_start_matches(',').trim_start();
    }
    Some((name, labels))
}

/// A text up to its closing quote, unescaped, and its length with the quote.
fn unquoted(text: &str) -> Option<(String, usize)> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((value, at + 1)),
            '\\' => match chars.next()?.1 {
                'n' => value.push('\n'),
                other => value.push(other),
            },
            _ => value.push(c),
        }
    }
    None
}

/// The time in a comment such as `# scraped at 2023-08-12T14:30:00Z`.
fn time_in_comment(comment: &str, clock: Clock) -> Option<Time> {
    let words: Vec<&str> = comment.split_whitespace().collect();
    let dated = |text: &str| text.get(..4).is_some_and(|year| year.starts_with("20") && year.bytes().all(|b| b.is_ascii_digit()));
    let at = words.iter().position(|word| dated(word.trim_matches(['(', '[', ',', ';'])))?;
    let word = words[at].trim_matches(['(', ')', '[', ']', ',', ';']);
    let with_clock = words.get(at + 1).and_then(|next| clock.read(&format!("{word} {}", next.trim_matches([')', ']', ',', ';'])), None));
    with_clock.or_else(|| clock.read(word, None).filter(|_| word.len() > "2023-08-12".len()))
}

/// The time in a file's name: `scrape-2023-08-12T14-30-00.prom`, `metrics_20230812143000.txt`, `node-1691850600.prom`.
fn time_in_name(name: &str, clock: Clock) -> Option<Time> {
    let runs: Vec<&str> = name.split(|c: char| !c.is_ascii_digit()).filter(|run| !run.is_empty()).collect();
    let epoch = runs.iter().find(|run| matches!(run.len(), 10 | 13) && run.starts_with('1')).and_then(|run| clock.read(run, None));
    let digits = (0..runs.len()).find_map(|first| {
        let digits: String = runs[first..].concat();
        let dated = runs[first].starts_with("20") && matches!(runs[first].len(), 4 | 8 | 12 | 14) && digits.len() >= 12;
        dated.then(|| digits.chars().take(14).chain("00".chars()).take(14).collect::<String>())
    });
    let written = digits.and_then(|d| clock.read(&format!("{}T{}", d.get(..8)?, d.get(8..14)?), None));
    written.or(epoch)
}

#[cfg(test)]
mod tests;
