//! Canvas: one sheet of paper that everybody draws on.
//!
//! Nobody wins and no match ends: rules need not be those of a fight. A player moves a pen; where it
//! is down, it leaves a line. Lines are entities, so who comes late sees what was drawn, like
//! anything else that is there.
//!
//! A line is cut into pieces of [`PIECE_STEPS_MAX`] steps, for three reasons. What is drawn now is
//! sent again at each tick, and what was drawn before is not: a piece that is full never changes. A
//! piece is one string of a row, which has its limit. And when there is no room for more, the oldest
//! piece goes, so the paper never fills up. Who comes when nobody is there begins with a blank one.

use std::collections::VecDeque;
use std::sync::Arc;

use fracas_shared::limits::{TEXT_BYTES_MAX, TEXTS_MAX};
use fracas_shared::{
    ConfigError, Context, EntityKey, Game, Inputs, LeaveReason, Never, PlayerId, Profile, Row, RowEnum, State,
};
use serde::{Deserialize, Serialize};

mod pilot;

/// The paper's width. A unit is as long as who draws it likes.
pub const WIDTH: u16 = 1024;
/// The paper's height.
pub const HEIGHT: u16 = 640;
/// Colours to draw with, named by their numbers: what they look like is the page's business.
pub const COLORS: u8 = 8;
/// The widest line.
pub const LINE_WIDTH_MAX: u8 = 31;
/// Steps of one piece.
pub const PIECE_STEPS_MAX: usize = 64;
/// How far one step goes along an axis. A pen that is faster makes several in one tick.
pub const STEP_MAX: i32 = 45;
/// The letter of a step by nothing: with it, all steps are letters of ASCII.
pub const STEP_ZERO: u8 = b'P';
/// The most pieces that a config may ask for.
pub const PIECES_MAX: u16 = 1000;

const _: () = {
    assert!(PIECE_STEPS_MAX * 2 <= TEXT_BYTES_MAX, "a piece is one string");
    assert!(PIECES_MAX as usize <= TEXTS_MAX, "and each piece has its own");
    assert!(STEP_ZERO as i32 - STEP_MAX > b' ' as i32 && STEP_ZERO as i32 + STEP_MAX < 127);
    assert!(PIECES_MAX < 1 << 15, "of two pieces' numbers, which wrap, one is the newer");
};

/// The rules of Canvas.
pub struct Canvas {
    config: Config,
}

/// What an operator may tune.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Pieces of lines on the paper, 1 to 1000. With one more, the oldest one goes.
    pub pieces: u16,
}

impl Default for Config {
    fn default() -> Self {
        Self { pieces: 256 }
    }
}

/// What is on the paper.
#[derive(Clone, Debug, State)]
pub enum Entity {
    /// What a player holds.
    Pen(Pen),
    /// What it left.
    Piece(Piece),
}

/// A player's pen.
#[derive(Clone, Debug, State)]
pub struct Pen {
    player: PlayerId,
    input: Input,
    /// What it draws: gone, perhaps, when the paper was cleared or had no room.
    piece: Option<EntityKey>,
}

/// A piece of a line, or a dot when it has no steps.
#[derive(Clone, Debug, State)]
pub struct Piece {
    number: u16,
    x: u16,
    y: u16,
    color: u8,
    width: u8,
    steps: Arc<str>,
}

/// Where a pen is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, State, RowEnum)]
pub enum Hand {
    /// Nowhere: its player looks elsewhere.
    #[default]
    Away,
    /// Above the paper, for all to see.
    Over,
    /// On it.
    Down,
}

/// What a player does with the pen. The default is to hold it elsewhere.
#[derive(Clone, Debug, Default, PartialEq, Row, State)]
pub struct Input {
    /// Where the pen is.
    pub hand: Hand,
    /// From the paper's left side, 0 to 1023.
    #[row(uint(bits = 10))]
    pub x: u16,
    /// From the paper's upper side, 0 to 639; what is below is taken to be at the edge.
    #[row(uint(bits = 10))]
    pub y: u16,
    /// The number of a colour, 0 to 7.
    #[row(uint(bits = 3))]
    pub color: u8,
    /// The line's width, 1 to 31; 0 is taken to be 1.
    #[row(uint(bits = 5))]
    pub width: u8,
}

/// What everyone sees.
#[derive(Clone, Debug, Row)]
pub enum View {
    /// A pen that is over the paper or on it.
    Pen {
        /// Whose it is.
        player: PlayerId,
        /// As in its input.
        #[row(uint(bits = 10))]
        x: u16,
        /// As in its input.
        #[row(uint(bits = 10))]
        y: u16,
        /// As in its input.
        #[row(uint(bits = 3))]
        color: u8,
        /// Whether it draws.
        is_down: bool,
    },
    /// A piece of a line.
    Piece {
        /// One more than the piece that was begun before; after 65535 comes 0. Newer ones lie above
        /// older ones.
        number: u16,
        /// Where it begins.
        #[row(uint(bits = 10))]
        x: u16,
        /// Where it begins.
        #[row(uint(bits = 10))]
        y: u16,
        /// As in the input.
        #[row(uint(bits = 3))]
        color: u8,
        /// As in the input.
        #[row(uint(bits = 5))]
        width: u8,
        /// Where it goes from there: two letters a step, to the right and down. The letter `P` is 0,
        /// `Q` is 1, `O` is -1. Letters, because bytes are lists of numbers in JSON, four times as long.
        steps: Arc<str>,
    },
}

/// What happens.
#[derive(Clone, Debug, PartialEq, Row)]
pub enum Event {
    /// The paper is blank again.
    Cleared {
        /// Whose wish it was.
        by: PlayerId,
    },
}

/// What a player asks for.
#[derive(Clone, Debug, Row, State)]
pub enum Message {
    /// Blank paper, for everyone.
    Clear,
}

/// What there is beside the entities.
#[derive(Clone, Debug, Default, State)]
pub struct Global {
    /// All pieces, the oldest first.
    pieces: VecDeque<EntityKey>,
    /// The number of the next piece.
    next: u16,
}

impl Game for Canvas {
    const ID: &'static str = "canvas";
    const REVISION: u32 = 1;
    const SEATS: u16 = 16;
    const TICK_HZ: u16 = 20;
    const BOTS: u16 = 1;

    type Config = Config;
    type Global = Global;
    type Entity = Entity;
    type Input = Input;
    type View = View;
    type Own = Never;
    type Event = Event;
    type Message = Message;

    fn new(config: &Config) -> Result<Self, ConfigError> {
        let pieces = config.pieces;
        if (1..=PIECES_MAX).contains(&pieces) {
            return Ok(Self { config: config.clone() });
        }
        Err(ConfigError::new("pieces", format!("{pieces} is not from 1 to {PIECES_MAX}")))
    }

    fn join(&self, ctx: &mut Context<'_, Self>, player: PlayerId, _profile: &Profile) {
        // Seats and pieces together stay below the world's limit, so there is always room.
        let _ = ctx.world.spawn(Entity::Pen(Pen { player, input: Input::default(), piece: None }));
    }

    fn leave(&self, ctx: &mut Context<'_, Self>, player: PlayerId, _reason: LeaveReason) {
        ctx.world.retain(|_, entity| !matches!(entity, Entity::Pen(pen) if pen.player == player));
        if ctx.world.len() == ctx.global.pieces.len() {
            clear(ctx);
        }
    }

    fn message(&self, ctx: &mut Context<'_, Self>, player: PlayerId, message: &Message) {
        match message {
            Message::Clear => {
                clear(ctx);
                ctx.emit(Event::Cleared { by: player });
            }
        }
    }

    fn step(&self, ctx: &mut Context<'_, Self>, inputs: &Inputs<'_, Self>) {
        let pen = |entity: &Entity| match entity {
            Entity::Pen(pen) => Some(pen.clone()),
            Entity::Piece(_) => None,
        };
        let pens: Vec<_> = ctx.world.iter().filter_map(|(key, entity)| Some((key, pen(entity)?))).collect();
        for (key, mut pen) in pens {
            let Some(input) = inputs.of(pen.player) else { continue };
            self.move_pen(ctx, &mut pen, input);
            if let Some(entity) = ctx.world.get_mut(key) {
                *entity = Entity::Pen(pen);
            }
        }
    }

    fn view(&self, _key: EntityKey, entity: &Entity) -> Option<View> {
        match entity {
            Entity::Pen(Pen { input: Input { hand: Hand::Away, .. }, .. }) => None,
            Entity::Pen(Pen { player, input, .. }) => Some(View::Pen {
                player: *player,
                x: input.x,
                y: input.y,
                color: input.color,
                is_down: input.hand == Hand::Down,
            }),
            Entity::Piece(piece) => Some(View::Piece {
                number: piece.number,
                x: piece.x,
                y: piece.y,
                color: piece.color,
                width: piece.width,
                steps: piece.steps.clone(),
            }),
        }
    }
}

impl Canvas {
    fn move_pen(&self, ctx: &mut Context<'_, Self>, pen: &mut Pen, input: &Input) {
        // Clients say what they like.
        let input = Input {
            x: input.x.min(WIDTH - 1),
            y: input.y.min(HEIGHT - 1),
            color: input.color.min(COLORS - 1),
            width: input.width.clamp(1, LINE_WIDTH_MAX),
            hand: input.hand,
        };
        let last = std::mem::replace(&mut pen.input, input.clone());
        if input.hand != Hand::Down {
            pen.piece = None;
            return;
        }
        let goes_on = (last.hand, last.color, last.width) == (Hand::Down, input.color, input.width);
        let mut at = if goes_on { (last.x, last.y) } else { (input.x, input.y) };
        if !goes_on || pen.piece.is_none_or(|piece| !ctx.world.contains(piece)) {
            pen.piece = self.begin(ctx, &input, at);
        }
        for next in way(at, (input.x, input.y)) {
            if !has_room(ctx, pen.piece) {
                pen.piece = self.begin(ctx, &input, at);
            }
            if let Some(Entity::Piece(piece)) = pen.piece.and_then(|piece| ctx.world.get_mut(piece)) {
                let (right, down) = (letter(at.0, next.0), letter(at.1, next.1));
                piece.steps = format!("{}{right}{down}", piece.steps).into();
            }
            at = next;
        }
    }

    /// Begins a piece, in place of the oldest one if there are as many as there may be.
    fn begin(&self, ctx: &mut Context<'_, Self>, input: &Input, at: (u16, u16)) -> Option<EntityKey> {
        while ctx.global.pieces.len() >= usize::from(self.config.pieces) {
            let oldest = ctx.global.pieces.pop_front()?;
            ctx.world.despawn(oldest);
        }
        let number = ctx.global.next;
        let (color, width) = (input.color, input.width);
        let piece = Piece { number, x: at.0, y: at.1, color, width, steps: "".into() };
        // Seats and pieces together stay below the world's limit, so there is always room.
        let key = ctx.world.spawn(Entity::Piece(piece)).ok()?;
        ctx.global.next = number.wrapping_add(1);
        ctx.global.pieces.push_back(key);
        Some(key)
    }
}

fn clear(ctx: &mut Context<'_, Canvas>) {
    for piece in std::mem::take(&mut ctx.global.pieces) {
        ctx.world.despawn(piece);
    }
}

fn has_room(ctx: &Context<'_, Canvas>, piece: Option<EntityKey>) -> bool {
    let piece = piece.and_then(|piece| ctx.world.get(piece));
    matches!(piece, Some(Entity::Piece(piece)) if piece.steps.len() < PIECE_STEPS_MAX * 2)
}

/// The points of a straight line after its first, each within a step of the one before.
fn way(from: (u16, u16), to: (u16, u16)) -> impl Iterator<Item = (u16, u16)> {
    let (x, y) = (i32::from(from.0), i32::from(from.1));
    let (dx, dy) = (i32::from(to.0) - x, i32::from(to.1) - y);
    let steps = (dx.abs().max(dy.abs()) + STEP_MAX - 1) / STEP_MAX;
    (1..=steps).map(move |step| ((x + dx * step / steps) as u16, (y + dy * step / steps) as u16))
}

fn letter(from: u16, to: u16) -> char {
    char::from((i32::from(STEP_ZERO) + i32::from(to) - i32::from(from)) as u8)
}
