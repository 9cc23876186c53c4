//! Where values lie on an axis, and which of them are marked.

use crate::report::words::moment;

/// Marks on an axis of values, some.
const TICKS: f64 = 4.0;
/// Marks on the axis of time, at most.
const TIME_TICKS_MAX: f64 = 10.0;
/// A logarithmic axis is for values that are further apart than that: beyond, the usual ones are one with
/// the axis.
const LOG_SPREAD: f64 = 25.0;
/// And shows none that are less than the greatest by that.
const LOG_SPREAD_MAX: f64 = 1e6;
/// Steps of an axis of time, in seconds.
const TIME_STEPS: [f64; 17] = [
    0.5, 1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1800.0, 3600.0, 7200.0, 21_600.0,
    86_400.0,
];

/// An axis of values.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Scale {
    low: f64,
    high: f64,
    pub(super) is_log: bool,
    pub(super) ticks: Vec<f64>,
}

impl Scale {
    /// An axis from 0 for all of these; whole numbers alone are marked when there are no others.
    pub(super) fn linear(values: impl Iterator<Item = f64>, is_whole: bool) -> Self {
        let max = values.fold(0.0, f64::max);
        let max = if max > 0.0 { max } else { 1.0 };
        let step = round_step(max / TICKS).max(if is_whole { 1.0 } else { 0.0 });
        // A millionth: what is on a mark but for its last bit needs no further one.
        let steps = (max / step - 1e-6).ceil().max(1.0);
        let ticks = (0..=steps as u32).map(|at| f64::from(at) * step).collect();
        Self { low: 0.0, high: steps * step, is_log: false, ticks }
    }

    /// The same for times, or one by powers of ten if they are far apart.
    pub(super) fn of_times(values: impl Iterator<Item = f64> + Clone) -> Self {
        let max = values.clone().fold(0.0, f64::max);
        let is_shown = |value: &f64| *value > 0.0 && *value >= max / LOG_SPREAD_MAX;
        let min = values.clone().filter(is_shown).fold(f64::INFINITY, f64::min);
        if max <= min * LOG_SPREAD {
            return Self::linear(values, false);
        }
        let (low, high) = (round_down(min), -round_down(-max));
        Self { low, high, is_log: true, ticks: log_ticks(low, high) }
    }

    /// Where a value lies: 0 is the axis's begin and 1 its end. What is less than its begin lies there.
    pub(super) fn place(&self, value: f64) -> f64 {
        let share = if self.is_log {
            (value.max(self.low) / self.low).log10() / (self.high / self.low).log10()
        } else {
            (value - self.low) / (self.high - self.low)
        };
        share.clamp(0.0, 1.0)
    }
}

/// Powers of ten, with 2 and 5 times them between where there are few, and every other one of many.
fn log_ticks(low: f64, high: f64) -> Vec<f64> {
    let powers = low.log10().floor() as i32..=(high.log10() + 1e-9).floor() as i32;
    let (every, times): (_, &[f64]) = match (high / low).log10() {
        ..2.8 => (1, &[1.0, 2.0, 5.0]),
        ..4.8 => (1, &[1.0]),
        _ => (2, &[1.0]),
    };
    let ticks =
        powers.step_by(every).flat_map(|power| times.iter().map(move |times| times * 10f64.powi(power)));
    // A millionth: the ends are marked, whatever their last bits are.
    ticks.filter(|tick| (low * 0.999_999..=high * 1.000_001).contains(tick)).collect()
}

/// 1, 2 or 5 times a power of ten: the least that is not less than this.
fn round_step(least: f64) -> f64 {
    let power = 10f64.powf(least.log10().floor());
    let times = [1.0, 2.0, 5.0, 10.0].into_iter().find(|times| times * power >= least * (1.0 - 1e-9));
    times.unwrap_or(10.0) * power
}

/// 1, 2 or 5 times a power of ten: the greatest that is not more than this. Of a negative number the
/// same the other way round.
fn round_down(value: f64) -> f64 {
    if value < 0.0 {
        return -round_step(-value);
    }
    let power = 10f64.powf(value.log10().floor());
    let times = [5.0, 2.0, 1.0].into_iter().find(|times| times * power <= value * (1.0 + 1e-9));
    times.unwrap_or(1.0) * power
}

/// A mark on the axis below a plot.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Mark {
    pub(super) at: f64,
    pub(super) name: String,
    /// Whether its name is left out where there is little room.
    pub(super) is_spare: bool,
}

/// The marks on an axis of time.
pub(super) fn time_marks(until_s: f64) -> Vec<Mark> {
    let step = TIME_STEPS.into_iter().find(|step| until_s / step <= TIME_TICKS_MAX);
    let step = step.unwrap_or_else(|| round_step(until_s / TIME_TICKS_MAX));
    let name = |at_s: f64| if step < 1.0 { format!("{at_s:.1} s") } else { moment(at_s) };
    let mark = |at: u32| {
        let at_s = f64::from(at) * step;
        Mark { at: at_s, name: name(at_s), is_spare: at % 2 == 1 }
    };
    (0..=(until_s / step) as u32).map(mark).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_round() {
        let ticks = |values: &[f64]| Scale::linear(values.iter().copied(), false).ticks;
        assert_eq!(ticks(&[7.3, 1.0]), [0.0, 2.0, 4.0, 6.0, 8.0]);
        assert_eq!(ticks(&[100.0]), [0.0, 50.0, 100.0]);
        assert_eq!(ticks(&[]), [0.0, 0.5, 1.0]);
        assert_eq!(Scale::linear([1.0].into_iter(), true).ticks, [0.0, 1.0]);
        assert_eq!(Scale::linear([500.0].into_iter(), true).ticks, [0.0, 200.0, 400.0, 600.0]);
    }

    #[test]
    fn far_apart_is_by_powers_of_ten() {
        let far = Scale::of_times([0.0, 0.3, 800.0].into_iter());
        assert!(far.is_log);
        assert_eq!((far.low, far.high), (0.2, 1000.0));
        assert_eq!(far.ticks, [1.0, 10.0, 100.0, 1000.0]);
        assert_eq!((far.place(0.0), far.place(0.2), far.place(1000.0)), (0.0, 0.0, 1.0));
        assert_eq!(
            Scale::of_times([30.0, 900.0].into_iter()).ticks,
            [20.0, 50.0, 100.0, 200.0, 500.0, 1000.0]
        );
        assert_eq!(Scale::of_times([0.002, 900.0].into_iter()).ticks, [0.1, 10.0, 1000.0]);
        assert!(!Scale::of_times([10.0, 200.0].into_iter()).is_log);
        assert!(!Scale::of_times(std::iter::empty()).is_log);
        assert_eq!(Scale::of_times([0.0].into_iter()).place(0.0), 0.0);
    }

    #[test]
    fn time_is_marked_by_the_clock() {
        let names = |until_s| time_marks(until_s).into_iter().map(|mark| mark.name).collect::<Vec<_>>();
        assert_eq!(names(2.0), ["0.0 s", "0.5 s", "1.0 s", "1.5 s", "2.0 s"]);
        assert_eq!(names(300.0).last().unwrap(), "5:00");
        assert_eq!(names(0.0), ["0.0 s"]);
        assert!(names(7.0 * 86_400.0).len() <= 11);
        assert!(names(1e9).len() <= 11);
    }
}
