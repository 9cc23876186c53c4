//! A player: a client that keeps acting, and what it has seen.

use std::net::SocketAddr;
use std::sync::Arc;

use fracas_client::{Client, ClientError, Event, Replica, RoomWanted, Update};
use fracas_shared::message::RosterEntry;
use fracas_shared::snapshot::Snapshot;
use fracas_shared::{Game, PlayerId, Refusal, Tick};
use tokio::time::timeout;

use crate::server::{PATIENCE, Server};

pub(crate) struct Player<G: Game> {
    pub(crate) client: Client,
    replica: Option<Replica<G>>,
    /// What it does about each frame.
    pub(crate) acts: fn(&Replica<G>) -> G::Input,
    /// Frames of the room it is in.
    pub(crate) frames: u32,
    /// What else it was told.
    pub(crate) told: Vec<Event>,
}

impl<G: Game> Player<G> {
    pub(crate) async fn connect(server: &Server, name: &str) -> Self {
        Self::connect_by(server.public, name).await
    }

    /// One who connects to this address.
    pub(crate) async fn connect_by(address: SocketAddr, name: &str) -> Self {
        let mut client = Client::connect(&address.to_string(), name).await.unwrap();
        client.set_reconnect(None);
        Self::of(client)
    }

    /// One who plays by this connection.
    pub(crate) fn of(client: Client) -> Self {
        Self { client, replica: None, acts: |_| G::Input::default(), frames: 0, told: Vec::new() }
    }

    /// One who has a seat.
    pub(crate) async fn join(server: &Server, name: &str, room: RoomWanted) -> Self {
        let mut player = Self::connect(server, name).await;
        player.enter(room).await.unwrap();
        player
    }

    pub(crate) async fn enter(&mut self, room: RoomWanted) -> Result<(), Refusal> {
        match timeout(PATIENCE, self.client.join::<G>(room)).await.expect("no answer to a join") {
            Ok(replica) => {
                self.replica = Some(replica);
                self.frames = 0;
                Ok(())
            }
            Err(ClientError::Refused(refusal)) => Err(refusal),
            Err(error) => panic!("{error}"),
        }
    }

    pub(crate) async fn leave(&mut self) -> Tick {
        timeout(PATIENCE, self.client.leave()).await.expect("no answer to a leave").unwrap()
    }

    pub(crate) fn replica(&self) -> &Replica<G> {
        self.replica.as_ref().expect("a player who has joined")
    }

    pub(crate) fn seat(&self) -> PlayerId {
        self.replica().player().expect("a player who has a seat")
    }

    pub(crate) fn room(&self) -> &str {
        &self.replica().joined().room
    }

    /// The newest state, as it came.
    pub(crate) fn snapshot(&mut self) -> Arc<Snapshot> {
        let room = self.client.session().room().expect("a player who is in a room");
        room.newest().expect("a frame").clone()
    }

    /// Players and bots, as it knows them.
    pub(crate) fn roster(&mut self) -> (Vec<RosterEntry>, Vec<RosterEntry>) {
        let room = self.client.session().room().expect("a player who is in a room");
        room.roster().cloned().partition(|entry| !entry.is_bot)
    }

    /// Plays until the condition holds.
    pub(crate) async fn until(&mut self, what: &str, mut holds: impl FnMut(&mut Self) -> bool) {
        let playing = async {
            while !holds(self) {
                self.play().await.unwrap_or_else(|error| panic!("waiting for {what}: {error}"));
            }
        };
        timeout(PATIENCE, playing).await.unwrap_or_else(|_| panic!("waited in vain for {what}"));
    }

    /// Plays on for so many frames.
    pub(crate) async fn frames(&mut self, count: u32) {
        let enough = self.frames + count;
        self.until("frames", |player| player.frames >= enough).await;
    }

    /// Plays until the connection ends.
    pub(crate) async fn end(&mut self) -> ClientError {
        let playing = async {
            loop {
                if let Err(error) = self.play().await {
                    return error;
                }
            }
        };
        timeout(PATIENCE, playing).await.expect("the connection does not end")
    }

    async fn play(&mut self) -> Result<(), ClientError> {
        let replica = self.replica.as_mut().expect("a player who has joined");
        match self.client.next_update(replica).await? {
            Update::Frame { .. } => {
                self.frames += 1;
                self.client.send_input(&(self.acts)(replica)).await?;
            }
            Update::Events { .. } => {}
            Update::Other(Event::FrameLost(error)) => panic!("a frame was lost: {error}"),
            Update::Other(event) => self.told.push(event),
        }
        Ok(())
    }
}
