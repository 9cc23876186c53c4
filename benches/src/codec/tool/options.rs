//! What is asked for.

use std::path::PathBuf;

use clap::Parser;
use clap::builder::RangedU64ValueParser;
use fracas_shared::limits::BASELINE_AGE_MAX;

const EXPLANATION: &str = r#"The schema is one kind of entity:
  {"fields": [{"name": "x", "kind": "fixed", "min": 0, "step": 0.03125, "bits": 12},
              {"name": "aim", "kind": "angle", "bits": 10},
              {"name": "hp", "kind": "uint", "bits": 7}]}
Kinds of fields are bool, uint, int, fixed, angle, enum (with "names"), entity and player.

The trace is CSV with a header; its columns are in any order:
  tick,entity,x,aim,hp
  1,7,2048,512,100
  1,9,301,17,85
  2,7,2050,511,100
- A number of a field is its code, a whole number from 0 to 2^bits - 1. That of a `fixed` field is
  round((value - min) / step), that of an `angle` round(radians / tau * 2^bits) modulo 2^bits.
  When the column of an `int` field has a negative number, all its numbers are taken as values.
- Rows of one tick follow each other and are a frame; ticks ascend and may leave some out. For
  the codec, frames are renumbered 1, 2, 3, ..., so --baseline counts frames.
- An entity is any number below 2^64. At most 4,096 are in a frame. On the wire each has an id
  from 1 to 65,535; when these are used up, an id is given on once its entity was away for 256
  frames.

What is printed, and is in --json for each of its configurations:
- `default` is how rooms code. `never learning` keeps the model that it begins with. `adaptive Rice`
  and `changed codes` are what plain packing gives: of what changed, the difference in a Rice code
  that adapts within a frame, or the whole code.
- An update is an entity that is in a frame and in its baseline. Bits and bytes per update are
  all bytes of the frames over their updates. The first N frames are keyframes: they are counted
  apart.
- Encoding and decoding are in nanoseconds per entity of a frame, the median of several passes.
  Following is a part of encoding, which is done once for a tick, whatever frames are made of it.
- Controls are the order-0 entropies of what a field differs from the baseline, and of what that
  difference differs from the one N frames before; modulo 2^bits, summed over the fields, per
  update.
- Every frame is decoded, and must be what was encoded: or the exit code is 1, as it is when a
  file is wrong. Wrong usage is 2.

Example:
  cargo xtask codec --schema schema.json --trace frames.csv.zst --baseline 6 --json summary.json"#;

/// Measures the state codec on a trace: bytes, time, and that every frame comes back as it went.
#[derive(Clone, Debug, Parser)]
#[command(name = "codec", bin_name = "cargo xtask codec", after_help = EXPLANATION)]
pub struct Options {
    /// The kind of entity that the trace is of: its fields, as JSON
    #[arg(long, value_name = "FILE")]
    pub schema: PathBuf,
    /// The trace, as CSV; compressed by zstd when its name ends in .zst
    #[arg(long, value_name = "FILE")]
    pub trace: PathBuf,
    /// How many frames back each frame's baseline is, 1 to 64
    #[arg(long, value_name = "N", default_value_t = 1,
        value_parser = RangedU64ValueParser::<u32>::new().range(1..=u64::from(BASELINE_AGE_MAX)))]
    pub baseline: u32,
    /// Write the bytes of each frame, keyframes too, as CSV: tick,bytes
    #[arg(long, value_name = "FILE")]
    pub per_frame: Option<PathBuf>,
    /// Write the figures as JSON
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
}
