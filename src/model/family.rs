//! Families of evidence: findings that rest on the same kind of observation, so that one can be left out to see what it is worth.
//!
//! Knows no weight; leaving a family out is done where findings are weighed.

/// What a finding rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EvidenceFamily {
    /// The order in time of change, first symptom and incident.
    Timing,
    /// What happened when the change was put back or ran out.
    Recovery,
    /// Instances with the change against instances without it.
    DoseResponse,
    /// Failing calls followed along the call graph.
    Topology,
    /// What the suspect itself shows: new messages, exhaustion, being down.
    Effect,
    /// What was edited against what failed.
    Content,
    /// Signs that a suspect is well, which speak against it.
    Health,
    /// The same statistic at earlier changes and at quiet times.
    Placebo,
    /// Metric series and the ranking by them.
    Metrics,
    /// Paths of requests through traces and the ranking by them.
    Flow,
    /// Requests that arrived.
    Load,
}

impl EvidenceFamily {
    /// All families, in the order of tables.
    pub const ALL: [EvidenceFamily; 11] = [
        EvidenceFamily::Timing,
        EvidenceFamily::Recovery,
        EvidenceFamily::DoseResponse,
        EvidenceFamily::Topology,
        EvidenceFamily::Effect,
        EvidenceFamily::Content,
        EvidenceFamily::Health,
        EvidenceFamily::Placebo,
        EvidenceFamily::Metrics,
        EvidenceFamily::Flow,
        EvidenceFamily::Load,
    ];

    /// As on the command line and in tables.
    pub fn name(self) -> &'static str {
        match self {
            EvidenceFamily::Timing => "timing",
            EvidenceFamily::Recovery => "recovery",
            EvidenceFamily::DoseResponse => "dose-response",
            EvidenceFamily::Topology => "topology",
            EvidenceFamily::Effect => "effect",
            EvidenceFamily::Content => "content",
            EvidenceFamily::Health => "health",
            EvidenceFamily::Placebo => "placebo",
            EvidenceFamily::Metrics => "metrics",
            EvidenceFamily::Flow => "flow",
            EvidenceFamily::Load => "load",
        }
    }

    /// The family of that name.
    pub fn named(name: &str) -> Option<EvidenceFamily> {
        EvidenceFamily::ALL.into_iter().find(|family| family.name() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_back_and_differ() {
        for family in EvidenceFamily::ALL {
            assert_eq!(EvidenceFamily::named(family.name()), Some(family));
        }
        assert_eq!(EvidenceFamily::named("Timing"), None);
        assert_eq!(EvidenceFamily::named(""), None);
    }
}
