//! Alerting rules as files: for Prometheus, for Loki's ruler, and as a test that promtool runs.
//!
//! Strings are written as JSON strings, which YAML takes as they are whatever they hold.

use crate::model::{Alarm, Analysis, Condition, TestSeries, Time};

use super::checks::{prom_string, selector};
use super::text::{counted, duration, number, percent, sanitize, shorten};
use super::wording;

/// Evaluations of a test, at most: a day at a quarter of a minute.
const MOST_TESTED: usize = 5_760;

/// Proposed rules, all incidents together, each name once.
fn all(analysis: &Analysis) -> Vec<&Alarm> {
    let Some(exhibits) = &analysis.dossier.exhibits else { return Vec::new() };
    let mut seen = std::collections::BTreeSet::new();
    exhibits.alarms.iter().flatten().filter(|a| seen.insert(&a.name)).collect()
}

fn in_prometheus(alarm: &&Alarm) -> bool {
    !matches!(alarm.condition, Condition::Messages { .. })
}

/// Rules for Prometheus; `promtool check rules` takes them.
pub fn prometheus(analysis: &Analysis) -> String {
    let head = "# Alerting rules that whatchanged proposes, each with what it would have done on the data at hand.\n# The limits lie between what the quiet time reached and what the incident showed: look at them again with more data.\n# http_requests_total and http_request_duration_seconds stand for your own counters of requests and of their durations.\n";
    rules(head, &all(analysis).into_iter().filter(in_prometheus).collect::<Vec<_>>(), &|a| promql(a))
}

/// Rules for Loki's ruler: on messages, and on the outcomes of requests where access logs are in Loki.
pub fn loki(analysis: &Analysis) -> String {
    let head = "# Alerting rules for Loki's ruler that whatchanged proposes, each with what it would have done on the data at hand.\n# Streams are selected by their label service; requests are read from access logs by their status.\n";
    let wanted = |a: &&Alarm| matches!(a.condition, Condition::Messages { .. } | Condition::FailedShare { .. });
    rules(head, &all(analysis).into_iter().filter(wanted).collect::<Vec<_>>(), &|a| logql(a))
}

fn rules(head: &str, alarms: &[&Alarm], expression: &dyn Fn(&Alarm) -> String) -> String {
    let mut out = format!("{head}groups:\n  - name: whatchanged\n    rules:");
    if alarms.is_empty() {
        out.push_str(" []\n");
        return out;
    }
    out.push('\n');
    for alarm in alarms {
        out.push_str(&format!("      # {}\n", backtest(alarm)));
        out.push_str(&format!("      - alert: {}\n        expr: {}\n", alarm.name, yaml(&expression(alarm))));
        if alarm.hold > 0.0 {
            out.push_str(&format!("        for: {}\n", promql_duration(alarm.hold)));
        }
        out.push_str(&format!("        labels:\n          severity: {}\n          service: {}\n", severity(alarm), yaml(&service(alarm))));
        let (summary, description) = annotations(alarm);
        out.push_str(&format!(
            "        annotations:\n          summary: {}\n          description: {}\n",
            yaml(&summary),
            yaml(&description)
        ));
    }
    out
}

/// A test of the rules in `rules_file` on series made from the data; `promtool test rules` runs it.
pub fn promtool_test(analysis: &Analysis, rules_file: &str) -> String {
    let mut out = format!(
        "# The back-test of the rules, as a test that promtool runs: promtool test rules THIS_FILE\nrule_files:\n  - {}\n",
        yaml(rules_file)
    );
    let alarms: Vec<&Alarm> = all(analysis).into_iter().filter(in_prometheus).collect();
    let Some(first) = alarms.first() else { return out + "tests: []\n" };
    out.push_str(&format!("evaluation_interval: {}\ntests:\n", promql_duration(first.backtest.interval)));
    alarms.iter().for_each(|alarm| out.push_str(&one_test(alarm)));
    out
}

fn one_test(alarm: &Alarm) -> String {
    let test = &alarm.backtest;
    let count = test.series.iter().map(|s| s.values.len()).max().unwrap_or(0);
    let tested = count.min(MOST_TESTED);
    let mut out = format!("  - name: {}\n    interval: {}\n    input_series:\n", yaml(&alarm.name), promql_duration(test.interval));
    for series in &test.series {
        out.push_str(&format!(
            "      - series: {}\n        values: {}\n",
            yaml(&named(series)),
            yaml(&values(&series.values[..tested.min(series.values.len())]))
        ));
    }
    out.push_str("    alert_rule_test:\n");
    for index in moments(alarm, tested) {
        let time = test.start.plus_seconds(index as f64 * test.interval);
        let fires = test.firing.iter().any(|span| span.contains(time));
        out.push_str(&format!(
            "      # {} {} UTC\n      - eval_time: {}\n        alertname: {}\n",
            time.date(),
            time.clock(),
            promql_duration(index as f64 * test.interval),
            alarm.name
        ));
        if fires {
            let (summary, description) = annotations(alarm);
            out.push_str(&format!(
                "        exp_alerts:\n          - exp_labels:\n              severity: {}\n              service: {}\n            exp_annotations:\n              summary: {}\n              description: {}\n",
                severity(alarm),
                yaml(&service(alarm)),
                yaml(&summary),
                yaml(&description)
            ));
        } else {
            out.push_str("        exp_alerts: []\n");
        }
    }
    out
}

/// The evaluations that decide: on both sides of every beginning and end of firing, and a few between.
fn moments(alarm: &Alarm, tested: usize) -> Vec<usize> {
    let test = &alarm.backtest;
    let index = |time: Time| ((time - test.start) / test.interval).round().max(0.0) as usize;
    let edges = test.firing.iter().flat_map(|span| [index(span.start), index(span.end)]);
    let mut all: Vec<usize> = edges.flat_map(|i| [i.saturating_sub(1), i]).chain((0..12).map(|i| i * tested / 12)).collect();
    all.retain(|i| *i < tested);
    all.sort_unstable();
    all.dedup();
    all
}

fn named(series: &TestSeries) -> String {
    let valid = series.name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == ':')
        && !series.name.starts_with(|c: char| c.is_ascii_digit());
    let mut labels: Vec<String> = Vec::new();
    if !valid {
        labels.push(format!("__name__={}", prom_string(&series.name)));
    }
    labels.extend(series.labels.iter().map(|(name, value)| format!("{name}={}", prom_string(value))));
    format!("{}{{{}}}", if valid { series.name.as_str() } else { "" }, labels.join(", "))
}

/// Values as promtool reads them; runs of one value are shortened.
fn values(values: &[Option<f64>]) -> String {
    let mut parts: Vec<String> = Vec::new();
    let mut at = 0;
    while at < values.len() {
        let run = values[at..].iter().take_while(|v| **v == values[at]).count();
        let text = values[at].map_or_else(|| "_".to_owned(), |v| format!("{v}"));
        parts.push(match (values[at], run) {
            (_, 1) => text,
            (None, n) => format!("_x{n}"),
            (Some(_), n) => format!("{text}+0x{}", n - 1),
        });
        at += run;
    }
    parts.join(" ")
}

fn promql(alarm: &Alarm) -> String {
    let service = format!("service={}", prom_string(alarm.service.as_str()));
    match &alarm.condition {
        Condition::FailedShare { above, window } => {
            let window = promql_duration(*window);
            format!(
                "sum(rate(http_requests_total{{{service}, code=~\"5..\"}}[{window}])) / sum(rate(http_requests_total{{{service}}}[{window}])) > {above}"
            )
        }
        Condition::SlowShare { seconds, above, window } => {
            let window = promql_duration(*window);
            format!(
                "1 - sum(rate(http_request_duration_seconds_bucket{{{service}, le=\"{seconds}\"}}[{window}])) / sum(rate(http_request_duration_seconds_count{{{service}}}[{window}])) > {above}"
            )
        }
        Condition::Metric { metric, limit, above } => {
            let (fold, sign) = if *above { ("max", '>') } else { ("min", '<') };
            format!("{fold} by (service) ({}) {sign} {limit}", selector(metric.as_str(), &alarm.service))
        }
        Condition::Messages { .. } => String::new(),
    }
}

fn logql(alarm: &Alarm) -> String {
    let stream = format!("{{service={}}}", prom_string(alarm.service.as_str()));
    match &alarm.condition {
        Condition::Messages { contains, above, window } => {
            format!("sum(count_over_time({stream} |= {} [{}])) > {above}", prom_string(contains), promql_duration(*window))
        }
        Condition::FailedShare { above, window } => {
            let window = promql_duration(*window);
            format!(
                "sum(rate({stream} | json | status >= 500 | __error__=\"\" [{window}])) / sum(rate({stream} | json | status >= 100 | __error__=\"\" [{window}])) > {above}"
            )
        }
        Condition::SlowShare { .. } | Condition::Metric { .. } => String::new(),
    }
}

fn severity(alarm: &Alarm) -> &'static str {
    match alarm.condition {
        Condition::FailedShare { .. } | Condition::SlowShare { .. } => "page",
        Condition::Metric { .. } | Condition::Messages { .. } => "warning",
    }
}

fn service(alarm: &Alarm) -> String {
    wording::service(&alarm.service)
}

fn annotations(alarm: &Alarm) -> (String, String) {
    let at = wording::service(&alarm.service);
    let (quiet, hurt) = alarm.levels;
    let summary = match &alarm.condition {
        Condition::FailedShare { above, .. } => format!("more than {} of the requests to {at} fail", percent(*above)),
        Condition::SlowShare { seconds, above, .. } => {
            format!("more than {} of the requests to {at} take longer than {}", percent(*above), duration(*seconds))
        }
        Condition::Metric { metric, limit, above } => {
            format!("{} of {at} is {} {}", shorten(&sanitize(metric.as_str()), 60), if *above { "above" } else { "below" }, number(*limit))
        }
        Condition::Messages { contains, above, window } => {
            format!("more than {} messages of {at} in {} say \"{}\"", number(*above), duration(*window), shorten(&sanitize(contains), 80))
        }
    };
    let level = |value: f64| match &alarm.condition {
        Condition::FailedShare { .. } | Condition::SlowShare { .. } => percent(value),
        _ => number(value),
    };
    let quiet =
        if quiet.is_finite() { format!("{} at most in the quiet time", level(quiet)) } else { "no quiet time to compare with".to_owned() };
    // Prometheus fills in what stands between braces.
    let plain = |text: String| text.replace("{{", "{ {");
    (plain(summary), plain(format!("{} is typical of the incident that whatchanged looked at, {quiet}", level(hurt))))
}

/// `would have fired at 14:33:00 UTC, 3 min after the onset; 0 false alarms in 2 h of quiet`.
pub fn backtest(alarm: &Alarm) -> String {
    let test = &alarm.backtest;
    let when = match test.fired {
        Some((time, after)) if after >= 0.0 => {
            format!("would have fired at {} {} UTC, {} after the onset", time.date(), time.clock(), duration(after))
        }
        Some((time, after)) => {
            format!("would have been firing since {} {} UTC, {} before the onset", time.date(), time.clock(), duration(after))
        }
        None => "would not have fired".to_owned(),
    };
    format!("{when}; {} in {} of quiet", counted(test.false_alarms.len() as u64, "false alarm"), duration(test.quiet_seconds))
}

/// One line a rule, for whoever ran the command.
pub fn summary(analysis: &Analysis) -> String {
    let alarms = all(analysis);
    let mut out: String = alarms.iter().map(|a| format!("{}: {}\n", a.name, backtest(a))).collect();
    if alarms.is_empty() {
        out.push_str(if analysis.verdicts.is_empty() {
            "No incident was found, so that there is nothing to alert for.\n"
        } else {
            "No signal separates the incident from the quiet time.\n"
        });
    }
    out
}

/// A length of time as Prometheus writes it.
fn promql_duration(seconds: f64) -> String {
    let s = seconds.round() as u64;
    let mut out = String::new();
    for (unit, length) in [("h", 3_600), ("m", 60), ("s", 1)] {
        let rest = match unit {
            "h" => s / length,
            "m" => s % 3_600 / length,
            _ => s % 60,
        };
        if rest > 0 {
            out.push_str(&format!("{rest}{unit}"));
        }
    }
    if out.is_empty() { "0s".to_owned() } else { out }
}

fn yaml(text: &str) -> String {
    serde_json::to_string(&sanitize(text)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_and_values_as_prometheus_writes_them() {
        for (seconds, text) in [(0.0, "0s"), (70.0, "1m10s"), (3_600.0, "1h"), (90_061.0, "25h1m1s")] {
            assert_eq!(promql_duration(seconds), text);
        }
        assert_eq!(values(&[None, None, Some(1.0), Some(1.0), Some(1.0), Some(2.5), None]), "_x2 1+0x2 2.5 _");
    }

    #[test]
    fn names_of_any_shape_become_series() {
        let series = |name: &str| TestSeries { name: name.into(), labels: vec![("service".into(), "a\"b\\".into())], values: Vec::new() };
        assert_eq!(named(&series("up")), "up{service=\"a\\\"b\\\\\"}");
        assert_eq!(named(&series("http.p95")), "{__name__=\"http.p95\", service=\"a\\\"b\\\\\"}");
        assert_eq!(yaml("a: \"b\"\n- {{x}}"), "\"a: \\\"b\\\"\\\\n- {{x}}\"");
    }
}
