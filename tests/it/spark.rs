//! The Spark job on a cluster of its own on loopback. Needs Java and pyspark, which is put beside the build where it can be had.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::determinism::unpacked;
use crate::tool::root;

/// Seconds after which an installation is given up.
const PATIENCE: &str = "300";

/// A Python with pyspark, or why there is none; told on the terminal itself, since the output of a passing test is swallowed.
fn python() -> Option<PathBuf> {
    let skipped = |why: &str| {
        let _ = writeln!(std::io::stderr(), "SKIPPED: the Spark job was not run: {why}");
        None
    };
    let good = |command: &mut Command| command.output().is_ok_and(|output| output.status.success());
    if !good(Command::new("java").arg("-version")) {
        return skipped("java is not installed (Debian package default-jre-headless)");
    }
    let has_pyspark = |python: &Path| good(Command::new(python).args(["-c", "import pyspark"]));
    let of_environment = std::env::var_os("WHATCHANGED_PYSPARK").map(PathBuf::from);
    let venv = Path::new(env!("CARGO_TARGET_TMPDIR")).join("pyspark");
    let own = venv.join("bin/python");
    let known = of_environment.into_iter().chain([PathBuf::from("python3"), own.clone()]).find(|python| has_pyspark(python));
    if known.is_some() {
        return known;
    }
    if !good(Command::new("python3").args(["-m", "venv"]).arg(&venv)) {
        return skipped("python3 with venv is not installed (Debian package python3-venv)");
    }
    let install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "pyspark", "pyarrow"];
    if !good(Command::new("timeout").arg(PATIENCE).arg(&own).args(install)) || !has_pyspark(&own) {
        return skipped("pyspark cannot be installed from the package index");
    }
    Some(own)
}

fn check(python: &Path, arguments: &[&str]) {
    let script = root().join("engines/spark/check.py");
    let output = Command::new(python).arg("-B").arg(script).args(["--binary", env!("CARGO_BIN_EXE_whatchanged")]).args(arguments).output();
    let output = output.unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let tail = err.lines().rev().take(40).collect::<Vec<_>>().into_iter().rev().collect::<Vec<_>>().join("\n");
    assert!(output.status.success() && out.contains("same bytes"), "{arguments:?}: {out}\n{tail}");
}

#[test]
fn a_cluster_says_what_one_machine_says() {
    let Some(python) = python() else { return };
    let bundle = unpacked("checkout-outage", 1_000_000);
    // Read by the executors, then through Spark's own readers.
    check(&python, &["--splits", "7", &bundle.shown()]);
    check(&python, &["--splits", "3", "--read", "spark", &bundle.shown()]);
}
