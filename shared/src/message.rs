//! Control messages: everything between client and server that is neither input nor state.
//!
//! They hold integers of at most 32 bits, bools, strings, options, lists and enums, so that a page
//! of JavaScript reads them. Variants are numbered in the order of this file; a new one goes to the
//! end. docs/PROTOCOL.md gives the bytes of each.

use crate::close::Refusal;
use crate::codec::{self, Decode, DecodeError, Encode};
use crate::limits::{CLIENT_MESSAGE_BYTES_MAX, SERVER_MESSAGE_BYTES_MAX};
use crate::packet::{ClientTag, ServerTag};

/// The version of the protocol that this crate speaks.
pub const PROTOCOL_VERSION: u16 = 3;

/// The WebSocket subprotocol of [`PROTOCOL_VERSION`].
pub const SUBPROTOCOL: &str = "fracas.3";

/// A control message from a client.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum ClientMessage {
    /// The first message of a connection.
    Hello {
        /// The client's [`PROTOCOL_VERSION`].
        protocol: u16,
        /// The player's name.
        name: String,
        /// The client program and its version, for the server's log.
        client: String,
    },
    /// Asks for a seat; answered by `Joined` or `Refused`.
    Join {
        /// Which room.
        room: RoomWanted,
        /// The hash of the schema that the client has, 0 for none: it is not sent again.
        schema_hash: u32,
    },
    /// Gives the seat back; answered by `Left`.
    Leave,
    /// Asks for a page of rooms; answered by `Rooms`.
    List {
        /// Only rooms of this game.
        game: Option<String>,
        /// Rooms to pass over.
        skip: u32,
    },
    /// The newest tick whose frame was decoded. It rides on inputs; a client that sends none sends
    /// this once a second.
    Ack {
        /// That tick.
        tick: u32,
    },
    /// Asks for a keyframe: the client could not decode a frame or its view hash differed.
    Resync,
    /// Asks for a `Pong` with the same number.
    Ping {
        /// Any number.
        nonce: u32,
    },
    /// Says something to others in the room; the rules may refuse to pass it on.
    Say {
        /// Who is to hear it.
        to: Hearers,
        /// 1 to [`CHAT_BYTES_MAX`](crate::limits::CHAT_BYTES_MAX) bytes, no control characters.
        text: String,
    },
}

/// Who is to hear what a player says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Hearers {
    /// Everyone in the room, the speaker too.
    All,
    /// Everyone but the speaker.
    Others,
    /// One player.
    One {
        /// That player's seat.
        player: u16,
    },
}

/// Which room a client wants a seat in.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum RoomWanted {
    /// Any open room of the game, or a new one.
    JoinOrCreate {
        /// The game's id.
        game: String,
        /// Options for a new room, as a JSON object; empty for the game's own. A room is open to
        /// this request if it was made with equal options.
        options: String,
    },
    /// Any open room of the game.
    Join {
        /// The game's id.
        game: String,
    },
    /// A new room.
    Create {
        /// The game's id.
        game: String,
        /// Its options, as a JSON object; empty for the game's own.
        options: String,
    },
    /// The room of this id.
    ById {
        /// The room's id.
        room: String,
        /// The room's password; empty for none.
        password: String,
    },
    /// The seat that was reserved over HTTP.
    Reserved {
        /// The ticket that came with the reservation. It is good once.
        ticket: String,
    },
    /// No seat, only to watch the room of this id.
    Spectate {
        /// The room's id.
        room: String,
        /// The room's password; empty for none.
        password: String,
    },
    /// The seat that the client had before its connection was lost.
    Resume {
        /// The seat's [`Joined::resume_token`].
        token: String,
        /// How many reliable messages of the room the client has had in this seat; none when it does
        /// not know any more. See [`ServerMessage::is_reliable`].
        received: Option<u32>,
        /// The number of this try in this seat, above that of every try before: one that was long on
        /// its way must not take the seat from a later one. None when the client does not know any
        /// more, and then it is the latest.
        attempt: Option<u32>,
    },
}

/// A control message from the server.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum ServerMessage {
    /// The answer to `Hello`.
    Welcome {
        /// The server's [`PROTOCOL_VERSION`].
        protocol: u16,
        /// The server program and its version.
        server: String,
    },
    /// The answer to `Join`: the client has a seat. A keyframe follows.
    Joined(Joined),
    /// The answer to a request that is not granted. The connection stays.
    Refused(Refusal),
    /// The answer to `Leave`.
    Left {
        /// The last tick that the player was part of.
        tick: u32,
    },
    /// The answer to `List`.
    Rooms {
        /// At most [`ROOMS_PER_LISTING_MAX`](crate::limits::ROOMS_PER_LISTING_MAX), oldest first.
        rooms: Vec<RoomInfo>,
        /// How many there are in all.
        total: u32,
    },
    /// Another player took a seat.
    PlayerJoined(RosterEntry),
    /// Another player's seat became free.
    PlayerLeft {
        /// The seat.
        player: u16,
    },
    /// The match is over.
    Outcome {
        /// Seats and scores, the best first.
        standings: Vec<Standing>,
        /// The tick at which the next match begins.
        next_match_tick: u32,
    },
    /// A new match began with the same players.
    MatchBegan {
        /// Its first tick.
        tick: u32,
    },
    /// The server was too late to make up for: time was dropped. The next tick comes as if nothing
    /// had been.
    TimeDropped {
        /// The last tick before the gap.
        tick: u32,
        /// How many ticks' time was dropped.
        ticks: u32,
    },
    /// The answer to `Ping`.
    Pong {
        /// The ping's number.
        nonce: u32,
    },
    /// A player said something.
    Said {
        /// The speaker's seat.
        player: u16,
        /// Who hears it.
        to: Hearers,
        /// What was said.
        text: String,
    },
    /// A player's connection was lost. The seat is kept for some time.
    PlayerAway {
        /// The seat.
        player: u16,
    },
    /// A player who was away is back in the seat.
    PlayerBack {
        /// The seat.
        player: u16,
    },
    /// The refusal, or the end of the connection, that follows: the client is not to try again before.
    RetryAfter {
        /// From now.
        ms: u32,
    },
    /// Whoever runs the server has something to say.
    Notification {
        /// 1 to [`NOTIFICATION_BYTES_MAX`](crate::limits::NOTIFICATION_BYTES_MAX) bytes, no control characters.
        text: String,
    },
}

/// What a client needs to know of the room that it has joined.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct Joined {
    /// The room's id.
    pub room: String,
    /// The game's id.
    pub game: String,
    /// The client's seat; none for who only watches.
    pub player: Option<u16>,
    /// Seats of the room.
    pub seats: u16,
    /// The room's ticks per second.
    pub tick_hz: u16,
    /// The tick at which the player joined; the first frame is of this tick.
    pub tick: u32,
    /// The hash of the game's schema.
    pub schema_hash: u32,
    /// The schema as JSON, unless the client has it.
    pub schema: Option<String>,
    /// The game's config as JSON.
    pub config: String,
    /// Everyone in the room, the client too.
    pub roster: Vec<RosterEntry>,
    /// What takes the seat up again after the connection was lost: the client's own secret. Empty for
    /// who only watches.
    pub resume_token: String,
    /// How many seconds the seat is kept after the connection was lost.
    pub linger_s: u16,
    /// What became of the reliable messages, when the seat was taken up again.
    pub resumed: Option<Resumed>,
}

/// What a client needs to know when it has taken its seat up again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Resumed {
    /// How many reliable messages are gone for good. With 0, and the others on their way, nothing was
    /// missed.
    pub missed: u32,
    /// How many reliable messages the client is taken to have had in this seat, the missed ones
    /// counted in: those that follow come after these.
    pub received: u32,
    /// The number of the try that has taken the seat up.
    pub attempt: u32,
}

/// A seated player.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct RosterEntry {
    /// The seat.
    pub player: u16,
    /// The player's name.
    pub name: String,
    /// Whether the server plays it.
    pub is_bot: bool,
    /// Whether the connection was lost and the seat is kept.
    pub is_away: bool,
}

/// A line of the standings.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Standing {
    /// The seat.
    pub player: u16,
    /// The score.
    pub score: i32,
}

/// A room in a listing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct RoomInfo {
    /// The room's id.
    pub room: String,
    /// The game's id.
    pub game: String,
    /// Players that are not bots.
    pub players: u16,
    /// Bots, which make room for players.
    pub bots: u16,
    /// Seats of the room.
    pub seats: u16,
    /// The room's ticks per second.
    pub tick_hz: u16,
    /// What the room's creator says of it: a JSON object.
    pub metadata: String,
    /// Who only watches.
    pub spectators: u16,
    /// Whether a password is needed.
    pub has_password: bool,
    /// Whether it takes nobody any more.
    pub is_locked: bool,
}

impl ClientMessage {
    /// The whole WebSocket message, tag and all.
    pub fn to_bytes(&self) -> Vec<u8> {
        tagged(ClientTag::Control as u8, self)
    }

    /// Reads what follows the tag.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, DecodeError> {
        codec::decode::<Self, CLIENT_MESSAGE_BYTES_MAX>(bytes)
    }
}

impl ServerMessage {
    /// Whether it is one of a room's reliable messages, which both ends count so that none is missed
    /// when a seat is taken up again. The messages of the game's events are counted, too.
    pub fn is_reliable(&self) -> bool {
        match self {
            Self::PlayerJoined(_)
            | Self::PlayerLeft { .. }
            | Self::Outcome { .. }
            | Self::MatchBegan { .. }
            | Self::TimeDropped { .. }
            | Self::Said { .. }
            | Self::PlayerAway { .. }
            | Self::PlayerBack { .. }
            | Self::Notification { .. } => true,
            Self::Welcome { .. }
            | Self::Joined(_)
            | Self::Refused(_)
            | Self::Left { .. }
            | Self::Rooms { .. }
            | Self::Pong { .. }
            | Self::RetryAfter { .. } => false,
        }
    }

    /// The whole WebSocket message, tag and all.
    pub fn to_bytes(&self) -> Vec<u8> {
        tagged(ServerTag::Control as u8, self)
    }

    /// Reads what follows the tag.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, DecodeError> {
        codec::decode::<Self, SERVER_MESSAGE_BYTES_MAX>(bytes)
    }
}

fn tagged<T: Encode>(tag: u8, message: &T) -> Vec<u8> {
    let mut bytes = vec![tag];
    bytes.extend_from_slice(&codec::encode(message));
    bytes
}
