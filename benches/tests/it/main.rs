//! What measures, measured.

mod codec_tool;
mod netcode;
