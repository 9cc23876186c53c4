//! A look at the server when all bots have gone: does it know that they have?

use std::collections::BTreeSet;
use std::time::Duration;

use fracas_client::{Client, ClientError, RoomWanted, ServerUrl};
use fracas_shared::message::{Joined, RosterEntry};

/// What the server's log calls the auditor.
const PROGRAM: &str = concat!("fracas-bots-audit/", env!("CARGO_PKG_VERSION"));
const NAME: &str = "auditor";
/// Rooms that are looked into.
const ROOMS_MAX: usize = 256;
/// How long a server may take to notice the last connection's end, and how often it is asked.
const LOOKS: u32 = 10;
const LOOK_INTERVAL: Duration = Duration::from_millis(200);
/// How long one look may take.
const LOOK_TIME_MAX: Duration = Duration::from_secs(5);

/// Whose bots these were.
pub(crate) struct Audit<'a> {
    pub(crate) url: &'a ServerUrl,
    pub(crate) name_prefix: &'a str,
    /// Their numbers are below this.
    pub(crate) sessions: usize,
    /// Where they were.
    pub(crate) rooms: &'a BTreeSet<String>,
}

/// Seats that are still taken by bots that have gone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Leaks {
    pub(crate) seats: u64,
    /// One of them, in a sentence.
    pub(crate) first: String,
}

impl Audit<'_> {
    /// Looks until there are none, or they stay. A server that cannot be asked has none that are known.
    pub(crate) async fn leaks(&self) -> Leaks {
        let mut leaks = Leaks::default();
        for _ in 0..LOOKS {
            match tokio::time::timeout(LOOK_TIME_MAX, self.look()).await {
                Ok(Ok(found)) => leaks = found,
                _ => return Leaks::default(),
            }
            if leaks.seats == 0 {
                break;
            }
            tokio::time::sleep(LOOK_INTERVAL).await;
        }
        leaks
    }

    async fn look(&self) -> Result<Leaks, ClientError> {
        let mut client = Client::connect_to(self.url, NAME, PROGRAM).await?;
        client.set_reconnect(None);
        let mut leaks = Leaks::default();
        for room in self.taken(&mut client).await? {
            let wanted = RoomWanted::Spectate { room: room.clone(), password: String::new() };
            match client.join_any(wanted).await {
                Ok(joined) => self.count(&joined, &mut leaks),
                // It has ended meanwhile, or is not for strangers.
                Err(ClientError::Refused(_)) => continue,
                Err(error) => return Err(error),
            }
            client.leave().await?;
        }
        client.close().await;
        Ok(leaks)
    }

    /// The rooms of the bots in which somebody still has a seat.
    async fn taken(&self, client: &mut Client) -> Result<Vec<String>, ClientError> {
        let mut taken = Vec::new();
        let mut passed = 0;
        loop {
            let (rooms, total) = client.list(None, passed).await?;
            if rooms.is_empty() {
                return Ok(taken);
            }
            passed += rooms.len() as u32;
            let is_ours = |room: &String| self.rooms.contains(room);
            taken.extend(
                rooms.into_iter().filter(|room| room.players > 0).map(|room| room.room).filter(is_ours),
            );
            taken.truncate(ROOMS_MAX);
            if passed >= total {
                return Ok(taken);
            }
        }
    }

    fn count(&self, joined: &Joined, leaks: &mut Leaks) {
        for entry in joined.roster.iter().filter(|entry| self.is_left_behind(entry)) {
            leaks.seats += 1;
            if leaks.first.is_empty() {
                let (seat, room, name) = (entry.player, &joined.room, &entry.name);
                leaks.first = format!("seat {seat} of room {room} is still {name}'s, who has left");
            }
        }
    }

    /// A seat whose player is said to be here, and is one of the bots. Who was cut off is away for a while.
    fn is_left_behind(&self, entry: &RosterEntry) -> bool {
        let number =
            entry.name.strip_prefix(self.name_prefix).and_then(|number| number.parse::<usize>().ok());
        !entry.is_bot && !entry.is_away && number.is_some_and(|number| number < self.sessions)
    }
}
