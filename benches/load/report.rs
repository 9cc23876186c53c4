//! What a measurement tells: figures, and whether bounds are held.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::bounds::{Bound, short};
use crate::times::Times;

/// How wide the names of rows are.
const NAME_WIDTH: usize = 34;

/// What one measurement has found.
#[derive(Clone, Debug)]
pub(crate) struct Report {
    text: String,
    figures: Value,
    bounds: Vec<Bound>,
}

impl Report {
    /// With this above its table.
    pub(crate) fn new(title: &str) -> Self {
        Self { text: format!("{title}\n\n"), figures: json!({ "title": title }), bounds: Vec::new() }
    }

    /// A row of words.
    pub(crate) fn row(&mut self, name: &str, words: &str) {
        // Writing to memory does not fail.
        let _ = writeln!(self.text, "{name:NAME_WIDTH$} {words}");
    }

    /// The head of a table of times.
    pub(crate) fn head(&mut self, unit: &str) {
        let columns = ["p50", "p99", "p99.9", "max"].map(|name| format!("{:>11}", format!("{name} {unit}")));
        self.row("", &columns.concat());
    }

    /// A row of such a table, in its unit.
    pub(crate) fn quantiles(&mut self, name: &str, figures: [Option<f64>; 4]) {
        let cell = |figure: Option<f64>| {
            format!("{:>11}", figure.map_or_else(|| "-".into(), |figure| format!("{figure:.3}")))
        };
        self.row(name, &figures.map(cell).concat());
    }

    /// A row of such a table in milliseconds, and the same for programs under this key.
    pub(crate) fn times(&mut self, name: &str, key: &str, times: &Times) {
        let shares = [times.quantile_s(0.5), times.quantile_s(0.99), times.quantile_s(0.999), times.max_s()];
        self.quantiles(name, shares.map(|seconds| seconds.map(|seconds| seconds * 1000.0)));
        self.figures[key] = times.json();
    }

    /// A figure in a row of its own, and the same for programs under this key.
    pub(crate) fn figure(&mut self, name: &str, key: &str, figure: f64, unit: &str) {
        self.row(name, &format!("{:>11}{unit}", short(figure)));
        self.figures[key] = json!(figure);
    }

    /// More for programs.
    pub(crate) fn put(&mut self, key: &str, value: Value) {
        self.figures[key] = value;
    }

    /// Something to be held.
    pub(crate) fn bound(&mut self, bound: Bound) {
        self.bounds.push(bound);
    }

    /// The bounds that are not held.
    pub(crate) fn broken(&self) -> impl Iterator<Item = &Bound> {
        self.bounds.iter().filter(|bound| !bound.is_held())
    }

    /// For people.
    pub(crate) fn table(&self) -> String {
        let bounds: Vec<_> = self.bounds.iter().map(Bound::sentence).collect();
        format!("{}\n{}\n", self.text, bounds.join("\n"))
    }

    /// For programs.
    pub(crate) fn json(&self) -> Value {
        let mut told = self.figures.clone();
        told["bounds"] = self.bounds.iter().map(Bound::json).collect();
        told["is_held"] = json!(self.broken().next().is_none());
        told
    }
}

/// Writes the figures of reports to a file: of one by itself, of several as a list.
pub(crate) fn write(reports: &[Report], file: &Path) -> Result<()> {
    let told = match reports {
        [report] => report.json(),
        reports => reports.iter().map(Report::json).collect(),
    };
    std::fs::write(file, format!("{told:#}\n")).with_context(|| format!("cannot write {}", file.display()))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_report_says_which_bound_is_not_held() {
        let (mut report, mut times) = (Report::new("400 clients"), Times::new());
        times.record(Duration::from_millis(2));
        report.head("ms");
        report.times("join", "join", &times);
        report.bound(Bound::new(
            "p99 of a join",
            " ms",
            1.0,
            times.quantile_s(0.99).map(|seconds| seconds * 1e3),
        ));
        report.bound(Bound::new("missed ticks", "", 0.0, 0.0));
        assert_eq!(report.broken().map(|bound| bound.name).collect::<Vec<_>>(), ["p99 of a join"]);
        let (table, json) = (report.table(), report.json());
        assert!(
            table.contains("p99.9 ms") && table.contains("2.00") && table.contains("NOT HELD"),
            "{table}"
        );
        assert_eq!((&json["is_held"], &json["join"]["count"]), (&json!(false), &json!(1)));
    }
}
