//! The command `postmortem`: a draft of what happened, for people to finish.

use std::path::Path;

use crate::parse::suggest::nearest;
use crate::report::postmortem::{self as draft, DEFAULT_TEMPLATE, UnknownPiece};
use crate::report::{View, sanitize};

use super::args::PostmortemArgs;
use super::output::{self, Streams};
use super::settings::{self, Environment};
use super::{Failure, Wanted, judged};

/// Larger forms are no forms.
const LARGEST_FORM: u64 = 1 << 20;

/// Writes the draft about the worst incident.
pub fn run(args: &PostmortemArgs, environment: &Environment, streams: &mut Streams<'_>) -> Result<(), Failure> {
    let form = args.template.as_deref().map(form).transpose()?;
    let wanted = Wanted { exhibits: true, redaction: settings::redaction(args.redact, true), quiet: args.quiet };
    let analysis = judged(&args.paths, &args.judge, &wanted, environment, streams)?;
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
    let near = nearest(&unknown.name, known.iter().copied());
    let hint = match near {
        Some(name) => format!("did you mean {{{{{name}}}}}? the pieces are {}", known.join(", ")),
        None => format!("the pieces are {}", known.join(", ")),
    };
    Failure::failed(format!("{at}there is no piece {{{{{}}}}}", sanitize(&unknown.name)), Some(hint))
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
