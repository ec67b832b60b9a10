//! What keeps a flood of different names or texts from filling the memory, whatever order they come in.
//!
//! Names (services, instances, peers, routes…) are all kept while there are few; beyond that those are kept whose hash lies in a range that
//! is halved until few enough are left, which makes them a random sample. Texts first lose their endings, so that what a program says often
//! stays itself, and are sampled only where even their beginnings are all different. Both depend on the set of names alone: a shard never
//! gives up more than the whole would, so neither the number of shards nor the order of records can be seen.

use std::borrow::Cow;

use rustc_hash::{FxHashMap, FxHashSet};

use super::symbols::{Symbol, Symbols};
use super::tokens::VARIABLE;
use super::users;

/// Services that are counted each by itself.
pub const MOST_SERVICES: usize = 2_048;
/// The service of records of all others.
pub const OTHER_SERVICES: &str = "(other services)";
/// Distinct texts of a service …
const MOST_TEXTS: usize = 50_000;
/// … and of all services together. Where they are more, a service may have half as many, and half of that, until all fit: those that say
/// little keep all of it.
const MOST_TEXTS_OF_ALL: usize = 200_000;
/// What is left to each where there are as many services as can be. No service has to do with less, so once services are left out it holds
/// for all, whichever were met first.
const LEAST_TEXTS: usize = MOST_TEXTS_OF_ALL / MOST_SERVICES;
/// The template of texts that are counted together.
pub const OTHER: &str = "(other messages)";
/// What there are too many of where texts are shortened.
pub const CROWD: &str = "different messages";
/// Kinds of record and streams of requests of all services: what differs in any name or text. Each takes about a kilobyte with its examples.
const MOST_KINDS: usize = 250_000;
/// Kinds that are counted before those are brought together of which less is told from now on. All of them are looked at for that, so it
/// is not done for each service and each name by itself.
pub const PATIENCE: usize = 8_192;
/// What there are too many of where services have fewer names for that.
pub const KINDS: &str = "kinds of record";
/// What there are too many of where services are left out.
pub const SERVICES: &str = "services";
/// Words that a text keeps at each level of shortening.
const WORDS: [usize; 2] = [4, 2];

/// Different names, of which a sample is kept where there are too many.
#[derive(Clone, Debug)]
pub struct Names {
    most: usize,
    /// Hashes of the names that are kept.
    seen: FxHashSet<u64>,
    /// Names with a larger hash are not kept.
    limit: u64,
}

impl Names {
    /// Nothing seen yet; so many names are kept at most.
    pub fn at_most(most: usize) -> Names {
        Names { most, seen: FxHashSet::default(), limit: u64::MAX }
    }

    /// Takes note of a name. `true` where that made them too many, so that some that were kept no longer are.
    pub fn note(&mut self, name: &str) -> bool {
        let hash = users::hash(name);
        hash <= self.limit && self.seen.insert(hash) && self.shrink()
    }

    /// Whether a name is among those that are kept.
    pub fn keeps(&self, name: &str) -> bool {
        !self.is_sample() || users::hash(name) <= self.limit
    }

    /// Names with a larger hash are not kept.
    pub fn limit(&self) -> u64 {
        self.limit
    }

    /// Hashes of the names that are kept, in order.
    pub fn kept(&self) -> Vec<u64> {
        let mut all: Vec<u64> = self.seen.iter().copied().collect();
        all.sort_unstable();
        all
    }

    /// Takes up what was kept of another run.
    pub fn restore(&mut self, limit: u64, hashes: impl IntoIterator<Item = u64>) {
        self.limit = limit;
        self.seen.extend(hashes);
        self.retain();
        self.shrink();
    }

    /// Whether names were left out.
    pub fn is_sample(&self) -> bool {
        self.limit < u64::MAX
    }

    /// Takes note of all that another shard saw.
    pub fn merge(&mut self, other: &Names) {
        self.limit = self.limit.min(other.limit);
        self.seen.extend(&other.seen);
        self.retain();
        self.shrink();
    }

    /// Keeps no more than so many from now on.
    pub fn lower(&mut self, most: usize) {
        self.most = self.most.min(most);
        self.shrink();
    }

    fn shrink(&mut self) -> bool {
        let before = self.limit;
        while self.seen.len() > self.most {
            self.limit /= 2;
            self.retain();
        }
        self.limit < before
    }

    fn retain(&mut self) {
        let limit = self.limit;
        self.seen.retain(|hash| *hash <= limit);
    }
}

/// Which services are counted each by itself.
#[derive(Clone, Debug)]
pub struct Services {
    pub names: Names,
    /// Those that were found to be kept.
    known: FxHashMap<Box<str>, Symbol>,
    /// The same of the service without a name, which most logs of one program are of.
    nameless: Option<Symbol>,
}

impl Default for Services {
    fn default() -> Self {
        Services { names: Names::at_most(MOST_SERVICES), known: FxHashMap::default(), nameless: None }
    }
}

impl Services {
    /// The symbol of a service that was found to be kept.
    pub fn known(&self, text: &str) -> Option<Symbol> {
        if text.is_empty() { self.nameless } else { self.known.get(text).copied() }
    }

    /// The symbol under which a service is counted that was taken note of.
    pub fn symbol(&mut self, symbols: &mut Symbols, text: &str) -> Symbol {
        if !self.names.keeps(text) {
            return symbols.intern(OTHER_SERVICES);
        }
        let service = symbols.intern(text);
        if text.is_empty() {
            self.nameless = Some(service);
        } else {
            self.known.insert(text.into(), service);
        }
        service
    }

    /// For each symbol, whether a service of that name is counted by itself, or is that of all others.
    pub fn kept(&self, symbols: &Symbols, other: Symbol) -> Vec<bool> {
        (0..symbols.len() as u32).map(Symbol).map(|symbol| symbol == other || self.names.keeps(symbols.text(symbol))).collect()
    }

    /// Takes note of all that another shard saw, whose symbols are others.
    pub fn merge(&mut self, other: &Services) {
        self.names.merge(&other.names);
        self.forget();
    }

    /// Looks names up again from now on.
    pub fn forget(&mut self) {
        self.known.clear();
        self.nameless = None;
    }
}

/// How many kinds of record there are. Names and texts that are few by themselves may be many together; then each service may have half as
/// many names, and half of that.
#[derive(Clone, Debug, Default)]
pub struct Kinds {
    /// Hashes of kinds by service, of which [`Kinds::halvings`] halves are left out.
    seen: FxHashMap<Symbol, FxHashSet<u64>>,
    total: usize,
    halvings: u32,
}

impl Kinds {
    /// How often names have to be halved.
    pub fn halvings(&self) -> u32 {
        self.halvings
    }

    /// Takes note of a kind; `true` where that made them too many.
    pub fn note(&mut self, service: Symbol, kind: u64) -> bool {
        if kind > self.limit() || !self.seen.entry(service).or_default().insert(kind) {
            return false;
        }
        self.total += 1;
        self.shrink()
    }

    /// Forgets the kinds of services that are left out, or to be noted anew.
    pub fn keep(&mut self, keep: impl Fn(Symbol) -> bool) {
        self.seen.retain(|service, _| keep(*service));
        self.total = self.seen.values().map(FxHashSet::len).sum();
    }

    /// Takes note of all that another shard saw, or of how often it halved.
    pub fn merge(&mut self, other: &Kinds, renamed: impl Fn(Symbol) -> Symbol) {
        for (service, kinds) in &other.seen {
            self.seen.entry(renamed(*service)).or_default().extend(kinds);
        }
        self.halve(other.halvings);
        self.shrink();
    }

    /// The same with other symbols for the services.
    pub fn renamed(self, new: impl Fn(Symbol) -> Symbol) -> Kinds {
        Kinds { seen: self.seen.into_iter().map(|(service, kinds)| (new(service), kinds)).collect(), ..self }
    }

    /// Takes up that names had to be halved so often.
    pub fn halve(&mut self, halvings: u32) {
        self.halvings = self.halvings.max(halvings.min(u64::BITS - 1));
        let limit = self.limit();
        self.seen.values_mut().for_each(|kinds| kinds.retain(|kind| *kind <= limit));
        self.total = self.seen.values().map(FxHashSet::len).sum();
    }

    fn limit(&self) -> u64 {
        u64::MAX >> self.halvings
    }

    fn shrink(&mut self) -> bool {
        let before = self.halvings;
        while self.total > MOST_KINDS {
            self.halve(self.halvings + 1);
        }
        self.halvings > before
    }
}

/// How the texts of one service are counted.
#[derive(Clone, Debug)]
struct Forms {
    /// Steps of [`WORDS`] taken.
    level: usize,
    names: Names,
}

impl Forms {
    fn of<'t>(&self, text: &'t str) -> Cow<'t, str> {
        if self.level == 0 || text == OTHER {
            return Cow::Borrowed(text);
        }
        let form = WORDS[..self.level].iter().fold(Cow::Borrowed(text), |text, words| match beginning(&text, *words) {
            Some(shorter) => Cow::Owned(shorter),
            None => text,
        });
        if self.names.keeps(&form) { form } else { Cow::Borrowed(OTHER) }
    }

    /// What it counts for where no service counts for more than `most`: texts that were shortened were more than that.
    fn weight(&self, most: usize) -> usize {
        if self.level == 0 { self.names.seen.len().min(most) } else { most }
    }

    /// Gives up more where there are more than `most`. What was counted is to be noted anew then.
    fn shrink(&mut self, most: usize) -> bool {
        if self.names.seen.len() <= most {
            return false;
        }
        if self.level < WORDS.len() {
            self.level += 1;
            self.names.seen.clear();
        } else {
            self.names.lower(most);
        }
        true
    }
}

impl Default for Forms {
    fn default() -> Self {
        Forms { level: 0, names: Names::at_most(usize::MAX) }
    }
}

/// How the texts of all services are counted.
#[derive(Clone, Debug)]
pub struct Texts {
    services: FxHashMap<Symbol, Forms>,
    /// Distinct texts that a service may have.
    most: usize,
    /// Texts of all services, each counting for `most` of them at most.
    total: usize,
    /// Services that were counted in other forms than they have now.
    stale: FxHashSet<Symbol>,
}

impl Default for Texts {
    fn default() -> Self {
        Texts { services: FxHashMap::default(), most: MOST_TEXTS, total: 0, stale: FxHashSet::default() }
    }
}

impl Texts {
    /// The form in which a text is counted now.
    pub fn form<'t>(&self, service: Symbol, text: &'t str) -> Cow<'t, str> {
        self.services.get(&service).map_or(Cow::Borrowed(text), |forms| forms.of(text))
    }

    /// Takes note of a form; `true` where the forms of the service have changed by that. What was counted before is [`Texts::stale`] then.
    pub fn note(&mut self, service: Symbol, form: &str) -> bool {
        if form == OTHER {
            return false;
        }
        let forms = self.services.entry(service).or_default();
        let hash = users::hash(form);
        if hash > forms.names.limit || !forms.names.seen.insert(hash) {
            return false;
        }
        let before = (forms.level, forms.names.limit);
        if forms.level == 0 && forms.names.seen.len() <= self.most {
            self.total += 1;
        } else if forms.shrink(self.most) {
            self.stale.insert(service);
        }
        if self.total > MOST_TEXTS_OF_ALL {
            self.settle();
        }
        self.services.get(&service).is_some_and(|forms| (forms.level, forms.names.limit) != before)
    }

    /// Lets each service have so few texts that all fit.
    fn settle(&mut self) {
        loop {
            self.total = self.services.values().map(|forms| forms.weight(self.most)).sum();
            if self.total <= MOST_TEXTS_OF_ALL || self.most <= LEAST_TEXTS {
                break;
            }
            self.most = (self.most / 2).max(LEAST_TEXTS);
        }
        for (service, forms) in &mut self.services {
            if forms.shrink(self.most) {
                self.stale.insert(*service);
            }
        }
    }

    /// Whether services are to be counted anew.
    pub fn are_stale(&self) -> bool {
        !self.stale.is_empty()
    }

    /// Services to be counted anew, each text in the form that it has now; no longer told then.
    pub fn stale(&mut self) -> FxHashSet<Symbol> {
        std::mem::take(&mut self.stale)
    }

    /// Takes note that a service was given texts in any form.
    pub fn recount(&mut self, service: Symbol) {
        self.stale.insert(service);
    }

    /// Takes note that services are left out: `keep` tells which are not.
    pub fn leave_out(&mut self, keep: impl Fn(Symbol) -> bool) {
        self.services.retain(|service, _| keep(*service));
        self.most = LEAST_TEXTS;
        self.settle();
    }

    /// Gives up what another shard gave up. What either counted is to be noted anew.
    pub fn merge(&mut self, other: &Texts, renamed: impl Fn(Symbol) -> Symbol) {
        self.most = self.most.min(other.most);
        for (service, theirs) in &other.services {
            let ours = self.services.entry(renamed(*service)).or_default();
            if theirs.level > ours.level {
                *ours = theirs.clone();
            } else if theirs.level == ours.level {
                ours.names.merge(&theirs.names);
            }
        }
        self.stale.extend(other.stale.iter().map(|service| renamed(*service)));
        self.settle();
        self.stale.extend(self.services.iter().filter(|(_, forms)| forms.level > 0).map(|(service, _)| *service));
    }

    /// Services whose texts are not all counted as they are.
    pub fn shortened(&self) -> impl Iterator<Item = Symbol> {
        self.services.iter().filter(|(_, forms)| forms.level > 0).map(|(service, _)| *service)
    }

    /// Services whose texts are not all counted as they are, with how often they were shortened and the largest hash that is kept.
    pub fn levels(&self) -> impl Iterator<Item = (Symbol, usize, u64)> {
        let bound = self.services.iter().filter(|(_, forms)| forms.level > 0 || forms.names.is_sample());
        bound.map(|(service, forms)| (*service, forms.level, forms.names.limit))
    }

    /// Takes up what was kept of another run.
    pub fn restore(&mut self, service: Symbol, level: usize, limit: u64) {
        let forms = self.services.entry(service).or_default();
        forms.level = level.min(WORDS.len());
        forms.names.restore(limit, []);
        self.settle();
    }

    /// The same with other symbols for the services.
    pub fn renamed(self, new: impl Fn(Symbol) -> Symbol) -> Texts {
        let services = self.services.into_iter().map(|(service, forms)| (new(service), forms)).collect();
        Texts { services, stale: self.stale.into_iter().map(new).collect(), ..self }
    }
}

/// The first words of a text, and a variable for the rest; `None` where the text is that already.
fn beginning(text: &str, words: usize) -> Option<String> {
    let (end, _) = text.match_indices(' ').nth(words - 1)?;
    (&text[end + 1..] != VARIABLE).then(|| format!("{} {VARIABLE}", &text[..end]))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_text_loses_its_ending() {
        assert_eq!(beginning("a b c d e f", 4).as_deref(), Some("a b c d <*>"));
        assert_eq!(beginning("a b c d <*>", 4), None);
        assert_eq!(beginning("a b", 4), None);
        assert_eq!(beginning("a b c d <*>", 2).as_deref(), Some("a b <*>"));
    }

    fn counted(texts: impl Iterator<Item = String>) -> (Texts, FxHashSet<String>) {
        let (mut bounds, mut all): (Texts, FxHashSet<String>) = Default::default();
        let service = Symbol(0);
        for text in texts {
            let form = bounds.form(service, &text).into_owned();
            all.insert(form.clone());
            if !bounds.note(service, &form) {
                continue;
            }
            loop {
                all = all.iter().map(|text| bounds.form(service, text).into_owned()).collect();
                if all.iter().filter(|form| bounds.note(service, form)).count() == 0 {
                    break;
                }
            }
        }
        (bounds, all)
    }

    #[test]
    fn a_flood_of_endings_leaves_what_a_program_says_often() {
        let flood = (0..MOST_TEXTS + 10).map(|i| format!("user with name given x{i:x}y gone, it says so"));
        let (bounds, all) = counted(flood.chain(["pool empty".to_owned(), "read of disk timed out again".to_owned()]));
        assert_eq!(bounds.shortened().count(), 1);
        let expected = ["pool empty", "read of disk timed <*>", "user with name given <*>"].map(str::to_owned);
        assert_eq!(all, FxHashSet::from_iter(expected));
    }

    #[test]
    fn a_flood_of_beginnings_leaves_a_sample() {
        let (_, all) = counted((0..MOST_TEXTS + 10).map(|i| format!("{i:x} x y")));
        assert!(all.contains(OTHER) && all.len() > MOST_TEXTS / 3 && all.len() <= MOST_TEXTS + 1, "{}", all.len());
    }

    proptest! {
        #[test]
        fn a_sample_is_of_the_set(names in proptest::collection::vec("[a-z]{1,3}", 1..200), cut in 0usize..200) {
            let of = |names: &[String]| {
                let mut all = Names::at_most(20);
                names.iter().for_each(|name| { all.note(name); });
                all
            };
            let (whole, cut) = (of(&names), cut.min(names.len()));
            let mut parts = of(&names[cut..]);
            parts.merge(&of(&names[..cut]));
            prop_assert_eq!((whole.limit, &whole.seen), (parts.limit, &parts.seen));
            prop_assert!(whole.seen.len() <= 20);
        }
    }
}
