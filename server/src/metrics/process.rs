//! What the kernel knows of this process, read when Prometheus asks.

use std::fmt;
use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

/// `/proc` counts processor time in these, on every architecture: the kernel's `USER_HZ`.
const CLOCK_TICKS_PER_S: f64 = 100.0;

/// Memory, processor time and files of the process. What cannot be read is left out.
#[derive(Debug)]
pub(super) struct ProcessCollector {
    started_unix_s: f64,
}

impl ProcessCollector {
    /// Takes the present for the start of the process.
    pub(super) fn new() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { started_unix_s: since.as_secs_f64() }
    }
}

impl Collector for ProcessCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut put = |name, help, metric: &dyn EncodeMetricDyn| metric.put(&mut encoder, name, help);
        put(
            "process_start_time_seconds",
            "When the process started, as Unix time",
            &ConstGauge::new(self.started_unix_s),
        )?;
        if let Some(bytes) = resident_bytes() {
            put("process_resident_memory_bytes", "Memory in use", &ConstGauge::new(bytes))?;
        }
        if let Some(seconds) = cpu_s() {
            put("process_cpu_seconds", "Processor time of all threads", &ConstCounter::new(seconds))?;
        }
        if let Ok(files) = fs::read_dir("/proc/self/fd") {
            put("process_open_fds", "Open files and sockets", &ConstGauge::new(files.count() as i64))?;
        }
        Ok(())
    }
}

trait EncodeMetricDyn {
    fn put(&self, encoder: &mut DescriptorEncoder<'_>, name: &str, help: &str) -> fmt::Result;
}

impl<M: EncodeMetric> EncodeMetricDyn for M {
    fn put(&self, encoder: &mut DescriptorEncoder<'_>, name: &str, help: &str) -> fmt::Result {
        self.encode(encoder.encode_descriptor(name, help, None, self.metric_type())?)
    }
}

fn resident_bytes() -> Option<i64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: i64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

fn cpu_s() -> Option<f64> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // The second field is the program's name in parentheses, which may itself hold some.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace();
    // Counted from the third field: user time is the 14th, system time the 15th.
    let user: f64 = fields.nth(11)?.parse().ok()?;
    let system: f64 = fields.next()?.parse().ok()?;
    Some((user + system) / CLOCK_TICKS_PER_S)
}
