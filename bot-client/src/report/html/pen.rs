//! Lines of a plot as paths of SVG.

use std::fmt::Write;

use crate::report::html::axis::Scale;

/// Width and height of the picture with the data.
pub(super) const WIDTH: f64 = 1000.0;
pub(super) const HEIGHT: f64 = 150.0;
/// Points of a line, at most.
const POINTS_MAX: usize = 2000;

/// One line of a plot.
pub(super) struct Line {
    pub(super) name: String,
    /// Colour and dashes: a class of the style sheet.
    pub(super) tone: &'static str,
    pub(super) shape: Shape,
    pub(super) spots: Vec<Spot>,
}

/// How a line is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// From the middle of each spot to the next.
    Line,
    /// Level along each spot.
    Steps,
    /// The same, and what is below it.
    Area,
    /// A bar for each spot.
    Bars,
}

/// A value from here to there; none where nothing is known.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Spot {
    pub(super) from: f64,
    pub(super) to: f64,
    pub(super) value: Option<f64>,
}

/// Draws lines into the picture.
pub(super) struct Pen<'a> {
    pub(super) scale: &'a Scale,
    /// Where the axis below ends.
    pub(super) until: f64,
}

impl Pen<'_> {
    pub(super) fn x(&self, place: f64) -> String {
        coordinate(place / self.until * WIDTH)
    }

    pub(super) fn y(&self, value: f64) -> String {
        coordinate(HEIGHT * (1.0 - self.scale.place(value)))
    }

    /// A line, which is so many-th of so many.
    pub(super) fn line(&self, line: &Line, place: (usize, usize)) -> String {
        let spots = thinned(&line.spots);
        let (tone, mut svg) = (line.tone, String::new());
        let mut path = |class: &str, d: String| {
            if !d.is_empty() {
                let _ = writeln!(svg, "<path class=\"{class}{tone}\" d=\"{d}\"/>");
            }
        };
        for run in spots.split(|spot| spot.value.is_none()).filter(|run| !run.is_empty()) {
            match line.shape {
                Shape::Line => path("", self.through_middles(run)),
                Shape::Steps => path("", self.along_steps(run)),
                Shape::Area => {
                    let (from, to) = (self.x(run[0].from), self.x(run[run.len() - 1].to));
                    let top = self.along_steps(run);
                    path("area ", format!("{top}L{to} {HEIGHT}H{from}z"));
                    path("", top);
                }
                Shape::Bars => path("bar ", self.bars(run, place)),
            }
        }
        svg
    }

    fn through_middles(&self, run: &[Spot]) -> String {
        let mut d = String::new();
        for (at, spot) in run.iter().enumerate() {
            let (x, y) = (self.x(f64::midpoint(spot.from, spot.to)), self.y(spot.value.unwrap_or_default()));
            let _ = write!(d, "{}{x} {y}", if at == 0 { 'M' } else { 'L' });
        }
        // What stands alone is a dot, which is a line of no length with round ends.
        if run.len() == 1 { d + "h0.1" } else { d }
    }

    fn along_steps(&self, run: &[Spot]) -> String {
        let mut d = String::new();
        for (at, spot) in run.iter().enumerate() {
            let y = self.y(spot.value.unwrap_or_default());
            let begin = if at == 0 { format!("M{} {y}", self.x(spot.from)) } else { format!("V{y}") };
            let _ = write!(d, "{begin}H{}", self.x(spot.to));
        }
        d
    }

    /// Bars that share each spot with those of the other lines.
    fn bars(&self, run: &[Spot], (place, places): (usize, usize)) -> String {
        let mut d = String::new();
        for spot in run.iter().filter(|spot| spot.value != Some(0.0)) {
            let edge =
                |place: usize| self.x(spot.from + (spot.to - spot.from) * place as f64 / places as f64);
            let (from, to) = (edge(place), edge(place + 1));
            let y = self.y(spot.value.unwrap_or_default());
            let _ = write!(d, "M{from} {HEIGHT}V{y}H{to}V{HEIGHT}z");
        }
        d
    }
}

/// In a tenth of a unit, which nobody sees.
fn coordinate(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

/// The same line with few enough spots: of several the greatest stays, since peaks are looked for.
fn thinned(spots: &[Spot]) -> Vec<Spot> {
    let together = spots.len().div_ceil(POINTS_MAX).max(1);
    let greatest = |part: &[Spot]| {
        let value = part.iter().filter_map(|spot| spot.value).max_by(f64::total_cmp);
        Spot { from: part[0].from, to: part[part.len() - 1].to, value }
    };
    spots.chunks(together).map(greatest).collect()
}
