//! Which rooms there are, and how many of their seats are spoken for.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use fracas_shared::limits::ROOMS_PER_LISTING_MAX;
use fracas_shared::message::RoomInfo;
use fracas_shared::{CloseCode, Refusal, Rng};
use serde_json::{Map, Value};
use tokio::sync::{mpsc, watch};

use super::inbox::RoomRequest;
use super::roll::{Roll, RollCensus};
use super::room_code;
use crate::metrics::Metrics;
use crate::room_filter::RoomFilter;

/// All rooms of the server.
///
/// The directory alone counts the players of a room, so that two who come at once never get one
/// seat, and a room never ends while someone is on the way in.
pub(super) struct Directory {
    rooms_max: usize,
    rooms: Mutex<Rooms>,
}

struct Rooms {
    /// By number, so the oldest come first.
    by_number: BTreeMap<u64, Listed>,
    by_id: HashMap<String, u64>,
    /// Rooms with a free seat, by game and options.
    open: BTreeMap<(&'static str, String), BTreeSet<u64>>,
    next_number: u64,
    ids: Rng,
    is_refusing: bool,
}

struct Listed {
    entry: Arc<RoomEntry>,
    /// Players seated or on the way in.
    players: u16,
    /// Takes nobody any more.
    is_locked: bool,
}

/// What is fixed of a room.
pub(super) struct Description {
    pub(super) game: &'static str,
    /// What tells its options from others'.
    pub(super) options: String,
    pub(super) seats: u16,
    pub(super) tick_hz: u16,
    pub(super) linger_s: u16,
    pub(super) metadata: Map<String, Value>,
    /// What one must say to get in; empty for nothing.
    pub(super) password: String,
    /// Found by its id alone.
    pub(super) is_private: bool,
    /// Takes nobody but its creator.
    pub(super) is_locked: bool,
    pub(super) thread: usize,
}

/// A room, as those who run the server see it.
#[derive(Clone, Debug)]
pub struct RoomSurvey {
    /// What anyone may know.
    pub info: RoomInfo,
    /// Found by its id alone.
    pub is_private: bool,
    /// Which simulation thread it lives on, from 0.
    pub thread: usize,
}

/// A room, as others see it.
pub(super) struct RoomEntry {
    pub(super) number: u64,
    pub(super) id: String,
    pub(super) game: &'static str,
    pub(super) seats: u16,
    pub(super) tick_hz: u16,
    /// Which simulation thread it lives on.
    pub(super) thread: usize,
    pub(super) inbox: mpsc::Sender<RoomRequest>,
    /// How long the seat of a player is kept whose connection was lost.
    pub(super) linger_s: u16,
    /// Seated bots, told by the room.
    pub(super) bots: AtomicU16,
    /// Who only watches, told by the room.
    pub(super) spectators: AtomicU16,
    /// Who is in the room.
    pub(super) roll: Arc<Roll>,
    /// Whether the room was given up, because its match does not come back from the rules.
    is_given_up: watch::Sender<bool>,
    options: String,
    metadata: Map<String, Value>,
    /// The same as JSON.
    metadata_json: String,
    password: String,
    is_private: bool,
}

impl Directory {
    pub(super) fn new(rooms_max: usize) -> Self {
        let rooms = Rooms {
            by_number: BTreeMap::new(),
            by_id: HashMap::new(),
            open: BTreeMap::new(),
            next_number: 0,
            ids: Rng::new(super::random_seed(), 3),
            is_refusing: false,
        };
        Self { rooms_max, rooms: Mutex::new(rooms) }
    }

    /// Adds a room and reserves its first seat.
    pub(super) fn add(
        self: &Arc<Self>,
        description: Description,
        inbox: mpsc::Sender<RoomRequest>,
    ) -> Result<(Arc<RoomEntry>, Reservation), Refusal> {
        let mut rooms = self.lock();
        if rooms.is_refusing {
            return Err(Refusal::Stopping);
        }
        if rooms.by_number.len() >= self.rooms_max {
            return Err(Refusal::TooManyRooms);
        }
        let entry = Arc::new(RoomEntry {
            number: rooms.next_number,
            id: rooms.free_id(),
            game: description.game,
            seats: description.seats,
            tick_hz: description.tick_hz,
            thread: description.thread,
            inbox,
            linger_s: description.linger_s,
            bots: AtomicU16::new(0),
            spectators: AtomicU16::new(0),
            roll: Arc::default(),
            is_given_up: watch::Sender::new(false),
            options: description.options,
            metadata_json: Value::Object(description.metadata.clone()).to_string(),
            metadata: description.metadata,
            password: description.password,
            is_private: description.is_private,
        });
        rooms.next_number += 1;
        rooms.by_id.insert(entry.id.clone(), entry.number);
        rooms.by_number.insert(
            entry.number,
            Listed { entry: entry.clone(), players: 0, is_locked: description.is_locked },
        );
        rooms.set_players(entry.number, 1);
        Ok((entry.clone(), Reservation { directory: self.clone(), entry }))
    }

    /// Reserves a seat of this room.
    pub(super) fn reserve_by_id(self: &Arc<Self>, id: &str, password: &str) -> Result<Reservation, Refusal> {
        let rooms = self.lock();
        let listed = rooms.let_in(id, password)?;
        if listed.players >= listed.entry.seats {
            return Err(Refusal::RoomFull(listed.entry.id.clone()));
        }
        let number = listed.entry.number;
        Ok(self.reserve(rooms, number))
    }

    /// The room of this id, for one who wants to watch it.
    pub(super) fn watch(&self, id: &str, password: &str) -> Result<Arc<RoomEntry>, Refusal> {
        Ok(self.lock().let_in(id, password)?.entry.clone())
    }

    /// The room of this id.
    pub(super) fn find(&self, id: &str) -> Option<Arc<RoomEntry>> {
        let rooms = self.lock();
        Some(rooms.by_number.get(rooms.by_id.get(id)?)?.entry.clone())
    }

    /// Reserves a seat of the oldest open room of this game, whatever its options.
    pub(super) fn reserve_any(self: &Arc<Self>, game: &'static str) -> Result<Reservation, Refusal> {
        let rooms = self.lock();
        if rooms.is_refusing {
            return Err(Refusal::Stopping);
        }
        let of_game = rooms.open.range((game, String::new())..).take_while(|((of, _), _)| *of == game);
        let oldest = of_game.filter_map(|(_, numbers)| numbers.first()).min().copied();
        let number = oldest.ok_or_else(|| Refusal::NoSuchRoom(game.to_owned()))?;
        Ok(self.reserve(rooms, number))
    }

    /// Reserves a seat of the oldest open room of this game that was made with these options.
    pub(super) fn reserve_alike(self: &Arc<Self>, game: &'static str, options: &str) -> Option<Reservation> {
        let rooms = self.lock();
        if rooms.is_refusing {
            return None;
        }
        let number = *rooms.open.get(&(game, options.to_owned()))?.first()?;
        Some(self.reserve(rooms, number))
    }

    fn reserve(self: &Arc<Self>, mut rooms: MutexGuard<'_, Rooms>, number: u64) -> Reservation {
        let listed = &rooms.by_number[&number];
        let (entry, players) = (listed.entry.clone(), listed.players);
        rooms.set_players(number, players + 1);
        Reservation { directory: self.clone(), entry }
    }

    /// Takes a room off the list, unless someone is in it or on the way in.
    pub(super) fn remove_if_empty(&self, number: u64) -> bool {
        let mut rooms = self.lock();
        let is_empty = rooms.by_number.get(&number).is_none_or(|listed| listed.players == 0);
        if is_empty {
            rooms.remove(number);
        }
        is_empty
    }

    /// Takes a room off the list; whoever is on the way in will find it gone.
    pub(super) fn remove(&self, number: u64) {
        self.lock().remove(number);
    }

    /// Locks or unlocks a room.
    pub(super) fn set_locked(&self, number: u64, is_locked: bool) {
        let mut rooms = self.lock();
        let Some(listed) = rooms.by_number.get_mut(&number) else { return };
        listed.is_locked = is_locked;
        let players = listed.players;
        rooms.set_players(number, players);
    }

    /// Grants no seat from now on.
    pub(super) fn refuse(&self) {
        self.lock().is_refusing = true;
    }

    /// A page of rooms and how many there are in all.
    pub(super) fn list(&self, filter: &RoomFilter, skip: usize) -> (Vec<RoomInfo>, usize) {
        let rooms = self.lock();
        let is_shown = |room: &&Listed| !room.entry.is_private && room.entry.is_shown_by(filter);
        let listed = || rooms.by_number.values().filter(is_shown);
        let page = listed().skip(skip).take(ROOMS_PER_LISTING_MAX).map(Listed::info).collect();
        (page, listed().count())
    }

    /// The same of all rooms, for those who run the server.
    pub(super) fn survey(&self, filter: &RoomFilter, skip: usize) -> (Vec<RoomSurvey>, usize) {
        let rooms = self.lock();
        let is_asked = |room: &&Listed| room.entry.is_shown_by(filter);
        let asked = || rooms.by_number.values().filter(is_asked);
        let page = asked().skip(skip).take(ROOMS_PER_LISTING_MAX).map(Listed::survey).collect();
        (page, asked().count())
    }

    fn lock(&self) -> MutexGuard<'_, Rooms> {
        // Nothing under the lock can leave it half done.
        self.rooms.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Listed {
    fn info(&self) -> RoomInfo {
        let entry = &self.entry;
        RoomInfo {
            room: entry.id.clone(),
            game: entry.game.to_owned(),
            players: self.players,
            bots: entry.bots.load(Ordering::Relaxed),
            seats: entry.seats,
            tick_hz: entry.tick_hz,
            metadata: entry.metadata_json.clone(),
            spectators: entry.spectators.load(Ordering::Relaxed),
            has_password: !entry.password.is_empty(),
            is_locked: self.is_locked,
        }
    }

    fn survey(&self) -> RoomSurvey {
        let entry = &self.entry;
        RoomSurvey { info: self.info(), is_private: entry.is_private, thread: entry.thread }
    }
}

impl RoomEntry {
    fn is_shown_by(&self, filter: &RoomFilter) -> bool {
        filter.shows(self.game, &self.metadata)
    }

    /// Gives the room up, whose match does not come back: ends its connections, and takes out of the
    /// metrics what is counted in its name.
    pub(super) fn give_up(&self, metrics: &Metrics) {
        let RollCensus { players, away } = self.roll.close(CloseCode::RoomHung);
        let metrics = metrics.rooms.of_game(self.game);
        metrics.rooms.dec();
        metrics.players.dec_by(players);
        metrics.away.dec_by(away);
        metrics.bots.dec_by(i64::from(self.bots.load(Ordering::Relaxed)));
        self.is_given_up.send_replace(true);
    }

    /// Waits until the room is given up. Whoever waits for its answer waits for this, too.
    pub(super) async fn given_up(&self) {
        // It cannot fail: the sender is this entry's.
        let _ = self.is_given_up.subscribe().wait_for(|is_given_up| *is_given_up).await;
    }

    /// Whether anyone who asks for any room may be sent to this one.
    fn is_open_to_all(&self) -> bool {
        !self.is_private && self.password.is_empty()
    }

    /// Compares all of a password, so that the time it takes tells nothing of where it differs.
    fn is_password(&self, said: &str) -> bool {
        let differs = |(ours, theirs): (u8, u8)| ours ^ theirs;
        self.password.is_empty()
            || (self.password.len() == said.len()
                && self.password.bytes().zip(said.bytes()).map(differs).fold(0, |all, one| all | one) == 0)
    }
}

impl Rooms {
    /// The room of this id, if it lets one in who says this password.
    fn let_in(&self, id: &str, password: &str) -> Result<&Listed, Refusal> {
        let id = room_code::parse(id)?;
        let listed = self.by_id.get(&id).and_then(|number| self.by_number.get(number));
        let listed = listed.ok_or(Refusal::NoSuchRoom(id))?;
        if self.is_refusing {
            return Err(Refusal::Stopping);
        }
        if listed.is_locked {
            return Err(Refusal::RoomLocked(listed.entry.id.clone()));
        }
        if !listed.entry.is_password(password) {
            return Err(Refusal::WrongPassword(listed.entry.id.clone()));
        }
        Ok(listed)
    }

    fn set_players(&mut self, number: u64, players: u16) {
        let Some(listed) = self.by_number.get_mut(&number) else { return };
        listed.players = players;
        let entry = &listed.entry;
        let open = self.open.entry((entry.game, entry.options.clone())).or_default();
        if players < entry.seats && !listed.is_locked && entry.is_open_to_all() {
            open.insert(number);
        } else {
            open.remove(&number);
        }
        if open.is_empty() {
            self.open.remove(&(entry.game, entry.options.clone()));
        }
    }

    fn remove(&mut self, number: u64) {
        let Some(Listed { entry, .. }) = self.by_number.remove(&number) else { return };
        self.by_id.remove(&entry.id);
        let key = (entry.game, entry.options.clone());
        if let Some(open) = self.open.get_mut(&key) {
            open.remove(&number);
            if open.is_empty() {
                self.open.remove(&key);
            }
        }
    }

    /// An id that no room has.
    fn free_id(&mut self) -> String {
        loop {
            let id = room_code::random(&mut self.ids);
            if !self.by_id.contains_key(&id) {
                return id;
            }
        }
    }
}

/// A seat that is spoken for; given back when dropped.
pub(super) struct Reservation {
    directory: Arc<Directory>,
    entry: Arc<RoomEntry>,
}

impl Reservation {
    pub(super) fn entry(&self) -> Arc<RoomEntry> {
        self.entry.clone()
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        let mut rooms = self.directory.lock();
        if let Some(listed) = rooms.by_number.get(&self.entry.number) {
            let players = listed.players - 1;
            rooms.set_players(self.entry.number, players);
        }
    }
}
