//! What the pairs have shown.

use std::fmt::Write as _;

use fracas_benches::process::Cpu;
use serde_json::{Value, json};

use crate::tape_process::Served;

/// The share of ticks that the server may be late with; with more, it is the server that was measured.
const LATE_SHARE_MAX: f64 = 0.005;
/// By how much the bytes of a pair may differ: both are to read the same.
const BYTES_SHARE_MAX: f64 = 0.01;

/// The control and the tester, one after the other.
#[derive(Debug)]
pub(crate) struct Pair {
    pub(crate) bare: Run,
    pub(crate) bots: Run,
}

/// One of a pair.
#[derive(Debug)]
pub(crate) struct Run {
    /// The window's length.
    pub(crate) seconds: f64,
    /// What was taken in the window.
    pub(crate) cpu: Cpu,
    /// What the server did in the window.
    pub(crate) served: Served,
    /// The program's own report.
    pub(crate) said: Value,
}

/// All pairs.
#[derive(Debug)]
pub(crate) struct Runs {
    pub(crate) clients: u32,
    pub(crate) inputs: String,
    pub(crate) pairs: Vec<Pair>,
}

impl Run {
    /// Processor seconds per second.
    fn load(&self) -> f64 {
        self.cpu.total_s() / self.seconds
    }

    fn bytes_per_s(&self) -> f64 {
        self.served.bytes_out as f64 / self.seconds
    }

    fn problem(&self) -> Option<String> {
        let late = self.served.late_share();
        if late > LATE_SHARE_MAX {
            return Some(format!("the server was late with {:.1} % of its ticks", late * 100.0));
        }
        (self.served.lost > 0).then(|| format!("the server lost {} clients", self.served.lost))
    }

    fn json(&self) -> Value {
        json!({
            "seconds": self.seconds,
            "cpu_s_per_s": self.load(),
            "user_s": self.cpu.user_s,
            "system_s": self.cpu.system_s,
            "updates": self.served.updates,
            "bytes_in": self.served.bytes_out,
            "messages_out": self.served.messages_in,
            "bytes_out": self.served.bytes_in,
            "server_ticks": self.served.ticks,
            "server_ticks_late": self.served.ticks_late,
            "server_worked_ms": self.served.worked_ms,
            "said": self.said,
        })
    }
}

impl Pair {
    fn ratio(&self) -> f64 {
        self.bots.load() / self.bare.load()
    }

    /// Why the pair does not count; nothing when it does.
    fn problem(&self) -> Option<String> {
        if let Some(problem) = self.bare.problem().or_else(|| self.bots.problem()) {
            return Some(problem);
        }
        let differ = self.bots.bytes_per_s() / self.bare.bytes_per_s() - 1.0;
        if differ.abs() > BYTES_SHARE_MAX {
            return Some(format!("the tester got {:+.1} % of the control's bytes", differ * 100.0));
        }
        let said = &self.bots.said;
        let count = |name: &str| said[name].as_u64().unwrap_or(0);
        let is_fine = count("failed") + count("disconnects") + count("view_hash_mismatches") == 0
            && said["errors"].as_object().is_none_or(serde_json::Map::is_empty);
        (!is_fine).then(|| format!("the tester has errors: {}", said["errors"]))
    }
}

impl Runs {
    /// Pairs that do not count, and why.
    pub(crate) fn problems(&self) -> impl Iterator<Item = String> {
        let told = |(number, pair): (usize, &Pair)| Some(format!("pair {}: {}", number + 1, pair.problem()?));
        self.pairs.iter().enumerate().filter_map(told)
    }

    /// The least, the median and the most of the ratios that count; with none of them, of all.
    fn ratios(&self) -> [f64; 3] {
        let of = |is_wanted: fn(&Pair) -> bool| -> Vec<f64> {
            self.pairs.iter().filter(|pair| is_wanted(pair)).map(Pair::ratio).collect()
        };
        let mut ratios = of(|pair| pair.problem().is_none());
        if ratios.is_empty() {
            ratios = of(|_| true);
        }
        ratios.sort_by(f64::total_cmp);
        let at = |place: usize| ratios.get(place).copied().unwrap_or(f64::NAN);
        [at(0), at(ratios.len() / 2), at(ratios.len().saturating_sub(1))]
    }

    /// For people.
    pub(crate) fn table(&self) -> String {
        let mut text = format!(
            "processor seconds in a second of {} clients, inputs {}: the control, then the load tester\n\n\
             {:>4} {:>8} {:>6} {:>6} {:>9} {:>8}  {:>8} {:>6} {:>6} {:>9} {:>8}  {:>6}\n",
            self.clients,
            self.inputs,
            "pair",
            "control",
            "user",
            "system",
            "updates/s",
            "kB/s",
            "tester",
            "user",
            "system",
            "updates/s",
            "kB/s",
            "ratio",
        );
        for (number, pair) in self.pairs.iter().enumerate() {
            let mark = if pair.problem().is_some() { "!" } else { "" };
            // Writing to memory does not fail.
            let _ = writeln!(
                text,
                "{:>4} {}  {}  {:>6.2}{mark}",
                number + 1,
                columns(&pair.bare),
                columns(&pair.bots),
                pair.ratio()
            );
        }
        let [least, median, most] = self.ratios();
        let _ = writeln!(text, "\nratio: median {median:.2}, {least:.2} to {most:.2}");
        for problem in self.problems() {
            let _ = writeln!(text, "invalid: {problem}");
        }
        text
    }

    /// For programs.
    pub(crate) fn json(&self) -> Value {
        let [least, median, most] = self.ratios();
        let pair = |pair: &Pair| {
            json!({
                "ratio": pair.ratio(),
                "problem": pair.problem(),
                "bare": pair.bare.json(),
                "bots": pair.bots.json(),
            })
        };
        json!({
            "clients": self.clients,
            "inputs": self.inputs,
            "is_valid": self.problems().next().is_none(),
            "ratio": { "median": median, "least": least, "most": most },
            "pairs": self.pairs.iter().map(pair).collect::<Vec<_>>(),
        })
    }
}

fn columns(run: &Run) -> String {
    let per_s = |what: f64| what / run.seconds;
    format!(
        "{:>8.3} {:>6.3} {:>6.3} {:>9.0} {:>8.1}",
        run.load(),
        per_s(run.cpu.user_s),
        per_s(run.cpu.system_s),
        per_s(run.served.updates as f64),
        run.bytes_per_s() / 1000.0
    )
}
