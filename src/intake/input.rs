//! What is to be analysed: files, and what summaries say of others.

use std::collections::BTreeMap;
use std::mem;
use std::path::PathBuf;
use std::sync::Arc;

use crate::model::Options;
use crate::parse::{Formats, LogOutcome, changes, piece};
use crate::read::{Bundle, BundleError, Source, SourceKind};
use crate::summary::{LogState, Manner, Summarised, Summary};
use crate::template::flow::Place;
use crate::template::{Flow, Tally};

use super::Counting;

/// Summaries that are merged at once: more would only be held at the same time.
const AT_ONCE: usize = 8;

/// Files, and what was counted elsewhere.
#[derive(Debug, Default)]
pub struct Input {
    /// With the files that summaries tell of.
    pub bundle: Bundle,
    pub(super) elsewhere: Elsewhere,
}

/// What summaries hold.
#[derive(Debug, Default)]
pub(super) struct Elsewhere {
    pub counted: Vec<(Tally, Flow)>,
    /// What became of each log.
    pub outcomes: BTreeMap<Arc<str>, LogOutcome>,
}

impl From<Bundle> for Input {
    fn from(bundle: Bundle) -> Input {
        Input { bundle, elsewhere: Elsewhere::default() }
    }
}

/// Finds the files at `paths`, and takes up the summaries among them.
///
/// # Errors
/// As [`Bundle::open`]; a summary that cannot be read, that does not fit to the others, or that lacks a part of a log.
pub fn open(paths: &[PathBuf], formats: &Formats, options: &Options) -> Result<Input, BundleError> {
    let mut bundle = Bundle::open_with(paths, options.reach, &|head| changes::is_export(head, formats))?;
    let is_summary = |source: &Source| source.kind == SourceKind::Parquet && Summary::is_at(&source.path);
    let (summaries, sources): (Vec<Source>, Vec<Source>) = mem::take(&mut bundle.sources).into_iter().partition(is_summary);
    bundle.sources = sources;
    let Some(first) = summaries.first().map(|source| source.path.clone()) else { return Ok(bundle.into()) };
    let error = |reason: String| BundleError { path: first.clone(), reason };
    let paths: Vec<PathBuf> = summaries.into_iter().map(|source| source.path).collect();
    let summary = merged(&paths)?;
    let asked = |manner: Manner| (manner.utc_offset.unwrap_or(0), manner.since, manner.until);
    if asked(summary.manner) != asked(Manner::of(options)) {
        return Err(error("a summary made for other times or another zone than this run is asked for: make it with the same".to_owned()));
    }
    taken_up(bundle, summary, formats, options).map_err(error)
}

/// Several summaries as one.
///
/// # Errors
/// One cannot be read, or they do not fit together.
pub fn merged(paths: &[PathBuf]) -> Result<Summary, BundleError> {
    let mut all: Option<Summary> = None;
    for group in paths.chunks(AT_ONCE) {
        let mut read: Vec<Summary> = all.take().into_iter().collect();
        for path in group {
            read.push(Summary::read(path).map_err(|reason| BundleError { path: path.clone(), reason })?);
        }
        all = Some(Summary::merged(read).map_err(|reason| BundleError { path: group[0].clone(), reason })?);
    }
    Ok(all.unwrap_or_default())
}

/// Reads what lies between the pieces of logs, and numbers all lines.
fn taken_up(mut bundle: Bundle, summary: Summary, formats: &Formats, options: &Options) -> Result<Input, String> {
    let mut elsewhere = Elsewhere::default();
    let mut tables: BTreeMap<Arc<str>, piece::LineTable> = BTreeMap::new();
    let (mut tally, mut flow) = (summary.tally, summary.flow);
    for Summarised { source, log } in summary.sources {
        let outcome = match log {
            None => None,
            Some(LogState::Whole(outcome)) => Some(outcome),
            Some(LogState::Pieces(pieces)) => {
                let mut between = Counting::new(&source, (options, None), Default::default());
                let (outcome, table) = piece::joined(&source, pieces, (formats, options.utc_offset), &mut between)?;
                between.tally.name_source(&outcome.coverage.format);
                elsewhere.counted.push((between.tally, between.flow));
                tables.insert(Arc::clone(&source.shown), table);
                Some(outcome)
            }
        };
        outcome.into_iter().for_each(|outcome| drop(elsewhere.outcomes.insert(Arc::clone(&source.shown), outcome)));
        bundle.sources.push(source);
    }
    tally.renumber(&|origin| tables.get(&origin.path).map_or(origin.line, |table| table.number(origin.line)));
    let by_file: BTreeMap<u64, &piece::LineTable> = tables.iter().map(|(path, table)| (Place::file(path), table)).collect();
    flow.renumber(&|file, line| by_file.get(&file).map_or(line, |table| table.number(line)));
    elsewhere.counted.push((tally, flow));
    bundle.complaints.extend(summary.complaints);
    bundle.sources.sort_by(|a, b| a.shown.cmp(&b.shown).then_with(|| a.path.cmp(&b.path)));
    let twice = bundle.sources.windows(2).find(|pair| pair[0].shown == pair[1].shown && elsewhere.outcomes.contains_key(&pair[0].shown));
    match twice {
        Some(pair) => Err(format!("{} is both a file and in a summary", pair[0].shown)),
        None => Ok(Input { bundle, elsewhere }),
    }
}
