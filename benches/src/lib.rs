//! What several measurements need: a server, a client that waits for each answer, figures.
//!
//! A measurement runs its cases in turn, one after the other in each round, so that whatever else
//! the machine does meets them all alike. What counts is a case's ratio to its control.

mod circumstances;
pub mod codec;
mod figures;
mod host;
mod http;
mod interrupt;
pub mod netcode;
pub mod process;
mod server_process;
pub mod tape;
pub mod timing;
pub mod ws;

pub use circumstances::Circumstances;
pub use figures::{Case, measure, table};
pub use fracas_counts::{PLAYERS, Played};
pub use host::Host;
pub use http::HttpClient;
pub use interrupt::Interrupt;
pub use server_process::ServerProcess;
