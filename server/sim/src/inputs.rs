//! One player's inputs on their way to the rules: exactly one for each tick.

use std::collections::VecDeque;

use fracas_shared::codec::{DecodeError, StateReader, StateWriter};
use fracas_shared::limits::{INPUT_AHEAD_TICKS_MAX, INPUT_REPEAT_TICKS_MAX};
use fracas_shared::{State, Tick};

/// The inputs of one player that wait for their ticks.
///
/// The step of a tick uses the input stamped with it. When there is none: the newest one that came
/// too late, for it is the player's latest will; else the last one again, for
/// [`INPUT_REPEAT_TICKS_MAX`] ticks; else the neutral input. So a client cannot act faster than
/// time by sending more.
#[derive(Clone, Debug, Default)]
pub(crate) struct InputQueue<I> {
    /// By stamp, each stamp once, none before the next tick.
    waiting: VecDeque<(Tick, I)>,
    /// The newest input whose tick was over when it came, not yet used.
    late: Option<(Tick, I)>,
    last: I,
    last_stamp: Tick,
    missing_ticks: u32,
    margin_ticks: i8,
}

/// What became of inputs, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InputCounts {
    /// Used in the tick of their stamp.
    pub on_time: u32,
    /// Came after their tick.
    pub late: u32,
    /// Ticks without an input, filled with the last one.
    pub repeated: u32,
    /// Ticks without an input for too long, filled with the neutral one.
    pub neutral: u32,
    /// Stamped too far ahead, and dropped.
    pub early_dropped: u32,
    /// Second inputs for one tick, dropped.
    pub duplicate: u32,
}

impl<I: Clone + Default> InputQueue<I> {
    /// Takes an input that came before the step of `next`.
    pub(crate) fn push(&mut self, stamp: Tick, input: I, next: Tick, counts: &mut InputCounts) {
        let margin = stamp.since(next);
        self.margin_ticks = margin.clamp(i32::from(i8::MIN), i32::from(i8::MAX)) as i8;
        if margin < 0 {
            counts.late += 1;
            let newest = self.late.as_ref().map_or(self.last_stamp, |(stamp, _)| *stamp);
            if stamp.is_after(newest) {
                self.late = Some((stamp, input));
            }
        } else if margin >= INPUT_AHEAD_TICKS_MAX as i32 {
            counts.early_dropped += 1;
        } else {
            // Clients send in order, so the place is nearly always the end.
            let place = self.waiting.iter().rposition(|(waiting, _)| !waiting.is_after(stamp));
            match place {
                Some(place) if self.waiting[place].0 == stamp => counts.duplicate += 1,
                place => self.waiting.insert(place.map_or(0, |place| place + 1), (stamp, input)),
            }
        }
    }

    /// The input for the step of `tick`; ticks must come one after the other.
    pub(crate) fn take(&mut self, tick: Tick, counts: &mut InputCounts) -> I {
        let on_time = self.waiting.pop_front_if(|(stamp, _)| *stamp == tick);
        counts.on_time += u32::from(on_time.is_some());
        let late = self.late.take();
        if let Some((stamp, input)) = on_time.or(late) {
            self.last = input;
            self.last_stamp = stamp;
            self.missing_ticks = 0;
            return self.last.clone();
        }
        self.missing_ticks += 1;
        if self.missing_ticks <= INPUT_REPEAT_TICKS_MAX {
            counts.repeated += 1;
            self.last.clone()
        } else {
            counts.neutral += 1;
            I::default()
        }
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

    /// How many ticks before its step the last input came; negative when it was late.
    pub(crate) fn margin_ticks(&self) -> i8 {
        self.margin_ticks
    }
}

impl<I: State + Clone + Default> State for InputQueue<I> {
    fn save(&self, out: &mut StateWriter<'_>) {
        self.waiting.save(out);
        self.late.save(out);
        self.last.save(out);
        self.last_stamp.save(out);
        self.missing_ticks.save(out);
        self.margin_ticks.save(out);
    }

    fn load(from: &mut StateReader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            waiting: State::load(from)?,
            late: State::load(from)?,
            last: State::load(from)?,
            last_stamp: State::load(from)?,
            missing_ticks: State::load(from)?,
            margin_ticks: State::load(from)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pushes `stamps` (the input is the stamp) before the steps of ticks 10, 11, ... and gives the
    /// inputs that these steps use.
    fn check(pushes: &[&[u32]], used: &[u32]) -> InputCounts {
        let mut queue = InputQueue::default();
        let mut counts = InputCounts::default();
        let mut taken = Vec::new();
        for (turn, stamps) in pushes.iter().enumerate() {
            let tick = Tick(10 + turn as u32);
            for stamp in *stamps {
                queue.push(Tick(*stamp), *stamp, tick, &mut counts);
            }
            taken.push(queue.take(tick, &mut counts));
        }
        assert_eq!(taken, used);
        counts
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
    fn the_first_of_two_inputs_for_a_tick_counts() {
        let counts = check(&[&[10, 10]], &[10]);
        assert_eq!(counts.duplicate, 1);
    }

    #[test]
    fn the_newest_late_input_fills_a_gap() {
        let counts = check(&[&[10], &[7, 9, 8], &[11, 10]], &[10, 10, 11]);
        assert_eq!((counts.late, counts.repeated), (5, 1));
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
}
