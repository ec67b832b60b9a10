//! Views of an analysis for people and for scripts.
//!
//! Nothing is weighed here: what is shown, and in which order, the verdict has said. The one choice of this layer is how much fits.

mod actions;
mod advice;
pub mod alerts;
mod bars;
pub mod calibration;
pub mod capacity;
mod checks;
mod cite;
pub mod database;
mod document;
mod flow;
mod html;
mod ledger;
mod markdown;
mod markup;
mod mechanism;
mod openmetrics;
pub mod period;
mod plain;
pub mod postmortem;
mod predictions;
mod recovery;
pub mod risk;
mod rollout;
pub mod rows;
mod sarif;
mod sentences;
mod severity;
pub mod templates;
mod terminal;
mod text;
mod timeline;
mod v1;
pub mod verify;
mod wording;

#[cfg(test)]
mod samples;

use crate::model::Analysis;

pub use document::json as json_document;
pub use ledger::warnings as coverage_warnings;
pub use markup::escape as escape_markdown;
pub use sentences::sentence;
pub use text::{bytes, count, counted, duration, pad, sanitize, shorten, to_ascii, width, wrap};
pub use wording::symptom;

/// How a list is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// For a person at a terminal.
    #[default]
    Terminal,
    /// The contract, version 1.
    Json,
    /// A summary for a chat or an issue.
    Markdown,
}

/// How an analysis is written: what every list can be written as, and more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnalysisFormat {
    Common(Format),
    /// One page that works without a network.
    Html,
    /// Findings on lines of configuration, for code scanning.
    Sarif,
    /// The verdict as gauges.
    OpenMetrics,
    /// Sentences, one a line, for screen readers.
    Plain,
}

impl AnalysisFormat {
    /// Whether it shows what [`crate::model::Options::exhibits`] gathers.
    pub fn wants_exhibits(self) -> bool {
        self == AnalysisFormat::Html
    }

    /// Whether it is made to be passed on, so that secrets are replaced unless asked otherwise.
    pub fn is_shared(self) -> bool {
        matches!(self, AnalysisFormat::Html | AnalysisFormat::Common(Format::Markdown))
    }
}

/// What the reader's screen can show and how much the reader wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct View {
    /// Columns of the screen.
    pub width: usize,
    pub colour: bool,
    /// Whether signs beyond ASCII can be shown.
    pub unicode: bool,
    /// Everything, not the first screen alone.
    pub all: bool,
    /// At most so many causes of an incident.
    pub top: usize,
}

impl Default for View {
    fn default() -> Self {
        View { width: 80, colour: false, unicode: true, all: false, top: 10 }
    }
}

/// The whole report, with a final newline.
pub fn render(analysis: &Analysis, format: AnalysisFormat, view: &View) -> String {
    match format {
        AnalysisFormat::Common(Format::Terminal) => terminal::render(analysis, view),
        AnalysisFormat::Common(Format::Json) => v1::render(analysis, view),
        AnalysisFormat::Common(Format::Markdown) => markdown::render(analysis, view),
        AnalysisFormat::Html => html::render(analysis, view),
        AnalysisFormat::Sarif => sarif::render(analysis),
        AnalysisFormat::OpenMetrics => openmetrics::render(analysis, view),
        AnalysisFormat::Plain => plain::render(analysis, view),
    }
}

/// [`to_ascii`] line by line.
fn to_ascii_lines(text: &str) -> String {
    text.lines().map(|line| to_ascii(line) + "\n").collect()
}
