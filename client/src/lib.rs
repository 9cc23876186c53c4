//! What a game client links: the protocol's client side.
//!
//! The core does no I/O and has no clock. [`Session`] takes the server's messages by
//! [`handle_message`](Session::handle_message), gives what happened by
//! [`poll_event`](Session::poll_event) and what to send by [`poll_send`](Session::poll_send).
//! [`Replica`] reads its events as the types of a game that this program was compiled with;
//! [`SnapshotBuffer`] keeps recent snapshots, to draw what lies between two of them.
//!
//! [`Client`] is the core on a tokio socket:
//!
//! ```no_run
//! # use fracas_client::{Client, Update, RoomWanted};
//! # async fn play<G: fracas_shared::Game>() -> Result<(), fracas_client::ClientError> {
//! let mut client = Client::connect("127.0.0.1:3000", "ann").await?;
//! let room = RoomWanted::JoinOrCreate { game: G::ID.into(), options: String::new() };
//! let mut replica = client.join::<G>(room).await?;
//! loop {
//!     match client.next_update(&mut replica).await? {
//!         Update::Frame { .. } => client.send_input(&G::Input::default()).await?,
//!         Update::Events { .. } | Update::Other(_) => None,
//!     };
//! }
//! # }
//! ```
//!
//! Guarantees: no byte from a server makes it panic or hold more than [`limits`] says. A frame that
//! cannot be decoded is told as an event and repaired by a keyframe.
//!
//! A client whose connection breaks takes its seat up again by itself: see [`ReconnectPolicy`].
//!
//! [`Play`] is for people: it runs their own player ahead of the server, and shows others smoothly a
//! little in the past. A client that answers each frame, as a bot does, needs none of it.
//!
//! Not here: TLS.

pub mod limits;

mod backoff;
mod client;
mod clock;
mod codecs;
mod conditioner;
mod error;
mod event;
mod glide;
mod interpolation;
mod play;
mod play_clock;
mod prediction;
mod replica;
mod room;
mod server_clock;
mod server_url;
mod session;
mod shared_frames;
mod snapshot_buffer;
mod socket;

pub use backoff::ReconnectPolicy;
pub use client::Client;
pub use clock::InputClock;
pub use codecs::Codecs;
pub use error::{ClientError, RequestError, RulesError, SessionError};
pub use event::{Event, Frame, GameEvents};
pub use fracas_shared::LineProfile;
pub use fracas_shared::message::{Hearers, RoomWanted};
pub use interpolation::Interpolation;
pub use play::{Play, Scene, Stamp};
pub use play_clock::PlayClock;
pub use prediction::{Correction, Prediction};
pub use replica::{Replica, Update};
pub use room::Room;
pub use server_clock::ServerClock;
pub use server_url::{ServerUrl, UrlError};
pub use session::Session;
pub use shared_frames::SharedFrames;
pub use snapshot_buffer::{Between, SnapshotBuffer};
pub use socket::{Traffic, upgraded, upgraded_plain};
