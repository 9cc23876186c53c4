//! `cargo xtask ci`: all that must pass before a change goes in.

use std::path::Path;
use std::time::Instant;

use anyhow::{Result, bail};

use crate::process::{self, cargo, require};
use crate::{counts, fuzz, test};

/// What must pass, by name.
type Stage = (&'static str, fn(&Path) -> Result<()>);

/// For how many seconds frames and journals are fuzzed.
const FUZZ_SECONDS: u32 = 20;

const STAGES: [Stage; 6] = [
    ("test", |root| test::run(root, &test::Options::default())),
    ("fmt", |root| {
        require(root, "fmt", "rustup component add rustfmt")?;
        process::run(&mut cargo(root, &["fmt", "--all", "--check"]))
    }),
    ("clippy", |root| {
        require(root, "clippy", "rustup component add clippy")?;
        process::run(&mut cargo(
            root,
            &["clippy", "--workspace", "--all-targets", "--all-features", "--", "-D", "warnings"],
        ))?;
        // What is built where the features are not wanted.
        let bare = ["clippy", "--package=fracas-server", "--no-default-features", "--", "-D", "warnings"];
        process::run(&mut cargo(root, &bare))
    }),
    ("doc", |root| {
        process::run(cargo(root, &["doc", "--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "-D warnings"))
    }),
    ("counts", |root| counts::run(root, false)),
    ("fuzz", |root| fuzz::guided(root, FUZZ_SECONDS)),
];

/// Runs every stage, also after one that failed, so that one run tells all that is wrong.
pub(crate) fn run(root: &Path) -> Result<()> {
    let mut took = Vec::new();
    for (name, stage) in STAGES {
        println!("\n== {name}");
        let started = Instant::now();
        let passed = stage(root).inspect_err(|error| eprintln!("{name}: {error:#}")).is_ok();
        took.push((name, passed, started.elapsed()));
    }
    println!();
    for (name, passed, took) in &took {
        println!("{name:8} {:6} {:5} s", if *passed { "passed" } else { "FAILED" }, took.as_secs());
    }
    let failed: Vec<_> = took.iter().filter(|(_, passed, _)| !passed).map(|(name, ..)| *name).collect();
    if !failed.is_empty() {
        bail!("failed: {}", failed.join(", "));
    }
    Ok(())
}
