//! What is on its way over one direction of a simulated line.
//!
//! It keeps messages back for as long as their [`Line`] says, within [`LINE_BYTES_MAX`]. Like the
//! line it does no I/O and has no clock: whoever has a timer asks again when [`wake_at`] says so.
//! Nothing is lost and nothing is overtaken, also when the line becomes another one meanwhile.
//!
//! [`wake_at`]: LineQueue::wake_at

use std::collections::VecDeque;
use std::time::Duration;

use crate::limits::LINE_BYTES_MAX;
use crate::line::{Line, LineProfile};

/// Messages on their way over one direction of a line, in their order.
#[derive(Clone, Debug)]
pub struct LineQueue<T> {
    line: Line,
    waiting: VecDeque<Waiting<T>>,
    /// What all that waits takes.
    held_bytes: usize,
}

#[derive(Clone, Debug)]
struct Waiting<T> {
    arrives_at: Duration,
    held_bytes: usize,
    message: T,
}

impl<T> LineQueue<T> {
    /// A direction of a line; see [`Line::new`].
    pub fn new(profile: LineProfile, seed: u64) -> Self {
        Self { line: Line::new(profile, seed), waiting: VecDeque::new(), held_bytes: 0 }
    }

    /// Both directions of a line, of which one has messages of another kind.
    pub fn pair<U>(profile: LineProfile, seed: u64) -> (Self, LineQueue<U>) {
        (Self::new(profile, seed), LineQueue::new(profile, !seed))
    }

    /// Makes it another line for what is put on it from now on.
    pub fn set_profile(&mut self, profile: LineProfile) {
        self.line.set_profile(profile);
    }

    /// Whether more is to be put on the line: not while it is still busy with what was put last, and
    /// not while it keeps [`LINE_BYTES_MAX`] back.
    pub fn has_room(&self, now: Duration) -> bool {
        self.held_bytes < LINE_BYTES_MAX && self.line.free_at() <= now
    }

    /// Puts a message on the line, on which it takes so many bytes. What belongs together may be put
    /// together: only before the first [`LineQueue::has_room`] must be true.
    pub fn put(&mut self, now: Duration, message: T, bytes: usize) {
        let arrives_at = self.line.send(now, bytes);
        let held_bytes = bytes + size_of::<Waiting<T>>();
        self.held_bytes += held_bytes;
        self.waiting.push_back(Waiting { arrives_at, held_bytes, message });
    }

    /// Whether a message has arrived and was not taken yet.
    pub fn has_arrived(&self, now: Duration) -> bool {
        self.waiting.front().is_some_and(|first| first.arrives_at <= now)
    }

    /// Takes the first message, if it has arrived.
    pub fn take(&mut self, now: Duration) -> Option<T> {
        if self.has_arrived(now) { self.take_early() } else { None }
    }

    /// Takes the first message, wherever it is.
    pub fn take_early(&mut self) -> Option<T> {
        let first = self.waiting.pop_front()?;
        self.held_bytes -= first.held_bytes;
        Some(first.message)
    }

    /// When the next message arrives or the line is free for another one; none when neither is to
    /// come. To be asked when all has been taken that has arrived.
    pub fn wake_at(&self, now: Duration) -> Option<Duration> {
        let arrives_at = self.waiting.front().map(|first| first.arrives_at);
        let free_at = Some(self.line.free_at()).filter(|free_at| *free_at > now);
        arrives_at.into_iter().chain(free_at).min()
    }

    /// Whether nothing is on its way.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Whether it does nothing: nothing is on its way, and nothing that is put on it would wait.
    pub fn is_idle(&self) -> bool {
        self.is_empty() && self.line.profile().is_none()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn latency(latency_ms: u32) -> LineProfile {
        LineProfile { latency_ms, ..LineProfile::default() }
    }

    /// All that has arrived.
    fn taken<T>(queue: &mut LineQueue<T>, now: Duration) -> Vec<T> {
        std::iter::from_fn(|| queue.take(now)).collect()
    }

    fn profile() -> impl Strategy<Value = LineProfile> {
        (0u32..300, 0u32..200, 0u32..500, prop_oneof![Just(0), 64u32..10_000]).prop_map(
            |(latency_ms, jitter_ms, stall_ms, rate_kbps)| LineProfile {
                latency_ms,
                jitter_ms,
                stall_ms,
                stall_every_ms: 2_000,
                rate_kbps,
            },
        )
    }

    proptest! {
        #[test]
        fn all_arrives_in_order_whatever_becomes_of_the_line(
            steps in prop::collection::vec((0u64..100, 0usize..2000, prop::option::of(profile())), 1..200),
        ) {
            let mut queue = LineQueue::new(LineProfile::default(), 1);
            let (mut now, mut arrived) = (Duration::ZERO, Vec::new());
            for (number, (gap, bytes, profile)) in steps.iter().enumerate() {
                now += ms(*gap);
                if let Some(profile) = profile {
                    queue.set_profile(*profile);
                }
                queue.put(now, number, *bytes);
                arrived.extend(taken(&mut queue, now));
            }
            while let Some(next) = queue.wake_at(now) {
                prop_assert!(next > now, "who waits until then does not wait in vain");
                now = next;
                arrived.extend(taken(&mut queue, now));
            }
            prop_assert_eq!(arrived, (0..steps.len()).collect::<Vec<_>>());
            prop_assert!(queue.is_empty() && queue.has_room(now));
        }
    }

    #[test]
    fn a_message_arrives_when_its_line_says_so() {
        let mut queue = LineQueue::new(latency(200), 1);
        queue.put(ms(0), "first", 100);
        queue.put(ms(50), "second", 100);
        assert_eq!(queue.wake_at(ms(50)), Some(ms(100)));
        assert_eq!(
            (queue.take(ms(99)), queue.take(ms(100)), queue.take(ms(149))),
            (None, Some("first"), None)
        );
        queue.set_profile(LineProfile::default());
        queue.put(ms(120), "third", 100);
        assert_eq!(taken(&mut queue, ms(149)), Vec::<&str>::new(), "what was sent before is not overtaken");
        assert_eq!(taken(&mut queue, ms(150)), ["second", "third"]);
        assert!(queue.is_idle() && queue.wake_at(ms(150)).is_none());
    }

    #[test]
    fn a_line_of_some_rate_has_room_when_the_last_bit_has_left() {
        let mut queue = LineQueue::new(LineProfile { rate_kbps: 80, ..latency(200) }, 1);
        assert!(queue.has_room(ms(0)));
        queue.put(ms(0), (), 100);
        assert_eq!((queue.has_room(ms(9)), queue.wake_at(ms(9))), (false, Some(ms(10))));
        assert_eq!((queue.has_room(ms(10)), queue.wake_at(ms(10))), (true, Some(ms(110))));
    }

    #[test]
    fn so_much_is_kept_back_and_no_more() {
        let mut queue = LineQueue::new(latency(1000), 1);
        let mut bytes = 0;
        while queue.has_room(ms(0)) {
            queue.put(ms(0), (), 1000);
            bytes += 1000 + size_of::<Waiting<()>>();
        }
        assert!((LINE_BYTES_MAX..LINE_BYTES_MAX + 2000).contains(&bytes), "{bytes}");
        queue.take(ms(500)).expect("it has arrived");
        queue.take(ms(500)).expect("it has arrived");
        assert!(queue.has_room(ms(500)));
        // Small ones are counted with what it takes to keep them.
        let mut queue = LineQueue::new(latency(1000), 1);
        while queue.has_room(ms(0)) {
            queue.put(ms(0), (), 0);
        }
        assert!(queue.waiting.len() <= LINE_BYTES_MAX / size_of::<Waiting<()>>() + 1);
    }
}
