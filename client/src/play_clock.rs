//! Which tick a client is at: so far ahead of the server that its inputs come in time.

use std::collections::VecDeque;
use std::ops::RangeInclusive;
use std::time::Duration;

use fracas_shared::{Tick, ViewTime};

use crate::glide::Glide;
use crate::limits::{DUE_TIME_MAX, INPUT_LEAD_TICKS_MAX, INPUTS_UNTOLD_MAX, TICKS_DUE_MIN};
use crate::server_clock::ServerClock;

/// How much faster or slower than time the clock runs at most.
const SLEW_MAX: f64 = 0.02;
/// An error that is no longer glided away, in seconds, and in ticks: an input that much too early is not
/// taken.
const JUMP_S: f64 = 0.4;
const JUMP_TICKS: f64 = INPUT_LEAD_TICKS_MAX as f64;
/// When no frame has come for so long, in seconds, the match may stand still: a player who went on
/// would be far ahead of it, and what it did would come in at once.
const SILENCE_MAX_S: f64 = 0.5;
/// Ticks by which inputs are to be early at first, besides the round trip.
const EARLY_TICKS: f64 = 1.5;
/// By so many ticks the lead is changed when inputs come late, or too early for some time.
const STEP_TICKS: f64 = 0.35;
/// From one change for a late input to the next one, in seconds.
const HOLD_S: f64 = 1.0;
/// An input that is so late, in ticks, was held back by a stall of the line,
const STALL_MARGIN: i8 = -3;
/// unless there are stalls more often than this, in seconds: then it is another way.
const STALLS_APART_S: f64 = 5.0;
/// After a change of the way, nothing is left of the old one in what was measured.
const LOOK_AGAIN_S: f64 = 1.6;
/// Seconds for which every input must have come early before the lead is lowered; each time that it
/// proves wrong, twice as long.
const CALM_S: RangeInclusive<f64> = 4.0..=32.0;
/// A change of the round trip by so many ticks is a new way; by less, it may be another wait for the
/// step.
const NEW_WAY_TICKS: f64 = 1.5;

/// The clock that a client's own player lives by.
///
/// It is ahead of the frames that come by a lead, which the server's reports of how early inputs
/// came steer: raised when one came late, lowered when all were early for long, moved at once when
/// the round trip became another one. The clock itself glides there, at most 2 % faster or slower
/// than time, and jumps only when it is off by more than 0.4 s, or 24 ticks.
#[derive(Clone, Debug)]
pub struct PlayClock {
    server: ServerClock,
    /// Where the clock stands, from the server clock's epoch.
    glide: Glide,
    /// Ahead of the frame that arrives, in ticks.
    lead: f64,
    /// The round trip for which the lead was made, in ticks; none before it is known.
    round_trip: Option<f64>,
    ticks_due_max: i64,
    /// The last tick that was due.
    last_due: Option<i64>,
    /// Inputs of which no frame has told yet, and when they were sent.
    sent: VecDeque<(Tick, Duration)>,
    /// When the way is looked at again, after it became another one.
    looks_again_at: Option<f64>,
    raised_at: f64,
    stalled_at: f64,
    calm_since: f64,
    calm_margin_min: i8,
    calm_s: f64,
}

impl PlayClock {
    /// A clock for a room of this many ticks per second.
    pub fn new(tick_hz: u16) -> Self {
        let due = DUE_TIME_MAX.as_secs_f64() * f64::from(tick_hz);
        Self {
            server: ServerClock::new(tick_hz),
            glide: Glide::new(tick_hz, SLEW_MAX, JUMP_S.min(JUMP_TICKS / f64::from(tick_hz))),
            ticks_due_max: TICKS_DUE_MIN.max(due.ceil() as i64),
            lead: EARLY_TICKS,
            round_trip: None,
            last_due: None,
            sent: VecDeque::new(),
            looks_again_at: None,
            raised_at: f64::NEG_INFINITY,
            stalled_at: f64::NEG_INFINITY,
            calm_since: 0.0,
            calm_margin_min: i8::MAX,
            calm_s: *CALM_S.start(),
        }
    }

    /// What is known of the server's clock.
    pub fn server(&self) -> &ServerClock {
        &self.server
    }

    /// How far ahead of the arriving frames the clock is to be, in ticks.
    pub fn lead_ticks(&self) -> f64 {
        self.lead
    }

    /// By how much the clock is behind where it is to be, in ticks, at a moment after it last moved.
    pub fn behind_ticks(&self, now: Duration) -> Option<f64> {
        Some(self.server.arriving(now) + self.lead - self.at(now)?)
    }

    /// Where the clock stands, in ticks after `ServerClock::epoch`; none before the first frame.
    pub fn ticks(&self) -> Option<f64> {
        self.glide.ticks()
    }

    /// Where the clock will stand at a moment after it last moved, if nothing more is heard.
    pub fn at(&self, now: Duration) -> Option<f64> {
        self.glide.at(now, self.server.drift())
    }

    /// Where the clock stands.
    pub fn time(&self) -> Option<ViewTime> {
        Some(ViewTime::after(self.server.epoch()?, self.ticks()?))
    }

    /// Takes that the frame of a tick has come, and what it tells of inputs: the least margin of those
    /// that came before its step.
    pub fn hear(&mut self, now: Duration, tick: Tick, margin: Option<i8>) {
        self.server.hear(now, tick);
        let Some(margin) = margin else { return };
        let stamp = Tick(tick.0.wrapping_add_signed(margin.into()));
        while self.sent.front().is_some_and(|(sent, _)| stamp.is_after(*sent)) {
            self.sent.pop_front();
        }
        if let Some((_, sent_at)) = self.sent.front().filter(|(sent, _)| *sent == stamp) {
            self.server.note_round_trip(now, now.saturating_sub(*sent_at));
            self.find_way(now.as_secs_f64());
        }
        self.steer(now, margin);
    }

    /// Takes that the input of a tick was sent.
    pub fn note_sent(&mut self, now: Duration, tick: Tick) {
        if self.sent.len() == INPUTS_UNTOLD_MAX {
            self.sent.pop_front();
        }
        self.sent.push_back((tick, now));
    }

    fn find_way(&mut self, now: f64) {
        let Some(round_trip) = self.server.round_trip_ticks() else { return };
        let Some(old) = self.round_trip else {
            self.lead = round_trip + EARLY_TICKS;
            // It has stood somewhere, for inputs to tell the way.
            self.glide.reset();
            self.round_trip = Some(round_trip);
            return;
        };
        let Some(latest) = self.server.latest_round_trip_ticks() else { return };
        let looks_again = self.looks_again_at.is_some_and(|at| now >= at);
        let (enough, found) = if looks_again { (STEP_TICKS, round_trip) } else { (NEW_WAY_TICKS, latest) };
        if (found - old).abs() > enough {
            self.lead = (self.lead + found - old).max(0.0);
            self.round_trip = Some(found);
            // Once nothing of the old way is left in what was measured.
            self.looks_again_at = (!looks_again).then_some(now + LOOK_AGAIN_S);
        } else if looks_again {
            self.looks_again_at = None;
        }
    }

    /// Changes the lead by what a report says.
    fn steer(&mut self, now: Duration, margin: i8) {
        let is_gliding = self.behind_ticks(now).is_none_or(|behind| behind.abs() > STEP_TICKS);
        let now = now.as_secs_f64();
        if is_gliding || self.round_trip.is_none() {
            // What comes now was sent by another lead.
            (self.calm_since, self.calm_margin_min) = (now, i8::MAX);
            return;
        }
        if margin < 0 {
            let is_stall = margin <= STALL_MARGIN && now - self.stalled_at > STALLS_APART_S;
            if is_stall {
                self.stalled_at = now;
            }
            // What a stall held back comes in at once, and a longer lead would be of no use then.
            if now - self.stalled_at > HOLD_S && now - self.raised_at > HOLD_S {
                self.lead += STEP_TICKS;
                self.raised_at = now;
                self.calm_s = (self.calm_s * 2.0).min(*CALM_S.end());
            }
            (self.calm_since, self.calm_margin_min) = (now, i8::MAX);
            return;
        }
        self.calm_margin_min = self.calm_margin_min.min(margin);
        if now - self.calm_since >= self.calm_s {
            if self.calm_margin_min > 0 {
                self.lead = (self.lead - STEP_TICKS).max(0.0);
            }
            (self.calm_since, self.calm_margin_min) = (now, i8::MAX);
        }
    }

    /// Moves on to now, and gives the ticks that have become due, oldest first; after a jump, only
    /// the last ones. None before the first frame, and none while frames stay away.
    pub fn advance(&mut self, now: Duration) -> impl Iterator<Item = Tick> + use<> {
        let epoch = self.server.epoch();
        let due = epoch.filter(|_| self.server.silence_s(now) <= SILENCE_MAX_S).map(|_| self.advance_to(now));
        let (first, last) = due.unwrap_or((1, 0));
        let epoch = epoch.unwrap_or_default();
        (first..=last).map(move |tick| Tick(epoch.0.wrapping_add(tick as u32)))
    }

    fn advance_to(&mut self, now: Duration) -> (i64, i64) {
        let target = self.server.arriving(now) + self.lead;
        let ticks = self.glide.advance(now, target, self.server.drift());
        let last = ticks.floor() as i64;
        // After a jump backwards, what was due before is due again: the player is to steer at once.
        let before = self.last_due.filter(|due| *due <= last);
        let first = before.map_or(last, |due| due + 1).max(last - self.ticks_due_max + 1);
        self.last_due = Some(last);
        (first, last)
    }
}
