//! The protocol of one connection, without I/O: messages in, actions out.
//!
//! It holds what a client may do when, and every limit on that. It takes the time as an argument.
//! Transports differ only in who reads and writes; they carry the [`Action`]s out.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use fracas_shared::limits::{
    CHAT_BYTES_MAX, CHATS_PER_S_MAX, CONTROLS_PER_S_MAX, HELLO_TIME_MAX_S, IDLE_TIME_MAX_S, INPUTS_BURST_MAX,
    INPUTS_PER_S_MAX, PING_AFTER_S, PLAYER_NAME_BYTES_MAX, WRONG_SECRETS_MAX,
};
use fracas_shared::message::{ClientMessage, Hearers, PROTOCOL_VERSION, RoomWanted, ServerMessage};
use fracas_shared::packet::ClientTag;
use fracas_shared::{Chat, CloseCode, Refusal, Tick};

use super::rate::{Bucket, Rate};

/// When to try again what was refused because the server has too much to do.
const RETRY_BUSY_AFTER_MS: u32 = 2000;
/// When to come back to a server that stops: most likely another one starts in its place. By then this one's
/// port is closed, which is served a little longer for those who poll.
const RETRY_RESTART_AFTER_MS: u32 = 300;

/// What is to be done for a connection.
#[derive(Debug, PartialEq, Eq)]
pub enum Action {
    /// Send this to the client.
    Send(ServerMessage),
    /// Send a WebSocket ping.
    Ping,
    /// Find the client a seat, or a place to watch from; tell by [`Connection::handle_joined`] or
    /// [`Connection::handle_refused`].
    Join {
        /// Which room.
        wanted: RoomWanted,
        /// The player's name.
        name: Arc<str>,
        /// The hash of the schema that the client has.
        schema_hash: u32,
    },
    /// Give the client's seat back; tell by [`Connection::handle_left`].
    Leave,
    /// List rooms, and send the listing.
    List {
        /// Only rooms of this game.
        game: Option<String>,
        /// Rooms to pass over.
        skip: usize,
    },
    /// Pass an input packet to the room.
    Input(Bytes),
    /// Pass a game message's packet to the room.
    Message(Bytes),
    /// Pass what the player says to the room.
    Say(Chat),
    /// Pass on that the client lost track of the state.
    Resync,
    /// Pass on that the client has decoded the frame of this tick.
    Ack(Tick),
    /// End the connection.
    Close(CloseCode),
}

/// The state of one connection's conversation.
#[derive(Debug)]
pub struct Connection {
    stage: Stage,
    /// Set by the hello.
    name: Arc<str>,
    opened: Instant,
    heard: Instant,
    pinged: bool,
    inputs: Bucket,
    controls: Rate,
    chats: Rate,
    wrong_secrets: u32,
    actions: VecDeque<Action>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// No hello yet.
    New,
    /// In no room.
    Lobby,
    /// Asked for a seat.
    Joining,
    Seated,
    /// Asked to leave.
    Leaving,
    Closed,
}

/// Whether a text fits on a line for others to read: not empty, not too long, nothing unprintable.
pub(crate) fn is_line(text: &str, bytes_max: usize) -> bool {
    (1..=bytes_max).contains(&text.len()) && !text.chars().any(char::is_control)
}

/// Whether a player may have this name.
pub(super) fn is_player_name(name: &str) -> bool {
    is_line(name, PLAYER_NAME_BYTES_MAX)
}

impl Connection {
    /// A connection that was opened at `now`.
    pub fn new(now: Instant) -> Self {
        Self {
            stage: Stage::New,
            name: "".into(),
            opened: now,
            heard: now,
            pinged: false,
            inputs: Bucket::new(INPUTS_PER_S_MAX, INPUTS_BURST_MAX, now),
            controls: Rate::new(CONTROLS_PER_S_MAX.into(), now),
            chats: Rate::new(CHATS_PER_S_MAX.into(), now),
            wrong_secrets: 0,
            actions: VecDeque::new(),
        }
    }

    /// What is to be done next.
    pub fn poll_action(&mut self) -> Option<Action> {
        let action = self.actions.pop_front();
        if action.is_none() {
            // Nobody keeps memory to wait with.
            self.actions = VecDeque::new();
        }
        action
    }

    /// Whether the client has a seat, or is about to.
    pub fn is_waiting_for_room(&self) -> bool {
        matches!(self.stage, Stage::Joining | Stage::Leaving)
    }

    /// Takes a binary message. Not to be called while [`Connection::is_waiting_for_room`]: what the
    /// client said means something else afterwards.
    pub fn handle_binary(&mut self, message: &Bytes, now: Instant) {
        debug_assert!(!self.is_waiting_for_room());
        self.handle_sign_of_life(now);
        match ClientTag::split(message) {
            Ok((ClientTag::Input, _)) if self.stage == Stage::Seated => {
                if self.inputs.take(now) {
                    self.actions.push_back(Action::Input(message.slice(1..)));
                } else {
                    self.close(CloseCode::TooFast);
                }
            }
            // Inputs that were on their way when the room let go of the player.
            Ok((ClientTag::Input, _)) if self.stage == Stage::Lobby => {
                if !self.inputs.take(now) {
                    self.close(CloseCode::TooFast);
                }
            }
            _ if self.stage == Stage::Closed => {}
            _ if !self.controls.count(1, now) => self.close(CloseCode::TooFast),
            Ok((ClientTag::Control, bytes)) => match ClientMessage::from_bytes(bytes) {
                Ok(message) => self.handle_control(message, now),
                Err(_) => self.close(CloseCode::BadMessage),
            },
            Ok((ClientTag::Message, _)) if self.stage == Stage::Seated => {
                self.actions.push_back(Action::Message(message.slice(1..)));
            }
            _ => self.close(CloseCode::BadMessage),
        }
    }

    /// Takes an input that may be passed on at once. False for all else, which is for
    /// [`Connection::handle_binary`].
    pub fn take_input(&mut self, message: &[u8], now: Instant) -> bool {
        let is_input = message.first() == Some(&(ClientTag::Input as u8)) && self.stage == Stage::Seated;
        if is_input {
            self.handle_sign_of_life(now);
        }
        is_input && self.inputs.take(now)
    }

    /// Takes a text message, which the protocol has none of.
    pub fn handle_text(&mut self) {
        self.close(CloseCode::BadMessage);
    }

    /// Takes a ping or a pong of the WebSocket. They count as control messages: a ping costs the
    /// server an answer.
    pub fn handle_ping(&mut self, now: Instant) {
        self.handle_sign_of_life(now);
        if !self.controls.count(1, now) {
            self.close(CloseCode::TooFast);
        }
    }

    fn handle_sign_of_life(&mut self, now: Instant) {
        self.heard = now;
        self.pinged = false;
    }

    fn handle_control(&mut self, message: ClientMessage, now: Instant) {
        match (self.stage, message) {
            (Stage::New, ClientMessage::Hello { protocol, name, client: _ }) => {
                self.handle_hello(protocol, &name);
            }
            (Stage::New, _) | (_, ClientMessage::Hello { .. }) => self.close(CloseCode::BadMessage),
            (_, ClientMessage::Ping { nonce }) => self.send(ServerMessage::Pong { nonce }),
            (_, ClientMessage::List { game, skip }) => {
                self.actions.push_back(Action::List { game, skip: skip as usize });
            }
            (Stage::Lobby, ClientMessage::Join { room: wanted, schema_hash }) => {
                self.stage = Stage::Joining;
                self.actions.push_back(Action::Join { wanted, name: self.name.clone(), schema_hash });
            }
            (Stage::Seated, ClientMessage::Say { to, text }) => self.handle_say(to, &text, now),
            (_, ClientMessage::Join { .. }) => self.send(ServerMessage::Refused(Refusal::AlreadyInRoom)),
            (Stage::Seated, ClientMessage::Leave) => {
                self.stage = Stage::Leaving;
                self.actions.push_back(Action::Leave);
            }
            (Stage::Seated, ClientMessage::Resync) => self.actions.push_back(Action::Resync),
            (Stage::Seated, ClientMessage::Ack { tick }) => self.actions.push_back(Action::Ack(Tick(tick))),
            // Said when the room had let go of the player already.
            (
                _,
                ClientMessage::Leave
                | ClientMessage::Resync
                | ClientMessage::Ack { .. }
                | ClientMessage::Say { .. },
            ) => {}
        }
    }

    fn handle_hello(&mut self, protocol: u16, name: &str) {
        if protocol != PROTOCOL_VERSION {
            return self.close(CloseCode::WrongVersion);
        }
        let server = concat!("fracas-server ", env!("CARGO_PKG_VERSION")).to_owned();
        self.send(ServerMessage::Welcome { protocol: PROTOCOL_VERSION, server });
        if is_player_name(name) {
            self.name = name.into();
            self.stage = Stage::Lobby;
        } else {
            // The client may say hello again, with another name.
            self.send(ServerMessage::Refused(Refusal::BadName));
        }
    }

    fn handle_say(&mut self, to: Hearers, text: &str, now: Instant) {
        if !self.chats.count(1, now) {
            self.close(CloseCode::TooFast);
        } else if is_line(text, CHAT_BYTES_MAX) {
            self.actions.push_back(Action::Say(Chat { to, text: text.into() }));
        } else {
            self.send(ServerMessage::Refused(Refusal::BadChat));
        }
    }

    /// The client has its seat.
    pub fn handle_joined(&mut self) {
        self.enter(Stage::Seated);
    }

    /// The client does not get a seat.
    pub fn handle_refused(&mut self, refusal: Refusal) {
        self.enter(Stage::Lobby);
        match refusal {
            Refusal::Busy => self.send(ServerMessage::RetryAfter { ms: RETRY_BUSY_AFTER_MS }),
            Refusal::Stopping => self.send(ServerMessage::RetryAfter { ms: RETRY_RESTART_AFTER_MS }),
            Refusal::WrongPassword(_) | Refusal::SeatLost | Refusal::BadTicket => self.wrong_secrets += 1,
            _ => {}
        }
        self.send(ServerMessage::Refused(refusal));
        if self.wrong_secrets > WRONG_SECRETS_MAX {
            self.close(CloseCode::TooFast);
        }
    }

    /// The client's seat is free; `tick` is the last one it was part of.
    pub fn handle_left(&mut self, tick: Tick) {
        self.enter(Stage::Lobby);
        self.send(ServerMessage::Left { tick: tick.0 });
    }

    /// Goes on after the room's answer, unless the conversation was ended while it was awaited.
    fn enter(&mut self, stage: Stage) {
        if self.stage != Stage::Closed {
            self.stage = stage;
        }
    }

    /// Ends the conversation, whoever wants it.
    pub fn close(&mut self, code: CloseCode) {
        if self.stage != Stage::Closed {
            if code == CloseCode::Restart {
                self.send(ServerMessage::RetryAfter { ms: RETRY_RESTART_AFTER_MS });
            }
            self.stage = Stage::Closed;
            self.actions.push_back(Action::Close(code));
        }
    }

    /// When [`Connection::handle_timeout`] is to be called, unless something comes before.
    pub fn deadline(&self) -> Instant {
        let silence = if self.pinged { IDLE_TIME_MAX_S } else { PING_AFTER_S };
        match self.stage {
            Stage::New => self.opened + Duration::from_secs(HELLO_TIME_MAX_S),
            _ => self.heard + Duration::from_secs(silence),
        }
    }

    /// Does what is due at `now`.
    pub fn handle_timeout(&mut self, now: Instant) {
        if now < self.deadline() {
            return;
        }
        match self.stage {
            Stage::Closed => {}
            Stage::New => self.close(CloseCode::HelloTimeout),
            _ if self.pinged => self.close(CloseCode::IdleTimeout),
            _ => {
                self.pinged = true;
                self.actions.push_back(Action::Ping);
            }
        }
    }

    fn send(&mut self, message: ServerMessage) {
        self.actions.push_back(Action::Send(message));
    }
}

#[cfg(test)]
mod tests;
