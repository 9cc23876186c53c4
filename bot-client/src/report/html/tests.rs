use std::collections::BTreeSet;

use super::pen::{Line, Shape, Spot};
use super::plot::{Ground, Plot};
use super::*;
use crate::expect::Verdict;
use crate::report::{Bar, StageSpan, sample};
use crate::timeline::{Point, ServerPoint};

/// What a stranger would write who wants to be more than text.
const HOSTILE: &str = "\"'></td></script><script>alert(1)</script><img src=x onerror=alert(2)>&amp;\u{1b}[2J";

/// Checks that every tag is closed, in its order, that text and attributes have no loose markup, and that
/// no id is there twice.
fn check_sound(page: &str) {
    let (mut rest, mut open, mut ids) = (page, Vec::new(), BTreeSet::new());
    while let Some((text, behind)) = rest.split_once('<') {
        check_text(text);
        let (tag, after) = behind.split_once('>').expect("a tag ends");
        rest = after;
        if tag.starts_with('!') {
            continue;
        }
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name), "closed before: {after:.80}");
            continue;
        }
        let name = tag.split([' ', '/']).next().unwrap_or_default();
        check_attributes(tag.trim_end_matches('/').strip_prefix(name).expect("it begins with its name"));
        if let Some((_, id)) = tag.split_once(" id=\"") {
            assert!(ids.insert(id.split('"').next()), "twice: {id}");
        }
        if name == "style" || name == "script" {
            rest = &after[after.find(&format!("</{name}>")).expect("it ends")..];
        }
        if !tag.ends_with('/') {
            open.push(name);
        }
    }
    check_text(rest);
    assert!(open.is_empty(), "{open:?} stay open");
}

fn check_text(text: &str) {
    let entities = ["amp;", "lt;", "gt;", "quot;", "#39;"];
    for (at, _) in text.match_indices('&') {
        assert!(entities.iter().any(|entity| text[at + 1..].starts_with(entity)), "loose & in {text}");
    }
    assert!(!text.contains('>'), "loose > in {text}");
    assert!(!text.contains(|letter: char| letter.is_control() && letter != '\n'), "control in {text:?}");
}

fn check_attributes(attributes: &str) {
    let parts: Vec<_> = attributes.split('"').collect();
    for pair in parts.chunks_exact(2) {
        assert!(pair[0].starts_with(' ') && pair[0].ends_with('='), "no attribute: {attributes}");
        check_text(pair[1]);
    }
    assert!(parts.len() % 2 == 1 && parts[parts.len() - 1].trim().is_empty(), "no attributes: {attributes}");
}

#[test]
fn a_report_of_everything_is_a_sound_page() {
    let page = page(&sample::rich());
    check_sound(&page);
    for part in [
        "<strong>Failed</strong>",
        "The load tester was the bottleneck",
        "99.59\u{a0}%",
        "evening-rush",
        "9f2c41d07be83a65",
        "2026-11-27 17:52:00 UTC",
        "Hatched: the load tester",
        "period, 33.3\u{a0}ms",
        "input_to_state.p99&lt;60ms",
        "tick 4711 came after tick 4713",
        "99.999 %",
        "after the spike",
    ] {
        assert!(page.contains(part), "{part} is missing");
    }
    assert!(!page.contains("NaN") && !page.contains("inf "), "what is no number was drawn");
}

#[test]
fn a_good_run_warns_of_nothing() {
    let page = page(&sample::fine());
    check_sound(&page);
    assert!(page.contains("<strong>Held</strong>"));
    assert!(!page.contains("bottleneck") && !page.contains("Hatched") && !page.contains("class=\"bad\""));
}

#[test]
fn an_empty_report_is_a_sound_page() {
    let page = page(&Report::default());
    check_sound(&page);
    assert!(page.contains("Nothing was written down on the way"));
    assert!(page.contains("No times were measured"));
    assert!(!page.contains("NaN") && !page.contains("<figure"));
}

#[test]
fn a_crossed_expectation_is_the_verdict() {
    let verdict = Verdict { expected: "failed<=0".into(), found: Some(1.0), held: false };
    let page = page(&Report { expectations: vec![verdict], ..sample::fine() });
    assert!(page.contains("<strong>Crossed</strong>") && page.contains("1 of 1 expectations crossed"));
}

#[test]
fn strangers_words_are_no_markup() {
    let mut report = Report {
        scenario: HOSTILE.into(),
        about: HOSTILE.into(),
        target: HOSTILE.into(),
        url: HOSTILE.into(),
        game: HOSTILE.into(),
        violations: [(HOSTILE.to_owned(), 1)].into(),
        errors: [(HOSTILE.to_owned(), 2)].into(),
        messages: [(HOSTILE.to_owned(), HOSTILE.repeat(100))].into(),
        expectations: vec![Verdict { expected: HOSTILE.into(), found: None, held: false }],
        stages: vec![StageSpan { name: HOSTILE.into(), from_s: 0.0, to_s: 9.0 }],
        timeline: vec![Point { lasts_s: 1.0, ..Point::default() }],
        distributions: [(HOSTILE.to_owned(), vec![Bar { to_ms: 1.0, count: 1 }])].into(),
        ..Report::default()
    };
    report.plan.digest = HOSTILE.into();
    report.tester.is_bottleneck = true;
    report.tester.why = HOSTILE.into();
    let page = page(&report);
    check_sound(&page);
    assert_eq!(page.matches("<script").count(), 1, "the page's own one");
    assert!(!page.contains("<img"));
}

#[test]
fn no_request_leaves_the_page() {
    let mut report = Report { url: "http://127.0.0.1:3000/?a=1&b=2".into(), ..sample::rich() };
    report.messages.clear();
    let page = page(&report).replace("http://127.0.0.1:3000/?a=1&amp;b=2", "");
    for part in ["://", "src=", "href=", "@import", "url(h", "fetch(", "srcset"] {
        assert!(!page.contains(part), "{part} is there");
    }
    assert_eq!(page.matches("url(").count(), page.matches("url(#hatching)").count());
    assert!(page.contains("default-src 'none'"));
}

/// A browser runs the script only if the policy has its hash, which is
/// `openssl dgst -sha256 -binary script.js | base64`.
#[test]
fn the_policy_has_the_hash_of_this_script() {
    // FNV-1a: it only tells that the script is another one.
    let mark = SCRIPT.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    assert_eq!(
        format!("{mark:016x}"),
        "159f2b02cddd9e7a",
        "give the policy the new script's hash, and this its mark"
    );
}

#[test]
fn strange_numbers_draw_no_nonsense() {
    let point = |at_s, lasts_s, cores| Point {
        at_s,
        lasts_s,
        cpu_cores: cores,
        server: Some(ServerPoint { work_p99_ms: cores, ..ServerPoint::default() }),
        ..Point::default()
    };
    let timelines = [
        vec![point(0.0, 0.0, 0.0)],
        vec![point(0.0, 1.0, f64::NAN), point(1.0, 1.0, f64::INFINITY)],
        vec![point(5.0, 1.0, 1e300), point(90.0, 1.0, 1e-300)],
        (0..5000).map(|at| point(f64::from(at), 1.0, 1.0)).collect(),
    ];
    for timeline in timelines {
        let page = page(&Report { timeline, ..Report::default() });
        check_sound(&page);
        assert!(!page.contains("NaN") && !page.contains("inf"), "what is no number was drawn");
    }
}

fn figure(shape: Shape, values: &[Option<f64>]) -> String {
    let spots = values.iter().enumerate();
    let spots =
        spots.map(|(at, value)| Spot { from: at as f64, to: at as f64 + 1.0, value: *value }).collect();
    let line = Line { name: "line".into(), tone: "t1", shape, spots };
    let ground = Ground {
        until: values.len() as f64,
        name: "time",
        marks: Vec::new(),
        say: |at| at.to_string(),
        stages: Vec::new(),
        doubts: Vec::new(),
    };
    let (id, title, about) = ("id".into(), "Title".into(), "About.".into());
    Plot { id, title, about, unit: Unit::Count, lines: vec![line], limit: None }.figure(&ground)
}

/// The drawings of a figure's line.
fn drawings(figure: &str) -> Vec<&str> {
    let paths = figure.split("<path class=\"t1\" d=\"").skip(1);
    paths.filter_map(|path| path.split('"').next()).collect()
}

#[test]
fn what_is_not_known_is_a_gap() {
    let values = [Some(0.0), Some(10.0), None, Some(10.0)];
    let drawn = figure(Shape::Line, &values);
    assert_eq!(drawings(&drawn), ["M125 150L375 0", "M875 0h0.1"]);
    assert!(drawn.contains("<title>1: line 10</title>") && drawn.contains("<title>2: nothing</title>"));
    let drawn = figure(Shape::Steps, &values);
    assert_eq!(drawings(&drawn), ["M0 150H250V0H500", "M750 0H1000"]);
}

#[test]
fn a_long_line_has_few_points_and_all_peaks() {
    let values: Vec<_> = (0..10_000).map(|at| Some(if at == 7777 { 9.0 } else { 1.0 })).collect();
    let drawn = figure(Shape::Line, &values);
    let drawing = drawings(&drawn)[0];
    assert!(drawing.matches('L').count() < 2000);
    assert_eq!(drawing.matches(" 15").count(), 1, "9 of 10");
    assert!(drawn.matches("<title>").count() <= 120);
}

#[test]
fn nothing_is_said_to_be_nothing() {
    assert!(figure(Shape::Bars, &[Some(0.0), Some(0.0)]).contains("none in the whole run"));
    assert!(figure(Shape::Line, &[None]).contains("nothing was measured"));
}
