//! Timeline entries as rows of text, one a line.
//!
//! The entries and their order are the verdict's; dates are written only where the day changes.

use crate::model::{TimelineEntry, TimelineKind};

use super::text::sanitize;
use super::wording;

/// One entry, each cell sanitized.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Only in the first row of a day.
    pub date: Option<String>,
    pub time: String,
    pub what: &'static str,
    pub service: String,
    pub text: String,
    /// Empty where none is known.
    pub origin: String,
}

/// All entries in the given order.
pub fn rows(entries: &[TimelineEntry]) -> Vec<Row> {
    let mut day = String::new();
    entries
        .iter()
        .map(|entry| {
            let date = Some(entry.time.date()).filter(|date| *date != day);
            if let Some(new) = &date {
                day.clone_from(new);
            }
            Row {
                date,
                time: entry.time.clock(),
                what: word(entry.kind),
                service: wording::service(&entry.service),
                text: sanitize(&entry.text),
                origin: entry.origin.as_ref().map(|o| sanitize(&o.to_string())).unwrap_or_default(),
            }
        })
        .collect()
}

fn word(kind: TimelineKind) -> &'static str {
    match kind {
        TimelineKind::Change => "change",
        TimelineKind::FirstSymptom => "first symptom",
        TimelineKind::IncidentStart => "INCIDENT BEGINS",
        TimelineKind::IncidentEnd => "INCIDENT ENDS",
        TimelineKind::Disturbance => "disturbance",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Time;

    #[test]
    fn the_date_stands_where_the_day_changes() {
        let entry = |time: &str| TimelineEntry {
            time: Time::parse_rfc3339(time).unwrap(),
            kind: TimelineKind::Change,
            service: "*".into(),
            text: "a\nb".into(),
            origin: None,
        };
        let rows = rows(&[entry("2023-08-12T23:59:59Z"), entry("2023-08-12T23:59:59Z"), entry("2023-08-13T00:00:00Z")]);
        let times: Vec<(Option<&str>, &str)> = rows.iter().map(|r| (r.date.as_deref(), r.time.as_str())).collect();
        assert_eq!(times, [(Some("2023-08-12"), "23:59:59"), (None, "23:59:59"), (Some("2023-08-13"), "00:00:00")]);
        assert_eq!((rows[0].service.as_str(), rows[0].text.as_str()), ("all services", "a\\nb"));
    }
}
