//! Seats that were reserved over HTTP and wait for their players.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use fracas_shared::Refusal;
use fracas_shared::limits::TICKETS_MAX;

use super::directory::Reservation;
use super::random_secret;
use crate::address_limits::AddressHold;

/// Reserved seats by ticket. A ticket is good once; whoever issues one lets it expire.
#[derive(Default)]
pub(super) struct Tickets(Mutex<HashMap<String, Waiting>>);

/// A seat that waits, and what it takes of what its address may have.
type Waiting = (Reservation, AddressHold);

impl Tickets {
    /// Keeps the seat until its ticket, which nobody can guess, is redeemed or expires.
    pub(super) fn issue(&self, reservation: Reservation, hold: AddressHold) -> Result<String, Refusal> {
        let mut waiting = self.lock();
        if waiting.len() >= TICKETS_MAX {
            return Err(Refusal::Busy);
        }
        let ticket = format!("{:032x}", random_secret()?);
        waiting.insert(ticket.clone(), (reservation, hold));
        Ok(ticket)
    }

    /// The seat of a ticket, which is used up by that.
    pub(super) fn redeem(&self, ticket: &str) -> Result<Reservation, Refusal> {
        let redeemed = self.lock().remove(ticket);
        redeemed.map(|(reservation, _)| reservation).ok_or(Refusal::BadTicket)
    }

    /// Gives the seat of a ticket back, if nobody came for it.
    pub(super) fn expire(&self, ticket: &str) {
        // The seat is given back after the lock: that takes another one.
        let expired = self.lock().remove(ticket);
        drop(expired);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Waiting>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
