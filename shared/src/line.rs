//! A bad line, simulated: when what is sent now would arrive.
//!
//! For tests, and to try a game as players far away know it. The model is one TCP connection as its
//! ends see it: nothing is lost and nothing is overtaken, but all of it comes late. It does no I/O
//! and has no clock; the same seed and the same questions get the same answers.

use core::fmt;
use core::str::FromStr;
use core::time::Duration;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::limits::{LINE_DELAY_MAX_MS, LINE_RATE_MIN_KBPS};
use crate::rng::Rng;

/// How bad a line is. The default changes nothing.
///
/// As text, for flags and fields: a preset's name, or some of `latency=100,jitter=20,stall=200,
/// stall_every=10000,rate=1000`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LineProfile {
    /// There and back, in milliseconds: half of it each way.
    pub latency_ms: u32,
    /// How much earlier or later than that each message arrives at most, each way, in milliseconds.
    pub jitter_ms: u32,
    /// For how long nothing arrives, in milliseconds.
    pub stall_ms: u32,
    /// From one such stall to the next, in milliseconds; 0 for no stalls.
    pub stall_every_ms: u32,
    /// Kilobits per second each way; 0 for as many as there are.
    pub rate_kbps: u32,
}

/// Names for usual lines.
pub const LINE_PRESETS: &[(&str, LineProfile)] = &[
    ("none", profile(0, 0, 0, 0, 0)),
    ("lan", profile(1, 0, 0, 0, 0)),
    ("broadband", profile(30, 3, 0, 0, 20_000)),
    ("wifi", profile(40, 12, 80, 15_000, 10_000)),
    ("4g", profile(60, 40, 200, 10_000, 5_000)),
    ("3g", profile(200, 60, 400, 8_000, 1_000)),
    ("satellite", profile(600, 30, 0, 0, 5_000)),
];

const fn profile(
    latency_ms: u32,
    jitter_ms: u32,
    stall_ms: u32,
    stall_every_ms: u32,
    rate_kbps: u32,
) -> LineProfile {
    LineProfile { latency_ms, jitter_ms, stall_ms, stall_every_ms, rate_kbps }
}

/// Why a line is none.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum LineError {
    /// Neither a preset's name nor settings.
    #[error(
        "'{0}' is no line: give one of {presets}, or settings such as latency=100,jitter=20 \
         (also stall, stall_every, all in ms, and rate in kbit/s)",
        presets = preset_names()
    )]
    Unknown(String),
    /// A setting beyond its range.
    #[error("`{field}`: {value} is not from {min} to {max}")]
    OutOfRange {
        /// Which one.
        field: &'static str,
        /// What it was.
        value: u32,
        /// The least that may be.
        min: u32,
        /// The most that may be.
        max: u32,
    },
}

fn preset_names() -> String {
    LINE_PRESETS.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
}

impl LineProfile {
    /// Checks every setting against its range: a line that delays for longer than
    /// [`LINE_DELAY_MAX_MS`] is no line to play on.
    pub fn check(&self) -> Result<(), LineError> {
        let delays =
            [("latency_ms", self.latency_ms), ("jitter_ms", self.jitter_ms), ("stall_ms", self.stall_ms)];
        for (field, value) in delays {
            if value > LINE_DELAY_MAX_MS {
                return Err(LineError::OutOfRange { field, value, min: 0, max: LINE_DELAY_MAX_MS });
            }
        }
        if self.stall_every_ms != 0 && self.stall_every_ms <= self.stall_ms {
            let (value, min) = (self.stall_every_ms, self.stall_ms + 1);
            return Err(LineError::OutOfRange { field: "stall_every_ms", value, min, max: u32::MAX });
        }
        if self.rate_kbps != 0 && self.rate_kbps < LINE_RATE_MIN_KBPS {
            let (value, min) = (self.rate_kbps, LINE_RATE_MIN_KBPS);
            return Err(LineError::OutOfRange { field: "rate_kbps", value, min, max: u32::MAX });
        }
        Ok(())
    }

    /// Whether it changes nothing.
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

impl FromStr for LineProfile {
    type Err = LineError;

    fn from_str(text: &str) -> Result<Self, LineError> {
        if let Some((_, profile)) = LINE_PRESETS.iter().find(|(name, _)| *name == text) {
            return Ok(*profile);
        }
        let unknown = || LineError::Unknown(text.to_owned());
        let mut profile = Self::default();
        for setting in text.split(',') {
            let (name, value) = setting.split_once('=').ok_or_else(unknown)?;
            let value = value.parse().map_err(|_| unknown())?;
            match name.trim() {
                "latency" => profile.latency_ms = value,
                "jitter" => profile.jitter_ms = value,
                "stall" => profile.stall_ms = value,
                "stall_every" => profile.stall_every_ms = value,
                "rate" => profile.rate_kbps = value,
                _ => return Err(unknown()),
            }
        }
        profile.check()?;
        Ok(profile)
    }
}

impl fmt::Display for LineProfile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { latency_ms, jitter_ms, stall_ms, stall_every_ms, rate_kbps } = self;
        write!(f, "latency={latency_ms},jitter={jitter_ms},stall={stall_ms},stall_every={stall_every_ms}")?;
        write!(f, ",rate={rate_kbps}")
    }
}

/// One direction of a line.
#[derive(Clone, Debug)]
pub struct Line {
    profile: LineProfile,
    rng: Rng,
    /// When the last bit of what was sent before has left.
    sent_at: Duration,
    /// When what was sent before arrives.
    arrives_at: Duration,
}

impl Line {
    /// A direction of a line. Two directions of one line have different seeds; their stalls are at
    /// the same times.
    pub fn new(profile: LineProfile, seed: u64) -> Self {
        Self { profile, rng: Rng::new(seed, 0), sent_at: Duration::ZERO, arrives_at: Duration::ZERO }
    }

    /// What it is like.
    pub fn profile(&self) -> LineProfile {
        self.profile
    }

    /// Makes it another line for what is sent from now on.
    pub fn set_profile(&mut self, profile: LineProfile) {
        self.profile = profile;
    }

    /// When the last bit of what was sent has left, and the next one may: later than now only on a
    /// line of some rate. Who waits until then can still send something newer instead.
    pub fn free_at(&self) -> Duration {
        if self.profile.rate_kbps == 0 { Duration::ZERO } else { self.sent_at }
    }

    /// When this many bytes arrive that are sent now; never before what was sent earlier. `now` is
    /// the time since any fixed moment.
    pub fn send(&mut self, now: Duration, bytes: usize) -> Duration {
        let Self { profile, rng, .. } = self;
        let mut leaves_at = now;
        if let Some(nanos) = (bytes as u64 * 8_000_000).checked_div(u64::from(profile.rate_kbps)) {
            self.sent_at = self.sent_at.max(now) + Duration::from_nanos(nanos);
            leaves_at = self.sent_at;
        }
        let jitter = profile.jitter_ms as f32;
        let delay_ms = profile.latency_ms as f32 / 2.0 + rng.range(-jitter, jitter);
        let arrives_at = leaves_at + Duration::from_nanos((delay_ms.max(0.0) * 1e6) as u64);
        self.arrives_at = self.arrives_at.max(self.after_stall(arrives_at));
        self.arrives_at
    }

    /// Stalls begin at every multiple of their interval but the first.
    fn after_stall(&self, arrives_at: Duration) -> Duration {
        let every = u128::from(self.profile.stall_every_ms) * 1_000_000;
        if every == 0 || arrives_at.as_nanos() < every {
            return arrives_at;
        }
        let since = Duration::from_nanos((arrives_at.as_nanos() % every) as u64);
        arrives_at + Duration::from_millis(self.profile.stall_ms.into()).saturating_sub(since)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    proptest! {
        #[test]
        fn nothing_is_overtaken_and_all_is_late(
            latency_ms in 0u32..300, jitter_ms in 0u32..200, stall_ms in 0u32..500, rate_kbps in 64u32..10_000,
            gaps in prop::collection::vec((0u64..100, 0usize..2000), 1..200),
        ) {
            let profile = LineProfile { latency_ms, jitter_ms, stall_ms, stall_every_ms: 2_000, rate_kbps };
            let mut line = Line::new(profile, 1);
            let (mut now, mut last) = (Duration::ZERO, Duration::ZERO);
            for (gap, bytes) in gaps {
                now += ms(gap);
                let arrives_at = line.send(now, bytes);
                prop_assert!(arrives_at >= last && arrives_at >= now);
                last = arrives_at;
            }
        }
    }

    #[test]
    fn each_way_takes_half_of_the_latency_and_some_jitter() {
        let mut line = Line::new(profile(100, 20, 0, 0, 0), 7);
        let delays: Vec<_> =
            (0..1000u64).map(|n| line.send(ms(n * 100), 100).abs_diff(ms(n * 100))).collect();
        let (least, most) = (delays.iter().min().unwrap(), delays.iter().max().unwrap());
        assert!(*least >= ms(30) && *least < ms(32), "{least:?}");
        assert!(*most <= ms(70) && *most > ms(68), "{most:?}");
    }

    #[test]
    fn nothing_arrives_during_a_stall() {
        let mut line = Line::new(profile(0, 0, 200, 1000, 0), 1);
        let arrivals: Vec<_> = [950, 1000, 1199, 1200].map(|at| line.send(ms(at), 1)).into();
        assert_eq!(arrivals, [ms(950), ms(1200), ms(1200), ms(1200)]);
    }

    #[test]
    fn a_slow_line_takes_its_time_for_each_byte() {
        let mut line = Line::new(profile(0, 0, 0, 0, 80), 1);
        assert_eq!([line.send(ms(0), 100), line.send(ms(0), 100)], [ms(10), ms(20)]);
        assert_eq!(line.free_at(), ms(20));
        line.set_profile(LineProfile::default());
        assert_eq!(line.free_at(), ms(0));
    }

    #[test]
    fn lines_have_names_and_settings() {
        assert_eq!("4g".parse(), Ok(profile(60, 40, 200, 10_000, 5_000)));
        assert_eq!("latency=100,jitter=20".parse(), Ok(profile(100, 20, 0, 0, 0)));
        let profile: LineProfile = "3g".parse().unwrap();
        assert_eq!(profile.to_string().parse(), Ok(profile));
        let error = |text: &str| text.parse::<LineProfile>().unwrap_err().to_string();
        assert!(error("5g").starts_with("'5g' is no line: give one of none, lan,"), "{}", error("5g"));
    }

    #[test]
    fn a_setting_is_within_its_range() {
        let check = |settings: &str, problem: &str| {
            assert_eq!(settings.parse::<LineProfile>().unwrap_err().to_string(), problem);
        };
        let beyond = LINE_DELAY_MAX_MS + 1;
        check(&format!("latency={beyond}"), "`latency_ms`: 5001 is not from 0 to 5000");
        check("stall=200,stall_every=100", "`stall_every_ms`: 100 is not from 201 to 4294967295");
        let slow = LINE_RATE_MIN_KBPS - 1;
        check(&format!("rate={slow}"), "`rate_kbps`: 7 is not from 8 to 4294967295");
    }
}
