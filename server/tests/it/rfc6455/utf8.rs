//! Section 8.1: text is UTF-8, by the Unicode standard's table of well-formed sequences (3-7).

use super::wire::{CONTINUATION, FIN, Heard, TEXT, check, closed, frame, goodbye};

/// Every way to send text in two fragments, and in one.
fn ways(bytes: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut ways = vec![("whole".to_owned(), frame(FIN | TEXT, bytes))];
    for at in 0..=bytes.len() {
        let (first, last) = bytes.split_at(at);
        let sent = [frame(TEXT, first), frame(FIN | CONTINUATION, last)].concat();
        ways.push((format!("cut at {at}"), sent));
    }
    ways
}

#[test]
fn text_comes_back() {
    let texts = [
        "\u{0}",
        "a",
        "\u{7f}",
        "\u{80}",
        "\u{7ff}",
        "\u{800}",
        "\u{fff}",
        "\u{1000}",
        "\u{cfff}",
        "\u{d000}",
        "\u{d7ff}",
        "\u{e000}",
        "\u{fdd0}",
        "\u{fffd}",
        "\u{fffe}",
        "\u{ffff}",
        "\u{10000}",
        "\u{1fffe}",
        "\u{1ffff}",
        "\u{3ffff}",
        "\u{40000}",
        "\u{fffff}",
        "\u{100000}",
        "\u{10ffff}",
        "\u{feff}",
        "\u{ba}\u{3bb} \u{65e5}\u{672c}\u{8a9e} \u{1f3ae}",
        "e\u{301}",
        "a\u{10ffff}z",
    ];
    for text in texts {
        for (way, sent) in ways(text.as_bytes()) {
            let expected = [Heard::Text(text.as_bytes().to_vec()), closed(1000)];
            check(&format!("{text:?} {way}"), &[sent, goodbye()].concat(), &expected);
        }
    }
}

/// Ill-formed sequences: each must close with 1007, wherever it stands.
#[test]
fn what_is_no_text_is_an_error() {
    let sequences: &[(&str, &[u8])] = &[
        ("a continuation alone", &[0x80]),
        ("the last continuation alone", &[0xBF]),
        ("six continuations", &[0x80, 0xBF, 0x80, 0xBF, 0x80, 0xBF]),
        ("the start of two, alone", &[0xC2]),
        ("the start of two, and a letter", &[0xC2, b'a']),
        ("the start of three, alone", &[0xE1]),
        ("the start of three, and one more", &[0xE1, 0x80]),
        ("the start of three, and a letter", &[0xE1, 0x80, b'a']),
        ("the start of four, alone", &[0xF1]),
        ("the start of four, and one more", &[0xF1, 0x80]),
        ("the start of four, and two more", &[0xF1, 0x80, 0x80]),
        ("the start of four, and a letter", &[0xF1, 0x80, 0x80, b'a']),
        ("FE", &[0xFE]),
        ("FF", &[0xFF]),
        ("FE and FF", &[0xFE, 0xFE, 0xFF, 0xFF]),
        ("a slash in two", &[0xC0, 0xAF]),
        ("a slash in three", &[0xE0, 0x80, 0xAF]),
        ("a slash in four", &[0xF0, 0x80, 0x80, 0xAF]),
        ("a slash in five", &[0xF8, 0x80, 0x80, 0x80, 0xAF]),
        ("a slash in six", &[0xFC, 0x80, 0x80, 0x80, 0x80, 0xAF]),
        ("NUL in two", &[0xC0, 0x80]),
        ("U+7F in two", &[0xC1, 0xBF]),
        ("U+7FF in three", &[0xE0, 0x9F, 0xBF]),
        ("U+FFFF in four", &[0xF0, 0x8F, 0xBF, 0xBF]),
        ("the first high surrogate", &[0xED, 0xA0, 0x80]),
        ("the last high surrogate", &[0xED, 0xAF, 0xBF]),
        ("the first low surrogate", &[0xED, 0xB0, 0x80]),
        ("the last low surrogate", &[0xED, 0xBF, 0xBF]),
        ("a pair of surrogates", &[0xED, 0xA0, 0x80, 0xED, 0xB0, 0x80]),
        ("U+110000", &[0xF4, 0x90, 0x80, 0x80]),
        ("U+13FFFF", &[0xF4, 0xBF, 0xBF, 0xBF]),
        ("U+140000", &[0xF5, 0x80, 0x80, 0x80]),
        ("U+1FFFFF", &[0xF7, 0xBF, 0xBF, 0xBF]),
        ("U+200000", &[0xF8, 0x88, 0x80, 0x80, 0x80]),
        ("U+3FFFFFF", &[0xFB, 0xBF, 0xBF, 0xBF, 0xBF]),
        ("U+7FFFFFFF", &[0xFD, 0xBF, 0xBF, 0xBF, 0xBF, 0xBF]),
    ];
    for (case, sequence) in sequences {
        for (place, bytes) in [
            ("alone", sequence.to_vec()),
            ("behind text", ["\u{3ba}\u{1f3ae}".as_bytes(), sequence].concat()),
            // A letter more would make another sequence of those that are cut short.
            ("before text", [sequence, &b" and text"[..]].concat()),
        ] {
            for (way, sent) in ways(&bytes).into_iter().step_by(3) {
                check(&format!("{case} {place} {way}"), &sent, &[closed(1007)]);
            }
        }
    }
}

#[test]
fn binary_messages_are_not_looked_at() {
    let bytes = [0xFF, 0xFE, 0xC0, 0x80];
    let sent = [frame(FIN | super::wire::BINARY, &bytes), goodbye()].concat();
    check("no text", &sent, &[Heard::Binary(bytes.to_vec()), closed(1000)]);
}
