//! The commands `analyze`, and `demo`, which is the same on a recording that comes with the program.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use include_dir::{Dir, DirEntry, include_dir};

use crate::report::{self, AnalysisFormat, Format, rows};

use super::args::{AnalyzeArgs, DemoArgs, JudgeArgs};
use super::output::{self, Streams};
use super::settings::{Environment, Settings};
use super::{Failure, Wanted, history, judged};

/// The outage of a web shop, recorded in a lab: the sample that the README begins with.
static RECORDING: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/samples/checkout-outage");
/// Its name as a folder.
const RECORDING_NAME: &str = "checkout-outage";

/// Analyses a bundle and writes the report.
pub fn run(args: &AnalyzeArgs, environment: &Environment, streams: &mut Streams<'_>) -> Result<(), Failure> {
    let settings = Settings::of(&args.shown, environment);
    let wanted = Wanted { exhibits: settings.format.wants_exhibits(), redaction: settings.redaction, quiet: args.shown.quiet };
    let analysis = judged(&args.paths, &args.judge, &wanted, environment, streams)?;
    if let Some(dir) = &args.history {
        let mut rows = rows::changes(&analysis.changes);
        rows.extend(rows::incidents(&analysis));
        rows.extend(rows::run("analyze", analysis.span, &analysis.coverage));
        history::add(dir, &rows)?;
    }
    let text = report::render(&analysis, settings.format, &settings.view);
    match &settings.output {
        Some(path) => output::write_file(path, text.as_bytes()),
        None => streams.result(text.as_bytes()),
    }
}

/// Shows the analysis of the recording, or writes the recording itself where `--keep` says.
pub fn demo(args: &DemoArgs, environment: &Environment, streams: &mut Streams<'_>) -> Result<(), Failure> {
    if let Some(folder) = &args.keep {
        write(&RECORDING, folder).map_err(|e| cannot_keep(folder, &e))?;
        return streams.result(next_steps(folder).as_bytes());
    }
    let failed = |e: std::io::Error| {
        let hint = "set TMPDIR to a folder that can be written, or use --keep DIR";
        Failure::failed(format!("cannot write the recording to a temporary folder: {e}"), Some(hint.to_owned()))
    };
    let temporary = tempfile::tempdir().map_err(failed)?;
    let folder = temporary.path().join(RECORDING_NAME);
    fs::create_dir(&folder).and_then(|()| write(&RECORDING, &folder)).map_err(failed)?;
    let told = !args.shown.quiet && Settings::of(&args.shown, environment).format == AnalysisFormat::Common(Format::Terminal);
    if told {
        streams.raw_message(STORY);
    }
    let analysed = AnalyzeArgs { paths: vec![folder], shown: args.shown.clone(), history: None, judge: JudgeArgs::default() };
    run(&analysed, environment, streams)?;
    if told {
        streams.raw_message(MORE);
    }
    Ok(())
}

const STORY: &str = "\
A recorded outage: a deploy set a web shop's connection pool from 15 to 1. The
tool is given logs, metrics, the list of changes and the configurations of nine
services, and not told what happened.

";

const MORE: &str = "
whatchanged demo --all            everything that was found
whatchanged demo --keep DIR       the recording's files, to look at and to try
                                  the other commands on
whatchanged analyze YOUR-LOGS/    the same on a folder of yours
";

/// What can be tried on the files of the recording.
fn next_steps(folder: &Path) -> String {
    let shown = report::sanitize(&folder.display().to_string());
    let mut text = format!("The recording of the demo is in {shown}. Try\n");
    for (command, what) in [
        ("analyze", "what happened, and why"),
        ("risk", "how dangerous each change looked before"),
        ("verify", "what became of each change"),
        ("db", "what the database's log says"),
        ("capacity", "whether the pools are large enough"),
        ("postmortem", "a draft for the write-up"),
    ] {
        let _ = writeln!(text, "  {:<44} {what}", format!("whatchanged {command} {shown}"));
    }
    text
}

fn write(dir: &Dir<'_>, folder: &Path) -> std::io::Result<()> {
    fs::create_dir_all(folder)?;
    for entry in dir.entries() {
        let path: PathBuf = folder.join(entry.path().file_name().unwrap_or_default());
        match entry {
            DirEntry::Dir(dir) => write(dir, &path)?,
            // What somebody keeps under that name is theirs.
            DirEntry::File(file) => fs::File::create_new(&path).and_then(|mut f| std::io::Write::write_all(&mut f, file.contents()))?,
        }
    }
    Ok(())
}

fn cannot_keep(folder: &Path, error: &std::io::Error) -> Failure {
    let hint = match error.kind() {
        std::io::ErrorKind::AlreadyExists => "name a folder that does not exist yet, or an empty one",
        _ => "name a folder that can be written",
    };
    Failure::failed(format!("cannot write the recording to {}: {error}", folder.display()), Some(hint.to_owned()))
}
