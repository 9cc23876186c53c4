//! Whether the server uses a bot's inputs: each one, in order.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use fracas_shared::Tick;

/// Inputs that are remembered: more than a server lets wait.
const INPUTS_MAX: usize = 128;

/// The inputs of a bot that no state has shown yet.
///
/// A state tells the stamp of the newest input that was used, and how early those came that came last. An
/// input that came in time is used in the very tick that it is stamped with, so that tick's state names it.
/// When it does not, and a later input was used, it had come: after its tick, which is then told as a
/// negative margin, or it is lost.
#[derive(Debug)]
pub(crate) struct Acks {
    sent: VecDeque<Sent>,
    used: Option<Tick>,
    /// When an input was last said to be late.
    late_at: Option<Tick>,
    /// The stamp of the last input that was sent on an earlier connection. What was on its way there may be used,
    /// or be lost with it.
    former: Option<Tick>,
    /// From here on, every state was seen, and all were of one match.
    whole_since: Option<Tick>,
}

#[derive(Clone, Copy, Debug)]
struct Sent {
    stamp: Tick,
    at: Instant,
    /// How late the state was that it answers.
    late: Duration,
}

/// What a state says of inputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shown {
    /// Nothing new.
    Nothing,
    /// An input was used that was to be sent so long ago, and inputs before it were lost.
    Used { since: Duration, lost: u64 },
    /// An input was used that was never sent.
    Unknown,
    /// An earlier input than before is the newest.
    Back,
}

impl Acks {
    /// Those of a new connection; `former` is the stamp of the last input on the one before.
    pub(crate) fn new(former: Option<Tick>) -> Self {
        Self { sent: VecDeque::with_capacity(8), used: None, late_at: None, former, whole_since: None }
    }

    pub(crate) fn sent(&mut self, stamp: Tick, at: Instant, late: Duration) {
        if self.sent.len() == INPUTS_MAX {
            self.sent.pop_front();
        }
        self.sent.push_back(Sent { stamp, at, late });
    }

    /// States were missed, or what waited for its tick was dropped: what is on its way may stay without a
    /// trace. `newest` is the next state's tick.
    pub(crate) fn interrupt(&mut self, newest: Tick) {
        self.whole_since = Some(newest);
    }

    /// Takes what the state of `tick` says.
    pub(crate) fn shown(
        &mut self,
        tick: Tick,
        used: Option<Tick>,
        margin: Option<i8>,
        now: Instant,
    ) -> Shown {
        let whole_since = *self.whole_since.get_or_insert(tick);
        if margin.is_some_and(|margin| margin < 0) {
            self.late_at = Some(tick);
        }
        let Some(used) = used.filter(|used| self.used != Some(*used)) else { return Shown::Nothing };
        if let Some(last) = self.used.replace(used)
            && last.is_after(used)
        {
            return Shown::Back;
        }
        let mut lost = 0;
        while let Some(sent) = self.sent.front().copied()
            && !sent.stamp.is_after(used)
        {
            self.sent.pop_front();
            if sent.stamp == used {
                return Shown::Used { since: now - sent.at + sent.late, lost };
            }
            let was_late = self.late_at.is_some_and(|late_at| late_at.is_after(sent.stamp));
            lost += u64::from(!was_late && sent.stamp.is_after(whole_since));
        }
        let is_former = self.former.is_some_and(|former| !used.is_after(former));
        let is_forgotten = self.sent.len() == INPUTS_MAX || whole_since == tick;
        if is_former || is_forgotten { Shown::Nothing } else { Shown::Unknown }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Case {
        acks: Acks,
        at: Instant,
    }

    impl Case {
        fn new(stamps: &[u32]) -> Self {
            let (mut acks, at) = (Acks::new(Some(Tick(6))), Instant::now());
            acks.shown(Tick(5), None, None, at);
            for stamp in stamps {
                acks.sent(Tick(*stamp), at, Duration::ZERO);
            }
            Self { acks, at }
        }

        fn check(&mut self, tick: u32, used: u32, margin: Option<i8>, expected: Shown) {
            let now = self.at + Duration::from_millis(30);
            assert_eq!(self.acks.shown(Tick(tick), Some(Tick(used)), margin, now), expected, "tick {tick}");
        }
    }

    fn used(lost: u64) -> Shown {
        Shown::Used { since: Duration::from_millis(30), lost }
    }

    #[test]
    fn inputs_in_time_are_used_one_by_one() {
        let mut case = Case::new(&[10, 11, 13]);
        case.check(10, 10, Some(0), used(0));
        case.check(11, 11, Some(0), used(0));
        case.check(12, 11, Some(0), Shown::Nothing);
        case.check(13, 13, None, used(0));
    }

    #[test]
    fn one_that_is_passed_over_is_lost() {
        let mut case = Case::new(&[10, 11, 12]);
        case.check(10, 10, Some(0), used(0));
        case.check(11, 10, None, Shown::Nothing);
        case.check(12, 12, Some(0), used(1));
    }

    #[test]
    fn a_late_one_is_not_lost() {
        let mut case = Case::new(&[10, 11, 12]);
        case.check(10, 10, Some(0), used(0));
        case.check(11, 10, None, Shown::Nothing);
        case.check(12, 12, Some(-1), used(0));
        // One that was late before does not excuse the next.
        let mut case = Case::new(&[10, 13, 14]);
        case.check(12, 10, Some(-1), used(0));
        case.check(13, 10, None, Shown::Nothing);
        case.check(14, 14, Some(0), used(1));
    }

    #[test]
    fn where_states_are_missing_nobody_is_accused() {
        let mut case = Case::new(&[10, 11, 12]);
        case.acks.interrupt(Tick(12));
        case.check(12, 12, Some(0), used(0));
    }

    #[test]
    fn what_was_not_sent_is_not_used() {
        let mut case = Case::new(&[10, 12]);
        // On the connection before, it was.
        case.check(6, 6, Some(0), Shown::Nothing);
        case.check(7, 7, Some(0), Shown::Unknown);
        case.check(10, 10, Some(0), used(0));
        case.check(11, 11, Some(0), Shown::Unknown);
        case.check(12, 10, Some(0), Shown::Back);
    }
}
