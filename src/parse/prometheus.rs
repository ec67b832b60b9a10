//! Answers of the Prometheus HTTP API, `query_range` (matrix) and `query` (vector), and the JSON lines that VictoriaMetrics exports.

use serde_json::{Map, Value};

use super::json_documents::{self, number};
use super::series::labels::{Labels, Setting, raw_key, spelled};
use super::series::{Kind, Reading, instant};

/// All answers in a text, one after the other or on lines of their own.
///
/// # Errors
/// Nothing was read: text that is no answer of the API, or the error that it reports.
pub fn read(text: &str, setting: &Setting<'_>) -> Result<Reading, String> {
    let mut reading = Reading::default();
    let mut empty = false;
    json_documents::each(text, |line, document| {
        let answered = document.and_then(|document| {
            let series = series_of(&document)?;
            empty |= series.is_empty();
            series.iter().try_for_each(|item| read_series(item, setting, &mut reading))
        });
        if let Err(why) = answered {
            reading.misread(line, why);
        }
    });
    if empty && reading.misread.is_empty() { Ok(reading) } else { reading.unless_empty("answer of the Prometheus API") }
}

/// The series of one document: an answer in its wrapper, its result alone, or one exported series.
fn series_of(document: &Value) -> Result<&[Value], String> {
    if document.get("status").and_then(Value::as_str) == Some("error") {
        let why = document.get("error").and_then(Value::as_str).unwrap_or("without a reason");
        return Err(format!("Prometheus reported an error: {why}"));
    }
    if document.get("metric").is_some_and(Value::is_object) {
        return Ok(std::slice::from_ref(document));
    }
    let result = document.pointer("/data/result").or_else(|| document.get("result")).unwrap_or(document);
    let series = result.as_array().ok_or("not an answer of the Prometheus API: data.result is missing")?;
    if document.pointer("/data/resultType").is_some_and(|kind| kind == "scalar" || kind == "string") {
        return Err("a scalar is no series: query a metric".to_owned());
    }
    Ok(series)
}

fn read_series(item: &Value, setting: &Setting<'_>, reading: &mut Reading) -> Result<(), String> {
    let metric = item.get("metric").and_then(Value::as_object).ok_or("not an answer of the Prometheus API: a series has no metric")?;
    let (name, labels) = labels(metric);
    let collected = &mut reading.collected;
    let series = collected.series(raw_key(&name, labels, setting), Kind::Unknown);
    let list = |name: &str| item.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let (values, timestamps) = (list("values"), list("timestamps"));
    let exported = timestamps.iter().zip(values).map(|(time, value)| (number(time), number(value)));
    let pair = |pair: &Value| (pair.get(0).and_then(Value::as_f64), pair.get(1).and_then(number));
    let pairs = values.iter().filter(|_| timestamps.is_empty()).chain(item.get("value")).map(pair);
    for (time, value) in exported.chain(pairs) {
        match (time.and_then(instant), value) {
            (Some(time), Some(value)) => collected.push(series, time, value),
            _ => collected.dropped += 1,
        }
    }
    // Native histograms are not read.
    collected.dropped += list("histograms").len() as u64 + u64::from(item.get("histogram").is_some());
    Ok(())
}

fn labels(metric: &Map<String, Value>) -> (String, Labels) {
    let mut labels: Labels = metric.iter().filter_map(|(name, value)| Some((spelled(name), value.as_str()?.to_owned()))).collect();
    let name = labels.remove("__name__").unwrap_or_else(|| "value".to_owned());
    (name, labels)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::SeriesKey;

    /// Writes the samples as `service/instance/metric=value`.
    #[track_caller]
    fn check_text(text: &str, expected: &[&str], dropped: u64) {
        let reading = read(text, &Setting::default()).unwrap();
        let dropped_found = reading.collected.dropped;
        let instance = |key: &SeriesKey| key.instance.as_ref().map_or("", |i| i.as_str()).to_owned();
        let line = |key: &SeriesKey, value: f64| format!("{}/{}/{}={value}", key.service, instance(key), key.metric);
        let metrics = reading.collected.finish();
        let lines: Vec<String> = metrics.iter().flat_map(|(key, points)| points.iter().map(move |p| line(key, p.1))).collect();
        assert_eq!((lines, dropped_found), (expected.iter().map(|s| (*s).to_owned()).collect(), dropped), "{text}");
    }

    #[track_caller]
    fn check(result: &str, expected: &[&str], dropped: u64) {
        check_text(&format!(r#"{{"status":"success","data":{{"resultType":"matrix","result":[{result}]}}}}"#), expected, dropped);
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
    fn documents_one_after_the_other_are_one_recording() {
        let vector = |time: u64, value: u64| {
            format!(
                r#"{{"status":"success","isPartial":false,"data":{{"resultType":"vector","result":[{{"metric":{{"__name__":"up","job":"a"}},"value":[{time},"{value}"]}}]}}}}"#
            )
        };
        check_text(&format!("{}\n{}{}", vector(1, 1), vector(11, 0), vector(21, 1)), &["a//up=1", "a//up=0", "a//up=1"], 0);
        let broken = format!("{}\n{{\"status\":\n", vector(1, 1));
        assert_eq!(read(&broken, &Setting::default()).unwrap().misread.len(), 1);
    }

    #[test]
    fn exported_lines_of_victoria_metrics() {
        check_text(
            r#"{"metric":{"__name__":"up","job":"node_exporter","instance":"h-1:9100"},"values":[0,null,1],"timestamps":[1549891472010,1549891487724,1549891503438]}
{"metric":{"__name__":"up","job":"prometheus","instance":"localhost:9090"},"values":[1],"timestamps":[1549891461511]}"#,
            &["h-1/h-1:9100/up=0", "h-1/h-1:9100/up=1", "prometheus/localhost:9090/up=1"],
            1,
        );
    }

    #[test]
    fn values_that_are_no_numbers_are_counted() {
        check(r#"{"metric":{"app":"a"},"values":[[1,"NaN"],[2,"+Inf"],["x","1"],[3],[4,"5"],[5,"1e308"]]}"#, &["a//value=5"], 5);
    }

    #[test]
    fn labels_keep_series_apart_only_where_needed() {
        check(
            r#"{"metric":{"__name__":"n","app":"a","code":"200","zone":"z"},"value":[1,"1"]},{"metric":{"__name__":"n","app":"a","code":"500","zone":"z"},"value":[1,"2"]},{"metric":{"__name__":"n","app":"b","code":"200"},"value":[1,"3"]}"#,
            &["a//n{code=200}=1", "a//n{code=5xx}=2", "b//n=3"],
            0,
        );
    }

    #[test]
    fn edges_belong_to_who_measured_them() {
        let text = r#"{"data":{"result":[{"metric":{"__name__":"r","source_workload":"a","destination_workload":"b","reporter":"destination"},"value":[1,"1"]}]}}"#;
        let (key, _) = read(text, &Setting::default()).unwrap().collected.finish().pop_first().unwrap();
        assert_eq!((key.service, key.edge), ("b".into(), Some(("a".into(), "b".into()))));
    }

    #[test]
    fn other_texts_are_refused() {
        for (text, why) in [
            ("x", "not valid JSON"),
            ("{}", "data.result"),
            (r#"{"status":"error","error":"bad query"}"#, "bad query"),
            (r#"[{"a":1}]"#, "no metric"),
            (r#"{"status":"success","data":{"resultType":"scalar","result":[1,"2"]}}"#, "scalar"),
        ] {
            assert!(read(text, &Setting::default()).unwrap_err().contains(why), "{text}");
        }
    }
}
