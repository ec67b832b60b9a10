//! Which incident comes first, where several are shown.

use crate::model::Verdict;

/// Most failed requests first, then the strongest signal.
pub fn most_severe_first(verdicts: &[Verdict]) -> Vec<&Verdict> {
    let mut ordered: Vec<&Verdict> = verdicts.iter().collect();
    ordered.sort_by(|a, b| {
        let (a, b) = (&a.incident, &b.incident);
        b.impact.failed.cmp(&a.impact.failed).then(b.score.total_cmp(&a.score)).then(a.span.start.cmp(&b.span.start))
    });
    ordered
}
