//! A bot that speaks Socket.IO.

mod hearing;
mod ours;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use fracas_client::limits::CONNECT_TIME_MAX;
use fracas_shared::Rng;
use serde_json::{Value, json};

use super::Common;
use super::client::Client;
use super::packet;
use super::seat::Seat;
use crate::plan;
use crate::player::{Failure, Message, Next, Outgoing, Player, Turn};
use crate::target::plain::{LAST_ANSWERS_TIME_MAX, Schedule};

/// Time for the server to answer a leave.
const LEAVE_TIME_MAX: Duration = Duration::from_secs(10);

pub(super) struct Bot {
    common: Arc<Common>,
    number: u32,
    name: String,
    began: Instant,
    run_began: Instant,
    rng: Rng,
    schedule: Schedule,
    outbox: VecDeque<Outgoing>,
    role: Role,
    has_played: bool,
    /// Whether its inputs were counted as planned.
    is_planned: bool,
    /// What takes up the seat again.
    resume: Option<String>,
    /// The number of the next answer that it wants, of the next input, and of the answer to what was asked
    /// of the server.
    next_id: u64,
    next_input: u64,
    asked: Option<(u64, Asked)>,
    asked_at: Option<Instant>,
    heard_at: Instant,
    silence_max: Duration,
    /// Binary frames that are still to come, and whether the last one of them ends an event.
    binaries: u32,
    is_event_due: bool,
    /// When it goes at the latest, once its time is up.
    goes_at: Option<Instant>,
}

/// What it is there.
enum Role {
    /// It is not in yet.
    Nobody,
    /// A client of any server.
    Client(Client),
    /// A player on a server of ours.
    Player(Box<Seat>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    Join,
    Leave,
}

impl Bot {
    pub(super) fn new(common: Arc<Common>, session: &plan::Session, now: Instant) -> Self {
        let run_began = now.checked_sub(session.starts).unwrap_or(now);
        let plain = &common.plain;
        Self {
            number: session.number,
            name: format!("{}{}", plain.name_prefix, session.number),
            began: now,
            run_began,
            rng: Rng::new(plain.seed, u64::from(session.number)),
            schedule: Schedule::new(plain.inputs_per_s(), run_began + session.ends),
            outbox: VecDeque::new(),
            role: Role::Nobody,
            has_played: false,
            is_planned: false,
            resume: None,
            next_id: 0,
            next_input: 0,
            asked: None,
            asked_at: None,
            heard_at: now,
            silence_max: CONNECT_TIME_MAX,
            binaries: 0,
            is_event_due: false,
            goes_at: None,
            common,
        }
    }

    fn say(&mut self, text: String) {
        self.outbox.push_back(Outgoing { is_text: true, payload: text.into_bytes() });
    }

    /// Says an event that is to be answered.
    fn ask(&mut self, event: &str, argument: &Value) -> u64 {
        let id = self.next_id;
        self.next_id += 1;
        self.say(packet::event(Some(id), event, argument));
        id
    }

    fn note_entry(&mut self, turn: &mut Turn<'_>) {
        if std::mem::replace(&mut self.has_played, true) {
            turn.record.counts.resumed += 1;
        } else {
            turn.record.counts.joined += 1;
        }
    }

    /// Begins to send.
    fn start(&mut self, turn: &mut Turn<'_>) {
        if self.goes_at.is_some() {
            return;
        }
        self.schedule.start(turn.now, self.number);
        if !std::mem::replace(&mut self.is_planned, true) {
            turn.record.counts.inputs_planned += self.schedule.planned();
        }
    }

    /// Sends what was planned until now.
    fn send_due(&mut self, turn: &mut Turn<'_>) {
        while let Some(due) = self.schedule.take_due(turn.now) {
            match &mut self.role {
                Role::Nobody => {}
                Role::Client(_) => self.send_input(due, turn),
                Role::Player(seat) => {
                    if let Some(input) = seat.input(due, &mut self.rng) {
                        turn.record.counts.inputs += 1;
                        self.say(packet::event(None, "input", &input));
                    }
                }
            }
        }
    }

    fn send_input(&mut self, due: Instant, turn: &mut Turn<'_>) {
        let planned_us = (due - self.run_began).as_micros() as u64;
        let id = self.ask("input", &json!({ "n": self.next_input, "s": self.number, "t": planned_us }));
        self.next_input += 1;
        if let Role::Client(client) = &mut self.role {
            client.note_input(id, due, turn);
        }
    }

    /// Goes when its time is up and nothing is left to be done. That is when it is woken next: until then, what
    /// is to be said is sent.
    fn go_when_done(&mut self, now: Instant) {
        let is_done = match &self.role {
            Role::Nobody => true,
            Role::Client(client) => {
                self.schedule.next().is_none() && !client.stay.is_waiting(&self.common.plain)
            }
            Role::Player(_) => self.schedule.next().is_none() && self.asked.is_none(),
        };
        if is_done {
            self.goes_at = self.goes_at.map(|goes_at| goes_at.min(now));
        }
    }

    /// Its time is up: a seat is given back before.
    fn go(&mut self, turn: &Turn<'_>) -> Result<Next, Failure> {
        match (&self.role, self.asked) {
            (Role::Player(_), Some((_, Asked::Leave))) => {
                let message = format!("no answer to a leave within {} s", LEAVE_TIME_MAX.as_secs());
                Err(Failure::new("leave_timeout", message))
            }
            (Role::Player(_), _) => {
                self.schedule.stop();
                self.asked = Some((self.ask("leave", &json!({})), Asked::Leave));
                self.goes_at = Some(turn.now + LEAVE_TIME_MAX);
                Ok(Next::GoOn)
            }
            _ => Ok(Next::Over),
        }
    }

    fn end_stay(&mut self, left: Option<u32>, turn: &mut Turn<'_>) {
        self.schedule.stop();
        let plain = &self.common.plain;
        match std::mem::replace(&mut self.role, Role::Nobody) {
            Role::Nobody => {}
            Role::Client(client) => client.stay.end(plain, turn),
            Role::Player(seat) => seat.end(left, plain.is_judged(), turn),
        }
    }

    /// When silence is too long.
    fn silent_at(&self) -> Instant {
        let is_nobody = matches!(self.role, Role::Nobody);
        self.heard_at + if is_nobody { CONNECT_TIME_MAX } else { self.silence_max }
    }

    fn silence(&self) -> Failure {
        match self.role {
            Role::Nobody => {
                Failure::new("join_timeout", "the server did not let the bot in, and said nothing")
            }
            _ => {
                Failure::new("silent", "nothing came from the server for longer than it wanted to be silent")
            }
        }
    }
}

impl Player for Bot {
    fn connected(&mut self, turn: &mut Turn<'_>) -> Result<(), Failure> {
        self.heard_at = turn.now;
        Ok(())
    }

    fn hear(&mut self, message: Message<'_>, turn: &mut Turn<'_>) -> Result<Next, Failure> {
        self.heard_at = turn.now;
        turn.record.counts.rx_bytes += message.line_bytes as u64;
        if !message.is_text {
            self.take_binary(turn);
            return Ok(Next::GoOn);
        }
        let broken = |problem: &str| Failure::new("bad_server", format!("the server sent {problem}"));
        let text = str::from_utf8(message.payload).map_err(|_| broken("text that is none"))?;
        self.take_packet(packet::read(text).map_err(broken)?, turn)?;
        Ok(Next::GoOn)
    }

    fn wake(&mut self, turn: &mut Turn<'_>) -> Result<Next, Failure> {
        if self.silent_at() <= turn.now {
            return Err(self.silence());
        }
        if self.goes_at.is_some_and(|goes_at| goes_at <= turn.now) {
            return self.go(turn);
        }
        self.send_due(turn);
        self.go_when_done(turn.now);
        Ok(Next::GoOn)
    }

    fn wake_at(&self) -> Option<Instant> {
        [self.schedule.next(), self.goes_at, Some(self.silent_at())].into_iter().flatten().min()
    }

    fn poll_send(&mut self) -> Option<Outgoing> {
        self.outbox.pop_front()
    }

    fn dropped(&mut self, turn: &mut Turn<'_>) {
        self.end_stay(None, turn);
        self.outbox.clear();
        (self.asked, self.asked_at) = (None, None);
        (self.binaries, self.is_event_due) = (0, false);
    }

    fn leave(&mut self, turn: &mut Turn<'_>) -> Result<Next, Failure> {
        self.goes_at = Some(turn.now + LAST_ANSWERS_TIME_MAX);
        self.send_due(turn);
        self.go_when_done(turn.now);
        Ok(Next::GoOn)
    }

    fn ended(&mut self, turn: &mut Turn<'_>) {
        self.end_stay(None, turn);
    }

    fn has_played(&self) -> bool {
        self.has_played
    }
}
