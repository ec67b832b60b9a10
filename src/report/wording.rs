//! The report's words for the model's closed lists, and short names of causes and changes.
//!
//! Nothing here has numbers of evidence: those are in `sentences`.

use crate::model::{
    Cause, CauseKind, Change, Clock, ClockBasis, Finding, Incident, IncidentSignal, KeyEdit, KeyRole, ResourceShift, ServiceName, Skew,
    Sought, Symptom, Verdict, Witness,
};

use super::text::{counted, duration, listed_up_to, number, percent, sanitize, shorten};

/// Widest configuration value that is shown whole.
const VALUE_WIDTH: usize = 40;
/// Characters of a service in a headline, which must not lose what happened to it.
const NAME_WIDTH: usize = 32;

/// Widest identifier that is shown whole: Kubernetes names have up to 63 characters, many ids add a digest.
const ID_WIDTH: usize = 80;

/// Parts of key names whose values are nobody's business in a chat or an issue.
const SECRET_WORDS: [&str; 9] = ["password", "passwd", "secret", "token", "api_key", "apikey", "api-key", "private_key", "credential"];

/// Below this probability the other candidates stand beside the best.
const CERTAIN: f64 = 0.7;

/// Below this probability no candidate is called the cause.
const CLEAR: f64 = 0.35;

/// How the best candidate is spoken of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Certainty {
    Certain,
    NotCertain,
    Unclear,
}

/// How to speak of the best candidate of a verdict.
pub fn certainty(verdict: &Verdict) -> Certainty {
    match verdict.causes.first().map_or(0.0, |c| c.confidence) {
        p if p >= CERTAIN => Certainty::Certain,
        p if p >= CLEAR => Certainty::NotCertain,
        _ => Certainty::Unclear,
    }
}

/// A clock that differs, how that is known, and what was done about it.
pub fn clock(skew: &Skew) -> String {
    let whose = |clock: &Clock| match clock {
        Clock::Metrics => "the metrics".to_owned(),
        Clock::Service(name) => service(name),
    };
    let side = if skew.offset > 0.0 { "ahead of" } else { "behind" };
    let others = if skew.agreeing > 1 { format!("{} that agree", skew.agreeing) } else { whose(&skew.against) };
    let from = match skew.basis {
        ClockBasis::SharedIds => format!("{} shared with {}", counted(skew.pairs, "id"), whose(&skew.against)),
        ClockBasis::Counts => format!("counts of {} in {}", whose(&skew.against), counted(skew.pairs, "window")),
        ClockBasis::Metric => format!("traffic in {} of {}", counted(skew.pairs, "sample"), whose(&skew.against)),
    };
    format!(
        "the clock of {} is {} s (±{} s) {side} {others}, by {from}; times are as written, compared after correction",
        whose(&skew.clock),
        number(skew.offset.abs()),
        number(skew.uncertainty.max(0.1)),
    )
}

/// What an error message shows, as the object of `the errors show …`.
pub fn symptom(symptom: Symptom) -> &'static str {
    match symptom {
        Symptom::PoolExhausted => "a pool with no connection left",
        Symptom::ConnectionLimit => "connections refused at the server's limit",
        Symptom::StatementTimeout => "statements cancelled by a time limit",
        Symptom::LockWait => "waits for locks",
        Symptom::Deadlock => "deadlocks",
        Symptom::Auth => "refused credentials",
        Symptom::Tls => "failing TLS handshakes",
        Symptom::Dns => "names that do not resolve",
        Symptom::Refused => "refused connections",
        Symptom::Unreachable => "connections that do not come about",
        Symptom::Reset => "connections cut by the other end",
        Symptom::Timeout => "calls that timed out",
        Symptom::Memory => "memory running out",
        Symptom::Descriptors => "open files, threads or processes running out",
        Symptom::Disk => "storage full or failing",
        Symptom::Schema => "code and schema that disagree",
        Symptom::RateLimit => "work refused by a rate or queue limit",
        Symptom::NotReady => "a server that is not ready",
        Symptom::SlowStatement => "slow statements",
        Symptom::Exception => "uncaught exceptions",
        Symptom::Started => "process starts",
        Symptom::Reloaded => "configuration reloads",
        Symptom::Stopped => "process stops",
    }
}

/// What a configuration key governs, as the object of `sets …`.
pub fn role(role: KeyRole) -> &'static str {
    match role {
        KeyRole::Pool => "the size of the connection pool",
        KeyRole::PoolTimeout => "how long to wait for a pooled connection",
        KeyRole::ConnectionLimit => "the server's connection limit",
        KeyRole::StatementTimeout => "the time limit of statements",
        KeyRole::LockTimeout => "the time limit of lock waits",
        KeyRole::Timeout => "a time limit of calls",
        KeyRole::Retries => "retries",
        KeyRole::Credential => "credentials",
        KeyRole::Tls => "TLS",
        KeyRole::Endpoint => "an address that is called",
        KeyRole::Memory => "a memory limit",
        KeyRole::Cpu => "a CPU limit",
        KeyRole::Threads => "threads or workers",
        KeyRole::Descriptors => "open files",
        KeyRole::Disk => "storage",
        KeyRole::RateLimit => "a rate or queue limit",
        KeyRole::Cache => "a cache",
        KeyRole::Replicas => "the number of instances",
        KeyRole::Schema => "the schema",
        KeyRole::Flag => "a feature flag",
        KeyRole::Logging => "logging",
        KeyRole::Schedule => "a schedule",
        KeyRole::Inert => "nothing that carries load",
    }
}

/// Stable word for JSON.
pub fn signal_kind(signal: &IncidentSignal) -> &'static str {
    match signal {
        IncidentSignal::FailedRequests => "failed_requests",
        IncidentSignal::SlowRequests { .. } => "slow_requests",
        IncidentSignal::RejectedRequests => "rejected_requests",
        IncidentSignal::ErrorRecords => "error_records",
        IncidentSignal::LostThroughput => "lost_throughput",
        IncidentSignal::Metric { .. } => "metric",
        IncidentSignal::Given => "given",
    }
}

/// A sanitized identifier; only absurdly long ones are cut.
pub fn id(text: &str) -> String {
    shorten(&sanitize(text), ID_WIDTH)
}

/// Sanitized name of a service; `*` in words.
pub fn service(name: &ServiceName) -> String {
    if name.is_everything() { "all services".to_owned() } else { id(name.as_str()) }
}

/// `web`, `web and api`, `web, api and 3 more`.
pub fn services(names: &[ServiceName]) -> String {
    match names {
        [] => "unknown service".to_owned(),
        names => listed_up_to(&names.iter().map(service).collect::<Vec<_>>(), 2),
    }
}

/// Who was hurt and how, in one sentence: `checkout: 15 % of requests failed, 57 % of users affected`.
pub fn headline(incident: &Incident) -> String {
    let impact = &incident.impact;
    let users = match impact.users_ratio() {
        Some(share) => format!(", {} of users affected", percent(share)),
        None if matches!(incident.signal, IncidentSignal::Metric { .. }) => String::new(),
        None => ", users affected unknown".to_owned(),
    };
    let what = match (&incident.signal, impact.failed_ratio()) {
        (IncidentSignal::SlowRequests { threshold }, Some(share)) => {
            format!("{} of requests took more than {}", percent(share), duration(*threshold as f64 / 1e6))
        }
        (IncidentSignal::RejectedRequests, Some(share)) => format!("{} of requests refused (status 4xx)", percent(share)),
        (IncidentSignal::LostThroughput, _) => "requests all but stopped arriving".to_owned(),
        (_, Some(share)) => format!("{} of requests failed", percent(share)),
        (IncidentSignal::SlowRequests { threshold }, None) => format!("requests took more than {}", duration(*threshold as f64 / 1e6)),
        (IncidentSignal::ErrorRecords, None) => "errors surged in the log, share of requests unknown".to_owned(),
        (IncidentSignal::Metric { metric }, None) => {
            format!("{} left its usual range, seen in metrics only", shorten(&sanitize(metric.as_str()), VALUE_WIDTH))
        }
        (IncidentSignal::Given, None) => "share of requests unknown".to_owned(),
        (IncidentSignal::RejectedRequests, None) => "requests refused (status 4xx), share unknown".to_owned(),
        (IncidentSignal::FailedRequests, None) => "requests failed, share unknown".to_owned(),
    };
    let names: Vec<String> = incident.services.iter().map(|name| shorten(&service(name), NAME_WIDTH)).collect();
    let who = if names.is_empty() { services(&[]) } else { listed_up_to(&names, 2) };
    format!("{who}: {what}{users}")
}

/// Series of which a report tells the values.
const WITNESSES_SHOWN: usize = 3;

/// What the series behind an incident that nothing but metrics showed did; `None` where requests or records showed it.
pub fn witnesses(incident: &Incident) -> Option<String> {
    let shown: Vec<String> = incident.witnesses.iter().map(witness).collect();
    let advice = if shown.len() == 1 { "one series says so" } else { "these series agree" };
    (!shown.is_empty()).then(|| format!("No request was counted; {advice}: {}.", listed_up_to(&shown, WITNESSES_SHOWN)))
}

/// `latency_p99 of web, called by edge: 0.2 -> 1.4`.
fn witness(witness: &Witness) -> String {
    let caller = witness.caller.as_ref().map_or_else(String::new, |caller| format!(", called by {}", service(caller)));
    let metric = shorten(&sanitize(witness.metric.as_str()), VALUE_WIDTH);
    format!("{metric} of {}{caller}: {} -> {}", service(&witness.service), number(witness.before), number(witness.during))
}

/// What else moved where no incident was found, and how to have it examined; `None` where nothing did.
pub fn shifts(sought: &Sought) -> Option<String> {
    let first = sought.resource_shifts.iter().map(|shift| shift.span.start).min()?;
    let said = |shift: &ResourceShift| format!("{} from {} {}", witness(&shift.witness), shift.span.start.date(), shift.span.start.clock());
    let shown: Vec<String> = sought.resource_shifts.iter().map(said).collect();
    let what = listed_up_to(&shown, WITNESSES_SHOWN);
    Some(format!(
        "Left their usual range, though no series says that users were hurt: {what}. If they were, add --incident {}.",
        first.rfc3339()
    ))
}

/// `2.14.0 -> 2.15.0`, as far as it is known.
pub fn versions(change: &Change) -> Option<String> {
    let after = change.version.as_deref().map(version)?;
    Some(match &change.previous_version {
        Some(before) => format!("{} -> {after}", version(before)),
        None => after,
    })
}

/// A version as it is shown: long image digests are cut.
pub fn version(text: &str) -> String {
    shorten(&sanitize(text), 24)
}

/// A configuration value: `(not set)` where there is none, secrets hidden.
pub fn value(key: &str, value: Option<&str>) -> String {
    match value {
        None => "(not set)".to_owned(),
        Some("") => "(empty)".to_owned(),
        Some(text) => shorten(&sanitize(&redact(key, text)), VALUE_WIDTH),
    }
}

/// The value without what it keeps secret: those of secret keys, and passwords within addresses.
pub fn redact(key: &str, value: &str) -> String {
    let key = key.to_ascii_lowercase();
    // `max_tokens: 400` and `secret_scanning: true` are no secrets.
    let plain = value.len() < 8 && (value.parse::<f64>().is_ok() || value.parse::<bool>().is_ok());
    if !plain && SECRET_WORDS.iter().any(|word| key.contains(word)) {
        return "(hidden)".to_owned();
    }
    without_address_passwords(value)
}

fn without_address_passwords(value: &str) -> String {
    let Some((scheme, rest)) = value.split_once("://") else { return value.to_owned() };
    let authority_end = rest.find(['/', '?', '#', ' ', ',']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(authority_end);
    let shown = match authority.rsplit_once('@').and_then(|(login, host)| Some((login.split_once(':')?.0, host))) {
        Some((user, host)) => format!("{user}:(hidden)@{host}"),
        None => authority.to_owned(),
    };
    format!("{scheme}://{shown}{}", without_address_passwords(path))
}

/// `15 -> 1`, with secrets hidden.
pub fn values(edit: &KeyEdit) -> String {
    let key = edit.key.as_str();
    format!("{} -> {}", value(key, edit.before.as_deref()), value(key, edit.after.as_deref()))
}

/// `db.pool.max_size 15 -> 1`.
pub fn edit(edit: &KeyEdit) -> String {
    format!("{} {}", key(edit), values(edit))
}

/// The sanitized name of an edited key.
pub fn key(edit: &KeyEdit) -> String {
    shorten(&sanitize(edit.key.as_str()), 60)
}

/// `checkout deploy-7958`.
pub fn change(change: &Change) -> String {
    format!("{} {}", service(&change.service), id(change.id.as_str()))
}

/// `deploy deploy-7958` is `deploy-7958`; `deploy release-12` stays.
pub fn kind_and_id(change: &Change) -> String {
    let (kind, id) = (change.kind.name(), id(change.id.as_str()));
    if id.starts_with(kind) { id } else { format!("{kind} {id}") }
}

/// What of a component failed, in words.
pub fn resource(word: &str) -> &str {
    match word {
        "process" => "process down",
        "tls" => "TLS certificate or handshake",
        "dns" => "name resolution",
        "network" => "network or connection to it",
        "code" => "fault in its code",
        "cpu" => "CPU",
        other => other,
    }
}

/// What is held responsible, without what it did: `checkout deploy-7958`, `db instance db-1: disk`.
pub fn suspect(cause: &Cause) -> String {
    let service = service(&cause.service);
    let place = match &cause.instance {
        Some(instance) if instance.as_str().starts_with(cause.service.as_str()) => id(instance.as_str()),
        Some(instance) => format!("{service} instance {}", id(instance.as_str())),
        None => service,
    };
    let ran_out = cause.evidence.iter().any(|e| matches!(e.finding, Finding::Exhausted { symptom: Symptom::Memory, .. }));
    let what = match cause.resource {
        Some("memory") if ran_out => ": out of memory".to_owned(),
        Some(word) => format!(": {}", resource(word)),
        None => String::new(),
    };
    match (cause.kind, &cause.change) {
        (_, Some(c)) => change(c),
        (CauseKind::Load, None) => format!("more requests at {place}"),
        (CauseKind::Infra, None) => format!("infrastructure of {place}{what}"),
        (CauseKind::Component | CauseKind::Change, None) => format!("{place}{what}"),
    }
}

/// What is held responsible and what it did, in one line.
pub fn title(cause: &Cause) -> String {
    let what = cause.key.as_ref().map(edit).or_else(|| cause.change.as_deref().and_then(versions));
    match what {
        Some(what) => format!("{}: {what}", suspect(cause)),
        None => suspect(cause),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_metrics_alone_show_names_its_series() {
        let witness = |service: &str, caller: Option<&str>| Witness {
            service: service.into(),
            caller: caller.map(Into::into),
            metric: "latency_\x1b[2Jp99".into(),
            before: 0.2,
            during: 1.4,
        };
        let mut analysis = crate::report::samples::metrics_only();
        let incident = &mut analysis.verdicts[0].incident;
        incident.witnesses = vec![witness("web", None), witness("stock", Some("web"))];
        let said = witnesses(incident).unwrap();
        assert!(
            said.contains("of web: 0.2 -> 1.4") && said.contains("of stock, called by web: 0.2 -> 1.4") && !said.contains('\x1b'),
            "{said}"
        );
        assert_eq!(witnesses(&Incident { witnesses: Vec::new(), ..incident.clone() }), None);
        let span = incident.span;
        let sought = Sought { resource_shifts: vec![ResourceShift { witness: witness("db", None), span }], ..Sought::default() };
        let said = shifts(&sought).unwrap();
        assert!(said.contains("of db: 0.2 -> 1.4") && said.ends_with(&format!("add --incident {}.", span.start.rfc3339())), "{said}");
        assert_eq!(shifts(&Sought::default()), None);
    }

    #[test]
    fn a_clock_says_how_far_which_way_and_how_that_is_known() {
        let skew = |offset, agreeing, basis| Skew {
            clock: Clock::Service("web".into()),
            offset,
            uncertainty: 0.5,
            basis,
            against: Clock::Metrics,
            pairs: 80,
            agreeing,
        };
        for (skew, expected) in [
            (skew(90.0, 3, ClockBasis::SharedIds), "web is 90 s (±0.5 s) ahead of 3 that agree, by 80 ids shared with the metrics"),
            (skew(-4.0, 1, ClockBasis::Metric), "web is 4 s (±0.5 s) behind the metrics, by traffic in 80 samples"),
        ] {
            assert!(clock(&skew).contains(expected), "{}", clock(&skew));
        }
    }

    #[test]
    fn secrets_stay_hidden_and_settings_do_not() {
        let cases = [
            ("db.password", "hunter2hunter2", "(hidden)"),
            ("STRIPE_API_KEY", "sk_live_1", "(hidden)"),
            ("llm.max_tokens", "400", "400"),
            ("db.url", "postgres://app:hunter2@db:5432/orders", "postgres://app:(hidden)@db:5432/orders"),
            ("db.url", "postgres://app@db/orders", "postgres://app@db/orders"),
            ("brokers", "amqp://a:b@h,amqp://c:d@i", "amqp://a:(hidden)@h,amqp://c:(hidden)@i"),
            ("title", "a\u{1b}[2Jb", "a\\x1b[2Jb"),
            ("title", "", "(empty)"),
        ];
        for (key, text, expect) in cases {
            assert_eq!(value(key, Some(text)), expect, "{key}");
        }
        assert_eq!(value("any", None), "(not set)");
    }

    #[test]
    fn many_services_are_summed_up() {
        let names = ["web", "api", "cart", "mail"].map(ServiceName::from);
        assert_eq!(services(&names), "web, api and 2 more");
        assert_eq!(services(&[]), "unknown service");
    }
}
