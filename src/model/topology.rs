//! Who calls whom.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::names::ServiceName;

/// A directed call graph. Iteration is in the order of names, so that reports do not depend on input order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Topology {
    callees: BTreeMap<ServiceName, BTreeSet<ServiceName>>,
    callers: BTreeMap<ServiceName, BTreeSet<ServiceName>>,
}

impl Topology {
    /// Adds the edge caller -> callee; a service that calls itself adds none.
    pub fn add(&mut self, caller: ServiceName, callee: ServiceName) {
        if caller != callee {
            self.callers.entry(callee.clone()).or_default().insert(caller.clone());
            self.callees.entry(caller).or_default().insert(callee);
        }
    }

    /// Whether no call is known.
    pub fn is_empty(&self) -> bool {
        self.callees.is_empty()
    }

    /// Whom a service calls.
    pub fn callees(&self, service: &ServiceName) -> impl Iterator<Item = &ServiceName> {
        self.callees.get(service).into_iter().flatten()
    }

    /// Who calls a service.
    pub fn callers(&self, service: &ServiceName) -> impl Iterator<Item = &ServiceName> {
        self.callers.get(service).into_iter().flatten()
    }

    /// Whether one service calls another directly.
    pub fn calls(&self, caller: &ServiceName, callee: &ServiceName) -> bool {
        self.callees.get(caller).is_some_and(|set| set.contains(callee))
    }

    /// Whether an edge names the service.
    pub fn contains(&self, service: &ServiceName) -> bool {
        self.callees.contains_key(service) || self.callers.contains_key(service)
    }

    /// All services that an edge names, sorted.
    pub fn services(&self) -> BTreeSet<&ServiceName> {
        self.callees.keys().chain(self.callers.keys()).collect()
    }

    /// Services that call others and are called by nobody: where users come in.
    pub fn entries(&self) -> impl Iterator<Item = &ServiceName> {
        self.callees.keys().filter(|s| !self.callers.contains_key(*s))
    }

    /// All edges, sorted.
    pub fn edges(&self) -> impl Iterator<Item = (&ServiceName, &ServiceName)> {
        self.callees.iter().flat_map(|(caller, set)| set.iter().map(move |callee| (caller, callee)))
    }

    /// Number of calls from `from` down to `to`; `None` when it cannot be reached.
    pub fn distance(&self, from: &ServiceName, to: &ServiceName) -> Option<usize> {
        let mut queue = VecDeque::from([(from, 0)]);
        let mut seen = BTreeSet::from([from]);
        while let Some((service, hops)) = queue.pop_front() {
            if service == to {
                return Some(hops);
            }
            queue.extend(self.callees(service).filter(|c| seen.insert(c)).map(|c| (c, hops + 1)));
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_distance_and_cycles() {
        let mut t = Topology::default();
        for (a, b) in [("web", "api"), ("api", "db"), ("db", "api"), ("api", "api")] {
            t.add(a.into(), b.into());
        }
        assert_eq!(t.entries().map(ServiceName::as_str).collect::<Vec<_>>(), ["web"]);
        assert_eq!(t.distance(&"web".into(), &"db".into()), Some(2));
        assert_eq!(t.distance(&"db".into(), &"web".into()), None);
    }
}
