//! Rows whose fields move: what lies between two of them, and what the schema says of it.

use fracas_shared::Row;
use fracas_shared::schema::Field;

#[derive(Clone, Debug, PartialEq, Row)]
enum Thing {
    Ball {
        #[row(fixed(min = 0.0, step = 0.125, bits = 12), velocity = speed, jump = 1.0)]
        at: f32,
        #[row(fixed(min = -32.0, step = 0.125, bits = 10))]
        speed: f32,
        #[row(angle(bits = 8))]
        spin: f32,
        name: u8,
    },
    Wall {
        height: u8,
    },
}

fn ball(at: f32, speed: f32, spin: f32, name: u8) -> Thing {
    Thing::Ball { at, speed, spin, name }
}

fn check(mut from: Thing, to: &Thing, part: f32, expected: &Thing) {
    from.blend(to, part, 0.5);
    assert_eq!(&from, expected);
}

#[test]
fn what_moves_is_between_and_what_counts_is_not() {
    check(ball(2.0, 4.0, 0.0, 1), &ball(4.0, 4.0, 1.0, 9), 0.5, &ball(3.0, 4.0, 0.5, 1));
    check(ball(2.0, 0.0, 0.0, 1), &ball(2.0, 4.0, 0.0, 9), 0.0, &ball(2.0, 0.0, 0.0, 1));
    // On the curve: it starts slowly, and is behind the straight way.
    check(ball(2.0, 0.0, 0.0, 1), &ball(3.0, 4.0, 0.0, 1), 0.5, &ball(2.25, 2.0, 0.0, 1));
}

#[test]
fn what_was_put_elsewhere_stays_until_it_is_there() {
    let (from, to) = (ball(2.0, 4.0, 0.0, 1), ball(9.0, 4.0, 1.0, 1));
    check(from.clone(), &to, 0.9, &from);
    let wall = Thing::Wall { height: 3 };
    check(from.clone(), &wall, 0.5, &from);
    check(wall.clone(), &from, 0.5, &wall);
}

#[test]
fn what_moves_goes_on_by_its_velocity() {
    let mut thing = ball(2.0, 4.0, 1.0, 1);
    thing.coast(0.25);
    assert_eq!(thing, ball(3.0, 4.0, 1.0, 1));
    let mut wall = Thing::Wall { height: 3 };
    wall.coast(1.0);
    assert_eq!(wall, Thing::Wall { height: 3 });
}

#[test]
fn the_schema_says_what_moves() {
    let kinds = Thing::kinds();
    let moves = |field: &Field| (field.velocity.clone(), field.jump);
    assert_eq!(moves(&kinds[0].fields[0]), (Some("speed".into()), Some(1.0)));
    assert_eq!(moves(&kinds[0].fields[1]), (None, None));
}
