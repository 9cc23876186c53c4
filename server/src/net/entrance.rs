//! What is asked of everyone who wants in, by a WebSocket or for a seat, before it is answered.

use std::sync::Arc;

use axum::http::header::{HeaderMap, ORIGIN};
use axum::http::{StatusCode, Uri};

use super::allowed_origins::AllowedOrigins;
use super::caller::Caller;
use super::door::Accepted;
use super::problem::Problem;
use crate::address_limits::{Act, AddressLimits, Holding};
use crate::auth::{Authenticate, Claims, JoinRequest, token_of};

/// Who may come in.
#[derive(Clone)]
pub struct Entrance {
    /// How often, from one address.
    pub addresses: AddressLimits,
    /// From which sites' pages.
    pub origins: AllowedOrigins,
    /// By what they show.
    pub authenticate: Arc<dyn Authenticate>,
}

impl Entrance {
    /// Lets the caller of a request in, or says why not. The answer is what is known of who calls.
    pub fn admit(&self, caller: &Caller, headers: &HeaderMap, uri: &Uri) -> Result<Claims, Problem> {
        self.check_origin(caller, headers)?;
        // Before what costs more, and so that secrets are not guessed fast.
        self.addresses.count(caller.address, Act::Join)?;
        self.authenticate(caller, headers, uri, token_of(headers, uri)?.as_deref())
    }

    /// Refuses requests of pages that may not talk to this server.
    pub fn check_origin(&self, caller: &Caller, headers: &HeaderMap) -> Result<(), Problem> {
        // Browsers say which page asks; what has no pages says nothing.
        if let Some(origin) = headers.get(ORIGIN)
            && !self.origins.allows(origin, caller)
        {
            let message =
                "pages of this site may not talk to this server, unless its `allowed_origins` names it";
            return Err(Problem::new(StatusCode::FORBIDDEN, "origin_not_allowed", message));
        }
        Ok(())
    }

    /// Decides by what the caller shows.
    pub fn authenticate(
        &self,
        caller: &Caller,
        headers: &HeaderMap,
        uri: &Uri,
        token: Option<&str>,
    ) -> Result<Claims, Problem> {
        Ok(self.authenticate.authenticate(&JoinRequest { token, caller, uri, headers })?)
    }

    /// The same for a request that is to become a WebSocket, whose place it then has, too.
    pub fn admit_websocket(
        &self,
        accepted: Accepted,
        headers: &HeaderMap,
        uri: &Uri,
    ) -> Result<(Accepted, Claims), Problem> {
        let claims = self.admit(&accepted.caller, headers, uri)?;
        if accepted.is_callers {
            return Ok((accepted, claims));
        }
        let hold = self.addresses.hold(accepted.caller.address, Holding::Connection)?;
        Ok((Accepted { place: accepted.place.with(hold), ..accepted }, claims))
    }
}
