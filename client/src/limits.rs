//! The limits of a client's memory and patience, beside those of
//! [`fracas_shared::limits`].

use std::time::Duration;

use fracas_shared::limits::{
    CLIENT_MESSAGE_BYTES_MAX, FRAME_BYTES_MAX, INPUT_AHEAD_TICKS_MAX, SERVER_MESSAGE_BYTES_MAX,
};

/// Events of a [`Session`](crate::Session) that wait to be polled. More: the session fails.
pub const EVENTS_WAITING_MAX: usize = 1024;

/// Messages of a [`Session`](crate::Session) that wait to be sent. More: a request is refused.
pub const SENDS_WAITING_MAX: usize = 256;

/// Frames in a row that cannot be decoded. More: the session fails, for a keyframe does not help.
pub const FRAMES_LOST_IN_A_ROW_MAX: u32 = 3;

/// Ticks by which an input's stamp is ahead of the newest frame, at most.
pub const INPUT_LEAD_TICKS_MAX: u32 = 24;

/// Snapshots in a [`SnapshotBuffer`](crate::SnapshotBuffer). More: the oldest goes.
pub const SNAPSHOTS_BUFFERED_MAX: usize = 64;

/// A message from the server. Longer: the connection ends.
pub const INBOUND_BYTES_MAX: usize = SERVER_MESSAGE_BYTES_MAX + 1;

/// Encoded bytes that wait for the socket. More: the connection ends.
pub const OUTBOUND_BYTES_MAX: usize = 64 * 1024;

/// Time from the first packet to the server's welcome. Longer: connecting fails.
pub const CONNECT_TIME_MAX: Duration = Duration::from_secs(10);

/// Time between two acks of a client that sends no inputs.
pub const ACK_INTERVAL: Duration = Duration::from_secs(1);

/// What a server may ask a client to wait before it tries again. Longer: not obeyed.
pub const RETRY_AFTER_MAX: Duration = Duration::from_mins(1);

/// A sentence of the server's in an error of ours. Longer: cut.
pub const SENTENCE_BYTES_MAX: usize = 512;

/// Samples of a kind from which the server's clock is told. More: the oldest goes.
pub const CLOCK_SAMPLES_MAX: usize = 512;

/// By how much this machine's clock may be faster or slower than the server's: 0.02 for 2 %. More is
/// taken to be this.
pub const CLOCK_DRIFT_MAX: f64 = 0.02;

/// Inputs of which no frame has told yet. More: the oldest is forgotten.
pub const INPUTS_UNTOLD_MAX: usize = 256;

/// Time whose ticks are due at once, as after the machine slept. More: the oldest are passed over.
pub const DUE_TIME_MAX: Duration = Duration::from_millis(500);

/// Ticks that are due at once in any case.
pub const TICKS_DUE_MIN: i64 = 8;

/// Ticks that are predicted ahead of the newest frame. More: the oldest is forgotten.
pub const PREDICTED_TICKS_MAX: usize = 128;

/// Events that were foretold and wait for the server's word. More: the oldest is forgotten.
pub const FORETOLD_MAX: usize = 256;

/// For how long things move on by themselves when nothing newer has come.
pub const EXTRAPOLATION_MAX: Duration = Duration::from_millis(100);

const _: () = {
    assert!(INPUT_LEAD_TICKS_MAX < INPUT_AHEAD_TICKS_MAX, "the server would drop the input");
    assert!(FRAME_BYTES_MAX < INBOUND_BYTES_MAX, "a frame and its tag fit into a message");
    assert!(OUTBOUND_BYTES_MAX >= 8 * CLIENT_MESSAGE_BYTES_MAX);
};
