//! What one log tells, counted as it is read. Ledgers of several files of one server merge; what they hold grows with the number of
//! distinct statements and messages, not of lines.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use super::message::{self, Phase, Said};
use super::shape::{shape, verb};
use crate::model::database::{Counted, Engine, PoolerStats, Queries};
use crate::model::{Level, Origin, Record, Time, TimeSpan};
use crate::suspect::facts::Facts;
use crate::template::LatencySketch;

/// Distinct statements that are told apart; what comes later is counted together.
const MOST_SHAPES: usize = 20_000;
/// Distinct error messages that are told apart.
const MOST_ERRORS: usize = 2_000;
/// Processes whose last statement is kept.
const MOST_PROCESSES: usize = 65_536;
/// Waits whose holder's statement is still looked for.
const MOST_OPEN_WAITS: usize = 65_536;
/// Lines of statistics that are kept.
const MOST_STATS: usize = 100_000;
/// Changes in the number of sessions that are kept.
const MOST_SESSION_STEPS: usize = 4_000_000;
const OTHER_STATEMENTS: &str = "(other statements)";

/// The two spans that are compared.
#[derive(Clone, Copy, Debug, Default)]
pub struct Spans {
    pub quiet: Option<TimeSpan>,
    pub incident: Option<TimeSpan>,
}

impl Spans {
    fn count(&self, into: &mut Counted, time: Time) {
        into.all += 1;
        into.before += u64::from(self.quiet.is_some_and(|span| span.contains(time)));
        into.during += u64::from(self.incident.is_some_and(|span| span.contains(time)));
    }
}

/// What is counted of one shape of statement.
#[derive(Clone, Debug)]
pub struct ShapeCounts {
    pub count: u64,
    pub us: u64,
    pub longest: (u64, Origin),
    pub all: LatencySketch,
    pub before: LatencySketch,
    pub during: LatencySketch,
    pub failed: Counted,
}

/// What is counted of one error message.
#[derive(Clone, Debug)]
pub struct ErrorCounts {
    pub code_written: bool,
    pub count: Counted,
    pub clients: BTreeMap<String, u64>,
    pub first: (Time, Origin),
}

/// Code, level, masked text.
pub type ErrorKey = (Option<String>, Level, String);

/// One wait that was logged.
#[derive(Clone, Debug)]
pub struct Wait {
    pub time: Time,
    pub mode: String,
    pub object: String,
    pub us: u64,
    pub waiter: String,
    pub holder: u64,
    pub holder_shape: Option<String>,
    pub holder_client: Option<String>,
    pub origin: Origin,
}

/// What a process was last seen doing.
#[derive(Clone, Debug)]
struct Doing {
    client: Option<String>,
    shape: Option<String>,
}

/// All that is counted of one log.
#[derive(Debug)]
pub struct Ledger {
    engine: Engine,
    spans: Spans,
    pub records: u64,
    pub span: Option<TimeSpan>,
    pub version: Option<(Time, String)>,
    pub failed: Counted,
    /// Masked message -> the code that it is known to have.
    known_codes: FxHashMap<String, Option<String>>,
    pub errors: BTreeMap<ErrorKey, ErrorCounts>,
    pub queries: Queries,
    pub shapes: FxHashMap<String, ShapeCounts>,
    pub waiting: Counted,
    pub acquired: Counted,
    pub waited_us: u64,
    pub longest_wait_us: u64,
    pub lock_timeouts: Counted,
    pub waits: Vec<Wait>,
    processes: FxHashMap<u64, Doing>,
    /// Holder -> waits whose holder's statement is not known yet.
    open: FxHashMap<u64, Vec<usize>>,
    pub deadlocks: Counted,
    pub deadlocked: BTreeMap<Vec<String>, (u64, Origin)>,
    innodb: Option<(Vec<String>, Origin)>,
    pub temporary: Counted,
    pub temporary_bytes: u64,
    pub temporary_largest: Option<(u64, Option<String>, Origin)>,
    pub checkpoints: CheckpointCounts,
    pub vacuums: Counted,
    pub analyzes: Counted,
    pub vacuumed: BTreeMap<String, u64>,
    pub received: u64,
    pub authorized: Counted,
    pub ended: Counted,
    pub session_us: u64,
    pub clients: BTreeMap<String, u64>,
    /// Sessions opened (+1) and closed (-1), in the order of the log.
    pub session_steps: Vec<(Time, i8)>,
    pub logins: Counted,
    pub opened: Counted,
    pub closed: BTreeMap<String, Counted>,
    pub stats: Vec<PoolerStats>,
}

/// What the log says of checkpoints: buffers in pages, WAL segments added, removed and recycled.
#[derive(Clone, Debug, Default)]
pub struct CheckpointCounts {
    pub started: Counted,
    pub reasons: BTreeMap<String, u64>,
    pub complete: u64,
    pub buffers: u64,
    pub wal: [u64; 3],
    pub write_us: u64,
    pub sync_us: u64,
    pub total_us: u64,
    pub longest_us: u64,
    pub warnings: u64,
}

/// A record with where it stands.
struct At<'a, 'l> {
    record: &'a Record<'l>,
    origin: &'a dyn Fn() -> Origin,
}

impl Ledger {
    /// Nothing counted yet.
    pub fn new(engine: Engine, spans: Spans) -> Ledger {
        Ledger {
            engine,
            spans,
            records: 0,
            span: None,
            version: None,
            failed: Counted::default(),
            known_codes: FxHashMap::default(),
            errors: BTreeMap::new(),
            queries: Queries::default(),
            shapes: FxHashMap::default(),
            waiting: Counted::default(),
            acquired: Counted::default(),
            waited_us: 0,
            longest_wait_us: 0,
            lock_timeouts: Counted::default(),
            waits: Vec::new(),
            processes: FxHashMap::default(),
            open: FxHashMap::default(),
            deadlocks: Counted::default(),
            deadlocked: BTreeMap::new(),
            innodb: None,
            temporary: Counted::default(),
            temporary_bytes: 0,
            temporary_largest: None,
            checkpoints: CheckpointCounts::default(),
            vacuums: Counted::default(),
            analyzes: Counted::default(),
            vacuumed: BTreeMap::new(),
            received: 0,
            authorized: Counted::default(),
            ended: Counted::default(),
            session_us: 0,
            clients: BTreeMap::new(),
            session_steps: Vec::new(),
            logins: Counted::default(),
            opened: Counted::default(),
            closed: BTreeMap::new(),
            stats: Vec::new(),
        }
    }

    /// Counts one record.
    pub fn add(&mut self, record: &Record<'_>, facts: &Facts, origin: &dyn Fn() -> Origin) {
        self.records += 1;
        let instant = TimeSpan { start: record.time, end: record.time };
        self.span = Some(self.span.map_or(instant, |span| span.union(instant)));
        let at = At { record, origin };
        match self.engine {
            Engine::MySql => self.add_mysql(&at, facts),
            Engine::PostgreSql => self.add_said(message::postgresql(&record.message), &at, facts),
            Engine::PgBouncer => self.add_said(message::pgbouncer(&record.message), &at, facts),
        }
    }

    fn add_said(&mut self, said: Said<'_>, at: &At<'_, '_>, facts: &Facts) {
        let time = at.record.time;
        match said {
            Said::Duration { us, phase, statement } => self.add_duration(us, phase, statement, at),
            Said::Waiting { pid, mode, object, us } => self.add_wait(pid, (mode, object, us), at),
            Said::Acquired { us } => {
                self.spans.count(&mut self.acquired, time);
                self.waited_us += us;
                self.longest_wait_us = self.longest_wait_us.max(us);
            }
            Said::Temporary { bytes } => self.add_temporary(bytes, at),
            Said::CheckpointStarted { .. } | Said::CheckpointComplete { .. } | Said::CheckpointsTooOften => {
                self.add_checkpoint(&said, time)
            }
            Said::Vacuumed { table } => {
                self.spans.count(&mut self.vacuums, time);
                *self.vacuumed.entry(table.to_owned()).or_default() += 1;
            }
            Said::Analyzed { table } => {
                self.spans.count(&mut self.analyzes, time);
                *self.vacuumed.entry(table.to_owned()).or_default() += 1;
            }
            Said::Version(version) => self.version = Some((time, version.to_owned())),
            Said::Other => self.add_plain(at, facts),
            _ => self.add_session(said, at),
        }
    }

    fn add_duration(&mut self, us: u64, phase: Phase, statement: Option<&str>, at: &At<'_, '_>) {
        match phase {
            Phase::Parse => self.queries.parses += 1,
            Phase::Bind => self.queries.binds += 1,
            Phase::Bare => self.queries.bare += 1,
            Phase::Run => {}
        }
        if let (Phase::Run, Some(statement)) = (phase, statement) {
            let text = shape(statement);
            self.saw(at, Some(&text));
            self.add_run(us, text, at);
        }
    }

    /// A statement that ran.
    fn add_run(&mut self, us: u64, text: String, at: &At<'_, '_>) {
        self.queries.count += 1;
        self.queries.microseconds += us;
        match verb(&text) {
            "select" | "with" => self.queries.select += 1,
            "insert" => self.queries.insert += 1,
            "update" => self.queries.update += 1,
            "delete" => self.queries.delete += 1,
            _ => {}
        }
        let (time, spans) = (at.record.time, self.spans);
        let counts = self.counts_of(text, at);
        counts.count += 1;
        counts.us += us;
        if us > counts.longest.0 {
            counts.longest = (us, (at.origin)());
        }
        let micros = i64::try_from(us).unwrap_or(i64::MAX);
        counts.all.add(micros);
        if spans.quiet.is_some_and(|span| span.contains(time)) {
            counts.before.add(micros);
        }
        // A statement is logged when it ends: it is of the incident if it ran in it.
        let began = Time(time.0.saturating_sub(micros));
        if spans.incident.is_some_and(|span| span.contains(time) || span.contains(began)) {
            counts.during.add(micros);
        }
    }

    fn counts_of(&mut self, text: String, at: &At<'_, '_>) -> &mut ShapeCounts {
        let key = if self.shapes.len() >= MOST_SHAPES && !self.shapes.contains_key(&text) { OTHER_STATEMENTS.to_owned() } else { text };
        self.shapes.entry(key).or_insert_with(|| ShapeCounts {
            count: 0,
            us: 0,
            longest: (0, (at.origin)()),
            all: LatencySketch::default(),
            before: LatencySketch::default(),
            during: LatencySketch::default(),
            failed: Counted::default(),
        })
    }

    /// Remembers what a process does, and tells the waits behind it.
    fn saw(&mut self, at: &At<'_, '_>, text: Option<&str>) {
        let Some(pid) = at.record.pid.as_deref().and_then(|pid| pid.parse::<u64>().ok()) else { return };
        let client = at.record.client.as_deref().map(str::to_owned);
        if let (Some(text), Some(waits)) = (text, self.open.remove(&pid)) {
            for wait in waits {
                self.waits[wait].holder_shape = Some(text.to_owned());
                self.waits[wait].holder_client.clone_from(&client);
            }
        }
        if text.is_some() && (self.processes.len() < MOST_PROCESSES || self.processes.contains_key(&pid)) {
            self.processes.insert(pid, Doing { client, shape: text.map(str::to_owned) });
        }
    }

    fn add_wait(&mut self, pid: u64, (mode, object, us): (&str, &str, u64), at: &At<'_, '_>) {
        self.spans.count(&mut self.waiting, at.record.time);
        self.longest_wait_us = self.longest_wait_us.max(us);
        let waiter = message::statement(&at.record.detail).map(shape).unwrap_or_default();
        if !waiter.is_empty() {
            self.saw(at, Some(&waiter));
        }
        let origin = (at.origin)();
        for holder in message::holders(&at.record.detail).into_iter().filter(|holder| *holder != pid) {
            if self.waits.len() >= MOST_OPEN_WAITS {
                break;
            }
            // What it was doing before is what is known until it says what it did meanwhile.
            let known = self.processes.get(&holder);
            self.waits.push(Wait {
                time: at.record.time,
                mode: mode.to_owned(),
                object: object.split(" of database ").next().unwrap_or(object).to_owned(),
                us,
                waiter: waiter.clone(),
                holder,
                holder_shape: known.and_then(|doing| doing.shape.clone()),
                holder_client: known.and_then(|doing| doing.client.clone()),
                origin: origin.clone(),
            });
            self.open.entry(holder).or_default().push(self.waits.len() - 1);
        }
    }

    fn add_temporary(&mut self, bytes: u64, at: &At<'_, '_>) {
        self.spans.count(&mut self.temporary, at.record.time);
        self.temporary_bytes += bytes;
        if self.temporary_largest.as_ref().is_none_or(|(largest, ..)| bytes > *largest) {
            self.temporary_largest = Some((bytes, message::statement(&at.record.detail).map(shape), (at.origin)()));
        }
    }

    fn add_checkpoint(&mut self, said: &Said<'_>, time: Time) {
        let counts = &mut self.checkpoints;
        match said {
            Said::CheckpointStarted { reason } => {
                self.spans.count(&mut counts.started, time);
                *counts.reasons.entry((*reason).to_owned()).or_default() += 1;
            }
            Said::CheckpointComplete { buffers, wal, write_us, sync_us, total_us } => {
                counts.complete += 1;
                counts.buffers += buffers;
                counts.wal.iter_mut().zip(wal).for_each(|(sum, files)| *sum += files);
                counts.write_us += write_us;
                counts.sync_us += sync_us;
                counts.total_us += total_us;
                counts.longest_us = counts.longest_us.max(*total_us);
            }
            _ => counts.warnings += 1,
        }
    }

    fn add_session(&mut self, said: Said<'_>, at: &At<'_, '_>) {
        let time = at.record.time;
        match said {
            Said::Received => self.received += 1,
            Said::Authorized { client } => {
                self.spans.count(&mut self.authorized, time);
                *self.clients.entry(client).or_default() += 1;
                self.session_step(time, 1);
            }
            Said::Ended { us } => {
                self.spans.count(&mut self.ended, time);
                self.session_us += us;
                self.session_step(time, -1);
            }
            Said::Login => self.spans.count(&mut self.logins, time),
            Said::Opened => self.spans.count(&mut self.opened, time),
            Said::Closed { reason } => {
                let reason = masked(reason);
                self.spans.count(self.closed.entry(reason).or_default(), time);
            }
            Said::Stats { transactions_per_s, transaction_us, query_us, wait_us } if self.stats.len() < MOST_STATS => {
                let origin = (at.origin)();
                self.stats.push(PoolerStats { time, transactions_per_s, transaction_us, query_us, wait_us, origin });
            }
            _ => {}
        }
    }

    fn session_step(&mut self, time: Time, step: i8) {
        if self.session_steps.len() < MOST_SESSION_STEPS {
            self.session_steps.push((time, step));
        }
    }

    /// A message with no numbers of its own: an error, or nothing that is counted.
    fn add_plain(&mut self, at: &At<'_, '_>, facts: &Facts) {
        let record = at.record;
        let of_pooler = self.engine == Engine::PgBouncer && record.level >= Level::Warn;
        let statement = message::statement(&record.detail);
        if record.level >= Level::Error || of_pooler {
            if record.message.contains("deadlock detected") || record.code.as_deref() == Some("40P01") {
                self.add_deadlock(&message::deadlocked(&record.detail), at);
            }
            self.add_error(at, facts);
            if let Some(statement) = statement {
                let (text, time, spans) = (shape(statement), record.time, self.spans);
                self.saw(at, Some(&text));
                spans.count(&mut self.counts_of(text, at).failed, time);
            }
        } else if let Some(statement) = statement {
            let text = shape(statement);
            self.saw(at, Some(&text));
        }
    }

    fn add_error(&mut self, at: &At<'_, '_>, facts: &Facts) {
        let record = at.record;
        self.spans.count(&mut self.failed, record.time);
        let text = masked(&record.message);
        let written = record.code.as_deref().map(str::to_owned);
        let code_written = written.is_some();
        let code = written.or_else(|| self.known_code(&text, &record.message, facts));
        if matches!(code.as_deref(), Some("55P03" | "1205")) {
            self.spans.count(&mut self.lock_timeouts, record.time);
        }
        let mut key = (code, record.level, text);
        if self.errors.len() >= MOST_ERRORS && !self.errors.contains_key(&key) {
            key = (None, record.level, "(other messages)".to_owned());
        }
        let counts = self.errors.entry(key).or_insert_with(|| ErrorCounts {
            code_written,
            count: Counted::default(),
            clients: BTreeMap::new(),
            first: (record.time, (at.origin)()),
        });
        self.spans.count(&mut counts.count, record.time);
        if let Some(client) = record.client.as_deref().filter(|_| counts.clients.len() < 1_000) {
            *counts.clients.entry(client.to_owned()).or_default() += 1;
        }
    }

    fn known_code(&mut self, masked: &str, message: &str, facts: &Facts) -> Option<String> {
        if let Some(known) = self.known_codes.get(masked) {
            return known.clone();
        }
        let code = facts.code(message).map(str::to_owned);
        if self.known_codes.len() < MOST_ERRORS {
            self.known_codes.insert(masked.to_owned(), code.clone());
        }
        code
    }

    fn add_deadlock(&mut self, statements: &[&str], at: &At<'_, '_>) {
        self.spans.count(&mut self.deadlocks, at.record.time);
        self.name_deadlock(statements.iter().map(|statement| shape(statement)).collect(), (at.origin)());
    }

    fn name_deadlock(&mut self, mut shapes: Vec<String>, origin: Origin) {
        shapes.sort();
        if !shapes.is_empty() {
            self.deadlocked.entry(shapes).or_insert((0, origin)).0 += 1;
        }
    }

    /// The slow log has a statement with its time; InnoDB tells of a deadlock over several records.
    fn add_mysql(&mut self, at: &At<'_, '_>, facts: &Facts) {
        let record = at.record;
        if let Some(us) = slow_query(&record.detail) {
            let text = shape(&record.message);
            self.add_run(us, text, at);
            return;
        }
        let message = record.message.as_ref();
        if message.contains("ransactions deadlock detected") || message.contains("LATEST DETECTED DEADLOCK") {
            self.close_innodb();
            self.spans.count(&mut self.deadlocks, record.time);
            self.innodb = Some((Vec::new(), (at.origin)()));
        }
        if let Some((statements, _)) = &mut self.innodb {
            statements.extend(message::deadlocked(&record.detail).iter().map(|statement| shape(statement)));
        }
        if message.contains("WE ROLL BACK TRANSACTION") {
            self.close_innodb();
        }
        if let Some(version) = message.strip_prefix("Starting MariaDB ").and_then(|rest| rest.split(' ').next()) {
            self.version = Some((record.time, format!("MariaDB {version}")));
        }
        if message.starts_with("Aborted connection") {
            let reason = message.rsplit_once('(').map_or("", |(_, reason)| reason.trim_end_matches(')'));
            self.spans.count(self.closed.entry(masked(reason)).or_default(), record.time);
        }
        if record.level >= Level::Error {
            self.add_error(at, facts);
        }
    }

    fn close_innodb(&mut self) {
        if let Some((statements, origin)) = self.innodb.take() {
            self.name_deadlock(statements, origin);
        }
    }

    /// Ends the file.
    pub fn finish(&mut self) {
        self.close_innodb();
    }

    /// Adds what another log of the same server tells.
    pub fn absorb(&mut self, other: Ledger) {
        self.records += other.records;
        self.span = [self.span, other.span].into_iter().flatten().reduce(TimeSpan::union);
        self.version = [self.version.take(), other.version].into_iter().flatten().max();
        for (key, counts) in other.errors {
            match self.errors.entry(key) {
                std::collections::btree_map::Entry::Vacant(place) => drop(place.insert(counts)),
                std::collections::btree_map::Entry::Occupied(mut place) => place.get_mut().absorb(counts),
            }
        }
        for (text, counts) in other.shapes {
            match self.shapes.entry(text) {
                std::collections::hash_map::Entry::Vacant(place) => drop(place.insert(counts)),
                std::collections::hash_map::Entry::Occupied(mut place) => place.get_mut().absorb(counts),
            }
        }
        add_queries(&mut self.queries, other.queries);
        for (own, others) in [
            (&mut self.failed, other.failed),
            (&mut self.waiting, other.waiting),
            (&mut self.acquired, other.acquired),
            (&mut self.lock_timeouts, other.lock_timeouts),
            (&mut self.deadlocks, other.deadlocks),
            (&mut self.temporary, other.temporary),
            (&mut self.vacuums, other.vacuums),
            (&mut self.analyzes, other.analyzes),
            (&mut self.authorized, other.authorized),
            (&mut self.ended, other.ended),
            (&mut self.logins, other.logins),
            (&mut self.opened, other.opened),
        ] {
            add(own, others);
        }
        self.waited_us += other.waited_us;
        self.longest_wait_us = self.longest_wait_us.max(other.longest_wait_us);
        self.waits.extend(other.waits);
        for (shapes, (count, origin)) in other.deadlocked {
            self.deadlocked.entry(shapes).or_insert((0, origin)).0 += count;
        }
        self.temporary_bytes += other.temporary_bytes;
        let larger = |a: &(u64, Option<String>, Origin), b: &(u64, Option<String>, Origin)| (a.0, &b.2).cmp(&(b.0, &a.2));
        self.temporary_largest = [self.temporary_largest.take(), other.temporary_largest].into_iter().flatten().max_by(larger);
        self.checkpoints.absorb(other.checkpoints);
        other.vacuumed.into_iter().for_each(|(table, n)| *self.vacuumed.entry(table).or_default() += n);
        other.clients.into_iter().for_each(|(client, n)| *self.clients.entry(client).or_default() += n);
        other.closed.into_iter().for_each(|(reason, n)| add(self.closed.entry(reason).or_default(), n));
        self.received += other.received;
        self.session_us += other.session_us;
        self.session_steps.extend(other.session_steps);
        self.stats.extend(other.stats);
    }
}

impl ErrorCounts {
    fn absorb(&mut self, other: ErrorCounts) {
        self.code_written |= other.code_written;
        add(&mut self.count, other.count);
        other.clients.into_iter().for_each(|(client, n)| *self.clients.entry(client).or_default() += n);
        if other.first < self.first {
            self.first = other.first;
        }
    }
}

impl ShapeCounts {
    fn absorb(&mut self, other: ShapeCounts) {
        self.count += other.count;
        self.us += other.us;
        if (other.longest.0, &self.longest.1) > (self.longest.0, &other.longest.1) {
            self.longest = other.longest;
        }
        self.all.merge(&other.all);
        self.before.merge(&other.before);
        self.during.merge(&other.during);
        add(&mut self.failed, other.failed);
    }
}

impl CheckpointCounts {
    fn absorb(&mut self, other: CheckpointCounts) {
        add(&mut self.started, other.started);
        other.reasons.into_iter().for_each(|(reason, n)| *self.reasons.entry(reason).or_default() += n);
        self.complete += other.complete;
        self.buffers += other.buffers;
        self.wal.iter_mut().zip(other.wal).for_each(|(sum, files)| *sum += files);
        self.write_us += other.write_us;
        self.sync_us += other.sync_us;
        self.total_us += other.total_us;
        self.longest_us = self.longest_us.max(other.longest_us);
        self.warnings += other.warnings;
    }
}

fn add(own: &mut Counted, other: Counted) {
    own.all += other.all;
    own.before += other.before;
    own.during += other.during;
}

fn add_queries(own: &mut Queries, other: Queries) {
    own.count += other.count;
    own.microseconds += other.microseconds;
    own.select += other.select;
    own.insert += other.insert;
    own.update += other.update;
    own.delete += other.delete;
    own.parses += other.parses;
    own.binds += other.binds;
    own.bare += other.bare;
}

/// `Query_time: 1.156817  Lock_time: …` in microseconds.
fn slow_query(detail: &str) -> Option<u64> {
    let rest = &detail[detail.find("Query_time: ")? + "Query_time: ".len()..];
    let seconds: f64 = rest.split_whitespace().next()?.parse().ok()?;
    (seconds.is_finite() && (0.0..1e7).contains(&seconds)).then(|| (seconds * 1e6).round() as u64)
}

/// Quoted names and numbers as `…`, so that messages of one kind are one.
pub fn masked(text: &str) -> String {
    let mut out = String::with_capacity(text.len().min(200));
    let mut chars = text.chars().peekable();
    let mut before = ' ';
    while let Some(c) = chars.next() {
        if c == '\n' || out.len() > 200 {
            break;
        }
        match c {
            '"' | '«' | '»' | '`' => {
                let close = if c == '«' { '»' } else { c };
                out.push(c);
                out.push('…');
                if chars.by_ref().any(|c| c == close) {
                    out.push(close);
                }
            }
            c if c.is_ascii_digit() && !before.is_alphabetic() => {
                out.push('…');
                while chars.next_if(|c| c.is_ascii_alphanumeric() || *c == '.' || *c == ':').is_some() {}
            }
            c => out.push(c),
        }
        before = c;
    }
    out
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;
    use std::sync::Arc;

    use super::*;

    fn record<'l>(seconds: i64, level: Level, pid: &'l str, message: &'l str, detail: &'l str) -> Record<'l> {
        let text = |text: &'l str| Cow::Borrowed(text);
        Record {
            time: Time(seconds * 1_000_000),
            level,
            pid: Some(text(pid)),
            message: text(message),
            detail: text(detail),
            ..Record::default()
        }
    }

    fn ledger(records: &[Record<'_>]) -> Ledger {
        let span = |from: i64, to: i64| Some(TimeSpan { start: Time(from * 1_000_000), end: Time(to * 1_000_000) });
        let mut ledger = Ledger::new(Engine::PostgreSql, Spans { quiet: span(0, 10), incident: span(10, 20) });
        let path: Arc<str> = Arc::from("a.log");
        for (line, record) in records.iter().enumerate() {
            ledger.add(record, &Facts::builtin(), &|| Origin::new(&path, line as u64 + 1));
        }
        ledger.finish();
        ledger
    }

    #[test]
    fn messages_are_masked() {
        for (text, expected) in [
            ("", ""),
            ("role \"a b\" has 3 of 4.5 slots", "role \"…\" has … of … slots"),
            ("s3 key 9f\nrest", "s3 key …"),
            ("open \"never closed", "open \"…"),
        ] {
            assert_eq!(masked(text), expected, "{text}");
        }
    }

    #[test]
    fn a_holder_is_named_by_what_it_logs_later() {
        let wait = "process 7 still waiting for ShareLock on transaction 9 after 1000.0 ms";
        let detail = "DETAIL:  Process holding the lock: 8. Wait queue: 7.\nSTATEMENT:  UPDATE a SET b = 1";
        let found = ledger(&[
            record(11, Level::Info, "7", wait, detail),
            record(12, Level::Info, "8", "duration: 3000 ms  statement: SELECT slow(1)", ""),
            record(13, Level::Info, "8", "duration: 5 ms  statement: SELECT 2", ""),
        ]);
        let waits: Vec<_> = found.waits.iter().map(|w| (w.holder, w.waiter.as_str(), w.holder_shape.as_deref())).collect();
        assert_eq!(waits, [(8, "update a set b = ?", Some("select slow(?)"))]);
        assert_eq!((found.waiting.during, found.queries.count), (1, 2));
    }

    #[test]
    fn errors_know_their_code_without_the_log_telling_it() {
        let found = ledger(&[
            record(1, Level::Fatal, "7", "sorry, too many clients already", ""),
            record(11, Level::Fatal, "7", "sorry, too many clients already", ""),
            record(12, Level::Info, "7", "sorry, too many clients already", ""),
        ]);
        let errors: Vec<_> = found.errors.iter().map(|(key, counts)| (key.0.as_deref(), counts.count)).collect();
        assert_eq!(errors, [(Some("53300"), Counted { all: 2, before: 1, during: 1 })]);
    }

    #[test]
    fn the_order_of_files_does_not_matter() {
        let one = || ledger(&[record(1, Level::Info, "7", "temporary file: path \"a\", size 5", "")]);
        let two = || ledger(&[record(12, Level::Info, "7", "temporary file: path \"a\", size 9", "")]);
        let joined = |mut a: Ledger, b: Ledger| {
            a.absorb(b);
            (a.temporary, a.temporary_bytes, a.temporary_largest.map(|l| l.0), a.span)
        };
        assert_eq!(joined(one(), two()), joined(two(), one()));
    }
}
