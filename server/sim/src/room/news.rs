//! What viewers are told of a tick besides its state.

use bytes::Bytes;
use fracas_shared::message::{Hearers, ServerMessage, Standing};
use fracas_shared::packet::{EventsHead, LooseRow, ServerTag};
use fracas_shared::{Chat, Pilot, PlayerId, Refusal};

use super::Room;
use crate::seats::roster_entry;
use crate::simulation::MatchNews;
use crate::told::Audience;
use crate::viewer::Viewer;
use crate::viewers::Viewers;

impl<G: Pilot> Room<G> {
    /// Tells who came and went, what was said, and what became of the match.
    pub(super) fn tell_news(&self, viewers: &mut Viewers, news: Vec<MatchNews>) {
        // Whoever sits there by now has taken the seat over, and knows.
        for (player, _) in &self.record.leaves {
            let message = ServerMessage::PlayerLeft { player: player.0 };
            tell(viewers, Audience::Others(*player), &message);
        }
        for (player, profile) in &self.record.joins {
            let message = ServerMessage::PlayerJoined(roster_entry(*player, profile, false));
            tell(viewers, Audience::Others(*player), &message);
        }
        for news in news {
            match news {
                MatchNews::Began => {
                    tell(
                        viewers,
                        Audience::All,
                        &ServerMessage::MatchBegan { tick: self.simulation.tick().0 },
                    );
                }
                MatchNews::Ended { outcome, next_match } => {
                    let standing = |(player, score): (PlayerId, i32)| Standing { player: player.0, score };
                    let standings = outcome.standings.into_iter().map(standing).collect();
                    let message = ServerMessage::Outcome { standings, next_match_tick: next_match.0 };
                    tell(viewers, Audience::All, &message);
                }
                MatchNews::Said { player, chat: Chat { to, text } } => {
                    let hearers = match to {
                        Hearers::All => Audience::All,
                        Hearers::Others => Audience::Others(player),
                        Hearers::One { player } => Audience::One(PlayerId(player)),
                    };
                    let message = ServerMessage::Said { player: player.0, to, text: text.to_string() };
                    tell(viewers, hearers, &message);
                }
                MatchNews::Vetoed { player } => {
                    let message = Bytes::from(ServerMessage::Refused(Refusal::ChatVetoed).to_bytes());
                    let speaker = viewers.iter_mut().filter(|viewer| viewer.player() == Some(player));
                    for port in speaker.filter_map(Viewer::port) {
                        port.send(message.clone());
                    }
                }
            }
        }
    }

    pub(super) fn tell_events(&self, viewers: &mut Viewers) {
        let mut shared = Vec::new();
        let mut private = Vec::new();
        for (to, event) in self.events.iter() {
            let row = LooseRow::of(event, |key| self.wire_ids.id_of(key));
            match to {
                None => shared.push(row),
                Some(player) => private.push((player, row)),
            }
        }
        if !shared.is_empty() {
            let message = self.events_message(&shared);
            viewers.tell(Audience::All, &message);
        }
        for (player, row) in private {
            let message = self.events_message(std::slice::from_ref(&row));
            viewers.tell(Audience::One(player), &message);
        }
    }

    fn events_message(&self, rows: &[LooseRow]) -> Bytes {
        let mut message = vec![ServerTag::Events as u8];
        EventsHead { tick: self.simulation.tick(), count: rows.len() as u8 }.write(&mut message);
        self.codecs.events.encode_many(rows, &mut message);
        message.into()
    }
}

/// Sends a reliable control message.
fn tell(viewers: &mut Viewers, to: Audience, message: &ServerMessage) {
    debug_assert!(message.is_reliable());
    viewers.tell(to, &Bytes::from(message.to_bytes()));
}
