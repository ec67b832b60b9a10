//! The words for how a report is written, and what they stand for.

use clap::ValueEnum;

use crate::report::{AnalysisFormat, Format};

/// Values of `analyze --format`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum AnalyzeFormatArg {
    /// For a person at a terminal.
    #[default]
    Terminal,
    /// The stable contract for scripts.
    Json,
    /// A summary for a chat or an issue.
    Markdown,
    /// One page with charts that works without a network.
    Html,
    /// Findings on lines of configuration, for code scanning.
    Sarif,
    /// The verdict as gauges.
    Openmetrics,
    /// Sentences, one a line, for screen readers.
    Plain,
}

/// Values of `--format` of most commands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum FormatArg {
    /// For a person at a terminal.
    #[default]
    Terminal,
    /// The stable contract for scripts.
    Json,
    /// A summary for a chat or an issue.
    Markdown,
}

/// Values of `--color`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ColorArg {
    #[default]
    Auto,
    Always,
    Never,
}

impl From<FormatArg> for Format {
    fn from(format: FormatArg) -> Format {
        match format {
            FormatArg::Terminal => Format::Terminal,
            FormatArg::Json => Format::Json,
            FormatArg::Markdown => Format::Markdown,
        }
    }
}

impl From<AnalyzeFormatArg> for AnalysisFormat {
    fn from(format: AnalyzeFormatArg) -> AnalysisFormat {
        match format {
            AnalyzeFormatArg::Terminal => AnalysisFormat::Common(Format::Terminal),
            AnalyzeFormatArg::Json => AnalysisFormat::Common(Format::Json),
            AnalyzeFormatArg::Markdown => AnalysisFormat::Common(Format::Markdown),
            AnalyzeFormatArg::Html => AnalysisFormat::Html,
            AnalyzeFormatArg::Sarif => AnalysisFormat::Sarif,
            AnalyzeFormatArg::Openmetrics => AnalysisFormat::OpenMetrics,
            AnalyzeFormatArg::Plain => AnalysisFormat::Plain,
        }
    }
}
