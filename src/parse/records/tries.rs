//! The formats that a line is tried as, looked up by what it may match: lines of a stream are of a few kinds.
//!
//! Which questions are worth asking of a line follows from its first bytes and the answers so far. So the questions become a tree, which
//! grows as lines are met; where one ends, a kind of line is known.

use rustc_hash::FxHashMap;

use super::super::Formats;
use super::super::beginnings::Candidates;
use super::super::compile::LineFormat;

/// Questions and kinds of lines remembered.
const MOST: usize = 4096;

/// No node.
const UNKNOWN: u32 = u32::MAX;

/// The formats of each kind of line met.
#[derive(Debug, Default)]
pub struct Tries<'f> {
    /// By what the first bytes leave.
    roots: FxHashMap<Candidates, u32>,
    nodes: Vec<Node>,
    /// By node: what is left when it is reached. Apart from them, for nodes are walked for every line.
    left: Vec<Candidates>,
    known: FxHashMap<Candidates, usize>,
    /// In the order in which they are tried. One more than are remembered is the kind looked at last.
    formats: Vec<Vec<&'f LineFormat>>,
}

/// A question, or what is known when all are answered.
#[derive(Clone, Copy, Debug)]
enum Node {
    /// Answers not met yet lead to [`UNKNOWN`].
    Question {
        number: u32,
        answers: [u32; 2],
    },
    Kind(u32),
}

impl<'f> Tries<'f> {
    /// What a line may match, and the number of its kind. `order` is the same on every call.
    pub fn look(&mut self, formats: &'f Formats, order: &[&'f LineFormat], text: &str) -> (Candidates, usize) {
        let beginnings = formats.beginnings();
        let begun = beginnings.begin(text);
        let mut at = match self.roots.get(&begun) {
            Some(root) => *root,
            None if self.nodes.len() >= MOST => return self.look_anew(formats, order, text),
            None => {
                let root = self.node(formats, order, begun, 0);
                self.roots.insert(begun, root);
                root
            }
        };
        loop {
            let (number, answers) = match self.nodes[at as usize] {
                Node::Kind(kind) => return (self.left[at as usize], kind as usize),
                Node::Question { number, answers } => (number as usize, answers),
            };
            let has = beginnings.ask(number, text);
            at = match answers[usize::from(has)] {
                UNKNOWN if self.nodes.len() >= MOST => return self.look_anew(formats, order, text),
                UNKNOWN => {
                    let next = self.node(formats, order, beginnings.answered(self.left[at as usize], number, has), number + 1);
                    if let Node::Question { answers, .. } = &mut self.nodes[at as usize] {
                        answers[usize::from(has)] = next;
                    }
                    next
                }
                next => next,
            };
        }
    }

    /// Adds what follows when the questions before `from` are answered.
    fn node(&mut self, formats: &'f Formats, order: &[&'f LineFormat], candidates: Candidates, from: usize) -> u32 {
        let node = match formats.beginnings().question(&candidates, from) {
            Some(number) => Node::Question { number: number as u32, answers: [UNKNOWN; 2] },
            None => Node::Kind(self.kind(formats, order, candidates) as u32),
        };
        self.nodes.push(node);
        self.left.push(candidates);
        self.nodes.len() as u32 - 1
    }

    fn look_anew(&mut self, formats: &'f Formats, order: &[&'f LineFormat], text: &str) -> (Candidates, usize) {
        let candidates = formats.beginnings().look(text);
        (candidates, self.number(formats, order, candidates))
    }

    /// The number of the kind of line that has such candidates; it stays.
    fn kind(&mut self, formats: &'f Formats, order: &[&'f LineFormat], candidates: Candidates) -> usize {
        let kind = self.number(formats, order, candidates);
        self.known.insert(candidates, kind);
        kind
    }

    /// The same; it is another's with the next call where it was not met before.
    fn number(&mut self, formats: &'f Formats, order: &[&'f LineFormat], candidates: Candidates) -> usize {
        if let Some(kind) = self.known.get(&candidates) {
            return *kind;
        }
        let may_be = |format: &&LineFormat| formats.beginnings().may_be(&candidates, format.position);
        self.formats.truncate(self.known.len());
        self.formats.push(order.iter().copied().filter(may_be).collect());
        self.formats.len() - 1
    }

    /// What is tried as number `place`; `None` where all have been.
    pub fn format(&self, kind: usize, place: usize) -> Option<&'f LineFormat> {
        self.formats.get(kind)?.get(place).copied()
    }
}
