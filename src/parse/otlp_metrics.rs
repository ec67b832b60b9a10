//! Metrics in the JSON of the OpenTelemetry protocol: one document, or the lines that the collector's file exporter writes.
//!
//! Knows metrics only; logs and traces in the same encoding are other readers' work.

use serde_json::Value;

use super::json_documents::{self, field, number};
use super::series::labels::{Labels, Setting, raw_key, spelled};
use super::series::{Kind, Reading};
use crate::model::Time;

/// Data point flag: there is no value (`DATA_POINT_FLAGS_NO_RECORDED_VALUE_MASK`).
const NO_VALUE: u64 = 1;
/// Exponential buckets are put into buckets that grow by the square root of two, from 2^-20 to 2^20: their own boundaries move with the
/// scale, and totals of moving buckets cannot be compared.
const HALF_POWERS: std::ops::RangeInclusive<i32> = -40..=40;

/// All metrics of a text.
///
/// # Errors
/// Nothing was read.
pub fn read(text: &str, setting: &Setting<'_>) -> Result<Reading, String> {
    let mut reading = Reading::default();
    json_documents::each(text, |line, document| match document {
        Ok(document) => match list(&document, "resourceMetrics") {
            [] => reading.misread(line, "no resourceMetrics in this document"),
            resources => resources.iter().for_each(|resource| read_resource(resource, setting, &mut reading)),
        },
        Err(why) => reading.misread(line, why),
    });
    reading.unless_empty("OTLP document")
}

fn list<'v>(value: &'v Value, name: &str) -> &'v [Value] {
    field(value, name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn read_resource(resource: &Value, setting: &Setting<'_>, reading: &mut Reading) {
    let attributes = resource.get("resource").map(attributes).unwrap_or_default();
    let scopes = list(resource, "scopeMetrics").iter().chain(list(resource, "instrumentationLibraryMetrics"));
    for metric in scopes.flat_map(|scope| list(scope, "metrics")) {
        let name = metric.get("name").and_then(Value::as_str).unwrap_or("value");
        Metric { name, resource: &attributes, setting, reading }.read(metric);
    }
}

/// Attributes by name; lists and maps are left out.
fn attributes(value: &Value) -> Labels {
    let pair = |pair: &Value| Some((spelled(pair.get("key")?.as_str()?), text(pair.get("value")?)?));
    list(value, "attributes").iter().filter_map(pair).collect()
}

fn text(value: &Value) -> Option<String> {
    let (_, inner) = value.as_object()?.iter().next()?;
    match inner {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        _ => None,
    }
}

/// What a point's values are added up over.
#[derive(Clone, Copy, PartialEq)]
enum Temporality {
    Cumulative,
    /// Since the point before, in seconds.
    Delta(f64),
}

impl Temporality {
    fn of(data: &Value, point: &Value) -> Temporality {
        let delta = field(data, "aggregationTemporality").is_some_and(|t| t == 1 || t == "AGGREGATION_TEMPORALITY_DELTA");
        let seconds = time(point, "timeUnixNano").zip(time(point, "startTimeUnixNano")).map(|(end, start)| end - start);
        if delta { Temporality::Delta(seconds.filter(|s| *s > 0.0).unwrap_or(1.0)) } else { Temporality::Cumulative }
    }

    fn kind(self) -> Kind {
        if self == Temporality::Cumulative { Kind::Counter } else { Kind::Rate }
    }

    fn scaled(self, value: f64) -> f64 {
        if let Temporality::Delta(seconds) = self { value / seconds } else { value }
    }
}

fn time(point: &Value, name: &str) -> Option<Time> {
    let nanos = field(point, name)?;
    let nanos = nanos.as_u64().or_else(|| nanos.as_str()?.parse().ok()).filter(|nanos| *nanos > 0)?;
    Some(Time(i64::try_from(nanos / 1_000).ok()?))
}

/// One metric while its points are read.
struct Metric<'r> {
    name: &'r str,
    resource: &'r Labels,
    setting: &'r Setting<'r>,
    reading: &'r mut Reading,
}

/// A point of a metric: its instant and its own attributes.
struct Point {
    time: Time,
    labels: Labels,
}

impl Metric<'_> {
    fn read(&mut self, metric: &Value) {
        let data = |name: &str| field(metric, name);
        if let Some(data) = data("gauge") {
            self.each(data, |m, value, point| m.push("", &point, Kind::Gauge, plain(value)));
        }
        if let Some(data) = data("sum") {
            let monotonic = field(data, "isMonotonic").and_then(Value::as_bool).unwrap_or(false);
            self.each(data, |m, value, point| m.sum(data, monotonic, value, &point));
        }
        if let Some(data) = data("histogram") {
            self.each(data, |m, value, point| m.histogram(data, value, &point));
        }
        if let Some(data) = data("exponentialHistogram") {
            self.each(data, |m, value, point| m.exponential(data, value, &point));
        }
        if let Some(data) = data("summary") {
            self.each(data, |m, value, point| m.summary(value, &point));
        }
    }

    fn each(&mut self, data: &Value, mut take: impl FnMut(&mut Self, &Value, Point)) {
        for value in list(data, "dataPoints") {
            if field(value, "flags").and_then(Value::as_u64).unwrap_or(0) & NO_VALUE != 0 {
                continue;
            }
            match time(value, "timeUnixNano") {
                Some(time) => take(self, value, Point { time, labels: attributes(value) }),
                None => self.reading.collected.dropped += 1,
            }
        }
    }

    /// The resource says whose a point is; a point's own attributes only where the resource does not.
    fn push(&mut self, ending: &str, point: &Point, kind: Kind, value: Option<f64>) {
        let mut labels = self.resource.clone();
        for (name, value) in &point.labels {
            labels.entry(name.clone()).or_insert_with(|| value.clone());
        }
        let mut key = raw_key(&format!("{}{ending}", self.name), labels, self.setting);
        // What the resource says beside its name is the same for all its points.
        key.labels.retain(|name, _| point.labels.contains_key(name));
        let collected = &mut self.reading.collected;
        let series = collected.series(key, kind);
        match value {
            Some(value) => collected.push(series, point.time, value),
            None => collected.dropped += 1,
        }
    }

    fn sum(&mut self, data: &Value, monotonic: bool, value: &Value, point: &Point) {
        let temporality = Temporality::of(data, value);
        let kind = if monotonic { temporality.kind() } else { Kind::Gauge };
        let scaled = |v: f64| if monotonic { temporality.scaled(v) } else { v };
        self.push("", point, kind, plain(value).map(scaled));
    }

    fn histogram(&mut self, data: &Value, value: &Value, point: &Point) {
        let temporality = Temporality::of(data, value);
        let bounds = list(value, "explicitBounds").iter().filter_map(number).chain([f64::INFINITY]);
        let mut below = 0.0;
        for (bound, count) in bounds.zip(list(value, "bucketCounts")) {
            below += number(count).unwrap_or(0.0);
            self.bucket(point, bound, temporality, below);
        }
        self.count_and_sum(value, temporality, point);
    }

    fn exponential(&mut self, data: &Value, value: &Value, point: &Point) {
        let temporality = Temporality::of(data, value);
        let total = field(value, "count").and_then(number).unwrap_or(0.0);
        let scale = field(value, "scale").and_then(Value::as_i64).unwrap_or(0) as f64;
        let positive = field(value, "positive");
        let counts = positive.map(|p| list(p, "bucketCounts")).unwrap_or_default();
        let offset = positive.and_then(|p| field(p, "offset")).and_then(number).unwrap_or(0.0);
        // Upper bounds as powers of two: bucket i of scale s ends at 2^((offset + i + 1) / 2^s).
        let upper = |i: usize| (offset + i as f64 + 1.0) / scale.exp2();
        let positives: f64 = counts.iter().filter_map(number).sum();
        let mut below = (total - positives).max(0.0);
        let mut next = 0;
        for half in HALF_POWERS {
            let power = f64::from(half) / 2.0;
            while next < counts.len() && upper(next) <= power + 1e-9 {
                below += number(&counts[next]).unwrap_or(0.0);
                next += 1;
            }
            self.bucket(point, power.exp2(), temporality, below);
        }
        self.bucket(point, f64::INFINITY, temporality, total);
        self.count_and_sum(value, temporality, point);
    }

    fn summary(&mut self, value: &Value, point: &Point) {
        for quantile in list(value, "quantileValues") {
            let mut labels = point.labels.clone();
            labels.insert("quantile".to_owned(), field(quantile, "quantile").and_then(number).unwrap_or(0.0).to_string());
            self.push("", &Point { time: point.time, labels }, Kind::Gauge, Some(field(quantile, "value").and_then(number).unwrap_or(0.0)));
        }
        self.count_and_sum(value, Temporality::Cumulative, point);
    }

    fn bucket(&mut self, point: &Point, bound: f64, temporality: Temporality, below: f64) {
        let mut labels = point.labels.clone();
        labels.insert("le".to_owned(), bound.to_string());
        self.push("_bucket", &Point { time: point.time, labels }, temporality.kind(), Some(temporality.scaled(below)));
    }

    fn count_and_sum(&mut self, value: &Value, temporality: Temporality, point: &Point) {
        for (name, ending) in [("count", "_count"), ("sum", "_sum")] {
            if let Some(total) = field(value, name).and_then(number) {
                self.push(ending, point, temporality.kind(), Some(temporality.scaled(total)));
            }
        }
    }
}

/// The value of a number's data point.
fn plain(point: &Value) -> Option<f64> {
    field(point, "asDouble").or_else(|| field(point, "asInt")).or_else(|| point.get("value")).and_then(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One metric of a resource, as a line of the file exporter.
    fn line(metric: &str) -> String {
        format!(
            r#"{{"resourceMetrics":[{{"resource":{{"attributes":[{{"key":"service.name","value":{{"stringValue":"shop"}}}},{{"key":"service.instance.id","value":{{"stringValue":"shop-1"}}}},{{"key":"telemetry.sdk.language","value":{{"stringValue":"java"}}}}]}},"scopeMetrics":[{{"scope":{{"name":"io.shop"}},"metrics":[{metric}]}}]}}]}}"#
        )
    }

    #[track_caller]
    fn check(text: &str, expected: &[&str]) {
        let metrics = read(text, &Setting::default()).unwrap().collected.finish();
        let instance = |key: &crate::model::SeriesKey| key.instance.as_ref().map_or("", |i| i.as_str()).to_owned();
        let shown = |(key, points): (&crate::model::SeriesKey, &Vec<(Time, f64)>)| {
            let values: Vec<String> = points.iter().map(|p| format!("{:.3}", p.1)).collect();
            format!("{}/{}/{} {}", key.service, instance(key), key.metric, values.join(" "))
        };
        assert_eq!(metrics.iter().map(shown).collect::<Vec<_>>(), expected);
    }

    fn points(data: &str, name: &str, body: &[&str]) -> String {
        let point = |(i, body): (usize, &&str)| {
            format!(r#"{{"startTimeUnixNano":"{}0000000000","timeUnixNano":"{}0000000000",{body}}}"#, 169_185_060 + i, 169_185_061 + i)
        };
        let points: Vec<String> = body.iter().enumerate().map(point).collect();
        line(&format!(r#"{{"name":"{name}","unit":"1","{data}":{{DATA"dataPoints":[{}]}}}}"#, points.join(",")))
    }

    #[test]
    fn gauges_and_sums_by_temporality() {
        check(
            &points("gauge", "jvm.threads", &[r#""asInt":"7""#, r#""asDouble":8.5"#]).replace("DATA", ""),
            &["shop/shop-1/jvm.threads 7.000 8.500"],
        );
        let sum = points("sum", "http.requests", &[r#""asInt":"100""#, r#""asInt":"150""#, r#""asInt":"20""#]);
        let of = |data: &str| sum.replace("DATA", data);
        check(&of(r#""aggregationTemporality":2,"isMonotonic":true,"#), &["shop/shop-1/http.requests 5.000 2.000"]);
        check(&of(r#""aggregationTemporality":1,"isMonotonic":true,"#), &["shop/shop-1/http.requests 10.000 15.000 2.000"]);
        check(&of(r#""aggregationTemporality":2,"#), &["shop/shop-1/http.requests 100.000 150.000 20.000"]);
        let snake = of(r#""aggregation_temporality":"AGGREGATION_TEMPORALITY_CUMULATIVE","is_monotonic":true,"#);
        let snake = snake.replace("resourceMetrics", "resource_metrics").replace("scopeMetrics", "scope_metrics");
        let snake = snake.replace("dataPoints", "data_points").replace("timeUnixNano", "time_unix_nano").replace("asInt", "as_int");
        check(&snake, &["shop/shop-1/http.requests 5.000 2.000"]);
    }

    #[test]
    fn histograms_become_quantiles_and_a_rate() {
        let body = [
            r#""count":"10","sum":1.0,"bucketCounts":["10","0","0"],"explicitBounds":[0.1,0.2]"#,
            r#""count":"30","sum":4.0,"bucketCounts":["10","20","0"],"explicitBounds":[0.1,0.2]"#,
        ];
        let of = |temporality: u8| points("histogram", "d", &body).replace("DATA", &format!(r#""aggregationTemporality":{temporality},"#));
        check(&of(2), &["shop/shop-1/d_count 2.000", "shop/shop-1/d_p50 0.150", "shop/shop-1/d_p95 0.195", "shop/shop-1/d_p99 0.199"]);
        let of_delta = [
            "shop/shop-1/d_count 1.000 3.000",
            "shop/shop-1/d_p50 0.050 0.125",
            "shop/shop-1/d_p95 0.095 0.193",
            "shop/shop-1/d_p99 0.099 0.199",
        ];
        check(&of(1), &of_delta);
        let point =
            |counts: &str| format!(r#""count":"8","sum":9.0,"scale":0,"zeroCount":"0","positive":{{"offset":0,"bucketCounts":{counts}}}"#);
        let exponential = points("exponentialHistogram", "e", &[&point(r#"["4","4"]"#)]).replace("DATA", r#""aggregationTemporality":1,"#);
        check(
            &exponential,
            &["shop/shop-1/e_count 0.800", "shop/shop-1/e_p50 2.000", "shop/shop-1/e_p95 3.883", "shop/shop-1/e_p99 3.977"],
        );
    }

    #[test]
    fn summaries_keep_their_quantiles() {
        let point = |count: u8| {
            format!(r#""count":"{count}","sum":{count}.5,"quantileValues":[{{"quantile":0.99,"value":1.5}},{{"quantile":1,"value":2}}]"#)
        };
        let text = points("summary", "s", &[&point(5), &point(7)]).replace("DATA", "");
        check(&text, &["shop/shop-1/s_count 0.200", "shop/shop-1/s_max 2.000 2.000", "shop/shop-1/s_p99 1.500 1.500"]);
    }

    #[test]
    fn points_without_value_or_time_and_other_signals() {
        let missing = points("gauge", "g", &[r#""flags":1"#, r#""asDouble":"NaN""#, r#""asDouble":1"#]).replace("DATA", "");
        let reading = read(&format!("{missing}\n{{broken\n{{\"resourceLogs\":[]}}\n"), &Setting::default()).unwrap();
        assert_eq!((reading.collected.samples, reading.collected.dropped, reading.misread.len()), (1, 1, 2));
        for text in [
            "",
            "{}",
            r#"{"resourceLogs":[]}"#,
            r#"{"resourceMetrics":7}"#,
            r#"{"resourceMetrics":[[],1,{"scopeMetrics":[{"metrics":[{}]}]}]}"#,
        ] {
            assert!(read(text, &Setting::default()).is_err(), "{text}");
        }
    }
}
