//! A scenario as a TOML file.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use fracas_client::LineProfile;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use super::{Behaviour, GAME_DEFAULT, Group, SEED_DEFAULT, Scenario, Stage, StageKind};
use crate::expect::Expectation;
use crate::limits::SCENARIO_BYTES_MAX;
use crate::units;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ScenarioFile {
    #[serde(default)]
    about: String,
    seed: Option<u64>,
    stages: Vec<StageTable>,
    #[serde(default)]
    groups: Vec<GroupTable>,
    #[serde(default)]
    expect: Vec<Expectation>,
    #[serde(default)]
    restarts: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StageTable {
    name: Option<String>,
    clients: Option<u32>,
    #[serde(default, rename = "for", deserialize_with = "duration")]
    lasts: Option<Duration>,
    #[serde(default, deserialize_with = "rate")]
    rate: Option<f64>,
    #[serde(default, deserialize_with = "share")]
    reconnect: Option<f64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GroupTable {
    name: Option<String>,
    share: Option<f64>,
    game: Option<String>,
    #[serde(default)]
    behaviour: Behaviour,
    #[serde(default, deserialize_with = "rate")]
    inputs: Option<f64>,
    #[serde(default, deserialize_with = "line")]
    line: Option<LineProfile>,
    #[serde(default, deserialize_with = "duration")]
    session: Option<Duration>,
    #[serde(default, deserialize_with = "pause")]
    think: Option<Duration>,
    recording: Option<PathBuf>,
    room: Option<toml::Table>,
    room_id: Option<String>,
}

/// Reads the scenario of a file, whose name is the file's.
pub(super) fn read(path: &Path) -> Result<Scenario, String> {
    let shown = path.display();
    let text = read_text(path).map_err(|error| match error.kind() {
        ErrorKind::NotFound => {
            let shipped = Scenario::shipped().collect::<Vec<_>>().join(", ");
            format!("there is no scenario '{shown}': name a file, or one that is built in: {shipped}")
        }
        _ => format!("the scenario {shown} cannot be read: {error}"),
    })?;
    let name = path.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
    let folder = path.parent().unwrap_or(Path::new(""));
    parse(&name, &text, folder).map_err(|error| format!("{shown}: {error}"))
}

fn read_text(path: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(SCENARIO_BYTES_MAX + 1).read_to_string(&mut text)?;
    if text.len() as u64 > SCENARIO_BYTES_MAX {
        return Err(std::io::Error::other(format!("it has more than {SCENARIO_BYTES_MAX} bytes")));
    }
    Ok(text)
}

/// The scenario of this text. Files that it names are looked for in the folder.
pub(super) fn parse(name: &str, text: &str, folder: &Path) -> Result<Scenario, String> {
    // The error of a field has the line of the file below it.
    let file: ScenarioFile = toml::from_str(text).map_err(|error| error.to_string().trim_end().to_owned())?;
    let scenario = Scenario {
        name: name.to_owned(),
        about: file.about,
        seed: file.seed.unwrap_or(SEED_DEFAULT),
        stages: stages(file.stages)?,
        groups: groups(file.groups, folder)?,
        expect: file.expect,
        restarts: file.restarts,
    };
    scenario.check()?;
    Ok(scenario)
}

fn stages(tables: Vec<StageTable>) -> Result<Vec<Stage>, String> {
    let mut clients = 0;
    let mut stages = Vec::with_capacity(tables.len());
    for (index, table) in tables.into_iter().enumerate() {
        let stage = stage(table, clients).map_err(|problem| format!("stage {}: {problem}", index + 1))?;
        if let StageKind::Clients { to } = stage.kind {
            clients = to;
        }
        stages.push(stage);
    }
    Ok(stages)
}

/// The stage of a table, where there were so many clients before.
fn stage(table: StageTable, before: u32) -> Result<Stage, String> {
    let to = table.clients.unwrap_or(before);
    if table.reconnect.is_some() && (table.clients.is_some() || table.rate.is_some()) {
        return Err("a storm has `reconnect` and `for` alone: write `clients` and `rate` in a stage \
                    before or after it"
            .into());
    }
    let lasts = match (table.lasts, table.rate) {
        (Some(lasts), None) => lasts,
        (None, Some(_)) if to == before => {
            return Err(format!(
                "`rate` is how fast the number of clients changes, and it stays {to}: write `for`, or other \
                 `clients`"
            ));
        }
        (None, Some(rate)) => time_of_change(to.abs_diff(before), rate)?,
        _ => return Err("a stage has exactly one of `for`, as in \"10s\", and `rate`, as in \"50/s\"".into()),
    };
    let (kind, name) = match table.reconnect {
        Some(share) => (StageKind::Reconnect { share }, "reconnect"),
        None if to == before => (StageKind::Clients { to }, "hold"),
        None if to == 0 => (StageKind::Clients { to }, "drain"),
        None => (StageKind::Clients { to }, "ramp"),
    };
    Ok(Stage { name: table.name.unwrap_or_else(|| name.into()), lasts, kind })
}

/// How long so many take to come or to go.
pub(crate) fn time_of_change(clients: u32, rate: f64) -> Result<Duration, String> {
    Duration::try_from_secs_f64(f64::from(clients) / rate)
        .map_err(|_| format!("at {rate}/s, {clients} clients take forever: write a higher rate"))
}

fn groups(tables: Vec<GroupTable>, folder: &Path) -> Result<Vec<Group>, String> {
    if tables.is_empty() {
        return Ok(vec![Group::of(GAME_DEFAULT, Behaviour::default())]);
    }
    let tables = tables.into_iter().enumerate();
    tables
        .map(|(index, table)| {
            group(table, folder).map_err(|problem| format!("group {}: {problem}", index + 1))
        })
        .collect()
}

fn group(table: GroupTable, folder: &Path) -> Result<Group, String> {
    if table.room.is_some() && table.room_id.is_some() {
        return Err(
            "`room` is for rooms that the bots create, and `room_id` is one that there is: leave one \
                    of them out"
                .into(),
        );
    }
    let mut group = Group::of(table.game.as_deref().unwrap_or(GAME_DEFAULT), table.behaviour);
    group.name = table.name.unwrap_or(group.name);
    group.share = table.share.unwrap_or(group.share);
    group.inputs_per_s = table.inputs;
    group.line = table.line.unwrap_or_default();
    group.session = table.session;
    group.think = table.think.unwrap_or_default();
    group.recording = table.recording.map(|recording| folder.join(recording));
    if let Some(room) = table.room {
        let room = json(toml::Value::Table(room)).map_err(|problem| format!("`room`: {problem}"))?;
        group.room_options = room.to_string();
    }
    group.room_id = table.room_id;
    Ok(group)
}

/// A value of TOML as JSON.
fn json(value: toml::Value) -> Result<serde_json::Value, String> {
    use serde_json::Value;
    Ok(match value {
        toml::Value::String(text) => Value::String(text),
        toml::Value::Integer(number) => number.into(),
        toml::Value::Boolean(is) => Value::Bool(is),
        toml::Value::Float(number) => {
            let number = serde_json::Number::from_f64(number);
            Value::Number(number.ok_or("JSON has no infinite numbers and no NaN")?)
        }
        toml::Value::Datetime(_) => return Err("JSON has no dates: write it as a text".into()),
        toml::Value::Array(values) => values.into_iter().map(json).collect::<Result<_, _>>()?,
        toml::Value::Table(table) => {
            let fields = table.into_iter().map(|(name, value)| Ok((name, json(value)?)));
            Value::Object(fields.collect::<Result<_, String>>()?)
        }
    })
}

fn duration<'de, D: Deserializer<'de>>(field: D) -> Result<Option<Duration>, D::Error> {
    parsed(field, units::parse_duration)
}

fn pause<'de, D: Deserializer<'de>>(field: D) -> Result<Option<Duration>, D::Error> {
    parsed(field, units::parse_pause)
}

fn rate<'de, D: Deserializer<'de>>(field: D) -> Result<Option<f64>, D::Error> {
    parsed(field, units::parse_rate)
}

fn share<'de, D: Deserializer<'de>>(field: D) -> Result<Option<f64>, D::Error> {
    parsed(field, units::parse_share)
}

fn line<'de, D: Deserializer<'de>>(field: D) -> Result<Option<LineProfile>, D::Error> {
    parsed(field, |text| LineProfile::from_str(text).map_err(|error| error.to_string()))
}

/// A field that is a text with a meaning.
fn parsed<'de, D: Deserializer<'de>, T>(
    field: D,
    parse: impl Fn(&str) -> Result<T, String>,
) -> Result<Option<T>, D::Error> {
    let text = String::deserialize(field)?;
    parse(&text).map(Some).map_err(D::Error::custom)
}
