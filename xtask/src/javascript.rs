//! The JavaScript SDK's tests: by Node.js, and in a browser on the server's pages.

use std::env;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::debian;
use crate::process::{cargo, npm, starts};

/// The package of npm.
const JS_SDK: &str = "client/js";

/// The oldest Node.js that has what our JavaScript uses.
const NODE_VERSION_MIN: u32 = 20;

/// A browser that the pages are tested in, as test/browser/browser.js finds it.
struct Browser {
    name: &'static str,
    /// Of Debian.
    package: &'static str,
    /// The variable that names another program.
    variable: &'static str,
    programs: &'static [&'static str],
}

const CHROMIUM: Browser = Browser {
    name: "Chromium",
    package: "chromium",
    variable: "CHROMIUM",
    programs: &["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"],
};

const FIREFOX: Browser = Browser {
    name: "Firefox",
    package: "firefox-esr",
    variable: "FIREFOX",
    programs: &["/usr/bin/firefox-esr", "/usr/bin/firefox"],
};

/// The commands that test the SDK and the pages; `target` is the workspace's target folder.
pub(crate) fn tests(root: &Path, target: &Path) -> Result<Vec<Command>> {
    require_node()?;
    CHROMIUM.require()?;
    let sdk = root.join(JS_SDK);
    let mut commands = vec![
        cargo(
            root,
            &[
                "build",
                "--package=fracas-server",
                "--package=fracas-bots",
                "--bins",
                "--example=socketio_conformance",
            ],
        ),
        npm(&sdk, &["ci", "--no-audit", "--no-fund"]),
        npm(&sdk, &["test"]),
        npm(&sdk, &["run", "test:browser"]),
    ];
    // What plays in one browser nearly always plays in the other: a machine without a second one is
    // good enough to work on.
    match FIREFOX.require() {
        Ok(()) => commands.push(npm(&sdk, &["run", "test:firefox"])),
        Err(error) => println!("SKIPPED: {error:#}"),
    }
    for command in &mut commands[2..] {
        command.env("FRACAS_SERVER", target.join("debug/fracas-server"));
        command.env("FRACAS_BOTS", target.join("debug/fracas-bots"));
        command.env("FRACAS_CONFORMANCE", target.join("debug/examples/socketio_conformance"));
    }
    Ok(commands)
}

/// An error that says how to install Node.js, if it is missing or too old.
fn require_node() -> Result<()> {
    let version = Command::new("node").arg("--version").stderr(Stdio::null()).output();
    let version = version.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    let major =
        version.as_ref().ok().and_then(|version| version.strip_prefix('v')?.split('.').next()?.parse().ok());
    if major.is_some_and(|major: u32| major >= NODE_VERSION_MIN) && starts("npm") {
        return Ok(());
    }
    bail!(
        "the tests of the JavaScript SDK need Node.js {NODE_VERSION_MIN} or newer with npm, and this machine has {}: \
         install it, on Debian by `apt-get install nodejs npm`; `cargo xtask test --quick` goes without",
        version.ok().filter(|version| !version.is_empty()).unwrap_or_else(|| "none".into()),
    )
}

impl Browser {
    /// Installs it where that needs nobody's leave: as root of a Debian. Elsewhere, if it is missing,
    /// an error that says how to install it.
    fn require(&self) -> Result<()> {
        let Self { name, package, variable, programs } = self;
        if let Some(named) = env::var_os(variable) {
            if Path::new(&named).exists() {
                return Ok(());
            }
            bail!("{variable} names {}, and there is no such file", Path::new(&named).display());
        }
        if programs.iter().any(|path| Path::new(path).exists()) {
            return Ok(());
        }
        if debian::may_install() {
            println!("The browser tests need {name}, and there is none: installing Debian's.");
            return debian::install(&[package]).with_context(|| format!("cannot install {name}"));
        }
        bail!(
            "the browser tests need {name}, and it is none of {}: install it, on Debian by `apt-get install {package}`, \
             or name one by {variable}=path; `cargo xtask test --quick` goes without",
            programs.join(", "),
        )
    }
}
