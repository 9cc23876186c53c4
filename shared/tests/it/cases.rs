//! Seeded random cases. `FRACAS_CASES` says how many, `FRACAS_CASE_SEED` which comes first; a case that
//! fails prints the seed that brings it back.

use std::env;
use std::thread;

use fracas_shared::Rng;

/// Cases of each test when `FRACAS_CASES` is not set: quick without optimisation.
const CASES: u64 = 2_000;

/// Runs `case` once per seed.
pub(crate) fn check_cases(mut case: impl FnMut(&mut Rng)) {
    let first = number("FRACAS_CASE_SEED").unwrap_or(0);
    for seed in first..first + number("FRACAS_CASES").unwrap_or(CASES) {
        let named = NamesSeedOnPanic(seed);
        case(&mut Rng::new(seed, 0));
        drop(named);
    }
}

fn number(variable: &str) -> Option<u64> {
    let value = env::var(variable).ok()?;
    Some(value.parse().unwrap_or_else(|_| panic!("{variable} must be a whole number, not '{value}'")))
}

struct NamesSeedOnPanic(u64);

impl Drop for NamesSeedOnPanic {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("to see this case alone: FRACAS_CASE_SEED={} FRACAS_CASES=1", self.0);
        }
    }
}

/// One of these.
pub(crate) fn one_of<'a, T>(rng: &mut Rng, choices: &'a [T]) -> &'a T {
    &choices[rng.below(choices.len() as u32) as usize]
}

/// At most `most` random bytes.
pub(crate) fn random_bytes(rng: &mut Rng, most: u32) -> Vec<u8> {
    (0..rng.below(most + 1)).map(|_| rng.bits() as u8).collect()
}

/// Spoils bytes in a few places, as a line, a bug or an attacker would.
pub(crate) fn mutate(rng: &mut Rng, bytes: &mut Vec<u8>) {
    for _ in 0..=rng.below(4) {
        let place = rng.below(bytes.len() as u32 + 1) as usize;
        match rng.below(6) {
            0 => bytes.truncate(place),
            1 => bytes.insert(place, rng.bits() as u8),
            2 => bytes.extend(random_bytes(rng, 16)),
            3 => {
                if let Some(byte) = bytes.get_mut(place) {
                    *byte ^= 1 << rng.below(8);
                }
            }
            4 => {
                // The bytes that begin a long number, where lengths and variants stand.
                let long = one_of(rng, &[0xFA, 0xFB, 0xFC, 0xFD, 0xFE, 0xFF]);
                if let Some(byte) = bytes.get_mut(place) {
                    *byte = *long;
                }
            }
            _ => {
                let piece = bytes[place..].to_vec();
                bytes.extend_from_slice(&piece[..piece.len().min(32)]);
            }
        }
    }
}
