//! A bar on standard error for work that takes long.
//!
//! It knows bytes done and bytes in all, nothing of what is done with them.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Work shorter than this shows no bar: a flash would only distract.
const PATIENCE: Duration = Duration::from_millis(500);

/// A bar that appears once the work has lasted half a second.
pub struct Progress {
    bar: Option<ProgressBar>,
    shown: AtomicBool,
    started: Instant,
}

impl Progress {
    /// `wanted`: standard error is a terminal and the user has not asked for silence.
    pub fn new(wanted: bool) -> Progress {
        let bar = wanted.then(|| ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden()));
        Progress { bar, shown: AtomicBool::new(false), started: Instant::now() }
    }

    /// To be called from any thread with (bytes done, bytes in all); 0 in all: not known.
    pub fn hook(&self) -> impl Fn(u64, u64) + Sync + '_ {
        move |done, all| {
            let Some(bar) = &self.bar else { return };
            if self.started.elapsed() < PATIENCE {
                return;
            }
            if !self.shown.swap(true, Ordering::Relaxed) {
                show(bar);
            }
            if all > 0 {
                bar.set_length(all.max(done));
            }
            bar.set_position(done);
        }
    }

    /// Takes the bar off the screen.
    pub fn clear(&self) {
        self.bar.iter().for_each(ProgressBar::finish_and_clear);
    }
}

fn show(bar: &ProgressBar) {
    bar.set_draw_target(ProgressDrawTarget::stderr());
    // The template is fixed; were it broken, the default style would do.
    if let Ok(style) = ProgressStyle::with_template("reading [{bar:32}] {bytes} of {total_bytes}, {eta} left") {
        bar.set_style(style.progress_chars("=> "));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_work_shows_nothing() {
        let progress = Progress::new(true);
        progress.hook()(10, 20);
        progress.clear();
        assert!(!progress.shown.load(Ordering::Relaxed));
    }

    #[test]
    fn long_work_counts_even_past_the_expected_end() {
        let mut progress = Progress::new(true);
        progress.started = Instant::now().checked_sub(PATIENCE * 2).unwrap();
        progress.hook()(30, 20);
        assert_eq!(progress.bar.as_ref().map(|b| (b.position(), b.length())), Some((30, Some(30))));
    }
}
