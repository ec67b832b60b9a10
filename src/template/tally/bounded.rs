//! How many names and texts a tally counts each by itself, and what becomes of those beyond.
//!
//! Which stay depends on the set of all names alone ([`super::super::bounds`]); what was counted under a name that does not stay is added
//! to what is nameless. So a flood costs memory up to the bounds, and no count is lost.

mod kept;

use rustc_hash::{FxHashMap, FxHashSet};

use super::super::bounds::{self, Kinds, Names, OTHER_SERVICES, Services, Texts};
use super::super::symbols::Symbol;
use super::super::users;
use super::{RecordKey, RequestKey, Tally, merge_users};
use crate::model::{Crowd, ServiceName};

pub use kept::Bound;

/// The route of requests beyond those that are counted each by itself.
pub const OTHER_ROUTES: &str = "(other routes)";

/// What is told of a record in names that may be too many, with how many a service may have of them. Those beyond are nameless.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Field {
    Instance,
    Client,
    Peer,
    Code,
    Version,
    Route,
}

impl Field {
    const ALL: [Field; 6] = [Field::Instance, Field::Client, Field::Peer, Field::Code, Field::Version, Field::Route];

    fn most(self) -> usize {
        match self {
            Field::Instance => 512,
            Field::Client | Field::Peer | Field::Version => 128,
            Field::Code => 256,
            Field::Route => 2_048,
        }
    }

    fn beyond(self) -> &'static str {
        if self == Field::Route { OTHER_ROUTES } else { "" }
    }

    /// What there are too many of.
    pub fn name(self) -> &'static str {
        match self {
            Field::Instance => "instances",
            Field::Client => "clients",
            Field::Peer => "peers",
            Field::Code => "codes",
            Field::Version => "versions",
            Field::Route => "routes",
        }
    }
}

/// What is counted each by itself.
#[derive(Clone, Debug, Default)]
pub(super) struct Bounds {
    services: Services,
    names: FxHashMap<(Symbol, Field), Names>,
    texts: Texts,
    kinds: Kinds,
    /// Names that were found to be kept.
    known: FxHashSet<(Symbol, Field, Symbol)>,
    /// Services that were counted under names that are kept no longer.
    stale: FxHashSet<Symbol>,
}

impl Bounds {
    /// Whether services or names are left out, or texts shortened.
    pub(super) fn are_crowded(&self) -> bool {
        self.services.names.is_sample() || self.names.values().any(Names::is_sample) || self.texts.shortened().next().is_some()
    }

    /// Names of a kind that a service may have.
    fn most(&self, field: Field) -> usize {
        (field.most() >> self.kinds.halvings()).max(1)
    }

    /// Takes note of a name; `true` where that made them too many.
    fn note(&mut self, service: Symbol, field: Field, text: &str) -> bool {
        let most = self.most(field);
        self.names.entry((service, field)).or_insert_with(|| Names::at_most(most)).note(text)
    }

    /// Leaves out names where there are too many kinds of record.
    fn spare_names(&mut self) {
        let halvings = self.kinds.halvings();
        self.names.iter_mut().for_each(|((_, field), names)| names.lower((field.most() >> halvings).max(1)));
    }

    fn keeps(&self, service: Symbol, field: Field, text: &str) -> bool {
        text.is_empty() || self.names.get(&(service, field)).is_none_or(|names| names.keeps(text))
    }

    pub(super) fn merge(&mut self, other: &Bounds, map: &[Symbol]) {
        self.services.merge(&other.services);
        for ((service, field), theirs) in &other.names {
            let (key, most) = ((map[service.0 as usize], *field), self.most(*field));
            self.names.entry(key).or_insert_with(|| Names::at_most(most)).merge(theirs);
        }
        self.texts.merge(&other.texts, |service| map[service.0 as usize]);
        self.kinds.merge(&other.kinds, |service| map[service.0 as usize]);
        self.spare_names();
        self.known.clear();
    }

    pub(super) fn renamed(self, map: &[Symbol]) -> Bounds {
        let new = |s: Symbol| map[s.0 as usize];
        let mut services = self.services;
        services.forget();
        Bounds {
            services,
            names: self.names.into_iter().map(|((service, field), names)| ((new(service), field), names)).collect(),
            texts: self.texts.renamed(new),
            kinds: self.kinds.renamed(new),
            ..Bounds::default()
        }
    }
}

impl Tally {
    /// The symbol under which a service is counted.
    pub(super) fn service(&mut self, text: &str) -> Symbol {
        if let Some(known) = self.bounds.services.known(text) {
            return known;
        }
        if self.bounds.services.names.note(text) {
            self.leave_out_services();
        }
        self.bounds.services.symbol(&mut self.symbols, text)
    }

    /// The symbol under which a name is counted.
    pub(super) fn name(&mut self, service: Symbol, field: Field, text: &str) -> Symbol {
        if text.is_empty() || self.symbols.text(service) == OTHER_SERVICES {
            return self.symbols.intern(if text.is_empty() { "" } else { field.beyond() });
        }
        if let Some(known) = self.symbols.find(text).filter(|symbol| self.bounds.known.contains(&(service, field, *symbol))) {
            return known;
        }
        if self.bounds.note(service, field, text) {
            self.bounds.known.clear();
            self.bounds.stale.insert(service);
        }
        if !self.bounds.keeps(service, field, text) {
            return self.symbols.intern(field.beyond());
        }
        let symbol = self.symbols.intern(text);
        self.bounds.known.insert((service, field, symbol));
        symbol
    }

    /// Whether a record that is counted now is to be taken note of, which it is if it is `new`.
    pub(super) fn counts_as_kind(&self, new: bool) -> bool {
        // What is left out of names is no longer new where it is counted.
        new || self.bounds.kinds.halvings() > 0
    }

    /// Takes note of a kind of record that was counted, by all that tells it from others, before any of it was left out.
    pub(super) fn note_kind<'t>(&mut self, service: Symbol, told: impl IntoIterator<Item = &'t str>) {
        // Of all other services nothing is counted under names.
        if self.symbols.text(service) != OTHER_SERVICES && self.bounds.kinds.note(service, users::hash_all(told)) {
            self.bounds.spare_names();
            self.refit_crowded_names();
        }
    }

    /// The symbol under which the text in `scratch` is counted.
    pub(super) fn template(&mut self, service: Symbol) -> Symbol {
        loop {
            let form = self.bounds.texts.form(service, &self.scratch);
            if !self.bounds.texts.note(service, &form) {
                return self.symbols.intern(&form);
            }
        }
    }

    /// Brings together what is counted apart and should no longer be, where that has become much.
    pub(super) fn refit_in_time(&mut self) {
        let kinds = |tally: &Tally| tally.records.len() + tally.requests.len();
        let stale = self.bounds.texts.are_stale() || !self.bounds.stale.is_empty();
        if kinds(self) < self.refit_at || !stale {
            return;
        }
        let stale = std::mem::take(&mut self.bounds.stale);
        self.refit_names(&stale);
        self.refit_texts();
        self.refit_at = kinds(self) + bounds::PATIENCE.max(kinds(self) / 2);
    }

    /// Counts the services that are kept no longer under one name.
    fn leave_out_services(&mut self) {
        let other = self.symbols.intern(OTHER_SERVICES);
        self.bounds.services.forget();
        let kept = self.bounds.services.kept(&self.symbols, other);
        self.bounds.names.retain(|(service, _), _| kept[service.0 as usize]);
        self.bounds.texts.leave_out(|service| kept[service.0 as usize]);
        self.bounds.kinds.keep(|service| kept[service.0 as usize] && service != other);
        let users = std::mem::take(&mut self.users);
        for ((service, block), counted) in users {
            merge_users(self.users.entry((if kept[service.0 as usize] { service } else { other }, block)).or_default(), &counted);
        }
        let nameless = self.symbols.intern("");
        let other_routes = self.symbols.intern(OTHER_ROUTES);
        let route = |route: Symbol| if route == nameless { nameless } else { other_routes };
        self.rekey_records(|key| {
            let beyond = RecordKey { service: other, instance: nameless, client: nameless, peer: nameless, code: nameless, ..key };
            if kept[key.service.0 as usize] { key } else { beyond }
        });
        self.rekey_requests(nameless, |key| {
            let beyond = RequestKey { service: other, instance: nameless, version: nameless, route: route(key.route), ..key };
            if kept[key.service.0 as usize] { key } else { beyond }
        });
        self.bounds.texts.recount(other);
        self.refit_texts();
    }

    /// Counts what was counted of services under the names that are kept now.
    fn refit_names(&mut self, of: &FxHashSet<Symbol>) {
        if of.is_empty() {
            return;
        }
        self.bounds.known.clear();
        let beyond = Field::ALL.map(|field| self.symbols.intern(field.beyond()));
        let nameless = self.symbols.intern("");
        let bounds = std::mem::take(&mut self.bounds);
        let symbols = std::mem::take(&mut self.symbols);
        let name = |service: Symbol, field: Field, symbol: Symbol| {
            if bounds.keeps(service, field, symbols.text(symbol)) { symbol } else { beyond[field as usize] }
        };
        self.rekey_records(|key| {
            let named = || RecordKey {
                instance: name(key.service, Field::Instance, key.instance),
                client: name(key.service, Field::Client, key.client),
                peer: name(key.service, Field::Peer, key.peer),
                code: name(key.service, Field::Code, key.code),
                ..key
            };
            if of.contains(&key.service) { named() } else { key }
        });
        self.rekey_requests(nameless, |key| {
            let named = || RequestKey {
                instance: name(key.service, Field::Instance, key.instance),
                version: name(key.service, Field::Version, key.version),
                route: name(key.service, Field::Route, key.route),
                ..key
            };
            if of.contains(&key.service) { named() } else { key }
        });
        (self.bounds, self.symbols) = (bounds, symbols);
    }

    /// Counts texts in the forms that they have now, until noting these changes no others.
    fn refit_texts(&mut self) {
        let mut bounds = std::mem::take(&mut self.bounds);
        let mut symbols = std::mem::take(&mut self.symbols);
        let mut stale = bounds.texts.stale();
        let halvings = bounds.kinds.halvings();
        while !stale.is_empty() {
            bounds.kinds.keep(|service| !stale.contains(&service));
            self.rekey_records(|key| {
                if !stale.contains(&key.service) {
                    return key;
                }
                let form = bounds.texts.form(key.service, symbols.text(key.template)).into_owned();
                bounds.texts.note(key.service, &form);
                let names = [key.instance, key.client, key.peer, key.code].map(|name| symbols.text(name));
                bounds.kinds.note(key.service, users::hash_all(names.into_iter().chain([form.as_str()])));
                RecordKey { template: symbols.intern(&form), ..key }
            });
            stale = bounds.texts.stale();
        }
        (self.bounds, self.symbols) = (bounds, symbols);
        if self.bounds.kinds.halvings() > halvings {
            self.bounds.spare_names();
            self.refit_crowded_names();
        }
    }

    /// Counts everything as the bounds of all shards together want it.
    pub(super) fn refit_all(&mut self) {
        if self.bounds.services.names.is_sample() {
            self.leave_out_services();
        }
        self.refit_crowded_names();
        self.refit_texts();
    }

    fn refit_crowded_names(&mut self) {
        let crowded = self.bounds.names.iter().filter(|(_, names)| names.is_sample()).map(|((service, _), _)| *service);
        let crowded: FxHashSet<Symbol> = crowded.collect();
        self.bounds.stale.clear();
        self.refit_names(&crowded);
    }

    /// Services of which not everything is counted by itself, with what there was too much of.
    pub fn crowds(&self) -> Vec<Crowd> {
        let names = self.bounds.names.iter().filter(|(_, names)| names.is_sample());
        let names = names.map(|((service, field), _)| (self.symbols.text(*service), field.name()));
        let texts = self.bounds.texts.shortened().map(|service| (self.symbols.text(service), bounds::CROWD));
        let services = self.bounds.services.names.is_sample().then_some(("", bounds::SERVICES));
        let all = names.chain(texts).chain(services);
        let mut all: Vec<Crowd> = all.map(|(service, of)| Crowd { service: ServiceName::new(service), of }).collect();
        all.sort_unstable();
        all
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::model::time::SECOND;
    use crate::model::{Level, Record, Request, Time};
    use crate::template::bounds::MOST_SERVICES;
    use crate::template::tally::Place;

    fn record(second: i64, text: &'static str, status: Option<u16>) -> Record<'static> {
        let request = status.map(|status| Request { status, ..Request::default() });
        Record { time: Time(second * SECOND), message: text.into(), level: Level::Error, request, ..Record::default() }
    }

    /// What a flood of names is counted as: by shards of every third record, and by one.
    fn flooded(flood: &dyn Fn(usize) -> Record<'static>, records: usize) -> Tally {
        let path: Arc<str> = Arc::from("f");
        let shard = |which: &dyn Fn(usize) -> bool| {
            let mut tally = Tally::default();
            for line in (0..records).filter(|line| which(*line)) {
                tally.add(&flood(line), Place { service: "a", instance: "", path: &path, line: line as u64 + 1 });
            }
            tally
        };
        let whole = Tally::merged(vec![shard(&|_| true)], None);
        let parts = Tally::merged((0..3).rev().map(|part| shard(&|line| line % 3 == part)).collect(), None);
        let texts = |t: &Tally| {
            let text = |s: Symbol| t.symbols.text(s).to_owned();
            let named = |k: &RecordKey| [k.service, k.instance, k.client, k.peer, k.code, k.template].map(text);
            let records = t.records_sorted().into_iter().map(|(k, c)| (named(k), c.clone())).collect::<Vec<_>>();
            let requests = t.requests_sorted().into_iter().map(|(k, c)| ([k.service, k.instance, k.version, k.route].map(text), c.clone()));
            (records, requests.collect::<Vec<_>>())
        };
        assert!(texts(&whole) == texts(&parts), "{:?} {:?}", whole.crowds(), parts.crowds());
        assert_eq!(whole.crowds(), parts.crowds());
        assert_eq!(whole.records.values().map(|c| c.windows.sum()).sum::<u64>(), records as u64);
        whole
    }

    #[test]
    fn a_flood_of_names_is_bounded_and_shards_cannot_be_seen_in_it() {
        let crowd = |t: &Tally| t.crowds().iter().map(|c| (c.service.to_string(), c.of)).collect::<Vec<_>>();
        let instances = |i: usize| Record { instance: Some(format!("pod-{i}").into()), ..record(i as i64 / 100, "x", None) };
        let pods = flooded(&instances, 3_000);
        assert!(pods.records.len() > 100 && pods.records.len() <= 513, "{}", pods.records.len());
        assert_eq!(crowd(&pods), [("a".to_owned(), "instances")]);
        let services = |i: usize| Record { service: Some(format!("s{i}").into()), ..record(i as i64 / 100, "x", Some(500)) };
        let services = |i: usize| Record { error: Some("e".into()), ..services(i) };
        let all = flooded(&services, 5_000);
        assert!(all.records.len() > 500 && all.requests.len() <= MOST_SERVICES + 1, "{} {}", all.records.len(), all.requests.len());
        assert_eq!(crowd(&all), [(String::new(), "services")]);
    }

    /// Streams that were brought together while a file was read are named with the others.
    #[test]
    fn what_a_crowd_of_routes_was_read_from_is_named() {
        let path: Arc<str> = Arc::from("f");
        let mut tally = Tally::default();
        for i in 0..40_000 {
            let request = Request { status: 200, path: Some(format!("/{}", letters(i)).into()), ..Request::default() };
            let service = Some(["a", "b", "c"][i % 3].into());
            let record = Record { request: Some(request), service, ..record(i as i64 / 100, "", None) };
            tally.add(&record, Place { service: "a", instance: "", path: &path, line: i as u64 + 1 });
        }
        assert!(tally.refit_at > bounds::PATIENCE, "nothing was brought together of {}", tally.requests.len());
        tally.name_source("access");
        let sources: FxHashSet<&str> = tally.requests.keys().map(|key| tally.symbols.text(key.source)).collect();
        assert_eq!(sources, FxHashSet::from_iter(["access"]));
    }

    fn letters(i: usize) -> String {
        (0..4).map(|place| char::from(b'a' + (i / 20usize.pow(place) % 20) as u8)).collect()
    }

    /// 400 services of 600 texts each are more than all may have; one that says little keeps what it says.
    #[test]
    fn a_flood_of_texts_of_many_services_is_bounded_and_shards_cannot_be_seen_in_it() {
        let text = |i: usize| match i % 20 {
            0 => Record { service: Some("quiet".into()), message: "the pool of the database is empty".into(), ..record(1, "", None) },
            _ => {
                let (service, number) = (i % 400, i / 400);
                let message = format!("this is never said {} again", letters(7 * number + service));
                Record { service: Some(format!("s{service}").into()), message: message.into(), ..record(1, "", None) }
            }
        };
        let texts = flooded(&text, 250_000);
        let of = |s: Symbol| texts.symbols.text(s);
        let counts: FxHashSet<&str> = texts.records.keys().map(|key| of(key.template)).collect();
        assert_eq!(counts, FxHashSet::from_iter(["the pool of the database is empty", "this is never said <*>"]));
        assert_eq!(texts.crowds().len(), 380);
    }

    /// 400 instances say a thousand things each: neither is too many, but what differs in either is.
    #[test]
    fn a_flood_of_kinds_is_bounded_and_shards_cannot_be_seen_in_it() {
        let kind = |i: usize| {
            let message = format!("order {} placed", letters(i % 997));
            Record { instance: Some(format!("pod-{}", i % 400).into()), message: message.into(), ..record(1, "", None) }
        };
        let kinds = flooded(&kind, 300_000);
        // What is said is one template in the end.
        assert!(kinds.records.len() > 100 && kinds.records.len() <= 257, "{}", kinds.records.len());
        assert_eq!(kinds.crowds().iter().map(|crowd| crowd.of).collect::<Vec<_>>(), ["instances"]);
    }

    /// Thirty-two routes that are asked for in each of fifteen thousand seconds take more than there is.
    #[test]
    fn what_comes_often_is_counted_in_longer_windows_and_shards_cannot_be_seen_in_it() {
        let path: Arc<str> = Arc::from("f");
        let shard = |which: &dyn Fn(i64) -> bool| {
            let mut tally = Tally::default();
            for line in (0..15_000 * 32).filter(|line| which(*line)) {
                let request = Request { path: Some(format!("/{}", letters(line as usize % 32)).into()), status: 200, ..Request::default() };
                let record = Record { request: Some(request), ..record(line / 32, "", None) };
                tally.add(&record, Place { service: "a", instance: "", path: &path, line: line as u64 + 1 });
            }
            tally
        };
        let whole = Tally::merged(vec![shard(&|_| true)], None);
        let parts = Tally::merged((0..3).map(|part| shard(&|line| line / 7 % 3 == part)).collect(), None);
        assert_eq!((whole.step.seconds(), parts.step.seconds()), (2.0, 2.0));
        assert!(whole.requests_sorted() == parts.requests_sorted());
    }

    #[test]
    fn a_flood_of_texts_is_bounded_and_shards_cannot_be_seen_in_it() {
        let text = |i: usize| {
            let text = if i.is_multiple_of(4) {
                "disk is full".to_owned()
            } else {
                format!("nothing of the {} of {} is known", letters(i), letters(7 * i))
            };
            Record { message: text.into(), ..record(i as i64 / 1000, "", None) }
        };
        let texts = flooded(&text, 120_000);
        let counts = texts.records_sorted().into_iter().map(|(k, c)| (texts.symbols.text(k.template), c.windows.sum()));
        assert_eq!(counts.collect::<Vec<_>>(), [("disk is <*>", 30_000), ("nothing of <*>", 90_000)]);
    }
}
