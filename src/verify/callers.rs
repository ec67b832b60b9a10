//! Harm that shows with those who call the changed service while its instances do not differ.
//!
//! Instances side by side say nothing of what a change does to all of them at once: by data that they share, or by an answer that is wrong
//! and leaves no trace where it is given. That is interference between units, which biases their difference towards none (Hudgens and
//! Halloran, "Toward causal inference with interference", JASA 103, 2008). So the failing share of callers is compared before and after as
//! well: without another change as near it is held against this one, and with one "not worse" would be more than is known.

use std::collections::BTreeSet;

use super::series::{failures, groups, sides};
use super::{Case, requests};
use crate::model::ServiceName;
use crate::model::verify::Check;
use crate::signal::class::{Class, meaning};

/// The failing shares of the services that reach the changed one: by their requests, else by their metrics.
pub fn check(case: &Case<'_>) -> Vec<Check> {
    let own = &case.change.service;
    let in_time = case.in_time();
    let reaches = |service: &&ServiceName| *service != own && case.topology.distance(service, own).is_some();
    let seen = case.signals.outcomes.keys().chain(case.signals.metrics.keys().map(|key| &key.service));
    let mut checks = Vec::new();
    for caller in seen.filter(reaches).collect::<BTreeSet<_>>() {
        match (case.has_outcomes(caller), case.sides.basis.is_concurrent()) {
            (true, true) => checks.extend(requests::check_failures(&in_time, caller)),
            // Before and after, the requests of callers are compared with those of the service.
            (true, false) => {}
            (false, _) => checks.extend(by_metrics(&in_time, caller)),
        }
    }
    checks
}

fn by_metrics(case: &Case<'_>, service: &ServiceName) -> Vec<Check> {
    let mut checks = Vec::new();
    for (group, series) in groups(case, service) {
        let (new, old) = sides(case, &series);
        let fails = meaning(group.metric.as_str()).filter(|says| says.class == Class::Errors && !says.outgoing);
        if let Some(says) = fails.filter(|_| !new.is_empty() && !old.is_empty()) {
            checks.extend(failures(case, &group, &says, (&new, &old)));
        }
    }
    checks
}
