//! Figures as people read them, and texts of others that do no harm.

use std::time::Duration;

use ratatui::text::Span;

/// What stands for a figure that there is not.
pub(super) const NOTHING: &str = "–";

/// A text without what would do something to a terminal or to the order of what is on it.
pub(super) fn harmless(text: &str) -> String {
    let is_harmful = |letter: char| {
        letter.is_control()
            || matches!(letter, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
    };
    text.chars().map(|letter| if is_harmful(letter) { ' ' } else { letter }).collect()
}

/// A text that takes no more columns than this.
pub(super) fn cut(text: &str, columns: u16) -> String {
    let width = |text: &str| Span::raw(text).width();
    if width(text) <= columns.into() {
        return text.to_owned();
    }
    let Some(room) = usize::from(columns).checked_sub(1) else { return String::new() };
    let mut start: String = text.chars().take(room).collect();
    while width(&start) > room {
        start.pop();
    }
    start + "…"
}

/// Minutes and seconds, and hours where there are some: 1:02:03.
pub(super) fn clock(time: Duration) -> String {
    let seconds = time.as_secs();
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match hours {
        0 => format!("{minutes}:{seconds:02}"),
        _ => format!("{hours}:{minutes:02}:{seconds:02}"),
    }
}

/// Milliseconds in no more than six columns.
pub(super) fn ms(ms: f64) -> String {
    match ms {
        ms if ms < 100.0 => format!("{ms:.2}"),
        ms if ms < 1000.0 => format!("{ms:.1}"),
        ms => format!("{ms:.0}"),
    }
}

/// A number with a letter for thousands, where it is a long one.
pub(super) fn number(number: f64) -> String {
    let (scaled, letter) = scaled(number);
    match letter {
        "" => format!("{number:.0}"),
        _ => format!("{scaled:.1}{letter}"),
    }
}

/// Bytes with their unit.
pub(super) fn bytes(bytes: f64) -> String {
    let (scaled, letter) = scaled(bytes);
    match letter {
        "" => format!("{bytes:.0} B"),
        _ => format!("{scaled:.1} {letter}B"),
    }
}

fn scaled(number: f64) -> (f64, &'static str) {
    match number {
        number if number < 1e4 => (number, ""),
        number if number < 1e6 => (number / 1e3, "k"),
        number if number < 1e9 => (number / 1e6, "M"),
        number => (number / 1e9, "G"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_servers_say_moves_no_cursor() {
        assert_eq!(harmless("a\x1b[2Jb\r\nc\u{9b}1m\u{202e}d"), "a [2Jb  c 1m d");
        assert_eq!(harmless("Grüße, 世界 🎯"), "Grüße, 世界 🎯");
    }

    #[test]
    fn a_cut_text_fits() {
        assert_eq!(cut("room_full", 9), "room_full");
        assert_eq!(cut("room_full", 5), "room…");
        assert_eq!(cut("世界世界", 5), "世界…");
        assert_eq!(cut("世界世界", 4), "世…");
        assert_eq!((cut("世界", 1), cut("room", 1), cut("room", 0)), ("…".into(), "…".into(), String::new()));
    }

    #[test]
    fn figures() {
        assert_eq!([0, 61, 3723].map(|s| clock(Duration::from_secs(s))), ["0:00", "1:01", "1:02:03"]);
        assert_eq!([0.0, 33.344, 333.44, 60_000.0].map(ms), ["0.00", "33.34", "333.4", "60000"]);
        assert_eq!([9999.0, 12_345.0, 2.5e6].map(number), ["9999", "12.3k", "2.5M"]);
        assert_eq!([512.0, 12_345.0, 24.1e6].map(bytes), ["512 B", "12.3 kB", "24.1 MB"]);
    }
}
