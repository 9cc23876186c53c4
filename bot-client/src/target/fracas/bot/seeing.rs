//! What a bot sees, and what is wrong with it.

use std::time::Duration;

use fracas_client::{ClientError, Frame};
use fracas_shared::frame::FrameError;
use fracas_shared::{Pilot, Tick};

use super::super::acks::Shown;
use super::super::tail::Exhibit;
use super::Bot;
use crate::player::{Failure, Turn};
use crate::times::Time;

impl<G: Pilot> Bot<G> {
    pub(super) fn take_frame(&mut self, frame: &Frame, turn: &mut Turn<'_>) -> Result<(), Failure> {
        if let Some(asked_at) = self.asked_at.take() {
            turn.record.note(Time::Join, turn.now - asked_at);
        }
        let Some(stay) = &mut self.stay else { return Ok(()) };
        let tick = frame.snapshot.tick();
        let step = tick.since(stay.newest);
        let is_first = stay.last_update.is_none();
        // The state of the tick of joining is a greeting; updates are what comes after it.
        if step <= 0 {
            stay.last_update.get_or_insert(turn.now);
            if step < 0 && !is_first {
                let message = format!("tick {} came after tick {}", tick.0, stay.newest.0);
                self.accuse("tick_back", 1, &message, turn);
            }
            return Ok(());
        }
        let period = stay.period;
        let age = stay.gallery.clock.borrow_mut().age(tick, turn.now);
        stay.gallery.came(tick, age, turn.now);
        let gap = stay.last_update.replace(turn.now).map(|last| turn.now - last);
        let last = std::mem::replace(&mut stay.newest, tick);
        stay.received += 1;
        turn.record.counts.updates += 1;
        let is_measured = self.lane.common.is_measured();
        if is_measured {
            turn.record.note(Time::TickAge, age);
        }
        if let Some(gap) = gap.filter(|_| is_measured) {
            turn.record.note_corrected(Time::UpdateGap, gap, period);
        }
        let has_lost_frames = std::mem::take(&mut stay.has_lost_frames);
        if step > 1 && !is_first {
            stay.acks.interrupt(tick);
            if !has_lost_frames {
                self.miss(last, tick, turn);
            }
        }
        self.look(frame, turn)?;
        self.check_score(turn);
        self.take_ack(frame, turn);
        // What came long after its time is answered as late: the input was to be sent then.
        self.play(tick, if age >= period { age } else { Duration::ZERO }, turn)
    }

    /// The updates between these did not come. How many is counted at the stay's end, whyever it was; what
    /// could not be but the server's fault is told.
    pub(super) fn miss(&mut self, last: Tick, next: Tick, turn: &mut Turn<'_>) {
        let Some(stay) = &self.stay else { return };
        if self.lane.common.is_judged() && !turn.was_late && stay.gallery.was_owed(last, next, turn.now) {
            let count = next.since(last) as u64 - 1;
            let message = format!("{count} of the ticks after {} did not come, and others had them", last.0);
            self.accuse("update_skipped", count, &message, turn);
        }
    }

    /// Looks at what is shown, and whether the ids mean what they did.
    pub(super) fn look(&mut self, frame: &Frame, turn: &mut Turn<'_>) -> Result<(), Failure> {
        let Some(stay) = &mut self.stay else { return Ok(()) };
        let row = |error| Failure::from(ClientError::Row(error));
        let before = stay.scene.as_ref().filter(|_| frame.is_continuous);
        let (scene, wrong) = stay.gallery.show(&frame.snapshot, before).map_err(row)?;
        stay.scene = Some(scene);
        if let Some(wrong) = wrong {
            self.accuse("id_swapped", 1, &wrong, turn);
        }
        Ok(())
    }

    pub(super) fn take_ack(&mut self, frame: &Frame, turn: &mut Turn<'_>) {
        let Some(stay) = &mut self.stay else { return };
        let tick = frame.snapshot.tick();
        match stay.acks.shown(tick, frame.input_tick, frame.input_margin, turn.now) {
            Shown::Nothing => {}
            Shown::Used { since, lost } => {
                if self.lane.common.is_measured() {
                    turn.record.note(Time::InputToState, since);
                }
                if lost > 0 && self.lane.common.is_judged() {
                    let message =
                        format!("{lost} inputs before tick {} came in time and were not used", tick.0);
                    self.accuse("input_lost", lost, &message, turn);
                }
            }
            Shown::Unknown => self.accuse("input_unknown", 1, "an input was used that was never sent", turn),
            Shown::Back => {
                self.accuse("input_back", 1, "inputs were used in another order than they were sent", turn);
            }
        }
    }

    pub(super) fn take_lost_frame(&mut self, error: &FrameError, turn: &mut Turn<'_>) {
        if let Some(stay) = &mut self.stay {
            stay.acks.interrupt(stay.newest.next());
            stay.has_lost_frames = true;
        }
        let is_mismatch = matches!(error, FrameError::WrongHash { .. });
        turn.record.counts.view_hash_mismatches += u64::from(is_mismatch);
        let kind = if is_mismatch { "view_hash" } else { "frame_lost" };
        self.accuse(kind, 1, &error.to_string(), turn);
    }

    /// The server broke a promise.
    pub(super) fn accuse(&mut self, kind: &'static str, times: u64, message: &str, turn: &mut Turn<'_>) {
        let Some(stay) = &self.stay else { return };
        let room = stay.joined.room.clone();
        let is_first =
            turn.record.violation(kind, times, || format!("{} in room {room}: {message}", self.name));
        if is_first {
            let exhibit = Exhibit {
                kind,
                message,
                bot: &self.name,
                number: self.number,
                room: &room,
                tick: stay.newest.0,
                schema_hash: stay.joined.schema_hash,
                tail: &self.lane.tail.borrow(),
            };
            self.lane.common.evidence.keep(&exhibit, turn.now);
        }
    }
}
