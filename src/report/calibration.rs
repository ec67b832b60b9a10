//! Scores on cases with known truth: as tables for people, as JSON for scripts.
//!
//! Nothing is added up here; shares and errors come as the model has them.

use comfy_table::{CellAlignment, Table, presets};
use serde::Serialize;

use crate::model::calibration::{Calibration, HeldOut, OnsetError, Ranking, Reliability, ReliabilityBin, Scores};
use crate::report::text::{duration, percent, sanitize, to_ascii};
use crate::report::{Format, View, escape_markdown};

/// What the scores of all cases together are called.
const ALL: &str = "all";
const NO_VALUE: &str = "-";

/// The whole report, with a final newline.
pub fn render(calibration: &Calibration, format: Format, view: &View) -> String {
    let text = match format {
        Format::Json => return json(calibration),
        Format::Markdown => document(calibration, "## ", &|rows| markdown_table(rows), &escape_markdown),
        Format::Terminal => document(calibration, "", &|rows| plain_table(rows), &str::to_owned),
    };
    if view.unicode || format == Format::Markdown { text } else { to_ascii(&text) }
}

type Rows = Vec<Vec<String>>;

fn document(calibration: &Calibration, heading: &str, table: &dyn Fn(&Rows) -> String, escape: &dyn Fn(&str) -> String) -> String {
    let groups = groups(calibration, escape);
    let mut out = String::new();
    for (title, rows) in [
        ("Ranking", ranking_rows(&groups)),
        ("Cases", case_rows(&groups)),
        ("Confidence", confidence_rows(&groups)),
        ("Reliability of all causes said", reliability_rows(&groups)),
        ("Confidences as the other data sets would have them", held_out_rows(calibration, escape)),
        ("First answer wrong", miss_rows(calibration, escape)),
        ("Not analysed or not comparable", failure_rows(calibration, escape)),
    ] {
        if rows.len() > 1 {
            out.push_str(&format!("{heading}{title}\n\n{}\n", table(&rows)));
        }
    }
    out.trim_end().to_owned() + "\n"
}

/// Each data set, and all together where there is more than one.
fn groups<'c>(calibration: &'c Calibration, escape: &dyn Fn(&str) -> String) -> Vec<(String, &'c Scores)> {
    let mut groups: Vec<_> = calibration.data_sets.iter().map(|(name, scores)| (escape(&sanitize(name)), scores)).collect();
    if groups.len() > 1 {
        groups.push((ALL.to_owned(), &calibration.all));
    }
    groups
}

fn header<const N: usize>(titles: [&str; N]) -> Rows {
    vec![titles.map(str::to_owned).to_vec()]
}

fn decimal(value: f64) -> String {
    format!("{value:.3}")
}

fn optional(value: Option<f64>) -> String {
    value.map_or(NO_VALUE.to_owned(), decimal)
}

fn ranking_rows(groups: &[(String, &Scores)]) -> Rows {
    let mut rows = header(["data set", "level", "cases", "AC@1", "AC@3", "AC@5", "MRR"]);
    for (name, ranking) in groups.iter().flat_map(|(name, scores)| scores.rankings.iter().map(move |ranking| (name, ranking))) {
        let mut row = vec![name.clone(), ranking.level.name().to_owned(), ranking.cases.to_string()];
        row.extend(ranking.accuracy.iter().chain([&ranking.reciprocal_rank]).map(|share| decimal(*share)));
        rows.push(row);
    }
    rows
}

fn case_rows(groups: &[(String, &Scores)]) -> Rows {
    let mut rows = header(["data set", "cases", "quiet right", "onset median", "worst", "within 30 s"]);
    for (name, scores) in groups {
        let quiet = if scores.quiet_cases > 0 { of(scores.quiet_right, scores.quiet_cases) } else { NO_VALUE.to_owned() };
        let onset = scores.onset.map_or([NO_VALUE; 3].map(str::to_owned), |o| [duration(o.median), duration(o.worst), of(o.near, o.cases)]);
        rows.push([vec![name.clone(), scores.cases.to_string(), quiet], onset.to_vec()].concat());
    }
    rows
}

fn of(part: usize, whole: usize) -> String {
    format!("{part} of {whole}")
}

fn confidence_rows(groups: &[(String, &Scores)]) -> Rows {
    let mut rows = header(["data set", "answers", "said", "Brier", "calibration error"]);
    for (name, scores) in groups {
        for (which, reliability) in [("all causes", &scores.reliability), ("first", &scores.first)] {
            let said = reliability.said().to_string();
            rows.push(vec![name.clone(), which.to_owned(), said, optional(reliability.brier), optional(reliability.calibration_error)]);
        }
    }
    rows
}

fn reliability_rows(groups: &[(String, &Scores)]) -> Rows {
    let mut rows = header(["data set", "confidence", "said", "mean", "right", "95 % interval"]);
    for (name, scores) in groups {
        for bin in scores.reliability.bins.iter().filter(|bin| bin.said > 0) {
            rows.push(vec![
                name.clone(),
                format!("{:.1}-{:.1}", bin.from, bin.to),
                bin.said.to_string(),
                percent(bin.mean),
                percent(share(bin)),
                format!("{:.0}-{:.0} %", bin.interval.0 * 100.0, bin.interval.1 * 100.0),
            ]);
        }
    }
    rows
}

fn share(bin: &ReliabilityBin) -> f64 {
    bin.right as f64 / bin.said.max(1) as f64
}

/// As said, then with the sharpening that was fitted on all other data sets; last the fit on all.
fn held_out_rows(calibration: &Calibration, escape: &dyn Fn(&str) -> String) -> Rows {
    let mut rows = header(["data set", "power", "factor of none", "log loss said", "refitted", "Brier said", "refitted"]);
    for row in &calibration.held_out {
        let numbers = [row.fitted.power, row.fitted.none, row.log_loss.0, row.log_loss.1, row.brier.0, row.brier.1];
        rows.push([vec![escape(&sanitize(&row.data_set))], numbers.map(decimal).to_vec()].concat());
    }
    if let Some(fitted) = calibration.fitted {
        let blank = [NO_VALUE; 4].map(str::to_owned).to_vec();
        rows.push([vec![ALL.to_owned(), decimal(fitted.power), decimal(fitted.none)], blank].concat());
    }
    rows
}

fn miss_rows(calibration: &Calibration, escape: &dyn Fn(&str) -> String) -> Rows {
    let mut rows = header(["data set", "case", "level", "rank of the truth"]);
    for (data_set, case, level, rank) in &calibration.misses {
        let rank = rank.map_or("absent".to_owned(), |rank| rank.to_string());
        rows.push(vec![escape(&sanitize(data_set)), escape(&sanitize(case)), level.name().to_owned(), rank]);
    }
    rows
}

fn failure_rows(calibration: &Calibration, escape: &dyn Fn(&str) -> String) -> Rows {
    let mut rows = header(["case", "reason"]);
    rows.extend(calibration.failures.iter().map(|(case, why)| vec![escape(&sanitize(case)), escape(&sanitize(why))]));
    rows
}

fn plain_table(rows: &Rows) -> String {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    rows.iter().for_each(|row| {
        table.add_row(row);
    });
    for column in table.column_iter_mut().skip(2) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table.to_string().lines().map(|line| line.trim_end().to_owned() + "\n").collect()
}

fn markdown_table(rows: &Rows) -> String {
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let columns = rows.first().map_or(0, Vec::len);
    let rule: Vec<String> = (0..columns).map(|i| if i < 2 { "---" } else { "--:" }.to_owned()).collect();
    rows.iter().take(1).map(Vec::as_slice).chain([&rule[..]]).chain(rows.iter().skip(1).map(Vec::as_slice)).map(line).collect()
}

#[derive(Serialize)]
struct DocumentView<'c> {
    schema_version: u32,
    data_sets: Vec<ScoresView<'c>>,
    all: ScoresView<'c>,
    held_out: Vec<HeldOutView<'c>>,
    misses: Vec<MissView<'c>>,
    failures: Vec<FailureView<'c>>,
}

#[derive(Serialize)]
struct ScoresView<'c> {
    data_set: Option<&'c str>,
    cases: usize,
    rankings: Vec<RankingView>,
    quiet_cases: usize,
    quiet_right: usize,
    onset_error_seconds: Option<OnsetView>,
    all_causes: ReliabilityView,
    first_answers: ReliabilityView,
}

#[derive(Serialize)]
struct RankingView {
    level: &'static str,
    cases: usize,
    ac_at_1: f64,
    ac_at_3: f64,
    ac_at_5: f64,
    mrr: f64,
}

#[derive(Serialize)]
struct OnsetView {
    cases: usize,
    median: f64,
    worst: f64,
    within_30: usize,
}

#[derive(Serialize)]
struct ReliabilityView {
    said: usize,
    brier: Option<f64>,
    calibration_error: Option<f64>,
    bins: Vec<BinView>,
}

#[derive(Serialize)]
struct BinView {
    from: f64,
    to: f64,
    said: usize,
    right: usize,
    mean_confidence: f64,
    interval_95: (f64, f64),
}

#[derive(Serialize)]
struct HeldOutView<'c> {
    data_set: &'c str,
    power: f64,
    factor_of_none: f64,
    log_loss: (f64, f64),
    brier: (f64, f64),
}

#[derive(Serialize)]
struct MissView<'c> {
    data_set: &'c str,
    case: &'c str,
    level: &'static str,
    rank: Option<usize>,
}

#[derive(Serialize)]
struct FailureView<'c> {
    case: &'c str,
    reason: &'c str,
}

fn json(calibration: &Calibration) -> String {
    let misses =
        calibration.misses.iter().map(|(data_set, case, level, rank)| MissView { data_set, case, level: level.name(), rank: *rank });
    let document = DocumentView {
        schema_version: 1,
        data_sets: calibration.data_sets.iter().map(|(name, scores)| scores_view(Some(name), scores)).collect(),
        all: scores_view(None, &calibration.all),
        held_out: calibration.held_out.iter().map(HeldOutView::from).collect(),
        misses: misses.collect(),
        failures: calibration.failures.iter().map(|(case, reason)| FailureView { case, reason }).collect(),
    };
    crate::report::json_document(&document)
}

fn scores_view<'c>(data_set: Option<&'c str>, scores: &Scores) -> ScoresView<'c> {
    ScoresView {
        data_set,
        cases: scores.cases,
        rankings: scores.rankings.iter().map(RankingView::from).collect(),
        quiet_cases: scores.quiet_cases,
        quiet_right: scores.quiet_right,
        onset_error_seconds: scores.onset.as_ref().map(OnsetView::from),
        all_causes: ReliabilityView::from(&scores.reliability),
        first_answers: ReliabilityView::from(&scores.first),
    }
}

impl<'c> From<&'c HeldOut> for HeldOutView<'c> {
    fn from(row: &'c HeldOut) -> Self {
        let HeldOut { data_set, fitted, log_loss, brier } = row;
        HeldOutView { data_set, power: fitted.power, factor_of_none: fitted.none, log_loss: *log_loss, brier: *brier }
    }
}

impl From<&Ranking> for RankingView {
    fn from(ranking: &Ranking) -> Self {
        let [ac_at_1, ac_at_3, ac_at_5] = ranking.accuracy;
        RankingView { level: ranking.level.name(), cases: ranking.cases, ac_at_1, ac_at_3, ac_at_5, mrr: ranking.reciprocal_rank }
    }
}

impl From<&OnsetError> for OnsetView {
    fn from(onset: &OnsetError) -> Self {
        OnsetView { cases: onset.cases, median: onset.median, worst: onset.worst, within_30: onset.near }
    }
}

impl From<&Reliability> for ReliabilityView {
    fn from(reliability: &Reliability) -> Self {
        let bin = |bin: &ReliabilityBin| BinView {
            from: bin.from,
            to: bin.to,
            said: bin.said,
            right: bin.right,
            mean_confidence: bin.mean,
            interval_95: bin.interval,
        };
        ReliabilityView {
            said: reliability.said(),
            brier: reliability.brier,
            calibration_error: reliability.calibration_error,
            bins: reliability.bins.iter().map(bin).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::calibration::MatchLevel;

    fn calibration() -> Calibration {
        let bin = ReliabilityBin { from: 0.9, to: 1.0, said: 4, right: 3, mean: 0.95, interval: (0.3, 0.95) };
        let reliability = Reliability { bins: vec![bin], brier: Some(0.2), calibration_error: Some(0.2) };
        let ranking = Ranking { level: MatchLevel::Change, cases: 4, accuracy: [0.75, 1.0, 1.0], reciprocal_rank: 0.875 };
        let scores = Scores { cases: 4, rankings: vec![ranking], reliability, ..Scores::default() };
        Calibration {
            data_sets: vec![("a|b\u{1b}[31m".to_owned(), scores.clone())],
            all: scores,
            held_out: Vec::new(),
            fitted: None,
            misses: vec![("a|b".to_owned(), "c".to_owned(), MatchLevel::Change, None)],
            failures: Vec::new(),
        }
    }

    #[test]
    fn every_form_tells_the_same_and_none_acts_on_a_terminal() {
        for (format, parts) in [
            (Format::Terminal, ["Ranking", "0.750", "30-95 %", "absent"]),
            (Format::Markdown, ["## Ranking", "| 0.750 |", "| 30-95 % |", "a\\|b"]),
            (Format::Json, ["\"ac_at_1\": 0.75", "\"right\": 3", "\"rank\": null", "\"schema_version\": 1"]),
        ] {
            let text = render(&calibration(), format, &View::default());
            parts.iter().for_each(|part| assert!(text.contains(part), "{part} is missing in {text}"));
            assert!(!text.contains('\u{1b}') && text.ends_with('\n'), "{text:?}");
        }
    }

    #[test]
    fn empty_tables_are_not_shown() {
        let text = render(&Calibration::default(), Format::Terminal, &View::default());
        assert_eq!(text, "\n");
    }
}
