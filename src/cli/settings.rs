//! Arguments and environment, validated, with defaults resolved: the only place that knows both.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::IsTerminal;
use std::path::PathBuf;

use crate::model::{MetricName, Options, ServiceName, Step, Time, TimeSpan};
use crate::report::{AnalysisFormat, View};
use crate::verify::Terms;

use super::Failure;
use super::args::{ColorArg, DbArgs, JudgeArgs, RedactArgs, ShownArgs, SourceArgs, SpanArgs, VerifyArgs};

/// Columns where none are known, as for a pipe.
pub const DEFAULT_WIDTH: usize = 80;

/// The widest step: a day and a bit, beyond which nothing happens "in a window".
const WIDEST_STEP: f64 = 86_400.0;

/// The settings of a folder.
pub const SETTINGS_FILE: &str = "whatchanged.toml";

/// How the names of variables begin that set flags.
pub const VARIABLES: &str = "WHATCHANGED_";

const TIME_HINT: &str = "write day and time, such as 2023-08-12T14:30:00Z or 2023-08-12T14:30:00+02:00";

/// What the process finds around it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Environment {
    pub stdout_is_terminal: bool,
    pub stderr_is_terminal: bool,
    /// Columns of the terminal, or what `COLUMNS` says.
    pub columns: Option<usize>,
    pub no_color: bool,
    pub clicolor_force: bool,
    pub term: String,
    /// The first of `LC_ALL`, `LC_CTYPE`, `LANG` that is set; empty: none.
    pub locale: String,
    /// Where a user keeps formats for every run, whether or not there is such a folder.
    pub own_formats: Option<PathBuf>,
    /// The variables whose names begin with `WHATCHANGED_`; an empty one is an unset one.
    pub variables: BTreeMap<String, String>,
    /// The file of settings that is read where it exists and no other is named.
    pub usual_settings: Option<PathBuf>,
}

impl Environment {
    /// That of this process.
    pub fn of_process() -> Environment {
        let variable = |name: &str| std::env::var(name).unwrap_or_default();
        let stdout_is_terminal = std::io::stdout().is_terminal();
        let of_terminal = terminal_size::terminal_size().filter(|_| stdout_is_terminal).map(|(w, _)| usize::from(w.0));
        Environment {
            stdout_is_terminal,
            stderr_is_terminal: std::io::stderr().is_terminal(),
            columns: of_terminal.or_else(|| variable("COLUMNS").parse().ok()).filter(|c| *c > 0),
            no_color: !variable("NO_COLOR").is_empty(),
            clicolor_force: !matches!(variable("CLICOLOR_FORCE").as_str(), "" | "0"),
            term: variable("TERM"),
            locale: ["LC_ALL", "LC_CTYPE", "LANG"].map(variable).into_iter().find(|v| !v.is_empty()).unwrap_or_default(),
            variables: std::env::vars_os().filter_map(own_variable).collect(),
            usual_settings: Some(PathBuf::from(SETTINGS_FILE)),
            own_formats: own_formats(&variable("XDG_CONFIG_HOME"), std::env::home_dir()),
        }
    }

    /// Columns that a report may take.
    pub fn width(&self) -> usize {
        self.columns.unwrap_or(DEFAULT_WIDTH)
    }

    /// Whether results may be coloured where nothing was asked for.
    pub fn stdout_colour(&self) -> bool {
        self.colour(self.stdout_is_terminal)
    }

    /// Whether messages may be coloured.
    pub fn stderr_colour(&self) -> bool {
        self.colour(self.stderr_is_terminal)
    }

    fn colour(&self, terminal: bool) -> bool {
        !self.no_color && (self.clicolor_force || (terminal && self.term != "dumb"))
    }

    /// An unset locale counts as capable: containers have none, and their output is read in terminals that are.
    pub fn unicode(&self) -> bool {
        let locale = self.locale.to_ascii_lowercase();
        let utf8 = locale.is_empty() || locale.contains("utf-8") || locale.contains("utf8");
        utf8 && !matches!(self.term.as_str(), "linux" | "dumb")
    }
}

/// A variable that sets a flag of this tool. What is not UTF-8 sets none.
fn own_variable((name, value): (OsString, OsString)) -> Option<(String, String)> {
    let (name, value) = (name.into_string().ok()?, value.into_string().ok()?);
    (name.starts_with(VARIABLES) && !value.is_empty()).then_some((name, value))
}

/// By the XDG base directory specification a relative `XDG_CONFIG_HOME` is not to be heard.
fn own_formats(config_home: &str, home: Option<PathBuf>) -> Option<PathBuf> {
    let given = Some(PathBuf::from(config_home)).filter(|path| path.is_absolute());
    let base = given.or_else(|| home.filter(|path| path.is_absolute()).map(|home| home.join(".config")));
    base.map(|base| base.join(env!("CARGO_PKG_NAME")).join("parsers"))
}

/// What is replaced before a report is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Redaction {
    pub addresses: bool,
}

/// `by_default`: whether the report is one that is passed on.
pub fn redaction(args: RedactArgs, by_default: bool) -> Option<Redaction> {
    let wanted = args.redact || args.redact_ips || (by_default && !args.no_redact);
    wanted.then_some(Redaction { addresses: args.redact_ips })
}

/// How an analysis is shown, with defaults resolved.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    pub format: AnalysisFormat,
    pub view: View,
    pub redaction: Option<Redaction>,
    /// `None`: standard output.
    pub output: Option<PathBuf>,
}

impl Settings {
    /// By what was typed, and by what the process finds around it.
    pub fn of(shown: &ShownArgs, environment: &Environment) -> Settings {
        let output = shown.output.clone().filter(|path| path.as_os_str() != "-");
        let colour = match shown.color {
            ColorArg::Always => true,
            ColorArg::Never => false,
            ColorArg::Auto => output.is_none() && environment.stdout_colour(),
        };
        let width = environment.columns.filter(|_| output.is_none()).unwrap_or(DEFAULT_WIDTH);
        let format = if shown.plain { AnalysisFormat::Plain } else { shown.format.into() };
        let view = View { width, colour, unicode: output.is_some() || environment.unicode(), all: shown.all, top: usize::from(shown.top) };
        Settings { format, redaction: redaction(shown.redact, format.is_shared()), view, output }
    }
}

/// What logs are written in, and by how many threads they are read.
pub fn source(args: &SourceArgs) -> Result<Options, Failure> {
    let utc_offset = args.tz.as_deref().map(utc_offset).transpose()?;
    let (threads, reach) = (args.threads.map(usize::from), args.reach.reach());
    Ok(Options { utc_offset, threads, reach, part: args.part_size, ..Options::default() })
}

/// The same with the part of the logs that is looked at.
pub fn reading(args: &SpanArgs) -> Result<Options, Failure> {
    let source = source(&args.source)?;
    let (since, until) = limits(&args.since, &args.until, source.utc_offset)?;
    Ok(Options { since, until, ..source })
}

/// The same without what is later than `--as-of`.
pub fn as_of(args: &SourceArgs, as_of: Option<&str>) -> Result<Options, Failure> {
    let source = source(args)?;
    let until = as_of.map(|text| instant("--as-of", text, source.utc_offset)).transpose()?;
    Ok(Options { until, ..source })
}

/// What `db` may be told.
pub fn database(args: &DbArgs) -> Result<Options, Failure> {
    known(&args.incident, &args.baseline, reading(&args.span)?)
}

/// Adds what is known of the incident and of the quiet time before it.
fn known(wanted: &Option<String>, quiet: &Option<String>, options: Options) -> Result<Options, Failure> {
    let offset = options.utc_offset;
    let incident = wanted.as_deref().map(|text| incident(text, offset)).transpose()?;
    let baseline = quiet.as_deref().map(|text| baseline(text, offset)).transpose()?;
    Ok(Options { incident, baseline, ..options })
}

/// What `verify` goes by.
pub fn terms(args: &VerifyArgs) -> Result<Terms, Failure> {
    if !(0.01..=50.0).contains(&args.tolerate) {
        return Err(Failure::usage(
            format!("--tolerate: {} is not between 0.01 and 50", args.tolerate),
            "write points of a hundred, such as 0.5",
        ));
    }
    Ok(Terms { tolerated: args.tolerate / 100.0, within_s: length("--within", &args.within)?, ..Terms::default() })
}

/// Seconds of a length such as `90s`, `15m`, `24h` or `7d`.
pub fn length(flag: &str, text: &str) -> Result<f64, Failure> {
    let wrong =
        || Failure::usage(format!("{flag}: \"{text}\" is no length of time"), "write a number with its unit, such as 90s, 15m, 24h or 7d");
    let trimmed = text.trim();
    let split = trimmed.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(wrong)?;
    let (value, unit) = trimmed.split_at(split);
    let value: f64 = value.parse().map_err(|_| wrong())?;
    let seconds = match unit.trim() {
        "s" => value,
        "m" | "min" => value * 60.0,
        "h" => value * 3_600.0,
        "d" => value * 86_400.0,
        "w" => value * 604_800.0,
        _ => return Err(wrong()),
    };
    if (1.0..=3_660.0 * 86_400.0).contains(&seconds) { Ok(seconds) } else { Err(wrong()) }
}

/// `256M` -> bytes; K, M, G and T are powers of 1024.
pub fn size(text: &str) -> Result<u64, Failure> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match text[digits.len()..].to_ascii_uppercase().as_str() {
        "" | "B" => Some(0),
        "K" | "KB" | "KIB" => Some(10),
        "M" | "MB" | "MIB" => Some(20),
        "G" | "GB" | "GIB" => Some(30),
        "T" | "TB" | "TIB" => Some(40),
        _ => None,
    };
    let bytes = digits.parse::<u64>().ok().zip(unit).and_then(|(number, unit)| number.checked_mul(1 << unit));
    bytes
        .filter(|bytes| *bytes > 0)
        .ok_or_else(|| Failure::usage(format!("'{text}' is no size"), "write a number of bytes, or one such as 256M"))
}

/// `3/16` -> (3, 16).
pub fn shard(text: &str) -> Result<(usize, usize), Failure> {
    let parsed = text.split_once('/').and_then(|(i, n)| Some((i.parse().ok()?, n.parse().ok()?)));
    let wrong = || Failure::usage(format!("'{text}' is no shard"), "write I/N with I from 0 to N - 1, such as 0/16");
    parsed.filter(|(i, n): &(usize, usize)| i < n).ok_or_else(wrong)
}

fn limits(since: &Option<String>, until: &Option<String>, offset: Option<i32>) -> Result<(Option<Time>, Option<Time>), Failure> {
    let time = |flag: &str, text: &Option<String>| text.as_deref().map(|t| instant(flag, t, offset)).transpose();
    let (since, until) = (time("--since", since)?, time("--until", until)?);
    if let (Some(since), Some(until)) = (since, until)
        && until <= since
    {
        return Err(Failure::usage("--until is not after --since: nothing would be read", "swap them, or leave one out"));
    }
    Ok((since, until))
}

/// What a judgement may be told. `exhibits`: whether the report shows more than the verdict.
pub fn options(args: &JudgeArgs, exhibits: bool) -> Result<Options, Failure> {
    Ok(Options {
        symptom: args.symptom.as_deref().map(symptom).transpose()?,
        step: args.step.as_deref().map(step).transpose()?,
        without: args.families.left_out(),
        exhibits,
        ..known(&args.incident, &args.baseline, reading(&args.span)?)?
    })
}

/// An RFC 3339 time; one without a zone is in the zone of `--tz`.
pub fn instant(flag: &str, text: &str, offset: Option<i32>) -> Result<Time, Failure> {
    let text = text.trim();
    let parsed = Time::parse_rfc3339(text).or_else(|| Time::parse_rfc3339(&format!("{text}{}", written(offset.unwrap_or(0)))));
    parsed.filter(|time| Time::RANGE.contains(*time)).ok_or_else(|| {
        let clock_only = !text.is_empty() && text.chars().all(|c| c.is_ascii_digit() || c == ':') && text.contains(':');
        let why = if clock_only { "a time of day without its day" } else { "not a time" };
        Failure::usage(format!("{flag}: \"{text}\" is {why}"), TIME_HINT)
    })
}

/// An offset as RFC 3339 writes it.
fn written(offset: i32) -> String {
    let (sign, size) = if offset < 0 { ('-', -offset) } else { ('+', offset) };
    format!("{sign}{:02}:{:02}", size / 3_600, size % 3_600 / 60)
}

fn incident(text: &str, offset: Option<i32>) -> Result<(Time, Option<Time>), Failure> {
    let Some((start, end)) = text.split_once("..") else {
        return Ok((instant("--incident", text, offset)?, None));
    };
    let start = instant("--incident", start, offset)?;
    if end.trim().is_empty() {
        return Ok((start, None));
    }
    let end = instant("--incident", end, offset)?;
    if end <= start {
        return Err(Failure::usage("--incident: the end is not after the start", "write START..END"));
    }
    Ok((start, Some(end)))
}

fn baseline(text: &str, offset: Option<i32>) -> Result<TimeSpan, Failure> {
    let Some((start, end)) = text.split_once("..") else {
        return Err(Failure::usage(format!("--baseline: \"{text}\" has no end"), format!("write START..END; {TIME_HINT}")));
    };
    let (start, end) = (instant("--baseline", start, offset)?, instant("--baseline", end, offset)?);
    if end <= start {
        return Err(Failure::usage("--baseline: the end is not after the start", "write START..END"));
    }
    Ok(TimeSpan::new(start, end))
}

fn symptom(text: &str) -> Result<(ServiceName, Option<MetricName>), Failure> {
    let (service, metric) = match text.split_once('/') {
        Some((service, metric)) => (service.trim(), Some(metric.trim())),
        None => (text.trim(), None),
    };
    if service.is_empty() || metric.is_some_and(str::is_empty) {
        return Err(Failure::usage(format!("--symptom: \"{text}\" lacks a name"), "write SERVICE or SERVICE/METRIC"));
    }
    Ok((ServiceName::new(service), metric.map(MetricName::new)))
}

/// Seconds east of UTC.
pub fn utc_offset(text: &str) -> Result<i32, Failure> {
    let text = text.trim();
    if matches!(text, "UTC" | "utc" | "Z" | "z" | "GMT") {
        return Ok(0);
    }
    let named = text.starts_with(|c: char| c.is_ascii_alphabetic());
    signed_offset(text).ok_or_else(|| match named {
        true => Failure::usage(
            format!("--tz: the zone \"{text}\" is not known by name"),
            "give its offset at the time of the incident, such as +02:00; `TZ=ZONE date -d TIME +%:z` prints it",
        ),
        false => Failure::usage(format!("--tz: \"{text}\" is not an offset"), "write UTC or an offset such as +02:00"),
    })
}

fn signed_offset(text: &str) -> Option<i32> {
    let (sign, rest) = match text.split_at_checked(1)? {
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    let digits = rest.replacen(':', "", 1);
    if !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let (hours, minutes): (i32, i32) = match digits.len() {
        1 | 2 => (digits.parse().ok()?, 0),
        4 => (digits[..2].parse().ok()?, digits[2..].parse().ok()?),
        _ => return None,
    };
    (hours <= 14 && minutes < 60).then_some(sign * (hours * 3_600 + minutes * 60))
}

fn step(text: &str) -> Result<Step, Failure> {
    let wrong = |why: &str| Failure::usage(format!("--step: \"{text}\" {why}"), "write a length such as 10s, 1m or 1h, up to 24h");
    let text = text.trim();
    let split = text.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(|| wrong("has no unit"))?;
    let (value, unit) = text.split_at(split);
    let value: f64 = value.parse().map_err(|_| wrong("is not a length of time"))?;
    let seconds = match unit.trim() {
        "s" => value,
        "m" | "min" => value * 60.0,
        "h" => value * 3_600.0,
        _ => return Err(wrong("has an unknown unit")),
    };
    if !(1.0..=WIDEST_STEP).contains(&seconds) {
        return Err(wrong("is not between one second and a day"));
    }
    Ok(Step::at_least(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> Time {
        Time::parse_rfc3339(text).unwrap()
    }

    #[test]
    fn times() {
        let good = [
            ("2023-08-12T14:30:00Z", None, "2023-08-12T14:30:00Z"),
            ("2023-08-12T14:30:00+02:00", Some(0), "2023-08-12T12:30:00Z"),
            ("2023-08-12T14:30:00", None, "2023-08-12T14:30:00Z"),
            ("2023-08-12T14:30:00", Some(-19_800), "2023-08-12T20:00:00Z"),
            ("2023-08-12 14:30:00", Some(7_200), "2023-08-12T12:30:00Z"),
        ];
        for (text, offset, expect) in good {
            assert_eq!(instant("--since", text, offset), Ok(time(expect)), "{text}");
        }
        for (text, part) in [
            ("14:30", "without its day"),
            ("14:30:05", "without its day"),
            ("yesterday", "not a time"),
            ("", "not a time"),
            ("2023-13-01T00:00:00Z", "not a time"),
        ] {
            let failure = instant("--since", text, None).unwrap_err();
            assert!(failure.message.contains(part) && failure.code == super::super::EXIT_USAGE, "{failure:?}");
            assert_eq!(failure.hint.as_deref(), Some(TIME_HINT));
        }
    }

    #[test]
    fn incidents_and_baselines() {
        let (a, b) = ("2023-08-12T14:30:00.5Z", "2023-08-12T15:00:00Z");
        assert_eq!(incident(a, None), Ok((time(a), None)));
        assert_eq!(incident(&format!("{a}.."), None), Ok((time(a), None)));
        assert_eq!(incident(&format!("{a}..{b}"), None), Ok((time(a), Some(time(b)))));
        assert!(incident(&format!("{b}..{a}"), None).is_err());
        assert!(incident("14:30..15:00", None).is_err());
        assert_eq!(baseline(&format!("{a}..{b}"), None), Ok(TimeSpan::new(time(a), time(b))));
        assert!(baseline(a, None).is_err() && baseline(&format!("{b}..{a}"), None).is_err() && baseline("..", None).is_err());
    }

    #[test]
    fn offsets() {
        for (text, expect) in [("UTC", 0), ("+02:00", 7_200), ("+0530", 19_800), ("-5", -18_000), ("+14:00", 50_400)] {
            assert_eq!(utc_offset(text), Ok(expect), "{text}");
        }
        for text in ["Europe/Berlin", "", "+", "02:00", "+15:00", "+02:60", "+2:000", "+é", "é"] {
            assert!(utc_offset(text).is_err(), "{text}");
        }
        assert!(utc_offset("Europe/Berlin").unwrap_err().hint.unwrap().contains("+02:00"));
    }

    #[test]
    fn steps_and_symptoms() {
        for (text, seconds) in [("1s", 1.0), ("10s", 16.0), ("1m", 64.0), ("1.5 min", 128.0), ("1h", 4096.0)] {
            assert_eq!(step(text).map(Step::seconds), Ok(seconds), "{text}");
        }
        for text in ["", "10", "s", "0s", "0.5s", "1d", "25h", "1..5s", "-1s", "1e9s"] {
            assert!(step(text).is_err(), "{text}");
        }
        assert_eq!(symptom("web/http/5xx"), Ok(("web".into(), Some("http/5xx".into()))));
        assert_eq!(symptom("web"), Ok(("web".into(), None)));
        assert!(symptom("/x").is_err() && symptom("web/").is_err() && symptom(" ").is_err());
    }

    #[test]
    fn formats_of_ones_own_have_their_usual_place() {
        let check = |xdg: &str, home: Option<&str>, expected: Option<&str>| {
            assert_eq!(own_formats(xdg, home.map(PathBuf::from)), expected.map(PathBuf::from), "{xdg:?} {home:?}");
        };
        check("/x", Some("/home/a"), Some("/x/whatchanged/parsers"));
        check("", Some("/home/a"), Some("/home/a/.config/whatchanged/parsers"));
        check("relative", Some("/home/a"), Some("/home/a/.config/whatchanged/parsers"));
        check("", None, None);
        check("", Some(""), None);
    }

    #[test]
    fn colours_and_signs_follow_the_environment() {
        let terminal = Environment { stdout_is_terminal: true, ..Environment::default() };
        let cases = [
            (Environment::default(), false, true),
            (terminal.clone(), true, true),
            (Environment { no_color: true, clicolor_force: true, ..terminal.clone() }, false, true),
            (Environment { clicolor_force: true, ..Environment::default() }, true, true),
            (Environment { term: "dumb".into(), ..terminal.clone() }, false, false),
            (Environment { locale: "C".into(), ..terminal.clone() }, true, false),
            (Environment { locale: "de_DE.UTF-8".into(), ..terminal }, true, true),
        ];
        for (environment, colour, unicode) in cases {
            assert_eq!((environment.stdout_colour(), environment.unicode()), (colour, unicode), "{environment:?}");
        }
    }
}
