//! What a server's metrics page says, window by window.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::cli::MetricsUrl;
use crate::timeline::ServerPoint;

/// How long a page may take.
const TIME_MAX: Duration = Duration::from_secs(2);
/// Bytes of a page.
const PAGE_BYTES_MAX: u64 = 1024 * 1024;

/// Asks a server for its metrics.
pub(crate) async fn sample(url: &MetricsUrl) -> Result<Sample> {
    timeout(TIME_MAX, ask(url)).await.context("the metrics did not come in time")?
}

async fn ask(url: &MetricsUrl) -> Result<Sample> {
    let mut stream = TcpStream::connect((url.host.as_str(), url.port)).await?;
    let request = format!(
        "GET {} HTTP/1.1\r\nHost: {}:{}\r\nConnection: close\r\nAccept: text/plain\r\n\r\n",
        url.path, url.host, url.port
    );
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.take(PAGE_BYTES_MAX).read_to_end(&mut answer).await?;
    let answer = String::from_utf8_lossy(&answer);
    ensure!(answer.starts_with("HTTP/1.1 200"), "there are no metrics");
    Ok(Sample::read(&answer))
}

/// What a page said at one moment.
#[derive(Clone, Debug)]
pub(crate) struct Sample {
    at: Instant,
    values: BTreeMap<String, f64>,
}

impl Sample {
    fn read(page: &str) -> Self {
        let value = |line: &str| {
            let (name, value) = line.trim().rsplit_once(' ')?;
            Some((name.to_owned(), value.parse().ok()?))
        };
        let values = page.lines().filter(|line| !line.starts_with('#')).filter_map(value).collect();
        Self { at: Instant::now(), values }
    }

    /// The sum of all with this name, whatever their labels.
    fn sum(&self, name: &str) -> f64 {
        let is_it =
            |key: &str| key.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('{'));
        self.values
            .range(name.to_owned()..)
            .take_while(|(key, _)| key.starts_with(name))
            .filter(|(key, _)| is_it(key))
            .map(|(_, value)| value)
            .sum()
    }

    /// Players who have a seat.
    pub(crate) fn players(&self) -> u64 {
        self.sum("fracas_players") as u64
    }

    /// What became of it until `later`.
    pub(crate) fn until(&self, later: &Self) -> ServerPoint {
        let grown = |name: &str| (later.sum(name) - self.sum(name)).max(0.0);
        let seconds = (later.at - self.at).as_secs_f64().max(0.001);
        let ms = |name: &str, quantile| self.quantile(later, name, quantile) * 1000.0;
        ServerPoint {
            ticks: grown("fracas_ticks_total") as u64,
            overruns: grown("fracas_tick_overruns_total") as u64,
            dropped: grown("fracas_ticks_dropped_total") as u64,
            lateness_p50_ms: ms("fracas_tick_lateness_seconds", 0.5),
            lateness_p99_ms: ms("fracas_tick_lateness_seconds", 0.99),
            work_p50_ms: ms("fracas_tick_work_seconds", 0.5),
            work_p99_ms: ms("fracas_tick_work_seconds", 0.99),
            rooms: later.sum("fracas_rooms") as u64,
            players: later.players(),
            away: later.sum("fracas_players_away") as u64,
            stale_frames: grown("fracas_frames_total{kind=\"stale\"}") as u64,
            memory_bytes: later.sum("process_resident_memory_bytes") as u64,
            cpu_cores: grown("process_cpu_seconds_total") / seconds,
        }
    }

    /// The upper bound of the bucket in which the quantile is, of what was observed until `later`; 0 when
    /// nothing was.
    fn quantile(&self, later: &Self, name: &str, quantile: f64) -> f64 {
        let prefix = format!("{name}_bucket{{le=\"");
        let mut buckets: Vec<(f64, f64)> = later
            .values
            .iter()
            .filter_map(|(key, value)| {
                let bound = key.strip_prefix(&prefix)?.strip_suffix("\"}")?;
                let bound = if bound == "+Inf" { f64::INFINITY } else { bound.parse().ok()? };
                Some((bound, value - self.values.get(key).copied().unwrap_or(0.0)))
            })
            .collect();
        buckets.sort_by(|one, other| one.0.total_cmp(&other.0));
        let all = buckets.last().map_or(0.0, |(_, count)| *count);
        let highest =
            buckets.iter().rev().map(|(bound, _)| *bound).find(|bound| bound.is_finite()).unwrap_or(0.0);
        let found = buckets.iter().find(|(_, count)| all > 0.0 && *count >= quantile * all);
        found.map_or(0.0, |(bound, _)| bound.min(highest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEFORE: &str = "# TYPE x\nfracas_ticks_total 100\nfracas_rooms{game=\"arena\"} 2\n";
    const AFTER: &str = "fracas_ticks_total 160\nfracas_ticks_dropped_total 3\nfracas_rooms{game=\"arena\"} 4\n\
        fracas_rooms{game=\"dots\"} 1\nfracas_players{game=\"arena\"} 7\nfracas_players_away{game=\"arena\"} 2\n\
        fracas_tick_work_seconds_bucket{le=\"0.001\"} 50\nfracas_tick_work_seconds_bucket{le=\"0.005\"} 59\n\
        fracas_tick_work_seconds_bucket{le=\"+Inf\"} 60\nfracas_frames_total{kind=\"stale\"} 9\n";

    #[test]
    fn a_page_is_read() {
        let point = Sample::read(BEFORE).until(&Sample::read(AFTER));
        assert_eq!((point.ticks, point.dropped, point.rooms, point.players, point.away), (60, 3, 5, 7, 2));
        assert_eq!((point.work_p50_ms, point.work_p99_ms, point.stale_frames), (1.0, 5.0, 9));
        assert_eq!(point.lateness_p99_ms, 0.0);
    }
}
