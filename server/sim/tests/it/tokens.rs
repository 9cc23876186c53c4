//! Tokens: a game for tests. Each player has a token with a name, which goes as far as its inputs
//! say; the house's own tokens lie still.

use std::collections::BTreeMap;
use std::sync::Arc;

use fracas_shared::{
    Chat, ConfigError, Context, EntityKey, EntityRef, Game, Inputs, LeaveReason, Outcome, Pilot, PlayerId,
    Profile, Rng, Row, Seen, State,
};
use serde::{Deserialize, Serialize};

pub(crate) struct Tokens {
    config: Config,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Config {
    /// Where a token wins, above 0.
    pub(crate) goal: u32,
    pub(crate) still_tokens: u16,
    /// The length of the names of tokens that lie still, at least.
    pub(crate) name_bytes: u8,
    pub(crate) board: Board,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Board {
    pub(crate) width: u8,
    pub(crate) height: u8,
}

impl Default for Config {
    fn default() -> Self {
        Self { goal: 1_000, still_tokens: 3, name_bytes: 0, board: Board::default() }
    }
}

impl Default for Board {
    fn default() -> Self {
        Self { width: 8, height: 8 }
    }
}

#[derive(Clone, Debug, State)]
pub(crate) struct Token {
    player: Option<PlayerId>,
    name: Arc<str>,
    at: u32,
}

#[derive(Clone, Debug, Default, PartialEq, Row, State)]
pub(crate) struct Input {
    pub(crate) steps: u8,
    pub(crate) target: EntityRef,
}

#[derive(Clone, Debug, PartialEq, Row)]
pub(crate) struct View {
    pub(crate) player: Option<PlayerId>,
    pub(crate) name: Arc<str>,
    pub(crate) at: u32,
}

#[derive(Clone, Debug, PartialEq, Row)]
pub(crate) struct Own {
    /// What the player's last input was aimed at.
    pub(crate) target: EntityRef,
}

#[derive(Clone, Debug, PartialEq, Row)]
pub(crate) enum Event {
    Shouted { player: PlayerId, text: Arc<str> },
    Whispered { player: PlayerId, text: Arc<str> },
}

#[derive(Clone, Debug, Row, State)]
pub(crate) enum Message {
    Rename { name: Arc<str> },
    Shout { text: Arc<str> },
    Whisper { to: PlayerId, text: Arc<str> },
}

#[derive(Clone, Debug, Default, State)]
pub(crate) struct Global {
    targets: BTreeMap<PlayerId, EntityRef>,
}

impl Game for Tokens {
    const ID: &'static str = "tokens";
    const REVISION: u32 = 7;
    const SEATS: u16 = 4;
    const TICK_HZ: u16 = 10;
    const INTERMISSION_S: u16 = 1;

    type Config = Config;
    type Global = Global;
    type Entity = Token;
    type Input = Input;
    type View = View;
    type Own = Own;
    type Event = Event;
    type Message = Message;

    fn new(config: &Config) -> Result<Self, ConfigError> {
        if config.goal == 0 {
            return Err(ConfigError::new("goal", "must be above 0"));
        }
        Ok(Self { config: config.clone() })
    }

    fn open(&self, ctx: &mut Context<'_, Self>) {
        for number in 0..self.config.still_tokens {
            let name = format!("still {number}");
            let name = format!("{name:>width$}", width = usize::from(self.config.name_bytes)).into();
            let _ = ctx.world.spawn(Token { player: None, name, at: 0 });
        }
    }

    fn join(&self, ctx: &mut Context<'_, Self>, player: PlayerId, profile: &Profile) {
        let _ = ctx.world.spawn(Token { player: Some(player), name: profile.name.clone(), at: 0 });
    }

    fn leave(&self, ctx: &mut Context<'_, Self>, player: PlayerId, _reason: LeaveReason) {
        ctx.global.targets.remove(&player);
        ctx.world.retain(|_, token| token.player != Some(player));
    }

    fn message(&self, ctx: &mut Context<'_, Self>, player: PlayerId, message: &Message) {
        match message {
            Message::Rename { name } => {
                for (_, token) in ctx.world.iter_mut().filter(|(_, token)| token.player == Some(player)) {
                    token.name = name.clone();
                }
            }
            Message::Shout { text } => ctx.emit(Event::Shouted { player, text: text.clone() }),
            Message::Whisper { to, text } => {
                ctx.emit_to(*to, Event::Whispered { player, text: text.clone() });
            }
        }
    }

    fn chat(&self, _ctx: &mut Context<'_, Self>, _player: PlayerId, chat: &Chat) -> bool {
        !chat.text.contains("secret")
    }

    fn step(&self, ctx: &mut Context<'_, Self>, inputs: &Inputs<'_, Self>) {
        for (_, token) in ctx.world.iter_mut() {
            let Some((player, input)) = token.player.and_then(|p| Some((p, inputs.of(p)?))) else { continue };
            token.at += u32::from(input.steps);
            ctx.global.targets.insert(player, input.target);
        }
    }

    fn view(&self, _key: EntityKey, token: &Token) -> Option<View> {
        Some(View { player: token.player, name: token.name.clone(), at: token.at })
    }

    fn own(&self, ctx: &Context<'_, Self>, player: PlayerId) -> Option<Own> {
        Some(Own { target: *ctx.global.targets.get(&player)? })
    }

    fn outcome(&self, ctx: &Context<'_, Self>) -> Option<Outcome> {
        let tokens = ctx.world.iter().filter_map(|(_, token)| Some((token.player?, token.at as i32)));
        let mut standings: Vec<_> = tokens.collect();
        standings.sort_by_key(|&(player, at)| (-at, player));
        (standings.first()?.1 >= self.config.goal as i32).then_some(Outcome { standings })
    }
}

impl Pilot for Tokens {
    /// How many times it has moved.
    type Mind = u32;

    /// Goes faster the more it sees, aims at the first, and rests at random.
    fn pilot(&self, mind: &mut u32, seen: &Seen<'_, Self>, rng: &mut Rng) -> Input {
        *mind += 1;
        let target = seen.views.first().map_or(EntityRef::None, |(id, _)| EntityRef::Id(*id));
        let steps = if rng.chance(0.5) { seen.views.len() as u8 } else { (*mind % 3) as u8 };
        Input { steps, target }
    }
}
