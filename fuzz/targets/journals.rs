//! Files of journals from a disk that is not to be trusted.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| fracas_fuzz::journals(input));
