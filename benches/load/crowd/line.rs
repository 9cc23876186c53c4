//! One client of a crowd.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use fracas_benches::ws::{self, PONG};
use fracas_shared::Tick;
use fracas_shared::message::ClientMessage;

use super::Shared;
use super::figures::Figures;
use crate::speech;
use crate::viewer::{Heard, Update, Viewer};

/// A connection, and how far it is.
pub(super) struct Line {
    stream: TcpStream,
    viewer: Viewer,
    /// By its number among all, so that their inputs differ and are spread over time.
    number: usize,
    may_stall: bool,
    is_stalled: bool,
    is_lost: bool,
    /// Its room's place; none before it has a seat.
    room: Option<usize>,
    /// When the last update came.
    updated_at: Option<Instant>,
    next_word: Instant,
    /// Since when it reads again, and the tick with which it is as far as its room was then.
    draining: Option<(Instant, Tick)>,
}

impl Line {
    pub(super) fn new(stream: TcpStream, may_stall: bool, number: usize, shared: &Shared) -> Self {
        // The golden ratio spreads any number of them evenly.
        let phase = (number as f64 * 0.618_033_988_749_895).fract();
        Self {
            stream,
            viewer: Viewer::default(),
            number,
            may_stall,
            is_stalled: false,
            is_lost: false,
            room: None,
            updated_at: None,
            next_word: Instant::now() + shared.interval.mul_f64(phase),
            draining: None,
        }
    }

    /// Whether it is shown the match.
    pub(super) fn is_playing(&self) -> bool {
        !self.is_lost && self.viewer.newest().is_some()
    }

    /// Lets it stop reading, or read again; whether it is one who does so.
    pub(super) fn set_stalled(&mut self, is_stalled: bool, shared: &Shared) -> bool {
        if !self.may_stall {
            return false;
        }
        self.is_stalled = is_stalled;
        let newest = self.room.map(|room| shared.newest[room]);
        self.draining = newest.filter(|_| !is_stalled).map(|newest| (Instant::now(), newest));
        true
    }

    /// Reads all that there is.
    pub(super) fn read(
        &mut self,
        buffer: &mut [u8],
        shared: &mut Shared,
        figures: &mut Figures,
    ) -> Result<()> {
        while !self.is_stalled && !self.is_lost {
            match self.stream.read(buffer) {
                Ok(0) => self.lose(figures),
                Ok(count) => {
                    self.hear(&buffer[..count], shared, figures)?;
                    if count < buffer.len() {
                        return Ok(());
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(_) => self.lose(figures),
            }
        }
        Ok(())
    }

    fn lose(&mut self, figures: &mut Figures) {
        if !self.is_lost {
            self.is_lost = true;
            figures.lost += 1;
        }
    }

    fn hear(&mut self, bytes: &[u8], shared: &mut Shared, figures: &mut Figures) -> Result<()> {
        let at = Instant::now();
        let mut viewer = std::mem::take(&mut self.viewer);
        let result = viewer.hear(bytes, |heard| {
            match heard {
                Heard::Update(update) => self.take_update(update, at, shared, figures)?,
                Heard::Joined(joined) => {
                    let next = shared.rooms.len();
                    let room = *shared.rooms.entry(joined.room).or_insert(next);
                    if room == next {
                        shared.newest.push(Tick(joined.tick));
                    }
                    self.room = Some(room);
                }
                Heard::Ping(payload) => {
                    figures.pings += 1;
                    self.say(&ws::client_frame(PONG, &payload))?;
                }
                Heard::Refused(reason) => bail!("a join was refused: {reason}"),
                Heard::Close => self.lose(figures),
                Heard::Welcome | Heard::Own(_) | Heard::Left => {}
            }
            Ok(())
        });
        self.viewer = viewer;
        if let (false, Some(newest)) = (self.is_lost, self.viewer.newest()) {
            self.speak(newest, at, shared, figures)?;
        }
        result.with_context(|| format!("client {}", self.number))
    }

    fn take_update(
        &mut self,
        update: Update,
        at: Instant,
        shared: &mut Shared,
        figures: &mut Figures,
    ) -> Result<()> {
        let room = self.room.context("an update before there was a seat")?;
        if update.is_first {
            // The server waits for it, to know that the seat is known.
            self.say(&speech::frame(&ClientMessage::Ack { tick: update.tick.0 }))?;
        }
        figures.updates += 1;
        let last = self.updated_at.replace(at);
        if update.tick.is_after(shared.newest[room]) {
            shared.newest[room] = update.tick;
        }
        if let Some((since, _)) = self.draining.take_if(|(_, live)| !live.is_after(update.tick)) {
            figures.live_again.record(at - since);
        }
        let missed = u64::from(update.missed);
        if self.may_stall {
            figures.stalled_missed += missed;
            return Ok(());
        }
        figures.missed += missed;
        figures.keyframes_again += u64::from(update.is_keyframe && !update.is_first);
        if let Some(last) = last {
            figures.gaps.record(at - last);
        }
        Ok(())
    }

    /// Says the next thing if its time has come.
    fn speak(&mut self, newest: Tick, at: Instant, shared: &mut Shared, figures: &mut Figures) -> Result<()> {
        if at < self.next_word {
            return Ok(());
        }
        // One that was kept from it does not make up for it.
        self.next_word = (self.next_word + shared.interval).max(at);
        if shared.has_inputs {
            figures.inputs += 1;
            let number = self.number + figures.inputs as usize;
            return self.say(shared.inputs.stamped(number, newest));
        }
        self.say(&speech::frame(&ClientMessage::Ack { tick: newest.0 }))
    }

    fn say(&self, bytes: &[u8]) -> Result<()> {
        match (&self.stream).write(bytes) {
            Ok(count) if count == bytes.len() => Ok(()),
            Ok(_) => bail!("client {}: the server does not read", self.number),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                bail!("client {}: the server does not read", self.number)
            }
            // That it is gone is told by the next read.
            Err(_) => Ok(()),
        }
    }
}
