//! The keys of structured lines as they were written before, so that a line like the one before costs no search for its keys.
//!
//! Bounded: of keys that never come again, which may be as many as there are lines, a few are kept. Knows how keys are
//! spelled; what is kept of each is the caller's.

use super::structured::push_normal;

/// Keys remembered.
const MOST: usize = 512;
/// Keys of one line that are foreseen in the next.
const LONGEST_ORDER: usize = 128;

/// Keys, each within the one of the object around it, and what is known of each.
#[derive(Debug)]
pub struct KeyCache<T> {
    /// The first is the root.
    nodes: Vec<Node<T>>,
    /// The keys of the line before, in their order.
    order: Vec<Key>,
    /// The place in `order` of the key that should come next.
    next: usize,
    /// The keys of this line.
    seen: Vec<Key>,
    strayed: bool,
}

/// The number of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key(u32);

#[derive(Debug)]
struct Node<T> {
    parent: Key,
    raw: Box<[u8]>,
    /// The one spelling of the whole path.
    normal: String,
    known: Option<T>,
    children: Vec<Key>,
}

impl<T> Default for KeyCache<T> {
    fn default() -> KeyCache<T> {
        let root = Node { parent: Key(0), raw: Box::default(), normal: String::new(), known: None, children: Vec::new() };
        KeyCache { nodes: vec![root], order: Vec::new(), next: 0, seen: Vec::new(), strayed: false }
    }
}

impl<T> KeyCache<T> {
    /// The key of the line itself.
    pub const ROOT: Key = Key(0);

    /// Begins a line.
    pub fn begin(&mut self) {
        if std::mem::take(&mut self.strayed) && self.seen.len() <= LONGEST_ORDER {
            std::mem::swap(&mut self.order, &mut self.seen);
        }
        if self.nodes.len() > MOST {
            self.forget();
        }
        self.seen.clear();
        self.next = 0;
    }

    fn forget(&mut self) {
        self.nodes.truncate(MOST);
        for node in &mut self.nodes {
            node.children.retain(|child| (child.0 as usize) < MOST);
        }
        self.order.retain(|key| (key.0 as usize) < MOST);
    }

    /// The key that came at this place in the line before, where `rest` begins with it and `end`; and its length.
    pub fn foreseen(&mut self, parent: Key, rest: &[u8], end: u8) -> Option<(Key, usize)> {
        let key = *self.order.get(self.next)?;
        let node = &self.nodes[key.0 as usize];
        let same = node.parent == parent && rest.get(node.raw.len()) == Some(&end) && rest.starts_with(&node.raw);
        same.then(|| {
            self.next += 1;
            self.seen.push(key);
            (key, node.raw.len())
        })
    }

    /// The key `raw` within `parent`. `learn` tells what is to be known of a path in its one spelling.
    pub fn within(&mut self, parent: Key, raw: &[u8], learn: impl FnOnce(&str) -> T) -> Key {
        self.strayed = true;
        let children = &self.nodes[parent.0 as usize].children;
        let known = children.iter().copied().find(|child| *self.nodes[child.0 as usize].raw == *raw);
        let key = known.unwrap_or_else(|| self.add(parent, raw, learn));
        self.seen.push(key);
        if let Some(ahead) = self.order[self.next.min(self.order.len())..].iter().position(|other| *other == key) {
            self.next += ahead + 1;
        }
        key
    }

    fn add(&mut self, parent: Key, raw: &[u8], learn: impl FnOnce(&str) -> T) -> Key {
        let key = Key(self.nodes.len() as u32);
        let mut normal = self.nodes[parent.0 as usize].normal.clone();
        if !normal.is_empty() {
            normal.push('.');
        }
        push_normal(&mut normal, raw);
        let known = Some(learn(&normal));
        self.nodes.push(Node { parent, raw: raw.into(), normal, known, children: Vec::new() });
        self.nodes[parent.0 as usize].children.push(key);
        key
    }

    /// What is known of a key; `None` for the root.
    pub fn known(&self, key: Key) -> Option<&T> {
        self.nodes[key.0 as usize].known.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_keep_their_number_and_are_foreseen() {
        let mut keys: KeyCache<String> = KeyCache::default();
        let root = KeyCache::<String>::ROOT;
        keys.begin();
        let err = keys.within(root, b"Err_or", str::to_owned);
        let stack = keys.within(err, b"stack", str::to_owned);
        assert_eq!((keys.known(stack).map(String::as_str), keys.known(root)), (Some("error.stack"), None));
        keys.begin();
        assert_eq!(keys.foreseen(root, b"Err_or\":{", b'"'), Some((err, 6)));
        assert_eq!(keys.foreseen(root, b"stack\":1", b'"'), None);
        assert_eq!(keys.foreseen(err, b"stacks\":1", b'"'), None);
        assert_eq!(keys.foreseen(err, b"stack", b'"'), None);
        assert_eq!(keys.foreseen(err, b"stack=", b'='), Some((stack, 5)));
        assert_eq!(keys.foreseen(err, b"stack=", b'='), None);
    }

    #[test]
    fn keys_without_end_are_forgotten() {
        let mut keys: KeyCache<usize> = KeyCache::default();
        for line in 0..5_000 {
            keys.begin();
            let key = keys.within(KeyCache::<usize>::ROOT, format!("k{line}").as_bytes(), str::len);
            let inner = keys.within(key, b"x", str::len);
            assert_eq!(keys.known(inner), Some(&format!("k{line}.x").len()));
        }
        assert!(keys.nodes.len() < MOST + 8);
    }
}
