//! What is found out about suspects: directions and numbers, neither prose nor weight.
//!
//! One table says of each kind of finding what it rests on, its word in JSON and its fields. What its fields hold decides by their
//! types what is redacted and what is cited. The report has its sentence, the verdict layer its weight.

use super::change::KeyEdit;
use super::family::EvidenceFamily;
use super::names::{ChangeId, ConfigKey, InstanceId, MetricName, ServiceName};
use super::rollout::RolloutFinding;
use super::vocabulary::{KeyRole, Symptom};

/// What came from outside: from logs, records of changes or configurations.
#[derive(Debug)]
pub enum Outside<'a> {
    Text(&'a mut String),
    Instance(&'a mut InstanceId),
    Edit(&'a mut KeyEdit),
}

/// What the type of a field says of it.
trait Field {
    /// Shows what came from outside.
    fn outside(&mut self, _: &mut dyn FnMut(Outside<'_>)) {}

    fn service(&self) -> Option<&ServiceName> {
        None
    }

    fn metric(&self) -> Option<&MetricName> {
        None
    }
}

/// Numbers, and words of our own or that a reader looks things up by.
macro_rules! stay {
    ($($kind:ty),* $(,)?) => { $(impl Field for $kind {})* };
}

stay!(f64, u64, usize, bool, (u64, u64), (&'static str, f64), ChangeId, ConfigKey, KeyRole, Symptom, Law, RolloutFinding);

impl Field for ServiceName {
    fn service(&self) -> Option<&ServiceName> {
        Some(self)
    }
}

impl Field for MetricName {
    fn metric(&self) -> Option<&MetricName> {
        Some(self)
    }
}

impl Field for String {
    fn outside(&mut self, show: &mut dyn FnMut(Outside<'_>)) {
        show(Outside::Text(self));
    }
}

impl Field for InstanceId {
    fn outside(&mut self, show: &mut dyn FnMut(Outside<'_>)) {
        show(Outside::Instance(self));
    }
}

impl Field for KeyEdit {
    fn outside(&mut self, show: &mut dyn FnMut(Outside<'_>)) {
        show(Outside::Edit(self));
    }
}

impl<T: Field> Field for Option<T> {
    fn outside(&mut self, show: &mut dyn FnMut(Outside<'_>)) {
        self.iter_mut().for_each(|field| field.outside(show));
    }
}

impl<T: Field> Field for Vec<T> {
    fn outside(&mut self, show: &mut dyn FnMut(Outside<'_>)) {
        self.iter_mut().for_each(|field| field.outside(show));
    }
}

/// Family, word in JSON, name and fields of each kind.
macro_rules! findings {
    ($($(#[doc = $doc:literal])* $family:ident $word:literal $kind:ident { $($field:ident: $type:ty),* $(,)? })*) => {
        /// What was found. Times in seconds, shares from 0 to 1, counts in records or requests.
        #[derive(Clone, Debug, PartialEq)]
        pub enum Finding {
            $($(#[doc = $doc])* $kind { $($field: $type),* },)*
        }

        impl Finding {
            /// The words of all kinds.
            pub const KINDS: &'static [&'static str] = &[$($word),*];

            /// The stable word that JSON has for it.
            pub fn kind(&self) -> &'static str {
                match self {
                    $(Finding::$kind { .. } => $word,)*
                }
            }

            /// The family that it belongs to.
            pub fn family(&self) -> EvidenceFamily {
                match self {
                    $(Finding::$kind { .. } => EvidenceFamily::$family,)*
                }
            }

            /// Shows everything in it that came from outside.
            pub fn outside(&mut self, show: &mut dyn FnMut(Outside<'_>)) {
                match self {
                    $(Finding::$kind { $($field),* } => {
                        $($field.outside(show);)*
                    })*
                }
            }

            fn fields(&self) -> Vec<(&'static str, &dyn Field)> {
                match self {
                    $(Finding::$kind { $($field),* } => vec![$((stringify!($field), $field as &dyn Field)),*],)*
                }
            }

            /// One of each kind, its fields as their types have them.
            #[cfg(test)]
            pub fn examples() -> Vec<Finding> {
                vec![$(Finding::$kind { $($field: example::Example::example()),* }),*]
            }
        }
    };
}

findings! {
    /// The failing calls of the incident, followed from caller to callee, end at this service with that share.
    Topology "blame" Blame { service: ServiceName, share: f64 }
    /// It began this many seconds before the onset (negative: after).
    Timing "order_in_time" Began { before_onset: f64 }
    /// The first symptom of the changed service came this long after the change.
    Timing "first_symptom" FirstSymptom { service: ServiceName, after: f64, text: String }
    /// After it, and before the harm, the service answered this many requests, of which so many failed; the share that failed in the incident.
    Timing "served_well" ServedWell { service: ServiceName, seconds: f64, requests: u64, failed: u64, share: f64 }
    /// A series of the service that was level before the change grew from it to the onset: median before, level at the onset, Kendall's tau.
    Timing "grew_since" GrewSince { service: ServiceName, metric: MetricName, seconds: f64, before: f64, at_onset: f64, tau: f64 }
    /// The edited value is a time of day or a schedule, and the harm began when it came round: seconds from then to the onset, and
    /// seconds between two such times.
    Timing "scheduled" Scheduled { edit: KeyEdit, after: f64, every: f64 }
    /// Records of trouble of the service in the `seconds` after the change, and in how many of as long windows at quiet times and after
    /// earlier changes there were as many.
    Placebo "placebo" Placebo { service: ServiceName, seconds: f64, records: u64, windows: usize, as_many: usize }
    /// A message that the service used to write all the time stopped: `expected` is what the quiet time predicts for the incident.
    Effect "vanished" Vanished { service: ServiceName, text: String, count: u64, expected: f64 }
    /// A message of the service surged: `expected` is what the quiet time predicts for the incident's length.
    /// `own`: the message names no callee.
    Effect "surge" Surge { service: ServiceName, text: String, count: u64, expected: f64, never_before: bool, symptom: Option<Symptom>, own: bool }
    /// A later change put it back and the incident ended `after` seconds later (negative: the end came first).
    Recovery "undone" Undone { by: ChangeId, after: f64, exact: bool }
    /// It was put back, and the symptoms went on.
    Recovery "undone_in_vain" UndoneInVain { by: ChangeId, lasted: f64 }
    /// The change was running for as long as the incident lasted.
    Recovery "ran_as_long" RanAsLong { seconds: f64, end_gap: f64 }
    /// Failing shares of the instances it touched and of those it did not.
    DoseResponse "instances" Instances {
        touched: Vec<InstanceId>,
        touched_failed: u64,
        touched_requests: u64,
        other_failed: u64,
        other_requests: u64,
    }
    /// What the edited key governs, and the symptom, if any, that its resource shows when it runs out: `direct` or as a consequence,
    /// with its share of the troubled records. `worse`: it was moved in the direction that hurts, by `factor` (new over old).
    Content "key_governs" KeyGoverns {
        edit: KeyEdit,
        role: KeyRole,
        symptom: Option<Symptom>,
        share: f64,
        direct: bool,
        worse: Option<bool>,
        factor: Option<f64>,
    }
    /// Little's law on the new value: `places` that are each held for `hold_s` carry `capacity_per_s`; `demand_per_s` arrived, so
    /// that share must be refused; `observed` is the share that failed.
    Content "capacity" Capacity { edit: KeyEdit, places: f64, hold_s: f64, capacity_per_s: f64, demand_per_s: f64, refused: f64, observed: f64 }
    /// What the new value makes happen by arithmetic on what was measured before, and what happened. `inputs` are named numbers.
    Content "predicted" Predicted { edit: KeyEdit, law: Law, predicted: f64, observed: f64, inputs: Vec<(&'static str, f64)> }
    /// What the instances of a staged roll-out show in the metrics.
    DoseResponse "rollout" Rollout { finding: RolloutFinding }
    /// The new value itself stands in a new message, beside a word of the key.
    Content "value_quoted" ValueQuoted { edit: KeyEdit, text: String }
    /// The key names the callee that the errors point at.
    Content "key_names_callee" KeyNamesCallee { edit: KeyEdit, callee: ServiceName, share: f64 }
    /// The edited keys govern nothing that the symptoms concern.
    Content "key_irrelevant" KeyIrrelevant { keys: Vec<ConfigKey> }
    /// Words of the diff that are new in the incident's messages, how many would be by chance, and how probable as many are by chance.
    Content "diff_words" DiffWords { words: Vec<String>, by_chance: f64, p: f64 }
    /// Files are created (or `removed`: deleted) as a whole, with so many settings, so that nothing shows that any of them was different before:
    /// all that the change does, or where the key stands of which so many other `pieces` of evidence are.
    Content "whole_file" WholeFile { edit: Option<KeyEdit>, pieces: u64, settings: u64, removed: bool }
    /// The migration's database shows the symptoms of a schema or lock change.
    Content "migration_symptom" MigrationSymptom { symptom: Symptom, table: Option<String> }
    /// The changed service stopped answering within minutes of the change.
    Effect "died_after" DiedAfter { service: ServiceName, after: f64 }
    /// Nobody points at it and it shows no symptom of its own.
    Health "no_symptom" NoSymptom { service: ServiceName, templates_tested: usize }
    /// Callers were refused, or the process was down or silent.
    Effect "down" Down { service: ServiceName, refused: u64, refused_share: f64, up_zero: bool, restarted: bool }
    /// A resource ran out, by messages of the component.
    Effect "exhausted" Exhausted { service: ServiceName, symptom: Symptom, count: u64 }
    /// Calls failed before they reached the service: its callers' messages say how.
    Effect "unreached" Unreached { service: ServiceName, symptom: Symptom, count: u64, callers: Vec<ServiceName> }
    /// A metric of the component moved: quiet median, median in the incident, robust z.
    Metrics "metric_shift" MetricShift { service: ServiceName, metric: MetricName, before: f64, during: f64, z: f64 }
    /// The ranking of components by metrics alone: its score, and by how much that exceeds the best other service's (negative: it is
    /// that far behind the best).
    Metrics "metric_rank" MetricRank { service: ServiceName, score: f64, margin: f64 }
    /// The ranking of services by the paths of traces: its score in nats, and by how much that exceeds the best other service's
    /// (negative: it is that far behind the best).
    Flow "flow_rank" FlowRank { service: ServiceName, score: f64, margin: f64 }
    /// Traces of the incident that are unusual at this service and at none below it, of all; the same of the baseline.
    Flow "left_path" LeftPath { service: ServiceName, traces: u64, of: u64, before: u64, before_of: u64 }
    /// A step inside the service that traces hardly took before: from an event (`None`: the beginning) to an event (`None`: the end);
    /// (taken, possible) times in the incident and in the baseline.
    Flow "odd_step" OddStep { service: ServiceName, from: Option<String>, to: Option<String>, during: (u64, u64), before: (u64, u64) }
    /// After this event of the caller the service used to write next and does not: (missing, possible) times.
    Flow "not_reached" NotReached { service: ServiceName, caller: ServiceName, from: String, during: (u64, u64), before: (u64, u64) }
    /// Between the service and these neighbours traces waited longer than before: slow gaps of all, and how much longer on average.
    Flow "slow_hops" SlowHops { service: ServiceName, neighbours: Vec<ServiceName>, slow: u64, of: u64, delay_ms: f64 }
    /// A resource ran full: usual median and peak in percent of its capacity.
    Metrics "saturated" Saturated { service: ServiceName, metric: MetricName, before: f64, peak: f64 }
    /// Requests arrived this many times as often as before.
    Load "load_rise" LoadRise { service: ServiceName, ratio: f64, before_per_s: f64, during_per_s: f64 }
    /// Requests arrived as often as before; a ratio of `detectable` would have counted as a rise.
    Load "load_flat" LoadFlat { service: ServiceName, ratio: f64, detectable: f64 }
    /// The component itself was as fast and as free of errors as before, over this many requests. `detectable`: the failing share that
    /// would have been seen with a power of 80 %.
    Health "healthy" Healthy { service: ServiceName, requests: u64, failed: u64, p50_before_ms: f64, p50_during_ms: f64, detectable: f64 }
    /// Lines of the component in the incident, none of them an error that is new. `detectable`: the number of errors that would have been
    /// seen with a power of 80 %.
    Health "clean_log" CleanLog { service: ServiceName, lines: u64, errors: u64, detectable: f64 }
    /// A metric of the component stayed in its quiet range: median before, largest in the incident. `detectable`: the level that would
    /// have counted as a rise.
    Health "metric_flat" MetricFlat { service: ServiceName, metric: MetricName, before: f64, peak: f64, detectable: f64 }
    /// The component changed shortly before, which explains what it shows.
    Timing "changed_recently" ChangedRecently { service: ServiceName, change: ChangeId }
    /// Its errors only repeat that a callee failed.
    Topology "victim" Victim { service: ServiceName, of: ServiceName, share: f64 }
}

impl Finding {
    /// The service that it is about.
    pub fn service(&self) -> Option<&ServiceName> {
        let fields = self.fields();
        fields.into_iter().find(|(name, _)| *name == "service").and_then(|(_, field)| field.service())
    }

    /// The metric that it was read from.
    pub fn metric(&self) -> Option<&MetricName> {
        self.fields().into_iter().find_map(|(_, field)| field.metric())
    }

    /// The smallest fault that the test behind a clearing finding would have seen, and its unit; `None` where nothing was tested for.
    pub fn detectable(&self) -> Option<(f64, &'static str)> {
        match self {
            Finding::Healthy { detectable, .. } => Some((*detectable, "failed_ratio")),
            Finding::CleanLog { detectable, .. } => Some((*detectable, "error_records")),
            Finding::MetricFlat { detectable, .. } => Some((*detectable, "value")),
            Finding::LoadFlat { detectable, .. } => Some((*detectable, "ratio_to_usual")),
            _ => None,
        }
    }
}

/// How a number in a configuration acts, for predictions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Law {
    /// The pool carries the load with room to spare: predicted is its utilisation, observed the failed share.
    Carries,
    /// Calls that took longer than the limit before: their share, and the share of calls that failed.
    TimeLimit,
    /// Requests beyond the rate are refused: their share, and the share that was refused.
    Rate,
    /// Calls for each request while calls fail: a ratio, and the measured one.
    Retries,
    /// All pools together against the server's connections: the share beyond the limit, and 1 where the server refused any.
    Connections,
    /// Heap over the container's limit: their ratio, and 1 where memory ran out.
    Heap,
    /// Misses of a cache whose entries live shorter: a ratio to the misses before, and the measured one.
    CacheTtl,
    /// The inner limit over the outer one: their ratio, and 1 where calls timed out.
    TimeoutChain,
}

#[cfg(test)]
mod example {
    use super::*;

    /// A value to try things on.
    pub trait Example {
        fn example() -> Self;
    }

    macro_rules! examples {
        ($($kind:ty: $value:expr),* $(,)?) => { $(impl Example for $kind { fn example() -> Self { $value } })* };
    }

    examples!(
        f64: 0.5, u64: 3, usize: 2, bool: true, ChangeId: "deploy-1".into(), ConfigKey: "db.pool.max_size".into(),
        ServiceName: "orders".into(), MetricName: "cpu".into(), InstanceId: "orders-1".into(), String: "no connection".to_owned(), KeyRole: KeyRole::Pool,
        Symptom: Symptom::LockWait, Law: Law::Rate, RolloutFinding: RolloutFinding::NotCalled, &'static str: "load",
        KeyEdit: KeyEdit { key: "db.pool.max_size".into(), before: Some("15".to_owned()), after: Some("1".to_owned()), origin: None },
    );

    impl<T: Example> Example for Option<T> {
        fn example() -> Self {
            Some(T::example())
        }
    }

    impl<T: Example> Example for Vec<T> {
        fn example() -> Self {
            vec![T::example()]
        }
    }

    impl<A: Example, B: Example> Example for (A, B) {
        fn example() -> Self {
            (A::example(), B::example())
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_kind_has_a_word_of_its_own() {
        let words: BTreeSet<&str> = Finding::KINDS.iter().copied().collect();
        assert_eq!(words.len(), Finding::KINDS.len());
        assert!(Finding::examples().iter().map(Finding::kind).eq(Finding::KINDS.iter().copied()));
    }

    #[test]
    fn what_came_from_outside_is_shown_and_names_are_not() {
        let seen = |mut finding: Finding| {
            let mut seen = Vec::new();
            finding.outside(&mut |outside| {
                seen.push(match outside {
                    Outside::Text(text) => text.clone(),
                    Outside::Instance(id) => id.to_string(),
                    Outside::Edit(edit) => edit.key.to_string(),
                });
            });
            seen
        };
        let quoted = Finding::ValueQuoted { edit: example::Example::example(), text: "limit of 1".to_owned() };
        assert_eq!(seen(quoted), ["db.pool.max_size", "limit of 1"]);
        assert_eq!(seen(Finding::DiffWords { words: vec!["a".to_owned(), "b".to_owned()], by_chance: 0.1, p: 0.01 }), ["a", "b"]);
        assert_eq!(
            seen(Finding::MetricFlat { service: "a".into(), metric: "cpu".into(), before: 1.0, peak: 2.0, detectable: 3.0 }),
            [""; 0]
        );
    }

    #[test]
    fn a_finding_says_what_it_is_about() {
        let victim = Finding::Victim { service: "web".into(), of: "db".into(), share: 1.0 };
        assert_eq!((victim.service().map(ServiceName::as_str), victim.metric()), (Some("web"), None));
        let callee = Finding::KeyNamesCallee { edit: example::Example::example(), callee: "db".into(), share: 1.0 };
        assert_eq!(callee.service(), None);
        let grew = Finding::GrewSince { service: "a".into(), metric: "rss".into(), seconds: 1.0, before: 1.0, at_onset: 2.0, tau: 0.9 };
        assert_eq!(grew.metric().map(MetricName::as_str), Some("rss"));
    }
}
