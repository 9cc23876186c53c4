//! When a bot sends.

use std::time::{Duration, Instant};

/// Bots that begin at the same time send at so many different moments.
const PHASES: u32 = 64;

/// The planned moments of a bot's inputs, by its own clock.
///
/// They do not wait for the server. What is sent late counts from its planned moment all the same, so a
/// server or a load tester that stands still for a while hides nothing (coordinated omission).
#[derive(Debug)]
pub(in crate::target) struct Schedule {
    /// From one to the next; none to send nothing.
    interval: Option<Duration>,
    next: Option<Instant>,
    ends: Instant,
}

impl Schedule {
    pub(in crate::target) fn new(rate: Option<f64>, ends: Instant) -> Self {
        Self { interval: rate.map(|rate| Duration::from_secs_f64(1.0 / rate)), next: None, ends }
    }

    /// Sends no more often than this.
    pub(in crate::target) fn limit(&mut self, rate: f64) {
        let least = Duration::from_secs_f64(1.0 / rate);
        self.interval = self.interval.map(|interval| interval.max(least));
    }

    /// Begins. After a lost connection it begins anew: what was planned meanwhile is not made up for.
    pub(in crate::target) fn start(&mut self, now: Instant, number: u32) {
        let Some(interval) = self.interval else { return };
        self.set(now + interval * (number % PHASES) / PHASES);
    }

    /// Plans nothing more.
    pub(in crate::target) fn stop(&mut self) {
        self.next = None;
    }

    pub(in crate::target) fn interval(&self) -> Option<Duration> {
        self.interval
    }

    pub(in crate::target) fn next(&self) -> Option<Instant> {
        self.next
    }

    /// How many moments there are from now to the end.
    pub(in crate::target) fn planned(&self) -> u64 {
        let (Some(next), Some(interval)) = (self.next, self.interval) else { return 0 };
        (self.ends - next).as_nanos().div_ceil(interval.as_nanos()) as u64
    }

    /// The next planned moment, if it has come.
    pub(in crate::target) fn take_due(&mut self, now: Instant) -> Option<Instant> {
        let due = self.next.filter(|next| *next <= now)?;
        self.set(due + self.interval?);
        Some(due)
    }

    fn set(&mut self, next: Instant) {
        self.next = (next < self.ends).then_some(next);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_sends_what_is_planned() {
        let start = Instant::now();
        for number in [0, 7, 63] {
            let ends = start + Duration::from_secs(2);
            let mut schedule = Schedule::new(Some(20.0), ends);
            schedule.start(start, number);
            let planned = schedule.planned();
            assert!((39..=40).contains(&planned), "{planned}");
            let moments: Vec<_> = std::iter::from_fn(|| schedule.take_due(ends)).collect();
            assert_eq!(moments.len() as u64, planned);
            assert!(moments.windows(2).all(|two| two[1] - two[0] == Duration::from_millis(50)));
            assert!(moments[0] < start + Duration::from_millis(50) && moments.iter().all(|due| *due < ends));
        }
    }

    #[test]
    fn nothing_is_due_early() {
        let start = Instant::now();
        let mut schedule = Schedule::new(Some(100.0), start + Duration::from_secs(1));
        schedule.limit(10.0);
        schedule.start(start, 0);
        assert_eq!((schedule.planned(), schedule.take_due(start)), (10, Some(start)));
        assert_eq!(schedule.take_due(start + Duration::from_millis(99)), None);
        schedule.stop();
        assert_eq!((schedule.planned(), schedule.take_due(start + Duration::from_millis(500))), (0, None));
        let mut idle = Schedule::new(None, start + Duration::from_secs(1));
        idle.start(start, 0);
        assert_eq!((idle.planned(), idle.next()), (0, None));
    }
}
