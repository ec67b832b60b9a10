//! Exactly what was typed: names, shapes and help of the arguments. What they mean is decided in `settings`.

mod database;
mod examples;
mod formats;
mod reach;
mod settings;
mod source;
mod summary;

use std::path::PathBuf;

use clap::builder::styling::{AnsiColor, Styles};
use clap::{Args, Parser, Subcommand, ValueEnum, ValueHint};

use crate::model::EvidenceFamily;

use database::{CAPACITY_EXAMPLES, DB_EXAMPLES};
pub use database::{CapacityArgs, DbArgs};
use examples::{COMPLETION_EXAMPLES, CONFIG_EXAMPLES, DEMO_EXAMPLES, PARSER_EXAMPLES, TEMPLATE_EXAMPLES};
pub use formats::{AnalyzeFormatArg, ColorArg, FormatArg};
pub use reach::ReachArgs;
pub use settings::{CompletionsArgs, ConfigArgs, ManArgs, SettingsArgs};
pub use source::{FormatArgs, SourceArgs, SpanArgs};
use summary::{MERGE_EXAMPLES, SUMMARIZE_EXAMPLES};
pub use summary::{MergeArgs, SummarizeArgs};

const STYLES: Styles = Styles::styled().header(AnsiColor::Yellow.on_default().bold()).literal(AnsiColor::Green.on_default());

const FIRST_STEPS: &str = "\
First steps:
  whatchanged demo              what a report looks like, without any files
  whatchanged analyze FOLDER    logs and metrics as they are; changes.jsonl
                                lists deploys, one JSON object a line
  whatchanged analyze --help    examples; every command has some";

const EXIT_CODES: &str = "\
Exit codes:
  0    done, whatever was found
  1    could not do it; the reason is on standard error
  2    the arguments make no sense
  3    a gate said no (only commands with --fail-on)
  130  interrupted";

const EXAMPLES: &str = "\
Examples:
  whatchanged analyze checkout-outage/
      Find the incidents in a bundle and what caused them.
  whatchanged analyze logs/ metrics.csv changes.jsonl --all
      Everything that was found, not the first screen alone.
  whatchanged analyze bundle/ --symptom checkout --incident 2023-08-12T14:30:00Z..2023-08-12T17:45:00Z
      Explain a window that is known already.
  whatchanged analyze bundle/ --format html -o report.html
      One page with charts, to be mailed around.
  whatchanged analyze bundle/ --format json | jq '.incidents[].causes[0].title'
      For scripts; docs/analysis.schema.json describes the result.
  kubectl logs deploy/checkout --timestamps | whatchanged analyze - changes.jsonl
      Read standard input.";

const POSTMORTEM_EXAMPLES: &str = "\
Examples:
  whatchanged postmortem checkout-outage/ -o postmortem.md
      A draft of the worst incident in the bundle.
  whatchanged postmortem bundle/ --incident 2023-08-12T14:30:00Z..2023-08-12T17:45:00Z --template our-form.md
      One that is known, in your own form.

Pieces of a form: {{title}} {{start}} {{end}} {{summary}} {{timeline}} {{root_cause}} {{resolution}} {{misleading_paths}}
  {{measures}} {{tasks}} {{checks}} {{inputs}} {{version}}";

const ALERTS_EXAMPLES: &str = "\
Examples:
  whatchanged alerts checkout-outage/ -o rules.yml
      Rules for Prometheus, and what each would have done.
  whatchanged alerts bundle/ -o rules.yml --test rules_test.yml && promtool test rules rules_test.yml
      Let Prometheus itself repeat the back-test.
  whatchanged alerts bundle/ -o rules.yml --loki loki-rules.yml
      Rules for Loki's ruler, too.";

const PACK_EXAMPLES: &str = "\
Examples:
  whatchanged pack --redact checkout-outage/ -o bundle.tar.zst
      An archive that can be shared; what is said of its contents is what is said of the bundle.
  mkdir shared && tar --zstd -xf bundle.tar.zst -C shared && whatchanged analyze shared/
      What whoever gets it does.";

const RISK_EXAMPLES: &str = "\
Examples:
  whatchanged risk bundle/
      Every recorded change, judged by what was known when it began.
  whatchanged risk bundle/ --change deploy-7958 --as-of 2026-11-22T17:24:40Z
      One change, without anything that came later.
  whatchanged risk bundle/ --before old.yaml --after new.yaml --service checkout --fail-on high
      A change of configuration that nobody has made yet, against the load in the bundle; exit code 3 stops a pipeline.
  whatchanged risk bundle/ --format json | jq '.changes[] | select(.level == \"critical\").change_id'
      For scripts; docs/risk.schema.json describes the result.";

const VERIFY_EXAMPLES: &str = "\
Examples:
  whatchanged verify bundle/ --change deploy-7958
      Worse, not worse, or cannot tell, and then how much more traffic would decide.
  whatchanged verify bundle/ --change deploy-7958 --fail-on worse
      A gate after a deploy; exit code 3 asks for a rollback. It may be run every minute: looking often raises no false alarms.
  whatchanged verify bundle/ --change deploy-7958 --within 15m
      The first quarter of an hour only.
  whatchanged verify bundle/ --format json | jq '.changes[] | select(.verdict == \"worse\").change_id'
      All changes, for scripts; docs/verify.schema.json describes the result.";

const REPORT_EXAMPLES: &str = "\
Examples:
  whatchanged report --period 7d --history history/ -o monday.html
      What changed in the last week and what came of it, as one page.
  whatchanged report bundle/ --history history/ --as-of 2026-11-23T00:00:00Z --format markdown
      The same, after everything about the bundle was added to the history.
  whatchanged report --history history/ --format json | jq .period.change_failure_rate
      For scripts.";

const HISTORY_EXAMPLES: &str = "\
Examples:
  whatchanged history list --history history/
      The tables, how many rows each has, and from when to when.
  whatchanged history show changes --history history/ --format json
      All rows of a table, one JSON object a line. They are Parquet files: any reader of Parquet reads them, too.
  whatchanged history prune --history history/ --before 2025-01-01T00:00:00Z --dry-run
      What would go.";

const CALIBRATE_EXAMPLES: &str = "\
Examples:
  whatchanged calibrate postmortems/
      Every folder below that holds a truth.json, by the folder around it.
  whatchanged calibrate postmortems/ --blind
      The same without what window.json tells of the incident and the alarm.";

/// Finds the incident in your logs and says which change did it.
#[derive(Debug, Parser)]
#[command(name = "whatchanged", version, about, styles = STYLES, after_help = format!("{FIRST_STEPS}\n\n{EXIT_CODES}"), max_term_width = 100, arg_required_else_help = true)]
pub struct Arguments {
    #[command(flatten)]
    pub settings: SettingsArgs,
    #[command(subcommand)]
    pub command: Command,
}

/// What can be done.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Find incidents in logs and metrics, and rank what caused them.
    #[command(after_help = format!("{EXAMPLES}\n\n{EXIT_CODES}"))]
    Analyze(Box<AnalyzeArgs>),
    /// Show the analysis of a recorded outage; needs no files.
    #[command(after_help = format!("{DEMO_EXAMPLES}\n\n{EXIT_CODES}"))]
    Demo(DemoArgs),
    /// Draft a post-mortem in which every fact says where it stands.
    #[command(after_help = format!("{POSTMORTEM_EXAMPLES}\n\n{EXIT_CODES}"))]
    Postmortem(Box<PostmortemArgs>),
    /// Propose alerting rules, each with what it would have done.
    #[command(after_help = format!("{ALERTS_EXAMPLES}\n\n{EXIT_CODES}"))]
    Alerts(Box<AlertsArgs>),
    /// Put a bundle into one file that can be shared.
    #[command(after_help = format!("{PACK_EXAMPLES}\n\n{EXIT_CODES}"))]
    Pack(PackArgs),
    /// List the kinds of message in logs, how often and when.
    #[command(after_help = format!("{TEMPLATE_EXAMPLES}\n\n{EXIT_CODES}"))]
    Templates(TemplatesArgs),
    /// Judge changes before they show their effect.
    ///
    /// By their limits against the load, contradictions, shape, moment and history.
    #[command(after_help = format!("{RISK_EXAMPLES}\n\n{EXIT_CODES}"))]
    Risk(RiskArgs),
    /// Tell what became of a change: worse, not worse, cannot tell.
    #[command(after_help = format!("{VERIFY_EXAMPLES}\n\n{EXIT_CODES}"))]
    Verify(VerifyArgs),
    /// Report on a period: deploys, failures, what to act on.
    ///
    /// It rests on the history of earlier runs that --history keeps.
    #[command(after_help = format!("{REPORT_EXAMPLES}\n\n{EXIT_CODES}"))]
    Report(ReportArgs),
    /// See or shorten the history that --history keeps.
    #[command(subcommand, after_help = format!("{HISTORY_EXAMPLES}\n\n{EXIT_CODES}"), arg_required_else_help = true)]
    History(HistoryCommand),
    /// Show what databases and poolers tell, before and during.
    ///
    /// Errors, slow statements, locks, deadlocks, connections.
    #[command(after_help = format!("{DB_EXAMPLES}\n\n{EXIT_CODES}"))]
    Db(DbArgs),
    /// Tell whether pools and databases are large enough.
    ///
    /// At the load in the bundle and at multiples of it, and what runs out first.
    #[command(after_help = format!("{CAPACITY_EXAMPLES}\n\n{EXIT_CODES}"))]
    Capacity(CapacityArgs),
    /// Count what logs hold into a small file to be read in their place.
    ///
    /// For logs of many machines: every other command takes it wherever it takes logs.
    #[command(after_help = format!("{SUMMARIZE_EXAMPLES}\n\n{EXIT_CODES}"))]
    Summarize(Box<SummarizeArgs>),
    /// Make one summary of several.
    #[command(after_help = format!("{MERGE_EXAMPLES}\n\n{EXIT_CODES}"))]
    Merge(MergeArgs),
    /// Tell how often answers are right where the truth is known.
    #[command(after_help = format!("{CALIBRATE_EXAMPLES}\n\n{EXIT_CODES}"))]
    Calibrate(CalibrateArgs),
    /// List the log formats, check your own, or explain a line.
    #[command(subcommand, after_help = format!("{PARSER_EXAMPLES}\n\n{EXIT_CODES}"), arg_required_else_help = true)]
    Parsers(ParsersCommand),
    /// Print the settings in force, and where each comes from.
    #[command(after_help = format!("{CONFIG_EXAMPLES}\n\n{EXIT_CODES}"))]
    Config(ConfigArgs),
    /// Print a script that completes arguments in a shell.
    #[command(after_help = COMPLETION_EXAMPLES)]
    Completions(CompletionsArgs),
    /// Write the manual pages into a folder.
    #[command(hide = true)]
    Man(ManArgs),
}

/// What can be done with formats.
#[derive(Debug, Subcommand)]
pub enum ParsersCommand {
    /// List all formats with their documentation and where they come from.
    List(ListArgs),
    /// Check format files: their samples, and that no format takes the lines of another.
    Check(CheckArgs),
    /// Tell which format takes a line, what each column holds, and where the others stop.
    Explain(ExplainArgs),
}

/// Arguments of `parsers list`.
#[derive(Debug, Args)]
pub struct ListArgs {
    /// How the list is written.
    #[arg(long, value_enum, default_value_t)]
    pub format: FormatArg,
    #[command(flatten)]
    pub formats: FormatArgs,
}

/// Arguments of `parsers check`.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// Format files, or folders of them; without any those of --parsers and of the configuration folder.
    #[arg(value_name = "PATH", value_hint = ValueHint::AnyPath)]
    pub paths: Vec<PathBuf>,
    #[command(flatten)]
    pub formats: FormatArgs,
}

/// Arguments of `parsers explain`.
#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// The line; `-` reads lines from standard input.
    #[arg(value_name = "LINE", required_unless_present = "file", conflicts_with = "file", allow_hyphen_values = true)]
    pub line: Option<String>,
    /// A line of a file, with the lines that its format is told from.
    #[arg(long, value_name = "FILE:LINE", value_hint = ValueHint::FilePath)]
    pub file: Option<String>,
    /// Zone of times that name none: UTC or an offset such as +02:00.
    #[arg(long, value_name = "OFFSET", allow_hyphen_values = true)]
    pub tz: Option<String>,
    #[command(flatten)]
    pub formats: FormatArgs,
}

/// Arguments of `templates`.
#[derive(Debug, Args)]
pub struct TemplatesArgs {
    /// Bundle folders or single files; `-` is standard input.
    #[arg(required = true, value_name = "PATH", value_hint = ValueHint::AnyPath)]
    pub paths: Vec<PathBuf>,

    /// How the list is written.
    #[arg(long, value_enum, default_value_t, help_heading = "Output")]
    pub format: ListFormatArg,

    /// Write one line of CSV a record instead: LineId,Timestamp,Level,Component,Content,EventTemplate.
    #[arg(long, conflicts_with_all = ["format", "quiet"], help_heading = "Output")]
    pub per_line: bool,

    /// Show all templates, not the first screen alone.
    #[arg(long, help_heading = "Output")]
    pub all: bool,

    /// Only the totals; no progress and no warnings.
    #[arg(short, long, help_heading = "Output")]
    pub quiet: bool,

    #[command(flatten)]
    pub span: SpanArgs,
}

/// Which changes are judged, and by what was known when.
#[derive(Debug, Args)]
pub struct SubjectArgs {
    /// Bundle folders or single files; `-` is standard input.
    #[arg(required = true, value_name = "PATH", value_hint = ValueHint::AnyPath)]
    pub paths: Vec<PathBuf>,

    /// Judge this recorded change only; without it all are judged, by `verify` all but rollbacks.
    #[arg(long, value_name = "ID", help_heading = "What is judged")]
    pub change: Option<String>,

    /// Ignore everything later: records, samples and changes. A change of that instant counts.
    #[arg(long, value_name = "TIME", help_heading = "What is judged")]
    pub as_of: Option<String>,
}

/// Arguments of `risk`.
#[derive(Debug, Args)]
pub struct RiskArgs {
    #[command(flatten)]
    pub subject: SubjectArgs,

    /// Configuration as it is, of a change that is not made yet.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, requires_all = ["after", "service"], conflicts_with = "change", help_heading = "What is judged")]
    pub before: Option<PathBuf>,

    /// Configuration as it is to be.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, requires_all = ["before", "service"], help_heading = "What is judged")]
    pub after: Option<PathBuf>,

    /// The service whose configuration it is.
    #[arg(long, value_name = "NAME", requires_all = ["before", "after"], help_heading = "What is judged")]
    pub service: Option<String>,

    /// End with exit code 3 when a change is of this level or above.
    #[arg(long, value_enum, value_name = "LEVEL", help_heading = "Output")]
    pub fail_on: Option<LevelArg>,

    /// How the result is written.
    #[arg(long, value_enum, default_value_t, help_heading = "Output")]
    pub format: RiskFormatArg,

    /// Show all reasons, not the three best.
    #[arg(long, help_heading = "Output")]
    pub all: bool,

    /// Judge also by what the history in this folder knows of the service and its keys, and add the risks to it.
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, help_heading = "Output")]
    pub history: Option<PathBuf>,

    /// No progress and no warnings.
    #[arg(short, long, help_heading = "Output")]
    pub quiet: bool,

    #[command(flatten)]
    pub source: SourceArgs,
}

/// Arguments of `verify`.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    #[command(flatten)]
    pub subject: SubjectArgs,

    /// Look at no more than this after the roll-out.
    #[arg(long, value_name = "LENGTH", default_value = "24h", help_heading = "What is judged")]
    pub within: String,

    /// How many more of a hundred requests may fail without it being called worse.
    #[arg(long, value_name = "POINTS", default_value_t = 1.0, help_heading = "What is judged")]
    pub tolerate: f64,

    /// End with exit code 3 when a change is worse, or also when it cannot be told.
    #[arg(long, value_enum, value_name = "VERDICT", help_heading = "Output")]
    pub fail_on: Option<OutcomeArg>,

    /// How the result is written.
    #[arg(long, value_enum, default_value_t, help_heading = "Output")]
    pub format: FormatArg,

    /// Show all checks, not the first four.
    #[arg(long, help_heading = "Output")]
    pub all: bool,

    /// Add what is found to the history in this folder.
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, help_heading = "Output")]
    pub history: Option<PathBuf>,

    /// No progress and no warnings.
    #[arg(short, long, help_heading = "Output")]
    pub quiet: bool,

    #[command(flatten)]
    pub source: SourceArgs,
}

/// Arguments of `report`.
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// Bundle folders or single files to add to the history first.
    #[arg(value_name = "PATH", value_hint = ValueHint::AnyPath)]
    pub paths: Vec<PathBuf>,

    /// Folder of the history.
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, help_heading = "What is read")]
    pub history: PathBuf,

    /// How long the period is; the one before it is as long.
    #[arg(long, value_name = "LENGTH", default_value = "7d", help_heading = "What is read")]
    pub period: String,

    /// End of the period; now unless given.
    #[arg(long, value_name = "TIME", help_heading = "What is read")]
    pub as_of: Option<String>,

    /// How the report is written.
    #[arg(long, value_enum, default_value_t, help_heading = "Output")]
    pub format: PeriodFormatArg,

    /// Write the report to a file, which is replaced only once the report is whole.
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = "Output")]
    pub output: Option<PathBuf>,

    /// No progress and no warnings.
    #[arg(short, long, help_heading = "Output")]
    pub quiet: bool,

    #[command(flatten)]
    pub source: SourceArgs,
}

/// Values of `report --format`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum PeriodFormatArg {
    /// One page, to be opened or mailed.
    #[default]
    Html,
    Markdown,
    /// For scripts.
    Json,
}

/// What can be done with a history.
#[derive(Debug, Subcommand)]
pub enum HistoryCommand {
    /// List the tables with their rows, files and times.
    List(HistoryListArgs),
    /// Show the rows of a table: changes, risks, verdicts, incidents or runs.
    Show(HistoryShowArgs),
    /// Remove files whose rows are all older than a time.
    Prune(HistoryPruneArgs),
}

/// Arguments of `history list`.
#[derive(Debug, Args)]
pub struct HistoryListArgs {
    /// Folder of the history.
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub history: PathBuf,
    /// How the list is written.
    #[arg(long, value_enum, default_value_t)]
    pub format: ListFormatArg,
}

/// Arguments of `history show`.
#[derive(Debug, Args)]
pub struct HistoryShowArgs {
    /// changes, risks, verdicts, incidents or runs.
    #[arg(value_name = "TABLE")]
    pub table: String,
    /// Folder of the history.
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub history: PathBuf,
    /// Only what belongs to this change.
    #[arg(long, value_name = "ID")]
    pub change: Option<String>,
    /// How the rows are written; json: one object a line.
    #[arg(long, value_enum, default_value_t)]
    pub format: ListFormatArg,
}

/// Arguments of `history prune`.
#[derive(Debug, Args)]
pub struct HistoryPruneArgs {
    /// Folder of the history.
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub history: PathBuf,
    /// Files with only older rows go.
    #[arg(long, value_name = "TIME")]
    pub before: String,
    /// Remove nothing, only count.
    #[arg(long)]
    pub dry_run: bool,
}

/// What closes the gate after a deploy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum OutcomeArg {
    Worse,
    CannotTell,
}

/// Values of `risk --format`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum RiskFormatArg {
    /// For a person at a terminal.
    #[default]
    Terminal,
    /// For scripts.
    Json,
    /// For a pull request or a ticket.
    Markdown,
    /// SARIF 2.1.0, as code-scanning services take it.
    Sarif,
    /// Workflow commands that annotate the lines of a pull request on GitHub.
    Github,
}

/// How much risk closes a gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LevelArg {
    Low,
    Medium,
    High,
    Critical,
}

/// Arguments of `calibrate`.
#[derive(Debug, Args)]
pub struct CalibrateArgs {
    /// Folders of cases: bundles with a truth.json, at any depth.
    #[arg(required = true, value_name = "CASES", value_hint = ValueHint::DirPath)]
    pub cases: Vec<PathBuf>,

    /// How the scores are written.
    #[arg(long, value_enum, default_value_t, help_heading = "Output")]
    pub format: FormatArg,

    /// No progress and no warnings.
    #[arg(short, long, help_heading = "Output")]
    pub quiet: bool,

    /// Leave out what window.json says an operator would know.
    #[arg(long, help_heading = "How it is done")]
    pub blind: bool,

    #[command(flatten)]
    pub formats: FormatArgs,
    #[command(flatten)]
    pub reach: ReachArgs,

    /// Number of threads; one a core unless given.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024), help_heading = "How it is done")]
    pub threads: Option<u16>,

    /// Use nothing that is known of configuration keys and messages, only timing, calls and effects.
    #[arg(long, help_heading = "How it is done")]
    pub no_knowledge: bool,

    #[command(flatten)]
    pub families: FamilyArgs,
}

/// Which evidence counts; for finding out what it is worth.
#[derive(Clone, Debug, Default, Args)]
pub struct FamilyArgs {
    /// Let families of evidence weigh nothing; docs/accuracy.md names them.
    #[arg(long, value_name = "FAMILY", hide = true, value_parser = family, value_delimiter = ',')]
    pub without: Vec<EvidenceFamily>,

    /// Let all other families weigh nothing.
    #[arg(long, value_name = "FAMILY", hide = true, value_parser = family, value_delimiter = ',', conflicts_with = "without")]
    pub with_only: Vec<EvidenceFamily>,
}

impl FamilyArgs {
    /// The families that weigh nothing.
    pub fn left_out(&self) -> Vec<EvidenceFamily> {
        match self.with_only.as_slice() {
            [] => self.without.clone(),
            kept => EvidenceFamily::ALL.into_iter().filter(|family| !kept.contains(family)).collect(),
        }
    }
}

/// A family of evidence by its name.
fn family(name: &str) -> Result<EvidenceFamily, String> {
    let names = EvidenceFamily::ALL.map(EvidenceFamily::name).join(", ");
    EvidenceFamily::named(name).ok_or_else(|| format!("the families are {names}"))
}

/// Values of `--format` where a list is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ListFormatArg {
    /// For a person at a terminal.
    #[default]
    Terminal,
    /// For scripts.
    Json,
}

/// Arguments of `analyze`.
#[derive(Debug, Args)]
pub struct AnalyzeArgs {
    /// Bundle folders or single files; `-` is standard input.
    #[arg(required = true, value_name = "PATH", value_hint = ValueHint::AnyPath)]
    pub paths: Vec<PathBuf>,

    #[command(flatten)]
    pub shown: ShownArgs,

    /// Add what is found to the history in this folder.
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, help_heading = "Output")]
    pub history: Option<PathBuf>,

    #[command(flatten)]
    pub judge: JudgeArgs,
}

/// Arguments of `demo`.
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// Write the recording's files into this folder instead, to look at them and to try other commands on.
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, help_heading = "What is shown")]
    pub keep: Option<PathBuf>,

    #[command(flatten)]
    pub shown: ShownArgs,
}

/// How an analysis is shown.
#[derive(Clone, Debug, Args)]
pub struct ShownArgs {
    /// How the report is written.
    #[arg(long, value_enum, default_value_t, help_heading = "Output")]
    pub format: AnalyzeFormatArg,

    /// The same as --format plain: sentences for screen readers.
    #[arg(long, conflicts_with = "format", help_heading = "Output")]
    pub plain: bool,

    /// Write the report to a file, which is replaced only once the report is whole.
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = "Output")]
    pub output: Option<PathBuf>,

    /// Show everything: all causes, the timeline, every edited key, what was read.
    #[arg(long, help_heading = "Output")]
    pub all: bool,

    /// At most so many causes of each incident (1 to 10).
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u8).range(1..=10), help_heading = "Output")]
    pub top: u8,

    /// Colours; auto: on a terminal, unless NO_COLOR is set.
    #[arg(long, value_enum, default_value_t, value_name = "WHEN", help_heading = "Output")]
    pub color: ColorArg,

    /// No progress and no warnings.
    #[arg(short, long, help_heading = "Output")]
    pub quiet: bool,

    #[command(flatten)]
    pub redact: RedactArgs,
}

/// What an analysis may be told. Shared by all commands that judge incidents.
#[derive(Clone, Debug, Default, Args)]
pub struct JudgeArgs {
    /// The incident, where it is known; no other is looked for then.
    #[arg(long, value_name = "START[..END]", help_heading = "What is known")]
    pub incident: Option<String>,

    /// What the alarm was about.
    #[arg(long, value_name = "SERVICE[/METRIC]", help_heading = "What is known")]
    pub symptom: Option<String>,

    /// A period known to have been quiet.
    #[arg(long, value_name = "START..END", help_heading = "What is known")]
    pub baseline: Option<String>,

    #[command(flatten)]
    pub span: SpanArgs,

    /// Width of the windows in which is counted, such as 10s or 1m; rounded up to a power of two of seconds.
    #[arg(long, value_name = "LENGTH", help_heading = "How it is done")]
    pub step: Option<String>,

    /// Use nothing that is known of configuration keys and messages, only timing, calls and effects.
    #[arg(long, help_heading = "How it is done")]
    pub no_knowledge: bool,

    #[command(flatten)]
    pub families: FamilyArgs,
}

/// What is replaced before a report is passed on.
#[derive(Clone, Copy, Debug, Default, Args)]
pub struct RedactArgs {
    /// Replace e-mail addresses, tokens, keys, passwords and card numbers by pseudonyms; the default of markdown, html and postmortem.
    #[arg(long, overrides_with = "no_redact", help_heading = "Output")]
    pub redact: bool,

    /// Leave everything as it was written.
    #[arg(long, overrides_with = "redact", help_heading = "Output")]
    pub no_redact: bool,

    /// Replace IP addresses, too.
    #[arg(long, help_heading = "Output")]
    pub redact_ips: bool,
}

/// Arguments of `postmortem`.
#[derive(Debug, Args)]
pub struct PostmortemArgs {
    /// Bundle folders or single files; `-` is standard input.
    #[arg(required = true, value_name = "PATH", value_hint = ValueHint::AnyPath)]
    pub paths: Vec<PathBuf>,

    /// Write the draft to a file, which is replaced only once it is whole.
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = "Output")]
    pub output: Option<PathBuf>,

    /// A form of your own, in which {{summary}}, {{timeline}} and other pieces are filled in; --help lists them.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = "Output")]
    pub template: Option<PathBuf>,

    /// No progress and no warnings.
    #[arg(short, long, help_heading = "Output")]
    pub quiet: bool,

    #[command(flatten)]
    pub redact: RedactArgs,

    #[command(flatten)]
    pub judge: JudgeArgs,
}

/// Arguments of `alerts`.
#[derive(Debug, Args)]
pub struct AlertsArgs {
    /// Bundle folders or single files; `-` is standard input.
    #[arg(required = true, value_name = "PATH", value_hint = ValueHint::AnyPath)]
    pub paths: Vec<PathBuf>,

    /// Write the rules for Prometheus to a file; without it they go to standard output.
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = "Output")]
    pub output: Option<PathBuf>,

    /// Write rules for Loki's ruler to a file, too.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = "Output")]
    pub loki: Option<PathBuf>,

    /// Write the back-test to a file, for `promtool test rules`.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, requires = "output", help_heading = "Output")]
    pub test: Option<PathBuf>,

    /// No progress, no warnings, no summary.
    #[arg(short, long, help_heading = "Output")]
    pub quiet: bool,

    #[command(flatten)]
    pub judge: JudgeArgs,
}

/// Arguments of `pack`.
#[derive(Debug, Args)]
pub struct PackArgs {
    /// Bundle folders or single files.
    #[arg(required = true, value_name = "PATH", value_hint = ValueHint::AnyPath)]
    pub paths: Vec<PathBuf>,

    /// The archive: tar, compressed with zstd.
    #[arg(short, long, required = true, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = "Output")]
    pub output: PathBuf,

    /// Replace e-mail addresses, tokens, keys, passwords and card numbers by pseudonyms.
    #[arg(long, help_heading = "Output")]
    pub redact: bool,

    /// Replace IP addresses, too.
    #[arg(long, requires = "redact", help_heading = "Output")]
    pub redact_ips: bool,

    /// No remarks.
    #[arg(short, long, help_heading = "Output")]
    pub quiet: bool,

    #[command(flatten)]
    pub formats: FormatArgs,
    #[command(flatten)]
    pub reach: ReachArgs,
}
