//! Messages that came, surged or vanished with an incident.

use std::collections::BTreeMap;

use crate::model::{Level, MessageRow, Moved, ServiceName, TimeSpan, Verdict};
use crate::suspect::surge;
use crate::template::RecordCounts;

use super::Material;

/// Rows of each sort.
const MOST_ROWS: usize = 14;
/// A count moved when it differs from what is expected by this many, and by two standard deviations of a Poisson count; as for surges.
const SMALLEST_EXCESS: f64 = 3.0;
/// Of what vanished less than this share is left.
const VANISHED: f64 = 0.2;
/// Bytes of an example.
const LONGEST_EXAMPLE: usize = 600;

/// The kinds of message that moved most.
pub fn moved(material: &Material<'_>, verdict: &Verdict) -> Vec<MessageRow> {
    let (signals, span) = (material.signals, verdict.incident.span);
    let quiet = surge::quiet_span(signals, span, material.options.baseline);
    let scale = if quiet.seconds() > 0.0 { span.seconds() / quiet.seconds() } else { 0.0 };
    let mut kinds: BTreeMap<(&str, Level, &str), Vec<&RecordCounts>> = BTreeMap::new();
    for (key, counts) in signals.tally.records_sorted() {
        let text = |symbol| signals.tally.symbols.text(symbol);
        kinds.entry((text(key.service), key.level, text(key.template))).or_default().push(counts);
    }
    let mut rows: Vec<MessageRow> = Vec::new();
    for ((service, level, template), counts) in kinds {
        let within = |span: TimeSpan| counts.iter().map(|c| c.within(span, signals.step)).sum::<u64>();
        let (during, before) = (within(span), within(quiet));
        let expected = before as f64 * scale;
        let Some(moved) = how(during as f64, expected, before) else { continue };
        let from = if moved == Moved::Vanished { signals.span.start } else { span.start };
        let exemplar = counts.iter().filter_map(|c| c.exemplar_from(from)).min_by_key(|e| (e.time < from, e.time, &e.origin));
        let Some(exemplar) = exemplar else { continue };
        let first_line = exemplar.text.lines().next().unwrap_or_default();
        rows.push(MessageRow {
            moved,
            service: ServiceName::new(service),
            level,
            template: template.to_owned(),
            during,
            expected,
            symptom: material.facts.symptom(first_line, None),
            example: cut(first_line).to_owned(),
            origin: exemplar.origin.clone(),
        });
    }
    rows.sort_by(|a, b| {
        let size = |r: &MessageRow| (r.during as f64 - r.expected).abs();
        a.moved.cmp(&b.moved).then(size(b).total_cmp(&size(a))).then_with(|| a.origin.cmp(&b.origin))
    });
    let mut kept = [0usize; 3];
    rows.retain(|row| {
        let count = &mut kept[row.moved as usize];
        *count += 1;
        *count <= MOST_ROWS
    });
    rows
}

fn how(during: f64, expected: f64, before: u64) -> Option<Moved> {
    if during >= SMALLEST_EXCESS && during - expected > SMALLEST_EXCESS + 2.0 * expected.sqrt() {
        return Some(if before == 0 { Moved::New } else { Moved::Surging });
    }
    let vanished = during < VANISHED * expected && expected - during > SMALLEST_EXCESS + 2.0 * expected.sqrt();
    vanished.then_some(Moved::Vanished)
}

fn cut(text: &str) -> &str {
    let mut end = text.len().min(LONGEST_EXAMPLE);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_numbers_do_not_move() {
        assert_eq!(how(2.0, 0.0, 0), None);
        assert_eq!(how(20.0, 0.0, 0), Some(Moved::New));
        assert_eq!(how(20.0, 4.0, 9), Some(Moved::Surging));
        assert_eq!(how(5.0, 4.0, 9), None);
        assert_eq!(how(0.0, 4.0, 9), None);
        assert_eq!(how(1.0, 40.0, 90), Some(Moved::Vanished));
        assert_eq!(cut("日本").len(), 6);
    }
}
