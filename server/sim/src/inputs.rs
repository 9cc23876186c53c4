//! One player's inputs on their way to the rules: exactly one for each tick.

use std::collections::VecDeque;
use std::mem::take;
use std::ops::AddAssign;

use fracas_shared::codec::{DecodeError, StateReader, StateWriter};
use fracas_shared::limits::{INPUT_AHEAD_TICKS_MAX, INPUT_REPEAT_TICKS_MAX};
use fracas_shared::packet::InputHead;
use fracas_shared::{State, Tick, ViewTime};
use serde::Serialize;

/// How many parts of a tick a screen may go on by in one: honest ones glide by a few percent, and the
/// rest is for one that comes back to the present after it fell behind.
const VIEW_PARTS_PER_TICK_MAX: u32 = ViewTime::PARTS as u32 * 5 / 4;

/// The inputs of one player that wait for their ticks.
///
/// The step of a tick uses the input stamped with it. When there is none: the newest one that came
/// too late, for it is the player's latest will; else the last one again, for
/// [`INPUT_REPEAT_TICKS_MAX`] ticks; else the neutral input. So a client cannot act faster than
/// time by sending more.
#[derive(Clone, Debug, Default)]
pub(crate) struct InputQueue<I> {
    /// By stamp, each stamp once, none before the next tick.
    waiting: VecDeque<Stamped<I>>,
    /// The newest input whose tick was over when it came, not yet used.
    late: Option<Stamped<I>>,
    last: I,
    last_stamp: Tick,
    missing_ticks: u32,
    /// The least margin of the inputs that came since the last step.
    next_margin_ticks: Option<i8>,
    /// That of those that came before the last step.
    margin_ticks: Option<i8>,
    /// The newest moment that the player's screen is known to have shown, and in which step.
    view_time: Option<(ViewTime, Tick)>,
    /// Since they were last reported.
    counts: InputCounts,
    /// Until then.
    reported: InputCounts,
}

/// An input, for which tick it is, and what its player's screen showed.
#[derive(Clone, Debug)]
struct Stamped<I> {
    tick: Tick,
    input: I,
    view_time: Option<ViewTime>,
}

/// What the step of a tick uses of one player.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Taken<I> {
    pub(crate) input: I,
    /// Which moment the player's screen showed; none when it is not known.
    pub(crate) view_time: Option<ViewTime>,
}

/// What became of inputs, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct InputCounts {
    /// Used in the tick of their stamp.
    pub on_time: u32,
    /// Came after their tick.
    pub late: u32,
    /// Ticks without an input, filled with one that came late.
    pub late_used: u32,
    /// Ticks without an input, filled with the last one.
    pub repeated: u32,
    /// Ticks without an input for too long, filled with the neutral one.
    pub neutral: u32,
    /// Stamped too far ahead, and dropped.
    pub early_dropped: u32,
    /// Second inputs for one tick, which took the place of the first.
    pub duplicate: u32,
}

impl InputCounts {
    /// Ticks whose step had no input that was meant for it.
    pub fn missing(&self) -> u32 {
        self.repeated + self.neutral + self.late_used
    }

    /// All ticks for which an input was to be found.
    pub fn ticks(&self) -> u32 {
        self.on_time + self.missing()
    }
}

impl InputCounts {
    /// What was added since these.
    #[must_use]
    pub fn since(self, earlier: Self) -> Self {
        // A player who has come back to a restored match is counted anew.
        let since = |now: u32, then: u32| now.checked_sub(then).unwrap_or(now);
        Self {
            on_time: since(self.on_time, earlier.on_time),
            late: since(self.late, earlier.late),
            late_used: since(self.late_used, earlier.late_used),
            repeated: since(self.repeated, earlier.repeated),
            neutral: since(self.neutral, earlier.neutral),
            early_dropped: since(self.early_dropped, earlier.early_dropped),
            duplicate: since(self.duplicate, earlier.duplicate),
        }
    }
}

impl AddAssign for InputCounts {
    fn add_assign(&mut self, other: Self) {
        self.on_time += other.on_time;
        self.late += other.late;
        self.late_used += other.late_used;
        self.repeated += other.repeated;
        self.neutral += other.neutral;
        self.early_dropped += other.early_dropped;
        self.duplicate += other.duplicate;
    }
}

impl<I: Clone + Default> InputQueue<I> {
    /// Takes an input that came before the step of `next`.
    // Never inlined, so that a profile tells what it costs; so is `take`.
    #[inline(never)]
    pub(crate) fn push(&mut self, head: InputHead, input: I, next: Tick) {
        let stamped = Stamped { tick: head.tick, input, view_time: head.view_time() };
        let margin = head.tick.since(next);
        let margin_ticks = margin.clamp(i32::from(i8::MIN) + 1, i32::from(i8::MAX)) as i8;
        let least = self.next_margin_ticks.map_or(margin_ticks, |least| least.min(margin_ticks));
        self.next_margin_ticks = Some(least);
        if margin < 0 {
            self.counts.late += 1;
            let newest = self.late.as_ref().map_or(self.last_stamp, |late| late.tick);
            if stamped.tick.is_after(newest) {
                self.late = Some(stamped);
            }
        } else if margin >= INPUT_AHEAD_TICKS_MAX as i32 {
            self.counts.early_dropped += 1;
        } else {
            // Clients send in order, so the place is nearly always the end.
            if self.waiting.back().is_none_or(|last| stamped.tick.is_after(last.tick)) {
                self.waiting.push_back(stamped);
                return;
            }
            let place = self.waiting.iter().rposition(|waiting| !waiting.tick.is_after(stamped.tick));
            match place {
                // Its player's latest will, as after its clock stepped back.
                Some(place) if self.waiting[place].tick == stamped.tick => {
                    self.counts.duplicate += 1;
                    self.waiting[place] = stamped;
                }
                place => self.waiting.insert(place.map_or(0, |place| place + 1), stamped),
            }
        }
    }

    /// The input for the step of `tick`; ticks must come one after the other.
    #[inline(never)]
    pub(crate) fn take(&mut self, tick: Tick) -> Taken<I> {
        self.margin_ticks = self.next_margin_ticks.take();
        let is_on_time = self.waiting.front().is_some_and(|waiting| waiting.tick == tick);
        let used = if is_on_time {
            self.counts.on_time += 1;
            self.missing_ticks = 0;
            self.late = None;
            self.waiting.pop_front()
        } else {
            self.missing_ticks += 1;
            self.late.take()
        };
        if let Some(Stamped { tick: stamp, input, view_time }) = used {
            if !is_on_time {
                self.counts.late_used += 1;
                self.missing_ticks = 1;
            }
            self.last = input;
            self.last_stamp = stamp;
            return Taken { input: self.last.clone(), view_time: self.see(tick, view_time) };
        }
        let is_gone = self.missing_ticks > INPUT_REPEAT_TICKS_MAX;
        self.counts.neutral += u32::from(is_gone);
        self.counts.repeated += u32::from(!is_gone);
        let input = if is_gone { I::default() } else { self.last.clone() };
        Taken { input, view_time: self.view_time.map(|(shown, _)| shown) }
    }

    /// Takes note of what the step of a tick used when it was made before, instead of [`InputQueue::take`].
    pub(crate) fn replay(&mut self, tick: Tick, input: I, view_time: Option<ViewTime>) {
        while self.waiting.front().is_some_and(|waiting| !waiting.tick.is_after(tick)) {
            self.waiting.pop_front();
        }
        self.late = None;
        self.last = input;
        self.last_stamp = tick;
        self.missing_ticks = 0;
        (self.next_margin_ticks, self.margin_ticks) = (None, None);
        self.view_time = view_time.map(|shown| (shown, tick));
    }

    /// What the screen shows in the step of a tick, by its input. It goes on with time: never back, not
    /// much faster than time, and as it was when an input does not say it. So nobody can wait in the
    /// past for the moment that suits a shot.
    fn see(&mut self, tick: Tick, said: Option<ViewTime>) -> Option<ViewTime> {
        let Some((newest, at)) = self.view_time else {
            self.view_time = said.map(|said| (said, tick));
            return said;
        };
        let elapsed = tick.since(at).max(0) as u32;
        let latest = newest.later(elapsed.saturating_mul(VIEW_PARTS_PER_TICK_MAX));
        let said = said.filter(|said| said.is_after(newest)).unwrap_or(newest);
        let shown = if said.is_after(latest) { latest } else { said };
        self.view_time = Some((shown, tick));
        Some(shown)
    }

    /// Drops all but one, one by one.
    pub(crate) fn clear(&mut self) {
        while self.waiting.pop_front().is_some() {}
        self.late = None;
    }

    /// The stamp of the newest input used; 0 before the first.
    pub(crate) fn last_stamp(&self) -> Tick {
        self.last_stamp
    }

    /// How many ticks before their steps the inputs came between the last two steps, the least;
    /// negative when one was late; none when none came.
    pub(crate) fn margin_ticks(&self) -> Option<i8> {
        self.margin_ticks
    }

    /// What became of inputs since this was last asked.
    pub(crate) fn report(&mut self) -> InputCounts {
        let counts = take(&mut self.counts);
        self.reported += counts;
        counts
    }

    /// What became of all inputs that were reported.
    pub(crate) fn reported(&self) -> InputCounts {
        self.reported
    }
}

impl<I: State> State for Stamped<I> {
    fn save(&self, out: &mut StateWriter<'_>) {
        self.tick.save(out);
        self.input.save(out);
        self.view_time.save(out);
    }

    fn load(from: &mut StateReader<'_>) -> Result<Self, DecodeError> {
        Ok(Self { tick: State::load(from)?, input: State::load(from)?, view_time: State::load(from)? })
    }
}

impl<I: State + Clone + Default> State for InputQueue<I> {
    fn save(&self, out: &mut StateWriter<'_>) {
        self.waiting.save(out);
        self.late.save(out);
        self.last.save(out);
        self.last_stamp.save(out);
        self.missing_ticks.save(out);
        self.next_margin_ticks.save(out);
        self.margin_ticks.save(out);
        self.view_time.save(out);
    }

    fn load(from: &mut StateReader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            waiting: State::load(from)?,
            late: State::load(from)?,
            last: State::load(from)?,
            last_stamp: State::load(from)?,
            missing_ticks: State::load(from)?,
            next_margin_ticks: State::load(from)?,
            margin_ticks: State::load(from)?,
            view_time: State::load(from)?,
            // Of another process.
            counts: InputCounts::default(),
            reported: InputCounts::default(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(stamp: u32, view_lag: u16) -> InputHead {
        InputHead { tick: Tick(stamp), ack: Tick(0), view_lag }
    }

    /// Pushes `stamps` (the input is the stamp) before the steps of ticks 10, 11, ... and gives the
    /// inputs that these steps use.
    fn check(pushes: &[&[u32]], used: &[u32]) -> InputCounts {
        let mut queue = InputQueue::default();
        let mut taken = Vec::new();
        for (turn, stamps) in pushes.iter().enumerate() {
            let tick = Tick(10 + turn as u32);
            for stamp in *stamps {
                queue.push(head(*stamp, 0), *stamp, tick);
            }
            taken.push(queue.take(tick).input);
        }
        assert_eq!(taken, used);
        queue.report()
    }

    #[test]
    fn inputs_on_time_are_used_in_their_tick() {
        let counts = check(&[&[10, 11], &[12], &[]], &[10, 11, 12]);
        assert_eq!(counts, InputCounts { on_time: 3, ..Default::default() });
    }

    #[test]
    fn inputs_may_come_in_any_order() {
        check(&[&[12, 10, 11], &[], &[]], &[10, 11, 12]);
    }

    #[test]
    fn the_newest_of_two_inputs_for_a_tick_counts() {
        let mut queue = InputQueue::default();
        for input in [1, 2] {
            queue.push(head(10, 0), input, Tick(10));
        }
        assert_eq!(queue.take(Tick(10)).input, 2);
        assert_eq!(queue.report(), InputCounts { on_time: 1, duplicate: 1, ..Default::default() });
    }

    #[test]
    fn the_newest_late_input_fills_a_gap() {
        let counts = check(&[&[10], &[7, 9, 8], &[11, 10]], &[10, 10, 11]);
        assert_eq!((counts.late, counts.late_used, counts.repeated), (5, 1, 1));
    }

    #[test]
    fn a_hoard_of_inputs_is_dropped() {
        let hoard: Vec<u32> = (10..100).collect();
        let counts = check(&[&hoard], &[10]);
        assert_eq!(counts.early_dropped, 90 - INPUT_AHEAD_TICKS_MAX);
    }

    #[test]
    fn missing_inputs_are_repeated_and_then_neutral() {
        let ticks = INPUT_REPEAT_TICKS_MAX as usize + 3;
        let mut pushes: Vec<&[u32]> = vec![&[]; ticks];
        pushes[0] = &[10];
        let mut used = vec![10; ticks];
        used[ticks - 2..].fill(0);
        let counts = check(&pushes, &used);
        assert_eq!((counts.repeated, counts.neutral), (INPUT_REPEAT_TICKS_MAX, 2));
    }

    #[test]
    fn the_least_margin_is_told_once() {
        let mut queue = InputQueue::default();
        for (stamp, next) in [(12, 10), (11, 10), (13, 10)] {
            queue.push(head(stamp, 0), 0u32, Tick(next));
        }
        assert_eq!(queue.margin_ticks(), None, "nothing before the step");
        queue.take(Tick(10));
        assert_eq!((queue.margin_ticks(), queue.last_stamp()), (Some(1), Tick(0)));
        queue.take(Tick(11));
        assert_eq!((queue.margin_ticks(), queue.last_stamp()), (None, Tick(11)));
    }

    #[test]
    fn a_screen_goes_on_with_time() {
        let mut queue = InputQueue::default();
        let mut check = |tick: u32, lag: f64, expected: f64| {
            queue.push(head(tick, (lag * f64::from(ViewTime::PARTS)) as u16), 0u32, Tick(tick));
            let shown = queue.take(Tick(tick)).view_time;
            assert_eq!(shown.map(|shown| shown.since(Tick(0))), Some(expected), "in step {tick}");
        };
        check(10, 3.0, 7.0);
        check(11, 5.0, 7.0);
        check(12, 3.0, 8.25);
        check(13, 3.0, 9.5);
        check(14, 3.0, 10.75);
        check(15, 3.0, 12.0);
        // It does not say.
        check(16, 0.0, 12.0);
        check(20, 3.0, 17.0);
        assert_eq!(queue.take(Tick(21)).view_time, Some(ViewTime::at(Tick(17))));
    }
}
