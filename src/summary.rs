//! What one machine of many has read: counts, examples, what became of every file, and the small files as they are. Summaries become
//! one summary in whatever order, and that one says what a single reading would have said.
//!
//! A log may be in several summaries, each of a stretch of it; what lies across their ends is read when all are there
//! (`parse/records/piece.rs`). Does not know incidents, nor where files come from.

mod load;
mod packed;
mod write;

use std::collections::BTreeMap;
use std::path::Path;

use crate::model::{Complaint, Options, Time};
use crate::parse::LogOutcome;
use crate::parse::piece::Piece;
use crate::read::Source;
use crate::signal::tables::{Reader, Type};
use crate::template::{Flow, Tally};

/// The version of the tables; a summary of another version is not read.
pub const SCHEMA: i64 = 2;
/// How the files of summaries end.
pub const ENDING: &str = ".summary.parquet";
/// The column that names the table of a row.
const MARK: &str = "whatchanged_table";

/// The columns of all tables; docs/summary.md says what each table uses.
const COLUMNS: &[(&str, Type)] = &[
    ("id", Type::Whole),
    ("of", Type::Whole),
    ("name", Type::Text),
    ("path", Type::Text),
    ("service", Type::Text),
    ("instance", Type::Text),
    ("level", Type::Text),
    ("client", Type::Text),
    ("peer", Type::Text),
    ("code", Type::Text),
    ("version", Type::Text),
    ("route", Type::Text),
    ("format", Type::Text),
    ("text", Type::Text),
    ("lead", Type::Text),
    ("trail", Type::Text),
    ("time_us", Type::Whole),
    ("until_us", Type::Whole),
    ("window", Type::Whole),
    ("line", Type::Whole),
    ("bytes", Type::Whole),
    ("lines", Type::Whole),
    ("understood", Type::Whole),
    ("records", Type::Whole),
    ("count", Type::Whole),
    ("failed", Type::Whole),
    ("rejected", Type::Whole),
    ("start", Type::Whole),
    ("end", Type::Whole),
    ("hash", Type::Whole),
    ("seconds", Type::Number),
    ("data", Type::Bytes),
];

/// What was asked of all logs alike.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Manner {
    /// Seconds east of UTC of times without a zone.
    pub utc_offset: Option<i32>,
    pub since: Option<Time>,
    pub until: Option<Time>,
}

impl Manner {
    /// What of the options decides what is counted.
    pub fn of(options: &Options) -> Manner {
        Manner { utc_offset: options.utc_offset, since: options.since, until: options.until }
    }
}

/// What is known of some files, or of stretches of them.
#[derive(Debug, Default)]
pub struct Summary {
    pub manner: Manner,
    /// By path inside the bundle.
    pub sources: Vec<Summarised>,
    /// What could not be read at all.
    pub complaints: Vec<Complaint>,
    pub tally: Tally,
    pub flow: Flow,
    /// A fingerprint of what it was asked to hold; empty for a merged one.
    pub identity: String,
}

/// One file.
#[derive(Debug)]
pub struct Summarised {
    /// Of a log without its lines, of all else with its bytes.
    pub source: Source,
    /// Of a log.
    pub log: Option<LogState>,
}

/// What became of the lines of a log.
#[derive(Debug)]
pub enum LogState {
    Whole(LogOutcome),
    /// In the order of their bytes.
    Pieces(Vec<Piece>),
}

impl Summary {
    /// Several summaries as one; their order cannot be seen in it.
    ///
    /// # Errors
    /// They were made in different manners, or hold the same lines.
    pub fn merged(summaries: Vec<Summary>) -> Result<Summary, String> {
        let mut all = Summary { manner: summaries.first().map(|s| s.manner).unwrap_or_default(), ..Summary::default() };
        let mut sources: BTreeMap<String, Summarised> = BTreeMap::new();
        let (mut tallies, mut flows) = (Vec::new(), Vec::new());
        for summary in summaries {
            if summary.manner != all.manner {
                return Err("summaries with other --since, --until or --tz cannot be merged".to_owned());
            }
            for summarised in summary.sources {
                match sources.entry(summarised.source.shown.to_string()) {
                    std::collections::btree_map::Entry::Vacant(place) => drop(place.insert(summarised)),
                    std::collections::btree_map::Entry::Occupied(mut place) => place.get_mut().join(summarised)?,
                }
            }
            all.complaints.extend(summary.complaints);
            tallies.push(summary.tally);
            flows.push(summary.flow);
        }
        all.sources = sources.into_values().collect();
        all.complaints.sort();
        all.complaints.dedup();
        all.tally = tallies.into_iter().reduce(Tally::joined).unwrap_or_default();
        all.flow = Flow::merged(flows);
        Ok(all)
    }

    /// The fingerprint of a file that is one, and whole.
    pub fn identity_at(path: &Path) -> Option<String> {
        Reader::open(path, MARK).ok()?.texts("about", "name").ok()?.into_iter().next().flatten()
    }

    /// Whether a file is one.
    pub fn is_at(path: &Path) -> bool {
        Reader::has_column(path, MARK)
    }
}

impl Summarised {
    /// Takes up what another summary holds of the same file.
    fn join(&mut self, other: Summarised) -> Result<(), String> {
        let shown = self.source.shown.to_string();
        let twice = || Err(format!("two summaries hold {shown}; give files of the same name different ones with --source"));
        if self.source.kind != other.source.kind || self.source.bytes != other.source.bytes {
            return twice();
        }
        match (&mut self.log, other.log) {
            (None, None) if self.source.content == other.source.content => Ok(()),
            (Some(LogState::Pieces(ours)), Some(LogState::Pieces(theirs))) => {
                for piece in theirs {
                    let at = ours.partition_point(|p| p.range.start < piece.range.start);
                    let overlaps = |p: &Piece| p.range.start < piece.range.end && piece.range.start < p.range.end;
                    let beside = [at.checked_sub(1), Some(at)].into_iter().flatten().filter_map(|i| ours.get(i));
                    if beside.clone().any(overlaps) {
                        return Err(format!("two summaries hold the bytes {}-{} of {shown}", piece.range.start, piece.range.end));
                    }
                    ours.insert(at, piece);
                }
                if let (crate::read::Content::Counted { head: ours }, crate::read::Content::Counted { head: theirs }) =
                    (&mut self.source.content, &other.source.content)
                {
                    *ours = ours.or(*theirs);
                }
                Ok(())
            }
            _ => twice(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::model::{Level, Record, Request};
    use crate::template::tally::Place;

    /// A word that no mask takes for a number.
    fn word(number: u64) -> String {
        let digits = std::iter::successors(Some(number), |n| (*n >= 26).then_some(n / 26));
        digits.map(|n| char::from(b'a' + (n % 26) as u8)).collect::<String>() + "y"
    }

    /// More instances, texts and routes than are told apart.
    fn flood(numbers: std::ops::Range<u64>) -> Summary {
        let path: Arc<str> = Arc::from("x.log");
        let mut summary = Summary::default();
        for i in numbers {
            let request = (i % 3 == 0).then(|| Request {
                path: Some(format!("/{}", word(i)).into()),
                status: if i % 7 == 0 { 500 } else { 200 },
                duration: Some(i as i64),
                user: Some(word(i / 2).into()),
                ..Request::default()
            });
            let record = Record {
                time: Time((i as i64 * 7_919 % 9_000) * 1_000_000),
                message: format!("{} went down", word(i)).into(),
                instance: Some(word(i % 5_000).into()),
                service: Some(word(i % 3).into()),
                level: Level::Error,
                trace: Some(format!("t{}", i / 4).into()),
                request,
                ..Record::default()
            };
            summary.tally.add(&record, Place { service: "", instance: "", path: &path, line: i + 1 });
            summary.flow.add(&record, "", "x.log", i + 1);
        }
        summary
    }

    fn there_and_back(summary: &Summary) -> Summary {
        let file = tempfile::NamedTempFile::new().unwrap();
        summary.write(file.reopen().unwrap()).unwrap();
        Summary::read(file.path()).unwrap()
    }

    type Told = (Vec<String>, Vec<String>, Vec<String>);

    /// All that is counted, in words.
    fn told(summary: Summary) -> Told {
        let tally = Tally::merged(vec![summary.tally], None);
        let text = |symbol| tally.symbols.text(symbol);
        let records = tally.records_sorted().into_iter().map(|(k, c)| {
            format!(
                "{} {} {} {:?}",
                text(k.service),
                text(k.instance),
                text(k.template),
                (c.windows.iter().collect::<Vec<_>>(), c.exemplars.ranked().collect::<Vec<_>>())
            )
        });
        let requests = tally.requests_sorted().into_iter().map(|(k, c)| {
            format!("{} {} {} {:?}", text(k.service), text(k.instance), text(k.route), (&c.windows, c.arrivals.iter().collect::<Vec<_>>()))
        });
        let flow = Flow::merged(vec![summary.flow]);
        let steps = flow.traces().into_iter().flatten().map(|s| format!("{:?} {:?} {}", s.time, s.place, flow.symbols.text(s.event)));
        (records.collect(), requests.collect(), steps.collect())
    }

    /// What is left out of a flood does not depend on where it was cut, nor on whether shards were written down between.
    #[test]
    fn floods_are_bounded_as_one_reading_bounds_them() {
        const ALL: u64 = 170_000;
        let whole = told(flood(0..ALL));
        assert!(whole.0.iter().any(|kind| kind.contains("<*>")), "texts are shortened");
        let parts = [flood(0..1_000), flood(1_000..80_000), flood(80_000..ALL)];
        let [a, b, c] = parts.each_ref().map(there_and_back);
        let late = there_and_back(&Summary::merged(vec![c, a]).unwrap());
        let all = told(there_and_back(&Summary::merged(vec![late, b]).unwrap()));
        assert!(all.0 == whole.0, "records");
        assert!(all.1 == whole.1, "requests");
        assert!(all.2 == whole.2, "traces");
    }

    #[test]
    fn the_same_file_twice_is_refused() {
        let twice = || {
            let source = Source {
                path: "x.log".into(),
                shown: Arc::from("x.log"),
                kind: crate::read::SourceKind::Log,
                service: None,
                instance: None,
                bytes: 1,
                near: None,
                latest: None,
                content: crate::read::Content::Counted { head: None },
            };
            let sources = vec![Summarised { source, log: Some(LogState::Whole(LogOutcome::default())) }];
            Summary { sources, ..Summary::default() }
        };
        let why = Summary::merged(vec![twice(), twice()]).unwrap_err();
        assert!(why.contains("two summaries hold x.log"), "{why}");
        let other = Summary { manner: Manner { utc_offset: Some(3_600), ..Manner::default() }, ..Summary::default() };
        assert!(Summary::merged(vec![twice(), other]).is_err());
    }
}
