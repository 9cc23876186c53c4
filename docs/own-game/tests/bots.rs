//! Bots play as one would.

use fracas_sim::{Room, RoomOptions, Viewers};
use tag::{Tag, View};

#[test]
fn bots_catch_each_other() {
    let options = RoomOptions { bots: 4, ..RoomOptions::of::<Tag>() };
    let mut room = Room::<Tag>::open(options, 1).unwrap();
    for _ in 0..30 * 30 {
        room.tick(&mut Viewers::default());
    }
    let mut views: Vec<(_, View)> = Vec::new();
    room.snapshot().read_views(&mut views).unwrap();
    assert_eq!(views.len(), 4);
    assert_eq!(views.iter().filter(|(_, view)| view.is_it).count(), 1);
    let were_it = views.iter().filter(|(_, view)| view.ticks_as_it > 0).count();
    assert!(were_it > 1, "the first one never caught anybody");
}
