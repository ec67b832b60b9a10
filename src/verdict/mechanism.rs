//! Whose connections ran out. Messages that surged vote for mechanisms; of those that are no trifle the one is named that the others
//! follow from: a queue of locks makes statements slow, slow statements fill pools, and a full pool makes nothing else. Metrics, the
//! edited setting and the load then confirm it or exclude the others.
//!
//! Names a mechanism only; who is to blame has been weighed before, and does not depend on it.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::database::Engine;
use crate::model::mechanism::{Diagnosis, Shown, Sign};
use crate::model::{Cause, KeyRole, Mechanism, ServiceName, Symptom, TimeSpan};
use crate::stats;
use crate::suspect::edits;
use crate::suspect::scene::Scene;
use crate::suspect::surge::{Pointer, Surge};

/// What others follow from stands first.
const PRECEDENCE: [Mechanism; 10] = [
    Mechanism::Disk,
    Mechanism::Dns,
    Mechanism::Credentials,
    Mechanism::ServerLimit,
    Mechanism::Deadlock,
    Mechanism::LockQueue,
    Mechanism::SlowDatabase,
    Mechanism::Network,
    Mechanism::ConnectionLeak,
    Mechanism::PoolTooSmall,
];
/// Messages of fewer than this share of all that concern the database do not name what the others follow from.
const SMALLEST_SHARE: f64 = 0.05;
/// The messages must be as many as this share of the failed requests: what fails for other reasons has no mechanism here.
const SMALLEST_PART_OF_FAILURES: f64 = 0.1;
/// Connections above this share of their limit are at it, for samples are taken between the peaks.
const AT_LIMIT: f64 = 0.95;
/// Sessions idle in transaction that are this many more than before are held by somebody.
const IDLE_MORE: f64 = 3.0;

/// The votes for one mechanism.
#[derive(Default)]
struct Votes<'s> {
    excess: f64,
    surges: Vec<&'s Surge>,
}

/// A kind of series, and how its metrics are named.
type Kind<'k> = (&'k str, &'k dyn Fn(&str) -> bool);

/// What was named, and between whom.
struct Ends<'e> {
    named: Mechanism,
    service: &'e ServiceName,
    database: Option<&'e ServiceName>,
}

/// What is known of the database's side.
struct Sides<'a> {
    scene: &'a Scene<'a>,
    servers: BTreeSet<ServiceName>,
}

/// The mechanism of an incident that concerns a database or a pool of connections; `None` where nothing does, or nothing stands out.
pub fn diagnose(scene: &Scene<'_>, causes: &[Cause]) -> Option<Diagnosis> {
    let sides = Sides::new(scene);
    let mut votes = sides.votes();
    let all: f64 = votes.values().map(|v| v.excess).sum();
    let failed = scene.case.incident.impact.failed as f64;
    if all <= 0.0 || all < SMALLEST_PART_OF_FAILURES * failed {
        return None;
    }
    let share = |m: Mechanism, votes: &BTreeMap<Mechanism, Votes<'_>>| votes.get(&m).map_or(0.0, |v| v.excess / all);
    let mechanism = PRECEDENCE.into_iter().find(|m| sides.is_weighty(*m, &votes, all))?;
    let mechanism = if mechanism == Mechanism::PoolTooSmall { sides.pool_or_leak(causes) } else { mechanism };
    if mechanism == Mechanism::ConnectionLeak
        && let Some(full) = votes.remove(&Mechanism::PoolTooSmall)
    {
        let leak = votes.entry(mechanism).or_default();
        leak.excess += full.excess;
        leak.surges.extend(full.surges);
    }
    let mut signs = sides.messages(&votes, mechanism, all);
    let service = sides.victim(&votes, mechanism)?;
    let database = sides.database_of(&service);
    signs.extend(sides.support(mechanism, &service, database.as_ref(), causes));
    let kinds: BTreeSet<_> = signs.iter().map(|shown| shown.sign.kind()).collect();
    let others = PRECEDENCE.into_iter().filter(|m| *m != mechanism);
    let ends = Ends { named: mechanism, service: &service, database: database.as_ref() };
    let excluded = others.filter_map(|m| Some((m, sides.against(m, &ends, share(m, &votes), &votes)?))).collect();
    let known = votes.get(&mechanism).and_then(|v| v.surges.iter().find_map(|s| scene.case.facts.signature(&s.text, None)));
    Some(Diagnosis {
        mechanism,
        service,
        database,
        corroborated: kinds.len() > 1,
        signs,
        excluded,
        confirm: known.map(|k| k.confirm.clone()),
        refute: known.map(|k| k.refute.clone()),
        misleading: known.map(|k| k.misleading.clone()),
    })
}

impl<'a> Sides<'a> {
    fn new(scene: &'a Scene<'a>) -> Sides<'a> {
        let formats = &scene.case.names.formats;
        let is_server = |formats: &Vec<String>| formats.iter().any(|format| Engine::of_format(format).is_some());
        let servers = formats.iter().filter(|(_, f)| is_server(f)).map(|(service, _)| service.clone()).collect();
        Sides { scene, servers }
    }

    /// Whether a message is about a database or a pool: a server wrote it, it points at one, or it speaks of a pool.
    fn concerns(&self, surge: &Surge) -> bool {
        let points = matches!(&surge.pointer, Pointer::Callee { service, .. } if self.servers.contains(service));
        let of_catalogue =
            || self.scene.case.facts.signature(&surge.text, None).and_then(|s| s.mechanism).is_some() && names_database(&surge.text);
        self.servers.contains(&surge.service) || points || surge.symptom == Some(Symptom::PoolExhausted) || of_catalogue()
    }

    fn votes(&self) -> BTreeMap<Mechanism, Votes<'a>> {
        let mut votes: BTreeMap<Mechanism, Votes<'a>> = BTreeMap::new();
        for surge in self.scene.surges.iter().filter(|s| s.is_trouble() && self.concerns(s)) {
            let Some(mechanism) = self.mechanism_of(surge) else { continue };
            let vote = votes.entry(mechanism).or_default();
            vote.excess += surge.count as f64 - surge.expected;
            vote.surges.push(surge);
        }
        votes
    }

    /// What the catalogue says of the message, else what its symptom stands for. The catalogue may name what a symptom leaves open.
    fn mechanism_of(&self, surge: &Surge) -> Option<Mechanism> {
        let by_symptom = match surge.symptom? {
            Symptom::PoolExhausted => Some(Mechanism::PoolTooSmall),
            Symptom::ConnectionLimit => Some(Mechanism::ServerLimit),
            Symptom::StatementTimeout | Symptom::SlowStatement => Some(Mechanism::SlowDatabase),
            Symptom::LockWait => Some(Mechanism::LockQueue),
            Symptom::Deadlock => Some(Mechanism::Deadlock),
            Symptom::Refused | Symptom::Reset | Symptom::Timeout | Symptom::Unreachable => Some(Mechanism::Network),
            Symptom::Auth => Some(Mechanism::Credentials),
            Symptom::Dns => Some(Mechanism::Dns),
            Symptom::Disk => Some(Mechanism::Disk),
            _ => None,
        };
        let known = self.scene.case.facts.signature(&surge.text, None).and_then(|signature| signature.mechanism);
        match (known, by_symptom) {
            // A server's lines on clients that left are what their failing looks like from the other side.
            (_, Some(Mechanism::Network)) if self.servers.contains(&surge.service) => None,
            (Some(known), Some(_)) => Some(known),
            (_, by_symptom) => by_symptom,
        }
    }

    fn is_weighty(&self, mechanism: Mechanism, votes: &BTreeMap<Mechanism, Votes<'_>>, all: f64) -> bool {
        let excess = |m: Mechanism| votes.get(&m).map_or(0.0, |v| v.excess);
        let own = excess(mechanism);
        match mechanism {
            // Queues of locks have no cycles: where deadlocks come, waits come from the order of locks as well.
            Mechanism::Deadlock => own >= SMALLEST_SHARE * (own + excess(Mechanism::LockQueue)) && own >= 0.01 * all && own >= 3.0,
            // Nobody reaches a server that is down; that is told of the component, not of its connections.
            Mechanism::Network => own >= 0.2 * all && !self.server_went_down(),
            _ => own >= SMALLEST_SHARE * all && own >= 3.0,
        }
    }

    fn server_went_down(&self) -> bool {
        let down = |s: &&Surge| matches!(s.symptom, Some(Symptom::Stopped | Symptom::Started | Symptom::NotReady));
        self.scene.surges.iter().filter(down).any(|s| self.servers.contains(&s.service))
    }

    /// A pool is full because it is small for the load, or because connections are not given back. The latter is what remains when the
    /// size, the load and the callees are as before, or what sessions idle in transaction show.
    fn pool_or_leak(&self, causes: &[Cause]) -> Mechanism {
        let grown = self.scene.load.as_ref().is_some_and(|load| load.has_risen());
        if pool_lowered(self.scene, causes).is_some() || grown {
            return Mechanism::PoolTooSmall;
        }
        let code = causes.first().and_then(|cause| cause.change.as_ref()).is_some_and(|change| {
            let sized = |edit: &crate::model::KeyEdit| {
                self.scene.case.facts.key(edit.key.as_str()).is_some_and(|fact| matches!(fact.role, KeyRole::Pool | KeyRole::Threads))
            };
            matches!(change.kind, crate::model::ChangeKind::Deploy | crate::model::ChangeKind::Flag)
                && !change.config.edits.iter().any(sized)
        });
        let idle = self.idle_in_transaction().is_some();
        match (idle, code && !self.callee_slower()) {
            (false, false) => Mechanism::PoolTooSmall,
            _ => Mechanism::ConnectionLeak,
        }
    }

    /// Whether something that the owners of full pools call answers slower: then connections are held longer meanwhile.
    fn callee_slower(&self) -> bool {
        let full = self.scene.surges.iter().filter(|s| s.symptom == Some(Symptom::PoolExhausted)).map(|s| &s.service);
        let owners: BTreeSet<&ServiceName> = full.collect();
        let slower = |callee: &ServiceName| self.scene.health.get(callee).is_some_and(|health| health.slower());
        owners.iter().any(|owner| self.scene.case.topology.callees(owner).any(slower))
    }

    fn idle_in_transaction(&self) -> Option<Shown> {
        let named = |metric: &str| metric.contains("idle_in_transaction") && !metric.contains("aborted");
        self.medians(&named).into_iter().find_map(|(service, metric, before, during)| {
            (during >= before + IDLE_MORE).then_some(Shown { sign: Sign::Metric { service, metric, before, during }, origin: None })
        })
    }

    /// (service, metric, quiet median, median in the incident) of series that are named so.
    fn medians(&self, wanted: &dyn Fn(&str) -> bool) -> Vec<(ServiceName, String, f64, f64)> {
        let series = self.scene.case.signals.metrics.iter().filter(|(key, _)| key.edge.is_none() && wanted(key.metric.as_str()));
        let median = |points: &[(crate::model::Time, f64)], span: TimeSpan| {
            stats::median(&points.iter().filter(|p| span.contains(p.0)).map(|p| p.1).collect::<Vec<_>>())
        };
        series
            .filter_map(|(key, points)| {
                let during = median(points, self.scene.case.incident.span)?;
                Some((key.service.clone(), key.metric.to_string(), median(points, self.scene.quiet).unwrap_or(0.0), during))
            })
            .collect()
    }

    /// The two most frequent messages of the mechanism, one of each side.
    fn messages(&self, votes: &BTreeMap<Mechanism, Votes<'a>>, mechanism: Mechanism, all: f64) -> Vec<Shown> {
        let Some(own) = votes.get(&mechanism) else { return Vec::new() };
        let mut shown = Vec::new();
        for by_server in [false, true] {
            let mut side = own.surges.iter().filter(|s| self.servers.contains(&s.service) == by_server);
            if let Some(surge) = side.next() {
                let count = surge.count + side.map(|s| s.count).sum::<u64>();
                let (service, text) = (surge.service.clone(), surge.text.clone());
                let sign = Sign::Messages { service, text, count, share: own.excess / all, by_server };
                shown.push(Shown { sign, origin: Some(surge.origin.clone()) });
            }
        }
        shown
    }

    /// Who had the most trouble of that kind: a client before the server, whose log tells of its clients.
    fn victim(&self, votes: &BTreeMap<Mechanism, Votes<'_>>, mechanism: Mechanism) -> Option<ServiceName> {
        let own = &votes.get(&mechanism)?.surges;
        let client = own.iter().find(|s| !self.servers.contains(&s.service));
        let other = || self.scene.surges.iter().find(|s| s.is_trouble() && self.concerns(s) && !self.servers.contains(&s.service));
        client.copied().or_else(other).or(own.first().copied()).map(|s| s.service.clone())
    }

    /// The server that messages of the service point at, else the only one that it calls.
    fn database_of(&self, service: &ServiceName) -> Option<ServiceName> {
        let pointed = self.scene.surges.iter().filter(|s| s.service == *service).find_map(|s| match &s.pointer {
            Pointer::Callee { service, .. } if self.servers.contains(service) => Some(service.clone()),
            _ => None,
        });
        let called = || self.scene.case.topology.callees(service).find(|callee| self.servers.contains(*callee)).cloned();
        pointed.or_else(called).or_else(|| (self.servers.len() == 1).then(|| self.servers.iter().next().cloned()).flatten())
    }

    /// What else than messages speaks for it.
    fn support(&self, mechanism: Mechanism, service: &ServiceName, database: Option<&ServiceName>, causes: &[Cause]) -> Vec<Shown> {
        let mut signs = Vec::new();
        let plain = |sign| Shown { sign, origin: None };
        let risen = |parts: &[&str]| {
            let wanted = |metric: &str| parts.iter().any(|part| metric.contains(part));
            self.medians(&wanted).into_iter().find(|(_, _, before, during)| *during > 2.0 * before && during - before >= 1.0)
        };
        let metric = |found: (ServiceName, String, f64, f64)| {
            let (service, metric, before, during) = found;
            plain(Sign::Metric { service, metric, before, during })
        };
        match mechanism {
            Mechanism::PoolTooSmall => {
                signs.extend(pool_lowered(self.scene, causes));
                let load = self.scene.load.as_ref().filter(|load| load.has_risen());
                signs.extend(load.map(|load| plain(Sign::LoadRise { ratio: load.ratio })));
                signs.extend(database.and_then(|database| self.connections(database)).filter(|(_, share)| *share < AT_LIMIT).map(|c| c.0));
            }
            Mechanism::ConnectionLeak => {
                signs.extend(self.idle_in_transaction());
                let ratio = self.scene.load.as_ref().map_or(1.0, |load| load.ratio);
                signs.push(plain(Sign::NothingElseChanged { ratio }));
            }
            Mechanism::ServerLimit => {
                let server = database.unwrap_or(service);
                signs.extend(self.connections(server).filter(|(_, share)| *share >= AT_LIMIT).map(|c| c.0));
            }
            Mechanism::LockQueue => signs.extend(risen(&["locks_waiting", "lock_waits", "row_lock_waits"]).map(metric)),
            Mechanism::Deadlock => signs.extend(risen(&["deadlock"]).map(metric)),
            Mechanism::SlowDatabase => {
                signs.extend(risen(&["longest_tx", "tup_returned", "slow_queries", "threads_running", "connections_active"]).map(metric));
            }
            Mechanism::Disk => signs.extend(risen(&["disk_used", "iowait", "await"]).map(metric)),
            Mechanism::Network | Mechanism::Credentials | Mechanism::Dns => {}
        }
        signs
    }

    /// The most connections of a server in the incident, all its series of one kind together, against their limit; and that share.
    fn connections(&self, server: &ServiceName) -> Option<(Shown, f64)> {
        let of_server = || self.scene.case.signals.metrics.iter().filter(|(key, _)| key.service == *server && key.edge.is_none());
        let (_, points) = of_server().find(|(key, _)| key.metric.as_str().contains("max_connections"))?;
        let limit = points.last().map(|p| p.1).filter(|limit| *limit > 0.0)?;
        let span = self.scene.case.incident.span;
        let mut sums: BTreeMap<crate::model::Time, f64> = BTreeMap::new();
        // One kind of series counts all connections: by application, or by state.
        let kinds: [Kind<'_>; 3] = [
            ("connections by application", &|m| m.contains("connections_by_app")),
            ("connections", &|m| m.ends_with("threads_connected") || m.ends_with("numbackends")),
            ("connections of all states", &|m| m.contains("connections_") && !m.contains("max") && !m.contains("by_")),
        ];
        let (name, kind) = kinds.into_iter().find(|(_, kind)| of_server().any(|(key, _)| kind(key.metric.as_str())))?;
        for (_, points) in of_server().filter(|(key, _)| kind(key.metric.as_str())) {
            points.iter().filter(|p| span.contains(p.0)).for_each(|p| *sums.entry(p.0).or_default() += p.1);
        }
        let peak = sums.into_values().reduce(f64::max)?;
        let sign = Sign::Connections { service: server.clone(), metric: name.to_owned(), peak, limit };
        Some((Shown { sign, origin: None }, peak / limit))
    }

    /// What speaks against another mechanism.
    fn against(&self, other: Mechanism, ends: &Ends<'_>, share: f64, votes: &BTreeMap<Mechanism, Votes<'_>>) -> Option<Shown> {
        let count: u64 = votes.get(&other).map_or(0, |v| v.surges.iter().map(|s| s.count).sum());
        let origin = votes.get(&other).and_then(|v| v.surges.first()).map(|s| s.origin.clone());
        if count > 0 {
            let place = |m: Mechanism| PRECEDENCE.iter().position(|p| *p == m);
            let follows = place(other) > place(ends.named);
            let sign = if follows { Sign::Consequence { count } } else { Sign::TooFew { count, share } };
            return Some(Shown { sign, origin });
        }
        if other == Mechanism::ServerLimit
            && let Some((shown, share)) = ends.database.and_then(|database| self.connections(database))
            && share < AT_LIMIT
        {
            return Some(shown);
        }
        if other == Mechanism::PoolTooSmall && ends.named == Mechanism::ConnectionLeak {
            return None;
        }
        self.silence(other, ends)
    }

    /// The log that would have told says nothing: of the server for its own troubles, of anybody for the rest.
    fn silence(&self, other: Mechanism, ends: &Ends<'_>) -> Option<Shown> {
        let told_by_server = matches!(
            other,
            Mechanism::Disk
                | Mechanism::ServerLimit
                | Mechanism::Deadlock
                | Mechanism::LockQueue
                | Mechanism::SlowDatabase
                | Mechanism::Credentials
        );
        let writer = if told_by_server { ends.database? } else { ends.service };
        // A slow log tells statements and no message of a limit.
        let keeps = self.scene.case.names.formats.get(writer).is_some_and(|formats| formats.iter().any(|format| format == "mysql-slow"));
        if other == Mechanism::SlowDatabase && keeps {
            return None;
        }
        let signals = self.scene.case.signals;
        let symbol = signals.tally.symbols.find(writer.as_str())?;
        let of_writer = signals.tally.records.iter().filter(|(key, _)| key.service == symbol);
        let lines: u64 = of_writer.map(|(_, counts)| counts.within(self.scene.case.incident.span, signals.step)).sum();
        (lines > 0).then(|| Shown { sign: Sign::NoMessages { service: writer.clone(), lines }, origin: None })
    }
}

/// Words by which a message without a known callee is about a database.
fn names_database(text: &str) -> bool {
    const WORDS: [&str; 12] =
        ["psycopg", "postgres", "pgbouncer", "mysql", "mariadb", "sqlalchemy", "jdbc", "hikari", "sqlstate", "database", "sqlx", ":5432"];
    let lower = text.to_lowercase();
    WORDS.iter().any(|word| lower.contains(word))
}

/// The edit of the leading cause that made a pool smaller.
fn pool_lowered(scene: &Scene<'_>, causes: &[Cause]) -> Option<Shown> {
    let leading = causes.first()?;
    let edits = leading.key.iter().chain(leading.change.iter().flat_map(|change| &change.config.edits));
    let lowers = |edit: &&crate::model::KeyEdit| {
        let fact = scene.case.facts.key(edit.key.as_str());
        fact.is_some_and(|fact| {
            matches!(fact.role, KeyRole::Pool | KeyRole::ConnectionLimit) && edits::factor(edit).is_some_and(|factor| factor < 1.0)
        })
    };
    let edit = edits.into_iter().find(lowers)?;
    Some(Shown { sign: Sign::PoolLowered { edit: edit.clone() }, origin: edit.origin.clone() })
}
