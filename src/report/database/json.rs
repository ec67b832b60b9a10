//! The database view for scripts; `docs/db.schema.json` describes it.

use serde::Serialize;
use serde_json::{Value, json};

use crate::model::TimeSpan;
use crate::model::database::{Counted, DatabaseView, Gauge, Quantiles, Server};
use crate::report::text::sanitize;

/// Raised when a field changes its meaning or goes away; additions leave it.
const SCHEMA_VERSION: u32 = 1;

#[derive(Serialize)]
struct Document {
    schema_version: u32,
    incident: Option<Value>,
    before: Option<Value>,
    servers: Vec<Value>,
    metrics: Vec<Value>,
}

/// The view as a JSON document; docs/db.schema.json describes it.
pub fn render(view: &DatabaseView) -> String {
    let document = Document {
        schema_version: SCHEMA_VERSION,
        incident: view.incident.map(span),
        before: view.quiet.map(span),
        servers: view.servers.iter().map(server).collect(),
        metrics: view.gauges.iter().map(gauge).collect(),
    };
    crate::report::json_document(&document)
}

fn span(span: TimeSpan) -> Value {
    json!({ "start": span.start.rfc3339(), "end": span.end.rfc3339() })
}

fn counted(counted: Counted) -> Value {
    json!({ "all": counted.all, "before": counted.before, "during": counted.during })
}

fn quantiles(quantiles: Option<Quantiles>) -> Value {
    quantiles.map_or(Value::Null, |q| json!({ "count": q.count, "p50_ms": round(q.p50), "p95_ms": round(q.p95), "p99_ms": round(q.p99) }))
}

fn round(value: f64) -> f64 {
    (value * 1_000.0).round() / 1_000.0
}

fn ms(us: u64) -> f64 {
    us as f64 / 1_000.0
}

fn server(server: &Server) -> Value {
    json!({
        "service": server.service.as_str(),
        "engine": server.engine.name(),
        "version": server.version.as_deref().map(sanitize),
        "records": server.records,
        "start": server.span.map(|s| s.start.rfc3339()),
        "end": server.span.map(|s| s.end.rfc3339()),
        "failed": counted(server.failed),
        "errors": server.errors.iter().map(|e| json!({
            "code": e.code.as_deref().map(sanitize), "code_from": if e.code_written { "log" } else { "message" }, "level": e.level.name(),
            "message": sanitize(&e.text), "count": counted(e.count), "client": e.client.as_deref().map(sanitize), "source": e.first.to_string(),
        })).collect::<Vec<_>>(),
        "queries": queries(server),
        "statements": server.statements.iter().map(|s| json!({
            "shape": sanitize(&s.shape), "count": s.count, "total_ms": ms(s.microseconds), "longest_ms": ms(s.longest_us),
            "all": quantiles(s.all), "before": quantiles(s.before), "during": quantiles(s.during),
            "failed": counted(s.failed), "source": s.origin.to_string(),
        })).collect::<Vec<_>>(),
        "locks": locks(server),
        "deadlocks": { "count": counted(server.deadlocks.count), "by_statements": server.deadlocks.pairs.iter().map(|pair| json!({
            "statements": pair.statements.iter().map(|s| sanitize(s)).collect::<Vec<_>>(), "count": pair.count, "source": pair.origin.to_string(),
        })).collect::<Vec<_>>() },
        "temporary_files": { "count": counted(server.temporary.files), "bytes": server.temporary.bytes, "largest_bytes": server.temporary.largest,
            "largest_statement": server.temporary.statement.as_deref().map(sanitize) },
        "checkpoints": checkpoints(server),
        "autovacuum": { "vacuums": counted(server.vacuum.vacuums), "analyzes": counted(server.vacuum.analyzes), "tables": named(&server.vacuum.tables) },
        "sessions": { "received": server.sessions.received, "authorized": counted(server.sessions.authorized), "ended": counted(server.sessions.ended),
            "total_ms": ms(server.sessions.session_us), "most_open": server.sessions.peak.map(|p| p.0), "by_client": named(&server.sessions.by_client) },
        "pooler": pooler(server),
    })
}

fn named(counts: &[(String, u64)]) -> Value {
    counts.iter().map(|(name, count)| json!({ "name": sanitize(name), "count": count })).collect()
}

fn queries(server: &Server) -> Value {
    let q = server.queries;
    json!({ "count": q.count, "total_ms": ms(q.microseconds), "select": q.select, "insert": q.insert, "update": q.update, "delete": q.delete,
        "parses": q.parses, "binds": q.binds, "durations_without_statement": q.bare })
}

fn locks(server: &Server) -> Value {
    let locks = &server.locks;
    json!({
        "waiting": counted(locks.waiting), "acquired": counted(locks.acquired), "waited_ms": ms(locks.waited_us), "longest_ms": ms(locks.longest_us),
        "timeouts": counted(locks.timeouts),
        "blocked": locks.blocked.iter().map(|b| json!({
            "lock": sanitize(&b.mode), "on": sanitize(&b.object), "waiter": sanitize(&b.waiter), "holder": b.holder.as_deref().map(sanitize),
            "holder_client": b.holder_client.as_deref().map(sanitize), "holder_process": b.holder_pid, "waits": b.waits,
            "longest_ms": ms(b.longest_us), "first": b.first.rfc3339(), "source": b.origin.to_string(),
        })).collect::<Vec<_>>(),
    })
}

fn checkpoints(server: &Server) -> Value {
    let c = &server.checkpoints;
    json!({ "started": counted(c.started), "reasons": named(&c.reasons), "complete": c.complete, "buffers": c.buffers, "write_ms": ms(c.write_us),
        "sync_ms": ms(c.sync_us), "total_ms": ms(c.total_us), "longest_ms": ms(c.longest_us), "wal_added": c.wal_added, "wal_removed": c.wal_removed,
        "wal_recycled": c.wal_recycled, "warnings": c.warnings })
}

fn pooler(server: &Server) -> Value {
    let p = &server.pooler;
    json!({
        "logins": counted(p.logins), "opened": counted(p.opened),
        "closed": p.closed.iter().map(|(reason, n)| json!({ "reason": sanitize(reason), "count": counted(*n) })).collect::<Vec<_>>(),
        "stats": p.stats.iter().map(|s| json!({
            "time": s.time.rfc3339(), "transactions_per_s": s.transactions_per_s, "transaction_us": s.transaction_us, "query_us": s.query_us,
            "wait_us": s.wait_us, "source": s.origin.to_string(),
        })).collect::<Vec<_>>(),
    })
}

fn gauge(gauge: &Gauge) -> Value {
    json!({
        "service": gauge.service.as_str(), "metric": sanitize(&gauge.metric), "limit": gauge.limit.as_ref().map(|(_, limit)| limit),
        "before": gauge.before, "during": gauge.during, "peak": gauge.peak, "peak_at": gauge.peak_at.rfc3339(),
        "points": gauge.points.iter().map(|(time, value)| json!([time.rfc3339(), value])).collect::<Vec<_>>(),
    })
}
