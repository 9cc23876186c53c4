//! Frames from strangers, each on top of what those before it made.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| fracas_fuzz::frames(input));
