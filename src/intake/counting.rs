//! The records of a log, counted, but for those that are far from all others in time.

use std::sync::Arc;

use crate::model::{Complaint, Options, Origin, Record, ServiceName, Time, TimeSpan};
use crate::parse::Sink;
use crate::read::Source;
use crate::template::tally::Place;
use crate::template::{Flow, Tally};

/// What is asked for, and the period that the reading before this found the bundle to be about, if records lie outside of it.
pub(super) type Wanted<'o> = (&'o Options, Option<TimeSpan>);

/// Records outside of the period.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Strays {
    records: u64,
    /// (line, time) of the first by line.
    first: Option<(u64, Time)>,
}

impl Strays {
    fn add(&mut self, line: u64, time: Time) {
        *self = self.joined(Strays { records: 1, first: Some((line, time)) });
    }

    /// Both together.
    pub fn joined(self, other: Strays) -> Strays {
        Strays { records: self.records + other.records, first: [self.first, other.first].into_iter().flatten().min() }
    }

    /// What is to be said of them; `None` without any.
    pub fn complaint(self, shown: &Arc<str>) -> Option<Complaint> {
        let (line, time) = self.first?;
        let why = format!("a record of {time}, far from all others in time: left out (--since {}T00:00:00Z counts it in)", time.date());
        Some(Complaint { origin: Origin::new(shown, line), why, more: self.records - 1 })
    }
}

/// Counts the records of a log.
pub(super) struct Counting<'s> {
    pub tally: Tally,
    pub flow: Flow,
    pub strays: Strays,
    source: &'s Source,
    wanted: Wanted<'s>,
}

impl<'s> Counting<'s> {
    /// Begins to count a log, together with what a worker has counted of others.
    pub fn new(source: &'s Source, wanted: Wanted<'s>, (tally, flow): (Tally, Flow)) -> Counting<'s> {
        Counting { tally, flow, strays: Strays::default(), source, wanted }
    }
}

impl Sink for Counting<'_> {
    fn record(&mut self, record: &Record<'_>, line: u64) {
        let (options, period) = self.wanted;
        if !options.wants(record.time) {
            return;
        }
        if period.is_some_and(|period| record.time < period.start || record.time >= period.end) {
            return self.strays.add(line, record.time);
        }
        let service = self.source.service.as_ref().map_or("", ServiceName::as_str);
        let instance = self.source.instance.as_ref().map_or("", |i| i.as_str());
        self.tally.add(record, Place { service, instance, path: &self.source.shown, line });
        self.flow.add(record, service, &self.source.shown, line);
    }
}
