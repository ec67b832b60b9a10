//! What reports show beside the verdicts, gathered from the signals and, where it stands nowhere else, from the files.
//!
//! It weighs no cause: whether things went back to normal is a test of its own (`recovery`), and what an alert would have done is a
//! simulation (`alarms`).

pub mod alarms;
mod charts;
mod inputs;
mod messages;
mod owners;
mod promql;
mod recovery;

use crate::model::{Dossier, Exhibits, Options, TimeSpan, Verdict};
use crate::read::Bundle;
use crate::signal::Signals;
use crate::suspect::facts::Facts;

pub use inputs::salt;

/// What a dossier is gathered from.
#[derive(Clone, Copy)]
pub struct Material<'a> {
    pub bundle: &'a Bundle,
    pub signals: &'a Signals,
    /// With times by the clocks that `signals` has.
    pub verdicts: &'a [Verdict],
    /// Short disturbances that are no incidents.
    pub blips: &'a [TimeSpan],
    pub changes: &'a [std::sync::Arc<crate::model::Change>],
    pub facts: &'a Facts,
    pub options: &'a Options,
}

impl Material<'_> {
    /// Spans that are not normal, but for the one of verdict `index`.
    fn others(&self, index: usize) -> Vec<TimeSpan> {
        let incidents = self.verdicts.iter().enumerate().filter(|(i, _)| *i != index).map(|(_, v)| v.incident.span);
        incidents.chain(self.blips.iter().copied()).collect()
    }
}

/// Gathers the dossier of a run.
pub fn compile(material: &Material<'_>) -> Dossier {
    let recoveries = (0..material.verdicts.len()).map(|i| recovery::judge(material, i)).collect();
    let owners = owners::find(material.bundle, material.changes, material.verdicts);
    let exhibits = material.options.exhibits.then(|| Exhibits {
        inputs: inputs::hashes(material.bundle),
        services: charts::services(material.signals),
        metrics: charts::metrics(material.signals, material.verdicts),
        messages: material.verdicts.iter().map(|v| messages::moved(material, v)).collect(),
        told_by: charts::told_by(material.bundle, material.signals),
        alarms: (0..material.verdicts.len()).map(|i| alarms::propose(material, i)).collect(),
    });
    Dossier { recoveries, owners, salt: inputs::salt(material.bundle), exhibits }
}

/// The fingerprints of what was read, for runs in which nothing had a time.
pub fn without_signals(bundle: &Bundle, options: &Options) -> Dossier {
    let exhibits = options.exhibits.then(|| Exhibits {
        inputs: inputs::hashes(bundle),
        services: Vec::new(),
        metrics: Vec::new(),
        messages: Vec::new(),
        told_by: Default::default(),
        alarms: Vec::new(),
    });
    Dossier { exhibits, salt: inputs::salt(bundle), ..Dossier::default() }
}
