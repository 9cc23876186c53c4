//! How many clients a server carries: run after run with other numbers, until it is known.

use crate::report::Report;

/// What a first run begins with, when nothing else is said.
const FIRST: u32 = 50;
/// The search ends when what holds and what does not are so near, as a share of what holds.
const NEAR: f64 = 0.05;
/// Runs of a search.
const RUNS_MAX: u32 = 24;

/// A run of the search.
#[derive(Clone, Debug)]
pub(crate) struct Try {
    pub(crate) clients: u32,
    /// What gave way, if anything did; first the load tester itself.
    pub(crate) gave_way: Option<String>,
}

impl Try {
    pub(crate) fn of(clients: u32, report: &Report) -> Self {
        Self { clients, gave_way: gave_way(report) }
    }
}

/// Why a run did not hold, in a sentence.
fn gave_way(report: &Report) -> Option<String> {
    let crossed = report.expectations.iter().find(|verdict| !verdict.held);
    let violation = report.violations.iter().next();
    let error = report.errors.iter().next();
    let message = |kind: &String| report.messages.get(kind).cloned().unwrap_or_default();
    if report.tester.is_bottleneck {
        // Whatever else was seen then is its doing.
        return Some(format!("{}: give it more cores, or use --workers", report.tester.why));
    }
    crossed
        .map(ToString::to_string)
        .or_else(|| violation.map(|(kind, count)| format!("{count} x {kind}: {}", message(kind))))
        .or_else(|| error.map(|(kind, count)| format!("{count} x {kind}: {}", message(kind))))
        .or_else(|| (!report.is_fine()).then(|| "not every bot joined and left as it should".into()))
}

/// The search: twice as many as long as they hold, then the middle between what holds and what does not.
#[derive(Debug)]
pub(crate) struct Search {
    max: u32,
    first: u32,
    tries: Vec<Try>,
}

impl Search {
    /// A search for at most so many.
    pub(crate) fn new(first: Option<u32>, max: u32) -> Self {
        Self { max, first: first.unwrap_or(FIRST).clamp(1, max), tries: Vec::new() }
    }

    pub(crate) fn note(&mut self, tried: Try) {
        self.tries.push(tried);
    }

    /// The most that held, once nothing that did not is below.
    pub(crate) fn holds(&self) -> u32 {
        let breaks = self.breaks().map_or(u32::MAX, |tried| tried.clients);
        let held = |tried: &&Try| tried.gave_way.is_none() && tried.clients < breaks;
        self.tries.iter().filter(held).map(|tried| tried.clients).max().unwrap_or(0)
    }

    /// The fewest that did not hold.
    pub(crate) fn breaks(&self) -> Option<&Try> {
        self.tries.iter().filter(|tried| tried.gave_way.is_some()).min_by_key(|tried| tried.clients)
    }

    /// With how many to try next; none when it is known.
    pub(crate) fn next(&self) -> Option<u32> {
        if self.tries.len() >= RUNS_MAX as usize {
            return None;
        }
        let holds = self.holds();
        match self.breaks() {
            None if self.tries.is_empty() => Some(self.first),
            None => (holds < self.max).then(|| holds.saturating_mul(2).min(self.max)),
            Some(breaks) => {
                let between = breaks.clients - holds;
                let is_near = between <= 1 || f64::from(between) <= NEAR * f64::from(holds);
                (!is_near).then(|| holds + between / 2)
            }
        }
    }

    /// What was found, for people.
    pub(crate) fn told(&self) -> String {
        let line = |tried: &Try| {
            format!("  {:>6} clients   {}", tried.clients, tried.gave_way.as_deref().unwrap_or("held"))
        };
        let mut lines: Vec<String> = self.tries.iter().map(line).collect();
        lines.push(match self.breaks() {
            Some(breaks) => format!(
                "  {} clients are carried; with {} the first to give way: {}",
                self.holds(),
                breaks.clients,
                breaks.gave_way.as_deref().unwrap_or_default()
            ),
            None => format!("  {} clients are carried, and more were not tried", self.holds()),
        });
        lines.join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A search on a server that carries so many.
    fn search(carried: u32, max: u32) -> Search {
        let mut search = Search::new(None, max);
        while let Some(clients) = search.next() {
            let gave_way = (clients > carried).then(|| "update_gap.p99<40ms".to_owned());
            search.note(Try { clients, gave_way });
        }
        search
    }

    #[test]
    fn a_search_ends_near_what_is_carried() {
        for carried in [1, 3, 40, 777, 1234, 9_000] {
            let search = search(carried, 20_000);
            let found = search.holds();
            assert!(
                found <= carried && f64::from(carried - found) <= 0.05 * f64::from(carried) + 1.0,
                "{found}"
            );
            assert!(search.tries.len() < RUNS_MAX as usize, "{carried}: {} runs", search.tries.len());
            assert!(search.told().contains("update_gap.p99<40ms"));
        }
    }

    #[test]
    fn a_search_ends_at_its_limit() {
        assert_eq!(search(5000, 300).holds(), 300);
        assert_eq!(search(0, 300).holds(), 0);
    }
}
