//! Which series are counters, and what they count by second.
//!
//! Nothing is guessed where the source says it. Elsewhere a name must speak of a total and the values must behave like one: names alone
//! lie (`requests_sum` of an interval), and gauges may rise for an hour (memory).

use std::collections::BTreeMap;

use super::{Kind, Points, Raw, RawKey};

/// Endings by which Prometheus and OpenMetrics name totals.
const TOTAL_ENDINGS: [&str; 4] = ["_total", "_bucket", "_count", "_sum"];
/// Words of names that count events, where nothing else says so.
const EVENTS: &[&str] = &[
    "accepts",
    "accesses",
    "commits",
    "drops",
    "evictions",
    "failures",
    "faults",
    "handled",
    "hits",
    "interrupts",
    "misses",
    "queries",
    "questions",
    "reads",
    "received",
    "recv",
    "requests",
    "retransmits",
    "rollbacks",
    "sent",
    "switches",
    "timeouts",
    "transmitted",
    "waits",
    "writes",
];
/// Words by which such a name speaks of a level or of a rate all the same.
const LEVELS: &[&str] = &["active", "avg", "current", "max", "mean", "min", "pct", "per", "percent", "rate", "ratio", "waiting"];
/// Steps over all series of a name before their behaviour says anything; more where no ending supports it.
const FEWEST_STEPS: usize = 8;
const LONG_RUN: usize = 30;
/// Resets may be this share of the steps that rise.
const RESETS: f64 = 0.05;
/// After a reset at most this share of the total is there again.
const AFTER_RESET: f64 = 0.5;
/// Steps that rise, where no ending supports it: a total of events that nobody counts is no signal.
const RISING: f64 = 0.2;

/// How all series of one name behave.
#[derive(Default)]
struct Behaviour {
    steps: usize,
    rises: usize,
    /// Falls to less than half, and other falls.
    resets: usize,
    falls: usize,
    fractional: bool,
}

impl Behaviour {
    fn add(&mut self, points: &Points) {
        for pair in points.windows(2) {
            let (before, after) = (pair[0].1, pair[1].1);
            self.steps += 1;
            self.rises += usize::from(after > before);
            self.resets += usize::from(after < before && after <= AFTER_RESET * before);
            self.falls += usize::from(after < before && after > AFTER_RESET * before);
        }
        self.fractional |= points.iter().any(|p| p.1.fract() != 0.0);
        self.falls += points.iter().filter(|p| p.1 < 0.0).count();
    }

    /// Never falls but to begin anew.
    fn is_total(&self) -> bool {
        self.steps >= FEWEST_STEPS && self.falls == 0 && self.resets as f64 <= RESETS * self.rises as f64
    }

    fn counts_events(&self) -> bool {
        let rising = self.rises as f64 >= RISING * self.steps as f64;
        self.is_total() && self.steps >= LONG_RUN && self.resets == 0 && !self.fractional && rising
    }
}

/// Decides the kind of every series whose source does not say it, one decision for all series of a name.
pub fn settle_kinds(all: &mut [(RawKey, Raw)]) {
    let mut named: BTreeMap<String, Behaviour> = BTreeMap::new();
    let unknown = |raw: &Raw| raw.kind == Kind::Unknown;
    for (key, raw) in all.iter().filter(|(_, raw)| unknown(raw)) {
        named.entry(key.key.metric.to_string()).or_default().add(&raw.points);
    }
    for (key, raw) in all.iter_mut().filter(|(_, raw)| unknown(raw)) {
        let name = key.key.metric.as_str();
        let counter = named.get(name).is_some_and(|behaviour| is_counter(name, behaviour));
        raw.kind = if counter { Kind::Counter } else { Kind::Gauge };
    }
}

fn is_counter(name: &str, behaviour: &Behaviour) -> bool {
    let lower = name.to_ascii_lowercase();
    if TOTAL_ENDINGS.iter().any(|ending| lower.ends_with(ending)) {
        return behaviour.is_total();
    }
    let words: Vec<&str> = lower.split(|c: char| !c.is_alphanumeric()).collect();
    let says = |list: &[&str]| words.iter().any(|word| list.contains(word));
    says(EVENTS) && !says(LEVELS) && behaviour.counts_events()
}

/// Increase by second between successive samples, stamped with the later one. A total that fell began at zero again, so that all of it is
/// increase (Prometheus, "Query functions": `rate` adjusts for counter resets). Unlike `rate`, nothing is extrapolated to a window.
pub fn rates(points: &Points) -> Points {
    let increase = |before: f64, after: f64| if after < before { after } else { after - before };
    let rate = |w: &[(crate::model::Time, f64)]| Some((w[1].0, increase(w[0].1, w[1].1) / positive(w[1].0 - w[0].0)?));
    points.windows(2).filter_map(rate).collect()
}

fn positive(seconds: f64) -> Option<f64> {
    (seconds > 0.0).then_some(seconds)
}

/// The rates of counters that are exported together. One that appears later than the others stood at zero until then, since client
/// libraries create a label's series with its first event; unless what it shows at once is more than the others ever counted in one step,
/// which is a total that was merely not looked at before.
pub fn rates_together(counters: &[&Points]) -> Vec<Points> {
    let mut times: Vec<_> = counters.iter().flat_map(|points| points.iter().map(|p| p.0)).collect();
    times.sort();
    times.dedup();
    let increases = |points: &Points| points.windows(2).map(|w| w[1].1 - w[0].1).fold(0.0, f64::max);
    let most = counters.iter().map(|points| increases(points)).fold(0.0, f64::max);
    let born = |points: &&Points| {
        let (first, value) = *points.first()?;
        let gap = super::usual_gap(points);
        let before = times[..times.partition_point(|t| *t < first)].iter().rev().find(|t| 2 * (first.0 - t.0) > gap)?;
        (value <= most).then_some((*before, 0.0))
    };
    counters.iter().map(|points| rates(&born(points).into_iter().chain(points.iter().copied()).collect())).collect()
}
