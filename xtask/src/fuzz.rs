//! `cargo xtask fuzz`: the random tests of the shared crate, for long; and bytes that coverage guides.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::process::{self, Compiler, cargo};

/// Code that tells which ways were taken, as libFuzzer reads it: what cargo-fuzz sets, without its sanitizers, which a
/// stable compiler does not have and code without `unsafe` needs little.
const INSTRUMENTS: &str = "--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
     -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
     -Cllvm-args=-sanitizer-coverage-trace-compares";
/// The longest input, and the most memory that the whole process may have.
const INPUT_BYTES_MAX: u32 = 4096;
const MEMORY_MAX_MIB: u32 = 512;

/// Optimised, and yet with the assertions that hostile bytes must not reach.
pub(crate) fn run(root: &Path, cases: u64) -> Result<()> {
    let arguments = [
        "test",
        "--release",
        "--config=profile.release.debug-assertions=true",
        "--config=profile.release.overflow-checks=true",
        "--package=fracas-shared",
        "--test=it",
        "--",
        "frames::",
        "hostile::",
        "state_comes_back",
    ];
    process::run(cargo(root, &arguments).env("FRACAS_CASES", cases.to_string()))
}

/// The targets, each of which begins with the corpus of its name in `fuzz/corpus`.
const TARGETS: [&str; 2] = ["frames", "journals"];

/// Runs each target for its part of so long. What leads to new ways is kept in `fuzz/target/found`; an input that fails, in
/// `fuzz/artifacts`.
pub(crate) fn guided(root: &Path, seconds: u32) -> Result<()> {
    let host = Compiler::of(root)?.host;
    let artifacts = root.join("fuzz/artifacts");
    let seconds = (seconds / TARGETS.len() as u32).max(1);
    for name in TARGETS {
        let found = root.join("fuzz/target/found").join(name);
        for folder in [&found, &artifacts] {
            fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        }
        // With a target named, build scripts are without instruments.
        let target = format!("--target={host}");
        let manifest = "--manifest-path=fuzz/Cargo.toml";
        let program =
            ["run", "--release", "--locked", manifest, &target, "--target-dir=fuzz/target", "--bin", name];
        let mut command = cargo(root, &program);
        command.env("RUSTFLAGS", INSTRUMENTS).arg("--").arg(&found).arg(format!("fuzz/corpus/{name}"));
        command.arg(format!("-max_total_time={seconds}")).arg(format!("-max_len={INPUT_BYTES_MAX}"));
        command
            .arg(format!("-rss_limit_mb={MEMORY_MAX_MIB}"))
            .arg(format!("-malloc_limit_mb={MEMORY_MAX_MIB}"));
        command
            .arg(format!("-artifact_prefix={}/", artifacts.display()))
            .args(["-print_final_stats=1", "-verbosity=0"]);
        process::run(&mut command)?;
    }
    Ok(())
}
