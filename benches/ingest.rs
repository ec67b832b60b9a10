//! What each part of reading costs, on logs made of the formats' own samples: lines from bytes, the format told, lines to records,
//! masks, templates, tables, and all of it together. `cargo bench --bench ingest`; rates are in bytes of (decompressed) log.

mod support;

use std::hint::black_box;
use std::io::{Cursor, Read, Write};
use std::ops::ControlFlow;
use std::sync::Arc;

use divan::Bencher;
use divan::counter::BytesCount;
use support::{corpus, system};
use whatchanged::mine;
use whatchanged::model::{Options, Record, Topology, Unwatched};
use whatchanged::parse::{Formats, read_log};
use whatchanged::read::lines::{decompress, each_line};
use whatchanged::read::{Bundle, Content, Source, SourceKind};
use whatchanged::signal::tabulate;
use whatchanged::template::{miner, tokens};

/// Large enough that starting does not count, small enough that all formats are through in a minute.
const OF_FORMAT: usize = 256 << 10;
const MIXED: usize = 2 << 20;
const WHOLE: usize = 16 << 20;
/// Lines from which a file's format is told.
const HEAD: usize = 200;
const SEED: u64 = 1;

fn main() {
    divan::main();
}

fn source() -> Source {
    Source {
        path: "bench.log".into(),
        shown: Arc::from("bench.log"),
        kind: SourceKind::Log,
        service: None,
        instance: None,
        bytes: 0,
        near: whatchanged::model::Time::parse_rfc3339("2023-08-12T14:30:00Z"),
        latest: None,
        content: Content::File,
    }
}

fn open(bytes: &[u8]) -> Box<dyn Read + Send> {
    decompress(Box::new(Cursor::new(bytes.to_vec()))).expect("bytes can be read")
}

/// Lines of a text, as the miner and the masks see them.
fn lines(bytes: &[u8]) -> Vec<String> {
    String::from_utf8_lossy(bytes).lines().map(str::to_owned).collect()
}

#[divan::bench(args = ["plain", "gzip", "zstd"], sample_count = 20)]
fn read(bencher: Bencher, packing: &str) {
    let text = corpus::mixed(MIXED, SEED);
    let packed = match packing {
        "gzip" => {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
            encoder.write_all(&text).and_then(|()| encoder.finish()).expect("memory can be written")
        }
        "zstd" => zstd::encode_all(text.as_slice(), 3).expect("memory can be written"),
        _ => text.clone(),
    };
    bencher.counter(BytesCount::new(text.len())).bench_local(|| {
        let mut length = 0;
        let mut take = |line: &str, _: u64| {
            length += black_box(line).len();
            ControlFlow::Continue(())
        };
        each_line(open(&packed), &mut take).expect("bytes can be read");
        length
    });
}

/// The first lines of each format, from which it is told.
#[divan::bench(sample_count = 5, sample_size = 1)]
fn detect(bencher: Bencher) {
    let formats = Formats::builtin();
    let head = |format: &corpus::Format| -> Vec<u8> {
        let text = corpus::of_format(format, 64 << 10, SEED);
        text.split_inclusive(|b| *b == b'\n').take(HEAD).flatten().copied().collect()
    };
    let heads: Vec<Vec<u8>> = corpus::formats().iter().map(head).collect();
    bencher
        .counter(BytesCount::new(heads.iter().map(Vec::len).sum::<usize>()))
        .bench_local(|| heads.iter().map(|head| parsed(head, &formats)).sum::<u64>());
}

/// Records of a log.
fn parsed(text: &[u8], formats: &Formats) -> u64 {
    let mut records = 0;
    let mut sink = |record: &Record<'_>, _: u64| {
        black_box(record);
        records += 1;
    };
    read_log(&source(), open(text), formats, None, &mut sink);
    records
}

fn names() -> Vec<String> {
    corpus::formats().into_iter().map(|format| format.name).chain(["mixed".to_owned()]).collect()
}

#[divan::bench(args = names(), sample_count = 5, sample_size = 1)]
fn parse(bencher: Bencher, name: &String) {
    let formats = Formats::builtin();
    let own = corpus::formats().into_iter().find(|format| format.name == *name);
    let text = own.map_or_else(|| corpus::mixed(MIXED, SEED), |format| corpus::of_format(&format, OF_FORMAT, SEED));
    // The expressions are built when they are first needed.
    parsed(&text, &formats);
    bencher.counter(BytesCount::new(text.len())).bench_local(|| parsed(&text, &formats));
}

#[divan::bench(sample_count = 20)]
fn mask(bencher: Bencher) {
    let text = corpus::mixed(MIXED, SEED);
    let lines = lines(&text);
    let mut masked = String::new();
    bencher.counter(BytesCount::new(text.len())).bench_local(|| {
        for line in &lines {
            masked.clear();
            tokens::mask_into(line, &mut masked);
            black_box(&masked);
        }
    });
}

/// Templates of the distinct masked lines.
#[divan::bench(name = "mine", sample_count = 5, sample_size = 1)]
fn mining(bencher: Bencher) {
    let text = corpus::mixed(MIXED, SEED);
    let mut masked: Vec<String> = lines(&text).iter().map(|line| tokens::mask(line)).collect();
    masked.sort_unstable();
    masked.dedup();
    let masked: Vec<&str> = masked.iter().map(String::as_str).collect();
    bencher.counter(BytesCount::new(masked.iter().map(|line| line.len()).sum::<usize>())).bench_local(|| miner::mine(&masked));
}

/// Counts to series, for 125 services.
#[divan::bench(name = "tabulate", sample_count = 5, sample_size = 1)]
fn tabulating(bencher: Bencher) {
    let intake = system::intake(system::Size { services: 125, templates: 500, windows: 360, changes: 50 }, SEED);
    let input = || (intake.tally.clone(), intake.metrics.clone());
    bencher.with_inputs(input).bench_local_values(|(tally, metrics)| tabulate(tally, metrics, &Topology::default()).is_ok());
}

/// From a file to its templates, as the command `templates` goes.
#[divan::bench(args = [1, 2], sample_count = 5, sample_size = 1)]
fn whole(bencher: Bencher, threads: usize) {
    let folder = tempfile::tempdir().expect("a folder for the log");
    let path = folder.path().join("mixed.log");
    let text = corpus::mixed(WHOLE, SEED);
    std::fs::write(&path, &text).expect("the log can be written");
    let formats = Formats::builtin();
    let options = Options::default();
    let bundle = Bundle::open(&[path]).expect("the log can be read");
    let pool = whatchanged::analyze::workers(Some(threads)).expect("threads");
    bencher
        .counter(BytesCount::new(text.len()))
        .bench_local(|| pool.install(|| mine::mine(&bundle, &formats, &options, &Unwatched).templates.rows.len()));
}
