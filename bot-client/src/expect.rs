//! What a run is expected to show: `input_to_state.p99<60ms`. Whether it did decides the exit code.

use std::fmt;
use std::str::FromStr;

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use crate::report::Report;
use crate::times::{Time, Times};

/// A figure, and what it is to be: see [`Expectation::from_str`].
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct Expectation {
    text: String,
    figure: Figure,
    comparison: Comparison,
    /// In milliseconds, or in what the figure has no unit for.
    bound: f64,
}

#[derive(Clone, Copy, Debug)]
enum Figure {
    Time(Time, Statistic),
    Number(Number),
}

type Number = fn(&Report) -> f64;

#[derive(Clone, Copy, Debug)]
enum Statistic {
    /// So many of a hundred are at most this.
    Percentile(f64),
    Mean,
    Max,
}

#[derive(Clone, Copy, Debug)]
enum Comparison {
    Below,
    AtMost,
    Above,
    AtLeast,
}

/// Longer ones first: `<=` begins with `<`.
const COMPARISONS: [(&str, Comparison); 4] = [
    ("<=", Comparison::AtMost),
    (">=", Comparison::AtLeast),
    ("<", Comparison::Below),
    (">", Comparison::Above),
];

/// Figures that are one number, by the names that they have in the report.
const NUMBERS: [(&str, Number); 14] = [
    ("joined", |report| report.joined.into()),
    ("failed", |report| report.failed.into()),
    ("disconnects", |report| report.disconnects.into()),
    ("resumed", |report| report.resumed.into()),
    ("seats_lost", |report| report.seats_lost.into()),
    ("continuity_lost", |report| report.continuity_lost.into()),
    ("inputs_sent", |report| report.inputs_sent as f64),
    ("violations", |report| report.violations.values().sum::<u64>() as f64),
    ("errors", |report| report.errors.values().sum::<u64>() as f64),
    ("view_hash_mismatches", |report| report.view_hash_mismatches as f64),
    ("updates_received_share_min", |report| report.updates_received_share_min),
    ("rx_bytes_per_client_per_s", |report| report.rx_bytes_per_client_per_s),
    ("tx_bytes_per_client_per_s", |report| report.tx_bytes_per_client_per_s),
    ("kills", |report| report.kills as f64),
];

/// Whether a run was as expected.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// What was expected, as it was written.
    pub expected: String,
    /// What was found, times in milliseconds; none when nothing was measured.
    pub found: Option<f64>,
    /// Whether that is as expected. Of what was not measured, nothing is.
    pub held: bool,
}

impl Expectation {
    /// Whether it holds of what was measured.
    pub(crate) fn judge(&self, report: &Report, times: &Times) -> Verdict {
        let found = match self.figure {
            Figure::Number(of) => Some(of(report)),
            Figure::Time(time, statistic) => statistic.of(times.of(time)),
        };
        let held = found.is_some_and(|found| match self.comparison {
            Comparison::Below => found < self.bound,
            Comparison::AtMost => found <= self.bound,
            Comparison::Above => found > self.bound,
            Comparison::AtLeast => found >= self.bound,
        });
        Verdict { expected: self.text.clone(), found, held }
    }
}

impl Statistic {
    /// In milliseconds; none of nothing.
    fn of(self, histogram_us: &Histogram<u64>) -> Option<f64> {
        let us = match self {
            Self::Percentile(percent) => histogram_us.value_at_quantile(percent / 100.0) as f64,
            Self::Mean => histogram_us.mean(),
            Self::Max => histogram_us.max() as f64,
        };
        (!histogram_us.is_empty()).then_some(us / 1000.0)
    }
}

impl FromStr for Expectation {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = COMPARISONS.iter().find_map(|(sign, comparison)| {
            let (figure, bound) = text.split_once(sign)?;
            Some((figure.trim(), *comparison, bound.trim()))
        });
        let Some((name, comparison, bound)) = found else {
            return Err(format!(
                "'{text}' compares nothing: write <, <=, > or >=, as in input_to_state.p99<60ms"
            ));
        };
        let figure = parse_figure(name)?;
        let bound = match figure {
            Figure::Time(..) => parse_ms(bound)?,
            Figure::Number(_) => parse_number(bound)?,
        };
        Ok(Self { text: text.trim().to_owned(), figure, comparison, bound })
    }
}

impl TryFrom<String> for Expectation {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Expectation> for String {
    fn from(expectation: Expectation) -> Self {
        expectation.text
    }
}

/// What is written alike is expected alike.
impl PartialEq for Expectation {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

fn parse_figure(name: &str) -> Result<Figure, String> {
    if let Some((_, of)) = NUMBERS.iter().find(|(known, _)| *known == name) {
        return Ok(Figure::Number(*of));
    }
    let unknown = || {
        let numbers = NUMBERS.map(|(name, _)| name).join(", ");
        let times = Time::ALL.map(|(_, name)| name).join(", ");
        format!(
            "there is no figure '{name}': there are {times}, each with .p50, .p99, .p99.9 or another percentile, \
             .mean or .max behind it, and {numbers}"
        )
    };
    let (times, statistic) = name.split_once('.').ok_or_else(unknown)?;
    let known = Time::ALL.iter().find(|(_, known)| *known == times);
    let (time, _) = known.ok_or_else(unknown)?;
    let statistic = match statistic {
        "mean" => Statistic::Mean,
        "max" => Statistic::Max,
        _ => {
            let percent = statistic.strip_prefix('p').and_then(|percent| percent.parse::<f64>().ok());
            let percent = percent.filter(|percent| (0.0..=100.0).contains(percent));
            Statistic::Percentile(percent.ok_or_else(unknown)?)
        }
    };
    Ok(Figure::Time(*time, statistic))
}

/// A time, in milliseconds.
fn parse_ms(text: &str) -> Result<f64, String> {
    let problem = || format!("'{text}' is no time: write a number and us, ms or s, as in 60ms");
    let unit_at = text.find(|letter: char| letter.is_ascii_alphabetic()).ok_or_else(problem)?;
    let (number, unit) = text.split_at(unit_at);
    let in_ms = match unit {
        "us" => 0.001,
        "ms" => 1.0,
        "s" => 1000.0,
        _ => return Err(problem()),
    };
    Ok(number.trim_end().parse::<f64>().ok().filter(|number| is_bound(*number)).ok_or_else(problem)? * in_ms)
}

/// A number, or a share in percent.
fn parse_number(text: &str) -> Result<f64, String> {
    let (number, part) = match text.strip_suffix('%') {
        Some(number) => (number.trim_end(), 0.01),
        None => (text, 1.0),
    };
    let number = number.parse::<f64>().ok().filter(|number| is_bound(*number));
    Ok(number.ok_or_else(|| format!("'{text}' is no number: write one as in 10 or 99.9%"))? * part)
}

fn is_bound(number: f64) -> bool {
    number.is_finite() && number >= 0.0
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = if self.held { "held" } else { "CROSSED" };
        match self.found {
            Some(found) => write!(f, "{verdict}: {} (found {found:.3})", self.expected),
            None => write!(f, "{verdict}: {} (nothing was measured)", self.expected),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn verdicts(expected: &[&str]) -> Vec<(Option<f64>, bool)> {
        let mut times = Times::default();
        for ms in 1..=100 {
            times.note(Time::UpdateGap, Duration::from_millis(ms));
        }
        let report = Report { joined: 3, updates_received_share_min: 1.0, ..Report::default() };
        let judge = |text: &&str| text.parse::<Expectation>().expect(text).judge(&report, &times);
        expected.iter().map(judge).map(|verdict| (verdict.found, verdict.held)).collect()
    }

    #[test]
    fn figures_are_compared() {
        let found = verdicts(&[
            "joined>=3",
            "joined > 3",
            "failed<=0",
            "updates_received_share_min>=99%",
            "input_to_state.p99<1s",
            "update_gap.max<0.1s",
            "update_gap.p50 <= 51ms",
            "update_gap.p99.9>90000us",
        ]);
        let held: Vec<_> = found.iter().map(|(_, held)| *held).collect();
        assert_eq!(held, [true, false, true, true, false, false, true, true]);
        assert_eq!(found[4].0, None, "of what was not measured, nothing is as expected");
        let median = found[6].0.expect("it was measured");
        assert!((49.9..50.1).contains(&median), "{median} ms");
    }

    #[test]
    fn what_is_no_expectation_is_told() {
        for (wrong, part) in [
            ("input_to_state.p99", "compares nothing"),
            ("lag.p99<1ms", "no figure 'lag.p99'"),
            ("input_to_state<1ms", "no figure 'input_to_state'"),
            ("input_to_state.p101<1ms", "no figure"),
            ("input_to_state.p99<60", "no time"),
            ("input_to_state.p99<-1ms", "no time"),
            ("input_to_state.p99<1h", "no time"),
            ("failed<few", "no number"),
            ("failed<NaN", "no number"),
        ] {
            let error = wrong.parse::<Expectation>().expect_err(wrong);
            assert!(error.contains(part), "{wrong}: {error}");
        }
    }
}
