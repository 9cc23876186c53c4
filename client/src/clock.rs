//! Which tick an input is for.

use fracas_shared::Tick;

use crate::limits::INPUT_LEAD_TICKS_MAX;

/// Seconds for which every input must have come early before the lead is lowered.
const CALM_S: u32 = 2;
/// Each time that lowering proves wrong, twice as long, up to this.
const CALM_MAX_S: u32 = 64;
/// The smallest lead: an input answers a frame, so the tick after that is the first one possible.
const LEAD_MIN: u32 = 1;

/// Stamps inputs with the tick in whose step they shall be used: the newest frame's plus a lead.
///
/// The lead follows the margin that the server reports: it is raised at once when an input comes
/// late, and lowered when for some seconds each came a tick or more too early: by half of what was
/// too early, so that little is left soon after a stall. After a change, reports on inputs that were
/// stamped before it are passed over.
///
/// Guarantees: stamps are strictly increasing; a lead is 1 to [`INPUT_LEAD_TICKS_MAX`] ticks.
#[derive(Clone, Debug)]
pub struct InputClock {
    lead: u32,
    last_stamp: Option<Tick>,
    /// Until this tick, reports are about inputs of the lead before.
    settles_at: Option<Tick>,
    /// Whether an input was ever on time. Before, the way to the server is simply unknown.
    was_on_time: bool,
    calm_since: Option<Tick>,
    calm_margin_min: i8,
    calm_ticks: u32,
    calm_ticks_max: u32,
    /// Whether the last change lowered the lead.
    was_lowered: bool,
}

impl InputClock {
    /// A clock for a room of this many ticks per second.
    pub fn new(tick_hz: u16) -> Self {
        let tick_hz = u32::from(tick_hz);
        Self {
            lead: LEAD_MIN,
            last_stamp: None,
            settles_at: None,
            was_on_time: false,
            calm_since: None,
            calm_margin_min: i8::MAX,
            calm_ticks: CALM_S * tick_hz,
            calm_ticks_max: CALM_MAX_S * tick_hz,
            was_lowered: false,
        }
    }

    /// How many ticks stamps are ahead of the newest frame.
    pub fn lead_ticks(&self) -> u32 {
        self.lead
    }

    /// The stamp of an input made from the frame of `newest`; none when the input of that tick is
    /// already on its way, as once after the lead was lowered.
    pub fn stamp(&mut self, newest: Tick) -> Option<Tick> {
        let stamp = newest + self.lead;
        if self.last_stamp.is_some_and(|last| !stamp.is_after(last)) {
            return None;
        }
        self.last_stamp = Some(stamp);
        Some(stamp)
    }

    /// Takes that somebody else's clock has stamped an input.
    pub(crate) fn note_stamp(&mut self, stamp: Tick) {
        self.last_stamp = Some(stamp);
    }

    /// Takes what the server reports with the frame of `newest`: how many ticks before its step the
    /// last input came; negative when it was late.
    pub fn report(&mut self, newest: Tick, margin: i8) {
        if self.last_stamp.is_none() {
            return;
        }
        if self.settles_at.is_some_and(|tick| tick.is_after(newest)) {
            return;
        }
        self.settles_at = None;
        if margin < 0 {
            self.raise(newest, margin);
            return;
        }
        self.was_on_time = true;
        self.calm_margin_min = self.calm_margin_min.min(margin);
        let calm_since = *self.calm_since.get_or_insert(newest);
        if newest.since(calm_since) >= self.calm_ticks as i32 {
            if self.calm_margin_min > 0 && self.lead > LEAD_MIN {
                let spare = u32::from(self.calm_margin_min.unsigned_abs()).div_ceil(2);
                self.change(newest, margin, self.lead.saturating_sub(spare).max(LEAD_MIN));
                self.was_lowered = true;
            }
            self.begin_calm();
        }
    }

    fn raise(&mut self, newest: Tick, margin: i8) {
        // One late input among many is jitter; the first ones tell how long the way is.
        let late = if self.was_on_time { 1 } else { u32::from(margin.unsigned_abs()) };
        self.change(newest, margin, (self.lead + late).min(INPUT_LEAD_TICKS_MAX));
        if self.was_lowered {
            self.calm_ticks = (self.calm_ticks * 2).min(self.calm_ticks_max);
            self.was_lowered = false;
        }
        self.begin_calm();
    }

    /// An input reported now with this margin was stamped `lead - margin` ticks ago: that is how
    /// long the first report on a stamp of the new lead takes.
    fn change(&mut self, newest: Tick, margin: i8, lead: u32) {
        let way = (self.lead as i32 - i32::from(margin)).clamp(0, 128) as u32;
        self.settles_at = Some(newest + way + 1);
        self.lead = lead;
    }

    fn begin_calm(&mut self) {
        self.calm_since = None;
        self.calm_margin_min = i8::MAX;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs a clock against a server that is `way` ticks from here and back.
    fn run(clock: &mut InputClock, first: u32, ticks: u32, way: impl Fn(u32) -> u32) -> u32 {
        let mut late = 0;
        let mut in_flight = Vec::new();
        let mut margin = None;
        for tick in first..first + ticks {
            // Of those that come together the latest is reported.
            let mut least = None;
            in_flight.retain(|(arrives, stamp): &(u32, Tick)| {
                let has_come = *arrives <= tick;
                if has_come {
                    let ticks = stamp.since(Tick(tick)) as i8;
                    least = Some(least.map_or(ticks, |least: i8| least.min(ticks)));
                    late += u32::from(ticks < 0);
                }
                !has_come
            });
            margin = least.or(margin);
            if let Some(margin) = margin {
                clock.report(Tick(tick), margin);
            }
            if let Some(stamp) = clock.stamp(Tick(tick)) {
                in_flight.push((tick + way(tick), stamp));
            }
        }
        late
    }

    #[test]
    fn a_near_server_needs_one_tick() {
        let mut clock = InputClock::new(30);
        assert_eq!(run(&mut clock, 1, 900, |_| 1), 0);
        assert_eq!(clock.lead_ticks(), 1);
    }

    #[test]
    fn the_lead_follows_the_way() {
        let mut clock = InputClock::new(30);
        let late = run(&mut clock, 1, 300, |_| 6);
        assert_eq!(clock.lead_ticks(), 6);
        assert!(late < 10, "raised at once, {late} were late");
        run(&mut clock, 301, 3000, |_| 2);
        assert_eq!(clock.lead_ticks(), 2, "lowered when the margin stays high");
    }

    #[test]
    fn a_hiccup_costs_one_tick_for_a_while() {
        let mut clock = InputClock::new(30);
        run(&mut clock, 1, 100, |tick| if (50..53).contains(&tick) { 2 } else { 1 });
        assert_eq!(clock.lead_ticks(), 2);
        run(&mut clock, 101, 400, |_| 1);
        assert_eq!(clock.lead_ticks(), 1);
    }

    #[test]
    fn a_stall_costs_little_soon_after_it() {
        let mut clock = InputClock::new(30);
        run(&mut clock, 1, 170, |tick| if (100..160).contains(&tick) { 1 + (160 - tick) / 5 } else { 1 });
        assert!(clock.lead_ticks() > 3, "it was raised meanwhile, to {}", clock.lead_ticks());
        run(&mut clock, 171, 8 * 30, |_| 1);
        assert_eq!(clock.lead_ticks(), 1);
    }

    #[test]
    fn what_was_lowered_too_early_is_lowered_later_the_next_time() {
        let mut clock = InputClock::new(30);
        // Every four seconds nothing comes through for a moment.
        let way = |tick: u32| (4 - (tick % 120).min(3)).max(1);
        let often = run(&mut clock, 1, 3000, way);
        let seldom = run(&mut clock, 3001, 3000, way);
        assert!(seldom * 4 < often, "{often} were late at first, {seldom} afterwards");
    }

    #[test]
    fn stamps_increase_and_the_lead_has_bounds() {
        let mut clock = InputClock::new(30);
        let mut last = clock.stamp(Tick(u32::MAX - 5)).unwrap();
        for step in 0..2000u32 {
            let newest = Tick(u32::MAX - 5) + step / 2;
            clock.report(newest, if step % 700 < 100 { i8::MIN } else { i8::MAX });
            assert!((1..=INPUT_LEAD_TICKS_MAX).contains(&clock.lead_ticks()));
            if let Some(stamp) = clock.stamp(newest) {
                assert!(stamp.is_after(last));
                last = stamp;
            }
        }
    }
}
