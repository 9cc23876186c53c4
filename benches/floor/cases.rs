//! What is measured: rooms, clients and rates.

use anyhow::{Result, bail, ensure};
use fracas_benches::tape::Shape;
use fracas_shared::limits::{SEATS_MAX, TICK_HZ_MAX};
use serde_json::{Value, json};

/// Clients who play in rooms that are all alike.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Case {
    pub(crate) name: String,
    /// All of them together; they fill whole rooms.
    pub(crate) clients: u32,
    /// What a room is like.
    pub(crate) shape: Shape,
}

/// The cases that have a name: the name, clients, seats of a room, ticks and inputs in a second.
const NAMED: [(&str, u32, u16, u16, f64); 7] = [
    ("rooms-of-8", 400, 8, 30, 30.0),
    ("rooms-of-8-inputs-10", 400, 8, 30, 10.0),
    ("rooms-of-8-clients-1000", 1000, 8, 30, 30.0),
    ("rooms-of-8-clients-1000-inputs-10", 1000, 8, 30, 10.0),
    ("rooms-of-8-60-hz-inputs-20", 400, 8, 60, 20.0),
    ("rooms-of-32", 384, 32, 30, 30.0),
    ("room-of-200", 200, 200, 30, 30.0),
];

/// All cases that have a name.
pub(crate) fn all() -> impl Iterator<Item = Case> {
    NAMED.into_iter().map(|(name, clients, seats, tick_hz, inputs_per_s)| Case {
        name: name.to_owned(),
        clients,
        shape: Shape { seats, tick_hz, inputs_per_s },
    })
}

/// The case of this name.
pub(crate) fn named(name: &str) -> Result<Case> {
    let Some(case) = all().find(|case| case.name == name) else {
        let names: Vec<_> = NAMED.iter().map(|case| case.0).collect();
        bail!("no case '{name}'; there are {}, and `all`", names.join(", "));
    };
    Ok(case)
}

impl Case {
    /// Whether it can be played at all.
    pub(crate) fn check(&self) -> Result<()> {
        let Shape { seats, tick_hz, inputs_per_s } = self.shape;
        ensure!(
            (1..=SEATS_MAX).contains(&seats),
            "{seats} seats: a room has 1 to {SEATS_MAX} (SEATS_MAX in shared/src/limits.rs)"
        );
        ensure!(
            (1..=TICK_HZ_MAX).contains(&tick_hz),
            "{tick_hz} Hz: a room has 1 to {TICK_HZ_MAX} (TICK_HZ_MAX in shared/src/limits.rs)"
        );
        ensure!(inputs_per_s > 0.0, "{inputs_per_s} inputs a second: clients send some");
        ensure!(
            self.clients > 0 && self.clients.is_multiple_of(seats.into()),
            "{} clients do not fill rooms of {seats}: seats that are left are played by the product's own bots",
            self.clients
        );
        Ok(())
    }

    pub(crate) fn rooms(&self) -> u32 {
        self.clients / u32::from(self.shape.seats)
    }

    /// What all clients together are to get in a second.
    pub(crate) fn updates_per_s(&self) -> f64 {
        f64::from(self.clients) * f64::from(self.shape.tick_hz)
    }

    /// For people.
    pub(crate) fn sentence(&self) -> String {
        let (clients, rooms) = (self.clients, self.rooms());
        let Shape { seats, tick_hz, inputs_per_s } = self.shape;
        let rooms =
            if rooms == 1 { format!("one room of {seats}") } else { format!("{rooms} rooms of {seats}") };
        format!("{clients} clients in {rooms}, {tick_hz} Hz, {inputs_per_s} inputs a second of each")
    }

    /// For programs.
    pub(crate) fn json(&self) -> Value {
        json!({
            "name": self.name,
            "clients": self.clients,
            "rooms": self.rooms(),
            "seats": self.shape.seats,
            "tick_hz": self.shape.tick_hz,
            "inputs_per_s": self.shape.inputs_per_s,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cases_that_have_a_name_can_be_played() {
        for case in all() {
            case.check().unwrap_or_else(|error| panic!("{}: {error}", case.name));
            assert_eq!(named(&case.name).expect("it has this name"), case);
        }
        assert!(named("rooms-of-9").expect_err("none").to_string().contains("rooms-of-8"));
    }

    #[test]
    fn what_cannot_be_played_says_why() {
        let shape = |seats| Shape { seats, tick_hz: 30, inputs_per_s: 30.0 };
        let case = |clients, seats| Case { clients, shape: shape(seats), name: String::new() };
        for (case, problem) in [(case(12, 8), "do not fill"), (case(2002, 1001), "SEATS_MAX")] {
            assert!(case.check().expect_err("not played").to_string().contains(problem));
        }
    }
}
