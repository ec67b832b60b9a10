//! Column names of wide metric tables, split into service and metric. Values and files are unknown here.
//!
//! `|` and `:` say where to split. `_` does not, as both names may hold it: then the split is taken that makes the whole table cheapest to
//! describe, since a true service returns with other metrics and a true metric with other services (minimum description length: Rissanen,
//! "Modeling by shortest data description", Automatica 14, 1978, with the cost of a name shared among the columns that could hold it).

use std::collections::BTreeMap;

/// Cost of a name that looks right.
const PLAIN: f64 = 1.0;
/// Cost of a metric that begins with no word that metrics begin with, or of a service that ends with one.
const UNLIKELY: f64 = 2.0;
/// Cost of a metric of nothing but statistics and units: `p99` measures nothing by itself.
const STATISTIC: f64 = 3.0;
/// Cost of no service at all, for tables of one service.
const NO_SERVICE: f64 = 1.5;

/// Words that metrics begin with. Words that services are called by as well (`db`, `queue`, `cache`) are left out.
const METRIC_WORDS: &[&str] = &[
    "availability",
    "available",
    "bytes",
    "calls",
    "client",
    "connections",
    "container",
    "cpu",
    "disk",
    "duration",
    "elapsed",
    "err",
    "error",
    "errors",
    "exceptions",
    "fail",
    "failed",
    "failures",
    "faults",
    "filesystem",
    "fs",
    "gc",
    "go",
    "goroutines",
    "grpc",
    "heap",
    "http",
    "io",
    "iops",
    "jvm",
    "lat",
    "latency",
    "load",
    "lod",
    "mem",
    "memory",
    "net",
    "network",
    "ops",
    "packets",
    "process",
    "qps",
    "receive",
    "request",
    "requests",
    "response",
    "restarts",
    "rps",
    "rss",
    "rtt",
    "server",
    "socket",
    "sockets",
    "status",
    "success",
    "syscall",
    "syscalls",
    "tcp",
    "threads",
    "throughput",
    "timeouts",
    "traffic",
    "transmit",
    "up",
    "uptime",
    "workload",
];

/// Words that say how something was summed up, or in which unit.
const STATISTIC_WORDS: &[&str] = &[
    "average",
    "avg",
    "bytes",
    "count",
    "max",
    "mb",
    "mean",
    "median",
    "min",
    "ms",
    "ns",
    "pct",
    "percent",
    "rate",
    "ratio",
    "s",
    "sec",
    "seconds",
    "std",
    "sum",
    "total",
    "us",
    "usage",
    "used",
    "util",
    "utilization",
];

/// The service and the metric of each column of one table (its time column left out), in order. The service is empty where a column names
/// none.
pub fn split_column(columns: &[&str]) -> Vec<(String, String)> {
    let candidates: Vec<_> = columns.iter().map(|column| candidates(column)).collect();
    let services = supports(candidates.iter().flatten().map(|(service, _)| *service));
    let metrics = supports(candidates.iter().flatten().map(|(_, metric)| *metric));
    let share = |cost: f64, support: Option<&usize>| cost / support.copied().unwrap_or(1) as f64;
    let cost = |&(service, metric): &(&str, &str)| {
        share(service_cost(service), services.get(service)) + share(metric_cost(metric), metrics.get(metric))
    };
    let cheapest = candidates.iter().map(|splits| splits.iter().min_by(|a, b| cost(a).total_cmp(&cost(b))));
    cheapest.map(|split| split.map(|(service, metric)| (service.trim().to_owned(), metric.trim().to_owned())).unwrap_or_default()).collect()
}

/// All ways to split a column, the one with the shortest metric first: it is taken where nothing decides.
fn candidates(column: &str) -> Vec<(&str, &str)> {
    if let Some(at) = column.rfind('|').or_else(|| single_colon(column)) {
        return vec![(&column[..at], &column[at + 1..])];
    }
    let inside = |at: &usize| *at > 0 && *at + 1 < column.len();
    let mut splits: Vec<_> =
        column.rmatch_indices('_').map(|(at, _)| at).filter(inside).map(|at| (&column[..at], &column[at + 1..])).collect();
    if splits.is_empty() || is_one_of(METRIC_WORDS, column.split('_').next().unwrap_or_default()) {
        splits.push(("", column));
    }
    splits
}

/// The last colon that is neither half of `::` nor begins a port number.
fn single_colon(column: &str) -> Option<usize> {
    let bytes = column.as_bytes();
    let is_colon = |at: usize| bytes.get(at) == Some(&b':');
    let is_port = |at: usize| bytes.get(at + 1).is_some_and(u8::is_ascii_digit);
    let splits = |at: &usize| *at > 0 && *at + 1 < bytes.len() && !is_colon(at - 1) && !is_colon(at + 1) && !is_port(*at);
    column.rmatch_indices(':').map(|(at, _)| at).find(splits)
}

/// How many columns could hold each name.
fn supports<'c>(names: impl Iterator<Item = &'c str>) -> BTreeMap<&'c str, usize> {
    let mut supports = BTreeMap::new();
    for name in names {
        *supports.entry(name).or_insert(0) += 1;
    }
    supports
}

fn service_cost(service: &str) -> f64 {
    match service.rsplit('_').next() {
        Some("") | None => NO_SERVICE,
        Some(last) if is_one_of(METRIC_WORDS, last) || is_statistic(last) => UNLIKELY,
        Some(_) => PLAIN,
    }
}

fn metric_cost(metric: &str) -> f64 {
    match metric.split('_').next() {
        _ if metric.split('_').all(is_statistic) => STATISTIC,
        Some(first) if is_one_of(METRIC_WORDS, first) => PLAIN,
        _ => UNLIKELY,
    }
}

fn is_one_of(words: &[&str], word: &str) -> bool {
    words.iter().any(|w| w.eq_ignore_ascii_case(word))
}

/// A statistic, a unit, a number or a percentile such as `p99`.
fn is_statistic(word: &str) -> bool {
    let number = word.strip_prefix(['p', 'P', 'q']).unwrap_or(word);
    is_one_of(STATISTIC_WORDS, word) || (!number.is_empty() && number.bytes().all(|b| b.is_ascii_digit() || b == b'.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every service with every metric, split back into both.
    fn check(services: &[&str], separator: &str, metrics: &[&str]) {
        let pairs: Vec<_> = services.iter().flat_map(|s| metrics.iter().map(move |m| (s.to_string(), m.to_string()))).collect();
        let columns: Vec<String> = pairs.iter().map(|(s, m)| if s.is_empty() { m.clone() } else { format!("{s}{separator}{m}") }).collect();
        let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
        assert_eq!(split_column(&columns), pairs, "{columns:?}");
    }

    #[test]
    fn nothing_and_columns_without_a_boundary() {
        assert_eq!(split_column(&[]), []);
        for odd in ["", "_", "a_", "_a", "|", ":", "::", "é", "up"] {
            assert_eq!(split_column(&[odd]).len(), 1, "{odd}");
        }
        assert_eq!(split_column(&["requests"]), [(String::new(), "requests".to_owned())]);
    }

    #[test]
    fn explicit_separators_win_over_underscores() {
        check(&["a_b_AWS::Lambda::Function", "PGSQL Query_remote", "x@y.example/z"], "|", &["latency_p99", "requests_sum"]);
        check(&["AWS::SQS", "host:8080", "a_b"], ":", &["latency_p99", "cpu"]);
    }

    #[test]
    fn underscores_in_both_names() {
        check(&["carts"], "_", &["cpu", "mem"]);
        check(&["front_end"], "_", &["cpu_usage"]);
        check(&["carts", "orders"], "_", &["request_latency_p99", "jvm_heap_used", "latency_50", "latency_90"]);
        check(&["user", "user_db", "carts", "carts_db"], "_", &["cpu", "mem"]);
        check(&["order", "order_history", "load_balancer"], "_", &["cpu", "latency_p50", "latency_p99", "errors_total"]);
        check(&["front-end", "queue-master", "user-db"], "_", &["cpu", "mem", "lat_50", "lat_90"]);
    }

    #[test]
    fn names_that_mean_nothing() {
        check(&["svc_a", "svc_b", "svc_c"], "_", &["m0", "m1", "m2"]);
        check(&["a", "b", "b_x"], "_", &["foo", "bar"]);
    }

    #[test]
    fn a_table_of_one_service_names_none() {
        check(&[""], "_", &["cpu_usage", "mem_usage", "requests_total"]);
    }

    #[test]
    fn services_with_few_metrics_follow_the_others() {
        let found = split_column(&["carts_cpu", "orders_cpu", "carts_lat_50", "carts_lat_99", "pay_ment_cpu"]);
        let expected = [("carts", "cpu"), ("orders", "cpu"), ("carts", "lat_50"), ("carts", "lat_99"), ("pay_ment", "cpu")];
        assert_eq!(found, expected.map(|(s, m)| (s.to_owned(), m.to_owned())));
    }
}
