//! The command `risk`: how much trouble changes threaten, and a gate for pipelines.

use std::path::Path;

use crate::model::{ChangeId, RiskLevel, Risks, ServiceName};
use crate::parse::config;
use crate::report::risk::annotations;
use crate::report::{Format, View, risk as view, rows, sanitize};
use crate::risk::{self, Proposal, Subject};
use crate::suspect::facts::Facts;

use super::args::{LevelArg, RiskArgs, RiskFormatArg};
use super::output::Streams;
use super::settings::{self, Environment};
use super::{EXIT_GATE, Failure, history, supervised, warn};

/// Larger configuration files are data.
const LARGEST_CONFIG: u64 = 8 << 20;

/// Judges changes, prints why, and closes the gate that `--fail-on` makes.
pub fn run(args: &RiskArgs, environment: &Environment, streams: &mut Streams<'_>) -> Result<(), Failure> {
    let options = settings::as_of(&args.source, args.subject.as_of.as_deref())?;
    let subject = subject(args)?;
    let past = args.history.as_deref().map(history::past).transpose()?.unwrap_or_default();
    let formats = &args.source.formats;
    let risks = supervised(formats, args.quiet, environment, streams, |formats, progress| {
        risk::assess(&args.subject.paths, &subject, &options, formats, (&Facts::builtin(), &past), progress)
    })?;
    if !args.quiet {
        warn(&risks.coverage, streams);
    }
    if let (Subject::One(id), true) = (&subject, risks.changes.is_empty()) {
        let hint = "leave --change out to see all; a change later than --as-of is not known yet";
        return Err(Failure::failed(format!("no change {} is recorded", sanitize(id.as_str())), Some(hint.to_owned())));
    }
    let shown = View { width: environment.width(), unicode: environment.unicode(), all: args.all, ..View::default() };
    if let Some(dir) = &args.history {
        let recorded = !matches!(subject, Subject::Proposed(_));
        let changes: Vec<_> = risks.changes.iter().filter(|_| recorded).map(|risk| std::sync::Arc::clone(&risk.change)).collect();
        let mut rows = rows::changes(&changes);
        rows.extend(rows::risks(&risks, options.until));
        rows.extend(rows::run("risk", None, &risks.coverage));
        history::add(dir, &rows)?;
    }
    let text = match args.format {
        RiskFormatArg::Terminal => view::render(&risks, Format::Terminal, &shown),
        RiskFormatArg::Json => view::render(&risks, Format::Json, &shown),
        RiskFormatArg::Markdown => view::render(&risks, Format::Markdown, &shown),
        RiskFormatArg::Sarif => annotations::sarif(&risks),
        RiskFormatArg::Github => annotations::github(&risks),
    };
    streams.result(text.as_bytes())?;
    gate(&risks, args.fail_on)
}

/// Closed by the riskiest change that reaches the level.
fn gate(risks: &Risks, fail_on: Option<LevelArg>) -> Result<(), Failure> {
    let Some(least) = fail_on.map(level) else { return Ok(()) };
    let reached = risks.changes.iter().filter(|change| change.level >= least);
    let Some(worst) = reached.max_by(|a, b| a.score.total_cmp(&b.score)) else { return Ok(()) };
    let hint = format!("change it, or let it pass with a higher --fail-on than {}", least.name());
    Err(Failure { code: EXIT_GATE, message: view::headline(worst), hint: Some(hint) })
}

fn level(arg: LevelArg) -> RiskLevel {
    match arg {
        LevelArg::Low => RiskLevel::Low,
        LevelArg::Medium => RiskLevel::Medium,
        LevelArg::High => RiskLevel::High,
        LevelArg::Critical => RiskLevel::Critical,
    }
}

fn subject(args: &RiskArgs) -> Result<Subject, Failure> {
    match (&args.before, &args.after, &args.service, &args.subject.change) {
        (Some(before), Some(after), Some(service), _) => {
            let service = ServiceName::new(service);
            Ok(Subject::Proposed(Proposal { service, before: configuration(before)?, after: configuration(after)? }))
        }
        (_, _, _, Some(id)) => Ok(Subject::One(ChangeId::new(id))),
        _ => Ok(Subject::Recorded),
    }
}

fn configuration(path: &Path) -> Result<(String, config::Flat), Failure> {
    let shown = path.display().to_string();
    let failed = |why: &str| Failure::failed(format!("{}: {why}", sanitize(&shown)), Some("name a configuration file".to_owned()));
    let metadata = std::fs::metadata(path).map_err(|e| failed(&e.to_string()))?;
    if !metadata.is_file() || metadata.len() > LARGEST_CONFIG {
        return Err(failed("not a configuration file"));
    }
    let bytes = std::fs::read(path).map_err(|e| failed(&e.to_string()))?;
    let flat = config::flatten(&shown, &String::from_utf8_lossy(&bytes)).map_err(|why| failed(&why))?;
    Ok((shown, flat))
}
