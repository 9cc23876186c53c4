//! How bots draw: flowers and spirals, with rests that leave the paper to others.

use core::f32::consts::TAU;

use fracas_shared::glam::Vec2;
use fracas_shared::{Pilot, Rng, Seen, State, math};

use super::{COLORS, Canvas, HEIGHT, Hand, Input, View, WIDTH};

/// How long a bot draws at one figure.
const FIGURE_S: f32 = 5.0;
/// How long it rests then, at least and at most.
const REST_S: (f32, f32) = (6.0, 14.0);
/// A figure's radius, at least and at most.
const RADIUS: (f32, f32) = (30.0, 90.0);
/// Turns of a spiral.
const TURNS: f32 = 4.0;

/// What a bot is at.
#[derive(Clone, Debug, Default, State)]
pub struct Mind {
    figure: Option<Figure>,
    /// Where its pen is.
    pen: Input,
    /// Seconds of rest that are left.
    rest_s: f32,
}

/// What a bot draws.
#[derive(Clone, Debug, State)]
struct Figure {
    middle: Vec2,
    radius: f32,
    /// Petals of a flower; 0 is a spiral.
    petals: u8,
    /// How much of it is drawn, 0 to 1.
    done: f32,
}

impl Figure {
    fn any(rng: &mut Rng) -> Self {
        let radius = rng.range(RADIUS.0, RADIUS.1);
        let room = Vec2::new(f32::from(WIDTH), f32::from(HEIGHT)) - Vec2::splat(radius * 2.0);
        let middle = Vec2::new(rng.unit(), rng.unit()) * room + Vec2::splat(radius);
        let petals = if rng.chance(0.3) { 0 } else { 5 + rng.below(4) as u8 };
        Self { middle, radius, petals, done: 0.0 }
    }

    fn point(&self) -> Vec2 {
        let (turns, reach) = if self.petals == 0 {
            (TURNS, self.done)
        } else {
            (1.0, 0.65 + 0.35 * math::cos(f32::from(self.petals) * TAU * self.done))
        };
        self.middle + math::direction(turns * TAU * self.done) * self.radius * reach
    }
}

impl Pilot for Canvas {
    type Mind = Mind;

    /// Draws a figure to its end, rests, and begins another one somewhere else.
    fn pilot(&self, mind: &mut Mind, seen: &Seen<'_, Self>, rng: &mut Rng) -> Input {
        let dt = 1.0 / f32::from(seen.tick_hz);
        mind.rest_s -= dt;
        if mind.rest_s > 0.0 {
            return mind.pen.clone();
        }
        let figure = mind.figure.get_or_insert_with(|| {
            mind.pen.color = rng.below(u32::from(COLORS)) as u8;
            mind.pen.width = 2 + rng.below(5) as u8;
            Figure::any(rng)
        });
        let point = figure.point();
        mind.pen = Input { hand: Hand::Down, x: point.x as u16, y: point.y as u16, ..mind.pen.clone() };
        let input = mind.pen.clone();
        if figure.done >= 1.0 {
            mind.figure = None;
            mind.pen.hand = Hand::Over;
            mind.rest_s = rng.range(REST_S.0, REST_S.1);
        } else {
            figure.done = (figure.done + dt / FIGURE_S).min(1.0);
        }
        input
    }

    /// A pen stays in its player's hand, and a piece keeps its number.
    fn is_same(earlier: &View, later: &View) -> bool {
        match (earlier, later) {
            (View::Pen { player: old, .. }, View::Pen { player: new, .. }) => old == new,
            (View::Piece { number: old, .. }, View::Piece { number: new, .. }) => old == new,
            _ => false,
        }
    }
}
