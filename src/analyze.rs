//! The straight line from a bundle to verdicts: the first thing to read.

use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use crate::dossier::{self, Material};
use crate::incident;
use crate::intake::{self, Intake};
use crate::model::verdict::Sought;
use crate::model::{Analysis, Change, Incident, Options, Progress, ServiceName, TimeSpan, Topology, Verdict};
use crate::parse::Formats;
use crate::read::{Bundle, BundleError};
use crate::signal::{SignalError, Signals, clocks, tabulate};
use crate::suspect::facts::Facts;
use crate::suspect::timing::CLOCK_SLACK;
use crate::suspect::{self, Case, scene, unrecorded};
use crate::verdict::as_written::AsWritten;
use crate::verdict::{self, disturbance};

/// Why there is no analysis.
#[derive(Debug)]
pub enum AnalyzeError {
    Bundle(BundleError),
    Signal(SignalError),
    /// The worker threads could not be started.
    Threads(String),
}

impl fmt::Display for AnalyzeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AnalyzeError::Bundle(e) => e.fmt(f),
            AnalyzeError::Signal(e) => e.fmt(f),
            AnalyzeError::Threads(e) => write!(f, "cannot start worker threads: {e}"),
        }
    }
}

impl std::error::Error for AnalyzeError {}

impl From<SignalError> for AnalyzeError {
    fn from(error: SignalError) -> Self {
        AnalyzeError::Signal(error)
    }
}

/// An analysis with what it was made from, for those who look further.
pub struct Examined {
    pub analysis: Analysis,
    /// `None`: nothing with a time was read.
    pub signals: Option<Signals>,
    pub topology: Topology,
}

/// Reads the bundle at `paths`, finds its incidents and weighs their causes.
pub fn analyze(
    paths: &[PathBuf],
    options: &Options,
    formats: &Formats,
    facts: &Facts,
    progress: &dyn Progress,
) -> Result<Analysis, AnalyzeError> {
    examine(paths, options, formats, facts, progress).map(|examined| examined.analysis)
}

/// As [`analyze`], with the signals.
pub fn examine(
    paths: &[PathBuf],
    options: &Options,
    formats: &Formats,
    facts: &Facts,
    progress: &dyn Progress,
) -> Result<Examined, AnalyzeError> {
    workers(options.threads)?.install(|| {
        let mut input = intake::open(paths, formats, options).map_err(AnalyzeError::Bundle)?;
        let taken = intake::take_in(&mut input, formats, options, progress);
        conclude(&input.bundle, taken, facts, options)
    })
}

/// Finds the incidents in what was read of a bundle and weighs their causes: all that comes after reading.
pub fn conclude(bundle: &Bundle, mut intake: Intake, facts: &Facts, options: &Options) -> Result<Examined, AnalyzeError> {
    let mut tally = std::mem::take(&mut intake.tally);
    let mut metrics = std::mem::take(&mut intake.metrics);
    let written = tabulate::span(&tally, &metrics);
    intake.coverage.clocks = clocks::estimate(&tally, &intake.flow, &metrics, &intake.topology);
    clocks::correct(&intake.coverage.clocks, &mut tally, &mut intake.flow, &mut metrics);
    let restarts = unrecorded::find(&tally, &intake.changes, facts);
    let topology = intake.topology.clone();
    let signals = tabulate(tally, metrics, &topology)?;
    let analysis = match &signals {
        Some(signals) => Analysis { span: written, ..judge(bundle, intake, &restarts, signals, facts, options)? },
        None => nothing_dated(bundle, intake, options),
    };
    Ok(Examined { analysis, signals, topology })
}

/// The worker threads of a run; one a core where no number is given.
pub fn workers(threads: Option<usize>) -> Result<rayon::ThreadPool, AnalyzeError> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads.unwrap_or(0));
    pool.build().map_err(|e| AnalyzeError::Threads(e.to_string()))
}

fn judge(
    bundle: &Bundle,
    intake: Intake,
    restarts: &[Arc<Change>],
    signals: &Signals,
    facts: &Facts,
    options: &Options,
) -> Result<Analysis, AnalyzeError> {
    let detection = incident::detect(signals, options)?;
    let (blips, incidents): (Vec<Incident>, Vec<Incident>) =
        detection.incidents.into_iter().partition(|i| disturbance::explained_by(i, &intake.changes).is_some());
    let written = AsWritten::new(&intake.coverage.clocks, signals.step);
    let disturbances = blips.iter().map(|b| {
        let change = disturbance::explained_by(b, &intake.changes).map(|c| c.id.clone());
        (written.span(b.span, written.teller(b)), b.impact.failed, b.impact.requests, change)
    });
    let disturbances = disturbances.collect();
    let verdicts = incidents.iter().map(|incident| verdict_on(incident, (&intake, restarts), signals, facts, options));
    let verdicts: Vec<Verdict> = verdicts.collect();
    let blips: Vec<TimeSpan> = blips.iter().map(|b| b.span).collect();
    let material = Material { bundle, signals, verdicts: &verdicts, blips: &blips, changes: &intake.changes, facts, options };
    let dossier = dossier::compile(&material);
    let verdicts = verdicts.into_iter().map(|verdict| written.verdict(verdict)).collect();
    Ok(Analysis {
        verdicts,
        disturbances,
        span: Some(signals.span),
        sought: detection.sought,
        services: services(&intake, Some(signals)),
        changes: unrecorded::with_recorded(intake.changes, restarts),
        coverage: intake.coverage,
        dossier,
    })
}

fn verdict_on(
    incident: &Incident,
    (intake, restarts): (&Intake, &[Arc<Change>]),
    signals: &Signals,
    facts: &Facts,
    options: &Options,
) -> Verdict {
    let teller = AsWritten::new(&intake.coverage.clocks, signals.step).teller(incident);
    let case = Case {
        incident,
        signals,
        changes: &intake.changes,
        unrecorded: restarts,
        topology: &intake.topology,
        names: &intake.names,
        flow: &intake.flow,
        facts,
        options,
        clock_slack: teller.map_or(CLOCK_SLACK, |skew| skew.uncertainty.max(CLOCK_SLACK)),
    };
    let scene = scene::survey(case);
    verdict::weigh(&scene, suspect::gather(&case, &scene))
}

fn nothing_dated(bundle: &Bundle, intake: Intake, options: &Options) -> Analysis {
    Analysis {
        verdicts: Vec::new(),
        disturbances: Vec::new(),
        span: None,
        sought: Sought::default(),
        services: services(&intake, None),
        changes: intake.changes,
        coverage: intake.coverage,
        dossier: dossier::without_signals(bundle, options),
    }
}

fn services(intake: &Intake, signals: Option<&Signals>) -> Vec<ServiceName> {
    let called = intake.topology.edges().flat_map(|(caller, callee)| [caller.clone(), callee.clone()]);
    let mut all: BTreeSet<ServiceName> = intake.changes.iter().map(|change| change.service.clone()).chain(called).collect();
    if let Some(signals) = signals {
        let written = signals.tally.records.keys().map(|key| ServiceName::new(signals.tally.symbols.text(key.service)));
        all.extend(signals.outcomes.keys().cloned().chain(signals.metrics.keys().map(|key| key.service.clone())).chain(written));
    }
    all.into_iter().filter(|service| !matches!(service.as_str(), "" | "*")).collect()
}
