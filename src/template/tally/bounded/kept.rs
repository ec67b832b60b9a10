//! What of a shard is not counted each by itself, for keeping beside its counts: what was noted is told by the keys of the counts.

use super::super::Tally;
use super::{Bounds, Field, OTHER_SERVICES};
use crate::template::Symbol;
use crate::template::bounds::{self, Names};

/// That some names of a service are left out, or its texts shortened.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bound {
    /// Empty where services themselves are left out.
    pub service: String,
    /// What there were too many of.
    pub of: &'static str,
    /// How often texts were shortened.
    pub level: usize,
    /// Names with a larger hash are left out.
    pub limit: u64,
}

/// What bounds of services are called.
const SERVICES: &str = "services";

impl Bound {
    /// The name in use for what there are too many of.
    pub fn known(of: &str) -> Option<&'static str> {
        Field::ALL.iter().map(|field| field.name()).chain([SERVICES, bounds::CROWD]).find(|known| *known == of)
    }
}

impl Tally {
    /// All of them, in order.
    pub fn bounds(&self) -> Vec<Bound> {
        let text = |service| self.symbols.text(service).to_owned();
        let mut all: Vec<Bound> = Vec::new();
        let names = self.bounds.names.iter().filter(|(_, names)| names.is_sample());
        all.extend(names.map(|((s, field), n)| Bound { service: text(*s), of: field.name(), level: 0, limit: n.limit() }));
        let texts = self.bounds.texts.levels();
        all.extend(texts.map(|(s, level, limit)| Bound { service: text(s), of: bounds::CROWD, level, limit }));
        let services = &self.bounds.services;
        all.extend(services.is_sample().then(|| Bound { service: String::new(), of: SERVICES, level: 0, limit: services.limit() }));
        all.sort();
        all
    }

    /// Takes note of everything that is counted, under these bounds.
    pub fn bind(&mut self, all: &[Bound]) {
        for bound in all {
            let service = self.symbols.intern(&bound.service);
            match Field::ALL.into_iter().find(|field| field.name() == bound.of) {
                Some(field) => {
                    let names = self.bounds.names.entry((service, field)).or_insert_with(|| Names::at_most(field.most()));
                    names.restore(bound.limit, []);
                }
                None if bound.of == SERVICES => self.bounds.services.restore(bound.limit, []),
                None => self.bounds.texts.restore(service, bound.level, bound.limit),
            }
        }
        for key in self.records.keys() {
            let fields = [(Field::Instance, key.instance), (Field::Client, key.client), (Field::Peer, key.peer), (Field::Code, key.code)];
            let text = self.symbols.text(key.service);
            if text != OTHER_SERVICES {
                self.bounds.services.note(text);
                fields.into_iter().for_each(|(field, name)| self.bounds.note(key.service, field, self.symbols.text(name)));
            }
            self.bounds.texts.note(key.service, self.symbols.text(key.template));
        }
        for key in self.requests.keys() {
            let fields = [(Field::Instance, key.instance), (Field::Version, key.version), (Field::Route, key.route)];
            let text = self.symbols.text(key.service);
            if text != OTHER_SERVICES {
                self.bounds.services.note(text);
                fields.into_iter().for_each(|(field, name)| self.bounds.note(key.service, field, self.symbols.text(name)));
            }
        }
    }
}

impl Bounds {
    fn note(&mut self, service: Symbol, field: Field, text: &str) {
        if !text.is_empty() && text != field.beyond() {
            self.names.entry((service, field)).or_insert_with(|| Names::at_most(field.most())).note(text);
        }
    }
}
