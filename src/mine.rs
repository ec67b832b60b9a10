//! The straight line from a bundle to its templates: read, parse, count, mine.
//!
//! No window is compared with another here, and no cause is looked for.

use std::sync::Arc;

use rayon::prelude::*;
use rustc_hash::FxHashMap;

use crate::model::{Coverage, Level, LineTemplate, Options, Progress, Record, ServiceName, Tag, Templates, Time};
use crate::parse::parallel::{self, Idle, Manner};
use crate::parse::{Formats, LogOutcome, Sink, read_log};
use crate::read::{Bundle, Source, SourceKind, lines};
use crate::template::catalog::{self, Catalog};
use crate::template::tally::Place;

/// What a bundle's logs say, as templates.
#[derive(Debug)]
pub struct Mined {
    pub templates: Templates,
    /// Masked text -> template.
    by_text: FxHashMap<Box<str>, String>,
    pub coverage: Coverage,
}

/// Counts the messages of all logs of a bundle and mines their templates.
pub fn mine<'b>(bundle: &'b Bundle, formats: &Formats, options: &Options, progress: &dyn Progress) -> Mined {
    let logs: Vec<&'b Source> = logs(bundle).collect();
    progress.expect(logs.iter().map(|source| source.bytes).sum());
    let counted = Idle::default();
    let read = |source: &'b Source| {
        progress.file_begun(&source.shown);
        let begin = || Counting { catalog: counted.take().unwrap_or_default(), source, options };
        let watch = |bytes, lines| progress.advance(bytes, lines);
        let (sinks, outcome) = parallel::read_all(source, formats, manner(options), &watch, &begin);
        sinks.into_iter().for_each(|counting| counted.put(counting.catalog));
        progress.file_ended(&source.shown);
        outcome
    };
    let outcomes: Vec<LogOutcome> = logs.par_iter().copied().map(read).collect();
    let mut coverage = Coverage { complaints: bundle.complaints.clone(), ..Coverage::default() };
    for outcome in outcomes {
        coverage.sources.push(outcome.coverage);
        coverage.complaints.extend(outcome.complaints);
    }
    coverage.complaints.sort();
    let catalog = counted.into_all().into_iter().reduce(Catalog::joined).unwrap_or_default();
    coverage.crowds = catalog.crowds();
    let (templates, by_text) = catalog.mined();
    Mined { templates, by_text, coverage }
}

/// Reads the logs once more and tells the template of each line that begins a record or was not understood.
pub fn each_line(bundle: &Bundle, formats: &Formats, options: &Options, mined: &Mined, tell: &mut dyn FnMut(&LineTemplate<'_>)) {
    let mut offset = 0;
    for source in logs(bundle) {
        let mut lines = Lines { options, templates: &mined.by_text, offset, held: Vec::new(), scratch: String::new(), tell: &mut *tell };
        let outcome = read_source(source, formats, options, &mut lines);
        lines.release(u64::MAX);
        offset += outcome.coverage.lines;
    }
}

fn logs(bundle: &Bundle) -> impl Iterator<Item = &Source> {
    bundle.sources.iter().filter(|source| source.kind == SourceKind::Log)
}

fn read_source(source: &Source, formats: &Formats, options: &Options, sink: &mut dyn Sink) -> LogOutcome {
    match lines::open(&source.path) {
        Ok(input) => read_log(source, input, formats, options.utc_offset, sink),
        Err(error) => LogOutcome::unreadable(source, &error.to_string()),
    }
}

fn manner(options: &Options) -> Manner {
    Manner { utc_offset: options.utc_offset, part: options.part }
}

fn place<'s>(source: &'s Source, path: &'s Arc<str>, line: u64) -> Place<'s> {
    let service = source.service.as_ref().map_or("", ServiceName::as_str);
    let instance = source.instance.as_ref().map_or("", |i| i.as_str());
    Place { service, instance, path, line }
}

/// Counts.
struct Counting<'s> {
    catalog: Catalog,
    source: &'s Source,
    options: &'s Options,
}

impl Sink for Counting<'_> {
    fn wants_requests(&self) -> bool {
        false
    }

    fn record(&mut self, record: &Record<'_>, line: u64) {
        if self.options.wants(record.time) {
            self.catalog.add(record, place(self.source, &self.source.shown, line));
        }
    }

    fn alike(&mut self, kind: Tag, level: Level, time: Time, line: u64) -> bool {
        !self.options.wants(time) || self.catalog.add_alike(kind, level, time, place(self.source, &self.source.shown, line))
    }

    fn expect(&self, kind: Tag) {
        self.catalog.fetch(kind);
    }

    fn unread(&mut self, text: &str, line: u64) {
        self.catalog.add_unread(text, place(self.source, &self.source.shown, line));
    }
}

/// Tells lines in their order: a record is known to be complete only when the next one begins, a line that was not
/// understood at once.
struct Lines<'t> {
    options: &'t Options,
    templates: &'t FxHashMap<Box<str>, String>,
    offset: u64,
    held: Vec<(u64, String)>,
    scratch: String,
    tell: &'t mut dyn FnMut(&LineTemplate<'_>),
}

impl Lines<'_> {
    /// Tells the lines held back that come before `line`.
    fn release(&mut self, line: u64) {
        let due = self.held.partition_point(|(number, _)| *number < line);
        for (number, text) in self.held.drain(..due) {
            self.scratch.clear();
            catalog::mask_text(&text, &mut self.scratch);
            let template = self.templates.get(self.scratch.as_str()).map_or(text.as_str(), String::as_str);
            let number = self.offset + number;
            (self.tell)(&LineTemplate { number, time: None, level: Level::Unknown, component: "", content: &text, template });
        }
    }
}

impl Sink for Lines<'_> {
    fn record(&mut self, record: &Record<'_>, line: u64) {
        self.release(line);
        if !self.options.wants(record.time) {
            return;
        }
        self.scratch.clear();
        catalog::mask_record(record, &mut self.scratch);
        // A text beyond the bound on distinct ones is its own template here.
        let template = self.templates.get(self.scratch.as_str()).unwrap_or(&self.scratch);
        (self.tell)(&LineTemplate {
            number: self.offset + line,
            time: Some(record.time),
            level: record.level,
            component: record.logger.as_deref().or(record.service.as_deref()).unwrap_or(""),
            content: &record.message,
            template,
        });
    }

    fn unread(&mut self, text: &str, line: u64) {
        self.held.push((line, text.to_owned()));
    }
}
