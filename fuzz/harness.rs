//! What is done with an arbitrary input, one function a reader: used by cargo-fuzz (fuzz_targets/) and by the plain test tests/it/fuzz.rs.
//!
//! Each must not panic, and checks what holds whatever the input: lines are counted, no more is understood than is there, numbers are
//! finite, texts are whole.

use std::io::Cursor;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock};

use whatchanged::analyze::analyze;
use whatchanged::model::progress::Unwatched;
use whatchanged::model::{Options, Record, ServiceName, Time};
use whatchanged::parse::series::{Collected, Reading, Setting};
use whatchanged::parse::timestamp::Clock;
use whatchanged::parse::{
    Formats, changes, config, config_diff, influx, openmetrics, otlp_metrics, prometheus, read_log, sysstat, tokens, topology, unified_diff,
};
use whatchanged::read::documents::unfolded;
use whatchanged::read::{Content, Source, SourceKind, lines};
use whatchanged::report::{self, AnalysisFormat, Format, View};
use whatchanged::signal::{metrics, parquet};
use whatchanged::suspect::facts::Facts;
use whatchanged::template::miner;

/// A reader, and what it is tried with.
pub struct Target {
    pub name: &'static str,
    pub run: fn(&[u8]),
}

pub const TARGETS: [Target; 10] = [
    Target { name: "lines", run: read_lines },
    Target { name: "records", run: read_records },
    Target { name: "timestamps", run: read_timestamps },
    Target { name: "metrics", run: read_metrics },
    Target { name: "parquet", run: read_parquet },
    Target { name: "diffs", run: read_diffs },
    Target { name: "configs", run: read_configs },
    Target { name: "changes", run: read_changes },
    Target { name: "templates", run: mine_templates },
    Target { name: "bundles", run: analyze_bundle },
];

static FORMATS: LazyLock<Formats> = LazyLock::new(Formats::builtin);
static FACTS: LazyLock<Facts> = LazyLock::new(Facts::builtin);

fn near() -> Option<Time> {
    Time::parse_rfc3339("2026-11-22T12:00:00Z")
}

/// The first byte chooses, the rest is the input.
fn chosen(data: &[u8]) -> (usize, &[u8]) {
    data.split_first().map_or((0, data), |(first, rest)| (usize::from(*first), rest))
}

pub fn read_lines(data: &[u8]) {
    let Ok(input) = lines::decompress(Box::new(Cursor::new(data.to_vec()))) else { return };
    let mut count = 0;
    let _ = lines::each_line(unfolded(input), &mut |line, number| {
        count += 1;
        assert!(number == count && !line.contains(['\n', '\0']), "{number} {count} {line:?}");
        std::ops::ControlFlow::Continue(())
    });
}

pub fn read_records(data: &[u8]) {
    let source = Source {
        path: PathBuf::from("fuzz.log"),
        shown: Arc::from("logs/fuzz/fuzz.log"),
        kind: SourceKind::Log,
        service: Some(ServiceName::new("fuzz")),
        instance: None,
        bytes: data.len() as u64,
        near: near(),
        latest: near(),
        content: Content::File,
    };
    let Ok(input) = lines::decompress(Box::new(Cursor::new(data.to_vec()))) else { return };
    let mut records = 0;
    let mut masked = String::new();
    let outcome = read_log(&source, input, &FORMATS, None, &mut |record: &Record<'_>, line: u64| {
        records += 1;
        assert!(line > 0);
        masked.clear();
        tokens::mask_record(record, &mut masked);
    });
    let coverage = outcome.coverage;
    assert!(coverage.understood <= coverage.lines, "{coverage:?}");
    assert_eq!(coverage.records, records);
}

pub fn read_timestamps(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let clock = Clock { near: near(), ..Clock::default() };
    if let Some((time, length)) = clock.read_prefix(&text) {
        assert!(text.is_char_boundary(length), "{text:?} {length}");
        // What is written by us is read by us.
        assert_eq!(Time::parse_rfc3339(&time.rfc3339()).map(|t| t.rfc3339()), Some(time.rfc3339()), "{text:?}");
    }
    let (text, zone) = text.split_once('|').unwrap_or((&text, ""));
    let _ = clock.read(text, Some(zone).filter(|zone| !zone.is_empty()));
}

pub fn read_metrics(data: &[u8]) {
    let (which, rest) = chosen(data);
    let text = String::from_utf8_lossy(rest);
    let setting =
        Setting { service: Some("fuzz"), instance: None, shown: "metrics/fuzz.txt", clock: Clock { near: near(), ..Clock::default() } };
    let mut collected = Collected::default();
    let reading: Result<Reading, String> = match which % 6 {
        0 => prometheus::read(&text, &setting),
        1 => openmetrics::read(&text, &setting),
        2 => influx::read(&text, &setting),
        3 => otlp_metrics::read(&text, &setting),
        4 => sysstat::read(&text, &setting),
        _ => {
            let _ = metrics::read_csv(rest, &mut collected);
            return check_series(collected);
        }
    };
    if let Ok(reading) = reading {
        collected.absorb(reading.collected);
        check_series(collected);
    }
}

fn check_series(collected: Collected) {
    for (key, points) in collected.finish() {
        assert!(points.iter().all(|point| point.1.is_finite()), "{key:?} {points:?}");
        assert!(points.windows(2).all(|pair| pair[0].0 < pair[1].0), "{key:?} {points:?}");
    }
}

pub fn read_parquet(data: &[u8]) {
    let _ = parquet::read(data.to_vec());
    let mut collected = Collected::default();
    let _ = metrics::read_parquet(data.to_vec(), &mut collected);
    check_series(collected);
}

pub fn read_diffs(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let _ = unified_diff::edits(&text);
    let (before, after) = text.split_once("\n====\n").unwrap_or((&text, ""));
    let flat = |text: &str| config::flatten("configs/a/1.yaml", text).ok();
    if let (Some(before), Some(after)) = (flat(before), flat(after)) {
        let _ = config_diff::diff(("1.yaml", &before), ("2.yaml", &after));
    }
}

pub fn read_configs(data: &[u8]) {
    const NAMES: [&str; 9] = ["1.yaml", "1.json", "1.toml", "1.properties", "1.ini", "1.env", "1.conf", "1.cnf", "1"];
    let (which, rest) = chosen(data);
    let text = String::from_utf8_lossy(rest);
    if let Ok(flat) = config::flatten(NAMES[which % NAMES.len()], &text) {
        let lines = text.matches(['\n', '\r']).count() as u64 + 1;
        assert!(flat.entries.values().all(|entry| entry.line <= lines + 1), "{:?} of {lines} lines", flat.entries);
    }
}

pub fn read_changes(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let outcome = changes::read_any(&Arc::from("changes.jsonl"), &text, &FORMATS, &|path| Err(format!("{path} is not there")));
    for change in &outcome.changes {
        assert!(!change.service.as_str().is_empty(), "{change:?}");
    }
    let _ = topology::read(&text);
}

pub fn mine_templates(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let masked: Vec<String> = text.lines().take(2_000).map(tokens::mask).collect();
    let mut distinct: Vec<&str> = masked.iter().map(String::as_str).collect();
    distinct.sort_unstable();
    distinct.dedup();
    let mined = miner::mine(&distinct);
    assert_eq!(mined.len(), distinct.len());
}

/// Files of a bundle, parted by lines of `===`.
pub fn analyze_bundle(data: &[u8]) {
    const NAMES: [&str; 8] = [
        "logs/shop/shop.log",
        "logs/db/postgresql.log",
        "changes.jsonl",
        "metrics/m.csv",
        "metrics/m.om",
        "configs/shop/1.yaml",
        "configs/shop/2.yaml",
        "topology.csv",
    ];
    let folder = std::env::temp_dir().join(format!("whatchanged-fuzz-bundle-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    for (at, part) in split(data, b"\n===\n").into_iter().take(NAMES.len()).enumerate() {
        let path = folder.join(NAMES[at]);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, part).unwrap();
    }
    let options = Options { threads: Some(1), exhibits: true, ..Options::default() };
    let Ok(analysis) = analyze(&[folder], &options, &FORMATS, &FACTS, &Unwatched) else { return };
    for format in [Format::Json, Format::Terminal, Format::Markdown] {
        let text = report::render(&analysis, AnalysisFormat::Common(format), &View::default());
        assert!(!text.contains('\u{1b}'), "{text:?}");
    }
    report::render(&analysis, AnalysisFormat::Html, &View::default());
}

fn split<'d>(data: &'d [u8], by: &[u8]) -> Vec<&'d [u8]> {
    let mut parts = Vec::new();
    let mut rest = data;
    while let Some(at) = rest.windows(by.len()).position(|window| window == by) {
        parts.push(&rest[..at]);
        rest = &rest[at + by.len()..];
    }
    parts.push(rest);
    parts
}
