//! When to try to come back.

use std::time::Duration;

use fracas_shared::Rng;

/// How a [`Client`](crate::Client) comes back after its connection was lost.
///
/// The first tries come quickly, for most lines are back in a moment; then each pause is twice the
/// last. Every pause is varied at random by half, so that those whom one server lost do not all
/// come at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReconnectPolicy {
    /// Tries before the client gives up.
    pub tries_max: u32,
    /// Tries with the first pause before them.
    pub quick_tries: u32,
    /// The first pause.
    pub pause: Duration,
    /// The longest pause.
    pub pause_max: Duration,
    /// A connection that lived so long was good: tries are counted anew after it. One that breaks
    /// sooner counts as one more try that failed.
    pub stable_after: Duration,
}

impl Default for ReconnectPolicy {
    fn default() -> Self {
        Self {
            tries_max: 30,
            quick_tries: 8,
            pause: Duration::from_millis(100),
            pause_max: Duration::from_secs(5),
            stable_after: Duration::from_secs(10),
        }
    }
}

/// Counts tries and gives the pauses between them.
#[derive(Debug)]
pub(crate) struct Backoff {
    policy: ReconnectPolicy,
    tries: u32,
    rng: Rng,
}

impl Backoff {
    pub(crate) fn new(policy: ReconnectPolicy, seed: u64) -> Self {
        Self { policy, tries: 0, rng: Rng::new(seed, 0) }
    }

    /// The next try's number and the pause before it; none when there was the last one. The server
    /// may have asked for a longer pause.
    pub(crate) fn next(&mut self, retry_after: Option<Duration>) -> Option<(u32, Duration)> {
        if self.tries >= self.policy.tries_max {
            return None;
        }
        let doublings = (self.tries + 1).saturating_sub(self.policy.quick_tries);
        self.tries += 1;
        let factor = 2u32.checked_pow(doublings).unwrap_or(u32::MAX);
        let pause = self.policy.pause.saturating_mul(factor).min(self.policy.pause_max);
        let varied = pause.mul_f32(0.5 + self.rng.unit());
        // Whoever is told a time comes a little later, not all at that very moment.
        let told =
            retry_after.map_or(Duration::ZERO, |told| told + self.policy.pause.mul_f32(self.rng.unit()));
        Some((self.tries, varied.max(told)))
    }

    /// Takes note that a connection has lived for so long.
    pub(crate) fn note_lived(&mut self, lived: Duration) {
        if lived >= self.policy.stable_after {
            self.tries = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pauses_ms(backoff: &mut Backoff, count: usize) -> Vec<u128> {
        (0..count).map(|_| backoff.next(None).expect("a try is left").1.as_millis()).collect()
    }

    #[test]
    fn tries_are_quick_at_first_and_then_slower() {
        let mut backoff = Backoff::new(ReconnectPolicy::default(), 1);
        let pauses = pauses_ms(&mut backoff, 30);
        assert!(pauses[..8].iter().all(|pause| (50..=150).contains(pause)), "{pauses:?}");
        assert!((100..=300).contains(&pauses[8]) && (200..=600).contains(&pauses[9]), "{pauses:?}");
        assert!(pauses[14..].iter().all(|pause| (2500..=7500).contains(pause)), "{pauses:?}");
        assert_eq!(backoff.next(None), None, "30 tries are enough");
    }

    #[test]
    fn no_two_clients_keep_step() {
        let of_seed = |seed| pauses_ms(&mut Backoff::new(ReconnectPolicy::default(), seed), 5);
        assert_ne!(of_seed(1), of_seed(2));
    }

    #[test]
    fn connections_that_break_at_once_do_not_begin_anew() {
        let policy = ReconnectPolicy { tries_max: 3, ..ReconnectPolicy::default() };
        let mut backoff = Backoff::new(policy, 1);
        for _ in 0..3 {
            assert!(backoff.next(None).is_some());
            backoff.note_lived(Duration::from_secs(1));
        }
        assert_eq!(backoff.next(None), None);
        backoff.note_lived(Duration::from_secs(10));
        assert!(backoff.next(None).is_some_and(|(number, _)| number == 1));
    }

    #[test]
    fn a_server_may_ask_for_patience() {
        let mut backoff = Backoff::new(ReconnectPolicy::default(), 1);
        let (_, pause) = backoff.next(Some(Duration::from_secs(2))).expect("a try is left");
        assert!((2000..2100).contains(&pause.as_millis()), "{pause:?}");
    }
}
