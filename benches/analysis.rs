//! How long the analysis takes once everything is read, and how that grows: one dimension at a time, the others at a quarter of the
//! largest size. `cargo bench --bench analysis`; `WHATCHANGED_BUNDLE=folder` adds a bundle of your own.

mod support;

use std::path::PathBuf;

use divan::{Bencher, black_box};
use support::system::{self, Size};
use whatchanged::analyze::conclude;
use whatchanged::intake::{self, Intake};
use whatchanged::model::{Options, Step, Unwatched};
use whatchanged::parse::Formats;
use whatchanged::read::Bundle;
use whatchanged::report::{self, AnalysisFormat, Format, View};
use whatchanged::suspect::facts::Facts;

/// A large company's: a day in windows of 64 s.
const LARGEST: Size = Size { services: 500, templates: 2_000, windows: 1_440, changes: 200 };
const QUARTER: Size = Size { services: 125, templates: 500, windows: 360, changes: 50 };
const FACTORS: [usize; 3] = [1, 2, 4];

fn main() {
    divan::main();
}

/// From what was read to the report.
fn run(bencher: Bencher, bundle: &Bundle, intake: &Intake, options: &Options) {
    let facts = Facts::builtin();
    bencher.with_inputs(|| system::copy(intake)).bench_local_values(|intake| {
        let analysis = conclude(bundle, intake, &facts, options).expect("counts make a table").analysis;
        black_box(report::render(&analysis, AnalysisFormat::Common(Format::Terminal), &View::default()).len())
    });
}

fn of_size(bencher: Bencher, size: Size) {
    let options = Options { step: Some(Step::at_least(64.0)), ..Options::default() };
    run(bencher, &Bundle::default(), &system::intake(size, 1), &options);
}

#[divan::bench(sample_count = 3, sample_size = 1)]
fn largest(bencher: Bencher) {
    of_size(bencher, LARGEST);
}

#[divan::bench(args = FACTORS, sample_count = 5, sample_size = 1)]
fn services(bencher: Bencher, factor: usize) {
    of_size(bencher, Size { services: QUARTER.services * factor, ..QUARTER });
}

#[divan::bench(args = FACTORS, sample_count = 5, sample_size = 1)]
fn templates(bencher: Bencher, factor: usize) {
    of_size(bencher, Size { templates: QUARTER.templates * factor, ..QUARTER });
}

#[divan::bench(args = FACTORS, sample_count = 5, sample_size = 1)]
fn windows(bencher: Bencher, factor: usize) {
    of_size(bencher, Size { windows: QUARTER.windows * factor, ..QUARTER });
}

#[divan::bench(args = FACTORS, sample_count = 5, sample_size = 1)]
fn changes(bencher: Bencher, factor: usize) {
    of_size(bencher, Size { changes: QUARTER.changes * factor, ..QUARTER });
}

/// The sample of the README, or the folder that `WHATCHANGED_BUNDLE` names.
#[divan::bench(sample_count = 20, sample_size = 1)]
fn bundle(bencher: Bencher) {
    let sample = || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/samples/checkout-outage"));
    let folder = std::env::var_os("WHATCHANGED_BUNDLE").map_or_else(sample, PathBuf::from);
    let formats = Formats::builtin();
    let options = Options::default();
    let mut input = intake::open(&[folder], &formats, &options).expect("the bundle can be read");
    let taken = intake::take_in(&mut input, &formats, &options, &Unwatched);
    run(bencher, &input.bundle, &taken, &options);
}
