//! Dates of banners, times of day of rows, and both together.

use crate::model::Time;
use crate::model::time::SECOND;
use crate::parse::series::labels::Setting;
use crate::parse::timestamp::Clock;

const DAY: i64 = 86_400 * SECOND;
/// A clock that goes back by more than this many seconds has passed midnight.
const ROLLOVER: i64 = 43_200;

/// The day that rows without a date belong to.
#[derive(Clone, Copy, Debug, Default)]
pub struct Day {
    /// Midnight in the time zone of the rows, as if that were UTC.
    midnight: Option<i64>,
    /// Seconds after midnight of the row before.
    last: i64,
}

impl Day {
    /// The day of a banner. `12/08/23` is taken for the reading that is nearer to the other files, American where nothing is known.
    pub fn of(date: &str, near: Option<Time>) -> Day {
        let candidates = dates(date);
        let distance = |midnight: &&i64| near.map_or(0, |near| (near.0 - **midnight).abs());
        Day { midnight: candidates.iter().min_by_key(distance).copied(), last: 0 }
    }

    /// The instant of a time of day, which moves on to the next day behind midnight.
    pub fn at(&mut self, seconds: i64, setting: &Setting<'_>, offset: i32) -> Option<Time> {
        let offset = i64::from(offset) * SECOND;
        let near = || setting.clock.near.map(|near| (near.0 + offset).div_euclid(DAY) * DAY);
        let midnight = self.midnight.or_else(near)?;
        let midnight = if seconds + ROLLOVER < self.last { midnight + DAY } else { midnight };
        (self.midnight, self.last) = (Some(midnight), seconds);
        Some(Time(midnight + seconds * SECOND - offset))
    }
}

/// All days that a date can mean.
fn dates(date: &str) -> Vec<i64> {
    let parts: Vec<&str> = date.split(['/', '-', '.']).collect();
    let [a, b, c] = parts.as_slice() else { return Vec::new() };
    let year = |y: &str| if y.len() == 2 { format!("20{y}") } else { y.to_owned() };
    let orders = if a.len() == 4 {
        vec![(year(a), *b, *c)]
    } else if date.contains('.') {
        vec![(year(c), *b, *a)]
    } else {
        vec![(year(c), *a, *b), (year(c), *b, *a)]
    };
    let midnight = |(year, month, day): (String, &str, &str)| Clock::default().read(&format!("{year}-{month}-{day}"), None);
    orders.into_iter().filter_map(midnight).map(|time| time.0).collect()
}

/// Seconds after midnight of `14:30:01` or `02:30:01 PM`, and how many words that took.
pub fn time_of_day(words: &[&str]) -> (Option<i64>, usize) {
    let Some(clock) = words.first().and_then(|word| seconds_of(word)) else { return (None, 0) };
    match words.get(1) {
        Some(half) if half.eq_ignore_ascii_case("AM") => (Some(clock % 43_200), 2),
        Some(half) if half.eq_ignore_ascii_case("PM") => (Some(clock % 43_200 + 43_200), 2),
        _ => (Some(clock), 1),
    }
}

fn seconds_of(word: &str) -> Option<i64> {
    let parts: Vec<&str> = word.split(':').collect();
    let [hour, minute, second] = parts.as_slice() else { return None };
    let part = |text: &str, most: i64| text.parse::<i64>().ok().filter(|n| (0..=most).contains(n) && text.len() == 2);
    Some(part(hour, 24)? * 3600 + part(minute, 59)? * 60 + part(second, 60)?)
}

/// A line of a date and a time alone: `08/12/2023 02:30:00 PM`, `2023-08-12T14:30:00+0000`.
pub fn date_and_clock(words: &[&str], setting: &Setting<'_>, day: &Day) -> Option<Time> {
    match words {
        [one] if one.contains('T') => setting.clock.read(one, None),
        [date, clock @ ..] if (1..=2).contains(&clock.len()) && date.contains(['/', '-', '.']) => {
            let (seconds, taken) = time_of_day(clock);
            (taken == clock.len()).then_some(())?;
            let banner = day.midnight.map(Time).or(setting.clock.near);
            Day::of(date, banner).at(seconds?, setting, setting.clock.utc_offset)
        }
        _ => None,
    }
}
