//! A panic of polars' file readers as an error: what is wrong with a hostile file they assert instead of telling.

use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Readings that are going on.
static READING: AtomicUsize = AtomicUsize::new(0);
static QUIET: Once = Once::new();

/// What `read` returns, or the error of a file on which it panics. Nothing of the panic is printed.
///
/// # Errors
/// Those of `read`, and its panics.
pub fn contained<T>(read: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    // Threads of polars panic, too, so that the hook cannot ask who does.
    QUIET.call_once(|| {
        let tell = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if READING.load(Ordering::SeqCst) == 0 {
                tell(info);
            }
        }));
    });
    READING.fetch_add(1, Ordering::SeqCst);
    // Whatever is half read is dropped.
    let outcome = panic::catch_unwind(AssertUnwindSafe(read));
    READING.fetch_sub(1, Ordering::SeqCst);
    outcome.unwrap_or_else(|_| Err("broken in a way that its reader does not foresee".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_an_error() {
        assert_eq!(contained(|| Ok(1)), Ok(1));
        assert_eq!(contained::<u8>(|| Err("no".to_owned())), Err("no".to_owned()));
        let empty: Vec<u8> = Vec::new();
        assert!(contained(|| Ok(empty[empty.len()])).unwrap_err().contains("broken"));
    }
}
