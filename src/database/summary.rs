//! From a ledger to the values that are shown, each list in an order that depends on nothing but the input.

use std::collections::BTreeMap;

use super::ledger::{CheckpointCounts, Ledger, Wait};
use crate::model::database::{
    Blocked, Checkpoints, DeadlockPair, Deadlocks, Engine, ErrorCount, Locks, Pooler, Quantiles, Server, Sessions, Statement, Temporary,
    Vacuum,
};
use crate::model::{ServiceName, Time};
use crate::template::LatencySketch;

/// Statements that are kept.
const MOST_STATEMENTS: usize = 200;
/// Pairs of waiter and holder that are kept.
const MOST_BLOCKED: usize = 100;

/// What was counted of one server, laid out for reports.
pub fn server(service: ServiceName, engine: Engine, mut ledger: Ledger) -> Server {
    let locks = locks(&mut ledger);
    let deadlocks = deadlocks(&mut ledger);
    let checkpoints = checkpoints(std::mem::take(&mut ledger.checkpoints));
    let sessions = sessions(&mut ledger);
    let pooler = pooler(&mut ledger);
    let vacuum = Vacuum { vacuums: ledger.vacuums, analyzes: ledger.analyzes, tables: most_first(std::mem::take(&mut ledger.vacuumed)) };
    let (largest, statement, origin) = match ledger.temporary_largest.take() {
        Some((bytes, statement, origin)) => (bytes, statement, Some(origin)),
        None => (0, None, None),
    };
    Server {
        service,
        engine,
        version: ledger.version.take().map(|(_, version)| version),
        records: ledger.records,
        span: ledger.span,
        failed: ledger.failed,
        errors: errors(&mut ledger),
        queries: ledger.queries,
        statements: statements(&mut ledger),
        locks,
        deadlocks,
        temporary: Temporary { files: ledger.temporary, bytes: ledger.temporary_bytes, largest, statement, origin },
        checkpoints,
        vacuum,
        sessions,
        pooler,
    }
}

fn most_first(counts: BTreeMap<String, u64>) -> Vec<(String, u64)> {
    let mut all: Vec<(String, u64)> = counts.into_iter().collect();
    all.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    all
}

fn errors(ledger: &mut Ledger) -> Vec<ErrorCount> {
    let mut all: Vec<ErrorCount> = std::mem::take(&mut ledger.errors)
        .into_iter()
        .map(|((code, level, text), counts)| ErrorCount {
            code,
            code_written: counts.code_written,
            level,
            text,
            count: counts.count,
            client: most_first(counts.clients).into_iter().next().map(|(client, _)| client),
            first: counts.first.1,
        })
        .collect();
    all.sort_by(|a, b| b.count.all.cmp(&a.count.all).then_with(|| a.text.cmp(&b.text)));
    all
}

fn statements(ledger: &mut Ledger) -> Vec<Statement> {
    let mut all: Vec<Statement> = std::mem::take(&mut ledger.shapes)
        .into_iter()
        .map(|(shape, counts)| Statement {
            shape,
            count: counts.count,
            microseconds: counts.us,
            longest_us: counts.longest.0,
            all: quantiles(&counts.all),
            before: quantiles(&counts.before),
            during: quantiles(&counts.during),
            failed: counts.failed,
            origin: counts.longest.1,
        })
        .collect();
    all.sort_by(|a, b| (b.microseconds, b.failed.all).cmp(&(a.microseconds, a.failed.all)).then_with(|| a.shape.cmp(&b.shape)));
    all.truncate(MOST_STATEMENTS);
    all
}

fn quantiles(sketch: &LatencySketch) -> Option<Quantiles> {
    let at = |q| sketch.quantile(q).map(|us: f64| us / 1_000.0);
    Some(Quantiles { count: sketch.count(), p50: at(0.5)?, p95: at(0.95)?, p99: at(0.99)? })
}

fn locks(ledger: &mut Ledger) -> Locks {
    Locks {
        waiting: ledger.waiting,
        acquired: ledger.acquired,
        waited_us: ledger.waited_us,
        longest_us: ledger.longest_wait_us,
        timeouts: ledger.lock_timeouts,
        blocked: blocked(std::mem::take(&mut ledger.waits)),
    }
}

fn blocked(waits: Vec<Wait>) -> Vec<Blocked> {
    let mut all: BTreeMap<(String, String, String, Option<String>), Blocked> = BTreeMap::new();
    for wait in waits {
        let object = kind_of_object(&wait.object);
        let key = (wait.mode.clone(), object.clone(), wait.waiter.clone(), wait.holder_shape.clone());
        let known = all.entry(key).or_insert_with(|| Blocked {
            mode: wait.mode,
            object,
            waiter: wait.waiter,
            holder: wait.holder_shape,
            holder_client: wait.holder_client,
            holder_pid: wait.holder,
            waits: 0,
            longest_us: 0,
            first: wait.time,
            origin: wait.origin.clone(),
        });
        known.waits += 1;
        known.longest_us = known.longest_us.max(wait.us);
        if (wait.time, &wait.origin) < (known.first, &known.origin) {
            (known.first, known.origin, known.holder_pid) = (wait.time, wait.origin, wait.holder);
        }
    }
    let mut all: Vec<Blocked> = all.into_values().collect();
    all.sort_by(|a, b| b.waits.cmp(&a.waits).then_with(|| a.first.cmp(&b.first)).then_with(|| a.waiter.cmp(&b.waiter)));
    all.truncate(MOST_BLOCKED);
    all
}

/// A relation is told by its number, a tuple by its relation; transactions all differ.
fn kind_of_object(object: &str) -> String {
    match object.split_once(' ') {
        Some(("transaction" | "virtual", _)) => "transaction".to_owned(),
        Some(("tuple", rest)) => rest.split_once(" of ").map_or("tuple".to_owned(), |(_, relation)| format!("row of {relation}")),
        _ => object.to_owned(),
    }
}

fn deadlocks(ledger: &mut Ledger) -> Deadlocks {
    let mut pairs: Vec<DeadlockPair> = std::mem::take(&mut ledger.deadlocked)
        .into_iter()
        .map(|(statements, (count, origin))| DeadlockPair { statements, count, origin })
        .collect();
    pairs.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.statements.cmp(&b.statements)));
    Deadlocks { count: ledger.deadlocks, pairs }
}

fn checkpoints(counts: CheckpointCounts) -> Checkpoints {
    Checkpoints {
        started: counts.started,
        reasons: most_first(counts.reasons),
        complete: counts.complete,
        buffers: counts.buffers,
        write_us: counts.write_us,
        sync_us: counts.sync_us,
        total_us: counts.total_us,
        longest_us: counts.longest_us,
        wal_added: counts.wal[0],
        wal_removed: counts.wal[1],
        wal_recycled: counts.wal[2],
        warnings: counts.warnings,
    }
}

fn sessions(ledger: &mut Ledger) -> Sessions {
    let mut steps = std::mem::take(&mut ledger.session_steps);
    // Those that end at an instant make room for those that begin.
    steps.sort_unstable();
    Sessions {
        received: ledger.received,
        authorized: ledger.authorized,
        ended: ledger.ended,
        session_us: ledger.session_us,
        peak: peak(&steps),
        by_client: most_first(std::mem::take(&mut ledger.clients)),
    }
}

/// The most sessions open at one time. Those that were open before the log began are known by their end.
fn peak(steps: &[(Time, i8)]) -> Option<(u64, Time)> {
    let mut open = 0i64;
    let mut lowest = 0i64;
    for (_, step) in steps {
        open += i64::from(*step);
        lowest = lowest.min(open);
    }
    let mut open = -lowest;
    let mut best: Option<(u64, Time)> = None;
    for (time, step) in steps {
        open += i64::from(*step);
        let now = u64::try_from(open).unwrap_or(0);
        if best.is_none_or(|(most, _)| now > most) {
            best = Some((now, *time));
        }
    }
    best
}

fn pooler(ledger: &mut Ledger) -> Pooler {
    let mut closed: Vec<_> = std::mem::take(&mut ledger.closed).into_iter().collect();
    closed.sort_by(|a, b| b.1.all.cmp(&a.1.all).then_with(|| a.0.cmp(&b.0)));
    let mut stats = std::mem::take(&mut ledger.stats);
    stats.sort_by(|a, b| (a.time, &a.origin).cmp(&(b.time, &b.origin)));
    Pooler { logins: ledger.logins, opened: ledger.opened, closed, stats }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peak_counts_those_that_were_open_before() {
        let at = |s: i64| Time(s);
        for (steps, expected) in [
            (vec![], None),
            (vec![(at(1), 1), (at(2), 1), (at(3), -1)], Some((2, at(2)))),
            (vec![(at(1), -1), (at(2), -1), (at(3), 1)], Some((1, at(1)))),
        ] {
            assert_eq!(peak(&steps), expected, "{steps:?}");
        }
    }

    #[test]
    fn objects_by_kind() {
        for (object, expected) in [
            ("relation 16403", "relation 16403"),
            ("transaction 7", "transaction"),
            ("tuple (3,55) of relation 16395", "row of relation 16395"),
            ("", ""),
        ] {
            assert_eq!(kind_of_object(object), expected, "{object}");
        }
    }
}
