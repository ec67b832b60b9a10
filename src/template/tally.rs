//! Counts by window: what a shard of the input is reduced to, and how shards become one.
//!
//! Memory follows the number of distinct (window, key) pairs, not of lines. Merging is associative and the result is ordered
//! by content, so neither the number of shards nor their order can be seen in it.

mod bounded;

use std::collections::BTreeMap;
use std::collections::hash_map::Entry;
use std::hash::Hash;

use rustc_hash::FxHashMap;

use super::bounds;
use super::cell::Cell;
use super::examples::Examples;
use super::miner;
use super::symbols::{Numbered, Symbol, Symbols, whole_text};
use super::tokens;
use super::users::{self, UserSet};
use super::windows::{WindowCounts, Windows};
use crate::model::{Exemplar, Level, Origin, Record, Step, Tag, Time, TimeSpan};
pub use bounded::Bound;
use bounded::{Bounds, Field};

/// More windows than this between a shard's first and last record and the step doubles: 4.5 hours at one second.
pub const MOST_WINDOWS: i64 = 16_384;
/// What all counts by window may weigh before the step doubles, in words of 8 bytes of a plain table: as much as some 500 MiB of access logs
/// fill at one second. Packed they take a tenth of it. So memory does not follow the number of lines: what is written often is counted in
/// longer windows.
const MOST_WORDS: usize = 4 << 20;
/// The same where names are left out ([`bounded`]).
const MOST_WORDS_OF_CROWDS: usize = 2 * MOST_WORDS;
/// The same of a shard. Names and texts that are to go when all is known weigh in a shard; with less room the step could be longer than
/// that of the whole, and tell how the input was cut.
const MOST_WORDS_OF_A_SHARD: usize = 4 * MOST_WORDS;
/// No step is doubled that would leave fewer windows than half of this, however many streams there are.
const FEW_WINDOWS: i64 = 512;
/// Records between weighings at least, and words for each of which there is one.
const WEIGHED: (usize, usize) = (1 << 16, 32);
/// Windows of other counts than requests' for each word.
const WINDOWS_OF_A_WORD: usize = 3;
/// Bytes of message and error kept in an exemplar.
const EXEMPLAR_TEXT: usize = 1_500;
/// Bytes of detail (stack trace, statement) kept in a key's earliest exemplar.
const EXEMPLAR_DETAIL: usize = 6_000;
/// Windows that share one set of users.
pub const USER_WINDOWS: i64 = 8;
/// What tells one kind of record from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordKey {
    pub service: Symbol,
    /// The empty text where there is none, as for client, peer and code.
    pub instance: Symbol,
    pub level: Level,
    pub client: Symbol,
    pub peer: Symbol,
    pub code: Symbol,
    pub template: Symbol,
}

/// How often a kind of record came.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordCounts {
    pub windows: WindowCounts,
    pub first: Time,
    pub last: Time,
    pub exemplars: Examples,
}

impl RecordCounts {
    /// None yet; the first is of that time.
    pub fn since(time: Time) -> RecordCounts {
        RecordCounts { windows: WindowCounts::default(), first: time, last: time, exemplars: Examples::default() }
    }

    /// Records in windows that start within `span`.
    pub fn within(&self, span: TimeSpan, step: Step) -> u64 {
        self.windows.between(step.window(span.start), step.window(span.end))
    }

    /// The first exemplar from `time` on, else the last one before.
    pub fn exemplar_from(&self, time: Time) -> Option<&Exemplar> {
        self.exemplars.from(time)
    }
}

/// What tells one stream of requests from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestKey {
    pub service: Symbol,
    pub instance: Symbol,
    pub version: Symbol,
    /// Method and masked path without its query.
    pub route: Symbol,
    /// The log format that told of them; the empty text until it is known.
    pub source: Symbol,
}

/// Outcomes of a stream of requests.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RequestCounts {
    /// By window of completion.
    pub windows: Windows<Cell>,
    /// By window of arrival: completion minus duration.
    pub arrivals: WindowCounts,
}

impl RequestCounts {
    /// Words of 8 bytes, as far as they follow from what was counted.
    fn words(&self) -> usize {
        self.windows.weight() + self.arrivals.weight() / WINDOWS_OF_A_WORD
    }
}

/// The users of one service in [`USER_WINDOWS`] windows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Users {
    pub all: UserSet,
    pub failed: UserSet,
}

/// Where a record was read and what the bundle's layout says about it.
#[derive(Clone, Copy, Debug)]
pub struct Place<'s> {
    pub service: &'s str,
    pub instance: &'s str,
    pub path: &'s std::sync::Arc<str>,
    pub line: u64,
}

impl Place<'_> {
    /// Whether a record of this place and `time` comes before another: those of one instant keep the order of their files.
    pub fn is_before(&self, time: Time, (other, origin): (Time, &Origin)) -> bool {
        (time, &**self.path, self.line) < (other, &*origin.path, origin.line)
    }
}

/// The counts of one shard, or of all.
#[derive(Clone, Debug)]
pub struct Tally {
    pub step: Step,
    pub symbols: Symbols,
    numbered: Numbered<Symbol>,
    /// In boxes, as are requests: a table has up to twice the places that it needs, and the old one stays while it grows.
    pub records: FxHashMap<RecordKey, Box<RecordCounts>>,
    pub requests: FxHashMap<RequestKey, Box<RequestCounts>>,
    /// By service and number of the first of [`USER_WINDOWS`] windows.
    pub users: BTreeMap<(Symbol, i64), Users>,
    pub span: Option<TimeSpan>,
    /// Streams of requests of which it is not known yet what told of them.
    pub(super) unnamed: Vec<RequestKey>,
    bounds: Bounds,
    /// Records until the counts are weighed.
    until_weighed: usize,
    /// Kinds of record and streams of requests from which on those are brought together that have become one.
    refit_at: usize,
    scratch: String,
}

impl Default for Tally {
    fn default() -> Self {
        Tally {
            step: Step::SECOND,
            symbols: Symbols::default(),
            numbered: Numbered::default(),
            records: FxHashMap::default(),
            requests: FxHashMap::default(),
            users: BTreeMap::new(),
            span: None,
            unnamed: Vec::new(),
            bounds: Bounds::default(),
            until_weighed: WEIGHED.0,
            refit_at: bounds::PATIENCE,
            scratch: String::new(),
        }
    }
}

impl Tally {
    /// Counts one record.
    pub fn add(&mut self, record: &Record<'_>, place: Place<'_>) {
        let instant = TimeSpan { start: record.time, end: Time(record.time.0.saturating_add(1)) };
        self.span = Some(self.span.map_or(instant, |s| s.union(instant)));
        self.keep_bounded();
        self.until_weighed -= 1;
        if self.until_weighed == 0 {
            self.lighten(MOST_WORDS_OF_A_SHARD);
        }
        let service = self.service(record.service.as_deref().unwrap_or(place.service));
        let instance = self.name(service, Field::Instance, record.instance.as_deref().unwrap_or(place.instance));
        if record.request.is_some() {
            self.add_request(record, service, instance, place);
        }
        if record.request.is_none() || record.error.is_some() {
            self.add_message(record, service, instance, place);
        }
        self.refit_in_time();
    }

    fn add_request(&mut self, record: &Record<'_>, service: Symbol, instance: Symbol, place: Place<'_>) {
        let Some(request) = &record.request else { return };
        let version = self.name(service, Field::Version, record.version.as_deref().unwrap_or(""));
        self.scratch.clear();
        self.scratch.push_str(request.method.as_deref().unwrap_or(""));
        if let Some(path) = &request.path {
            let path = path.split(['?', '#', ';']).next().unwrap_or("");
            self.scratch.push(' ');
            tokens::mask_into(path, &mut self.scratch);
        }
        let scratch = std::mem::take(&mut self.scratch);
        let route = self.name(service, Field::Route, scratch.trim());
        self.scratch = scratch;
        let source = self.symbols.intern("");
        let window = self.step.window(record.time);
        let streams = self.requests.len();
        let key = RequestKey { service, instance, version, route, source };
        let counts = self.requests.entry(key).or_default();
        let cell = counts.windows.at(window);
        cell.completed = cell.completed.saturating_add(1);
        cell.rejected += u32::from((400..500).contains(&request.status));
        if request.failed() {
            cell.failed += 1;
            cell.first_failed = Some(cell.first_failed.map_or(record.time, |t| t.min(record.time)));
        }
        if let Some(duration) = request.duration {
            cell.latency.add(duration);
        }
        let arrival = self.step.window(Time(record.time.0.saturating_sub(request.duration.unwrap_or(0))));
        counts.arrivals.add(arrival, 1);
        if let Some(user) = request.user.as_deref() {
            let users = self.users.entry((service, user_block(window))).or_default();
            users.all.insert(user);
            if request.failed() {
                users.failed.insert(user);
            }
        }
        let is_new = self.requests.len() > streams;
        if is_new {
            self.unnamed.push(key);
        }
        if self.counts_as_kind(is_new) {
            let [instance, version] = [record.instance.as_deref().unwrap_or(place.instance), record.version.as_deref().unwrap_or("")];
            let scratch = std::mem::take(&mut self.scratch);
            self.note_kind(service, [instance, version, scratch.trim()]);
            self.scratch = scratch;
        }
    }

    fn add_message(&mut self, record: &Record<'_>, service: Symbol, instance: Symbol, place: Place<'_>) {
        let client = self.name(service, Field::Client, record.client.as_deref().unwrap_or(""));
        let peer = self.name(service, Field::Peer, record.peer.as_deref().unwrap_or(""));
        let code = self.name(service, Field::Code, record.code.as_deref().unwrap_or(""));
        let key = |template| RecordKey { service, instance, level: record.level, client, peer, code, template };
        let id = whole_text(record);
        let known = id.and_then(|id| self.numbered.get(id)).map(key).filter(|key| self.records.contains_key(key));
        let key = known.unwrap_or_else(|| key(self.template_of(record, id, service, key)));
        let kinds = self.records.len();
        let counts = self.records.entry(key).or_insert_with(|| Box::new(RecordCounts::since(record.time)));
        counts.windows.add(self.step.window(record.time), 1);
        counts.first = counts.first.min(record.time);
        counts.last = counts.last.max(record.time);
        counts.keep_example(record, place);
        if self.counts_as_kind(self.records.len() > kinds) {
            let instance = record.instance.as_deref().unwrap_or(place.instance);
            let names = [&record.client, &record.peer, &record.code].map(|name| name.as_deref().unwrap_or(""));
            let form = self.symbols.text(key.template).to_owned();
            self.note_kind(service, [instance].into_iter().chain(names).chain([form.as_str()]));
        }
    }

    /// The symbol under which the text of a record is counted; that of the text itself where it is counted so already.
    fn template_of(&mut self, record: &Record<'_>, id: Option<Tag>, service: Symbol, key: impl Fn(Symbol) -> RecordKey) -> Symbol {
        self.scratch.clear();
        tokens::mask_record(record, &mut self.scratch);
        cut_at_boundary(&mut self.scratch, EXEMPLAR_TEXT);
        let known = self.symbols.find(&self.scratch).filter(|symbol| self.records.contains_key(&key(*symbol)));
        let symbol = known.unwrap_or_else(|| self.template(service));
        self.numbered.note_text(id, &self.symbols, &self.scratch);
        symbol
    }

    fn rekey_records(&mut self, mut new: impl FnMut(RecordKey) -> RecordKey) {
        for (key, counts) in std::mem::take(&mut self.records) {
            add_counts(&mut self.records, new(key), counts, RecordCounts::merge);
        }
    }

    /// `nameless`: the symbol of the empty text.
    fn rekey_requests(&mut self, nameless: Symbol, mut new: impl FnMut(RequestKey) -> RequestKey) {
        for (key, counts) in std::mem::take(&mut self.requests) {
            add_counts(&mut self.requests, new(key), counts, RequestCounts::merge);
        }
        self.unnamed = self.requests.keys().filter(|key| key.source == nameless).copied().collect();
    }

    /// Doubles the step while the span holds too many windows.
    fn keep_bounded(&mut self) {
        while self.span.is_some_and(|s| self.step.window(s.end) - self.step.window(s.start) > MOST_WINDOWS) {
            self.coarsen(self.step.doubled());
        }
    }

    /// Doubles the step while the counts weigh more than `most`.
    fn lighten(&mut self, most: usize) {
        let windows = |tally: &Tally| tally.span.map_or(0, |s| tally.step.window(s.end) - tally.step.window(s.start));
        let mut words = self.words();
        while words > most && windows(self) >= FEW_WINDOWS {
            self.coarsen(self.step.doubled());
            words = self.words();
        }
        self.until_weighed = WEIGHED.0.max(words / WEIGHED.1);
    }

    /// Words of 8 bytes that counts by window take: no more than when all that is open is closed.
    fn words(&self) -> usize {
        let records: usize = self.records.values().map(|counts| counts.windows.weight() / WINDOWS_OF_A_WORD).sum();
        records + self.requests.values().map(|counts| counts.words()).sum::<usize>()
    }

    /// The finest step that does not make too many windows of the span.
    fn fitting_step(&self) -> Step {
        self.span.map_or(Step::SECOND, |s| Step::at_least(s.seconds() / MOST_WINDOWS as f64))
    }

    /// Re-counts in windows of a coarser step; finer or equal steps change nothing.
    pub fn coarsen(&mut self, step: Step) {
        if step <= self.step {
            return;
        }
        let ratio = self.step.ratio_to(step);
        for counts in self.records.values_mut() {
            counts.windows = counts.windows.renumbered(|window| window.div_euclid(ratio));
        }
        for counts in self.requests.values_mut() {
            counts.windows = counts.windows.renumbered(|window| window.div_euclid(ratio));
            counts.arrivals = counts.arrivals.renumbered(|window| window.div_euclid(ratio));
        }
        let old = std::mem::take(&mut self.users);
        for ((service, block), users) in old {
            merge_users(self.users.entry((service, user_block(block.div_euclid(ratio)))).or_default(), &users);
        }
        self.step = step;
    }

    /// All shards as one, with texts numbered in their own order.
    pub fn merged(shards: Vec<Tally>, step: Option<Step>) -> Tally {
        shards.into_iter().reduce(Tally::joined).unwrap_or_default().sealed(step)
    }

    /// Both as one.
    pub fn joined(mut self, mut other: Tally) -> Tally {
        self.span = [self.span, other.span].into_iter().flatten().reduce(TimeSpan::union);
        let step = self.step.max(other.step).max(self.fitting_step());
        self.coarsen(step);
        other.coarsen(step);
        self.absorb(other);
        self
    }

    /// Gives the examples of a shard the numbers of their lines, where these were not known when it was counted.
    pub fn renumber(&mut self, number: &dyn Fn(&Origin) -> u64) {
        let renumber = |exemplar: &mut Exemplar| exemplar.origin.line = number(&exemplar.origin);
        for counts in self.records.values_mut() {
            counts.exemplars.iter_mut().for_each(renumber);
        }
    }

    fn absorb(&mut self, shard: Tally) {
        let map: Vec<Symbol> = (0..shard.symbols.len() as u32).map(|i| self.symbols.intern(shard.symbols.text(Symbol(i)))).collect();
        self.bounds.merge(&shard.bounds, &map);
        for (key, counts) in shard.records {
            add_counts(&mut self.records, key.renamed(&map), counts, RecordCounts::merge);
        }
        for (key, counts) in shard.requests {
            add_counts(&mut self.requests, key.renamed(&map), counts, RequestCounts::merge);
        }
        self.unnamed.extend(shard.unnamed.iter().map(|key| key.renamed(&map)));
        for ((service, block), users) in shard.users {
            merge_users(self.users.entry((map[service.0 as usize], block)).or_default(), &users);
        }
        self.refit_all();
        self.lighten(MOST_WORDS_OF_A_SHARD);
    }

    /// Numbers texts by their order and settles which exemplars stay.
    fn sealed(mut self, step: Option<Step>) -> Tally {
        self.coarsen(step.unwrap_or(Step::SECOND).max(self.fitting_step()));
        self.refit_all();
        self.records.values_mut().for_each(|counts| counts.windows.settle());
        self.requests.values_mut().for_each(|counts| counts.settle());
        self.lighten(if self.bounds.are_crowded() { MOST_WORDS_OF_CROWDS } else { MOST_WORDS });
        self.generalise();
        let (symbols, map) = self.symbols.sorted();
        (self.symbols, self.numbered) = (symbols, Numbered::default());
        self.bounds = self.bounds.renamed(&map);
        self.records.values_mut().for_each(|counts| counts.seal());
        self.records = self.records.into_iter().map(|(k, c)| (k.renamed(&map), c)).collect();
        self.requests = self.requests.into_iter().map(|(k, c)| (k.renamed(&map), c)).collect();
        self.users = self.users.into_iter().map(|((s, b), u)| ((map[s.0 as usize], b), u)).collect();
        self
    }

    /// Brings records together whose texts are one template.
    fn generalise(&mut self) {
        let mut texts: Vec<(String, Symbol)> =
            self.records.keys().map(|key| (self.symbols.text(key.template).to_owned(), key.template)).collect();
        texts.sort_unstable();
        texts.dedup();
        let mined = miner::mine(&texts.iter().map(|(text, _)| text.as_str()).collect::<Vec<_>>());
        let map: FxHashMap<Symbol, Symbol> = texts.iter().zip(mined).map(|((_, old), new)| (*old, self.symbols.intern(&new))).collect();
        self.rekey_records(|key| RecordKey { template: map[&key.template], ..key });
    }

    /// The kinds of record, in the order of their texts.
    pub fn records_sorted(&self) -> Vec<(&RecordKey, &RecordCounts)> {
        let mut all: Vec<_> = self.records.iter().map(|(key, counts)| (key, &**counts)).collect();
        all.sort_by_key(|(key, _)| **key);
        all
    }

    /// The streams of requests, in the order of their texts.
    pub fn requests_sorted(&self) -> Vec<(&RequestKey, &RequestCounts)> {
        let mut all: Vec<_> = self.requests.iter().map(|(key, counts)| (key, &**counts)).collect();
        all.sort_by_key(|(key, _)| **key);
        all
    }
}

impl RecordKey {
    fn renamed(&self, map: &[Symbol]) -> RecordKey {
        let new = |s: Symbol| map[s.0 as usize];
        RecordKey {
            service: new(self.service),
            instance: new(self.instance),
            level: self.level,
            client: new(self.client),
            peer: new(self.peer),
            code: new(self.code),
            template: new(self.template),
        }
    }
}

impl RequestKey {
    fn renamed(&self, map: &[Symbol]) -> RequestKey {
        let new = |s: Symbol| map[s.0 as usize];
        RequestKey {
            service: new(self.service),
            instance: new(self.instance),
            version: new(self.version),
            route: new(self.route),
            source: new(self.source),
        }
    }
}

impl RecordCounts {
    fn keep_example(&mut self, record: &Record<'_>, place: Place<'_>) {
        // Not by the line, which is not known where a file is read in the middle.
        let instant = record.time.0.cast_unsigned().wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let rank = users::hash(place.path) ^ users::hash(&record.message).wrapping_add(instant);
        if self.exemplars.wants(rank, |time, origin| place.is_before(record.time, (time, origin))) {
            let with_detail = self.exemplars.first().is_none_or(|e| record.time <= e.time);
            self.exemplars.insert(rank, exemplar(record, place, with_detail));
        }
    }

    fn merge(&mut self, other: RecordCounts) {
        self.windows.merge(&other.windows);
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
        self.exemplars.merge(other.exemplars);
    }

    fn seal(&mut self) {
        self.windows.settle();
        self.exemplars.seal();
    }
}

impl RequestCounts {
    pub(super) fn merge(&mut self, other: RequestCounts) {
        self.windows.merge(&other.windows);
        self.arrivals.merge(&other.arrivals);
    }

    fn settle(&mut self) {
        self.windows.settle();
        self.arrivals.settle();
    }
}

/// The first line holds message and error; detail follows on lines of its own, in the earliest exemplar only.
fn exemplar(record: &Record<'_>, place: Place<'_>, with_detail: bool) -> Exemplar {
    let mut text = record.message.replace('\n', " ");
    if let Some(error) = &record.error {
        text.push_str(" | ");
        text.push_str(&error.replace('\n', " "));
    }
    text = head_and_tail(&text, EXEMPLAR_TEXT);
    if with_detail && !record.detail.is_empty() {
        text.push('\n');
        text.push_str(&head_and_tail(&record.detail, EXEMPLAR_DETAIL));
    }
    Exemplar { time: record.time, origin: Origin::new(place.path, place.line), text }
}

fn head_and_tail(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    let head = (0..=most / 2).rev().find(|&i| text.is_char_boundary(i)).unwrap_or(0);
    let tail = (text.len() - most / 2..text.len()).find(|&i| text.is_char_boundary(i)).unwrap_or(text.len());
    format!("{} … {}", &text[..head], &text[tail..])
}

fn cut_at_boundary(text: &mut String, most: usize) {
    if text.len() > most {
        let end = (0..=most).rev().find(|&i| text.is_char_boundary(i)).unwrap_or(0);
        text.truncate(end);
    }
}

/// Counts under a key, with what is counted under it already.
pub(super) fn add_counts<K: Eq + Hash, C>(all: &mut FxHashMap<K, Box<C>>, key: K, counts: Box<C>, merge: impl Fn(&mut C, C)) {
    match all.entry(key) {
        Entry::Vacant(slot) => {
            slot.insert(counts);
        }
        Entry::Occupied(mut slot) => merge(slot.get_mut(), *counts),
    }
}

fn merge_users(into: &mut Users, from: &Users) {
    into.all.merge(&from.all);
    into.failed.merge(&from.failed);
}

/// The first window of the block of [`USER_WINDOWS`] that holds `window`.
pub fn user_block(window: i64) -> i64 {
    window.div_euclid(USER_WINDOWS) * USER_WINDOWS
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;
    use crate::model::Request;
    use crate::model::time::SECOND;

    fn record(second: i64, text: &'static str, status: Option<u16>) -> Record<'static> {
        let request = status.map(|status| Request {
            path: Some("/a/1?x=2".into()),
            status,
            duration: Some(1_500_000),
            user: Some(text.into()),
            ..Request::default()
        });
        Record { time: Time(second * SECOND), message: text.into(), level: Level::Error, request, ..Record::default() }
    }

    fn tally(records: &[(i64, &'static str, Option<u16>)]) -> Tally {
        let path: Arc<str> = Arc::from("logs/a.log");
        let mut tally = Tally::default();
        for (line, &(second, text, status)) in records.iter().enumerate() {
            tally.add(&record(second, text, status), Place { service: "a", instance: "", path: &path, line: line as u64 + 1 });
        }
        tally
    }

    #[test]
    fn requests_are_counted_by_route_and_arrival() {
        let t = Tally::merged(vec![tally(&[(10, "u1", Some(500)), (10, "u2", Some(200)), (11, "u2", Some(404))])], None);
        let (key, counts) = t.requests_sorted()[0];
        assert_eq!(t.symbols.text(key.route), "/a/<*>");
        let cells: Vec<_> = counts.windows.iter().map(|(w, c)| (w, c.completed, c.failed, c.rejected)).collect();
        assert_eq!(cells, [(10, 2, 1, 0), (11, 1, 0, 1)]);
        assert!(counts.arrivals.iter().eq([(8, 2), (9, 1)]));
        let users = &t.users.values().next().unwrap();
        assert_eq!((users.all.count(), users.failed.count()), (2, 1));
    }

    #[test]
    fn a_long_span_coarsens_the_step() {
        let t = Tally::merged(vec![tally(&[(0, "x", None), (100_000, "x", None)])], None);
        assert_eq!(t.step.seconds(), 8.0);
        assert!(t.records_sorted()[0].1.windows.iter().eq([(0, 1), (12_500, 1)]));
    }

    proptest! {
        #[test]
        fn shards_and_their_order_cannot_be_seen(
            seconds in proptest::collection::vec((0i64..40_000, 0usize..4, 0usize..3), 1..60), cut in 0usize..60,
        ) {
            let texts = ["pool 1 empty", "pool 2 empty", "disk full", "read timeout"];
            let statuses = [None, Some(200), Some(503)];
            let path: Arc<str> = Arc::from("f");
            let all: Vec<_> = seconds.iter().enumerate().map(|(i, &(s, t, st))| (i as u64 + 1, s, texts[t], statuses[st])).collect();
            let build = |part: &[(u64, i64, &'static str, Option<u16>)]| {
                let mut t = Tally::default();
                for &(line, s, text, status) in part {
                    t.add(&record(s, text, status), Place { service: "a", instance: "", path: &path, line });
                }
                t
            };
            let cut = cut.min(all.len());
            let one = Tally::merged(vec![build(&all)], None);
            let two = Tally::merged(vec![build(&all[cut..]), build(&all[..cut])], None);
            prop_assert_eq!(one.records_sorted(), two.records_sorted());
            prop_assert_eq!(one.requests_sorted(), two.requests_sorted());
            prop_assert_eq!(&one.users, &two.users);
        }
    }
}
