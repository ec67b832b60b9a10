//! Bytes that are no lines, lines that are no text, documents without end.

use super::bundles::{clock, edit, gz, lines, odd, plain};
use super::run::Case;
use crate::tool::Folder;

const ODD: &str = "logs/odd/odd.log";

pub fn classes() -> Vec<(&'static str, Vec<Case>)> {
    vec![
        ("bytes that are no text", bytes()),
        ("lines of any length, kind and end", ends()),
        ("documents nested without end", nested()),
        ("lists of which nothing can be read", lists()),
    ]
}

fn wide(text: &str, big_endian: bool) -> Vec<u8> {
    let units = std::iter::once(0xfeff).chain(text.encode_utf16());
    units.flat_map(|unit: u16| if big_endian { unit.to_be_bytes() } else { unit.to_le_bytes() }).collect()
}

fn bytes() -> Vec<Case> {
    vec![
        Case::beside("UTF-16, little end first", |f| odd(f, &wide(&lines(plain), false)), "").lines(ODD, 600),
        Case::beside("UTF-16, big end first", |f| odd(f, &wide(&lines(plain), true)), "").lines(ODD, 600),
        Case::beside("UTF-16, half a character at the end", |f| odd(f, &[wide(&lines(plain), false), vec![0xd8]].concat()), "")
            .lines(ODD, 600),
        Case::beside(
            "UTF-16 without a mark",
            |f| odd(f, &wide(&lines(plain), false)[2..]),
            "not text, or UTF-16 without a byte order mark",
        ),
        Case::beside("Latin-1", |f| odd(f, &lines(plain).replace("job", "j\u{f6}b").chars().map(|c| c as u8).collect::<Vec<u8>>()), "")
            .lines(ODD, 600),
        Case::beside("a NUL in every line", |f| odd(f, lines(plain).replace("job", "j\0b").as_bytes()), "").lines(ODD, 600),
        Case::beside("a hole of NULs before the first line", |f| odd(f, &[vec![0; 5 << 20], lines(plain).into_bytes()].concat()), "")
            .lines(ODD, 600),
        Case::beside(
            "a hole of NULs in the middle",
            |f| odd(f, &[lines(plain), "\0".repeat(5 << 20), lines(plain)].concat().into_bytes()),
            "",
        )
        .lines(ODD, 1_200),
        Case::beside("a file of NULs", |f| odd(f, &vec![0; 5 << 20]), "not text"),
        Case::beside(
            "a zip archive",
            |f| odd(f, &[b"PK\x03\x04\x14\0\0\0\x08\0".as_slice(), &gz(b"x")].concat()),
            "a zip archive: unpack it first",
        ),
        Case::beside("a tar archive", |f| odd(f, &tar()), "a tar archive: unpack it first"),
        Case::beside("a program", |f| odd(f, &std::fs::read("/bin/sh").unwrap()), "not text"),
    ]
}

fn tar() -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    let text = lines(plain);
    header.set_size(text.len() as u64);
    header.set_cksum();
    archive.append_data(&mut header, "a.log", text.as_bytes()).unwrap();
    archive.into_inner().unwrap()
}

fn ends() -> Vec<Case> {
    vec![
        Case::beside(
            "10 MB in one line",
            |f| odd(f, format!("{}{} ERROR {}\n", lines(plain), clock(600), "y".repeat(10_000_000)).as_bytes()),
            "lost its middle",
        )
        .lines(ODD, 601),
        Case::beside("CR LF and LF", |f| odd(f, lines(|s| plain(s) + if s % 2 == 0 { "\r" } else { "" }).as_bytes()), "").lines(ODD, 600),
        Case::beside("no end of the last line", |f| odd(f, lines(plain).trim_end().as_bytes()), "").lines(ODD, 600),
        Case::beside("a byte order mark", |f| odd(f, format!("\u{feff}{}", lines(plain)).as_bytes()), "").lines(ODD, 600),
        Case::beside("an empty file", |f| odd(f, b""), ""),
        Case::beside("blank lines", |f| odd(f, "\n".repeat(100_000).as_bytes()), ""),
        Case::beside(
            "a trace of 100,000 lines",
            |f| odd(f, format!("{} ERROR x\n{}", clock(1), "\tat a.b.C(D.java:1)\n".repeat(100_000)).as_bytes()),
            "",
        )
        .lines(ODD, 1),
        Case::beside("no times at all", |f| odd(f, lines(|s| format!("job {s} done")).repeat(5).as_bytes()), "0 % understood").undecided(),
        Case::beside("colours and what moves the cursor", |f| odd(f, lines(|s| format!("\u{1b}[31m{}\u{1b}[0m", plain(s))).as_bytes()), "")
            .lines(ODD, 600),
    ]
}

fn deep(open: &str, close: &str, times: usize) -> String {
    open.repeat(times) + &close.repeat(times)
}

fn laughs() -> String {
    let level = |name: char, below: char| format!("{name}: &{name} [{}]\n", vec![format!("*{below}"); 9].join(","));
    let levels: String = ('b'..='i').zip('a'..='h').map(|(name, below)| level(name, below)).collect();
    format!("a: &a [x,x,x,x,x,x,x,x,x]\n{levels}")
}

fn config(folder: &Folder, name: &str, text: &str) {
    folder.write(&format!("configs/odd/{name}"), text.as_bytes());
}

fn nested() -> Vec<Case> {
    vec![
        Case::beside("a billion laughs", |f| config(f, "1.yaml", &laughs()), "alias expansion exceeded"),
        Case::beside("an alias of itself", |f| config(f, "1.yaml", "a: &a [*a]\n"), ""),
        Case::beside("YAML lists", |f| config(f, "1.yaml", &deep("[", "]", 50_000)), "not valid YAML"),
        Case::beside("YAML dashes", |f| config(f, "1.yaml", &"- ".repeat(50_000)), "nested deeper than 48 levels"),
        Case::beside(
            "JSON configuration",
            |f| config(f, "1.json", &deep("{\"a\":", "}", 50_000)),
            "not valid JSON: nested deeper than 48 levels",
        ),
        Case::beside("TOML", |f| config(f, "1.toml", &format!("a = {}", deep("[", "]", 50_000))), "not valid TOML"),
        Case::beside(
            "60,000 keys",
            |f| config(f, "1.yaml", &(0..60_000).map(|i| format!("k{i}: {i}\n")).collect::<String>()),
            "more than 50000 keys",
        ),
        Case::beside(
            "JSON log lines",
            |f| {
                odd(
                    f,
                    lines(|s| format!("{{\"time\":\"{}Z\",\"msg\":\"x\",\"a\":{}}}", clock(s).replace(' ', "T"), deep("[", "]", 5_000)))
                        .as_bytes(),
                )
            },
            "",
        ),
        Case::beside(
            "changes",
            |f| {
                edit(f, "changes.jsonl", |text| format!("{text}{}\n", deep("{\"a\":", "}", 50_000)));
            },
            "not valid JSON",
        ),
        Case::beside(
            "answers of Prometheus",
            |f| f.write("metrics/m.json", format!("{{\"status\":\"success\",\"data\":{{{}", deep("[", "]", 50_000)).as_bytes()),
            "JSON",
        ),
        Case::beside(
            "OTLP metrics",
            |f| f.write("metrics/m.json", format!("{{\"resourceMetrics\":[{}", deep("[", "]", 50_000)).as_bytes()),
            "JSON",
        ),
    ]
}

fn lists() -> Vec<Case> {
    vec![
        Case::beside(
            "20,000 changes that are no JSON",
            |f| edit(f, "changes.jsonl", |text| text.to_owned() + &"{broken\n".repeat(20_000)),
            "further complaints about this file",
        ),
        Case::beside(
            "150,000 rows of a call graph",
            |f| edit(f, "topology.csv", |text| text.to_owned() + &(0..150_000).map(|i| format!("a{i},b{i}\n")).collect::<String>()),
            "more than 100000 rows",
        )
        .undecided(),
        Case::beside(
            "samples that are none",
            |f| {
                f.write(
                    "metrics/m.om",
                    format!("# TYPE up gauge\n{}{}", "up 1 1795368000\n".repeat(20), "up{ 5\n".repeat(50_000)).as_bytes(),
                )
            },
            "no metrics",
        ),
        Case::beside(
            "Parquet that is none",
            |f| f.write("metrics/m.parquet", &[b"PAR1".as_slice(), &[0xff; 1_000], b"PAR1"].concat()),
            "parquet",
        ),
        Case::beside(
            "Parquet whose offsets lie",
            |f| {
                f.write("metrics/m.parquet", &std::fs::read(crate::tool::root().join("fuzz/seeds/parquet/offsets-beyond-the-end")).unwrap())
            },
            "broken in a way that its reader does not foresee",
        ),
        Case::beside("Parquet cut off", |f| f.write("metrics/m.parquet", b"PAR1"), "parquet"),
        Case::beside(
            "a table with a quote that is not closed",
            |f| {
                f.write(
                    "metrics/m.csv",
                    format!("time,service,metric,value\n2026-11-22T17:20:00Z,a,\"cpu,1\n{}", "2026-11-22T17:20:01Z,a,cpu,1\n".repeat(50))
                        .as_bytes(),
                )
            },
            "could not parse",
        ),
        Case::beside("a table without rows", |f| f.write("metrics/m.csv", b"time,service,metric,value\n"), ""),
    ]
}
