//! Ways through the map, for pilots.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use fracas_shared::glam::IVec2;

use crate::map::Map;

/// Cells that one search looks at. A target farther than that is gone towards.
const SEARCH_MAX: usize = 2048;
/// The cost of a step to a side; of one to a corner it is [`DIAGONAL_COST`].
const SIDE_COST: u32 = 10;
const DIAGONAL_COST: u32 = 14;

/// What a search knows of a cell that it has reached.
#[derive(Clone, Copy)]
struct Reached {
    cost: u32,
    from: u32,
}

impl Map {
    /// The cells from `start` to `goal`, the goal first and without the start; towards the goal when
    /// it is too far or cannot be reached. No step cuts the corner of a wall.
    ///
    /// A* (Hart, Nilsson and Raphael, 1968).
    pub(crate) fn path(&self, start: IVec2, goal: IVec2) -> Vec<IVec2> {
        if self.is_wall(start) {
            return Vec::new();
        }
        let unreached = Reached { cost: u32::MAX, from: 0 };
        let mut reached = vec![unreached; self.cells()];
        let first = self.index(start);
        reached[first] = Reached { cost: 0, from: first as u32 };
        let mut closest = (distance(start, goal), first);
        let mut open = BinaryHeap::from([Reverse((closest.0, first))]);
        for _ in 0..SEARCH_MAX {
            let Some(Reverse((_, index))) = open.pop() else { break };
            let cell = self.cell_at(index);
            closest = closest.min((distance(cell, goal), index));
            if cell == goal {
                break;
            }
            for (next, step) in self.steps(cell) {
                let (place, cost) = (self.index(next), reached[index].cost + step);
                if cost < reached[place].cost {
                    reached[place] = Reached { cost, from: index as u32 };
                    open.push(Reverse((cost + distance(next, goal), place)));
                }
            }
        }
        let mut index = closest.1;
        let mut path = Vec::new();
        while index != first {
            path.push(self.cell_at(index));
            index = reached[index].from as usize;
        }
        path
    }

    /// The cells that a ship can go to from this one, and what that costs.
    fn steps(&self, cell: IVec2) -> impl Iterator<Item = (IVec2, u32)> {
        let around = (-1..=1).flat_map(|y| (-1..=1).map(move |x| IVec2::new(x, y)));
        around.filter_map(move |step| {
            let is_free = step != IVec2::ZERO
                && !self.is_wall(cell + step)
                && !self.is_wall(cell + step.with_x(0))
                && !self.is_wall(cell + step.with_y(0));
            let cost = if step.x != 0 && step.y != 0 { DIAGONAL_COST } else { SIDE_COST };
            is_free.then_some((cell + step, cost))
        })
    }
}

/// The cost of a way without walls.
fn distance(from: IVec2, to: IVec2) -> u32 {
    let (x, y) = (from.x.abs_diff(to.x), from.y.abs_diff(to.y));
    SIDE_COST * x.max(y) + (DIAGONAL_COST - SIDE_COST) * x.min(y)
}
