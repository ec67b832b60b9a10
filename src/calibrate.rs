//! The command `calibrate` as a straight line: find cases, analyse each as an operator would, only then read its truth, add up.
//!
//! The analysis is called from outside, with what `window.json` says an operator knows, and never meets a truth.

mod cross_validation;
mod matching;
mod truth;

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use crate::analyze::analyze;
use crate::model::calibration::{Calibration, CaseScore, MatchLevel, OnsetError, Ranking, Reliability, ReliabilityBin, Said, Scores};
use crate::model::{Options, Progress, Verdict};
use crate::parse::Formats;
use crate::stats;
use crate::suspect::facts::Facts;

use matching::{concerned, levels, rank_of, said};
use truth::{TRUTH, TrueCause, Truth, window};

/// Bins of a reliability table.
const BINS: usize = 10;
/// Standard deviations of a two-sided interval of 95 %.
const Z_95: f64 = 1.96;
/// An onset this near, in seconds, is right.
const NEAR: f64 = 30.0;
/// Deepest folder in which cases are looked for.
const DEEPEST: usize = 16;

/// Why nothing can be said of the cases at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CalibrateError {
    /// A folder that cannot be read, and the reason.
    Folder(PathBuf, String),
    /// None of the folders holds a truth.
    NoCases,
}

impl fmt::Display for CalibrateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CalibrateError::Folder(path, reason) => write!(f, "cannot read {}: {reason}", path.display()),
            CalibrateError::NoCases => write!(f, "no folder with a {TRUTH} was found"),
        }
    }
}

impl std::error::Error for CalibrateError {}

/// A folder with a truth, not yet looked into.
struct Case {
    data_set: String,
    name: String,
    folder: PathBuf,
}

/// How cases are analysed.
#[derive(Clone, Debug, Default)]
pub struct Conditions {
    pub options: Options,
    /// Nothing is known beforehand, even where a case says what an operator would know.
    pub blind: bool,
}

/// Analyses all cases below `roots` and compares the answers with the truths. `progress` begins anew with each case.
pub fn calibrate(
    roots: &[PathBuf],
    conditions: &Conditions,
    formats: &Formats,
    facts: &Facts,
    progress: &dyn Progress,
) -> Result<Calibration, CalibrateError> {
    let cases = find(roots)?;
    let mut failures = Vec::new();
    let mut scores = Vec::new();
    for case in &cases {
        let mut failed = |why| failures.push((case.folder.display().to_string(), why));
        let answer = answer(case, conditions, formats, facts, progress).map_err(&mut failed).ok();
        match truth::read(&case.folder) {
            Ok(truth) => scores.push(compare(case, &truth, answer.as_ref())),
            Err(why) => failed(why),
        }
    }
    Ok(add_up(&scores, failures))
}

/// What the tool says of a case.
struct Answer {
    verdicts: Vec<Verdict>,
    /// It was told when the incident was.
    given: bool,
}

fn answer(case: &Case, conditions: &Conditions, formats: &Formats, facts: &Facts, progress: &dyn Progress) -> Result<Answer, String> {
    let window = if conditions.blind { None } else { window(&case.folder)? };
    let given = window.is_some();
    let known = window.unwrap_or_default();
    let options = Options { incident: known.incident, symptom: known.symptom, ..conditions.options.clone() };
    let analysis = analyze(std::slice::from_ref(&case.folder), &options, formats, facts, progress).map_err(|e| e.to_string())?;
    Ok(Answer { verdicts: analysis.verdicts, given })
}

fn find(roots: &[PathBuf]) -> Result<Vec<Case>, CalibrateError> {
    let mut cases = Vec::new();
    for root in roots {
        let unreadable = |e: std::io::Error| CalibrateError::Folder(root.clone(), e.to_string());
        let root = fs::canonicalize(root).map_err(unreadable)?;
        fs::read_dir(&root).map_err(unreadable)?;
        // A case that is named itself belongs to the folder around it.
        let named = if root.join(TRUTH).is_file() { root.parent().unwrap_or(&root) } else { &root };
        search(&root, named.parent().unwrap_or(named), DEEPEST, &mut cases);
    }
    cases.sort_by(|a, b| (&a.data_set, &a.name, &a.folder).cmp(&(&b.data_set, &b.name, &b.folder)));
    cases.dedup_by(|a, b| a.folder == b.folder);
    if cases.is_empty() { Err(CalibrateError::NoCases) } else { Ok(cases) }
}

/// Cases below a folder; a case holds no other. What cannot be entered holds none that could be analysed.
fn search(folder: &Path, above: &Path, depth: usize, cases: &mut Vec<Case>) {
    if folder.join(TRUTH).is_file() {
        let data_set = folder.parent().and_then(|parent| parent.strip_prefix(above).ok()).unwrap_or(Path::new(""));
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let data_set = data_set.iter().map(|part| part.to_string_lossy()).collect::<Vec<_>>().join("/");
        return cases.push(Case { data_set, name, folder: folder.to_owned() });
    }
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        if depth > 0 && entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            search(&entry.path(), above, depth - 1, cases);
        }
    }
}

/// A case without an answer is one with a wrong answer.
fn compare(case: &Case, truth: &Truth, answer: Option<&Answer>) -> CaseScore {
    let verdicts = answer.map_or(&[][..], |answer| &answer.verdicts);
    let empty = CaseScore {
        data_set: case.data_set.clone(),
        name: case.name.clone(),
        quiet_right: None,
        ranks: Vec::new(),
        said: Vec::new(),
        none: None,
        onset_error: None,
    };
    let Truth::Incident { span, cause, also_accept } = truth else {
        // Whatever is blamed where nothing happened is wrong.
        let said = verdicts.iter().flat_map(|verdict| said(&verdict.causes, &[])).collect();
        return CaseScore { quiet_right: Some(answer.is_some() && verdicts.is_empty()), said, ..empty };
    };
    let truths: Vec<TrueCause> = std::iter::once(cause).chain(also_accept).cloned().collect();
    let verdict = concerned(verdicts, *span);
    let causes = verdict.map_or(&[][..], |verdict| &verdict.causes);
    let off = verdicts.iter().map(|verdict| (verdict.incident.span.start - span.start).abs());
    CaseScore {
        ranks: levels(cause).into_iter().map(|level| (level, rank_of(level, causes, &truths))).collect(),
        said: said(causes, &truths),
        none: verdict.map(|verdict| verdict.unexplained),
        onset_error: off.min_by(f64::total_cmp).filter(|_| answer.is_some_and(|answer| !answer.given)),
        ..empty
    }
}

fn add_up(cases: &[CaseScore], failures: Vec<(String, String)>) -> Calibration {
    let mut by_set: BTreeMap<&str, Vec<&CaseScore>> = BTreeMap::new();
    cases.iter().for_each(|case| by_set.entry(&case.data_set).or_default().push(case));
    let (held_out, fitted) = cross_validation::cross_validate(cases);
    Calibration {
        data_sets: by_set.into_iter().map(|(name, cases)| (name.to_owned(), scores(&cases))).collect(),
        all: scores(&cases.iter().collect::<Vec<_>>()),
        held_out,
        fitted,
        misses: cases.iter().filter_map(miss).collect(),
        failures,
    }
}

/// The most detailed level of a case whose first answer is wrong.
fn miss(case: &CaseScore) -> Option<(String, String, MatchLevel, Option<usize>)> {
    let (level, rank) = case.ranks.last()?;
    (*rank != Some(1)).then(|| (case.data_set.clone(), case.name.clone(), *level, *rank))
}

fn scores(cases: &[&CaseScore]) -> Scores {
    let said: Vec<Said> = cases.iter().flat_map(|case| case.said.iter().copied()).collect();
    let first: Vec<Said> = said.iter().copied().filter(|said| said.first).collect();
    let quiet: Vec<bool> = cases.iter().filter_map(|case| case.quiet_right).collect();
    Scores {
        cases: cases.len(),
        rankings: MatchLevel::ALL.into_iter().filter_map(|level| ranking(level, cases)).collect(),
        reliability: reliability(&said),
        first: reliability(&first),
        quiet_cases: quiet.len(),
        quiet_right: quiet.iter().filter(|right| **right).count(),
        onset: onset(cases),
    }
}

fn ranking(level: MatchLevel, cases: &[&CaseScore]) -> Option<Ranking> {
    let ranks: Vec<Option<usize>> = cases.iter().flat_map(|case| &case.ranks).filter(|r| r.0 == level).map(|r| r.1).collect();
    let n = ranks.len() as f64;
    let within = |k: usize| ranks.iter().flatten().filter(|rank| **rank <= k).count() as f64 / n;
    let reciprocal_rank = ranks.iter().flatten().map(|rank| 1.0 / *rank as f64).sum::<f64>() / n;
    (!ranks.is_empty()).then(|| Ranking { level, cases: ranks.len(), accuracy: [1, 3, 5].map(within), reciprocal_rank })
}

fn reliability(said: &[Said]) -> Reliability {
    let told: Vec<(f64, bool)> = said.iter().map(|said| (said.confidence, said.right)).collect();
    let bins = stats::binned(&told, BINS);
    let bin = |(i, bin): (usize, &stats::Bin)| ReliabilityBin {
        from: i as f64 / BINS as f64,
        to: (i + 1) as f64 / BINS as f64,
        said: bin.said,
        right: bin.right,
        mean: bin.mean,
        interval: stats::wilson(bin.right as f64, bin.said as f64, Z_95),
    };
    Reliability {
        bins: bins.iter().enumerate().map(bin).collect(),
        brier: stats::brier(&told),
        calibration_error: stats::calibration_error(&bins),
    }
}

fn onset(cases: &[&CaseScore]) -> Option<OnsetError> {
    let off: Vec<f64> = stats::sorted(&cases.iter().filter_map(|case| case.onset_error).collect::<Vec<_>>());
    let median = stats::quantile_sorted(&off, 0.5)?;
    Some(OnsetError { cases: off.len(), median, worst: *off.last()?, near: off.iter().filter(|off| **off <= NEAR).count() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn case(name: &str, rank: Option<usize>, said: &[(f64, bool)]) -> CaseScore {
        CaseScore {
            data_set: "set".to_owned(),
            name: name.to_owned(),
            quiet_right: None,
            ranks: vec![(MatchLevel::Service, rank)],
            said: said
                .iter()
                .enumerate()
                .map(|(i, (confidence, right))| Said { confidence: *confidence, right: *right, first: i == 0 })
                .collect(),
            none: None,
            onset_error: None,
        }
    }

    #[test]
    fn nothing_adds_up_to_nothing() {
        let calibration = add_up(&[], Vec::new());
        assert!(calibration.data_sets.is_empty() && calibration.all.rankings.is_empty() && calibration.all.onset.is_none());
        assert_eq!((calibration.all.reliability.brier, calibration.all.reliability.calibration_error), (None, None));
    }

    #[test]
    fn ranks_and_confidences_add_up() {
        let cases = [case("a", Some(1), &[(0.9, true), (0.1, false)]), case("b", Some(4), &[(0.6, false)]), case("c", None, &[])];
        let calibration = add_up(&cases, Vec::new());
        let all = &calibration.all;
        assert_eq!(all.rankings.len(), 1);
        assert_eq!(all.rankings[0].accuracy, [1.0 / 3.0, 1.0 / 3.0, 2.0 / 3.0]);
        assert!((all.rankings[0].reciprocal_rank - 1.25 / 3.0).abs() < 1e-12);
        assert_eq!((all.reliability.said(), all.first.said()), (3, 2));
        assert!((all.reliability.brier.unwrap() - (0.01 + 0.01 + 0.36) / 3.0).abs() < 1e-12);
        assert_eq!(calibration.misses.iter().map(|miss| (miss.1.as_str(), miss.3)).collect::<Vec<_>>(), [("b", Some(4)), ("c", None)]);
    }

    #[test]
    fn cases_are_named_by_the_folders_around_them() {
        let root = tempfile::tempdir().unwrap();
        for path in ["all/shop/one", "all/shop/two", "all/bank/one", "all/bank/one/inner", "all/empty"] {
            fs::create_dir_all(root.path().join(path)).unwrap();
            if !path.ends_with("empty") {
                fs::write(root.path().join(path).join(TRUTH), "{}").unwrap();
            }
        }
        let check = |paths: &[&str], expected: &[&str]| {
            let paths: Vec<PathBuf> = paths.iter().map(|path| root.path().join(path)).collect();
            let found: Vec<String> = find(&paths).unwrap().iter().map(|case| format!("{} {}", case.data_set, case.name)).collect();
            assert_eq!(found, expected);
        };
        check(&["all"], &["all/bank one", "all/shop one", "all/shop two"]);
        check(&["all/shop", "all/shop/one"], &["shop one", "shop two"]);
        check(&["all/bank/one"], &["bank one"]);
        assert_eq!(find(&[root.path().join("all/empty")]).err(), Some(CalibrateError::NoCases));
        assert!(matches!(find(&[root.path().join("none")]).err(), Some(CalibrateError::Folder(..))));
    }
}
