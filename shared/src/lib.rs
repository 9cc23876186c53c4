//! What both ends of a match agree on: the rules API, the schema, the state codec, the messages.
//!
//! This crate does no I/O: no sockets, no clock, no threads, no randomness but a seeded generator.
//! Everything in it gives the same answer on every machine.
//!
//! A game developer needs [`Game`], [`World`], [`Pilot`] and the derives [`Row`], [`RowEnum`] and
//! [`State`]; a client needs [`Schema`], [`frame`] and [`message`].

pub mod bits;
pub mod blend;
pub mod close;
pub mod codec;
pub mod frame;
pub mod game;
pub mod games;
pub mod id;
pub mod json;
pub mod limits;
pub mod line;
pub mod line_queue;
pub mod math;
pub mod message;
pub mod packet;
pub mod past;
pub mod pilot;
pub mod predict;
pub mod quant;
pub mod rng;
pub mod row;
pub mod schema;
pub mod snapshot;
pub mod state;
pub mod tick;
pub mod view_time;
pub mod world;

pub use close::{CloseCode, Refusal};
pub use fracas_shared_derive::{Row, RowEnum, State};
pub use game::{Chat, Config, ConfigError, Context, Game, Inputs, LeaveReason, Outcome, Profile, Removal};
pub use games::{GameList, GameVisitor};
pub use glam;
pub use id::{EntityId, EntityKey, PlayerId};
pub use line::{Line, LineProfile};
pub use line_queue::LineQueue;
pub use past::{AsSeen, Past};
pub use pilot::{Pilot, Seen};
pub use predict::{Predict, PredictStep};
pub use rng::Rng;
pub use row::{EntityRef, Never, Row};
pub use schema::Schema;
pub use state::State;
pub use tick::Tick;
pub use view_time::ViewTime;
pub use world::{World, WorldFull};
