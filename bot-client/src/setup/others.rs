//! Servers that speak another protocol than ours.

use std::sync::Arc;

use clap::ValueEnum;

use crate::cli::{Options, Target as Kind};
use crate::scenario::{Group, Scenario};
use crate::swarm::runtime;
use crate::target::Target;
use crate::target::plain::Plain;
use crate::target::socketio::{self, SocketIo};
use crate::target::websocket::WebSocket;

/// What a target is called.
pub(super) fn name(kind: Kind) -> String {
    kind.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
}

/// Where the bots connect.
pub(super) fn address(options: &Options) -> String {
    match options.target {
        // What cannot be is told when the targets are made.
        Kind::Socketio => socketio::address(&options.url).unwrap_or_else(|_| options.url.clone()).to_string(),
        Kind::Fracas | Kind::Websocket => options.url.to_string(),
    }
}

/// What the bots of each group are made by.
pub(super) fn targets(
    options: &Options,
    scenario: &Scenario,
    name_prefix: &str,
) -> Result<Vec<Arc<dyn Target>>, String> {
    check(options, scenario)?;
    let is_ours = options.target == Kind::Socketio && is_ours(options)?;
    let make = |group: &Group| -> Result<Arc<dyn Target>, String> {
        if !is_ours {
            Plain::check_without_rooms(
                group,
                &format!("{} of --target {}", options.url, name(options.target)),
            )?;
        }
        let (url, token) = (options.url.clone(), options.token.clone());
        let plain = Plain::new(url, token, group.clone(), name_prefix, scenario.seed);
        if options.target == Kind::Websocket {
            return Ok(Arc::new(WebSocket::new(plain)));
        }
        Ok(Arc::new(SocketIo::new(plain, is_ours).map_err(|error| error.to_string())?))
    };
    scenario.groups.iter().map(make).collect()
}

/// Refuses what only our own protocol has.
fn check(options: &Options, scenario: &Scenario) -> Result<(), String> {
    let target = name(options.target);
    if options.record_inputs.is_some() {
        return Err(format!(
            "--record-inputs writes what pilots do, and with --target {target} there are none"
        ));
    }
    scenario.groups.iter().try_for_each(|group| Plain::check(group, &target))
}

fn is_ours(options: &Options) -> Result<bool, String> {
    let runtime = runtime().map_err(|error| format!("{error:#}"))?;
    Ok(runtime.block_on(socketio::is_ours(&options.url, options.token.as_deref())))
}
