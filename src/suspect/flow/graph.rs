//! Who calls whom: the known call graph, else what the traces show.

use std::collections::BTreeMap;

use super::{Epoch, Traces};
use crate::model::Topology;
use crate::template::Symbol;

/// A call must be seen in this many traces of the baseline.
const SEEN: usize = 3;

/// The given call graph; where there is none, an edge for every span whose first record directly follows another service's.
pub fn calls(traces: &Traces<'_>) -> Topology {
    if !traces.case.topology.is_empty() {
        return traces.case.topology.clone();
    }
    let mut seen: BTreeMap<(Symbol, Symbol), usize> = BTreeMap::new();
    for (_, steps) in traces.all.iter().filter(|t| t.0 == Epoch::Base) {
        let mut begun = std::collections::BTreeSet::new();
        let mut before = None;
        for step in *steps {
            let begins = begun.insert((step.service, step.span));
            if let Some(caller) = before.filter(|caller| begins && *caller != step.service) {
                *seen.entry((caller, step.service)).or_default() += 1;
            }
            before = Some(step.service);
        }
    }
    let mut graph = Topology::default();
    // A fast sibling follows the one before it as a callee would; what is seen mostly the other way round is no call.
    for (&(caller, callee), &count) in &seen {
        if count >= SEEN && count > seen.get(&(callee, caller)).copied().unwrap_or(0) {
            graph.add(traces.name(caller), traces.name(callee));
        }
    }
    graph
}
