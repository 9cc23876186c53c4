//! One server with its clients, from its start to its end.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use fracas_benches::Interrupt;
use fracas_benches::process::{Cpu, Process, sibling};
use serde_json::Value;

use crate::cases::Case;
use crate::options::Options;
use crate::server::Kind;

/// Longer than clients take to leave when the machine is busy, and than a server takes to end.
const PATIENCE: Duration = Duration::from_secs(20);
/// From the start of the load tester's process to the begin of its time.
const HEAD_START: Duration = Duration::from_millis(40);
/// By how much the updates may be less or more than what was to come, as a share.
const UPDATES_OFF_MAX: f64 = 0.01;

/// What a server took in one round.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    /// The window's length.
    pub(crate) seconds: f64,
    /// What the server took of the processor in the window, by all of its threads.
    pub(crate) cpu: Cpu,
    /// What the clients counted in the window.
    pub(crate) updates: f64,
    /// Why it does not count; none when it does.
    pub(crate) problem: Option<String>,
    /// What is to be known, although it counts.
    pub(crate) remark: Option<String>,
}

impl Run {
    /// Processor time of the server for an update that a client got, in microseconds.
    pub(crate) fn us_per_update(&self) -> f64 {
        self.cpu.total_s() * 1e6 / self.updates
    }
}

/// Gives a server of this kind its clients, and measures it.
pub(crate) fn measure(
    kind: Kind,
    case: &Case,
    options: &Options,
    tape: &Path,
    folder: &Path,
    interrupt: &Interrupt,
) -> Result<Run> {
    interrupt.pause(Duration::ZERO)?;
    let server = kind.start(tape, options.server_core, folder)?;
    let report = folder.join("report.json");
    let started_at = Instant::now();
    let mut command = clients(case, options, &format!("ws://{}", server.address), &report, folder)?;
    let clients = Process::start(&mut command, options.client_core)?;
    interrupt.pause(options.warm_up(case))?;
    let (cpu_before, began) = (server.cpu()?, Instant::now());
    interrupt.pause(options.window())?;
    let (cpu, ended) = (server.cpu()?, Instant::now());
    // Its exit code says less than its report.
    clients.end(options.play_time(case) + PATIENCE)?;
    let report = std::fs::read_to_string(&report).context("the load tester has no report")?;
    let window = Window::new(serde_json::from_str(&report)?, began - started_at, ended - started_at);
    let (updates, seconds) = (window.updates(), (ended - began).as_secs_f64());
    let expected = case.updates_per_s() * seconds;
    let is_behind = updates < expected * (1.0 - UPDATES_OFF_MAX);
    let off = || format!("{:.1} % of the updates that were to come", 100.0 * updates / expected);
    let mut problem = window.problem(case);
    let mut remark = None;
    if kind == Kind::Naive && is_behind {
        // What it delivers costs what it costs: that it cannot do more is its own doing.
        remark = Some(format!("it could not keep up: {}", off()));
        problem = problem.filter(|_| window.has_lost_clients());
    } else if is_behind || updates > expected * (1.0 + UPDATES_OFF_MAX) {
        problem = problem.or_else(|| Some(off()));
    }
    if kind.counts() {
        let (status, last) = server.end(PATIENCE)?;
        if !status.success() {
            problem = Some(format!("the server failed, {status}"));
        } else if last["steady_ticks"].as_u64().is_none_or(|ticks| ticks == 0) {
            problem = Some("the server had no tick of which it could assert anything".into());
        }
    }
    Ok(Run { seconds, cpu: cpu - cpu_before, updates, problem, remark })
}

/// The load tester, with all that the case says.
fn clients(case: &Case, options: &Options, url: &str, report: &Path, folder: &Path) -> Result<Command> {
    let mut command = Command::new(sibling("fracas-bots")?);
    command
        .args(["--game=arena", "--metrics=off", "--plain"])
        .arg(format!("--url={url}"))
        .arg(format!("--clients={}", case.clients))
        .arg(format!("--ramp={}/s", options.ramp))
        .arg(format!("--duration={}ms", options.play_time(case).as_millis()))
        .arg(format!("--inputs={}/s", case.shape.inputs_per_s))
        .arg(format!("--create-options={}", case.shape.room_options()))
        .arg("--json")
        .arg(report)
        .arg("--save-violations")
        .arg(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    Ok(command)
}

/// What the load tester says of the time in which the server was measured.
struct Window {
    report: Value,
    /// Both since the load tester's time began, in seconds.
    from_s: f64,
    to_s: f64,
}

impl Window {
    /// From and to are since the start of the load tester's process.
    fn new(report: Value, from: Duration, to: Duration) -> Self {
        let since = |time: Duration| time.saturating_sub(HEAD_START).as_secs_f64();
        Self { report, from_s: since(from), to_s: since(to) }
    }

    /// The points of its time line that lie in the window, and how much of each does: 0 to 1.
    fn points(&self) -> impl Iterator<Item = (&Value, f64)> {
        let points = self.report["timeline"].as_array().map_or(&[][..], Vec::as_slice);
        points.iter().filter_map(|point| {
            let (at_s, lasts_s) = (point["at_s"].as_f64()?, point["lasts_s"].as_f64()?);
            let inside_s = self.to_s.min(at_s + lasts_s) - self.from_s.max(at_s);
            (inside_s > 0.0).then_some((point, inside_s / lasts_s))
        })
    }

    /// Updates that clients have decoded in the window.
    fn updates(&self) -> f64 {
        self.points().map(|(point, share)| point["updates"].as_f64().unwrap_or(0.0) * share).sum()
    }

    /// How often the load tester counted this.
    fn count(&self, name: &str) -> u64 {
        self.report[name].as_u64().unwrap_or(0)
    }

    fn has_lost_clients(&self) -> bool {
        self.count("failed") + self.count("disconnects") + self.count("seats_lost") > 0
    }

    /// Why the clients are not those that were wanted; none when they are.
    fn problem(&self, case: &Case) -> Option<String> {
        let counts = ["failed", "disconnects", "seats_lost", "view_hash_mismatches"];
        let lost = counts.into_iter().find(|name| self.count(name) > 0);
        if let Some(name) = lost {
            return Some(format!("clients: {} {name}, errors {}", self.count(name), self.report["errors"]));
        }
        let has = |name: &str| self.report[name].as_object().is_some_and(|counts| !counts.is_empty());
        if let Some(name) = ["violations", "errors"].into_iter().find(|name| has(name)) {
            return Some(format!("clients: {name} {}", self.report[name]));
        }
        let playing = self.points().map(|(point, _)| point["playing"].as_u64().unwrap_or(0)).min();
        if playing != Some(case.clients.into()) {
            return Some(format!("{} of {} clients played", playing.unwrap_or(0), case.clients));
        }
        let rooms = self.count("rooms");
        (rooms != u64::from(case.rooms()))
            .then(|| format!("{rooms} rooms where {} were wanted", case.rooms()))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::cases::named;

    /// Windows of a second with 100 updates each, in the last half of which nothing comes.
    fn window(report: &Value, from_ms: u64, to_ms: u64) -> Window {
        let point =
            |at_s, updates| json!({ "at_s": at_s, "lasts_s": 1.0, "updates": updates, "playing": 400 });
        let mut whole =
            json!({ "timeline": [point(0.0, 80), point(1.0, 100), point(2.0, 100)], "rooms": 50 });
        let whole_map = whole.as_object_mut().expect("an object");
        whole_map.extend(report.as_object().cloned().unwrap_or_default());
        let since = |ms| HEAD_START + Duration::from_millis(ms);
        Window::new(whole, since(from_ms), since(to_ms))
    }

    #[test]
    fn updates_are_those_of_the_window() {
        for (from_ms, to_ms, updates) in [(0, 3000, 280.0), (1000, 2000, 100.0), (500, 2250, 165.0)] {
            let found = window(&json!({}), from_ms, to_ms).updates();
            assert!((found - updates).abs() < 1e-6, "{from_ms} to {to_ms}: {found}");
        }
    }

    #[test]
    fn a_run_without_its_clients_does_not_count() {
        let case = named("rooms-of-8").expect("it is in the list");
        let problem = |report| window(&report, 1000, 3000).problem(&case).unwrap_or_default();
        assert_eq!(problem(json!({ "failed": 0, "violations": {} })), "");
        for (report, text) in [
            (
                json!({ "disconnects": 2, "errors": { "timeout": 2 } }),
                "2 disconnects, errors {\"timeout\":2}",
            ),
            (json!({ "violations": { "tick_back": 1 } }), "violations {\"tick_back\":1}"),
            (json!({ "rooms": 51 }), "51 rooms where 50 were wanted"),
            (json!({ "timeline": [] }), "0 of 400 clients played"),
        ] {
            assert!(problem(report.clone()).contains(text), "{}", problem(report));
        }
    }
}
