//! What the server's tick is now, told from ordinary traffic.

use std::collections::VecDeque;
use std::time::Duration;

use fracas_shared::Tick;

use crate::limits::{CLOCK_DRIFT_MAX, CLOCK_SAMPLES_MAX};

/// The way is as long as the fastest of the messages of so many seconds: what was longer before is
/// forgotten soon enough, and a few late ones do no harm.
const WINDOW_S: f64 = 1.5;
/// A round trip measured for so long is no accident, in seconds.
const SURE_AFTER_S: f64 = 0.3;
/// So long no stall keeps all messages, in seconds.
const LATEST_S: f64 = 0.75;
/// Jitter is told by the latest messages of each of these spans.
const SPAN_S: f64 = 0.5;
/// So many spans are remembered.
const SPANS: usize = 8;
/// Drift is told by the fastest message of each of so many seconds.
const MINIMA: usize = 20;
/// With fewer it is taken to be none.
const MINIMA_NEEDED: usize = 6;
/// A second whose fastest message is so much off the line of those before has another way.
const STEP_S: f64 = 0.03;

/// An estimate of the server's tick: offset, drift and jitter of its clock as seen from here.
///
/// It takes when frames come and how long inputs take until a frame tells of them. The way is taken
/// to be as long there as back; nobody can tell otherwise from here (Cristian, "Probabilistic clock
/// synchronization", 1989). Times are since any fixed moment and must not go back, but may stand
/// still while the machine sleeps.
#[derive(Clone, Debug)]
pub struct ServerClock {
    tick_s: f64,
    /// The first frame's tick; ticks are counted from it.
    epoch: Option<Tick>,
    /// When frames came, and how much later than their ticks, in seconds.
    arrivals: VecDeque<(f64, f64)>,
    /// When it was found that an input and its frame took how long.
    round_trips: VecDeque<(f64, f64)>,
    /// How much later than its tick the fastest frame of a second came, and when.
    minima: VecDeque<(f64, f64)>,
    /// The largest excess of a span over the fastest, and when the span began.
    spans: VecDeque<(f64, f64)>,
    drift: f64,
}

impl ServerClock {
    /// A clock for a room of this many ticks per second.
    pub fn new(tick_hz: u16) -> Self {
        Self {
            tick_s: 1.0 / f64::from(tick_hz),
            epoch: None,
            arrivals: VecDeque::new(),
            round_trips: VecDeque::new(),
            minima: VecDeque::new(),
            spans: VecDeque::new(),
            drift: 0.0,
        }
    }

    /// Takes that the frame of a tick has come.
    pub fn hear(&mut self, now: Duration, tick: Tick) {
        let now = now.as_secs_f64();
        let epoch = *self.epoch.get_or_insert(tick);
        let lateness = now - f64::from(tick.since(epoch)) * self.tick_s;
        push(&mut self.arrivals, (now, lateness), now - WINDOW_S);
        self.note_minimum(now, lateness);
        let excess = lateness - self.lateness(now);
        match self.spans.back_mut() {
            Some((since, most)) if now - *since < SPAN_S => *most = most.max(excess),
            _ => {
                if self.spans.len() == SPANS {
                    self.spans.pop_front();
                }
                self.spans.push_back((now, excess));
            }
        }
    }

    /// Takes that a frame tells of an input that was sent so long ago.
    pub fn note_round_trip(&mut self, now: Duration, took: Duration) {
        let now = now.as_secs_f64();
        push(&mut self.round_trips, (now, took.as_secs_f64()), now - WINDOW_S);
    }

    /// For how long no frame has come, in seconds.
    pub fn silence_s(&self, now: Duration) -> f64 {
        self.arrivals.back().map_or(f64::INFINITY, |(at, _)| now.as_secs_f64() - at)
    }

    /// The tick from which the others are counted; none before the first frame.
    pub fn epoch(&self) -> Option<Tick> {
        self.epoch
    }

    /// The tick whose frame comes now when the way is as fast as it gets, counted from the epoch.
    pub fn arriving(&self, now: Duration) -> f64 {
        let now = now.as_secs_f64();
        (now - self.lateness(now)) / self.tick_s
    }

    /// The tick that the server makes now, counted from the epoch.
    pub fn tick(&self, now: Duration) -> f64 {
        // On average an input waits half a tick for its step.
        let on_the_way = (self.round_trip_ticks().unwrap_or_default() - 0.5).max(0.0);
        self.arriving(now) + on_the_way / 2.0
    }

    /// How long an input and the frame that tells of it take at least, in ticks, the wait for its
    /// step counted in; none before the first.
    pub fn round_trip_ticks(&self) -> Option<f64> {
        let least = self.round_trips.iter().map(|(_, took)| *took).min_by(f64::total_cmp)?;
        Some(least / self.tick_s)
    }

    /// The same of the last moments alone: long enough to tell another way from a moment's standstill,
    /// as after this program slept. None when too little was measured.
    pub fn latest_round_trip_ticks(&self) -> Option<f64> {
        let (newest, _) = *self.round_trips.back()?;
        let (oldest, _) = *self.round_trips.front()?;
        if newest - oldest < SURE_AFTER_S {
            return None;
        }
        let latest = self.round_trips.iter().filter(|(at, _)| newest - at <= LATEST_S);
        let least = latest.map(|(_, took)| *took).min_by(f64::total_cmp)?;
        Some(least / self.tick_s)
    }

    /// By how much frames are later than the fastest, usually at most, in ticks. A single stall is
    /// not counted in.
    pub fn jitter_ticks(&self) -> f64 {
        let mut most: Vec<_> = self.spans.iter().map(|(_, most)| *most).collect();
        most.sort_unstable_by(f64::total_cmp);
        let usual = most.len().checked_sub(2).or(most.len().checked_sub(1));
        usual.map_or(0.0, |place| most[place] / self.tick_s)
    }

    /// By how much this machine's clock is faster than the server's: 0.01 for 1 %.
    pub fn drift(&self) -> f64 {
        self.drift
    }

    /// How much later than its tick a frame comes now, at least.
    fn lateness(&self, now: f64) -> f64 {
        let expected = self.arrivals.iter().map(|(at, lateness)| lateness + (now - at) * self.drift);
        expected.min_by(f64::total_cmp).unwrap_or_default()
    }

    fn note_minimum(&mut self, now: f64, lateness: f64) {
        let second = now.floor();
        match self.minima.back_mut() {
            Some((at, least)) if at.floor() == second => {
                if lateness < *least {
                    (*at, *least) = (now, lateness);
                }
                return;
            }
            _ => {}
        }
        self.measure_drift();
        if self.minima.len() == MINIMA {
            self.minima.pop_front();
        }
        self.minima.push_back((now, lateness));
    }

    /// The median of the slopes between all pairs (Theil and Sen), which a few odd ones do not move.
    fn measure_drift(&mut self) {
        if let [.., (before, was), (at, is)] = *self.minima.make_contiguous()
            && (is - was - (at - before) * self.drift).abs() > STEP_S
        {
            self.minima.drain(..self.minima.len() - 1);
        }
        if self.minima.len() < MINIMA_NEEDED {
            return;
        }
        let points = self.minima.iter().enumerate();
        let mut slopes: Vec<_> = points
            .flat_map(|(place, (from, was))| {
                self.minima.range(place + 1..).map(move |(to, is)| (is - was) / (to - from))
            })
            .collect();
        slopes.sort_unstable_by(f64::total_cmp);
        self.drift = slopes[slopes.len() / 2].clamp(-CLOCK_DRIFT_MAX, CLOCK_DRIFT_MAX);
    }
}

/// Adds a sample and forgets those from before `since`.
fn push(samples: &mut VecDeque<(f64, f64)>, sample: (f64, f64), since: f64) {
    while samples.front().is_some_and(|(at, _)| *at < since) || samples.len() == CLOCK_SAMPLES_MAX {
        samples.pop_front();
    }
    samples.push_back(sample);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A server at 30 Hz whose frames take `way_ms`, seen by a clock that is off by `drift`.
    fn run(clock: &mut ServerClock, ticks: std::ops::Range<u32>, drift: f64, way_ms: impl Fn(u32) -> f64) {
        for tick in ticks {
            let at_s = f64::from(tick) / 30.0 + way_ms(tick) / 1000.0;
            clock.hear(Duration::from_secs_f64(at_s * (1.0 + drift)), Tick(tick.wrapping_sub(100)));
        }
    }

    fn arriving_error(clock: &ServerClock, at_s: f64, drift: f64, way_ms: f64) -> f64 {
        let arriving = clock.arriving(Duration::from_secs_f64(at_s * (1.0 + drift)));
        arriving - (at_s - way_ms / 1000.0) * 30.0
    }

    #[test]
    fn the_fastest_frames_tell_the_way() {
        let mut clock = ServerClock::new(30);
        run(
            &mut clock,
            0..90,
            0.0,
            |tick| if tick % 7 == 3 { 20.0 } else { 20.0 + f64::from(tick % 5) * 9.0 },
        );
        assert!(arriving_error(&clock, 3.0, 0.0, 20.0).abs() < 0.05);
        let jitter_ms = clock.jitter_ticks() / 30.0 * 1000.0;
        assert!((30.0..=36.5).contains(&jitter_ms), "{jitter_ms}");
    }

    #[test]
    fn another_way_is_known_soon() {
        let mut clock = ServerClock::new(30);
        run(&mut clock, 0..90, 0.0, |_| 20.0);
        run(&mut clock, 90..145, 0.0, |_| 170.0);
        assert!(arriving_error(&clock, 5.0, 0.0, 170.0).abs() < 0.1);
        run(&mut clock, 145..150, 0.0, |_| 20.0);
        assert!(arriving_error(&clock, 5.0, 0.0, 20.0).abs() < 0.1);
    }

    #[test]
    fn a_clock_that_is_off_is_found_out() {
        for drift in [0.01, -0.01] {
            let mut clock = ServerClock::new(30);
            run(&mut clock, 0..3000, drift, |tick| 20.0 + f64::from(tick * 7919 % 40));
            assert!((clock.drift() - drift).abs() < 0.001, "{}", clock.drift());
            assert!(arriving_error(&clock, 100.0, drift, 20.0).abs() < 0.1);
        }
    }

    #[test]
    fn half_of_the_round_trip_is_the_way_back() {
        let mut clock = ServerClock::new(30);
        run(&mut clock, 0..60, 0.0, |_| 50.0);
        clock.note_round_trip(Duration::from_secs(2), Duration::from_secs_f64(0.1 + 0.5 / 30.0));
        let tick = clock.tick(Duration::from_secs(2));
        assert!((tick - 60.0).abs() < 0.1, "{tick}");
    }

    #[test]
    fn one_stall_is_no_jitter() {
        let mut clock = ServerClock::new(30);
        run(&mut clock, 0..120, 0.0, |tick| if tick == 60 { 220.0 } else { 20.0 });
        assert!(clock.jitter_ticks() < 0.1);
    }
}
