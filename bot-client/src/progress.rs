//! What is shown while the bots play: a bar on a terminal, now and then a line elsewhere.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use crate::cli::Options;
use crate::record::Record;

/// Time between two lines where there is no terminal.
const LINE_INTERVAL: Duration = Duration::from_secs(5);
/// Steps of the bar in a second of playing.
const STEPS_PER_S: f64 = 10.0;

/// How far the swarm is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Stage {
    Joining { joined: u32 },
    Playing { played: Duration },
    Leaving { left: usize },
}

pub(crate) struct Progress {
    clients: u32,
    duration: Duration,
    /// None where there is no terminal.
    bar: Option<ProgressBar>,
    line_at: Instant,
}

impl Progress {
    pub(crate) fn new(options: &Options) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let style = ProgressStyle::with_template("{prefix:>8} {wide_bar:.cyan/dim} {msg}")
                .expect("the template is a constant");
            ProgressBar::new(0).with_style(style)
        });
        Self { clients: options.clients(), duration: options.duration(), bar, line_at: Instant::now() }
    }

    pub(crate) fn show(&mut self, stage: Stage, record: &Record) {
        let steps = |time: Duration| (time.as_secs_f64() * STEPS_PER_S) as u64;
        let (prefix, done, all) = match stage {
            Stage::Joining { joined } => ("joining", u64::from(joined), u64::from(self.clients)),
            Stage::Playing { played } => ("playing", steps(played), steps(self.duration)),
            Stage::Leaving { left } => {
                let clients = u64::from(self.clients);
                ("leaving", clients.saturating_sub(left as u64), clients)
            }
        };
        let message = self.message(stage, record);
        match &self.bar {
            Some(bar) => {
                bar.set_prefix(prefix);
                bar.set_length(all);
                bar.set_position(done.min(all));
                bar.set_message(message);
            }
            None if Instant::now() >= self.line_at => {
                self.line_at += LINE_INTERVAL;
                eprintln!("{prefix}: {message}");
            }
            None => {}
        }
    }

    fn message(&self, stage: Stage, record: &Record) -> String {
        let bots = format!("{} of {} bots joined", record.joined, self.clients);
        let trouble = match record.failed + record.disconnects {
            0 => String::new(),
            _ => format!(", {} failed, {} disconnected", record.failed, record.disconnects),
        };
        let time = match stage {
            Stage::Playing { played } => {
                format!(", {:.0} of {:.0} s", played.as_secs_f64(), self.duration.as_secs_f64())
            }
            Stage::Joining { .. } | Stage::Leaving { .. } => String::new(),
        };
        format!("{bots}{trouble}{time}, {} updates, {} kills", record.updates, record.kills)
    }

    /// Says something between the lines.
    pub(crate) fn say(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.println(line),
            None => eprintln!("{line}"),
        }
    }

    pub(crate) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
