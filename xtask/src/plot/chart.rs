//! Bars on an axis, as SVG that is readable on light and on dark pages.

use std::fmt::Write as _;

const WIDTH: f64 = 760.0;
/// Where bars begin, and what is left at their right for their figures.
const LEFT: f64 = 178.0;
const RIGHT: f64 = 128.0;
const TOP: f64 = 84.0;
const ROW: f64 = 52.0;
const BAR: f64 = 26.0;
const NOTE: f64 = 18.0;
/// From the last bar to the axis' own words, and from there to the notes.
const AXIS: f64 = 38.0;
const MARGIN: f64 = 24.0;
/// About so many steps has an axis.
const STEPS: f64 = 6.0;

/// Both colour schemes; what shows the picture chooses.
const STYLE: &str = "\
:root{--page:#ffffff;--text:#1b2430;--quiet:#5b6876;--grid:#e1e6eb;--bar:#a9b8c6;--subject:#2f7fd8;--spread:#1b2430;\
--warning:#a33b00}\
@media(prefers-color-scheme:dark){:root{--page:#12171e;--text:#e8edf2;--quiet:#9aa8b6;--grid:#2a333e;--bar:#54657a;\
--subject:#4c9bf0;--spread:#f4f7fa;--warning:#ffb07a}}\
text{font:13px system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue',Arial,sans-serif;fill:var(--text)}\
.title{font-size:17px;font-weight:600}.quiet{fill:var(--quiet)}.small{font-size:12px}.figure{font-weight:600}\
.end{text-anchor:end}.middle{text-anchor:middle}.warning{fill:var(--warning)}\
.page{fill:var(--page)}.bar{fill:var(--bar)}.subject{fill:var(--subject)}\
.grid{stroke:var(--grid)}.spread{stroke:var(--spread)}";

/// A bar, and how far its figure spreads.
#[derive(Clone, Debug)]
pub(super) struct Bar {
    pub(super) label: String,
    pub(super) remark: String,
    pub(super) least: f64,
    pub(super) low: f64,
    pub(super) median: f64,
    pub(super) high: f64,
    pub(super) most: f64,
    /// To the control.
    pub(super) ratio: Option<f64>,
    /// Whether the picture is about this one.
    pub(super) is_subject: bool,
}

/// A picture.
#[derive(Clone, Debug)]
pub(super) struct Chart {
    pub(super) title: String,
    pub(super) subtitle: String,
    /// What the axis counts.
    pub(super) axis: String,
    pub(super) bars: Vec<Bar>,
    pub(super) notes: Vec<String>,
    pub(super) warnings: Vec<String>,
}

impl Chart {
    /// The picture as a file.
    pub(super) fn svg(&self) -> String {
        let bottom = TOP + ROW * self.bars.len() as f64;
        let lines = (self.notes.len() + self.warnings.len()) as f64;
        let height = bottom + AXIS + MARGIN + NOTE * lines + MARGIN / 2.0;
        let most = self.bars.iter().map(|bar| bar.most).fold(0.0, f64::max);
        let step = step(most);
        let end = (most / step).ceil().max(1.0) * step;
        let x = |figure: f64| LEFT + (WIDTH - LEFT - RIGHT) * figure / end;

        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" \
             height=\"{height}\" role=\"img\">\n<title>{}: {}</title>\n<style>{STYLE}</style>\n\
             <rect class=\"page\" width=\"{WIDTH}\" height=\"{height}\" rx=\"8\"/>\n",
            escaped(&self.title),
            escaped(&self.subtitle),
        );
        text(&mut svg, "title", MARGIN, 36.0, &self.title);
        text(&mut svg, "quiet", MARGIN, 58.0, &self.subtitle);
        let mut at = 0.0;
        while at <= end + step / 2.0 {
            line(&mut svg, "grid", 1.0, (x(at), TOP - 8.0), (x(at), bottom));
            text(&mut svg, "quiet small middle", x(at), bottom + 18.0, &plain(at));
            at += step;
        }
        text(&mut svg, "quiet small", LEFT, bottom + AXIS, &self.axis);
        for (row, bar) in self.bars.iter().enumerate() {
            let middle = TOP + ROW * (row as f64 + 0.5) - 4.0;
            bar.draw(&mut svg, middle, &x);
        }
        let lines = self.notes.iter().map(|note| ("quiet small", note));
        let warnings = self.warnings.iter().map(|warning| ("warning small", warning));
        for (place, (class, words)) in lines.chain(warnings).enumerate() {
            text(&mut svg, class, MARGIN, bottom + AXIS + MARGIN + NOTE * place as f64 + 4.0, words);
        }
        svg + "</svg>\n"
    }
}

impl Bar {
    fn draw(&self, svg: &mut String, middle: f64, x: &impl Fn(f64) -> f64) {
        text(svg, "end", LEFT - 12.0, middle - 2.0, &self.label);
        text(svg, "end quiet small", LEFT - 12.0, middle + 14.0, &self.remark);
        let (class, top) = (if self.is_subject { "subject" } else { "bar" }, middle - BAR / 2.0);
        let width = x(self.median) - x(0.0);
        // Writing to memory does not fail.
        let _ = writeln!(
            svg,
            "<rect class=\"{class}\" x=\"{:.1}\" y=\"{top:.1}\" width=\"{width:.1}\" height=\"{BAR}\" rx=\"2\"/>",
            x(0.0)
        );
        line(svg, "spread", 1.2, (x(self.least), middle), (x(self.most), middle));
        line(svg, "spread", 4.0, (x(self.low), middle), (x(self.high), middle));
        for end in [self.least, self.most] {
            line(svg, "spread", 1.2, (x(end), middle - 5.0), (x(end), middle + 5.0));
        }
        let behind = x(self.most) + 12.0;
        text(svg, "figure", behind, middle + 4.5, &format!("{:.1}", self.median));
        if let Some(ratio) = self.ratio {
            text(svg, "quiet", behind + 44.0, middle + 4.5, &format!("\u{d7} {ratio:.2}"));
        }
    }
}

/// A round step, of which about [`STEPS`] make so much.
fn step(most: f64) -> f64 {
    let least = (most / STEPS).max(f64::MIN_POSITIVE);
    let power = 10f64.powf(least.log10().floor());
    [1.0, 2.0, 5.0, 10.0].map(|times| times * power).into_iter().find(|step| *step >= least).unwrap_or(power)
}

/// Without what a step's rounding leaves behind.
fn plain(figure: f64) -> String {
    let text = format!("{figure:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn text(svg: &mut String, class: &str, x: f64, y: f64, words: &str) {
    let _ = writeln!(svg, "<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\">{}</text>", escaped(words));
}

fn line(svg: &mut String, class: &str, width: f64, (x1, y1): (f64, f64), (x2, y2): (f64, f64)) {
    let _ = writeln!(
        svg,
        "<line class=\"{class}\" stroke-width=\"{width}\" x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\"/>"
    );
}

fn escaped(words: &str) -> String {
    words.replace('&', "&amp;").replace('<', "&lt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_have_round_steps() {
        for (most, expected) in
            [(5.9, 1.0), (12.0, 2.0), (28.0, 5.0), (61.0, 20.0), (0.5, 0.1), (600.0, 100.0)]
        {
            assert!((step(most) / expected - 1.0).abs() < 1e-9, "{most}: {}", step(most));
        }
        assert_eq!([0.0, 0.300_000_01, 20.0, 2.5].map(plain), ["0", "0.3", "20", "2.5"]);
    }

    #[test]
    fn bars_stay_on_the_picture() {
        let bar = |most: f64| Bar {
            label: "<&>".into(),
            remark: String::new(),
            least: 0.0,
            low: 1.0,
            median: 2.0,
            high: 3.0,
            most,
            ratio: None,
            is_subject: false,
        };
        for most in [3.0, 7.3, 99.0, 1234.5] {
            let chart = Chart {
                title: "t".into(),
                subtitle: "s".into(),
                axis: "a".into(),
                bars: vec![bar(most)],
                notes: Vec::new(),
                warnings: Vec::new(),
            };
            let svg = chart.svg();
            let ends = svg
                .split("x2=\"")
                .skip(1)
                .map(|rest| rest.split('"').next().unwrap().parse::<f64>().unwrap());
            assert!(ends.fold(0.0, f64::max) <= WIDTH - RIGHT, "{svg}");
            assert!(svg.contains("&lt;&amp;>"));
        }
    }
}
