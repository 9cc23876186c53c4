//! What several measurements need: a server, a client that waits for each answer, figures.
//!
//! A measurement runs its cases in turn, one after the other in each round, so that whatever else
//! the machine does meets them all alike. What counts is a case's ratio to its control.

pub mod codec;
mod figures;
mod host;
mod http;
mod interrupt;
pub mod netcode;
mod played;
pub mod process;
mod server_process;
pub mod tape;
pub mod timing;
pub mod ws;

pub use figures::{Case, measure, table};
pub use host::Host;
pub use http::HttpClient;
pub use interrupt::Interrupt;
pub use played::{PLAYERS, Played};
pub use server_process::ServerProcess;
