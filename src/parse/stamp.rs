//! The time of the line before, by which the next one is read: most lines of a log differ in seconds and fractions alone.
//!
//! Times that write their year mean the same wherever they stand; of others the year follows from the records around them, which is asked again
//! for each line. Does not know the shapes of either.

use crate::model::Time;
use crate::model::time::SECOND;

use super::timestamp::Clock;

/// Times remembered at once, one an expression; further ones take turns.
const KEPT: usize = 32;

/// Bytes of a day without its year: `1122`.
const SHORTEST_DAY: usize = 4;

/// The times read last.
#[derive(Default)]
pub struct Stamps([Stamp; KEPT]);

#[derive(Default)]
struct Stamp {
    owner: usize,
    text: String,
    zone: String,
    /// Times like this one mean the same wherever they stand.
    fixed: bool,
    /// The whole time, where the same text means the same wherever it stands.
    same: Option<Time>,
    /// The instant at second 0 of the minute; `None`: nothing is remembered.
    minute: Option<Time>,
    /// Where the seconds stand, two digits.
    seconds: usize,
    /// Where what follows seconds and fraction begins.
    rest: usize,
    /// The year may not be written.
    yearless: bool,
}

impl Stamps {
    /// The time that `text` writes, and whether it means the same wherever it stands: by the one before of the same `owner` where that tells,
    /// else by `read`. `fixed`: `read` needs nothing but the text and the zone.
    pub fn read(
        &mut self,
        owner: usize,
        (text, zone): (&str, &str),
        fixed: bool,
        clock: &Clock,
        read: impl FnOnce() -> Option<Time>,
    ) -> Option<(Time, bool)> {
        if let Some(time) = Clock::read_count(text).filter(|_| !fixed) {
            return Some((time, true));
        }
        let stamp = &mut self.0[owner % KEPT];
        if stamp.owner == owner
            && let Some(time) = stamp.follow(text, zone)
            && (!stamp.yearless || clock.is_date_sure(time))
        {
            return Some((time, stamp.fixed));
        }
        let time = read()?;
        stamp.learn(owner, text, zone, time, fixed);
        Some((time, stamp.fixed))
    }
}

impl Stamp {
    fn follow(&self, text: &str, zone: &str) -> Option<Time> {
        let (text, known) = (text.as_bytes(), self.text.as_bytes());
        if text.len() != known.len() || self.zone.len() != zone.len() || !are_same(zone.as_bytes(), self.zone.as_bytes()) {
            return None;
        }
        if self.same.is_some() && are_same(text, known) {
            return self.same;
        }
        let minute = self.minute?;
        if !(are_same(&text[..self.seconds], &known[..self.seconds]) && are_same(&text[self.rest..], &known[self.rest..])) {
            return None;
        }
        let within = seconds_and_fraction(&text[self.seconds..self.rest])?;
        Some(Time(minute.0 + within))
    }

    fn learn(&mut self, owner: usize, text: &str, zone: &str, time: Time, fixed: bool) {
        (self.owner, self.same, self.minute) = (owner, fixed.then_some(time), None);
        text.clone_into(&mut self.text);
        zone.clone_into(&mut self.zone);
        let bytes = text.as_bytes();
        self.fixed = fixed || is_fixed(text);
        let written = seconds_of(bytes);
        self.yearless = written.is_none() && !fixed;
        let Some(seconds) = written.or_else(|| seconds_behind_day(bytes)) else { return };
        let fraction = match bytes.get(seconds + 2) {
            Some(b'.' | b',') => bytes[seconds + 3..].iter().take_while(|byte| byte.is_ascii_digit()).count(),
            _ => 0,
        };
        let rest = seconds + 2 + if fraction > 0 { fraction + 1 } else { 0 };
        let Some(within) = seconds_and_fraction(&bytes[seconds..rest]) else { return };
        (self.seconds, self.rest) = (seconds, rest);
        self.minute = Some(Time(time.0 - within));
    }
}

/// Whether two short texts of one length are the same. A call of `memcmp` for texts of no bytes, which stand nowhere, took a sixth of the time
/// of reading some logs: a masked load from an address that cannot be read is slow even where it reads nothing.
fn are_same(text: &[u8], known: &[u8]) -> bool {
    let (words, known_words) = (text.as_chunks::<8>().0, known.as_chunks::<8>().0);
    // The last bytes may be compared twice.
    match (text.last_chunk::<8>(), known.last_chunk::<8>()) {
        (Some(last), Some(known)) => last == known && words.iter().zip(known_words).all(|(word, known)| word == known),
        _ => text.iter().eq(known),
    }
}

/// Whether a time means the same wherever it stands: it writes its year, or counts from 1970.
pub fn is_fixed(text: &str) -> bool {
    let text = text.as_bytes();
    seconds_of(text).is_some() || (text.len() >= 10 && text.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.'))
}

/// Where the seconds of `2026-11-22T17:21:07` or `22/Nov/2026:17:21:07` stand.
fn seconds_of(text: &[u8]) -> Option<usize> {
    let digits = |places: &[usize]| places.iter().all(|at| text.get(*at).is_some_and(u8::is_ascii_digit));
    let iso = || digits(&[0, 1, 2, 3, 5, 6, 8, 9]) && matches!(text.get(4), Some(b'-' | b'/' | b'.')) && text.get(7) == text.get(4);
    let common = || digits(&[0, 1, 7, 8, 9, 10]) && text.get(2) == Some(&b'/') && text.get(6) == Some(&b'/') && text.get(11) == Some(&b':');
    let hour = if iso() { 11 } else { 12 };
    let clock = digits(&[hour, hour + 1, hour + 3, hour + 4, hour + 6, hour + 7])
        && text.get(hour + 2) == Some(&b':')
        && text.get(hour + 5) == Some(&b':');
    (clock && (hour == 11 || common())).then_some(hour + 6)
}

/// Where the seconds of the clock stand behind what may be a day: `Nov 22 17:21:07`, `1122 17:21:07.824`.
fn seconds_behind_day(text: &[u8]) -> Option<usize> {
    let is_clock =
        |clock: &[u8]| clock.iter().enumerate().all(|(at, byte)| if at % 3 == 2 { *byte == b':' } else { byte.is_ascii_digit() });
    let clock = text.windows(8).position(is_clock)?;
    let day = text[..clock].strip_suffix(b" ")?;
    // A clock alone is of the nearest day, which is not asked for.
    (day.len() >= SHORTEST_DAY && day.iter().any(u8::is_ascii_digit)).then_some(clock + 6)
}

/// Microseconds of `07`, `07.824`, `07,824123`; finer digits are cut off. `None` for what is no second of a minute.
fn seconds_and_fraction(text: &[u8]) -> Option<i64> {
    let digit = |byte: u8| byte.is_ascii_digit().then(|| i64::from(byte - b'0'));
    let (seconds, fraction) = text.split_at_checked(2)?;
    let seconds = digit(seconds[0])? * 10 + digit(seconds[1])?;
    let micros = match fraction.split_first() {
        None => 0,
        Some((b'.' | b',', digits)) => {
            let (coarse, finer) = digits.split_at(digits.len().min(MICROS.len() - 1));
            let number = coarse.iter().try_fold(0, |number, byte| Some(number * 10 + digit(*byte)?))?;
            finer.iter().all(u8::is_ascii_digit).then_some(number * MICROS[coarse.len()])?
        }
        Some(_) => return None,
    };
    (seconds < 60).then_some(seconds * SECOND + micros)
}

/// Microseconds of one in the last place of a fraction of so many digits.
const MICROS: [i64; 7] = [1_000_000, 100_000, 10_000, 1_000, 100, 10, 1];

#[cfg(test)]
mod tests {
    use super::super::timestamp::Clock;
    use super::*;

    /// Reads all texts one after the other and each for itself.
    fn check(texts: &[&str]) -> usize {
        let (mut stamps, mut asked) = (Stamps::default(), 0);
        for text in texts {
            let alone = Clock::default().read(text, None);
            let followed = stamps.read(7, (text, ""), false, &Clock::default(), || {
                asked += 1;
                Clock::default().read(text, None)
            });
            assert_eq!(followed, alone.map(|time| (time, is_fixed(text))), "{text}");
        }
        asked
    }

    #[test]
    fn seconds_and_fractions_follow() {
        assert_eq!(check(&["2026-11-22T17:21:07.824Z", "2026-11-22T17:21:07.825Z", "2026-11-22T17:21:59.001Z"]), 1);
        assert_eq!(check(&["2026-11-22 17:21:07,8241239", "2026-11-22 17:21:08,8241239"]), 1);
        assert_eq!(check(&["22/Nov/2026:17:21:07 +0100", "22/Nov/2026:17:21:08 +0100", "22/Nov/2026:17:21:08 +0000"]), 2);
        assert_eq!(check(&["2026/11/22 17:21:07", "2026/11/22 17:22:07", "2026/11/22 17:22:60", "2026/11/22 17:22:61"]), 4);
        assert_eq!(check(&["2026-11-22T17:21:07.8Z", "2026-11-22T17:21:07.xZ", "2026-11-22T17:21:07.82Z", "2026-11-22T17:21"]), 4);
        assert_eq!(check(&["Nov 22 17:21:07", "17:21:07", "1794936067", "1794936068", ""]), 3);
    }

    #[test]
    fn the_same_text_is_read_once_where_it_means_the_same() {
        let (mut stamps, mut asked) = (Stamps::default(), 0);
        let mut read = |owner, text, zone, fixed| {
            stamps.read(owner, (text, zone), fixed, &Clock::default(), || {
                asked += 1;
                Some(Time(7))
            })
        };
        let times = [(1, "a", "", true), (1, "a", "", true), (1, "a", "CET", true), (2, "a", "CET", false), (2, "a", "CET", false)];
        times.into_iter().for_each(|(owner, text, zone, fixed)| assert_eq!(read(owner, text, zone, fixed), Some((Time(7), fixed))));
        assert_eq!(asked, 4);
    }

    /// Reads all texts one after the other and each for itself, near the time read last.
    fn check_near(texts: &[&str], latest: Option<Time>, near: &str) -> usize {
        let mut clock = Clock { near: Clock::default().read(near, None), latest, ..Clock::default() };
        let (mut stamps, mut asked) = (Stamps::default(), 0);
        for text in texts {
            let alone = clock.read(text, None);
            // Texts of one length are of one expression here.
            let followed = stamps.read(text.len(), (text, ""), false, &clock, || {
                asked += 1;
                alone
            });
            assert_eq!(followed, alone.map(|time| (time, is_fixed(text))), "{text}");
            clock.near = alone.or(clock.near);
        }
        asked
    }

    #[test]
    fn a_year_that_is_not_written_is_asked_for() {
        let check = |texts: &[&str]| check_near(texts, None, "2026-11-22 17:00:00");
        assert_eq!(check(&["Nov 22 17:21:07", "Nov 22 17:21:08", "Nov 22 17:21:59", "Nov 22 17:22:00"]), 2);
        assert_eq!(check(&["1122 17:21:07.824417", "1122 17:21:08.000001", "1122 17:21:60.5", "1122 17:21:08.5"]), 3);
        assert_eq!(check(&["22 Nov 2026 17:21:07.824", "22 Nov 2026 17:21:08.824", "11.22 17:21:07", "11.22 17:21:08"]), 2);
        // Behind blanks too a clock is of the nearest day, and of the orders of a date the one counts that is near now.
        assert_eq!(check_near(&["     00:30:07", "Nov 23 23:40:00", "     00:30:08"], None, "2026-11-22 23:00:00"), 3);
        assert_eq!(check_near(&["12/11/2026 17:21:02", "Nov 12 17:21:02", "12/11/2026 17:21:08"], None, "2026-12-10 17:00:00"), 3);
        // A clock alone, and a day that is far from those around it.
        assert_eq!(check(&["17:21:07", "17:21:08", "x 17:21:08"]), 3);
        assert_eq!(check(&["Jun 22 17:21:07", "Nov 22 17:21:07", "Jun 22 17:21:07", "Jun 22 17:21:08"]), 3);
        // What would be to come is of the year before.
        let latest = Clock::default().read("2026-11-20 00:00:00", None);
        assert_eq!(check_near(&["Nov 22 17:21:07", "Nov 22 17:21:08", "Nov 19 17:21:08"], latest, "2026-11-20 00:00:00"), 2);
    }

    proptest::proptest! {
        #[test]
        fn any_two_times_without_a_year(
            a in "(     |12/11/2026|10[.]11[.]26|Nov 2[0-9]|Nov  [1-9]|112[0-9]|11[.]2[0-9]|Jan  1|Dec 31) (17|23|00):[25][0-9]:[0-6][0-9]([.,][0-9]{1,6})?",
            b in "(     |11/12/2026|11/12/26|Nov 2[0-9]|Nov  [1-9]|112[0-9]|11[.]2[0-9]|Jan  1|Dec 31) (17|23|00):[25][0-9]:[0-6][0-9]([.,][0-9]{1,6})?",
            near in "20(25|26)-(11-1[0-3]|12-1[0-3]|11-22|12-31|01-01|06-15) 23:00:00", second in "[0-9x]{2}",
        ) {
            let place = a.rfind(':').unwrap() + 1;
            let other = format!("{}{second}{}", &a[..place], &a[place + 2..]);
            for latest in [None, Clock::default().read("2026-11-22 17:00:00", None)] {
                check_near(&[&a, &b, &other, &a, &b], latest, &near);
            }
        }

        #[test]
        fn any_two_times(a in "(2026-11-2[0-9][T ]17:2[0-9]:[0-6][0-9]([.,][0-9]{1,8})?(Z|[+]01:00)?)", b in "(2026-11-2[0-9][T ]17:2[0-9]:[0-6][0-9]([.,][0-9]{1,8})?(Z|[+]01:00)?)", second in "[0-9x]{2}") {
            check(&[&a, &b, &format!("{}{second}{}", &a[..17], &a[19..])]);
        }
    }
}
