//! What is shown while a run goes on.

use crate::cli::Options;
use crate::dashboard::Dashboard;
use crate::progress::Lines;
use crate::status::Status;

/// Where a run is shown.
pub(crate) enum Screen {
    /// As lines on standard error.
    Lines(Lines),
    /// On the whole terminal.
    Dashboard(Dashboard),
}

impl Screen {
    /// Lines, now and then.
    pub(crate) fn lines() -> Self {
        Self::Lines(Lines::new())
    }

    /// The dashboard where there is a terminal and nobody wants lines.
    pub(crate) fn choose(options: &Options) -> Self {
        if !options.plain && Dashboard::is_possible() {
            Self::Dashboard(Dashboard::new())
        } else {
            Self::lines()
        }
    }

    pub(crate) fn show(&mut self, status: &Status<'_>) {
        match self {
            Self::Lines(lines) => lines.show(status),
            Self::Dashboard(dashboard) => dashboard.show(status),
        }
    }

    /// Says something between.
    pub(crate) fn say(&mut self, line: &str) {
        match self {
            Self::Lines(_) => eprintln!("{line}"),
            Self::Dashboard(dashboard) => dashboard.say(line),
        }
    }

    /// Whether somebody has asked for the run's end here: once for each time. Whoever asks twice does
    /// not want to wait for it.
    pub(crate) fn wants_to_stop(&mut self) -> bool {
        match self {
            Self::Lines(_) => false,
            Self::Dashboard(dashboard) => dashboard.wants_to_stop(),
        }
    }

    /// Leaves the terminal as it was.
    pub(crate) fn close(&mut self) {
        if let Self::Dashboard(dashboard) = self {
            dashboard.close();
        }
    }
}
