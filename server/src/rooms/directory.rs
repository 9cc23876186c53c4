//! Which rooms there are, and how many of their seats are spoken for.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use fracas_shared::limits::ROOMS_PER_LISTING_MAX;
use fracas_shared::message::RoomInfo;
use fracas_shared::{Refusal, Rng};
use tokio::sync::mpsc;

use super::inbox::RoomRequest;
use super::room_code;
use super::room_entry::{Description, RoomEntry, RoomSurvey};
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
    /// Places of rooms that are being opened.
    places_claimed: usize,
    next_number: u64,
    ids: Rng,
    /// With what every new seat is refused; none while seats are granted.
    refusal: Option<Refusal>,
}

struct Listed {
    entry: Arc<RoomEntry>,
    /// Players seated or on the way in.
    players: u16,
}

impl Directory {
    pub(super) fn new(rooms_max: usize) -> Self {
        let rooms = Rooms {
            by_number: BTreeMap::new(),
            by_id: HashMap::new(),
            open: BTreeMap::new(),
            places_claimed: 0,
            next_number: 0,
            ids: Rng::new(super::random_seed(), 3),
            refusal: None,
        };
        Self { rooms_max, rooms: Mutex::new(rooms) }
    }

    /// Keeps a place for a room that is about to be opened.
    pub(super) fn claim_place(self: &Arc<Self>) -> Result<RoomPlace, Refusal> {
        let mut rooms = self.lock();
        rooms.grants_seats()?;
        if rooms.by_number.len() + rooms.places_claimed >= self.rooms_max {
            return Err(Refusal::TooManyRooms);
        }
        rooms.places_claimed += 1;
        Ok(RoomPlace(self.clone()))
    }

    /// Adds a room in the place that was kept for it, and reserves its first seat.
    pub(super) fn add(
        self: &Arc<Self>,
        place: RoomPlace,
        description: Description,
        inbox: mpsc::Sender<RoomRequest>,
    ) -> (Arc<RoomEntry>, Reservation) {
        let mut rooms = self.lock();
        let id = rooms.free_id();
        let entry = rooms.add(description, id, inbox, 1);
        // Only now: nobody else is to have it in between.
        drop(rooms);
        drop(place);
        (entry.clone(), Reservation { directory: self.clone(), entry })
    }

    /// Adds a room that another process had, by its id there, and reserves so many seats.
    pub(super) fn add_again(
        self: &Arc<Self>,
        place: RoomPlace,
        description: Description,
        inbox: mpsc::Sender<RoomRequest>,
        id: &str,
        players: u16,
    ) -> (Arc<RoomEntry>, Vec<Reservation>) {
        let mut rooms = self.lock();
        let id = if rooms.by_id.contains_key(id) { rooms.free_id() } else { id.to_owned() };
        let entry = rooms.add(description, id, inbox, players);
        drop(rooms);
        drop(place);
        let reservation = || Reservation { directory: self.clone(), entry: entry.clone() };
        let reservations = (0..players).map(|_| reservation()).collect();
        (entry, reservations)
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
        rooms.grants_seats()?;
        let of_game = rooms.open.range((game, String::new())..).take_while(|((of, _), _)| *of == game);
        let oldest = of_game.filter_map(|(_, numbers)| numbers.first()).min().copied();
        let number = oldest.ok_or_else(|| Refusal::NoSuchRoom(game.to_owned()))?;
        Ok(self.reserve(rooms, number))
    }

    /// Reserves a seat of the oldest open room of this game that was made with these options.
    pub(super) fn reserve_alike(self: &Arc<Self>, game: &'static str, options: &str) -> Option<Reservation> {
        let rooms = self.lock();
        rooms.grants_seats().ok()?;
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
        listed.entry.is_locked.store(is_locked, Ordering::Relaxed);
        let players = listed.players;
        rooms.set_players(number, players);
    }

    /// Grants no seat from now on: all are refused with this. A server that is stopping says so for good.
    pub(super) fn refuse(&self, refusal: Refusal) {
        let mut rooms = self.lock();
        if rooms.refusal != Some(Refusal::Stopping) {
            rooms.refusal = Some(refusal);
        }
    }

    /// In how many rooms a seat is spoken for, and how many seats that are.
    pub(super) fn seated(&self) -> (usize, usize) {
        self.lock()
            .played()
            .fold((0, 0), |(rooms, players), listed| (rooms + 1, players + usize::from(listed.players)))
    }

    /// The ids of the rooms in which a seat is spoken for.
    pub(super) fn played(&self) -> Vec<String> {
        self.lock().played().map(|listed| listed.entry.id.clone()).collect()
    }

    /// A page of rooms and how many there are in all.
    pub(super) fn list(&self, filter: &RoomFilter, skip: usize) -> (Vec<RoomInfo>, usize) {
        let rooms = self.lock();
        let is_shown = |room: &&Listed| !room.entry.is_private && room.entry.is_shown_by(filter);
        let listed = || rooms.by_number.values().filter(is_shown);
        let page = listed()
            .skip(skip)
            .take(ROOMS_PER_LISTING_MAX)
            .map(|room| room.entry.info(room.players))
            .collect();
        (page, listed().count())
    }

    /// The same of all rooms, for those who run the server.
    pub(super) fn survey(&self, filter: &RoomFilter, skip: usize) -> (Vec<RoomSurvey>, usize) {
        let rooms = self.lock();
        let is_asked = |room: &&Listed| room.entry.is_shown_by(filter);
        let asked = || rooms.by_number.values().filter(is_asked);
        let page = asked()
            .skip(skip)
            .take(ROOMS_PER_LISTING_MAX)
            .map(|room| room.entry.survey(room.players))
            .collect();
        (page, asked().count())
    }

    fn lock(&self) -> MutexGuard<'_, Rooms> {
        // Nothing under the lock can leave it half done.
        self.rooms.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Rooms {
    /// Lists a room, so many of whose seats are spoken for.
    fn add(
        &mut self,
        description: Description,
        id: String,
        inbox: mpsc::Sender<RoomRequest>,
        players: u16,
    ) -> Arc<RoomEntry> {
        let entry = Arc::new(RoomEntry::new(self.next_number, id, description, inbox));
        self.next_number += 1;
        self.by_id.insert(entry.id.clone(), entry.number);
        self.by_number.insert(entry.number, Listed { entry: entry.clone(), players: 0 });
        self.set_players(entry.number, players);
        entry
    }

    /// The rooms in which a seat is spoken for.
    fn played(&self) -> impl Iterator<Item = &Listed> {
        self.by_number.values().filter(|listed| listed.players > 0)
    }

    /// An error while every new seat is refused.
    fn grants_seats(&self) -> Result<(), Refusal> {
        self.refusal.clone().map_or(Ok(()), Err)
    }

    /// The room of this id, if it lets one in who says this password.
    fn let_in(&self, id: &str, password: &str) -> Result<&Listed, Refusal> {
        let id = room_code::parse(id)?;
        let listed = self.by_id.get(&id).and_then(|number| self.by_number.get(number));
        let listed = listed.ok_or(Refusal::NoSuchRoom(id))?;
        self.grants_seats()?;
        if listed.entry.is_locked.load(Ordering::Relaxed) {
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
        if players < entry.seats && !entry.is_locked.load(Ordering::Relaxed) && entry.is_open_to_all() {
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

/// A place for a room among those of the server; given back when dropped.
pub(super) struct RoomPlace(Arc<Directory>);

impl Drop for RoomPlace {
    fn drop(&mut self) {
        self.0.lock().places_claimed -= 1;
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
