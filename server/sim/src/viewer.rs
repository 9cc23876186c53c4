//! Those to whom a match's frames and messages go.

use bytes::Bytes;
use fracas_shared::{PlayerId, Tick};

use crate::frames::HeldState;
use crate::port::{Held, Port, StateMessages};
use crate::told::{Audience, Hearer};

/// One who watches a match: a player, who may be away for some time, or a spectator.
pub struct Viewer {
    player: Option<PlayerId>,
    /// The way to it; none while the player is away.
    port: Option<Box<dyn Port>>,
    /// What it was told; none for a spectator.
    heard: Option<Hearer>,
    needs_keyframe: bool,
    /// From which tick on the viewer's states count as baselines: that of the keyframe it was given
    /// when it last asked. A keyframe that waits may be replaced before it is written, so a
    /// keyframe is owed until one was begun.
    resynced: Option<Tick>,
    /// What it holds once it has these ticks' frames: of the one that was begun, and of the last one.
    states: Vec<HeldState>,
    acked: Tick,
    /// Whether the client has acknowledged anything that came by this port.
    has_acked: bool,
    /// When it last acknowledged something new, or had nothing to acknowledge.
    progressed: Option<Tick>,
}

impl Viewer {
    /// A viewer that has seen nothing yet: who has this seat, or a spectator.
    pub(crate) fn new(port: Box<dyn Port>, player: Option<PlayerId>, heard: Option<Hearer>) -> Self {
        Self {
            player,
            port: Some(port),
            heard,
            needs_keyframe: false,
            resynced: None,
            states: Vec::new(),
            acked: Tick(0),
            has_acked: false,
            progressed: None,
        }
    }

    /// A player who is away, and was told this.
    pub(crate) fn away(heard: Hearer) -> Self {
        Self {
            player: Some(heard.player()),
            port: None,
            heard: Some(heard),
            needs_keyframe: false,
            resynced: None,
            states: Vec::new(),
            acked: Tick(0),
            has_acked: false,
            progressed: None,
        }
    }

    /// Its seat; none for a spectator.
    pub fn player(&self) -> Option<PlayerId> {
        self.player
    }

    /// The way to it; none while it is away.
    pub fn port(&mut self) -> Option<&mut (dyn Port + 'static)> {
        self.port.as_deref_mut()
    }

    /// Whether the connection is lost, or about to be.
    pub fn is_gone(&self) -> bool {
        self.port.as_ref().is_some_and(|port| !port.is_open())
    }

    /// Whether the player's connection was lost and the seat is kept.
    pub fn is_away(&self) -> bool {
        self.port.is_none()
    }

    /// Lets go of the connection. What must arrive is kept from now on, within limits.
    pub fn go_away(&mut self) {
        self.port = None;
    }

    /// What it was told; none for a spectator.
    pub(crate) fn heard(&self) -> Option<Hearer> {
        self.heard
    }

    /// Hands it one of the room's reliable messages if it is for it. Whether it is a player's, to be kept for when that
    /// one comes back.
    pub(crate) fn tell(&mut self, to: Audience, message: &Bytes) -> bool {
        if !to.includes(self.player) {
            return false;
        }
        if let Some(port) = &mut self.port {
            port.send(message.clone());
        }
        self.heard.as_mut().map(Hearer::hear).is_some()
    }

    /// Asks for a keyframe on behalf of a client that lost track.
    pub fn resync(&mut self) {
        self.needs_keyframe = true;
    }

    /// Takes note that the client has decoded the frame of this tick. One that it cannot have is
    /// passed over.
    pub fn note_ack(&mut self, ack: Tick, now: Tick) {
        let begun = self.port.as_ref().and_then(|port| port.held().begun);
        if begun.is_none_or(|begun| ack.is_after(begun)) {
            return;
        }
        if !self.has_acked || ack.is_after(self.acked) {
            self.has_acked = true;
            self.acked = ack;
            self.progressed = Some(now);
        }
    }

    /// Whether the client has ever acknowledged a frame, and so surely has had what was sent before.
    pub fn has_acked(&self) -> bool {
        self.has_acked
    }

    /// How many ticks the client has acknowledged nothing new for, although something was sent.
    pub fn ticks_without_progress(&mut self, now: Tick) -> u32 {
        let Some(port) = &self.port else { return 0 };
        let has_all = match port.held().begun {
            None => true,
            Some(begun) => self.has_acked && !begun.is_after(self.acked),
        };
        let progressed = self.progressed.filter(|_| !has_all).unwrap_or(now);
        self.progressed = Some(progressed);
        now.since(progressed).max(0) as u32
    }

    /// Takes note of a wish for a keyframe, at this tick.
    pub(crate) fn note_resync(&mut self, tick: Tick) {
        if std::mem::take(&mut self.needs_keyframe) {
            self.resynced = Some(tick);
        }
    }

    /// Which state it holds or is about to.
    pub(crate) fn held(&self) -> Held {
        self.port.as_ref().map_or_else(Held::default, |port| port.held())
    }

    /// The state that a delta for it may build on.
    pub(crate) fn baseline(&self) -> Option<HeldState> {
        let is_good = |begun: &Tick| self.resynced.is_none_or(|tick| !tick.is_after(*begun));
        let begun = self.held().begun.filter(is_good)?;
        self.states.iter().find(|state| state.tick == begun).copied()
    }

    /// Puts the newest state in its place, on what was given as its baseline. False, and nothing done, when
    /// that is another one by now.
    pub(crate) fn put_state(&mut self, baseline: Option<HeldState>, state: StateMessages) -> bool {
        let Some(port) = &mut self.port else { return true };
        let tick = state.tick;
        if !port.put_state(state) {
            return false;
        }
        let begun = port.held().begun;
        self.states.retain(|state| Some(state.tick) == begun);
        self.states.push(HeldState::after(baseline, tick));
        true
    }
}
