//! Netcode in short matches: what `cargo xtask bench netcode` measures for long, to see that nothing is
//! broken.

use fracas_benches::netcode::{Figures, Lengths, cheats, inputs, others, prediction, shots, time};

fn check(measure: fn(&mut Figures, Lengths) -> anyhow::Result<()>) {
    let mut figures = Figures::default();
    measure(&mut figures, Lengths::SMOKE).unwrap();
    assert!(!figures.0.is_empty() && figures.short().next().is_none(), "{}", figures.table());
}

#[test]
fn own_movement_is_predicted() {
    check(prediction);
}

#[test]
fn inputs_come_in_time() {
    check(inputs);
}

#[test]
fn others_glide() {
    check(others);
}

#[test]
fn what_hits_on_the_screen_hits() {
    check(shots);
}

#[test]
fn time_is_known() {
    check(time);
}

#[test]
fn cheating_with_time_gains_nothing() {
    check(cheats);
}
