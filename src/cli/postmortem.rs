//! The command `postmortem`: a draft of what happened, for people to finish.

use std::path::Path;

use crate::redact::{self, Redactor};
use crate::report::postmortem::{self as draft, DEFAULT_TEMPLATE, UnknownPiece};
use crate::report::{View, sanitize};

use super::args::PostmortemArgs;
use super::output::{self, Streams};
use super::settings::{self, Environment};
use super::{Failure, judged};

/// Larger forms are no forms.
const LARGEST_FORM: u64 = 1 << 20;

pub fn run(args: &PostmortemArgs, environment: &Environment, streams: &mut Streams<'_>) -> Result<(), Failure> {
    let form = args.template.as_deref().map(form).transpose()?;
    let mut analysis = judged(&args.paths, &args.judge, args.quiet, environment, streams)?;
    if let Some(redaction) = settings::redaction(args.redact, true) {
        let redactor = Redactor::new(&analysis.dossier.salt, redaction.addresses);
        redact::walk::analysis(&mut analysis, &redactor);
    }
    let text = draft::render(&analysis, form.as_deref().unwrap_or(DEFAULT_TEMPLATE), &View::default());
    let text = text.map_err(|unknown| misspelt(&unknown, args.template.as_deref()))?;
    if !args.quiet && analysis.verdicts.len() > 1 {
        let others = analysis.verdicts.len() - 1;
        streams.message(
            "note",
            &format!("the draft is about the worst incident; {others} more in the data, name one with --incident START..END"),
        );
    }
    match args.output.as_deref().filter(|path| path.as_os_str() != "-") {
        Some(path) => output::write_file(path, text.as_bytes()),
        None => streams.result(text.as_bytes()),
    }
}

fn form(path: &Path) -> Result<String, Failure> {
    let failed = |why: &str| {
        Failure::failed(
            format!("cannot use the form {}: {why}", sanitize(&path.display().to_string())),
            Some("name a text file".to_owned()),
        )
    };
    let metadata = std::fs::metadata(path).map_err(|e| failed(&e.to_string()))?;
    if !metadata.is_file() || metadata.len() > LARGEST_FORM {
        return Err(failed("not a form"));
    }
    let bytes = std::fs::read(path).map_err(|e| failed(&e.to_string()))?;
    String::from_utf8(bytes).map_err(|_| failed("not UTF-8"))
}

fn misspelt(unknown: &UnknownPiece, form: Option<&Path>) -> Failure {
    let at = form.map(|p| format!("{}:{}: ", p.display(), unknown.line)).unwrap_or_default();
    let known = UnknownPiece::known();
    let near = known
        .iter()
        .min_by_key(|name| distance(name, &unknown.name))
        .filter(|name| distance(name, &unknown.name) <= (unknown.name.len() / 2).min(3));
    let hint = match near {
        Some(name) => format!("did you mean {{{{{name}}}}}? the pieces are {}", known.join(", ")),
        None => format!("the pieces are {}", known.join(", ")),
    };
    Failure::failed(format!("{at}there is no piece {{{{{}}}}}", sanitize(&unknown.name)), Some(hint))
}

/// Edits of single characters between two words (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().take(40).collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().take(40).enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_piece_is_helped() {
        let failure = misspelt(&UnknownPiece { name: "time_line".into(), line: 7 }, Some(Path::new("f.md")));
        assert!(failure.message.starts_with("f.md:7: ") && failure.hint.unwrap().starts_with("did you mean {{timeline}}?"));
        assert!(misspelt(&UnknownPiece { name: "x".into(), line: 1 }, None).hint.unwrap().starts_with("the pieces are title"));
    }
}
