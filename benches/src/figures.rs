//! How long things take, and how to tell it.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use anyhow::Result;

/// Something to be measured, by name. The first case of a measurement is the control.
pub struct Case<'a> {
    name: String,
    run: Box<dyn FnMut() -> Result<()> + 'a>,
    took: Vec<Duration>,
}

impl<'a> Case<'a> {
    /// A case that is measured by calling `run`.
    pub fn new(name: impl Into<String>, run: impl FnMut() -> Result<()> + 'a) -> Self {
        Self { name: name.into(), run: Box::new(run), took: Vec::new() }
    }

    /// The time that this share of the runs did not exceed; 0.5 is the median.
    fn quantile(&self, share: f64) -> Duration {
        let mut sorted = self.took.clone();
        sorted.sort_unstable();
        let place = ((sorted.len() as f64 * share).ceil() as usize).clamp(1, sorted.len().max(1)) - 1;
        sorted.get(place).copied().unwrap_or_default()
    }
}

/// Runs all cases once in each round, after some rounds that do not count. Each round begins with
/// another case and every other one goes backwards, so that none always follows the same one.
pub fn measure(cases: &mut [Case<'_>], rounds: usize) -> Result<()> {
    let count = cases.len();
    for round in 0..rounds + rounds / 10 {
        for step in 0..count {
            let step = if round % 2 == 0 { step } else { count - 1 - step };
            let case = &mut cases[(round / 2 + step) % count];
            let began = Instant::now();
            (case.run)()?;
            let took = began.elapsed();
            if round >= rounds / 10 {
                case.took.push(took);
            }
        }
    }
    Ok(())
}

/// The figures of all cases in milliseconds, and the ratio of each median to the control's.
pub fn table(cases: &[Case<'_>]) -> String {
    let mut text = format!("{:44} {:>9} {:>9} {:>9} {:>8}\n", "", "p50 ms", "p99 ms", "max ms", "ratio");
    let control = cases.first().map_or(Duration::ZERO, |case| case.quantile(0.5));
    for case in cases {
        let [p50, p99, max] = [0.5, 0.99, 1.0].map(|share| case.quantile(share));
        let ms = |time: Duration| time.as_secs_f64() * 1000.0;
        let ratio = p50.as_secs_f64() / control.as_secs_f64();
        // Writing to memory does not fail.
        let _ = writeln!(
            text,
            "{:44} {:>9.3} {:>9.3} {:>9.3} {:>8.2}",
            case.name,
            ms(p50),
            ms(p99),
            ms(max),
            ratio
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_times_that_were_taken() {
        let mut case = Case::new("x", || Ok(()));
        case.took = (1..=200).rev().map(Duration::from_millis).collect();
        assert_eq!([0.5, 0.99, 1.0].map(|share| case.quantile(share).as_millis()), [100, 198, 200]);
    }

    #[test]
    fn cases_run_in_turn_and_the_first_rounds_do_not_count() {
        let order = std::cell::RefCell::new(String::new());
        let case = |name: &'static str| {
            let order = &order;
            Case::new(name, move || {
                order.borrow_mut().push_str(name);
                Ok(())
            })
        };
        let mut cases = [case("a"), case("b")];
        measure(&mut cases, 10).expect("these do not fail");
        assert_eq!(*order.borrow(), "abbabaab".repeat(3)[..22], "two rounds from each place, to and fro");
        assert!(cases.iter().all(|case| case.took.len() == 10));
        assert!(table(&cases).lines().nth(1).is_some_and(|line| line.ends_with("1.00")), "the control is 1");
    }
}
