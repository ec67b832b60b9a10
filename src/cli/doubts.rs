//! What the user told the tool and the data do not bear out: said, because a wrong name or day would be obeyed without a word.

use crate::model::{Analysis, Options, ServiceName, Step, TimeSpan};
use crate::parse::suggest;

/// Services that are named where none is like the one asked for.
const NAMED: usize = 8;
/// Windows in a recording at most; as `template` has it.
const MOST_WINDOWS: f64 = 16_384.0;
/// Wider windows than this are worth a word, in seconds: a month of records has windows of four minutes.
const COARSE: f64 = 300.0;

/// One sentence for each thing that cannot be as told.
pub fn doubts(options: &Options, analysis: &Analysis) -> Vec<String> {
    let mut all = Vec::new();
    if let Some(read) = analysis.coverage.span() {
        all.extend(left_out(options, analysis, read));
        let judged = analysis.span.unwrap_or(read);
        all.extend(coarse(judged, options));
        let incident = options.incident.map(|(start, end)| TimeSpan { start, end: end.unwrap_or(start.max(judged.end)) });
        all.extend(incident.and_then(|span| outside("--incident", span, judged)));
        all.extend(options.baseline.and_then(|span| outside("--baseline", span, judged)));
    }
    all.extend(options.symptom.as_ref().and_then(|(service, _)| unknown(service, &analysis.services)));
    all
}

/// A recording so long that the windows in which records are counted hide what is short.
fn coarse(judged: TimeSpan, options: &Options) -> Option<String> {
    let step = Step::at_least(judged.seconds() / MOST_WINDOWS).max(options.step.unwrap_or(Step::SECOND)).seconds();
    (step > COARSE).then(|| {
        let (length, days) = (step / 60.0, judged.seconds() / 86_400.0);
        format!(
            "the records are from {} to {}, {days:.0} days, so they are counted in windows of {length:.0} min: what is shorter cannot be seen; \
             --since and --until narrow it",
            judged.start, judged.end
        )
    })
}

fn left_out(options: &Options, analysis: &Analysis, read: TimeSpan) -> Option<String> {
    if let Some(since) = options.since.filter(|since| *since > read.end) {
        return Some(format!("--since {since} is after the last record, at {}: nothing is left to judge", read.end));
    }
    if let Some(until) = options.until.filter(|until| *until <= read.start) {
        return Some(format!("--until {until} is not after the first record, at {}: nothing is left to judge", read.start));
    }
    let limited = options.since.is_some() || options.until.is_some();
    (limited && analysis.span.is_none())
        .then(|| format!("no record lies between --since and --until: those read are from {} to {}", read.start, read.end))
}

fn outside(flag: &str, span: TimeSpan, data: TimeSpan) -> Option<String> {
    let whole = || format!("the data are from {} to {}", data.start, data.end);
    if span.start > data.end || span.end < data.start {
        let where_to = if span.start > data.end { "after" } else { "before" };
        return Some(format!("{flag} {}..{} lies {where_to} all data: {}", span.start, span.end, whole()));
    }
    (span.start < data.start || span.end > data.end)
        .then(|| format!("{flag} {}..{} is in the data only in part: {}", span.start, span.end, whole()))
}

fn unknown(service: &ServiceName, known: &[ServiceName]) -> Option<String> {
    if known.is_empty() || known.contains(service) {
        return None;
    }
    let mut hint = suggest::hint(service.as_str(), known.iter().map(ServiceName::as_str));
    if hint.is_empty() {
        let named: Vec<&str> = known.iter().take(NAMED).map(ServiceName::as_str).collect();
        let more = if known.len() > NAMED { ", …" } else { "" };
        hint = format!(" (there are {}{more})", named.join(", "));
    }
    Some(format!("--symptom: no service is called \"{service}\" in the data{hint}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::verdict::Sought;
    use crate::model::{Coverage, SourceCoverage, Time};

    fn time(clock: &str) -> Time {
        Time::parse_rfc3339(&format!("2023-08-12T{clock}:00Z")).unwrap()
    }

    fn span(start: &str, end: &str) -> TimeSpan {
        TimeSpan { start: time(start), end: time(end) }
    }

    fn check(options: Options, judged: bool, expected: &[&str]) {
        let source = SourceCoverage { span: Some(span("10:00", "12:00")), ..SourceCoverage::default() };
        let analysis = Analysis {
            verdicts: Vec::new(),
            disturbances: Vec::new(),
            span: judged.then(|| span("10:00", "12:00")),
            sought: Sought::default(),
            services: vec!["checkout".into(), "web".into()],
            changes: Vec::new(),
            dossier: crate::model::Dossier::default(),
            coverage: Coverage { sources: vec![source], ..Coverage::default() },
        };
        let found = doubts(&options, &analysis);
        assert_eq!(found.len(), expected.len(), "{found:?}");
        for (found, expected) in found.iter().zip(expected) {
            assert!(found.contains(expected), "{found} lacks {expected}");
        }
    }

    #[test]
    fn what_the_data_bear_out_is_not_doubted() {
        check(Options::default(), true, &[]);
        check(Options { since: Some(time("11:00")), until: Some(time("13:00")), ..Options::default() }, true, &[]);
        check(Options { incident: Some((time("11:00"), None)), baseline: Some(span("10:00", "10:30")), ..Options::default() }, true, &[]);
        check(Options { symptom: Some(("web".into(), None)), ..Options::default() }, true, &[]);
    }

    #[test]
    fn what_they_do_not_is() {
        let since = |clock: &str| Options { since: Some(time(clock)), ..Options::default() };
        check(since("12:01"), false, &["--since 2023-08-12T12:01:00Z is after the last record, at 2023-08-12T12:00:00Z"]);
        check(
            Options { until: Some(time("10:00")), ..Options::default() },
            false,
            &["--until 2023-08-12T10:00:00Z is not after the first"],
        );
        check(Options { until: Some(time("11:30")), ..since("11:00") }, false, &["between --since and --until"]);
        check(
            Options { incident: Some((time("13:00"), None)), ..Options::default() },
            true,
            &["--incident 2023-08-12T13:00:00Z..2023-08-12T13:00:00Z lies after all data"],
        );
        check(Options { incident: Some((time("11:00"), Some(time("14:00")))), ..Options::default() }, true, &["only in part"]);
        check(
            Options { baseline: Some(span("08:00", "09:00")), ..Options::default() },
            true,
            &["--baseline 2023-08-12T08:00:00Z..2023-08-12T09:00:00Z lies before"],
        );
        check(Options { symptom: Some(("chekout".into(), None)), ..Options::default() }, true, &["(did you mean \"checkout\"?)"]);
        check(Options { symptom: Some(("payments".into(), None)), ..Options::default() }, true, &["(there are checkout, web)"]);
    }
}
