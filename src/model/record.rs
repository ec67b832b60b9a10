//! What a log line or a metric file turns into.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::names::{InstanceId, MetricName, Origin, ServiceName};
use super::time::Time;
use super::vocabulary::Level;

/// One log record. It borrows from the read buffer and is never stored: a shard turns it into counts at once.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Record<'l> {
    pub time: Time,
    pub level: Level,
    /// Set only where the line itself names it; the bundle's layout supplies the rest.
    pub service: Option<Cow<'l, str>>,
    pub instance: Option<Cow<'l, str>>,
    /// The version of the service that wrote the line, where the line says so.
    pub version: Option<Cow<'l, str>>,
    pub logger: Option<Cow<'l, str>>,
    pub thread: Option<Cow<'l, str>>,
    /// The process that wrote the line, or on whose behalf it was written.
    pub pid: Option<Cow<'l, str>>,
    pub trace: Option<Cow<'l, str>>,
    /// The part of the trace that one service works on (OpenTelemetry `span_id`).
    pub span: Option<Cow<'l, str>>,
    /// The line of the source code that wrote the record.
    pub code_line: Option<Cow<'l, str>>,
    /// The text for people, without the header.
    pub message: Cow<'l, str>,
    /// The message with its variable parts masked, where whoever read it had to know.
    pub masked: Option<Masked<'l>>,
    /// The error text that a structured record carries beside its message (`err.message`, `error`, `exception`).
    pub error: Option<Cow<'l, str>>,
    /// Lines that belong to the record: a stack trace, PostgreSQL's DETAIL and STATEMENT. Empty where there are none.
    pub detail: Cow<'l, str>,
    /// SQLSTATE or another code that is the same in every language.
    pub code: Option<Cow<'l, str>>,
    /// The callee that a field names (`upstream`, `peer.service`, `target`).
    pub peer: Option<Cow<'l, str>>,
    /// Who asked: a database role or application name.
    pub client: Option<Cow<'l, str>>,
    /// The outcome of a request, where the line reports one.
    pub request: Option<Request<'l>>,
    /// Stands for the service that the line names, if any, and the masked message of a record without an error, where whoever read it numbers
    /// such.
    pub kind: Option<Tag>,
}

/// A message with its variable parts masked.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Masked<'l> {
    pub text: &'l str,
    /// `None`: whoever read it numbers no more texts.
    pub id: Option<Tag>,
}

/// Stands for something that is met again and again: no two such have the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tag {
    /// Whoever numbers, no two alike in a process.
    pub reader: u64,
    /// From 0 on, without gaps.
    pub number: u32,
}

/// The outcome of one request, as an access log or a completion message reports it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Request<'l> {
    pub method: Option<Cow<'l, str>>,
    /// Path with its query, as written.
    pub path: Option<Cow<'l, str>>,
    /// HTTP status, or the gRPC or other outcome mapped to it.
    pub status: u16,
    /// Server-side duration in microseconds.
    pub duration: Option<i64>,
    pub user: Option<Cow<'l, str>>,
}

impl Request<'_> {
    /// Whether the server failed the request (HTTP status 5xx, the usual availability SLI of the SRE workbook).
    pub fn failed(&self) -> bool {
        self.status >= 500
    }
}

/// A record kept as an example of its template, with the place where a person finds it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Exemplar {
    pub time: Time,
    pub origin: Origin,
    /// Head and tail of message, error and detail, bounded.
    pub text: String,
}

/// What identifies a metric series.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SeriesKey {
    pub service: ServiceName,
    pub metric: MetricName,
    pub instance: Option<InstanceId>,
    /// Caller and callee of an edge series.
    pub edge: Option<(ServiceName, ServiceName)>,
}

/// One value of a metric series.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    pub key: SeriesKey,
    pub time: Time,
    pub value: f64,
}

/// All metric series of a run: finite values by time, at most one an instant.
pub type Metrics = BTreeMap<SeriesKey, Vec<(Time, f64)>>;

/// The series of one service, by metric.
pub fn series_of<'m>(metrics: &'m Metrics, service: &ServiceName) -> impl Iterator<Item = (&'m SeriesKey, &'m Vec<(Time, f64)>)> {
    let service = service.clone();
    let first = SeriesKey { service: service.clone(), metric: MetricName::new(""), instance: None, edge: None };
    metrics.range(first..).take_while(move |(key, _)| key.service == service)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_series_of_a_service_are_those_with_its_name() {
        let key = |service: &str, metric: &str, instance: Option<&str>| SeriesKey {
            service: service.into(),
            metric: metric.into(),
            instance: instance.map(InstanceId::new),
            edge: None,
        };
        let keys = [key("", "x", None), key("a", "z", None), key("b", "", None), key("b", "m", Some("1")), key("b-2", "m", None)];
        let metrics: Metrics = keys.iter().map(|key| (key.clone(), Vec::new())).collect();
        for service in ["", "a", "b", "b-2", "c"] {
            let expected: Vec<&SeriesKey> = metrics.keys().filter(|key| key.service.as_str() == service).collect();
            assert_eq!(series_of(&metrics, &service.into()).map(|(key, _)| key).collect::<Vec<_>>(), expected, "{service}");
        }
    }
}
