//! Texts as small numbers while counting; ordered by text once a run is complete.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::model::{Record, Tag};

/// The number of a text within one [`Symbols`] table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Symbol(pub u32);

/// What is known of things that their reader has numbered: it is found without a look at them.
#[derive(Clone, Debug)]
pub struct Numbered<T> {
    reader: u64,
    known: Vec<Option<T>>,
}

impl<T> Default for Numbered<T> {
    fn default() -> Self {
        Numbered { reader: 0, known: Vec::new() }
    }
}

impl<T: Copy> Numbered<T> {
    /// What was noted.
    pub fn get(&self, tag: Tag) -> Option<T> {
        self.known.get(tag.number as usize).copied().flatten().filter(|_| self.reader == tag.reader)
    }

    /// Notes what is known, in place of what was noted of another reader's things.
    pub fn note(&mut self, tag: Tag, what: T) {
        if self.reader != tag.reader {
            (self.reader, self.known) = (tag.reader, Vec::new());
        }
        let place = tag.number as usize;
        if place >= self.known.len() {
            self.known.resize(place + 1, None);
        }
        self.known[place] = Some(what);
    }

    /// Forgets all.
    pub fn forget(&mut self) {
        self.known.clear();
    }
}

impl Numbered<Symbol> {
    /// Notes the symbol of a text, where it has one, which does not change.
    pub fn note_text(&mut self, tag: Option<Tag>, symbols: &Symbols, text: &str) {
        if let (Some(tag), Some(symbol)) = (tag, symbols.find(text)) {
            self.note(tag, symbol);
        }
    }
}

/// What stands for the masked text of a record, where that is its message alone.
pub fn whole_text(record: &Record<'_>) -> Option<Tag> {
    record.masked.filter(|_| record.error.is_none())?.id
}

/// A table of distinct texts. Numbers depend on the order of arrival until [`Symbols::sorted`] is called.
#[derive(Clone, Debug, Default)]
pub struct Symbols {
    texts: Vec<Arc<str>>,
    numbers: FxHashMap<Arc<str>, u32>,
    /// Of the empty text, which is asked for most and stands nowhere: to compare it takes longest of all.
    nothing: Option<Symbol>,
}

impl Symbols {
    /// The symbol of `text`, entered if it is new.
    pub fn intern(&mut self, text: &str) -> Symbol {
        if let Some(symbol) = self.find(text) {
            return symbol;
        }
        let shared: Arc<str> = Arc::from(text);
        let number = self.texts.len() as u32;
        if text.is_empty() {
            self.nothing = Some(Symbol(number));
        }
        self.texts.push(Arc::clone(&shared));
        self.numbers.insert(shared, number);
        Symbol(number)
    }

    /// The symbol of a text that was entered before.
    pub fn find(&self, text: &str) -> Option<Symbol> {
        if text.is_empty() { self.nothing } else { self.numbers.get(text).copied().map(Symbol) }
    }

    /// The text that a symbol stands for.
    pub fn text(&self, symbol: Symbol) -> &str {
        &self.texts[symbol.0 as usize]
    }

    /// Number of texts.
    pub fn len(&self) -> usize {
        self.texts.len()
    }

    /// Whether there is no text.
    pub fn is_empty(&self) -> bool {
        self.texts.is_empty()
    }

    /// The same texts in order, and for each old number the new symbol.
    pub fn sorted(&self) -> (Symbols, Vec<Symbol>) {
        let mut order: Vec<u32> = (0..self.texts.len() as u32).collect();
        order.sort_by(|&a, &b| self.texts[a as usize].cmp(&self.texts[b as usize]));
        let mut sorted = Symbols::default();
        let mut renamed = vec![Symbol(0); order.len()];
        for old in order {
            renamed[old as usize] = sorted.intern(&self.texts[old as usize]);
        }
        (sorted, renamed)
    }
}
