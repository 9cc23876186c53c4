//! The cube scene is the same everywhere, and what is packed by hand of it comes back as it went.

use std::collections::VecDeque;

use fracas_benches::codec::{CUBE_HZ, CUBE_TICKS, CUBES, CubeRow, CubeTrace, fiedler};

const SEED: u64 = 42;
const BASELINE_TICKS: usize = 6;

/// How many ticks, where the player's cube is at the last of them, and the bytes of all frames. Without
/// optimisation the physics takes 30 ms a tick, so the whole trace is for `cargo test --release`.
const TRACE: (usize, CubeRow, usize) = if cfg!(debug_assertions) {
    (180, [132_804, 136_160, 835, 3, 287, 117, 434], 88_015)
} else {
    (CUBE_TICKS, [131_599, 128_219, 783, 0, 128, 353, 406], 1_022_921)
};

#[test]
fn frames_come_back_as_they_went() {
    let (ticks, player, bytes) = TRACE;
    let mut trace = CubeTrace::new(SEED);
    let mut past: VecDeque<Vec<CubeRow>> = VecDeque::new();
    let (mut found_bytes, mut changes) = (0, 0);
    for _ in 0..ticks {
        let snapshot = trace.snapshot();
        let now: Vec<CubeRow> = snapshot.rows().map(|row| row.codes.try_into().unwrap()).collect();
        assert_eq!(now.len(), CUBES);
        for row in &now {
            assert!(row.iter().zip(CubeTrace::bits()).all(|(code, bits)| code >> bits == 0), "{row:?}");
        }
        if past.len() == BASELINE_TICKS {
            let baseline = past.pop_front().unwrap();
            let mut frame = Vec::new();
            fiedler::encode(&baseline, &now, &mut frame);
            assert_eq!(fiedler::decode(&baseline, &frame).unwrap(), now);
            found_bytes += frame.len();
            changes += baseline.iter().zip(&now).filter(|(from, to)| from != to).count();
        }
        past.push_back(now);
    }
    let frames = ticks - BASELINE_TICKS;
    let kbit_per_s = found_bytes * 8 * usize::from(CUBE_HZ) / frames / 1000;
    assert!((200..400).contains(&kbit_per_s), "the scene is not as alive as Fiedler's: {kbit_per_s} kbit/s");
    let per_frame = changes / frames;
    assert!((50..150).contains(&per_frame), "{per_frame} cubes change from a baseline to its frame");
    assert_eq!(
        (past[BASELINE_TICKS - 1][0], found_bytes),
        (player, bytes),
        "the trace is not the one that was measured"
    );
}
