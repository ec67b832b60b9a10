//! What could be wrong with each service, by resource, and how well that fits what was measured inside it and outside.

use std::collections::BTreeMap;

use super::ComponentScore;
use super::deviation::Deviation;
use super::graph::{Graph, Node, medians};
use crate::model::{Finding, MetricName};
use crate::signal::class::Class;
use crate::stats::median;

/// Failures of the kind that was not alarmed count a quarter: they may be another, smaller trouble.
const OTHER_KIND: f64 = 0.25;
/// What a service gains that accounts for all the alarmed damage.
const SHARE_BONUS: f64 = 3.0;
/// What a service loses that the alarmed one does not depend on.
const UNREACHED: f64 = 2.0;
/// Percent of its capacity from which a processor makes requests wait; below, it is work.
const SATURATED_PERCENT: f64 = 60.0;
/// Memory that rises by less than half of its level comes with a busy processor; a memory fault is above 0.7 in all recordings, a cpu fault
/// below 0.4.
const MEMORY_RISE: f64 = 0.5;
const MOST_MEMORY_FIT: f64 = 1.1;
/// The two ends of one measurement count as two pieces of evidence.
const GAP: f64 = 2.0;
const LOST: f64 = 3.0;
/// How much unusual work says of the code, against a saturated resource.
const MEMORY_WORK: f64 = 0.9;
const SYSCALL_WORK: f64 = 0.5;
const NETWORK_WORK: f64 = 0.3;
/// A series this many scales off is worth showing.
const SHOWN_Z: f64 = 1.0;
const SHOWN: usize = 3;

/// What speaks for a service, whichever of its resources it is.
struct Outside {
    /// Errors and latency that no callee explains.
    unexplained: f64,
    /// Bonus less penalty.
    standing: f64,
    lost_calls: f64,
}

/// What a service's own resources show.
struct Inside {
    strength: BTreeMap<Class, f64>,
    /// 1 where the processor is saturated or its capacity unknown.
    saturation: f64,
    /// As a share of the usual level.
    memory_rise: f64,
    /// Whether a processor or memory was measured at all.
    measured: bool,
}

/// All that was measured, by node.
struct Evidence<'e, 'm> {
    graph: &'e Graph<'m>,
    /// The series that describe each node as a whole, then those that its callers measured of it.
    series: Vec<Vec<&'e Deviation<'m>>>,
    seen_by_callers: Vec<Vec<&'e Deviation<'m>>>,
    /// Median quiet level over services, by metric of memory.
    usual_memory: BTreeMap<&'m MetricName, f64>,
}

/// The scores of every service's resources, in no order.
pub fn scores(graph: &Graph, deviations: &[Deviation]) -> Vec<ComponentScore> {
    let evidence = Evidence::new(graph, deviations);
    (0..graph.names.len()).flat_map(|node| evidence.scores(node)).collect()
}

impl<'e, 'm> Evidence<'e, 'm> {
    fn new(graph: &'e Graph<'m>, deviations: &'e [Deviation<'m>]) -> Self {
        let mut series = vec![Vec::new(); graph.names.len()];
        let mut seen_by_callers = vec![Vec::new(); graph.names.len()];
        for d in deviations {
            if let Some(node) = graph.subject(d) {
                series[node].push(d);
            } else if let Some(callee) = d.key.edge.as_ref().and_then(|(_, callee)| graph.node(callee)) {
                seen_by_callers[callee].push(d);
            }
        }
        let memory = deviations.iter().filter(|d| d.meaning.class == Class::Memory);
        let usual_memory = medians(memory.map(|d| (&d.key.metric, d.quiet)));
        Evidence { graph, series, seen_by_callers, usual_memory }
    }

    fn scores(&self, node: Node) -> Vec<ComponentScore> {
        let outside = self.outside(node);
        let fits = self.inside(node).fits(&outside, GAP * self.graph.network_gap(node));
        fits.into_iter().map(|(resource, fit)| self.component(node, resource, fit + outside.standing)).collect()
    }

    fn outside(&self, node: Node) -> Outside {
        let penalty = if self.graph.reached[node] { 0.0 } else { UNREACHED };
        let alarmed = self.graph.alarm.as_ref().and_then(|alarm| alarm.metrics.first().filter(|_| alarm.given));
        let seen = match alarmed {
            Some((kind, _)) => self.outside_by_alarm(node, *kind),
            None => self.outside_by_entry(node),
        };
        Outside { standing: seen.standing - penalty, ..seen }
    }

    /// The alarm says what hurts: all else counts as far as it accounts for that.
    fn outside_by_alarm(&self, node: Node, kind: Class) -> Outside {
        let other = if kind == Class::Errors { Class::Latency } else { Class::Errors };
        let share = self.graph.alarmed_share(node, kind).unwrap_or(1.0);
        let unexplained = share * (self.unexplained(node, kind) + OTHER_KIND * self.unexplained(node, other));
        let lost_calls = self.graph.lost_calls(node) * share * (1.0 - self.graph.explained(node, kind));
        Outside { unexplained, standing: self.bonus(node, kind), lost_calls }
    }

    /// Nobody said what hurts: where the entry service is off, its damage weighs what the others show of the same kind. The entry itself
    /// was chosen for being off and gains nothing by it.
    fn outside_by_entry(&self, node: Node) -> Outside {
        let weighed = |kind| self.unexplained(node, kind) * self.graph.alarmed_share(node, kind).unwrap_or(1.0);
        let unexplained = weighed(Class::Latency) + weighed(Class::Errors);
        let is_entry = self.graph.alarm.as_ref().is_some_and(|alarm| alarm.service == *self.graph.names[node]);
        let bonus = if is_entry { 0.0 } else { self.bonus(node, Class::Latency).max(self.bonus(node, Class::Errors)) };
        Outside { unexplained, standing: bonus, lost_calls: self.graph.lost_calls(node) }
    }

    /// What the node gains by accounting for the alarmed damage.
    fn bonus(&self, node: Node, kind: Class) -> f64 {
        let z = self.graph.z(node, kind).unwrap_or(0.0).max(0.0);
        let share = self.graph.alarmed_share(node, kind).unwrap_or(0.0);
        SHARE_BONUS * share * (1.0 - self.graph.explained(node, kind)) * z / (1.0 + z)
    }

    /// Errors or latency that no callee explains.
    fn unexplained(&self, node: Node, kind: Class) -> f64 {
        self.graph.strength(node, kind) * (1.0 - self.graph.explained(node, kind))
    }

    fn inside(&self, node: Node) -> Inside {
        let of = |class| self.series[node].iter().filter(move |d| d.meaning.class == class);
        let saturations: Vec<f64> = of(Class::Cpu).filter_map(|d| Some((d.high_percent()? / SATURATED_PERCENT).clamp(0.0, 1.0))).collect();
        let rises: Vec<f64> = of(Class::Memory).filter_map(|d| self.memory_rise(d)).collect();
        Inside {
            strength: Class::ALL.iter().map(|class| (*class, self.graph.strength(node, *class))).collect(),
            saturation: median(&saturations).unwrap_or(1.0),
            memory_rise: median(&rises).unwrap_or(0.0),
            measured: of(Class::Cpu).chain(of(Class::Memory)).next().is_some(),
        }
    }

    /// Rise over the quiet level or that of the same metric in the other services, whichever is larger.
    fn memory_rise(&self, d: &Deviation) -> Option<f64> {
        let level = d.quiet.max(*self.usual_memory.get(&d.key.metric)?);
        (level > 0.0).then(|| d.rise / level)
    }

    fn component(&self, node: Node, resource: &'static str, score: f64) -> ComponentScore {
        let behind = self.series_behind(node, resource);
        ComponentScore {
            service: self.graph.names[node].clone(),
            resource,
            score,
            instance: behind.iter().find_map(|d| d.key.instance.clone()),
            findings: behind.iter().take(SHOWN).map(|d| self.finding(node, d)).collect(),
        }
    }

    /// The series that moved and count towards the resource: its own first, then what users feel, strongest first.
    fn series_behind(&self, node: Node, resource: &str) -> Vec<&'e Deviation<'m>> {
        let own = classes_behind(resource);
        let rank = |d: &Deviation| !own.contains(&d.meaning.class);
        let callers = if resource == "network" { &self.seen_by_callers[node][..] } else { &[] };
        let counts = |d: &&&Deviation| d.z > SHOWN_Z && (own.contains(&d.meaning.class) || d.meaning.class.is_outside());
        let mut behind: Vec<&Deviation> = callers.iter().chain(&self.series[node]).filter(counts).copied().collect();
        behind.sort_by(|a, b| rank(a).cmp(&rank(b)).then(b.z.total_cmp(&a.z)).then(a.key.cmp(b.key)));
        behind
    }

    fn finding(&self, node: Node, d: &Deviation) -> Finding {
        let service = self.graph.names[node].clone();
        Finding::MetricShift { service, metric: d.key.metric.clone(), before: d.before, during: d.during, z: d.z }
    }
}

/// What is measured inside a service where that resource of it fails.
pub(super) fn classes_behind(resource: &str) -> &'static [Class] {
    match resource {
        "cpu" => &[Class::Cpu],
        "memory" => &[Class::Memory, Class::Cpu],
        "disk" => &[Class::Disk],
        "network" => &[Class::Latency],
        "code" => &[Class::Cpu, Class::Memory, Class::Syscalls, Class::Network],
        _ => &[Class::Other],
    }
}

impl Inside {
    fn of(&self, class: Class) -> f64 {
        self.strength.get(&class).copied().unwrap_or(0.0)
    }

    /// Each resource with how well it fits. A resource that did not move is none; code is the suspect of a service whose resources were
    /// measured and stayed quiet.
    fn fits(&self, outside: &Outside, gap: f64) -> Vec<(&'static str, f64)> {
        let together = |inside: f64| inside + outside.unexplained + inside.min(outside.unexplained);
        let work = self.unusual_work();
        let silent_on_calls = outside.lost_calls > 0.0;
        let candidates = [
            ("cpu", self.of(Class::Cpu) > 0.0, together(self.busy())),
            ("memory", self.of(Class::Memory) > 0.0, together(self.memory_fault())),
            ("disk", self.of(Class::Disk) > 0.0, together(self.of(Class::Disk))),
            ("network", gap > 0.0, gap),
            ("code", self.measured || work > 0.0 || silent_on_calls, together(work) + LOST * outside.lost_calls),
            ("unknown", true, together(self.of(Class::Other))),
        ];
        candidates.into_iter().filter(|(_, possible, _)| *possible).map(|(resource, _, fit)| (resource, fit)).collect()
    }

    /// A processor at 30 % of its capacity works, it does not make anything wait.
    fn busy(&self) -> f64 {
        self.of(Class::Cpu) * self.saturation
    }

    /// A memory hog burns cpu too; a cpu hog adds little memory.
    fn memory_fault(&self) -> f64 {
        let fit = (self.memory_rise / MEMORY_RISE).clamp(0.0, MOST_MEMORY_FIT);
        self.busy().max(self.of(Class::Memory)) * fit
    }

    /// Work that no saturated resource stands behind.
    fn unusual_work(&self) -> f64 {
        let small_memory =
            if self.memory_rise < MEMORY_RISE { MEMORY_WORK * self.of(Class::Memory) * (1.0 - self.busy().min(1.0)) } else { 0.0 };
        let idle_cpu = self.of(Class::Cpu) * (1.0 - self.saturation);
        idle_cpu.max(small_memory).max(SYSCALL_WORK * self.of(Class::Syscalls)).max(NETWORK_WORK * self.of(Class::Network))
    }
}
