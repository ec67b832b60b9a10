//! Instances that are the same slot under two names: a retired instance whose series goes on with its successor's values would count
//! the successor twice, once as old and once as new.
//!
//! It knows nothing of success or latency; equal processor time is proof enough.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Change, InstanceId, ServiceName, Time};

use super::telemetry::{Instance, Telemetry};

/// Service and old instance.
pub type Aliases<'m> = BTreeSet<(&'m ServiceName, &'m InstanceId)>;

/// Two exports of one number agree but for the last digits.
const RELATIVE_ERROR: f64 = 1e-9;
/// Samples of the two are paired within half a minute.
const BIN_SECONDS: f64 = 30.0;
/// Fewer pairs agree by chance where values are coarse.
const LEAST_COMMON: usize = 3;
/// Share of the pairs that must agree; one of them may have been exported while the other changed.
const LEAST_EQUAL: f64 = 0.8;

/// Old instances that copy a new one's processor time after its change.
pub fn find<'m, 'c>(telemetry: &Telemetry<'m>, changes: impl Iterator<Item = &'c Change>) -> Aliases<'m> {
    let mut aliases = Aliases::new();
    for change in changes {
        let listed = |id: &InstanceId| change.instances.contains(id);
        let new: Vec<_> =
            telemetry.instances_of(&change.service).filter(|(id, _)| listed(id)).map(|(_, i)| cpu_after(i, change.time)).collect();
        if new.is_empty() {
            continue;
        }
        for (service, id, instance) in telemetry.all_instances().filter(|(service, id, _)| **service == change.service && !listed(id)) {
            let old = cpu_after(instance, change.time);
            if new.iter().any(|n| is_copy(&old, n)) {
                aliases.insert((service, id));
            }
        }
    }
    aliases
}

/// Processor time by metric and bin; 0 means not running and equals every other 0.
fn cpu_after<'a>(instance: &'a Instance<'_>, start: Time) -> BTreeMap<(&'a str, i64), f64> {
    let mut binned = BTreeMap::new();
    for series in &instance.cpu {
        for (time, value) in series.points.iter().filter(|(t, v)| *t >= start && *v != 0.0) {
            binned.insert((series.metric.as_str(), (time.seconds() / BIN_SECONDS).floor() as i64), *value);
        }
    }
    binned
}

fn is_copy(old: &BTreeMap<(&str, i64), f64>, new: &BTreeMap<(&str, i64), f64>) -> bool {
    let pairs: Vec<(f64, f64)> = old.iter().filter_map(|(bin, v)| Some((*v, *new.get(bin)?))).collect();
    let equal: Vec<f64> = pairs.iter().filter(|(a, b)| (a - b).abs() <= RELATIVE_ERROR * a.abs()).map(|p| p.0).collect();
    // Two idle instances may both show the same few round numbers.
    let distinct: BTreeSet<u64> = equal.iter().map(|v| v.to_bits()).collect();
    distinct.len() >= LEAST_COMMON && equal.len() as f64 >= LEAST_EQUAL * pairs.len() as f64
}
