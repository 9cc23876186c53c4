//! What the product is held to.

use serde_json::{Value, json};

use crate::statistics::Spread;

/// The most that the product may take, as ratios; none asks for nothing.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Bounds {
    pub(crate) to_skeleton_max: Option<f64>,
    pub(crate) to_naive_max: Option<f64>,
}

/// A bound and what was found.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Verdict {
    pub(crate) name: &'static str,
    most: f64,
    /// The upper end of the ratio's 95 % interval; none when nothing was measured.
    found: Option<f64>,
}

impl Bounds {
    /// What is asked, beside these ratios.
    pub(crate) fn verdicts(&self, to_skeleton: Option<Spread>, to_naive: Option<Spread>) -> Vec<Verdict> {
        let verdict = |name, most: Option<f64>, ratio: Option<Spread>| {
            most.map(|most| Verdict { name, most, found: ratio.map(|ratio| ratio.high) })
        };
        let all = [
            verdict("ratio_to_skeleton", self.to_skeleton_max, to_skeleton),
            verdict("ratio_to_naive", self.to_naive_max, to_naive),
        ];
        all.into_iter().flatten().collect()
    }
}

impl Verdict {
    /// A bound counts as held when the upper end of the interval holds it.
    pub(crate) fn is_held(&self) -> bool {
        self.found.is_some_and(|found| found <= self.most)
    }

    /// For people.
    pub(crate) fn sentence(&self) -> String {
        let Self { name, most, .. } = self;
        let held = if self.is_held() { "held" } else { "not held" };
        match self.found {
            Some(found) => {
                format!("{name} at most {most}: {held}, the upper end of its interval is {found:.2}")
            }
            None => format!("{name} at most {most}: not held, nothing was measured"),
        }
    }

    /// For programs.
    pub(crate) fn json(&self) -> Value {
        json!({ "name": self.name, "max": self.most, "found": self.found, "is_held": self.is_held() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_upper_end_of_the_interval_decides() {
        let bounds = Bounds { to_skeleton_max: Some(1.5), to_naive_max: Some(0.5) };
        let ratio = |high| Some(Spread { least: 1.0, low: 1.1, median: 1.2, high, most: 2.0 });
        let held = |high| bounds.verdicts(ratio(high), None).iter().map(Verdict::is_held).collect::<Vec<_>>();
        assert_eq!(held(1.5), [true, false], "what was not measured is not held");
        assert_eq!(held(1.51), [false, false], "though the median holds it");
        assert!(Bounds::default().verdicts(ratio(9.0), None).is_empty());
    }
}
