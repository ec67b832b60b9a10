//! Metric files that already are tables (CSV, Parquet) -> [`Metrics`], long or wide, told apart by their columns.

use std::collections::BTreeMap;
use std::io::Cursor;

use polars::prelude::*;

use crate::model::{InstanceId, MetricName, Metrics, SeriesKey, ServiceName, Time};
use crate::parse::timestamp::Clock;
use crate::parse::wide::split_column;

/// Names under which a column may hold the time of a sample.
const TIME_COLUMNS: &[&str] = &["time", "timestamp", "ts", "date", "datetime"];

/// What one table held.
#[derive(Debug, Default)]
pub struct TableOutcome {
    pub rows: u64,
    /// Rows whose time or value is not one; empty values are gaps, not errors.
    pub misread: u64,
}

/// Adds the samples of a CSV or TSV text.
pub fn read_csv(bytes: &[u8], into: &mut Metrics) -> Result<TableOutcome, String> {
    let header = bytes.split(|b| *b == b'\n').next().unwrap_or_default();
    let separator = [b',', b'\t', b';'].into_iter().max_by_key(|s| header.iter().filter(|b| *b == s).count()).unwrap_or(b',');
    let options = CsvReadOptions::default()
        .with_has_header(true)
        .with_infer_schema_length(Some(0))
        .with_ignore_errors(true)
        .map_parse_options(|p| p.with_separator(separator).with_truncate_ragged_lines(true));
    let table = CsvReader::new(Cursor::new(bytes)).with_options(options).finish().map_err(|e| first_line(&e))?;
    add_table(&table, into)
}

/// Adds the samples of a Parquet file.
pub fn read_parquet(bytes: Vec<u8>, into: &mut Metrics) -> Result<TableOutcome, String> {
    let table = ParquetReader::new(Cursor::new(bytes)).finish().map_err(|e| first_line(&e))?;
    add_table(&table, into)
}

fn first_line(error: &PolarsError) -> String {
    error.to_string().lines().next().unwrap_or_default().to_owned()
}

fn add_table(table: &DataFrame, into: &mut Metrics) -> Result<TableOutcome, String> {
    let names: Vec<String> = table.get_column_names().iter().map(|n| n.to_string()).collect();
    let find = |wanted: &[&str]| names.iter().find(|n| wanted.contains(&n.trim().trim_start_matches('\u{feff}').to_lowercase().as_str()));
    let time = find(TIME_COLUMNS).ok_or("no column of times")?;
    let times = times(table, time)?;
    match (find(&["metric", "name", "__name__"]), find(&["value"])) {
        (Some(metric), Some(value)) => {
            let column = |name: Option<&String>| name.map(|n| texts(table, n)).transpose();
            let long = Long {
                service: column(find(&["service", "service_name", "service.name", "app", "job"]))?,
                metric: texts(table, metric)?,
                instance: column(find(&["instance", "pod", "host"]))?,
                source: column(find(&["source"]))?,
                target: column(find(&["target", "destination"]))?,
            };
            Ok(long.add(&times, &numbers(table, value)?, into))
        }
        _ => add_wide(table, time, &times, into),
    }
}

/// The columns of a long table.
struct Long {
    service: Option<Vec<String>>,
    metric: Vec<String>,
    instance: Option<Vec<String>>,
    source: Option<Vec<String>>,
    target: Option<Vec<String>>,
}

impl Long {
    fn add(&self, times: &[Option<Time>], values: &[Value], into: &mut Metrics) -> TableOutcome {
        let mut outcome = TableOutcome { rows: times.len() as u64, misread: 0 };
        let mut series: BTreeMap<[&str; 5], Vec<(Time, f64)>> = BTreeMap::new();
        let columns = [&self.service, &self.instance, &self.source, &self.target];
        for (row, (time, value)) in times.iter().zip(values).enumerate() {
            let (Some(time), Value::Number(value)) = (time, value) else {
                outcome.misread += u64::from(time.is_none() || *value == Value::Unreadable);
                continue;
            };
            let [service, instance, source, target] = columns.map(|c| c.as_ref().map_or("", |c| c[row].as_str()));
            series.entry([service, &self.metric[row], instance, source, target]).or_default().push((*time, *value));
        }
        for ([service, metric, instance, source, target], points) in series {
            let owner = if service.is_empty() { target } else { service };
            let key = SeriesKey {
                service: ServiceName::new(owner),
                metric: MetricName::new(metric),
                instance: (!instance.is_empty()).then(|| InstanceId::new(instance)),
                edge: (!source.is_empty() && !target.is_empty()).then(|| (ServiceName::new(source), ServiceName::new(target))),
            };
            extend(into, key, points);
        }
        outcome
    }
}

fn add_wide(table: &DataFrame, time: &str, times: &[Option<Time>], into: &mut Metrics) -> Result<TableOutcome, String> {
    let names: Vec<String> = table.get_column_names().iter().map(|n| n.to_string()).filter(|n| n != time).collect();
    let borrowed: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut outcome = TableOutcome { rows: times.len() as u64, misread: times.iter().filter(|t| t.is_none()).count() as u64 };
    for (name, (service, metric)) in names.iter().zip(split_column(&borrowed)) {
        let values = numbers(table, name)?;
        outcome.misread += values.iter().filter(|v| **v == Value::Unreadable).count() as u64;
        let points = times.iter().zip(&values).filter_map(|(t, v)| match (t, v) {
            (Some(t), Value::Number(v)) => Some((*t, *v)),
            _ => None,
        });
        let key = SeriesKey { service: ServiceName::new(&service), metric: MetricName::new(&metric), instance: None, edge: None };
        extend(into, key, points.collect());
    }
    Ok(outcome)
}

/// Adds points to a series, keeping it by time with at most one value an instant (the first read).
pub fn extend(into: &mut Metrics, key: SeriesKey, points: Vec<(Time, f64)>) {
    let series = into.entry(key).or_default();
    series.extend(points.into_iter().filter(|p| p.1.is_finite()));
    series.sort_by_key(|p| p.0);
    series.dedup_by_key(|p| p.0);
}

/// A cell of a column of values.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Value {
    Number(f64),
    Empty,
    Unreadable,
}

fn texts(table: &DataFrame, name: &str) -> Result<Vec<String>, String> {
    let column = table.column(name).and_then(|c| c.cast(&DataType::String)).map_err(|e| first_line(&e))?;
    let column = column.str().map_err(|e| first_line(&e))?;
    Ok(column.iter().map(|v| v.unwrap_or("").to_owned()).collect())
}

fn numbers(table: &DataFrame, name: &str) -> Result<Vec<Value>, String> {
    let number = |text: &str| match text.trim() {
        "" | "null" | "NULL" | "NA" | "None" | "NaN" | "nan" => Value::Empty,
        text => text.parse().ok().filter(|v: &f64| v.is_finite()).map_or(Value::Unreadable, Value::Number),
    };
    Ok(texts(table, name)?.iter().map(|t| number(t)).collect())
}

/// Times as text in RFC 3339 or numbers whose magnitude tells seconds from milli-, micro- and nanoseconds.
fn times(table: &DataFrame, name: &str) -> Result<Vec<Option<Time>>, String> {
    let clock = Clock::default();
    Ok(texts(table, name)?.iter().map(|t| clock.read(t, None)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(csv: &str) -> (Vec<(String, usize)>, TableOutcome) {
        let mut metrics = Metrics::new();
        let outcome = read_csv(csv.as_bytes(), &mut metrics).unwrap();
        let edge = |k: &SeriesKey| k.edge.as_ref().map_or(String::new(), |e| format!(" {}>{}", e.0, e.1));
        let series = metrics.iter().map(|(k, p)| (format!("{}/{}{}", k.service, k.metric, edge(k)), p.len())).collect();
        (series, outcome)
    }

    #[test]
    fn long_wide_and_edges() {
        let long = "time,service,metric,value,instance,source,target\n2023-08-12T14:30:00Z,a,cpu,1,,,\n1691850660,a,cpu,2,,,\n2023-08-12T14:32:00Z,b,lat,3,,a,b\n";
        assert_eq!(read(long).0, [("a/cpu".to_owned(), 2), ("b/lat a>b".to_owned(), 1)]);
        let wide = "time,a|cpu,b|cpu\n1691850660000,1,\n1691850661000,2,x\n";
        let (series, outcome) = read(wide);
        assert_eq!(series, [("a/cpu".to_owned(), 2), ("b/cpu".to_owned(), 0)]);
        assert_eq!((outcome.rows, outcome.misread), (2, 1));
    }

    #[test]
    fn a_table_without_times_is_refused() {
        assert!(read_csv(b"service,metric,value\na,b,1\n", &mut Metrics::new()).is_err());
    }
}
