//! Metric files that already are tables (CSV, Parquet) -> samples, long or wide, told apart by their columns.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Cursor;

use polars::prelude::*;

use super::contained::contained;
use super::parquet::{self, first_line};
use crate::model::{InstanceId, MetricName, SeriesKey, ServiceName, Time};
use crate::parse::series::labels::spelled;
use crate::parse::series::{Collected, Kind, Labels, RawKey, usable};
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
    /// Values that are numbers and no measurements.
    pub dropped: u64,
    /// Lines that gave no row of their own.
    pub missing: u64,
}

/// Adds the samples of a CSV or TSV text.
pub fn read_csv(bytes: &[u8], into: &mut Collected) -> Result<TableOutcome, String> {
    let header = bytes.split(|b| *b == b'\n').next().unwrap_or_default();
    let separator = [b',', b'\t', b';'].into_iter().max_by_key(|s| header.iter().filter(|b| *b == s).count()).unwrap_or(b',');
    let options = CsvReadOptions::default()
        .with_has_header(true)
        .with_infer_schema_length(Some(0))
        .with_ignore_errors(true)
        .map_parse_options(|p| p.with_separator(separator).with_truncate_ragged_lines(true));
    // Rows that are missing are counted below; nobody but the command line writes on standard error.
    polars::error::set_warning_function(|_, _| {});
    let table = contained(|| CsvReader::new(Cursor::new(bytes)).with_options(options).finish().map_err(|e| first_line(&e)))?;
    let lines = bytes.split(|b| *b == b'\n').filter(|line| !line.trim_ascii().is_empty()).count();
    let rows = table.height() + 1;
    let outcome = add_table(&table, separator != b',', into)?;
    Ok(TableOutcome { missing: lines.saturating_sub(rows) as u64, ..outcome })
}

/// Adds the samples of a Parquet file.
pub fn read_parquet(bytes: Vec<u8>, into: &mut Collected) -> Result<TableOutcome, String> {
    let (outcome, read) = contained(|| {
        let table = parquet::table(bytes)?;
        let mut read = Collected::default();
        Ok((add_table(&table, false, &mut read)?, read))
    })?;
    into.absorb(read);
    Ok(outcome)
}

/// Columns of a long table that say what its other columns say again, or nothing that tells series apart.
const REMARKS: [&str; 6] = ["unit", "description", "help", "comment", "type", "kind"];
/// A column of more values than this tells rows apart, not series.
const MOST_LABEL_VALUES: usize = 1_000;

fn add_table(table: &DataFrame, may_have_commas: bool, into: &mut Collected) -> Result<TableOutcome, String> {
    let names: Vec<String> = table.get_column_names().iter().map(|n| n.to_string()).collect();
    let plain = |name: &str| name.trim().trim_start_matches('\u{feff}').to_lowercase();
    let find = |wanted: &[&str]| names.iter().find(|n| wanted.contains(&plain(n).as_str()));
    let time = find(TIME_COLUMNS).ok_or("no column of times")?;
    let times = times(table, time)?;
    let (Some(metric), Some(value)) = (find(&["metric", "metric_name", "kpi_name", "name", "__name__"]), find(&["value"])) else {
        return add_wide(table, time, &times, may_have_commas, into);
    };
    let own: [Option<&String>; 5] = [
        find(&["service", "service_name", "service.name", "app", "job"]),
        find(&["instance", "pod", "host"]),
        find(&["source"]),
        find(&["target", "destination"]),
        find(&["type", "kind"]),
    ];
    let column = |name: Option<&String>| name.map(|n| texts(table, n)).transpose();
    let [service, instance, source, target, kind] = own;
    let is_label =
        |name: &&String| ![time, metric, value].contains(name) && !own.contains(&Some(*name)) && !REMARKS.contains(&plain(name).as_str());
    let mut labels = Vec::new();
    for name in names.iter().filter(is_label) {
        labels.push((spelled(&plain(name)), texts(table, name)?));
    }
    labels.retain(|(_, values)| values.iter().collect::<BTreeSet<_>>().len() <= MOST_LABEL_VALUES);
    let long = Long {
        service: column(service)?,
        metric: texts(table, metric)?,
        instance: column(instance)?,
        source: column(source)?,
        target: column(target)?,
        kind: column(kind)?,
        labels,
    };
    let comma = may_have_commas && has_decimal_commas(&texts(table, value)?);
    Ok(long.add(&times, &numbers(table, value, comma)?, into))
}

/// The columns of a long table.
struct Long {
    service: Option<Vec<String>>,
    metric: Vec<String>,
    instance: Option<Vec<String>>,
    source: Option<Vec<String>>,
    target: Option<Vec<String>>,
    kind: Option<Vec<String>>,
    labels: Vec<(String, Vec<String>)>,
}

impl Long {
    fn add(&self, times: &[Option<Time>], values: &[Value], into: &mut Collected) -> TableOutcome {
        let mut outcome = TableOutcome { rows: times.len() as u64, ..TableOutcome::default() };
        let mut rows: BTreeMap<Vec<&str>, Vec<usize>> = BTreeMap::new();
        for (row, (time, value)) in times.iter().zip(values).enumerate() {
            match (time, value) {
                (Some(_), Value::Number(_)) => rows.entry(self.cells(row)).or_default().push(row),
                (_, Value::Beyond) => outcome.dropped += 1,
                _ => outcome.misread += u64::from(time.is_none() || *value == Value::Unreadable),
            }
        }
        for rows in rows.into_values() {
            let series = into.series(self.key(rows[0]), self.kind(rows[0]));
            for row in rows {
                if let (Some(time), Value::Number(value)) = (times[row], values[row]) {
                    into.push(series, time, value);
                }
            }
        }
        outcome
    }

    fn cells(&self, row: usize) -> Vec<&str> {
        let own = [&self.service, &self.instance, &self.source, &self.target].map(|c| c.as_ref().map_or("", |c| c[row].as_str()));
        own.into_iter().chain([self.metric[row].as_str()]).chain(self.labels.iter().map(|(_, values)| values[row].as_str())).collect()
    }

    fn key(&self, row: usize) -> RawKey {
        let [service, instance, source, target] =
            [&self.service, &self.instance, &self.source, &self.target].map(|c| c.as_ref().map_or("", |c| c[row].as_str()));
        let owner = if service.is_empty() { target } else { service };
        let key = SeriesKey {
            service: ServiceName::new(owner),
            metric: MetricName::new(&self.metric[row]),
            instance: (!instance.is_empty()).then(|| InstanceId::new(instance)),
            edge: (!source.is_empty() && !target.is_empty()).then(|| (ServiceName::new(source), ServiceName::new(target))),
        };
        let label =
            |(name, values): &(String, Vec<String>)| Some((name.clone(), values[row].clone())).filter(|(_, value)| !value.is_empty());
        let labels: Labels = self.labels.iter().filter_map(label).collect();
        RawKey { key, labels }
    }

    fn kind(&self, row: usize) -> Kind {
        match self.kind.as_ref().map_or("", |kind| kind[row].as_str()).to_ascii_lowercase().as_str() {
            "counter" => Kind::Counter,
            "gauge" => Kind::Gauge,
            _ => Kind::Unknown,
        }
    }
}

fn add_wide(
    table: &DataFrame,
    time: &str,
    times: &[Option<Time>],
    may_have_commas: bool,
    into: &mut Collected,
) -> Result<TableOutcome, String> {
    let names: Vec<String> = table.get_column_names().iter().map(|n| n.to_string()).filter(|n| n != time).collect();
    let borrowed: Vec<&str> = names.iter().map(String::as_str).collect();
    let misread = times.iter().filter(|t| t.is_none()).count() as u64;
    let mut outcome = TableOutcome { rows: times.len() as u64, misread, ..TableOutcome::default() };
    let mut comma = false;
    for name in names.iter().filter(|_| may_have_commas) {
        comma |= has_decimal_commas(&texts(table, name)?);
    }
    for (name, (service, metric)) in names.iter().zip(split_column(&borrowed)) {
        let values = numbers(table, name, comma)?;
        outcome.misread += values.iter().filter(|v| **v == Value::Unreadable).count() as u64;
        outcome.dropped += values.iter().filter(|v| **v == Value::Beyond).count() as u64;
        let key = SeriesKey { service: ServiceName::new(&service), metric: MetricName::new(&metric), instance: None, edge: None };
        let series = into.series(RawKey { key, labels: Labels::new() }, Kind::Unknown);
        for point in times.iter().zip(&values) {
            if let (Some(time), Value::Number(value)) = point {
                into.push(series, *time, *value);
            }
        }
    }
    Ok(outcome)
}

/// A cell of a column of values.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Value {
    Number(f64),
    Empty,
    /// Infinite, or beyond all measure.
    Beyond,
    Unreadable,
}

/// So many units since 1970; `None` beyond what microseconds can say.
fn instant(count: i64, unit: TimeUnit) -> Option<Time> {
    match unit {
        TimeUnit::Nanoseconds => Some(Time(count.div_euclid(1_000))),
        TimeUnit::Microseconds => Some(Time(count)),
        TimeUnit::Milliseconds => count.checked_mul(1_000).map(Time),
    }
}

fn texts(table: &DataFrame, name: &str) -> Result<Vec<String>, String> {
    let column = table.column(name).and_then(|c| c.cast(&DataType::String)).map_err(|e| first_line(&e))?;
    let column = column.str().map_err(|e| first_line(&e))?;
    Ok(column.iter().map(|v| v.unwrap_or("").to_owned()).collect())
}

fn numbers(table: &DataFrame, name: &str, decimal_comma: bool) -> Result<Vec<Value>, String> {
    let parsed = |text: &str| if decimal_comma { text.replacen(',', ".", 1).parse().ok() } else { text.parse::<f64>().ok() };
    let number = |text: &str| match text.trim() {
        "" | "null" | "NULL" | "NA" | "None" | "NaN" | "nan" => Value::Empty,
        text => match parsed(text) {
            Some(value) if usable(value) => Value::Number(value),
            Some(_) => Value::Beyond,
            None => Value::Unreadable,
        },
    };
    Ok(texts(table, name)?.iter().map(|t| number(t)).collect())
}

/// Whether commas separate the decimals: each value has at most one and no point, and some comma cannot group thousands, as other than
/// three digits follow it or a lone zero stands before it.
fn has_decimal_commas(values: &[String]) -> bool {
    let parts = |value: &String| value.trim().split_once(',').map(|(whole, rest)| (whole.to_owned(), rest.to_owned()));
    let commas: Vec<(String, String)> = values.iter().filter_map(parts).collect();
    let odd = values.iter().any(|v| v.contains('.')) || commas.iter().any(|(_, rest)| rest.contains(','));
    !odd && commas.iter().any(|(whole, rest)| rest.len() != 3 || whole.trim_start_matches('-') == "0" || whole.len() > 4)
}

/// Times as text in RFC 3339 or numbers whose magnitude tells seconds from milli-, micro- and nanoseconds.
/// A column of instants, as Parquet has them, or of texts and numbers that mean times.
fn times(table: &DataFrame, name: &str) -> Result<Vec<Option<Time>>, String> {
    let column = table.column(name).map_err(|e| first_line(&e))?;
    if let DataType::Datetime(unit, _) = column.dtype() {
        let counts = column.cast(&DataType::Int64).map_err(|e| first_line(&e))?;
        let counts = counts.i64().map_err(|e| first_line(&e))?;
        return Ok(counts.iter().map(|count| count.and_then(|count| instant(count, *unit))).collect());
    }
    let clock = Clock::default();
    Ok(texts(table, name)?.iter().map(|t| clock.read(t, None)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(csv: &str) -> (Vec<(String, usize)>, TableOutcome) {
        let mut collected = Collected::default();
        let outcome = read_csv(csv.as_bytes(), &mut collected).unwrap();
        let edge = |k: &SeriesKey| k.edge.as_ref().map_or(String::new(), |e| format!(" {}>{}", e.0, e.1));
        let series = collected.finish().iter().map(|(k, p)| (format!("{}/{}{}", k.service, k.metric, edge(k)), p.len())).collect();
        (series, outcome)
    }

    fn values(csv: &str) -> Vec<f64> {
        let mut collected = Collected::default();
        read_csv(csv.as_bytes(), &mut collected).unwrap();
        collected.finish().values().flatten().map(|p| p.1).collect()
    }

    #[test]
    fn separators_and_decimal_commas() {
        for csv in [
            "time,service,metric,value\n1691850600,a,cpu,0.5\n1691850610,a,cpu,1.25\n",
            "time\tservice\tmetric\tvalue\n1691850600\ta\tcpu\t0.5\n1691850610\ta\tcpu\t1,25\n",
            "time;service;metric;value\n1691850600;a;cpu;0,5\n1691850610;a;cpu;1,25\n",
            "time;a_cpu\n1691850600;0,5\n1691850610;1,25\n",
        ] {
            let expected: &[f64] = if csv.contains("0.5\n1691850610\ta") { &[0.5] } else { &[0.5, 1.25] };
            assert_eq!(values(csv), expected, "{csv}");
        }
        let grouped = "time;service;metric;value\n1691850600;a;cpu;1,250\n1691850610;a;cpu;2,500\n";
        assert_eq!((values(grouped), read(grouped).1.misread), (vec![], 2));
    }

    #[test]
    fn other_columns_are_labels_and_values_beyond_measure_are_counted() {
        let csv = "time,service,metric,value,code,unit,type\n1,a,r,1,200,s,counter\n11,a,r,11,200,s,counter\n1,a,r,1e308,500,s,counter\n11,a,r,inf,500,s,counter\n";
        let (series, outcome) = read(csv);
        assert_eq!((series, outcome.misread, outcome.dropped), (vec![("a/r".to_owned(), 1)], 0, 2));
    }

    #[test]
    fn long_wide_and_edges() {
        let long = "time,service,metric,value,instance,source,target\n2023-08-12T14:30:00Z,a,cpu,1,,,\n1691850660,a,cpu,2,,,\n2023-08-12T14:32:00Z,b,lat,3,,a,b\n";
        assert_eq!(read(long).0, [("a/cpu".to_owned(), 2), ("b/lat a>b".to_owned(), 1)]);
        let wide = "time,a|cpu,b|cpu\n1691850660000,1,\n1691850661000,2,x\n";
        let (series, outcome) = read(wide);
        assert_eq!(series, [("a/cpu".to_owned(), 2)]);
        assert_eq!((outcome.rows, outcome.misread), (2, 1));
    }

    /// A Parquet file whose times are instants of some unit, and what is read of it.
    fn instants(counts: [i64; 2], unit: TimeUnit, zone: Option<&str>) -> Vec<(Time, f64)> {
        let zone = TimeZone::opt_try_new(zone).unwrap();
        let times = Column::new("timestamp".into(), counts).cast(&DataType::Datetime(unit, zone)).unwrap();
        let text = |name: &str, text: &str| Column::new(name.into(), [text, text]);
        let columns = vec![times, text("service", "a"), text("metric", "cpu"), Column::new("value".into(), [1.0, 2.0])];
        let mut bytes = Vec::new();
        ParquetWriter::new(&mut bytes).finish(&mut DataFrame::new(2, columns).unwrap()).unwrap();
        let mut collected = Collected::default();
        assert_eq!(read_parquet(bytes, &mut collected).unwrap().misread, 0);
        collected.finish().into_values().flatten().collect()
    }

    #[test]
    fn instants_of_parquet_are_times_in_any_unit() {
        let second = 1_691_850_600;
        let expected = [(Time(second * 1_000_000), 1.0), (Time((second + 60) * 1_000_000), 2.0)];
        for (unit, per_second) in
            [(TimeUnit::Milliseconds, 1_000), (TimeUnit::Microseconds, 1_000_000), (TimeUnit::Nanoseconds, 1_000_000_000)]
        {
            for zone in [None, Some("UTC"), Some("Europe/Berlin")] {
                assert_eq!(instants([second * per_second, (second + 60) * per_second], unit, zone), expected, "{unit:?} {zone:?}");
            }
        }
        assert_eq!((instant(i64::MAX, TimeUnit::Milliseconds), instant(-1, TimeUnit::Nanoseconds)), (None, Some(Time(-1))));
    }

    #[test]
    fn a_table_without_times_is_refused() {
        assert!(read_csv(b"service,metric,value\na,b,1\n", &mut Collected::default()).is_err());
    }
}
