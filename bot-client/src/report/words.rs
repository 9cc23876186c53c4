//! Numbers, times and strangers' words, as people read them.

use std::fmt::{self, Write};

use fracas_client::LineProfile;

/// Between a number and its unit: where no line is broken.
const SPACE: char = '\u{a0}';

/// What a figure counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    /// Milliseconds.
    Ms,
    /// Whole things.
    Count,
    /// Things in a second.
    PerS,
    /// Bytes held.
    Bytes,
    /// Bytes in a second.
    BytesPerS,
    /// Processor cores.
    Cores,
    /// A share, 0 to 1.
    Share,
}

impl Unit {
    /// A value with its unit.
    pub(crate) fn say(self, value: f64) -> String {
        match self {
            Self::Ms if value >= 1000.0 => format!("{}{SPACE}s", digits(value / 1000.0)),
            Self::Ms => format!("{}{SPACE}ms", digits(value)),
            Self::Count => count(value),
            Self::PerS => format!("{}/s", if value < 10.0 { digits(value) } else { count(value) }),
            Self::Bytes => bytes(value),
            Self::BytesPerS => format!("{}/s", bytes(value)),
            Self::Cores if value == 1.0 => format!("1{SPACE}core"),
            Self::Cores => format!("{}{SPACE}cores", digits(value)),
            Self::Share => percent(value),
        }
    }

    /// The same for an axis, which is short of room.
    pub(crate) fn tick(self, value: f64) -> String {
        let text = if self == Self::Cores { digits(value) } else { self.say(value) };
        // 1.50 ms is 1.5 ms, and 2.00 is 2.
        let number_len = text.find(|letter: char| !letter.is_ascii_digit() && letter != '.' && letter != ',');
        let (number, unit) = text.split_at(number_len.unwrap_or(text.len()));
        let number = if number.contains('.') { number.trim_end_matches('0') } else { number };
        format!("{}{unit}", number.trim_end_matches('.'))
    }
}

/// A number with some three digits that count.
fn digits(value: f64) -> String {
    match value.abs() {
        0.0 => "0".into(),
        size if size < 0.0995 => format!("{value:.3}"),
        size if size < 9.995 => format!("{value:.2}"),
        size if size < 99.95 => format!("{value:.1}"),
        _ => count(value),
    }
}

/// A whole number: 12,345 or 12.3 M.
pub(crate) fn count(value: f64) -> String {
    if value.abs() >= 10e6 {
        return format!("{:.1}{SPACE}M", value / 1e6);
    }
    let whole = format!("{:.0}", value.abs());
    let mut text = if value <= -0.5 { String::from("-") } else { String::new() };
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn bytes(value: f64) -> String {
    let (scale, unit) = match value {
        value if value >= 1e9 => (1e9, "GB"),
        value if value >= 1e6 => (1e6, "MB"),
        value if value >= 1e3 => (1e3, "kB"),
        _ => (1.0, "B"),
    };
    format!("{}{SPACE}{unit}", digits(value / scale))
}

/// A share of 1, of which a small lack shows: 99.998 % is not 100 %.
fn percent(share: f64) -> String {
    let percent = share * 100.0;
    let lack = (100.0 - percent).abs();
    if lack > 0.0 && lack < 0.1 { format!("{percent:.3}{SPACE}%") } else { format!("{percent:.2}{SPACE}%") }
}

/// A moment of a run: 0:07, 12:30, 1:02:03.
pub(crate) fn moment(seconds: f64) -> String {
    let whole = seconds.round().max(0.0) as u64;
    let (hours, minutes, seconds) = (whole / 3600, whole / 60 % 60, whole % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes}:{seconds:02}") }
}

/// How long something took: 12.5 s, or 5 min 3 s.
pub(crate) fn duration(seconds: f64) -> String {
    let whole = seconds.round().max(0.0) as u64;
    match (whole / 60, whole % 60) {
        (0, _) | (1, 0..30) => format!("{}{SPACE}s", Unit::Cores.tick(seconds)),
        (minutes, 0) => format!("{minutes}{SPACE}min"),
        (minutes, seconds) => format!("{minutes}{SPACE}min {seconds}{SPACE}s"),
    }
}

/// A moment since 1970 in UTC: 2026-11-27 17:53:27 UTC.
pub(crate) fn date(unix_s: u64) -> String {
    let (days, second) = ((unix_s / 86_400) as i64, unix_s % 86_400);
    // Years begin in March here, so that a leap day is the last one: see Howard Hinnant's `civil_from_days`.
    let day_of_all = days + 719_468;
    let (era, day_of_era) = (day_of_all.div_euclid(146_097), day_of_all.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02} UTC")
}

/// What a line is like, in words.
pub(crate) fn line(line: &LineProfile) -> String {
    let mut parts = Vec::new();
    if line.latency_ms > 0 {
        parts.push(format!("{}{SPACE}ms there and back", line.latency_ms));
    }
    if line.jitter_ms > 0 {
        parts.push(format!("±{SPACE}{}{SPACE}ms each way", line.jitter_ms));
    }
    if line.stall_ms > 0 && line.stall_every_ms > 0 {
        let every = duration(f64::from(line.stall_every_ms) / 1000.0);
        parts.push(format!("stalls of {}{SPACE}ms every {every}", line.stall_ms));
    }
    if line.rate_kbps > 0 {
        parts.push(format!("{}{SPACE}kbit/s", count(f64::from(line.rate_kbps))));
    }
    if parts.is_empty() { "as it is".into() } else { parts.join(", ") }
}

/// Text from anywhere as text of a page, in an attribute too: nothing of it is markup, and what has no
/// shape is shown as such.
pub(crate) fn escaped(text: &str) -> impl fmt::Display + '_ {
    fmt::from_fn(move |f| {
        text.chars().try_for_each(|letter| match letter {
            '&' => f.write_str("&amp;"),
            '<' => f.write_str("&lt;"),
            '>' => f.write_str("&gt;"),
            '"' => f.write_str("&quot;"),
            '\'' => f.write_str("&#39;"),
            letter => f.write_char(visible(letter)),
        })
    })
}

/// Text from anywhere as text of a terminal, which takes no orders from it.
pub(crate) fn printable(text: &str) -> String {
    text.chars().map(visible).collect()
}

/// Controls, and what turns the direction of what is written, would change what stands around them.
fn visible(letter: char) -> char {
    let is_turn =
        matches!(letter, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    match letter {
        '\n' | '\t' => ' ',
        letter if letter.is_control() || is_turn => '\u{fffd}',
        letter => letter,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_said_with_their_units() {
        let check = |unit: Unit, value: f64, said: &str, tick: &str| {
            assert_eq!(unit.say(value).replace(SPACE, " "), said);
            assert_eq!(unit.tick(value).replace(SPACE, " "), tick);
        };
        check(Unit::Ms, 0.0, "0 ms", "0 ms");
        check(Unit::Ms, 0.0125, "0.013 ms", "0.013 ms");
        check(Unit::Ms, 2.5, "2.50 ms", "2.5 ms");
        check(Unit::Ms, 33.34, "33.3 ms", "33.3 ms");
        check(Unit::Ms, 100.0, "100 ms", "100 ms");
        check(Unit::Ms, 60_000.0, "60.0 s", "60 s");
        check(Unit::Count, 1_234_567.0, "1,234,567", "1,234,567");
        check(Unit::PerS, 0.5, "0.50/s", "0.5/s");
        check(Unit::Bytes, 2_000_000.0, "2.00 MB", "2 MB");
        check(Unit::BytesPerS, 500.0, "500 B/s", "500 B/s");
        check(Unit::Cores, 1.0, "1 core", "1");
        check(Unit::Share, 0.99998, "99.998 %", "99.998 %");
        check(Unit::Share, 1.0, "100.00 %", "100 %");
    }

    #[test]
    fn dates_are_those_of_the_calendar() {
        assert_eq!(date(0), "1970-01-01 00:00:00 UTC");
        assert_eq!(date(951_782_400), "2000-02-29 00:00:00 UTC");
        assert_eq!(date(1_798_761_599), "2026-12-31 23:59:59 UTC");
        assert_eq!(date(4_107_542_400), "2100-03-01 00:00:00 UTC");
    }

    #[test]
    fn times_and_lines_are_said_in_words() {
        assert_eq!(moment(7.4), "0:07");
        assert_eq!(moment(3723.0), "1:02:03");
        assert_eq!(duration(303.0).replace(SPACE, " "), "5 min 3 s");
        assert_eq!(duration(12.5).replace(SPACE, " "), "12.5 s");
        assert_eq!(line(&LineProfile::default()), "as it is");
        let bad: LineProfile = "latency=100,jitter=20,stall=200,stall_every=10000,rate=1000".parse().unwrap();
        let said = "100 ms there and back, ± 20 ms each way, stalls of 200 ms every 10 s, 1,000 kbit/s";
        assert_eq!(line(&bad).replace(SPACE, " "), said);
    }

    #[test]
    fn strangers_words_are_words() {
        let hostile = "<b a=\"1\" b='2'>&\u{1b}[2J\u{202e}\n";
        let said = "&lt;b a=&quot;1&quot; b=&#39;2&#39;&gt;&amp;\u{fffd}[2J\u{fffd} ";
        assert_eq!(escaped(hostile).to_string(), said);
        assert_eq!(printable("\u{1b}[31mred"), "\u{fffd}[31mred");
    }
}
