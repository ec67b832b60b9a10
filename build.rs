//! Tells cargo which folders are compiled in whole, so that a new file in them is noticed.

fn main() {
    for folder in ["build.rs", "parsers", "samples/checkout-outage"] {
        println!("cargo::rerun-if-changed={folder}");
    }
}
