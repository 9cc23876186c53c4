//! What a bot does beside playing: nothing that a server would have to forbid, and much that is a nuisance.

use std::time::{Duration, Instant};

use fracas_client::Session;
use fracas_shared::Rng;
use fracas_shared::limits::CONTROLS_PER_S_MAX;

use crate::player::Next;
use crate::scenario::Behaviour;

/// From one thing to the next: at least this, and at random up to so much more.
const PAUSE_MIN: Duration = Duration::from_millis(500);
const PAUSE_SPREAD: Duration = Duration::from_secs(3);
/// How long a bot that does anything reads nothing, at most.
const STALL_MAX: Duration = Duration::from_secs(3);
/// How long a slow one reads nothing, and how long it reads then. A server gives those up who have shown no
/// progress for 10 s.
const SLOW_PAUSE: Duration = Duration::from_secs(6);
const SLOW_READING: Duration = Duration::from_millis(300);
/// Requests that are sent at once: half of what a server takes in a second.
const FLOOD: u32 = CONTROLS_PER_S_MAX / 2;
const FLOOD_PAUSE: Duration = Duration::from_millis(1500);
/// The numbers of a flood's pings, apart from those that are measured.
const FLOOD_NONCE: u32 = 1 << 31;

pub(super) enum Mischief {
    Slow { at: Instant },
    Chaos { at: Instant, rng: Rng },
}

impl Mischief {
    pub(super) fn of(behaviour: Behaviour, mut rng: Rng) -> Option<Self> {
        let now = Instant::now();
        match behaviour {
            Behaviour::Slow => Some(Self::Slow { at: now + SLOW_READING.mul_f32(1.0 + rng.unit()) }),
            Behaviour::Chaos => Some(Self::Chaos { at: now + pause(&mut rng), rng }),
            Behaviour::Pilot | Behaviour::Idle | Behaviour::Recorded => None,
        }
    }

    pub(super) fn at(&self) -> Instant {
        match self {
            Self::Slow { at } | Self::Chaos { at, .. } => *at,
        }
    }

    /// What it does now, if it is time for something.
    pub(super) fn next(&mut self, now: Instant, session: &mut Session) -> Next {
        if now < self.at() {
            return Next::GoOn;
        }
        match self {
            Self::Slow { at } => {
                *at = now + SLOW_PAUSE + SLOW_READING;
                Next::ReadIn(SLOW_PAUSE)
            }
            Self::Chaos { at, rng } => {
                *at = now + pause(rng);
                match rng.below(5) {
                    0 => Next::Drop,
                    1 => Next::HalfClose,
                    2 => Next::Replace,
                    3 => Next::ReadIn(STALL_MAX.mul_f32(rng.unit())),
                    _ => {
                        flood(session);
                        // Another one so soon would be more than is allowed.
                        *at = (*at).max(now + FLOOD_PAUSE);
                        Next::GoOn
                    }
                }
            }
        }
    }
}

fn pause(rng: &mut Rng) -> Duration {
    PAUSE_MIN + PAUSE_SPREAD.mul_f32(rng.unit())
}

fn flood(session: &mut Session) {
    for number in 0..FLOOD {
        // Until its own line is full.
        if session.ping(FLOOD_NONCE | number).is_err() {
            return;
        }
    }
}
