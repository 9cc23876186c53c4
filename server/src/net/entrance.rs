//! What is asked of everyone who wants in, by a WebSocket or for a seat, before it is answered.

use axum::http::StatusCode;
use axum::http::header::{HeaderMap, ORIGIN};

use super::allowed_origins::AllowedOrigins;
use super::caller::Caller;
use super::door::Accepted;
use super::http::Problem;
use crate::address_limits::{Act, AddressLimits, Holding};

/// Who may come in.
#[derive(Clone, Debug)]
pub struct Entrance {
    /// How often, from one address.
    pub addresses: AddressLimits,
    /// From which sites' pages.
    pub origins: AllowedOrigins,
}

impl Entrance {
    /// Lets the caller of a request in, or says why not.
    pub fn admit(&self, caller: &Caller, headers: &HeaderMap) -> Result<(), Problem> {
        // Browsers say which page asks; what has no pages says nothing.
        if let Some(origin) = headers.get(ORIGIN)
            && !self.origins.allows(origin, caller)
        {
            let message =
                "pages of this site may not talk to this server, unless its `allowed_origins` names it";
            return Err(Problem::new(StatusCode::FORBIDDEN, "origin_not_allowed", message));
        }
        Ok(self.addresses.count(caller.address, Act::Join)?)
    }

    /// The same for a request that is to become a WebSocket, whose place it then has, too.
    pub fn admit_websocket(&self, accepted: Accepted, headers: &HeaderMap) -> Result<Accepted, Problem> {
        self.admit(&accepted.caller, headers)?;
        if accepted.is_callers {
            return Ok(accepted);
        }
        let hold = self.addresses.hold(accepted.caller.address, Holding::Connection)?;
        Ok(Accepted { place: accepted.place.with(hold), ..accepted })
    }
}
