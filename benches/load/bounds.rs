//! What the server is held to.

use serde_json::{Value, json};

/// A figure, and the most that it may be.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Bound {
    pub(crate) name: &'static str,
    /// Behind both figures.
    pub(crate) unit: &'static str,
    pub(crate) most: f64,
    /// None when nothing was measured.
    pub(crate) found: Option<f64>,
}

impl Bound {
    pub(crate) fn new(
        name: &'static str,
        unit: &'static str,
        most: f64,
        found: impl Into<Option<f64>>,
    ) -> Self {
        Self { name, unit, most, found: found.into() }
    }

    /// What was not measured is not held.
    pub(crate) fn is_held(&self) -> bool {
        self.found.is_some_and(|found| found <= self.most)
    }

    /// For people.
    pub(crate) fn sentence(&self) -> String {
        let Self { name, unit, most, .. } = self;
        let held = if self.is_held() { "held" } else { "NOT HELD" };
        match self.found {
            Some(found) => format!("{name} at most {}{unit}: {held}, {}{unit}", short(*most), short(found)),
            None => format!("{name} at most {}{unit}: {held}, nothing was measured", short(*most)),
        }
    }

    /// For programs.
    pub(crate) fn json(&self) -> Value {
        let Self { name, unit, most, found } = self;
        json!({ "name": name, "unit": unit.trim(), "max": most, "found": found, "is_held": self.is_held() })
    }
}

/// As many digits as say something.
pub(crate) fn short(number: f64) -> String {
    let digits = match number.abs() {
        0.0 | 100.0.. => 0,
        10.0.. => 1,
        1.0.. => 2,
        _ => 4,
    };
    let text = format!("{number:.digits$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_is_held_up_to_itself() {
        let held = |found| Bound::new("p99 update gap", " ms", 25.0, found).is_held();
        assert!(held(Some(25.0)) && !held(Some(25.001)) && !held(None) && !held(Some(f64::NAN)));
    }

    #[test]
    fn a_bound_that_is_not_held_says_so() {
        let bound = Bound::new("missed ticks", " %", 0.1, 1.25);
        assert_eq!(bound.sentence(), "missed ticks at most 0.1 %: NOT HELD, 1.25 %");
        assert!(Bound { found: None, ..bound }.sentence().ends_with("nothing was measured"));
    }

    #[test]
    fn numbers_are_short() {
        let all = [0.0, 0.0312, 1.5, 49.96, 1750.0].map(short);
        assert_eq!(all, ["0", "0.0312", "1.5", "50", "1750"]);
    }
}
