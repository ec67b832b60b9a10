//! Corrective and preventive measures, and the tasks that carry them out.
//!
//! Each follows from something in the data; which are worth their effort, people decide.

use crate::model::{Cause, CauseKind, ChangeKind, Condition, Finding, KeyRole, Symptom};
use crate::report::cite::{self, Cite};
use crate::report::text::{duration, listed_up_to, sanitize};
use crate::report::{actions, advice, wording};

use super::story::{about, alarm_cite, earliest, per_second, time_to_undo};
use super::{Case, blank, escape, fact};

/// One measure: what, a statement with its places, and how the task reads.
struct Measure {
    title: &'static str,
    text: String,
    task: String,
    corrective: bool,
}

/// Both lists.
pub fn chapter(case: &Case<'_>) -> String {
    let all = all(case);
    let list = |corrective: bool| -> String {
        all.iter().filter(|m| m.corrective == corrective).map(|m| format!("- **{}** {}", m.title, m.text)).collect()
    };
    let or_blank = |text: String, what: &str| if text.is_empty() { format!("- {}\n", blank(what)) } else { text };
    format!(
        "### Corrective\n\n{}\n### Preventive\n\n{}",
        or_blank(list(true), "what repairs what this left behind"),
        or_blank(list(false), "what keeps it from happening again")
    )
}

/// The measures as a table with room for owners.
pub fn tasks(case: &Case<'_>) -> String {
    let owner = case.verdict.causes.first().and_then(|c| actions::owner_of(case.analysis, c));
    let mut out = String::from("| task | kind | owner | due |\n|---|---|---|---|\n");
    let blank_owner = blank("owner");
    for measure in all(case) {
        let kind = if measure.corrective { "corrective" } else { "preventive" };
        let suggested =
            owner.as_ref().map_or_else(|| blank_owner.clone(), |o| format!("{} {}", blank("owner"), escape(&format!("suggested: {o}"))));
        out.push_str(&format!("| {} | {kind} | {suggested} | {} |\n", escape(&measure.task), blank("date")));
    }
    out.push_str(&format!(
        "| Review this draft, fill in its blanks, close the incident | corrective | {blank_owner} | {} |\n",
        blank("date")
    ));
    out
}

fn all(case: &Case<'_>) -> Vec<Measure> {
    let best = case.verdict.causes.first();
    let mut measures: Vec<Measure> = best.map(|cause| repair(case, cause)).into_iter().flatten().collect();
    measures.extend(best.and_then(|cause| load_test(case, cause)));
    measures.extend(alerts(case));
    measures.extend(best.and_then(|cause| configuration(case, cause)));
    measures.extend(best.and_then(|cause| rollback_plan(case, cause)));
    measures.extend(best.and_then(|cause| capacity(case, cause)));
    measures.extend(missing_data(case));
    measures
}

/// What the advice says is left to be done.
fn repair(case: &Case<'_>, cause: &Cause) -> Option<Measure> {
    let advice: Vec<String> = advice::advise(cause).into_iter().filter(|a| !a.starts_with("Nothing urgent")).collect();
    let task = advice.first()?.trim_end_matches('.').to_owned();
    let text = fact(&advice.join(" "), &about(case, cause));
    Some(Measure { title: "Repair.", text, task, corrective: true })
}

/// A limit that was changed has to meet the load before users do.
fn load_test(case: &Case<'_>, cause: &Cause) -> Option<Measure> {
    let change = cause.change.as_deref()?;
    let what = change.version.as_deref().map_or_else(|| wording::id(change.id.as_str()), wording::version);
    let service = wording::service(&cause.service);
    let capacity = cause.evidence.iter().find_map(|e| match &e.finding {
        Finding::Capacity { capacity_per_s, demand_per_s, .. } => Some((e, *capacity_per_s, *demand_per_s)),
        _ => None,
    });
    let (text, cites) = match capacity {
        Some((evidence, carries, came)) => (
            format!(
                "Test the performance of {service} before a deploy, with the traffic of production: {what} carried {}, {} came",
                per_second(carries),
                per_second(came)
            ),
            cite::of(case.analysis, evidence, Some(change)),
        ),
        None => (
            format!(
                "Test {service} before a deploy with the traffic of production, and let the deploy stop when errors rise: {what} reached {}",
                if change.instances.is_empty() {
                    "all instances".to_owned()
                } else {
                    listed_up_to(&change.instances.iter().map(|i| sanitize(i.as_str())).collect::<Vec<_>>(), 3)
                }
            ),
            vec![Cite::change(change)],
        ),
    };
    Some(Measure {
        title: "Performance tests before deploys.",
        text: fact(&text, &cites),
        task: format!("Add a load test of {service} to its pipeline"),
        corrective: false,
    })
}

fn alerts(case: &Case<'_>) -> Option<Measure> {
    let (alarm, (time, after)) = earliest(case.alarms())?;
    let names: Vec<String> = case.alarms().iter().map(|a| a.name.clone()).collect();
    let database = case.alarms().iter().any(|a| matches!(&a.condition, Condition::Metric { .. } | Condition::Messages { .. }));
    let about = if database { "for users being hurt and for what comes before that" } else { "for users being hurt" };
    let text = format!(
        "Alert {about}: {} would have fired at {} UTC, {} after the onset, with {} in {} of quiet; whatchanged alerts writes {}",
        alarm.name,
        time.clock(),
        duration(after),
        "no false alarm",
        duration(alarm.backtest.quiet_seconds),
        listed_up_to(&names, 4)
    );
    Some(Measure {
        title: "Alerts for abnormal behaviour.",
        text: fact(&text, &[alarm_cite(case, alarm)]),
        task: format!("Roll out the alerts {}", listed_up_to(&names, 4)),
        corrective: false,
    })
}

fn configuration(case: &Case<'_>, cause: &Cause) -> Option<Measure> {
    let change = cause.change.as_deref()?;
    let edit = cause.key.as_ref()?;
    let rest = change.config.edits.len().saturating_sub(1);
    let beside = if rest > 0 { format!(", beside {rest} other keys") } else { String::new() };
    let text = format!(
        "Keep configuration under version control, one reason a change, reviewed with the numbers it changes: {}{beside}; whatchanged risk --fail-on high in the pipeline judges such an edit before it goes out",
        wording::edit(edit)
    );
    Some(Measure {
        title: "Version control and review of configuration.",
        text: fact(&text, &about(case, cause)),
        task: format!("Put the configuration of {} under review, with a gate", wording::service(&cause.service)),
        corrective: false,
    })
}

fn rollback_plan(case: &Case<'_>, cause: &Cause) -> Option<Measure> {
    let change = cause.change.as_deref()?;
    let (text, cites) = match (&cause.undone_by, time_to_undo(case)) {
        (Some(by), Some(took)) => (
            format!("Write down how to go back, and practise it: {} came {took} after users began to be hurt", wording::id(by.id.as_str())),
            vec![Cite::change(by)],
        ),
        _ if change.kind == ChangeKind::Migration => {
            ("Write down how to go back from a migration, and what it would lose".to_owned(), vec![Cite::change(change)])
        }
        _ => (
            format!("Write down how to go back from {}: the data show nobody who did", wording::id(change.id.as_str())),
            vec![Cite::change(change)],
        ),
    };
    Some(Measure {
        title: "A rollback plan.",
        text: fact(&text, &cites),
        task: format!("Write and practise a rollback of {}", wording::service(&cause.service)),
        corrective: false,
    })
}

fn capacity(case: &Case<'_>, cause: &Cause) -> Option<Measure> {
    let limits =
        [KeyRole::Pool, KeyRole::ConnectionLimit, KeyRole::Memory, KeyRole::Cpu, KeyRole::Threads, KeyRole::Replicas, KeyRole::Descriptors];
    let shortages =
        [Symptom::PoolExhausted, Symptom::ConnectionLimit, Symptom::Memory, Symptom::Descriptors, Symptom::Disk, Symptom::StatementTimeout];
    let shown = cause.evidence.iter().filter(|e| e.supports()).find(|e| match &e.finding {
        Finding::KeyGoverns { role, .. } => limits.contains(role),
        Finding::Surge { symptom: Some(symptom), .. } | Finding::Exhausted { symptom, .. } => shortages.contains(symptom),
        Finding::LoadRise { .. } | Finding::Saturated { .. } => true,
        _ => false,
    });
    let evidence = shown.or_else(|| cause.evidence.first().filter(|_| cause.kind == CauseKind::Load))?;
    let database = cause.evidence.iter().any(|e| {
        matches!(
            &e.finding,
            Finding::KeyGoverns { role: KeyRole::Pool | KeyRole::ConnectionLimit, .. }
                | Finding::Surge { symptom: Some(Symptom::PoolExhausted | Symptom::ConnectionLimit | Symptom::StatementTimeout), .. }
        )
    });
    let what = if database { "the database and the connections to it" } else { "what ran out" };
    let text = format!("Work out how far {what} carry, and how they scale: {}", crate::report::sentences::sentence_within(evidence, 160));
    Some(Measure {
        title: "Capacity.",
        text: fact(&text, &cite::of(case.analysis, evidence, cause.change.as_deref())),
        task: format!("Evaluate how {what} scale"),
        corrective: false,
    })
}

fn missing_data(case: &Case<'_>) -> Option<Measure> {
    let open: Vec<String> =
        case.verdict.not_ruled_out.iter().map(|p| format!("{} ({})", sanitize(&p.title), sanitize(&p.needed))).collect();
    if open.is_empty() {
        return None;
    }
    let text = format!("Collect what could not be ruled out for want of data: {}", listed_up_to(&open, 4));
    Some(Measure {
        title: "Data.",
        text: fact(&text, &[Cite::All]),
        task: format!(
            "Collect data on {}",
            listed_up_to(&case.verdict.not_ruled_out.iter().map(|p| sanitize(&p.title)).collect::<Vec<_>>(), 4)
        ),
        corrective: false,
    })
}
