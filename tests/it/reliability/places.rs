//! Bad packings, links, special files, paths and folders.

use std::process::Command;

use serde_json::json;

use super::bundles::{bomb, gz, lines, link, odd, plain};
use super::run::Case;
use crate::tool::Folder;

pub fn classes() -> Vec<(&'static str, Vec<Case>)> {
    vec![
        ("packed files that grow without end", bombs()),
        ("packed files that are broken", broken()),
        ("links and special files", special()),
        ("paths that lead out of the bundle", paths()),
        ("too many files, too deep folders", folders()),
        ("copies of a log", copies()),
    ]
}

/// From 320 MiB on it is too much for so little.
const MUCH: usize = 320;

fn bombs() -> Vec<Case> {
    let said = "unpacks to more than 250 times its size";
    vec![
        Case::beside("gz, zeros", |f| odd(f, &bomb(gz_writer(), 0, MUCH).finish().unwrap()), said),
        Case::beside("gz, one line", |f| odd(f, &bomb(gz_writer(), b'x', MUCH).finish().unwrap()), said),
        Case::beside("zst", |f| odd(f, &bomb(zstd::Encoder::new(Vec::new(), 1).unwrap(), b'x', MUCH).finish().unwrap()), said),
        Case::beside("xz", |f| odd(f, &bomb(liblzma::write::XzEncoder::new(Vec::new(), 0), b'x', MUCH).finish().unwrap()), said),
        Case::beside("bz2", |f| odd(f, &bomb(bz_writer(), b'x', MUCH).finish().unwrap()), said),
        Case::beside("gz, metrics", |f| f.write("metrics/m.csv.gz", &metrics_bomb()), said),
        Case::beside("gz in gz", |f| odd(f, &gz(&gz(lines(plain).as_bytes()))), "packed twice"),
        Case::beside("gz of zst", |f| odd(f, &gz(&zstd::encode_all(lines(plain).as_bytes(), 1).unwrap())), "packed twice"),
    ]
}

fn gz_writer() -> flate2::write::GzEncoder<Vec<u8>> {
    flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best())
}

fn bz_writer() -> bzip2::write::BzEncoder<Vec<u8>> {
    bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast())
}

fn metrics_bomb() -> Vec<u8> {
    use std::io::Write;
    let mut packed = gz_writer();
    packed.write_all(b"time,service,metric,value\n2026-11-22T17:00:00Z,a,cpu,1\n").unwrap();
    bomb(packed, b'1', MUCH).finish().unwrap()
}

fn broken() -> Vec<Case> {
    vec![
        Case::beside("gz cut off", |f| odd(f, cut(&gz(noise().as_bytes()))), "broken off after line"),
        Case::beside("zst cut off", |f| odd(f, cut(&zstd::encode_all(noise().as_bytes(), 1).unwrap())), "broken off after line"),
        Case::beside("xz cut off", |f| odd(f, cut(&xz(noise().as_bytes()))), "broken off after line"),
        Case::beside("bz2 cut off", |f| odd(f, cut(&bz2(noise().as_bytes()))), "broken off after line"),
        Case::beside("gz, a bit flipped", |f| odd(f, &flipped(gz(noise().as_bytes()))), "broken off after line"),
        Case::beside("xz, a bit flipped", |f| odd(f, &flipped(xz(noise().as_bytes()))), "broken off after line"),
        Case::beside("gz, six bytes of it", |f| odd(f, &gz(b"x")[..6]), "unexpected end of file"),
        Case::beside(
            "gz, another text behind it",
            |f| odd(f, &[gz(noise().as_bytes()), b"garbage".to_vec()].concat()),
            "broken off after line",
        ),
        Case::beside("plain text called .gz", |f| f.write("logs/odd/odd.log.gz", lines(plain).as_bytes()), "")
            .lines("logs/odd/odd.log.gz", 600),
        Case::beside("xz that asks for 1.5 GiB of memory", |f| odd(f, &greedy_xz()), "memory"),
    ]
}

fn cut(bytes: &[u8]) -> &[u8] {
    &bytes[..bytes.len() / 2]
}

fn flipped(mut bytes: Vec<u8>) -> Vec<u8> {
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x55;
    bytes
}

/// Twenty thousand lines that pack badly, so that half of them is more than one block.
fn noise() -> String {
    let mut number = 1_u64;
    let mut next = || {
        number = number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        number >> 20
    };
    (0..20_000).map(|line| format!("{} {:x}{:x}{:x}\n", plain(line % 600), next(), next(), next())).collect()
}

fn xz(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut xz = liblzma::write::XzEncoder::new(Vec::new(), 1);
    xz.write_all(bytes).unwrap();
    xz.finish().unwrap()
}

fn bz2(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut bz = bz_writer();
    bz.write_all(bytes).unwrap();
    bz.finish().unwrap()
}

/// The header of a block with a dictionary of 1.5 GiB (property 39), with its checksum set right.
fn greedy_xz() -> Vec<u8> {
    let mut bytes = xz(lines(plain).as_bytes());
    // Stream header (12 bytes), then the block header: size, flags, filter id 0x21, size of properties, dictionary, padding, CRC32.
    let header = 12..12 + (usize::from(bytes[12]) + 1) * 4;
    let at = bytes[header.clone()].windows(2).position(|pair| pair == [0x21, 1]).unwrap() + header.start + 2;
    bytes[at] = 39;
    let end = header.end - 4;
    let mut crc = flate2::Crc::new();
    crc.update(&bytes[header.start..end]);
    bytes[end..header.end].copy_from_slice(&crc.sum().to_le_bytes());
    bytes
}

fn special() -> Vec<Case> {
    vec![
        Case::beside(
            "a link to a file outside",
            |f| link(f, outside("secret.log"), "logs/odd/odd.log"),
            "a link that leads out of the bundle",
        )
        .hides("hunter2"),
        Case::beside(
            "a link to a folder outside",
            |f| link(f, outside("secret.log").parent().unwrap(), "logs/odd"),
            "a link that leads out",
        )
        .hides("hunter2"),
        Case::beside("the same, allowed", |f| link(f, outside("secret.log"), "logs/odd/odd.log"), "")
            .with(&["analyze", "{}", "--format", "json", "--threads", "4", "--allow-outside"])
            .lines("logs/odd/odd.log", 600),
        Case::beside("a link back up", |f| link(f, "..", "logs/loop"), ""),
        Case::beside("a link to itself", |f| link(f, "self", "logs/self"), "oo many levels of symbolic links"),
        Case::beside("a link to nothing", |f| link(f, "nowhere", "logs/nowhere.log"), "no such file or folder"),
        Case::beside("a link to a device", |f| link(f, "/dev/zero", "logs/zero.log"), "a link that leads out of the bundle"),
        Case::beside("a pipe", |f| fifo(f, "logs/pipe.log"), "neither a file nor a folder"),
        Case::beside(
            "a socket",
            |f| drop(std::os::unix::net::UnixListener::bind(f.at("socket.log")).unwrap()),
            "neither a file nor a folder",
        ),
        Case::alone("a device by name", |_| {}, "neither a file nor a folder").with(&["analyze", "/dev/zero"]).refused(),
        Case::alone("a pipe by name", |f| fifo(f, "pipe.log"), "neither a file nor a folder").with(&["analyze", "{}/pipe.log"]).refused(),
        Case::alone("a pipe as formats", |f| fifo(f, "pipe"), "no formats from").with(&["analyze", "{}", "--parsers", "{}/pipe"]).refused(),
        Case::alone("nothing", |_| {}, "nothing to read here").refused(),
    ]
}

fn fifo(folder: &Folder, name: &str) {
    std::fs::create_dir_all(folder.path().join(name).parent().unwrap()).unwrap();
    assert!(Command::new("mkfifo").arg(folder.at(name)).status().unwrap().success());
}

/// A log outside of all bundles that nobody must see; it lasts as long as the tests do.
fn outside(name: &str) -> std::path::PathBuf {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("outside");
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join(name);
    std::fs::write(&path, lines(|second| format!("{} password hunter2", plain(second)))).unwrap();
    path
}

fn paths() -> Vec<Case> {
    let said = "leads out of the bundle: not read";
    vec![
        Case::beside("../../etc/passwd", |f| change(f, "../../../../../../../../etc/passwd"), said).hides("root:"),
        Case::beside("/etc/passwd", |f| change(f, "/etc/passwd"), said).hides("root:"),
        Case::beside("a path through the bundle", |f| change(f, "configs/../../secret.yaml"), said),
        Case::beside(
            "a link",
            |f| {
                link(f, "/etc/passwd", "configs/odd/1.yaml");
                change(f, "configs/odd/1.yaml");
            },
            "a link that leads out of the bundle",
        )
        .hides("root:"),
        Case::beside("a device, allowed", |f| change(f, "/dev/zero"), "is no file").with(&[
            "analyze",
            "{}",
            "--format",
            "json",
            "--threads",
            "4",
            "--allow-outside",
        ]),
        Case::beside("a file that is not there", |f| change(f, "configs/none.yaml"), "is not in the bundle"),
        Case::beside("NULs and line ends in a path", |f| change(f, "configs/a\0b\n../x"), "is not in the bundle"),
    ]
}

/// One more change, with a configuration at `path`.
fn change(folder: &Folder, path: &str) {
    let name = "changes.jsonl";
    let known = std::fs::read_to_string(folder.at(name)).unwrap();
    folder.write("configs/mailer/2.ini", b"a = 1\n");
    let change = json!({"id": "odd", "time": "2026-11-22T17:10:00Z", "service": "mailer", "kind": "config", "config_before": path, "config_after": "configs/mailer/2.ini"});
    folder.write(name, format!("{known}{change}\n").as_bytes());
}

fn folders() -> Vec<Case> {
    vec![
        Case::beside(
            "a hundred folders in each other",
            |f| f.write(&format!("{}a.log", "d/".repeat(100)), b"x\n"),
            "deeper than 64 folders: not read",
        ),
        Case::alone(
            "50,010 files",
            |f| (0..50_010).for_each(|i| f.write(&format!("logs/a/{i}.log"), b"")),
            "more than 50000 files: 10 are not read",
        ),
        Case::beside("a name of 250 letters", |f| f.write(&format!("logs/{}/a.log", "n".repeat(250)), lines(plain).as_bytes()), ""),
        Case::beside(
            "a name that is no text",
            |f| {
                use std::os::unix::ffi::OsStrExt;
                let name = f.path().join("logs").join(std::ffi::OsStr::from_bytes(b"a\xff\n\x1b[2J.log"));
                std::fs::write(name, lines(plain)).unwrap();
            },
            "",
        ),
    ]
}

fn copies() -> Vec<Case> {
    let said = "holds the same as";
    vec![
        Case::beside("under another name", |f| copy(f, "logs/checkout/checkout.log.gz", "logs/checkout/copy.log.gz"), said),
        Case::beside(
            "packed and unpacked",
            |f| {
                let bytes = std::fs::read(f.at("logs/checkout/checkout.log.gz")).unwrap();
                let mut plain = Vec::new();
                std::io::Read::read_to_end(&mut flate2::read::MultiGzDecoder::new(&bytes[..]), &mut plain).unwrap();
                f.write("logs/checkout/checkout.log.1", &plain);
            },
            said,
        ),
        Case::beside(
            "all of them",
            |f| {
                for service in std::fs::read_dir(f.at("logs")).unwrap() {
                    let folder = service.unwrap().path();
                    for log in std::fs::read_dir(&folder).unwrap() {
                        let log = log.unwrap().path();
                        std::fs::copy(&log, folder.join(format!("copy-of-{}", log.file_name().unwrap().to_str().unwrap()))).unwrap();
                    }
                }
            },
            said,
        ),
        Case::beside(
            "a change twice",
            |f| {
                let known = std::fs::read_to_string(f.at("changes.jsonl")).unwrap();
                f.write("changes.jsonl", known.repeat(2).as_bytes());
            },
            "is used before: this change is left out",
        ),
        Case::beside("named twice", |_| {}, "").with(&[
            "analyze",
            "{}",
            "{}/logs",
            "{}/changes.jsonl",
            "--format",
            "json",
            "--threads",
            "4",
        ]),
    ]
}

fn copy(folder: &Folder, from: &str, to: &str) {
    std::fs::copy(folder.at(from), folder.at(to)).unwrap();
}
