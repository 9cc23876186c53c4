//! Other programs: started, shown while they run, and held to their exit code.

use std::borrow::Cow;
use std::env;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::thread;

use anyhow::{Context, Result, bail};

/// Cargo, in the workspace's root.
pub(crate) fn cargo(root: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments).current_dir(root);
    // What cargo told this program of itself; some build scripts take it for theirs, and build again.
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&name);
        }
    }
    command
}

/// The compiler, as it tells of itself.
pub(crate) struct Compiler {
    /// The target that it builds for unless told otherwise.
    pub(crate) host: String,
    /// Its name and version.
    pub(crate) version: String,
}

impl Compiler {
    /// That of the workspace.
    pub(crate) fn of(root: &Path) -> Result<Self> {
        let mut command = Command::new(env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
        let told = command.arg("-vV").current_dir(root).output().context("cannot start rustc")?;
        let told = String::from_utf8_lossy(&told.stdout);
        let host =
            told.lines().find_map(|line| line.strip_prefix("host: ")).context("rustc names no host")?;
        Ok(Self { host: host.to_owned(), version: told.lines().next().unwrap_or_default().to_owned() })
    }
}

/// npm, in the folder of a package.
pub(crate) fn npm(package: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new("npm");
    command.args(arguments).current_dir(package);
    command
}

/// Whether there is such a program.
pub(crate) fn starts(program: &str) -> bool {
    let mut command = Command::new(program);
    command.arg("--version").stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// Whether cargo has this subcommand.
pub(crate) fn cargo_has(root: &Path, subcommand: &str) -> bool {
    let mut command = cargo(root, &[subcommand, "--version"]);
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

/// An error that says how to install a subcommand of cargo that is missing.
pub(crate) fn require(root: &Path, subcommand: &str, install: &str) -> Result<()> {
    if cargo_has(root, subcommand) {
        return Ok(());
    }
    bail!("`cargo {subcommand}` is needed and not installed: run `{install}`")
}

/// Runs it to its end; an exit code other than 0 is an error.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    println!("$ {}", shown(command));
    let status = command.status().with_context(|| format!("cannot start {}", shown(command)))?;
    if !status.success() {
        bail!("`{}` failed: {status}", shown(command));
    }
    Ok(())
}

/// Runs it to its end and gives each line of its output to `line` too. The answer is whether its
/// exit code was 0.
pub(crate) fn run_watched(command: &mut Command, line: impl FnMut(&str) + Send) -> Result<bool> {
    println!("$ {}", shown(command));
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start {}", shown(command)))?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let line = Mutex::new(line);
    thread::scope(|scope| {
        let line = &line;
        scope.spawn(move || forward(stdout, line, |text| println!("{text}")));
        scope.spawn(move || forward(stderr, line, |text| eprintln!("{text}")));
    });
    Ok(child.wait()?.success())
}

fn forward(from: Option<impl Read>, line: &Mutex<impl FnMut(&str)>, show: impl Fn(&str)) {
    for bytes in from.into_iter().flat_map(|from| BufReader::new(from).split(b'\n')).map_while(Result::ok) {
        let text = String::from_utf8_lossy(&bytes);
        show(&text);
        if let Ok(mut line) = line.lock() {
            line(&text);
        }
    }
}

/// The command as one would type it.
pub(crate) fn shown(command: &Command) -> String {
    let words = command.get_args().map(|word| word.to_string_lossy());
    let variables = command.get_envs().filter_map(|(name, value)| {
        let (name, value) = (name.to_string_lossy(), value?.to_string_lossy());
        Some(
            if value.contains(' ') { format!("{name}=\"{value}\"") } else { format!("{name}={value}") }
                .into(),
        )
    });
    let program = Path::new(command.get_program()).file_stem().unwrap_or_default().to_string_lossy();
    let all: Vec<Cow<'_, str>> = variables.chain([program]).chain(words).collect();
    all.join(" ")
}
