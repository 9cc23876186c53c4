//! A tape as payloads that clients share.

use bytes::Bytes;
use fracas_benches::tape::{Tape, TickBytes, Told, Track};
use fracas_shared::packet::ServerTag;

/// The payloads of each tick of each track.
pub(crate) struct Reel(Vec<Vec<Vec<Bytes>>>);

impl Reel {
    /// Takes a tape apart.
    pub(crate) fn of(tape: &Tape) -> Self {
        let tick = |tick: &TickBytes| tick.payloads().map(Bytes::from).collect();
        let track = |track: &Track| track.ticks.iter().map(tick).collect();
        Self(tape.seats.iter().map(track).collect())
    }

    /// What a client gets in one tick: its own message made anew, all others shared.
    pub(crate) fn payloads(&self, track: usize, place: usize, told: Told) -> Vec<Bytes> {
        let own = |payload: &Bytes| {
            let mut own = payload.to_vec();
            if let Some(head) = own.get_mut(1..).and_then(<[u8]>::first_chunk_mut) {
                told.put_over(head);
            }
            Bytes::from(own)
        };
        let is_own = |payload: &Bytes| payload.first() == Some(&(ServerTag::Own as u8));
        let payloads = self.0[track][place].iter();
        payloads.map(|payload| if is_own(payload) { own(payload) } else { payload.clone() }).collect()
    }
}
