//! Texts as small numbers while counting; ordered by text once a run is complete.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::model::{Record, TextId};

/// The number of a text within one [`Symbols`] table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Symbol(pub u32);

/// The symbols of texts that their reader has numbered: they are found without a look at the text.
#[derive(Clone, Debug, Default)]
pub struct Numbered {
    reader: u64,
    symbols: Vec<Option<Symbol>>,
}

impl Numbered {
    /// The symbol noted for a text.
    pub fn get(&self, id: TextId) -> Option<Symbol> {
        self.symbols.get(id.number as usize).copied().flatten().filter(|_| self.reader == id.reader)
    }

    /// Notes the symbol of a text, where it has one, which does not change.
    pub fn note(&mut self, id: Option<TextId>, symbols: &Symbols, text: &str) {
        let Some(id) = id else { return };
        let Some(symbol) = symbols.find(text) else { return };
        if self.reader != id.reader {
            (self.reader, self.symbols) = (id.reader, Vec::new());
        }
        let place = id.number as usize;
        if place >= self.symbols.len() {
            self.symbols.resize(place + 1, None);
        }
        self.symbols[place] = Some(symbol);
    }
}

/// What stands for the masked text of a record, where that is its message alone.
pub fn whole_text(record: &Record<'_>) -> Option<TextId> {
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
