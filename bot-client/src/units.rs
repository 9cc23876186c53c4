//! Numbers with units as people write them: `20s`, `100/s`, `50%`.

use std::time::Duration;

use crate::limits::RUN_TIME_MAX;

/// A time that passes: `500ms`, `20s`, `1.5m`, `1h`.
pub(crate) fn parse_duration(text: &str) -> Result<Duration, String> {
    let duration = parse_pause(text)?;
    if duration.is_zero() { Err(format!("'{text}' is no time at all")) } else { Ok(duration) }
}

/// A time that may be none: `0s`.
pub(crate) fn parse_pause(text: &str) -> Result<Duration, String> {
    let problem = || format!("'{text}' is no duration: write a number and ms, s, m or h, as in 20s");
    let unit_at = text.find(|letter: char| letter.is_ascii_alphabetic()).ok_or_else(problem)?;
    let (number, unit) = text.split_at(unit_at);
    let number: f64 = number.trim_end().parse().map_err(|_| problem())?;
    let seconds = match unit {
        "ms" => number / 1000.0,
        "s" => number,
        "m" => number * 60.0,
        "h" => number * 3600.0,
        _ => return Err(problem()),
    };
    let duration = Duration::try_from_secs_f64(seconds).map_err(|_| problem())?;
    if duration > RUN_TIME_MAX {
        let hours = RUN_TIME_MAX.as_secs() / 3600;
        return Err(format!("'{text}' is more than {hours}h, which is the most that a run takes"));
    }
    Ok(duration)
}

/// How often in a second: `100/s`, or the number alone.
pub(crate) fn parse_rate(text: &str) -> Result<f64, String> {
    let problem = || format!("'{text}' is no rate: write how many in a second, as in 100/s");
    let number = text.strip_suffix("/s").unwrap_or(text);
    let rate: f64 = number.trim_end().parse().map_err(|_| problem())?;
    if rate.is_finite() && rate > 0.0 { Ok(rate) } else { Err(problem()) }
}

/// A part of a whole, as a number up to 1: `50%`.
pub(crate) fn parse_share(text: &str) -> Result<f64, String> {
    let problem = || format!("'{text}' is no share: write more than 0% and at most 100%, as in 50%");
    let number = text.strip_suffix('%').ok_or_else(problem)?;
    let percent: f64 = number.trim_end().parse().map_err(|_| problem())?;
    if percent > 0.0 && percent <= 100.0 { Ok(percent / 100.0) } else { Err(problem()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        let check = |text: &str, ms: u64| assert_eq!(parse_duration(text), Ok(Duration::from_millis(ms)));
        check("500ms", 500);
        check("20s", 20_000);
        check("1.5s", 1500);
        check("2m", 120_000);
        check("2 m", 120_000);
        check("1h", 3_600_000);
        for wrong in ["", "20", "s", "20 parsecs", "-1s", "0s", "1s2", "NaNs", "1e400h"] {
            assert!(parse_duration(wrong).is_err(), "{wrong}");
        }
        assert_eq!(parse_pause("0s"), Ok(Duration::ZERO));
    }

    #[test]
    fn a_run_takes_so_long_and_no_longer() {
        assert_eq!(parse_duration("168h"), Ok(RUN_TIME_MAX));
        assert!(parse_duration("168.1h").unwrap_err().contains("more than 168h"));
    }

    #[test]
    fn rates() {
        assert_eq!(parse_rate("100/s"), Ok(100.0));
        assert_eq!(parse_rate("0.5/s"), Ok(0.5));
        assert_eq!(parse_rate("20"), Ok(20.0));
        for wrong in ["", "/s", "0/s", "-3/s", "fast", "100/m", "inf"] {
            assert!(parse_rate(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn shares() {
        assert_eq!(parse_share("50%"), Ok(0.5));
        assert_eq!(parse_share("100 %"), Ok(1.0));
        for wrong in ["", "%", "0.5", "0%", "101%", "-1%", "NaN%", "half"] {
            assert!(parse_share(wrong).is_err(), "{wrong}");
        }
    }
}
