//! Writes a log made of the formats' own samples to standard output: the same bytes for the same arguments.
//!
//! `cargo run --release --example corpus -- mixed 64M > mixed-64M.log`; `list` tells the formats.

use std::io::Write;
use std::process::ExitCode;

// By themselves, without the program: a test run builds examples, too.
#[path = "../benches/support/corpus.rs"]
mod corpus;
#[path = "../benches/support/random.rs"]
mod random;

const USAGE: &str = "usage: corpus list | corpus FORMAT|mixed SIZE[K|M|G] [SEED]";
/// Larger corpora are written in parts of this size, each with a seed of its own.
const PART: usize = 64 << 20;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let written = match arguments.as_slice() {
        ["list"] => write(corpus::formats().iter().map(|format| format!("{}\n", format.name)).collect::<String>().as_bytes()),
        [name, bytes] => of(name, bytes, "1"),
        [name, bytes, seed] => of(name, bytes, seed),
        _ => Err(USAGE.to_owned()),
    };
    match written {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            let _ = writeln!(std::io::stderr(), "{why}");
            ExitCode::FAILURE
        }
    }
}

fn of(name: &str, bytes: &str, seed: &str) -> Result<(), String> {
    let (bytes, seed) = (size(bytes).ok_or(USAGE)?, seed.parse::<u64>().map_err(|_| USAGE)?);
    let format = corpus::formats().into_iter().find(|format| format.name == name);
    if format.is_none() && name != "mixed" {
        return Err(format!("no format {name}; `corpus list` tells them"));
    }
    for (part, begin) in (0..bytes).step_by(PART).enumerate() {
        let (length, seed) = (PART.min(bytes - begin), seed.wrapping_add(part as u64));
        write(&match &format {
            Some(format) => corpus::of_format(format, length, seed),
            None => corpus::mixed(length, seed),
        })?;
    }
    Ok(())
}

fn write(bytes: &[u8]) -> Result<(), String> {
    std::io::stdout().lock().write_all(bytes).map_err(|e| e.to_string())
}

/// `64M` -> 67,108,864.
fn size(text: &str) -> Option<usize> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let shift = match text[digits.len()..].to_ascii_uppercase().as_str() {
        "" => 0,
        "K" => 10,
        "M" => 20,
        "G" => 30,
        _ => return None,
    };
    digits.parse::<usize>().ok()?.checked_mul(1 << shift)
}
