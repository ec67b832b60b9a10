//! Runs the samples of a user's formats and says what is wrong with them, each with its place and what to do.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::cli::Failure;
use crate::cli::args::CheckArgs;
use crate::cli::formats;
use crate::cli::output::Streams;
use crate::cli::settings::Environment;
use crate::parse::changes;
use crate::parse::check::{self, Failure as Mistake};
use crate::parse::compile::LineFormat;
use crate::parse::folder::Kind;
use crate::parse::{FormatError, Formats};
use crate::report::{counted, sanitize, shorten};

/// Widest text of a sample that is shown.
const TEXT_WIDTH: usize = 160;

/// Reads the files and prints what is wrong.
pub fn run(args: &CheckArgs, environment: &Environment, streams: &mut Streams<'_>) -> Result<(), Failure> {
    let files = files(args, environment)?;
    let mut loaded = formats::load(&args.formats, environment)?;
    // What the command is about is reported below, with everything else about it.
    loaded.wrong.retain(|error| !files.iter().any(|file| file.display().to_string() == error.file));
    loaded.warn(streams);
    let known: Vec<(Kind, String)> = names(&loaded.formats);
    let mut report = Report::default();
    let mut fine = Vec::new();
    for file in &files {
        match loaded.formats.add_file(file) {
            Ok(added) => fine.push((file, added)),
            Err(wrong) => wrong.iter().for_each(|error| report.error(error)),
        }
    }
    let mut mistakes = check::check(&loaded.formats);
    mistakes.extend(changes::check::check(&loaded.formats));
    for (file, (kind, name)) in fine {
        let before = report.mistakes;
        mistakes.iter().filter(|m| m.path.as_deref() == Some(file.as_path())).for_each(|mistake| report.mistake(file, mistake));
        if report.mistakes == before {
            report.fine(file, &loaded.formats, (kind, &name), known.contains(&(kind, name.clone())));
        }
    }
    report.others(&mistakes, &files);
    report.end(&files, streams)
}

fn files(args: &CheckArgs, environment: &Environment) -> Result<Vec<PathBuf>, Failure> {
    let usual = environment.own_formats.as_deref().filter(|folder| folder.is_dir());
    let paths: Vec<&Path> = match args.paths.as_slice() {
        [] => args.formats.folders.iter().map(PathBuf::as_path).chain(usual).collect(),
        given => given.iter().map(PathBuf::as_path).collect(),
    };
    if paths.is_empty() {
        let place = environment.own_formats.as_ref().map(|p| format!("; {} is where those for every run go", p.display()));
        return Err(Failure::usage("there is no format to check", format!("name a file or a folder{}", place.unwrap_or_default())));
    }
    let mut files = Vec::new();
    let mut seen = BTreeSet::new();
    for path in paths {
        files.extend(formats::files(path)?.into_iter().filter(|file| seen.insert(file.clone())));
    }
    Ok(files)
}

fn names(formats: &Formats) -> Vec<(Kind, String)> {
    let lines = formats.lines().iter().map(|f| (Kind::Lines, f.name.clone()));
    let messages = formats.messages().iter().map(|f| (Kind::Messages, f.name.clone()));
    let changes = formats.changes().iter().map(|f| (Kind::Changes, f.name.clone()));
    lines.chain(messages).chain(changes).collect()
}

#[derive(Default)]
struct Report {
    text: String,
    mistakes: usize,
}

impl Report {
    fn line(&mut self, text: &str) {
        self.text.push_str(text);
        self.text.push('\n');
    }

    fn hint(&mut self, hint: Option<&str>) {
        if let Some(hint) = hint {
            self.line(&format!("    hint: {}", sanitize(hint)));
        }
    }

    fn wrong(&mut self, file: &str, line: Option<u64>, what: &str) {
        self.mistakes += 1;
        let place = line.map(|line| format!(":{line}")).unwrap_or_default();
        self.line(&format!("{}{place}: {}", sanitize(file), sanitize(what)));
    }

    fn error(&mut self, error: &FormatError) {
        self.wrong(&error.file, error.line, &format!("{}: {}", error.key, error.why));
        self.hint(error.hint.as_deref());
    }

    fn mistake(&mut self, file: &Path, mistake: &Mistake) {
        self.wrong(&file.display().to_string(), mistake.line, &mistake.why);
        if let Some(differs) = &mistake.differs {
            self.line(&format!("    expected  {}", quoted(&differs.expected)));
            self.line(&format!("    got       {}", quoted(&differs.found)));
        }
        if !mistake.text.is_empty() {
            self.line(&format!("    in        {}", shorten(&sanitize(&mistake.text), TEXT_WIDTH)));
        }
        self.hint(mistake.hint.as_deref());
    }

    fn fine(&mut self, file: &Path, formats: &Formats, (kind, name): (Kind, &str), known: bool) {
        let blocks = match kind {
            Kind::Lines => formats.lines().iter().find(|f| f.name == name).map(|f| (f.samples.len(), f.rejects.len())),
            Kind::Messages => formats.messages().iter().find(|f| f.name == name).map(|f| (f.samples.len(), f.rejects.len())),
            Kind::Changes => formats.changes().iter().find(|f| f.name == name).map(|f| (f.samples.len(), f.rejects.len())),
        };
        let (samples, rejects) = blocks.unwrap_or_default();
        let replaces = if known { "; takes the place of the format of this name" } else { "" };
        let proof = format!("{}, {}", counted(samples as u64, "sample"), counted(rejects as u64, "reject"));
        self.line(&format!("{}: fine, {proof}{replaces}", sanitize(&file.display().to_string())));
        for (line, why) in formats.lines().iter().filter(|f| kind == Kind::Lines && f.name == name).flat_map(LineFormat::slow) {
            self.line(&format!("    slow      line \"{}\" {why}: a regular expression decides on every line", sanitize(line)));
        }
    }

    /// Samples of other formats, all of which held before these files came; one mistake for each format.
    fn others(&mut self, mistakes: &[Mistake], files: &[PathBuf]) {
        let foreign = mistakes.iter().filter(|m| m.path.as_ref().is_none_or(|path| !files.contains(path)));
        let mut told: BTreeMap<&str, (&Mistake, usize)> = BTreeMap::new();
        for mistake in foreign {
            told.entry(&mistake.format).or_insert((mistake, 0)).1 += 1;
        }
        for (format, (first, count)) in told {
            let more = if count > 1 { format!(" (and {} more)", count - 1) } else { String::new() };
            self.wrong(&format!("format {format}"), None, &format!("a sample of it fails with these files: {}{more}", first.why));
            self.line(&format!("    in        {}", shorten(&sanitize(&first.text), TEXT_WIDTH)));
            self.hint(Some("a pattern of yours takes its lines: make it stricter, or lower its specificity"));
        }
    }

    fn end(self, files: &[PathBuf], streams: &mut Streams<'_>) -> Result<(), Failure> {
        streams.result(self.text.as_bytes())?;
        if self.mistakes == 0 {
            return Ok(());
        }
        let (mistakes, checked) = (counted(self.mistakes as u64, "mistake"), counted(files.len() as u64, "file"));
        Err(Failure::failed(format!("{mistakes} in {checked}"), None))
    }
}

/// An absent text must be seen as such.
fn quoted(text: &str) -> String {
    if text.is_empty() { "(nothing)".to_owned() } else { shorten(&sanitize(text), TEXT_WIDTH) }
}
