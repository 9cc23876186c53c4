//! Players who drop and come back, again and again, in every unlucky way there is.
//!
//! The test plays a few hundred such cycles; `cargo xtask soak resume` plays as many as it is told.

use std::collections::BTreeMap;
use std::env;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use fracas_client::{Client, ClientError, Codecs, Replica, RoomWanted, Update};
use fracas_shared::message::Resumed;
use fracas_shared::{PlayerId, Refusal, Rng};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::probe::{Input, Probe, ProbeGames, alike};
use crate::server::{PATIENCE, Server, get};

/// Seats are kept for a second here, so that the moment at which they are lost can be aimed at.
const OPTIONS: &str = r#"{"bots": 0, "seats": 8, "tick_hz": 20, "linger_s": 1}"#;

/// How a connection is lost and another one made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Way {
    /// Cut off, and back after a moment.
    Drop,
    /// The new connection comes while the old one still stands.
    Stale,
    /// The new connection breaks at once, too, and a third one comes.
    SecondDrop,
    /// The new connection breaks before it has an answer, and a third one comes.
    DropDuringJoin,
    /// Two connections want the seat at one moment, and one of them has it at the end.
    Twice,
    /// About when the seat is lost.
    LastMoment,
}

const WAYS: [Way; 6] =
    [Way::Drop, Way::Stale, Way::SecondDrop, Way::DropDuringJoin, Way::Twice, Way::LastMoment];

struct Cycles {
    server: Server,
    codecs: Arc<Codecs>,
    left: AtomicU32,
}

/// A client with its seat, and what it knows of it.
struct Seated {
    client: Client,
    replica: Replica<Probe>,
}

impl Seated {
    fn seat(&self) -> PlayerId {
        self.replica.player().expect("a seat")
    }

    fn token(&mut self) -> String {
        let room = self.client.session().room().expect("a room");
        room.resume_token().expect("a player's token").to_owned()
    }

    /// The requests of the next two tries.
    fn resume_requests(&mut self) -> [RoomWanted; 2] {
        let room = self.client.session().room_mut().expect("a room");
        [(); 2].map(|()| room.resume_request().expect("a seat"))
    }

    /// The sum of the steps that the player has made.
    fn score(&self) -> u32 {
        let mut mine = self.replica.views().iter().filter(|(_, view)| view.player == Some(self.seat()));
        let score = mine.next().map_or(0, |(_, view)| view.at);
        assert!(mine.next().is_none(), "two of one seat");
        score
    }

    /// Plays so many ticks.
    async fn play(&mut self, ticks: u32) -> Result<(), ClientError> {
        let mut frames = 0;
        while frames < ticks {
            if let Update::Frame { .. } = self.client.next_update(&mut self.replica).await? {
                frames += 1;
                self.client.send_input(&Input { steps: 1, fails: false }).await?;
            }
        }
        Ok(())
    }
}

impl Cycles {
    async fn connect(&self) -> Client {
        let mut client = Client::connect(&self.server.public.to_string(), "player").await.unwrap();
        client.set_reconnect(None);
        client
    }

    async fn enter(&self, wanted: RoomWanted) -> Result<Seated, Refusal> {
        let mut client = self.connect().await;
        match client.join_typed::<Probe>(wanted, self.codecs.clone()).await {
            Ok(replica) => Ok(Seated { client, replica }),
            Err(ClientError::Refused(refusal)) => Err(refusal),
            Err(error) => panic!("{error}"),
        }
    }

    /// One player's cycles until all are done. Gives how many there were of each way, and how many
    /// seats were lost at the last moment.
    async fn run(self: Arc<Self>, mut rng: Rng) -> (BTreeMap<Way, u32>, u32) {
        let (mut ways, mut lost) = (BTreeMap::new(), 0);
        let mut seated = self.enter(alike(OPTIONS)).await.unwrap();
        while self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok()
        {
            // Until a frame was acknowledged the seat is not kept.
            seated.play(2 + rng.below(8)).await.unwrap();
            let way = WAYS[rng.below(WAYS.len() as u32) as usize];
            *ways.entry(way).or_default() += 1;
            let (seat, score, token) = (seated.seat(), seated.score(), seated.token());
            let wanted = seated.resume_requests();
            let came_back = self.cycle(way, seated, wanted, &mut rng).await;
            seated = match came_back {
                Ok(back) => back,
                Err(Refusal::SeatLost) if way == Way::LastMoment => {
                    lost += 1;
                    self.enter(alike(OPTIONS)).await.unwrap()
                }
                Err(refusal) => panic!("{way:?}: {refusal}"),
            };
            if seated.token() != token {
                continue;
            }
            assert_eq!(seated.seat(), seat, "{way:?}: the same seat");
            seated.play(1).await.unwrap();
            assert!(seated.score() >= score, "{way:?}: {} after {score}", seated.score());
            let Some(Resumed { missed, .. }) = seated.replica.joined().resumed else {
                panic!("{way:?}: not told to be resumed");
            };
            assert_eq!(missed, 0, "{way:?}");
        }
        // Whoever is done stays until all are, so that the seats can be counted.
        seated.play(2).await.unwrap();
        (ways, lost + u32::from(self.finish(seated).await))
    }

    /// Loses the connection and comes back.
    async fn cycle(
        &self,
        way: Way,
        seated: Seated,
        [first, second]: [RoomWanted; 2],
        rng: &mut Rng,
    ) -> Result<Seated, Refusal> {
        let moment = Duration::from_millis(u64::from(rng.below(300)));
        match way {
            Way::Drop => {
                drop(seated);
                sleep(moment).await;
            }
            Way::Stale => {
                let back = self.enter(second).await;
                drop(seated);
                return back;
            }
            Way::SecondDrop => {
                drop(seated);
                drop(self.enter(first).await?);
            }
            Way::DropDuringJoin => {
                drop(seated);
                let mut client = self.connect().await;
                client.session().join_typed(first, self.codecs.clone()).unwrap();
                client.send().await;
                drop(client);
            }
            Way::Twice => {
                drop(seated);
                let (first, second) = tokio::join!(self.enter(first), self.enter(second));
                // The later try has the seat. The other one had it before, or came too late.
                let mut second = second?;
                let Ok(mut first) = first else { return Ok(second) };
                return Ok(tokio::select! {
                    Err(_) = first.play(u32::MAX) => second,
                    Err(_) = second.play(u32::MAX) => first,
                });
            }
            Way::LastMoment => {
                drop(seated);
                sleep(Duration::from_millis(850) + moment).await;
            }
        }
        self.enter(second).await
    }

    /// Gives the seat back; whether it had been lost before.
    async fn finish(&self, mut seated: Seated) -> bool {
        seated.client.leave().await.is_err()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn players_who_drop_and_come_back_keep_seat_and_score() {
    let number = |name, default| env::var(name).map_or(default, |text| text.parse().expect("a number"));
    let (cycles, players) = (number("FRACAS_CYCLES", 120), number("FRACAS_PLAYERS", 12));
    let server = Server::start_of::<ProbeGames>(|config| {
        let game = config.games.entry("probe".to_owned()).or_default();
        game.permanent = false;
        config.room_linger_s = 1;
    });
    let cycles = Arc::new(Cycles { server, codecs: Codecs::of::<Probe>(), left: AtomicU32::new(cycles) });
    let mut running = JoinSet::new();
    for player in 0..players {
        running.spawn(cycles.clone().run(Rng::new(7, player.into())));
    }
    let (mut ways, mut lost) = (BTreeMap::<Way, u32>::new(), 0);
    while let Some(ended) = running.join_next().await {
        let (of_one, lost_of_one) = ended.unwrap();
        for (way, count) in of_one {
            *ways.entry(way).or_default() += count;
        }
        lost += lost_of_one;
    }
    println!("cycles {ways:?}, seats lost at the last moment {lost}");
    assert_eq!(ways.len(), WAYS.len(), "every way was gone: {ways:?}");

    // Nothing is left over: no seat, no one who is away, no room.
    let server = &cycles.server;
    for gauge in ["fracas_players", "fracas_players_away", "fracas_rooms"] {
        server.metric_until(&format!("{gauge}{{game=\"probe\"}}"), |count| count == 0.0).await;
    }
    let listing = async {
        while !get(server.public, "/rooms?game=probe").2.contains(r#""total":0"#) {
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(PATIENCE, listing).await.expect("a room is still listed");
    assert_eq!(server.metric("fracas_room_failures_total"), 0.0);
}
