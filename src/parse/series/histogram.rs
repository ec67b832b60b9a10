//! Buckets of a histogram -> quantiles over time.

use super::{Points, by_instant};

/// The quantiles that are kept, with the endings of their names.
pub const QUANTILES: [(f64, &str); 3] = [(0.5, "_p50"), (0.95, "_p95"), (0.99, "_p99")];

/// Quantiles of what was observed between successive samples, from series of (upper bound, observations at or below it by second).
/// Several series may share a bound: they are added up.
pub fn quantiles(buckets: &[(f64, Points)]) -> [Points; QUANTILES.len()] {
    let mut bounds: Vec<f64> = buckets.iter().map(|b| b.0).collect();
    bounds.sort_by(f64::total_cmp);
    bounds.dedup();
    let places: Vec<usize> = buckets.iter().map(|b| bounds.partition_point(|bound| *bound < b.0)).collect();
    let mut found: [Points; QUANTILES.len()] = Default::default();
    for (time, values) in by_instant(&buckets.iter().map(|b| &b.1).collect::<Vec<_>>()) {
        let mut cumulative: Vec<Option<f64>> = vec![None; bounds.len()];
        for (series, value) in values {
            *cumulative[places[series]].get_or_insert(0.0) += value;
        }
        let present: Vec<(f64, f64)> = bounds.iter().zip(cumulative).filter_map(|(bound, count)| Some((*bound, count?))).collect();
        for ((q, _), points) in QUANTILES.iter().zip(&mut found) {
            points.extend(quantile(*q, &present).map(|value| (time, value)));
        }
    }
    found
}

/// Linear interpolation inside the bucket that the quantile falls into, as Prometheus' `histogram_quantile` does: the lowest bucket begins at
/// zero where its bound is positive, and beyond the highest finite bound nothing is known but that bound. `None` without observations, or
/// without a bucket for all of them.
fn quantile(q: f64, cumulative: &[(f64, f64)]) -> Option<f64> {
    let (last, finite) = cumulative.split_last()?;
    if last.0 != f64::INFINITY || finite.is_empty() {
        return None;
    }
    let mut most = 0.0;
    // Scrapes are not atomic: a bound may have less than the one below it.
    let rising: Vec<(f64, f64)> = cumulative.iter().map(|(bound, count)| (*bound, max_of(&mut most, *count))).collect();
    if most <= 0.0 {
        return None;
    }
    let rank = q * most;
    let at = rising.partition_point(|b| b.1 < rank).min(finite.len());
    let (upper, count) = rising[at];
    if at == finite.len() {
        return Some(rising[at - 1].0);
    }
    let (lower, below) = if at > 0 { rising[at - 1] } else { (0.0, 0.0) };
    if (at == 0 && upper <= 0.0) || count <= below {
        return Some(upper);
    }
    Some(lower + (upper - lower) * (rank - below) / (count - below))
}

fn max_of(most: &mut f64, value: f64) -> f64 {
    *most = most.max(value);
    *most
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Time;

    #[test]
    fn interpolation_as_prometheus_does() {
        let inf = f64::INFINITY;
        let check = |q: f64, buckets: &[(f64, f64)], expected: Option<f64>| assert_eq!(quantile(q, buckets), expected, "{q} {buckets:?}");
        check(0.5, &[], None);
        check(0.5, &[(inf, 5.0)], None);
        check(0.5, &[(1.0, 5.0), (2.0, 5.0)], None);
        check(0.5, &[(1.0, 0.0), (inf, 0.0)], None);
        check(0.5, &[(1.0, 10.0), (inf, 10.0)], Some(0.5));
        check(0.5, &[(-1.0, 10.0), (inf, 10.0)], Some(-1.0));
        check(0.5, &[(0.1, 0.0), (0.2, 10.0), (inf, 10.0)], Some(0.15000000000000002));
        check(0.99, &[(0.1, 5.0), (0.2, 9.0), (inf, 10.0)], Some(0.2));
        check(0.5, &[(0.25, 6.0), (0.5, 5.0), (inf, 12.0)], Some(0.25));
    }

    #[test]
    fn series_of_one_bound_are_added() {
        let points = |value: f64| vec![(Time(1_000_000), value), (Time(11_000_000), 2.0 * value)];
        let buckets = [(1.0, points(5.0)), (1.0, points(5.0)), (2.0, points(20.0)), (f64::INFINITY, points(20.0))];
        let [p50, p95, _] = quantiles(&buckets);
        assert_eq!(p50.iter().map(|p| p.1).collect::<Vec<_>>(), [1.0, 1.0]);
        assert!(p95.iter().all(|p| (p.1 - 1.9).abs() < 1e-9), "{p95:?}");
    }
}
