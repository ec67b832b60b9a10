//! What to check next: commands to paste, with the names and times of the incident in them.
//!
//! Names come from logs and files and are hostile: each is quoted as the language of the command demands. Nothing here changes anything
//! when it is run. A name that no sane system has is not put into a command at all: whoever pastes it trusts it.

use crate::model::{Analysis, Cause, CauseKind, Change, ChangeKind, Finding, NotRuledOut, ServiceName, Symptom, TimeSpan, Verdict};

use super::text::sanitize;

/// Seconds around the incident that are looked at, too.
const AROUND: f64 = 300.0;
/// Commands for one cause.
const MOST: usize = 6;
/// Causes below this confidence are not checked.
const UNLIKELY: f64 = 0.02;

/// One command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// What it answers, as a fragment.
    pub question: String,
    /// `sql`, `promql`, `logql` or `sh`.
    pub language: &'static str,
    pub command: String,
}

/// What a list of checks is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckList {
    pub about: String,
    pub checks: Vec<Check>,
}

/// For each leading cause and each path that the data could not rule out.
pub fn lists(analysis: &Analysis, verdict: &Verdict) -> Vec<CheckList> {
    let leading = verdict.causes.iter().enumerate().filter(|(i, c)| *i == 0 || c.confidence >= UNLIKELY).map(|(_, c)| c).take(3);
    let context = Context::new(analysis, verdict);
    let of_cause = |cause: &Cause| CheckList { about: super::wording::title(cause), checks: context.cause(cause) };
    let of_open =
        |path: &NotRuledOut| CheckList { about: format!("{}, not ruled out: no data", sanitize(&path.title)), checks: context.open(path) };
    let all = leading.map(of_cause).chain(verdict.not_ruled_out.iter().map(of_open));
    all.filter(|list| !list.checks.is_empty()).collect()
}

struct Context<'a> {
    verdict: &'a Verdict,
    /// The incident with some room.
    span: TimeSpan,
    mysql: bool,
}

impl<'a> Context<'a> {
    fn new(analysis: &Analysis, verdict: &'a Verdict) -> Context<'a> {
        let span = verdict.incident.span;
        let read = |name: &str| analysis.coverage.sources.iter().any(|s| s.format.starts_with(name));
        let named = |name: &str| analysis.services.iter().any(|s| s.as_str().to_ascii_lowercase().contains(name));
        let mysql = read("mysql") || read("mariadb") || ((named("mysql") || named("mariadb")) && !named("postgres"));
        Context { verdict, span: TimeSpan { start: span.start.plus_seconds(-AROUND), end: span.end.plus_seconds(AROUND) }, mysql }
    }

    fn cause(&self, cause: &Cause) -> Vec<Check> {
        let service =
            if cause.service.is_everything() { self.verdict.incident.services.first().unwrap_or(&cause.service) } else { &cause.service };
        if !is_usual(service.as_str()) {
            return Vec::new();
        }
        let mut checks = Vec::new();
        if let Some(change) = cause.change.as_deref() {
            checks.extend(self.change(change, service));
        }
        for symptom in symptoms(cause) {
            checks.extend(self.symptom(symptom, service));
        }
        checks.extend(self.resource(cause, service));
        checks.extend(self.metrics(cause));
        checks.extend(self.messages(cause, service));
        checks.push(self.journal(service));
        let mut seen = std::collections::BTreeSet::new();
        checks.retain(|c| seen.insert(c.command.clone()));
        checks.truncate(MOST);
        checks
    }

    fn change(&self, change: &Change, service: &ServiceName) -> Vec<Check> {
        let name = shell(service.as_str());
        match change.kind {
            ChangeKind::Deploy | ChangeKind::Rollback | ChangeKind::Scale | ChangeKind::Config => vec![check(
                &format!("is the version before {} still there to go back to?", super::wording::id(change.id.as_str())),
                "sh",
                format!("kubectl rollout history deployment/{name}; kubectl get pods -l app={name} -o wide"),
            )],
            ChangeKind::Migration => vec![self.locks()],
            ChangeKind::Unrecorded => vec![check(
                &format!("who restarted {}?", sanitize(service.as_str())),
                "sh",
                format!("kubectl get events --sort-by=.lastTimestamp --field-selector involvedObject.kind=Pod | grep -F -- {name}"),
            )],
            ChangeKind::Flag | ChangeKind::Infra => Vec::new(),
        }
    }

    fn symptom(&self, symptom: Symptom, service: &ServiceName) -> Vec<Check> {
        let name = shell(service.as_str());
        match symptom {
            Symptom::PoolExhausted | Symptom::ConnectionLimit => vec![
                self.connections(service),
                check(
                    "how many connections does it hold, and in which state?",
                    "sh",
                    format!("kubectl exec deploy/{name} -- ss -tanp state established state syn-sent state close-wait"),
                ),
            ],
            Symptom::LockWait | Symptom::Deadlock | Symptom::Schema => vec![self.locks()],
            Symptom::StatementTimeout | Symptom::SlowStatement => vec![self.locks(), self.slow_statements()],
            Symptom::Memory => vec![check(
                "was it killed for memory?",
                "sh",
                format!("kubectl describe pods -l app={name} | grep -A6 -E 'Last State|Limits'; {}", self.kernel("oom|killed process")),
            )],
            Symptom::Disk => {
                vec![check("is the disk full or failing?", "sh", format!("df -h; df -i; {}", self.kernel("i/o error|ext4|xfs|nvme")))]
            }
            Symptom::Descriptors => vec![check(
                "how many files and threads does it hold, and what is the limit?",
                "sh",
                format!("kubectl exec deploy/{name} -- sh -c 'ls /proc/1/fd | wc -l; grep -E \"open files|processes\" /proc/1/limits'"),
            )],
            Symptom::Dns => vec![dns(service)],
            Symptom::Tls => vec![check(
                "which certificate does it show, and until when is it valid?",
                "sh",
                format!(
                    "openssl s_client -connect {name}:443 -servername {name} </dev/null 2>/dev/null | openssl x509 -noout -dates -subject -issuer"
                ),
            )],
            Symptom::Refused | Symptom::Reset | Symptom::Timeout | Symptom::Unreachable | Symptom::NotReady => vec![check(
                "does it listen, and is its queue of connections full?",
                "sh",
                format!(
                    "kubectl get endpoints {name}; kubectl exec deploy/{name} -- ss -ltn; nstat -az TcpExtListenOverflows TcpExtListenDrops TcpRetransSegs"
                ),
            )],
            _ => Vec::new(),
        }
    }

    fn resource(&self, cause: &Cause, service: &ServiceName) -> Vec<Check> {
        let name = shell(service.as_str());
        let pods = |question: &str| {
            check(
                question,
                "sh",
                format!("kubectl get pods -l app={name} -o wide; kubectl logs -l app={name} --previous --tail=50 --timestamps"),
            )
        };
        match (cause.kind, cause.resource) {
            (CauseKind::Load, _) | (_, Some("traffic")) => vec![check(
                "who sends the requests?",
                "promql",
                format!("topk(10, sum by (route, client) (rate(http_requests_total{{service={}}}[5m])))", prom_string(service.as_str())),
            )],
            (_, Some("process")) => vec![pods("is it up, how often was it restarted, what were its last words?")],
            (_, Some("memory")) => self.symptom(Symptom::Memory, service),
            (_, Some("disk")) => self.symptom(Symptom::Disk, service),
            (_, Some("tls")) => self.symptom(Symptom::Tls, service),
            (_, Some("dns")) => self.symptom(Symptom::Dns, service),
            (_, Some("network")) => self.symptom(Symptom::Timeout, service),
            (_, Some("cpu")) => vec![check(
                "is it throttled?",
                "promql",
                format!(
                    "sum by (pod) (rate(container_cpu_cfs_throttled_seconds_total{{pod=~{}}}[5m]))",
                    prom_string(&format!("{}-.*", regex_literal(service.as_str())))
                ),
            )],
            (CauseKind::Component, _) if cause.change.is_none() => vec![pods("what did it say last?")],
            _ => Vec::new(),
        }
    }

    /// The metrics of the evidence, over the time of the incident.
    fn metrics(&self, cause: &Cause) -> Vec<Check> {
        let supporting = cause.evidence.iter().filter(|e| e.supports()).map(|e| &e.finding);
        let named = supporting.filter_map(|finding| Some((finding.service()?, finding.metric()?.as_str())));
        let named = named.filter(|(service, metric)| is_usual(service.as_str()) && is_usual(metric));
        let command = |(service, metric): (&ServiceName, &str)| {
            check(
                &format!("{} of {} before and after", sanitize(metric), sanitize(service.as_str())),
                "sh",
                format!(
                    "promtool query range --start={} --end={} --step=15s \"$PROMETHEUS\" {}",
                    self.span.start.rfc3339(),
                    self.span.end.rfc3339(),
                    shell(&selector(metric, service))
                ),
            )
        };
        named.take(2).map(command).collect()
    }

    fn messages(&self, cause: &Cause, service: &ServiceName) -> Vec<Check> {
        let surge = cause.evidence.iter().filter(|e| e.supports()).find_map(|e| match &e.finding {
            Finding::Surge { text, .. } => Some(text),
            _ => None,
        });
        let words = surge.map(|text| longest_words(text)).filter(|w| w.len() >= 8);
        let contains = words.map(|w| format!(" |= {}", prom_string(&w))).unwrap_or_default();
        vec![check(
            "which instances say so, and do they still?",
            "logql",
            format!(
                "sum by (pod) (count_over_time({{service={}}}{contains} [1m]))  # from {} to {}",
                prom_string(service.as_str()),
                self.span.start.rfc3339(),
                self.span.end.rfc3339()
            ),
        )]
    }

    fn journal(&self, service: &ServiceName) -> Check {
        check(
            "what did its unit write?",
            "sh",
            format!("journalctl -u {} --utc {}", shell(&format!("{}*", service.as_str())), self.since()),
        )
    }

    fn since(&self) -> String {
        let at = |time: crate::model::Time| format!("'{} {} UTC'", time.date(), time.clock());
        format!("--since {} --until {}", at(self.span.start), at(self.span.end))
    }

    fn kernel(&self, pattern: &str) -> String {
        format!("journalctl -k --utc {} | grep -iE '{pattern}'", self.since())
    }

    fn connections(&self, service: &ServiceName) -> Check {
        let name = sql(service.as_str());
        let statement = if self.mysql {
            "SELECT user, host, db, command, state, count(*), max(time) AS longest_s FROM information_schema.processlist GROUP BY 1, 2, 3, 4, 5 ORDER BY 6 DESC; SHOW VARIABLES LIKE 'max_connections';".to_owned()
        } else {
            format!(
                "SELECT application_name, usename, state, wait_event_type, count(*), max(now() - state_change) AS longest FROM pg_stat_activity WHERE application_name ILIKE '%' || {name} || '%' OR usename = {name} GROUP BY 1, 2, 3, 4 ORDER BY 5 DESC; SHOW max_connections;"
            )
        };
        check("how many connections does the database see of it, against its limit?", "sql", statement)
    }

    fn locks(&self) -> Check {
        let statement = if self.mysql {
            "SELECT * FROM sys.innodb_lock_waits; SHOW ENGINE INNODB STATUS;"
        } else {
            "SELECT pid, pg_blocking_pids(pid) AS blocked_by, usename, state, now() - xact_start AS open_for, left(query, 120) AS query FROM pg_stat_activity WHERE cardinality(pg_blocking_pids(pid)) > 0 OR pid IN (SELECT unnest(pg_blocking_pids(pid)) FROM pg_stat_activity) ORDER BY xact_start;"
        };
        check("who waits for whose locks?", "sql", statement.to_owned())
    }

    fn slow_statements(&self) -> Check {
        let statement = if self.mysql {
            "SELECT digest_text, count_star, avg_timer_wait / 1e9 AS mean_ms FROM performance_schema.events_statements_summary_by_digest ORDER BY sum_timer_wait DESC LIMIT 10;"
        } else {
            "SELECT calls, round(mean_exec_time) AS mean_ms, rows, left(query, 120) AS query FROM pg_stat_statements ORDER BY total_exec_time DESC LIMIT 10;"
        };
        check("which statements take the time?", "sql", statement.to_owned())
    }

    fn open(&self, path: &NotRuledOut) -> Vec<Check> {
        let service =
            self.verdict.causes.first().map(|c| &c.service).filter(|s| !s.is_everything()).or(self.verdict.incident.services.first());
        let Some(service) = service.filter(|s| is_usual(s.as_str())) else { return Vec::new() };
        let title = path.title.to_ascii_lowercase();
        match () {
            () if title.contains("dns") => vec![
                dns(service),
                check(
                    "did the resolver of the cluster fail or slow down?",
                    "promql",
                    "sum by (rcode) (rate(coredns_dns_responses_total[5m])); histogram_quantile(0.99, sum by (le) (rate(coredns_dns_request_duration_seconds_bucket[5m])))".to_owned(),
                ),
            ],
            () if title.contains("network") => vec![
                check("do packets get lost?", "promql", "rate(node_netstat_Tcp_RetransSegs[5m]) / rate(node_netstat_Tcp_OutSegs[5m])".to_owned()),
                check("what do the nodes say of their connections?", "sh", "ss -s; nstat -az TcpRetransSegs TcpExtTCPTimeouts; ip -s link".to_owned()),
            ],
            () if title.contains("host") => vec![
                check("were the nodes busy?", "promql", "1 - avg by (instance) (rate(node_cpu_seconds_total{mode=\"idle\"}[5m]))".to_owned()),
                check("did a node run out of memory or disk?", "sh", self.kernel("oom|i/o error|blocked for more than")),
            ],
            () if title.contains("deploy") || title.contains("configuration") => vec![
                check("what was rolled out?", "sh", format!("kubectl get replicasets -l app={} --sort-by=.metadata.creationTimestamp", shell(service.as_str()))),
                check("what was merged?", "sh", format!("git log --since={} --until={} --stat", shell(&self.span.start.rfc3339()), shell(&self.span.end.rfc3339()))),
            ],
            () => vec![self.journal(service)],
        }
    }
}

fn check(question: &str, language: &'static str, command: String) -> Check {
    Check { question: question.to_owned(), language, command: sanitize(&command) }
}

fn dns(service: &ServiceName) -> Check {
    check(
        "does its name resolve, and how fast?",
        "sh",
        format!("dig +stats +tries=1 -q {}; getent hosts {}", shell(service.as_str()), shell(service.as_str())),
    )
}

/// The symptoms that the evidence of a cause shows, strongest first.
fn symptoms(cause: &Cause) -> Vec<Symptom> {
    let mut all: Vec<Symptom> = Vec::new();
    for evidence in cause.evidence.iter().filter(|e| e.supports()) {
        let symptom = match &evidence.finding {
            Finding::Surge { symptom, .. } | Finding::KeyGoverns { symptom, .. } => *symptom,
            Finding::Exhausted { symptom, .. } | Finding::MigrationSymptom { symptom, .. } => Some(*symptom),
            _ => None,
        };
        all.extend(symptom.filter(|s| !all.contains(s)));
    }
    all.truncate(2);
    all
}

/// Whether a name may stand in a command that people paste.
fn is_usual(name: &str) -> bool {
    let usual = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | ':' | '/' | ' ');
    !name.is_empty() && name.len() <= 100 && name.chars().all(usual)
}

/// One word of a POSIX shell.
pub fn shell(text: &str) -> String {
    let text = sanitize(text);
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/' | ':');
    if !text.is_empty() && !text.starts_with('-') && text.chars().all(plain) { text } else { format!("'{}'", text.replace('\'', "'\\''")) }
}

/// A string of SQL.
fn sql(text: &str) -> String {
    format!("'{}'", sanitize(text).replace('\'', "''"))
}

/// A string of PromQL or LogQL.
pub fn prom_string(text: &str) -> String {
    format!("\"{}\"", sanitize(text).replace('\\', "\\\\").replace('"', "\\\""))
}

/// Text that a regular expression takes as it is.
fn regex_literal(text: &str) -> String {
    text.chars().fold(String::new(), |mut out, c| {
        if !c.is_alphanumeric() && !matches!(c, '-' | '_') {
            out.push('\\');
        }
        out.push(c);
        out
    })
}

/// A selector of a metric, whatever its name is.
pub fn selector(metric: &str, service: &ServiceName) -> String {
    let valid = metric.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_' || c == ':')
        && metric.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == ':');
    let service = prom_string(service.as_str());
    if valid { format!("{metric}{{service={service}}}") } else { format!("{{__name__={}, service={service}}}", prom_string(metric)) }
}

/// The longest run of words without a digit or a quote, which other records of the kind are likely to share.
fn longest_words(text: &str) -> String {
    let text = sanitize(text);
    let runs = text.split(|c: char| !(c.is_ascii_alphabetic() || " -_.,:/'".contains(c))).map(str::trim);
    runs.max_by_key(|run| run.len()).unwrap_or_default().chars().take(80).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::samples;

    #[test]
    fn a_pool_gets_its_connections_counted() {
        let analysis = samples::rich();
        let lists = lists(&analysis, &analysis.verdicts[0]);
        let text = format!("{lists:?}");
        for needle in [
            "pg_stat_activity",
            "'orders'",
            "kubectl rollout history deployment/orders",
            "2024-03-05 17:19:48 UTC",
            "dig +stats",
            "postgres-0: disk",
        ] {
            assert!(text.contains(needle), "{needle} is missing in {text}");
        }
    }

    #[test]
    fn hostile_names_stay_one_word() {
        assert_eq!(shell("a; rm -rf /"), "'a; rm -rf /'");
        assert_eq!(shell("a'$(id)'"), "'a'\\''$(id)'\\'''");
        assert_eq!(shell("--help"), "'--help'");
        assert_eq!(sql("a' OR 1=1 --"), "'a'' OR 1=1 --'");
        assert_eq!(prom_string("a\"} or up{x=\"\\"), "\"a\\\"} or up{x=\\\"\\\\\"");
        assert_eq!(selector("http.p95", &"a".into()), "{__name__=\"http.p95\", service=\"a\"}");
        let analysis = samples::hostile();
        for list in lists(&analysis, &analysis.verdicts[0]) {
            for check in list.checks {
                assert!(!check.command.contains("evil") && !check.command.contains("script"), "{check:?}");
            }
        }
    }
}
