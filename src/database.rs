//! The straight line from a bundle to its database view: one pass over everything for metrics and incidents, a second over the logs of
//! databases and poolers for what only they tell.
//!
//! Causes are not looked for here.

mod gauges;
pub mod ledger;
pub mod message;
pub mod shape;
mod summary;

use std::collections::BTreeMap;
use std::path::PathBuf;

use rayon::prelude::*;

use crate::analyze::{AnalyzeError, workers};
use crate::incident;
use crate::intake::{self, Intake};
use crate::model::database::{DatabaseView, Engine};
use crate::model::{Complaint, Options, Origin, Progress, Record, ServiceName, TimeSpan};
use crate::parse::{Formats, LogOutcome, read_log};
use crate::read::{Bundle, Content, Source, SourceKind};
use crate::signal::tabulate;
use crate::suspect::facts::Facts;
use crate::suspect::surge;

use ledger::{Ledger, Spans};

/// Reads the bundle at `paths` as a database administrator would.
///
/// # Errors
/// A bundle that cannot be opened, worker threads that cannot be started, signals that cannot be tabulated.
pub fn view(
    paths: &[PathBuf],
    options: &Options,
    formats: &Formats,
    facts: &Facts,
    progress: &dyn Progress,
) -> Result<DatabaseView, AnalyzeError> {
    let mut input = intake::open(paths, formats, options).map_err(AnalyzeError::Bundle)?;
    workers(options.threads)?.install(|| {
        let mut intake = intake::take_in(&mut input, formats, options, progress);
        let bundle = &input.bundle;
        unseen(bundle, &mut intake);
        let metrics = intake.metrics.clone();
        let spans = spans(&mut intake, options)?;
        let ledgers = ledgers(bundle, &intake, options, formats, facts, spans);
        Ok(DatabaseView {
            incident: spans.incident,
            quiet: spans.quiet,
            servers: ledgers.into_iter().map(|((service, engine), ledger)| summary::server(service, engine, ledger)).collect(),
            gauges: gauges::find(&metrics, spans),
            coverage: intake.coverage,
        })
    })
}

/// What is compared: the incident with the most failures, and the quiet time that belongs to it.
pub fn spans(intake: &mut Intake, options: &Options) -> Result<Spans, AnalyzeError> {
    let (tally, metrics) = (std::mem::take(&mut intake.tally), std::mem::take(&mut intake.metrics));
    let Some(signals) = tabulate(tally, metrics, &intake.topology)? else { return Ok(Spans::default()) };
    let detection = incident::detect(&signals, options)?;
    let worst = detection.incidents.iter().max_by_key(|incident| (incident.impact.failed, std::cmp::Reverse(incident.span.start)));
    let incident = worst.map(|incident| incident.span);
    let quiet = incident.map(|span| surge::quiet_span(&signals, span, options.baseline));
    Ok(Spans { quiet: quiet.filter(|span: &TimeSpan| span.seconds() > 0.0), incident })
}

/// The logs of databases and poolers.
fn database_logs<'b>(bundle: &'b Bundle, intake: &Intake) -> Vec<(&'b Source, Engine)> {
    let format_of: BTreeMap<&str, &str> = intake.coverage.sources.iter().map(|s| (s.path.as_str(), s.format.as_str())).collect();
    let engine_of = |source: &Source| format_of.get(source.shown.as_ref()).and_then(|format| Engine::of_format(format));
    let logs = bundle.sources.iter().filter(|source| source.kind == SourceKind::Log);
    logs.filter_map(|source| Some((source, engine_of(source)?))).collect()
}

/// Complains of logs of databases that cannot be read once more.
pub fn unseen(bundle: &Bundle, intake: &mut Intake) {
    let why = "only a summary of it is here: statements, locks and sessions are not looked at";
    let counted = database_logs(bundle, intake).into_iter().filter(|(source, _)| matches!(source.content, Content::Counted { .. }));
    let told: Vec<Complaint> =
        counted.map(|(source, _)| Complaint { origin: Origin::file(&source.shown), why: why.to_owned(), more: 0 }).collect();
    intake.coverage.complaints.extend(told);
    intake.coverage.complaints.sort();
}

/// The logs of databases and poolers, each read once more; by the service that wrote them.
pub fn ledgers(
    bundle: &Bundle,
    intake: &Intake,
    options: &Options,
    formats: &Formats,
    facts: &Facts,
    spans: Spans,
) -> BTreeMap<(ServiceName, Engine), Ledger> {
    let logs = database_logs(bundle, intake);
    let read = |(source, engine): &(&Source, Engine)| {
        let mut ledger = Ledger::new(*engine, spans);
        read_source(source, formats, options, facts, &mut ledger);
        ledger
    };
    let parts: Vec<Ledger> = logs.par_iter().map(read).collect();
    let mut all: BTreeMap<(ServiceName, Engine), Ledger> = BTreeMap::new();
    for ((source, engine), part) in logs.into_iter().zip(parts).filter(|(_, part)| part.records > 0) {
        let service = source.service.clone().unwrap_or_else(|| ServiceName::new(&source.shown));
        match all.entry((service, engine)) {
            std::collections::btree_map::Entry::Vacant(place) => drop(place.insert(part)),
            std::collections::btree_map::Entry::Occupied(mut place) => place.get_mut().absorb(part),
        }
    }
    all
}

fn read_source(source: &Source, formats: &Formats, options: &Options, facts: &Facts, ledger: &mut Ledger) {
    let mut sink = |record: &Record<'_>, line: u64| {
        if options.wants(record.time) {
            ledger.add(record, facts, &|| Origin::new(&source.shown, line));
        }
    };
    let outcome = match source.open() {
        Ok(input) => read_log(source, input, formats, options.utc_offset, &mut sink),
        Err(error) => LogOutcome::unreadable(source, &error.to_string()),
    };
    // What cannot be read the first pass has told already.
    drop(outcome);
    ledger.finish();
}
