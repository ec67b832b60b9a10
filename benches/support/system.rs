//! A made-up system of services with one incident, as what the input was read into: what the analysis begins with.

use std::sync::Arc;

use rayon::prelude::*;
use whatchanged::intake::Intake;
use whatchanged::model::{
    Change, ChangeId, ChangeKind, ConfigDiff, ConfigKey, KeyEdit, Level, MetricName, Origin, Record, Request, SeriesKey, ServiceName,
    SourceCoverage, Step, Time, TimeSpan, Topology,
};
use whatchanged::template::tally::Place;
use whatchanged::template::{Flow, Tally};

use super::random::Random;

/// 2026-03-01T00:00:00Z.
const START: i64 = 1_772_323_200;
/// Seconds of one window.
const WINDOW: i64 = 64;
/// Services that write the same message: what libraries say is said in several.
const WRITERS: usize = 4;
/// The part of the templates that come in every window; the others come in a few.
const STEADY: f64 = 0.1;
/// The incident, in parts of the windows.
const INCIDENT: (f64, f64) = (0.70, 0.75);
const TRACES: usize = 4_000;

/// How large it is.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    pub services: usize,
    /// Distinct templates of the whole system; each is written by four services.
    pub templates: usize,
    pub windows: usize,
    pub changes: usize,
}

/// Services call each other in a binary tree, so the path from the culprit up to where users come in is the sequence of its halves.
struct System {
    size: Size,
    /// From the culprit to the entry.
    path: Vec<usize>,
    incident: std::ops::Range<usize>,
}

fn name(service: usize) -> String {
    format!("svc-{service:04}")
}

fn service(index: usize) -> ServiceName {
    ServiceName::new(&name(index))
}

fn time(window: usize, offset_ms: usize) -> Time {
    Time((START + window as i64 * WINDOW) * 1_000_000 + (offset_ms as i64 % (WINDOW * 1_000)) * 1_000)
}

fn path_of(index: usize) -> Arc<str> {
    Arc::from(format!("logs/{}/app.log", name(index)))
}

/// What reading the system's logs, metrics and changes gives.
pub fn intake(size: Size, seed: u64) -> Intake {
    let culprit = size.services / 3;
    let path = std::iter::successors(Some(culprit), |&i| (i > 0).then(|| (i - 1) / 2)).collect();
    let at = |share: f64| (size.windows as f64 * share) as usize;
    let system = System { size, path, incident: at(INCIDENT.0)..at(INCIDENT.1).max(at(INCIDENT.0) + 1) };
    let shards: Vec<Tally> = (0..size.services).into_par_iter().map(|s| system.log(s, seed)).collect();
    let mut intake = Intake {
        tally: Tally::merged(shards, Some(Step::at_least(WINDOW as f64))),
        flow: Flow::merged(vec![system.flow(seed)]),
        changes: system.changes(seed),
        topology: system.topology(),
        ..Intake::default()
    };
    system.measure(&mut intake, seed);
    let span = Some(TimeSpan { start: time(0, 0), end: time(size.windows, 0) });
    let source = |s| SourceCoverage {
        path: path_of(s).to_string(),
        format: "json-lines".to_owned(),
        lines: 1,
        understood: 1,
        span,
        ..Default::default()
    };
    intake.coverage.sources = (0..size.services).map(source).collect();
    intake
}

/// The parts of an intake, once more.
pub fn copy(intake: &Intake) -> Intake {
    Intake {
        tally: intake.tally.clone(),
        flow: intake.flow.clone(),
        metrics: intake.metrics.clone(),
        changes: intake.changes.clone(),
        topology: intake.topology.clone(),
        names: intake.names.clone(),
        coverage: intake.coverage.clone(),
    }
}

impl System {
    fn suffers(&self, service: usize, window: usize) -> bool {
        self.incident.contains(&window) && self.path.contains(&service)
    }

    fn topology(&self) -> Topology {
        let mut topology = Topology::default();
        (1..self.size.services).for_each(|callee| topology.add(service((callee - 1) / 2), service(callee)));
        topology
    }

    /// One service's log, counted.
    fn log(&self, index: usize, seed: u64) -> Tally {
        let mut random = Random::new(seed ^ (index as u64 + 1) << 20);
        let mut tally = Tally::default();
        tally.coarsen(Step::at_least(WINDOW as f64));
        let (own, path) = (name(index), path_of(index));
        let mut line = 0;
        let mut add = |record: Record<'_>| {
            line += 1;
            tally.add(&record, Place { service: &own, instance: "a", path: &path, line });
        };
        for window in 0..self.size.windows {
            self.requests(index, window, &mut random, &mut add);
        }
        for template in (0..self.size.templates).filter(|t| (0..WRITERS).any(|w| (t * 7 + w * 131) % self.size.services == index)) {
            self.message(template, &mut random, &mut add);
        }
        tally.name_source("json-lines");
        tally
    }

    fn requests(&self, index: usize, window: usize, random: &mut Random, add: &mut dyn FnMut(Record<'_>)) {
        let suffers = self.suffers(index, window);
        for _ in 0..if index == 0 { 12 } else { 3 } {
            let failed = suffers && random.chance(0.5);
            let request = Request {
                method: Some("GET".into()),
                path: Some(["/cart", "/pay", "/item"][random.below(3)].into()),
                status: if failed { 503 } else { 200 },
                duration: Some(20_000 + random.below(30_000) as i64),
                user: Some(format!("u{}", random.below(2_000)).into()),
            };
            add(Record { time: time(window, random.below(60_000)), level: Level::Info, request: Some(request), ..Record::default() });
        }
        if let (true, Some(at)) = (suffers, self.path.iter().position(|s| *s == index)) {
            let text = match at.checked_sub(1).and_then(|below| self.path.get(below)) {
                Some(callee) => format!("call to {} failed: connect timed out after 1000 ms", name(*callee)),
                None => "could not acquire a connection from the pool: timeout waiting for idle object, size 5".to_owned(),
            };
            (0..4).for_each(|n| {
                add(Record {
                    time: time(window, n * 900 + random.below(900)),
                    level: Level::Error,
                    message: text.as_str().into(),
                    ..Record::default()
                });
            });
        }
    }

    fn message(&self, template: usize, random: &mut Random, add: &mut dyn FnMut(Record<'_>)) {
        let words = ["order", "cart", "cache", "index", "queue", "batch", "token", "stock", "price", "mail"];
        let level = match template % 20 {
            0 => Level::Error,
            1..=2 => Level::Warn,
            _ => Level::Info,
        };
        // Letters only: what differs between templates must not look like a number, which is masked.
        let word = |n: usize| format!("{}{}", words[n % 10], words[n / 10 % 10]);
        let text = |n: usize| format!("{} {} {} step done for item {n}", word(template), word(template / 100), word(template * 7 + 3));
        let steady = (template as f64) < self.size.templates as f64 * STEADY && level < Level::Warn;
        let windows: Vec<usize> = match steady {
            true => (0..self.size.windows).collect(),
            false => (0..1 + random.below(30)).map(|_| random.below(self.size.windows)).collect(),
        };
        for window in windows {
            add(Record { time: time(window, random.below(60_000)), level, message: text(random.below(9_999)).into(), ..Record::default() });
        }
    }

    fn flow(&self, seed: u64) -> Flow {
        let mut random = Random::new(seed ^ 0xf10f);
        let mut flow = Flow::default();
        for trace in 0..TRACES {
            let id = format!("{:016x}{trace:016x}", random.next());
            let window = random.below(self.size.windows);
            let mut at = random.below(60_000);
            let mut index = 0;
            for line in 0.. {
                let level = if self.suffers(index, window) { Level::Error } else { Level::Info };
                let message = if level == Level::Error { "handling failed" } else { "handled" };
                let record =
                    Record { time: time(window, at), level, trace: Some(id.as_str().into()), message: message.into(), ..Record::default() };
                flow.add(&record, &name(index), &path_of(index), line + 1);
                at += 1 + random.below(20);
                index = 2 * index + 1 + random.below(2);
                if index >= self.size.services {
                    break;
                }
            }
        }
        flow
    }

    fn changes(&self, seed: u64) -> Vec<Arc<Change>> {
        let mut random = Random::new(seed ^ 0xc4a6);
        let origin: Arc<str> = Arc::from("changes.jsonl");
        let change = |number: usize, index: usize, time: Time| {
            let key = |key: &str, before: &str, after: &str| KeyEdit {
                key: ConfigKey::new(key),
                before: Some(before.to_owned()),
                after: Some(after.to_owned()),
                origin: Some(Origin::new(&origin, number as u64 + 1)),
            };
            let edits =
                vec![key("db.pool.max_size", "20", "5"), key("feature.new_cart", "false", "true"), key("http.timeout_ms", "1000", "1500")];
            Arc::new(Change {
                id: ChangeId::new(&format!("c{number:04}")),
                time,
                end_time: None,
                service: service(index),
                kind: if number.is_multiple_of(3) { ChangeKind::Deploy } else { ChangeKind::Config },
                version: Some(format!("v{number}")),
                previous_version: Some(format!("v{}", number.saturating_sub(1))),
                summary: Some("more carts at once".to_owned()),
                author: None,
                url: None,
                instances: Vec::new(),
                config_before: None,
                config_after: None,
                config: ConfigDiff { edits },
                diff: Some(
                    "--- a/cart.rs\n+++ b/cart.rs\n@@ -1 +1 @@\n-let pool = Pool::new(20);\n+let pool = Pool::new(settings.size);\n"
                        .to_owned(),
                ),
                origin: Origin::new(&origin, number as u64 + 1),
            })
        };
        let culprit = self.path.first().copied().unwrap_or(0);
        let mut changes: Vec<Arc<Change>> =
            (1..self.size.changes).map(|n| change(n, random.below(self.size.services), time(random.below(self.size.windows), 0))).collect();
        changes.push(change(0, culprit, time(self.incident.start.saturating_sub(1), 30_000)));
        changes.sort_by(|a, b| (a.time, &a.id).cmp(&(b.time, &b.id)));
        changes
    }

    /// Two series of each service, one value a window.
    fn measure(&self, intake: &mut Intake, seed: u64) {
        for index in 0..self.size.services {
            let mut random = Random::new(seed ^ 0x3e7 ^ (index as u64) << 16);
            for (metric, base) in [("cpu_pct", 30.0), ("request_latency_ms", 40.0)] {
                let value = |w: usize, random: &mut Random| {
                    (time(w, 0), base * if self.suffers(index, w) { 3.0 } else { 1.0 } + random.below(1_000) as f64 / 100.0)
                };
                let points = (0..self.size.windows).map(|w| value(w, &mut random)).collect();
                let key = SeriesKey { service: service(index), metric: MetricName::new(metric), instance: None, edge: None };
                intake.metrics.insert(key, points);
            }
        }
    }
}
