//! One short sentence of plain English for every finding, with its numbers.
//!
//! Written for somebody woken at three in the morning: what was seen, how much of it, and nothing about what it is worth.

use crate::model::{Evidence, Finding, InstanceId, KeyEdit, MetricName, ServiceName, Symptom};

use super::predictions;
use super::text::{count, counted, duration, listed_up_to, milliseconds, number, percent, sanitize, shorten, width};
use super::{flow, rollout, wording};

/// Widest quotation of a log message.
const QUOTE_WIDTH: usize = 240;

/// A quotation shorter than this tells nothing.
const SHORTEST_QUOTE: usize = 30;

/// The finding as one sentence without a full stop, sanitized. `it` is the suspect it was found about.
pub fn sentence(e: &Evidence) -> String {
    phrase(&e.finding, QUOTE_WIDTH)
}

/// The same in about `columns`: what it quotes from the logs gives way first, then what goes without saying, then its middle.
pub fn sentence_within(e: &Evidence, columns: usize) -> String {
    let whole = sentence(e);
    let excess = width(&whole).saturating_sub(columns);
    if excess == 0 {
        return whole;
    }
    if let Some(brief) = brief(&e.finding) {
        return shorten(&brief, columns);
    }
    let quoted = quoted_text(&e.finding).map_or(0, |text| width(&sanitize(text)).min(QUOTE_WIDTH));
    shorten(&phrase(&e.finding, quoted.saturating_sub(excess).max(SHORTEST_QUOTE)), columns)
}

fn phrase(finding: &Finding, quote_width: usize) -> String {
    let quote = |text: &str| format!("\"{}\"", shorten(&sanitize(text), quote_width));
    match finding {
        Finding::Blame { service, share } => format!("{} of the failing calls end at {}", percent(*share), name(service)),
        Finding::Began { before_onset } => began(*before_onset),
        Finding::FirstSymptom { service, after, text } => first_symptom(service, *after, &quote(text)),
        Finding::Surge { text, count, expected, never_before, .. } => surge(&quote(text), *count, *expected, *never_before),
        Finding::ServedWell { .. } | Finding::GrewSince { .. } | Finding::Scheduled { .. } | Finding::Placebo { .. } => over_time(finding),
        Finding::Vanished { text, count: seen, expected, .. } => {
            format!("{} x {}, usually {}: it stopped", count(*seen), quote(text), number(*expected))
        }
        Finding::Undone { by, after, exact } => undone(&wording::id(by.as_str()), *after, *exact),
        Finding::UndoneInVain { by, lasted } => {
            format!("{} undid it, and the failures went on for {}", wording::id(by.as_str()), duration(*lasted))
        }
        Finding::RanAsLong { seconds, end_gap } => ran_as_long(*seconds, *end_gap),
        Finding::Instances { .. } => instances(finding),
        Finding::KeyGoverns { edit, role, symptom, .. } => key_governs(edit, wording::role(*role), *symptom),
        Finding::Capacity { .. } | Finding::Predicted { .. } => by_arithmetic(finding),
        Finding::Rollout { finding } => rollout::sentence(finding),
        Finding::ValueQuoted { edit, text } => value_quoted(edit, &quote(text)),
        Finding::KeyNamesCallee { edit, callee, share } => {
            format!("{} is the address of {}, where {} of the failing calls end", wording::key(edit), name(callee), percent(*share))
        }
        Finding::KeyIrrelevant { keys } => format!("it edited {}, which has nothing to do with what failed", short_list(keys)),
        Finding::DiffWords { words, by_chance, .. } => diff_words(words, *by_chance),
        Finding::WholeFile { edit, settings, removed, .. } => whole_file(edit.as_ref(), *settings, *removed),
        Finding::MigrationSymptom { symptom, table } => migration_symptom(*symptom, table.as_deref()),
        Finding::DiedAfter { service, after } => format!("{} stopped answering {} after it", name(service), duration(*after)),
        Finding::NoSymptom { service, templates_tested } => no_symptom(service, *templates_tested),
        Finding::Down { .. } => down(finding),
        Finding::Exhausted { service, symptom, count } => {
            format!("{} from {} show {}", counted(*count, "message"), name(service), wording::symptom(*symptom))
        }
        Finding::Unreached { .. } | Finding::MetricRank { .. } => of_component(finding),
        Finding::MetricShift { service, metric, before, during, .. } => metric_shift(service, metric, *before, *during),
        Finding::FlowRank { .. }
        | Finding::LeftPath { .. }
        | Finding::OddStep { .. }
        | Finding::NotReached { .. }
        | Finding::SlowHops { .. } => flow::sentence(finding),
        Finding::Saturated { service, metric, before, peak } => {
            format!("{} of {} peaked at {} %, usually {} %", metric_name(metric), name(service), number(*peak), number(*before))
        }
        Finding::LoadRise { service, ratio, before_per_s, during_per_s } => {
            let (before, during) = (number(*before_per_s), number(*during_per_s));
            format!("requests to {} rose from {before}/s to {during}/s, {} times as many", name(service), number(*ratio))
        }
        Finding::LoadFlat { .. } | Finding::Healthy { .. } | Finding::CleanLog { .. } | Finding::MetricFlat { .. } => clearing(finding),
        Finding::ChangedRecently { service, change } => {
            format!("{} had just been changed by {}", name(service), wording::id(change.as_str()))
        }
        Finding::Victim { service, of, share } => {
            format!("{} of the errors of {} only say that {} failed", percent(*share), name(service), name(of))
        }
    }
}

/// What speaks against a suspect in half a line, for lists that name the suspect before it; nothing where nothing can be left out.
fn brief(finding: &Finding) -> Option<String> {
    let of = |failed: &u64, requests: &u64| format!("{} of {}", count(*failed), counted(*requests, "request"));
    match finding {
        Finding::Began { before_onset } if *before_onset < -1.0 => Some(format!("began {} after the failures", duration(*before_onset))),
        Finding::ServedWell { seconds, requests, failed, .. } => {
            Some(format!("{} failed in the {} after it", of(failed, requests), duration(*seconds)))
        }
        Finding::Healthy { requests, failed, p50_before_ms, p50_during_ms, .. } => {
            let (before, during) = (milliseconds(*p50_before_ms), milliseconds(*p50_during_ms));
            Some(format!("{} failed, {during} ({before} before)", of(failed, requests)))
        }
        Finding::CleanLog { lines, errors, .. } => {
            let errors = if *errors == 0 { "no error".to_owned() } else { format!("no new error, {} old,", count(*errors)) };
            Some(format!("{errors} in {}", counted(*lines, "log line")))
        }
        Finding::MetricFlat { service, metric, before, peak, .. } => {
            let levels = format!("peaked at {}, {} before", number(*peak), number(*before));
            Some(format!("{} of {} {levels}", metric_name(metric), name(service)))
        }
        Finding::LoadFlat { ratio, .. } => Some(format!("requests at {} times the usual rate", number(*ratio))),
        Finding::WholeFile { edit: None, settings, removed: false, .. } => {
            Some(format!("first record of {}, none known to differ", counted(*settings, "setting")))
        }
        _ => None,
    }
}

/// What callers and metrics say of a component; empty for other findings.
fn of_component(finding: &Finding) -> String {
    match finding {
        Finding::Unreached { service, symptom, count, callers } => format!(
            "{} of {} on the way to {} show {}",
            counted(*count, "message"),
            wording::services(callers),
            name(service),
            wording::symptom(*symptom)
        ),
        Finding::MetricRank { service, score, margin } if *margin >= 0.0 => {
            format!(
                "its metrics point at {} more than those of any other at it (score {}, next {})",
                name(service),
                number(*score),
                number(score - margin)
            )
        }
        Finding::MetricRank { service, score, margin } => {
            format!(
                "the metrics of others point at them more than those of {} do at it (score {}, best {})",
                name(service),
                number(*score),
                number(score - margin)
            )
        }
        _ => String::new(),
    }
}

/// What a service did between a change and the harm, and at other times; empty for other findings.
fn over_time(finding: &Finding) -> String {
    match finding {
        Finding::ServedWell { service, seconds, requests, failed, .. } => {
            let of = format!("{} of {}", count(*failed), counted(*requests, "request"));
            format!("{of} to {} failed in the {} between it and the failures", name(service), duration(*seconds))
        }
        Finding::GrewSince { service, metric, before, at_onset, .. } => {
            let (from, to) = (number(*before), number(*at_onset));
            format!("{} of {} grew ever since, from {from} to {to} when the failures began", metric_name(metric), name(service))
        }
        Finding::Scheduled { edit, after, .. } => scheduled(edit, *after),
        Finding::Placebo { service, seconds, records, windows, as_many } => {
            let wrote = format!("{} of trouble from {} in the {} after it", counted(*records, "record"), name(service), duration(*seconds));
            format!("{wrote}; as many in {} of {} other such spans", count(*as_many as u64), count(*windows as u64))
        }
        _ => String::new(),
    }
}

/// Signs that all was well, each with what would have shown; empty for other findings.
fn clearing(finding: &Finding) -> String {
    match finding {
        Finding::LoadFlat { service, ratio, detectable } => {
            let seen = format!("{} times would count as a rise", number(*detectable));
            format!("requests to {} arrived at {} times the usual rate; {seen}", name(service), number(*ratio))
        }
        Finding::Healthy { .. } => healthy(finding),
        Finding::CleanLog { service, lines, errors, detectable } => {
            let seen = format!("{} would show", number(detectable.ceil().max(1.0)));
            format!("{}; {seen}", clean_log(service, *lines, *errors))
        }
        Finding::MetricFlat { service, metric, before, peak, detectable } => {
            let levels = format!("{}, {} before; above {} would show", number(*peak), number(*before), number(*detectable));
            format!("{} of {} peaked at {levels}", metric_name(metric), name(service))
        }
        _ => String::new(),
    }
}

/// The log message that a finding quotes.
fn quoted_text(finding: &Finding) -> Option<&str> {
    match finding {
        Finding::FirstSymptom { text, .. }
        | Finding::Surge { text, .. }
        | Finding::Vanished { text, .. }
        | Finding::ValueQuoted { text, .. } => Some(text),
        _ => None,
    }
}

fn by_arithmetic(finding: &Finding) -> String {
    match finding {
        Finding::Predicted { edit, law, predicted, observed, inputs } => predictions::sentence(edit, *law, (*predicted, *observed), inputs),
        _ => capacity(finding),
    }
}

/// Little's law as a sentence: what the places carry, what was asked for, what must be refused.
fn capacity(finding: &Finding) -> String {
    let Finding::Capacity { places, hold_s, capacity_per_s, demand_per_s, refused, observed, .. } = finding else { return String::new() };
    let held = milliseconds(hold_s * 1_000.0);
    format!(
        "{} at {held} each carry at most {} requests/s; {}/s came: {} cannot be served, {} failed",
        counted(places.round() as u64, "connection"),
        number(*capacity_per_s),
        number(*demand_per_s),
        percent(*refused),
        percent(*observed)
    )
}

fn name(service: &ServiceName) -> String {
    shorten(&wording::service(service), 40)
}

fn metric_name(metric: &MetricName) -> String {
    shorten(&sanitize(metric.as_str()), 50)
}

fn short_list(words: &[impl ToString]) -> String {
    listed_up_to(&words.iter().map(|word| shorten(&sanitize(&word.to_string()), 40)).collect::<Vec<_>>(), 3)
}

fn began(before_onset: f64) -> String {
    match before_onset {
        s if s.abs() < 1.0 => "began in the same second as the failures".to_owned(),
        s if s > 0.0 => format!("began {} before the failures", duration(s)),
        s => format!("began {} after the failures, too late to cause them", duration(s)),
    }
}

fn first_symptom(service: &ServiceName, after: f64, quote: &str) -> String {
    let when = if after < 0.0 { "before" } else { "after" };
    format!("first symptom of {} came {} {when} it: {quote}", name(service), duration(after))
}

fn surge(quote: &str, times: u64, expected: f64, never_before: bool) -> String {
    let times = count(times);
    match expected {
        _ if never_before => format!("{times} x {quote}, never seen before"),
        e if e < 0.5 => format!("{times} x {quote}, usually none in that time"),
        e => format!("{times} x {quote}, usually {}", number(e)),
    }
}

fn undone(by: &str, after: f64, exact: bool) -> String {
    let how = if exact { "" } else { " undid part of it" };
    match after {
        s if s.abs() < 1.0 => {
            format!("failures ended in the second of {by}{}", if exact { ", which undid it" } else { ", which undid part of it" })
        }
        s if s > 0.0 && exact => format!("failures ended {} after {by} undid it", duration(s)),
        s if s > 0.0 => format!("failures ended {} after {by}{how}", duration(s)),
        s => format!("failures had ended {} before {by}{}", duration(s), if exact { " undid it" } else { how }),
    }
}

fn ran_as_long(seconds: f64, end_gap: f64) -> String {
    format!("it was live for {}, as long as the failures lasted (ends {} apart)", duration(seconds), duration(end_gap))
}

fn instances(finding: &Finding) -> String {
    let Finding::Instances { touched, touched_failed, touched_requests, other_failed, other_requests } = finding else {
        return String::new();
    };
    let on = |failed: u64, requests: u64| format!("{} of {} failed", count(failed), counted(requests, "request"));
    let touched_text = format!("on {} which it touched, {}", instance_list(touched), on(*touched_failed, *touched_requests));
    match other_requests {
        0 => format!("{touched_text}; no other instance served any"),
        _ => format!("{touched_text}; on the others, {} of {}", count(*other_failed), count(*other_requests)),
    }
}

fn instance_list(instances: &[InstanceId]) -> String {
    match instances {
        [] => "all instances".to_owned(),
        some => listed_up_to(&some.iter().map(|i| shorten(&wording::id(i.as_str()), 30)).collect::<Vec<_>>(), 3),
    }
}

fn scheduled(edit: &KeyEdit, after: f64) -> String {
    let value = wording::value(edit.key.as_str(), edit.after.as_deref());
    let when = if after < 1.0 { "when it came round".to_owned() } else { format!("{} after it came round", duration(after)) };
    format!("{} was set to {value}; the failures began {when}", wording::key(edit))
}

fn key_governs(edit: &KeyEdit, governs: &str, symptom: Option<Symptom>) -> String {
    let sets = format!("{} sets {governs}", wording::key(edit));
    match symptom {
        Some(s) => format!("{sets}; the errors show {}", wording::symptom(s)),
        None => sets,
    }
}

fn value_quoted(edit: &KeyEdit, quote: &str) -> String {
    let value = wording::value(edit.key.as_str(), edit.after.as_deref());
    format!("its new value {value} of {} stands in the new error {quote}", wording::key(edit))
}

/// Fewer words by chance are not worth a word.
const SOME_BY_CHANCE: f64 = 0.2;

fn diff_words(words: &[String], by_chance: f64) -> String {
    let chance = if by_chance < SOME_BY_CHANCE { String::new() } else { format!(" ({} by chance)", number(by_chance)) };
    format!("words of its diff are new in the log{chance}: {}", short_list(words))
}

fn whole_file(edit: Option<&KeyEdit>, settings: u64, removed: bool) -> String {
    let many = counted(settings, "setting");
    match (edit.map(wording::key), removed) {
        (None, false) => format!("it only puts {many} on record for the first time: nothing shows what was in effect before"),
        (None, true) => format!("it only takes {many} off the record, as a whole file: nothing shows what is in effect since"),
        (Some(key), false) => format!("{key} is one of {many} in a file that is new on record: nothing shows that it was different before"),
        (Some(key), true) => format!("{key} is one of {many} in a file that went as a whole: nothing shows what is in effect since"),
    }
}

fn migration_symptom(symptom: Symptom, table: Option<&str>) -> String {
    let on = table.map(|t| format!(" on table {}", shorten(&sanitize(t), 40))).unwrap_or_default();
    format!("after the migration the database shows {}{on}", wording::symptom(symptom))
}

fn no_symptom(service: &ServiceName, tested: usize) -> String {
    let tested = match tested {
        0 => String::new(),
        n => format!(" ({} of message tested)", counted(n as u64, "kind")),
    };
    format!("nothing of {} moved{tested}, and no error points at it", name(service))
}

fn down(finding: &Finding) -> String {
    let Finding::Down { service, refused, refused_share, up_zero, restarted } = finding else { return String::new() };
    let mut seen = Vec::new();
    if *refused > 0 {
        seen.push(format!("{} refused, {} of the failures", counted(*refused, "call"), percent(*refused_share)));
    }
    if *up_zero {
        seen.push("its up metric was 0".to_owned());
    }
    if *restarted {
        seen.push("it started again afterwards".to_owned());
    }
    match seen.is_empty() {
        true => format!("{} went silent", name(service)),
        false => format!("{} was down: {}", name(service), seen.join("; ")),
    }
}

fn metric_shift(service: &ServiceName, metric: &MetricName, before: f64, during: f64) -> String {
    let verb = if during >= before { "rose" } else { "fell" };
    format!("{} of {} {verb} from {} to {}", metric_name(metric), name(service), number(before), number(during))
}

fn healthy(finding: &Finding) -> String {
    let Finding::Healthy { service, requests, failed, p50_before_ms, p50_during_ms, detectable } = finding else { return String::new() };
    let (before, during) = (milliseconds(*p50_before_ms), milliseconds(*p50_during_ms));
    let answered = format!("{} answered {}, {} failed", name(service), counted(*requests, "request"), count(*failed));
    format!("{answered} ({} would show), median {during} ({before} before)", percent(*detectable))
}

fn clean_log(service: &ServiceName, lines: u64, errors: u64) -> String {
    let errors = if errors == 0 { "no error".to_owned() } else { format!("{}, none of them new", counted(errors, "error")) };
    format!("{errors} in {} of {}", counted(lines, "log line"), name(service))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::samples::{self, evidence};

    #[test]
    fn every_finding_has_a_sentence_of_its_own() {
        let mut sentences = std::collections::BTreeSet::new();
        for finding in Finding::examples() {
            let text = sentence(&evidence(finding, 1.0, None));
            assert!(text.len() > 12 && !text.ends_with('.'), "{text}");
            assert!(sentences.insert(text.clone()), "twice: {text}");
        }
    }

    #[test]
    fn wording_of_edges() {
        let edit = samples::pool_edit();
        let cases = [
            (Finding::Began { before_onset: 7.0 }, "began 7 s before the failures"),
            (Finding::Began { before_onset: -9.0 }, "began 9 s after the failures, too late to cause them"),
            (Finding::Began { before_onset: 0.2 }, "began in the same second as the failures"),
            (Finding::Undone { by: "rb-1".into(), after: 5.0, exact: true }, "failures ended 5 s after rb-1 undid it"),
            (Finding::Undone { by: "rb-1".into(), after: 5.0, exact: false }, "failures ended 5 s after rb-1 undid part of it"),
            (Finding::Undone { by: "rb-1".into(), after: -5.0, exact: true }, "failures had ended 5 s before rb-1 undid it"),
            (
                Finding::Surge {
                    service: "a".into(),
                    text: "no connection".into(),
                    count: 1209,
                    expected: 0.0,
                    never_before: true,
                    symptom: None,
                    own: true,
                },
                "1,209 x \"no connection\", never seen before",
            ),
            (
                Finding::Surge {
                    service: "a".into(),
                    text: "late".into(),
                    count: 90,
                    expected: 4.2,
                    never_before: false,
                    symptom: None,
                    own: true,
                },
                "90 x \"late\", usually 4.2",
            ),
            (
                Finding::KeyGoverns {
                    edit,
                    role: crate::model::KeyRole::Pool,
                    symptom: Some(Symptom::PoolExhausted),
                    share: 1.0,
                    direct: true,
                    worse: Some(true),
                    factor: None,
                },
                "db.pool.max_size sets the size of the connection pool; the errors show a pool with no connection left",
            ),
            (Finding::NoSymptom { service: "*".into(), templates_tested: 0 }, "nothing of all services moved, and no error points at it"),
            (Finding::Down { service: "db".into(), refused: 0, refused_share: 0.0, up_zero: false, restarted: false }, "db went silent"),
        ];
        for (finding, expect) in cases {
            assert_eq!(sentence(&evidence(finding, 1.0, None)), expect);
        }
    }

    #[test]
    fn wording_of_what_a_diff_tells() {
        let cases = [
            (
                Finding::DiffWords { words: vec!["parcels".into()], by_chance: 0.05, p: 0.05 },
                "words of its diff are new in the log: parcels",
            ),
            (
                Finding::DiffWords { words: vec!["a".into(), "b".into()], by_chance: 1.3, p: 0.4 },
                "words of its diff are new in the log (1.3 by chance): a and b",
            ),
            (
                Finding::WholeFile { edit: None, pieces: 0, settings: 9, removed: false },
                "it only puts 9 settings on record for the first time: nothing shows what was in effect before",
            ),
            (
                Finding::WholeFile { edit: None, pieces: 0, settings: 3, removed: true },
                "it only takes 3 settings off the record, as a whole file: nothing shows what is in effect since",
            ),
        ];
        for (finding, expect) in cases {
            assert_eq!(sentence(&evidence(finding, 1.0, None)), expect);
        }
    }

    #[test]
    fn where_there_is_little_room_what_the_list_says_already_is_left_out() {
        let within = |finding: Finding, columns: usize| sentence_within(&evidence(finding, -1.0, None), columns);
        let healthy = || Finding::Healthy {
            service: "payments".into(),
            requests: 1792,
            failed: 0,
            p50_before_ms: 1.81,
            p50_during_ms: 2.12,
            detectable: 0.001,
        };
        assert_eq!(
            within(healthy(), 120),
            "payments answered 1,792 requests, 0 failed (0.1 % would show), median 2.12 ms (1.81 ms before)"
        );
        assert_eq!(within(healthy(), 52), "0 of 1,792 requests failed, 2.12 ms (1.81 ms before)");
        assert_eq!(within(Finding::Began { before_onset: -10.0 }, 30), "began 10 s after the failures");
        assert_eq!(within(Finding::Began { before_onset: 100.0 }, 20).chars().count(), 20);
        let served = Finding::ServedWell { service: "web".into(), seconds: 117.0, requests: 163, failed: 0, share: 0.4 };
        assert_eq!(within(served, 52), "0 of 163 requests failed in the 1 min 57 s after it");
    }

    #[test]
    fn quotations_give_way_before_numbers() {
        let text = "connection to server lost while waiting ".repeat(9);
        let e = evidence(
            Finding::Surge { service: "a".into(), text, count: 77, expected: 0.0, never_before: true, symptom: None, own: true },
            1.0,
            None,
        );
        for columns in [70, 90, 140] {
            let fitted = sentence_within(&e, columns);
            assert!(width(&fitted) <= columns, "{fitted}");
            assert!(fitted.starts_with("77 x \"conn") && fitted.ends_with("never seen before"), "{fitted}");
        }
    }
}
