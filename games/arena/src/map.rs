//! The map: walls on a grid of square metres, places to begin and places of pickups.
//!
//! A map is written in rows of letters, the first row the upper one: `#` is a wall, `.` is floor, and
//! on the floor are spawn points `S`, health `H` and ammunition `A`. A cell is 1 m; x grows to the
//! right and y downwards, from the upper left corner. Beyond the rows all is wall.

use fracas_shared::glam::{IVec2, Vec2};

use crate::pickup::Item;

/// The built-in maps and their names.
const BUILT_IN: &[(&str, &str)] = &[
    ("crossfire", include_str!("../../../assets/maps/crossfire.txt")),
    ("duel", include_str!("../../../assets/maps/duel.txt")),
];

/// The longest side of a map, in cells: positions of views reach 128 m.
const SIDE_MAX: usize = 128;
/// The shortest side of a map, in cells.
const SIDE_MIN: usize = 5;
/// Pickups of one map.
const PICKUPS_MAX: usize = 256;

/// The text of a built-in map.
pub(crate) fn built_in(name: &str) -> Option<&'static str> {
    BUILT_IN.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
}

/// The names of the built-in maps.
pub(crate) fn built_in_names() -> Vec<&'static str> {
    BUILT_IN.iter().map(|(name, _)| *name).collect()
}

/// A map that can be played on: every floor cell that is not walled off is reached from every other.
#[derive(Clone, Debug)]
pub(crate) struct Map {
    width: i32,
    height: i32,
    is_wall: Vec<bool>,
    /// Where ships begin; at least one.
    pub(crate) spawns: Vec<Vec2>,
    /// Where pickups lie.
    pub(crate) pickups: Vec<(Vec2, Item)>,
    /// The middle of every cell that a ship can be in.
    pub(crate) floor: Vec<Vec2>,
}

impl Map {
    /// Reads a map's rows; the error says what is wrong with them.
    pub(crate) fn parse(rows: &[&str]) -> Result<Self, String> {
        let width = rows.first().map_or(0, |row| row.len());
        for side in [width, rows.len()] {
            if !(SIDE_MIN..=SIDE_MAX).contains(&side) {
                return Err(format!("a side of {side} cells is not from {SIDE_MIN} to {SIDE_MAX}"));
            }
        }
        let mut map = Self {
            width: width as i32,
            height: rows.len() as i32,
            is_wall: Vec::with_capacity(width * rows.len()),
            spawns: Vec::new(),
            pickups: Vec::new(),
            floor: Vec::new(),
        };
        for (y, row) in rows.iter().enumerate() {
            if row.len() != width {
                return Err(format!("row {y} has {} cells and the first has {width}", row.len()));
            }
            for (x, letter) in row.bytes().enumerate() {
                let middle = Vec2::new(x as f32 + 0.5, y as f32 + 0.5);
                match letter {
                    b'#' | b'.' => {}
                    b'S' => map.spawns.push(middle),
                    b'H' => map.pickups.push((middle, Item::Health)),
                    b'A' => map.pickups.push((middle, Item::Ammo)),
                    _ => return Err(format!("row {y}, column {x}: not one of the letters # . S H A")),
                }
                map.is_wall.push(letter == b'#');
            }
        }
        map.check_places()?;
        Ok(map)
    }

    /// Checks that there are places to begin and that they are in one piece with all pickups.
    fn check_places(&mut self) -> Result<(), String> {
        let Some(&first) = self.spawns.first() else { return Err("no spawn point `S`".into()) };
        if self.pickups.len() > PICKUPS_MAX {
            return Err(format!("more than {PICKUPS_MAX} pickups"));
        }
        let mut reached = vec![false; self.is_wall.len()];
        let mut waiting = vec![cell_of(first)];
        while let Some(cell) = waiting.pop() {
            if self.is_wall(cell) || reached[self.index(cell)] {
                continue;
            }
            let index = self.index(cell);
            reached[index] = true;
            self.floor.push(middle_of(cell));
            waiting.extend([IVec2::X, IVec2::Y, IVec2::NEG_X, IVec2::NEG_Y].map(|side| cell + side));
        }
        let places = self.spawns.iter().chain(self.pickups.iter().map(|(place, _)| place));
        match places.map(|&place| cell_of(place)).find(|&cell| !reached[self.index(cell)]) {
            Some(cell) => Err(format!("row {}, column {}: cut off from the first `S`", cell.y, cell.x)),
            None => Ok(()),
        }
    }

    /// The number of cells.
    pub(crate) fn cells(&self) -> usize {
        self.is_wall.len()
    }

    /// The place of a cell within the map in a list of all cells.
    pub(crate) fn index(&self, cell: IVec2) -> usize {
        (cell.y * self.width + cell.x) as usize
    }

    /// The cell of this place.
    pub(crate) fn cell_at(&self, index: usize) -> IVec2 {
        IVec2::new(index as i32 % self.width, index as i32 / self.width)
    }

    /// Whether a cell is wall, as all beyond the map is.
    pub(crate) fn is_wall(&self, cell: IVec2) -> bool {
        let inside = (0..self.width).contains(&cell.x) && (0..self.height).contains(&cell.y);
        !inside || self.is_wall[self.index(cell)]
    }

    /// How far one comes from a point along a unit vector before there is a wall, at most `range`.
    ///
    /// Goes from cell to cell (Amanatides and Woo, 1987), so it costs what cells it passes.
    pub(crate) fn reach(&self, from: Vec2, direction: Vec2, range: f32) -> f32 {
        let mut cell = cell_of(from);
        let step = IVec2::new(direction.x.signum() as i32, direction.y.signum() as i32);
        // The distance along the ray from one border between cells to the next, and to the first.
        let between = direction.recip().abs();
        let ahead = |from: f32, direction: f32| {
            if direction > 0.0 { from.floor() + 1.0 - from } else { from - from.floor() }
        };
        let first = Vec2::new(ahead(from.x, direction.x), ahead(from.y, direction.y));
        // Along an axis that the ray never moves on, no border ever comes.
        let mut border = Vec2::select(between.is_finite_mask(), first * between, Vec2::INFINITY);
        let mut travelled = 0.0;
        while !self.is_wall(cell) {
            if border.x < border.y {
                travelled = border.x;
                border.x += between.x;
                cell.x += step.x;
            } else {
                travelled = border.y;
                border.y += between.y;
                cell.y += step.y;
            }
            if travelled >= range {
                return range;
            }
        }
        travelled
    }

    /// Whether no wall is between two points.
    pub(crate) fn sees(&self, from: Vec2, to: Vec2) -> bool {
        let distance = from.distance(to);
        distance == 0.0 || self.reach(from, (to - from) / distance, distance) >= distance
    }
}

/// The cell that a point is in.
pub(crate) fn cell_of(point: Vec2) -> IVec2 {
    point.floor().as_ivec2()
}

/// The middle of a cell.
pub(crate) fn middle_of(cell: IVec2) -> Vec2 {
    cell.as_vec2() + 0.5
}
