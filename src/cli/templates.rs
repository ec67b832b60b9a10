//! The command `templates`: what kinds of message the logs hold.

use std::path::Path;

use crate::analyze::{AnalyzeError, workers};
use crate::mine;
use crate::parse::changes;
use crate::read::Bundle;
use crate::read::lines::STDIN;
use crate::report::{View, templates};

use super::args::{ListFormatArg, TemplatesArgs};
use super::output::Streams;
use super::progress::TerminalProgress;
use super::settings::{self, DEFAULT_WIDTH, Environment};
use super::{Failure, formats, hint, warn};

/// Lists the kinds of message, or takes every line apart.
pub fn run(args: &TemplatesArgs, environment: &Environment, streams: &mut Streams<'_>) -> Result<(), Failure> {
    let options = settings::reading(&args.span)?;
    if args.per_line && args.paths.iter().any(|path| path == Path::new(STDIN)) {
        let hint = "save it to a file first";
        return Err(Failure::usage("--per-line reads its input twice, which standard input cannot be", hint));
    }
    let failure = |error: AnalyzeError| Failure::failed(&error, hint(&error));
    let workers = workers(options.threads).map_err(failure)?;
    let progress = TerminalProgress::new(environment.stderr_is_terminal && !args.quiet, environment.unicode());
    let loaded = formats::load(&args.span.source.formats, environment)?;
    if !args.quiet {
        loaded.warn(streams);
    }
    let formats = loaded.formats;
    let bundle = Bundle::open_with(&args.paths, options.reach, &|head| changes::is_export(head, &formats))
        .map_err(|e| failure(AnalyzeError::Bundle(e)))?;
    let mined = workers.install(|| mine::mine(&bundle, &formats, &options, &progress));
    progress.clear();
    if !args.quiet {
        warn(&mined.coverage, streams);
    }
    if args.per_line {
        streams.result(templates::LINE_HEADER.as_bytes())?;
        return streams.lines(&mut |out, failed| {
            mine::each_line(&bundle, &formats, &options, &mined, &mut |line| {
                if failed.is_none() {
                    *failed = templates::write_line(line, out).err();
                }
            });
        });
    }
    let view =
        View { width: environment.columns.unwrap_or(DEFAULT_WIDTH), unicode: environment.unicode(), all: args.all, ..View::default() };
    let text = match args.format {
        _ if args.quiet => templates::totals(&mined.templates, &mined.coverage),
        ListFormatArg::Terminal => templates::table(&mined.templates, &mined.coverage, &view),
        ListFormatArg::Json => templates::json(&mined.templates, &mined.coverage),
    };
    streams.result(text.as_bytes())
}
