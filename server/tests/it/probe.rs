//! Probe: a game that does what a test tells it to, also what no game should.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use fracas_shared::message::RoomWanted;
use fracas_shared::{
    ConfigError, Context, EntityKey, Game, Inputs, LeaveReason, Pilot, PlayerId, Profile, Rng, Row, Seen,
    State,
};
use serde::{Deserialize, Serialize};

fracas_shared::games! {
    /// Nothing but Probe.
    pub(crate) struct ProbeGames = [Probe]
}

/// Whether rules that spin come back after all.
pub(crate) static STOP_SPINNING: AtomicBool = AtomicBool::new(false);

pub(crate) struct Probe {
    config: Config,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Config {
    /// Things whose looks change entirely with every tick: 0 to 1000.
    noise: u16,
    /// Events of a tick, each of the greatest length.
    chatter: u8,
    /// Events of a tick, each as short as can be.
    murmurs: u16,
    /// What opening a match comes to.
    opening: Fate,
    /// What dropping the rules comes to, and dropping each thing that nobody plays.
    dropping: Fate,
    /// How long each step takes at least.
    work_ms: u16,
}

/// What becomes of a call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Fate {
    #[default]
    Succeeds,
    /// It panics.
    Fails,
    /// It never comes back.
    Hangs,
}

impl Fate {
    fn meet(self) {
        match self {
            Self::Succeeds => {}
            Self::Fails => panic!("told to fail"),
            Self::Hangs => hang(),
        }
    }
}

#[derive(Clone, Debug, State)]
pub(crate) struct Thing {
    player: Option<PlayerId>,
    at: u32,
    looks: [u32; 4],
    bomb: Bomb,
}

/// Panics when it is dropped, if it is live.
#[derive(Clone, Debug, State)]
struct Bomb {
    is_live: bool,
}

impl Drop for Bomb {
    fn drop(&mut self) {
        assert!(!self.is_live, "told to fail when dropped");
    }
}

#[derive(Clone, Debug, Default, Row, State)]
pub(crate) struct Input {
    pub(crate) steps: u8,
    pub(crate) fails: bool,
}

#[derive(Clone, Debug, Row)]
pub(crate) struct View {
    pub(crate) player: Option<PlayerId>,
    /// The sum of the player's steps.
    pub(crate) at: u32,
    a: u32,
    b: u32,
    c: u32,
    d: u32,
}

#[derive(Clone, Debug, Row)]
pub(crate) struct Chatter {
    text: Arc<str>,
}

#[derive(Clone, Debug, Row, State)]
pub(crate) enum Message {
    /// Panics after so long.
    Fail { after_ms: u16 },
    /// Takes the process down.
    Abort,
    /// Keeps the step busy for so long.
    Work { ms: u16 },
    /// Never comes back, and sleeps.
    Hang,
    /// Never comes back, and works: until [`STOP_SPINNING`] says so, which is when the test is over.
    Spin,
    /// Wants nobody else in the room.
    Lock,
    /// Wants others in the room again.
    Unlock,
    /// Wants a player out of the room.
    Kick { player: PlayerId },
    /// Wants a player out of the room for good.
    Ban { player: PlayerId },
}

#[derive(Clone, Debug, Row)]
pub(crate) struct Own {
    pub(crate) player: PlayerId,
}

impl Game for Probe {
    const ID: &'static str = "probe";
    const REVISION: u32 = 1;
    const TICK_HZ: u16 = 60;

    type Config = Config;
    type Global = ();
    type Entity = Thing;
    type Input = Input;
    type View = View;
    type Own = Own;
    type Event = Chatter;
    type Message = Message;

    fn new(config: &Config) -> Result<Self, ConfigError> {
        if config.noise > 1000 {
            return Err(ConfigError::new("noise", format!("{} is more than 1000", config.noise)));
        }
        Ok(Self { config: config.clone() })
    }

    fn open(&self, ctx: &mut Context<'_, Self>) {
        for _ in 0..self.config.noise {
            let bomb = Bomb { is_live: self.config.dropping == Fate::Fails };
            let _ = ctx.world.spawn(Thing { player: None, at: 0, looks: [0; 4], bomb });
        }
        self.config.opening.meet();
    }

    fn join(&self, ctx: &mut Context<'_, Self>, player: PlayerId, profile: &Profile) {
        let head_start = profile.claim("head_start").and_then(|claim| claim.as_u64());
        let at = head_start.unwrap_or_default() as u32;
        let _ =
            ctx.world.spawn(Thing { player: Some(player), at, looks: [0; 4], bomb: Bomb { is_live: false } });
    }

    fn leave(&self, ctx: &mut Context<'_, Self>, player: PlayerId, _reason: LeaveReason) {
        ctx.world.retain(|_, thing| thing.player != Some(player));
    }

    fn message(&self, ctx: &mut Context<'_, Self>, player: PlayerId, message: &Message) {
        match message {
            Message::Fail { after_ms } => {
                work(*after_ms);
                panic!("player {player} told it to");
            }
            Message::Abort => std::process::abort(),
            Message::Work { ms } => work(*ms),
            Message::Hang => hang(),
            Message::Spin => {
                while !STOP_SPINNING.load(Ordering::Relaxed) {
                    std::hint::spin_loop();
                }
            }
            Message::Lock => ctx.lock_room(),
            Message::Unlock => ctx.unlock_room(),
            Message::Kick { player } => ctx.kick(*player),
            Message::Ban { player } => ctx.ban(*player),
        }
    }

    fn step(&self, ctx: &mut Context<'_, Self>, inputs: &Inputs<'_, Self>) {
        work(self.config.work_ms);
        for (_, thing) in ctx.world.iter_mut() {
            if let Some(input) = thing.player.and_then(|player| inputs.of(player)) {
                assert!(!input.fails, "an input told it to");
                thing.at += u32::from(input.steps);
            } else {
                thing.looks = std::array::from_fn(|_| ctx.rng.bits());
            }
        }
        for _ in 0..self.config.murmurs {
            ctx.emit(Chatter { text: "".into() });
        }
        for _ in 0..self.config.chatter {
            ctx.emit(Chatter { text: "x".repeat(255).into() });
        }
    }

    fn view(&self, _key: EntityKey, thing: &Thing) -> Option<View> {
        let [a, b, c, d] = thing.looks;
        Some(View { player: thing.player, at: thing.at, a, b, c, d })
    }

    fn own(&self, _ctx: &Context<'_, Self>, player: PlayerId) -> Option<Own> {
        Some(Own { player })
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        self.config.dropping.meet();
    }
}

impl Pilot for Probe {
    type Mind = ();

    fn pilot(&self, _mind: &mut (), _seen: &Seen<'_, Self>, _rng: &mut Rng) -> Input {
        Input { steps: 1, fails: false }
    }

    fn is_same(earlier: &View, later: &View) -> bool {
        earlier.player == later.player
    }
}

fn hang() -> ! {
    loop {
        std::thread::park();
    }
}

fn work(ms: u16) {
    let end = Instant::now() + Duration::from_millis(ms.into());
    while Instant::now() < end {
        std::hint::spin_loop();
    }
}

/// A room of Probe made with these options, or one alike.
pub(crate) fn alike(options: &str) -> RoomWanted {
    RoomWanted::JoinOrCreate { game: Probe::ID.into(), options: options.into() }
}

/// A new room of Probe.
pub(crate) fn new_room(options: &str) -> RoomWanted {
    RoomWanted::Create { game: Probe::ID.into(), options: options.into() }
}

/// The room of this id.
pub(crate) fn by_id(room: &str) -> RoomWanted {
    RoomWanted::ById { room: room.into(), password: String::new() }
}
