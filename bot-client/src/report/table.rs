//! The report for people, on a terminal.

use std::fmt::Write;

use super::{Report, UPDATES_SHARE_MIN};
use crate::times::Quantiles;

// Colours of the terminal's own palette.
const DIM: u8 = 2;
const RED: u8 = 31;
const GREEN: u8 = 32;

/// Lines with a label before each.
struct Table {
    text: String,
    is_coloured: bool,
}

impl Table {
    fn paint(&self, colour: u8, text: &str) -> String {
        if self.is_coloured { format!("\x1b[{colour}m{text}\x1b[0m") } else { text.to_owned() }
    }

    fn line(&mut self, label: &str, text: impl AsRef<str>) {
        let label = self.paint(DIM, &format!("{label:<15}"));
        // Writing to a string does not fail.
        let _ = writeln!(self.text, "  {label} {}", text.as_ref());
    }

    fn judged(&mut self, label: &str, is_good: bool, text: &str) {
        let text = self.paint(if is_good { GREEN } else { RED }, text);
        self.line(label, text);
    }
}

impl Report {
    /// The report for people.
    pub fn table(&self, is_coloured: bool) -> String {
        let mut table = Table { text: String::new(), is_coloured };
        self.put_head(&mut table);
        self.put_times(&mut table);
        self.put_server(&mut table);
        self.put_troubles(&mut table);
        table.text
    }

    fn put_head(&self, table: &mut Table) {
        let what = if self.game.is_empty() { &self.target } else { &self.game };
        let head = format!("{what}, {:.1} s, {} rooms, seed {}", self.duration_s, self.rooms, self.seed);
        table.line("game", head);
        if !self.line.is_none() {
            table.line("line", self.line.to_string());
        }
        // With churn there are more sessions than clients at a time.
        let planned = (u64::from(self.clients)).max(self.plan.sessions);
        let bots = format!(
            "{} of {planned} joined, {} failed, {} disconnected",
            self.joined, self.failed, self.disconnects
        );
        table.judged("bots", self.failed + self.disconnects == 0, &bots);
        if self.resumed + self.seats_lost > 0 {
            let lost = match self.continuity_lost {
                0 => String::new(),
                lost => format!(", {lost} matches had not gone on"),
            };
            let resumed = format!("{} came back, {} seats lost{lost}", self.resumed, self.seats_lost);
            table.judged("reconnects", self.seats_lost + self.continuity_lost == 0, &resumed);
        }
        table.line("updates", format!("{} of {} expected", self.updates_received, self.updates_expected));
        let share = self.updates_received_share_min;
        let worst = format!("{:.2} % of its updates", share * 100.0);
        table.judged("worst bot", share >= UPDATES_SHARE_MIN, &worst);
        table.line("inputs", format!("{} of {} planned", self.inputs_sent, self.inputs_planned));
    }

    fn put_times(&self, table: &mut Table) {
        let head = format!("{:>10} {:>10} {:>10} {:>10}", "p50", "p99", "p99.9", "max");
        let head = table.paint(DIM, &head);
        table.line("", head);
        table.line("connect", self.connect_ms.columns());
        table.line("join", self.join_ms.columns());
        table.line("update gap", self.update_gap_ms.columns());
        table.line("tick age", self.tick_age_ms.columns());
        table.line("input to state", self.input_to_state_ms.columns());
        table.line("ping", self.ping_ms.columns());
        if self.resumed > 0 {
            table.line("away", self.away_ms.columns());
        }
        let traffic = format!(
            "{:.2} kB/s received, {:.2} kB/s sent, each",
            self.rx_bytes_per_client_per_s / 1000.0,
            self.tx_bytes_per_client_per_s / 1000.0
        );
        table.line("traffic", traffic);
        table.line("kills", self.kills.to_string());
        let mismatches = format!("{} mismatches", self.view_hash_mismatches);
        table.judged("view hashes", self.view_hash_mismatches == 0, &mismatches);
    }

    fn put_server(&self, table: &mut Table) {
        if let Some(server) = &self.server {
            let text = format!(
                "{:.2} cores, {:.1} MB, tick work p99 {:.2} ms, late p99 {:.2} ms, {} dropped",
                server.cpu_cores,
                server.memory_bytes as f64 / 1e6,
                server.work_p99_ms,
                server.lateness_p99_ms,
                server.dropped
            );
            table.line("server", text);
        }
        let tester = &self.tester;
        let text = format!(
            "{:.2} of {} cores, late p99 {:.2} ms, at most {:.1} ms",
            tester.cpu_cores, tester.threads, tester.lateness_ms.p99, tester.lateness_ms.max
        );
        table.line("load tester", text);
        if tester.is_bottleneck {
            let warning = format!("{}: THE FIGURES ARE ITS OWN, not the server's", tester.why);
            table.judged("WARNING", false, &warning);
        }
    }

    fn put_troubles(&self, table: &mut Table) {
        for (label, kinds) in [("violation", &self.violations), ("error", &self.errors)] {
            for (kind, count) in kinds {
                let message = self.messages.get(kind).map_or("", String::as_str);
                table.judged(label, false, &format!("{count} x {kind}: {message}"));
            }
        }
        for verdict in &self.expectations {
            table.judged("expected", verdict.held, &verdict.to_string());
        }
    }
}

impl Quantiles {
    fn columns(&self) -> String {
        [self.p50, self.p99, self.p999, self.max].map(|ms| format!("{ms:>7.2} ms")).join(" ")
    }
}
