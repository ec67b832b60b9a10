//! What one worker has learnt of a log's lines, told to those that read other parts of it: a lesson costs as much as reading several lines, and to take
//! it over less than reading one.
//!
//! What is told waits for all in one short row. Who comes late for some of it learns that for itself.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::super::messages::Said;
use super::seen::Seen;
use super::store::Key;

/// Lessons that wait at most: some hundred kilobytes.
const MOST: usize = 1024;

/// What workers on one log have in common.
#[derive(Debug, Default)]
pub struct Exchange {
    members: AtomicU32,
    /// Likes numbered so far, by whomever.
    likes: AtomicU32,
    /// Lessons told so far.
    told: AtomicU64,
    /// The last of them.
    waiting: Mutex<VecDeque<Told>>,
    /// What any of them met.
    pub seen: Seen,
}

impl Exchange {
    /// A number for a like, greater than all before.
    pub fn next_like(&self) -> u32 {
        self.likes.fetch_add(1, Ordering::Relaxed).wrapping_add(1)
    }
}

/// A lesson as it is told.
#[derive(Clone, Debug)]
struct Told {
    by: u32,
    lesson: Arc<Written>,
}

/// What is remembered of a line, and what else is needed to read its like by it.
#[derive(Debug)]
pub struct Written {
    pub key: Key,
    pub value: Box<[u8]>,
    pub of: Of,
    /// What its numbers of messages stand for.
    pub said: Option<Said>,
}

/// What a value is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of {
    /// A line of which nothing can be told.
    Untold,
    Like,
    Spelling,
}

/// One of the workers.
#[derive(Debug)]
pub struct Member {
    number: u32,
    /// Lessons that it has seen.
    seen: u64,
}

impl Member {
    /// Another worker, which has seen nothing yet.
    pub fn of(exchange: &Exchange) -> Member {
        Member { number: exchange.members.fetch_add(1, Ordering::Relaxed), seen: 0 }
    }

    /// Whether something was told that it has not seen.
    #[inline]
    pub fn has_news(&self, exchange: &Exchange) -> bool {
        exchange.told.load(Ordering::Relaxed) != self.seen
    }

    /// Tells the others.
    pub fn tell(&self, exchange: &Exchange, lesson: Written) {
        let mut waiting = exchange.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() == MOST {
            waiting.pop_front();
        }
        waiting.push_back(Told { by: self.number, lesson: Arc::new(lesson) });
        exchange.told.fetch_add(1, Ordering::Relaxed);
    }

    /// What others told since it was asked last, as far as it waits still.
    pub fn news(&mut self, exchange: &Exchange) -> Vec<Arc<Written>> {
        let waiting = exchange.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let told = exchange.told.load(Ordering::Relaxed);
        let unseen = usize::try_from(told - self.seen).unwrap_or(MOST).min(waiting.len());
        self.seen = told;
        let unseen = waiting.range(waiting.len() - unseen..);
        unseen.filter(|told| told.by != self.number).map(|told| Arc::clone(&told.lesson)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(key: u32) -> Written {
        Written { key: Key::of(&key.to_le_bytes()), value: Box::default(), of: Of::Untold, said: None }
    }

    fn keys(exchange: &Exchange, member: &mut Member) -> Vec<Key> {
        member.news(exchange).iter().map(|lesson| lesson.key).collect()
    }

    #[test]
    fn all_others_are_told_once_and_in_order() {
        let exchange = &Exchange::default();
        let [mut a, mut b] = [(); 2].map(|()| Member::of(exchange));
        (0..3).for_each(|key| a.tell(exchange, written(key)));
        b.tell(exchange, written(3));
        let key = |key: u32| written(key).key;
        assert!(a.has_news(exchange) && b.has_news(exchange));
        assert_eq!((keys(exchange, &mut a), keys(exchange, &mut b)), (vec![key(3)], (0..3).map(key).collect()));
        assert!(!a.has_news(exchange) && !b.has_news(exchange));
        assert_eq!(keys(exchange, &mut a), []);
        // Who comes late hears the last of it.
        (0..MOST as u32 + 5).for_each(|key| a.tell(exchange, written(key)));
        assert_eq!(keys(exchange, &mut b), (5..MOST as u32 + 5).map(key).collect::<Vec<_>>());
        assert_eq!(keys(exchange, &mut Member::of(exchange)).len(), MOST);
    }
}
