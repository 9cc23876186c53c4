//! Where the living ships are in one tick, sorted so that who is near is found without asking all.

use fracas_shared::glam::Vec2;
use fracas_shared::{EntityKey, PlayerId, World};
use smallvec::SmallVec;

use crate::Entity;
use crate::rows::View;

/// A living ship.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Target {
    pub(crate) key: EntityKey,
    pub(crate) player: PlayerId,
    pub(crate) position: Vec2,
}

/// The living ships, from left to right.
#[derive(Debug)]
pub(crate) struct Targets(SmallVec<[Target; FEW]>);

/// With no more ships than this, looking for them takes no memory.
const FEW: usize = 32;

impl Targets {
    /// The ships that live now.
    pub(crate) fn of(world: &World<Entity>) -> Self {
        let living = world.iter().filter_map(|(key, entity)| match entity {
            Entity::Ship(ship) if ship.is_alive() => {
                Some(Target { key, player: ship.player, position: ship.position })
            }
            _ => None,
        });
        Self::sorted(living)
    }

    /// The ships that live in these views.
    pub(crate) fn seen(views: impl Iterator<Item = View>) -> Self {
        // Nobody asks for their keys.
        let key = EntityKey::default();
        Self::sorted(views.filter_map(|view| match view {
            View::Ship { player, x, y, alive: true, .. } => {
                Some(Target { key, player, position: Vec2::new(x, y) })
            }
            _ => None,
        }))
    }

    fn sorted(targets: impl Iterator<Item = Target>) -> Self {
        let mut targets: SmallVec<[Target; FEW]> = targets.collect();
        targets.sort_unstable_by(|a, b| a.position.x.total_cmp(&b.position.x).then(a.player.cmp(&b.player)));
        Self(targets)
    }

    /// Those whose x is between these.
    fn between(&self, left: f32, right: f32) -> &[Target] {
        let from = self.0.partition_point(|target| target.position.x < left);
        let to = self.0.partition_point(|target| target.position.x <= right);
        self.0.get(from..to).unwrap_or_default()
    }

    /// Those whose middle is within `radius` of a point.
    pub(crate) fn within(&self, point: Vec2, radius: f32) -> impl Iterator<Item = &Target> {
        self.between(point.x - radius, point.x + radius)
            .iter()
            .filter(move |target| target.position.distance_squared(point) < radius * radius)
    }

    /// The first circle of this radius that a ray meets within `range`, and how far along it.
    /// The ray is of `player`, whom it does not meet.
    pub(crate) fn first_hit(
        &self,
        player: PlayerId,
        from: Vec2,
        direction: Vec2,
        range: f32,
        radius: f32,
    ) -> Option<(f32, &Target)> {
        let to_x = from.x + direction.x * range;
        self.between(from.x.min(to_x) - radius, from.x.max(to_x) + radius)
            .iter()
            .filter(|target| target.player != player)
            .filter_map(|target| Some((meets(from, direction, target.position, radius)?, target)))
            .filter(|(distance, _)| *distance <= range)
            .min_by(|(a, _), (b, _)| a.total_cmp(b))
    }
}

/// How far along a ray it enters a circle; 0 from within.
pub(crate) fn meets(from: Vec2, direction: Vec2, middle: Vec2, radius: f32) -> Option<f32> {
    let way = middle - from;
    if way.length_squared() <= radius * radius {
        return Some(0.0);
    }
    let along = way.dot(direction);
    let half_chord_squared = radius * radius - (way.length_squared() - along * along);
    (along > 0.0 && half_chord_squared >= 0.0).then(|| along - half_chord_squared.sqrt())
}
