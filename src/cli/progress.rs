//! A line on standard error for work that takes long: bytes, lines a second, time left, the files in work.
//!
//! Readers only count; a thread of its own looks at the counts ten times a second and draws, so that being watched costs nothing.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::model::Progress;
use crate::report::{bytes, duration, sanitize, shorten, to_ascii, width};

/// Work shorter than this shows nothing: a flash would only distract.
const PATIENCE: Duration = Duration::from_millis(500);
/// Between two looks.
const PERIOD: Duration = Duration::from_millis(100);
/// Rates and remaining times over less than this are guesses.
const SETTLED: Duration = Duration::from_secs(1);
/// Columns inside the bar's brackets.
const BAR: usize = 14;
/// File names shorter than this say nothing.
const SHORTEST_NAME: usize = 8;

/// Progress that is shown on a terminal once the work has lasted half a second.
pub struct TerminalProgress {
    counts: Arc<Counts>,
    painter: Option<Painter>,
}

/// The thread that draws; it ends when the other end of the channel is gone.
struct Painter {
    stop: mpsc::Sender<()>,
    thread: JoinHandle<()>,
}

/// What the readers have told.
#[derive(Default)]
struct Counts {
    all: AtomicU64,
    done: AtomicU64,
    lines: AtomicU64,
    now: Mutex<Now>,
}

#[derive(Default)]
struct Now {
    /// `None` until it is known what is to be read.
    began: Option<Instant>,
    /// In the order in which they were begun.
    files: Vec<Arc<str>>,
}

/// The counts at one instant.
#[derive(Debug, Default)]
struct Seen {
    all: u64,
    done: u64,
    lines: u64,
    elapsed: Duration,
    files: Vec<Arc<str>>,
}

impl TerminalProgress {
    /// `wanted`: standard error is a terminal and the user has not asked for silence. `unicode`: what the terminal can show.
    pub fn new(wanted: bool, unicode: bool) -> TerminalProgress {
        let counts = Arc::new(Counts::default());
        let painter = if wanted { Painter::start(Arc::clone(&counts), unicode) } else { None };
        TerminalProgress { counts, painter }
    }

    /// Takes the line off the screen.
    pub fn clear(self) {
        if let Some(Painter { stop, thread }) = self.painter {
            drop(stop);
            // A painter that panicked has nothing on the screen that could be taken off.
            let _ = thread.join();
        }
    }
}

impl Progress for TerminalProgress {
    fn expect(&self, bytes: u64) {
        self.counts.all.store(bytes, Ordering::Relaxed);
        self.counts.done.store(0, Ordering::Relaxed);
        self.counts.lines.store(0, Ordering::Relaxed);
        *self.counts.now() = Now { began: Some(Instant::now()), files: Vec::new() };
    }

    fn file_begun(&self, name: &str) {
        if self.painter.is_some() {
            self.counts.now().files.push(Arc::from(name));
        }
    }

    fn advance(&self, bytes: u64, lines: u64) {
        self.counts.done.fetch_add(bytes, Ordering::Relaxed);
        self.counts.lines.fetch_add(lines, Ordering::Relaxed);
    }

    fn file_ended(&self, name: &str) {
        if self.painter.is_some() {
            let mut now = self.counts.now();
            if let Some(at) = now.files.iter().position(|file| file.as_ref() == name) {
                now.files.remove(at);
            }
        }
    }
}

impl Counts {
    fn now(&self) -> MutexGuard<'_, Now> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// `None` before anything was begun.
    fn look(&self) -> Option<Seen> {
        let (began, files) = {
            let now = self.now();
            (now.began?, now.files.clone())
        };
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Some(Seen { all: read(&self.all), done: read(&self.done), lines: read(&self.lines), elapsed: began.elapsed(), files })
    }
}

impl Painter {
    /// `None` where no thread can be had: the work goes on unwatched.
    fn start(counts: Arc<Counts>, unicode: bool) -> Option<Painter> {
        let (stop, stopped) = mpsc::channel();
        let paint = move || {
            if stopped.recv_timeout(PATIENCE) != Err(RecvTimeoutError::Timeout) {
                return;
            }
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            // The template is fixed; were it broken, the default style would do.
            if let Ok(style) = ProgressStyle::with_template("{msg}") {
                bar.set_style(style);
            }
            loop {
                if let Some(seen) = counts.look() {
                    bar.set_message(seen.line(columns(), unicode));
                    bar.tick();
                }
                if stopped.recv_timeout(PERIOD) != Err(RecvTimeoutError::Timeout) {
                    break;
                }
            }
            bar.finish_and_clear();
        };
        let thread = thread::Builder::new().name("progress".to_owned()).spawn(paint).ok()?;
        Some(Painter { stop, thread })
    }
}

/// Columns of the terminal behind standard error, asked for anew each time: windows change their size.
fn columns() -> usize {
    terminal_size::terminal_size_of(std::io::stderr()).map_or(80, |(columns, _)| usize::from(columns.0))
}

impl Seen {
    /// What stands on a screen of so many columns; the last one stays free, where some terminals wrap.
    fn line(&self, columns: usize, unicode: bool) -> String {
        let room = columns.saturating_sub(1);
        let counts = self.counts(room);
        let mut line = match self.bar() {
            Some(bar) if width(&bar) + 1 + width(&counts) <= room => format!("{bar} {counts}"),
            _ => counts,
        };
        if let Some(names) = self.names(room.saturating_sub(width(&line) + 2)) {
            line.push_str("  ");
            line.push_str(&names);
        }
        let line = shorten(&line, room);
        if unicode { line } else { to_ascii(&line) }
    }

    fn bar(&self) -> Option<String> {
        let share = self.done.min(self.all) as f64 / Some(self.all).filter(|all| *all > 0)? as f64;
        let full = (share * BAR as f64) as usize;
        let tip = if full < BAR { ">" } else { "" };
        Some(format!("[{:<BAR$}]", format!("{}{tip}", "=".repeat(full))))
    }

    /// Bytes, rate, time left; as many of them as there is room for.
    fn counts(&self, room: usize) -> String {
        let mut text = match self.all {
            0 => format!("{} read", bytes(self.done)),
            _ if self.all_read() => format!("{} read, adding up", bytes(self.done)),
            all => format!("{} of {}", bytes(self.done), bytes(all.max(self.done))),
        };
        for part in [self.rate(), self.left()].into_iter().flatten() {
            if width(&text) + 2 + width(&part) <= room {
                text.push_str(", ");
                text.push_str(&part);
            }
        }
        text
    }

    fn all_read(&self) -> bool {
        self.done >= self.all && self.files.is_empty()
    }

    fn rate(&self) -> Option<String> {
        let seconds = Some(self.elapsed).filter(|elapsed| *elapsed >= SETTLED && !self.all_read())?.as_secs_f64();
        Some(self.lines).filter(|lines| *lines > 0).map(|lines| format!("{} lines/s", rounded(lines as f64 / seconds)))
    }

    fn left(&self) -> Option<String> {
        let unknown = self.elapsed < SETTLED || self.done == 0 || self.done >= self.all;
        let seconds = self.elapsed.as_secs_f64() * (self.all.saturating_sub(self.done)) as f64 / self.done.max(1) as f64;
        if unknown { None } else { Some(format!("{} left", duration(seconds.ceil()))) }
    }

    /// The files in work, as many as there is room for.
    fn names(&self, room: usize) -> Option<String> {
        let mut names = self.files.iter().map(|name| sanitize(name));
        let others = |shown: usize| match self.files.len() - shown {
            0 => String::new(),
            more => format!(" +{more}"),
        };
        let first = names.next()?;
        let mut text = shorten(&first, Some(room.saturating_sub(others(1).len())).filter(|room| *room >= SHORTEST_NAME)?);
        let mut shown = 1;
        for name in names {
            if width(&text) + 2 + width(&name) + others(shown + 1).len() > room {
                break;
            }
            text.push_str(", ");
            text.push_str(&name);
            shown += 1;
        }
        Some(text + &others(shown))
    }
}

/// Three digits: `845`, `12.3k`, `1.23M`.
fn rounded(n: f64) -> String {
    let (scaled, unit) = match n {
        n if n < 999.5 => return format!("{n:.0}"),
        n if n < 999_500.0 => (n / 1e3, "k"),
        n => (n / 1e6, "M"),
    };
    let decimals = if scaled < 9.995 { 2 } else { usize::from(scaled < 99.95) };
    format!("{scaled:.decimals$}{unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(files: &[&str]) -> Seen {
        let files = files.iter().map(|name| Arc::from(*name)).collect();
        Seen { all: 256_000_000, done: 64_000_000, lines: 2_460_000, elapsed: Duration::from_secs(2), files }
    }

    #[test]
    fn a_line_fits_every_width() {
        let seen = seen(&["logs/checkout/checkout-7f9c.log", "logs/пример/日本語.log", "c.log", "d\x1b[2J.log"]);
        for columns in 0..200 {
            for unicode in [true, false] {
                let line = seen.line(columns, unicode);
                assert!(width(&line) < columns.max(2), "{columns}: {line}");
                assert!(!line.contains('\x1b') && (unicode || line.is_ascii()), "{line}");
            }
        }
    }

    #[test]
    fn what_matters_most_stays_on_narrow_screens() {
        let seen = seen(&["logs/checkout/app.log", "b.log"]);
        assert_eq!(seen.line(41, true), "64 MB of 256 MB, 1.23M lines/s, 6 s left");
        assert_eq!(seen.line(40, true), "64 MB of 256 MB, 1.23M lines/s");
        assert_eq!(seen.line(80, true), "[===>          ] 64 MB of 256 MB, 1.23M lines/s, 6 s left  logs/checko…p.log +1");
        assert_eq!(seen.line(110, true), "[===>          ] 64 MB of 256 MB, 1.23M lines/s, 6 s left  logs/checkout/app.log, b.log");
    }

    #[test]
    fn unknown_ends_and_finished_reading_are_said() {
        let pipe = Seen { all: 0, ..seen(&["stdin"]) };
        assert_eq!(pipe.line(80, true), "64 MB read, 1.23M lines/s  stdin");
        let grown = Seen { done: 300_000_000, ..seen(&["a.log"]) };
        assert_eq!(grown.line(80, true), "[==============] 300 MB of 300 MB, 1.23M lines/s  a.log");
        let finished = Seen { done: 256_000_000, ..seen(&[]) };
        assert_eq!(finished.line(80, true), "[==============] 256 MB read, adding up");
    }

    #[test]
    fn counts_add_up_and_begin_anew() {
        let progress = TerminalProgress::new(true, true);
        assert!(progress.counts.look().is_none());
        progress.expect(10);
        progress.file_begun("a");
        progress.file_begun("b");
        progress.advance(3, 1);
        progress.advance(4, 1);
        progress.file_ended("a");
        let seen = progress.counts.look().unwrap();
        assert_eq!((seen.all, seen.done, seen.lines, seen.files), (10, 7, 2, vec![Arc::from("b")]));
        progress.expect(20);
        let seen = progress.counts.look().unwrap();
        assert_eq!((seen.all, seen.done, seen.lines, seen.files.len()), (20, 0, 0, 0));
        progress.clear();
    }

    #[test]
    fn three_digits() {
        for (n, text) in
            [(7.0, "7"), (845.4, "845"), (12_340.0, "12.3k"), (845_000.0, "845k"), (999_600.0, "1.00M"), (1_234_000.0, "1.23M")]
        {
            assert_eq!(rounded(n), text);
        }
    }
}
