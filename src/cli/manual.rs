//! What an installation puts beside the program, made from the same description of the arguments: completions and manual pages.

use std::path::Path;

use clap::CommandFactory;

use super::Failure;
use super::args::Arguments;
use super::output::Streams;

/// Prints a script that completes arguments.
pub fn completions(shell: clap_complete::Shell, streams: &mut Streams<'_>) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), env!("CARGO_PKG_NAME"), &mut script);
    streams.result(&script)
}

/// Writes one manual page a command into a folder.
pub fn pages(folder: &Path, streams: &mut Streams<'_>) -> Result<(), Failure> {
    let failed = |e: std::io::Error| {
        Failure::failed(
            format!("cannot write manual pages to {}: {e}", folder.display()),
            Some("name a folder that can be written".to_owned()),
        )
    };
    std::fs::create_dir_all(folder).map_err(failed)?;
    clap_mangen::generate_to(Arguments::command(), folder).map_err(failed)?;
    streams.message("written", &format!("manual pages in {}", folder.display()));
    Ok(())
}
