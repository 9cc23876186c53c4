//! Two reports side by side: what became better, and what worse.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;

use anyhow::{Context, bail};

use crate::report::Report;
use crate::report::words::{Unit, count, line, printable};
use crate::timeline::ServerPoint;
use crate::times::Quantiles;

/// Times that differ by less than both of these are the same, but for chance.
const NOISE_SHARE: f64 = 0.05;
const NOISE_MS: f64 = 1.0;
/// And those that differ by less than this, whatever they are.
const NOISE_MS_ANYWAY: f64 = 0.1;
/// Shares that differ by less are the same.
const NOISE_OF_SHARES: f64 = 0.001;

// Colours of the terminal's own palette.
const BOLD: u8 = 1;
const DIM: u8 = 2;
const RED: u8 = 31;
const GREEN: u8 = 32;
const YELLOW: u8 = 33;

/// Reads a report that was written as JSON.
pub(crate) fn load(path: impl AsRef<Path>) -> anyhow::Result<Report> {
    let path = path.as_ref();
    let name = path.display();
    let text = std::fs::read_to_string(path).with_context(|| format!("{name} cannot be read"))?;
    let json: serde_json::Value =
        serde_json::from_str(&text).with_context(|| format!("{name} is no JSON"))?;
    // All fields may be left out, so that what older versions wrote can be read. These were always there.
    for field in ["clients", "updates_received", "update_gap_ms"] {
        if json.get(field).is_none() {
            bail!("{name} is no report of fracas-bots: it has no `{field}`");
        }
    }
    serde_json::from_value(json).with_context(|| format!("{name} is no report that this version can read"))
}

/// What changed from one run to another, as a table for a terminal.
pub(crate) fn compare(old: &Report, new: &Report, is_coloured: bool) -> String {
    let paint = |colour: u8, text: &str| {
        if is_coloured { format!("\x1b[{colour}m{text}\x1b[0m") } else { text.to_owned() }
    };
    let mut table = String::new();
    for difference in differences(old, new) {
        // Writing to a string does not fail.
        let _ = writeln!(table, "  {}", paint(YELLOW, &format!("not comparable: {difference}")));
    }
    let head = format!("{:<28} {:>12} {:>12} {:>12}", "", "old", "new", "change");
    let _ = writeln!(table, "  {}", paint(DIM, &head));
    let figures: Vec<_> = figures(old, new).into_iter().filter(Figure::is_measured).collect();
    for figure in &figures {
        let colour = match figure.judge() {
            Judgement::Same => DIM,
            Judgement::Better => GREEN,
            Judgement::Worse => RED,
            Judgement::Other => BOLD,
        };
        let _ = writeln!(table, "  {}", paint(colour, &figure.row()));
    }
    let of = |wanted| figures.iter().filter(|figure| figure.judge() == wanted).count();
    let (worse, better) = (of(Judgement::Worse), of(Judgement::Better));
    let sum = format!("{worse} worse, {better} better, {} the same", of(Judgement::Same));
    let colour = if worse > 0 { RED } else { GREEN };
    let _ = writeln!(table, "  {}", paint(colour, &sum));
    table
}

/// Why the two do not show what changed in the server.
fn differences(old: &Report, new: &Report) -> Vec<String> {
    let whole = |number: u32| count(number.into());
    let sides = [
        ("scenario", old.scenario.clone(), new.scenario.clone()),
        ("plan", old.plan.digest.clone(), new.plan.digest.clone()),
        ("target", old.target.clone(), new.target.clone()),
        ("game", old.game.clone(), new.game.clone()),
        ("clients", whole(old.clients), whole(new.clients)),
        ("seed", old.seed.to_string(), new.seed.to_string()),
        ("line", line(&old.line), line(&new.line)),
    ];
    let named = |text: &str| if text.is_empty() { "none".into() } else { printable(text) };
    let mut differences: Vec<_> = sides
        .iter()
        .filter(|(_, old, new)| old != new)
        .map(|(what, old, new)| format!("{what} {} and {}", named(old), named(new)))
        .collect();
    for (which, report) in [("old", old), ("new", new)] {
        if report.tester.is_bottleneck {
            let why = printable(&report.tester.why);
            differences.push(format!("the {which} figures are the load tester's own. {why}"));
        }
    }
    differences
}

/// What is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Good {
    Less,
    More,
    /// As small as can be: one more is worse.
    None,
    /// It tells nothing of the server.
    Neither,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Judgement {
    Same,
    Better,
    Worse,
    Other,
}

/// One line of the table.
struct Figure {
    name: String,
    unit: Unit,
    good: Good,
    /// None where nothing was measured.
    old: Option<f64>,
    new: Option<f64>,
}

impl Figure {
    fn is_measured(&self) -> bool {
        self.old.is_some() || self.new.is_some()
    }

    fn judge(&self) -> Judgement {
        let (Some(old), Some(new)) = (self.old, self.new) else { return Judgement::Other };
        if self.is_noise(old, new) {
            return Judgement::Same;
        }
        match self.good {
            Good::Neither => Judgement::Other,
            Good::More if new > old => Judgement::Better,
            Good::Less | Good::None if new < old => Judgement::Better,
            Good::More | Good::Less | Good::None => Judgement::Worse,
        }
    }

    fn is_noise(&self, old: f64, new: f64) -> bool {
        let change = (new - old).abs();
        let is_small = change < old.abs() * NOISE_SHARE;
        match self.unit {
            _ if change == 0.0 => true,
            _ if self.good == Good::None => false,
            Unit::Ms => change < NOISE_MS_ANYWAY || (is_small && change < NOISE_MS),
            Unit::Share => change < NOISE_OF_SHARES,
            _ => is_small,
        }
    }

    fn row(&self) -> String {
        let say = |value: Option<f64>| value.map_or("–".into(), |value| self.unit.say(value));
        // A terminal breaks no lines here, and knows the usual space.
        let cells = [say(self.old), say(self.new), self.change()].map(|cell| cell.replace('\u{a0}', " "));
        let mark = match self.judge() {
            Judgement::Worse => "  worse",
            Judgement::Better => "  better",
            Judgement::Same | Judgement::Other => "",
        };
        format!("{:<28} {:>12} {:>12} {:>12}{mark}", self.name, cells[0], cells[1], cells[2])
    }

    fn change(&self) -> String {
        let (Some(old), Some(new)) = (self.old, self.new) else { return String::new() };
        let sign = if new > old { "+" } else { "-" };
        let by = (new - old).abs();
        match self.unit {
            _ if by == 0.0 => "=".into(),
            Unit::Share => format!("{sign}{:.3} points", by * 100.0),
            unit if old == 0.0 || self.good == Good::None => format!("{sign}{}", unit.say(by)),
            _ => format!("{sign}{:.1} %", by / old * 100.0),
        }
    }
}

fn figures(old: &Report, new: &Report) -> Vec<Figure> {
    let mut figures = Vec::new();
    let mut add = |name: &str, unit, good, of: &dyn Fn(&Report) -> Option<f64>| {
        figures.push(Figure { name: name.into(), unit, good, old: of(old), new: of(new) });
    };
    for (name, good, of) in TIMES {
        for (quantile, value) in QUANTILES {
            let measured = |report: &Report| Some(of(report)).filter(|times| times.count > 0).map(value);
            add(&format!("{name} {quantile}"), Unit::Ms, good, &measured);
        }
    }
    for (name, unit, good, of) in FIGURES {
        add(name, unit, good, &|report| Some(of(report)));
    }
    for (name, unit, good, of) in SERVER {
        add(name, unit, good, &|report| report.server.as_ref().map(of));
    }
    for kind in kinds(old, new, |report| report.violations.keys()) {
        let of = |report: &Report| Some(report.violations.get(kind).copied().unwrap_or_default() as f64);
        add(&format!("violation {}", printable(kind)), Unit::Count, Good::None, &of);
    }
    for kind in kinds(old, new, |report| report.errors.keys()) {
        let of = |report: &Report| Some(report.errors.get(kind).copied().unwrap_or_default() as f64);
        add(&format!("error {}", printable(kind)), Unit::Count, Good::None, &of);
    }
    figures
}

/// What occurred in either run.
fn kinds<'a, I: Iterator<Item = &'a String>>(
    old: &'a Report,
    new: &'a Report,
    of: fn(&'a Report) -> I,
) -> BTreeSet<&'a String> {
    of(old).chain(of(new)).collect()
}

type Times = (&'static str, Good, fn(&Report) -> Quantiles);
type Quantile = (&'static str, fn(Quantiles) -> f64);
type Number<T> = (&'static str, Unit, Good, fn(&T) -> f64);

const QUANTILES: [Quantile; 3] =
    [("p50", |times| times.p50), ("p99", |times| times.p99), ("max", |times| times.max)];

const TIMES: [Times; 8] = [
    ("update gap", Good::Less, |report| report.update_gap_ms),
    ("input to state", Good::Less, |report| report.input_to_state_ms),
    ("tick age", Good::Less, |report| report.tick_age_ms),
    ("ping", Good::Less, |report| report.ping_ms),
    ("away", Good::Less, |report| report.away_ms),
    ("connect", Good::Less, |report| report.connect_ms),
    ("join", Good::Less, |report| report.join_ms),
    ("tester's lateness", Good::Neither, |report| report.tester.lateness_ms),
];

const FIGURES: [Number<Report>; 14] = [
    ("joined", Unit::Count, Good::More, |report| report.joined.into()),
    ("failed", Unit::Count, Good::None, |report| report.failed.into()),
    ("disconnected", Unit::Count, Good::None, |report| report.disconnects.into()),
    ("resumed", Unit::Count, Good::Neither, |report| report.resumed.into()),
    ("seats lost", Unit::Count, Good::None, |report| report.seats_lost.into()),
    ("matches not gone on", Unit::Count, Good::None, |report| report.continuity_lost.into()),
    ("updates received", Unit::Share, Good::More, |report| {
        if report.updates_expected == 0 {
            return 1.0;
        }
        report.updates_received as f64 / report.updates_expected as f64
    }),
    ("worst bot's updates", Unit::Share, Good::More, |report| report.updates_received_share_min),
    ("inputs sent", Unit::Count, Good::More, |report| report.inputs_sent as f64),
    ("received by a client", Unit::BytesPerS, Good::Less, |report| report.rx_bytes_per_client_per_s),
    ("sent by a client", Unit::BytesPerS, Good::Less, |report| report.tx_bytes_per_client_per_s),
    ("kills", Unit::Count, Good::Neither, |report| report.kills as f64),
    ("view hash mismatches", Unit::Count, Good::None, |report| report.view_hash_mismatches as f64),
    ("tester's cores", Unit::Cores, Good::Neither, |report| report.tester.cpu_cores),
];

const SERVER: [Number<ServerPoint>; 8] = [
    ("server's tick work p50", Unit::Ms, Good::Less, |server| server.work_p50_ms),
    ("server's tick work p99", Unit::Ms, Good::Less, |server| server.work_p99_ms),
    ("server's lateness p99", Unit::Ms, Good::Less, |server| server.lateness_p99_ms),
    ("overruns", Unit::Count, Good::Less, |server| server.overruns as f64),
    ("dropped ticks", Unit::Count, Good::None, |server| server.dropped as f64),
    ("stale frames", Unit::Count, Good::Less, |server| server.stale_frames as f64),
    ("server's memory", Unit::Bytes, Good::Less, |server| server.memory_bytes as f64),
    ("server's cores", Unit::Cores, Good::Less, |server| server.cpu_cores),
];

#[cfg(test)]
mod tests;
