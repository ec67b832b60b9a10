//! Alerting rules for what was found, each with what it would have done on the data at hand.
//!
//! Limits lie between what the quiet time reached and what the incident showed; where these do not separate there is no rule. A limit on
//! a share of failed requests is at least 14.4 times the budget of a 99.9 % objective, the fast burn of the SRE workbook (chapter 5).

use std::collections::BTreeMap;

use crate::model::{
    Alarm, Backtest, Cause, Condition, Evidence, Finding, IncidentSignal, MetricName, Origin, ServiceName, TestSeries, Time, TimeSpan,
    Verdict,
};
use crate::signal::{Outcomes, Signals};
use crate::stats;

use super::{Material, charts, promql};

/// Seconds between two samples and between two evaluations, where the windows of counts are not wider.
const INTERVAL: f64 = 15.0;
/// More evaluations than this and the interval doubles.
const MOST_EVALUATIONS: f64 = 20_000.0;
/// A rule should hold for so many seconds; the first that fires without a false alarm is taken.
const HOLDS: [f64; 5] = [60.0, 120.0, 300.0, 30.0, 0.0];
/// 14.4 times the error budget of a 99.9 % objective.
const FAST_BURN: f64 = 0.0144;
/// Seconds for which Prometheus goes on showing the last sample of a series.
const LOOKBACK: f64 = 300.0;
/// Rules on metrics, and rules on messages, of one incident.
const MOST_METRICS: usize = 4;
const MOST_MESSAGES: usize = 2;
/// Causes whose evidence is turned into rules.
const LEADING: usize = 2;
/// Shortest text that tells one kind of message from the others.
const SHORTEST_TEXT: usize = 12;
/// The name of a counter of requests, and of a histogram of their durations in seconds, in test series and rules.
pub const REQUESTS: &str = "http_requests_total";
/// The histogram of durations in seconds.
pub const DURATIONS: &str = "http_request_duration_seconds";

/// The rules for the incident of verdict `index`, those that tell earliest of users first.
pub fn propose(material: &Material<'_>, index: usize) -> Vec<Alarm> {
    let verdict = &material.verdicts[index];
    let bench = Bench::new(material, index);
    let mut alarms: Vec<Alarm> = candidates(material.signals, verdict).into_iter().filter_map(|c| bench.tried(c)).collect();
    let mut seen: Vec<(ServiceName, Condition)> = Vec::new();
    alarms.retain(|a| {
        let own = (a.service.clone(), a.condition.clone());
        let new = !seen.contains(&own);
        seen.push(own);
        new
    });
    for i in 0..alarms.len() {
        let taken = alarms[..i].iter().filter(|a| a.name == alarms[i].name).count();
        if taken > 0 {
            alarms[i].name.push_str(&(taken + 1).to_string());
        }
    }
    alarms
}

/// A rule without its limit.
struct Candidate {
    service: ServiceName,
    looks_at: LooksAt,
    origin: Option<Origin>,
}

enum LooksAt {
    Failed,
    Slow { seconds: f64 },
    Metric { metric: MetricName, rises: bool },
    Messages { contains: String },
}

fn candidates(signals: &Signals, verdict: &Verdict) -> Vec<Candidate> {
    let mut all = Vec::new();
    let leading: Vec<&Cause> = verdict.causes.iter().take(LEADING).collect();
    let entries = signals.entries.iter().chain(leading.iter().map(|c| &c.service));
    let mut services: Vec<&ServiceName> = Vec::new();
    for service in entries.filter(|s| signals.outcomes.contains_key(*s)) {
        if !services.contains(&service) {
            services.push(service);
        }
    }
    for service in services {
        all.push(Candidate { service: service.clone(), looks_at: LooksAt::Failed, origin: None });
        if let IncidentSignal::SlowRequests { threshold } = verdict.incident.signal {
            let looks_at = LooksAt::Slow { seconds: rounded(threshold as f64 / 1e6) };
            all.push(Candidate { service: service.clone(), looks_at, origin: None });
        }
    }
    let own = verdict.causes.first().map(|c| c.service.clone());
    all.extend(metrics(verdict, &leading));
    all.extend(leading.iter().flat_map(|c| &c.evidence).filter_map(|e| message(signals, e, own.as_ref())).take(MOST_MESSAGES));
    all
}

fn metrics(verdict: &Verdict, leading: &[&Cause]) -> Vec<Candidate> {
    let mut found: Vec<Candidate> = Vec::new();
    if let (IncidentSignal::Metric { metric }, Some(service)) = (&verdict.incident.signal, verdict.incident.services.first()) {
        let rises =
            |rises| Candidate { service: service.clone(), looks_at: LooksAt::Metric { metric: metric.clone(), rises }, origin: None };
        found.extend([rises(true), rises(false)]);
    }
    for evidence in leading.iter().flat_map(|c| &c.evidence).filter(|e| e.supports()) {
        let rises = match &evidence.finding {
            Finding::MetricShift { before, during, .. } => during >= before,
            Finding::Saturated { .. } => true,
            _ => continue,
        };
        if let Some((service, metric)) = charts::named(evidence) {
            found.push(Candidate { service, looks_at: LooksAt::Metric { metric, rises }, origin: evidence.origins.first().cloned() });
        }
    }
    found.truncate(MOST_METRICS);
    found
}

/// A message of the guilty service that surged, by the longest text that all of its kind share.
fn message(signals: &Signals, evidence: &Evidence, own: Option<&ServiceName>) -> Option<Candidate> {
    let Finding::Surge { service, text, .. } = &evidence.finding else { return None };
    if !evidence.supports() || own != Some(service) {
        return None;
    }
    let symbol = signals.tally.symbols.find(service.as_str())?;
    let first_line = |text: &str| text.lines().next().unwrap_or_default().to_owned();
    let counts = signals.tally.records_sorted().into_iter().filter(|(key, _)| key.service == symbol);
    let (key, _) = counts.into_iter().find(|(_, c)| c.exemplars.iter().any(|e| first_line(&e.text) == first_line(text)))?;
    let template = signals.tally.symbols.text(key.template);
    // Message and error text stand in different fields of a structured record, so that only one of them can be looked for.
    let parts = template.split("<*>").flat_map(|part| part.split(" | ")).map(|part| part.trim_matches([' ', '|']));
    let contains = parts.filter(|part| text.contains(part) && !part.contains(['"', '\\'])).max_by_key(|p| p.len())?.to_owned();
    (contains.len() >= SHORTEST_TEXT).then(|| Candidate {
        service: service.clone(),
        looks_at: LooksAt::Messages { contains },
        origin: evidence.origins.first().cloned(),
    })
}

/// Where rules are tried.
struct Bench<'a> {
    signals: &'a Signals,
    incident: TimeSpan,
    /// Spans in which firing is no false alarm.
    troubled: Vec<TimeSpan>,
    start: Time,
    interval: f64,
    evaluations: usize,
    window: f64,
}

impl<'a> Bench<'a> {
    fn new(material: &Material<'a>, index: usize) -> Bench<'a> {
        let signals = material.signals;
        let mut interval = INTERVAL.max(signals.step.seconds());
        while signals.span.seconds() / interval > MOST_EVALUATIONS {
            interval *= 2.0;
        }
        let micros = (interval * 1e6) as i64;
        let start = Time(signals.span.start.0.div_euclid(micros) * micros);
        let incident = material.verdicts[index].incident.span;
        Bench {
            signals,
            incident,
            troubled: material.others(index),
            start,
            interval,
            evaluations: ((signals.span.end - start) / interval).floor() as usize + 1,
            // No multiple of the interval, see `promql`.
            window: 4.0 * interval + (interval * 2.0 / 3.0).round(),
        }
    }

    fn at(&self, i: usize) -> Time {
        self.start.plus_seconds(i as f64 * self.interval)
    }

    /// Evaluations within a span.
    fn values_within<'v>(&'v self, values: &'v [Option<f64>], span: TimeSpan) -> impl Iterator<Item = f64> + 'v {
        (0..values.len()).filter(move |i| span.contains(self.at(*i))).filter_map(|i| values[i]).filter(|v| v.is_finite())
    }

    /// Whether an evaluation is at a time that is normal, with room for windows that still hold an incident.
    fn is_quiet(&self, i: usize, hold: f64) -> bool {
        let time = self.at(i);
        let lasts =
            |span: &TimeSpan| TimeSpan { start: span.start, end: span.end.plus_seconds(self.window + hold + self.interval) }.contains(time);
        !lasts(&self.incident) && !self.troubled.iter().any(lasts)
    }

    fn tried(&self, candidate: Candidate) -> Option<Alarm> {
        let Candidate { service, looks_at, origin } = candidate;
        let (values, series) = self.evaluated(&service, &looks_at)?;
        let quiet: Vec<f64> =
            (0..values.len()).filter(|i| self.is_quiet(*i, 0.0)).filter_map(|i| values[i]).filter(|v| v.is_finite()).collect();
        let hurt: Vec<f64> = self.values_within(&values, self.incident).collect();
        let rises = !matches!(looks_at, LooksAt::Metric { rises: false, .. });
        let sign = if rises { 1.0 } else { -1.0 };
        let reached = quiet.iter().map(|v| v * sign).fold(f64::NEG_INFINITY, f64::max) * sign;
        let typical = stats::quantile(&hurt, if rises { 0.6 } else { 0.4 })?;
        let least = if matches!(looks_at, LooksAt::Failed) { FAST_BURN } else { 0.0 };
        let limit = limit(if quiet.is_empty() { None } else { Some(reached) }, typical, least, rises)?;
        let beyond = |v: &Option<f64>| v.is_some_and(|v| if rises { v > limit } else { v < limit });
        let holds: Vec<bool> = values.iter().map(beyond).collect();
        let (hold, backtest) = self.backtested(&holds, series)?;
        let window = self.window;
        let condition = match looks_at {
            LooksAt::Failed => Condition::FailedShare { above: limit, window },
            LooksAt::Slow { seconds } => Condition::SlowShare { seconds, above: limit, window },
            LooksAt::Metric { metric, rises } => Condition::Metric { metric, limit, above: rises },
            LooksAt::Messages { contains } => Condition::Messages { contains, above: limit, window },
        };
        let name = name(&service, &condition);
        Some(Alarm { name, service, condition, hold, levels: (reached, typical), origin, backtest })
    }

    /// The value of the rule's expression at each evaluation, and the series it is computed from.
    fn evaluated(&self, service: &ServiceName, looks_at: &LooksAt) -> Option<(Vec<Option<f64>>, Vec<TestSeries>)> {
        let label = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let of_service = || vec![label("service", service.as_str())];
        let all = 0..self.evaluations;
        match looks_at {
            LooksAt::Failed => {
                let outcomes = self.signals.outcomes.get(service)?;
                let (whole, bad) = (self.counter(outcomes, |o, i| o.completed[i]), self.counter(outcomes, |o, i| o.failed[i]));
                let good = whole.iter().zip(&bad).map(|(w, b)| w - b).collect();
                let values = all.map(|i| promql::share(&bad, &whole, i, self.interval, self.window)).collect();
                let series = |code: &str, values: Vec<f64>| TestSeries {
                    name: REQUESTS.to_owned(),
                    labels: [of_service(), vec![label("code", code)]].concat(),
                    values: values.into_iter().map(Some).collect(),
                };
                Some((values, vec![series("200", good), series("500", bad)]))
            }
            LooksAt::Slow { seconds } => {
                let outcomes = self.signals.outcomes.get(service)?;
                let whole = self.counter(outcomes, |o, i| o.latency[i].count() as f64);
                let slow = self.counter(outcomes, |o, i| o.latency[i].above(seconds * 1e6) as f64);
                let fast: Vec<f64> = whole.iter().zip(&slow).map(|(w, s)| w - s).collect();
                let values = all.map(|i| promql::share(&fast, &whole, i, self.interval, self.window).map(|share| 1.0 - share)).collect();
                let series = |name: &str, more: Vec<(String, String)>, values: Vec<f64>| TestSeries {
                    name: format!("{DURATIONS}_{name}"),
                    labels: [of_service(), more].concat(),
                    values: values.into_iter().map(Some).collect(),
                };
                let bucket = series("bucket", vec![label("le", &seconds.to_string())], fast);
                Some((values, vec![bucket, series("count", Vec::new(), whole)]))
            }
            LooksAt::Metric { metric, .. } => {
                let values = self.gauge(&charts::over_instances(self.signals, service, metric));
                let series = TestSeries { name: metric.to_string(), labels: of_service(), values: values.clone() };
                values.iter().any(Option::is_some).then_some((values, vec![series]))
            }
            LooksAt::Messages { contains } => Some((self.messages(service, contains), Vec::new())),
        }
    }

    /// Sums up to each evaluation.
    fn counter(&self, outcomes: &Outcomes, value: impl Fn(&Outcomes, usize) -> f64) -> Vec<f64> {
        let (mut sum, mut next) = (0.0, 0);
        let counted = (0..self.evaluations).map(|i| {
            let until = outcomes.step.window(self.at(i)) - outcomes.first_window;
            while (next as i64) < until && next < outcomes.completed.len() {
                sum += value(outcomes, next);
                next += 1;
            }
            sum
        });
        counted.collect()
    }

    /// The last sample before each evaluation.
    fn gauge(&self, points: &[(Time, f64)]) -> Vec<Option<f64>> {
        let last = |i: usize| {
            let now = self.at(i);
            let (time, value) = points[..points.partition_point(|p| p.0 <= now)].last()?;
            (now - *time < LOOKBACK).then_some(*value)
        };
        (0..self.evaluations).map(last).collect()
    }

    /// Records whose text contains `contains`, in the window before each evaluation.
    fn messages(&self, service: &ServiceName, contains: &str) -> Vec<Option<f64>> {
        let step = self.signals.step;
        // By window, since those that count are few where the recording is long.
        let mut counts: BTreeMap<i64, f64> = BTreeMap::new();
        for (key, records) in self.signals.tally.records_sorted() {
            let of_it = self.signals.tally.symbols.text(key.service) == service.as_str();
            if of_it && records.exemplars.iter().any(|e| e.text.contains(contains)) {
                records.windows.iter().for_each(|(window, count)| *counts.entry(window).or_default() += f64::from(count));
            }
        }
        let up_to = |sum: &mut f64, (window, count): (i64, f64)| {
            *sum += count;
            Some((window, *sum))
        };
        let sums: Vec<(i64, f64)> = counts.into_iter().scan(0.0, up_to).collect();
        let before = |window: i64| sums[..sums.partition_point(|sum| sum.0 < window)].last().map_or(0.0, |sum| sum.1);
        let within = |i: usize| before(step.window(self.at(i))) - before(step.window(self.at(i).plus_seconds(-self.window)));
        (0..self.evaluations).map(|i| Some(within(i))).collect()
    }

    /// The first length of [`HOLDS`] at which the rule fires for the incident without a false alarm, else with the fewest.
    fn backtested(&self, holds: &[bool], series: Vec<TestSeries>) -> Option<(f64, Backtest)> {
        let tried = HOLDS.into_iter().filter_map(|hold| {
            let firing = promql::firing(holds, self.start, self.interval, hold);
            let index = |t: Time| ((t - self.start) / self.interval).round() as usize;
            let false_alarms: Vec<Time> = firing.iter().map(|s| s.start).filter(|t| self.is_quiet(index(*t), hold)).collect();
            let late = TimeSpan { start: self.incident.start, end: self.incident.end.plus_seconds(self.window + hold) };
            let fired = firing.iter().find(|s| s.overlaps(late)).map(|s| s.start)?;
            Some((hold, firing, false_alarms, fired))
        });
        let best = tried.min_by_key(|(_, _, false_alarms, _)| false_alarms.len())?;
        let (hold, firing, false_alarms, fired) = best;
        let quiet_seconds = (0..holds.len()).filter(|i| self.is_quiet(*i, hold)).count() as f64 * self.interval;
        let backtest = Backtest {
            interval: self.interval,
            start: self.start,
            fired: Some((fired, fired - self.incident.start)),
            false_alarms,
            quiet_seconds,
            firing,
            series,
        };
        Some((hold, backtest))
    }
}

/// A limit between what the quiet time reached and what is typical of the incident, with few digits; `None` where these do not separate.
fn limit(reached: Option<f64>, typical: f64, least: f64, rises: bool) -> Option<f64> {
    if !rises {
        return limit(reached.map(|v| -v), -typical, f64::NEG_INFINITY, true).map(|v| -v);
    }
    let low = reached.unwrap_or(typical / 2.0).max(if least > 0.0 { 0.0 } else { f64::NEG_INFINITY });
    if typical <= low || (least > 0.0 && typical <= least) {
        return None;
    }
    let wanted = match least {
        least if least > 0.0 => least.max(2.0 * low).min((low + typical) / 2.0),
        _ => (low + typical) / 2.0,
    };
    let few = rounded(wanted);
    Some(if few >= low && few < typical { few } else { wanted })
}

/// Two significant digits.
fn rounded(value: f64) -> f64 {
    if value == 0.0 || !value.is_finite() {
        return value;
    }
    let places = 1 - value.abs().log10().floor() as i32;
    if places >= 0 {
        let scale = 10f64.powi(places);
        (value * scale).round() / scale
    } else {
        let scale = 10f64.powi(-places);
        (value / scale).round() * scale
    }
}

/// `CheckoutFailedRequests`.
fn name(service: &ServiceName, condition: &Condition) -> String {
    let what = match condition {
        Condition::FailedShare { .. } => "FailedRequests".to_owned(),
        Condition::SlowShare { .. } => "SlowRequests".to_owned(),
        Condition::Metric { metric, above, .. } => format!("{}{}", camel(metric.as_str()), if *above { "High" } else { "Low" }),
        Condition::Messages { .. } => "ErrorMessages".to_owned(),
    };
    let name = camel(service.as_str()) + &what;
    if name.starts_with(|c: char| c.is_ascii_alphabetic()) { name } else { format!("Service{name}") }
}

/// Letters and digits only, each word with a capital, at most 60.
fn camel(text: &str) -> String {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|w| !w.is_empty());
    let capital = |word: &str| word[..1].to_ascii_uppercase() + &word[1..];
    words.map(capital).collect::<String>().chars().take(60).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_separate_or_are_not() {
        assert_eq!(limit(Some(0.0), 0.4, FAST_BURN, true), Some(0.014));
        assert_eq!(limit(Some(0.02), 0.4, FAST_BURN, true), Some(0.04));
        assert_eq!(limit(Some(0.3), 0.4, FAST_BURN, true), Some(0.35));
        assert_eq!(limit(Some(0.4), 0.3, FAST_BURN, true), None);
        assert_eq!(limit(Some(0.0), 0.01, FAST_BURN, true), None);
        assert_eq!(limit(Some(10.0), 90.0, 0.0, true), Some(50.0));
        assert_eq!(limit(Some(1.0), 0.0, 0.0, false), Some(0.5));
        assert_eq!(limit(Some(-5.0), -3.0, 0.0, true), Some(-4.0));
        assert_eq!(limit(None, 10.0, 0.0, true), Some(7.5));
    }

    #[test]
    fn names_are_valid_whatever_the_service_is_called() {
        let condition = Condition::FailedShare { above: 0.1, window: 70.0 };
        assert_eq!(name(&"card-vault".into(), &condition), "CardVaultFailedRequests");
        assert_eq!(name(&"7<script>\u{1b}é".into(), &condition), "Service7ScriptFailedRequests");
        assert_eq!(rounded(1234.0), 1200.0);
        assert_eq!(rounded(0.01449), 0.014);
    }
}
