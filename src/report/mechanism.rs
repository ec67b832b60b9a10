//! The mechanism of an incident in words: whose connections ran out, what shows it, and what it was not.

use super::text::{count, counted, listed, number, percent, sanitize, shorten};
use super::wording;
use crate::model::Mechanism;
use crate::model::mechanism::{Diagnosis, Sign};

/// Columns of a quoted message.
const QUOTED: usize = 60;

/// The mechanism as a noun.
pub fn name(mechanism: Mechanism) -> &'static str {
    match mechanism {
        Mechanism::PoolTooSmall => "pool too small",
        Mechanism::ConnectionLeak => "connections not given back",
        Mechanism::ServerLimit => "the server's limit of connections",
        Mechanism::SlowDatabase => "slow statements",
        Mechanism::LockQueue => "a queue for locks",
        Mechanism::Deadlock => "deadlocks",
        Mechanism::Network => "connections refused or cut",
        Mechanism::Credentials => "refused credentials",
        Mechanism::Dns => "a name that does not resolve",
        Mechanism::Disk => "storage that cannot be written",
    }
}

/// One line: `pool too small, at checkout towards postgres`.
pub fn headline(diagnosis: &Diagnosis) -> String {
    let towards = diagnosis.database.as_ref().filter(|database| **database != diagnosis.service);
    let towards = towards.map(|database| format!(" towards {}", sanitize(database.as_str()))).unwrap_or_default();
    let doubt = if diagnosis.corroborated { "" } else { " (by one kind of sign only)" };
    format!("{}, at {}{towards}{doubt}", name(diagnosis.mechanism), sanitize(diagnosis.service.as_str()))
}

/// Headline and the best signs, for a first screen.
pub fn short(diagnosis: &Diagnosis) -> String {
    // The messages are quoted with the evidence of the cause; here they stand where nothing else does.
    let (messages, others): (Vec<_>, Vec<_>) = diagnosis.signs.iter().partition(|shown| matches!(shown.sign, Sign::Messages { .. }));
    let signs: Vec<String> = others.iter().chain(&messages).take(others.len().clamp(1, 2)).map(|shown| sentence(&shown.sign)).collect();
    if signs.is_empty() { headline(diagnosis) } else { format!("{}: {}", headline(diagnosis), signs.join("; ")) }
}

/// Headline, signs and exclusions in one paragraph.
pub fn paragraph(diagnosis: &Diagnosis) -> String {
    let mut text = short(diagnosis);
    // What people suspect first; the rest is for those who read everything.
    const SUSPECTED: [Mechanism; 5] =
        [Mechanism::ServerLimit, Mechanism::SlowDatabase, Mechanism::LockQueue, Mechanism::Network, Mechanism::PoolTooSmall];
    let excluded: Vec<String> = diagnosis
        .excluded
        .iter()
        .filter(|(mechanism, shown)| SUSPECTED.contains(mechanism) && !matches!(shown.sign, Sign::Consequence { .. }))
        .map(|(mechanism, _)| name(*mechanism).to_owned())
        .collect();
    if !excluded.is_empty() {
        text += &format!(". Not: {}", listed(&excluded));
    }
    text
}

/// One sign as a sentence without its final stop.
pub fn sentence(sign: &Sign) -> String {
    let of = |service: &crate::model::ServiceName| sanitize(service.as_str());
    match sign {
        Sign::Messages { service, text, count: n, share, .. } => {
            let quoted = shorten(&sanitize(text), QUOTED);
            format!("{} such as \"{quoted}\" in {}, {} of those about the database", counted(*n, "message"), of(service), percent(*share))
        }
        Sign::NoMessages { service, lines } => format!("none in {} of {}", counted(*lines, "line"), of(service)),
        Sign::Connections { service, metric, peak, limit } => {
            format!("{} had at most {} of {} connections ({})", of(service), number(*peak), number(*limit), sanitize(metric))
        }
        Sign::Metric { service, metric, before, during } => {
            format!("{} of {} went from {} to {}", sanitize(metric), of(service), number(*before), number(*during))
        }
        Sign::PoolLowered { edit } => {
            let value = |value: &Option<String>| value.as_deref().map_or("unset".to_owned(), |v| wording::redact(edit.key.as_str(), v));
            format!("{} {} -> {}", sanitize(edit.key.as_str()), value(&edit.before), value(&edit.after))
        }
        Sign::LoadRise { ratio } => format!("{} times as many requests as before", number(*ratio)),
        Sign::NothingElseChanged { ratio } => {
            format!("neither the pool's size nor the load ({} times the usual) nor what it calls explains a full pool", number(*ratio))
        }
        Sign::TooFew { count: n, share } => format!("only {} of such messages, {}", count(*n), percent(*share)),
        Sign::Consequence { count: n } => format!("{} follow from it", counted(*n, "such message")),
    }
}
