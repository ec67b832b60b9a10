//! What is surveyed once, before anybody is suspected: surging messages, health, load, and where the blame comes to rest.

use std::collections::{BTreeMap, HashSet};

use super::blame::{self, Blame};
use super::health::{self, Health};
use super::load::{self, Load};
use super::surge::{self, Surge};
use super::{Case, flow, metrics, rollout};
use crate::model::{ServiceName, Symptom, TimeSpan};
use crate::template::tokens;

/// A neighbour's blame counts for a change with this factor.
const NEIGHBOUR: f64 = 0.06;

/// The surveyed scene of one incident.
#[derive(Debug)]
pub struct Scene<'a> {
    pub case: Case<'a>,
    /// The time that the incident is compared with.
    pub quiet: TimeSpan,
    pub surges: Vec<Surge>,
    pub health: BTreeMap<ServiceName, Health>,
    /// Of the busiest entry service.
    pub load: Option<Load>,
    pub blame: Blame,
    /// Words that messages used before the incident.
    pub old_words: HashSet<String>,
    /// Components ranked by their metric series alone, best first.
    pub by_metrics: Vec<metrics::ComponentScore>,
    /// Services ranked by the paths of traces, where these say anything clearly.
    pub flow: Option<flow::FlowVerdict>,
    /// Staged roll-outs judged by old against new instances, where the metrics show them.
    pub rollouts: Option<rollout::RolloutVerdict>,
}

/// Surveys a case.
pub fn survey(case: Case<'_>) -> Scene<'_> {
    let span = case.incident.span;
    let quiet = surge::quiet_span(case.signals, span, case.options.baseline);
    let load = case.signals.entries.first().and_then(|s| load::measure(case.signals, s, quiet, span.start));
    let surges = surge::survey(&case, quiet, load.as_ref().map_or(1.0, |l| l.ratio));
    let health = health::survey(case.signals, quiet, span);
    let blame = blame::walk(&case, &surges, &health);
    let alarm = case.options.symptom.as_ref();
    Scene {
        old_words: old_words(&case, quiet),
        by_metrics: metrics::rank(&case.signals.metrics, case.topology, span, alarm),
        flow: flow::survey(&case),
        rollouts: rollout::weigh(&case.signals.metrics, case.topology, case.changes, span),
        case,
        quiet,
        surges,
        health,
        load,
        blame,
    }
}

impl Scene<'_> {
    /// A service's own share of the blame, and a little of the largest of its neighbours': a change shows at its callers, too. A
    /// change to everything has the largest of all.
    pub fn blame_around(&self, service: &ServiceName) -> f64 {
        if service.is_everything() {
            return self.blame.shares.values().fold(0.0, |a: f64, b| a.max(*b));
        }
        let topology = self.case.topology;
        let around = topology.callers(service).chain(topology.callees(service)).map(|s| self.blame.of(s)).fold(0.0, f64::max);
        self.blame.of(service) + NEIGHBOUR * around
    }

    /// Whether the paths of traces decide: blame that begins at surging messages alone is a guess, and blame that begins at failed
    /// requests, or a comparison of two versions, is not.
    pub fn flow_decides(&self) -> bool {
        let compared = self.rollouts.as_ref().is_some_and(|r| !r.scores.is_empty());
        self.flow.is_some() && !self.blame.from_requests && !compared
    }

    /// The troubled surges of a service, largest first.
    pub fn trouble_of<'s>(&'s self, service: &'s ServiceName) -> impl Iterator<Item = &'s Surge> {
        self.surges.iter().filter(move |s| s.service == *service && s.is_trouble())
    }

    /// The troubled surges of callers that point at a service.
    pub fn complaints_about<'s>(&'s self, service: &'s ServiceName) -> impl Iterator<Item = &'s Surge> {
        self.surges
            .iter()
            .filter(move |s| s.is_trouble() && matches!(&s.pointer, surge::Pointer::Callee { service: callee, .. } if callee == service))
    }

    /// The share that each symptom has of the troubled records in which a service complains about one callee.
    pub fn symptoms_between(&self, service: &ServiceName, callee: &ServiceName) -> Vec<(Symptom, f64)> {
        shares(self.complaints_about(callee).filter(|s| s.service == *service))
    }

    /// The share that each symptom has of the troubled records of a service and of those that point at it, largest first.
    pub fn symptoms_around(&self, service: &ServiceName) -> Vec<(Symptom, f64)> {
        shares(self.trouble_of(service).chain(self.complaints_about(service)))
    }
}

fn shares<'s>(surges: impl Iterator<Item = &'s Surge>) -> Vec<(Symptom, f64)> {
    let mut counts: BTreeMap<Symptom, f64> = BTreeMap::new();
    let mut all = 0.0;
    for surge in surges {
        all += surge.count as f64;
        if let Some(symptom) = surge.symptom {
            *counts.entry(symptom).or_default() += surge.count as f64;
        }
    }
    let mut shares: Vec<(Symptom, f64)> = counts.into_iter().map(|(s, n)| (s, n / all)).collect();
    shares.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    shares
}

fn old_words(case: &Case<'_>, quiet: TimeSpan) -> HashSet<String> {
    let mut words = HashSet::new();
    for counts in case.signals.tally.records.values().filter(|c| c.first < quiet.end) {
        for exemplar in counts.exemplars.iter().filter(|e| e.time < quiet.end) {
            words.extend(tokens::words(&exemplar.text));
        }
    }
    words
}
