//! How many names and texts a tally counts each by itself, and what becomes of those beyond.
//!
//! Which stay depends on the set of all names alone ([`super::super::bounds`]); what was counted under a name that does not stay is added
//! to what is nameless. So a flood costs memory up to the bounds, and no count is lost.

mod kept;

use std::collections::BTreeSet;

use rustc_hash::{FxHashMap, FxHashSet};

use super::super::bounds::{self, Names, Texts};
use super::super::symbols::Symbol;
use super::{RecordKey, RequestKey, Tally, merge_users};
use crate::model::{Crowd, ServiceName};

pub use kept::Bound;

/// Services that are counted each by itself.
const MOST_SERVICES: usize = 2_048;
/// The service of records of all others.
pub const OTHER_SERVICES: &str = "(other services)";
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
#[derive(Clone, Debug)]
pub(super) struct Bounds {
    services: Names,
    names: FxHashMap<(Symbol, Field), Names>,
    texts: Texts,
    /// Services and names that were found to be kept.
    known_services: FxHashSet<Symbol>,
    known: FxHashSet<(Symbol, Field, Symbol)>,
}

impl Default for Bounds {
    fn default() -> Self {
        Bounds {
            services: Names::at_most(MOST_SERVICES),
            names: FxHashMap::default(),
            texts: Texts::default(),
            known_services: FxHashSet::default(),
            known: FxHashSet::default(),
        }
    }
}

impl Bounds {
    fn keeps(&self, service: Symbol, field: Field, text: &str) -> bool {
        text.is_empty() || self.names.get(&(service, field)).is_none_or(|names| names.keeps(text))
    }

    /// Nothing is left out of a service.
    fn is_all(&self, service: Symbol) -> bool {
        !Field::ALL.iter().any(|field| self.names.get(&(service, *field)).is_some_and(Names::is_sample))
    }

    pub(super) fn merge(&mut self, other: &Bounds, map: &[Symbol]) {
        self.services.merge(&other.services);
        for ((service, field), theirs) in &other.names {
            let key = (map[service.0 as usize], *field);
            self.names.entry(key).or_insert_with(|| Names::at_most(field.most())).merge(theirs);
        }
        self.texts.merge(&other.texts, |service| map[service.0 as usize]);
        self.known_services.clear();
        self.known.clear();
    }

    pub(super) fn renamed(self, map: &[Symbol]) -> Bounds {
        let new = |s: Symbol| map[s.0 as usize];
        Bounds {
            services: self.services,
            names: self.names.into_iter().map(|((service, field), names)| ((new(service), field), names)).collect(),
            texts: self.texts.renamed(new),
            ..Bounds::default()
        }
    }
}

impl Tally {
    /// The symbol under which a service is counted.
    pub(super) fn service(&mut self, text: &str) -> Symbol {
        if let Some(known) = self.symbols.find(text).filter(|symbol| self.bounds.known_services.contains(symbol)) {
            return known;
        }
        if self.bounds.services.note(text) {
            self.leave_out_services();
        }
        let kept = self.bounds.services.keeps(text);
        let service = self.symbols.intern(if kept { text } else { OTHER_SERVICES });
        if kept {
            self.bounds.known_services.insert(service);
        }
        service
    }

    /// The symbol under which a name is counted.
    pub(super) fn name(&mut self, service: Symbol, field: Field, text: &str) -> Symbol {
        if text.is_empty() || self.symbols.text(service) == OTHER_SERVICES {
            return self.symbols.intern(if text.is_empty() { "" } else { field.beyond() });
        }
        if let Some(known) = self.symbols.find(text).filter(|symbol| self.bounds.known.contains(&(service, field, *symbol))) {
            return known;
        }
        let names = self.bounds.names.entry((service, field)).or_insert_with(|| Names::at_most(field.most()));
        if names.note(text) {
            self.refit(service);
        }
        if !self.bounds.keeps(service, field, text) {
            return self.symbols.intern(field.beyond());
        }
        let symbol = self.symbols.intern(text);
        self.bounds.known.insert((service, field, symbol));
        symbol
    }

    /// The symbol under which the text in `scratch` is counted.
    pub(super) fn template(&mut self, service: Symbol) -> Symbol {
        loop {
            let form = self.bounds.texts.form(service, &self.scratch);
            if !self.bounds.texts.note(service, &form) {
                return self.symbols.intern(&form);
            }
            self.refit(service);
        }
    }

    /// Counts the services that are kept no longer under one name.
    fn leave_out_services(&mut self) {
        let other = self.symbols.intern(OTHER_SERVICES);
        self.bounds.known_services.clear();
        let (symbols, services) = (&self.symbols, &self.bounds.services);
        let keeps = |service: Symbol| service == other || services.keeps(symbols.text(service));
        self.bounds.names.retain(|(service, _), _| keeps(*service));
        self.bounds.texts.retain(keeps);
        let kept: Vec<bool> = (0..symbols.len() as u32).map(|i| keeps(Symbol(i))).collect();
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
        self.rekey_requests(|key| {
            let beyond = RequestKey { service: other, instance: nameless, version: nameless, route: route(key.route), ..key };
            if kept[key.service.0 as usize] { key } else { beyond }
        });
        self.refit(other);
    }

    /// Counts what was counted of a service as its bounds are now.
    fn refit(&mut self, service: Symbol) {
        self.bounds.known.retain(|(of, _, _)| *of != service);
        let beyond = Field::ALL.map(|field| self.symbols.intern(field.beyond()));
        let bounds = std::mem::take(&mut self.bounds);
        let symbols = std::mem::take(&mut self.symbols);
        let name = |field: Field, symbol: Symbol| {
            if bounds.keeps(service, field, symbols.text(symbol)) { symbol } else { beyond[field as usize] }
        };
        self.rekey_records(|key| {
            let named = RecordKey {
                instance: name(Field::Instance, key.instance),
                client: name(Field::Client, key.client),
                peer: name(Field::Peer, key.peer),
                code: name(Field::Code, key.code),
                ..key
            };
            if key.service == service { named } else { key }
        });
        self.rekey_requests(|key| {
            let named = RequestKey {
                instance: name(Field::Instance, key.instance),
                version: name(Field::Version, key.version),
                route: name(Field::Route, key.route),
                ..key
            };
            if key.service == service { named } else { key }
        });
        (self.bounds, self.symbols) = (bounds, symbols);
        while self.refit_texts(service) {}
    }

    /// Whether noting the new forms has changed them again.
    fn refit_texts(&mut self, service: Symbol) -> bool {
        let mut bounds = std::mem::take(&mut self.bounds);
        let mut symbols = std::mem::take(&mut self.symbols);
        let mut again = false;
        self.rekey_records(|key| {
            if key.service != service {
                return key;
            }
            let form = bounds.texts.form(service, symbols.text(key.template)).into_owned();
            again |= bounds.texts.note(service, &form);
            RecordKey { template: symbols.intern(&form), ..key }
        });
        (self.bounds, self.symbols) = (bounds, symbols);
        again
    }

    /// Counts everything as the bounds of all shards together want it.
    pub(super) fn refit_all(&mut self) {
        if self.bounds.services.is_sample() {
            self.leave_out_services();
        }
        // A service of which nothing but requests is told has names and no texts.
        let named = self.bounds.names.keys().map(|(service, _)| *service);
        let services: BTreeSet<Symbol> = self.bounds.texts.services().into_iter().chain(named).collect();
        for service in services {
            let crowded = self.bounds.texts.shrink(service);
            if crowded || self.bounds.texts.is_shortened(service) || !self.bounds.is_all(service) {
                self.refit(service);
            }
        }
    }

    /// Services of which not everything is counted by itself, with what there was too much of.
    pub fn crowds(&self) -> Vec<Crowd> {
        let names = self.bounds.names.iter().filter(|(_, names)| names.is_sample());
        let names = names.map(|((service, field), _)| (self.symbols.text(*service), field.name()));
        let texts = self.bounds.texts.shortened().map(|service| (self.symbols.text(service), bounds::CROWD));
        let services = self.bounds.services.is_sample().then_some(("", "services"));
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

    #[test]
    fn a_flood_of_texts_is_bounded_and_shards_cannot_be_seen_in_it() {
        let letters = |i: usize| (0..4).map(|place| char::from(b'a' + (i / 20usize.pow(place) % 20) as u8)).collect::<String>();
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
