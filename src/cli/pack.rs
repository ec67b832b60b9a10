//! The command `pack`: a bundle as one file that can be shared.

use crate::analyze::AnalyzeError;
use crate::dossier;
use crate::pack;
use crate::parse::changes;
use crate::read::Bundle;
use crate::redact::Redactor;

use super::args::PackArgs;
use super::output::{self, Streams};
use super::settings::Environment;
use super::{Failure, formats, hint};

/// Writes the archive, with remarks on what was left out or replaced.
pub fn run(args: &PackArgs, environment: &Environment, streams: &mut Streams<'_>) -> Result<(), Failure> {
    let loaded = formats::load(&args.formats, environment)?;
    let bundle = Bundle::open_with(&args.paths, args.reach.reach(), &|head| changes::is_export(head, &loaded.formats));
    let bundle = bundle.map_err(|e| {
        let error = AnalyzeError::Bundle(e);
        Failure::failed(&error, hint(&error))
    })?;
    let redactor = args.redact.then(|| Redactor::new(&dossier::salt(&bundle), args.redact_ips));
    let mut archive = Vec::new();
    let packed = pack::pack(&bundle, redactor.as_ref(), &mut archive).map_err(|e| Failure::failed(&e, None))?;
    output::write_file(&args.output, &archive)?;
    if !args.quiet {
        packed.remarks.iter().for_each(|(path, why)| streams.message("warning", &format!("{path}: {why}")));
        let replaced = if args.redact { format!(", something replaced in {} lines", packed.redacted_lines) } else { String::new() };
        streams.message("packed", &format!("{} files into {}{replaced}", packed.files, args.output.display()));
    }
    Ok(())
}
