//! All who watch a match, and what they are told.

use std::ops::{Deref, DerefMut};

use bytes::Bytes;
use fracas_shared::codec::{DecodeError, StateReader, StateWriter};
use fracas_shared::message::Resumed;
use fracas_shared::{PlayerId, State};

use crate::port::Port;
use crate::told::{Audience, Told};
use crate::viewer::Viewer;

/// Those who watch one match, each at a place that changes when another one is removed.
#[derive(Default)]
pub struct Viewers {
    list: Vec<Viewer>,
    told: Told,
}

impl Viewers {
    /// Lets one in at the last place, who has seen nothing yet: who has this seat, or a spectator.
    pub fn add(&mut self, port: Box<dyn Port>, player: Option<PlayerId>) {
        let heard = player.map(|player| self.told.hearer(player));
        self.list.push(Viewer::new(port, player, heard));
    }

    /// Lets one in who is away: who has this seat, and was told nothing in it.
    pub fn add_away(&mut self, player: PlayerId) {
        self.list.push(Viewer::away(self.told.hearer(player)));
    }

    /// Lets one go. The last one is at its place from now on.
    ///
    /// # Panics
    /// Nobody has that place.
    pub fn swap_remove(&mut self, place: usize) -> Viewer {
        let viewer = self.list.swap_remove(place);
        if self.list.is_empty() {
            self.told = Told::default();
        }
        viewer
    }

    /// Lets a player take another connection in place of the last one. `greet` sends what comes before all else;
    /// it is told what became of the reliable messages of which the client has had so many. Those
    /// that were missed and are still kept come next, then a keyframe. A spectator has nothing to come back to.
    ///
    /// # Panics
    /// Nobody has that place.
    pub fn come_back(
        &mut self,
        place: usize,
        mut port: Box<dyn Port>,
        received: Option<u32>,
        greet: impl FnOnce(&mut dyn Port, Resumed),
    ) {
        let viewer = &mut self.list[place];
        let Some(heard) = viewer.heard() else { return };
        let (resumed, missed) = self.told.since(heard, received);
        greet(&mut *port, resumed);
        for message in missed {
            port.send(message);
        }
        *viewer = Viewer::new(port, viewer.player(), Some(heard));
    }

    /// Sends one of the room's reliable messages, as [`ServerMessage::is_reliable`] has them, and keeps it for those who
    /// are away, within limits.
    ///
    /// [`ServerMessage::is_reliable`]: fracas_shared::message::ServerMessage::is_reliable
    pub fn tell(&mut self, to: Audience, message: &Bytes) {
        let (mut players, mut hearers) = (0, 0);
        for viewer in &mut self.list {
            players += usize::from(viewer.player().is_some());
            hearers += usize::from(viewer.tell(to, message));
        }
        // What nobody can miss is not to push out what somebody may have.
        if hearers > 0 {
            self.told.push(to, message, players);
        }
    }
}

/// What players were told survives, by seat. Whoever is loaded is away: spectators are not.
impl State for Viewers {
    fn save(&self, out: &mut StateWriter<'_>) {
        self.told.save(out);
        let mut heard: Vec<_> = self.list.iter().filter_map(Viewer::heard).collect();
        heard.sort_unstable_by_key(|heard| heard.player().0);
        heard.save(out);
    }

    fn load(from: &mut StateReader<'_>) -> Result<Self, DecodeError> {
        let (told, heard) = (Told::load(from)?, Vec::load(from)?);
        Ok(Self { list: heard.into_iter().map(Viewer::away).collect(), told })
    }
}

impl Deref for Viewers {
    type Target = [Viewer];

    fn deref(&self) -> &[Viewer] {
        &self.list
    }
}

impl DerefMut for Viewers {
    fn deref_mut(&mut self) -> &mut [Viewer] {
        &mut self.list
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::MemoryPort;
    use crate::told::Hearer;

    const ANN: PlayerId = PlayerId(0);
    const BOT: PlayerId = PlayerId(1);

    fn told(viewers: &mut Viewers, place: usize) -> Resumed {
        let mut told = None;
        viewers.come_back(place, Box::new(MemoryPort::new()), Some(0), |_, resumed| told = Some(resumed));
        told.expect("a player is greeted")
    }

    fn tell(viewers: &mut Viewers, to: Audience, times: usize) {
        for _ in 0..times {
            viewers.tell(to, &Bytes::from_static(b"news"));
        }
    }

    #[test]
    fn what_nobody_hears_takes_no_place() {
        let mut viewers = Viewers::default();
        viewers.add(Box::new(MemoryPort::new()), Some(ANN));
        tell(&mut viewers, Audience::One(ANN), 3);
        tell(&mut viewers, Audience::One(BOT), 1000);
        let resumed = told(&mut viewers, 0);
        assert_eq!((resumed.missed, resumed.received), (0, 0), "all three come again");
    }

    #[test]
    fn who_takes_a_seat_anew_was_told_nothing_in_it() {
        let mut viewers = Viewers::default();
        for player in [Some(ANN), None, Some(BOT)] {
            viewers.add(Box::new(MemoryPort::new()), player);
        }
        tell(&mut viewers, Audience::All, 3);
        viewers.swap_remove(0);
        viewers.add(Box::new(MemoryPort::new()), Some(ANN));
        tell(&mut viewers, Audience::All, 2);
        let place =
            |viewers: &Viewers, player| viewers.iter().position(|viewer| viewer.player() == Some(player));
        let (ann, other) = (place(&viewers, ANN).expect("there"), place(&viewers, BOT).expect("there"));
        assert_eq!(viewers[ann].heard().map(Hearer::count), Some(2));
        assert_eq!(viewers[other].heard().map(Hearer::count), Some(5));
        assert_eq!(told(&mut viewers, ann).missed, 0);
    }

    #[test]
    fn spectators_do_not_come_back() {
        let mut viewers = Viewers::default();
        viewers.add(Box::new(MemoryPort::new()), None);
        viewers.come_back(0, Box::new(MemoryPort::new()), None, |_, _| panic!("nobody is greeted"));
        assert!(!viewers[0].is_away());
    }
}
