//! How far a run is, for those who watch it.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::plan::PlannedStage;
use crate::record::{Counts, Errors};
use crate::timeline::Point;

/// How far a run is.
pub(crate) struct Status<'a> {
    /// The scenario's name.
    pub(crate) scenario: &'a str,
    /// What is loaded: an address.
    pub(crate) url: &'a str,
    pub(crate) elapsed: Duration,
    /// How long the run takes.
    pub(crate) lasts: Duration,
    pub(crate) stages: &'a [PlannedStage],
    /// The bots are leaving because somebody has asked for it.
    pub(crate) is_stopping: bool,
    /// Since the run began.
    pub(crate) counts: &'a Counts,
    /// Errors and violations of each kind.
    pub(crate) errors: &'a BTreeMap<String, Errors>,
    /// Window by window, the last one last.
    pub(crate) timeline: &'a [Point],
    /// Why the figures are not to be believed, if so.
    pub(crate) warning: Option<&'a str>,
}

impl Status<'_> {
    /// The name of the stage that is under way.
    pub(crate) fn stage(&self) -> &str {
        let stage = self.stages.iter().rev().find(|stage| stage.from <= self.elapsed);
        match stage {
            _ if self.is_stopping => "leaving",
            Some(stage) if self.elapsed < self.lasts => &stage.name,
            Some(_) => "leaving",
            None => "starting",
        }
    }
}
