//! Whether a scenario can be run.

use std::collections::BTreeSet;

use fracas_shared::limits::{CONNECTIONS_MAX, INPUTS_PER_S_MAX, OPTIONS_BYTES_MAX};

use super::{Behaviour, Group, Scenario, Stage, StageKind};
use crate::limits::{
    ABOUT_BYTES_MAX, EXPECTATIONS_MAX, GROUPS_MAX, NAME_BYTES_MAX, RUN_TIME_MAX, SESSION_TIME_MIN, SHARE_MAX,
    STAGES_MAX,
};

pub(super) fn check(scenario: &Scenario) -> Result<(), String> {
    within("`stages`", scenario.stages.len(), 1, STAGES_MAX)?;
    within("`groups`", scenario.groups.len(), 1, GROUPS_MAX)?;
    within("`expect`", scenario.expect.len(), 0, EXPECTATIONS_MAX)?;
    within("the bytes of `about`", scenario.about.len(), 0, ABOUT_BYTES_MAX)?;
    check_name("the scenario's name", &scenario.name)?;
    for (index, stage) in scenario.stages.iter().enumerate() {
        check_stage(stage).map_err(|problem| format!("stage {} ('{}'): {problem}", index + 1, stage.name))?;
    }
    check_storms(scenario)?;
    check_lasts(scenario)?;
    for (index, group) in scenario.groups.iter().enumerate() {
        check_group(group).map_err(|problem| format!("group {} ('{}'): {problem}", index + 1, group.name))?;
    }
    check_group_names(&scenario.groups)
}

fn within(what: &str, number: usize, min: usize, max: usize) -> Result<(), String> {
    if (min..=max).contains(&number) {
        Ok(())
    } else {
        Err(format!("{what}: {number} is not from {min} to {max}"))
    }
}

fn check_name(what: &str, name: &str) -> Result<(), String> {
    within(&format!("the bytes of {what}"), name.len(), 1, NAME_BYTES_MAX)?;
    if name.chars().any(char::is_control) { Err(format!("{what} has control characters")) } else { Ok(()) }
}

fn check_stage(stage: &Stage) -> Result<(), String> {
    check_name("`name`", &stage.name)?;
    match stage.kind {
        StageKind::Clients { to } => within("`clients`", to as usize, 0, CONNECTIONS_MAX),
        StageKind::Reconnect { share } if share > 0.0 && share <= 1.0 => Ok(()),
        StageKind::Reconnect { share } => {
            Err(format!("`reconnect`: {} % is no share: more than 0 %, and 100 % at most", share * 100.0))
        }
    }
}

/// A storm needs somebody whose connection it can drop.
fn check_storms(scenario: &Scenario) -> Result<(), String> {
    let calm = scenario.stages.iter().zip(scenario.clients_after_stages()).enumerate();
    for (index, (stage, clients)) in calm {
        if matches!(stage.kind, StageKind::Reconnect { .. }) && clients == 0 {
            return Err(format!(
                "stage {} ('{}'): nobody plays whose connection could drop: put it behind a stage with `clients`",
                index + 1,
                stage.name
            ));
        }
    }
    if scenario.peak_clients() == 0 {
        return Err("nobody ever plays: give a stage `clients`".into());
    }
    Ok(())
}

fn check_lasts(scenario: &Scenario) -> Result<(), String> {
    let lasts = scenario.lasts();
    if lasts <= RUN_TIME_MAX {
        return Ok(());
    }
    let hours = |time: std::time::Duration| time.as_secs_f64() / 3600.0;
    Err(format!("all stages take {:.1} h: they may take {} h at most", hours(lasts), hours(RUN_TIME_MAX)))
}

fn check_group(group: &Group) -> Result<(), String> {
    check_name("`name`", &group.name)?;
    check_name("`game`", &group.game)?;
    if !(group.share > 0.0 && group.share <= SHARE_MAX && group.share >= 1.0 / SHARE_MAX) {
        return Err(format!("`share`: {} is not from {} to {SHARE_MAX}", group.share, 1.0 / SHARE_MAX));
    }
    if let Some(rate) = group.inputs_per_s
        && !(rate > 0.0 && rate <= f64::from(INPUTS_PER_S_MAX))
    {
        return Err(format!("`inputs`: a server takes up to {INPUTS_PER_S_MAX} in a second, not {rate}"));
    }
    group.line.check().map_err(|problem| format!("`line`: {problem}"))?;
    check_session(group)?;
    check_recording(group)?;
    check_room(group)
}

fn check_session(group: &Group) -> Result<(), String> {
    let Some(session) = group.session else {
        return if group.think.is_zero() {
            Ok(())
        } else {
            Err("`think` is the pause after a session, and nobody leaves: give `session`, too".into())
        };
    };
    if session < SESSION_TIME_MIN {
        let least = SESSION_TIME_MIN.as_secs();
        return Err(format!("`session`: {} s is less than {least} s", session.as_secs_f64()));
    }
    Ok(())
}

fn check_recording(group: &Group) -> Result<(), String> {
    match (group.behaviour, &group.recording) {
        (Behaviour::Recorded, None) => {
            Err("behaviour recorded plays what was recorded: name the file in `recording`".into())
        }
        (Behaviour::Recorded, Some(_)) | (_, None) => Ok(()),
        (behaviour, Some(_)) => {
            Err(format!("`recording` is for behaviour recorded, not {behaviour}: leave one of them out"))
        }
    }
}

fn check_room(group: &Group) -> Result<(), String> {
    within("the bytes of `room` as JSON", group.room_options.len(), 0, OPTIONS_BYTES_MAX)?;
    if let Some(room) = &group.room_id {
        check_name("`room_id`", room)?;
        if !group.room_options.is_empty() {
            return Err("`room` is for rooms that the bots create, and `room_id` is one that there is".into());
        }
    }
    Ok(())
}

/// Groups are told apart by their names.
fn check_group_names(groups: &[Group]) -> Result<(), String> {
    let mut names = BTreeSet::new();
    match groups.iter().find(|group| !names.insert(&group.name)) {
        Some(twice) => Err(format!("two groups are called '{}': give each a `name` of its own", twice.name)),
        None => Ok(()),
    }
}
