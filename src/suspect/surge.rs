//! Messages that came much more often in the incident than the quiet time predicts, and whom they point at.

use std::collections::BTreeMap;

use crate::intake::{NameBook, addresses};
use crate::model::{Exemplar, Level, Origin, ServiceName, Symptom, Time, TimeSpan, Topology};
use crate::signal::Signals;
use crate::template::{RecordCounts, RecordKey};

use super::{Case, down};

/// A count surges when it exceeds what is expected by this many, and by two standard deviations of a Poisson count.
const SMALLEST_EXCESS: f64 = 3.0;
/// Symptoms may be written this many seconds before the first failed request is: the request ends later.
const LEAD: f64 = 3.0;
/// The quiet time ends this many seconds before the onset.
pub const GUARD: f64 = 5.0;

/// Whom a message blames.
#[derive(Clone, Debug, PartialEq)]
pub enum Pointer {
    /// The service that wrote it.
    Own,
    /// A callee.
    Callee { service: ServiceName, kind: CallKind },
}

/// How a call to the callee went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallKind {
    /// Nobody listened.
    Refused,
    /// No connection came about: the name did not resolve, the way was barred, or the handshake failed. The request never reached the callee.
    Barred,
    /// A statement on a database failed.
    Database,
    /// No answer in time.
    Timeout,
    /// It answered with an error, or the call failed in another way.
    Failed,
}

/// A surging kind of message.
#[derive(Clone, Debug, PartialEq)]
pub struct Surge {
    pub service: ServiceName,
    pub level: Level,
    /// The database role or application that caused the line, where it says so.
    pub client: Option<String>,
    pub template: String,
    /// The first line of an exemplar, as written.
    pub text: String,
    /// Stack trace and attached lines of the exemplar that has them.
    pub detail: String,
    pub count: u64,
    pub expected: f64,
    pub never_before: bool,
    pub symptom: Option<Symptom>,
    pub first: Time,
    pub origin: Origin,
    pub pointer: Pointer,
}

impl Surge {
    /// Whether the message tells of trouble: a level of warning or worse, an error text, or a known symptom of failure.
    pub fn is_trouble(&self) -> bool {
        self.level >= Level::Warn
            || self.template.contains(" | ")
            || self.symptom.is_some_and(|s| !matches!(s, Symptom::Started | Symptom::Reloaded | Symptom::Stopped))
    }
}

/// The time that the incident is compared with: the operator's baseline, else all before the onset, else all after.
pub fn quiet_span(signals: &Signals, incident: TimeSpan, baseline: Option<TimeSpan>) -> TimeSpan {
    let before = TimeSpan::new(signals.span.start, incident.start.plus_seconds(-GUARD).max(signals.span.start));
    let after = TimeSpan::new(incident.end.plus_seconds(GUARD).min(signals.span.end), signals.span.end);
    baseline.unwrap_or(if before.seconds() >= 2.0 * GUARD || before.seconds() >= after.seconds() { before } else { after })
}

/// All surging messages, largest excess first. `load_ratio` scales what is expected.
pub fn survey(case: &Case<'_>, quiet: TimeSpan, load_ratio: f64) -> Vec<Surge> {
    let span = TimeSpan { start: case.incident.span.start.plus_seconds(-LEAD), end: case.incident.span.end };
    let scale = if quiet.seconds() > 0.0 { span.seconds() / quiet.seconds() * load_ratio.max(1.0) } else { 0.0 };
    let step = case.signals.step;
    // A callee of which nothing was recorded is complained about all the same.
    let mut known = case.signals.services().clone();
    known.extend(case.topology.services().into_iter().cloned());
    let down = case.topology.services().into_iter().filter(|s| down::was_down(s, case, quiet)).cloned().collect();
    let book = Book { topology: case.topology, names: case.names, known: &known, down };
    let mut surges = Vec::new();
    for (key, counts) in grouped(case.signals) {
        let (count, before) =
            (counts.iter().map(|c| c.within(span, step)).sum::<u64>(), counts.iter().map(|c| c.within(quiet, step)).sum::<u64>());
        let expected = before as f64 * scale;
        if count >= 3 && count as f64 - expected > SMALLEST_EXCESS + 2.0 * expected.sqrt() {
            surges.extend(describe(case, &book, (&key, &counts), (count, expected, before == 0)));
        }
    }
    shared_ways(&mut surges, &known);
    surges.sort_by(|a, b| {
        let excess = |s: &Surge| s.count as f64 - s.expected;
        excess(b).total_cmp(&excess(a)).then(a.service.cmp(&b.service)).then(a.template.cmp(&b.template)).then(a.origin.cmp(&b.origin))
    });
    surges
}

/// Counts by kind of message, over all instances of a service.
pub(super) fn grouped(signals: &Signals) -> BTreeMap<RecordKey, Vec<&RecordCounts>> {
    let mut all: BTreeMap<RecordKey, Vec<&RecordCounts>> = BTreeMap::new();
    for (key, counts) in signals.tally.records_sorted() {
        let everywhere = RecordKey { instance: key.client, ..*key };
        all.entry(everywhere).or_default().push(counts);
    }
    all
}

fn describe(
    case: &Case<'_>,
    book: &Book<'_>,
    (key, counts): (&RecordKey, &[&RecordCounts]),
    (count, expected, never_before): (u64, f64, bool),
) -> Option<Surge> {
    let from = case.incident.span.start.plus_seconds(-LEAD);
    let text_of = |symbol| case.signals.tally.symbols.text(symbol);
    let exemplar = counts.iter().filter_map(|c| c.exemplar_from(from)).min_by_key(|e| (e.time < from, e.time, &e.origin))?;
    let detail = counts.iter().flat_map(|c| c.exemplars.iter()).find_map(|e| e.text.split_once('\n')).map_or("", |(_, d)| d);
    let first_line = first_line(exemplar);
    let service = ServiceName::new(text_of(key.service));
    let code = Some(text_of(key.code)).filter(|c| !c.is_empty());
    let symptom = case.facts.symptom(first_line, code);
    let peer = Some(text_of(key.peer)).filter(|p| !p.is_empty());
    let pointer = book.pointer(&service, first_line, peer, symptom);
    Some(Surge {
        level: key.level,
        client: Some(text_of(key.client)).filter(|c| !c.is_empty()).map(str::to_owned),
        template: text_of(key.template).to_owned(),
        text: first_line.to_owned(),
        detail: detail.to_owned(),
        count,
        expected,
        never_before,
        symptom,
        first: exemplar.time,
        origin: exemplar.origin.clone(),
        pointer,
        service,
    })
}

pub(super) fn first_line(exemplar: &Exemplar) -> &str {
    exemplar.text.lines().next().unwrap_or("")
}

/// Who is who, for reading names out of messages.
struct Book<'a> {
    topology: &'a Topology,
    names: &'a NameBook,
    known: &'a std::collections::BTreeSet<ServiceName>,
    /// Services that did not answer their probe.
    down: std::collections::BTreeSet<ServiceName>,
}

impl Book<'_> {
    fn pointer(&self, service: &ServiceName, text: &str, peer: Option<&str>, symptom: Option<Symptom>) -> Pointer {
        // A pool without a free connection is the client's own limit, whatever lies behind it.
        if symptom == Some(Symptom::PoolExhausted) {
            return Pointer::Own;
        }
        let named = peer.and_then(|p| self.resolve(service, p)).or_else(|| self.named_in(service, text));
        let database = || self.database_of(service, text, symptom);
        let outside = || outsider(text).filter(|_| symptom.is_some_and(|s| OUTSIDE.contains(&s)));
        match named.or_else(database).or_else(outside).or_else(|| self.down_behind(service, symptom)) {
            Some(callee) => Pointer::Callee { kind: self.kind(&callee, symptom), service: callee },
            None => Pointer::Own,
        }
    }

    /// Nobody listened at an address that is no service's name: the one callee of which a probe says that it was down.
    fn down_behind(&self, service: &ServiceName, symptom: Option<Symptom>) -> Option<ServiceName> {
        let mut callees = self.topology.callees(service).filter(|c| self.down.contains(*c));
        let first = callees.next().filter(|_| matches!(symptom, Some(Symptom::Refused | Symptom::Unreachable)))?;
        callees.next().is_none().then(|| first.clone())
    }

    fn kind(&self, callee: &ServiceName, symptom: Option<Symptom>) -> CallKind {
        match symptom {
            Some(Symptom::Refused) => CallKind::Refused,
            Some(Symptom::Dns | Symptom::Tls | Symptom::Unreachable) => CallKind::Barred,
            _ if self.engine(callee).is_some() => CallKind::Database,
            Some(Symptom::Timeout) => CallKind::Timeout,
            _ => CallKind::Failed,
        }
    }

    /// A service may point only at those it calls, where it is known whom it calls.
    fn may_call(&self, caller: &ServiceName, callee: &ServiceName) -> bool {
        caller != callee && (self.topology.callees(caller).next().is_none() || self.topology.calls(caller, callee))
    }

    fn resolve(&self, caller: &ServiceName, peer: &str) -> Option<ServiceName> {
        let by_address = addresses(peer).find_map(|a| self.by_address(a));
        let callee = by_address.or_else(|| self.known.iter().find(|s| has_word(peer, s.as_str())).cloned())?;
        self.may_call(caller, &callee).then_some(callee)
    }

    fn by_address(&self, address: &str) -> Option<ServiceName> {
        let host = address.split(':').next().unwrap_or(address);
        self.names.addresses.get(address).or_else(|| self.names.addresses.get(host)).cloned()
    }

    /// The callee whose name or address stands in the text; the longest name, where several do.
    fn named_in(&self, caller: &ServiceName, text: &str) -> Option<ServiceName> {
        let mut called = self.topology.callees(caller).peekable();
        let by_name = if called.peek().is_some() {
            longest_named(text, called.filter(|s| self.known.contains(*s)))
        } else {
            longest_named(text, self.known.iter().filter(|s| *s != caller))
        };
        by_name.or_else(|| addresses(text).filter_map(|a| self.by_address(a)).find(|s| self.may_call(caller, s)))
    }

    /// A message in the words of a database driver points at the database that the service calls.
    fn database_of(&self, caller: &ServiceName, text: &str, symptom: Option<Symptom>) -> Option<ServiceName> {
        let wanted = driver_engine(text)?;
        // The server's own lines use the same words; it has no database behind it.
        if self.engine(caller).is_some() && symptom.is_some() && self.topology.callees(caller).next().is_none() {
            return None;
        }
        let fits = |s: &&ServiceName| self.engine(s).is_some_and(|e| wanted == Engine::AnySql && e != Engine::Redis || e == wanted);
        let mut found = self.topology.callees(caller).filter(fits);
        let first = found.next()?;
        found.next().is_none().then(|| first.clone())
    }

    fn engine(&self, service: &ServiceName) -> Option<Engine> {
        self.names.formats.get(service)?.iter().find_map(|f| engine_of_format(f))
    }
}

/// Names of what all calls go through, for services that go by them in a bundle, and the name that is used where none does.
const RESOLVERS: &[&str] = &["dns", "coredns", "kube-dns", "resolver", "unbound", "named", "systemd-resolved", "nodelocaldns"];
const NETWORK: &[&str] = &["network"];

/// Names that do not resolve, or ways that are barred, of several callees at once are one fault of what all of them go through. A name that alone
/// does not resolve is that callee's.
fn shared_ways(surges: &mut [Surge], known: &std::collections::BTreeSet<ServiceName>) {
    for (symptom, names, callers) in [(Symptom::Dns, RESOLVERS, 1), (Symptom::Unreachable, NETWORK, 2)] {
        let about = |s: &Surge| match &s.pointer {
            Pointer::Callee { service, .. } if s.symptom == Some(symptom) && s.is_trouble() => Some(service.clone()),
            _ => None,
        };
        let callees: std::collections::BTreeSet<ServiceName> = surges.iter().filter_map(about).collect();
        let complaining: std::collections::BTreeSet<ServiceName> =
            surges.iter().filter(|s| about(s).is_some()).map(|s| s.service.clone()).collect();
        if callees.len() < 2 || complaining.len() < callers {
            continue;
        }
        let way = names.iter().map(|n| ServiceName::new(n)).find(|n| known.contains(n)).unwrap_or_else(|| ServiceName::new(names[0]));
        for surge in surges.iter_mut().filter(|s| about(s).is_some()) {
            surge.pointer = Pointer::Callee { service: way.clone(), kind: CallKind::Barred };
        }
    }
}

/// What may go wrong with somebody else's host.
const OUTSIDE: &[Symptom] =
    &[Symptom::Timeout, Symptom::Unreachable, Symptom::Refused, Symptom::Dns, Symptom::Tls, Symptom::Reset, Symptom::RateLimit];

/// The service with the longest name of those that the text names.
fn longest_named<'s>(text: &str, services: impl Iterator<Item = &'s ServiceName>) -> Option<ServiceName> {
    services.filter(|s| has_word(text, s.as_str())).max_by_key(|s| (s.as_str().len(), std::cmp::Reverse(*s))).cloned()
}

/// The host of the first address in a text, where it is a name with a domain that somebody else may own: `api.example.com`. What stands after
/// `referrer` is where a user came from.
fn outsider(text: &str) -> Option<ServiceName> {
    let lower = text.to_lowercase();
    let text = lower.split("referrer").next().unwrap_or(&lower);
    let after = ["https://", "http://", "host='", "host=\"", "lookup "].into_iter().filter_map(|mark| Some(text.find(mark)? + mark.len()));
    let host: String = text[after.min()?..].chars().take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-')).collect();
    let host = host.trim_end_matches('.');
    let labels: Vec<&str> = host.split('.').collect();
    let named = labels.len() >= 2
        && labels.iter().all(|l| !l.is_empty())
        && labels.last().is_some_and(|l| l.len() >= 2 && l.chars().all(char::is_alphabetic));
    (named && !INTERNAL.iter().any(|ending| host.ends_with(ending))).then(|| ServiceName::new(host))
}

/// Endings of host names within an installation: whoever is behind them is one of ours under another name.
const INTERNAL: &[&str] = &[".internal", ".local", ".svc", ".lan", ".test", ".localhost", ".cluster", ".consul", ".intra", ".corp"];

/// Which data store speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Engine {
    Postgres,
    Mysql,
    Redis,
    AnySql,
}

fn engine_of_format(format: &str) -> Option<Engine> {
    match format {
        f if f.starts_with("postgresql") || f.starts_with("pgbouncer") => Some(Engine::Postgres),
        f if f.starts_with("mysql") || f.starts_with("mariadb") => Some(Engine::Mysql),
        f if f.starts_with("redis") => Some(Engine::Redis),
        _ => None,
    }
}

/// Words of drivers and of the errors that they pass on.
const DRIVER_WORDS: &[(&str, Engine)] = &[
    ("psycopg", Engine::Postgres),
    ("postgres", Engine::Postgres),
    ("psqlexception", Engine::Postgres),
    ("pgbouncer", Engine::Postgres),
    ("asyncpg", Engine::Postgres),
    ("npgsql", Engine::Postgres),
    ("pymysql", Engine::Mysql),
    ("mysql", Engine::Mysql),
    ("mariadb", Engine::Mysql),
    ("innodb", Engine::Mysql),
    ("redis", Engine::Redis),
    ("replyerror", Engine::Redis),
    ("'maxmemory'", Engine::Redis),
    ("misconf", Engine::Redis),
    ("clusterdown", Engine::Redis),
    ("noreplicas", Engine::Redis),
    ("wrongpass", Engine::Redis),
    ("lettuce.core", Engine::Redis),
    ("jedis", Engine::Redis),
    ("sqlalchemy", Engine::AnySql),
    ("operationalerror", Engine::AnySql),
    ("sqlstate", Engine::AnySql),
    ("jdbc", Engine::AnySql),
    ("java.sql.", Engine::AnySql),
    ("activerecord", Engine::AnySql),
    ("canceling statement", Engine::AnySql),
    ("sqlexception", Engine::AnySql),
];

fn driver_engine(text: &str) -> Option<Engine> {
    let lower = text.to_lowercase();
    DRIVER_WORDS.iter().find(|(word, _)| lower.contains(word)).map(|w| w.1)
}

/// Whether `name` stands in `text` as a word of its own, in any case: not inside a longer word or name.
pub fn has_word(text: &str, name: &str) -> bool {
    if name.len() < 2 {
        return false;
    }
    let (text, name) = (text.to_lowercase(), name.to_lowercase());
    let inside = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
    text.match_indices(&name).any(|(at, _)| {
        let (before, after) = (&text[..at], &text[at + name.len()..]);
        !before.ends_with(inside) && !after.starts_with(|c: char| inside(c) || c == '+') && !before.ends_with('/')
            || before.ends_with("//") && !after.starts_with(inside)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaint(about: &str, symptom: Symptom) -> Surge {
        Surge {
            service: "web".into(),
            level: Level::Error,
            client: None,
            template: String::new(),
            text: String::new(),
            detail: String::new(),
            count: 9,
            expected: 0.0,
            never_before: true,
            symptom: Some(symptom),
            first: Time(0),
            origin: Origin { path: "logs/web.log".into(), line: 1 },
            pointer: Pointer::Callee { service: about.into(), kind: CallKind::Barred },
        }
    }

    #[test]
    fn names_of_several_callees_that_do_not_resolve_are_one_resolver_and_one_name_is_not() {
        let known = ["api", "stock", "coredns"].map(ServiceName::new).into_iter().collect::<std::collections::BTreeSet<_>>();
        let unknown = std::collections::BTreeSet::new();
        let about = |mut surges: Vec<Surge>, known: &std::collections::BTreeSet<ServiceName>| {
            shared_ways(&mut surges, known);
            let callee = |s: Surge| match s.pointer {
                Pointer::Callee { service, .. } => service.to_string(),
                Pointer::Own => String::new(),
            };
            surges.into_iter().map(callee).collect::<Vec<_>>()
        };
        let both = || vec![complaint("api", Symptom::Dns), complaint("stock", Symptom::Dns)];
        assert_eq!(about(both(), &known), ["coredns", "coredns"]);
        assert_eq!(about(both(), &unknown), ["dns", "dns"]);
        assert_eq!(about(vec![complaint("api", Symptom::Dns), complaint("stock", Symptom::Tls)], &known), ["api", "stock"]);
        // One caller that reaches nobody may itself be cut off.
        assert_eq!(about(vec![complaint("api", Symptom::Unreachable), complaint("stock", Symptom::Unreachable)], &known), ["api", "stock"]);
    }

    #[test]
    fn names_as_whole_words() {
        for (text, name, expected) in [
            ("HTTPConnectionPool(host='stock.shop.internal', port=8080)", "stock", true),
            ("stock responded 500", "stock", true),
            ("out of stock-keeping units", "stock", false),
            ("postgresql+psycopg2://x", "postgresql", false),
            ("http://stock:8080/reserve", "stock", true),
            ("POST /stock failed", "stock", false),
            ("STOCK down", "stock", true),
            ("", "stock", false),
        ] {
            assert_eq!(has_word(text, name), expected, "{text}");
        }
    }

    #[test]
    fn hosts_that_somebody_else_owns() {
        for (text, expected) in [
            ("POST https://api.tax.example.com/v1 timed out", Some("api.tax.example.com")),
            ("HTTPSConnectionPool(host='hooks.mail.io', port=443): Read timed out", Some("hooks.mail.io")),
            ("dial tcp: lookup api.geo.io on 10.0.0.2:53: no such host", Some("api.geo.io")),
            ("http://10.0.3.4:8080/reserve timed out", None),
            ("http://stock:8080/reserve timed out", None),
            ("HTTPConnectionPool(host='stock.shop.internal', port=80): timed out", None),
            ("upstream timed out, referrer: \"https://www.example.com/\"", None),
            ("", None),
        ] {
            assert_eq!(outsider(text).as_ref().map(ServiceName::as_str), expected, "{text}");
        }
    }

    #[test]
    fn driver_words_name_the_engine() {
        assert_eq!(driver_engine("(psycopg2.errors.QueryCanceled) canceling statement"), Some(Engine::Postgres));
        assert_eq!(driver_engine("ERROR: canceling statement due to lock timeout"), Some(Engine::AnySql));
        assert_eq!(driver_engine("read timed out"), None);
    }
}
