//! What a server's metrics page says.

use std::collections::BTreeMap;

/// All of a page at one moment, or what came to it between two.
#[derive(Clone, Debug, Default)]
pub(crate) struct Metrics(BTreeMap<String, f64>);

/// A histogram of the page, not cumulative: upper bounds, the last of which is infinite, and counts.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Buckets(Vec<(f64, f64)>);

impl Metrics {
    /// Reads a page.
    pub(crate) fn read(page: &str) -> Self {
        let value = |line: &str| {
            let (name, value) = line.trim().rsplit_once(' ')?;
            Some((name.to_owned(), value.parse().ok()?))
        };
        Self(page.lines().filter(|line| !line.starts_with('#')).filter_map(value).collect())
    }

    /// What came to it since then.
    pub(crate) fn since(&self, before: &Self) -> Self {
        let grown = |(name, value): (&String, &f64)| {
            (name.clone(), value - before.0.get(name).copied().unwrap_or(0.0))
        };
        Self(self.0.iter().map(grown).collect())
    }

    /// A counter or gauge by its name and labels; 0 when it is not there.
    pub(crate) fn value(&self, name: &str) -> f64 {
        self.0.get(name).copied().unwrap_or(0.0)
    }

    /// The mean of a histogram's values; none of none.
    pub(crate) fn mean(&self, name: &str) -> Option<f64> {
        let count = self.value(&format!("{name}_count"));
        (count > 0.0).then(|| self.value(&format!("{name}_sum")) / count)
    }

    /// A histogram by its name.
    pub(crate) fn buckets(&self, name: &str) -> Buckets {
        let bucket = |(key, count): (&String, &f64)| {
            let rest = key.strip_prefix(name)?.strip_prefix("_bucket{le=\"")?;
            let bound = rest.strip_suffix("\"}")?;
            let bound = if bound == "+Inf" { f64::INFINITY } else { bound.parse().ok()? };
            Some((bound, *count))
        };
        let mut buckets: Vec<(f64, f64)> = self.0.iter().filter_map(bucket).collect();
        buckets.sort_by(|one, other| one.0.total_cmp(&other.0));
        let mut below = 0.0;
        for (_, count) in &mut buckets {
            (*count, below) = (*count - below, *count);
        }
        Buckets(buckets)
    }
}

impl Buckets {
    /// Takes all of another's, which is the same metric's.
    pub(crate) fn add(&mut self, other: &Self) {
        if self.0.is_empty() {
            self.0.clone_from(&other.0);
            return;
        }
        for ((_, count), (_, more)) in self.0.iter_mut().zip(&other.0) {
            *count += more;
        }
    }

    /// How many values there are.
    pub(crate) fn count(&self) -> f64 {
        self.0.iter().map(|(_, count)| count).sum()
    }

    /// What this share of all values does not exceed, as if they lay evenly in their bucket. None of none; infinite in
    /// the last bucket.
    pub(crate) fn quantile(&self, share: f64) -> Option<f64> {
        let wanted = self.count() * share;
        let (mut below, mut low) = (0.0, 0.0);
        for (bound, count) in &self.0 {
            if *count > 0.0 && below + count >= wanted {
                return Some(low + (bound - low) * (wanted - below) / count);
            }
            (below, low) = (below + count, *bound);
        }
        None
    }

    /// The upper end of the highest bucket in which there is something. None of none.
    pub(crate) fn max(&self) -> Option<f64> {
        self.0.iter().rev().find(|(_, count)| *count > 0.0).map(|(bound, _)| *bound)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "# TYPE a histogram\na_bucket{le=\"0.00001\"} 50\na_bucket{le=\"0.00002\"} 90\n\
        a_bucket{le=\"0.0001\"} 100\na_bucket{le=\"+Inf\"} 100\na_sum 0.002\na_count 100\nb_total{kind=\"x\"} 7\n";

    #[test]
    fn a_page_tells_what_came_to_it() {
        let (before, after) = (Metrics::read("b_total{kind=\"x\"} 3\n"), Metrics::read(PAGE));
        let came = after.since(&before);
        assert_eq!(came.value("b_total{kind=\"x\"}"), 4.0);
        assert_eq!((came.mean("a"), came.mean("c")), (Some(0.000_02), None));
    }

    #[test]
    fn values_lie_evenly_in_their_bucket() {
        let mut buckets = Metrics::read(PAGE).buckets("a");
        buckets.add(&buckets.clone());
        assert_eq!((buckets.count(), buckets.max()), (200.0, Some(0.000_1)));
        for (share, wanted) in
            [(0.25, 5.0), (0.5, 10.0), (0.7, 15.0), (0.9, 20.0), (0.95, 60.0), (1.0, 100.0)]
        {
            let found = buckets.quantile(share).expect("there are some") * 1e6;
            assert!((found - wanted).abs() < 1e-9, "{share}: {found} instead of {wanted}");
        }
        assert_eq!((Buckets::default().quantile(0.5), Buckets::default().max()), (None, None));
        let beyond = Metrics::read("a_bucket{le=\"1.0\"} 0\na_bucket{le=\"+Inf\"} 1\n").buckets("a");
        assert_eq!(beyond.quantile(0.5), Some(f64::INFINITY));
    }
}
