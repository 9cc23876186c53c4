//! Flags as a scenario, and a scenario as flags change it.

use std::time::Duration;

use super::Options;
use crate::scenario::{Behaviour, Group, Scenario, Stage, StageKind, time_of_change};

/// What a scenario is called that flags have made.
const NAME: &str = "flags";

impl Options {
    /// What is to be run: the scenario that was named, with what other flags change of it, or the one
    /// that flags alone make.
    pub(crate) fn scenario(&self) -> Result<Scenario, String> {
        let mut scenario = match &self.scenario {
            Some(name) => self.changed(Scenario::load(name)?)?,
            None => self.made()?,
        };
        self.change_groups(&mut scenario)?;
        scenario.expect.extend(self.expect.iter().cloned());
        scenario.restarts |= self.restarts;
        scenario.check()?;
        self.check_capacity()?;
        Ok(scenario)
    }

    /// What was said of the whole run.
    fn changed(&self, mut scenario: Scenario) -> Result<Scenario, String> {
        if let Some(seed) = self.seed {
            scenario.seed = seed;
        }
        if let Some(clients) = self.clients {
            scenario = scenario.scaled_to(clients);
        }
        if let Some(duration) = self.duration {
            let problem =
                |problem| format!("--duration makes the longest hold this long, but {problem}: leave it out");
            scenario.hold_for(duration).map_err(problem)?;
        }
        Ok(scenario)
    }

    /// All come, play, and go at once; perhaps with a storm in the middle.
    fn made(&self) -> Result<Scenario, String> {
        let clients = self.clients();
        let ramp = time_of_change(clients, self.ramp()).map_err(|problem| format!("--ramp: {problem}"))?;
        let to = StageKind::Clients { to: clients };
        let stage = |name: &str, lasts: Duration, kind| Stage { name: name.into(), lasts, kind };
        let mut stages = vec![stage("ramp", ramp, to)];
        let duration = self.duration();
        match self.reconnect {
            None => stages.push(stage("hold", duration, to)),
            Some(share) => {
                let storm = duration / 10;
                let before = duration.saturating_sub(storm) / 2;
                let after = duration.saturating_sub(before + storm);
                stages.push(stage("hold", before, to));
                stages.push(stage("reconnect", storm, StageKind::Reconnect { share }));
                stages.push(stage("hold", after, to));
            }
        }
        let groups = vec![Group::of(self.game(), Behaviour::default())];
        let (name, about) = (NAME.into(), String::new());
        Ok(Scenario { name, about, seed: self.seed(), stages, groups, expect: Vec::new(), restarts: false })
    }

    /// What was said of bots is said of all groups.
    fn change_groups(&self, scenario: &mut Scenario) -> Result<(), String> {
        for place in 0..scenario.groups.len() {
            let (before, group) = scenario.groups[..=place].split_at_mut(place);
            self.change_group(&mut group[0]);
            make_name_unique(&mut group[0], before);
        }
        self.change_sessions(&mut scenario.groups)?;
        self.change_recordings(&mut scenario.groups)
    }

    fn change_group(&self, group: &mut Group) {
        let was_named = group.name != Group::default_name(&group.game, group.behaviour);
        if let Some(game) = &self.game {
            group.game.clone_from(game);
        }
        if let Some(behaviour) = self.behaviour {
            group.behaviour = behaviour;
        }
        if !was_named {
            group.name = Group::default_name(&group.game, group.behaviour);
        }
        group.inputs_per_s = self.inputs.or(group.inputs_per_s);
        group.line = self.line.unwrap_or(group.line);
        if let Some(room) = &self.room {
            group.room_id = Some(room.clone());
            group.room_options.clear();
        }
        if let Some(options) = &self.room_json {
            group.room_options.clone_from(options);
            group.room_id = None;
        }
    }

    fn change_sessions(&self, groups: &mut [Group]) -> Result<(), String> {
        for group in &mut *groups {
            group.session = self.session.or(group.session);
        }
        let Some(think) = self.think else { return Ok(()) };
        let mut leave = groups.iter_mut().filter(|group| group.session.is_some()).peekable();
        if leave.peek().is_none() && !think.is_zero() {
            return Err("--think is the pause after a session, and nobody leaves: give --session, too".into());
        }
        leave.for_each(|group| group.think = think);
        Ok(())
    }

    fn change_recordings(&self, groups: &mut [Group]) -> Result<(), String> {
        let (mut recorded, others): (Vec<_>, Vec<_>) =
            groups.iter_mut().partition(|group| group.behaviour == Behaviour::Recorded);
        // What is another behaviour now has no use for it.
        others.into_iter().filter(|_| self.behaviour.is_some()).for_each(|group| group.recording = None);
        if let Some(recording) = &self.recording {
            if recorded.is_empty() {
                return Err("--recording is what bots of behaviour recorded send, and there are none: give \
                            --behaviour recorded, too"
                    .into());
            }
            for group in &mut recorded {
                group.recording = Some(recording.clone());
            }
        }
        if recorded.iter().any(|group| group.recording.is_none()) {
            return Err("behaviour recorded sends what was recorded: give its file by --recording".into());
        }
        Ok(())
    }

    fn check_capacity(&self) -> Result<(), String> {
        match (self.clients, self.capacity_max) {
            (Some(clients), Some(max)) if clients > max => Err(format!(
                "--clients {clients} is more than --capacity-max {max}, the highest number that is tried: give \
                 fewer, or leave it out"
            )),
            _ => Ok(()),
        }
    }
}

/// Groups that were not named may have become alike.
fn make_name_unique(group: &mut Group, before: &[Group]) {
    let name = group.name.clone();
    let is_taken = |name: &str| before.iter().any(|other| other.name == name);
    let mut number = 2;
    while is_taken(&group.name) {
        group.name = format!("{name} {number}");
        number += 1;
    }
}
