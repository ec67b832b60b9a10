//! Views of an analysis for people and for scripts.
//!
//! Nothing is weighed here: what is shown, and in which order, the verdict has said. The one choice of this layer is how much fits.

mod advice;
mod bars;
pub mod calibration;
mod flow;
mod ledger;
mod markdown;
pub mod risk;
mod rollout;
mod sentences;
pub mod templates;
mod terminal;
mod text;
mod timeline;
mod v1;
mod wording;

#[cfg(test)]
mod samples;

use crate::model::Analysis;

pub use ledger::warnings as coverage_warnings;
pub use markdown::escape as escape_markdown;
pub use sentences::{kind, sentence};
pub use text::{bytes, count, counted, duration, pad, sanitize, shorten, to_ascii, width, wrap};
pub use wording::symptom;

/// How an analysis is written.
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
pub fn render(analysis: &Analysis, format: Format, view: &View) -> String {
    match format {
        Format::Terminal => terminal::render(analysis, view),
        Format::Json => v1::render(analysis, view),
        Format::Markdown => markdown::render(analysis, view),
    }
}
