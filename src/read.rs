//! What the tool was given: files found, recognised by their content, and attributed to services by their place.
//!
//! Does not know any log format, nor what a change or a metric means.

mod ahead;
pub mod bitmaps;
pub mod content;
mod copies;
pub mod documents;
mod guard;
pub mod lines;
mod metrics;
pub mod slice;
mod sniff;
mod utf16;

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustc_hash::FxHashSet;

use crate::model::{Complaint, InstanceId, Origin, Reach, ServiceName, Time};
pub use content::Content;
use sniff::Look;

/// Files at the top of a bundle that are about the tool: its settings, and what belongs to whoever examines it.
const NEVER_READ: [&str; 3] = ["truth.json", "whatchanged.toml", "window.json"];
/// The folder whose folders are services.
const LOGS: &str = "logs";
/// Endings of what people write about a bundle: a report beside the logs is not part of them.
const DOCUMENTS: [&str; 2] = [".md", ".markdown"];
/// Deepest folder that is entered.
const DEEPEST: usize = 64;
/// Most files that are read.
const MOST_FILES: usize = 50_000;

/// Everything that was given, in a fixed order.
#[derive(Debug, Default)]
pub struct Bundle {
    /// Sorted by the path shown.
    pub sources: Vec<Source>,
    /// What could not be read.
    pub complaints: Vec<Complaint>,
    /// Whether what the bundle names may lie outside of it.
    pub reach: Reach,
}

/// One file.
#[derive(Clone, Debug)]
pub struct Source {
    /// Where it is opened; `-` is standard input.
    pub path: PathBuf,
    /// Path inside the bundle with `/` between folders; the name alone for a single file.
    pub shown: Arc<str>,
    pub kind: SourceKind,
    /// What its place says about whose log it is; a line that names a service is right against it.
    pub service: Option<ServiceName>,
    /// The running copy that wrote it, where its place says so.
    pub instance: Option<InstanceId>,
    /// Size on disk; 0 for standard input.
    pub bytes: u64,
    /// An instant near its records, for times written without a year or a day: a date found in this or another file of
    /// the bundle, else when the file was last written.
    pub near: Option<Time>,
    /// No record is much later: the later of that instant and when the file was last written.
    pub latest: Option<Time>,
    pub content: Content,
}

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SourceKind {
    Log,
    LongCsv,
    WideCsv,
    Parquet,
    PrometheusJson,
    /// Text of the Prometheus or OpenMetrics exposition format.
    OpenMetrics,
    /// Metrics in the JSON of the OpenTelemetry protocol.
    OtlpMetrics,
    /// InfluxDB's line protocol.
    LineProtocol,
    /// Reports of sysstat's tools and of vmstat.
    Sysstat,
    Changes,
    Topology,
    Config,
    Skipped,
}

impl SourceKind {
    const NAMES: [(SourceKind, &str); 13] = [
        (SourceKind::Log, "log"),
        (SourceKind::LongCsv, "long csv"),
        (SourceKind::WideCsv, "wide csv"),
        (SourceKind::Parquet, "parquet"),
        (SourceKind::PrometheusJson, "prometheus json"),
        (SourceKind::OpenMetrics, "openmetrics"),
        (SourceKind::OtlpMetrics, "otlp metrics"),
        (SourceKind::LineProtocol, "line protocol"),
        (SourceKind::Sysstat, "sysstat"),
        (SourceKind::Changes, "changes"),
        (SourceKind::Topology, "topology"),
        (SourceKind::Config, "config"),
        (SourceKind::Skipped, "skipped"),
    ];

    /// What it is called where it is written down.
    pub fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(kind, _)| *kind == self).map_or("", |(_, name)| name)
    }

    /// The kind of that name.
    pub fn from_name(name: &str) -> Option<SourceKind> {
        Self::NAMES.iter().find(|(_, known)| *known == name).map(|(kind, _)| *kind)
    }
}

/// Why nothing can be read at all.
#[derive(Debug)]
pub struct BundleError {
    pub path: PathBuf,
    /// A lower-case fragment.
    pub reason: String,
}

impl fmt::Display for BundleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot read {}: {}", self.path.display(), self.reason)
    }
}

impl std::error::Error for BundleError {}

impl Bundle {
    /// Finds and recognises the files below `paths`. What is unreadable below a folder becomes a complaint.
    pub fn open(paths: &[PathBuf]) -> Result<Bundle, BundleError> {
        Bundle::open_with(paths, Reach::Inside, &|_| false)
    }

    /// The same, as far as `reach` goes; `is_export` says of a text's beginning whether it is an export of changes by another tool, which is otherwise taken for
    /// a log.
    pub fn open_with(paths: &[PathBuf], reach: Reach, is_export: &dyn Fn(&str) -> bool) -> Result<Bundle, BundleError> {
        let paths_named: Result<Vec<Vec<PathBuf>>, BundleError> = paths.iter().map(|path| expanded(path)).collect();
        let named: Vec<PathBuf> = paths_named?.into_iter().flatten().collect();
        let roots = named.iter().filter_map(|path| fs::canonicalize(path).ok()).collect();
        let mut search = Search { reach, roots, ..Search::default() };
        for path in &named {
            search.root(path)?;
        }
        if search.found.is_empty() {
            let path = paths.first().cloned().unwrap_or_default();
            return Err(BundleError { path, reason: "nothing to read here".to_owned() });
        }
        Ok(search.recognise(is_export))
    }
}

/// The files that a pattern such as `logs/*/*.log` stands for, by name; any other path by itself. A shell has expanded most patterns,
/// and a file that is really called so comes first.
fn expanded(path: &Path) -> Result<Vec<PathBuf>, BundleError> {
    let error = |reason: String| BundleError { path: path.to_owned(), reason };
    let text = path.to_string_lossy();
    if !text.contains(['*', '?', '[']) || fs::symlink_metadata(path).is_ok() {
        return Ok(vec![path.to_owned()]);
    }
    let options = glob::MatchOptions { require_literal_separator: true, require_literal_leading_dot: true, ..Default::default() };
    let found = glob::glob_with(&text, options).map_err(|e| error(format!("not a pattern: {}", e.msg)))?;
    let found: Vec<PathBuf> = found.map(|entry| entry.unwrap_or_else(|e| e.path().to_owned())).collect();
    if found.is_empty() { Err(error("no file matches this pattern".to_owned())) } else { Ok(found) }
}

/// A file found, not yet opened.
struct Found {
    path: PathBuf,
    shown: String,
    /// What its owner is read from: as `shown`, but begins at the folder `logs` where the path given goes through it.
    place: String,
}

impl Found {
    fn new(path: PathBuf, shown: String) -> Found {
        Found { path, place: shown.clone(), shown }
    }

    /// A file that was given by itself: `logs/shop/access.log` is the log of `shop` then too.
    fn single(path: PathBuf) -> Found {
        let shown = name_of(&path);
        let folders: Vec<String> = path.iter().rev().skip(1).take(2).map(|f| f.to_string_lossy().into_owned()).collect();
        let place = match folders.as_slice() {
            [service, logs] if logs == LOGS => format!("{LOGS}/{service}/{shown}"),
            _ => shown.clone(),
        };
        Found { path, shown, place }
    }
}

#[derive(Default)]
struct Search {
    found: Vec<Found>,
    complaints: Vec<Complaint>,
    /// Folders entered below the path in hand, by their canonical path, so that a link back up ends the walk.
    entered: FxHashSet<PathBuf>,
    reach: Reach,
    /// What the user named, by their canonical paths.
    roots: Vec<PathBuf>,
    /// Files beyond [`MOST_FILES`].
    left_out: u64,
}

impl Search {
    fn root(&mut self, path: &Path) -> Result<(), BundleError> {
        let error = |reason: String| BundleError { path: path.to_owned(), reason };
        if path.as_os_str() == lines::STDIN {
            self.found.push(Found::new(path.to_owned(), "stdin".to_owned()));
            return Ok(());
        }
        let meta = fs::metadata(path).map_err(|e| error(reason(&e)))?;
        if meta.is_dir() {
            fs::read_dir(path).map_err(|e| error(reason(&e)))?;
            let first = self.found.len();
            self.entered.clear();
            self.folder(path, "", 0);
            if name_of(path) == LOGS {
                self.found[first..].iter_mut().for_each(|file| file.place = format!("{LOGS}/{}", file.place));
            }
            return Ok(());
        }
        if !meta.is_file() {
            return Err(error("neither a file nor a folder".to_owned()));
        }
        fs::File::open(path).map_err(|e| error(reason(&e)))?;
        self.found.push(Found::single(path.to_owned()));
        Ok(())
    }

    fn folder(&mut self, folder: &Path, shown: &str, depth: usize) {
        if depth > DEEPEST {
            return self.complain(shown, format!("deeper than {DEEPEST} folders: not read"));
        }
        let canonical = fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned());
        if !self.entered.insert(canonical) {
            return;
        }
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(e) => return self.complain(shown, reason(&e)),
        };
        let mut names: Vec<_> = entries.flatten().map(|entry| entry.file_name()).collect();
        names.sort();
        for name in names {
            self.entry(folder, shown, &name, depth);
        }
    }

    fn entry(&mut self, folder: &Path, above: &str, name: &OsStr, depth: usize) {
        let text = name.to_string_lossy();
        if text.starts_with('.') || (above.is_empty() && NEVER_READ.contains(&text.as_ref())) || is_document(&text) {
            return;
        }
        let shown = if above.is_empty() { text.into_owned() } else { format!("{above}/{text}") };
        let path = folder.join(name);
        if let Some(target) = self.leads_out(&path) {
            let why = format!("a link that leads out of the bundle, to {}: not read (--allow-outside reads it)", target.display());
            return self.complain(&shown, why);
        }
        match fs::metadata(&path) {
            Ok(meta) if meta.is_dir() => self.folder(&path, &shown, depth + 1),
            Ok(meta) if meta.is_file() && self.found.len() >= MOST_FILES => self.left_out += 1,
            Ok(meta) if meta.is_file() => self.found.push(Found::new(path, shown)),
            Ok(_) => self.complain(&shown, "neither a file nor a folder".to_owned()),
            Err(e) => self.complain(&shown, reason(&e)),
        }
    }

    /// Where a link leads that may not be followed.
    fn leads_out(&self, path: &Path) -> Option<PathBuf> {
        if self.reach == Reach::Anywhere || !fs::symlink_metadata(path).is_ok_and(|meta| meta.is_symlink()) {
            return None;
        }
        let target = fs::canonicalize(path).ok()?;
        (!self.roots.iter().any(|root| target.starts_with(root))).then_some(target)
    }

    fn complain(&mut self, shown: &str, why: String) {
        let shown = if shown.is_empty() { Origin::BUNDLE } else { shown };
        self.complaints.push(Complaint { origin: Origin::file(shown), why, more: 0 });
    }

    /// A file that was reached twice (a folder and a file in it, a link) is read once, under the path that says most.
    fn once_each(&mut self) {
        let folders = |file: &Found| file.shown.matches('/').count();
        self.found.sort_by(|a, b| folders(b).cmp(&folders(a)).then_with(|| a.shown.cmp(&b.shown)).then_with(|| a.path.cmp(&b.path)));
        let mut seen = FxHashSet::default();
        self.found.retain(|file| seen.insert(fs::canonicalize(&file.path).unwrap_or_else(|_| file.path.clone())));
        self.found.sort_by(|a, b| a.shown.cmp(&b.shown).then_with(|| a.path.cmp(&b.path)));
    }

    fn recognise(mut self, is_export: &dyn Fn(&str) -> bool) -> Bundle {
        self.once_each();
        if self.left_out > 0 {
            self.complain("", format!("more than {MOST_FILES} files: {} are not read", self.left_out));
        }
        let looks: Vec<Look> = self.found.iter().map(|f| sniff::look(&f.path, &f.shown, is_export)).collect();
        let replicas = numbered_siblings(&self.found);
        let near = middle_date(&looks);
        let mut sources = Vec::with_capacity(self.found.len());
        let found = std::mem::take(&mut self.found);
        for ((file, look), numbered) in found.into_iter().zip(&looks).zip(replicas) {
            if let Some(why) = look.complaint.clone() {
                self.complain(&file.shown, why);
            }
            sources.push(source(file, look, near, numbered));
        }
        if let Some(why) = bundles_below(&sources) {
            self.complain("", why);
        }
        self.complaints.extend(copies::leave_out(&mut sources, &looks));
        Bundle { sources, complaints: self.complaints, reach: self.reach }
    }
}

/// What to say where several folders have changes and telemetry of their own, as a collection of recordings has.
fn bundles_below(sources: &[Source]) -> Option<String> {
    let below = |wanted: &dyn Fn(SourceKind) -> bool| -> BTreeSet<&str> {
        sources.iter().filter(|s| wanted(s.kind)).map(|s| s.shown.split_once('/').map_or("", |(folder, _)| folder)).collect()
    };
    let changes = below(&|kind| kind == SourceKind::Changes);
    let telemetry = below(&|kind| !matches!(kind, SourceKind::Changes | SourceKind::Topology | SourceKind::Config | SourceKind::Skipped));
    let whole: Vec<&str> = changes.intersection(&telemetry).copied().collect();
    let [first, second, ..] = whole.as_slice() else { return None };
    let more = if whole.len() > 2 { ", …" } else { "" };
    (!changes.contains("")).then(|| {
        let count = whole.len();
        format!("{count} folders with changes and telemetry of their own ({first}, {second}{more}) are read as one: name one where each is an incident of its own")
    })
}

fn source(file: Found, look: &Look, near: Option<Time>, numbered: bool) -> Source {
    let from_stdin = file.path.as_os_str() == lines::STDIN;
    let meta = if from_stdin { None } else { fs::metadata(&file.path).ok() };
    let (service, instance) = match look.kind {
        SourceKind::Log if !from_stdin => owner(&file.place, numbered),
        SourceKind::Config => (configured(&file.place), None),
        SourceKind::OpenMetrics | SourceKind::LineProtocol | SourceKind::OtlpMetrics | SourceKind::Sysstat if !from_stdin => {
            measured(&file.place)
        }
        _ => (None, None),
    };
    let written = written(meta.as_ref());
    let near = look.date.or(near).or(written);
    Source {
        kind: look.kind,
        service: service.map(|s| ServiceName::new(&s)),
        instance: instance.map(|i| InstanceId::new(&i)),
        bytes: meta.as_ref().map_or(0, fs::Metadata::len),
        near,
        latest: near.max(written),
        shown: Arc::from(file.shown),
        path: file.path,
        content: Content::File,
    }
}

/// The middle one of the dates seen in the files, so that one odd file cannot move the others.
fn middle_date(looks: &[Look]) -> Option<Time> {
    let mut dates: Vec<Time> = looks.iter().filter_map(|look| look.date).collect();
    dates.sort();
    dates.get(dates.len() / 2).copied()
}

/// When the file was last written; a pipe is being written now.
fn written(meta: Option<&fs::Metadata>) -> Option<Time> {
    let instant = match meta {
        Some(meta) => meta.modified().ok()?,
        None => std::time::SystemTime::now(),
    };
    let since = instant.duration_since(std::time::UNIX_EPOCH).ok()?;
    Time::from_seconds(since.as_secs_f64())
}

/// Service and instance that a path inside a bundle names.
fn owner(shown: &str, numbered: bool) -> (Option<String>, Option<String>) {
    let parts: Vec<&str> = shown.split('/').collect();
    let stem = stem(parts.last().unwrap_or(&shown));
    let below_logs = parts[..parts.len() - 1].iter().position(|part| *part == LOGS).map(|at| at + 1);
    match below_logs {
        Some(at) if at + 1 < parts.len() => {
            let service = parts[at];
            let folders = &parts[at + 1..parts.len() - 1];
            let replica = replica_of(stem, service) || numbered;
            let instance =
                if replica { Some(stem.to_owned()) } else { folders.iter().find(|f| replica_of(f, service)).map(|f| (*f).to_owned()) };
            (Some(service.to_owned()), instance)
        }
        _ => (Some(stem.to_owned()), None),
    }
}

/// Service and instance that the place of a metric file names: as for logs, with folders below `metrics` too. Names of tools and of what
/// they do name nobody.
fn measured(place: &str) -> (Option<String>, Option<String>) {
    const NOBODY: [&str; 19] = [
        "all",
        "data",
        "dump",
        "export",
        "influx",
        "iostat",
        "metric",
        "metrics",
        "mpstat",
        "node",
        "openmetrics",
        "otel",
        "otlp",
        "pidstat",
        "prometheus",
        "sar",
        "scrape",
        "telegraf",
        "vmstat",
    ];
    let below_metrics = place.split_once("metrics/").filter(|(before, _)| before.is_empty() || before.ends_with('/'));
    let owned = below_metrics.map(|(_, rest)| if rest.contains('/') { format!("{LOGS}/{rest}") } else { rest.to_owned() });
    let (service, instance) = owner(owned.as_deref().unwrap_or(place), false);
    let word = |name: &str| name.trim_matches(|c: char| !c.is_ascii_alphabetic()).to_ascii_lowercase();
    let named =
        service.filter(|name| !name.split(['-', '_', '.']).all(|part| word(part).is_empty() || NOBODY.contains(&word(part).as_str())));
    (named.map(|name| undated(&name).to_owned()), instance)
}

/// A name without the time at its end: `shop-2023-08-12T14-30-00`.
fn undated(name: &str) -> &str {
    let end = name.find("20").filter(|at| name[*at..].bytes().take(4).all(|b| b.is_ascii_digit()) && *at > 0).unwrap_or(name.len());
    let bare = name[..end].trim_end_matches(['-', '_', '.']);
    if bare.is_empty() { name } else { bare }
}

/// The service whose configuration a file below `configs` is.
fn configured(shown: &str) -> Option<String> {
    let mut parts = shown.split('/').skip_while(|part| *part != "configs" && *part != "config").skip(1);
    let (first, second) = (parts.next()?, parts.next());
    Some(if second.is_some() { first.to_owned() } else { stem(first).to_owned() })
}

/// Whether `stem` is the service's name and a mark of one of its copies: a number or a pod's hash.
fn replica_of(stem: &str, service: &str) -> bool {
    let Some(rest) = stem.strip_prefix(service) else { return false };
    let Some(mark) = rest.strip_prefix(['-', '_', '.']) else { return false };
    let mut parts = mark.split(['-', '_', '.']);
    parts.all(|part| is_number(part) || is_hash(part))
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.len() <= 6 && text.bytes().all(|b| b.is_ascii_digit())
}

/// Kubernetes' safe alphabet has no vowels, and 0, 1 and 3 are left out of it too; older hashes are hexadecimal.
fn is_hash(text: &str) -> bool {
    let safe = |b: u8| b.is_ascii_digit() || (b.is_ascii_lowercase() && !b"aeiou".contains(&b));
    let hex = |b: u8| matches!(b, b'0'..=b'9' | b'a'..=b'f');
    let has_digit = text.bytes().any(|b| b.is_ascii_digit());
    let long_enough = (4..=16).contains(&text.len());
    long_enough && (text.bytes().all(safe) || (has_digit && text.bytes().all(hex)))
}

/// For each file whether another one of the same folder has the same stem but for the number at its end.
fn numbered_siblings(found: &[Found]) -> Vec<bool> {
    let key = |file: &Found| {
        let (folder, name) = file.shown.rsplit_once('/')?;
        let stem = stem(name);
        let base = stem.trim_end_matches(|c: char| c.is_ascii_digit());
        // `app.log.1` is the same program's older log, not another copy of it.
        (base.len() < stem.len() && !base.is_empty() && !name.contains(".log.")).then(|| format!("{folder}/{base}"))
    };
    let mut counts = rustc_hash::FxHashMap::default();
    for key in found.iter().filter_map(key) {
        *counts.entry(key).or_insert(0) += 1;
    }
    found.iter().map(|file| key(file).is_some_and(|key| counts[&key] > 1)).collect()
}

/// A file's name without the endings that say how it is packed or written, nor the number of a rotation.
fn stem(name: &str) -> &str {
    const ENDINGS: [&str; 18] = [
        ".gz", ".zst", ".bz2", ".xz", ".log", ".json", ".jsonl", ".ndjson", ".csv", ".tsv", ".txt", ".out", ".err", ".parquet", ".yaml",
        ".yml", ".prom", ".om",
    ];
    let mut stem = name;
    loop {
        let shorter = ENDINGS.iter().find_map(|e| stem.strip_suffix(e)).or_else(|| without_rotation(stem));
        match shorter {
            Some(rest) if !rest.is_empty() => stem = rest,
            _ => return stem,
        }
    }
}

/// `app.log.1` and `app.log-20231122` are older parts of `app.log`.
fn without_rotation(name: &str) -> Option<&str> {
    let (rest, mark) = name.rsplit_once(['.', '-'])?;
    (rest.ends_with(".log") && !mark.is_empty() && mark.bytes().all(|b| b.is_ascii_digit())).then_some(rest)
}

fn is_document(name: &str) -> bool {
    DOCUMENTS.iter().any(|ending| name.ends_with(ending)) || name.split('.').next() == Some("README")
}

fn name_of(path: &Path) -> String {
    path.file_name().map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned())
}

/// An input error as a lower-case fragment, without the number that the system gives it.
fn reason(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "no such file or folder".to_owned(),
        std::io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests;
