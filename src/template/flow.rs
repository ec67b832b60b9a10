//! The paths of traces: which events each trace went through, service by service, in the order of time.
//!
//! Memory is bounded by [`MOST_TRACES`] traces of [`MOST_STEPS`] steps each, and [`MOST_STEPS_IN_ALL`] (32 bytes a step). Which traces stay is
//! decided by the hash of their id alone, and of a long trace the earliest steps stay, so that neither the number of shards nor the order
//! of files can be seen in the result. Knows neither incidents nor windows.

use rustc_hash::FxHashMap;

use super::bounds::Names;
use super::symbols::{Symbol, Symbols};
use super::tokens;
use super::users;
use crate::model::{Level, Record, Time};

/// Traces kept; further ones halve the range of hashes that is kept.
pub const MOST_TRACES: usize = 16_384;
/// Steps kept of one trace, the earliest.
pub const MOST_STEPS: usize = 512;
/// Steps of all kept traces; more of them halve the range of hashes, too.
pub const MOST_STEPS_IN_ALL: usize = 1 << 18;
/// Distinct texts of events; further events are all one.
const MOST_EVENTS: usize = 50_000;
/// The event beyond [`MOST_EVENTS`].
const OTHER: &str = "(other events)";
/// Bytes of a message that can tell events apart, where no line of code does.
const EVENT_TEXT: usize = 200;

/// One record of a trace. Ordered by time, then by place in the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Step {
    pub time: Time,
    /// Hash of the file and the line: records of one instant keep the order of their file.
    pub place: Place,
    pub service: Symbol,
    /// Hash of the span's id; 0 where the record names none.
    pub span: u32,
    /// Logger and line of code, else the masked message.
    pub event: Symbol,
    /// It tells of an error.
    pub error: bool,
}

/// A line of a file, in 64 bits: 24 of the hash of the file's path, 40 of the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place(pub u64);

impl Place {
    const LINE: u64 = (1 << 40) - 1;

    fn new(path: &str, line: u64) -> Place {
        Place(Place::file(path) << 40 | line.min(Place::LINE))
    }

    /// What stands for a file.
    pub fn file(path: &str) -> u64 {
        (users::hash(path) & u64::from(u32::MAX)) >> 8
    }

    /// The same file, another line.
    fn renumbered(self, number: &dyn Fn(u64, u64) -> u64) -> Place {
        let (file, line) = (self.0 >> 40, self.0 & Place::LINE);
        Place(file << 40 | number(file, line).min(Place::LINE))
    }
}

/// The steps of all kept traces.
#[derive(Clone, Debug)]
pub struct Flow {
    /// Texts of services and events.
    pub symbols: Symbols,
    /// By the hash of their id.
    pub traces: FxHashMap<u64, Vec<Step>>,
    /// Traces with a larger hash are not kept.
    pub limit: u64,
    /// Events that are told apart.
    pub events: Names,
    /// Steps kept, of no trace more than [`MOST_STEPS`]; from time to time counted anew.
    steps: usize,
    scratch: String,
}

impl Default for Flow {
    fn default() -> Self {
        let events = Names::at_most(MOST_EVENTS);
        Flow { symbols: Symbols::default(), traces: FxHashMap::default(), limit: u64::MAX, events, steps: 0, scratch: String::new() }
    }
}

impl Flow {
    /// Adds a record, if it belongs to a trace that is kept. `service` and `path` are where it was read.
    pub fn add(&mut self, record: &Record<'_>, service: &str, path: &str, line: u64) {
        let Some(id) = record.trace.as_deref().filter(|id| is_id(id)) else { return };
        let trace = users::hash(id);
        if trace > self.limit {
            return;
        }
        let error = record.level >= Level::Error || record.request.as_ref().is_some_and(crate::model::Request::failed);
        let step = Step {
            time: record.time,
            place: Place::new(path, line),
            service: self.symbols.intern(record.service.as_deref().unwrap_or(service)),
            span: record.span.as_deref().map_or(0, |s| users::hash(s) as u32),
            event: self.event(record),
            error,
        };
        self.steps += push_bounded(self.traces.entry(trace).or_default(), step);
        self.keep_bounded();
    }

    fn event(&mut self, record: &Record<'_>) -> Symbol {
        self.scratch.clear();
        match (&record.logger, &record.code_line) {
            (Some(logger), Some(line)) => {
                self.scratch.push_str(logger);
                self.scratch.push(':');
                self.scratch.push_str(line);
            }
            _ => {
                let end = (0..=record.message.len().min(EVENT_TEXT)).rev().find(|&i| record.message.is_char_boundary(i)).unwrap_or(0);
                tokens::mask_into(&record.message[..end], &mut self.scratch);
            }
        }
        if self.symbols.find(&self.scratch).is_none() && self.events.note(&self.scratch) {
            self.leave_out_events();
        }
        self.symbols.intern(if self.events.keeps(&self.scratch) { &self.scratch } else { OTHER })
    }

    /// Counts the events that are kept no longer as one.
    fn leave_out_events(&mut self) {
        let other = self.symbols.intern(OTHER);
        for step in self.traces.values_mut().flatten() {
            if !self.events.keeps(self.symbols.text(step.event)) {
                step.event = other;
            }
        }
    }

    /// Halves the range of hashes while too many traces or steps are kept.
    fn keep_bounded(&mut self) {
        while self.traces.len() > MOST_TRACES || self.steps > MOST_STEPS_IN_ALL {
            self.limit /= 2;
            self.keep_within_limit();
        }
    }

    fn keep_within_limit(&mut self) {
        let limit = self.limit;
        self.traces.retain(|hash, _| *hash <= limit);
        self.steps = self.traces.values().map(|steps| steps.len().min(MOST_STEPS)).sum();
    }

    /// All shards as one, with texts numbered in their own order.
    pub fn merged(shards: Vec<Flow>) -> Flow {
        let mut all = shards.into_iter().reduce(Flow::joined).unwrap_or_default();
        let (symbols, map) = all.symbols.sorted();
        all.symbols = symbols;
        for steps in all.traces.values_mut() {
            steps.iter_mut().for_each(|step| *step = step.renamed(&map));
            settle(steps);
        }
        all
    }

    /// Both as one.
    pub fn joined(mut self, other: Flow) -> Flow {
        self.limit = self.limit.min(other.limit);
        self.keep_within_limit();
        let limit = self.limit;
        self.events.merge(&other.events);
        let map: Vec<Symbol> = (0..other.symbols.len() as u32).map(|i| self.symbols.intern(other.symbols.text(Symbol(i)))).collect();
        for (trace, steps) in other.traces.into_iter().filter(|(hash, _)| *hash <= limit) {
            let kept = self.traces.entry(trace).or_default();
            self.steps += steps.into_iter().map(|step| push_bounded(kept, step.renamed(&map))).sum::<usize>();
        }
        self.keep_bounded();
        if self.events.is_sample() {
            self.leave_out_events();
        }
        self
    }

    /// The steps of each trace by time; traces by their first step, then by hash.
    pub fn traces(&self) -> Vec<&[Step]> {
        let mut all: Vec<(&u64, &Vec<Step>)> = self.traces.iter().collect();
        all.sort_unstable_by_key(|(hash, steps)| (steps.first().map(|s| s.time), **hash));
        all.into_iter().map(|(_, steps)| steps.as_slice()).collect()
    }

    /// Gives all steps other lines, by what stands for their file and the line they have; lines must keep their order.
    pub fn renumber(&mut self, number: &dyn Fn(u64, u64) -> u64) {
        self.traces.values_mut().flatten().for_each(|step| step.place = step.place.renumbered(number));
    }

    /// Whether no trace was seen.
    pub fn is_empty(&self) -> bool {
        self.traces.is_empty()
    }

    /// Moves all steps of a service by `micros`.
    pub fn move_service(&mut self, service: &str, micros: i64) {
        let Some(symbol) = self.symbols.find(service) else { return };
        for steps in self.traces.values_mut() {
            steps.iter_mut().filter(|s| s.service == symbol).for_each(|s| s.time = Time(s.time.0.saturating_add(micros)));
            settle(steps);
        }
    }
}

impl Step {
    fn renamed(self, map: &[Symbol]) -> Step {
        Step { service: map[self.service.0 as usize], event: map[self.event.0 as usize], ..self }
    }
}

/// `0000000000000000` and `-` are what tracers write where there is no trace.
fn is_id(text: &str) -> bool {
    text.bytes().any(|b| b.is_ascii_alphanumeric() && b != b'0')
}

/// How many more are kept for good: one or none.
fn push_bounded(steps: &mut Vec<Step>, step: Step) -> usize {
    steps.push(step);
    let more = usize::from(steps.len() <= MOST_STEPS);
    if steps.len() >= 2 * MOST_STEPS {
        settle(steps);
    }
    more
}

fn settle(steps: &mut Vec<Step>) {
    steps.sort_unstable();
    steps.truncate(MOST_STEPS);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flow(records: &[(u64, u64)]) -> Flow {
        let mut flow = Flow::default();
        for &(trace, second) in records {
            let record = Record {
                time: Time(second as i64),
                trace: Some(format!("t{trace}").into()),
                message: format!("took {second}").into(),
                ..Record::default()
            };
            flow.add(&record, if second % 2 == 0 { "a" } else { "b" }, "x.log", second);
        }
        flow
    }

    fn seen(flow: &Flow) -> Vec<Vec<(Time, String, String)>> {
        let text = |s: &Step| (s.time, flow.symbols.text(s.service).to_owned(), flow.symbols.text(s.event).to_owned());
        flow.traces().into_iter().map(|steps| steps.iter().map(text).collect()).collect()
    }

    #[test]
    fn records_without_a_trace_leave_nothing() {
        let mut flow = Flow::default();
        for id in [None, Some(""), Some("-"), Some("0000000000000000")] {
            flow.add(&Record { trace: id.map(Into::into), ..Record::default() }, "a", "x", 1);
        }
        assert!(flow.is_empty() && Flow::merged(vec![flow]).traces().is_empty());
    }

    #[test]
    fn an_event_is_the_line_of_code_else_the_masked_message() {
        let mut all = flow(&[(1, 7)]);
        let coded = Record {
            time: Time(9),
            trace: Some("t1".into()),
            logger: Some("shop.Cart".into()),
            code_line: Some("12".into()),
            ..Record::default()
        };
        all.add(&coded, "a", "x.log", 9);
        assert_eq!(seen(&Flow::merged(vec![all]))[0].iter().map(|s| s.2.as_str()).collect::<Vec<_>>(), ["took <*>", "shop.Cart:12"]);
    }

    #[test]
    fn shards_and_their_order_cannot_be_seen_beyond_the_bounds() {
        let mut records: Vec<(u64, u64)> = (0..40_000).map(|i| (i, i)).collect();
        records.extend((0..3_000).map(|i| (1, 50_000 + i)));
        let one = seen(&Flow::merged(vec![flow(&records)]));
        for cut in [1, 20_000, 41_000] {
            assert_eq!(one, seen(&Flow::merged(vec![flow(&records[cut..]), flow(&records[..cut])])));
        }
        assert!(one.len() <= MOST_TRACES && one.len() > MOST_TRACES / 4 && one.iter().all(|t| t.len() <= MOST_STEPS));
    }

    #[test]
    fn long_traces_are_bounded_by_their_steps() {
        let traces = (2 * MOST_STEPS_IN_ALL / MOST_STEPS) as u64;
        let records: Vec<(u64, u64)> =
            (0..MOST_STEPS as u64 + 9).flat_map(|second| (0..traces).map(move |trace| (trace, second))).collect();
        let one = seen(&Flow::merged(vec![flow(&records)]));
        let (a, b) = records.split_at(records.len() / 3);
        assert_eq!(one, seen(&Flow::merged(vec![flow(b), flow(a)])));
        let steps: usize = one.iter().map(Vec::len).sum();
        assert!((MOST_STEPS_IN_ALL / 8..=MOST_STEPS_IN_ALL).contains(&steps), "{steps}");
    }
}
