//! The command `alerts`: rules for what was found, with what they would have done.

use std::path::Path;

use crate::report::alerts as files;

use super::args::AlertsArgs;
use super::output::{self, Streams};
use super::settings::Environment;
use super::{Failure, Wanted, judged};

/// Writes the rules, and their test where one was asked for.
pub fn run(args: &AlertsArgs, environment: &Environment, streams: &mut Streams<'_>) -> Result<(), Failure> {
    let wanted = Wanted { exhibits: true, redaction: None, quiet: args.quiet };
    let analysis = judged(&args.paths, &args.judge, &wanted, environment, streams)?;
    let rules = files::prometheus(&analysis);
    if let Some(path) = &args.loki {
        output::write_file(path, files::loki(&analysis).as_bytes())?;
    }
    let Some(path) = args.output.as_deref().filter(|path| path.as_os_str() != "-") else {
        return streams.result(rules.as_bytes());
    };
    output::write_file(path, rules.as_bytes())?;
    if let Some(test) = &args.test {
        output::write_file(test, files::promtool_test(&analysis, &from(test, path)).as_bytes())?;
    }
    if args.quiet { Ok(()) } else { streams.result(files::summary(&analysis).as_bytes()) }
}

/// The rules as the test names them: promtool looks beside the test.
fn from(test: &Path, rules: &Path) -> String {
    let folder = |path: &Path| {
        path.parent()
            .map(|p| std::fs::canonicalize(if p.as_os_str().is_empty() { Path::new(".") } else { p }).unwrap_or_else(|_| p.to_path_buf()))
    };
    let path = match (folder(test) == folder(rules), rules.file_name()) {
        (true, Some(name)) => name.into(),
        _ => std::fs::canonicalize(rules).unwrap_or_else(|_| rules.to_path_buf()),
    };
    path.to_string_lossy().into_owned()
}
