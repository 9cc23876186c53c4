//! What a measurement found, and how it stands to what is wanted.

use std::fmt::Write as _;

use serde_json::{Value, json};

/// One figure and its bound.
#[derive(Clone, Debug)]
pub struct Figure {
    /// What it is of: one word of the measurement.
    pub line: &'static str,
    /// What it is, in words.
    pub name: String,
    /// The figure.
    pub value: f64,
    /// What it is counted in.
    pub unit: &'static str,
    /// What it must be.
    pub wanted: Wanted,
}

/// What a figure must be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Wanted {
    /// Below this.
    Below(f64),
    /// At most this.
    AtMost(f64),
    /// At least this.
    AtLeast(f64),
    /// Anything: it is told beside others.
    Anything,
}

impl Figure {
    /// Whether it is what it must be.
    pub fn holds(&self) -> bool {
        match self.wanted {
            Wanted::Below(bound) => self.value < bound,
            Wanted::AtMost(bound) => self.value <= bound,
            Wanted::AtLeast(bound) => self.value >= bound,
            Wanted::Anything => true,
        }
    }
}

/// All figures of one run.
#[derive(Clone, Debug, Default)]
pub struct Figures(pub Vec<Figure>);

impl Figures {
    /// Adds a figure.
    pub fn push(
        &mut self,
        line: &'static str,
        name: impl Into<String>,
        value: f64,
        unit: &'static str,
        wanted: Wanted,
    ) {
        self.0.push(Figure { line, name: name.into(), value, unit, wanted });
    }

    /// Those that are not what they must be.
    pub fn short(&self) -> impl Iterator<Item = &Figure> {
        self.0.iter().filter(|figure| !figure.holds())
    }

    /// A table for people.
    pub fn table(&self) -> String {
        let mut text = String::new();
        let mut line = "";
        for figure in &self.0 {
            if figure.line != line {
                line = figure.line;
                let _ = writeln!(text, "\n{line}");
            }
            let wanted = match figure.wanted {
                Wanted::Below(bound) => format!("< {}", short(bound)),
                Wanted::AtMost(bound) => format!("<= {}", short(bound)),
                Wanted::AtLeast(bound) => format!(">= {}", short(bound)),
                Wanted::Anything => String::new(),
            };
            let mark = if figure.holds() { ' ' } else { '!' };
            let value = format!("{:.3}", figure.value);
            let _ = writeln!(text, "{mark} {:<96} {value:>10} {:<12} {wanted}", figure.name, figure.unit);
        }
        text
    }

    /// The same for programs.
    pub fn json(&self) -> Value {
        let figures = self.0.iter().map(|figure| {
            let (relation, bound) = match figure.wanted {
                Wanted::Below(bound) => ("<", Some(bound)),
                Wanted::AtMost(bound) => ("<=", Some(bound)),
                Wanted::AtLeast(bound) => (">=", Some(bound)),
                Wanted::Anything => ("", None),
            };
            json!({
                "line": figure.line, "name": figure.name, "value": figure.value, "unit": figure.unit,
                "relation": relation, "wanted": bound, "holds": figure.holds(),
            })
        });
        json!({ "figures": figures.collect::<Vec<_>>() })
    }
}

/// A bound, with as many digits as count.
fn short(bound: f64) -> f64 {
    (bound * 1000.0).round() / 1000.0
}

/// The value below which so much of all lies: 0.99 for the 99th percentile; 0 of nothing.
pub(super) fn quantile(values: &mut [f64], share: f64) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    let place = ((values.len() as f64 * share).ceil() as usize).saturating_sub(1);
    values.get(place).copied().unwrap_or_default()
}
