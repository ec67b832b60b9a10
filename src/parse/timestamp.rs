//! Times as logs write them, recognised by their shape.
//!
//! The usual shapes are read by hand, which is ten times as fast as by a pattern. Does not know which column of a line
//! holds the time.

mod pattern;

use crate::model::Time;
use crate::model::time::SECOND;
use crate::read::Source;
pub use pattern::TimePattern;

const DAY: i64 = 86_400 * SECOND;
/// A date that may be read in several orders is meant so that it is so near to the records around it.
const NEAR: i64 = 2 * DAY;
/// A number that stands alone is taken for a time from 1995 to 2100 only.
const PLAUSIBLE: std::ops::Range<i64> = 788_918_400 * SECOND..4_102_444_800 * SECOND;

/// Bytes of what may follow a time and tell its zone: ` GMT+01:00`.
const LONGEST_ZONE: usize = 10;

/// What a time leaves out.
#[derive(Clone, Copy, Debug, Default)]
pub struct Clock {
    /// Offset of times without a zone, in seconds east of UTC.
    pub utc_offset: i32,
    /// An instant near the records, which decides the year or the day where a line does not write it.
    pub near: Option<Time>,
    /// No record is more than a day later, in the year that is chosen for it.
    pub latest: Option<Time>,
}

impl Clock {
    /// What is known of the times of a file.
    pub fn of(source: &Source, utc_offset: Option<i32>) -> Clock {
        Clock { utc_offset: utc_offset.unwrap_or(0), near: source.near, latest: source.latest }
    }

    /// Reads a time in any known shape. `zone` is an offset or abbreviation that stands apart from it.
    pub fn read(&self, text: &str, zone: Option<&str>) -> Option<Time> {
        let mut cursor = Cursor { rest: text.trim().as_bytes(), whole: true };
        let offset = zone.and_then(|z| offset_of(z.trim())).unwrap_or(self.utc_offset);
        let time = self.time(&mut cursor, offset)?;
        cursor.rest.is_empty().then_some(time)
    }

    /// Reads a time that is a count since 1970 and long enough to be nothing else, as [`Clock::read`] does: it means the same wherever it stands.
    pub fn read_count(text: &str) -> Option<Time> {
        let bytes = text.as_bytes();
        // Where dates have a separator.
        if ![4, 8].iter().all(|at| bytes.get(*at).is_some_and(u8::is_ascii_digit)) {
            return None;
        }
        let digits = bytes.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if !matches!((digits, bytes.get(digits)), (10..=13 | 15..=18, None | Some(b'.'))) {
            return None;
        }
        let mut cursor = Cursor { rest: bytes, whole: true };
        epoch(&mut cursor).filter(|time| cursor.rest.is_empty() && Time::RANGE.contains(*time))
    }

    /// Reads the time that a text begins with, its zone included, and tells how many bytes it takes. Shapes that a plain
    /// number or a clock's hand-written hour could have are not taken.
    pub fn read_prefix(&self, text: &str) -> Option<(Time, usize)> {
        let bytes = text.as_bytes();
        let digits = bytes.iter().take_while(|b| b.is_ascii_digit()).count();
        let mut cursor = Cursor { rest: bytes, whole: false };
        let time = match (digits, bytes.get(digits)) {
            (10 | 13 | 16 | 19, after) if after.is_none_or(|b| !b.is_ascii_alphanumeric() && !b"-:/_".contains(b)) => {
                epoch(&mut cursor).filter(|time| PLAUSIBLE.contains(&time.0))
            }
            (1 | 2, Some(b':')) if bytes.get(digits + 3) != Some(&b':') => None,
            (14, _) | (1 | 2 | 4 | 6 | 8, Some(_)) | (0, _) => self.time(&mut cursor, self.utc_offset),
            _ => None,
        }?;
        let ends = cursor.rest.first().is_none_or(|b| !b.is_ascii_alphanumeric());
        ends.then(|| (time, bytes.len() - cursor.rest.len()))
    }

    fn time(&self, cursor: &mut Cursor, offset: i32) -> Option<Time> {
        let time = match cursor.rest.first()? {
            b'0'..=b'9' => self.begins_with_digit(cursor, offset),
            b'@' => tai64(cursor),
            _ => self.begins_with_letter(cursor, offset),
        }?;
        Time::RANGE.contains(time).then_some(time)
    }

    /// Reads a time by patterns, of which the first that fits wins.
    pub fn read_by(&self, patterns: &[TimePattern], text: &str, zone: Option<&str>) -> Option<Time> {
        let offset = zone.and_then(|z| offset_of(z.trim())).unwrap_or(self.utc_offset);
        patterns.iter().find_map(|pattern| pattern.read(text, offset))
    }

    fn begins_with_digit(&self, cursor: &mut Cursor, offset: i32) -> Option<Time> {
        let digits = cursor.rest.iter().take_while(|b| b.is_ascii_digit()).count();
        match (digits, cursor.rest.get(digits)) {
            (4, Some(b'-' | b'/' | b'.')) => cursor.iso(offset),
            (8, Some(b'T' | b' ' | b'-' | b'_')) => cursor.basic(offset),
            (6, Some(b' ')) => cursor.short_year(offset),
            (4, Some(b' ')) if cursor.rest.get(5).is_some_and(u8::is_ascii_alphabetic) => cursor.year_and_month(offset),
            (4, Some(b' ')) => self.month_and_day(cursor, offset),
            (1 | 2, Some(b':')) => self.time_of_day(cursor, offset),
            (2, Some(b'-')) if cursor.rest.get(5) == Some(&b' ') => self.month_and_day(cursor, offset),
            (1 | 2, Some(b'/' | b'-' | b'.')) if cursor.rest.get(digits + 1).is_some_and(u8::is_ascii_digit) => {
                self.numeric(cursor, offset)
            }
            (1 | 2, Some(b'/' | b' ' | b'-' | b'.')) => self.day_first(cursor, offset),
            (14, _) if cursor.rest.starts_with(b"19") || cursor.rest.starts_with(b"20") => cursor.compact(offset),
            _ if cursor.whole => epoch(cursor),
            _ => None,
        }
    }

    /// Times that begin with the name of a day or of a month.
    fn begins_with_letter(&self, cursor: &mut Cursor, offset: i32) -> Option<Time> {
        if cursor.rest.get(..3).is_none_or(|w| month_of(w).is_none()) {
            cursor.word()?;
            cursor.skip(b", ");
            if cursor.rest.first()?.is_ascii_digit() {
                return self.day_first(cursor, offset);
            }
        }
        let month = cursor.month()?;
        cursor.skip(b" ");
        let day = cursor.number(1, 2)?;
        cursor.skip(b", ");
        if cursor.rest.get(4) == Some(&b' ') {
            let year = cursor.number(4, 4)?;
            cursor.skip(b", ");
            return cursor.clock_and_zone(days(year, month, day)?, offset);
        }
        let micros = cursor.clock()?;
        if cursor.whole {
            cursor.skip(b" ");
        }
        let (offset, year) = cursor.zone_and_year(offset)?;
        let local = match year {
            Some(year) => days(year, month, day)? * DAY + micros,
            None => self.nearest_year(month, day, micros)?,
        };
        Some(Time(local - i64::from(offset) * SECOND))
    }

    /// Whether a time that ends before this text does so before every text that differs from it in numbers alone: what may tell a zone has none.
    pub fn ends_before(behind: &str) -> bool {
        behind.bytes().take(LONGEST_ZONE).all(|byte| !byte.is_ascii_digit())
    }

    /// Whether no time begins a text that begins so, whatever follows; `false` where that is not told, as of digits.
    pub fn is_no_beginning(text: &str) -> bool {
        let is_month = |rest: &[u8]| rest.get(..3).is_some_and(|word| month_of(word).is_some());
        let mut cursor = Cursor { rest: text.as_bytes(), whole: false };
        let with_month = is_month(cursor.rest);
        if cursor.word().is_none() {
            return false;
        }
        cursor.skip(if with_month { b" " } else { b", " });
        // A day stands behind a month, a day or a month behind the name of a day.
        match cursor.rest {
            [next, ..] if with_month => !next.is_ascii_digit(),
            [next, _, _, ..] => !next.is_ascii_digit() && !is_month(cursor.rest),
            _ => false,
        }
    }

    /// `1122 17:21:02.123456` (glog), `11-22 17:21:02.123` (logcat).
    fn month_and_day(&self, cursor: &mut Cursor, offset: i32) -> Option<Time> {
        let month = cursor.number(2, 2)?;
        cursor.skip(b"-");
        let day = cursor.number(2, 2)?;
        cursor.byte(b' ')?;
        let micros = cursor.clock()?;
        Some(Time(self.nearest_year(month, day, micros)? - i64::from(offset) * SECOND))
    }

    /// `11/22/2026 5:21:07 PM`, `22.11.2026 17:21:02`, `26/11/22 17:21:02`, `11.22 17:21:02`: of the orders that make a date,
    /// the one nearest to the records around it; without any, the order most in use for the separator.
    fn numeric(&self, cursor: &mut Cursor, offset: i32) -> Option<Time> {
        let first = cursor.number(1, 2)?;
        let separator = cursor.one_of(b"/-.")?;
        let second = cursor.number(1, 2)?;
        let third = if cursor.rest.first() == Some(&separator) {
            cursor.byte(separator)?;
            let before = cursor.rest.len();
            let number = cursor.number(2, 4)?;
            Some((number, before - cursor.rest.len()))
        } else {
            None
        };
        cursor.skip(b",");
        cursor.one_of(b": T")?;
        cursor.skip(b" ");
        let micros = cursor.clock()?;
        let offset = cursor.zone(offset)?;
        let orders = match third {
            Some((year, 4)) if separator == b'/' => vec![(year, first, second), (year, second, first)],
            Some((year, 4)) => vec![(year, second, first), (year, first, second)],
            Some((_, 3)) => return None,
            Some((third, _)) => vec![(2000 + first, second, third), (2000 + third, first, second), (2000 + third, second, first)],
            None => {
                return [(first, second), (second, first)]
                    .into_iter()
                    .find_map(|(m, d)| Some(Time(self.nearest_year(m, d, micros)? - i64::from(offset) * SECOND)));
            }
        };
        let mut times = orders.into_iter().filter_map(|(y, m, d)| Some(days(y, m, d)? * DAY + micros - i64::from(offset) * SECOND));
        let first = times.next()?;
        let Some(near) = self.near else { return Some(Time(first)) };
        // Only a clear difference speaks against the usual order: files are often years old.
        let nearest = times.min_by_key(|t| (t - near.0).abs()).filter(|t| (t - near.0).abs() <= NEAR && (first - near.0).abs() > NEAR);
        Some(Time(nearest.unwrap_or(first)))
    }

    /// `22/Nov/2026:17:21:15 +0000`, `22 Nov 2026 17:21:02.037`, `22-Nov-2026 17:21:02`, `22 Nov 17:21:02`.
    fn day_first(&self, cursor: &mut Cursor, offset: i32) -> Option<Time> {
        let day = cursor.number(1, 2)?;
        let separator = cursor.one_of(b"/ -.")?;
        let month = cursor.month()?;
        cursor.byte(separator)?;
        if cursor.rest.get(2) == Some(&b':') {
            let micros = cursor.clock()?;
            return Some(Time(self.nearest_year(month, day, micros)? - i64::from(offset) * SECOND));
        }
        let year = cursor.number(2, 4)?;
        let year = if year < 100 { 2000 + year } else { year };
        cursor.skip(b",");
        cursor.one_of(b": T")?;
        cursor.clock_and_zone(days(year, month, day)?, offset)
    }

    fn time_of_day(&self, cursor: &mut Cursor, offset: i32) -> Option<Time> {
        let micros = cursor.clock()? - i64::from(offset) * SECOND;
        let near = self.near?.0;
        let today = near.div_euclid(DAY) * DAY + micros;
        [today - DAY, today, today + DAY].into_iter().min_by_key(|t| (t - near).abs()).map(Time)
    }

    /// Whether a time is so near to the records around it that no other year, nor another order of day and month, would be chosen for it: those are
    /// weeks apart.
    pub fn is_date_sure(&self, time: Time) -> bool {
        // What is to come is told without the zone, which is less than a day.
        self.near.is_some_and(|near| (time.0 - near.0).abs() <= NEAR) && self.latest.is_none_or(|latest| time <= latest)
    }

    fn nearest_year(&self, month: i64, day: i64, micros: i64) -> Option<i64> {
        let near = self.near?;
        let year = i64::from(near.year());
        let candidates = [year - 1, year, year + 1].into_iter().filter_map(|year| Some(days(year, month, day)? * DAY + micros));
        let is_to_come = |t: &i64| self.latest.is_some_and(|latest| t - latest.0 > DAY);
        candidates.min_by_key(|t| (is_to_come(t), (t - near.0).abs()))
    }
}

struct Cursor<'t> {
    rest: &'t [u8],
    /// The text is a time and nothing else, so that whatever stands behind the clock must be a zone.
    whole: bool,
}

impl Cursor<'_> {
    /// Takes a number of at least `min` and at most `max` digits.
    fn number(&mut self, min: usize, max: usize) -> Option<i64> {
        let (mut value, mut taken) = (0, 0);
        for byte in self.rest.iter().take(max) {
            let digit = byte.wrapping_sub(b'0');
            if digit > 9 {
                break;
            }
            value = value * 10 + i64::from(digit);
            taken += 1;
        }
        self.rest = &self.rest[taken..];
        (taken >= min).then_some(value)
    }

    fn byte(&mut self, byte: u8) -> Option<()> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        (*first == byte).then_some(())
    }

    fn one_of(&mut self, bytes: &[u8]) -> Option<u8> {
        let (first, rest) = self.rest.split_first()?;
        bytes.contains(first).then(|| {
            self.rest = rest;
            *first
        })
    }

    fn skip(&mut self, bytes: &[u8]) {
        while self.one_of(bytes).is_some() {}
    }

    /// Takes letters.
    fn word(&mut self) -> Option<&[u8]> {
        let length = self.rest.iter().take_while(|b| b.is_ascii_alphabetic()).count();
        let (word, rest) = self.rest.split_at(length);
        self.rest = rest;
        (length > 0).then_some(word)
    }

    fn month(&mut self) -> Option<i64> {
        month_of(self.word()?)
    }

    /// `2026-11-22T17:21:07.824+01:00` in all its variants.
    fn iso(&mut self, offset: i32) -> Option<Time> {
        let year = self.number(4, 4)?;
        let separator = self.one_of(b"-/.")?;
        let month = self.number(1, 2)?;
        self.byte(separator)?;
        let day = self.number(1, 2)?;
        let date = days(year, month, day)?;
        if self.rest.is_empty() {
            return Some(Time(date * DAY - i64::from(offset) * SECOND));
        }
        self.one_of(b"Tt _-:")?;
        self.skip(b" ");
        self.clock_and_zone(date, offset)
    }

    /// `2026 Nov 22 17:21:07`.
    fn year_and_month(&mut self, offset: i32) -> Option<Time> {
        let year = self.number(4, 4)?;
        self.skip(b" ");
        let month = self.month()?;
        self.skip(b" ");
        let date = days(year, month, self.number(1, 2)?)?;
        self.skip(b" ");
        self.clock_and_zone(date, offset)
    }

    /// `20261122T172107Z`, `20261122 17:21:07`, `20261122-172107`.
    fn basic(&mut self, offset: i32) -> Option<Time> {
        let date = days(self.number(4, 4)?, self.number(2, 2)?, self.number(2, 2)?)?;
        self.one_of(b"T -_")?;
        self.digits_or_clock(date, offset)
    }

    /// `20261122172107`.
    fn compact(&mut self, offset: i32) -> Option<Time> {
        let date = days(self.number(4, 4)?, self.number(2, 2)?, self.number(2, 2)?)?;
        self.digits_or_clock(date, offset)
    }

    /// MySQL's `261122 17:50:39`, whose hour may be a blank and a digit; `261122 175039`.
    fn short_year(&mut self, offset: i32) -> Option<Time> {
        let date = days(2000 + self.number(2, 2)?, self.number(2, 2)?, self.number(2, 2)?)?;
        self.skip(b" ");
        self.digits_or_clock(date, offset)
    }

    fn digits_or_clock(&mut self, date: i64, offset: i32) -> Option<Time> {
        if self.rest.iter().take(3).any(|b| *b == b':') {
            return self.clock_and_zone(date, offset);
        }
        let (hour, minute, second) = (self.number(2, 2)?, self.number(2, 2)?, self.number(2, 2)?);
        let micros = micros_of(hour, minute, second)? + self.fraction()?;
        let offset = self.zone(offset)?;
        Some(Time(date * DAY + micros - i64::from(offset) * SECOND))
    }

    /// Time of day, then what says where in the world.
    fn clock_and_zone(&mut self, date: i64, offset: i32) -> Option<Time> {
        let micros = self.clock()?;
        let offset = self.zone(offset)?;
        Some(Time(date * DAY + micros - i64::from(offset) * SECOND))
    }

    /// The offset that stands behind a clock, else `offset`.
    fn zone(&mut self, offset: i32) -> Option<i32> {
        if !self.whole {
            return Some(self.zone_ahead(offset));
        }
        self.skip(b" ");
        let offset = if self.rest.is_empty() { offset } else { offset_of(std::str::from_utf8(self.rest).ok()?)? };
        self.rest = &[];
        Some(offset)
    }

    /// Takes a zone where there is one: `Z`, `+01:00`, ` +0100`, ` CET`.
    fn zone_ahead(&mut self, offset: i32) -> i32 {
        let blank = usize::from(self.rest.first() == Some(&b' '));
        let text = &self.rest[blank..];
        let signed = text.first().is_some_and(|b| matches!(b, b'+' | b'-'));
        let belongs = |b: &&u8| if signed { b.is_ascii_digit() || **b == b':' } else { b.is_ascii_alphabetic() };
        let length = usize::from(signed) + text[usize::from(signed)..].iter().take_while(belongs).count();
        let long_enough = if signed { length >= 5 || (length == 3 && blank == 0) } else { length >= 3 || (length == 1 && blank == 0) };
        let zone = text.get(..length).and_then(|zone| std::str::from_utf8(zone).ok()).map(|zone| zone.trim_end_matches(':'));
        let ends = text.get(length).is_none_or(|b| !b.is_ascii_alphanumeric() && *b != b'.');
        match zone.filter(|_| long_enough && ends).and_then(|zone| Some((zone.len(), offset_of(zone)?))) {
            Some((length, offset)) => {
                self.rest = &text[length..];
                offset
            }
            None => offset,
        }
    }

    /// After the clock of ctime: ` 2026`, ` CET 2026`, or nothing.
    fn zone_and_year(&mut self, offset: i32) -> Option<(i32, Option<i64>)> {
        let mut offset = offset;
        if !self.whole {
            offset = self.zone_ahead(offset);
            let year = self.rest.strip_prefix(b" ").unwrap_or(self.rest);
            if year.iter().take_while(|b| b.is_ascii_digit()).count() != 4 || !year.starts_with(b"20") && !year.starts_with(b"19") {
                return Some((offset, None));
            }
        } else if self.rest.first().is_some_and(|b| b.is_ascii_alphabetic() || matches!(b, b'+' | b'-')) {
            let length = self.rest.iter().take_while(|b| **b != b' ').count();
            let (zone, rest) = self.rest.split_at(length);
            offset = offset_of(std::str::from_utf8(zone).ok()?)?;
            self.rest = rest;
        }
        self.skip(b" ");
        if self.rest.is_empty() { Some((offset, None)) } else { Some((offset, Some(self.number(4, 4)?))) }
    }

    /// `17:21:07`, with a fraction after `.` or `,`, `17:21`, `5:21:07 PM`.
    fn clock(&mut self) -> Option<i64> {
        let mut hour = self.number(1, 2)?;
        let separator = self.one_of(b":.")?;
        let before = self.rest.len();
        let minute = self.number(1, 2)?;
        let two_digits = before - self.rest.len() == 2;
        let mut fraction = 0;
        let mut second = 0;
        if matches!(self.rest, [s, b'0'..=b'9', ..] if *s == separator) {
            self.byte(separator)?;
            second = self.number(1, 2)?;
            fraction = self.fraction()?;
        } else if !two_digits || separator == b'.' {
            return None;
        }
        let unspaced = self.rest.strip_prefix(b" ").unwrap_or(self.rest);
        if let [half @ (b'A' | b'P' | b'a' | b'p'), b'M' | b'm', rest @ ..] = unspaced
            && rest.first().is_none_or(|b| !b.is_ascii_alphanumeric())
        {
            hour = hour % 12 + if half.eq_ignore_ascii_case(&b'p') { 12 } else { 0 };
            self.rest = rest;
        }
        Some(micros_of(hour, minute, second)? + fraction)
    }

    /// Digits after `.`, `,` or `:`, as microseconds; finer ones are cut off.
    fn fraction(&mut self) -> Option<i64> {
        if !matches!(self.rest, [b'.' | b',' | b':', b'0'..=b'9', ..]) {
            return Some(0);
        }
        let after_colon = self.rest.first() == Some(&b':');
        self.rest = &self.rest[1..];
        let before = self.rest.len();
        let value = self.number(1, 6)?;
        let digits = before - self.rest.len();
        self.skip(b"0123456789");
        if after_colon && digits <= 3 {
            // Not a fraction but a count of milliseconds, which may be written without its zeros.
            return Some(value * SECOND / 1_000);
        }
        Some(value * 10_i64.pow(6 - digits as u32))
    }
}

fn micros_of(hour: i64, minute: i64, second: i64) -> Option<i64> {
    // 60: a leap second; 24:00:00: the end of a day.
    let valid = hour <= 24 && minute < 60 && second <= 60;
    valid.then_some((hour * 3600 + minute * 60 + second) * SECOND)
}

/// Seconds, milliseconds, microseconds or nanoseconds since 1970, told apart by magnitude.
fn epoch(cursor: &mut Cursor) -> Option<Time> {
    let mut whole = cursor.number(1, 18)?;
    // Not every number of 19 digits is one of 63 bits.
    if cursor.rest.first().is_some_and(u8::is_ascii_digit) {
        whole = whole.checked_mul(10)?.checked_add(cursor.number(1, 1)?)?;
    }
    let unit = match whole {
        0..100_000_000_000 => SECOND,
        100_000_000_000..100_000_000_000_000 => SECOND / 1_000,
        100_000_000_000_000..100_000_000_000_000_000 => 1,
        _ => return cursor.fraction().map(|_| Time(whole / 1_000)),
    };
    let fraction = cursor.fraction()?;
    Some(Time(whole * unit + fraction * unit / SECOND))
}

/// The label of daemontools, `@` and 24 hexadecimal digits: TAI seconds (ten more than UTC in 1970) and nanoseconds.
fn tai64(cursor: &mut Cursor) -> Option<Time> {
    let digits = std::str::from_utf8(cursor.rest.get(1..25)?).ok()?;
    let seconds = i64::from_str_radix(digits.get(1..16)?, 16).ok().filter(|_| digits.starts_with('4'))?;
    let nanos = i64::from_str_radix(digits.get(16..)?, 16).ok()?;
    cursor.rest = &cursor.rest[25..];
    Some(Time(seconds.checked_sub(10)?.checked_mul(SECOND)?.checked_add(nanos / 1_000)?)).filter(|t| PLAUSIBLE.contains(&t.0))
}

/// Days from 1970-01-01 to a day of the Gregorian calendar (Howard Hinnant, "chrono-compatible low-level date algorithms").
fn days(year: i64, month: i64, day: i64) -> Option<i64> {
    let last = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => return None,
    };
    if day < 1 || day > last {
        return None;
    }
    let shifted = if month <= 2 { year - 1 } else { year };
    let era = shifted.div_euclid(400);
    let of_era = shifted.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    Some(era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468)
}

fn month_of(word: &[u8]) -> Option<i64> {
    Some(match &word.first_chunk::<3>()?.map(|letter| letter.to_ascii_lowercase()) {
        b"jan" => 1,
        b"feb" => 2,
        b"mar" => 3,
        b"apr" => 4,
        b"may" => 5,
        b"jun" => 6,
        b"jul" => 7,
        b"aug" => 8,
        b"sep" => 9,
        b"oct" => 10,
        b"nov" => 11,
        b"dec" => 12,
        _ => return None,
    })
}

/// Seconds east of UTC of `Z`, `+01:00`, `+0100`, `+01`, `UTC`, `CET`; a name may follow in parentheses.
pub fn offset_of(zone: &str) -> Option<i32> {
    let zone = zone.split_once(" (").map_or(zone, |(zone, _)| zone);
    let zone = zone.strip_prefix("UTC").or_else(|| zone.strip_prefix("GMT")).filter(|z| z.starts_with(['+', '-'])).unwrap_or(zone);
    let sign = match zone.as_bytes().first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return named_offset(zone),
    };
    let mut cursor = Cursor { rest: &zone.as_bytes()[1..], whole: true };
    let hours = cursor.number(1, 2)?;
    cursor.skip(b":");
    let minutes = if cursor.rest.is_empty() { 0 } else { cursor.number(2, 2)? };
    cursor.skip(b":");
    let seconds = if cursor.rest.is_empty() { 0 } else { cursor.number(2, 2)? };
    (cursor.rest.is_empty() && hours <= 18 && minutes < 60).then_some(sign * (hours * 3600 + minutes * 60 + seconds) as i32)
}

/// Abbreviations as PostgreSQL and Java print them. Where two regions share one, the more populous is meant.
fn named_offset(zone: &str) -> Option<i32> {
    let minutes = match zone {
        "Z" | "z" | "UTC" | "GMT" | "UCT" | "WET" | "Etc/UTC" => 0,
        "CET" | "BST" | "WEST" | "MEZ" => 60,
        "CEST" | "EET" | "SAST" | "MESZ" => 120,
        "EEST" | "MSK" => 180,
        "IST" => 330,
        "SGT" | "HKT" | "AWST" => 480,
        "JST" | "KST" => 540,
        "AEST" => 600,
        "AEDT" => 660,
        "NZST" => 720,
        "NZDT" => 780,
        "BRT" | "ART" => -180,
        "EDT" => -240,
        "EST" | "CDT" => -300,
        "CST" | "MDT" => -360,
        "MST" | "PDT" => -420,
        "PST" => -480,
        _ => return None,
    };
    Some(minutes * 60)
}

#[cfg(test)]
mod tests;
