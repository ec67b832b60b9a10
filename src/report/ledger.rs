//! The words of the coverage ledger, the same in every report: what was read, what was not understood, who fell silent.
//!
//! What is doubtful, the ledger itself says.

use crate::model::{Coverage, Crowd, Gap, SourceCoverage};

use super::text::{count, counted, duration, percent, sanitize, shorten};

/// Files that are warned of by name.
const FILES_NAMED: usize = 3;

/// Widest quotation of a line that was not understood.
const LINE_WIDTH: usize = 120;

/// A reason to distrust the conclusion.
#[derive(Clone, Debug, PartialEq)]
pub struct Warning {
    /// The file's path as written; `None`: all of them together.
    pub source: Option<String>,
    /// Share understood, 0 to 1.
    pub share: f64,
    /// A sentence without its full stop, sanitized.
    pub text: String,
    /// Whether it puts the whole answer in doubt, so that it is told before it.
    pub of_answer: bool,
}

/// The warnings that put the whole answer in doubt.
pub fn doubts(coverage: &Coverage) -> Vec<Warning> {
    warnings(coverage).into_iter().filter(|warning| warning.of_answer).collect()
}

/// The other warnings.
pub fn remarks(coverage: &Coverage) -> Vec<Warning> {
    warnings(coverage).into_iter().filter(|warning| !warning.of_answer).collect()
}

/// The whole, then the files that lost the most lines, then what is wrong with the bundle, then what there was too much of.
pub fn warnings(coverage: &Coverage) -> Vec<Warning> {
    let missed = coverage.lines() - coverage.understood().min(coverage.lines());
    let (were, they_say) = if missed == 1 { ("was", "it says") } else { ("were", "they say") };
    let whole = coverage.is_doubtful().then(|| Warning {
        source: None,
        share: coverage.share(),
        text: format!(
            "{} of {} {were} not understood: what {they_say} is missing from this conclusion",
            count(missed),
            counted(coverage.lines(), "line")
        ),
        of_answer: true,
    });
    let doubtful = coverage.doubtful_sources();
    let files = doubtful.iter().take(FILES_NAMED).map(|source| Warning {
        source: Some(source.path.clone()),
        share: source.share(),
        text: file_warning(source),
        of_answer: false,
    });
    let rest = doubtful.len().saturating_sub(FILES_NAMED);
    let mut all: Vec<Warning> = whole.into_iter().chain(files).collect();
    if rest > 0
        && let Some(last) = all.last_mut()
    {
        last.text.push_str(&format!("; {} like it", counted(rest as u64, "more file")));
    }
    let of_bundle = coverage.complaints.iter().filter(|complaint| complaint.is_of_bundle());
    let general = |text: String, of_answer: bool| Warning { source: None, share: coverage.share(), text, of_answer };
    all.extend(of_bundle.map(|complaint| general(sanitize(&complaint.why), true)));
    all.extend(coverage.crowds.iter().map(|crowd| general(crowd_warning(crowd), false)));
    all
}

fn crowd_warning(crowd: &Crowd) -> String {
    let of = if crowd.service.as_str().is_empty() { String::new() } else { format!(" of {}", sanitize(crowd.service.as_str())) };
    format!("too many {}{of} to count each by itself: a sample of them is, the others are counted together", crowd.of)
}

fn file_warning(source: &SourceCoverage) -> String {
    let first = source.misread.first().map(|(line, text)| format!(", first line {line}: {}", shorten(&sanitize(text), LINE_WIDTH)));
    format!(
        "{}: {} understood of {}, taken for {}{}",
        sanitize(&source.path),
        percent(source.share()),
        counted(source.lines, "line"),
        sanitize(&source.format),
        first.unwrap_or_default()
    )
}

/// Every silence, by file and time: the file, the silence, its sentence.
pub fn gaps(coverage: &Coverage) -> Vec<(&SourceCoverage, &Gap, String)> {
    let all = coverage.sources.iter().flat_map(|source| source.gaps.iter().map(move |gap| (source, gap)));
    all.map(|(source, gap)| (source, gap, silence(source, gap))).collect()
}

fn silence(source: &SourceCoverage, gap: &Gap) -> String {
    let until = if gap.to_the_end { "to the end of the data".to_owned() } else { format!("to {}", gap.span.end.clock()) };
    let usual = source.rhythm.map(|seconds| format!("; up to {} would be usual for it", duration(seconds))).unwrap_or_default();
    let (start, length) = (gap.span.start, duration(gap.span.seconds()));
    format!("{} silent for {length}, from {} {} {until}{usual}", sanitize(&source.path), start.date(), start.clock())
}

/// The ledger in one line.
pub fn summary(coverage: &Coverage) -> String {
    format!(
        "{}, {}, {} understood",
        counted(coverage.sources.len() as u64, "source"),
        counted(coverage.lines(), "line"),
        percent(coverage.share())
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Complaint, Origin};
    use crate::report::samples;

    #[test]
    fn warnings_name_the_whole_and_the_files() {
        assert_eq!(warnings(&samples::rich().coverage), []);
        let doubtful = warnings(&samples::uncertain(0.5).coverage);
        assert_eq!(doubtful.iter().map(|w| w.source.as_deref()).collect::<Vec<_>>(), [None, Some("logs/orders/orders.log.gz")]);
        assert!(doubtful[1].text.ends_with("taken for json lines, first line 17: %%% not a log line"), "{doubtful:?}");
        let many: Vec<SourceCoverage> =
            (0..9).map(|i| SourceCoverage { path: format!("{i}\u{1b}"), lines: 10, ..SourceCoverage::default() }).collect();
        let told = warnings(&Coverage { sources: many, ..Coverage::default() });
        assert_eq!(told.len(), 1 + FILES_NAMED);
        assert!(told.last().is_some_and(|w| w.text.ends_with("; 6 more files like it") && !w.text.contains('\u{1b}')), "{told:?}");
        let complaint = |path| Complaint { origin: Origin::file(path), why: "deeper than 40 folders: not read".to_owned(), more: 0 };
        let told = warnings(&Coverage { complaints: vec![complaint("a.log"), complaint(Origin::BUNDLE)], ..Coverage::default() });
        assert_eq!(told.iter().map(|w| (w.text.as_str(), w.of_answer)).collect::<Vec<_>>(), [("deeper than 40 folders: not read", true)]);
        let coverage = samples::uncertain(0.5).coverage;
        assert_eq!((doubts(&coverage).len(), remarks(&coverage).len()), (1, warnings(&coverage).len() - 1));
    }
}
