//! What a run of the load tester is bounded by, beside the limits that a server has.

use std::time::Duration;

/// A scenario's file. Longer: refused before it is read.
pub(crate) const SCENARIO_BYTES_MAX: u64 = 256 * 1024;
/// Stages of a scenario. More: refused.
pub(crate) const STAGES_MAX: usize = 1000;
/// Groups of a scenario. More: refused.
pub(crate) const GROUPS_MAX: usize = 100;
/// Expectations of a run. More: refused.
pub(crate) const EXPECTATIONS_MAX: usize = 100;
/// The name of a scenario, a stage, a group or a game, and a room's id. Longer: refused.
pub(crate) const NAME_BYTES_MAX: usize = 64;
/// What a scenario says of itself. Longer: refused.
pub(crate) const ABOUT_BYTES_MAX: usize = 1000;
/// How many times as large as another one a group can be. More: refused.
pub(crate) const SHARE_MAX: f64 = 1_000_000.0;
/// How long a run takes at most, and anything in it. Longer: refused.
pub(crate) const RUN_TIME_MAX: Duration = Duration::from_hours(7 * 24);
/// The shortest session that is drawn, and the least that their mean may be.
pub(crate) const SESSION_TIME_MIN: Duration = Duration::from_secs(1);
/// Sessions of a run, those that replace others counted. More: the scenario is refused.
pub(crate) const SESSIONS_MAX: usize = 1_000_000;
/// Threads that drive bots. More: refused.
pub(crate) const THREADS_MAX: i64 = 256;
/// Workers of one run. More: refused.
pub(crate) const WORKERS_MAX: i64 = 100;
/// Lines that all storms of a run drop. More: the scenario is refused.
pub(crate) const DROPS_MAX: usize = 1_000_000;
