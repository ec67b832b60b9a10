//! Ctrl-C, a reader that leaves, and reads that fail in the middle.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};
use std::time::Duration;

use super::bundles::plain;
use crate::tool::{Folder, command, run};

/// Enough to read that the program is in the middle of it after a moment.
fn large() -> Folder {
    let folder = Folder::new(&[]);
    let block: String = (0..600).map(|second| plain(second) + "\n").collect();
    folder.write("logs/a/a.log", block.repeat(20_000).as_bytes());
    folder
}

#[test]
fn an_interrupt_ends_it_as_shells_expect_and_leaves_no_half_report() {
    let folder = large();
    folder.write("report.json", b"old");
    let mut child = command().args(["analyze", &folder.at("logs"), "--format", "json", "-o", &folder.at("report.json")]).spawn().unwrap();
    std::thread::sleep(Duration::from_millis(150));
    // The shell's own: a small system has no other.
    assert!(Command::new("sh").args(["-c", &format!("kill -INT {}", child.id())]).status().unwrap().success());
    let status = child.wait().unwrap();
    // A job in the background has them ignored from its start on, and so has what it starts.
    if ignores_interrupts() {
        assert!(status.success(), "{status}");
        return;
    }
    // What a shell reports as 130.
    assert_eq!(status.signal(), Some(2), "{status}");
    assert_eq!(fs::read(folder.at("report.json")).unwrap(), b"old");
    let names: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names.len(), 2, "{names:?}");
}

/// Whether whoever started the tests ignores interrupts.
fn ignores_interrupts() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).unwrap_or("0").trim();
    u64::from_str_radix(mask, 16).unwrap_or(0) & (1 << (2 - 1)) != 0
}

#[test]
fn a_reader_that_leaves_is_no_failure() {
    for format in ["terminal", "json", "html"] {
        let mut child = command()
            .args(["analyze", "samples/checkout-outage", "--format", format])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!((output.status.code(), String::from_utf8_lossy(&output.stderr).contains("panicked")), (Some(0), false), "{format}");
    }
}

/// A library that lets reads of one file fail after some bytes, as a bad disk does.
const FAILING: &str = r#"
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>
static int hit(int fd) {
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof path - 1);
    if (n < 0) return 0;
    path[n] = 0;
    return strstr(path, "bad.log") != NULL;
}
ssize_t read(int fd, void *into, size_t size) {
    static ssize_t (*real)(int, void *, size_t);
    if (!real) real = dlsym(RTLD_NEXT, "read");
    if (hit(fd) && lseek(fd, 0, SEEK_CUR) >= 1000000) { errno = EIO; return -1; }
    return real(fd, into, size > 65536 ? 65536 : size);
}
ssize_t pread64(int fd, void *into, size_t size, off64_t at) {
    static ssize_t (*real)(int, void *, size_t, off64_t);
    if (!real) real = dlsym(RTLD_NEXT, "pread64");
    if (hit(fd) && at >= 1000000) { errno = EIO; return -1; }
    return real(fd, into, size > 65536 ? 65536 : size, at);
}
"#;

#[test]
fn a_read_that_fails_in_the_middle_is_told_with_its_place() {
    let folder = Folder::new(&[("failing.c", FAILING.as_bytes())]);
    let library = folder.at("failing.so");
    let built = Command::new("cc").args(["-shared", "-fPIC", "-o", &library, &folder.at("failing.c"), "-ldl"]).status();
    if !built.is_ok_and(|status| status.success()) {
        eprintln!("skipped: no C compiler");
        return;
    }
    let block: String = (0..600).map(|second| plain(second) + "\n").collect();
    for (name, part) in [("logs/a/bad.log", &["--threads", "1"][..]), ("logs/a/bad.log", &["--threads", "2", "--part-size", "300000"])] {
        let bundle = Folder::new(&[(name, block.repeat(100).as_bytes())]);
        let mut program = command();
        program.env("LD_PRELOAD", &library).args(["analyze", &bundle.shown(), "--format", "json"]).args(part);
        let ended = crate::tool::finish(&mut program, "a bad disk");
        assert_eq!(ended.code, Some(0), "{}", ended.err);
        let document = ended.json();
        let why = document["coverage"]["complaints"][0]["why"].as_str().unwrap();
        assert!(why.contains("broken off after line") && why.contains("Input/output error"), "{why}");
        let records = document["coverage"]["sources"][0]["records"].as_u64().unwrap();
        assert!(records > 20_000 && records < 60_000, "{records}: {why}");
        // Without the fault nothing is missing.
        let whole = run(&["analyze", &bundle.shown(), "--format", "json"]).json();
        assert_eq!(whole["coverage"]["sources"][0]["records"], 60_000);
    }
}
