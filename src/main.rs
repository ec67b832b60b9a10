//! Entry point: everything happens in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    whatchanged::cli::run()
}
