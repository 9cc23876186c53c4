//! Every limit of the house, in one table.
//!
//! A limit is used by name where it bites, never as a number. [`TABLE`] lists them all, for the
//! documentation and for the test that finds a limit nobody enforces. What one limit needs of
//! another is asserted at compile time below.

/// One row of [`TABLE`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// The constant's name.
    pub name: &'static str,
    /// Its value, in `unit`.
    pub value: u64,
    /// What is counted.
    pub unit: &'static str,
    /// What it bounds and what happens beyond it.
    pub meaning: &'static str,
}

macro_rules! limits {
    ($($(#[doc = $doc:literal])+ $name:ident: $type:ty = $value:expr, $unit:literal;)+) => {
        $($(#[doc = $doc])+ pub const $name: $type = $value;)+

        /// All limits, in the order of this file.
        pub const TABLE: &[Limit] = &[
            $(Limit {
                name: stringify!($name),
                value: $name as u64,
                unit: $unit,
                meaning: concat!($($doc),+),
            },)+
        ];
    };
}

limits! {
    /// Kinds of rows (variants) in one union of a schema. More: the schema is refused.
    KINDS_MAX: usize = 32, "kinds";
    /// Fields of one kind of row. More: the schema is refused.
    FIELDS_MAX: usize = 64, "fields";
    /// Names in one enum field. More: the schema is refused.
    ENUM_NAMES_MAX: usize = 256, "names";
    /// A name in a schema. Longer: the schema is refused.
    NAME_BYTES_MAX: usize = 64, "bytes";
    /// A schema's JSON. Longer: refused by the client.
    SCHEMA_BYTES_MAX: usize = 64 * 1024, "bytes";

    /// Live entities of one world. More: `spawn` answers `WorldFull`.
    ENTITIES_MAX: usize = 4096, "entities";
    /// Seats of one room. More: the room's options are refused.
    SEATS_MAX: u16 = 1000, "seats";
    /// A room's ticks per second. More: the room's options are refused.
    TICK_HZ_MAX: u16 = 240, "Hz";
    /// Texts and byte strings that the rows of one snapshot may name. More: the value is sent empty.
    TEXTS_MAX: usize = 1023, "strings";
    /// One text or byte string in a row. Longer: cut when written, refused when read.
    TEXT_BYTES_MAX: usize = 255, "bytes";
    /// A baseline's age. Older: the viewer gets a keyframe.
    BASELINE_AGE_MAX: u32 = 64, "ticks";
    /// Snapshots that a room keeps for viewers that are behind. More: the oldest is forgotten, and who holds it
    /// gets a keyframe.
    BASELINES_MAX: usize = 5, "snapshots";
    /// Deltas from different baselines made in one tick. More: the other stale viewers get the keyframe.
    DELTAS_PER_TICK_MAX: usize = 4, "deltas";
    /// Ticks for which a wire id is not given to another entity. A client that missed more starts afresh.
    WIRE_ID_QUARANTINE_TICKS: u32 = 256, "ticks";
    /// Ticks between two view hashes in the frames of a room.
    VIEW_HASH_INTERVAL_TICKS: u32 = 32, "ticks";
    /// One encoded frame. Longer: the room ends, for its world is beyond what it may show.
    FRAME_BYTES_MAX: usize = 256 * 1024, "bytes";
    /// Events emitted in one tick. More: dropped, and counted in the tick's report.
    EVENTS_PER_TICK_MAX: usize = 255, "events";
    /// One room's state as checkpoint bytes. Longer: refused when read.
    CHECKPOINT_BYTES_MAX: usize = 16 * 1024 * 1024, "bytes";
    /// One chunk of a journal. Longer: taken to be damaged.
    JOURNAL_CHUNK_BYTES_MAX: usize = 64 * 1024 * 1024, "bytes";
    /// The name of the build in a journal. Longer: cut when written.
    JOURNAL_BUILD_BYTES_MAX: usize = 128, "bytes";

    /// Inputs of one player that wait for their ticks. An earlier one than these is dropped and counted.
    INPUT_AHEAD_TICKS_MAX: u32 = 32, "ticks";
    /// Ticks for which a missing input is taken to be the last one again; then it is the neutral input.
    INPUT_REPEAT_TICKS_MAX: u32 = 15, "ticks";
    /// How far back lag compensation may go. A room's options that want more are refused.
    REWIND_TIME_MAX_MS: u16 = 1000, "ms";
    /// What a room remembers for lag compensation: as many views of entities, those of each tick counted. More:
    /// the oldest ticks are forgotten.
    HISTORY_ENTITIES_MAX: usize = 32 * 1024, "entities";
    /// Ticks by which lag compensation may go back. A room's options that want more at its tick rate are refused.
    REWIND_TICKS_MAX: u32 = 60, "ticks";
    /// Inputs of one connection in a second, for long. More: the connection is closed, once those of
    /// `INPUTS_BURST_MAX` are used up.
    INPUTS_PER_S_MAX: u32 = 480, "inputs";
    /// Inputs of one connection at once: what a line held back comes together. More: the connection is closed.
    INPUTS_BURST_MAX: u32 = 2400, "inputs";
    /// Chat and game messages of one player taken in one tick. More wait for the next tick.
    MESSAGES_PER_TICK_MAX: usize = 4, "messages";
    /// Chat and game messages of one player that wait. More: the player's connection is closed.
    MESSAGES_WAITING_MAX: usize = 64, "messages";

    /// A message from a client. Longer: the connection is closed.
    CLIENT_MESSAGE_BYTES_MAX: usize = 4 * 1024, "bytes";
    /// A control message from the server. Longer: refused by the client.
    SERVER_MESSAGE_BYTES_MAX: usize = 256 * 1024, "bytes";
    /// A player's name. Longer: the join is refused.
    PLAYER_NAME_BYTES_MAX: usize = 32, "bytes";
    /// What a player says at once. Longer: not passed on.
    CHAT_BYTES_MAX: usize = 300, "bytes";
    /// Chat messages of one connection in any second. More: the connection is closed.
    CHATS_PER_S_MAX: u32 = 5, "messages";
    /// What whoever runs the server says to players at once. Longer: refused with 400.
    NOTIFICATION_BYTES_MAX: usize = 1000, "bytes";
    /// A room's options as JSON. Longer: the create is refused.
    OPTIONS_BYTES_MAX: usize = 2 * 1024, "bytes";
    /// Rooms in one answer to a listing.
    ROOMS_PER_LISTING_MAX: usize = 100, "rooms";
    /// Values of metadata that a listing asks for. More: answered with 400.
    LISTING_FILTERS_MAX: usize = 4, "values";
    /// Control messages, game messages and WebSocket pings of one connection in any second. More: the
    /// connection is closed.
    CONTROLS_PER_S_MAX: u32 = 60, "messages";

    /// Connections of a server, all doors. More: answered with 503.
    CONNECTIONS_MAX: usize = 20_000, "connections";
    /// Refusals of connections that are told at one time. More are closed without a word.
    REFUSALS_MAX: usize = 256, "refusals";
    /// Connections of one address, unless set otherwise. More: answered with 429.
    CONNECTIONS_PER_ADDRESS_MAX: usize = 256, "connections";
    /// Connections and requests of one address in any second, unless set otherwise. More: answered with 429.
    REQUESTS_PER_ADDRESS_MAX: u32 = 200, "requests";
    /// Joins of one address in any second, unless set otherwise: a WebSocket that is opened or a seat that is
    /// reserved is a join. More: answered with 429.
    JOINS_PER_ADDRESS_MAX: u32 = 20, "joins";
    /// Reserved seats of one address whose tickets have not been used, unless set otherwise. More: answered
    /// with 429.
    TICKETS_PER_ADDRESS_MAX: usize = 32, "tickets";
    /// Seats of one address, those of players who are away too, unless set otherwise. More: the join is refused.
    SEATS_PER_ADDRESS_MAX: usize = 256, "seats";
    /// Rooms that one address has created, unless set otherwise. More: the create is refused.
    ROOMS_PER_ADDRESS_MAX: usize = 64, "rooms";
    /// Addresses that are counted at one time. More: answered with 503, until others have been quiet for a
    /// second.
    ADDRESSES_MAX: usize = 65_536, "addresses";
    /// The part of an IPv6 address that counts as one address: what one household has.
    ADDRESS_V6_BITS: u32 = 64, "bits";
    /// A token that a client shows. Longer: the join is refused with 401.
    TOKEN_BYTES_MAX: usize = 8 * 1024, "bytes";
    /// What is known of a client that was let in, as JSON. Longer: the join is refused with 401.
    CLAIMS_BYTES_MAX: usize = 2 * 1024, "bytes";
    /// How much the clocks of this server and of who made a token may differ. More: it has expired, or its time
    /// has not come.
    TOKEN_LEEWAY_S: u64 = 30, "s";
    /// A secret that a server asks for. Shorter: the setting is refused.
    SECRET_BYTES_MIN: usize = 16, "bytes";
    /// A secret that tokens are signed with, as RFC 7518 wants it. Shorter: the setting is refused.
    SIGNING_SECRET_BYTES_MIN: usize = 32, "bytes";
    /// The header of the PROXY protocol. Longer: answered with 400.
    PROXY_HEADER_BYTES_MAX: usize = 4 * 1024, "bytes";
    /// Rooms of a server. More: the create is refused.
    ROOMS_MAX: usize = 10_000, "rooms";
    /// Time for a seat that was reserved over HTTP to be taken. Then it is free again.
    TICKET_TIME_MAX_S: u64 = 15, "s";
    /// Reserved seats whose tickets have not been used. More: the reservation is refused.
    TICKETS_MAX: usize = 10_000, "tickets";
    /// Time that a seat may be kept after its connection was lost. A game that wants more is refused.
    LINGER_TIME_MAX_S: u16 = 600, "s";
    /// Latest reliable messages that a room keeps for clients that come back, times its players. Older ones are missed.
    RESUME_MESSAGES_MAX: usize = 64, "messages";
    /// Bytes of latest reliable messages that a room keeps, times its players. Older ones are missed.
    RESUME_BYTES_MAX: usize = 32 * 1024, "bytes";
    /// Time for a client to acknowledge a frame that was begun. Longer: it is closed as too slow.
    ACK_TIME_MAX_S: u64 = 10, "s";
    /// Viewers of one room without a seat. More: refused.
    SPECTATORS_PER_ROOM_MAX: usize = 100, "viewers";
    /// A room's password. Longer: the room's options are refused.
    PASSWORD_BYTES_MAX: usize = 64, "bytes";
    /// Wrong passwords and resume tokens of one connection. More: it is closed.
    WRONG_SECRETS_MAX: u32 = 8, "tries";
    /// Whoever is banned from one room. More: the oldest ban is forgotten.
    BANS_PER_ROOM_MAX: usize = 256, "bans";
    /// Bytes that one connection receives in any second, heads and masks counted in. More: it is closed.
    RECEIVED_BYTES_PER_S_MAX: u64 = 512 * 1024, "bytes";
    /// From a message's first byte to its last. Longer: the connection is closed.
    MESSAGE_TIME_MAX_S: u64 = 10, "s";
    /// Requests that wait for one room's next tick. More: inputs are dropped and counted.
    ROOM_INBOX_MAX: usize = 4096, "requests";
    /// Reliable messages that wait for one connection. More: it is closed as too slow.
    MAILBOX_RELIABLE_MAX: usize = 2560, "messages";
    /// Bytes of reliable messages that wait for one connection. More: it is closed as too slow.
    MAILBOX_RELIABLE_BYTES_MAX: usize = 512 * 1024, "bytes";
    /// A connection's encoded bytes that wait for the socket. More: it is closed as too slow.
    WRITE_BUFFER_BYTES_MAX: usize = 1024 * 1024, "bytes";
    /// The kernel's send buffer for one connection.
    SEND_BUFFER_BYTES: usize = 64 * 1024, "bytes";
    /// What a player's line has not taken of that. More waits in the mailbox, where the newest state replaces older ones.
    UNSENT_BYTES_MAX: u32 = 4 * 1024, "bytes";
    /// A connection's read buffer, and what is read of a seated player before a tick. More waits for the next tick.
    READ_BUFFER_BYTES: usize = 4 * 1024, "bytes";
    /// The head of an HTTP request. Longer: answered with 431.
    HTTP_HEAD_BYTES_MAX: usize = 16 * 1024, "bytes";
    /// Time for a request's head to be whole. Longer: the connection is closed.
    HTTP_HEAD_TIME_MAX_S: u64 = 10, "s";
    /// Time for a request's body to be whole. Longer: answered with 408.
    HTTP_BODY_TIME_MAX_S: u64 = 10, "s";
    /// Time in which a client reads nothing of an answer. Longer: the connection is closed.
    HTTP_UNREAD_TIME_MAX_S: u64 = 10, "s";
    /// Time for TLS to be agreed on. Longer: the connection is closed.
    TLS_HANDSHAKE_TIME_MAX_S: u64 = 10, "s";
    /// Time after which a certificate's files are looked at again.
    CERTIFICATE_POLL_S: u64 = 2, "s";
    /// Time from the upgrade to the client's hello. Longer: the connection is closed.
    HELLO_TIME_MAX_S: u64 = 10, "s";
    /// Silence after which the server pings.
    PING_AFTER_S: u64 = 10, "s";
    /// Silence of a connection, pongs included. Longer: it is closed.
    IDLE_TIME_MAX_S: u64 = 30, "s";
    /// Time for a socket to take the close frame. Longer: it is cut.
    CLOSE_TIME_MAX_S: u64 = 2, "s";
    /// What is read of a connection after its close frame was sent. More is left unread until the line is cut.
    FAREWELL_BYTES_MAX: u64 = 64 * 1024, "bytes";
    /// Bytes that are read of a client which reads nothing of what it is sent. More wait until it does.
    UNANSWERED_BYTES_MAX: usize = 16 * 1024, "bytes";
    /// A post of a polling client, or a message of Engine.IO. Longer: answered with 413, or the session is
    /// closed. An answer to a poll has as much, or a single packet.
    SOCKETIO_PAYLOAD_BYTES_MAX: usize = 16 * 1024, "bytes";
    /// Events of one Socket.IO client that wait to be heard. More: it is closed.
    SOCKETIO_INBOX_MAX: usize = 256, "events";
    /// Bytes of the events that wait. More: the client is closed.
    SOCKETIO_INBOX_BYTES_MAX: usize = 128 * 1024, "bytes";
    /// Binaries of one event of a Socket.IO client. More: its session ends.
    SOCKETIO_BINARIES_MAX: usize = 2, "binaries";
    /// Requests of one Socket.IO client that wait for their answers. What is asked beyond is answered by events.
    SOCKETIO_ANSWERS_MAX: usize = 32, "requests";
    /// Requests of one polling client in any second. More: answered with 429.
    SOCKETIO_REQUESTS_PER_S_MAX: u32 = 240, "requests";
    /// Ticks made up for at once when a room is late. Beyond: time is dropped, counted and told.
    CATCH_UP_TICKS_MAX: u32 = 3, "ticks";
    /// Time that the rules may take for one tick, or to open a match, unless set otherwise. More: the room is given
    /// up, or refused.
    STEP_TIME_MAX_MS: u32 = 2000, "ms";
    /// Threads lost to rules that do not come back. As many: the process ends, to be started anew.
    SIM_THREADS_LOST_MAX: usize = 2, "threads";
    /// How often a permanent room is opened anew whose rules failed. More: it stays away.
    REOPENINGS_MAX: u32 = 5, "times";
    /// How long a simulated line may keep a message back: each of its settings. More: refused.
    LINE_DELAY_MAX_MS: u32 = 5000, "ms";
    /// How slow a simulated line may be. Slower: refused.
    LINE_RATE_MIN_KBPS: u32 = 8, "kbit/s";
    /// What a simulated line keeps back in each direction, and what keeping it takes. More is not taken: what is
    /// sent waits where newer state replaces older, and what comes is not read.
    LINE_BYTES_MAX: usize = 256 * 1024, "bytes";
    /// Rooms that tick at one moment on one simulation thread, before the next phase is opened.
    PHASE_ROOMS_MAX: usize = 16, "rooms";
    /// Phases that one tick's period is divided into on a simulation thread.
    PHASES_MAX: usize = 8, "phases";
}

// What the limits need of each other.
const _: () = {
    assert!(SEATS_MAX < 1 << 10, "a player's field is 10 bits, 0 is nobody");
    assert!(TEXTS_MAX < 1 << 10, "a text's field is 10 bits, 0 is the empty text");
    assert!(TEXT_BYTES_MAX <= u8::MAX as usize, "a text's length is 8 bits");
    assert!(BASELINE_AGE_MAX <= u8::MAX as u32, "a baseline's age is 8 bits");
    assert!(DELTAS_PER_TICK_MAX <= BASELINES_MAX);
    assert!(BASELINE_AGE_MAX < WIRE_ID_QUARANTINE_TICKS, "no delta may see an id change hands");
    assert!(EVENTS_PER_TICK_MAX <= u8::MAX as usize, "an event count is 8 bits");
    assert!(
        MAILBOX_RELIABLE_MAX >= 2 * SEATS_MAX as usize + 256,
        "players who take the places of all bots of a room in one tick are no reason to close anybody"
    );
    assert!(INPUT_REPEAT_TICKS_MAX < INPUT_AHEAD_TICKS_MAX);
    assert!(INPUTS_PER_S_MAX >= 2 * TICK_HZ_MAX as u32, "an input for each tick is half of what may come");
    assert!(INPUTS_BURST_MAX < ROOM_INBOX_MAX as u32, "one player's stall costs nobody else an input");
    assert!(REWIND_TICKS_MAX < 64, "an input says moments up to 64 ticks before its own");
    assert!(MESSAGES_PER_TICK_MAX <= MESSAGES_WAITING_MAX);
    assert!(ENTITIES_MAX < u16::MAX as usize / 2, "wire ids outnumber entities and quarantine");
    assert!(OPTIONS_BYTES_MAX < CLIENT_MESSAGE_BYTES_MAX);
    assert!(CHAT_BYTES_MAX == 300, "the refusal of a chat message says so");
    assert!(SCHEMA_BYTES_MAX < SERVER_MESSAGE_BYTES_MAX);
    assert!(FRAME_BYTES_MAX + MAILBOX_RELIABLE_BYTES_MAX <= WRITE_BUFFER_BYTES_MAX);
    assert!(
        LINE_BYTES_MAX + SERVER_MESSAGE_BYTES_MAX < WRITE_BUFFER_BYTES_MAX,
        "what arrives over a line at one moment is no overflow"
    );
    assert!(PING_AFTER_S < IDLE_TIME_MAX_S);
    assert!(
        CONNECTIONS_MAX + TICKETS_MAX + ROOMS_MAX < ADDRESSES_MAX,
        "who holds something is never forgotten"
    );
    assert!(TOKEN_BYTES_MAX < HTTP_HEAD_BYTES_MAX, "a token is part of a head");
    assert!(SECRET_BYTES_MIN <= SIGNING_SECRET_BYTES_MIN && SIGNING_SECRET_BYTES_MIN <= TOKEN_BYTES_MAX);
    assert!(ADDRESS_V6_BITS > 0 && ADDRESS_V6_BITS < 128);
    assert!(KINDS_MAX <= u8::MAX as usize && FIELDS_MAX <= 64);
};
