//! The line stopped after counting: what a bundle or a stretch of one log holds, for whoever merges it with the rest.

use std::io::{self, Read};
use std::ops::Range;

use rayon::prelude::*;

use super::{Counted, Counting, read_log};
use crate::model::{Options, Progress};
use crate::parse::{Formats, LogOutcome, piece};
use crate::read::{Bundle, Content, Source, SourceKind, content};
use crate::summary::{LogState, Manner, Summarised, Summary};
use crate::template::Flow;

/// Where the lines of a stretch come from.
pub enum Lines {
    /// From the file itself.
    OfFile,
    /// From here: those that begin in the range and no others.
    Given(Box<dyn Read + Send>),
}

/// Counts all logs of a bundle and keeps its other files.
pub fn summarise(bundle: &Bundle, formats: &Formats, options: &Options, progress: &dyn Progress) -> Summary {
    let logs = || bundle.sources.iter().filter(|source| source.kind == SourceKind::Log);
    progress.expect(logs().map(|source| source.bytes).sum());
    let counted = Counted::default();
    let read = |source: &Source| {
        if source.kind != SourceKind::Log {
            return Summarised { source: source.clone(), log: None };
        }
        progress.file_begun(&source.shown);
        let part = read_log(source, formats, (options, None), progress, &counted);
        progress.file_ended(&source.shown);
        let outcome = LogOutcome { coverage: part.coverage, complaints: part.complaints };
        Summarised { source: without_lines(source), log: Some(LogState::Whole(outcome)) }
    };
    let sources: Vec<Summarised> = bundle.sources.par_iter().map(read).collect();
    let (tally, flow) = counted.into_all().into_iter().reduce(|a, b| (a.0.joined(b.0), a.1.joined(b.1))).unwrap_or_default();
    // Texts are numbered in their own order, so that the same bundle makes the same bytes whoever was first.
    let flow = Flow::merged(vec![flow]);
    Summary { manner: Manner::of(options), sources, complaints: bundle.complaints.clone(), tally, flow, identity: String::new() }
}

/// Counts the lines of one log that begin within a range of its bytes. `head`: a file that begins as the log does, where that is not the
/// log itself.
///
/// # Errors
/// Of reading.
pub fn summarise_stretch(
    source: &Source,
    range: Range<u64>,
    (head, lines): (Option<&Source>, Lines),
    formats: &Formats,
    options: &Options,
    progress: &dyn Progress,
) -> io::Result<Summary> {
    progress.expect(range.end - range.start);
    progress.file_begun(&source.shown);
    let head = head.unwrap_or(source);
    let input = match lines {
        Lines::OfFile => content::stretch(&source.path, &range)?,
        Lines::Given(input) => input,
    };
    let watch = |bytes, lines| progress.advance(bytes, lines);
    let mut counting = Counting::new(source, (options, None), Default::default());
    let how = (formats, options.utc_offset);
    let (piece, format) = piece::read_piece(source, &piece::head_of(head)?, (range, input), how, &watch, &mut counting)?;
    let Counting { mut tally, flow, .. } =
        if piece.whole_only { Counting::new(source, (options, None), Default::default()) } else { counting };
    tally.name_source(&format);
    progress.file_ended(&source.shown);
    let begins = piece.range.start == 0;
    let log = Some(LogState::Pieces(vec![piece]));
    let digest = if begins { head.head_digest() } else { None };
    let source = Source { content: Content::Counted { head: digest }, ..source.clone() };
    Ok(Summary { manner: Manner::of(options), sources: vec![Summarised { source, log }], tally, flow, ..Summary::default() })
}

fn without_lines(source: &Source) -> Source {
    Source { content: Content::Counted { head: source.head_digest() }, ..source.clone() }
}
