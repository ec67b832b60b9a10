//! A change while it is being put together from an export: what must be there, and what the tools leave to be concluded.
//!
//! Knows no tool's format.

use std::sync::{Arc, LazyLock};

use super::place;
use crate::model::{Change, ChangeId, ChangeKind, ConfigDiff, InstanceId, KeyEdit, Origin, ServiceName, Time};
use crate::parse::timestamp::{Clock, TimePattern};

/// `Sat Aug 12 16:30:00 2023 +0200`
static GIT: LazyLock<Option<TimePattern>> = LazyLock::new(|| TimePattern::new("%a %b %e %H:%M:%S %Y %z"));
/// A summary is cut to this many characters.
const LONGEST_SUMMARY: usize = 300;

/// What a source says of a change, as text.
#[derive(Clone, Debug, Default)]
pub(super) struct Draft {
    /// What the tool numbers its changes by; the time where it does not.
    pub id: Option<String>,
    pub time: Option<String>,
    pub end_time: Option<String>,
    pub service: Option<String>,
    pub version: Option<String>,
    pub previous_version: Option<String>,
    pub summary: Option<String>,
    pub author: Option<String>,
    pub url: Option<String>,
    pub instance: Option<String>,
    pub edits: Vec<KeyEdit>,
    pub diff: Option<String>,
    /// The word for the way in which it failed.
    pub failed: Option<String>,
}

impl Draft {
    /// The change, named `prefix:service:id`; without a service of its own it has that of the file's place, else all.
    ///
    /// # Errors
    /// Without a time that can be read it is no change; the text says why.
    pub fn finish(self, prefix: &str, kind: ChangeKind, origin: Origin) -> Result<Change, String> {
        let written = self.time.as_deref().ok_or("required but missing: time")?;
        let time = instant(written).ok_or_else(|| format!("time \"{written}\" cannot be read"))?;
        let end_time = self.end_time.as_deref().and_then(instant).filter(|end| *end > time);
        let service = self.service.clone().or_else(|| place::service_of(&origin.path)).unwrap_or_else(|| "*".to_owned());
        let id = self.id.clone().unwrap_or_else(|| time.rfc3339());
        let edits = self.edits.into_iter().map(|edit| KeyEdit { origin: edit.origin.or_else(|| Some(origin.clone())), ..edit }).collect();
        Ok(Change {
            id: ChangeId::new(&format!("{prefix}:{service}:{id}")),
            time,
            end_time,
            service: ServiceName::new(&service),
            kind,
            version: self.version,
            previous_version: self.previous_version,
            summary: summary(self.summary, self.failed.as_deref()),
            author: self.author,
            url: self.url,
            instances: self.instance.iter().map(|name| InstanceId::new(name)).collect(),
            config_before: None,
            config_after: None,
            config: ConfigDiff { edits },
            diff: self.diff,
            origin,
        })
    }
}

/// A time in any shape that is recognised without a pattern, a Go `time.Time` and a number since the epoch included; UTC without a zone.
pub(super) fn instant(text: &str) -> Option<Time> {
    // Go prints the zone twice: `2023-08-12 14:30:00.5 +0000 UTC`.
    let text = text.trim();
    let words: Vec<&str> = text.split(' ').collect();
    let plain = match words.as_slice() {
        [date, clock, offset, name, ..] if offset.starts_with(['+', '-']) && name.chars().all(char::is_alphabetic) => {
            format!("{date} {clock} {offset}")
        }
        _ => text.to_owned(),
    };
    let clock = Clock { utc_offset: 0, ..Clock::default() };
    let time = clock.read(&plain, None).or_else(|| clock.read_by(GIT.as_slice(), &plain, None));
    time.filter(|time| Time::RANGE.contains(*time))
}

/// One line; a failure is said first.
fn summary(text: Option<String>, failed: Option<&str>) -> Option<String> {
    let text = text.map(|text| text.split_whitespace().collect::<Vec<_>>().join(" ")).filter(|text| !text.is_empty());
    let whole = match (failed, text) {
        (Some(word), Some(text)) => format!("failed ({word}): {text}"),
        (Some(word), None) => format!("failed ({word})"),
        (None, text) => text?,
    };
    Some(whole.chars().take(LONGEST_SUMMARY).collect())
}

/// Takes over what `other` says more of the same change: the earlier time, the later end, what was left open.
pub(super) fn join(change: &mut Change, other: Change) {
    let end = [change.time, other.time].into_iter().chain(change.end_time).chain(other.end_time).max();
    change.time = change.time.min(other.time);
    change.end_time = end.filter(|end| *end > change.time);
    let failed = |c: &Change| c.summary.as_ref().is_some_and(|text| text.starts_with("failed ("));
    if failed(&other) && !failed(change) {
        change.summary.clone_from(&other.summary);
    }
    fill(&mut change.summary, other.summary);
    fill(&mut change.version, other.version);
    fill(&mut change.previous_version, other.previous_version);
    fill(&mut change.author, other.author);
    fill(&mut change.url, other.url);
    change.instances.extend(other.instances);
    change.instances.sort();
    change.instances.dedup();
    change.config.edits.extend(other.config.edits);
    change.config.edits.sort_by(|a, b| a.key.cmp(&b.key));
    change.config.edits.dedup();
}

fn fill(field: &mut Option<String>, more: Option<String>) {
    *field = field.take().or(more);
}

/// The path of a file with the line of a part of it.
pub(super) fn place_of(shown: &Arc<str>, line: u64) -> Origin {
    Origin::new(shown, line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_as_tools_write_them() {
        for text in [
            "2023-08-12T14:30:00Z",
            "2023-08-12T16:30:00+02:00",
            "2023-08-12 14:30:00 +0000 UTC",
            "2023-08-12 16:30:00.000000 +0200 CEST",
            "2023-08-12 14:30:00",
            "Sat Aug 12 14:30:00 2023",
            "Sat Aug 12 14:30:00 2023 +0000",
            "Sat Aug 12 16:30:00 2023 +0200",
            "Sat, 12 Aug 2023 14:30:00 +0000",
            "1691850600",
            "1691850600000",
        ] {
            assert_eq!(instant(text).map(Time::rfc3339).as_deref(), Some("2023-08-12T14:30:00Z"), "{text}");
        }
        for text in ["", "soon", "<none>", "2 hours ago"] {
            assert_eq!(instant(text), None, "{text}");
        }
    }

    #[test]
    fn without_a_time_it_is_no_change() {
        let origin = Origin::file("parcels.json");
        assert!(Draft::default().finish("x", ChangeKind::Deploy, origin.clone()).is_err());
        let draft = Draft { time: Some("1691850600".to_owned()), failed: Some("error".to_owned()), ..Draft::default() };
        let change = draft.finish("x", ChangeKind::Deploy, origin).unwrap();
        assert_eq!(change.id.as_str(), "x:parcels:2023-08-12T14:30:00Z");
        assert_eq!(change.summary.as_deref(), Some("failed (error)"));
    }
}
