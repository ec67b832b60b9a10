//! The incident's signal as a row of bars, with marks on the same axis.
//!
//! It shows the incident and its surroundings, not the whole recording: in a day a minute would be one column.

use crate::model::{Cause, Incident, Time, TimeSpan};
use crate::report::bars;
use crate::report::text::{duration, number, sanitize, shorten, width};

/// Widest name of a mark.
const MARK_WIDTH: usize = 26;

/// A mark further from the incident than this many of its lengths is named at the margin.
const FARTHEST: f64 = 10.0;

/// Bars and the rows beneath them, ready to be indented.
#[derive(Clone, Debug, PartialEq)]
pub struct Drawing {
    /// Before, during and after the incident.
    pub bars: [String; 3],
    pub rows: Vec<String>,
    /// `peak 14.2 failed requests/s`.
    pub peak: String,
}

/// The part of the recording that is drawn and how.
struct Axis {
    start: Time,
    step: f64,
    /// Values shown.
    values: usize,
    columns: usize,
}

impl Axis {
    fn column(&self, time: Time) -> usize {
        let index = ((time - self.start) / self.step).floor().clamp(0.0, (self.values - 1) as f64) as usize;
        index * self.columns / self.values
    }

    fn end(&self) -> Time {
        self.start.plus_seconds(self.step * self.values as f64)
    }
}

/// Draws the signal in at most `columns`; `None` where there is no signal.
pub fn draw(incident: &Incident, cause: Option<&Cause>, columns: usize, unicode: bool) -> Option<Drawing> {
    let line = &incident.sparkline;
    let step = line.step?.seconds();
    let marks = marks(cause);
    let (first, last) = section(incident, &marks, step)?;
    let shown = &line.values[first..last];
    let axis = Axis {
        start: line.start.plus_seconds(step * first as f64),
        step,
        values: shown.len(),
        columns: if shown.len() > columns { columns } else { shown.len() * (columns / shown.len()).min(8) },
    };
    let heights: Vec<f64> = (0..axis.columns).map(|c| highest(shown, c, axis.columns)).collect();
    let bars = bars::row(&heights, unicode);
    let from = axis.column(incident.span.start);
    let to = (axis.column(incident.span.end.plus_seconds(-1e-6)) + 1).max(from + 1).min(axis.columns);
    let peak = heights.iter().copied().filter(|v| v.is_finite()).fold(f64::NEG_INFINITY, f64::max);
    let part = |range: std::ops::Range<usize>| bars[range].iter().collect::<String>();
    Some(Drawing {
        bars: [part(0..from), part(from..to), part(to..axis.columns)],
        rows: rows(&axis, &marks),
        peak: format!("peak {} {}", number(peak), shorten(&sanitize(&line.unit), 40)),
    })
}

/// The change held responsible and what undid it, as (time, sign, name).
fn marks(cause: Option<&Cause>) -> Vec<(Time, char, String)> {
    let name = |id: &str| shorten(&sanitize(id), MARK_WIDTH);
    let change = cause.and_then(|c| c.change.as_ref()).map(|c| (c.time, '▲', name(c.id.as_str())));
    let undone = cause.and_then(|c| c.undone_by.as_ref()).map(|c| (c.time, '▼', name(c.id.as_str())));
    change.into_iter().chain(undone).collect()
}

/// First and last value to show: the incident with room around it, and the marks near it.
fn section(incident: &Incident, marks: &[(Time, char, String)], step: f64) -> Option<(usize, usize)> {
    let line = &incident.sparkline;
    let length = incident.span.seconds().max(step * 8.0);
    let near = TimeSpan::new(incident.span.start.plus_seconds(-length * FARTHEST), incident.span.end.plus_seconds(length * FARTHEST));
    let mut from = incident.span.start.plus_seconds(-length * 2.0);
    let mut to = incident.span.end.plus_seconds(length);
    for (time, ..) in marks.iter().filter(|(time, ..)| near.contains(*time)) {
        from = from.min(time.plus_seconds(-length * 0.5));
        to = to.max(time.plus_seconds(length * 0.5));
    }
    let index = |time: Time| ((time - line.start) / step).clamp(0.0, line.values.len() as f64);
    let (first, last) = (index(from).floor() as usize, index(to).ceil() as usize);
    (first < last).then_some((first, last))
}

/// The highest value of a column, so that no short peak is lost.
fn highest(values: &[f64], column: usize, columns: usize) -> f64 {
    let from = column * values.len() / columns;
    let to = ((column + 1) * values.len() / columns).clamp(from + 1, values.len());
    values[from..to].iter().copied().filter(|v| v.is_finite()).fold(f64::NAN, f64::max)
}

/// Marks and the times at both ends, in as few rows as they fit without touching.
fn rows(axis: &Axis, marks: &[(Time, char, String)]) -> Vec<String> {
    let mut rows: Vec<Vec<(usize, String)>> = Vec::new();
    for (time, sign, name) in marks {
        let column = axis.column(*time);
        let (before, after) = match () {
            () if *time < axis.start => (format!("◀ {name}, {} earlier", duration(axis.start - *time)), String::new()),
            () if *time >= axis.end() => (String::new(), format!("{name}, {} later ▶", duration(*time - axis.end()))),
            () => (format!("{sign} {name}"), format!("{name} {sign}")),
        };
        let right = (!before.is_empty() && column + width(&before) <= axis.columns).then(|| (column, before.clone()));
        let left = (!after.is_empty() && column + 1 >= width(&after)).then(|| (column + 1 - width(&after), after));
        place(&mut rows, right.or(left).unwrap_or((0, shorten(&before, axis.columns))));
    }
    let end = axis.end().clock();
    let ends = [(0, axis.start.clock()), (axis.columns.saturating_sub(end.len()), end)];
    if axis.columns >= 20 {
        place_ends(&mut rows, ends);
    }
    rows.into_iter().map(row_text).collect()
}

fn place(rows: &mut Vec<Vec<(usize, String)>>, label: (usize, String)) {
    let fits = |row: &&mut Vec<(usize, String)>| row.iter().all(|other| apart(other, &label));
    match rows.iter_mut().find(fits) {
        Some(row) => row.push(label),
        None => rows.push(vec![label]),
    }
}

/// The times at both ends are worth no row of their own beside marks.
fn place_ends(rows: &mut Vec<Vec<(usize, String)>>, ends: [(usize, String); 2]) {
    if rows.is_empty() {
        rows.push(Vec::new());
    }
    for end in ends {
        if let Some(row) = rows.iter_mut().find(|row| row.iter().all(|other| apart(other, &end))) {
            row.push(end);
        }
    }
}

fn apart(a: &(usize, String), b: &(usize, String)) -> bool {
    a.0 + width(&a.1) + 1 < b.0 || b.0 + width(&b.1) + 1 < a.0
}

fn row_text(mut row: Vec<(usize, String)>) -> String {
    row.sort();
    row.iter().fold(String::new(), |mut out, (column, label)| {
        out.push_str(&" ".repeat(column.saturating_sub(width(&out))));
        out.push_str(label);
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Sparkline;
    use crate::report::samples;

    fn drawn(values: Vec<f64>, columns: usize) -> Option<Drawing> {
        let mut incident = samples::rich().verdicts.remove(0).incident;
        incident.sparkline = Sparkline { values, ..incident.sparkline };
        draw(&incident, None, columns, true)
    }

    #[test]
    fn edges_of_the_signal() {
        assert_eq!(drawn(Vec::new(), 60), None);
        assert_eq!(drawn(vec![1.0; 3], 60), None, "the recording ends before the incident");
        for values in [vec![0.0; 300], vec![f64::NAN; 300], vec![5.0; 300], vec![-3.0; 300], vec![f64::INFINITY; 300]] {
            for columns in [1, 7, 60, 400] {
                let drawing = drawn(values.clone(), columns).expect("drawn");
                assert!(drawing.bars.iter().map(|b| width(b)).sum::<usize>() <= columns);
            }
        }
    }

    #[test]
    fn a_short_peak_survives_narrowing() {
        let mut values = vec![0.0; 300];
        values[180] = 9.0;
        let drawing = drawn(values, 12).unwrap();
        assert_eq!(drawing.bars.concat().matches('█').count(), 1);
        assert!(drawing.peak.starts_with("peak 9 "));
    }

    #[test]
    fn marks_stand_under_their_time_and_never_touch() {
        let verdict = samples::rich().verdicts.remove(0);
        for columns in [30, 56, 76, 96] {
            let drawing = draw(&verdict.incident, verdict.causes.first(), columns, true).unwrap();
            let all = drawing.rows.join("\n");
            assert!(all.contains("deploy-310") && all.contains("rollback-311"), "{all}");
            assert!(drawing.rows.iter().all(|r| width(r) <= columns), "{all}");
        }
    }
}
