//! Plots as SVG.
//!
//! Data are drawn in a picture of fixed size that is stretched to the width there is; what is written
//! lies around it in shares of that width, and so has the reader's own size everywhere.

use std::fmt::Write;

use crate::report::html::axis::{Mark, Scale};
use crate::report::html::pen::{HEIGHT, Line, Pen, Shape, WIDTH};
use crate::report::words::{Unit, escaped};

/// Parts of a plot that tell their values, at most.
const SLICES_MAX: usize = 120;

/// What plots stand on that are to be compared: one axis, and what was going on along it.
pub(super) struct Ground {
    /// Where the axis ends; it begins at 0.
    pub(super) until: f64,
    /// What it is of.
    pub(super) name: &'static str,
    pub(super) marks: Vec<Mark>,
    /// What a place of it is called.
    pub(super) say: fn(f64) -> String,
    /// Parts with names.
    pub(super) stages: Vec<(f64, f64, String)>,
    /// Parts that are not to be trusted.
    pub(super) doubts: Vec<(f64, f64)>,
}

/// One plot.
pub(super) struct Plot {
    /// In the page once.
    pub(super) id: String,
    pub(super) title: String,
    /// What is shown, in a sentence.
    pub(super) about: String,
    pub(super) unit: Unit,
    pub(super) lines: Vec<Line>,
    /// A value that is drawn all along, and its name.
    pub(super) limit: Option<(String, f64)>,
}

impl Plot {
    /// A figure of the page.
    pub(super) fn figure(&self, ground: &Ground) -> String {
        let scale = self.scale();
        let Self { id, title, about, .. } = self;
        let log = if scale.is_log { " Logarithmic axis." } else { "" };
        format!(
            "<figure id=\"{id}\"><figcaption><h3>{title}</h3>{legend}\
             <p class=\"about\">{about}{log}</p><p class=\"readout\" aria-hidden=\"true\"></p></figcaption>\n\
             <div class=\"frame\">{stages}\n\
             <svg class=\"plot\" role=\"img\" aria-labelledby=\"{id}-title {id}-desc\">\
             <title id=\"{id}-title\">{title}</title><desc id=\"{id}-desc\">{desc}</desc>\n\
             {ground}{axes}{data}</svg></div></figure>\n",
            title = escaped(title),
            about = escaped(about),
            legend = self.legend(),
            stages = stage_names(ground),
            desc = escaped(&self.description(ground)),
            ground = shades(ground),
            axes = self.axes(&scale, ground),
            data = self.data(&scale, ground),
        )
    }

    fn values(&self) -> impl Iterator<Item = f64> + Clone {
        let limit = self.limit.iter().map(|(_, value)| *value);
        self.lines.iter().flat_map(|line| &line.spots).filter_map(|spot| spot.value).chain(limit)
    }

    fn scale(&self) -> Scale {
        match self.unit {
            Unit::Ms => Scale::of_times(self.values()),
            unit => Scale::linear(self.values(), unit == Unit::Count),
        }
    }

    /// What the lines are. One alone needs no other name than the plot's.
    fn legend(&self) -> String {
        if self.lines.len() + self.limit.iter().len() < 2 {
            return String::new();
        }
        let names = self.lines.iter().map(|line| (line.tone, line.shape, line.name.as_str()));
        let limit = self.limit.iter().map(|(name, _)| ("limit", Shape::Line, name.as_str()));
        let mut items = String::new();
        for (tone, shape, name) in names.chain(limit) {
            let key = match shape {
                Shape::Line | Shape::Steps => "<path d=\"M1 6H27\"/>",
                Shape::Area => "<path class=\"area\" d=\"M1 4H27V11H1z\"/><path d=\"M1 4H27\"/>",
                Shape::Bars => "<path class=\"bar\" d=\"M4 11V5h5v6zM11 11V1h5v10zM18 11V4h5v7z\"/>",
            };
            let _ = write!(
                items,
                "<li><svg class=\"key {tone}\" viewBox=\"0 0 28 12\" aria-hidden=\"true\">{key}</svg>{}</li>",
                escaped(name)
            );
        }
        format!("<ul class=\"legend\">{items}</ul>")
    }

    /// The plot in words, for those who do not see it.
    fn description(&self, ground: &Ground) -> String {
        let mut words = format!("{} Along the axis: {}.", self.about, ground.name);
        for line in &self.lines {
            let known = || line.spots.iter().filter_map(|spot| Some((spot.from, spot.value?)));
            let least = known().map(|(_, value)| value).fold(f64::INFINITY, f64::min);
            let Some((at, most)) = known().max_by(|(_, one), (_, other)| one.total_cmp(other)) else {
                let _ = write!(words, " {}: nothing was measured.", line.name);
                continue;
            };
            let (least, most, at) = (self.unit.say(least), self.unit.say(most), (ground.say)(at));
            let _ = write!(words, " {}: from {least} to {most}, which is at {at}.", line.name);
        }
        words
    }

    fn axes(&self, scale: &Scale, ground: &Ground) -> String {
        let mut svg = String::from("<g class=\"axes\">");
        for tick in &scale.ticks {
            let y = HEIGHT * (1.0 - scale.place(*tick));
            let _ = write!(
                svg,
                "<line x1=\"0\" x2=\"100%\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>\
                 <text class=\"y\" x=\"-8\" y=\"{:.1}\">{}</text>",
                y + 3.5,
                self.unit.tick(*tick)
            );
        }
        for Mark { at, name, is_spare } in &ground.marks {
            let x = share(*at, ground);
            // A long name at the end would leave the page.
            let class = match is_spare {
                true => "x spare",
                false if name.len() > 6 && *at > 0.97 * ground.until => "x last",
                false => "x",
            };
            let _ = write!(
                svg,
                "<line class=\"tick\" x1=\"{x}\" x2=\"{x}\" y1=\"{HEIGHT}\" y2=\"{}\"/>\
                 <text class=\"{class}\" x=\"{x}\" y=\"{}\">{}</text>",
                HEIGHT + 4.0,
                HEIGHT + 16.0,
                escaped(name)
            );
        }
        svg + "</g>\n"
    }

    fn data(&self, scale: &Scale, ground: &Ground) -> String {
        let pen = Pen { scale, until: ground.until };
        let mut svg = format!(
            "<svg class=\"data\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" preserveAspectRatio=\"none\" \
             width=\"100%\" height=\"{HEIGHT}\">\n"
        );
        if let Some((_, value)) = &self.limit {
            let _ = writeln!(svg, "<path class=\"limit\" d=\"M0 {}H{WIDTH}\"/>", pen.y(*value));
        }
        // The first line is what is looked for first, so it lies above the others.
        for (at, line) in self.lines.iter().enumerate().rev() {
            svg += &pen.line(line, (at, self.lines.len()));
        }
        svg += &self.slices(&pen, ground);
        svg += "</svg>\n";
        let is_nothing = self.values().all(|value| value == 0.0);
        if is_nothing && self.unit == Unit::Count {
            svg += "<text class=\"nothing\" x=\"50%\" y=\"80\">none in the whole run</text>\n";
        } else if self.values().next().is_none() {
            svg += "<text class=\"nothing\" x=\"50%\" y=\"80\">nothing was measured</text>\n";
        }
        svg
    }

    /// Invisible parts of the plot that tell what is there: the greatest of each line.
    fn slices(&self, pen: &Pen<'_>, ground: &Ground) -> String {
        let Some(finest) = self.lines.iter().map(|line| &line.spots).max_by_key(|spots| spots.len()) else {
            return String::new();
        };
        let mut svg = String::from("<g class=\"slices\">");
        for part in finest.chunks(finest.len().div_ceil(SLICES_MAX).max(1)) {
            let (from, to) = (part[0].from, part[part.len() - 1].to);
            let said: Vec<_> = self.lines.iter().filter_map(|line| self.said(line, from, to)).collect();
            let said = if said.is_empty() { "nothing".into() } else { said.join(" · ") };
            let _ = write!(
                svg,
                "<rect x=\"{x}\" width=\"{:.1}\" height=\"{HEIGHT}\"><title>{}: {}</title></rect>",
                (to - from) / ground.until * WIDTH,
                escaped(&(ground.say)(from)),
                escaped(&said),
                x = pen.x(from),
            );
        }
        svg + "</g>\n"
    }

    fn said(&self, line: &Line, from: f64, to: f64) -> Option<String> {
        let nearly = (to - from) / 1000.0;
        let begin = line.spots.partition_point(|spot| spot.to <= from + nearly);
        let there = line.spots[begin..].iter().take_while(|spot| spot.from < to - nearly);
        let most = there.filter_map(|spot| spot.value).max_by(f64::total_cmp)?;
        Some(format!("{} {}", line.name, self.unit.say(most)))
    }
}

/// Where a place of the axis is, in percent of its length.
fn share(place: f64, ground: &Ground) -> String {
    format!("{:.2}%", (place / ground.until * 100.0).clamp(0.0, 100.0))
}

/// What is below the data: stages by turns a bit darker, and what is in doubt hatched.
fn shades(ground: &Ground) -> String {
    let mut svg = String::from("<g class=\"shades\">");
    let mut shade = |class: &str, from: f64, to: f64| {
        let (x, width) = (share(from, ground), share(to - from, ground));
        let _ =
            write!(svg, "<rect class=\"{class}\" x=\"{x}\" y=\"0\" width=\"{width}\" height=\"{HEIGHT}\"/>");
    };
    for (at, (from, to, _)) in ground.stages.iter().enumerate() {
        shade(if at % 2 == 0 { "stage" } else { "stage other" }, *from, *to);
    }
    for (from, to) in &ground.doubts {
        shade("doubt", *from, *to);
    }
    svg + "</g>\n"
}

/// The names of stages, each as wide as its stage: what does not fit is cut off.
fn stage_names(ground: &Ground) -> String {
    let mut html = String::new();
    for (from, to, name) in &ground.stages {
        let (left, width, name) = (share(*from, ground), share(to - from, ground), escaped(name));
        let _ =
            write!(html, "<span style=\"left:{left};width:{width}\" title=\"{name}\"><b>{name}</b></span>");
    }
    if html.is_empty() { html } else { format!("<div class=\"stages\" aria-hidden=\"true\">{html}</div>") }
}
