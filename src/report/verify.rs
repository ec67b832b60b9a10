//! What became of changes, as text, as JSON and as Markdown. Outcomes and their order are the verify layer's.

use serde::Serialize;

use super::risk::indented;
use super::text::{counted, duration, listed, milliseconds, number, percent, sanitize, shorten, to_ascii};
use super::{Format, View, escape_markdown, wording};
use crate::model::verify::{Basis, Check, Doubt, Measured, SetAside};
use crate::model::{Outcome, TimeSpan, Verification, Verifications};

/// Checks of a first look.
const FIRST_CHECKS: usize = 4;

/// The whole result, with a final newline.
pub fn render(all: &Verifications, format: Format, view: &View) -> String {
    match format {
        Format::Json => json(all),
        Format::Terminal => terminal(all, view),
        Format::Markdown => markdown(all, view),
    }
}

/// The verdict in one sentence, for a gate.
pub fn headline(found: &Verification) -> String {
    let worst = found.checks.iter().find(|check| check.decides && check.outcome == found.outcome);
    let why = worst.map(|check| format!(": {}", sentence(check))).unwrap_or_default();
    let more =
        if found.outcome == Outcome::CannotTell { needs(found).map(|n| format!("; {n}")).unwrap_or_default() } else { String::new() };
    format!("{} after {}{why}{more}", said(found.outcome), wording::change(&found.change))
}

/// An outcome in words.
pub fn said(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Worse => "worse",
        Outcome::CannotTell => "cannot tell",
        Outcome::NotWorse => "not worse",
    }
}

fn terminal(all: &Verifications, view: &View) -> String {
    let mut out = String::new();
    for found in &all.changes {
        let versions = wording::versions(&found.change).map(|versions| format!("  {versions}")).unwrap_or_default();
        let head = format!("{:<11}  {} {}{versions}", said(found.outcome), found.change.kind.name(), wording::change(&found.change));
        out += &format!("{}\n", shorten(&head, view.width.max(40)));
        indented(&mut out, "", &compared(found), view);
        for aside in &found.set_aside {
            indented(&mut out, "", &left_out(aside), view);
        }
        if let Some((span, confidence)) = found.blamed {
            indented(&mut out, "! ", &blamed(span, confidence), view);
        }
        for check in first(found, view) {
            let source = check.origin.as_ref().map(|o| format!(" [{}]", shorten(&sanitize(&o.to_string()), 60))).unwrap_or_default();
            indented(&mut out, sign(check), &format!("{}{source}", full(check)), view);
        }
        if let Some(needs) = needs(found) {
            indented(&mut out, "? ", &needs, view);
        }
    }
    if all.changes.is_empty() {
        out.push_str("no change is recorded\n");
    }
    if view.unicode { out } else { to_ascii(&out) }
}

fn first<'f>(found: &'f Verification, view: &View) -> impl Iterator<Item = &'f Check> {
    let most = if view.all { usize::MAX } else { FIRST_CHECKS };
    // What is settled and well need not be told twice where something is not.
    found.checks.iter().take(most)
}

fn sign(check: &Check) -> &'static str {
    match (check.outcome, check.decides) {
        (Outcome::Worse, true) => "+ ",
        (Outcome::Worse, false) => "~ ",
        (Outcome::CannotTell, _) => "? ",
        (Outcome::NotWorse, _) => "- ",
    }
}

fn markdown(all: &Verifications, view: &View) -> String {
    let mut out = String::from("| verdict | change | compared | what was found |\n|---|---|---|---|\n");
    for found in &all.changes {
        let mut told: Vec<String> = found.blamed.iter().map(|(span, confidence)| blamed(*span, *confidence)).collect();
        told.extend(first(found, view).map(full));
        told.extend(needs(found));
        let told: Vec<String> = told.iter().map(|text| escape_markdown(text)).collect();
        let (change, basis) = (escape_markdown(&wording::change(&found.change)), escape_markdown(&compared(found)));
        out += &format!("| {} | {change} | {basis} | {} |\n", said(found.outcome), told.join("<br>"));
    }
    out
}

fn lasting(spans: &[TimeSpan]) -> f64 {
    spans.iter().map(|span| span.seconds()).sum()
}

/// What was compared with what.
pub fn compared(found: &Verification) -> String {
    let after = lasting(&found.after);
    let names = |all: &[crate::model::InstanceId]| {
        let shown: Vec<String> = all.iter().take(3).map(|i| shorten(&sanitize(i.as_str()), 30)).collect();
        if all.len() > 3 { format!("{} and {} more", listed(&shown), all.len() - 3) } else { listed(&shown) }
    };
    let ended = found.ended_by.as_ref().map(|id| format!(", until {}", wording::id(id.as_str()))).unwrap_or_default();
    if after <= 0.0 {
        return format!("nothing to compare: no time after it is free of other causes{ended}");
    }
    match &found.basis {
        Basis::Instances { new, old } => format!("{} against {} over {}{ended}", names(new), names(old), duration(after)),
        Basis::Versions { new, old } => {
            format!("{} against {} over {}{ended}", wording::version(new), wording::version(old), duration(after))
        }
        Basis::BeforeAfter if found.before.is_empty() => format!("nothing before it is recorded; {} after{ended}", duration(after)),
        Basis::BeforeAfter => format!("{} before against {} after{ended}", duration(lasting(&found.before)), duration(after)),
    }
}

fn left_out(aside: &SetAside) -> String {
    format!(
        "left out: {}-{} UTC, an incident whose cause is {} ({})",
        aside.span.start.clock(),
        aside.span.end.clock(),
        shorten(&sanitize(&aside.cause), 60),
        percent(aside.confidence)
    )
}

fn blamed(span: TimeSpan, confidence: f64) -> String {
    format!("the incident of {} UTC has this as its most probable cause ({})", span.start.clock(), percent(confidence))
}

/// What would decide it.
fn needs(found: &Verification) -> Option<String> {
    let more = found.more?;
    let after = lasting(&found.after);
    let longer = if after > 0.0 { format!(", {} instead of {}", duration(after * more), duration(after)) } else { String::new() };
    Some(format!("about {} times the traffic so far would decide{longer}", number(more)))
}

/// A check as a sentence with its effect, p and doubts.
fn full(check: &Check) -> String {
    let mut text = sentence(check);
    let effect = &check.effect;
    let short = check.doubts.iter().find(|doubt| matches!(doubt, Doubt::Short { .. }));
    if let Some(short) = short {
        // Bounds and a p from so little would look like knowledge.
        let times = if effect.value.is_finite() { format!("{} times; ", number(effect.value)) } else { String::new() };
        text += &format!(" ({times}{})", doubted(short));
    } else if effect.low.is_finite() && effect.high.is_finite() {
        text += &match check.measured {
            Measured::MetricFailures { per_second: true, .. } => {
                format!(" ({} more a second, {} to {})", number(effect.value), number(effect.low), number(effect.high))
            }
            Measured::FailedShare | Measured::MetricFailures { .. } | Measured::Answering => {
                format!(" ({:+.1} points, {:+.1} to {:+.1})", 100.0 * effect.value, 100.0 * effect.low, 100.0 * effect.high)
            }
            _ => format!(" ({} times, {} to {})", number(effect.value), number(effect.low), number(effect.high)),
        };
    }
    if check.adjusted.is_finite() && short.is_none() {
        text += &format!(", p {}", small(check.adjusted));
    }
    for doubt in check.doubts.iter().filter(|doubt| Some(*doubt) != short) {
        text += &format!("; {}", doubted(doubt));
    }
    text
}

fn small(p: f64) -> String {
    if p < 1e-4 { "< 0.0001".to_owned() } else { format!("{p:.4}").trim_end_matches('0').trim_end_matches('.').to_owned() }
}

/// A check as a sentence without its full stop.
pub fn sentence(check: &Check) -> String {
    let at = match &check.caller {
        Some(caller) => format!("{} called by {}", wording::service(&check.service), wording::service(caller)),
        None => wording::service(&check.service),
    };
    let metric = |name: &crate::model::MetricName| shorten(&sanitize(name.as_str()), 50);
    let text = |text: &str| shorten(&sanitize(text), 90);
    match &check.measured {
        Measured::FailedShare => format!(
            "{at}: {} of {} failed, against {} of {}",
            share(check.new),
            counted(check.new_n as u64, "request"),
            share(check.old),
            number(check.old_n)
        ),
        Measured::Latency { quantile } => {
            format!("{at}: p{} {}, against {}", number(quantile * 100.0), milliseconds(check.new), milliseconds(check.old))
        }
        Measured::Answering => {
            format!(
                "{at}: the new instances answered in {} of {} steps, each of the old in {}",
                percent(check.new),
                check.new_n,
                percent(check.old)
            )
        }
        Measured::MetricFailures { metric: name, per_second: false } => {
            format!("{at}: {} failed by {}, against {}", share(check.new), metric(name), share(check.old))
        }
        Measured::MetricFailures { metric: name, .. } | Measured::MetricLatency { metric: name } | Measured::Resource { metric: name } => {
            format!("{at}: {} {}, against {}", metric(name), number(check.new), number(check.old))
        }
        Measured::Capacity { metric: name } => {
            let (new, old) = (number(check.new), number(check.old));
            format!("{at}: an instance with it takes {new} of {}, one without {old}: it carries half as much or less", metric(name))
        }
        Measured::Errors { text: message, never_before: true } => {
            format!("{at}: new error, {}: {}", counted(check.new_n as u64, "time"), text(message))
        }
        Measured::Errors { text: message, .. } => {
            format!("{at}: error {} an hour, before {}: {}", number(check.new), number(check.old), text(message))
        }
        Measured::Vanished { text: message } => {
            format!("{at}: no more \"{}\", before {} an hour", text(message), number(check.old))
        }
        Measured::Saturation { metric: name } if check.p.is_finite() => {
            format!("{at}: {} is nearly full: {}, before {}", metric(name), number(check.new), number(check.old))
        }
        Measured::Saturation { metric: name } => {
            format!("{at}: {} is at {} of its limit, before {}", metric(name), percent(check.new), percent(check.old))
        }
        Measured::Waiting { metric: name } => format!("{at}: {} {}, before none", metric(name), number(check.new)),
    }
}

fn share(value: f64) -> String {
    if value.is_finite() { percent(value) } else { "nothing".to_owned() }
}

fn doubted(doubt: &Doubt) -> String {
    match doubt {
        Doubt::Few { least } => format!("fewer than {} on a side say nothing", number(*least)),
        Doubt::Short { blocks, least } => {
            format!("too few to tell: {} of time independent of each other, {least} needed", counted(*blocks as u64, "block"))
        }
        Doubt::Seasonal { days: 1 } => "the same hours of the day before were like that".to_owned(),
        Doubt::Seasonal { days } => format!("the same hours {days} days before were like that"),
        Doubt::Settled => "it went back in the second half, as cold caches do".to_owned(),
        Doubt::NoOther => "there is nothing to compare with".to_owned(),
        Doubt::Trifle => "it differs, by less than matters".to_owned(),
        Doubt::Confounded { by, service } => {
            format!("{} {} is as near: their effects cannot be told apart", wording::service(service), wording::id(by.as_str()))
        }
    }
}

#[derive(Serialize)]
struct Document {
    schema_version: u32,
    changes: Vec<ChangeView>,
}

#[derive(Serialize)]
struct ChangeView {
    change_id: String,
    service: String,
    verdict: &'static str,
    basis: &'static str,
    compared: String,
    before_seconds: f64,
    after_seconds: f64,
    as_of: String,
    ended_by: Option<String>,
    /// Confidence that an incident is this change's doing; null: no incident is.
    blamed: Option<f64>,
    /// How many times the traffic so far would decide; null: decided, or more traffic would not.
    more_traffic: Option<f64>,
    set_aside: Vec<AsideView>,
    checks: Vec<CheckView>,
}

#[derive(Serialize)]
struct AsideView {
    start: String,
    end: String,
    cause: String,
    change_id: Option<String>,
    confidence: f64,
}

#[derive(Serialize)]
struct CheckView {
    kind: &'static str,
    service: String,
    caller: Option<String>,
    verdict: &'static str,
    decides: bool,
    old: Option<f64>,
    new: Option<f64>,
    old_count: f64,
    new_count: f64,
    effect: Option<f64>,
    effect_low: Option<f64>,
    effect_high: Option<f64>,
    p: Option<f64>,
    p_adjusted: Option<f64>,
    more_traffic: Option<f64>,
    statement: String,
    source: Option<String>,
}

fn json(all: &Verifications) -> String {
    let document = Document { schema_version: 1, changes: all.changes.iter().map(change_view).collect() };
    crate::report::json_document(&document)
}

fn change_view(found: &Verification) -> ChangeView {
    let basis = match found.basis {
        Basis::Instances { .. } => "instances",
        Basis::Versions { .. } => "versions",
        Basis::BeforeAfter => "before_after",
    };
    ChangeView {
        change_id: sanitize(found.change.id.as_str()),
        service: sanitize(found.change.service.as_str()),
        verdict: found.outcome.name(),
        basis,
        compared: compared(found),
        before_seconds: lasting(&found.before),
        after_seconds: lasting(&found.after),
        as_of: found.as_of.rfc3339(),
        ended_by: found.ended_by.as_ref().map(|id| sanitize(id.as_str())),
        blamed: found.blamed.and_then(|(_, confidence)| rounded(confidence)),
        more_traffic: found.more.and_then(rounded),
        set_aside: found.set_aside.iter().map(aside_view).collect(),
        checks: found.checks.iter().map(check_view).collect(),
    }
}

fn aside_view(aside: &SetAside) -> AsideView {
    AsideView {
        start: aside.span.start.rfc3339(),
        end: aside.span.end.rfc3339(),
        cause: sanitize(&aside.cause),
        change_id: aside.change.as_ref().map(|id| sanitize(id.as_str())),
        confidence: rounded(aside.confidence).unwrap_or_default(),
    }
}

fn check_view(check: &Check) -> CheckView {
    CheckView {
        kind: check.measured.kind(),
        service: sanitize(check.service.as_str()),
        caller: check.caller.as_ref().map(|caller| sanitize(caller.as_str())),
        verdict: check.outcome.name(),
        decides: check.decides,
        old: rounded(check.old),
        new: rounded(check.new),
        old_count: check.old_n,
        new_count: check.new_n,
        effect: rounded(check.effect.value),
        effect_low: rounded(check.effect.low),
        effect_high: rounded(check.effect.high),
        p: significant(check.p),
        p_adjusted: significant(check.adjusted),
        more_traffic: check.more.and_then(rounded),
        statement: full(check),
        source: check.origin.as_ref().map(|origin| sanitize(&origin.to_string())),
    }
}

fn rounded(value: f64) -> Option<f64> {
    value.is_finite().then(|| (value * 1e6).round() / 1e6)
}

/// Three digits, so that small p-values stay apart.
fn significant(p: f64) -> Option<f64> {
    if !p.is_finite() { None } else { format!("{p:.2e}").parse().ok() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::verify::Effect;

    fn latency(doubts: Vec<Doubt>) -> Check {
        Check {
            service: "gateway".into(),
            caller: None,
            measured: Measured::Latency { quantile: 0.5 },
            old: 15.7,
            new: 153.0,
            old_n: 400.0,
            new_n: 300.0,
            effect: Effect { value: 9.75, low: 0.003, high: 32_502.0 },
            p: 0.6,
            adjusted: 0.9,
            outcome: Outcome::CannotTell,
            more: None,
            decides: true,
            doubts,
            origin: None,
        }
    }

    #[test]
    fn bounds_of_too_few_blocks_are_not_said() {
        let short = Doubt::Short { blocks: 3, least: 8 };
        assert_eq!(
            full(&latency(vec![short, Doubt::Trifle])),
            "gateway: p50 153 ms, against 15.7 ms (9.75 times; too few to tell: 3 blocks of time independent of each other, 8 needed); it differs, by less than matters"
        );
        let known = full(&latency(Vec::new()));
        assert!(known.ends_with("(9.75 times, 0.003 to 32,502), p 0.9"), "{known}");
        let view = check_view(&latency(vec![Doubt::Short { blocks: 1, least: 8 }]));
        assert_eq!((view.effect_low, view.effect_high, view.p_adjusted), (Some(0.003), Some(32_502.0), Some(0.9)));
        assert!(view.statement.contains("1 block of time independent"), "{}", view.statement);
    }
}
