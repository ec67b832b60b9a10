//! Instants and spans in whole microseconds, so that sums and comparisons are exact and equal on every machine.

use std::fmt;
use std::ops::Sub;

use chrono::{DateTime, Datelike, SecondsFormat, Utc};

/// Microseconds in one second.
pub const SECOND: i64 = 1_000_000;

/// An instant: microseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(pub i64);

impl Time {
    /// The earliest and the latest instant that can be written as RFC 3339 with a four-digit year.
    pub const RANGE: TimeSpan = TimeSpan { start: Time(-62_135_596_800 * SECOND), end: Time(253_402_300_799 * SECOND) };

    /// From whole and fractional seconds since the epoch; `None` when outside [`Time::RANGE`] or not finite.
    pub fn from_seconds(seconds: f64) -> Option<Time> {
        let micros = (seconds * SECOND as f64).round();
        let time = Time(micros as i64);
        (micros.is_finite() && Time::RANGE.contains(time)).then_some(time)
    }

    /// From an RFC 3339 text such as `2023-08-12T14:30:00Z`.
    pub fn parse_rfc3339(text: &str) -> Option<Time> {
        DateTime::parse_from_rfc3339(text).ok().map(|t| Time(t.timestamp_micros()))
    }

    /// Seconds since the epoch.
    pub fn seconds(self) -> f64 {
        self.0 as f64 / SECOND as f64
    }

    /// This instant moved by `seconds` (negative: earlier), saturating.
    pub fn plus_seconds(self, seconds: f64) -> Time {
        Time(self.0.saturating_add((seconds * SECOND as f64) as i64))
    }

    /// The year that it lies in, of UTC.
    pub fn year(self) -> i32 {
        self.utc().year()
    }

    fn utc(self) -> DateTime<Utc> {
        DateTime::from_timestamp_micros(self.0).unwrap_or_default()
    }

    /// `2023-08-12T14:30:00Z`, with milliseconds only where they are not zero.
    pub fn rfc3339(self) -> String {
        let format = if self.0.rem_euclid(SECOND) < 1_000 { SecondsFormat::Secs } else { SecondsFormat::Millis };
        self.utc().to_rfc3339_opts(format, true)
    }

    /// `14:30:00`, for people who know the day.
    pub fn clock(self) -> String {
        self.utc().format("%H:%M:%S").to_string()
    }

    /// `2023-08-12`.
    pub fn date(self) -> String {
        self.utc().format("%Y-%m-%d").to_string()
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.rfc3339())
    }
}

/// The distance between two instants, in seconds.
impl Sub for Time {
    type Output = f64;
    #[expect(clippy::suspicious_arithmetic_impl, reason = "the division is a change of unit, from microseconds to seconds")]
    fn sub(self, earlier: Time) -> f64 {
        self.0.saturating_sub(earlier.0) as f64 / SECOND as f64
    }
}

/// A half-open span: `start` belongs to it, `end` does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TimeSpan {
    pub start: Time,
    pub end: Time,
}

impl TimeSpan {
    /// A span from two instants in either order.
    pub fn new(a: Time, b: Time) -> TimeSpan {
        TimeSpan { start: a.min(b), end: a.max(b) }
    }

    /// Length in seconds.
    pub fn seconds(self) -> f64 {
        self.end - self.start
    }

    /// Whether the instant lies in the span, whose end does not belong to it.
    pub fn contains(self, time: Time) -> bool {
        self.start <= time && time < self.end
    }

    /// Whether the two spans share an instant.
    pub fn overlaps(self, other: TimeSpan) -> bool {
        self.start < other.end && other.start < self.end
    }

    /// The smallest span that holds both.
    pub fn union(self, other: TimeSpan) -> TimeSpan {
        TimeSpan { start: self.start.min(other.start), end: self.end.max(other.end) }
    }
}

/// The width of one window of counts: a power of two of seconds, so that windows of any two widths nest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Step(u32);

impl Step {
    /// One second, the finest step.
    pub const SECOND: Step = Step(0);

    /// The finest step that is at least `seconds` wide.
    pub fn at_least(seconds: f64) -> Step {
        let mut exponent = 0;
        while exponent < 20 && f64::from(1u32 << exponent) < seconds {
            exponent += 1;
        }
        Step(exponent)
    }

    /// Length in seconds.
    pub fn seconds(self) -> f64 {
        f64::from(1u32 << self.0)
    }

    /// Length in microseconds.
    pub fn micros(self) -> i64 {
        SECOND << self.0
    }

    /// The number of the window that holds `time`; window 0 starts at the epoch.
    pub fn window(self, time: Time) -> i64 {
        time.0.div_euclid(self.micros())
    }

    /// The first instant of a window.
    pub fn start_of(self, window: i64) -> Time {
        Time(window.saturating_mul(self.micros()))
    }

    /// How many windows of `self` make one of the coarser step.
    pub fn ratio_to(self, coarser: Step) -> i64 {
        1 << coarser.0.saturating_sub(self.0)
    }

    /// The next coarser step.
    pub fn doubled(self) -> Step {
        Step(self.0 + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_nest_and_negative_times_floor() {
        let step = Step::at_least(3.0);
        assert_eq!(step.seconds(), 4.0);
        assert_eq!(step.window(Time(-1)), -1);
        assert_eq!(step.start_of(step.window(Time(9 * SECOND))), Time(8 * SECOND));
        assert_eq!(Step::SECOND.ratio_to(step), 4);
    }

    #[test]
    fn text_and_back() {
        let t = Time::parse_rfc3339("2023-08-12T16:30:00.250+02:00").unwrap();
        assert_eq!(t.rfc3339(), "2023-08-12T14:30:00.250Z");
        assert_eq!(Time::parse_rfc3339(&t.rfc3339()), Some(t));
        assert_eq!(Time::from_seconds(f64::NAN), None);
        assert_eq!(Time::from_seconds(1e30), None);
    }
}
