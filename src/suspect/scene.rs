//! What is surveyed once, before anybody is suspected: surging messages, health, load, and where the blame comes to rest.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::blame::{self, Blame, Witnesses};
use super::health::{self, Health};
use super::load::{self, Load};
use super::surge::{self, Surge};
use super::vanished::{self, Vanished};
use super::{Case, down, flow, metrics, rollout};
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
    /// Services that wrote anything during the incident.
    pub writing: BTreeSet<ServiceName>,
    /// Messages that stopped, those missed most first.
    pub vanished: Vec<Vanished>,
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
    let mut outside = metrics::outside(&case.signals.metrics, span);
    // A target that does not answer its probe is as ill as can be.
    let probed = case.topology.services().into_iter().filter(|s| down::was_down(s, &case, quiet));
    outside.extend(probed.map(|s| (s.clone(), f64::MAX)).collect::<Vec<_>>());
    let inside = metrics::inside(&case.signals.metrics, span);
    let writing = writing(&case);
    let witnesses = Witnesses { surges: &surges, health: &health, outside: &outside, inside: &inside, writing: &writing };
    let blame = blame::walk(&case, &witnesses);
    let alarm = case.options.symptom.as_ref();
    Scene {
        old_words: old_words(&case, quiet),
        by_metrics: metrics::rank(&case.signals.metrics, case.topology, span, alarm),
        flow: flow::survey(&case),
        rollouts: rollout::weigh(&case.signals.metrics, case.topology, case.changes, span),
        case,
        quiet,
        writing,
        vanished: vanished::find(&case, quiet, &health),
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
        self.flow.is_some() && !self.blame.from_requests && !self.compares_versions()
    }

    /// Nothing at all is known of a service during the incident: no record, no request, no sample.
    pub fn is_dark(&self, service: &ServiceName) -> bool {
        let span = self.case.incident.span;
        let mut series = self.case.signals.metrics.iter().filter(|(key, _)| key.service == *service);
        !service.is_everything() && !self.writing.contains(service) && !series.any(|(_, points)| points.iter().any(|p| span.contains(p.0)))
    }

    /// Whether instances of two versions stand side by side in the metrics.
    pub fn compares_versions(&self) -> bool {
        self.rollouts.as_ref().is_some_and(|r| !r.scores.is_empty())
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

/// Services that wrote anything during the incident.
fn writing(case: &Case<'_>) -> BTreeSet<ServiceName> {
    let (tally, span) = (&case.signals.tally, case.incident.span);
    let wrote = tally.records.iter().filter(|(_, counts)| counts.within(span, tally.step) > 0).map(|(key, _)| key.service);
    let served = case.signals.outcomes.iter().filter(|(_, outcomes)| outcomes.totals(span).0 > 0.0).map(|(service, _)| service.clone());
    wrote.collect::<BTreeSet<_>>().into_iter().map(|s| ServiceName::new(tally.symbols.text(s))).chain(served).collect()
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
