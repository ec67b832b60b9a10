//! What of a shard is not counted each by itself, for keeping beside its counts: what was noted is told by the keys of the counts.

use super::super::Tally;
use super::{Bounds, Field};
use crate::template::Symbol;
use crate::template::bounds::{self, Names, OTHER_SERVICES};
use crate::template::users;

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

impl Bound {
    /// The name in use for what there are too many of.
    pub fn known(of: &str) -> Option<&'static str> {
        Field::ALL.iter().map(|field| field.name()).chain([bounds::SERVICES, bounds::KINDS, bounds::CROWD]).find(|known| *known == of)
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
        let services = &self.bounds.services.names;
        all.extend(services.is_sample().then(|| Bound { service: String::new(), of: bounds::SERVICES, level: 0, limit: services.limit() }));
        let halvings = self.bounds.kinds.halvings();
        all.extend((halvings > 0).then(|| Bound { service: String::new(), of: bounds::KINDS, level: halvings as usize, limit: u64::MAX }));
        all.sort();
        all
    }

    /// Takes note of everything that is counted, under these bounds.
    pub fn bind(&mut self, all: &[Bound]) {
        for bound in all {
            let service = self.symbols.intern(&bound.service);
            match Field::ALL.into_iter().find(|field| field.name() == bound.of) {
                Some(field) => {
                    let most = self.bounds.most(field);
                    self.bounds.names.entry((service, field)).or_insert_with(|| Names::at_most(most)).restore(bound.limit, []);
                }
                None if bound.of == bounds::KINDS => self.bounds.kinds.halve(bound.level as u32),
                None if bound.of == bounds::SERVICES => self.bounds.services.names.restore(bound.limit, []),
                None => {
                    self.bounds.texts.restore(service, bound.level, bound.limit);
                    self.bounds.texts.recount(service);
                }
            }
        }
        self.bounds.spare_names();
        for key in self.records.keys() {
            let fields = [(Field::Instance, key.instance), (Field::Client, key.client), (Field::Peer, key.peer), (Field::Code, key.code)];
            let fields = fields.map(|(field, name)| (field, self.symbols.text(name)));
            let (service, template) = (self.symbols.text(key.service), self.symbols.text(key.template));
            self.bounds.note_all(key.service, service, &fields);
            self.bounds.texts.note(key.service, template);
            self.bounds.kinds.note(key.service, users::hash_all(fields.map(|(_, name)| name).into_iter().chain([template])));
        }
        for key in self.requests.keys() {
            let fields = [(Field::Instance, key.instance), (Field::Version, key.version), (Field::Route, key.route)];
            let fields = fields.map(|(field, name)| (field, self.symbols.text(name)));
            self.bounds.note_all(key.service, self.symbols.text(key.service), &fields);
            self.bounds.kinds.note(key.service, users::hash_all(fields.map(|(_, name)| name)));
        }
    }
}

impl Bounds {
    /// Takes note of a service and of names that were counted.
    fn note_all(&mut self, service: Symbol, text: &str, names: &[(Field, &str)]) {
        if text == OTHER_SERVICES {
            return;
        }
        self.services.names.note(text);
        for (field, name) in names.iter().filter(|(field, name)| !name.is_empty() && *name != field.beyond()) {
            self.note(service, *field, name);
        }
    }
}
