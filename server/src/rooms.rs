//! Hosting rooms: who may go where, and the threads on which matches tick.
//!
//! A room lives on one simulation thread from its opening to its end. Requests reach it through its
//! inbox, a bounded channel that it drains once per tick; it reaches its viewers through the
//! [`Port`]s that they came with. Nothing here names a socket.

mod bans;
mod catalog;
mod directory;
mod falls;
mod guard;
mod guests;
mod hosted_room;
mod inbox;
mod lane;
mod losses;
mod matching;
mod opening;
mod pacer;
mod recovery;
mod replay;
mod roll;
mod room_code;
mod room_entry;
mod sim_thread;
mod tickets;
mod urgency;
mod watchdog;

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use fracas_shared::limits::TICKET_TIME_MAX_S;
use fracas_shared::message::{RoomWanted, RosterEntry};
use fracas_shared::{GameList, LineProfile, PlayerId, Profile, Refusal, Removal, Rng};
use fracas_sim::{InputCounts, OptionsPatch, Port, SeatToken};
use futures_util::future::join_all;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::sync::oneshot;
use tokio::time::sleep;
use tracing::{error, info, warn};

pub use catalog::CatalogError;
pub use inbox::{Identity, LineSetter, RoomLink};
pub use replay::{ReplayOptions, replay};
pub use room_entry::RoomSurvey;

use crate::address_limits::{AddressHold, AddressLimits, Holding};
use crate::config::Config;
use crate::journal::Journal;
use crate::metrics::Metrics;
use crate::net::http::SeatReservation;
use crate::room_filter::RoomFilter;
use crate::shutdown::Shutdown;
use catalog::{Catalog, Opened};
use directory::{Directory, Reservation, RoomPlace};
use falls::Falls;
use guard::guarded;
use hosted_room::HostedRoom;
use inbox::{Entrance, RoomRequest, ViewerId, inbox};
use losses::Losses;
use matching::Matching;
use opening::{OpeningError, Openings};
use room_entry::{Description, RoomEntry};
use sim_thread::SimThreads;
use tickets::Tickets;

/// All rooms of a server. Clones are handles to the same rooms.
#[derive(Clone)]
pub struct Rooms(Arc<Shared>);

struct Shared {
    catalog: Catalog,
    directory: Arc<Directory>,
    threads: SimThreads,
    tickets: Tickets,
    addresses: AddressLimits,
    metrics: Metrics,
    seeds: Mutex<Rng>,
    matching: Matching,
    openings: Openings,
    losses: Losses,
    /// Whether rooms are written into a journal.
    has_journal: bool,
}

/// Who wants to enter a room.
pub struct Applicant {
    /// The player's name, checked.
    pub name: Arc<str>,
    /// What the join hook vouches for: a JSON object, or nothing.
    pub claims: Arc<str>,
    /// By what a room that bans the player knows them again.
    pub identity: Identity,
    /// Where the client is.
    pub address: IpAddr,
    /// The hash of the schema that the client has; 0 for none.
    pub schema_hash: u32,
    /// The way to the client.
    pub port: Box<dyn Port>,
    /// What makes the client's line another one.
    pub set_line: LineSetter,
}

/// Why what was asked of a room was not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotDone {
    /// No room of this id.
    NoSuchRoom,
    /// No player in this seat.
    NoSuchPlayer,
}

impl Rooms {
    /// Starts the simulation threads and opens the permanent rooms.
    ///
    /// # Errors
    /// A game's configuration that the game refuses.
    pub async fn start<G: GameList>(
        config: &Config,
        addresses: AddressLimits,
        metrics: &Metrics,
        shutdown: &Shutdown,
        journal: Option<&Journal>,
    ) -> Result<Self, CatalogError> {
        let catalog = Catalog::new::<G>(config)?;
        let directory = Arc::new(Directory::new(config.rooms_max));
        let (fallen, falling) = unbounded_channel();
        let losses = Losses::new(metrics.clone(), shutdown.clone());
        let threads = SimThreads::start(config, &directory, metrics, &fallen, losses.clone(), journal);
        let opening_max = Duration::from_millis(u64::from(config.step_time_max_ms));
        let seed = config.seed.unwrap_or_else(random_seed);
        let rooms = Self(Arc::new(Shared {
            catalog,
            directory,
            threads,
            tickets: Tickets::default(),
            addresses,
            metrics: metrics.clone(),
            seeds: Mutex::new(Rng::new(seed, 2)),
            matching: Matching::default(),
            openings: Openings::new(opening_max, losses.clone()),
            losses,
            has_journal: journal.is_some(),
        }));
        let recovered = match journal {
            Some(journal) => rooms.recover_all(journal).await,
            None => BTreeSet::new(),
        };
        for game in rooms.0.catalog.permanent().filter(|game| !recovered.contains(game)) {
            let opened = rooms.open(game, OptionsPatch::default(), None).await;
            // Nobody wants the first seat yet.
            drop(opened.map_err(|refusal| CatalogError::Permanent { game, refusal })?);
        }
        tokio::spawn(rooms.clone().open_again(falling));
        Ok(rooms)
    }

    /// Opens permanent rooms anew whose rules failed, after pauses that grow, so often and no more.
    async fn open_again(self, mut fallen: UnboundedReceiver<&'static str>) {
        let mut falls = Falls::default();
        while let Some(game) = fallen.recv().await {
            let Some(pause) = falls.count(game) else {
                error!(game, "the game's permanent room failed again and again and is not opened any more");
                continue;
            };
            tokio::spawn(self.clone().open_once_more(game, pause));
        }
    }

    /// Opens a permanent room after a pause; when there is no place for it, after another one.
    async fn open_once_more(self, game: &'static str, pause: Duration) {
        let mut waits = false;
        loop {
            sleep(pause).await;
            match self.open(game, OptionsPatch::default(), None).await.map(drop) {
                Err(Refusal::TooManyRooms) if !waits => {
                    waits = true;
                    warn!(game, "the game's permanent room waits for a place to be opened again");
                }
                Err(Refusal::TooManyRooms) => {}
                Err(refusal) => {
                    return error!(game, %refusal, "the game's permanent room cannot be opened again");
                }
                Ok(()) => return,
            }
        }
    }

    /// Lets the applicant into a room that is as wanted, perhaps a new one.
    pub async fn enter(&self, wanted: RoomWanted, applicant: Applicant) -> Result<RoomLink, Refusal> {
        let Applicant { name, claims, identity, address, schema_hash, port, set_line } = applicant;
        let profile = Profile { name, is_bot: false, claims };
        let (entry, entrance) = self.entrance(wanted, profile, address).await?;
        // Who resumes had a seat here, whatever has become of the room.
        let is_resume = matches!(entrance, Entrance::Resume { .. });
        let gone = || if is_resume { Refusal::SeatLost } else { Refusal::NoSuchRoom(entry.id.clone()) };
        let viewer = ViewerId::next();
        let (answer, answered) = oneshot::channel();
        let request = RoomRequest::Enter { viewer, entrance, identity, schema_hash, port, set_line, answer };
        let entering = async {
            entry.inbox.send(request).await.map_err(|_| gone())?;
            // A room without viewers does not tick, so it does not look into its inbox by itself.
            self.0.threads.wake(&entry);
            answered.await.map_err(|_| gone())?
        };
        tokio::select! {
            answer = entering => answer?,
            () = entry.given_up() => return Err(gone()),
        }
        Ok(RoomLink::new(viewer, entry, self.0.metrics.clone()))
    }

    /// The room that is as wanted, and what one comes there for.
    async fn entrance(
        &self,
        wanted: RoomWanted,
        profile: Profile,
        address: IpAddr,
    ) -> Result<(Arc<RoomEntry>, Entrance), Refusal> {
        match wanted {
            RoomWanted::Spectate { room, password } => {
                Ok((self.0.directory.watch(&room, &password)?, Entrance::Watch))
            }
            RoomWanted::Resume { token, received, attempt } => {
                let (room, token) = token.rsplit_once('-').ok_or(Refusal::SeatLost)?;
                let token = token.parse().map_err(|_| Refusal::SeatLost)?;
                let entry = self.0.directory.find(room).ok_or(Refusal::SeatLost)?;
                Ok((entry, Entrance::Resume { token, received, attempt }))
            }
            wanted => {
                let hold = self.0.addresses.hold(address, Holding::Seat)?;
                let reservation = self.reserve(wanted, address).await?;
                let token = SeatToken(random_secret()?);
                Ok((reservation.entry(), Entrance::Seat { profile, token, reservation, hold }))
            }
        }
    }

    /// Reserves a seat in a room that is as wanted.
    async fn reserve(&self, wanted: RoomWanted, address: IpAddr) -> Result<Reservation, Refusal> {
        let directory = &self.0.directory;
        match wanted {
            RoomWanted::ById { room, password } => directory.reserve_by_id(&room, &password),
            RoomWanted::Reserved { ticket } => self.0.tickets.redeem(&ticket),
            RoomWanted::Join { game } => directory.reserve_any(self.0.catalog.id_of(&game)?),
            RoomWanted::JoinOrCreate { game, options } => {
                let patch = patch_of(&options)?;
                let game = self.0.catalog.id_of(&game)?;
                let alike = options_key(&patch);
                let _turn = self.0.matching.turn(game, alike.clone()).await;
                match directory.reserve_alike(game, &alike) {
                    Some(reservation) => Ok(reservation),
                    None => self.open(game, patch, Some(address)).await,
                }
            }
            RoomWanted::Create { game, options } => {
                self.open(self.0.catalog.id_of(&game)?, patch_of(&options)?, Some(address)).await
            }
            // Neither is a new seat.
            RoomWanted::Spectate { .. } | RoomWanted::Resume { .. } => Err(Refusal::BadTicket),
        }
    }

    /// Removes a player from a room.
    ///
    /// # Errors
    /// There is no such room, or nobody sits there.
    pub async fn remove(&self, room: &str, player: PlayerId, removal: Removal) -> Result<(), NotDone> {
        done(self.ask(room, |answer| RoomRequest::Remove { player, removal, answer }).await?)
    }

    /// Tells something to a player of a room, or to everyone in it.
    ///
    /// # Errors
    /// There is no such room, or nobody sits there.
    pub async fn notify(&self, room: &str, player: Option<PlayerId>, text: String) -> Result<(), NotDone> {
        done(self.ask(room, |answer| RoomRequest::Notify { player, text, answer }).await?)
    }

    /// Who sits in a room, by seat, and what became of their inputs; none of a bot's.
    ///
    /// # Errors
    /// There is no such room.
    pub async fn players(&self, room: &str) -> Result<Vec<(RosterEntry, Option<InputCounts>)>, NotDone> {
        self.ask(room, |answer| RoomRequest::ListPlayers { answer }).await
    }

    /// Makes the line of a player of a room another one, or those of everyone who is in it; also for
    /// when a player who is away comes back. Gives how many that are.
    ///
    /// # Errors
    /// There is no such room, or nobody sits there.
    pub async fn set_line(
        &self,
        room: &str,
        player: Option<PlayerId>,
        line: LineProfile,
    ) -> Result<usize, NotDone> {
        match self.ask(room, |answer| RoomRequest::SetLine { player, line, answer }).await? {
            0 if player.is_some() => Err(NotDone::NoSuchPlayer),
            reached => Ok(reached),
        }
    }

    /// Asks a room for an answer.
    async fn ask<T>(
        &self,
        room: &str,
        request: impl FnOnce(oneshot::Sender<T>) -> RoomRequest,
    ) -> Result<T, NotDone> {
        let entry = self.0.directory.find(room).ok_or(NotDone::NoSuchRoom)?;
        let (answer, answered) = oneshot::channel();
        let asking = async {
            entry.inbox.send(request(answer)).await.ok()?;
            self.0.threads.wake(&entry);
            answered.await.ok()
        };
        let answer = tokio::select! {
            answer = asking => answer,
            () = entry.given_up() => None,
        };
        answer.ok_or(NotDone::NoSuchRoom)
    }

    /// Locks a room, which then takes nobody but players who come back, or unlocks it. False when there is no
    /// such room.
    pub fn set_locked(&self, room: &str, is_locked: bool) -> bool {
        let entry = self.0.directory.find(room);
        if let Some(entry) = &entry {
            self.0.directory.set_locked(entry.number, is_locked);
        }
        entry.is_some()
    }

    /// Opens a room for who asks from this address, or a permanent one, and reserves its first seat.
    async fn open(
        &self,
        game: &'static str,
        patch: OptionsPatch,
        creator: Option<IpAddr>,
    ) -> Result<Reservation, Refusal> {
        let hold = creator.map(|address| self.0.addresses.hold(address, Holding::Room)).transpose()?;
        let place = self.0.directory.claim_place()?;
        let seed = {
            let mut seeds = self.0.seeds.lock().unwrap_or_else(PoisonError::into_inner);
            u64::from(seeds.bits()) << 32 | u64::from(seeds.bits())
        };
        let rooms = self.clone();
        let making = self.0.openings.make(move || {
            // Also when nobody waits any more: the match ends on a thread that is watched.
            let opened = guarded(|| rooms.0.catalog.open(game, &patch, seed));
            opened.map(|opened| opened.map(|opened| rooms.host(game, opened, patch, place, hold)))
        });
        match making.await {
            Ok(Ok(reservation)) => reservation,
            Ok(Err(said)) => {
                self.0.metrics.rooms.failures.inc();
                error!(game, said, "the game's rules panicked at the opening of a room");
                Err(Refusal::BadOption("config: the game's rules failed with it".to_owned()))
            }
            Err(OpeningError::Hung) => {
                error!(game, "the game's rules do not come back from the opening of a room");
                Err(Refusal::BadOption("config: the game's rules do not come back with it".to_owned()))
            }
            Err(OpeningError::NoThread(error)) => {
                error!(game, %error, "there is no thread to open a room on");
                Err(Refusal::Busy)
            }
        }
    }

    /// Puts a match that was opened onto a simulation thread.
    fn host(
        &self,
        game: &'static str,
        opened: Opened,
        patch: OptionsPatch,
        place: RoomPlace,
        creator: Option<AddressHold>,
    ) -> Reservation {
        let (inbox, requests) = inbox();
        let description = Description {
            game,
            options: options_key(&patch),
            seats: opened.seats,
            tick_hz: opened.tick_hz,
            linger_s: opened.linger_s,
            metadata: patch.metadata,
            password: patch.password,
            is_private: patch.private,
            is_locked: patch.locked,
            thread: self.0.threads.least_loaded(),
        };
        let (entry, reservation) = self.0.directory.add(place, description, inbox);
        info!(room = entry.id, game, seats = entry.seats, tick_hz = entry.tick_hz, "room opened");
        let mut room = HostedRoom::new(entry, opened.game, requests, creator, &self.0.metrics);
        if self.0.has_journal {
            room = room.logged(random_seed());
        }
        self.0.threads.add(room);
        reservation
    }

    /// Keeps a seat for whoever comes with the ticket, for [`TICKET_TIME_MAX_S`], and `hold` with it.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub async fn reserve_for_later(
        &self,
        wanted: RoomWanted,
        address: IpAddr,
        hold: AddressHold,
    ) -> Result<SeatReservation, Refusal> {
        let reservation = self.reserve(wanted, address).await?;
        let entry = reservation.entry();
        let ticket = self.0.tickets.issue(reservation, hold)?;
        let (rooms, expiring) = (self.clone(), ticket.clone());
        tokio::spawn(async move {
            sleep(Duration::from_secs(TICKET_TIME_MAX_S)).await;
            rooms.0.tickets.expire(&expiring);
        });
        Ok(SeatReservation { room: entry.id.clone(), game: entry.game, ticket })
    }

    /// A page of rooms, the oldest first, and how many there are in all.
    pub fn list(&self, filter: &RoomFilter, skip: usize) -> (Vec<fracas_shared::message::RoomInfo>, usize) {
        self.0.directory.list(filter, skip)
    }

    /// The same of all rooms, private ones too: for those who run the server.
    pub fn survey(&self, filter: &RoomFilter, skip: usize) -> (Vec<RoomSurvey>, usize) {
        self.0.directory.survey(filter, skip)
    }

    /// The ids of the hosted games.
    pub fn games(&self) -> Vec<String> {
        self.0.catalog.games().map(str::to_owned).collect()
    }

    /// Refuses new seats from now on, with this.
    pub fn refuse(&self, refusal: Refusal) {
        self.0.directory.refuse(refusal);
    }

    /// In how many rooms seats are taken by players, or kept for some, and how many seats that are.
    pub fn seated(&self) -> (usize, usize) {
        self.0.directory.seated()
    }

    /// Tells something to everyone in the rooms in which there are such seats.
    pub async fn notify_all(&self, text: &str) {
        let told = self.0.directory.played().into_iter().map(async |room| {
            // One that has ended meanwhile has nobody to tell.
            let _ = self.notify(&room, None, text.to_owned()).await;
        });
        join_all(told).await;
    }

    /// Whether so many threads are lost to rules that do not come back that the process is
    /// to be started anew.
    pub fn is_beyond_repair(&self) -> bool {
        self.0.losses.are_beyond_repair()
    }

    /// Ends all rooms and waits for their threads.
    pub fn stop(&self) {
        self.0.threads.stop();
    }
}

/// What a room's answer comes to that says whether there was such a player.
fn done(is_done: bool) -> Result<(), NotDone> {
    if is_done { Ok(()) } else { Err(NotDone::NoSuchPlayer) }
}

fn patch_of(options: &str) -> Result<OptionsPatch, Refusal> {
    OptionsPatch::from_json(options).map_err(|error| Refusal::BadOption(error.to_string()))
}

/// What tells rooms made with different options apart.
fn options_key(patch: &OptionsPatch) -> String {
    serde_json::to_string(patch).unwrap_or_default()
}

/// What nobody can guess.
fn random_secret() -> Result<u128, Refusal> {
    let mut secret = [0; 16];
    // Without randomness a secret could be guessed: better none.
    getrandom::fill(&mut secret).map_err(|_| Refusal::Busy)?;
    Ok(u128::from_le_bytes(secret))
}

/// A seed from the operating system.
///
/// # Panics
/// When the system has no randomness to give, which no system that runs has come to.
pub(crate) fn random_seed() -> u64 {
    getrandom::u64().expect("the operating system gives random numbers")
}
