//! Invented analyses that the tests of this layer render.

use std::sync::Arc;

use crate::model::verdict::Sought;
use crate::model::{
    Analysis, Cause, CauseKind, Change, ChangeKind, Clock, ClockBasis, Complaint, ConfigDiff, Coverage, Dossier, Duplicate, Evidence,
    Finding, Impact, Incident, IncidentSignal, KeyEdit, KeyRole, NotRuledOut, Origin, RuledOut, Skew, SourceCoverage, Sparkline, Step,
    Symptom, Time, TimeSpan, TimelineEntry, TimelineKind, Verdict, Witness,
};

/// A text that tries everything a log line can try on its reader.
pub const HOSTILE: &str = "\x1b]0;owned\x07\x1b[2J\u{202e}evil\u{2066}\u{200b}\u{9b}31m|`</td><script>alert(1)</script>\n# Heading\r\n[x](javascript:alert(1)) *b* @everyone \u{e0041}日本語";

/// A clock time of the samples' day.
pub fn time(clock: &str) -> Time {
    Time::parse_rfc3339(&format!("2024-03-05T{clock}Z")).unwrap()
}

fn span(start: &str, end: &str) -> TimeSpan {
    TimeSpan::new(time(start), time(end))
}

fn at(path: &str, line: u64) -> Origin {
    Origin { path: Arc::from(path), line }
}

/// A finding with its weight and place.
pub fn evidence(finding: Finding, weight: f64, origin: Option<Origin>) -> Evidence {
    Evidence { finding, weight, origins: origin.into_iter().collect(), aside: false }
}

/// The edit of the founding story.
pub fn pool_edit() -> KeyEdit {
    KeyEdit {
        key: "db.pool.max_size".into(),
        before: Some("15".into()),
        after: Some("1".into()),
        origin: Some(at("configs/orders/4.2.0.yaml", 13)),
    }
}

fn change(id: &str, service: &str, kind: ChangeKind, clock: &str) -> Change {
    Change {
        id: id.into(),
        time: time(clock),
        end_time: None,
        service: service.into(),
        kind,
        version: None,
        previous_version: None,
        summary: None,
        author: Some("ci-bot".into()),
        url: None,
        instances: Vec::new(),
        config_before: None,
        config_after: None,
        config: ConfigDiff::default(),
        diff: None,
        origin: at("changes.jsonl", 1),
    }
}

fn guilty() -> Arc<Change> {
    let timeout = KeyEdit {
        key: "http.read_timeout".into(),
        before: Some("5s".into()),
        after: Some("4s".into()),
        origin: Some(at("configs/orders/4.2.0.yaml", 21)),
    };
    Arc::new(Change {
        end_time: Some(time("17:24:46")),
        version: Some("4.2.0".into()),
        previous_version: Some("4.1.0".into()),
        config: ConfigDiff { edits: vec![pool_edit(), timeout] },
        ..change("deploy-310", "orders", ChangeKind::Deploy, "17:24:40")
    })
}

fn rollback() -> Arc<Change> {
    Arc::new(Change {
        version: Some("4.1.0".into()),
        previous_version: Some("4.2.0".into()),
        ..change("rollback-311", "orders", ChangeKind::Rollback, "17:27:20")
    })
}

fn pool_surge(origin: Origin) -> Evidence {
    let text = "QueuePool limit of size 1 overflow 0 reached, connection timed out, timeout 3.00 (Background on this error at: https://example.org/e/3o7r)";
    let surge = Finding::Surge {
        service: "orders".into(),
        text: text.into(),
        count: 209,
        expected: 0.0,
        never_before: true,
        symptom: Some(Symptom::PoolExhausted),
        own: true,
    };
    evidence(surge, 4.1, Some(origin))
}

fn rich_cause() -> Cause {
    Cause {
        kind: CauseKind::Change,
        service: "orders".into(),
        instance: None,
        resource: None,
        change: Some(guilty()),
        key: Some(pool_edit()),
        undone_by: Some(rollback()),
        confidence: 0.9312,
        evidence: vec![
            pool_surge(at("logs/orders/orders.log.gz", 4821)),
            evidence(
                Finding::KeyGoverns {
                    edit: pool_edit(),
                    role: KeyRole::Pool,
                    symptom: Some(Symptom::PoolExhausted),
                    share: 1.0,
                    direct: true,
                    worse: Some(true),
                    factor: Some(0.1),
                },
                2.2,
                Some(at("configs/orders/4.2.0.yaml", 13)),
            ),
            evidence(Finding::Undone { by: "rollback-311".into(), after: 5.0, exact: true }, 1.9, Some(at("changes.jsonl", 4))),
            evidence(Finding::Blame { service: "orders".into(), share: 0.97 }, 1.2, None),
            evidence(Finding::Began { before_onset: 8.0 }, 0.8, Some(at("changes.jsonl", 2))),
        ],
    }
}

fn other_cause(id: &str, service: &str, confidence: f64) -> Cause {
    Cause {
        kind: CauseKind::Change,
        service: service.into(),
        instance: None,
        resource: None,
        change: Some(Arc::new(change(id, service, ChangeKind::Config, "17:24:49"))),
        key: None,
        undone_by: None,
        confidence,
        evidence: vec![
            evidence(Finding::Began { before_onset: 2.0 }, 0.9, Some(at("changes.jsonl", 3))),
            evidence(Finding::NoSymptom { service: service.into(), templates_tested: 12 }, -1.8, None),
        ],
    }
}

fn database_cause(confidence: f64) -> Cause {
    let shift = Finding::MetricShift { service: "postgres".into(), metric: "disk_await_ms".into(), before: 1.2, during: 41.0, z: 18.0 };
    Cause {
        kind: CauseKind::Component,
        service: "postgres".into(),
        instance: Some("postgres-0".into()),
        resource: Some("disk"),
        change: None,
        key: None,
        undone_by: None,
        confidence,
        evidence: vec![evidence(shift, 1.4, Some(at("metrics/db.csv", 0)))],
    }
}

fn ruled_out(kind: CauseKind, service: &str, title: &str, findings: Vec<Finding>) -> RuledOut {
    let evidence = findings.into_iter().map(|f| evidence(f, -2.0, None)).collect();
    RuledOut { kind, service: service.into(), change: None, title: title.into(), evidence }
}

fn rich_ruled_out() -> Vec<RuledOut> {
    let mut list = vec![
        ruled_out(
            CauseKind::Component,
            "postgres",
            "database server postgres",
            vec![
                Finding::CleanLog { service: "postgres".into(), lines: 1204, errors: 0, detectable: 2.4 },
                Finding::MetricFlat { service: "postgres".into(), metric: "connections".into(), before: 8.0, peak: 9.0, detectable: 30.0 },
            ],
        ),
        ruled_out(
            CauseKind::Infra,
            "*",
            "network",
            vec![Finding::Healthy {
                service: "inventory".into(),
                requests: 4120,
                failed: 0,
                p50_before_ms: 3.1,
                p50_during_ms: 3.2,
                detectable: 0.013,
            }],
        ),
        ruled_out(
            CauseKind::Change,
            "storefront",
            "storefront deploy-312",
            vec![Finding::Began { before_onset: -9.0 }, Finding::Victim { service: "storefront".into(), of: "orders".into(), share: 0.99 }],
        ),
        ruled_out(CauseKind::Load, "orders", "load", vec![Finding::LoadFlat { service: "orders".into(), ratio: 1.02, detectable: 1.4 }]),
    ];
    for n in 0..5 {
        let service = format!("batch-{n}");
        let silent = Finding::NoSymptom { service: service.as_str().into(), templates_tested: 12 };
        list.push(ruled_out(CauseKind::Change, &service, &format!("{service} deploy-30{n}"), vec![silent]));
    }
    list
}

fn timeline() -> Vec<TimelineEntry> {
    let entry = |clock: &str, kind, text: &str| TimelineEntry {
        time: time(clock),
        kind,
        service: "orders".into(),
        text: text.into(),
        origin: Some(at("changes.jsonl", 2)),
    };
    vec![
        entry("17:24:40", TimelineKind::Change, "deploy-310: 4.1.0 -> 4.2.0"),
        entry("17:24:47", TimelineKind::FirstSymptom, "QueuePool limit of size 1 overflow 0 reached, connection timed out, timeout 3.00"),
        entry("17:24:48", TimelineKind::IncidentStart, "requests begin to fail"),
        entry("17:27:20", TimelineKind::Change, "rollback-311: 4.2.0 -> 4.1.0"),
        entry("17:27:25", TimelineKind::IncidentEnd, "failures back at the quiet rate"),
    ]
}

fn sparkline() -> Sparkline {
    let start = time("17:14:00");
    let values = (0..300).map(|i: u32| match i {
        162..=178 => f64::from(i % 7) + 8.0,
        179 => 14.2,
        180..=201 => f64::from(i % 5) + 9.0,
        n if n % 41 == 0 => 0.5,
        _ => 0.0,
    });
    Sparkline { start, step: Some(Step::at_least(4.0)), values: values.collect(), unit: "failed requests/s".into() }
}

fn incident() -> Incident {
    Incident {
        span: span("17:24:48", "17:27:25"),
        ongoing: false,
        signal: IncidentSignal::FailedRequests,
        services: vec!["storefront".into(), "orders".into()],
        score: 812.0,
        quiet_ratio: 0.0004,
        witnesses: Vec::new(),
        impact: Impact {
            requests: 2182,
            failed: 327,
            users: 412,
            users_affected: 235,
            routes: vec![("POST /orders".into(), 1100, 320), ("GET /orders/{id}".into(), 1082, 7)],
            instances: vec![("orders".into(), "orders-1".into(), 1090, 163), ("orders".into(), "orders-2".into(), 1092, 164)],
        },
        sparkline: Sparkline { step: Some(Step::at_least(4.0)), ..sparkline() },
    }
}

fn source(path: &str, format: &str, lines: u64, understood: u64) -> SourceCoverage {
    let misread = if understood < lines { vec![(17, "%%% not a log line".to_owned())] } else { Vec::new() };
    let span = Some(span("17:14:00", "17:34:00"));
    SourceCoverage {
        path: path.into(),
        format: format.into(),
        bytes: lines * 90,
        lines,
        understood,
        records: understood,
        span,
        misread,
        rhythm: Some(60.0),
        gaps: Vec::new(),
    }
}

fn coverage(orders_understood: u64) -> Coverage {
    Coverage {
        sources: vec![
            source("changes.jsonl", "changes", 4, 4),
            source("logs/orders/orders.log.gz", "json lines", 40_000, orders_understood),
            source("logs/postgres/postgres.log", "postgresql-stderr", 12_585, 12_585),
            source("logs/storefront/access.log", "nginx combined", 10_000, 10_000),
        ],
        complaints: vec![Complaint {
            origin: at("logs/orders/orders.log.gz", 17),
            why: "not valid JSON: expected `,` at column 4".into(),
            more: 2,
        }],
        ..Coverage::default()
    }
}

fn sought() -> Sought {
    Sought {
        services: vec!["storefront".into(), "orders".into()],
        requests: 16_700,
        failed: 6,
        detectable_per_minute: Some(4.2),
        error_streams: 3,
        resource_shifts: Vec::new(),
        metric_series: 14,
    }
}

/// One incident, one clear cause that was rolled back.
pub fn rich() -> Analysis {
    let verdict = Verdict {
        incident: incident(),
        causes: vec![rich_cause(), database_cause(0.034), other_cause("config-309", "inventory", 0.012)],
        unexplained: 0.021,
        unexplained_prior: 0.08,
        ruled_out: rich_ruled_out(),
        not_ruled_out: vec![
            NotRuledOut { title: "DNS".into(), needed: "resolver logs".into() },
            NotRuledOut { title: "TLS".into(), needed: "handshake errors of the load balancer".into() },
        ],
        timeline: timeline(),
        mechanism: None,
    };
    Analysis {
        verdicts: vec![verdict],
        disturbances: vec![(span("17:30:00", "17:30:04"), 3, 60, Some("deploy-313".into()))],
        span: Some(span("17:14:00", "17:34:00")),
        sought: sought(),
        services: vec!["orders".into(), "storefront".into()],
        changes: vec![guilty(), rollback()],
        coverage: coverage(39_900),
        dossier: Dossier::default(),
    }
}

/// The best candidate has `confidence`, the others share the rest.
pub fn uncertain(confidence: f64) -> Analysis {
    let mut analysis = rich();
    let verdict = &mut analysis.verdicts[0];
    verdict.causes = vec![
        Cause { confidence, undone_by: None, ..rich_cause() },
        database_cause(confidence * 0.6),
        other_cause("config-309", "inventory", confidence * 0.3),
        other_cause("config-308", "mail", confidence * 0.2),
    ];
    verdict.unexplained = (1.0 - confidence * 2.1).max(0.05);
    analysis.coverage = coverage(21_000);
    analysis
}

/// Still failing when the data end; no record names a user; the process is down.
pub fn ongoing() -> Analysis {
    let mut analysis = rich();
    let verdict = &mut analysis.verdicts[0];
    verdict.incident.ongoing = true;
    verdict.incident.impact.users = 0;
    verdict.incident.impact.users_affected = 0;
    let down = Finding::Down { service: "payments".into(), refused: 318, refused_share: 0.97, up_zero: true, restarted: false };
    verdict.causes = vec![Cause {
        kind: CauseKind::Component,
        service: "payments".into(),
        instance: Some("payments-7f9c".into()),
        resource: Some("process"),
        change: None,
        key: None,
        undone_by: None,
        confidence: 0.84,
        evidence: vec![
            evidence(down, 3.0, Some(at("logs/orders/orders.log.gz", 30_120))),
            evidence(Finding::Blame { service: "payments".into(), share: 0.98 }, 2.0, None),
            evidence(
                Finding::CleanLog { service: "payments".into(), lines: 410, errors: 0, detectable: 2.4 },
                -0.6,
                Some(at("logs/payments.log", 1)),
            ),
        ],
    }];
    analysis
}

/// Traffic, changes, a restart blip, and no incident.
pub fn quiet() -> Analysis {
    Analysis { verdicts: Vec::new(), ..rich() }
}

/// An incident in a metric alone: no log line, no request, no user, no place to point at.
pub fn metrics_only() -> Analysis {
    let mut analysis = ongoing();
    let verdict = &mut analysis.verdicts[0];
    verdict.incident.signal = IncidentSignal::Metric { metric: "latency_p99_ms".into() };
    let witness = |caller: Option<&str>, before, during| Witness {
        service: "payments".into(),
        caller: caller.map(Into::into),
        metric: "latency_p99_ms".into(),
        before,
        during,
    };
    verdict.incident.witnesses = vec![witness(None, 41.5, 1_310.0), witness(Some("storefront"), 44.0, 1_290.0)];
    verdict.incident.impact = Impact::default();
    verdict.incident.services = vec!["payments".into()];
    verdict.causes = vec![database_cause(0.77)];
    verdict.ruled_out.clear();
    verdict.not_ruled_out.clear();
    analysis.changes.clear();
    analysis.coverage = Coverage { sources: vec![source("metrics/all.csv", "metrics csv", 9_000, 9_000)], ..Coverage::default() };
    analysis.sought = Sought { metric_series: 44, ..Sought::default() };
    analysis
}

/// Files were read and none has a time.
pub fn timeless() -> Analysis {
    let mut coverage = coverage(10);
    coverage.sources.iter_mut().for_each(|source| source.span = None);
    Analysis {
        verdicts: Vec::new(),
        disturbances: Vec::new(),
        span: None,
        sought: Sought::default(),
        services: Vec::new(),
        changes: Vec::new(),
        coverage,
        dossier: Dossier::default(),
    }
}

/// Three incidents, the worst in the middle.
pub fn several() -> Analysis {
    let mut analysis = rich();
    let worst = analysis.verdicts[0].clone();
    let lesser = |clock: (&str, &str), failed| {
        let mut verdict = worst.clone();
        verdict.incident.span = span(clock.0, clock.1);
        verdict.incident.impact.failed = failed;
        verdict.incident.services = vec!["mail".into()];
        verdict.causes = vec![other_cause("config-309", "mail", 0.8)];
        verdict
    };
    analysis.verdicts = vec![lesser(("17:15:00", "17:16:00"), 12), worst.clone(), lesser(("17:31:00", "17:33:00"), 40)];
    analysis
}

/// Every text of the rich analysis that comes from outside is hostile and very long.
pub fn hostile() -> Analysis {
    let text = HOSTILE.repeat(6);
    let mut analysis = rich();
    let evil = Arc::new(Change {
        id: text.as_str().into(),
        service: text.as_str().into(),
        version: Some(text.clone()),
        previous_version: Some(text.clone()),
        author: Some(text.clone()),
        summary: Some(text.clone()),
        ..(*guilty()).clone()
    });
    let edit = KeyEdit { key: text.as_str().into(), before: Some(text.clone()), after: Some(text.clone()), origin: Some(at(&text, 3)) };
    let evil = Arc::new(Change { config: ConfigDiff { edits: vec![edit.clone()] }, ..(*evil).clone() });
    let surge = Finding::Surge {
        service: text.as_str().into(),
        text: text.clone(),
        count: 3,
        expected: 0.0,
        never_before: true,
        symptom: None,
        own: true,
    };
    let verdict = &mut analysis.verdicts[0];
    verdict.incident.services = vec![text.as_str().into()];
    verdict.incident.sparkline.unit = text.clone();
    verdict.incident.impact.routes = vec![(text.clone(), 3, 1)];
    let cause = Cause {
        service: text.as_str().into(),
        instance: Some(text.as_str().into()),
        change: Some(Arc::clone(&evil)),
        key: Some(edit.clone()),
        undone_by: Some(Arc::clone(&evil)),
        evidence: vec![
            evidence(surge, 3.0, Some(at(&text, 9))),
            evidence(Finding::ValueQuoted { edit, text: text.clone() }, 2.0, None),
            evidence(Finding::DiffWords { words: vec![text.clone(); 5], by_chance: 0.1, p: 0.01 }, -2.0, Some(at(&text, 9))),
        ],
        ..rich_cause()
    };
    verdict.causes = vec![cause.clone(), Cause { change: None, confidence: 0.2, ..cause }];
    verdict.ruled_out = vec![RuledOut {
        title: text.clone(),
        change: Some(Arc::clone(&evil)),
        ..ruled_out(CauseKind::Change, &text, "", vec![Finding::Began { before_onset: -1.0 }])
    }];
    verdict.not_ruled_out = vec![NotRuledOut { title: text.clone(), needed: text.clone() }];
    verdict.timeline = vec![TimelineEntry {
        time: time("17:24:40"),
        kind: TimelineKind::Change,
        service: text.as_str().into(),
        text: text.clone(),
        origin: Some(at(&text, 2)),
    }];
    analysis.changes = vec![evil];
    analysis.disturbances[0].3 = Some(text.as_str().into());
    spoil(&mut analysis.coverage, &text);
    analysis
}

/// Puts a hostile text wherever the ledger has one from outside.
fn spoil(coverage: &mut Coverage, text: &str) {
    coverage.sources[1].path = text.to_owned();
    coverage.duplicates = vec![Duplicate { service: text.into(), counted: text.to_owned(), left_out: text.to_owned(), requests: 7 }];
    coverage.clocks = vec![Skew {
        clock: Clock::Service(text.into()),
        offset: -90.2,
        uncertainty: 0.8,
        basis: ClockBasis::SharedIds,
        against: Clock::Service(text.into()),
        pairs: 1_204,
        agreeing: 3,
    }];
    coverage.complaints = vec![Complaint { origin: at(text, 1), why: text.to_owned(), more: 0 }];
}
