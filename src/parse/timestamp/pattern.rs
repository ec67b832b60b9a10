//! Times of shapes that are told by a pattern of chrono's, for those that no log is known to write otherwise.

use chrono::format::{Item, Parsed, StrftimeItems, parse};

use crate::model::Time;
use crate::model::time::SECOND;

/// How a time is written, taken apart once: taking a pattern apart costs as much as reading a time by it.
#[derive(Clone, Debug)]
pub struct TimePattern(Vec<Item<'static>>);

impl TimePattern {
    /// `None` where chrono does not know the pattern.
    pub fn new(written: &str) -> Option<TimePattern> {
        StrftimeItems::new(written).parse_to_owned().ok().map(TimePattern)
    }

    /// Reads a time; one without a zone is so many seconds east of UTC.
    pub fn read(&self, text: &str, utc_offset: i32) -> Option<Time> {
        let mut parsed = Parsed::new();
        parse(&mut parsed, text, self.0.iter()).ok()?;
        if let Ok(time) = parsed.to_datetime() {
            return Some(Time(time.timestamp_micros()));
        }
        let local = parsed.to_naive_datetime_with_offset(0).ok()?;
        Some(Time(local.and_utc().timestamp_micros() - i64::from(utc_offset) * SECOND))
    }
}
