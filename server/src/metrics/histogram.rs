//! A histogram of durations that a simulation thread may use.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use prometheus_client::encoding::{EncodeMetric, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;

/// How many durations were at most this long. Clones are the same histogram.
///
/// It has no lock, unlike the one of `prometheus-client`: a scrape can never make a tick late. In
/// return a scrape that falls into an observation may see it in the count and not yet in the sum.
#[derive(Clone, Debug)]
pub struct DurationHistogram(Arc<Cells>);

#[derive(Debug)]
struct Cells {
    /// Upper bounds, ascending.
    bounds: &'static [Duration],
    /// One count for each bound and one for what is beyond all.
    counts: Box<[AtomicU64]>,
    sum_ns: AtomicU64,
}

impl DurationHistogram {
    /// An empty one with these upper bounds, ascending.
    pub fn new(bounds: &'static [Duration]) -> Self {
        debug_assert!(bounds.is_sorted());
        let counts = (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect();
        Self(Arc::new(Cells { bounds, counts, sum_ns: AtomicU64::new(0) }))
    }

    /// Counts one duration.
    pub fn observe(&self, duration: Duration) {
        let place = self.0.bounds.partition_point(|bound| *bound < duration);
        self.0.counts[place].fetch_add(1, Ordering::Relaxed);
        self.0.sum_ns.fetch_add(duration.as_nanos() as u64, Ordering::Relaxed);
    }
}

impl EncodeMetric for DurationHistogram {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> fmt::Result {
        let bounds = self.0.bounds.iter().map(Duration::as_secs_f64).chain([f64::INFINITY]);
        let counts = self.0.counts.iter().map(|count| count.load(Ordering::Relaxed));
        let buckets: Vec<_> = bounds.zip(counts).collect();
        let count = buckets.iter().map(|(_, count)| count).sum();
        let sum = Duration::from_nanos(self.0.sum_ns.load(Ordering::Relaxed)).as_secs_f64();
        encoder.encode_histogram::<NoLabelSet>(sum, count, &buckets, None)
    }

    fn metric_type(&self) -> MetricType {
        MetricType::Histogram
    }
}
