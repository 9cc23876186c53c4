//! What a bot does.

use std::time::Duration;

use fracas_client::{ClientError, GameEvents, RequestError};
use fracas_shared::packet::LooseRow;
use fracas_shared::{Pilot, Seen, Tick};

use super::{Bot, Leaving, request};
use crate::player::{Failure, Turn};
use crate::scenario::Behaviour;

impl<G: Pilot> Bot<G> {
    /// The inputs that it is to send in all; none when it is to send none.
    pub(super) fn inputs_planned(&self) -> Option<u64> {
        let hz = self.stay.as_ref()?.hz;
        let rate = self.lane.common.group.inputs_per_s.unwrap_or(hz).min(hz);
        (self.behaviour() != Behaviour::Idle).then_some((self.lasts.as_secs_f64() * rate) as u64)
    }

    pub(super) fn has_sent_all(&self) -> bool {
        self.inputs_planned().is_none_or(|planned| self.inputs_sent >= planned)
    }

    /// Sends an input, when it is time for one.
    pub(super) fn play(&mut self, tick: Tick, late: Duration, turn: &mut Turn<'_>) -> Result<(), Failure> {
        let is_done = self.inputs_planned().is_none_or(|planned| self.inputs_sent >= planned);
        let Some(stay) = &mut self.stay else { return Ok(()) };
        let ticks = f64::from(tick.since(stay.joined_tick));
        if is_done || ticks < stay.next_input || matches!(self.leaving, Leaving::Asked(_)) {
            return Ok(());
        }
        // After a gap it does not make up for what was not sent meanwhile.
        let missed = ((ticks - stay.next_input) / stay.stride).floor();
        stay.next_input += stay.stride * (missed + 1.0);
        let Some(row) = self.decide()? else { return Ok(()) };
        if let Some(recorder) = self.lane.common.recorder.as_ref().filter(|_| self.number == 0) {
            recorder.note(&row, self.lane.codecs.schema());
        }
        let stamp = match self.session.send_input_row(turn.now - self.began, &row) {
            Ok(stamp) => stamp,
            // The line is stuck, which is told when it breaks.
            Err(RequestError::SendsPiledUp) => None,
            Err(error) => return Err(request(error)),
        };
        if let (Some(stamp), Some(stay)) = (stamp, &mut self.stay) {
            stay.acks.sent(stamp, turn.now, late);
            self.last_stamp = Some(stamp);
            self.inputs_sent += 1;
            turn.record.counts.inputs += 1;
        }
        Ok(())
    }

    /// What it does next.
    fn decide(&mut self) -> Result<Option<LooseRow>, Failure> {
        if let Some(recording) = &self.lane.common.recording {
            return Ok(Some(recording.input(self.inputs_sent).clone()));
        }
        self.look_at_own()?;
        let Some(stay) = self.stay.as_ref() else { return Ok(None) };
        let (Some(me), Some(scene)) = (stay.player, stay.scene.as_ref()) else { return Ok(None) };
        let seen = Seen {
            tick: stay.newest,
            tick_hz: stay.joined.tick_hz,
            me,
            own: stay.own.as_ref(),
            views: &scene.views,
        };
        let input = stay.rules.pilot(&mut self.mind, &seen, &mut self.rng);
        Ok(Some(LooseRow::of(&input, |_| None)))
    }

    /// Reads what it alone sees, if that has changed.
    fn look_at_own(&mut self) -> Result<(), Failure> {
        let (Some(room), Some(stay)) = (self.session.room_mut(), &mut self.stay) else { return Ok(()) };
        if room.has_new_own() {
            let row = room.own().map_err(|error| Failure::from(ClientError::Session(error.into())))?;
            stay.own = row.map(|row| row.value()).transpose().map_err(ClientError::Row)?;
        }
        Ok(())
    }

    pub(super) fn take_game_events(
        &mut self,
        events: &GameEvents,
        turn: &mut Turn<'_>,
    ) -> Result<(), Failure> {
        let Some(me) = self.stay.as_ref().and_then(|stay| stay.player) else { return Ok(()) };
        for row in &events.rows {
            let event: G::Event = row.value().map_err(ClientError::Row)?;
            turn.record.counts.kills += u64::from(G::points(&event, me));
        }
        Ok(())
    }
}
