//! One bot.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use fracas_client::{
    Client, ClientError, Codecs, Event, LineProfile, Replica, RoomWanted, ServerUrl, Update,
};
use fracas_shared::frame::FrameError;
use fracas_shared::{Pilot, Rng, Tick};
use tokio::sync::watch;
use tokio::time::timeout;

use crate::record::{Outstanding, Record, Stay};

/// What the server's log calls the bots.
const PROGRAM: &str = concat!("fracas-bots/", env!("CARGO_PKG_VERSION"));
/// Time for the server to answer a leave.
const LEAVE_TIME_MAX: Duration = Duration::from_secs(10);

/// What all bots of a swarm share.
pub(crate) struct Shared<G: Pilot> {
    pub(crate) url: ServerUrl,
    pub(crate) room: RoomWanted,
    pub(crate) name_prefix: String,
    pub(crate) seed: u64,
    pub(crate) line: LineProfile,
    pub(crate) codecs: Arc<Codecs>,
    pub(crate) record: Mutex<Record>,
    /// The rules of the last room, and the config that they were made from: nearly always, the next
    /// room has the same.
    pub(crate) rules: Mutex<Option<(String, Arc<G>)>>,
}

/// Why a bot ended before it was asked to.
pub(crate) struct Failure {
    pub(crate) kind: String,
    pub(crate) message: String,
    pub(crate) is_no_server: bool,
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        // EMFILE, which the standard library has no name for.
        let is_out_of_files =
            matches!(&error, ClientError::NoServer { error, .. } if error.raw_os_error() == Some(24));
        if is_out_of_files {
            return Self {
                kind: "too_many_open_files".into(),
                message: format!("{error}; each bot needs one: raise the limit with `ulimit -n`"),
                is_no_server: false,
            };
        }
        Self {
            kind: error.label(),
            is_no_server: matches!(error, ClientError::NoServer { .. }),
            message: error.to_string(),
        }
    }
}

impl<G: Pilot> Shared<G> {
    pub(crate) fn record(&self) -> MutexGuard<'_, Record> {
        // A bot that panicked while it counted has lost at most its own count.
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn rules_of(&self, replica: &Replica<G>) -> Result<Arc<G>, Failure> {
        let mut cached = self.rules.lock().unwrap_or_else(PoisonError::into_inner);
        let config = &replica.joined().config;
        if let Some((of, rules)) = &*cached
            && of == config
        {
            return Ok(rules.clone());
        }
        let failure = |message: String| Failure { kind: "bad_config".into(), message, is_no_server: false };
        let rules = Arc::new(replica.rules().map_err(|error| failure(error.to_string()))?);
        *cached = Some((config.clone(), rules.clone()));
        Ok(rules)
    }
}

/// Plays until `stop` is true, then leaves. What the bot sees goes into the shared record; a bot
/// that is stopped before it has a seat has not failed.
pub(crate) async fn run<G: Pilot>(
    shared: Arc<Shared<G>>,
    number: u32,
    mut stop: watch::Receiver<bool>,
) -> Result<(), Failure> {
    let joining = join(&shared, number);
    let joined = tokio::select! {
        joined = joining => joined,
        () = stopped(&mut stop) => return Ok(()),
    };
    let mut bot = match joined {
        Ok(bot) => bot,
        Err(failure) => {
            shared.record().failed += 1;
            return Err(failure);
        }
    };
    {
        let mut record = shared.record();
        record.joined += 1;
        record.rooms.insert(bot.replica.joined().room.clone());
    }
    let result = bot.play(&mut stop).await;
    let stay = bot.stay(result.as_ref().ok().copied());
    {
        let mut record = shared.record();
        record.stays.push(stay);
        record.disconnects += u32::from(result.is_err());
    }
    result?;
    bot.client.close().await;
    Ok(())
}

/// What a bot's line is drawn from: another stream than its decisions.
fn line_seed(seed: u64, number: u32) -> u64 {
    let mut rng = Rng::new(seed, u64::from(number) | 1 << 32);
    u64::from(rng.bits()) << 32 | u64::from(rng.bits())
}

/// Waits until the bots are to stop.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    // A swarm that is gone stops its bots, too.
    let _ = stop.wait_for(|stop| *stop).await;
}

async fn join<G: Pilot>(shared: &Arc<Shared<G>>, number: u32) -> Result<Bot<G>, Failure> {
    let name = format!("{}{number}", shared.name_prefix);
    let mut client = Client::connect_to(&shared.url, &name, PROGRAM).await?;
    // A connection that breaks is what a load tester is to tell of.
    client.set_reconnect(None);
    client.set_seeded_line(shared.line, line_seed(shared.seed, number));
    let replica = client.join_typed::<G>(shared.room.clone(), shared.codecs.clone()).await?;
    let rules = shared.rules_of(&replica)?;
    Ok(Bot {
        shared: shared.clone(),
        traffic_before: client.traffic(),
        client,
        rules,
        mind: G::Mind::default(),
        rng: Rng::new(shared.seed, u64::from(number)),
        outstanding: Outstanding::new(),
        joined_at: Instant::now(),
        last_update: None,
        newest: Tick(replica.joined().tick),
        received: 0,
        is_leaving: false,
        replica,
    })
}

struct Bot<G: Pilot> {
    shared: Arc<Shared<G>>,
    client: Client,
    replica: Replica<G>,
    rules: Arc<G>,
    mind: G::Mind,
    rng: Rng,
    outstanding: Outstanding,
    joined_at: Instant,
    traffic_before: fracas_client::Traffic,
    last_update: Option<Instant>,
    newest: Tick,
    received: u32,
    is_leaving: bool,
}

impl<G: Pilot> Bot<G> {
    /// Plays, leaves, and gives the last tick that the bot was part of.
    async fn play(&mut self, stop: &mut watch::Receiver<bool>) -> Result<Tick, Failure> {
        {
            // One future for the whole stay: a new one for each message would cost more.
            let stopped = stopped(stop);
            tokio::pin!(stopped);
            loop {
                tokio::select! {
                    biased;
                    event = self.client.next_event() => {
                        if let Some(tick) = self.handle(event?).await? {
                            return Ok(tick);
                        }
                    }
                    () = &mut stopped => break,
                }
            }
        }
        self.is_leaving = true;
        self.client.session().leave().map_err(ClientError::from)?;
        self.client.send().await;
        match timeout(LEAVE_TIME_MAX, self.wait_for_left()).await {
            Ok(left) => left,
            Err(_) => Err(Failure {
                kind: "leave_timeout".into(),
                message: format!("no answer to a leave within {} s", LEAVE_TIME_MAX.as_secs()),
                is_no_server: false,
            }),
        }
    }

    async fn wait_for_left(&mut self) -> Result<Tick, Failure> {
        loop {
            let event = self.client.next_event().await?;
            if let Some(tick) = self.handle(event).await? {
                return Ok(tick);
            }
        }
    }

    /// Takes an event; the answer is the last tick, once the seat is given back.
    async fn handle(&mut self, event: Event) -> Result<Option<Tick>, Failure> {
        match self.replica.apply(event).map_err(ClientError::from)? {
            Update::Frame { tick, input_tick, .. } => {
                self.count(tick, input_tick);
                if !self.is_leaving {
                    self.answer().await?;
                }
            }
            Update::Events { list, .. } => {
                let points = |me| list.iter().map(|event| G::points(event, me)).sum();
                let points: u32 = self.replica.player().map_or(0, points);
                if points > 0 {
                    self.shared.record().kills += u64::from(points);
                }
            }
            Update::Other(Event::FrameLost(error)) => {
                let mut record = self.shared.record();
                let is_mismatch = matches!(error, FrameError::WrongHash { .. });
                record.view_hash_mismatches += u64::from(is_mismatch);
                record.error("frame_lost".into(), || error.to_string());
            }
            Update::Other(Event::Left { tick }) => return Ok(Some(tick)),
            Update::Other(_) => {}
        }
        Ok(None)
    }

    fn count(&mut self, tick: Tick, input_tick: Option<Tick>) {
        let now = Instant::now();
        // The state of the tick of joining is a greeting; updates are what comes after it.
        if !tick.is_after(self.newest) {
            self.last_update.get_or_insert(now);
            return;
        }
        self.newest = tick;
        self.received += 1;
        let gap = self.last_update.replace(now).map(|last| now - last);
        let sent_at = input_tick.and_then(|stamp| self.outstanding.shown(stamp));
        self.shared.record().update(gap, sent_at.map(|sent_at| now - sent_at));
    }

    async fn answer(&mut self) -> Result<(), Failure> {
        let input = match self.replica.seen() {
            Some(seen) => self.rules.pilot(&mut self.mind, &seen, &mut self.rng),
            None => return Ok(()),
        };
        let sent_at = Instant::now();
        if let Some(stamp) = self.client.send_input(&input).await? {
            self.outstanding.sent(stamp, sent_at);
        }
        Ok(())
    }

    /// What the bot got until `left`; when it did not come so far, until the newest tick it knows.
    fn stay(&self, left: Option<Tick>) -> Stay {
        let traffic = self.client.traffic();
        let joined = Tick(self.replica.joined().tick);
        Stay {
            expected: left.unwrap_or(self.newest).since(joined).max(0) as u32,
            received: self.received,
            seconds: self.joined_at.elapsed().as_secs_f64(),
            rx_bytes: traffic.rx_bytes - self.traffic_before.rx_bytes,
            tx_bytes: traffic.tx_bytes - self.traffic_before.tx_bytes,
        }
    }
}
