//! How often answers were right on cases with known truth, and whether their confidences mean what they say.
//!
//! Values only: nothing here knows how a case is stored, matched or shown.

/// What an answer is compared by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MatchLevel {
    /// The recorded change.
    Change,
    /// The change and the edited key.
    Key,
    /// The service alone.
    Service,
    /// The service and what of it failed.
    Resource,
    /// The kind of cause, where the truth names no service.
    Kind,
}

impl MatchLevel {
    /// All levels, the one that demands most first.
    pub const ALL: [MatchLevel; 5] = [MatchLevel::Change, MatchLevel::Key, MatchLevel::Service, MatchLevel::Resource, MatchLevel::Kind];

    /// As in JSON and in tables.
    pub fn name(self) -> &'static str {
        match self {
            MatchLevel::Change => "change",
            MatchLevel::Key => "key",
            MatchLevel::Service => "service",
            MatchLevel::Resource => "resource",
            MatchLevel::Kind => "kind",
        }
    }
}

/// One cause that was said with a confidence, and whether it was right.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Said {
    pub confidence: f64,
    pub right: bool,
    /// It was the first answer of its incident.
    pub first: bool,
}

/// What became of one case.
#[derive(Clone, Debug, PartialEq)]
pub struct CaseScore {
    pub data_set: String,
    pub name: String,
    /// Where the truth is that nothing happened: whether nothing was reported.
    pub quiet_right: Option<bool>,
    /// Rank of the truth among distinct answers, from 1, at each level that the truth has.
    pub ranks: Vec<(MatchLevel, Option<usize>)>,
    pub said: Vec<Said>,
    /// The probability that was left to none of the causes; `None` where no incident was to be explained.
    pub none: Option<f64>,
    /// Seconds between the reported and the true start, where the start was not given.
    pub onset_error: Option<f64>,
}

/// A bin of confidences.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ReliabilityBin {
    /// Confidences from here …
    pub from: f64,
    /// … to below here.
    pub to: f64,
    pub said: usize,
    pub right: usize,
    /// Mean confidence; 0 where nothing was said.
    pub mean: f64,
    /// Wilson interval of the share that was right, at 95 %.
    pub interval: (f64, f64),
}

/// Whether confidences mean what they say.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reliability {
    /// Ten bins of equal width.
    pub bins: Vec<ReliabilityBin>,
    /// Mean squared difference of confidence and outcome; `None` where nothing was said.
    pub brier: Option<f64>,
    /// Expected calibration error over the bins.
    pub calibration_error: Option<f64>,
}

impl Reliability {
    /// Number of causes whose confidences were judged.
    pub fn said(&self) -> usize {
        self.bins.iter().map(|bin| bin.said).sum()
    }
}

/// How high the truth ranked at one level. Shares from 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ranking {
    pub level: MatchLevel,
    pub cases: usize,
    /// Share of cases with the truth in the first 1, 3 and 5 distinct answers.
    pub accuracy: [f64; 3],
    /// Mean reciprocal rank, 0 where the truth is absent.
    pub reciprocal_rank: f64,
}

/// How far reported starts are from the true ones, in seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OnsetError {
    pub cases: usize,
    pub median: f64,
    pub worst: f64,
    /// Cases within half a minute.
    pub near: usize,
}

/// The scores of some cases together.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scores {
    pub cases: usize,
    /// Only levels that some truth has.
    pub rankings: Vec<Ranking>,
    /// Of all causes said.
    pub reliability: Reliability,
    /// Of first answers alone, which the many improbable causes do not flatter.
    pub first: Reliability,
    pub quiet_cases: usize,
    pub quiet_right: usize,
    pub onset: Option<OnsetError>,
}

/// How confidences may be made sharper or softer: each is raised to a power, that of "none of these" multiplied by a factor.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sharpening {
    pub power: f64,
    pub none: f64,
}

impl Sharpening {
    /// As they are.
    pub const NONE: Sharpening = Sharpening { power: 1.0, none: 1.0 };
}

/// A data set and the sharpening that was fitted on all the others.
#[derive(Clone, Debug, PartialEq)]
pub struct HeldOut {
    pub data_set: String,
    pub fitted: Sharpening,
    /// Mean negative logarithm of the probability of the truth in nats: as said, and with what the others would have it.
    pub log_loss: (f64, f64),
    /// Brier score of first answers: as said, and with what the others would have it.
    pub brier: (f64, f64),
}

/// The scores of a run over cases.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Calibration {
    /// By name.
    pub data_sets: Vec<(String, Scores)>,
    pub all: Scores,
    /// One row a data set; empty where there is only one.
    pub held_out: Vec<HeldOut>,
    /// What all data sets together would have.
    pub fitted: Option<Sharpening>,
    /// Cases whose first answer is wrong, as (data set, case, level, rank of the truth).
    pub misses: Vec<(String, String, MatchLevel, Option<usize>)>,
    /// Cases that could not be analysed, which count as wrong, and truths that could not be read, which do not count: (path, reason).
    pub failures: Vec<(String, String)>,
}
