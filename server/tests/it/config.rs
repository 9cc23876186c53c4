use std::fs;
use std::process::{Command, Output};

use fracas_shared::limits::{SECRET_BYTES_MIN, SIGNING_SECRET_BYTES_MIN};
use tempfile::TempDir;
use toml::{Table, Value};

/// A folder of its own, with this as its `fracas.toml`.
fn folder(file: &str) -> TempDir {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("fracas.toml"), file).unwrap();
    folder
}

fn print_config(folder: &TempDir, environment: &[(&str, &str)], flags: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_fracas-server"))
        .current_dir(folder)
        .env_clear()
        .envs(environment.iter().copied())
        .args(flags)
        .arg("--print-config")
        .output()
        .unwrap()
}

/// The effective configuration with this file, environment and flags.
fn effective(file: &str, environment: &[(&str, &str)], flags: &[&str]) -> Table {
    let output = print_config(&folder(file), environment, flags);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    toml::from_str(std::str::from_utf8(&output.stdout).unwrap()).unwrap()
}

/// Asserts that there is no configuration, and that the error says all of this.
fn refused(file: &str, environment: &[(&str, &str)], flags: &[&str], says: &[&str]) {
    let output = print_config(&folder(file), environment, flags);
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && output.stdout.is_empty());
    for word in says {
        assert!(error.contains(word), "no {word:?} in: {error}");
    }
}

#[test]
fn flags_beat_environment_beats_file_beats_defaults() {
    let file = "rooms_max = 1\nconnections_max = 1\nsim_threads = 1\n";
    let environment = [("FRACAS_ROOMS_MAX", "2"), ("FRACAS_CONNECTIONS_MAX", "2")];
    let config = effective(file, &environment, &["--rooms-max", "3"]);
    assert_eq!(config["rooms_max"], Value::from(3));
    assert_eq!(config["connections_max"], Value::from(2));
    assert_eq!(config["sim_threads"], Value::from(1));
    assert_eq!(config["room_linger_s"], Value::from(20));
}

#[test]
fn games_are_set_in_the_same_order() {
    let file =
        "[games.dots]\nbots = 1\nseats = 11\ntick_hz = 21\npermanent = false\nconfig = { pellets = 5 }\n";
    let environment = [("FRACAS_GAMES", "dots.bots = 2, dots.seats = 12")];
    let flags = ["--game", "dots.bots=3", "--game=dots.config.goal_mass=100.0"];
    let config = effective(file, &environment, &flags);
    let dots = &config["games"]["dots"];
    assert_eq!(dots["bots"], Value::from(3));
    assert_eq!(dots["seats"], Value::from(12));
    assert_eq!(dots["tick_hz"], Value::from(21));
    assert_eq!(dots["permanent"], Value::from(false));
    assert_eq!(dots["config"]["pellets"], Value::from(5));
    assert_eq!(dots["config"]["goal_mass"], Value::from(100.0));
    assert_eq!(dots["config"]["speed_mps"], Value::from(9.0), "the rest is the game's default");
    let bots = |game| config["games"][game]["bots"].clone();
    assert_eq!((bots("arena"), bots("canvas")), (Value::from(7), Value::from(1)), "so are bots");
}

#[test]
fn a_line_is_a_name_or_what_it_does() {
    let line = |file: &str, environment: &[(&str, &str)], flags: &[&str]| {
        effective(file, environment, flags)["line"].as_str().unwrap().to_owned()
    };
    assert_eq!(line("", &[], &[]), "none");
    let of_4g = "latency=60,jitter=40,stall=200,stall_every=10000,rate=5000";
    assert_eq!(line("line = '4g'\n", &[], &[]), of_4g);
    assert_eq!(line("line = '4g'\n", &[("FRACAS_LINE", "none")], &[]), "none");
    assert!(
        line("", &[("FRACAS_LINE", "3g")], &["--line", "latency=100"]).starts_with("latency=100,jitter=0,")
    );
    refused("line = '5g'\n", &[], &[], &["fracas.toml", "'5g' is no line", "satellite"]);
    refused("", &[], &["--line", "latency=9999"], &["--line", "`latency_ms`: 9999 is not from 0 to 5000"]);
}

#[cfg(feature = "planted-faults")]
#[test]
fn a_planted_fault_is_set_by_name() {
    let fault = |file: &str, environment: &[(&str, &str)], flags: &[&str]| {
        effective(file, environment, flags)["planted_fault"].as_str().unwrap().to_owned()
    };
    assert_eq!(fault("", &[], &[]), "none");
    for name in fracas_sim::PlantedFault::ALL.map(fracas_sim::PlantedFault::name) {
        assert_eq!(fault("planted_fault = 'none'\n", &[], &["--planted-fault", name]), name);
        assert_eq!(fault("", &[("FRACAS_PLANTED_FAULT", name)], &[]), name);
        assert_eq!(fault(&format!("planted_fault = '{name}'\n"), &[], &[]), name);
    }
    refused("", &[], &["--planted-fault", "typo"], &["--planted-fault", "'typo' is no fault", "leaked-seat"]);
}

#[cfg(not(feature = "planted-faults"))]
#[test]
fn a_server_for_players_has_no_faults_to_plant() {
    refused("", &[], &["--planted-fault", "none"], &["unexpected argument '--planted-fault'"]);
    refused("planted_fault = 'none'\n", &[], &[], &["fracas.toml", "planted_fault"]);
}

#[test]
fn what_is_printed_can_be_read_again() {
    let flags =
        ["--admin-listen", "off", "--seed", "18446744073709551615", "--log", "warn,fracas_server=debug"];
    let flags = [&flags[..], &["--log-format", "json", "--game", "dots.bots=2", "--line", "4g"]].concat();
    let first = print_config(&folder(""), &[], &flags).stdout;
    let second = print_config(&folder(std::str::from_utf8(&first).unwrap()), &[], &[]).stdout;
    assert_eq!(String::from_utf8(second), String::from_utf8(first));
}

#[test]
fn secrets_are_not_printed() {
    let secret = "correct-horse-battery";
    let way = ["--auth", "secret"];
    for (environment, flags) in [
        (vec![("FRACAS_ADMIN_TOKEN", secret), ("FRACAS_AUTH_SECRET", secret)], vec![]),
        (vec![], vec!["--admin-token", secret, "--auth-secret", secret]),
    ] {
        let flags = [&way[..], &flags].concat();
        let output = print_config(&folder(""), &environment, &flags);
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success() && !text.contains(secret), "{text}");
        assert!(
            text.contains("FRACAS_ADMIN_TOKEN; it is set, and not shown\n# admin_token = \"\"\n"),
            "{text}"
        );
    }
    let help = Command::new(env!("CARGO_BIN_EXE_fracas-server"))
        .env("FRACAS_ADMIN_TOKEN", secret)
        .arg("--help")
        .output()
        .unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    assert!(help.contains("FRACAS_ADMIN_TOKEN") && !help.contains(secret), "{help}");
    assert!(!format!("{:?}", fracas_server::config::Secret::from(secret)).contains(secret));
    refused("", &[("FRACAS_ADMIN_TOKEN", "guess-me")], &[], &["admin_token", "at least 16", "openssl"]);
    refused("admin_token = 'a secret with spaces'\n", &[], &[], &["admin_token", "ASCII"]);
}

#[test]
fn every_setting_is_explained() {
    let output = print_config(&folder(""), &[], &[]);
    let text = String::from_utf8(output.stdout).unwrap();
    for (name, value) in toml::from_str::<Table>(&text).unwrap() {
        if value.is_table() {
            continue;
        }
        let place = text.find(&format!("\n{name} = ")).unwrap();
        let (flag, env) = (name.replace('_', "-"), name.to_uppercase());
        assert!(text[..place].ends_with(&format!("# --{flag}, FRACAS_{env}")), "{name}");
    }
}

#[test]
fn a_file_may_be_named() {
    let folder = folder("rooms_max = 1\n");
    let named = folder.path().join("named.toml");
    fs::write(&named, "rooms_max = 7\n").unwrap();
    for (environment, flags) in [
        (vec![], vec!["--config", named.to_str().unwrap()]),
        (vec![("FRACAS_CONFIG", named.to_str().unwrap())], vec![]),
    ] {
        let output = print_config(&folder, &environment, &flags);
        assert!(String::from_utf8(output.stdout).unwrap().contains("\nrooms_max = 7\n"));
    }
    refused("", &[], &["--config", "absent.toml"], &["absent.toml", "No such file"]);
}

#[test]
fn a_wrong_file_is_told_with_key_and_file() {
    refused("rooms_mox = 1\n", &[], &[], &["fracas.toml", "rooms_mox", "line 1", "rooms_max"]);
    refused("[games.dots]\nbats = 1\n", &[], &[], &["fracas.toml", "bats", "bots"]);
    refused("rooms_max = 'many'\n", &[], &[], &["fracas.toml", "rooms_max", "many"]);
    refused("seed = 'often'\n", &[], &[], &["fracas.toml", "seed", "random"]);
    refused("rooms_max\n", &[], &[], &["fracas.toml", "line 1"]);
}

#[test]
fn a_wrong_value_is_told_with_what_is_allowed() {
    refused("", &[("FRACAS_ROOMS_MAX", "0")], &[], &["rooms_max", "1 to 10000"]);
    refused("", &[("FRACAS_ROOMS_MAX", "x")], &[], &["--rooms-max", "x"]);
    refused("", &[], &["--connections-max", "20001"], &["connections_max", "1 to 20000"]);
    refused("", &[], &["--tickets-per-address-max", "0"], &["tickets_per_address_max", "1 to 10000"]);
    refused("", &[], &["--allowed-origins", "a.example"], &["allowed_origins", "https://play.example"]);
    refused("", &[], &["--trusted-proxies", "proxy"], &["trusted_proxies", "10.0.0.0/8"]);
    refused("", &[], &["--proxy-protocol", "true"], &["proxy_protocol", "trusted_proxies"]);
    refused("", &[], &["--auth", "secret"], &["`secret` needs `auth_secret`"]);
    refused("", &[], &["--auth-secret", "correct-horse-battery"], &["auth_secret", "nobody is asked for it"]);
    refused("", &[], &["--auth", "secret", "--auth-secret", "short"], &["auth_secret", "at least 16"]);
    refused("", &[], &["--auth-issuer", "me"], &["auth_issuer", "`auth = \"jwt\"`"]);
    refused("", &[], &["--auth", "jwt"], &["auth", "one of `auth_secret` and `auth_public_key`"]);
    if cfg!(not(feature = "jwt")) {
        let secret = "0123456789abcdef0123456789abcdef";
        refused("", &[], &["--auth", "jwt", "--auth-secret", secret], &["auth", "--features jwt"]);
    }
    refused("", &[], &["--tls-cert", "a.pem"], &["tls_key", "`tls_cert` is of no use without it"]);
    refused("", &[], &["--sim-threads", "0"], &["sim_threads", "1 to 256"]);
    refused("", &[], &["--log", "=4="], &["log", "info"]);
    refused("", &[], &["--log-format", "xml"], &["--log-format", "text, json"]);
    refused("", &[], &["--admin-listen", "no"], &["--admin-listen", "off"]);
    refused("", &[], &["--game", "dots.seats=1001"], &["games.dots.seats", "1 to 1000"]);
    refused("", &[], &["--game", "dots.tick_hz=0"], &["games.dots.tick_hz", "1 to 240"]);
    refused("", &[], &["--game", "dots.bats=1"], &["--game dots.bats=1", "bats", "bots"]);
    refused("", &[], &["--game", "dots"], &["--game dots", "GAME.KEY=VALUE"]);
    refused("", &[], &["--game", "dats.bots=1"], &["games.dats", "dots"]);
    refused("", &[("FRACAS_GAMES", "dots.bots=no")], &[], &["FRACAS_GAMES", "dots.bots"]);
    refused("", &[], &["--game", "dots.config.pellets=x"], &["games.dots.config", "u16"]);
}

#[test]
fn secrets_are_not_short() {
    let of = |bytes: usize| "s".repeat(bytes);
    for (setting, rest) in [("admin_token", ""), ("auth_secret", "auth = \"secret\"\n")] {
        let file = |bytes: usize| format!("{rest}{setting} = \"{}\"\n", of(bytes));
        effective(&file(SECRET_BYTES_MIN), &[], &[]);
        refused(&file(SECRET_BYTES_MIN - 1), &[], &[], &[setting]);
    }
    if cfg!(feature = "jwt") {
        let file = |bytes: usize| format!("auth = \"jwt\"\nauth_secret = \"{}\"\n", of(bytes));
        effective(&file(SIGNING_SECRET_BYTES_MIN), &[], &[]);
        refused(&file(SIGNING_SECRET_BYTES_MIN - 1), &[], &[], &["auth_secret"]);
    }
}
