//! Which records of a kind are kept as examples: the earliest, and as many spread over all of them by hash.
//!
//! Both depend on the set of records alone, so neither the number of shards nor their order can be seen in them. A record that is both is
//! kept once.

use crate::model::{Exemplar, Origin, Time};

/// Earliest examples kept of a kind, and as many again of the lowest ranks.
const MOST: usize = 4;

/// A record with the hash by which examples are spread.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Ranked {
    exemplar: Exemplar,
    rank: u64,
}

/// The examples of a kind of record, by time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Examples {
    kept: Vec<Ranked>,
    /// The largest rank that is kept for its own sake; `None` while any is.
    limit: Option<u64>,
}

impl Examples {
    /// Whether a record of this rank would be kept, if it `is_before` the time and place of another.
    pub fn wants(&self, rank: u64, is_before: impl FnOnce(Time, &Origin) -> bool) -> bool {
        self.limit.is_none_or(|limit| rank <= limit)
            || self.kept.get(MOST - 1).is_none_or(|last| is_before(last.exemplar.time, &last.exemplar.origin))
    }

    /// Takes a record; which ones stay is settled anew.
    pub fn insert(&mut self, rank: u64, exemplar: Exemplar) {
        let item = Ranked { exemplar, rank };
        let at = self.kept.partition_point(|kept| *kept <= item);
        // There are many kinds, and none keeps more than twice MOST.
        self.kept.reserve_exact(1);
        self.kept.insert(at, item);
        self.settle();
    }

    /// Leaves out what is neither early nor of a low rank. Of records of one rank, which are of the same text and instant, the first stands
    /// for all, so that what is kept stays spread.
    fn settle(&mut self) {
        if self.kept.len() < MOST {
            return;
        }
        let mut ranks: Vec<u64> = self.kept.iter().map(|kept| kept.rank).collect();
        ranks.sort_unstable();
        ranks.dedup();
        self.limit = ranks.get(MOST - 1).copied();
        let spread = self.spread();
        let mut stays = spread.iter().enumerate().map(|(at, spread)| at < MOST || *spread);
        self.kept.retain(|_| stays.next().unwrap_or(true));
    }

    /// Which of the examples are of the lowest ranks.
    fn spread(&self) -> Vec<bool> {
        let first = |at: usize| self.kept[..at].iter().all(|kept| kept.rank != self.kept[at].rank);
        let low = |rank: u64| self.limit.is_none_or(|limit| rank <= limit);
        (0..self.kept.len()).map(|at| low(self.kept[at].rank) && first(at)).collect()
    }

    /// Takes the examples of another shard.
    pub fn merge(&mut self, other: Examples) {
        other.kept.into_iter().for_each(|item| self.insert(item.rank, item.exemplar));
    }

    /// Each with its rank, by time.
    pub fn ranked(&self) -> impl Iterator<Item = (u64, &Exemplar)> {
        self.kept.iter().map(|kept| (kept.rank, &kept.exemplar))
    }

    /// No more shards will come: each place stays once, and only the first with more than its first line.
    pub fn seal(&mut self) {
        self.kept.dedup_by(|a, b| a.exemplar.origin == b.exemplar.origin);
        for later in self.iter_mut().skip(1) {
            if let Some(end) = later.text.find('\n') {
                later.text.truncate(end);
            }
        }
        self.kept.shrink_to_fit();
    }

    /// By time.
    pub fn iter(&self) -> impl Iterator<Item = &Exemplar> {
        self.kept.iter().map(|kept| &kept.exemplar)
    }

    /// To change what does not change their order.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Exemplar> {
        self.kept.iter_mut().map(|kept| &mut kept.exemplar)
    }

    /// The earliest.
    pub fn first(&self) -> Option<&Exemplar> {
        self.iter().next()
    }

    /// The first from `time` on, else the last before.
    pub fn from(&self, time: Time) -> Option<&Exemplar> {
        self.iter().find(|e| e.time >= time).or(self.iter().last())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;

    fn exemplar(time: i64, line: u64) -> Exemplar {
        Exemplar { time: Time(time), origin: Origin::new(&Arc::from("x"), line), text: format!("line {line}\ndetail") }
    }

    fn of(records: &[(i64, u64, u64)]) -> Examples {
        let mut examples = Examples::default();
        records.iter().for_each(|(time, line, rank)| examples.insert(*rank, exemplar(*time, *line)));
        examples
    }

    #[test]
    fn a_record_that_is_early_and_of_low_rank_is_kept_once() {
        let records: Vec<_> = (0..100).map(|i| (i, i as u64, if i < 4 { i as u64 } else { 1_000 + i as u64 })).collect();
        assert_eq!(of(&records).iter().count(), 4);
        let falling: Vec<_> = (0..100).map(|i| (i, i as u64, 1_000 - i as u64)).collect();
        let mut examples = of(&falling);
        assert_eq!(examples.iter().map(|e| e.time.0).collect::<Vec<_>>(), [0, 1, 2, 3, 96, 97, 98, 99]);
        examples.seal();
        let lines = |e: &Exemplar| e.text.lines().count();
        assert_eq!(examples.iter().map(lines).collect::<Vec<_>>(), [2, 1, 1, 1, 1, 1, 1, 1]);
    }

    proptest! {
        /// The earliest four, and the first of each of the four lowest ranks; whatever the order, and however they were cut into shards.
        #[test]
        fn the_set_of_records_decides(records in proptest::collection::vec((0i64..40, 0u64..12), 0..40), cut in 0usize..40) {
            let all: Vec<_> = records.iter().enumerate().map(|(line, (time, rank))| (*time, line as u64, *rank)).collect();
            let mut sorted: Vec<Ranked> = all.iter().map(|r| Ranked { exemplar: exemplar(r.0, r.1), rank: r.2 }).collect();
            sorted.sort();
            let mut first_of_rank: BTreeMap<u64, Ranked> = BTreeMap::new();
            sorted.iter().rev().for_each(|r| { first_of_rank.insert(r.rank, r.clone()); });
            let mut expected: Vec<Ranked> = sorted.iter().take(MOST).chain(first_of_rank.values().take(MOST)).cloned().collect();
            expected.sort();
            expected.dedup();
            prop_assert_eq!(&of(&all).kept, &expected);
            let cut = cut.min(all.len());
            let mut joined = of(&all[cut..]);
            joined.merge(of(&all[..cut]));
            prop_assert_eq!(&joined.kept, &expected);
        }
    }
}
