//! As many frames of a trace as are measured at a time.

use anyhow::Result;

use super::trace::{Frame, Trace};

/// Long enough that looking at the clock costs nothing.
const FRAMES_MAX: usize = 512;
/// So that chunks of large frames take little memory: 4 bytes each, some times over.
const CODES_MAX: usize = 1 << 20;

/// The next frames; none at the end.
pub(super) fn chunk(trace: &mut Trace) -> Result<Vec<Frame>> {
    let mut frames = Vec::new();
    let mut codes = 0;
    while frames.len() < FRAMES_MAX && codes < CODES_MAX {
        let Some(frame) = trace.next_frame()? else { break };
        codes += frame.snapshot.rows().map(|row| row.codes.len()).sum::<usize>();
        frames.push(frame);
    }
    Ok(frames)
}
