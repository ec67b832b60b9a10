//! How far long work is: told by whoever reads, shown by whoever talks to people.

/// Told, from any thread, how far reading is. All methods are cheap enough to be called for every buffer of some dozen KiB.
///
/// A file is begun, then some of its bytes are told as often as one likes, then it ends. The bytes told of a file add up to its size on
/// disk, whatever it unpacks to.
pub trait Progress: Sync {
    /// Reading begins, anew where something was read before: so many bytes on disk in all; 0 where nobody knows.
    fn expect(&self, bytes: u64);

    /// A worker has opened a file; `name` is its path inside the bundle.
    fn file_begun(&self, name: &str);

    /// So many more bytes on disk and lines are done, of whatever file.
    fn advance(&self, bytes: u64, lines: u64);

    /// A worker is done with a file that was begun.
    fn file_ended(&self, name: &str);
}

/// Nobody looks.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unwatched;

impl Progress for Unwatched {
    fn expect(&self, _: u64) {}

    fn file_begun(&self, _: &str) {}

    fn advance(&self, _: u64, _: u64) {}

    fn file_ended(&self, _: &str) {}
}
