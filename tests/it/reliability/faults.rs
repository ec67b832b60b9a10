//! What goes wrong around a run: the disk is full, the reader leaves, nobody may read, files change.

use super::bundles::{lines, odd, plain};
use super::run::Case;
use crate::tool::Folder;

pub fn classes() -> Vec<(&'static str, Vec<Case>)> {
    vec![
        ("the disk is full", full()),
        ("permission denied", denied()),
        ("too few descriptors, a reader that leaves", few()),
        ("files that change while they are read", changing()),
    ]
}

const HTML: &[&str] = &["analyze", "{}", "--format", "html", "-o", "{}/report.html", "--threads", "4"];
/// What a disk does that is full: no file of more than 4 blocks can be written, and whoever tries is told so.
const NO_ROOM: &str = "trap '' XFSZ; ulimit -f 4;";

fn old_report(folder: &Folder) {
    folder.write("report.html", b"old");
}

fn full() -> Vec<Case> {
    vec![
        Case::beside("a report", old_report, "cannot write").after(NO_ROOM).with(HTML).refused(),
        Case::beside("an archive", old_report, "cannot write").after(NO_ROOM).with(&["pack", "{}", "-o", "{}/a.tar.zst"]).refused(),
        Case::beside("the history", |_| {}, "history")
            .after(NO_ROOM)
            .with(&["analyze", "{}", "--history", "{}/history", "--threads", "4"])
            .refused(),
        Case::beside("a device that is full", |_| {}, "No space left").with(&["analyze", "{}", "-o", "/dev/full"]).refused(),
        Case::beside("a folder that is not there", |_| {}, "cannot write").with(&["analyze", "{}", "-o", "{}/no/report.txt"]).refused(),
    ]
}

/// Takes the rights of the super-user away where there are any.
const NOBODY: &str = "chmod -R a+rX \"$BUNDLE\"; chmod 000 \"$BUNDLE/logs/odd\"*; \
    if [ \"$(id -u)\" = 0 ]; then cp \"$0\" \"$BUNDLE/.program\"; chmod 755 \"$BUNDLE\"; \
    shift 0; exec setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all \"$BUNDLE/.program\" \"$@\"; fi;";

fn denied() -> Vec<Case> {
    vec![
        Case::beside("a file", |f| f.write("logs/odd.log", lines(plain).as_bytes()), "permission denied").after(NOBODY),
        Case::beside("a folder", |f| odd(f, lines(plain).as_bytes()), "permission denied").after(NOBODY),
        Case::beside("a report", |_| {}, "cannot write")
            .after(NOBODY)
            .with(&["analyze", "{}", "-o", "/proc/report.txt", "--threads", "4"])
            .refused(),
    ]
}

fn few() -> Vec<Case> {
    vec![
        Case::beside(
            "16 descriptors, 300 logs",
            |f| {
                (0..300).for_each(|i| f.write(&format!("logs/odd/odd-{i}.log"), lines(plain).as_bytes()));
            },
            "",
        )
        .after("ulimit -n 16;")
        .undecided()
        .lines("logs/odd/odd-299.log", 600),
        Case::beside("no standard error", |_| {}, "").after("exec 2>&-;"),
        Case::beside("no standard input", |_| {}, "Nothing could be judged").after("exec 2>&1 <&-;").with(&["analyze", "-"]).undecided(),
    ]
}

/// Does something to the log once the program has it open. Which of the two answers comes depends on how far it is by then.
macro_rules! meanwhile {
    ($act:literal) => {
        concat!("(for i in $(seq 400); do if ls -l /proc/$$/fd | grep -q odd.log; then ", $act, "; break; fi; sleep 0.005; done) & ")
    };
}

fn large(folder: &Folder) {
    odd(folder, lines(plain).repeat(1_500).as_bytes());
}

fn changing() -> Vec<Case> {
    vec![
        Case::beside("truncated", large, "").after(meanwhile!("truncate -s 1000 \"$BUNDLE/logs/odd/odd.log\"")),
        Case::beside("rotated", large, "").after(meanwhile!(
            "mv \"$BUNDLE/logs/odd/odd.log\" \"$BUNDLE/../odd.$$\"; rm \"$BUNDLE/../odd.$$\"; echo > \"$BUNDLE/logs/odd/odd.log\""
        )),
        Case::beside("deleted", large, "").after(meanwhile!("rm \"$BUNDLE/logs/odd/odd.log\"")),
        Case::beside("growing", large, "").after(meanwhile!("seq 100000 >> \"$BUNDLE/logs/odd/odd.log\"")),
    ]
}
