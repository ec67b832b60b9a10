//! What a scan asks of its text, told to whoever wants to know.

use super::ByteSet;

/// Is told of all that a scan asks of its text, so that it can tell for which other texts the answers were the same.
pub trait Asked {
    /// Whether these bytes stand at a place.
    fn literal(&mut self, _at: usize, _bytes: &[u8]) {}

    /// Whether a byte of each class stands from a place on.
    fn fixed(&mut self, _at: usize, _classes: &[ByteSet]) {}

    /// How many bytes of a class stand from a place on, which were `length`; where between `least` and `most` of them may be taken.
    fn run(&mut self, _at: usize, _length: usize, _class: &ByteSet, _bounds: (usize, usize)) {}

    /// Where between two places something may follow that begins with a byte of a class.
    fn follows(&mut self, _from: usize, _to: usize, _class: &ByteSet) {}

    /// Whether a byte of a class stands at a place, which is not taken yet.
    fn first(&mut self, _at: usize, _class: &ByteSet) {}

    /// Whether the text has another in it.
    fn text(&mut self, _needle: &[u8]) {}
}

/// Nobody wants to know.
impl Asked for () {}

impl Asked for &mut dyn Asked {
    fn literal(&mut self, at: usize, bytes: &[u8]) {
        (**self).literal(at, bytes);
    }

    fn fixed(&mut self, at: usize, classes: &[ByteSet]) {
        (**self).fixed(at, classes);
    }

    fn run(&mut self, at: usize, length: usize, class: &ByteSet, bounds: (usize, usize)) {
        (**self).run(at, length, class, bounds);
    }

    fn follows(&mut self, from: usize, to: usize, class: &ByteSet) {
        (**self).follows(from, to, class);
    }

    fn first(&mut self, at: usize, class: &ByteSet) {
        (**self).first(at, class);
    }

    fn text(&mut self, needle: &[u8]) {
        (**self).text(needle);
    }
}

/// Whether a scan looks at the beginning of a text alone, so that it says the same of every text that begins so.
pub struct Beginning<'t> {
    text: &'t [u8],
    end: usize,
    left: bool,
}

impl<'t> Beginning<'t> {
    /// The first bytes of a text that goes on, or the whole of one.
    pub fn new(text: &'t [u8], end: Option<usize>) -> Beginning<'t> {
        Beginning { text, end: end.unwrap_or(usize::MAX), left: false }
    }

    /// Whether nothing behind it was asked for.
    pub fn was_enough(&self) -> bool {
        !self.left
    }

    fn reach(&mut self, at: usize) {
        self.left |= at >= self.end;
    }

    fn each(&mut self, at: usize, wanted: impl Iterator<Item = impl Fn(u8) -> bool>) {
        let same = wanted.zip(at..).take_while(|(has, at)| self.text.get(*at).is_some_and(|byte| has(*byte))).count();
        self.reach(at + same);
    }
}

impl Asked for Beginning<'_> {
    fn literal(&mut self, at: usize, bytes: &[u8]) {
        self.each(at, bytes.iter().map(|wanted| move |byte| byte == *wanted));
    }

    fn fixed(&mut self, at: usize, classes: &[ByteSet]) {
        self.each(at, classes.iter().map(|class| move |byte| class.has(byte)));
    }

    fn run(&mut self, at: usize, length: usize, _: &ByteSet, _: (usize, usize)) {
        self.reach(at + length);
    }

    fn follows(&mut self, _: usize, to: usize, _: &ByteSet) {
        self.reach(to);
    }

    fn first(&mut self, at: usize, _: &ByteSet) {
        self.reach(at);
    }

    fn text(&mut self, _: &[u8]) {
        self.left |= self.end < usize::MAX;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::super::pattern::Pattern;
    use super::super::Scanned;
    use super::*;

    #[test]
    fn a_beginning_may_be_enough() {
        let refuses = |pattern: &str, text: &str, end: Option<usize>| {
            let (pattern, mut asked) = (Pattern::new(pattern), Beginning::new(text.as_bytes(), end));
            let scanned = pattern.compiled().unwrap().is_match_asking(text, &mut asked);
            (scanned == Scanned::No, asked.was_enough())
        };
        assert_eq!(refuses(r#"^\S+ "(?<service>GET|PUT)"#, "request completed method=", Some(25)), (true, true));
        assert_eq!(refuses(r#"^\S+ "(?<service>GET|PUT)"#, "request ", Some(8)), (true, false));
        assert_eq!(refuses(r"^.*?\btrace(?<service>\d+)", "request completed", Some(17)), (true, false));
        assert_eq!(refuses(r"^.*?\btrace(?<service>\d+)", "request completed", None), (true, true));
        assert_eq!(refuses(r"^(?<service>\w+) completed", "request completed x", Some(18)), (false, true));
    }

    proptest! {
        #[test]
        fn what_the_beginning_refuses_is_refused_however_it_goes_on(
            begins in "[a-c0-2 \\[\\]:.\"-]{0,12}", one in "[a-c0-2 :\"-]{0,12}", other in "[a-c0-2 :\"-]{0,12}",
        ) {
            let (one, other) = (format!("{begins}{one}"), format!("{begins}{other}"));
            for pattern in [
                r"^(?<service>[a-c]+)(?: (?<pid>\d+))?: (?<message>.*)$",
                r"^\S+ - (?:\S+ )?a",
                r#"^\S+ "(?<service>a|b)"#,
                r"^.*?\b(?<service>a+)\b:",
                r"^(?<service>[a-c]*)a\b(?<pid>\d?)$",
                r"^(?:a|ab)(?<service>c|bc)?1",
                r"^\w{3}(?<pid>[01]+)$",
            ] {
                let pattern = Pattern::new(pattern);
                let compiled = pattern.compiled().unwrap();
                let mut asked = Beginning::new(one.as_bytes(), Some(begins.len()));
                let refused = compiled.is_match_asking(&one, &mut asked) == Scanned::No && asked.was_enough();
                prop_assert!(!refused || compiled.is_match_asking(&other, &mut ()) == Scanned::No, "{} {one:?} {other:?}", pattern.text);
            }
        }
    }
}
