//! What one address may have and do, so that one visitor cannot take the places of all others.
//!
//! Addresses are counted in a table that is bounded: who holds nothing and has been quiet for a
//! second is forgotten. Of an IPv6 address the network counts, because one household has all of it.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use fracas_shared::Refusal;
use fracas_shared::limits::{ADDRESS_V6_BITS, ADDRESSES_MAX};
use thiserror::Error;

use crate::config::Config;
use crate::networks::Networks;

/// The time over which acts are counted.
const WINDOW: Duration = Duration::from_secs(1);
/// How many kinds of [`Holding`] there are.
const HOLDINGS: usize = Holding::Room as usize + 1;
/// How many kinds of [`Act`] there are.
const ACTS: usize = Act::Join as usize + 1;
/// Below this many addresses nobody is looked for to be forgotten.
const SWEEP_MIN: usize = 1024;

/// What an address has for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holding {
    /// A connection.
    Connection,
    /// A reserved seat whose ticket has not been used.
    Ticket,
    /// A seat in a room, also while its player is away.
    Seat,
    /// A room that it has created.
    Room,
}

/// What an address does at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Opens a connection or makes a request.
    Request,
    /// Opens a WebSocket or reserves a seat.
    Join,
}

/// Why an address has to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum AddressRefusal {
    /// It has as much of this as it may.
    #[error("your address has as many {} as one may have; give one up first", plural(*.0))]
    TooMany(Holding),
    /// It did this too often in the last second.
    #[error("your address {} faster than one may; try again in a second", doing(*.0))]
    TooFast(Act),
    /// More addresses come at once than can be counted.
    #[error("too many addresses come at once; try again in a second")]
    TooManyAddresses,
}

impl AddressRefusal {
    /// The code of the refusal, for programs.
    pub fn code(self) -> &'static str {
        match self {
            Self::TooMany(Holding::Connection) => "address_connections",
            Self::TooMany(Holding::Ticket) => "address_tickets",
            Self::TooMany(Holding::Seat) => "address_seats",
            Self::TooMany(Holding::Room) => "address_rooms",
            Self::TooFast(Act::Request) => "address_requests",
            Self::TooFast(Act::Join) => "address_joins",
            Self::TooManyAddresses => "too_many_addresses",
        }
    }
}

impl From<AddressRefusal> for Refusal {
    fn from(refusal: AddressRefusal) -> Self {
        match refusal {
            AddressRefusal::TooMany(holding) => Self::TooManyFromAddress(plural(holding).to_owned()),
            AddressRefusal::TooFast(_) | AddressRefusal::TooManyAddresses => Self::Busy,
        }
    }
}

fn plural(holding: Holding) -> &'static str {
    match holding {
        Holding::Connection => "connections",
        Holding::Ticket => "unused tickets",
        Holding::Seat => "seats",
        Holding::Room => "rooms",
    }
}

fn doing(act: Act) -> &'static str {
    match act {
        Act::Request => "sends requests",
        Act::Join => "opens WebSockets and reserves seats",
    }
}

/// The limits, and what each address has used of them. Clones are the same counts.
#[derive(Clone, Debug)]
pub struct AddressLimits(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    /// By [`Holding`].
    held_max: [u32; HOLDINGS],
    /// By [`Act`], in a second.
    done_max: [u32; ACTS],
    spares_loopback: bool,
    /// Never counted: proxies act for many.
    proxies: Networks,
    table: Mutex<Table>,
}

#[derive(Debug)]
struct Table {
    counts: HashMap<IpAddr, Counts>,
    /// How many addresses there are when the quiet ones are forgotten.
    sweep_at: usize,
    swept: Option<Instant>,
}

#[derive(Debug)]
struct Counts {
    held: [u32; HOLDINGS],
    done: [u32; ACTS],
    window: Instant,
}

impl AddressLimits {
    /// As configured.
    pub fn new(config: &Config, proxies: Networks) -> Self {
        let held_max = [
            config.connections_per_address_max,
            config.tickets_per_address_max,
            config.seats_per_address_max,
            config.rooms_per_address_max,
        ]
        .map(|max| max as u32);
        let done_max = [config.requests_per_address_max, config.joins_per_address_max];
        Self::of(held_max, done_max, !config.limit_loopback, proxies)
    }

    /// Without limits.
    pub fn none() -> Self {
        Self::of([u32::MAX; HOLDINGS], [u32::MAX; ACTS], true, Networks::default())
    }

    fn of(
        held_max: [u32; HOLDINGS],
        done_max: [u32; ACTS],
        spares_loopback: bool,
        proxies: Networks,
    ) -> Self {
        let table = Mutex::new(Table { counts: HashMap::new(), sweep_at: SWEEP_MIN, swept: None });
        Self(Arc::new(Shared { held_max, done_max, spares_loopback, proxies, table }))
    }

    /// Counts what the address has from now on, for as long as the answer lives.
    pub fn hold(&self, address: IpAddr, holding: Holding) -> Result<AddressHold, AddressRefusal> {
        let Some(key) = self.key(address) else { return Ok(AddressHold(None)) };
        let mut table = self.lock();
        let counts = table.counts_of(key, Instant::now())?;
        let held = &mut counts.held[holding as usize];
        if *held >= self.0.held_max[holding as usize] {
            return Err(AddressRefusal::TooMany(holding));
        }
        *held += 1;
        Ok(AddressHold(Some((self.clone(), key, holding))))
    }

    /// Counts what the address does now.
    pub fn count(&self, address: IpAddr, act: Act) -> Result<(), AddressRefusal> {
        self.count_at(address, act, Instant::now())
    }

    fn count_at(&self, address: IpAddr, act: Act, now: Instant) -> Result<(), AddressRefusal> {
        let Some(key) = self.key(address) else { return Ok(()) };
        let mut table = self.lock();
        let counts = table.counts_of(key, now)?;
        if now.saturating_duration_since(counts.window) >= WINDOW {
            counts.window = now;
            counts.done = [0; ACTS];
        }
        let done = &mut counts.done[act as usize];
        if *done >= self.0.done_max[act as usize] {
            return Err(AddressRefusal::TooFast(act));
        }
        *done += 1;
        Ok(())
    }

    /// Under what an address is counted, if it is.
    fn key(&self, address: IpAddr) -> Option<IpAddr> {
        let address = address.to_canonical();
        let is_spared = self.0.spares_loopback && address.is_loopback() || self.0.proxies.contains(address);
        if is_spared {
            return None;
        }
        Some(match address {
            IpAddr::V4(_) => address,
            IpAddr::V6(address) => {
                let network = u128::from(address) & (u128::MAX << (128 - ADDRESS_V6_BITS));
                Ipv6Addr::from(network).into()
            }
        })
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        // Nothing under the lock can leave it half done.
        self.0.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn counts_of(&mut self, key: IpAddr, now: Instant) -> Result<&mut Counts, AddressRefusal> {
        if self.counts.len() >= self.sweep_at && !self.counts.contains_key(&key) {
            self.forget_quiet_ones(now);
            if self.counts.len() >= ADDRESSES_MAX {
                return Err(AddressRefusal::TooManyAddresses);
            }
        }
        Ok(self.counts.entry(key).or_insert_with(|| Counts {
            held: [0; HOLDINGS],
            done: [0; ACTS],
            window: now,
        }))
    }

    /// Looks at all addresses, and not again before there are twice as many or a second has passed.
    fn forget_quiet_ones(&mut self, now: Instant) {
        if self.swept.is_some_and(|swept| now.saturating_duration_since(swept) < WINDOW)
            && self.sweep_at >= ADDRESSES_MAX
        {
            return;
        }
        self.swept = Some(now);
        self.counts.retain(|_, counts| {
            counts.held != [0; HOLDINGS] || now.saturating_duration_since(counts.window) < WINDOW
        });
        self.sweep_at = (self.counts.len() * 2).clamp(SWEEP_MIN, ADDRESSES_MAX);
    }
}

/// Something that an address has; given back when dropped.
#[derive(Debug)]
pub struct AddressHold(Option<(AddressLimits, IpAddr, Holding)>);

impl AddressHold {
    /// Of nobody, and counted nowhere.
    pub(crate) fn none() -> Self {
        Self(None)
    }
}

impl Drop for AddressHold {
    fn drop(&mut self) {
        let Some((limits, key, holding)) = self.0.take() else { return };
        // It is there: who holds something is never forgotten.
        if let Some(counts) = limits.lock().counts.get_mut(&key) {
            counts.held[holding as usize] -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(proxies: &str) -> AddressLimits {
        AddressLimits::of([2, 1, 1, 1], [3, 1], true, proxies.parse().unwrap())
    }

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn an_address_holds_so_much_and_gets_it_back() {
        let limits = limits("");
        let hold = |text, holding| limits.hold(address(text), holding);
        let first = hold("192.0.2.1", Holding::Connection).unwrap();
        let _second = hold("::ffff:192.0.2.1", Holding::Connection).unwrap();
        let refused = hold("192.0.2.1", Holding::Connection).unwrap_err();
        assert_eq!(refused, AddressRefusal::TooMany(Holding::Connection));
        let _ticket = hold("192.0.2.1", Holding::Ticket).expect("a ticket is no connection");
        let _other = hold("192.0.2.2", Holding::Connection).expect("another address");
        drop(first);
        let _third = hold("192.0.2.1", Holding::Connection).expect("the place of the first");
    }

    #[test]
    fn a_network_of_ipv6_is_one_address() {
        let limits = limits("");
        let _first = limits.hold(address("2001:db8::1"), Holding::Ticket).unwrap();
        assert!(limits.hold(address("2001:db8::ffff:2"), Holding::Ticket).is_err());
        assert!(limits.hold(address("2001:db8:0:1::1"), Holding::Ticket).is_ok());
        let flipped =
            |bit: u32| Ipv6Addr::from(u128::from(Ipv6Addr::LOCALHOST) << 64 | 1 << (128 - bit)).into();
        let limits = AddressLimits::of([1; HOLDINGS], [1; ACTS], true, Networks::default());
        let _first = limits.hold(flipped(128), Holding::Ticket).unwrap();
        assert!(limits.hold(flipped(ADDRESS_V6_BITS + 1), Holding::Ticket).is_err(), "the same network");
        assert!(limits.hold(flipped(ADDRESS_V6_BITS - 1), Holding::Ticket).is_ok(), "another one");
    }

    #[test]
    fn acts_are_counted_by_the_second() {
        let limits = limits("");
        let (one, start) = (address("192.0.2.1"), Instant::now());
        for _ in 0..3 {
            limits.count_at(one, Act::Request, start).unwrap();
        }
        let refused = limits.count_at(one, Act::Request, start).unwrap_err();
        assert_eq!(refused, AddressRefusal::TooFast(Act::Request));
        limits.count_at(one, Act::Join, start).expect("a join is another act");
        limits.count_at(address("192.0.2.2"), Act::Request, start).expect("another address");
        limits.count_at(one, Act::Request, start + WINDOW).expect("another second");
    }

    #[test]
    fn this_machine_and_proxies_are_spared() {
        let limits = limits("10.0.0.0/8");
        for spared in ["127.0.0.1", "::1", "::ffff:127.0.0.1", "10.0.0.1"] {
            for _ in 0..10 {
                limits.count(address(spared), Act::Join).unwrap();
            }
        }
        let strict = AddressLimits::of([2, 1, 1, 1], [3, 1], false, Networks::default());
        strict.count(address("127.0.0.1"), Act::Join).unwrap();
        assert!(strict.count(address("127.0.0.1"), Act::Join).is_err());
    }

    #[test]
    fn the_table_is_bounded_and_forgets_who_is_quiet() {
        let limits = limits("");
        let start = Instant::now();
        let nth = |n: usize| IpAddr::from(std::net::Ipv4Addr::from(0x0b00_0000 + n as u32));
        let _held = limits.hold(nth(0), Holding::Connection).unwrap();
        for n in 1..ADDRESSES_MAX {
            limits.count_at(nth(n), Act::Request, start).unwrap();
        }
        let one_more = nth(ADDRESSES_MAX);
        let refused = limits.count_at(one_more, Act::Request, start).unwrap_err();
        assert_eq!(refused, AddressRefusal::TooManyAddresses);
        limits.count_at(nth(1), Act::Request, start).expect("it is known already");
        limits.count_at(one_more, Act::Request, start + WINDOW * 2).expect("the others were quiet");
        let table = limits.lock();
        assert_eq!(table.counts.len(), 2, "who holds something, and who came last");
        assert!(table.counts.contains_key(&nth(0)));
    }
}
