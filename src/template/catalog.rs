//! How often each kind of message came, by service and level: what a shard is reduced to when templates are what is asked for.
//!
//! Memory follows the number of distinct masked texts, not of lines. Merging is associative; templates are mined once, after
//! the merge. Does not know incidents.

use std::collections::BTreeMap;
use std::collections::hash_map::Entry;
use std::ops::Range;
use std::slice;

use prefetch_index::prefetch_index;
use rustc_hash::FxHashMap;

use super::bounds::{self, OTHER_SERVICES, PATIENCE, Services, Texts};
use super::chunks::Chunks;
use super::miner;
use super::symbols::{Numbered, Symbol, Symbols, whole_text};
use super::tally::Place;
use super::tokens;
use super::windows::{Count, WindowCounts};
use crate::model::{Crowd, Level, Origin, Record, ServiceName, Step, Tag, TemplateCounts, Templates, Time, TimeSpan};

/// Windows between the first and the last record before the step doubles: enough for a trend.
const MOST_WINDOWS: i64 = 512;
/// Bytes of a message that tell its template.
const LONGEST_TEXT: usize = 1_500;
/// Bytes of an example.
const LONGEST_EXAMPLE: usize = 300;

/// What is counted apart while reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Key {
    text: Symbol,
    service: Symbol,
    level: Level,
}

/// What is asked for each record stands first: there are more of these than the near caches hold.
#[derive(Clone, Debug, Default)]
#[repr(C)]
struct Counts {
    count: u64,
    span: Option<TimeSpan>,
    /// The window counted in last, which is not among the others yet.
    recent: Option<(i64, u32)>,
    /// What has no time is in none.
    windows: WindowCounts,
    /// The first in time, then by place.
    example: Option<(Time, Origin, String)>,
}

/// Counts of one shard, or of all.
#[derive(Clone, Debug)]
pub struct Catalog {
    step: Step,
    symbols: Symbols,
    numbered: Numbered<Symbol>,
    /// The place of what records of a kind were counted in, and their level.
    kinds: Numbered<(u32, Level)>,
    places: FxHashMap<Key, u32>,
    /// By place.
    counts: Chunks<Counts>,
    services: Services,
    texts: Texts,
    span: Option<TimeSpan>,
    /// Microseconds of the window seen last, and its number; at the end of it another may begin.
    window: (Range<i64>, i64),
    /// Kinds of message from which on those are brought together whose texts have become one.
    refit_at: usize,
    scratch: String,
}

impl Default for Catalog {
    fn default() -> Self {
        Catalog {
            step: Step::at_least(1.0),
            symbols: Symbols::default(),
            numbered: Numbered::default(),
            kinds: Numbered::default(),
            places: FxHashMap::default(),
            counts: Chunks::default(),
            services: Services::default(),
            texts: Texts::default(),
            span: None,
            window: (0..0, 0),
            refit_at: PATIENCE,
            scratch: String::new(),
        }
    }
}

impl Catalog {
    /// Counts a record.
    pub fn add(&mut self, record: &Record<'_>, place: Place<'_>) {
        let service = self.service(record.service.as_deref().unwrap_or(place.service));
        let key = self.key(record, service);
        let window = self.see(record.time);
        let (number, counts) = self.counts_of(key);
        counts.add(record, window, place);
        if let Some(kind) = record.kind {
            self.kinds.note(kind, (number, record.level));
        }
    }

    /// Counts a record without a look at it, as others of its kind and level were. `false`: it was not counted, it is to be looked at.
    pub fn add_alike(&mut self, kind: Tag, level: Level, time: Time, place: Place<'_>) -> bool {
        let Some((number, _)) = self.kinds.get(kind).filter(|(_, of)| *of == level) else { return false };
        let window = self.see(time);
        self.counts.get_mut(number as usize).is_some_and(|counts| counts.add_alike(time, window, place))
    }

    /// Fetches what a record of a kind changes into the near caches: waiting for it takes longer than to count.
    pub fn fetch(&self, kind: Tag) {
        let counts = self.kinds.get(kind).and_then(|(number, _)| self.counts.get(number as usize));
        if let Some(counts) = counts {
            prefetch_index(slice::from_ref(counts), 0);
            prefetch_index(slice::from_ref(&counts.windows), 0);
        }
    }

    /// Counts a line that is no record of any known format.
    pub fn add_unread(&mut self, text: &str, place: Place<'_>) {
        self.scratch.clear();
        mask_text(text, &mut self.scratch);
        let service = self.service(place.service);
        let key = self.key_of_scratch(service, Level::Unknown);
        let (_, counts) = self.counts_of(key);
        counts.count += 1;
        if counts.example.as_ref().is_none_or(|(time, origin, _)| place.is_before(Time::RANGE.end, (*time, origin))) {
            counts.example = Some((Time::RANGE.end, Origin::new(place.path, place.line), example(text)));
        }
    }

    /// What is counted under a key, and its place.
    fn counts_of(&mut self, key: Key) -> (u32, &mut Counts) {
        let number = *self.places.entry(key).or_insert(self.counts.len() as u32);
        if number as usize == self.counts.len() {
            self.counts.push(Counts::default());
        }
        (number, &mut self.counts[number as usize])
    }

    fn key(&mut self, record: &Record<'_>, service: Symbol) -> Key {
        let id = whole_text(record);
        let known = id.and_then(|id| self.numbered.get(id)).map(|text| Key { text, service, level: record.level });
        if let Some(key) = known.filter(|key| self.places.contains_key(key)) {
            return key;
        }
        self.scratch.clear();
        mask_record(record, &mut self.scratch);
        let key = self.key_of_scratch(service, record.level);
        self.numbered.note_text(id, &self.symbols, &self.scratch);
        key
    }

    /// The key of the text in `scratch`.
    fn key_of_scratch(&mut self, service: Symbol, level: Level) -> Key {
        let key = |text| Key { text, service, level };
        let known = self.symbols.find(&self.scratch).map(key).filter(|key| self.places.contains_key(key));
        known.unwrap_or_else(|| key(self.text(service)))
    }

    /// The symbol under which a service is counted.
    fn service(&mut self, text: &str) -> Symbol {
        if let Some(known) = self.services.known(text) {
            return known;
        }
        if self.services.names.note(text) {
            self.leave_out_services();
        }
        self.services.symbol(&mut self.symbols, text)
    }

    /// Counts the services that are kept no longer under one name.
    fn leave_out_services(&mut self) {
        let other = self.symbols.intern(OTHER_SERVICES);
        self.services.forget();
        let kept = self.services.kept(&self.symbols, other);
        self.texts.leave_out(|service| kept[service.0 as usize]);
        self.rekey(|key| if kept[key.service.0 as usize] { key } else { Key { service: other, ..key } });
        self.texts.recount(other);
        self.refit();
    }

    /// The symbol under which the text in `scratch` is counted.
    fn text(&mut self, service: Symbol) -> Symbol {
        if self.counts.len() >= self.refit_at && self.texts.are_stale() {
            self.refit();
        }
        loop {
            let form = self.texts.form(service, &self.scratch);
            if !self.texts.note(service, &form) {
                return self.symbols.intern(&form);
            }
        }
    }

    /// Counts texts in the forms that they have now, until noting these changes no others.
    fn refit(&mut self) {
        let (mut texts, mut symbols) = (std::mem::take(&mut self.texts), std::mem::take(&mut self.symbols));
        let mut stale = texts.stale();
        while !stale.is_empty() {
            self.rekey(|key| {
                if !stale.contains(&key.service) {
                    return key;
                }
                let form = texts.form(key.service, symbols.text(key.text)).into_owned();
                texts.note(key.service, &form);
                Key { text: symbols.intern(&form), ..key }
            });
            stale = texts.stale();
        }
        (self.texts, self.symbols) = (texts, symbols);
        self.refit_at = self.counts.len() + PATIENCE;
    }

    fn rekey(&mut self, mut new: impl FnMut(Key) -> Key) {
        self.kinds.forget();
        for (key, counts) in by_key(std::mem::take(&mut self.places), std::mem::take(&mut self.counts)) {
            self.add_counts(new(key), counts);
        }
    }

    /// Adds what was counted elsewhere.
    fn add_counts(&mut self, key: Key, counts: Counts) {
        match self.places.entry(key) {
            Entry::Occupied(place) => self.counts[*place.get() as usize].absorb(counts),
            Entry::Vacant(place) => {
                place.insert(self.counts.len() as u32);
                self.counts.push(counts);
            }
        }
    }

    /// The window of a time, which is within the span from now on.
    fn see(&mut self, time: Time) -> i64 {
        let instant = moment(time);
        let span = self.span.map_or(instant, |span| span.union(instant));
        self.span = Some(span);
        // Times mostly follow each other; as long as no window begins, there are no more of them.
        if self.window.0.contains(&time.0) {
            return self.window.1;
        }
        self.coarsen(fitting(self.step, span));
        let window = self.step.window(time);
        self.window = (self.step.start_of(window).0..self.step.start_of(window + 1).0 - 1, window);
        window
    }

    fn coarsen(&mut self, step: Step) {
        if step <= self.step {
            return;
        }
        self.window = (0..0, 0);
        let ratio = self.step.ratio_to(step);
        for counts in self.counts.iter_mut() {
            counts.settle();
            counts.windows = counts.windows.renumbered(|window| window.div_euclid(ratio));
        }
        self.step = step;
    }

    /// Both as one.
    pub fn joined(mut self, other: Catalog) -> Catalog {
        self.absorb(other);
        self
    }

    /// Services of which not every text is counted by itself.
    pub fn crowds(&self) -> Vec<Crowd> {
        let of = |service| Crowd { service: ServiceName::new(self.symbols.text(service)), of: bounds::CROWD };
        let services = self.services.names.is_sample().then(|| Crowd { service: ServiceName::new(""), of: bounds::SERVICES });
        let mut all: Vec<Crowd> = self.texts.shortened().map(of).chain(services).collect();
        all.sort_unstable();
        all
    }

    fn absorb(&mut self, mut other: Catalog) {
        let span = [self.span, other.span].into_iter().flatten().reduce(TimeSpan::union);
        let coarser = self.step.max(other.step);
        let step = span.map_or(coarser, |span| fitting(coarser, span));
        self.coarsen(step);
        other.coarsen(step);
        self.span = span;
        let map: Vec<Symbol> = (0..other.symbols.len() as u32).map(|i| self.symbols.intern(other.symbols.text(Symbol(i)))).collect();
        let new = |symbol: Symbol| map[symbol.0 as usize];
        for (key, counts) in by_key(other.places, other.counts) {
            self.add_counts(Key { text: new(key.text), service: new(key.service), level: key.level }, counts);
        }
        self.services.merge(&other.services);
        self.texts.merge(&other.texts, new);
        if self.services.names.is_sample() {
            self.leave_out_services();
        }
        self.refit();
    }

    /// Mines the templates of all texts counted; also which template each masked text has.
    pub fn mined(&self) -> (Templates, FxHashMap<Box<str>, String>) {
        let templates = self.templates();
        let mut rows: BTreeMap<&str, Row> = BTreeMap::new();
        let mut keys: Vec<(&Key, &Counts)> = self.places.iter().map(|(key, number)| (key, &self.counts[*number as usize])).collect();
        keys.sort_by_key(|(key, _)| (self.symbols.text(key.text), self.symbols.text(key.service), key.level));
        for (key, counts) in keys {
            rows.entry(&templates[self.symbols.text(key.text)]).or_default().add(self.symbols.text(key.service), key.level, counts);
        }
        let mut rows: Vec<TemplateCounts> = rows.into_iter().map(|(template, row)| row.counts(template)).collect();
        rows.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.template.cmp(&b.template)));
        let total = rows.iter().map(|row| row.count).sum();
        (Templates { rows, step: self.step, span: self.span, total }, templates)
    }

    fn templates(&self) -> FxHashMap<Box<str>, String> {
        let mut texts: Vec<&str> = self.places.keys().map(|key| self.symbols.text(key.text)).collect();
        texts.sort_unstable();
        texts.dedup();
        let mined = miner::mine(&texts);
        texts.into_iter().map(Box::from).zip(mined).collect()
    }
}

/// What was counted under each key; no two have one place.
fn by_key(places: FxHashMap<Key, u32>, counts: Chunks<Counts>) -> impl Iterator<Item = (Key, Counts)> {
    let mut keys = vec![None; counts.len()];
    places.into_iter().for_each(|(key, place)| keys[place as usize] = Some(key));
    keys.into_iter().zip(counts).filter_map(|(key, counts)| Some((key?, counts)))
}

impl Counts {
    fn add(&mut self, record: &Record<'_>, window: i64, place: Place<'_>) {
        self.count(record.time, window);
        if self.is_earliest(record.time, place) {
            self.example = Some((record.time, Origin::new(place.path, place.line), example(&record.message)));
        }
    }

    /// `false` where it is to be the example, and was not counted.
    fn add_alike(&mut self, time: Time, window: i64, place: Place<'_>) -> bool {
        let counted = !self.is_earliest(time, place);
        if counted {
            self.count(time, window);
        }
        counted
    }

    fn count(&mut self, time: Time, window: i64) {
        self.count += 1;
        match &mut self.recent {
            Some((last, count)) if *last == window => *count = count.saturating_add(1),
            // Sources are seldom in step: where a window ends, what comes is of that and of the next in turn.
            Some((last, _)) if window < *last && self.windows.ends_by(window) => self.windows.close(window, 1),
            _ => {
                self.settle();
                self.recent = Some((window, 1));
            }
        }
        if self.span.is_none_or(|span| time < span.start || span.end <= time) {
            let instant = moment(time);
            self.span = Some(self.span.map_or(instant, |span| span.union(instant)));
        }
    }

    /// Counts the window counted in last among the others.
    fn settle(&mut self) {
        if let Some((window, count)) = self.recent.take() {
            self.windows.close(window, count);
        }
    }

    fn is_earliest(&self, time: Time, place: Place<'_>) -> bool {
        // The example of records is the first of them.
        self.span.is_none_or(|span| time <= span.start)
            && self.example.as_ref().is_none_or(|(first, origin, _)| place.is_before(time, (*first, origin)))
    }

    fn absorb(&mut self, mut other: Counts) {
        self.settle();
        other.settle();
        self.count += other.count;
        self.windows.merge(&other.windows);
        self.span = [self.span, other.span].into_iter().flatten().reduce(TimeSpan::union);
        self.example = [self.example.take(), other.example].into_iter().flatten().min();
    }
}

/// What is gathered of a template.
#[derive(Default)]
struct Row {
    levels: BTreeMap<Level, u64>,
    services: BTreeMap<String, u64>,
    /// Not packed: what is counted of hundreds of texts goes into the same windows.
    windows: FxHashMap<i64, u32>,
    span: Option<TimeSpan>,
    example: Option<(Time, Origin, String)>,
}

impl Row {
    fn add(&mut self, service: &str, level: Level, counts: &Counts) {
        *self.levels.entry(level).or_insert(0) += counts.count;
        *self.services.entry(service.to_owned()).or_insert(0) += counts.count;
        for (window, count) in counts.windows.iter().chain(counts.recent) {
            self.windows.entry(window).or_default().absorb(count);
        }
        self.span = [self.span, counts.span].into_iter().flatten().reduce(TimeSpan::union);
        self.example = [self.example.take(), counts.example.clone()].into_iter().flatten().min();
    }

    fn counts(self, template: &str) -> TemplateCounts {
        let (origin, example) = self.example.map_or((None, String::new()), |(_, origin, text)| (Some(origin), text));
        let mut windows: Vec<(i64, u32)> = self.windows.into_iter().collect();
        windows.sort_unstable_by_key(|(window, _)| *window);
        TemplateCounts {
            template: template.to_owned(),
            count: self.levels.values().sum(),
            levels: self.levels.into_iter().rev().collect(),
            services: self.services.into_iter().collect(),
            windows,
            span: self.span,
            example,
            origin,
        }
    }
}

/// Appends the beginning of the masked message of a record, and its error where it carries one beside.
pub fn mask_record(record: &Record<'_>, out: &mut String) {
    tokens::mask_record(record, out);
    out.truncate(beginning(out, LONGEST_TEXT).len());
}

/// Appends the beginning of a masked text.
pub fn mask_text(text: &str, out: &mut String) {
    tokens::mask_into(text, out);
    out.truncate(beginning(out, LONGEST_TEXT).len());
}

/// The step, doubled until the span has few enough windows.
fn fitting(mut step: Step, span: TimeSpan) -> Step {
    while step.window(span.end) - step.window(span.start) > MOST_WINDOWS {
        step = step.doubled();
    }
    step
}

fn moment(time: Time) -> TimeSpan {
    TimeSpan { start: time, end: Time(time.0.saturating_add(1)) }
}

fn example(text: &str) -> String {
    beginning(text.lines().next().unwrap_or(""), LONGEST_EXAMPLE).to_owned()
}

fn beginning(text: &str, most: usize) -> &str {
    let end = if text.len() <= most { text.len() } else { (0..=most).rev().find(|&i| text.is_char_boundary(i)).unwrap_or(0) };
    &text[..end]
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;
    use crate::model::time::SECOND;

    fn catalog(lines: &[(i64, &str)], first: u64) -> Catalog {
        let path: Arc<str> = Arc::from("a.log");
        let mut catalog = Catalog::default();
        for (number, (second, text)) in lines.iter().enumerate() {
            let record = Record { time: Time(second * SECOND), message: (*text).into(), level: Level::Warn, ..Record::default() };
            catalog.add(&record, Place { service: "a", instance: "", path: &path, line: first + number as u64 });
        }
        catalog
    }

    #[test]
    fn counts_by_template() {
        let mut all = catalog(&[(7, "disk 1 full"), (3, "disk 2 full"), (9_000, "started")], 1);
        let path: Arc<str> = Arc::from("b.log");
        all.add_unread("=====", Place { service: "b", instance: "", path: &path, line: 5 });
        let (mined, _) = all.mined();
        assert_eq!(mined.total, 4);
        let shown: Vec<_> = mined.rows.iter().map(|r| (r.template.as_str(), r.count, r.example.as_str())).collect();
        assert_eq!(shown, [("disk <*> full", 2, "disk 2 full"), ("=====", 1, "====="), ("started", 1, "started")]);
        assert_eq!(mined.rows[0].origin, Some(Origin::new(&Arc::from("a.log"), 2)));
        assert_eq!(mined.rows[0].levels, [(Level::Warn, 2)]);
        assert!(mined.step.seconds() > 1.0 && mined.rows[1].windows.is_empty());
    }

    #[test]
    fn a_flood_of_services_is_bounded_and_shards_cannot_be_seen_in_it() {
        let path: Arc<str> = Arc::from("a.log");
        let counted = |which: &dyn Fn(u64) -> bool| {
            let mut catalog = Catalog::default();
            for line in (0..6_000).filter(|line| which(*line)) {
                let record = Record { time: Time(0), message: "done".into(), level: Level::Info, ..Record::default() };
                catalog.add(&record, Place { service: &format!("s{line}"), instance: "", path: &path, line });
            }
            catalog
        };
        let whole = counted(&|_| true);
        let parts = counted(&|line| line % 2 == 1).joined(counted(&|line| line % 2 == 0));
        assert_eq!(whole.crowds(), [Crowd { service: ServiceName::new(""), of: bounds::SERVICES }]);
        assert_eq!(whole.crowds(), parts.crowds());
        let (whole, parts) = (whole.mined().0, parts.mined().0);
        assert_eq!(whole.rows, parts.rows);
        assert_eq!((whole.total, whole.rows.len()), (6_000, 1));
        assert!(whole.rows[0].services.len() <= bounds::MOST_SERVICES + 1);
    }

    proptest! {
        #[test]
        fn shards_cannot_be_seen(
            seconds in proptest::collection::vec((0i64..20_000, 0usize..4), 1..40), cut in 0usize..40,
        ) {
            let texts = ["user ann left", "user bob left", "user cyd left", "took 3 ms"];
            let lines: Vec<(i64, &str)> = seconds.iter().map(|(s, t)| (*s, texts[*t])).collect();
            let cut = cut.min(lines.len());
            let whole = catalog(&lines, 1);
            let mut parts = catalog(&lines[cut..], 1 + cut as u64);
            parts.absorb(catalog(&lines[..cut], 1));
            let (whole, parts) = (whole.mined().0, parts.mined().0);
            prop_assert_eq!(whole.rows, parts.rows);
        }
    }
}
