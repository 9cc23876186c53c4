//! What single flags take.

use std::fmt;
use std::str::FromStr;

use clap::ValueEnum;
use fracas_client::ServerUrl;
use fracas_shared::limits::{OPTIONS_BYTES_MAX, PLAYER_NAME_BYTES_MAX};
use serde::{Deserialize, Serialize};

use crate::limits::SESSIONS_MAX;

/// The port on which a server tells of itself, unless it is set otherwise.
const METRICS_PORT: u16 = 3001;
/// Where its metrics are there.
const METRICS_PATH: &str = "/metrics";

/// What a server speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
pub(crate) enum Target {
    /// The protocol of Fracas
    #[default]
    Fracas,
    /// Any WebSocket
    Websocket,
    /// Socket.IO
    Socketio,
}

/// Where a server's metrics are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Metrics {
    Off,
    At(MetricsUrl),
}

/// The address of a server's metrics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MetricsUrl {
    /// An IPv6 address without its brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) path: String,
}

impl MetricsUrl {
    /// Where they are when nothing is said.
    pub(crate) fn of_host(host: &str) -> Self {
        Self { host: host.to_owned(), port: METRICS_PORT, path: METRICS_PATH.to_owned() }
    }
}

impl fmt::Display for MetricsUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port, path } = self;
        if host.contains(':') {
            write!(f, "http://[{host}]:{port}{path}")
        } else {
            write!(f, "http://{host}:{port}{path}")
        }
    }
}

impl FromStr for Metrics {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "off" {
            return Ok(Self::Off);
        }
        let rest = text.strip_prefix("http://").ok_or_else(|| {
            format!("'{text}' is no address: write one as http://127.0.0.1:3001/metrics, or off")
        })?;
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let server: ServerUrl =
            format!("http://{authority}").parse().map_err(|error| format!("in '{text}', {error}"))?;
        let path = if path.len() > 1 { path } else { METRICS_PATH };
        Ok(Self::At(MetricsUrl {
            host: server.host().to_owned(),
            port: server.port(),
            path: path.to_owned(),
        }))
    }
}

/// What bots are called, before their number.
pub(super) fn parse_prefix(text: &str) -> Result<String, String> {
    let digits = (SESSIONS_MAX - 1).to_string().len();
    let bytes_max = PLAYER_NAME_BYTES_MAX - digits;
    if text.len() > bytes_max {
        return Err(format!("a name has at most {PLAYER_NAME_BYTES_MAX} bytes, so its prefix {bytes_max}"));
    }
    if text.chars().any(char::is_control) {
        return Err("a name has no control characters".into());
    }
    Ok(text.to_owned())
}

pub(super) fn parse_room_json(text: &str) -> Result<String, String> {
    if text.len() > OPTIONS_BYTES_MAX {
        return Err(format!("a server takes at most {OPTIONS_BYTES_MAX} bytes of options"));
    }
    match serde_json::from_str::<serde_json::Value>(text) {
        Ok(value) if value.is_object() => Ok(text.to_owned()),
        Ok(_) => Err(r#"options are a JSON object, as in {"seats": 4}"#.into()),
        Err(error) => Err(format!("no JSON: {error}")),
    }
}

/// A host and a port to listen at; port 0 for any that is free.
pub(super) fn parse_endpoint(text: &str) -> Result<String, String> {
    match text.rsplit_once(':') {
        Some((host, port)) if !host.is_empty() && port.parse::<u16>().is_ok() => Ok(text.to_owned()),
        _ => Err(format!("'{text}' is no address: write a host and a port, as in 127.0.0.1:3002")),
    }
}

/// A host and a port where somebody listens.
pub(super) fn parse_peer(text: &str) -> Result<String, String> {
    let endpoint = parse_endpoint(text)?;
    let port = endpoint.rsplit_once(':').and_then(|(_, port)| port.parse().ok());
    if port == Some(0u16) {
        Err("nobody listens at port 0: write the coordinator's".into())
    } else {
        Ok(endpoint)
    }
}
