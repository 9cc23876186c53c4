//! Which sockets have something.

use std::net::TcpStream;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::event::{EventfdFlags, Timespec, eventfd};
use rustix::io::{Errno, read, write};

/// Events that are taken at once.
const EVENTS_MAX: usize = 256;
/// What the waker is known by.
const WAKER: u64 = u64::MAX;

pub(crate) struct Poller {
    epoll: OwnedFd,
    waker: Waker,
    events: Vec<Event>,
}

/// Ends the waiting of a poller, from any thread.
#[derive(Clone)]
pub(crate) struct Waker(Arc<OwnedFd>);

impl Waker {
    pub(crate) fn wake(&self) {
        // It fails when it was woken more often than a u64 can count.
        let _ = write(&*self.0, &1u64.to_ne_bytes());
    }
}

impl Poller {
    pub(crate) fn new() -> Result<Self> {
        let epoll = epoll::create(CreateFlags::CLOEXEC).context("there is no epoll")?;
        let waker =
            eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK).context("there is no eventfd")?;
        epoll::add(&epoll, &waker, EventData::new_u64(WAKER), EventFlags::IN)?;
        Ok(Self { epoll, waker: Waker(Arc::new(waker)), events: Vec::with_capacity(EVENTS_MAX) })
    }

    pub(crate) fn waker(&self) -> Waker {
        self.waker.clone()
    }

    /// Tells, from now on, once when there is something to read, and once when there is room to write again:
    /// who was told reads until there is less than asked for.
    pub(crate) fn add(&self, stream: &TcpStream, key: u64) -> Result<()> {
        let flags = EventFlags::IN | EventFlags::OUT | EventFlags::RDHUP | EventFlags::ET;
        Ok(epoll::add(&self.epoll, stream.as_fd(), EventData::new_u64(key), flags)?)
    }

    pub(crate) fn remove(&self, stream: &TcpStream) -> Result<()> {
        Ok(epoll::delete(&self.epoll, stream.as_fd())?)
    }

    /// Waits until a socket has something, at most so long, and puts the keys of all that have into `keys`, and
    /// beside each whether it is at its end.
    pub(crate) fn wait(&mut self, time_max: Duration, keys: &mut Vec<(u64, bool)>) -> Result<()> {
        keys.clear();
        self.events.clear();
        let time_max =
            Timespec { tv_sec: time_max.as_secs() as i64, tv_nsec: i64::from(time_max.subsec_nanos()) };
        match epoll::wait(&self.epoll, spare_capacity(&mut self.events), Some(&time_max)) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error).context("sockets cannot be waited for"),
        }
        for event in &self.events {
            // Fields of a packed struct are copied out.
            let (data, flags) = (event.data, event.flags);
            if data.u64() == WAKER {
                let _ = read(&*self.waker.0, &mut [0; 8]);
            } else {
                let is_over = flags.intersects(EventFlags::RDHUP | EventFlags::HUP | EventFlags::ERR);
                keys.push((data.u64(), is_over));
            }
        }
        Ok(())
    }
}
