//! What keeps a flood of different names or texts from filling the memory, whatever order they come in.
//!
//! Names (services, instances, peers, routes…) are all kept while there are few; beyond that those are kept whose hash lies in a range that
//! is halved until few enough are left, which makes them a random sample. Texts first lose their endings, so that what a program says often
//! stays itself, and are sampled only where even their beginnings are all different. Both depend on the set of names alone: a shard never
//! gives up more than the whole would, so neither the number of shards nor the order of records can be seen.

use std::borrow::Cow;

use rustc_hash::{FxHashMap, FxHashSet};

use super::symbols::Symbol;
use super::tokens::VARIABLE;
use super::users;

/// Distinct texts of a service.
const MOST_TEXTS: usize = 50_000;
/// Distinct texts of all services. It takes a flood of services with a flood of texts each to come here; then a service may have
/// [`FEW_TEXTS`], and which they are may depend on what was met first.
const MOST_TEXTS_OF_ALL: usize = 1_000_000;
const FEW_TEXTS: usize = 250;
/// The template of texts that are counted together.
pub const OTHER: &str = "(other messages)";
/// What there are too many of where texts are shortened.
pub const CROWD: &str = "different messages";
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

    /// Gives up more while there are more than `most`. What was counted is to be noted anew where a level was taken.
    fn shrink(&mut self, most: usize) -> bool {
        if self.names.seen.len() <= most {
            return false;
        }
        if self.level < WORDS.len() {
            self.level += 1;
            self.names.seen.clear();
        } else {
            self.names.most = most;
            self.names.shrink();
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
#[derive(Clone, Debug, Default)]
pub struct Texts {
    services: FxHashMap<Symbol, Forms>,
    /// Texts noted of all services.
    total: usize,
}

impl Texts {
    /// The form in which a text is counted now.
    pub fn form<'t>(&self, service: Symbol, text: &'t str) -> Cow<'t, str> {
        self.services.get(&service).map_or(Cow::Borrowed(text), |forms| forms.of(text))
    }

    /// Takes note of a form; `true` where the forms of the service have changed by that.
    pub fn note(&mut self, service: Symbol, form: &str) -> bool {
        if form == OTHER {
            return false;
        }
        let forms = self.services.entry(service).or_default();
        let hash = users::hash(form);
        let new = hash <= forms.names.limit && forms.names.seen.insert(hash);
        self.total += usize::from(new);
        new && self.shrink(service)
    }

    /// Gives up more where the service has more than its share.
    pub fn shrink(&mut self, service: Symbol) -> bool {
        let most = if self.total > MOST_TEXTS_OF_ALL { FEW_TEXTS } else { MOST_TEXTS };
        self.services.get_mut(&service).is_some_and(|forms| forms.shrink(most))
    }

    /// Gives up what another shard gave up. What either counted is to be noted anew.
    pub fn merge(&mut self, other: &Texts, renamed: impl Fn(Symbol) -> Symbol) {
        self.total = self.total.max(other.total);
        for (service, theirs) in &other.services {
            let ours = self.services.entry(renamed(*service)).or_default();
            if theirs.level > ours.level {
                *ours = theirs.clone();
            } else if theirs.level == ours.level {
                ours.names.merge(&theirs.names);
            }
        }
    }

    /// Services whose texts are not all counted as they are.
    pub fn shortened(&self) -> impl Iterator<Item = Symbol> {
        self.services.iter().filter(|(_, forms)| forms.level > 0).map(|(service, _)| *service)
    }

    /// Whether texts of a service lost their endings.
    pub fn is_shortened(&self, service: Symbol) -> bool {
        self.services.get(&service).is_some_and(|forms| forms.level > 0)
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
    }

    /// The same with other symbols for the services.
    pub fn renamed(self, new: impl Fn(Symbol) -> Symbol) -> Texts {
        Texts { services: self.services.into_iter().map(|(service, forms)| (new(service), forms)).collect(), ..self }
    }

    /// Services that have texts.
    pub fn services(&self) -> Vec<Symbol> {
        self.services.keys().copied().collect()
    }

    /// Forgets services.
    pub fn retain(&mut self, keep: impl Fn(Symbol) -> bool) {
        self.services.retain(|service, _| keep(*service));
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
