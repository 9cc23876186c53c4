//! When and where something is measured.

use std::fs;
use std::process::Command;
use std::thread::available_parallelism;

use anyhow::{Context, Result};

/// What is to be known of all figures of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Circumstances {
    /// The day, as 2026-11-28, by the time of Greenwich.
    pub date: String,
    /// Its processor, how much of it there is, and its system.
    pub machine: String,
}

impl Circumstances {
    /// Those of now and here.
    ///
    /// # Errors
    /// This is no Linux.
    pub fn here() -> Result<Self> {
        let date = Command::new("date").args(["-u", "+%F"]).output().context("cannot start date")?;
        let (cpus, cores) = (fs::read_to_string("/proc/cpuinfo")?, available_parallelism()?);
        let release = fs::read_to_string("/proc/sys/kernel/osrelease")?;
        let (model, version) = (model(&cpus), release.split('-').next().unwrap_or_default().trim());
        Ok(Self {
            date: String::from_utf8_lossy(&date.stdout).trim().to_owned(),
            machine: format!("{cores} cores of {model}, Linux {version}"),
        })
    }
}

/// The processor's name in what the system says of it.
fn model(cpus: &str) -> &str {
    let name = cpus.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    name.map_or("a processor without a name", |(_, name)| name.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processors_are_named() {
        assert_eq!(
            model("processor\t: 0\nmodel name\t: AMD EPYC 7763\nmodel name\t: other"),
            "AMD EPYC 7763"
        );
        assert_eq!(model("CPU part: 0xd0c"), "a processor without a name");
    }

    #[test]
    fn today_is_a_date() {
        let Circumstances { date, machine } = Circumstances::here().expect("a Linux");
        assert!(date.len() == 10 && date.starts_with("20"), "{date}");
        assert!(machine.contains("Linux"), "{machine}");
    }
}
