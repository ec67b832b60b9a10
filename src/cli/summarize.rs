//! The commands `summarize` and `merge`: the line stopped after counting, for logs of many machines.

use std::fs;
use std::io::{self, Read};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::json;
use sha2::{Digest, Sha256};

use crate::analyze::{AnalyzeError, workers};
use crate::intake::{self, Lines, Planned};
use crate::model::{InstanceId, Options, Progress, Reach, ServiceName};
use crate::parse::{Formats, changes};
use crate::read::lines::STDIN;
use crate::read::{Bundle, Content, Source, SourceKind};
use crate::summary::{ENDING, LogState, Manner, SCHEMA, Summary};

use super::args::{ListFormatArg, MergeArgs, SummarizeArgs};
use super::output::{self, Streams};
use super::progress::TerminalProgress;
use super::settings::{self, Environment};
use super::{Failure, formats, hint};

/// Something to be summarised.
struct Request {
    source: Source,
    range: Option<Range<u64>>,
}

/// Counts a bundle, or a stretch of a file, and writes the summary.
pub fn run(args: &SummarizeArgs, environment: &Environment, streams: &mut Streams<'_>) -> Result<(), Failure> {
    let options = settings::reading(&args.span)?;
    let loaded = formats::load(&args.span.source.formats, environment)?;
    if !args.quiet {
        loaded.warn(streams);
    }
    if args.plan {
        return print_plan(args, &options, &loaded.formats, streams);
    }
    let (requests, complaints) = requests(args, &loaded.formats)?;
    let identity = identity(&requests, &options);
    let target = target(args.output.as_deref().unwrap_or(Path::new(".")), &identity);
    if Summary::identity_at(&target).as_deref() == Some(identity.as_str()) {
        return tell(args, &target, false, &[], streams);
    }
    let progress = TerminalProgress::new(environment.stderr_is_terminal && !args.quiet, environment.unicode());
    let workers = workers(options.threads).map_err(|error| Failure::failed(&error, hint(&error)))?;
    let made = workers.install(|| made(args, requests, &options, &loaded.formats, &progress));
    progress.clear();
    let mut summary = made?;
    summary.complaints.extend(complaints);
    summary.identity = identity;
    output::write_file_with(&target, &mut |out| summary.write(out))?;
    let cannot = whole_only(&summary);
    if !args.quiet {
        for shown in &cannot {
            streams.message("warning", &format!("{shown} cannot be read in pieces: summarize it as a whole"));
        }
    }
    tell(args, &target, true, &cannot, streams)
}

/// Writes one summary of several.
pub fn merge(args: &MergeArgs, streams: &mut Streams<'_>) -> Result<(), Failure> {
    let mut paths = Vec::new();
    for path in &args.paths {
        below(path, &mut paths).map_err(|e| Failure::failed(format!("cannot read {}: {e}", path.display()), None))?;
    }
    if paths.is_empty() {
        let hint = format!("summaries end in {ENDING}; `whatchanged summarize` makes them");
        return Err(Failure::failed("no summaries there", Some(hint)));
    }
    let summary = intake::merged(&paths).map_err(|e| Failure::failed(&e, None))?;
    output::write_file_with(&args.output, &mut |out| summary.write(out))?;
    streams.result(format!("{}\n", args.output.display()).as_bytes())
}

/// Summaries below a folder, by name; any file by itself.
fn below(path: &Path, into: &mut Vec<PathBuf>) -> io::Result<()> {
    if !path.is_dir() {
        fs::metadata(path)?;
        into.push(path.to_path_buf());
        return Ok(());
    }
    let mut entries = fs::read_dir(path)?.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<Vec<PathBuf>>>()?;
    entries.sort();
    for entry in entries {
        let name = entry.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if !name.starts_with('.') && (entry.is_dir() || name.ends_with(ENDING)) {
            below(&entry, into)?;
        }
    }
    Ok(())
}

fn opened(paths: &[PathBuf], reach: Reach, formats: &Formats) -> Result<Bundle, Failure> {
    Bundle::open_with(paths, reach, &|head| changes::is_export(head, formats)).map_err(|error| {
        let error = AnalyzeError::Bundle(error);
        Failure::failed(&error, hint(&error))
    })
}

fn print_plan(args: &SummarizeArgs, options: &Options, formats: &Formats, streams: &mut Streams<'_>) -> Result<(), Failure> {
    let split = args.split_size.as_deref().map(settings::size).transpose()?;
    let mut text = String::new();
    for planned in intake::plan(&opened(&args.paths, options.reach, formats)?, formats, options, split) {
        text.push_str(&serde_json::to_string(&planned).map_err(|e| Failure::failed(e, None))?);
        text.push('\n');
    }
    streams.result(text.as_bytes())
}

type Complaints = Vec<crate::model::Complaint>;

fn requests(args: &SummarizeArgs, formats: &Formats) -> Result<(Vec<Request>, Complaints), Failure> {
    let planned = match (&args.pieces, args.piece.is_empty()) {
        (Some(path), _) => {
            let text = fs::read_to_string(path).map_err(|e| Failure::failed(format!("cannot read {}: {e}", path.display()), None))?;
            let shard = args.shard.as_deref().map(settings::shard).transpose()?;
            let lines = text.lines().filter(|line| !line.trim().is_empty()).enumerate();
            lines.filter(|(at, _)| shard.is_none_or(|(i, n)| at % n == i)).map(|(_, line)| line.to_owned()).collect()
        }
        (None, false) => args.piece.clone(),
        (None, true) => return found(args, formats),
    };
    let (mut requests, mut complaints) = (Vec::new(), Vec::new());
    for line in planned {
        let planned: Planned = serde_json::from_str(&line)
            .map_err(|e| Failure::usage(format!("not a piece: {e}"), "`whatchanged summarize PATH --plan` prints pieces"))?;
        if let Some(complaint) = planned.as_complaint() {
            complaints.push(complaint);
            continue;
        }
        let source = planned.as_source().map_err(|e| Failure::usage(e, "`whatchanged summarize PATH --plan` prints pieces"))?;
        requests.push(Request { range: planned.range(), source });
    }
    if args.stdin && requests.len() != 1 {
        return Err(Failure::usage("--stdin is for one piece", "run the command once for each"));
    }
    Ok((requests, complaints))
}

/// The files at paths, some of them with a range of bytes.
fn found(args: &SummarizeArgs, formats: &Formats) -> Result<(Vec<Request>, Complaints), Failure> {
    let ranged: Vec<(PathBuf, Option<Range<u64>>)> = args.paths.iter().map(|path| with_range(path)).collect();
    let (mut requests, mut complaints) = (Vec::new(), Vec::new());
    let whole: Vec<PathBuf> = ranged.iter().filter(|(_, range)| range.is_none()).map(|(path, _)| path.clone()).collect();
    let mut add = |paths: &[PathBuf], range: Option<&Range<u64>>| -> Result<(), Failure> {
        let bundle = opened(paths, args.span.source.reach.reach(), formats)?;
        complaints.extend(bundle.complaints);
        if let Some(summary) = bundle.sources.iter().find(|source| source.kind == SourceKind::Parquet && Summary::is_at(&source.path)) {
            let hint = "`whatchanged merge` makes one summary of several".to_owned();
            return Err(Failure::failed(format!("{} is a summary already", summary.path.display()), Some(hint)));
        }
        for source in bundle.sources {
            let range = range.map(|range| range.start..range.end.min(source.bytes)).filter(|range| *range != (0..source.bytes));
            requests.push(Request { source, range });
        }
        Ok(())
    };
    if !whole.is_empty() {
        add(&whole, None)?;
    }
    for (path, range) in ranged.iter().filter(|(_, range)| range.is_some()) {
        add(std::slice::from_ref(path), range.as_ref())?;
    }
    name(args, &mut requests)?;
    Ok((requests, complaints))
}

/// Gives the only file the names that were typed.
fn name(args: &SummarizeArgs, requests: &mut [Request]) -> Result<(), Failure> {
    if args.service.is_none() && args.instance.is_none() && args.source.is_none() {
        return Ok(());
    }
    let [request] = requests else {
        return Err(Failure::usage("--service, --instance and --source are for one file", "name one file"));
    };
    let source = &mut request.source;
    source.service = args.service.as_deref().map(ServiceName::new).or(source.service.take());
    source.instance = args.instance.as_deref().map(InstanceId::new).or(source.instance.take());
    if let Some(shown) = &args.source {
        source.shown = Arc::from(shown.as_str());
    }
    Ok(())
}

/// `app.log:0-1000` -> (`app.log`, 0..1000), unless a file is really called so.
fn with_range(path: &Path) -> (PathBuf, Option<Range<u64>>) {
    let text = path.to_string_lossy();
    let range = |text: &str| {
        let (start, end) = text.split_once('-')?;
        Some(start.parse().ok()?..end.parse().ok()?)
    };
    match text.rsplit_once(':').and_then(|(file, rest)| Some((file, range(rest)?))) {
        Some((file, range)) if fs::symlink_metadata(path).is_err() => (PathBuf::from(file), Some(range)),
        _ => (path.to_path_buf(), None),
    }
}

/// What the summary of these would hold: not where files lie, but all that decides on the outcome.
fn identity(requests: &[Request], options: &Options) -> String {
    let mut hasher = Sha256::new().chain_update(format!("{SCHEMA} {} {:?}\0", env!("CARGO_PKG_VERSION"), Manner::of(options)));
    for Request { source, range } in requests {
        let written = fs::metadata(&source.path).and_then(|meta| meta.modified()).ok();
        let Source { shown, kind, service, instance, bytes, near, .. } = source;
        hasher.update(format!("{shown:?} {kind:?} {service:?} {instance:?} {bytes} {near:?} {range:?} {written:?}\0"));
    }
    hasher.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

fn target(output: &Path, identity: &str) -> PathBuf {
    if output.is_dir() || output.to_string_lossy().ends_with('/') {
        output.join(format!("{identity}{ENDING}"))
    } else {
        output.to_path_buf()
    }
}

/// Reads all: whole files together, stretches one by one.
fn made(
    args: &SummarizeArgs,
    requests: Vec<Request>,
    options: &Options,
    formats: &Formats,
    progress: &dyn Progress,
) -> Result<Summary, Failure> {
    let (stretches, whole): (Vec<Request>, Vec<Request>) = requests.into_iter().partition(|request| request.range.is_some());
    let mut whole: Vec<Source> = whole.into_iter().map(|request| request.source).collect();
    if args.stdin {
        whole.iter_mut().try_for_each(given)?;
    }
    whole.sort_by(|a, b| a.shown.cmp(&b.shown));
    let bundle = Bundle { sources: whole, ..Bundle::default() };
    let mut summary = intake::summarise(&bundle, formats, options, progress);
    let head = args.head.as_deref().map(head_file).transpose()?;
    for Request { source, range } in stretches {
        let lines = if args.stdin { Lines::Given(Box::new(io::stdin())) } else { Lines::OfFile };
        let from = (head.as_ref(), lines);
        let stretch = intake::summarise_stretch(&source, range.unwrap_or_default(), from, formats, options, progress);
        let stretch = stretch.map_err(|e| Failure::failed(format!("cannot read {}: {e}", source.path.display()), None))?;
        summary = Summary::merged(vec![summary, stretch]).map_err(|e| Failure::failed(e, None))?;
    }
    Ok(summary)
}

/// A file whose bytes come from standard input.
fn given(source: &mut Source) -> Result<(), Failure> {
    if source.kind == SourceKind::Log {
        source.path = PathBuf::from(STDIN);
        return Ok(());
    }
    let mut bytes = Vec::new();
    io::stdin().read_to_end(&mut bytes).map_err(|e| Failure::failed(format!("cannot read standard input: {e}"), None))?;
    source.content = Content::Kept(bytes.into());
    Ok(())
}

fn head_file(path: &Path) -> Result<Source, Failure> {
    let bytes = fs::metadata(path).map_err(|e| Failure::failed(format!("cannot read {}: {e}", path.display()), None))?.len();
    let planned = Planned { path: path.to_path_buf(), kind: SourceKind::Log.name().to_owned(), bytes, ..Planned::default() };
    planned.as_source().map_err(|e| Failure::failed(e, None))
}

/// Logs of which pieces were asked for and that have none.
fn whole_only(summary: &Summary) -> Vec<String> {
    let refused = |log: &Option<LogState>| matches!(log, Some(LogState::Pieces(pieces)) if pieces.iter().any(|piece| piece.whole_only));
    summary.sources.iter().filter(|s| refused(&s.log)).map(|s| s.source.shown.to_string()).collect()
}

fn tell(args: &SummarizeArgs, target: &Path, made: bool, whole_only: &[String], streams: &mut Streams<'_>) -> Result<(), Failure> {
    let bytes = fs::metadata(target).map_or(0, |meta| meta.len());
    match args.format {
        ListFormatArg::Terminal => streams.result(format!("{}\n", target.display()).as_bytes()),
        ListFormatArg::Json => {
            let told = json!({"summary": target.to_string_lossy(), "made": made, "bytes": bytes, "whole_only": whole_only});
            streams.result(format!("{told}\n").as_bytes())
        }
    }
}
