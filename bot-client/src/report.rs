//! What is reported at the end: a table for people, JSON for programs.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use fracas_client::LineProfile;
use hdrhistogram::Histogram;
use serde::Serialize;

use crate::cli::Options;
use crate::expect::Verdict;
use crate::record::{Errors, Record};

/// The share of its updates that every bot is to get.
const UPDATES_SHARE_MIN: f64 = 0.99;

/// What a run has shown. The JSON has these very fields, without the messages.
///
/// Everything is measured from each bot's joining to its leaving, the ramp included.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// The game that was played.
    pub game: String,
    /// What the bots' decisions were drawn from.
    pub seed: u64,
    /// What was made of each bot's line.
    pub line: LineProfile,
    /// How long the bots played once all had joined, in seconds.
    pub duration_s: f64,
    /// How many bots there were to be.
    pub clients: u32,
    /// How many of them joined.
    pub joined: u32,
    /// How many could not.
    pub failed: u32,
    /// How many joined and did not leave by themselves.
    pub disconnects: u32,
    /// How many rooms they played in.
    pub rooms: usize,
    /// Ticks that the server made while bots were in its rooms: of each bot, from joining to leaving.
    /// Ticks whose time the server dropped were never made.
    pub updates_expected: u64,
    /// Those of them whose state the bot received and decoded.
    pub updates_received: u64,
    /// The smallest share of its updates that any bot got, 0 to 1; 1 when there were none.
    pub updates_received_share_min: f64,
    /// From one update of a bot to its next.
    pub update_gap_ms: Quantiles,
    /// From the sending of an input to the first state that the server used it for. Inputs answer
    /// states, so a server that makes no states is not asked: its gaps are in `update_gap_ms`.
    pub input_to_state_ms: Quantiles,
    /// Bytes that a bot received in a second: payloads and heads of WebSocket frames, without TCP/IP.
    pub rx_bytes_per_client_per_s: f64,
    /// Bytes that a bot sent in a second: payloads, heads and masks of WebSocket frames.
    pub tx_bytes_per_client_per_s: f64,
    /// Points that the bots made, as the game's pilot counts them: kills in a shooter.
    pub kills: u64,
    /// Frames that decoded to another state than the server's.
    pub view_hash_mismatches: u64,
    /// How often each kind of error occurred.
    pub errors: BTreeMap<String, u64>,
    /// Whether all was as expected.
    pub expectations: Vec<Verdict>,
    /// What the first error of each kind said.
    #[serde(skip)]
    pub messages: BTreeMap<String, String>,
}

/// A distribution of times, in milliseconds, right to one part in a thousand; 0 when nothing was
/// measured, and 60,000 for all that took longer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Quantiles {
    /// The median.
    pub p50: f64,
    /// 99 of 100 are at most this.
    pub p99: f64,
    /// 999 of 1,000 are at most this.
    pub p999: f64,
    /// The longest.
    pub max: f64,
}

impl Quantiles {
    fn of(histogram: &Histogram<u64>) -> Self {
        let ms = |microseconds: u64| microseconds as f64 / 1000.0;
        Self {
            p50: ms(histogram.value_at_quantile(0.5)),
            p99: ms(histogram.value_at_quantile(0.99)),
            p999: ms(histogram.value_at_quantile(0.999)),
            max: ms(histogram.max()),
        }
    }
}

impl Report {
    pub(crate) fn new(options: &Options, record: &Record, played: Duration) -> Self {
        let stays = &record.stays;
        let sum = |of: fn(&crate::record::Stay) -> u64| stays.iter().map(of).sum::<u64>();
        let seconds: f64 = stays.iter().map(|stay| stay.seconds).sum();
        let per_s = |bytes: u64| if seconds > 0.0 { (bytes as f64 / seconds).round() } else { 0.0 };
        let shares = stays
            .iter()
            .filter(|stay| stay.expected > 0)
            .map(|stay| f64::from(stay.received) / f64::from(stay.expected));
        let errors = |of: fn(&Errors) -> u64| {
            record.errors.iter().map(|(kind, errors)| (kind.clone(), of(errors))).collect()
        };
        let mut report = Self {
            game: options.game().to_owned(),
            seed: options.seed(),
            line: options.line(),
            duration_s: (played.as_secs_f64() * 1000.0).round() / 1000.0,
            clients: options.clients(),
            joined: record.joined,
            failed: record.failed,
            disconnects: record.disconnects,
            rooms: record.rooms.len(),
            updates_expected: sum(|stay| u64::from(stay.expected)),
            updates_received: sum(|stay| u64::from(stay.received)),
            updates_received_share_min: shares.fold(1.0, f64::min),
            update_gap_ms: Quantiles::of(&record.update_gap_us),
            input_to_state_ms: Quantiles::of(&record.input_to_state_us),
            rx_bytes_per_client_per_s: per_s(sum(|stay| stay.rx_bytes)),
            tx_bytes_per_client_per_s: per_s(sum(|stay| stay.tx_bytes)),
            kills: record.kills,
            view_hash_mismatches: record.view_hash_mismatches,
            errors: errors(|errors| errors.count),
            expectations: Vec::new(),
            messages: record
                .errors
                .iter()
                .map(|(kind, errors)| (kind.clone(), errors.first.clone()))
                .collect(),
        };
        report.expectations = options.expect.iter().map(|expected| expected.judge(&report, record)).collect();
        report
    }

    /// Whether every bot joined and left as it should.
    pub fn is_fine(&self) -> bool {
        self.failed == 0 && self.disconnects == 0
    }

    /// Whether all was as expected.
    pub fn is_as_expected(&self) -> bool {
        self.expectations.iter().all(|verdict| verdict.held)
    }

    /// Writes the report as JSON.
    pub fn write_json(&self, path: &Path) -> anyhow::Result<()> {
        let mut json = serde_json::to_string_pretty(self).context("the report cannot be written as JSON")?;
        json.push('\n');
        std::fs::write(path, json)
            .with_context(|| format!("the report cannot be written to {}", path.display()))
    }

    /// The report for people.
    pub fn table(&self, is_coloured: bool) -> String {
        let paint = |colour: u8, text: String| {
            if is_coloured { format!("\x1b[{colour}m{text}\x1b[0m") } else { text }
        };
        let judge = |is_good: bool, text: String| paint(if is_good { GREEN } else { RED }, text);
        let mut table = String::new();
        let mut line = |label: &str, text: String| {
            // Writing to a string does not fail.
            let _ = writeln!(table, "  {} {text}", paint(DIM, format!("{label:<15}")));
        };
        line(
            "game",
            format!("{}, {:.1} s, {} rooms, seed {}", self.game, self.duration_s, self.rooms, self.seed),
        );
        if !self.line.is_none() {
            line("line", self.line.to_string());
        }
        let bots = format!(
            "{} of {} joined, {} failed, {} disconnected",
            self.joined, self.clients, self.failed, self.disconnects
        );
        line("bots", judge(self.is_fine(), bots));
        line("updates", format!("{} of {} expected", self.updates_received, self.updates_expected));
        let worst = format!("{:.2} % of its updates", self.updates_received_share_min * 100.0);
        line("worst bot", judge(self.updates_received_share_min >= UPDATES_SHARE_MIN, worst));
        line("", paint(DIM, format!("{:>10} {:>10} {:>10} {:>10}", "p50", "p99", "p99.9", "max")));
        line("update gap", self.update_gap_ms.columns());
        line("input to state", self.input_to_state_ms.columns());
        let traffic = format!(
            "{:.2} kB/s received, {:.2} kB/s sent, each",
            self.rx_bytes_per_client_per_s / 1000.0,
            self.tx_bytes_per_client_per_s / 1000.0
        );
        line("traffic", traffic);
        line("kills", self.kills.to_string());
        let mismatches = format!("{} mismatches", self.view_hash_mismatches);
        line("view hashes", judge(self.view_hash_mismatches == 0, mismatches));
        for (kind, count) in &self.errors {
            let message = self.messages.get(kind).map_or("", String::as_str);
            line("error", paint(RED, format!("{count} x {kind}: {message}")));
        }
        for verdict in &self.expectations {
            line("expected", judge(verdict.held, verdict.to_string()));
        }
        table
    }
}

impl Quantiles {
    fn columns(&self) -> String {
        [self.p50, self.p99, self.p999, self.max].map(|ms| format!("{ms:>7.2} ms")).join(" ")
    }
}

// Colours of the terminal's own palette.
const DIM: u8 = 2;
const RED: u8 = 31;
const GREEN: u8 = 32;

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::record::Stay;

    fn report() -> Report {
        let options = Options::parse_from(["fracas-bots", "--clients", "3"]);
        let mut record = Record::new();
        record.joined = 2;
        record.failed = 1;
        record.rooms.insert("r1".into());
        record.error("refused_room_full".into(), || "all seats of room 'r1' are taken".into());
        for gap_ms in [33, 34, 50] {
            record.update(Some(Duration::from_millis(gap_ms)), None);
        }
        let stay = Stay { expected: 100, received: 100, seconds: 2.0, rx_bytes: 3000, tx_bytes: 500 };
        record.stays = vec![stay, Stay { received: 98, ..stay }];
        Report::new(&options, &record, Duration::from_secs(2))
    }

    #[test]
    fn the_json_has_the_contracts_keys() {
        let json = serde_json::to_value(report()).unwrap();
        for key in [
            "clients",
            "joined",
            "failed",
            "disconnects",
            "updates_expected",
            "updates_received",
            "update_gap_ms",
            "input_to_state_ms",
            "rx_bytes_per_client_per_s",
            "tx_bytes_per_client_per_s",
            "kills",
            "updates_received_share_min",
            "game",
            "duration_s",
            "seed",
            "line",
            "rooms",
            "errors",
            "view_hash_mismatches",
        ] {
            assert!(json.get(key).is_some(), "{key} is missing");
        }
        for key in ["p50", "p99", "p999", "max"] {
            assert!(json["update_gap_ms"][key].is_f64(), "{key} is missing");
        }
        assert_eq!(json["updates_expected"], 200);
        assert_eq!(json["updates_received_share_min"], 0.98);
        assert_eq!(json["rx_bytes_per_client_per_s"], 1500.0);
        assert_eq!(json["errors"]["refused_room_full"], 1);
    }

    #[test]
    fn the_table_is_readable() {
        let report = report();
        assert!(!report.is_fine());
        let table = report.table(false);
        assert!(!table.contains('\x1b'), "no colours where there is no terminal");
        for part in ["2 of 3 joined, 1 failed", "198 of 200", "98.00 %", "all seats of room 'r1'"] {
            assert!(table.contains(part), "{part} is missing in\n{table}");
        }
        assert!(report.table(true).contains('\x1b'));
    }
}
