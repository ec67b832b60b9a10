//! Whether a source that wrote steadily fell silent.
//!
//! A silence is judged against the source's own rhythm alone: a nightly job may be quiet for a day, a busy proxy not for a minute.
//! Bounded memory, one pass. Does not know other sources.

use crate::model::leb128::{read, unzigzag, write, zigzag};
use crate::model::time::SECOND;
use crate::model::{Gap, Time, TimeSpan};

/// Records of one such span of the clock are one beat: programs write in bursts, whose inner distances say nothing of silence.
/// Microseconds.
const BEAT: i64 = SECOND;
/// Fewer distances have no 99th percentile.
const FEWEST: u64 = 100;
/// Shorter silences are nobody's concern: most metrics are not even sampled so often. Seconds.
const SHORTEST: f64 = 60.0;
/// How probable it may be that a source whose distances are exponential shows a silence that is told, by chance.
const FALSE_ALARM: f64 = 0.001;
/// Silences that are told.
const TOLD: usize = 3;
/// Silences that are kept until the rhythm is known.
const KEPT: usize = 16;
/// Bins an octave; a bin is at most 19 % wide.
const BINS_PER_OCTAVE: f64 = 4.0;
/// One second to 2^32 seconds.
const BINS: usize = 128;

/// The records of one second, as far as a rhythm needs them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Beat {
    first: Time,
    last: Time,
    /// Line of the last one.
    line: u64,
}

impl Beat {
    fn second(&self) -> i64 {
        self.first.0.div_euclid(BEAT)
    }
}

/// The distances between a source's records, thinned to the seconds in which there are any.
#[derive(Clone, Debug)]
pub struct Rhythm {
    now: Option<Beat>,
    bins: [u64; BINS],
    count: u64,
    /// The longest, longest first.
    longest: Vec<Gap>,
}

impl Default for Rhythm {
    fn default() -> Rhythm {
        Rhythm { now: None, bins: [0; BINS], count: 0, longest: Vec::new() }
    }
}

/// The beats of a part of a source, for the rhythm of the whole: what was late in the part is late in the whole. Most are a second or two
/// behind the one before, so that each takes seven bytes or so.
#[derive(Clone, Debug, Default)]
pub struct Beats {
    /// All but the last, each as what it is more than the one before.
    packed: Vec<u8>,
    last: Option<Beat>,
    /// When the second of the last one ends.
    ends: Time,
    /// The last one packed.
    before: Beat,
}

impl Beats {
    /// Takes note of a record.
    #[inline]
    pub fn beat(&mut self, time: Time, line: u64) {
        match &mut self.last {
            Some(now) if time < now.last => {}
            Some(now) if time < self.ends => (now.last, now.line) = (time, line),
            _ => self.push(Beat { first: time, last: time, line }),
        }
    }

    fn push(&mut self, beat: Beat) {
        self.ends = Time(beat.second().saturating_add(1).saturating_mul(BEAT));
        let Some(done) = self.last.replace(beat) else { return };
        let before = std::mem::replace(&mut self.before, done);
        write(&mut self.packed, zigzag(done.first.0.wrapping_sub(before.last.0)));
        write(&mut self.packed, zigzag(done.last.0.wrapping_sub(done.first.0)));
        write(&mut self.packed, done.line.wrapping_sub(before.line));
    }

    fn iter(&self) -> impl Iterator<Item = Beat> + '_ {
        let (mut packed, mut before) = (self.packed.as_slice(), Beat::default());
        let mut number = move || read(&mut packed);
        let done = std::iter::from_fn(move || {
            let first = Time(before.last.0.wrapping_add(unzigzag(number()?)));
            let last = Time(first.0.wrapping_add(unzigzag(number()?)));
            before = Beat { first, last, line: before.line.wrapping_add(number()?) };
            Some(before)
        });
        done.chain(self.last)
    }

    /// First and last time and line of each second that counts, for keeping.
    pub fn all(&self) -> impl Iterator<Item = (Time, Time, u64)> {
        self.iter().map(|beat| (beat.first, beat.last, beat.line))
    }

    /// Those that were kept.
    pub fn kept(all: impl IntoIterator<Item = (Time, Time, u64)>) -> Beats {
        let mut beats = Beats::default();
        all.into_iter().for_each(|(first, last, line)| beats.push(Beat { first, last, line }));
        beats
    }

    /// Gives every beat the line number that `number` says.
    pub fn renumber(&mut self, number: &dyn Fn(u64) -> u64) {
        *self = Beats::kept(self.all().map(|(first, last, line)| (first, last, number(line))));
    }
}

impl Rhythm {
    /// Takes note of the next part of a source. A record that is older than those before it was delayed on its way.
    pub fn follow(&mut self, part: &Beats) {
        part.iter().for_each(|beat| self.take(beat));
    }

    fn take(&mut self, beat: Beat) {
        let Some(now) = &mut self.now else {
            self.now = Some(beat);
            return;
        };
        if beat.last < now.last {
            return;
        }
        if beat.second() == now.second() {
            (now.last, now.line) = (beat.last, beat.line);
            return;
        }
        let distance = (beat.second() - now.second()).saturating_mul(BEAT);
        let gap = Gap { span: TimeSpan { start: now.last, end: beat.first }, line: now.line, to_the_end: false };
        self.now = Some(beat);
        self.count += 1;
        self.bins[bin(distance)] += 1;
        if gap.span.seconds() >= SHORTEST {
            let place = self.longest.partition_point(|kept| kept.span.seconds() >= gap.span.seconds());
            self.longest.insert(place, gap);
            self.longest.truncate(KEPT);
        }
    }

    /// The longest silence that the rhythm explains, in seconds.
    ///
    /// Were the distances exponential with mean m, the longest of n would exceed m ln(n / a) with probability a (the maximum of n
    /// exponential variables; David and Nagaraja, Order Statistics, 3rd ed., 2003, ch. 10). Real distances have heavier tails, so m is
    /// taken from whichever of three quantiles asks for the most; the highest is the 99th percentile, which silences themselves, being
    /// rare, do not move.
    pub fn longest_usual(&self) -> Option<f64> {
        if self.count < FEWEST {
            return None;
        }
        let means = [0.5, 0.9, 0.99].map(|p: f64| self.quantile(p) / (1.0 / (1.0 - p)).ln());
        let mean = means.into_iter().fold(0.0, f64::max);
        Some((mean * (self.count as f64 / FALSE_ALARM).ln()).max(SHORTEST))
    }

    /// The silences that the rhythm does not explain, by time; the longest few.
    pub fn gaps(&self) -> Vec<Gap> {
        let Some(usual) = self.longest_usual() else { return Vec::new() };
        let mut gaps: Vec<Gap> = self.longest.iter().filter(|gap| gap.span.seconds() > usual).take(TOLD).copied().collect();
        gaps.sort_by_key(|gap| gap.span.start);
        gaps
    }

    /// Upper end of the bin that holds the quantile, in seconds.
    fn quantile(&self, p: f64) -> f64 {
        let rank = (p * self.count as f64).ceil() as u64;
        let mut below = 0;
        let found = self.bins.iter().position(|n| {
            below += n;
            below >= rank
        });
        ((found.unwrap_or(BINS - 1) + 1) as f64 / BINS_PER_OCTAVE).exp2()
    }
}

fn bin(distance: i64) -> usize {
    let octaves = (distance as f64 / SECOND as f64).max(1.0).log2();
    ((octaves * BINS_PER_OCTAVE) as usize).min(BINS - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rhythm(seconds: impl IntoIterator<Item = f64>) -> Rhythm {
        let mut rhythm = Rhythm::default();
        let mut beats = Beats::default();
        for (line, at) in (1..).zip(seconds) {
            beats.beat(Time(0).plus_seconds(at), line);
        }
        rhythm.follow(&beats);
        rhythm
    }

    /// (start, length, line before) of every silence, in seconds.
    fn gaps(seconds: impl IntoIterator<Item = f64>) -> Vec<(f64, f64, u64)> {
        rhythm(seconds).gaps().iter().map(|g| (g.span.start.seconds(), g.span.seconds(), g.line)).collect()
    }

    fn every(step: f64, from: f64, count: u32) -> impl Iterator<Item = f64> {
        (0..count).map(move |i| from + f64::from(i) * step)
    }

    #[test]
    fn too_little_has_no_rhythm() {
        assert_eq!(rhythm([]).longest_usual(), None);
        assert_eq!(gaps([5.0]), []);
        assert_eq!(gaps(every(1.0, 0.0, 50).chain(every(1.0, 9_000.0, 40))), []);
        assert_eq!(gaps(every(0.0, 7.0, 10_000)), []);
    }

    #[test]
    fn a_silence_against_the_own_rhythm_is_told() {
        // Ten records a second, two minutes of nothing.
        assert_eq!(gaps(every(0.1, 0.0, 3_001).chain(every(0.1, 420.0, 3_000))), [(300.0, 120.0, 3_001)]);
        // The same two minutes are usual for what writes once a minute.
        assert_eq!(gaps(every(60.0, 0.0, 200).chain(every(60.0, 12_060.0, 200))), []);
        assert_eq!(gaps(every(60.0, 0.0, 200).chain(every(60.0, 40_000.0, 200))), [(11_940.0, 28_060.0, 200)]);
    }

    #[test]
    fn bursts_and_nights_are_a_rhythm_too() {
        // A job that writes two hundred lines every five minutes.
        assert_eq!(gaps((0..150).flat_map(|job| every(0.01, f64::from(job) * 300.0, 200))), []);
        // By day every second, by night every half minute.
        assert_eq!(gaps(every(1.0, 0.0, 50_000).chain(every(30.0, 50_000.0, 900))), []);
    }

    proptest::proptest! {
        #[test]
        fn parts_cannot_be_seen(steps in proptest::collection::vec(-3_000_000_i64..90_000_000, 1..80), cut in 0_usize..80) {
            let mut time = 0;
            let times: Vec<Time> = steps.iter().map(|step| { time += step / 7; Time(time) }).collect();
            let (mut whole, mut joined) = (Rhythm::default(), Rhythm::default());
            let (mut all, mut parts) = (Beats::default(), [Beats::default(), Beats::default()]);
            for (line, time) in (1..).zip(&times) {
                all.beat(*time, line);
                parts[usize::from(line as usize > cut)].beat(*time, line);
            }
            whole.follow(&all);
            parts.iter().for_each(|part| joined.follow(part));
            proptest::prop_assert_eq!((whole.bins, &whole.longest, whole.now), (joined.bins, &joined.longest, joined.now));
        }
    }

    proptest::proptest! {
        #[test]
        fn what_was_packed_is_whole(beats in proptest::collection::vec((proptest::prelude::any::<i64>(), proptest::prelude::any::<i64>(), proptest::prelude::any::<u64>()), 0..20)) {
            let beats: Vec<(Time, Time, u64)> = beats.into_iter().map(|(first, last, line)| (Time(first), Time(last), line)).collect();
            proptest::prop_assert_eq!(Beats::kept(beats.clone()).all().collect::<Vec<_>>(), beats);
        }
    }

    #[test]
    fn a_beat_takes_a_few_bytes() {
        let mut beats = Beats::default();
        (0..10_000).for_each(|beat| beats.beat(Time(1_700_000_000_000_000 + beat * 1_300_000), 7 * beat as u64));
        assert!(beats.packed.len() < 60_000, "{}", beats.packed.len());
    }

    #[test]
    fn late_records_and_many_silences() {
        assert_eq!(gaps(every(1.0, 0.0, 500).chain([10.0, -5.0]).chain(every(1.0, 500.0, 500))), []);
        let many = gaps((0..10).flat_map(|i| every(1.0, f64::from(i) * 2_000.0 + f64::from(i), 500)));
        assert_eq!(many.len(), TOLD);
        assert!(many.is_sorted_by(|a, b| a.0 < b.0));
    }
}
