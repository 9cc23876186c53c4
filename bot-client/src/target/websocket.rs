//! Any WebSocket server, for comparison: one that says back what it hears, or one that pushes by itself.
//!
//! A bot sends binary messages of the size of an input, at planned moments of its own clock, and takes every
//! message that comes for an update. One that is a message of its own is the echo, whose time counts from the
//! planned moment. So a server that sends everyone's messages to everyone is measured, too. Echoes must come
//! in the order in which they were asked for. Once any bot of a group has got one, every message is to come
//! back: those that never do are missing updates. A server that never echoes is one that pushes: how much it
//! was to push is not known, so nothing of that is missing.
//!
//! A message has 24 bytes, and its numbers are little-endian: a magic, the session's number, the message's
//! number, its planned moment in microseconds since the run began, and zeros.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use fracas_client::{LineProfile, upgraded_plain};

use super::plain::{LAST_ANSWERS_TIME_MAX, Plain, Schedule, Stay};
use super::{Connecting, Players, Target};
use crate::plan;
use crate::player::{Failure, Message, Next, Outgoing, Player, Turn};
use crate::times::Time;

const MESSAGE_BYTES: usize = 24;
const MAGIC: [u8; 4] = *b"FrBo";

/// A plain WebSocket server.
pub(crate) struct WebSocket(Arc<Plain>);

impl WebSocket {
    pub(crate) fn new(plain: Plain) -> Self {
        Self(Arc::new(plain))
    }
}

impl Target for WebSocket {
    fn connect(&self) -> Connecting {
        let Plain { url, token, .. } = &*self.0;
        let url = match token {
            Some(token) => url.clone().with_token(token),
            None => url.clone(),
        };
        Box::pin(async move { upgraded_plain(&url).await.map_err(Failure::from) })
    }

    fn line(&self) -> LineProfile {
        self.0.group.line
    }

    fn players(&self) -> Players {
        let plain = self.0.clone();
        Box::new(move |session, now| Box::new(Bot::new(plain.clone(), session, now)))
    }
}

/// A message of a bot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Input {
    session: u32,
    number: u32,
    /// Since the run began.
    planned_us: u64,
}

impl Input {
    fn to_bytes(self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(MESSAGE_BYTES);
        bytes.extend_from_slice(&MAGIC);
        bytes.extend_from_slice(&self.session.to_le_bytes());
        bytes.extend_from_slice(&self.number.to_le_bytes());
        bytes.extend_from_slice(&self.planned_us.to_le_bytes());
        bytes.resize(MESSAGE_BYTES, 0);
        bytes
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; MESSAGE_BYTES] = bytes.try_into().ok()?;
        let (magic, rest) = bytes.split_first_chunk()?;
        let (session, rest) = rest.split_first_chunk()?;
        let (number, rest) = rest.split_first_chunk()?;
        let (planned_us, _) = rest.split_first_chunk()?;
        (*magic == MAGIC).then(|| Self {
            session: u32::from_le_bytes(*session),
            number: u32::from_le_bytes(*number),
            planned_us: u64::from_le_bytes(*planned_us),
        })
    }
}

struct Bot {
    plain: Arc<Plain>,
    session: u32,
    began: Instant,
    run_began: Instant,
    schedule: Schedule,
    outbox: VecDeque<Outgoing>,
    stay: Option<Stay>,
    has_played: bool,
    /// The number of its next message, and the highest that has come back.
    next_number: u32,
    newest_echo: Option<u32>,
    /// When it goes at the latest, once its time is up.
    goes_at: Option<Instant>,
}

impl Bot {
    fn new(plain: Arc<Plain>, session: &plan::Session, now: Instant) -> Self {
        let run_began = now.checked_sub(session.starts).unwrap_or(now);
        Self {
            session: session.number,
            began: now,
            run_began,
            schedule: Schedule::new(plain.inputs_per_s(), run_began + session.ends),
            outbox: VecDeque::new(),
            stay: None,
            has_played: false,
            next_number: 0,
            newest_echo: None,
            goes_at: None,
            plain,
        }
    }

    /// Sends what was planned until now.
    fn send_due(&mut self, turn: &mut Turn<'_>) {
        let Some(stay) = &mut self.stay else { return };
        while let Some(due) = self.schedule.take_due(turn.now) {
            let planned_us = (due - self.run_began).as_micros() as u64;
            let input = Input { session: self.session, number: self.next_number, planned_us };
            self.next_number += 1;
            self.outbox.push_back(Outgoing { is_text: false, payload: input.to_bytes() });
            stay.note_input(turn);
        }
    }

    /// The planned moment of a message of this bot's own.
    fn planned(&self, input: Input, now: Instant) -> Option<Instant> {
        let is_own = input.session == self.session && input.number < self.next_number;
        let planned = self.run_began.checked_add(Duration::from_micros(input.planned_us))?;
        // Another load tester may have sessions of these numbers.
        (is_own && planned >= self.began && planned <= now).then_some(planned)
    }

    fn take_echo(&mut self, number: u32, planned: Instant, turn: &mut Turn<'_>) {
        let Some(stay) = &mut self.stay else { return };
        self.plain.note_answer();
        let newest = self.newest_echo.filter(|newest| *newest >= number);
        if let Some(newest) = newest {
            turn.record.violation("echo_order", 1, || {
                format!(
                    "bot {}: the echo of message {number} came after that of message {newest}",
                    self.session
                )
            });
        } else {
            self.newest_echo = Some(number);
        }
        if newest != Some(number) {
            stay.note_answer(planned, turn);
        }
        self.go_when_done(turn.now);
    }

    /// Goes when its time is up and nothing is left to be done. That is when it is woken next: until then, what
    /// is to be said is sent.
    fn go_when_done(&mut self, now: Instant) {
        let is_waiting = self.stay.as_ref().is_some_and(|stay| stay.is_waiting(&self.plain));
        if self.schedule.next().is_none() && !is_waiting {
            self.goes_at = self.goes_at.map(|goes_at| goes_at.min(now));
        }
    }

    fn end_stay(&mut self, turn: &mut Turn<'_>) {
        self.schedule.stop();
        self.outbox.clear();
        if let Some(stay) = self.stay.take() {
            stay.end(&self.plain, turn);
        }
    }
}

impl Player for Bot {
    fn connected(&mut self, turn: &mut Turn<'_>) -> Result<(), Failure> {
        self.stay = Some(Stay::new(turn.now));
        self.schedule.start(turn.now, self.session);
        if std::mem::replace(&mut self.has_played, true) {
            turn.record.counts.resumed += 1;
        } else {
            turn.record.note(Time::Connect, turn.now - self.began);
            turn.record.counts.joined += 1;
            turn.record.counts.inputs_planned += self.schedule.planned();
        }
        Ok(())
    }

    fn hear(&mut self, message: Message<'_>, turn: &mut Turn<'_>) -> Result<Next, Failure> {
        turn.record.counts.rx_bytes += message.line_bytes as u64;
        let input = Input::read(message.payload);
        let echo = input.and_then(|input| Some((input.number, self.planned(input, turn.now)?)));
        if let Some((number, planned)) = echo {
            self.take_echo(number, planned, turn);
        }
        if let Some(stay) = &mut self.stay {
            // An echo is to come as often as a message is sent; how often others come is not known.
            let interval = self.schedule.interval().filter(|_| self.plain.has_answered());
            stay.note_update(interval, turn);
        }
        Ok(Next::GoOn)
    }

    fn wake(&mut self, turn: &mut Turn<'_>) -> Result<Next, Failure> {
        if self.goes_at.is_some_and(|goes_at| goes_at <= turn.now) {
            return Ok(Next::Over);
        }
        self.send_due(turn);
        self.go_when_done(turn.now);
        Ok(Next::GoOn)
    }

    fn wake_at(&self) -> Option<Instant> {
        [self.schedule.next(), self.goes_at].into_iter().flatten().min()
    }

    fn poll_send(&mut self) -> Option<Outgoing> {
        self.outbox.pop_front()
    }

    fn dropped(&mut self, turn: &mut Turn<'_>) {
        self.end_stay(turn);
    }

    fn leave(&mut self, turn: &mut Turn<'_>) -> Result<Next, Failure> {
        self.goes_at = Some(turn.now + LAST_ANSWERS_TIME_MAX);
        self.send_due(turn);
        self.go_when_done(turn.now);
        Ok(Next::GoOn)
    }

    fn ended(&mut self, turn: &mut Turn<'_>) {
        self.end_stay(turn);
    }

    fn has_played(&self) -> bool {
        self.has_played
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sent_is_read() {
        let input = Input { session: 7, number: u32::MAX, planned_us: 1 << 40 };
        let bytes = input.to_bytes();
        assert_eq!((bytes.len(), Input::read(&bytes)), (MESSAGE_BYTES, Some(input)));
        assert_eq!(Input::read(&bytes[1..]), None);
        assert_eq!(Input::read(&[0; MESSAGE_BYTES]), None);
    }
}
