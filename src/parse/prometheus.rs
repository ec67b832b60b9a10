//! Answers of the Prometheus HTTP API, `query_range` (matrix) and `query` (vector), as samples.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use crate::model::{InstanceId, MetricName, Sample, SeriesKey, ServiceName, Time};

/// Labels that name the service, best first.
const SERVICE: [&str; 16] = [
    "service",
    "service_name",
    "app",
    "app_kubernetes_io_name",
    "application",
    "destination_service_name",
    "destination_workload",
    "deployment",
    "workload",
    "container",
    "container_name",
    "kubernetes_name",
    "job",
    "exported_job",
    "component",
    "host",
];
/// Labels that name the instance, best first.
const INSTANCE: [&str; 6] = ["instance", "pod", "pod_name", "service_instance_id", "kubernetes_pod_name", "node"];
/// Labels of a caller and of what it calls.
const EDGES: [(&str, &str); 6] = [
    ("source", "destination"),
    ("source", "target"),
    ("source_workload", "destination_workload"),
    ("source_app", "destination_app"),
    ("client", "server"),
    ("caller", "callee"),
];

/// What an answer held.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answer {
    /// Sorted by series, then time.
    pub samples: Vec<Sample>,
    /// Values that are no numbers (`NaN`, `+Inf`) or have no valid time.
    pub dropped: u64,
}

/// The finite samples of an answer.
///
/// # Errors
/// Text that is no answer of the API, or the error that it reports.
pub fn read(text: &str) -> Result<Vec<Sample>, String> {
    read_counted(text).map(|answer| answer.samples)
}

/// The finite samples of an answer, and how many values were left out.
///
/// # Errors
/// Text that is no answer of the API, or the error that it reports.
pub fn read_counted(text: &str) -> Result<Answer, String> {
    let answer: Value = serde_json::from_str(text).map_err(|error| format!("not valid JSON: {error}"))?;
    if answer.get("status").and_then(Value::as_str) == Some("error") {
        let why = answer.get("error").and_then(Value::as_str).unwrap_or("without a reason");
        return Err(format!("Prometheus reported an error: {why}"));
    }
    let result = answer.pointer("/data/result").or_else(|| answer.get("result")).or(Some(&answer));
    let Some(result) = result.and_then(Value::as_array) else {
        return Err("not an answer of the Prometheus API: data.result is missing".to_owned());
    };
    let series: Vec<(Labels, &Value)> = result.iter().filter_map(|item| Some((labels(item.get("metric")?.as_object()?), item))).collect();
    if series.len() < result.len() {
        return Err("not an answer of the Prometheus API: a series has no metric".to_owned());
    }
    let distinguishing = distinguishing(&series);
    let mut read = Answer::default();
    for (labels, item) in &series {
        read_series(&labels.key(&distinguishing), item, &mut read);
    }
    read.samples.sort_by(|a, b| (&a.key, a.time).cmp(&(&b.key, b.time)));
    Ok(read)
}

/// The labels of one series, sorted into what they mean.
struct Labels {
    base: SeriesKey,
    others: BTreeMap<String, String>,
}

fn labels(metric: &Map<String, Value>) -> Labels {
    let mut others: BTreeMap<String, String> =
        metric.iter().filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))).collect();
    let metric = others.remove("__name__").unwrap_or_else(|| "value".to_owned());
    let edge = EDGES.iter().find_map(|(source, target)| Some((others.get(*source)?.clone(), others.get(*target)?.clone())));
    let reporter_is_source = others.get("reporter").is_none_or(|reporter| reporter == "source");
    let named = SERVICE.iter().find_map(|name| others.get(*name).filter(|value| !value.is_empty())).cloned();
    let own = edge.as_ref().map(|(source, target)| if reporter_is_source { source.clone() } else { target.clone() });
    let instance = INSTANCE.iter().find_map(|name| others.get(*name).filter(|value| !value.is_empty())).cloned();
    let edge_labels = EDGES.iter().flat_map(|(source, target)| [*source, *target]).filter(|_| edge.is_some());
    for name in SERVICE.into_iter().chain(INSTANCE).chain(edge_labels) {
        others.remove(name);
    }
    let service = own.or(named).or_else(|| instance.as_deref().map(host)).unwrap_or_else(|| "unknown".to_owned());
    let base = SeriesKey {
        service: ServiceName::new(&service),
        metric: MetricName::new(&metric),
        instance: instance.as_deref().map(InstanceId::new),
        edge: edge.map(|(source, target)| (ServiceName::new(&source), ServiceName::new(&target))),
    };
    Labels { base, others }
}

/// `web-1:9090` without its port.
fn host(instance: &str) -> String {
    instance.rsplit_once(':').map_or(instance, |(host, _)| host).to_owned()
}

impl Labels {
    /// The series' key, with those labels in the metric's name that tell it from its neighbours.
    fn key(&self, distinguishing: &BTreeMap<SeriesKey, BTreeSet<String>>) -> SeriesKey {
        let mut key = self.base.clone();
        let needed = distinguishing.get(&self.base).into_iter().flatten();
        let shown: Vec<String> = needed.filter_map(|name| self.others.get(name).map(|value| format!("{name}={value}"))).collect();
        if !shown.is_empty() {
            key.metric = MetricName::new(&format!("{}{{{}}}", self.base.metric, shown.join(",")));
        }
        key
    }
}

/// For every key that several series share: the labels in which they differ.
fn distinguishing(series: &[(Labels, &Value)]) -> BTreeMap<SeriesKey, BTreeSet<String>> {
    let mut alike: BTreeMap<SeriesKey, Vec<&BTreeMap<String, String>>> = BTreeMap::new();
    for (labels, _) in series {
        alike.entry(labels.base.clone()).or_default().push(&labels.others);
    }
    let differing = |all: Vec<&BTreeMap<String, String>>| {
        let names: BTreeSet<&String> = all.iter().flat_map(|labels| labels.keys()).collect();
        let differs = |name: &&String| all.iter().any(|labels| labels.get(*name) != all[0].get(*name));
        names.into_iter().filter(differs).cloned().collect()
    };
    alike.into_iter().filter(|(_, all)| all.len() > 1).map(|(key, all)| (key, differing(all))).collect()
}

fn read_series(key: &SeriesKey, item: &Value, read: &mut Answer) {
    let values = item.get("values").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    for pair in values.iter().chain(item.get("value")) {
        match point(pair) {
            Some((time, value)) => read.samples.push(Sample { key: key.clone(), time, value }),
            None => read.dropped += 1,
        }
    }
}

/// `[1691850600.5, "3.25"]`.
fn point(pair: &Value) -> Option<(Time, f64)> {
    let time = Time::from_seconds(pair.get(0)?.as_f64()?)?;
    let value = pair.get(1)?;
    let value = value.as_f64().or_else(|| value.as_str()?.parse().ok()).filter(|value| value.is_finite())?;
    Some((time, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Writes the samples as `service/instance/metric=value`.
    #[track_caller]
    fn check(result: &str, expected: &[&str], dropped: u64) {
        let text = format!(r#"{{"status":"success","data":{{"resultType":"matrix","result":[{result}]}}}}"#);
        let answer = read_counted(&text).unwrap();
        let instance = |key: &SeriesKey| key.instance.as_ref().map_or("", |i| i.as_str()).to_owned();
        let lines: Vec<String> =
            answer.samples.iter().map(|s| format!("{}/{}/{}={}", s.key.service, instance(&s.key), s.key.metric, s.value)).collect();
        assert_eq!((lines, answer.dropped), (expected.iter().map(|s| (*s).to_owned()).collect(), dropped), "{text}");
    }

    #[test]
    fn matrix_and_vector() {
        check("", &[], 0);
        check(
            r#"{"metric":{"__name__":"up","job":"web","instance":"web-1:80"},"values":[[1691850600,"1"],[1691850610.5,"0"]]}"#,
            &["web/web-1:80/up=1", "web/web-1:80/up=0"],
            0,
        );
        check(r#"{"metric":{"__name__":"up","app":"a","job":"k8s","pod":"a-x"},"value":[1691850600,"2"]}"#, &["a/a-x/up=2"], 0);
        check(r#"{"metric":{"instance":"h:1"},"value":[1691850600,"2"]}"#, &["h/h:1/value=2"], 0);
    }

    #[test]
    fn values_that_are_no_numbers_are_counted() {
        check(r#"{"metric":{"app":"a"},"values":[[1,"NaN"],[2,"+Inf"],["x","1"],[3],[4,"5"]]}"#, &["a//value=5"], 4);
    }

    #[test]
    fn labels_keep_series_apart_only_where_needed() {
        check(
            r#"{"metric":{"__name__":"n","app":"a","code":"200","zone":"z"},"value":[1,"1"]},{"metric":{"__name__":"n","app":"a","code":"500","zone":"z"},"value":[1,"2"]},{"metric":{"__name__":"n","app":"b","code":"200"},"value":[1,"3"]}"#,
            &["a//n{code=200}=1", "a//n{code=500}=2", "b//n=3"],
            0,
        );
    }

    #[test]
    fn edges_belong_to_who_measured_them() {
        let text = r#"{"data":{"result":[{"metric":{"__name__":"r","source_workload":"a","destination_workload":"b","reporter":"destination"},"value":[1,"1"]}]}}"#;
        let key = read(text).unwrap().remove(0).key;
        assert_eq!((key.service, key.edge), ("b".into(), Some(("a".into(), "b".into()))));
    }

    #[test]
    fn other_texts_are_refused() {
        for (text, why) in [
            ("x", "not valid JSON"),
            ("{}", "data.result"),
            (r#"{"status":"error","error":"bad query"}"#, "bad query"),
            (r#"[{"a":1}]"#, "no metric"),
        ] {
            assert!(read(text).unwrap_err().contains(why), "{text}");
        }
    }
}
