//! The fuzz targets without a fuzzer: every seed, and seeded mutations of them. With a fuzzer: fuzz/README.md.

#[path = "../../fuzz/harness.rs"]
mod harness;

use std::fs;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use harness::{TARGETS, Target};

use crate::tool::root;

/// Mutations of each seed in a plain test run.
const MUTATIONS: usize = 12;
/// Seconds for each target instead, for a long search.
const SECONDS: &str = "WHATCHANGED_FUZZ_SECONDS";
/// Longest input that mutations make.
const LONGEST: usize = 64 * 1024;
/// Slowest run of one input in a long search.
const SLOWEST: Duration = Duration::from_secs(10);

/// What formats take for something.
const WORDS: [&[u8]; 40] = [
    b"\n",
    b"\r\n",
    b"\0",
    b"\xff",
    b"\xc3",
    b"\xef\xbb\xbf",
    b"{",
    b"}",
    b"[",
    b"]",
    b"\"",
    b"\\",
    b"\\u0000",
    b":",
    b",",
    b"=",
    b" ",
    b"\t",
    b"- ",
    b"&a ",
    b"*a",
    b"<<: ",
    b"#",
    b"9999-12-31T23:59:59Z",
    b"1970-01-01 00:00:00",
    b"0000-00-00",
    b"-9223372036854775808",
    b"18446744073709551616",
    b"1e308",
    b"-1e-400",
    b"NaN",
    b"+Inf",
    b"+99:99",
    b"24:00:60",
    b"@@ -1,9 +1,9 @@\n",
    b"--- a\n+++ b\n",
    b"\n====\n",
    b"\n===\n",
    b"\x1f\x8b\x08\0",
    b"\x1b[2J",
];

/// xorshift64*: the same mutations in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, most: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % most.max(1)
    }
}

fn seeds(target: &Target) -> Vec<Vec<u8>> {
    let folder = root().join("fuzz/seeds").join(target.name);
    let mut paths: Vec<PathBuf> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(!paths.is_empty(), "no seeds in {}", folder.display());
    paths.iter().map(|path| fs::read(path).unwrap()).collect()
}

fn mutated(seeds: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    let mut data = seeds[random.below(seeds.len())].clone();
    for _ in 0..=random.below(6) {
        let at = random.below(data.len() + 1);
        let end = (at + 1 + random.below(40)).min(data.len());
        match random.below(9) {
            0 if at < data.len() => data[at] ^= 1 << random.below(8),
            1 if at < data.len() => data[at] = random.below(256) as u8,
            2 => drop(data.splice(at..at, WORDS[random.below(WORDS.len())].iter().copied())),
            3 if at < end => drop(data.drain(at..end)),
            4 if at < end => {
                let piece = data[at..end].to_vec();
                let most = if random.below(20) == 0 { 500 } else { 4 };
                let times = 1 + random.below(most);
                drop(data.splice(at..at, piece.repeat(times)));
            }
            5 => data.truncate(at),
            6 => {
                let other = &seeds[random.below(seeds.len())];
                let from = random.below(other.len() + 1);
                data.truncate(at);
                data.extend_from_slice(&other[from..]);
            }
            7 if at < end => data[at..end].reverse(),
            _ => {
                let digits: Vec<usize> = (0..data.len()).filter(|at| data[*at].is_ascii_digit()).collect();
                if !digits.is_empty() {
                    let at = digits[random.below(digits.len())];
                    data[at] = b'0' + random.below(10) as u8;
                }
            }
        }
        data.truncate(LONGEST);
    }
    data
}

/// Runs one input; what it breaks on is kept for whoever mends it.
fn check(target: &Target, data: &[u8]) -> Result<Duration, String> {
    let begun = Instant::now();
    match catch_unwind(AssertUnwindSafe(|| (target.run)(data))) {
        Ok(()) => Ok(begun.elapsed()),
        Err(_) => {
            let path = std::env::temp_dir().join(format!("whatchanged-fuzz-{}-{}", target.name, std::process::id()));
            fs::write(&path, data).unwrap();
            Err(format!("{} breaks on {} bytes, kept in {}: {:.300}", target.name, data.len(), path.display(), data.escape_ascii()))
        }
    }
}

fn search(target: &Target) -> Result<(), String> {
    let seeds = seeds(target);
    for seed in &seeds {
        check(target, seed)?;
    }
    let seconds = std::env::var(SECONDS).ok().and_then(|seconds| seconds.parse().ok()).map(Duration::from_secs);
    let mut random = Random(0x9e37_79b9_7f4a_7c15 ^ target.name.bytes().fold(7, |hash: u64, b| hash.wrapping_mul(31) ^ u64::from(b)));
    let (begun, mut tried, mut slowest) = (Instant::now(), 0, Duration::ZERO);
    let most = if target.name == "bundles" { 40 } else { seeds.len() * MUTATIONS };
    while seconds.map_or(tried < most, |seconds| begun.elapsed() < seconds) {
        slowest = slowest.max(check(target, &mutated(&seeds, &mut random))?);
        tried += 1;
    }
    if seconds.is_some() {
        let told = format!("{}: {tried} mutations of {} seeds, slowest {slowest:?}\n", target.name, seeds.len());
        std::io::stderr().write_all(told.as_bytes()).unwrap();
        assert!(slowest < SLOWEST, "{}: {slowest:?}", target.name);
    }
    Ok(())
}

#[test]
fn no_reader_breaks_on_seeds_and_their_mutations() {
    let wrong: Vec<String> = TARGETS.iter().filter_map(|target| search(target).err()).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
