//! What a file is, from its first bytes; its name only decides what they leave open.
//!
//! Does not parse: it looks at the header, the first row or the first object.

use std::path::Path;

use crate::model::Time;

use super::SourceKind;
use super::copies;
use super::lines;
use super::metrics;

/// How much of a file is looked at, decompressed.
const LOOK: usize = 64 * 1024;
/// Endings of configuration files.
const CONFIG_ENDINGS: [&str; 9] = [".yaml", ".yml", ".toml", ".properties", ".ini", ".env", ".conf", ".cnf", ".cfg"];
/// Endings of documents and pictures that people put beside their logs.
const DOCUMENT_ENDINGS: [&str; 8] = [".md", ".html", ".pdf", ".png", ".jpg", ".svg", ".ipynb", ".docx"];

/// Who answers for what is read where it is asked for.
const CODEOWNERS: &str = "CODEOWNERS";

/// How answers of the Prometheus API begin, with all blanks removed, and lines that VictoriaMetrics exports.
const PROMETHEUS: [&str; 9] = [
    r#"{"status":"success","data":{"#,
    r#"{"status":"success","isPartial":"#,
    r#"{"status":"error","errorType":"#,
    r#"{"data":{"resultType":"#,
    r#"{"data":{"result":[{"metric":{"#,
    r#"{"resultType":"#,
    r#"{"result":[{"metric":{"#,
    r#"{"metric":{"#,
    r#"[{"metric":{"#,
];
/// How metrics of the OpenTelemetry protocol begin; its logs and traces begin with other keys.
const OTLP_METRICS: [&str; 2] = [r#"{"resourceMetrics":["#, r#"{"resource_metrics":["#];
/// From so many NULs on they are a hole in the file. A tar archive of texts has shorter runs beside its names.
const HOLE: usize = 1024;
/// Lines that must be of a metric format.
const LOOKED_AT: usize = 12;

/// The result of looking at a file.
#[derive(Clone, Debug)]
pub(super) struct Look {
    pub kind: SourceKind,
    /// The first date in it.
    pub date: Option<Time>,
    pub complaint: Option<String>,
    /// A hash of what was looked at; 0 of nothing.
    pub beginning: u64,
}

/// `is_export` says whether a text that begins so is an export of changes: what such look like is not known here.
pub(super) fn look(path: &Path, shown: &str, is_export: &dyn Fn(&str) -> bool) -> Look {
    match lines::head(path, LOOK) {
        Ok(head) => Look { beginning: copies::beginning(&head), ..recognise(&head, shown, is_export) },
        Err(e) => Look { kind: SourceKind::Skipped, date: None, complaint: Some(super::reason(&e)), beginning: 0 },
    }
}

fn recognise(head: &[u8], shown: &str, is_export: &dyn Fn(&str) -> bool) -> Look {
    let plain = |kind| Look { kind, date: None, complaint: None, beginning: 0 };
    if head.starts_with(b"PAR1") {
        return plain(SourceKind::Parquet);
    }
    if is_document(shown) || shown.rsplit('/').next() == Some(CODEOWNERS) {
        return plain(SourceKind::Skipped);
    }
    if is_garbage(head) || archive(head).is_some() {
        return Look { complaint: Some(not_text(head)), ..plain(SourceKind::Skipped) };
    }
    let text = String::from_utf8_lossy(head);
    let text = text.trim_start_matches('\u{feff}');
    let kind = match kind_of_text(text, shown) {
        _ if is_config(shown) => SourceKind::Config,
        SourceKind::Log if is_export(text) => SourceKind::Changes,
        kind => kind,
    };
    let date = if kind == SourceKind::Log { first_date(text.as_bytes()).or_else(|| date_of_name(shown)) } else { None };
    Look { date, ..plain(kind) }
}

fn kind_of_text(text: &str, shown: &str) -> SourceKind {
    let mut lines = text.lines().map(str::trim_end).filter(|line| !line.trim().is_empty());
    let Some(first) = lines.next() else { return SourceKind::Log };
    if first.trim_start().starts_with(['{', '[']) && !is_quoted_name(first) {
        return kind_of_json(text.trim_start(), first, shown);
    }
    let rows: Vec<&str> = lines.take(3).collect();
    kind_of_metrics(text).or_else(|| kind_of_table(first, &rows)).unwrap_or(SourceKind::Log)
}

/// `{"http.requests",method="GET"} 5` (Prometheus 3) is no JSON.
fn is_quoted_name(line: &str) -> bool {
    line.starts_with("{\"") && metrics::is_sample(line)
}

/// Metrics in lines of text. All lines looked at must be of the format, since a log may hold anything.
fn kind_of_metrics(text: &str) -> Option<SourceKind> {
    if metrics::is_report(text) {
        return Some(SourceKind::Sysstat);
    }
    let whole = text.rfind('\n').map_or(text, |end| &text[..end]);
    let described = whole.lines().find(|line| !line.trim().is_empty()).is_some_and(metrics::is_description);
    let mut lines = whole.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')).take(LOOKED_AT).peekable();
    if described && lines.peek().is_none() {
        return Some(SourceKind::OpenMetrics);
    }
    lines.peek()?;
    let lines: Vec<&str> = lines.collect();
    if lines.iter().all(|line| metrics::is_sample(line)) && (described || lines.iter().any(|line| metrics::is_telling(line))) {
        return Some(SourceKind::OpenMetrics);
    }
    let points: Vec<&str> = lines.iter().copied().filter(|line| !metrics::is_command(line)).collect();
    (!points.is_empty() && points.iter().all(|line| metrics::is_point(line))).then_some(SourceKind::LineProtocol)
}

fn kind_of_json(text: &str, first: &str, shown: &str) -> SourceKind {
    let squeezed: String = text.chars().filter(|c| !c.is_whitespace()).take(200).collect();
    if PROMETHEUS.iter().any(|begin| squeezed.starts_with(begin)) {
        return SourceKind::PrometheusJson;
    }
    if OTLP_METRICS.iter().any(|begin| squeezed.starts_with(begin)) {
        return SourceKind::OtlpMetrics;
    }
    let name = shown.rsplit('/').next().unwrap_or(shown);
    if name.starts_with("changes.") || is_change(first) {
        return SourceKind::Changes;
    }
    SourceKind::Log
}

/// A change names itself, its time, its service and its kind.
fn is_change(line: &str) -> bool {
    let Ok(serde_json::Value::Object(object)) = serde_json::from_str(line) else { return false };
    ["id", "time", "service", "kind"].iter().all(|key| object.get(*key).is_some_and(serde_json::Value::is_string))
}

fn kind_of_table(header: &str, rows: &[&str]) -> Option<SourceKind> {
    let separator = [',', '\t', ';'].into_iter().find(|s| header.contains(*s))?;
    let columns: Vec<String> = header.split(separator).map(|c| c.trim().trim_matches('"').to_ascii_lowercase()).collect();
    let has = |names: &[&str]| columns.iter().any(|c| names.contains(&c.as_str()));
    let timed = has(&["time", "timestamp", "ts", "date", "datetime"]);
    if timed && has(&["metric", "metric_name", "kpi_name", "name"]) && has(&["value"]) {
        return Some(SourceKind::LongCsv);
    }
    if columns.len() <= 4 && has(&["source", "caller", "from"]) && has(&["target", "callee", "to", "destination"]) {
        return Some(SourceKind::Topology);
    }
    let is_number = |cell: &str| {
        cell.is_empty() || cell.parse::<f64>().is_ok() || (separator != ',' && cell.replacen(',', ".", 1).parse::<f64>().is_ok())
    };
    let numeric = |row: &&str| row.split(separator).skip(1).all(|cell| is_number(cell.trim().trim_matches('"')));
    let first_is_time = ["time", "timestamp", "ts", "date", "datetime"].contains(&columns[0].as_str());
    (first_is_time && rows.iter().all(|row| row.contains(separator)) && rows.iter().all(numeric)).then_some(SourceKind::WideCsv)
}

fn is_config(shown: &str) -> bool {
    let mut folders = shown.split('/');
    let name = folders.next_back().unwrap_or(shown);
    let folders: Vec<&str> = folders.collect();
    if folders.contains(&"logs") {
        return false;
    }
    folders.iter().any(|f| *f == "configs" || *f == "config") || CONFIG_ENDINGS.iter().any(|e| name.ends_with(e))
}

fn is_document(shown: &str) -> bool {
    DOCUMENT_ENDINGS.iter().any(|ending| shown.ends_with(ending))
}

/// Control characters that no text has, in more than a thirtieth of the bytes. Long runs of NULs do not count: where a log was truncated
/// under its writer there is a hole.
fn is_garbage(head: &[u8]) -> bool {
    let (mut odd, mut length) = (0, 0);
    for run in head.chunk_by(|a, b| (*a == 0) == (*b == 0)).filter(|run| run[0] != 0 || run.len() < HOLE) {
        odd += run.iter().filter(|b| matches!(b, 0..=8 | 14..=26 | 28..=31)).count();
        length += run.len();
    }
    odd * 30 > length || (length == 0 && !head.is_empty())
}

/// What a file is that holds others, or its records in a form of its own, with what to do about it.
fn archive(head: &[u8]) -> Option<&'static str> {
    const TWICE: &str = "packed twice: unpack it once";
    const KNOWN: [(usize, &[u8], &str); 8] = [
        (0, b"PK\x03\x04", "a zip archive: unpack it first"),
        (257, b"ustar", "a tar archive: unpack it first"),
        (0, &[0x1f, 0x8b], TWICE),
        (0, &[0x28, 0xb5, 0x2f, 0xfd], TWICE),
        (0, &[0xfd, b'7', b'z', b'X', b'Z', 0], TWICE),
        (0, b"BZh91AY&SY", TWICE),
        (0, b"LPKSHHRH", "a systemd journal: write it as text with `journalctl --file FILE -o short-iso-precise`"),
        (0, b"ElfFile\0", "a Windows event log: export it as text first"),
    ];
    KNOWN.iter().find(|(at, mark, _)| head.get(*at..).is_some_and(|rest| rest.starts_with(mark))).map(|known| known.2)
}

/// What is said of a file that is no text.
fn not_text(head: &[u8]) -> String {
    let nuls = |first: usize| head.iter().skip(first).step_by(2).filter(|b| **b == 0).count() * 4 > head.len();
    match archive(head) {
        Some(what) => format!("no text but {what}"),
        None if nuls(0) != nuls(1) => "not text, or UTF-16 without a byte order mark: convert it to UTF-8 first".to_owned(),
        None => "not text".to_owned(),
    }
}

/// The first `2026-11-22`, `2026/11/22`, `22/Nov/2026` or `22 Nov 2026` in a text, as the noon of that day.
fn first_date(text: &[u8]) -> Option<Time> {
    memchr::memmem::find_iter(text, b"20").find_map(|at| year_first(&text[at..]).or_else(|| year_last(text, at))).and_then(noon)
}

/// The noon of the day that a path names: `app-2023-08-12.log`, `20230812/app.log`.
fn date_of_name(shown: &str) -> Option<Time> {
    let bytes = shown.as_bytes();
    memchr::memmem::find_iter(bytes, b"20")
        .filter_map(|at| {
            let digits: Vec<u8> = bytes[at..].iter().filter(|b| !matches!(b, b'-' | b'_' | b'.')).take(9).copied().collect();
            let whole = at == 0 || !bytes[at - 1].is_ascii_digit();
            let date = digits.get(..8).filter(|d| whole && d.iter().all(u8::is_ascii_digit))?;
            let (month, day) = (number(&date[4..6])?, number(&date[6..8])?);
            noon((number(&date[..4])?, month, day)).filter(|_| (1..=12).contains(&month))
        })
        .last()
}

fn year_first(text: &[u8]) -> Option<(i64, i64, i64)> {
    let [y1, y2, y3, y4, s1 @ (b'-' | b'/'), m1, m2, s2, d1, d2, ..] = *text else { return None };
    (s1 == s2).then_some(())?;
    Some((number(&[y1, y2, y3, y4])?, number(&[m1, m2])?, number(&[d1, d2])?))
}

fn year_last(text: &[u8], at: usize) -> Option<(i64, i64, i64)> {
    const MONTHS: [&[u8]; 12] = [b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"];
    let before = text.get(at.checked_sub(7)?..at)?;
    let month = MONTHS.iter().position(|m| *m == &before[3..6])?;
    Some((number(text.get(at..at + 4)?)?, month as i64 + 1, number(&before[..2])?))
}

fn number(digits: &[u8]) -> Option<i64> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

fn noon((year, month, day): (i64, i64, i64)) -> Option<Time> {
    Time::parse_rfc3339(&format!("{year:04}-{month:02}-{day:02}T12:00:00Z"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, shown: &str, kind: SourceKind) {
        let is_export = |text: &str| text.starts_with("exported");
        assert_eq!(recognise(text.as_bytes(), shown, &is_export).kind, kind, "{shown}: {text}");
    }

    #[test]
    fn kinds_by_content() {
        check("", "logs/a.log", SourceKind::Log);
        check("\n\n", "a", SourceKind::Log);
        check("source,target\na,b\n", "x.csv", SourceKind::Topology);
        check("time,service,metric,value\n2023-08-12T14:30:00Z,a,cpu,1\n", "logs/a.log", SourceKind::LongCsv);
        check("timestamp,a_cpu,a_mem\n1691850600,0.5,\n", "m.csv", SourceKind::WideCsv);
        check("time,message\n2023-08-12T14:30:00Z,hello there\n", "m.csv", SourceKind::Log);
        check("2023-08-12 14:30:00.1 UTC,,,26,,6b.1a,1,,2023-08-12 14:30:00 UTC,,0,LOG,00000,\"x\"\n", "postgresql.csv", SourceKind::Log);
        check("{ \"status\": \"success\",\n \"data\": {\"resultType\":\"matrix\"", "m/cpu.json", SourceKind::PrometheusJson);
        check(r#"{"id":"d1","time":"2023-08-12T14:30:00Z","service":"a","kind":"deploy"}"#, "what.jsonl", SourceKind::Changes);
        check(r#"{"id":1,"time":"2023-08-12T14:30:00Z","service":"a","kind":"deploy"}"#, "what.jsonl", SourceKind::Log);
        check("exported\n", "logs/a.log", SourceKind::Changes);
        check("exported\n", "configs/a/1.yaml", SourceKind::Config);
        check("a: 1\n", "configs/a/1.yaml", SourceKind::Config);
        check("{}", "configs/a/1.json", SourceKind::Config);
        check("2023-08-12 x\n", "logs/a/a.conf", SourceKind::Log);
        check("PAR1\0\0", "m.parquet", SourceKind::Parquet);
        check("timestamp;a_cpu;a_mem\n1691850600;0,5;\n", "m.csv", SourceKind::WideCsv);
        check("\u{1}\u{2}\u{3}", "core", SourceKind::Skipped);
        check("# what happened", "notes.md", SourceKind::Skipped);
    }

    #[test]
    fn days_that_paths_name() {
        for name in
            ["logs/a/app-2023-08-12.log", "app.log.20230812", "2023_08_12/app.log", "app-2022-01-01/2023-08-12.log", "a20230812T1431.log"]
        {
            assert_eq!(date_of_name(name).map(Time::date).as_deref(), Some("2023-08-12"), "{name}");
        }
        for name in ["", "app.log", "app-2023.log", "app-1202308.log", "app-20239912.log", "job-120230812.log"] {
            assert_eq!(date_of_name(name), None, "{name}");
        }
        assert_eq!(recognise(b"14:31:07 x\n", "app-2023-08-12.log", &|_| false).date.map(Time::date).as_deref(), Some("2023-08-12"));
    }

    #[test]
    fn metric_formats_by_content() {
        for name in ["m/a.om", "m/a.prom", "m/a.txt", "logs/a/a.log", "m/a.json", "a"] {
            check("# HELP up Up\n# TYPE up gauge\nup 1\n", name, SourceKind::OpenMetrics);
            check("# TYPE up gauge\n", name, SourceKind::OpenMetrics);
            check("up{job=\"a\"} 1 1691850600000\nup{job=\"b\"} 0 1691850600000\n", name, SourceKind::OpenMetrics);
            check("cpu,host=a usage_user=1.5 1691850600000000000\n", name, SourceKind::LineProtocol);
            check(
                "# DDL\nCREATE DATABASE telegraf WITH NAME autogen\ncpu usage=1.5,x=2i 1691850600000000000\n",
                name,
                SourceKind::LineProtocol,
            );
            check("procs -----------memory---------- ---swap--\n r  b   swpd\n", name, SourceKind::Sysstat);
            check("Linux 5.15.0 (web-1) \t08/12/23 \t_x86_64_\t(4 CPU)\n\n", name, SourceKind::Sysstat);
            check("# hostname;interval;timestamp;CPU;%user\nweb-1;600;2023-08-12 14:30:01 UTC;-1;2\n", name, SourceKind::Sysstat);
            check("{ \"resourceMetrics\": [\n{", name, SourceKind::OtlpMetrics);
            check("{\"resource_metrics\":[]}\n", name, SourceKind::OtlpMetrics);
            check("{\"metric\":{\"__name__\":\"up\"},\"values\":[1],\"timestamps\":[1691850600000]}\n", name, SourceKind::PrometheusJson);
            check("{\"status\":\"error\",\"errorType\":\"bad_data\",\"error\":\"x\"}", name, SourceKind::PrometheusJson);
        }
    }

    #[test]
    fn logs_are_not_taken_for_metrics() {
        for text in [
            "{\"resourceLogs\":[]}",
            "{\"resourceSpans\":[]}",
            "{\"status\":\"success\",\"msg\":\"x\"}\n",
            "time=2023-08-12T14:30:00Z level=info msg=\"x\"\n",
            "level=info count=5 1691850600\n",
            "INFO started\n",
            "requests 5\n",
            "# a comment\n2023-08-12 14:30:00 INFO x\n",
            "# HELP is on the way\n2023-08-12 14:30:00 INFO x\n",
            "up{job=\"a\"} 1 1691850600000\n2023-08-12 14:30:00 INFO x\n",
            "I0812 14:30:00.123456 1 main.go:5] x\n",
            "1691850600.123 5 10.0.0.1 TCP_MISS/200 512 GET http://a/\n",
        ] {
            check(text, "logs/a/a.log", SourceKind::Log);
        }
    }

    #[test]
    fn dates_in_several_spellings() {
        for text in ["x 2023-08-12 y", "12/Aug/2023:10:00", "41:M 12 Aug 2023 10:00", "2023/08/12", "20 2000 2023-08-12"] {
            assert_eq!(first_date(text.as_bytes()).map(Time::date).as_deref(), Some("2023-08-12"), "{text}");
        }
        for text in ["", "20", "2023", "2023-99-99", "Aug 12 10:00:00"] {
            assert_eq!(first_date(text.as_bytes()), None, "{text}");
        }
    }
}
