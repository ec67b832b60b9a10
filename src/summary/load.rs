//! A Parquet file as a summary. What is wrong with a file is an error, never a panic: it may come from anywhere.

use std::path::Path;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::{LogState, MARK, Manner, SCHEMA, Summarised, Summary, packed};
use crate::model::{Complaint, Exemplar, Gap, InstanceId, Level, Origin, ServiceName, SourceCoverage, Step, Time, TimeSpan};
use crate::parse::piece::Piece;
use crate::parse::rhythm::Beats;
use crate::parse::{Ledger, LogOutcome};
use crate::read::{Content, Source, SourceKind};
use crate::signal::tables::Reader;
use crate::template::flow::MOST_STEPS;
use crate::template::tally::Bound;
use crate::template::users::UserSet;
use crate::template::windows::{Count, Windows};
use crate::template::{Cell, Flow, RecordCounts, RecordKey, RequestCounts, RequestKey, Symbol, Symbols, Tally};

/// Columns of one table.
struct Rows<'r> {
    reader: &'r Reader,
    table: &'static str,
}

type Whole = Vec<Option<i64>>;

impl Rows<'_> {
    fn whole(&self, name: &str) -> Result<Whole, String> {
        self.reader.whole(self.table, name)
    }

    fn texts(&self, name: &str) -> Result<Vec<Option<String>>, String> {
        self.reader.texts(self.table, name)
    }

    fn bytes(&self, name: &str) -> Result<Vec<Option<Vec<u8>>>, String> {
        self.reader.bytes(self.table, name)
    }

    fn numbers(&self, name: &str) -> Result<Vec<Option<f64>>, String> {
        self.reader.numbers(self.table, name)
    }
}

fn natural(number: Option<i64>) -> u64 {
    number.and_then(|n| u64::try_from(n).ok()).unwrap_or(0)
}

fn small(number: Option<i64>) -> u32 {
    u32::try_from(natural(number)).unwrap_or(u32::MAX)
}

fn instant(number: Option<i64>) -> Time {
    Time(number.unwrap_or(0))
}

fn span(from: Option<i64>, to: Option<i64>) -> Option<TimeSpan> {
    let (start, end) = (Time(from?), Time(to?));
    (start <= end).then_some(TimeSpan { start, end })
}

/// What a row belongs to.
fn owner<T>(all: &mut [T], of: Option<i64>) -> Result<&mut T, String> {
    let at = of.and_then(|of| usize::try_from(of).ok());
    at.and_then(|at| all.get_mut(at)).ok_or_else(|| "a row belongs to nothing".to_owned())
}

/// Equal texts as one.
#[derive(Default)]
struct Shared(FxHashMap<String, Arc<str>>);

impl Shared {
    fn get(&mut self, text: &str) -> Arc<str> {
        match self.0.get(text) {
            Some(known) => Arc::clone(known),
            None => Arc::clone(self.0.entry(text.to_owned()).or_insert_with(|| Arc::from(text))),
        }
    }
}

impl Summary {
    /// Reads one.
    ///
    /// # Errors
    /// It cannot be read, is not whole, or is of another version.
    pub fn read(path: &Path) -> Result<Summary, String> {
        let reader = Reader::open(path, MARK)?;
        let rows = |table| Rows { reader: &reader, table };
        let about = rows("about");
        let versions = about.whole("id")?;
        if versions != [Some(SCHEMA)] {
            return Err(format!("a summary of version {:?}; this program reads version {SCHEMA}", versions.first().copied().flatten()));
        }
        let one = |name: &str| about.whole(name).map(|cells| cells.first().copied().flatten());
        let manner = Manner {
            utc_offset: one("count")?.and_then(|n| i32::try_from(n).ok()),
            since: one("time_us")?.map(Time),
            until: one("until_us")?.map(Time),
        };
        let step = Step::at_least(about.numbers("seconds")?.first().copied().flatten().unwrap_or(1.0));
        let mut sources = sources(&reader)?;
        let complaints = complaints(&rows("complaint"), &mut sources)?;
        pieces(&reader, &mut sources)?;
        let mut tally = Tally::default();
        (tally.step, tally.span) = (step, span(one("start")?, one("end")?));
        records(&reader, &mut tally)?;
        requests(&reader, &mut tally)?;
        in_span(&tally)?;
        users(&rows("user"), &mut tally)?;
        bounds(&rows("bound"), &mut tally)?;
        let flow = flow(&reader, one("hash")?.unwrap_or(-1).cast_unsigned(), one("line")?.unwrap_or(-1).cast_unsigned())?;
        let identity = about.texts("name")?.into_iter().next().flatten().unwrap_or_default();
        Ok(Summary { manner, sources, complaints, tally, flow, identity })
    }
}

fn sources(reader: &Reader) -> Result<Vec<Summarised>, String> {
    let rows = Rows { reader, table: "source" };
    let (paths, names, services, instances) = (rows.texts("path")?, rows.texts("name")?, rows.texts("service")?, rows.texts("instance")?);
    let (bytes, near, latest, heads) = (rows.whole("bytes")?, rows.whole("time_us")?, rows.whole("until_us")?, rows.bytes("data")?);
    let content = Rows { reader, table: "content" };
    let mut kept: Vec<Vec<u8>> = vec![Vec::new(); paths.len()];
    for (of, data) in content.whole("of")?.into_iter().zip(content.bytes("data")?) {
        owner(&mut kept, of)?.extend(data.unwrap_or_default());
    }
    let mut all = Vec::with_capacity(paths.len());
    for (at, (path, kept)) in paths.into_iter().zip(kept).enumerate() {
        let shown: Arc<str> = Arc::from(path.ok_or("a file without a path")?);
        let name = names[at].as_deref().unwrap_or_default();
        let kind = SourceKind::from_name(name).ok_or_else(|| format!("a file of an unknown kind: {name}"))?;
        let head = heads[at].as_deref().and_then(|digest| digest.try_into().ok());
        let is_log = kind == SourceKind::Log;
        let source = Source {
            path: Path::new(shown.as_ref()).to_path_buf(),
            shown,
            kind,
            service: services[at].as_deref().map(ServiceName::new),
            instance: instances[at].as_deref().map(InstanceId::new),
            bytes: natural(bytes[at]),
            near: near[at].map(Time),
            latest: latest[at].map(Time),
            content: if is_log { Content::Counted { head } } else { Content::Kept(kept.into()) },
        };
        all.push(Summarised { source, log: is_log.then(|| LogState::Pieces(Vec::new())) });
    }
    let log = Rows { reader, table: "log" };
    let (of, formats, lines, understood) = (log.whole("of")?, log.texts("format")?, log.whole("lines")?, log.whole("understood")?);
    let (records, from, to, seconds) = (log.whole("records")?, log.whole("time_us")?, log.whole("until_us")?, log.numbers("seconds")?);
    for at in 0..of.len() {
        let summarised = owner(&mut all, of[at])?;
        let coverage = SourceCoverage {
            path: summarised.source.shown.to_string(),
            format: formats[at].clone().unwrap_or_default(),
            bytes: summarised.source.bytes,
            lines: natural(lines[at]),
            understood: natural(understood[at]),
            records: natural(records[at]),
            span: span(from[at], to[at]),
            misread: Vec::new(),
            rhythm: seconds[at],
            gaps: Vec::new(),
        };
        summarised.log = Some(LogState::Whole(LogOutcome { coverage, complaints: Vec::new() }));
    }
    Ok(all)
}

/// The log of a source that was read as a whole.
fn outcome(all: &mut [Summarised], of: Option<i64>) -> Result<&mut LogOutcome, String> {
    match &mut owner(all, of)?.log {
        Some(LogState::Whole(outcome)) => Ok(outcome),
        _ => Err("a row belongs to no log".to_owned()),
    }
}

fn complaints(rows: &Rows<'_>, sources: &mut [Summarised]) -> Result<Vec<Complaint>, String> {
    let (of, paths, lines) = (rows.whole("of")?, rows.texts("path")?, rows.whole("line")?);
    let (texts, more) = (rows.texts("text")?, rows.whole("count")?);
    let mut own = Vec::new();
    for at in 0..of.len() {
        let origin = Origin { path: Arc::from(paths[at].as_deref().unwrap_or_default()), line: natural(lines[at]) };
        let complaint = Complaint { origin, why: texts[at].clone().unwrap_or_default(), more: natural(more[at]) };
        match of[at] {
            None => own.push(complaint),
            of => outcome(sources, of)?.complaints.push(complaint),
        }
    }
    Ok(own)
}

fn pieces(reader: &Reader, sources: &mut [Summarised]) -> Result<(), String> {
    let gap = Rows { reader, table: "gap" };
    let (of, from, to, lines) = (gap.whole("of")?, gap.whole("time_us")?, gap.whole("until_us")?, gap.whole("line")?);
    for at in 0..of.len() {
        let span = span(from[at], to[at]).ok_or("a gap without ends")?;
        outcome(sources, of[at])?.coverage.gaps.push(Gap { span, line: natural(lines[at]), to_the_end: false });
    }
    let rows = Rows { reader, table: "piece" };
    let (of, starts, ends, lines) = (rows.whole("of")?, rows.whole("start")?, rows.whole("end")?, rows.whole("lines")?);
    let (leads, trails, heads, marks) = (rows.texts("lead")?, rows.texts("trail")?, rows.texts("text")?, rows.texts("name")?);
    let (last, understood, records, cut) = (rows.whole("line")?, rows.whole("understood")?, rows.whole("records")?, rows.whole("count")?);
    let (undated, from, to, beats) = (rows.whole("failed")?, rows.whole("time_us")?, rows.whole("until_us")?, rows.bytes("data")?);
    for at in 0..of.len() {
        let mut ledger = Ledger::default();
        ledger.lines = natural(last[at]);
        ledger.understood = natural(understood[at]);
        ledger.cut = natural(cut[at]);
        ledger.undated = natural(undated[at]);
        ledger.records = natural(records[at]);
        ledger.span = from[at].zip(to[at]).map(|(from, to)| (Time(from), Time(to)));
        ledger.beats = Beats::kept(packed::beats_of(beats[at].as_deref().unwrap_or_default()));
        let piece = Piece {
            range: natural(starts[at])..natural(ends[at]),
            lines: natural(lines[at]),
            lead: leads[at].clone().unwrap_or_default(),
            trail: trails[at].clone().unwrap_or_default(),
            ledger,
            whole_only: marks[at].is_some(),
            head: heads[at].clone().unwrap_or_default(),
        };
        let summarised = owner(sources, of[at])?;
        match &mut summarised.log {
            Some(LogState::Pieces(pieces)) if pieces.last().is_none_or(|last| last.range.end <= piece.range.start) => pieces.push(piece),
            _ => return Err(format!("{}: pieces out of order", summarised.source.shown)),
        }
    }
    misread(&Rows { reader, table: "misread" }, sources)
}

fn misread(rows: &Rows<'_>, sources: &mut [Summarised]) -> Result<(), String> {
    let (of, starts, lines, texts) = (rows.whole("of")?, rows.whole("start")?, rows.whole("line")?, rows.texts("text")?);
    for at in 0..of.len() {
        let misread = (natural(lines[at]), texts[at].clone().unwrap_or_default());
        match (&mut owner(sources, of[at])?.log, starts[at]) {
            (Some(LogState::Whole(outcome)), None) => outcome.coverage.misread.push(misread),
            (Some(LogState::Pieces(pieces)), Some(start)) => {
                let piece = pieces.iter_mut().find(|piece| piece.range.start == natural(Some(start)));
                piece.ok_or("a line of no piece")?.ledger.misread.push(misread);
            }
            _ => return Err("a row belongs to no log".to_owned()),
        }
    }
    Ok(())
}

/// A column of texts as symbols; what is empty was not written.
fn symbols(rows: &Rows<'_>, name: &str, symbols: &mut Symbols) -> Result<Vec<Symbol>, String> {
    Ok(rows.texts(name)?.into_iter().map(|text| symbols.intern(text.as_deref().unwrap_or(""))).collect())
}

fn records(reader: &Reader, tally: &mut Tally) -> Result<(), String> {
    let rows = Rows { reader, table: "kind" };
    let mut column = |name| symbols(&rows, name, &mut tally.symbols);
    let (service, instance, client, peer) = (column("service")?, column("instance")?, column("client")?, column("peer")?);
    let (code, template) = (column("code")?, column("text")?);
    let (levels, first, last) = (rows.texts("level")?, rows.whole("time_us")?, rows.whole("until_us")?);
    let mut all: Vec<RecordCounts> = Vec::with_capacity(service.len());
    for (first, last) in first.iter().zip(&last) {
        all.push(RecordCounts { last: instant(*last), ..RecordCounts::since(instant(*first)) });
    }
    let rows = Rows { reader, table: "count" };
    for ((of, window), count) in rows.whole("of")?.into_iter().zip(rows.whole("window")?).zip(rows.whole("count")?) {
        push_in_order(&mut owner(&mut all, of)?.windows, window.unwrap_or(0), small(count))?;
    }
    let rows = Rows { reader, table: "example" };
    let (of, ranks, times, lines) = (rows.whole("of")?, rows.whole("hash")?, rows.whole("time_us")?, rows.whole("line")?);
    let (paths, mut texts, mut shared) = (rows.texts("path")?, rows.texts("text")?, Shared::default());
    for at in 0..of.len() {
        let origin = Origin { path: shared.get(paths[at].as_deref().unwrap_or_default()), line: natural(lines[at]) };
        let exemplar = Exemplar { time: instant(times[at]), origin, text: texts[at].take().unwrap_or_default() };
        owner(&mut all, of[at])?.exemplars.insert(ranks[at].map_or(u64::MAX, i64::cast_unsigned), exemplar);
    }
    for (at, counts) in all.into_iter().enumerate() {
        let level = levels[at].as_deref().and_then(Level::from_word).unwrap_or_default();
        let key = RecordKey {
            service: service[at],
            instance: instance[at],
            level,
            client: client[at],
            peer: peer[at],
            code: code[at],
            template: template[at],
        };
        if tally.records.insert(key, Box::new(counts)).is_some() {
            return Err("two rows of one kind".to_owned());
        }
    }
    Ok(())
}

fn push_in_order<C: Count>(counts: &mut Windows<C>, window: i64, count: C) -> Result<(), String> {
    if counts.last().is_some_and(|last| last >= window) {
        return Err("windows out of order".to_owned());
    }
    *counts.at(window) = count;
    Ok(())
}

fn requests(reader: &Reader, tally: &mut Tally) -> Result<(), String> {
    let rows = Rows { reader, table: "stream" };
    let mut column = |name| symbols(&rows, name, &mut tally.symbols);
    let (service, instance, version) = (column("service")?, column("instance")?, column("version")?);
    let (route, format) = (column("route")?, column("format")?);
    let mut all: Vec<RequestCounts> = vec![RequestCounts::default(); service.len()];
    let rows = Rows { reader, table: "outcome" };
    let (of, windows, counts, failed) = (rows.whole("of")?, rows.whole("window")?, rows.whole("count")?, rows.whole("failed")?);
    let (rejected, first, latencies) = (rows.whole("rejected")?, rows.whole("time_us")?, rows.bytes("data")?);
    for at in 0..of.len() {
        let cell = Cell {
            completed: small(counts[at]),
            failed: small(failed[at]),
            rejected: small(rejected[at]),
            first_failed: first[at].map(Time),
            latency: packed::latency_of(latencies[at].as_deref().unwrap_or_default()),
        };
        push_in_order(&mut owner(&mut all, of[at])?.windows, windows[at].unwrap_or(0), cell)?;
    }
    let rows = Rows { reader, table: "arrival" };
    for ((of, window), count) in rows.whole("of")?.into_iter().zip(rows.whole("window")?).zip(rows.whole("count")?) {
        push_in_order(&mut owner(&mut all, of)?.arrivals, window.unwrap_or(0), small(count))?;
    }
    for (at, counts) in all.into_iter().enumerate() {
        let key = RequestKey { service: service[at], instance: instance[at], version: version[at], route: route[at], source: format[at] };
        if tally.requests.insert(key, Box::new(counts)).is_some() {
            return Err("two rows of one stream".to_owned());
        }
    }
    Ok(())
}

/// Counts outside of the span would make tables without end.
fn in_span(tally: &Tally) -> Result<(), String> {
    let records = tally.records.values().flat_map(|counts| [counts.windows.first(), counts.windows.last()]).flatten();
    let mut windows = records.chain(tally.requests.values().flat_map(|counts| [counts.windows.first(), counts.windows.last()]).flatten());
    let within = tally.span.filter(|span| Time::RANGE.start <= span.start && span.end <= Time::RANGE.end);
    let inside = |window: i64| within.is_some_and(|s| (tally.step.window(s.start)..=tally.step.window(s.end)).contains(&window));
    if windows.all(inside) { Ok(()) } else { Err("counts outside of the time that the summary is about".to_owned()) }
}

fn users(rows: &Rows<'_>, tally: &mut Tally) -> Result<(), String> {
    let (services, windows, names) = (rows.texts("service")?, rows.whole("window")?, rows.texts("name")?);
    let (formats, data) = (rows.texts("format")?, rows.bytes("data")?);
    for at in 0..services.len() {
        let service = tally.symbols.intern(services[at].as_deref().unwrap_or(""));
        let users = tally.users.entry((service, windows[at].unwrap_or(0))).or_default();
        let set: &mut UserSet = if names[at].as_deref() == Some("failed") { &mut users.failed } else { &mut users.all };
        let sketch = formats[at].as_deref() == Some("registers");
        *set = packed::users_of(data[at].as_deref().unwrap_or_default(), sketch).ok_or("users that cannot be read")?;
    }
    Ok(())
}

fn bounds(rows: &Rows<'_>, tally: &mut Tally) -> Result<(), String> {
    let (services, names, levels, limits) = (rows.texts("service")?, rows.texts("name")?, rows.whole("count")?, rows.whole("hash")?);
    let mut all = Vec::new();
    for at in 0..services.len() {
        let name = names[at].as_deref().unwrap_or_default();
        let of = Bound::known(name).ok_or_else(|| format!("a bound of something unknown: {name}"))?;
        let service = services[at].clone().unwrap_or_default();
        all.push(Bound { service, of, level: natural(levels[at]) as usize, limit: limits[at].unwrap_or(-1).cast_unsigned() });
    }
    tally.bind(&all);
    Ok(())
}

fn flow(reader: &Reader, limit: u64, events: u64) -> Result<Flow, String> {
    let mut flow = Flow::default();
    flow.limit = limit;
    let hashes = (Rows { reader, table: "event" }).whole("hash")?;
    flow.events.restore(events, hashes.into_iter().flatten().map(i64::cast_unsigned));
    for text in (Rows { reader, table: "word" }).texts("text")? {
        flow.symbols.intern(text.as_deref().unwrap_or(""));
    }
    let rows = Rows { reader, table: "trace" };
    let known = flow.symbols.len();
    for (hash, data) in rows.whole("hash")?.into_iter().zip(rows.bytes("data")?) {
        let steps = packed::steps_of(data.as_deref().unwrap_or_default());
        if steps.len() > MOST_STEPS || steps.iter().any(|s| s.service.0.max(s.event.0) as usize >= known) {
            return Err("a trace that cannot be read".to_owned());
        }
        flow.traces.insert(hash.unwrap_or(0).cast_unsigned(), steps);
    }
    Ok(flow)
}
