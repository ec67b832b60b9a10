//! Scrapes as client libraries and exporters print them.

use super::*;
use crate::model::SeriesKey;

#[track_caller]
fn check_named(text: &str, shown: &str, expected: &[&str]) -> Reading {
    let setting = Setting { service: Some("shop"), shown, ..Setting::default() };
    let reading = read(text, &setting).unwrap();
    let metrics = reading.clone().collected.finish();
    let instance = |key: &SeriesKey| key.instance.as_ref().map_or("", |i| i.as_str()).to_owned();
    let line = |(key, points): (&SeriesKey, &Vec<(Time, f64)>)| {
        let values: Vec<String> = points.iter().map(|p| format!("{:.3}", p.1)).collect();
        format!("{}/{}/{} {}", key.service, instance(key), key.metric, values.join(" "))
    };
    assert_eq!(metrics.iter().map(line).collect::<Vec<_>>(), expected, "{text}");
    reading
}

#[track_caller]
fn check(text: &str, expected: &[&str]) -> Reading {
    check_named(text, "metrics/shop.prom", expected)
}

#[test]
fn prometheus_text_with_milliseconds() {
    let text = "\
# HELP http_requests_total The total number of HTTP requests.
# TYPE http_requests_total counter
http_requests_total{method=\"post\",code=\"200\"} 1027 1395066363000
http_requests_total{method=\"post\",code=\"200\"} 1127 1395066373000
http_requests_total{method=\"get\",code=\"500\"} 3 1395066363000
http_requests_total{method=\"get\",code=\"500\"} 13 1395066373000

# Escaping in label values:
msdos_file_access_time_seconds{path=\"C:\\\\DIR\\\\FILE.TXT\",error=\"Cannot find file:\\n\\\"FILE.TXT\\\"\"} 1.458255915e9 1395066363000
# Minimalistic line:
metric_without_timestamp_and_labels 12.47 1395066363000
something_weird{problem=\"division by zero\"} +Inf -3982045
";
    let found = [
        "shop//http_requests_total 11.000",
        "shop//http_requests_total{code=5xx} 1.000",
        "shop//metric_without_timestamp_and_labels 12.470",
        "shop//msdos_file_access_time_seconds 1458255915.000",
    ];
    assert_eq!(check(text, &found).collected.dropped, 1);
}

#[test]
fn open_metrics_with_seconds_exemplars_and_creation_times() {
    let scrape = |time: f64, small: u32, all: u32| {
        format!(
            "# TYPE foo histogram\n# UNIT foo seconds\nfoo_bucket{{le=\"0.1\"}} {small} {time} # {{trace_id=\"KOO5S4vxi0o\"}} 0.067\n\
             foo_bucket{{le=\"1.0\"}} {all} {time} # {{trace_id=\"oHg5SJYRHA0\"}} 9.8 1520879607.789\nfoo_bucket{{le=\"+Inf\"}} {all} {time}\n\
             foo_count {all} {time}\nfoo_sum 324789.3 {time}\nfoo_created 1520430000.123 {time}\n# TYPE build info\nbuild_info{{version=\"1\"}} 1 {time}\n# EOF\n"
        )
    };
    let text = [scrape(1_691_850_600.0, 0, 0), scrape(1_691_850_610.5, 0, 21)].concat();
    check(&text, &["shop//foo_count 2.000", "shop//foo_p50 0.550", "shop//foo_p95 0.955", "shop//foo_p99 0.991"]);
}

#[test]
fn summaries_resets_and_instances() {
    let scrape = |time: u64, total: f64| {
        format!(
            "# TYPE rpc_seconds summary\nrpc_seconds{{quantile=\"0.99\",pod=\"a-1\"}} 0.5 {time}\nrpc_seconds{{quantile=\"0.5\",pod=\"a-1\"}} NaN {time}\n\
             rpc_seconds_sum{{pod=\"a-1\"}} {total} {time}\nrpc_seconds_count{{pod=\"a-1\"}} {total} {time}\n"
        )
    };
    let text = [scrape(1_691_850_600_000, 50.0), scrape(1_691_850_610_000, 70.0), scrape(1_691_850_620_000, 10.0)].concat();
    let reading = check(&text, &["shop/a-1/rpc_seconds_count 2.000 1.000", "shop/a-1/rpc_seconds_p99 0.500 0.500 0.500"]);
    assert_eq!(reading.collected.dropped, 3);
}

#[test]
fn processors_at_work_and_waiting() {
    let scrape = |time: u64, used: u64| {
        let line = |cpu: u8, mode: &str, value: u64| {
            format!("node_cpu_seconds_total{{instance=\"db-1:9100\",job=\"node\",cpu=\"{cpu}\",mode=\"{mode}\"}} {value} {time}\n")
        };
        let all = [line(0, "idle", 5 * used), line(0, "user", used), line(1, "user", used), line(0, "iowait", 2 * used)].concat();
        format!("# TYPE node_cpu_seconds_total counter\n{all}")
    };
    let text = [scrape(1_691_850_600_000, 10), scrape(1_691_850_610_000, 15)].concat();
    check(&text, &["db-1/db-1:9100/node_cpu_seconds_total 1.000", "db-1/db-1:9100/node_cpu_seconds_total{mode=iowait} 1.000"]);
}

#[test]
fn scrapes_are_placed_by_a_comment_or_by_the_files_name() {
    check("# scraped 2023-08-12T14:30:00Z\nup 1\n# scraped 2023-08-12 14:30:10\nup 0\n", &["shop//up 1.000 0.000"]);
    for name in [
        "m/2023-08-12T14-30-00.prom",
        "shop_20230812-143000.txt",
        "20230812143000",
        "scrape-1691850600.prom",
        "s-1691850600000",
        "a1-202308121430.om",
    ] {
        let reading = check_named("up 1\n", name, &["shop//up 1.000"]);
        let (_, points) = reading.collected.finish().pop_first().unwrap();
        assert_eq!(points[0].0.rfc3339(), "2023-08-12T14:30:00Z", "{name}");
    }
    for name in ["metrics/shop.prom", "shop-2.prom", "2023-08-12.prom", "shop-20999999999999.prom"] {
        let why = read("up 1\n", &Setting { shown: name, ..Setting::default() }).unwrap_err();
        assert!(why.contains("without a timestamp"), "{name}: {why}");
    }
}

#[test]
fn quoted_names_and_broken_lines() {
    check("{\"http.server.active\",\"service.name\"=\"a b\",pod=\"p\"} 1 1691850600\n", &["a b/p/http.server.active 1.000"]);
    for line in ["x", "x{", "x{a=\"b} 1", "x y", "x 1 2 3", "x 1 NaN", "GET /a 200"] {
        assert!(Sample::parse(line).is_none(), "{line}");
    }
    let reading = check("up 1 1691850600\nup{ 1\nhello there\n", &["shop//up 1.000"]);
    assert_eq!(reading.misread.len(), 2);
}
