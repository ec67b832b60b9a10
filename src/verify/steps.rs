//! Samples of metric series in steps that can be compared: several instances, scraped seconds apart, on one grid of time.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::Time;
use crate::stats::sequential::Share;
use crate::stats::{mean, median};

/// Seconds between samples where there is only one.
const USUAL_STEP: f64 = 60.0;
/// Samples nearer than this, in seconds, are one scrape.
const SAME_SCRAPE: f64 = 0.9;

/// What one side was measured at: the finite samples of each of its series (an instance has one), by time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Side(Vec<Vec<(Time, f64)>>);

impl Side {
    /// Adds the samples of one more series; those that are no numbers are left out.
    pub fn push(&mut self, points: impl Iterator<Item = (Time, f64)>) {
        let points: Vec<(Time, f64)> = points.filter(|p| p.1.is_finite()).collect();
        if !points.is_empty() {
            self.0.push(points);
        }
    }

    /// Whether nothing was measured.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All samples, series by series.
    pub fn values(&self) -> Vec<f64> {
        self.0.iter().flatten().map(|p| p.1).collect()
    }

    /// Mean of all samples; NaN without any.
    pub fn mean(&self) -> f64 {
        mean(&self.values()).unwrap_or(f64::NAN)
    }

    /// The mean of the series whose mean is largest.
    pub fn largest_mean(&self) -> Option<f64> {
        let means = self.0.iter().filter_map(|points| mean(&points.iter().map(|p| p.1).collect::<Vec<_>>()));
        means.reduce(f64::max)
    }

    /// The same samples on another scale; those without a value there are left out.
    #[must_use]
    pub fn map(&self, scale: impl Fn(f64) -> Option<f64>) -> Side {
        let mut mapped = Side::default();
        for points in &self.0 {
            mapped.push(points.iter().filter_map(|(time, value)| Some((*time, scale(*value)?))));
        }
        mapped
    }

    /// The samples whose time is wanted.
    #[must_use]
    pub fn at(&self, wanted: impl Fn(Time) -> bool) -> Side {
        let mut kept = Side::default();
        for points in &self.0 {
            kept.push(points.iter().filter(|p| wanted(p.0)).copied());
        }
        kept
    }
}

/// Equal steps of time, each round the samples of one scrape.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Grid {
    first: Time,
    step: f64,
}

impl Grid {
    /// A step is the usual distance of samples within a series, since other instances are scraped some seconds earlier or later.
    pub fn of(sides: &[&Side]) -> Grid {
        let series = || sides.iter().flat_map(|side| &side.0);
        let usual = |points: &Vec<(Time, f64)>| {
            let times: BTreeSet<Time> = points.iter().map(|p| p.0).collect();
            let times: Vec<Time> = times.into_iter().collect();
            let gaps: Vec<f64> = times.windows(2).map(|pair| pair[1] - pair[0]).filter(|gap| *gap >= SAME_SCRAPE).collect();
            median(&gaps)
        };
        let steps: Vec<f64> = series().filter_map(usual).collect();
        let first = series().flatten().map(|p| p.0).min().unwrap_or(Time(0));
        Grid { first, step: median(&steps).unwrap_or(USUAL_STEP).max(1.0) }
    }

    /// The step that a time is nearest to.
    pub fn step(&self, time: Time) -> i64 {
        ((time - self.first) / self.step).round() as i64
    }

    /// The mean of each series in each step.
    fn cells<'s>(&'s self, side: &'s Side) -> impl Iterator<Item = (i64, f64)> + 's {
        side.0.iter().flat_map(|points| {
            let mut steps: BTreeMap<i64, Vec<f64>> = BTreeMap::new();
            points.iter().for_each(|(time, value)| steps.entry(self.step(*time)).or_default().push(*value));
            steps.into_iter().filter_map(|(step, values)| mean(&values).map(|mean| (step, mean)))
        })
    }

    /// One value a step: the mean over the series that have one.
    pub fn means(&self, side: &Side) -> BTreeMap<i64, f64> {
        let mut steps: BTreeMap<i64, Vec<f64>> = BTreeMap::new();
        self.cells(side).for_each(|(step, value)| steps.entry(step).or_default().push(value));
        steps.into_iter().filter_map(|(step, values)| mean(&values).map(|mean| (step, mean))).collect()
    }

    /// Values between 0 and 1 as hits of trials, by step: each series is a trial.
    pub fn shares(&self, side: &Side) -> Vec<Share> {
        let mut steps: BTreeMap<i64, Share> = BTreeMap::new();
        for (step, value) in self.cells(side) {
            let share = steps.entry(step).or_default();
            *share = Share::new(share.hits + value.clamp(0.0, 1.0), share.of + 1.0);
        }
        steps.into_values().collect()
    }

    /// The steps in which anything was measured.
    pub fn steps(&self, side: &Side) -> BTreeSet<i64> {
        self.cells(side).map(|(step, _)| step).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn side(series: &[&[(i64, f64)]]) -> Side {
        let mut side = Side::default();
        series.iter().for_each(|points| side.push(points.iter().map(|(s, v)| (Time(s * 1_000_000), *v))));
        side
    }

    /// Trap: instances are scraped a second apart, and the second is no step.
    #[test]
    fn scrapes_a_second_apart_are_one_step() {
        let early: Vec<(i64, f64)> = (0..12).map(|i| (23 + 60 * i, 1.0)).collect();
        let late: Vec<(i64, f64)> = (0..12).map(|i| (24 + 60 * i + i % 2, 3.0)).collect();
        let (new, old) = (side(&[&early]), side(&[&late, &early]));
        let grid = Grid::of(&[&new, &old]);
        assert_eq!(grid.step, 60.0);
        assert_eq!((grid.means(&new).len(), grid.means(&old).len()), (12, 12));
        assert!(grid.means(&old).values().all(|mean| *mean == 2.0));
        assert_eq!(grid.steps(&new), grid.steps(&old));
    }

    #[test]
    fn each_series_is_a_trial_of_its_step() {
        let old = side(&[&[(0, 0.0), (60, 1.0)], &[(1, 0.5)], &[(2, f64::NAN)]]);
        let grid = Grid::of(&[&old]);
        assert_eq!(grid.shares(&old), [Share::new(0.5, 2.0), Share::new(1.0, 1.0)]);
        assert_eq!((old.largest_mean(), old.map(|_| None)), (Some(0.5), Side::default()));
    }
}
