//! Faults that are planted really happen on the wire, where a tester is to see them.

use std::collections::BTreeMap;

use fracas_client::{Event, Frame};
use fracas_shared::frame::FrameError;
use fracas_shared::message::RoomWanted;
use fracas_shared::{EntityId, Pilot, Tick};
use fracas_sim::PlantedFault;
use tokio::time::timeout;

use crate::player::Player;
use crate::probe::{Input, Probe, ProbeGames, View, by_id, new_room};
use crate::server::{PATIENCE, Server, get};

/// Frames before and after one, in which the input for it would show up if it had come at all.
const AROUND: usize = 8;

fn start(fault: PlantedFault) -> Server {
    Server::start_of::<ProbeGames>(|config| {
        config.planted_fault = Some(fault);
        let probe = config.games.entry("probe".to_owned()).or_default();
        (probe.bots, probe.permanent) = (Some(0), false);
    })
}

/// A player who keeps acting, and keeps what it is shown.
struct Witness {
    player: Player<Probe>,
    frames: Vec<Frame>,
    /// The stamps of its inputs.
    sent: Vec<Tick>,
}

impl Witness {
    async fn join(server: &Server, name: &str, room: RoomWanted) -> Self {
        let player = Player::join(server, name, room).await;
        Self { player, frames: Vec::new(), sent: Vec::new() }
    }

    /// Two in a room of a server with this fault.
    async fn pair(server: &Server) -> (Self, Self) {
        let ann = Self::join(server, "ann", new_room("")).await;
        let bob = Self::join(server, "bob", by_id(ann.player.room())).await;
        (ann, bob)
    }

    async fn next(&mut self) -> Event {
        let event = timeout(PATIENCE, self.player.client.next_event()).await.expect("nothing comes").unwrap();
        if let Event::Frame(frame) = &event {
            self.frames.push(frame.clone());
            let stamp = self.player.client.send_input(&Input { steps: 1, fails: false }).await.unwrap();
            self.sent.extend(stamp);
        }
        event
    }

    /// Plays until a frame is lost.
    async fn lost_frame(&mut self) -> FrameError {
        loop {
            if let Event::FrameLost(error) = self.next().await {
                return error;
            }
        }
    }

    /// Plays until the frames are such, and is shown nothing that a client could not take.
    async fn until<T>(&mut self, what: &str, find: impl Fn(&Self) -> Option<T>) -> T {
        let playing = async {
            loop {
                if let Some(found) = find(self) {
                    return found;
                }
                let event = self.next().await;
                assert!(!matches!(event, Event::FrameLost(_)), "{event:?}");
            }
        };
        timeout(PATIENCE, playing).await.unwrap_or_else(|_| panic!("waited in vain for {what}"))
    }

    fn saw(&self, tick: Tick) -> bool {
        self.frames.iter().any(|frame| frame.snapshot.tick() == tick)
    }

    /// The ticks that it was not shown, of which it was shown the neighbours.
    fn gaps(&self) -> Vec<Tick> {
        let ticks = self.frames.windows(2).map(|pair| (pair[0].snapshot.tick(), pair[1].snapshot.tick()));
        ticks.filter(|(before, after)| after.since(*before) == 2).map(|(before, _)| before.next()).collect()
    }

    /// The stamp of an input that no step has used, though none is told to have been late and those before and
    /// after it were used.
    fn lost_input(&self) -> Option<Tick> {
        let is_whole = |frames: &&[Frame]| {
            frames[2 * AROUND].snapshot.tick().since(frames[0].snapshot.tick()) == 2 * AROUND as i32
                && frames.iter().all(|frame| frame.input_margin.is_none_or(|margin| margin >= 0))
        };
        let has_own_input = |frame: &Frame| frame.input_tick == Some(frame.snapshot.tick());
        let is_lost = |frames: &&[Frame]| {
            let stamp = frames[AROUND].snapshot.tick();
            self.sent.contains(&stamp)
                && frames.iter().all(|frame| frame.input_tick != Some(stamp))
                && has_own_input(&frames[AROUND - 1])
                && has_own_input(&frames[AROUND + 1])
        };
        let lost = self.frames.windows(2 * AROUND + 1).filter(is_whole).find(is_lost)?;
        Some(lost[AROUND].snapshot.tick())
    }
}

fn views(frame: &Frame) -> BTreeMap<EntityId, View> {
    let mut views = Vec::new();
    frame.snapshot.read_views(&mut views).unwrap();
    views.into_iter().collect()
}

/// The ids in both frames that are not the same entity's.
fn changed_hands(before: &Frame, after: &Frame) -> Vec<EntityId> {
    let (before, after) = (views(before), views(after));
    let is_other = |id: &&EntityId| after.get(id).is_some_and(|view| !Probe::is_same(&before[id], view));
    before.keys().filter(is_other).copied().collect()
}

fn is_due(tick: Tick) -> bool {
    tick.0.is_multiple_of(PlantedFault::PERIOD_TICKS)
}

#[tokio::test]
async fn a_viewer_is_not_shown_a_tick_that_others_see() {
    let server = start(PlantedFault::SkippedUpdate);
    let (mut ann, mut bob) = Witness::pair(&server).await;
    let mut skipped = Tick(0);
    // A frame may be left out for another reason as well, by chance of both.
    while !bob.saw(skipped) {
        let last = skipped;
        let find = |ann: &Witness| ann.gaps().into_iter().find(|tick| is_due(*tick) && tick.is_after(last));
        skipped = ann.until("a gap", find).await;
        let is_newest = |bob: &Witness| bob.frames.last()?.snapshot.tick().is_after(skipped).then_some(());
        bob.until("the tick after it", is_newest).await;
    }
}

#[tokio::test]
async fn two_ids_change_hands_and_back() {
    let server = start(PlantedFault::SwappedId);
    let (mut ann, _bob) = Witness::pair(&server).await;
    let find = |ann: &Witness| {
        let is_swap = |frames: &&[Frame]| frames[1].is_continuous && is_due(frames[1].snapshot.tick());
        let swap = ann.frames.windows(3).rev().find(is_swap)?;
        (views(&swap[0]).len() == 2).then(|| <[Frame; 3]>::try_from(swap.to_vec()).unwrap())
    };
    let [before, at, after] = ann.until("a swap", find).await;
    let ids = changed_hands(&before, &at);
    let [one, other] = ids[..] else { panic!("{ids:?}") };
    let player = |frame: &Frame, id: EntityId| views(frame)[&id].player.expect("a player's");
    assert_eq!(player(&at, one), player(&before, other));
    assert_eq!(player(&at, other), player(&before, one));
    assert_eq!(changed_hands(&at, &after), ids);
    assert_eq!(changed_hands(&before, &after), []);
}

#[tokio::test]
async fn a_view_hash_is_wrong_and_the_state_is_not() {
    let server = start(PlantedFault::WrongHash);
    let (mut ann, _bob) = Witness::pair(&server).await;
    for _ in 0..2 {
        let error = timeout(PATIENCE, ann.lost_frame()).await.expect("all hashes are right");
        let FrameError::WrongHash { tick, ours, theirs } = error else { panic!("{error}") };
        assert_eq!(ours ^ theirs, 1);
        let recovers = |ann: &Witness| ann.frames.last()?.snapshot.tick().is_after(tick).then_some(());
        ann.until("a keyframe", recovers).await;
    }
}

#[tokio::test]
async fn an_input_in_time_is_never_used() {
    let server = start(PlantedFault::LostInput);
    let (mut ann, _bob) = Witness::pair(&server).await;
    let stamp = ann.until("a lost input", Witness::lost_input).await;
    assert!(is_due(stamp), "{stamp:?}");
}

#[tokio::test]
async fn who_has_left_is_still_there() {
    let server = start(PlantedFault::LeakedSeat);
    let mut ann = Player::<Probe>::join(&server, "ann", new_room("")).await;
    let (seat, room) = (ann.seat(), by_id(ann.room()));
    let mut bob = Player::<Probe>::join(&server, "bob", room.clone()).await;
    ann.leave().await;
    bob.frames(10).await;
    assert!(!bob.told.iter().any(|told| matches!(told, Event::PlayerLeft(_))));
    assert!(bob.replica().views().iter().any(|(_, view)| view.player == Some(seat)));
    let mut cid = Player::<Probe>::join(&server, "cid", room).await;
    let roster: Vec<_> = cid.roster().0.into_iter().map(|entry| (entry.name, entry.is_away)).collect();
    assert_eq!(roster, ["ann", "bob", "cid"].map(|name| (name.to_owned(), false)));
    bob.leave().await;
    cid.leave().await;
    let (_, _, listing) = get(server.public, "/rooms?game=probe");
    assert!(listing.contains(r#""players":3"#), "{listing}");
    assert_eq!(server.metric("fracas_players{game=\"probe\"}"), 3.0);
}
