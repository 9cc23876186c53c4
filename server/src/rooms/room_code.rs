//! The codes that rooms are found by: their ids, short enough to be read out and typed.

use fracas_shared::{Refusal, Rng};

/// No two of these look alike: neither I, L, O nor 0, 1.
const LETTERS: &[u8] = b"ABCDEFGHJKMNPQRSTUVWXYZ23456789";
const LENGTH: usize = 6;
/// What is told back of a text that is no code.
const TOLD_CHARS_MAX: usize = 32;

/// A code that a room may have.
pub(super) fn random(rng: &mut Rng) -> String {
    (0..LENGTH).map(|_| LETTERS[rng.below(LETTERS.len() as u32) as usize] as char).collect()
}

/// The code that was typed, in whatever case and with spaces around.
///
/// # Errors
/// No room ever has this code.
pub(super) fn parse(typed: &str) -> Result<String, Refusal> {
    let typed = typed.trim();
    let code = typed.to_ascii_uppercase();
    if code.len() == LENGTH && code.bytes().all(|letter| LETTERS.contains(&letter)) {
        return Ok(code);
    }
    let told = typed.chars().filter(|letter| !letter.is_control()).take(TOLD_CHARS_MAX).collect();
    Err(Refusal::BadRoomCode(told))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_read_as_people_type_them() {
        let mut rng = Rng::new(1, 0);
        for _ in 0..100 {
            let code = random(&mut rng);
            assert_eq!(parse(&code), Ok(code.clone()));
            assert_eq!(parse(&format!(" {}\n", code.to_lowercase())), Ok(code));
        }
        for (typed, told) in [
            ("", ""),
            ("  ", ""),
            ("ABCDE", "ABCDE"),
            ("abcdefg", "abcdefg"),
            ("ABCDE0", "ABCDE0"),
            ("ABC EF", "ABC EF"),
            ("\u{c4}BCDE", "\u{c4}BCDE"),
            ("AB\u{1b}[2J", "AB[2J"),
            (&"x".repeat(4000), &"x".repeat(TOLD_CHARS_MAX)),
        ] {
            assert_eq!(parse(typed), Err(Refusal::BadRoomCode(told.to_owned())), "{typed:?}");
        }
    }

    #[test]
    fn the_refusal_says_how_a_code_looks() {
        let said = Refusal::BadRoomCode("x".into()).to_string();
        assert!(said.contains(&format!("{LENGTH} letters and digits")), "{said}");
        let unused = ('A'..='Z').chain('0'..='9').filter(|letter| !LETTERS.contains(&(*letter as u8)));
        assert_eq!(unused.collect::<String>(), "ILO01");
        assert!(said.ends_with("without I, L, O, 0 and 1"), "{said}");
        let example = said.split("such as ").nth(1).and_then(|rest| rest.split(',').next());
        assert!(example.is_some_and(|code| parse(code).is_ok()), "{said}");
    }
}
