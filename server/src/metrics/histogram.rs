//! Histograms that a simulation thread may use.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use prometheus_client::encoding::{EncodeMetric, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;

/// How many durations, or shares of a whole, were at most so much. Clones are the same histogram.
///
/// It has no lock, unlike the one of `prometheus-client`: a scrape can never make a tick late. In
/// return a scrape that falls into an observation may see it in the count and not yet in the sum.
#[derive(Clone, Debug)]
pub struct Histogram(Arc<Cells>);

#[derive(Debug)]
struct Cells {
    /// Upper bounds, ascending.
    bounds: &'static [f64],
    /// One count for each bound and one for what is beyond all.
    counts: Box<[AtomicU64]>,
    /// In billionths.
    sum: AtomicU64,
}

impl Histogram {
    /// An empty one with these upper bounds, ascending.
    pub fn new(bounds: &'static [f64]) -> Self {
        debug_assert!(bounds.is_sorted());
        let counts = (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect();
        Self(Arc::new(Cells { bounds, counts, sum: AtomicU64::new(0) }))
    }

    /// Counts one duration, in seconds.
    pub fn observe(&self, duration: Duration) {
        self.count(duration.as_secs_f64(), duration.as_nanos() as u64);
    }

    /// Counts one share: so much of a whole that is not 0.
    pub fn observe_share(&self, part: u32, whole: u32) {
        let share = f64::from(part) / f64::from(whole);
        self.count(share, (share * 1e9) as u64);
    }

    fn count(&self, value: f64, billionths: u64) {
        let place = self.0.bounds.partition_point(|bound| *bound < value);
        self.0.counts[place].fetch_add(1, Ordering::Relaxed);
        self.0.sum.fetch_add(billionths, Ordering::Relaxed);
    }
}

impl EncodeMetric for Histogram {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> fmt::Result {
        let bounds = self.0.bounds.iter().copied().chain([f64::INFINITY]);
        let counts = self.0.counts.iter().map(|count| count.load(Ordering::Relaxed));
        let buckets: Vec<_> = bounds.zip(counts).collect();
        let count = buckets.iter().map(|(_, count)| count).sum();
        let sum = self.0.sum.load(Ordering::Relaxed) as f64 / 1e9;
        encoder.encode_histogram::<NoLabelSet>(sum, count, &buckets, None)
    }

    fn metric_type(&self) -> MetricType {
        MetricType::Histogram
    }
}
