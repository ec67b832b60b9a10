//! The one parallel pass over the bundle: records become tallies, change files changes, metric files samples.
//!
//! Knows how to read; does not know what a window will be compared with, nor what an incident is.

mod counting;
mod input;
mod period;
mod plan;
mod summarise;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use rayon::prelude::*;

use crate::model::{
    Change, ChangeId, Complaint, Coverage, Gap, Metrics, Options, Origin, Progress, Reach, ServiceName, SourceCoverage, Time, TimeSpan,
    Topology,
};
use crate::parse::config::Flat;
use crate::parse::parallel::{self, Idle, Manner};
use crate::parse::series::{Collected, Reading, Setting};
use crate::parse::timestamp::Clock;
use crate::parse::{Formats, LogOutcome, changes, config, influx, openmetrics, otlp_metrics, prometheus, sysstat, topology};
use crate::read::{Bundle, Content, Source, SourceKind, lines};
use crate::signal::metrics::{self, TableOutcome};
use crate::template::{Flow, Tally};
use counting::{Counting, Strays, Wanted};
use input::Elsewhere;

pub use input::{Input, merged, open};
pub use plan::{Planned, plan};
pub use summarise::{Lines, summarise, summarise_stretch};

/// Metric, change and configuration files are read whole; larger ones are refused.
const LARGEST_WHOLE_FILE: u64 = 1 << 30;
/// Configuration snapshots beyond this many bytes are not configuration.
const LARGEST_CONFIG: u64 = 4 << 20;
/// Complaints about one file that are told one by one.
const MOST_COMPLAINTS: usize = 100;
/// Readings of a bundle with records far from all others: each tells the period of the next one finer.
const MOST_READINGS: usize = 3;

/// What was read.
#[derive(Debug, Default)]
pub struct Intake {
    pub tally: Tally,
    pub flow: Flow,
    pub metrics: Metrics,
    /// By time, then id.
    pub changes: Vec<Arc<Change>>,
    pub topology: Topology,
    pub names: NameBook,
    pub coverage: Coverage,
}

/// What the configuration files say about who is who.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NameBook {
    /// `10.0.0.7:8080` or `10.0.0.7` -> the service that listens there.
    pub addresses: BTreeMap<String, ServiceName>,
    /// Database roles -> the service that logs in with them.
    pub accounts: BTreeMap<String, ServiceName>,
    /// The log formats that each service writes.
    pub formats: BTreeMap<ServiceName, Vec<String>>,
    /// What configurations set, whatever version: for numbers beside an edited one.
    pub settings: BTreeMap<ServiceName, BTreeMap<String, String>>,
}

/// What one source turned into.
#[derive(Default)]
struct Part {
    samples: Collected,
    changes: Vec<Change>,
    /// Whether other files may tell more of the same changes.
    joins: bool,
    topology: Topology,
    config: Option<(ServiceName, Flat)>,
    coverage: SourceCoverage,
    complaints: Vec<Complaint>,
}

/// Turns the bytes of a whole file into a part, or says why it cannot.
type WholeReader<'r> = dyn Fn(&[u8], &mut Part) -> Result<(), String> + 'r;

/// Reads metrics that are written as text.
type MetricReader = dyn Fn(&str, &Setting<'_>) -> Result<Reading, String>;

/// Reads all sources, and takes what was counted elsewhere; reads once more without what is far from all else in time, where there is such.
pub fn take_in(input: &mut Input, formats: &Formats, options: &Options, progress: &dyn Progress) -> Intake {
    let Elsewhere { counted: elsewhere, outcomes } = std::mem::take(&mut input.elsewhere);
    let bundle = &input.bundle;
    // Standard input is there once only, what was counted elsewhere cannot be read again, and whoever says from when to when wants it so.
    let limited = options.since.is_some() || options.until.is_some();
    let once = limited || !elsewhere.is_empty() || bundle.sources.iter().any(|source| source.path.as_os_str() == lines::STDIN);
    let mut period = None;
    for _ in 1..if once { 1 } else { MOST_READINGS } {
        let (parts, counted) = read_all(bundle, &outcomes, formats, (options, period), progress);
        match period::of(&counted) {
            Some(narrower) => period = Some(narrower),
            None => return joined(parts, counted, bundle, options),
        }
    }
    let (parts, mut counted) = read_all(bundle, &outcomes, formats, (options, period), progress);
    counted.extend(elsewhere);
    joined(parts, counted, bundle, options)
}

/// What each source turned into, and what was counted of all logs.
type ReadAll = (Vec<Part>, Vec<(Tally, Flow)>);

/// `outcomes`: of the logs that were counted elsewhere.
fn read_all(
    bundle: &Bundle,
    outcomes: &BTreeMap<Arc<str>, LogOutcome>,
    formats: &Formats,
    wanted: Wanted<'_>,
    progress: &dyn Progress,
) -> ReadAll {
    progress.expect(bundle.sources.iter().map(|s| s.bytes).sum());
    let counted = Counted::default();
    let read = |source: &Source| {
        progress.file_begun(&source.shown);
        let mut part = match outcomes.get(&source.shown) {
            Some(outcome) if matches!(source.content, Content::Counted { .. }) => Part::of_log(outcome.clone()),
            _ => read_source(source, bundle, formats, wanted, progress, &counted),
        };
        if source.kind != SourceKind::Log {
            progress.advance(source.bytes, part.coverage.lines);
        }
        part.keep_few_complaints(&source.shown);
        progress.file_ended(&source.shown);
        part
    };
    (bundle.sources.par_iter().map(read).collect(), counted.into_all())
}

/// What all sources turned into, as one.
fn joined(parts: Vec<Part>, counted: Vec<(Tally, Flow)>, bundle: &Bundle, options: &Options) -> Intake {
    let mut intake = Intake::default();
    intake.coverage.complaints.clone_from(&bundle.complaints);
    let mut samples = Collected::default();
    let (mut changes, mut joining) = (Vec::new(), BTreeSet::new());
    for (part, source) in parts.into_iter().zip(&bundle.sources) {
        samples.absorb(part.samples);
        joining.extend(part.changes.iter().filter(|_| part.joins).map(|change| change.id.clone()));
        changes.extend(part.changes);
        part.topology.edges().for_each(|(a, b)| intake.topology.add(a.clone(), b.clone()));
        if let Some((service, flat)) = &part.config {
            intake.names.learn(service, flat);
        }
        if let (SourceKind::Log, Some(service)) = (&source.kind, &source.service) {
            intake.names.formats.entry(service.clone()).or_default().push(part.coverage.format.clone());
        }
        intake.coverage.sources.push(part.coverage);
        intake.coverage.complaints.extend(part.complaints);
    }
    intake.coverage.complaints.extend(samples.crowded_complaint());
    intake.metrics = samples.finish();
    intake.metrics.values_mut().for_each(|points| points.retain(|p| options.wants(p.0)));
    intake.metrics.retain(|_, points| !points.is_empty());
    for (caller, callee) in intake.metrics.keys().filter_map(|k| k.edge.clone()) {
        intake.topology.add(caller, callee);
    }
    intake.changes = settle_changes(changes, &joining, &mut intake.coverage.complaints);
    let (tallies, flows) = counted.into_iter().unzip();
    intake.tally = Tally::merged(tallies, options.step);
    intake.flow = Flow::merged(flows);
    intake.coverage.duplicates = intake.tally.count_once();
    intake.coverage.crowds = intake.tally.crowds();
    silent_ends(&mut intake.coverage.sources, bundle);
    intake.coverage.sources.sort_by(|a, b| a.path.cmp(&b.path));
    intake.coverage.complaints.sort();
    intake.coverage.complaints.dedup();
    intake
}

/// Sources that fell silent while others went on. The others' end is the middle one of their ends, so that one wrong clock cannot move
/// it; what a later file of the same service continues, such as a rotated log, is not silent.
fn silent_ends(sources: &mut [SourceCoverage], bundle: &Bundle) {
    let mut ends: Vec<Time> = sources.iter().filter(|s| s.rhythm.is_some()).filter_map(|s| Some(s.span?.end)).collect();
    ends.sort();
    let Some(&end) = ends.get(ends.len() / 2) else { return };
    let mut last: BTreeMap<&Option<ServiceName>, Time> = BTreeMap::new();
    for (span, source) in sources.iter().zip(&bundle.sources).filter_map(|(s, source)| Some((s.span?, source))) {
        let known = last.entry(&source.service).or_insert(span.end);
        *known = span.end.max(*known);
    }
    for (coverage, source) in sources.iter_mut().zip(&bundle.sources) {
        let (Some(span), Some(usual)) = (coverage.span, coverage.rhythm) else { continue };
        let continued = last.get(&source.service).is_some_and(|last| *last > span.end);
        if end - span.end > usual && !continued {
            coverage.gaps.push(Gap { span: TimeSpan { start: span.end, end }, line: coverage.lines, to_the_end: true });
        }
    }
}

/// By time and id. An id that several files record counts once, or is joined where each file tells a part.
fn settle_changes(mut changes: Vec<Change>, joining: &BTreeSet<ChangeId>, complaints: &mut Vec<Complaint>) -> Vec<Arc<Change>> {
    changes.sort_by(|a, b| (a.time, &a.id, &a.origin).cmp(&(b.time, &b.id, &b.origin)));
    let mut settled: Vec<Change> = Vec::new();
    let mut places: BTreeMap<ChangeId, usize> = BTreeMap::new();
    for change in changes {
        match places.get(&change.id) {
            Some(at) if joining.contains(&change.id) => changes::join(&mut settled[*at], change),
            Some(_) => {
                let why = format!("change {} is recorded twice; the later record is left out", change.id);
                complaints.push(Complaint { origin: change.origin, why, more: 0 });
            }
            None => {
                places.insert(change.id.clone(), settled.len());
                settled.push(change);
            }
        }
    }
    settled.into_iter().map(Arc::new).collect()
}

fn read_source(
    source: &Source,
    bundle: &Bundle,
    formats: &Formats,
    wanted: Wanted<'_>,
    progress: &dyn Progress,
    counted: &Counted,
) -> Part {
    let (options, _) = wanted;
    let whole = |kind: &str, read: &WholeReader<'_>| read_whole(source, kind, read);
    let metric_text = |kind: &str, read: &MetricReader| {
        whole(kind, &|bytes, part| {
            part.take_metrics(source, read(&String::from_utf8_lossy(bytes), &setting(source, options))?);
            Ok(())
        })
    };
    match source.kind {
        SourceKind::Log => read_log(source, formats, wanted, progress, counted),
        SourceKind::LongCsv | SourceKind::WideCsv => whole("metrics csv", &|bytes, part| {
            let outcome = metrics::read_csv(bytes, &mut part.samples)?;
            part.count_rows(source, &outcome);
            Ok(())
        }),
        SourceKind::Parquet => whole("metrics parquet", &|bytes, part| {
            let outcome = metrics::read_parquet(bytes.to_vec(), &mut part.samples)?;
            part.count_rows(source, &outcome);
            Ok(())
        }),
        SourceKind::PrometheusJson => metric_text("metrics prometheus json", &prometheus::read),
        SourceKind::OpenMetrics => metric_text("metrics openmetrics", &openmetrics::read),
        SourceKind::OtlpMetrics => metric_text("metrics otlp json", &otlp_metrics::read),
        SourceKind::LineProtocol => metric_text("metrics line protocol", &influx::read),
        SourceKind::Sysstat => metric_text("metrics sysstat", &sysstat::read),
        SourceKind::Topology => whole("topology", &|bytes, part| {
            let (topology, misread) = topology::read(&String::from_utf8_lossy(bytes));
            part.topology = topology;
            part.misread(source, misread);
            Ok(())
        }),
        SourceKind::Changes => whole("changes", &|bytes, part| {
            let load = |path: &str| snapshot(bundle, source, path);
            let read = changes::read_any(&source.shown, &String::from_utf8_lossy(bytes), formats, &load);
            part.coverage.understood = part.coverage.lines.saturating_sub(refused(&read.changes, &read.complaints));
            part.coverage.format = read.format;
            part.joins = read.joins;
            part.changes = read.changes;
            part.complaints.extend(read.complaints);
            Ok(())
        }),
        SourceKind::Config => whole("config", &|bytes, part| {
            let flat = config::flatten(&source.shown, &String::from_utf8_lossy(bytes))?;
            part.misread(source, flat.complaints.clone());
            part.config = source.service.clone().or_else(|| config_service(&source.shown)).map(|s| (s, flat));
            Ok(())
        }),
        SourceKind::Skipped => Part {
            coverage: SourceCoverage {
                path: source.shown.to_string(),
                format: "not read".to_owned(),
                bytes: source.bytes,
                ..SourceCoverage::default()
            },
            ..Part::default()
        },
    }
}

/// What is known of a metric file before it is read.
fn setting<'s>(source: &'s Source, options: &Options) -> Setting<'s> {
    Setting {
        service: source.service.as_ref().map(ServiceName::as_str),
        instance: source.instance.as_ref().map(|i| i.as_str()),
        shown: &source.shown,
        clock: Clock::of(source, options.utc_offset),
    }
}

/// Lines that gave no change. A change whose configuration is missing is understood all the same.
fn refused(changes: &[Change], complaints: &[Complaint]) -> u64 {
    let read: BTreeSet<&Origin> = changes.iter().map(|change| &change.origin).collect();
    let complained: BTreeSet<&Origin> = complaints.iter().map(|complaint| &complaint.origin).collect();
    complained.difference(&read).count() as u64
}

/// What was counted of the logs read so far. What two logs tell alike is so kept as often as there are workers, not as there are logs.
type Counted = Idle<(Tally, Flow)>;

fn read_log(source: &Source, formats: &Formats, wanted: Wanted<'_>, progress: &dyn Progress, all: &Counted) -> Part {
    let begin = || Counting::new(source, wanted, all.take().unwrap_or_default());
    let manner = Manner { utc_offset: wanted.0.utc_offset, part: wanted.0.part };
    let watch = |bytes, lines| progress.advance(bytes, lines);
    let (counted, outcome) = parallel::read_all(source, formats, manner, &watch, &begin);
    let mut part = Part { coverage: outcome.coverage, complaints: outcome.complaints, ..Part::default() };
    let mut strays = Strays::default();
    for mut counting in counted {
        strays = strays.joined(counting.strays);
        counting.tally.name_source(&part.coverage.format);
        all.put((counting.tally, counting.flow));
    }
    part.complaints.extend(strays.complaint(&source.shown));
    part
}

fn read_whole(source: &Source, kind: &str, read: &WholeReader<'_>) -> Part {
    let bytes = match bytes_of(source, LARGEST_WHOLE_FILE) {
        Ok(bytes) => bytes,
        Err(why) => return Part::unreadable(source, &why),
    };
    let lines = memchr::memchr_iter(b'\n', &bytes).count() as u64 + u64::from(bytes.last().is_some_and(|b| *b != b'\n'));
    let coverage = SourceCoverage {
        path: source.shown.to_string(),
        format: kind.to_owned(),
        bytes: source.bytes,
        lines,
        understood: lines,
        ..SourceCoverage::default()
    };
    let mut part = Part { coverage, ..Part::default() };
    let outcome = read(&bytes, &mut part);
    part.coverage.span = part.samples.span();
    if let Err(why) = outcome {
        part.coverage.understood = 0;
        part.complaints.push(Complaint { origin: Origin::file(&source.shown), why, more: 0 });
    }
    part
}

fn bytes_of(source: &Source, most: u64) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let input = source.open().map_err(|e| e.to_string())?;
    input.take(most + 1).read_to_end(&mut bytes).map_err(|e| e.to_string())?;
    if bytes.len() as u64 > most { Err(format!("larger than {most} bytes when unpacked: not read")) } else { Ok(bytes) }
}

/// The text of a configuration snapshot that a change points at; paths that lead out of the bundle are refused unless asked for.
fn snapshot(bundle: &Bundle, changes: &Source, path: &str) -> Result<String, String> {
    let named = Path::new(path);
    let beside: PathBuf = changes.path.parent().map(|p| p.join(named)).unwrap_or_else(|| named.to_path_buf());
    if named.is_absolute() || named.components().any(|c| matches!(c, Component::ParentDir)) {
        return match bundle.reach {
            Reach::Inside => Err(format!("{path} leads out of the bundle: not read (--allow-outside reads it)")),
            // A pipe or a device is no configuration, and may never end.
            Reach::Anywhere if !beside.is_file() => Err(format!("{path} is no file")),
            Reach::Anywhere => text_of(&Source { path: beside, ..changes.clone() }),
        };
    }
    let known = bundle.sources.iter().find(|s| s.path == beside || s.shown.as_ref() == path);
    text_of(known.ok_or_else(|| format!("{path} is not in the bundle"))?)
}

fn text_of(source: &Source) -> Result<String, String> {
    bytes_of(source, LARGEST_CONFIG).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

/// The configuration that a change names by a path of the bundle; `None` where it cannot be read, which reading the change told.
pub fn settings(bundle: &Bundle, change: &Change, path: &str) -> Option<Flat> {
    let source = bundle.sources.iter().find(|source| source.shown == change.origin.path)?;
    let text = snapshot(bundle, source, path).ok()?;
    config::flatten(path, &text).ok()
}

/// `configs/<service>/<version>.yaml` -> service.
fn config_service(shown: &str) -> Option<ServiceName> {
    let parts: Vec<&str> = shown.split('/').collect();
    let folder = parts.iter().position(|p| matches!(*p, "configs" | "config"))?;
    (parts.len() > folder + 2).then(|| ServiceName::new(parts[folder + 1]))
}

impl Part {
    fn of_log(outcome: LogOutcome) -> Part {
        let LogOutcome { coverage, complaints } = outcome;
        Part { coverage, complaints, ..Part::default() }
    }

    fn unreadable(source: &Source, why: &str) -> Part {
        Part::of_log(LogOutcome::unreadable(source, why))
    }

    /// Tells the first complaints one by one and how many more there are.
    fn keep_few_complaints(&mut self, shown: &Arc<str>) {
        let more = self.complaints.len().saturating_sub(MOST_COMPLAINTS);
        if more > 1 {
            self.complaints.truncate(MOST_COMPLAINTS);
            let why = "further complaints about this file".to_owned();
            self.complaints.push(Complaint { origin: Origin::file(shown), why, more: more as u64 - 1 });
        }
    }

    fn count_rows(&mut self, source: &Source, outcome: &TableOutcome) {
        self.coverage.records = outcome.rows;
        self.dropped(source, outcome.dropped);
        self.coverage.understood = self.coverage.lines.saturating_sub(outcome.misread + outcome.missing);
        if outcome.missing > 0 {
            let why = "lines that are no row of the table: a quote is not closed".to_owned();
            self.complaints.push(Complaint { origin: Origin::file(&source.shown), why, more: outcome.missing - 1 });
        }
        if outcome.misread > 0 {
            let why = "cells whose time or value cannot be read".to_owned();
            self.complaints.push(Complaint { origin: Origin::file(&source.shown), why, more: outcome.misread - 1 });
        }
    }

    fn take_metrics(&mut self, source: &Source, reading: Reading) {
        let Reading { collected, misread, more_misread } = reading;
        self.coverage.records = collected.samples;
        self.dropped(source, collected.dropped);
        self.misread(source, misread);
        self.coverage.understood = self.coverage.understood.saturating_sub(more_misread);
        if more_misread > 0 {
            let why = "further lines that are no metrics".to_owned();
            self.complaints.push(Complaint { origin: Origin::file(&source.shown), why, more: more_misread - 1 });
        }
        self.samples = collected;
    }

    /// Takes note of values that are no measurements.
    fn dropped(&mut self, source: &Source, dropped: u64) {
        if dropped > 0 {
            let why = "samples without a number that can be measured (NaN, infinite, missing): left out".to_owned();
            self.complaints.push(Complaint { origin: Origin::file(&source.shown), why, more: dropped - 1 });
        }
    }

    fn misread(&mut self, source: &Source, misread: Vec<(u64, String)>) {
        self.coverage.understood = self.coverage.lines.saturating_sub(misread.len() as u64);
        let complaint = |(line, why)| Complaint { origin: Origin::new(&source.shown, line), why, more: 0 };
        self.complaints.extend(misread.into_iter().map(complaint));
    }
}

impl NameBook {
    /// Keys under which a service says where it listens.
    const LISTENING: &'static [&'static str] =
        &["listen", "bind", "listen_addresses", "listen_addr", "listen_address", "bind_address", "addr"];
    /// Keys under which a service names its database role.
    const ACCOUNT: &'static [&'static str] = &["user", "username", "db_user", "role", "login"];

    /// Larger configurations are data.
    const MOST_SETTINGS: usize = 5_000;

    fn learn(&mut self, service: &ServiceName, flat: &Flat) {
        let settings = self.settings.entry(service.clone()).or_default();
        for (key, entry) in flat.entries.iter().take(Self::MOST_SETTINGS) {
            settings.entry(key.clone()).or_insert_with(|| entry.value.clone());
        }
        for (key, entry) in &flat.entries {
            let lower = key.to_lowercase();
            let parts: Vec<&str> = lower.split('.').filter(|p| p.parse::<u32>().is_err()).collect();
            let last = parts.last().copied().unwrap_or("");
            if Self::LISTENING.contains(&last) {
                addresses(&entry.value).for_each(|a| self.address(a, service));
            }
            if last == "server"
                && let Some(upstream) = parts.iter().rposition(|p| *p == "upstream").and_then(|i| parts.get(i + 1))
            {
                let named = ServiceName::new(upstream);
                addresses(&entry.value).for_each(|a| self.address(a, &named));
            }
            if Self::ACCOUNT.iter().any(|a| last == *a || last.ends_with(&format!("_{a}"))) && entry.value.len() > 2 {
                self.accounts.entry(entry.value.clone()).or_insert_with(|| service.clone());
            }
        }
    }

    fn address(&mut self, address: &str, service: &ServiceName) {
        self.addresses.entry(address.to_owned()).or_insert_with(|| service.clone());
        if let Some((host, _)) = address.split_once(':') {
            self.addresses.entry(host.to_owned()).or_insert_with(|| service.clone());
        }
    }
}

/// The IPv4 addresses in a text, with their ports.
pub fn addresses(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !(c.is_ascii_digit() || c == '.' || c == ':')).filter_map(|word| {
        let word = word.trim_matches([':', '.']);
        let host = word.split(':').next().unwrap_or("");
        let octets = host.split('.').filter(|o| o.parse::<u8>().is_ok()).count();
        (octets == 4 && host.split('.').count() == 4 && host != "127.0.0.1" && host != "0.0.0.0").then_some(word)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_in_text() {
        let found: Vec<_> = addresses("server 10.1.2.3:8080 max_fails=0; at 1.2.3 or 0.0.0.0:80, 300.1.1.1").collect();
        assert_eq!(found, ["10.1.2.3:8080"]);
    }

    #[test]
    fn the_service_of_a_snapshot_is_its_folder() {
        assert_eq!(config_service("b/configs/web/1.yaml"), Some("web".into()));
        assert_eq!(config_service("configs/1.yaml"), None);
    }
}
