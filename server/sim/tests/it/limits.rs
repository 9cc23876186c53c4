//! Limits of matches that no other test is about.

use fracas_shared::codec::DecodeError;
use fracas_shared::frame::FrameCodec;
use fracas_shared::limits::{CHECKPOINT_BYTES_MAX, VIEW_HASH_INTERVAL_TICKS};
use fracas_sim::conformance::Arrival;
use fracas_sim::{RestoreError, Room};

use crate::table::Table;
use crate::tokens::Tokens;

#[test]
fn a_checkpoint_is_not_longer_than_it_may_be() {
    let restore = |bytes: usize| Room::<Tokens>::restore(&vec![0; bytes]).err().expect("no checkpoint");
    let too_long =
        |error: &RestoreError| matches!(error, RestoreError::Malformed(DecodeError::TooLong { .. }));
    assert!(too_long(&restore(CHECKPOINT_BYTES_MAX + 1)));
    assert!(!too_long(&restore(CHECKPOINT_BYTES_MAX)), "malformed, but not for its length");
}

#[test]
fn view_hashes_come_once_in_a_while() {
    let mut table = Table::new(2, 0);
    let viewer = table.watch(None);
    let mut with_hash = Vec::new();
    for _ in 0..3 * VIEW_HASH_INTERVAL_TICKS {
        table.tick();
        for arrival in table.lines[viewer].0.flush() {
            let Arrival::State(state) = arrival else { continue };
            // Behind the frame's tag.
            let head = FrameCodec::peek(&state.frame[1..], state.tick).expect("a frame");
            with_hash.extend(head.hash.map(|_| head.tick.0));
        }
    }
    let wanted: Vec<_> = (1..=3).map(|n| n * VIEW_HASH_INTERVAL_TICKS).collect();
    assert_eq!(with_hash, wanted);
}
